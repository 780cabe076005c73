"""Look-ups of rails: the route that the order would take, and a firm price for it.

An API worker keeps the look-up, and waits for a moment. The caretaker, which alone may have a price promised
to a rail, verifies the rail's signature again and asks the writer (`switch.processes.inbound_lookups`).
Without a promise the answer to the rail states what would arrive now, which is only a forecast.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import uuid4

import asyncpg

from adapters.originating import PayeeQuery
from schemas import credit_transfer
from schemas.money import Money
from switch.base.failpoints import failpoint
from switch.base.personal_data import KeyRing
from switch.base.sql import statements
from switch.payments import indirect, routes
from switch.payments.directory import DirectorySnapshot, Participant
from switch.payments.inbound import InboundRail
from switch.payments.rails import Rail
from switch.payments.routes import Route

_statement: Final = statements("switch.payments")
_ADD: Final = _statement("add_inbound_lookup")
_READ: Final = _statement("read_inbound_lookup")
SEALED_AS: Final = "lookup"
"""What the bytes of a look-up are sealed for."""
WAITS_S: Final = 2.0
"""How long the rail's answer waits for a promise."""
_LOOK_EVERY_S: Final = 0.05


class FirmPrice(NamedTuple):
    """What a firm quote promises."""

    quote: str
    credit: Money
    rate: str
    """Empty in one currency."""
    until: datetime


async def route_of(  # noqa: PLR0917 - what a route depends on
    pool: asyncpg.Pool,
    directory: DirectorySnapshot,
    rails: Mapping[str, Rail],
    gateway: Participant,
    asked: PayeeQuery,
    at: datetime,
    expiry_s: float,
) -> Route:
    """The route of the order that a look-up is about.

    Raises:
        Refused: the order would be refused.

    """
    rail = rails.get(gateway.country)
    currency = asked.amount.currency if asked.amount else (rail.adapter.profile.currency if rail else "")
    bank = None
    if indirect.may_be(asked.agent, directory):
        bank = await indirect.find(pool, asked.agent, rails, at)
    return routes.find(
        directory,
        rails,
        gateway,
        asked.agent.bic or "",
        currency,
        now=at,
        expires_at=at + timedelta(seconds=expiry_s),
        indirect=bank,
    )


def purpose_of(asked: PayeeQuery, setting: InboundRail) -> str:
    """Code of the purpose that the payment of the order will have; empty if it will have none."""
    return credit_transfer.purpose_code(asked.purpose or setting.purpose)


async def firm_price(pool: asyncpg.Pool, keys: KeyRing, setting: InboundRail, raw: bytes) -> FirmPrice | None:
    """Keep a look-up, and wait until it has a firm price; None if none is promised in time."""
    id_ = uuid4()
    failpoint("before_lookup_kept")
    sealed = keys.seal_secret(SEALED_AS, id_, raw)
    await pool.execute(_ADD, id_, setting.rail, setting.gateway, sealed, WAITS_S)
    failpoint("after_lookup_kept")
    ends = asyncio.get_running_loop().time() + WAITS_S
    while asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(_LOOK_EVERY_S)
        row = await pool.fetchrow(_READ, id_)
        if row["decided"]:
            return _promised(row)
    return None


def _promised(row: asyncpg.Record) -> FirmPrice | None:
    if row["quote"] is None:
        return None
    credit = Money(row["credit_minor"], row["credit_currency"])
    return FirmPrice(str(row["quote"]), credit, row["rate"], row["expires_at"])
