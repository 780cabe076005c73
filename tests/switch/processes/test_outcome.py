"""What a command came to whose writer is killed: `Unavailable` is "nothing was done", or it is not known.

The writer is a process of its own, behind a socket of ours that kills it when the command comes in, or when
its reply comes out: before and after the commit.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import Request

from schemas.errors import RESEND, OutcomeUnknown, Unavailable
from switch.api import problems
from switch.base.settings import Settings
from switch.cli.explanations import FAILED, explain
from switch.writer import client
from switch.writer.client import Link
from switch.writer.commands import CommandLeg, Fund, OpenAccount, Ping
from switch.writer.verdicts import Verdict


class WriterProcess:
    """The writer of a database, to be killed and started again."""

    def __init__(self, database_url: str, data: Path) -> None:
        self._environment = {
            "PAYSWITCH_DATABASE": database_url,
            "PAYSWITCH_DATA": str(data),
            "PAYSWITCH_SANDBOX": "true",
        }
        self.socket = Settings(database=database_url, data=data).writer_socket
        self._process: Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "switch.processes.writer", env=os.environ | self._environment
        )

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@pytest.fixture
async def writer(database_url: str, tmp_path: Path) -> AsyncIterator[WriterProcess]:
    writer = WriterProcess(database_url, tmp_path)
    await writer.start()
    yield writer
    await writer.kill()


@contextlib.asynccontextmanager
async def linked(socket: Path) -> AsyncIterator[Link]:
    link = Link(socket)
    await link.start()
    try:
        yield link
    finally:
        await link.stop()


@contextlib.asynccontextmanager
async def fatal(writer: WriterProcess, socket: Path, *, after: bool) -> AsyncIterator[Link]:
    """A link whose first command is the writer's last: it is killed before it gets it, or once it replied."""

    async def meet(reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        server.close()  # who comes again finds nobody
        replies, commands = await asyncio.open_unix_connection(str(writer.socket))
        commands.write(await reader.read(1 << 16))  # the greetings
        client.write(await replies.read(1 << 16))
        command = await reader.read(1 << 16)
        if after:
            commands.write(command)
            await replies.read(1)
        await writer.kill()
        for stream in (commands, client):
            stream.close()
            await stream.wait_closed()

    server = await asyncio.start_unix_server(meet, str(socket))
    try:
        async with linked(socket) as link:
            yield link
    finally:
        server.close()
        await server.wait_closed()


async def funding(writer: WriterProcess) -> Fund:
    async with linked(writer.socket) as link:
        scheme, bank = [
            (await link.ask(OpenAccount(owner, "INR", "position", cap))).number
            for owner, cap in (("scheme", None), ("bank", 0))
        ]
    return Fund(uuid.uuid4().bytes, b"f", [CommandLeg(scheme, bank, 1_000, "funding")], "test")


async def asked_again(writer: WriterProcess, command: Fund) -> Verdict:
    await writer.start()
    async with linked(writer.socket) as link:
        return (await link.ask(command)).verdict


@pytest.mark.parametrize(
    ("after", "then"), [pytest.param(False, Verdict.CREATED, marks=pytest.mark.long), (True, Verdict.EXISTS)]
)
async def test_a_killed_writer_leaves_an_unknown_outcome_that_the_same_command_learns(
    writer: WriterProcess, tmp_path: Path, *, after: bool, then: Verdict
) -> None:
    command = await funding(writer)

    async with fatal(writer, tmp_path / "s", after=after) as link:
        with pytest.raises(OutcomeUnknown):
            await link.ask(command)

    assert await asked_again(writer, command) is then


@pytest.mark.long
async def test_a_writer_that_is_away_did_nothing(writer: WriterProcess) -> None:
    command = await funding(writer)
    async with linked(writer.socket) as link:
        await writer.kill()
        async with asyncio.timeout(10):
            while link.connected:
                await asyncio.sleep(0.01)
        with pytest.raises(Unavailable):
            await link.ask(command)

    assert await asked_again(writer, command) is Verdict.CREATED


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/payments", "unavailable"),
        ("POST", "/v1/changes", "outcome-unknown"),
        ("POST", "/v1/iso20022/pacs.008", "outcome-unknown"),
    ],
)
async def test_a_database_that_goes_away_meanwhile_leaves_the_outcome_of_what_writes_unknown(
    method: str, path: str, name: str
) -> None:
    """A read said that it may have been decided, and no type told that from what was never begun."""
    scope = {"type": "http", "method": method, "headers": [], "query_string": b"", "path": path}
    told = await problems.on_defect(Request(scope), OSError())
    body = json.loads(told.body)

    assert (told.status_code, told.headers["Retry-After"], body["retryable"]) == (503, "1", True)
    assert body["type"] == f"/docs/problems#{name}"
    assert (body["detail"] == RESEND) == path.startswith("/v1/iso20022/")


def test_the_catalogue_of_problems_has_both_with_their_rules() -> None:
    page = bytes(problems.catalogue(Request({"type": "http"})).body).decode()
    rows = {part.split('"')[0]: part for part in page.split('<section id="')[1:]}

    assert "<dd>yes</dd>" in rows["unavailable"]
    assert "<dd>the same request only</dd>" in rows["outcome-unknown"]
    assert "books-frozen" in rows


def test_a_command_with_an_unknown_outcome_does_not_claim_that_nothing_was_done() -> None:
    text, code = explain(OutcomeUnknown())

    assert "it may have been done" in text
    assert code == FAILED


async def test_commands_of_a_writer_that_stopped_are_given_up_in_turn_and_the_link_goes_on(
    writer: WriterProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One timer serves all requests of a connection: the later one waits as long as the first."""
    monkeypatch.setattr(client, "_ANSWER_WITHIN_S", 0.5)
    loop = asyncio.get_running_loop()

    async def waited(link: Link) -> float:
        began = loop.time()
        with pytest.raises(OutcomeUnknown):
            await link.ask(Ping())
        return loop.time() - began

    async with linked(writer.socket) as link:
        assert (await link.ask(Ping())).verdict is Verdict.PONG
        writer.signal(signal.SIGSTOP)
        first = asyncio.create_task(waited(link))
        await asyncio.sleep(0.3)
        second = asyncio.create_task(waited(link))
        dropped = asyncio.create_task(link.ask(Ping()))
        await asyncio.sleep(0.1)
        dropped.cancel()
        times = await asyncio.gather(first, second)
        writer.signal(signal.SIGCONT)
        again = await link.ask(Ping())

    assert all(0.4 < time < 5 for time in times)
    assert dropped.cancelled()
    assert again.verdict is Verdict.PONG
