"""Services as tests use it: a writer in this process, a database of its own, people of every role."""

import asyncio
import contextlib
import dataclasses
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ledger.roles import Login
from schemas import codec
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.approvals import approvals
from switch.approvals.causes import Causes
from switch.base.database import connect_pool
from switch.base.outward import LOOPBACK, OutwardReach
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.identity.model import Change, ChangeState, Person, Role, Status
from switch.processes.writer import WriterServer
from switch.settlement import day
from switch.settlement.causes import SettlementCauses
from switch.settlement.proofs import ConfirmationProof
from switch.writer.client import Link
from switch.writer.commands import Command, CommandLeg, Hold, OpenAccount, Release, Reply
from switch.writer.context import ServiceContext

_PASSING = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
PEOPLE = {
    "olga": (Role.OPERATOR, ""),
    "omar": (Role.OPERATOR, ""),
    "chen": (Role.CHECKER, ""),
    "cyrus": (Role.CHECKER, ""),
    "ravi": (Role.REGULATOR, "IN"),
    "karim": (Role.REGULATOR, "PK"),
    "amina": (Role.AUDITOR, ""),
    "pia": (Role.PARTICIPANT, "asha-bank"),
}


def person(name: str) -> Person:
    role, scope = PEOPLE[name]
    return Person(name, name.title(), role, scope, Status.ACTIVE)


@contextlib.asynccontextmanager
async def open_services(database_url: str) -> AsyncIterator[ServiceContext]:
    """A services with the people of `PEOPLE`, who have no passwords anybody knows."""
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        data = Path(directory)
        server = WriterServer(
            database_url, 1000, causes=[Causes(KINDS, sandbox=True), SettlementCauses(sandbox=True)]
        )
        await server.serve(data / "w.sock")
        link = Link(data / "w.sock")
        await link.start()
        pool = await connect_pool(Settings(database=database_url, data=data), Login.OWNER)
        try:
            services = ServiceContext(
                pool, pool, link, data, sandbox=True, reach=OutwardReach(LOOPBACK, sandbox=True)
            )
            await add_people(services)
            async with executing(services):
                yield services
        finally:
            await pool.close()
            await link.stop()
            server._listener.close()
            await server._listener.wait_closed()
            await server.stop()


@dataclass
class Caretaker:
    """Executes what was approved, with the services of whoever approved last: tests have settings of their own."""

    services: ServiceContext
    works: asyncio.Event
    expected: int = 0
    """How many changes are being agreed to: meanwhile it looks more often, and costs a test the less otherwise."""

    async def run(self) -> None:
        while True:
            await self.works.wait()
            with contextlib.suppress(*_PASSING):
                await approvals.execute_approved(self.services, KINDS)
            await asyncio.sleep(0.005 if self.expected else 0.05)


_CARETAKERS: dict[Path, Caretaker] = {}
"""Those at work, by the directory of their services."""


@contextlib.asynccontextmanager
async def executing(services: ServiceContext) -> AsyncIterator[None]:
    """Execute approved changes meanwhile, as the caretaker does."""
    caretaker = _CARETAKERS[services.data] = Caretaker(services, asyncio.Event())
    caretaker.works.set()
    task = asyncio.create_task(caretaker.run())
    try:
        yield
    finally:
        del _CARETAKERS[services.data]
        task.cancel()
        await asyncio.wait([task])


async def confirmed(
    services: ServiceContext, raw: bytes, *, agent: str = "reserve", signature: str = "signature"
) -> day.Processed:
    """What a settlement agent says, and what the caretaker makes of it."""
    said = asyncio.create_task(day.confirm(services, agent, raw, codec.XML, ConfirmationProof(signature)))
    try:
        while not said.done():
            await day.process_confirmations(services)
            await asyncio.sleep(0.01)
        return await said
    finally:
        said.cancel()


class Killed(BaseException):
    """As a kill -9: nothing catches it."""


class DyingLink:
    """A line to the writer on which the ledger's answer to one kind of command never reaches us."""

    def __init__(self, services: ServiceContext, kind: type) -> None:
        self.link, self.kind = services.link, kind

    async def ask(self, command: Command) -> Reply:
        reply = await self.link.ask(command)
        if isinstance(command, self.kind):
            raise Killed
        return reply


class LostLink(DyingLink):
    """A line to the writer that dies before one kind of command is sent."""

    async def ask(self, command: Command) -> Reply:
        if isinstance(command, self.kind):
            raise Killed
        return await self.link.ask(command)


def dying(services: ServiceContext, kind: type, on: type[DyingLink] = DyingLink) -> ServiceContext:
    """A services that dies as soon as the ledger has decided a command of this kind, or as `on` does."""
    return dataclasses.replace(services, link=on(services, kind))  # type: ignore[arg-type]


async def killed(
    services: ServiceContext,
    kind: str,
    content: dict[str, Any],
    at: type,
    *,
    on: type[DyingLink] = DyingLink,
    **options: Any,
) -> int:
    """A change that is agreed to, and whose execution dies after the ledger's commit, or `on` another link.

    Returns its number.
    """
    with no_caretaker(services):
        change = await agree(services, kind, content, within_s=0, **options)
        with pytest.raises(Killed):
            await approvals.execute(dying(services, at, on), KINDS, change.number)
    return change.number


def executed_with(services: ServiceContext) -> None:
    """Let the caretaker execute with these services what is approved from now on."""
    _CARETAKERS[services.data].services = services


@contextlib.contextmanager
def no_caretaker(services: ServiceContext) -> Iterator[None]:
    """Nobody executes what is approved meanwhile."""
    works = _CARETAKERS[services.data].works
    works.clear()
    try:
        yield
    finally:
        works.set()


async def add_people(services: ServiceContext) -> None:
    for name, (role, scope) in PEOPLE.items():
        await services.pool.execute(
            "INSERT INTO switch.person (name, display_name, role, scope, status, password_hash, totp_secret)"
            " VALUES ($1, $2, $3, $4, 'active', 'none', 'none')",
            name,
            name.title(),
            str(role),
            scope,
        )


async def agree(
    services: ServiceContext,
    kind: str,
    content: dict[str, Any],
    *,
    maker: str = "olga",
    checkers: tuple[str, ...] = ("chen",),
    within_s: float = 30,
) -> Change:
    """Ask for a change and have it agreed to by everybody it takes."""
    executed_with(services)
    change = await approvals.request(services, KINDS, person(maker), kind, content=content, reason="test")
    caretaker = _CARETAKERS[services.data]
    caretaker.expected += 1
    try:
        for name in checkers:
            change = await approvals.vote(
                services,
                KINDS,
                person(name),
                change.number,
                decision="approve",
                reason="seen",
                within_s=within_s,
            )
    finally:
        caretaker.expected -= 1
    return change


async def done(services: ServiceContext, kind: str, content: dict[str, Any], **options: Any) -> Change:
    """As `agree`, for what must succeed."""
    change = await agree(services, kind, content, **options)
    assert change.state is ChangeState.EXECUTED, change
    return change


BANKS = {
    "asha-bank": ("ASHAINBB", "IN", "direct"),
    "ganga-bank": ("GANGINBB", "IN", "direct"),
    "indus-bank": ("INDUPKKA", "PK", "direct"),
    "reserve": ("RSRVINBB", "IN", "settlement_agent"),
}


def onboarding(name: str, currency: str = "INR", cap: str = "0") -> dict[str, Any]:
    bic, country, kind = BANKS[name]
    accounts = [] if kind == "settlement_agent" else [{"currency": currency, "net_debit_cap": cap}]
    key = SigningKey.generate(f"{name}-1")
    return {
        "id": name,
        "name": name.title(),
        "bic": bic,
        "country": country,
        "kind": kind,
        "accounts": accounts,
        "keys": [{"keyid": key.keyid, "request": key_request.make(key, name)}],
    }


async def account(
    services: ServiceContext, owner: str, currency: str = "INR", purpose: str = "position"
) -> int:
    return (await services.link.ask(OpenAccount(owner, currency, purpose, 0))).number


async def pay(
    services: ServiceContext, debtor: str, creditor: str, minor: int, currency: str = "INR"
) -> None:
    """Move money between two positions as a payment does: held, then posted."""

    id_ = uuid.uuid4().bytes
    legs = [
        CommandLeg(
            await account(services, debtor, currency),
            await account(services, creditor, currency),
            minor,
            "principal",
        )
    ]
    held = await services.link.ask(Hold(id_, b"f" * 32, legs, "payment"))
    assert held.verdict == "created", held
    posted = await services.link.ask(Release(id_, "post", "payment"))
    assert posted.verdict == "posted", posted


async def balance(
    services: ServiceContext, owner: str, currency: str = "INR", purpose: str = "position"
) -> int:
    net: int = await services.pool.fetchval(
        "SELECT credits_posted - debits_posted FROM ledger.account"
        " WHERE owner = $1 AND currency = $2 AND purpose = $3",
        owner,
        currency,
        purpose,
    )
    return net
