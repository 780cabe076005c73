"""`docs/operate/failover.md`, the part *By hand*: its commands as they are printed, under payments.

Two machines with streaming replication, and a ledger's writer that finds the primary by a URL with both hosts.
The primary dies while its standby is behind: it has committed what nobody was told.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from ledger.migrate import migrate
from ledger.postgres import BIN, unprivileged_account
from ledger.verify import verify
from ledger.writer import Writer
from schemas.errors import SwitchError
from tests.cluster.machines import Machine, Network, machines, require
from tests.docs.blocks import ROOT, Block, of_page
from tests.ledger.hosts import PlainHost, pay

PAGE = ROOT / "docs/operate/failover.md"
USER = "pgserver"
ADDRESSES = {"10.0.0.11": "db1", "10.0.0.12": "db2"}
CONFIGURATION = """
listen_addresses = '*'
unix_socket_directories = ''
wal_keep_size = 2GB
shared_buffers = 16MB
fsync = off
wal_sender_timeout = 2s
"""
ALLOWED = "host all all samenet trust\nhost replication all samenet trust\n"


def printed_blocks() -> list[Block]:
    """The blocks of the part, each for the machine that its first line names."""
    found = [block for block in of_page(PAGE) if block.text.startswith("# on db")]
    assert [machine_of(block) for block in found] == ["db1", "db2", "db1", "db1", "db2", "db1", "db2"]
    return found


def machine_of(block: Block) -> str:
    return block.text.splitlines()[0].removeprefix("# on ")


class Administrator:
    """Who follows the page, on both machines."""

    def __init__(self, network: Network, directory: Path) -> None:
        self.network = network
        self.directory = directory
        self.blocks = iter(printed_blocks())

    def on(self, name: str, script: str) -> str:
        machine = self.network[name]
        return machine.run(
            ["sh", "-euc", script], user=USER, timeout=60, cwd="/", env=self._environment(machine)
        )

    def follow(self, count: int) -> list[str]:
        """Run the next blocks; what each prints."""
        return [self._run(next(self.blocks)) for _ in range(count)]

    def _run(self, block: Block) -> str:
        script = block.text
        for printed, name in ADDRESSES.items():
            script = script.replace(printed, self.network[name].address)
        return self.on(machine_of(block), script)

    def _environment(self, machine: Machine) -> dict[str, str]:
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PGDATA": str(self.directory / machine.name),
            "PGHOST": machine.address,
            "PGUSER": "postgres",
            "LC_ALL": "C.UTF-8",
        }


@pytest.fixture
def administrator(data_directory: Path) -> Iterator[Administrator]:
    require()
    os.chown(data_directory, *owner())
    with machines("db1", "db2") as network:
        found = Administrator(network, data_directory)
        data = data_directory / "db1"
        found.on(
            "db1", "initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --data-checksums"
        )
        for file, text in (("postgresql.conf", CONFIGURATION), ("pg_hba.conf", ALLOWED)):
            with (data / file).open("a") as opened:
                opened.write(text)
        found.on("db1", 'pg_ctl start --pgdata="$PGDATA" --log="$PGDATA/server.log" --wait')
        yield found


def owner() -> tuple[int, int]:
    account = unprivileged_account()
    assert account is not None
    return account.uid, account.gid


class Payer:
    """One bank that pays until it is stopped, and remembers what was acknowledged."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.acknowledged: list[UUID] = []
        self.sent: list[UUID] = []

    async def run(self) -> None:
        debtor, creditor = (
            await self.writer.submit(("open", "alpha")),
            await self.writer.submit(("open", "beta")),
        )
        while True:
            id_ = uuid4()
            self.sent.append(id_)
            while id_ not in self.acknowledged[-1:]:
                with contextlib.suppress(SwitchError):  # refused meanwhile: the same payment again
                    await self.writer.submit(("move", id_, pay(debtor, creditor, 1)))
                    self.acknowledged.append(id_)
                await asyncio.sleep(0.02)

    async def until(self, count: int) -> None:
        """Until so many more are acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(60):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0.05)


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_the_manual_failover_loses_nothing_that_was_acknowledged(administrator: Administrator) -> None:
    network = administrator.network
    first, second = (network[name].address for name in ("db1", "db2"))
    await migrate(f"postgresql://postgres@{first}/postgres", ("ledger",))
    await asyncio.to_thread(administrator.follow, 3)

    url = f"postgresql://postgres@{first},{second}/postgres?target_session_attrs=read-write"
    writer = Writer(url, PlainHost(), replicated=True)
    await writer.start()
    payer = Payer(writer)
    paying = asyncio.create_task(payer.run())
    await payer.until(20)

    network["db2"].send(signal.SIGSTOP)
    await asyncio.sleep(0.5)  # the last payment is committed on db1, and waits for db2
    told = len(payer.acknowledged)
    await asyncio.to_thread(network["db1"].lose_power)
    network["db2"].send(signal.SIGCONT)
    assert len(payer.acknowledged) == told
    network.heal()  # it is reachable again, and PostgreSQL does not run

    await asyncio.to_thread(administrator.follow, 2)
    assert len(payer.acknowledged) == told, "without a standby nothing is acknowledged"
    await asyncio.to_thread(administrator.follow, 1)
    await payer.until(20)
    [connected] = await asyncio.to_thread(administrator.follow, 1)
    assert re.search(r"db1 +\| streaming +\| sync\b", connected), connected
    paying.cancel()
    await writer.stop()

    connection = await asyncpg.connect(f"postgresql://postgres@{second}/postgres")
    try:
        there = [row["id"] for row in await connection.fetch("SELECT id FROM ledger.transfer")]
        assert set(payer.acknowledged) <= set(there) <= set(payer.sent)
        assert len(there) == len(set(there))
        assert [result async for result in verify(connection) if not result.ok] == []
    finally:
        await connection.close()
    rewound = await asyncpg.connect(f"postgresql://postgres@{first}/postgres")
    assert await rewound.fetchval("SELECT pg_is_in_recovery()")
    await rewound.close()
