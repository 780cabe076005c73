"""A TypeScript client of openapi-typescript and openapi-fetch: it compiles in strict mode, and works on a sandbox."""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

import switch.clients as home
from tests import npm
from tests.switch.stack import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
OURS = Path(__file__).parent / "generated"
CLIENT = Path(home.__file__).parent / "typescript" / "src"
USED = ("signing.ts", "webhooks.ts")
WITHIN_S = 600


def run(folder: Path, *words: str | Path) -> str:
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=WITHIN_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the compiled program."""
    tools = npm.programs(npm.OPENAPI_TYPESCRIPT, npm.TYPESCRIPT, npm.OPENAPI_FETCH, npm.TYPES_OF_NODE)
    folder = tmp_path_factory.mktemp("generated")
    (folder / "src" / "client").mkdir(parents=True)
    (folder / "node_modules").symlink_to(tools.parent)
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(OURS / "tsconfig.json", folder)
    shutil.copy(OURS / "pay.ts", folder / "src")
    for name in USED:
        shutil.copy(CLIENT / name, folder / "src" / "client")
    with urllib.request.urlopen(f"{stack.url}/openapi.json", timeout=60) as answer:
        (folder / "openapi.json").write_bytes(answer.read())
    run(folder, tools / "openapi-typescript", "openapi.json", "-o", "src/description.ts")
    (folder / "src" / "client" / "description.ts").write_text('export * from "../description.js";\n')
    run(folder, tools / "tsc")
    return folder


def test_it_pays_pages_events_and_verifies_a_webhook(built: Path, stack: Stack) -> None:
    bank = stack.participant("asha-bank")
    plan = {
        **{name: bank[name] for name in ("keyid", "private_key")},
        "url": stack.url,
        "document": stack.document("asha-bank", "indus-bank"),
    }
    seen = json.loads(run(built, "node", "--no-warnings", "dist/pay.js", json.dumps(plan)))

    assert seen.pop("pages") >= 2
    assert seen == {
        "state": "COMMITTED",
        "currency": "INR",
        "types": ["payment.reserved", "payment.sent", "payment.posted"],
        "delivery": "webhook.test",
        "unknown": "/docs/problems#not-found",
    }
