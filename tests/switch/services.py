"""Services as tests use it: a writer in this process, a database of its own, people of every role."""

import contextlib
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ledger.roles import Login
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
from switch.settlement.causes import SettlementCauses
from switch.writer.client import Link
from switch.writer.commands import CommandLeg, Hold, OpenAccount, Release
from switch.writer.context import ServiceContext

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
            yield services
        finally:
            await pool.close()
            await link.stop()
            server._listener.close()
            await server._listener.wait_closed()
            await server.stop()


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
) -> Change:
    """Ask for a change and have it agreed to by everybody it takes."""
    change = await approvals.request(services, KINDS, person(maker), kind, content=content, reason="test")
    for name in checkers:
        change = await approvals.vote(
            services, KINDS, person(name), change.number, decision="approve", reason="seen"
        )
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
