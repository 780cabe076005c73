"""A Python client that openapi-python-client generates: it is complete, has strict types, and works on a sandbox."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

import switch.clients.python as beside
from tests.description import python
from tests.switch.stack import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
OURS = Path(__file__).parent / "generated"
NOT_GENERATED = {"POST /v1/audit/checkpoints/{size}/cosignatures", "POST /v1/payment-files"}
"""Their bodies are a line of text and a file of XML alone, which the generator does not know."""
WITHIN_S = 600


@pytest.fixture(scope="module")
def tools() -> Path:
    return python.programs(python.GENERATOR, python.MYPY, python.RUFF, *python.OF_CLIENT)


@pytest.fixture(scope="module")
def made(stack: Stack, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that has the generated client beside that of the tree, and what the generator said."""
    folder = tmp_path_factory.mktemp("generated")
    shutil.copytree(Path(beside.__file__).parent, folder / "payswitch_client")
    for name in ("pay.py", "mypy.ini"):
        shutil.copy(OURS / name, folder)
    command = ["generate", "--url", f"{stack.url}/openapi.json", "--meta", "none"]
    said = run(tools, folder, "openapi-python-client", *command, "--output-path", "generated")
    return folder, said


def run(tools: Path, folder: Path, program: str, *words: str) -> str:
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
    done = subprocess.run(
        [tools / program, *words],
        cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=WITHIN_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def test_every_operation_and_message_is_generated(made: tuple[Path, str], stack: Stack) -> None:
    folder, said = made
    left_out = re.findall(r"parsing (\S+ \S+) within \S+ Endpoint will not be generated", said)

    assert {*left_out} == NOT_GENERATED, said
    assert len([*folder.glob("generated/api/*/[a-z]*.py")]) == operations(stack) - len(left_out)


def operations(stack: Stack) -> int:
    with urllib.request.urlopen(f"{stack.url}/openapi.json", timeout=60) as answer:
        return sum(len(methods) for methods in json.load(answer)["paths"].values())


def test_it_has_strict_types_and_so_has_what_a_bank_writes_on_it(made: tuple[Path, str], tools: Path) -> None:
    assert "Success" in run(tools, made[0], "mypy", "generated", "pay.py")


def test_it_pays_pages_events_and_verifies_a_webhook(
    made: tuple[Path, str], tools: Path, stack: Stack
) -> None:
    bank = stack.participant("asha-bank")
    plan = {
        **{name: bank[name] for name in ("keyid", "private_key")},
        "url": stack.url,
        "document": stack.document("asha-bank", "indus-bank"),
    }
    seen = json.loads(run(tools, made[0], "python", "pay.py", json.dumps(plan)))

    assert seen.pop("pages") >= 2
    seen["types"] = [kind for kind in seen["types"] if kind != "payment.in_doubt"]  # on a slow machine
    assert seen == {
        "state": "COMMITTED",
        "currency": "INR",
        "types": ["payment.reserved", "payment.sent", "payment.posted"],
        "delivery": "webhook.test",
        "unknown": "/docs/problems#not-found",
    }
