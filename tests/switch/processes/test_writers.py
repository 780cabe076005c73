"""Several writers of one database, over TLS: one works, another takes over.

The writers are processes of their own with addresses of their own on this machine.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
import uuid
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from ledger.roles import Login
from schemas.errors import OutcomeUnknown, Unavailable
from switch.base import lifeline
from switch.base.settings import Settings
from switch.processes import messenger, process, status
from switch.processes.lease import Lease
from switch.writer import addresses
from switch.writer.client import Link
from switch.writer.commands import Command, CommandLeg, Fund, OpenAccount, Ping, Reply
from switch.writer.kinds import Kind
from switch.writer.verdicts import Verdict
from tests.switch.certificates import Authority, Identity

PEERS = {"*.pages.test": ["sandbox"]}
WITHIN_S = 30


@dataclass
class Standby:
    """A writer process that listens on a port of this machine, as the writer or as its standby."""

    address: str
    process: Process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Writers:
    """Writers of one database, with certificates of one authority."""

    def __init__(self, database_url: str, directory: Path) -> None:
        self.authority = Authority(directory)
        self._own = self.authority.certify("localhost", "127.0.0.1")
        self._database = database_url
        self._directory = directory
        self.started: list[Standby] = []

    async def start(self) -> Standby:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"tcp+tls://127.0.0.1:{free.getsockname()[1]}"
        environment = {
            "PAYSWITCH_DATABASE": self._database,
            "PAYSWITCH_DATA": str(self._directory / f"writer-{len(self.started)}"),
            "PAYSWITCH_WRITER_LISTEN": json.dumps([address]),
            "PAYSWITCH_WRITER_PEERS": json.dumps(PEERS),
            "PAYSWITCH_SANDBOX": "true",
            **self._own.settings(),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "switch.processes.writer", env=os.environ | environment
        )
        self.started.append(Standby(address, process))
        return self.started[-1]

    def link(self, identity: Identity, *kinds: Kind, to: Sequence[Standby] | None = None) -> Link:
        settings = Settings(
            writer=tuple(writer.address for writer in to or self.started),
            writer_tls_certificate=identity.certificate,
            writer_tls_key=identity.key,
            writer_tls_ca=identity.authority,
        )
        return Link.of(settings, *kinds)

    @contextlib.asynccontextmanager
    async def pages(self, to: Sequence[Standby] | None = None) -> AsyncIterator[Link]:
        """A process that may send everything, as that of a sandbox may."""
        link = self.link(self.authority.certify("one.pages.test"), Kind.SANDBOX, to=to)
        await link.start()
        try:
            yield link
        finally:
            await link.stop()


@pytest.fixture
async def writers(database_url: str, tmp_path: Path) -> AsyncIterator[Writers]:
    writers = Writers(database_url, tmp_path)
    yield writers
    for writer in writers.started:
        await writer.end()


async def pair(writers: Writers) -> tuple[Standby, Standby]:
    """A writer that works, and its standby."""
    first = await writers.start()
    async with writers.pages():
        pass
    standby = await writers.start()
    place = addresses.parse(standby.address)
    async with asyncio.timeout(WITHIN_S):
        while True:
            with contextlib.suppress(OSError):
                _, stream = await asyncio.open_connection(place.host, place.port)
                break
            await asyncio.sleep(0.05)
    stream.close()
    return first, standby


async def account(link: Link, owner: str, cap: int | None) -> int:
    return (await link.ask(OpenAccount(owner, "INR", "position", cap))).number


async def fund_of(link: Link) -> Fund:
    source, bank = await account(link, "scheme", None), await account(link, "bank", 0)
    return Fund(uuid.uuid4().bytes, b"f", [CommandLeg(source, bank, 1_000, "funding")], "test")


async def again_until(link: Link, command: Command, within_s: float = WITHIN_S) -> Reply:
    """Ask as long as it takes: what is unavailable was not done, and an id is done once."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await link.ask(command)
            except (Unavailable, OutcomeUnknown):
                await asyncio.sleep(0.05)


async def booked(database_url: str, fund: Fund) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM ledger.transfer WHERE id = $1", uuid.UUID(bytes=fund.id)
            )
        )
    finally:
        await connection.close()


async def test_a_writer_that_ends_hands_over_to_its_standby_and_no_command_fails(writers: Writers) -> None:
    first, _ = await pair(writers)
    async with writers.pages() as link:
        fund = await fund_of(link)
        done: list[Verdict] = []

        async def ask_on() -> None:
            while first.process.returncode is None or len(done) < 100:
                one = Fund(uuid.uuid4().bytes, b"f", fund.legs, "test")
                done.append((await link.ask(one)).verdict)

        asking = [asyncio.create_task(ask_on()) for _ in range(20)]
        await asyncio.sleep(0.2)
        first.send(signal.SIGTERM)
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(*asking)

    assert set(done) == {Verdict.CREATED}
    assert await first.process.wait() == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)])
async def test_a_standby_takes_over_from_a_writer_that_is_killed_or_frozen(
    writers: Writers, database_url: str, how: signal.Signals
) -> None:
    """And the frozen one, when it goes on, commits nothing: it ends."""
    first, _ = await pair(writers)
    async with writers.pages() as link, writers.pages(to=[first]) as old:
        fund = await fund_of(link)
        first.send(how)
        stuck = asyncio.create_task(old.ask(fund))
        assert (await again_until(link, Fund(uuid.uuid4().bytes, b"f", fund.legs, "test"))).verdict
        first.send(signal.SIGCONT) if how is signal.SIGSTOP else None
        with pytest.raises((Unavailable, OutcomeUnknown)):
            await stuck
        async with asyncio.timeout(WITHIN_S):
            await first.process.wait()

        assert await booked(database_url, fund) == 0
        assert (await link.ask(fund)).verdict is Verdict.CREATED
    assert await booked(database_url, fund) == 1


async def test_a_writer_whose_lease_ends_with_the_database_takes_it_again(
    writers: Writers, database_url: str
) -> None:
    first = await writers.start()
    async with writers.pages() as link:
        connection = await asyncpg.connect(database_url)
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
        reply = await again_until(link, Ping())

    assert len(ended) >= 3
    assert reply.verdict is Verdict.PONG
    assert first.process.returncode is None


async def test_of_two_processes_of_a_kind_one_works_and_the_other_continues_when_it_ends(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status.STATUS, "state", "starts")
    settings = Settings(database=database_url)
    works: list[str] = []
    ends = {"first": asyncio.Event(), "second": asyncio.Event()}

    async def work(name: str) -> None:
        async with process.only_one(settings, Login.MESSENGER, messenger.LOCK, process.Ending()):
            works.append(name)
            await ends[name].wait()

    async def until(count: int) -> None:
        async with asyncio.timeout(WITHIN_S):
            while len(works) < count:
                await asyncio.sleep(0.02)

    first = asyncio.create_task(work("first"))
    await until(1)
    second = asyncio.create_task(work("second"))
    async with asyncio.timeout(WITHIN_S):
        while status.STATUS.state != "standby":
            await asyncio.sleep(0.02)
    during = list(works)
    ends["first"].set()
    await until(2)
    ends["second"].set()
    await asyncio.gather(first, second)

    assert (during, works) == (["first"], ["first", "second"])


async def test_a_standby_tells_its_supervisor_who_has_the_lease(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started on a copy of the data directory, a switch only said that no API worker responds yet."""
    line, told = lifeline.Reader(), [""]
    monkeypatch.setenv(lifeline.FILE, str(line.writing))
    settings, ending = Settings(database=database_url, data=tmp_path), process.Ending()
    first, second = Lease(settings), Lease(settings)
    assert await first.take(ending)
    standing_by = asyncio.create_task(second.take(ending))

    async def until(text: str) -> None:
        async with asyncio.timeout(WITHIN_S):
            while text not in told[-1]:
                line.read(lambda: None, lambda *_: None, waits=told.append)
                await asyncio.sleep(0.02)

    await until("; this one stands by")
    assert re.fullmatch(
        r"another writer has the lease \(the machine of the database, session \d+ of the database\); .*",
        told[-1],
    )
    first.release()
    assert await standing_by
    await asyncio.sleep(0)
    line.read(lambda: None, lambda *_: None, waits=told.append)
    assert told[-1] == ""
    second.release()
    line.close()
