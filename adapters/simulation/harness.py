"""Starts, drives and stops a simulated rail, for the conformance kit and for tests.

`running` starts the process of the rail and a small server for its callbacks. `SimulatedRail` holds both, the
adapter that is connected to the rail, and everything that was received.
"""

import asyncio
import itertools
import json
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
from aiohttp import web

from adapters import called, registry
from adapters.originating import (
    InboundRequest,
    OrderVerdict,
    OriginatingAdapter,
    PayeeQuery,
    PayeeVerdict,
    ServingAdapter,
)
from adapters.port import (
    Acknowledgement,
    Answer,
    ListeningAdapter,
    Order,
    Outcome,
    RailAdapter,
    RailConnection,
)
from adapters.simulation import debit_book, sandbox, tcp
from adapters.simulation.book import FILE_NAME, BookEntry, EntryStatus, read
from adapters.simulation.debit_book import DebitEntry
from adapters.simulation.magic import magic_account
from adapters.simulation.payers import LIFETIME, OrderMessages, PaymentAbroad
from adapters.simulation.server import Callbacks, SimulatorSettings
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.payment import Agent as BankAgent
from schemas.payment import CreditTransfer, Party, PartyAccount

READY_S: Final = 120.0
ANSWER_WAIT_S: Final = 120.0
"""The longest time for a response of the rail on a busy machine."""
LIFETIME_S: Final = 3600.0
"""Lifetime of orders in tests that are not about expiry: longer than any busy machine needs."""
FIRST: Final = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
"""The instant of verdicts that no check has set."""
_ACCEPTED: Final = 202
_CALLBACK: Final = "/callback"
_EVERY_S: Final = 0.05
_serials = itertools.count(1)


def sample_order(country: str, word: str = "", **changes: object) -> Order:
    """An order that a country's simulated rail can carry, to the account of a magic word.

    `changes` replace fields of the payment, or `minor`, `serial`, `made_at` and `expires_in` (seconds).
    """
    made_at = changes.pop("made_at", None) or datetime.now(UTC)
    assert isinstance(made_at, datetime)
    made_at = made_at.replace(microsecond=made_at.microsecond // 1000 * 1000)
    minor, serial = changes.pop("minor", 150000), changes.pop("serial", None) or next(_serials)
    expires_in = changes.pop("expires_in", LIFETIME_S)
    assert isinstance(minor, int)
    assert isinstance(serial, int)
    assert isinstance(expires_in, int | float)
    place = registry.module(country, "sandbox")
    fields: dict[str, Any] = {
        "uetr": str(uuid4()),
        "message_id": "M1",
        "created_at": made_at,
        "end_to_end_id": "E2E-1",
        "interbank_settlement_amount": Money(50000, "RUB"),
        "charge_bearer": "SLEV",
        "debtor": Party(name="Ivan Ivanov", country="RU"),
        "debtor_account": PartyAccount(other="40817810700000000001"),
        "debtor_agent": BankAgent(bic="SABRRUMM" if country != "RU" else "KYRSKG22"),
        "creditor_agent": place.CREDITOR_AGENT,
        "creditor": Party(name="Asha Rao", country=country),
        "creditor_account": place.account(word),
        "purpose": "FAMI",
        "remittance": "for the family",
    }
    payment = CreditTransfer(**{**fields, **changes})
    amount = Money(minor, registry.profile(country).currency)
    return Order(payment, amount, serial, made_at, made_at + timedelta(seconds=expires_in))


def sample_wish(country: str, **changes: object) -> PaymentAbroad:
    """A payment abroad that a customer of a country's rail can order; `changes` replace fields of it."""
    abroad, now = _abroad(country), datetime.now(UTC).replace(microsecond=0)
    profile, (bank, *_) = registry.profile(country), registry.country(abroad).banks
    agent: BankAgent = registry.module(abroad, "sandbox").CREDITOR_AGENT
    step = profile.limits.step_minor
    wish = PaymentAbroad(
        amount=Money(125_000 // step * step, profile.currency),
        bank=bank.bic,
        member=agent.member_id or "",
        account=magic_account(abroad, ""),
        payee="Asha Rao",
        made_at=now,
        expires_at=now + LIFETIME,
    )
    return replace(wish, **changes)  # type: ignore[arg-type]


def order_messages(country: str, directory: Path) -> OrderMessages:
    """What a simulated rail writes when its customers pay abroad, without its process.

    `directory` is that of `sandbox.prepare`; nothing is written there.
    """
    rail_key, ours = ((directory / name).read_bytes() for name in ("rail.key", "participant.pub"))
    identity = json.loads((directory / "connection.json").read_text())["identity"]
    with tempfile.TemporaryDirectory(prefix="payswitch-") as data:
        settings = SimulatorSettings(country, 1, Path(data), "", rail_key, ours, identity)
        simulator = registry.module(country, "simulator").simulator(settings, Callbacks("", None, 1.0))
        simulator.payers.book.close()
        simulator.processor.book.close()
    messages: OrderMessages = simulator.payers.messages
    return messages


@dataclass(slots=True)
class SimulatedRail:
    """A running simulated rail, an adapter for it, and the answers that came by callback."""

    country: str
    directory: Path
    connection: RailConnection
    adapter: RailAdapter
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    answers: list[Answer] = field(default_factory=list)
    unreadable: list[Exception] = field(default_factory=list)
    """The errors with which unreadable callbacks were refused."""
    raw: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[tuple[InboundRequest, bytes]] = field(default_factory=list)
    """What the rail has asked of us, if it originates payments."""
    verdict: OrderVerdict = field(default_factory=lambda: OrderVerdict(Outcome.PENDING, FIRST))
    """What it is answered about orders, status queries and reversals."""
    payee: PayeeVerdict = field(default_factory=lambda: PayeeVerdict(FIRST))
    """What it is answered about payees."""

    def load(self, connection: RailConnection) -> RailAdapter:
        """Another adapter for this rail."""
        return registry.load(self.country, connection)

    def hear(self, adapter: RailAdapter) -> None:
        """Take what the rail sends on an adapter's own connections, if it has any."""
        if isinstance(adapter, ListeningAdapter):
            adapter.listen(self._receive_message)
        if isinstance(adapter, ServingAdapter):
            adapter.serve(self._serve_request)

    def debit(self, ref: str) -> DebitEntry:
        """The payment abroad of this id, as its payer's bank has it now."""
        return debit_book.last_states(self.directory / debit_book.FILE_NAME)[ref]

    async def originate(self, amount: str, *, word: str = "", behaviour: str = "") -> str:
        """Have a customer of the rail pay abroad; return the UETR."""
        wish = {"creditor_country": _abroad(self.country), "amount": amount, "word": word, "via": "rail"}
        body = json.dumps({**wish, "behaviour": behaviour}).encode()
        status, content = await self.control("POST", "/originate", body)
        if status != _ACCEPTED:
            raise RuntimeError(f"the rail orders nothing: {content.decode()}")
        (uetr,) = json.loads(content)["uetrs"]
        return str(uetr)

    def entries(self) -> list[BookEntry]:
        """The rail's book."""
        return list(read(self.directory / FILE_NAME))

    def credits(self, ref: str) -> int:
        """How often the rail credited an order."""
        return sum(entry.outcome is EntryStatus.DONE for entry in self.entries() if entry.rail_ref == ref)

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        self.process = await asyncio.to_thread(subprocess.Popen, self.command)
        async with asyncio.timeout(READY_S):
            while not await self.adapter.probe():
                if self.process.poll() is not None:
                    raise RuntimeError("the process of the simulated rail has ended")
                await asyncio.sleep(_EVERY_S)

    async def kill(self) -> None:
        """Kill the process, as a crash would."""
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)

    async def wait_for_answers(
        self, ref: str, count: int = 1, timeout_s: float = ANSWER_WAIT_S
    ) -> list[Answer]:
        """Wait until `count` answers about an order came by callback; after the time-out return fewer."""
        try:
            async with asyncio.timeout(timeout_s):
                while len(found := self._answers_about(ref)) < count:
                    self.arrived.clear()
                    await self.arrived.wait()
        except TimeoutError:
            found = self._answers_about(ref)
        return found

    async def control(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send arbitrary bytes; returns the status and body of the rail's response."""
        trusted = ssl.create_default_context(cafile=self.connection.ca_file)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted), trust_env=False) as session,
            session.request(method, self._control_url() + path, data=body, headers=headers) as response,
        ):
            return response.status, await response.read()

    def _control_url(self) -> str:
        """The rail's own address, or that of its control port if the rail does not use HTTP."""
        file = self.directory / tcp.CONTROL
        return file.read_text() if file.exists() else self.connection.base_url

    async def _receive_message(self, raw: bytes) -> None:
        self._receive(raw)

    def _receive(self, raw: bytes) -> None:
        """Parse an unsolicited message of the rail.

        Raises:
            InvalidMessage: not in its wire format.
            NotAuthentic: not signed by the rail.

        """
        self.raw.append(raw)
        try:
            self.answers.extend(self.adapter.decode(raw))
        except (InvalidMessage, NotAuthentic) as error:
            self.unreadable.append(error)
            raise
        finally:
            self.arrived.set()

    async def _serve_request(self, raw: bytes) -> Acknowledgement | None:
        try:
            return self._reply(raw)
        except (InvalidMessage, NotAuthentic):
            return None

    def _reply(self, raw: bytes) -> Acknowledgement | None:
        """The response to a request of the rail; None if the message is none.

        Raises:
            InvalidMessage: not in its wire format.
            NotAuthentic: not signed by the rail.

        """
        if not isinstance(self.adapter, OriginatingAdapter):
            return None
        request = self.adapter.read_request(raw)
        if request is None:
            return None
        self.requests.append((request, raw))
        self.arrived.set()
        if isinstance(request, PayeeQuery):
            return self.adapter.reply_payee(raw, self.payee)
        return self.adapter.reply(raw, self.verdict)

    def _answers_about(self, ref: str) -> list[Answer]:
        return [answer for answer in self.answers if answer.ref == ref]

    async def _serve_callback(self, request: web.Request) -> web.Response:
        raw = await request.read()
        below = request.path.removeprefix(_CALLBACK)
        if below:
            raw = called.of(self.adapter, request.method, below, request.headers, raw) or b""
        try:
            if (reply := self._reply(raw)) is not None:
                kind = {"Content-Type": reply.content_type}
                return web.Response(body=reply.body, status=reply.status, headers=kind)
            self._receive(raw)
        except (InvalidMessage, NotAuthentic) as error:
            return web.Response(status=error.status)
        acknowledgement = self.adapter.acknowledge(raw)
        return web.Response(body=acknowledgement.body, content_type=acknowledgement.content_type)


@asynccontextmanager
async def running(
    directory: Path, country: str, *, time_scale: float = 0.02, latency_s: float = 0.0
) -> AsyncIterator[SimulatedRail]:
    """A simulated rail in a separate process, with our callback address served here."""
    port, callback_port = sandbox.free_port(), sandbox.free_port()
    credentials = directory / "credentials.json"
    await asyncio.to_thread(_write_banks, credentials, _abroad(country))
    connection, command = await asyncio.to_thread(
        sandbox.prepare,
        directory,
        country,
        port=port,
        callback_url=f"http://127.0.0.1:{callback_port}{_CALLBACK}",
        time_scale=time_scale,
        latency_s=latency_s,
        credentials=credentials,
    )
    rail = SimulatedRail(country, directory, connection, registry.load(country, connection), command)
    rail.hear(rail.adapter)
    application = web.Application()
    application.router.add_route("*", _CALLBACK + "{below:.*}", rail._serve_callback)  # noqa: SLF001 - the rail is served by its own module
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", callback_port).start()
        await rail.start()
        yield rail
    finally:
        await rail.adapter.close()
        await rail.kill()
        await runner.cleanup()


def _abroad(country: str) -> str:
    """Another country, which customers of a rail pay."""
    return "PK" if country == "IN" else "IN"


def _write_banks(file: Path, country: str) -> None:
    """The bank abroad that customers of a rail pay, as the sandbox's file of participants has it."""
    (bank, *_) = registry.country(country).banks
    agent: BankAgent = registry.module(country, "sandbox").CREDITOR_AGENT
    found = {"id": bank.id, "bic": bank.bic, "country": country, "member_id": agent.member_id or ""}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"participants": [found]}))
