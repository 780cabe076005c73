"""docs/operate/screening.md, typed as it is printed: an operator sets lists in force, officers decide."""

import asyncio
import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from switch.cli import application
from tests.docs.blocks import blocks
from tests.switch.screening.engine_server import EngineServer, in_thread
from tests.switch.screening.holds import decide, paying, uetr_of, until
from tests.switch.screening.test_holds import case_of
from tests.switch.screening.test_list_files import UN
from tests.switch.stack import Stack

PAGE = "docs/operate/screening.md"
LISTED = "Olek TESTOFF"
NATIONAL = "id,kind,name\nN-1,person,Olek Testoff\n"


@pytest.fixture
def at_the_files(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    monkeypatch.setenv("PAYSWITCH_PORT", str(stack.settings.port))
    monkeypatch.setenv("PAYSWITCH_RAILS", json.dumps(stack.settings.rails))
    monkeypatch.setenv("PAYSWITCH_SCREENING_ENGINE_NETWORKS", '["127.0.0.0/8"]')
    monkeypatch.chdir(tmp_path)
    (tmp_path / "un.xml").write_text(UN.replace("OLEG", "Ivarr").replace("TESTOV", "Quillfeather"))
    (tmp_path / "national.csv").write_text(NATIONAL)
    yield
    asyncio.run(decide(stack, "screening.lists", {"lists": []}))
    asyncio.run(decide(stack, "screening.engine", {"form": "none"}))
    asyncio.run(decide(stack, "screening.officers", {"participant": "*", "decided_by": "operators"}))


def held(stack: Stack) -> str:
    """Pay a listed person until a payment is held: the lists are in force a moment after the approval."""

    async def pay() -> str:
        async with stack.client("asha-bank") as client:

            async def one() -> str | None:
                document = paying(stack, creditor=LISTED)
                state = await client.pay(document, wait=0)
                return uetr_of(document) if state.status == "PDNG" else None

            return str(await until(one))

    return asyncio.run(pay())


@pytest.fixture
def engine() -> Iterator[str]:
    """The address of an engine with the form of Watchman."""
    with in_thread(EngineServer({"Oleg Testov": "6366"})) as thread:
        yield thread.server.url


@pytest.mark.long
def test_the_page_can_be_typed(stack: Stack, at_the_files: None, engine: str) -> None:
    typeable = [line for block in blocks() if block.page == PAGE for line in block.commands()]
    lines = [line for line in typeable if line.startswith("payswitch ")]  # not the JSON of an engine
    asyncio.run(add_officers(stack))
    names = {
        "olga": "operator",
        "chen": "checker",
        "lena": "officer",
        "ravi": "second-officer",
        "2027-11-30": str(datetime.now(UTC).date() + timedelta(days=300)),
    }
    numbers: list[str] = []
    uetrs: dict[str, str] = {}
    requested = ""
    typed = 0
    for line in lines:
        words = shlex.split(line)[1:]
        match words[:2]:
            case ["screening", "use"]:
                words[2:4] = numbers
            case ["screening", "goaml"]:
                words[2] = str(asyncio.run(case_of(stack, held(stack))))
            case ["change", "approve"]:
                words[2] = requested
            case ["screening", "try-engine" | "engine"]:
                words = [engine if word == "https://watchman.bank.example" else word for word in words]
            case ["screening", "hits" | "release" | "refuse" | "clear"]:
                uetrs.setdefault(words[2], held(stack))
                words[2] = uetrs[words[2]]
        words = [names.get(word, word) for word in words]
        done = CliRunner().invoke(application([words[0]]), words, input="y\n")
        found = words[:2] == ["screening", "search"]  # 1: there are hits
        assert done.exit_code in ({0, 1} if found else {0}), (line, done.output, done.exception)
        typed += 1
        if words[1] == "try-engine":
            assert json.loads(done.stdout)["entry"] == "us_ofac:6366"
        if words[0] == "screening" and words[1] in {"add", "use", "release", "refuse", "clear", "engine"}:
            number = str(json.loads(done.stdout)["number"])
            if words[1] == "add":
                numbers.append(number)
            requested = number
        approve_officers(words, done.stdout)
    ends = [asyncio.run(final(stack, uetr)) for uetr in uetrs.values()]

    assert typed == len(lines) >= 12
    assert ends == ["ACCC", "RJCT", "ACCC"]


def approve_officers(words: list[str], printed: str) -> None:
    """Approve what the page leaves to the reader: that officers of the operator decide from here on."""
    if words[:3] == ["screening", "officers", "*"]:
        vote = [
            "change",
            "approve",
            str(json.loads(printed)["number"]),
            "--as",
            "checker",
            "--reason",
            "agreed",
        ]
        done = CliRunner().invoke(application(["change"]), vote, input="y\n")
        assert done.exit_code == 0, done.output


async def add_officers(stack: Stack) -> None:
    """Two officers of Asha Bank: the setting that names its own asks for two."""
    connection = await stack.connect()
    try:
        await connection.execute(
            "INSERT INTO switch.person (name, display_name, role, scope, status) SELECT name, name, 'officer',"
            " 'asha-bank', 'active' FROM unnest($1::text[]) AS t (name) ON CONFLICT DO NOTHING",
            ["asha-officer", "asha-second"],
        )
    finally:
        await connection.close()


async def final(stack: Stack, uetr: str) -> str:
    async with stack.client("asha-bank") as client:
        return (await client.wait(uetr, within_s=60)).status
