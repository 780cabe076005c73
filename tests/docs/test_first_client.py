"""The page of a first client, followed in an empty folder: a payment, a verified webhook, tasks of the kit."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.simulation.sandbox import free_port
from switch.clients.python import Client, SigningKey
from tests import npm
from tests.clients.test_distribution import installed
from tests.clients.test_typescript_client import built
from tests.docs.blocks import ROOT, Block, of_page
from tests.docs.test_examples import here, place
from tests.switch.stack import Stack

__all__ = ["built", "installed", "place"]

PAGE = "docs/integrate/first-client.md"
BLOCKS: dict[str, Block] = {block.file: block for block in of_page(ROOT / PAGE)}
HOOKS = "127.0.0.1:9000"
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "jq", "openssl"))), reason="curl, jq and openssl are needed"
)


class Newcomer:
    """Somebody in an empty folder, beside the folder of payswitch."""

    def __init__(self, stack: Stack, folder: Path, payswitch: Path) -> None:
        self.folder = folder
        hooks = f"127.0.0.1:{free_port()}"
        for block in BLOCKS.values():
            if "." in block.file:
                (folder / block.file).write_text(here(stack, block.text).replace(HOOKS, hooks))
                (folder / block.file).write_text(
                    (folder / block.file)
                    .read_text()
                    .replace('"127.0.0.1", 9000', f'"127.0.0.1", {hooks[10:]}')
                )
        self._first = here(stack, BLOCKS[""].text).replace("~/payswitch", str(payswitch))

    def types(self, name: str) -> "subprocess.CompletedProcess[str]":
        """The block of a name, in a terminal in which the first one was typed."""
        script = f"{self._first}\n{BLOCKS[name].text if name else ''}"
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        assert done.returncode == 0, script + done.stdout + done.stderr
        return done


@pytest.fixture
def newcomer(
    stack: Stack, place: Path, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Newcomer:
    """Who has installed the Python client, as the page says, in an environment of their own."""
    folder = tmp_path_factory.mktemp("my-bank")
    program = folder / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={installed} exec {sys.executable} -P "$@"\n')
    program.chmod(0o755)
    return Newcomer(stack, folder, place)


@pytest.fixture
def receiver(newcomer: Newcomer, stack: Stack) -> Iterator["subprocess.Popen[str]"]:
    """The receiver of the page, in a terminal of its own."""
    with subprocess.Popen(
        [".venv/bin/python", "receive.py"], cwd=newcomer.folder, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.terminate()
    hook = newcomer.folder / "hook.json"
    if hook.exists():
        bank = stack.participant("asha-bank")
        with Client(stack.url, key=SigningKey.from_pem(bank["keyid"], bank["private_key"])) as client:
            client.change("DELETE", f"webhooks/{json.loads(hook.read_text())['id']}")


def test_the_first_block_names_the_key_and_the_bank(newcomer: Newcomer) -> None:
    assert newcomer.types("").stdout.split() == ["asha-bank-1", "ASHAINBB"]


def test_the_python_program_pays(newcomer: Newcomer) -> None:
    assert re.search(r"^[0-9a-f-]{36} ACCC ?$", newcomer.types("python").stdout, re.MULTILINE)


def test_a_webhook_is_verified_by_the_client_and_by_openssl(
    newcomer: Newcomer, receiver: "subprocess.Popen[str]"
) -> None:
    newcomer.types("register")
    printed = []
    assert receiver.stdout is not None
    for line in receiver.stdout:
        printed.append(line)
        if "payment.posted" in line:
            break
    verified = newcomer.types("openssl").stdout

    assert printed[0] == "verified 0 webhook.test\n"
    kinds = [line.split()[-1] for line in printed[1:]]
    assert [kind for kind in kinds if kind.startswith("payment.")] == [
        "payment.reserved", "payment.sent", "payment.posted",
    ]  # fmt: skip
    assert "Signature Verified Successfully" in verified
    assert re.search(r"^[A-Za-z0-9+/]{43}=$", verified, re.MULTILINE)


@pytest.mark.long
def test_the_driver_does_its_tasks(newcomer: Newcomer) -> None:
    """Some scenarios of the groups that a certificate needs; all of them: see the closing of the page."""
    conform = BLOCKS["conform"].text.replace(
        "--quick", "--only REF-AC04 --only SWR-QUOTE --only IDM-RESTART --only RTN --only RCL --json"
    )
    BLOCKS["short"] = Block(PAGE, 0, "sh", "short", f"({conform.rstrip()}) || true\n")
    done = newcomer.types("short")

    record = json.loads(done.stdout[done.stdout.index("{") :])
    verdicts = {result["scenario"]: result["verdict"] for result in record["results"]}
    assert set(verdicts.values()) == {"passed"}, done.stdout + done.stderr
    assert {"REF-AC04", "IDM-RESTART", "RTN-OUT", "RCL-AGREED"} <= verdicts.keys()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_typescript_program_pays(newcomer: Newcomer, built: Path) -> None:
    tools = npm.modules(npm.TYPESCRIPT, npm.TYPES_OF_NODE)
    modules = newcomer.folder / "node_modules"
    modules.mkdir()
    for name in ("typescript", "@types", ".bin"):
        (modules / name).symlink_to(tools / name)
    (modules / "@payswitch").mkdir()
    (modules / "@payswitch" / "client").symlink_to(built)
    (newcomer.folder / "package.json").write_text('{"type": "module"}')

    assert re.search(r"^[0-9a-f-]{36} ACCC ?$", newcomer.types("typescript").stdout, re.MULTILINE)
