"""docs/regulate/witnesses.md and docs/operate/witnesses.md, typed line by line on the tests' switch."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.simulation.sandbox import free_port
from switch.operations import housekeeping
from tests.docs.blocks import ROOT, Block, blocks
from tests.switch.certificates import Authority
from tests.switch.stack import Stack
from tests.switch.webhooks.test_webhook_keys import change
from tests.switch.witness.test_witnessing import get, publish, registered, until_cosigned

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COMMAND = (sys.executable, "-m", "switch.cli")


def of(page: str) -> list[Block]:
    return [block for block in blocks() if block.page == page and block.language == "sh"]


class TypedLines:
    """The lines of a page, with the names of this switch."""

    def __init__(self, page: str, place: Path, names: dict[str, str]) -> None:
        self.left = [line for block in of(page) for line in block.commands()]
        self.place = place
        self.names = names
        self.running: list[subprocess.Popen[bytes]] = []

    def words(self, start: str) -> list[str]:
        """The next line, which begins so."""
        line = self.left.pop(0)
        assert line.startswith(start), line
        for name, here in self.names.items():
            line = line.replace(name, here)
        line, _, output = line.partition(" > ")
        words = shlex.split(line)
        return (
            ["sh", "-c", f"{shlex.join(self._program(words))} > {output}"] if output else self._program(words)
        )

    @staticmethod
    def _program(words: list[str]) -> list[str]:
        return [*COMMAND, *words[1:]] if words[0] == "payswitch" else words

    def type(self, start: str, *, code: int = 0) -> str:
        words = self.words(start)
        done = subprocess.run(
            words, cwd=self.place, capture_output=True, text=True, timeout=120, check=False,
            env=ENVIRONMENT,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    def start(self, start: str) -> None:
        """Type a line that runs until it is ended."""
        self.running.append(
            subprocess.Popen(
                self.words(start),
                cwd=self.place,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
            )
        )

    def end(self) -> None:
        while self.running:
            process = self.running.pop()
            process.kill()
            process.wait(10)


@pytest.fixture
def names(stack: Stack, tmp_path: Path) -> dict[str, str]:
    keys = housekeeping.verifier_lines(stack.settings)
    made = Authority(tmp_path).certify("localhost")
    return {
        "/var/lib/witness": str(tmp_path / "w"),
        "witness.nationalbank.example": f"{uuid.uuid4()}.test",
        '"LOG-KEY"': " ".join(f'"{key}"' for key in keys),
        '"NEW-LOG-KEY"': f'"{keys[-1]}"',
        "https://payswitch.example": stack.url,
        "0.0.0.0:8600": f"127.0.0.1:{free_port()}",
        "witness.crt": str(made.certificate),
        "witness.key": str(made.key),
        "--every 60": "--every 1",
    }


@pytest.fixture
def typed(tmp_path: Path, names: dict[str, str]) -> Iterator[TypedLines]:
    page = TypedLines("docs/regulate/witnesses.md", tmp_path, names)
    yield page
    page.end()


@pytest.mark.long
async def test_the_page_for_central_banks(stack: Stack, typed: TypedLines, tmp_path: Path) -> None:
    key = typed.type("payswitch witness init").strip()
    name = key.split("+")[0]
    async with registered(stack, key):
        typed.start("payswitch witness serve")
        typed.start("payswitch witness pull")
        size = (await publish(stack))["size"]
        await until_cosigned(stack, name, size)
        typed.end()

        published = await publish(stack)
        typed.names |= {"FROM": str(size), "=TO": f"={published['size']}", "/TO/": f"/{published['size']}/"}
        await asyncio.to_thread(typed.type, "curl -sS")
        line = tmp_path / "cosignature.txt"
        assert (typed.type("payswitch witness check"), line.read_text()[0]) == ("", "\u2014")
        await asyncio.to_thread(typed.type, "curl -sS --data-binary")
        await until_cosigned(stack, name, published["size"])
        assert key in typed.type("payswitch witness show")
        typed.type("payswitch witness trust")
        words = [*typed.words("payswitch verify"), "--data", str(stack.settings.data)]
        found = await asyncio.to_thread(
            subprocess.run, words, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )

    checks: dict[str, Any] = {each["check"]: each for each in json.loads(found.stdout)["checks"]}
    assert typed.left == []
    assert checks["audit"]["ok"]
    assert checks[f"witness {name}"]["ok"]
    assert f"{name} up to event" in checks["witnesses"]["detail"]


@pytest.mark.long
async def test_the_page_for_operators(
    stack: Stack, names: dict[str, str], typed: TypedLines, tmp_path: Path
) -> None:
    """People request and approve over the API, as the commands do; each content is the one on the page."""
    key = typed.type("payswitch witness init").strip()
    (tmp_path / "state.json").write_bytes((tmp_path / "w" / "state.json").read_bytes())
    page = TypedLines(
        "docs/operate/witnesses.md",
        tmp_path,
        {**names, "WITNESS-KEY": key, "http://127.0.0.1:8320": stack.url},
    )
    for last in (False, True):
        kind, content = page.words("payswitch change request")[5:7]
        status, done = await change(stack, kind, json.loads(content))
        assert (status, done["state"]) == (201, "executed")
        page.words("payswitch change approve")
        if not last:
            shown = json.loads(await asyncio.to_thread(page.type, "curl -s"))
            assert key in {each["key"] for each in shown}
    assert key not in {each["key"] for each in (await get(stack, "witnesses"))[1]}
    words = [*page.words("payswitch verify"), "--data", str(stack.settings.data)]
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    checks = {each["check"]: each["ok"] for each in json.loads(done.stdout)["checks"]}
    assert checks[f"witness {key.split('+')[0]}"]
    assert page.left == []
