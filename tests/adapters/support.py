"""What the tests of adapters share: orders, and simulated rails as processes of their own."""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import aiohttp
from aiohttp import web

from adapters import registry
from adapters.port import Answer, Connection, Order, RailAdapter
from adapters.simulation import book, sandbox
from adapters.simulation.magic import magic_account
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.payment import Account, Agent, CreditTransfer, Party

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PAYSWITCH_SHARED", ROOT.parent / "shared"))
CURRENCIES = {"IN": "INR", "PK": "PKR", "KZ": "KZT", "BY": "BYN", "KG": "KGS"}
CREDITOR_BICS = {"PK": "SANDPKKA", "KZ": "SANDKZKA", "BY": "SANDBY2X", "KG": "SANDKG22"}


def order(
    country: str,
    account: str | None = None,
    *,
    uetr: str | None = None,
    minor: int = 150000,
    serial: int = 1,
    made_at: datetime | None = None,
    expires_in: float = 60.0,
    **changes: object,
) -> Order:
    """An order for a simulated rail; `changes` replace fields of the payment."""
    made_at = made_at or datetime.now(UTC).replace(microsecond=0)
    money = Money(minor, CURRENCIES[country])
    fields = {
        "uetr": uetr or str(uuid4()),
        "message_id": "M1",
        "created_at": made_at,
        "end_to_end_id": "E2E-1",
        "interbank_settlement_amount": Money(50000, "RUB"),
        "charge_bearer": "SLEV",
        "debtor": Party(name="IVAN IVANOV", country="RU"),
        "debtor_account": Account(other="40817810700000000001"),
        "debtor_agent": Agent(bic="SABRRUMM"),
        "creditor_agent": Agent(bic=CREDITOR_BICS.get(country), member_id="OKBK0000001"),
        "creditor": Party(name="Asha Rao", country=country),
        "creditor_account": account_of(country, account or magic_account(country, "")),
        "purpose": "FAMI",
        "remittance": "for the family",
        **changes,
    }
    payment = CreditTransfer.model_validate(fields)
    return Order(payment, money, serial, made_at, made_at + timedelta(seconds=expires_in))


def account_of(country: str, text: str) -> Account:
    if "@" in text:
        return Account(proxy=text)
    return Account(other=text) if country in {"IN", "KG"} else Account(iban=text)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Rail:
    """A simulated rail that runs, an adapter for it, and what came by callback."""

    country: str
    directory: Path
    port: int
    connection: Connection
    adapter: RailAdapter
    command: list[str]
    process: subprocess.Popen[bytes]
    raw: list[bytes] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    times: list[float] = field(default_factory=list)

    def entries(self) -> list[book.Entry]:
        return list(book.read(self.directory / book.FILE_NAME))

    def credits(self, ref: str) -> int:
        return sum(entry.outcome is book.Kept.DONE for entry in self.entries() if entry.rail_ref == ref)

    async def callback(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.raw.append(raw)
        self.times.append(asyncio.get_running_loop().time())
        try:
            self.answers.extend(self.adapter.decode(raw))
            acknowledgement = self.adapter.acknowledge(raw)
        except (InvalidMessage, NotAuthentic) as error:
            self.broken.append(error)
            return web.Response(status=error.status)
        finally:
            self.arrived.set()
        return web.Response(body=acknowledgement.body, content_type=acknowledgement.content_type)

    async def answer(self, count: int = 1, timeout: float = 10.0) -> list[Answer]:
        """Wait until `count` answers have come by callback."""
        async with asyncio.timeout(timeout):
            while len(self.answers) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.answers

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        """Bytes of the test's own to the rail."""
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
            session.post(self.connection.base_url + path, data=body, headers=headers) as response,
        ):
            return response.status, await response.read()

    async def fault(self, word: str, count: int = 1) -> None:
        status, _ = await self.post("/faults", b'{"word": "%s", "count": %d}' % (word.encode(), count))
        assert status == 204

    async def kill(self) -> None:
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def start(self) -> None:
        self.process = subprocess.Popen(self.command, cwd=ROOT)
        await self.ready()

    async def ready(self) -> None:
        async with asyncio.timeout(30):
            while not await self.adapter.probe():
                assert self.process.poll() is None, "the simulator ended"
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(
    directory: Path, country: str, *, time_scale: float = 0.02, latency_s: float = 0.0
) -> AsyncIterator[Rail]:
    """A simulated rail in a process, with our callback address served by this test."""
    port, callback_port = free_port(), free_port()
    connection, command = sandbox.prepare(
        directory,
        country,
        port=port,
        callback_url=f"http://127.0.0.1:{callback_port}/callback",
        time_scale=time_scale,
        latency_s=latency_s,
    )
    # The exchange's own time-outs are not what most tests are about, and this machine may be busy.
    adapter = registry.load(country, connection)
    rail = Rail(country, directory, port, connection, adapter, command, subprocess.Popen(command, cwd=ROOT))
    application = web.Application()
    application.router.add_post("/callback", rail.callback)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", callback_port).start()
        await rail.ready()
        yield rail
    finally:
        await adapter.close()
        await rail.kill()
        await runner.cleanup()
