"""Search payments, newest first, by what people know of them, one stretch of the log at a time.

A message id, a reference of the rail and an end-to-end id are looked up in an index, which has a keyed hash
in place of the end-to-end id. Open payments are in a small table and are searched completely. For all else, a
page reads at most `STRETCH` numbers of the ledger, however few match; the next page continues where it ended.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from ledger.sql import statement
from schemas.money import Money
from switch.base.sql import statements
from switch.payments import own_uetrs
from switch.writer.lifecycle import Event, State

STRETCH: Final = 500_000
"""Numbers of the ledger that one page reads; a payment takes about four."""

_REFERRED_MAX: Final = 50
"""Payments of one reference that a page looks at."""
_UETR: Final = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}",
    re.ASCII | re.IGNORECASE,
)
"""A UETR as written, or without its hyphens: then as RFC 9562 has it, since an account may be as long."""
_STEPS: Final = list(Event)
OPEN: Final = frozenset({State.RESERVED, State.SENT, State.UNKNOWN})
_SEQ_AT: Final = statement("seq_at")
_NUMBER_OF: Final = "SELECT number FROM ledger.transfer WHERE id = $1"
_HEAD: Final = "SELECT next_seq FROM ledger.head"
_FIND: Final = statements("switch.payments")("find_payments")
_OF_REFERENCE: Final = statements("switch.payments")("payments_of_reference")
_OLDEST: Final = _FIND.format(join="JOIN").replace(
    "ORDER BY p.number DESC", "ORDER BY o.entered_at, p.number"
)
_FOUND: Final = {True: _FIND.format(join="JOIN"), False: _FIND.format(join="LEFT JOIN")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Search criteria; empty matches anything."""

    uetr: UUID | None = None
    """Payments of this UETR, or that state it; if there are none, the other criteria count."""
    state: State | None = None
    rail: str = ""
    source: str = ""
    target: str = ""
    reference: str = ""
    """A message id, a reference of the rail, or an end-to-end id."""
    end_to_end: int = 0
    """The keyed hash of `reference`; 0 finds no end-to-end id."""
    direction: str = ""
    """`sent` or `received` by an owner."""
    since: datetime | None = None
    until: datetime | None = None
    participant: str = ""
    """Party to the payment: its sender, an agent or the FX provider."""
    amounts: tuple[Money, ...] = ()
    """One of them is debited or credited."""
    currency: str = ""
    """Of the debit or the credit."""


@dataclass(frozen=True, slots=True)
class FoundPayment:
    """One payment in a list, without personal data. Fields that a refused one does not state are empty."""

    number: int
    uetr: UUID
    debtor_agent: str
    creditor_agent: str
    source: str
    target: str
    rail: str
    rail_reference: str
    debit: Money | None
    credit: Money | None
    at: datetime | None
    """Instant of acceptance; None if its history is archived."""
    entered_at: datetime | None
    """Since when an open payment is in its state."""
    due_at: datetime | None
    expires_at: datetime | None
    state: State
    reason: str
    """Reason of its last step: an ISO code, or empty."""
    returned: bool
    """Whether it was returned after it was credited."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Payments, newest first. With `next`, there may be more before that number."""

    payments: tuple[FoundPayment, ...]
    next: int | None


def typed_uetr(text: str) -> UUID | None:
    """The UETR that somebody typed or copied; None if the text is something else, perhaps an account."""
    text = text.strip()
    return UUID(text) if _UETR.fullmatch(text) else None


async def find(
    connection: asyncpg.Connection | asyncpg.Pool,
    wanted: Wanted,
    owners: list[str] | None,
    *,
    before: int | None = None,
    limit: int = 50,
) -> SearchPage:
    """One page of payments to which `owners` are parties; None is all payments."""
    if wanted.uetr is not None:
        named = await _named(connection, wanted.uetr, owners)
        if named or not wanted.reference:
            return SearchPage(named, None)
    ceiling, floor = await _bounds(connection, wanted, before)
    if wanted.reference:
        indexed = await _referred(connection, wanted, owners, (ceiling, floor))
        if indexed.payments or indexed.next:
            return indexed
    is_open = wanted.state in OPEN
    lowest = floor if is_open else max(floor, ceiling - STRETCH)
    rows = await connection.fetch(_FOUND[is_open], *_arguments(wanted, owners, ceiling, lowest, limit))
    payments = tuple(map(_found, rows))
    if len(payments) == limit:
        return SearchPage(payments, payments[-1].number)
    return SearchPage(payments, lowest + 1 if lowest > floor else None)


async def oldest(
    connection: asyncpg.Connection | asyncpg.Pool, state: State, owners: list[str] | None, limit: int = 200
) -> tuple[FoundPayment, ...]:
    """Open payments of one state, longest in that state first."""
    assert state in OPEN, state
    rows = await connection.fetch(_OLDEST, *_arguments(Wanted(state=state), owners, 2**62, 0, limit))
    return tuple(map(_found, rows))


async def _named(
    connection: asyncpg.Connection | asyncpg.Pool, uetr: UUID, owners: list[str] | None
) -> tuple[FoundPayment, ...]:
    """Payments that the books have under a UETR, or whose senders state it."""
    also = await own_uetrs.also(connection, uetr, owners)
    found: list[FoundPayment] = []
    for each in (uetr, *(own for _, own in also)):
        number = await connection.fetchval(_NUMBER_OF, each)
        if number is not None:
            bounds = _arguments(Wanted(), owners, number + 1, number - 1, 1)
            found += map(_found, await connection.fetch(_FOUND[False], *bounds))
    return tuple(found)


async def _referred(
    connection: asyncpg.Connection | asyncpg.Pool,
    wanted: Wanted,
    owners: list[str] | None,
    bounds: tuple[int, int],
) -> SearchPage:
    """Payments that the index has under the reference, as far as the other criteria admit them."""
    rows = await connection.fetch(_OF_REFERENCE, wanted.reference, wanted.end_to_end, *bounds, _REFERRED_MAX)
    others = replace(wanted, reference="")
    found: list[FoundPayment] = []
    for (number,) in rows:
        arguments = _arguments(others, owners, number + 1, number - 1, 1)
        found += map(_found, await connection.fetch(_FOUND[False], *arguments))
    return SearchPage(tuple(found), rows[-1]["number"] if len(rows) == _REFERRED_MAX else None)


async def _bounds(
    connection: asyncpg.Connection | asyncpg.Pool, wanted: Wanted, before: int | None
) -> tuple[int, int]:
    """Payments have numbers below the first and above the second; an archived instant is no bound."""
    ceiling: int = await connection.fetchval(_HEAD)
    floor = 0
    if wanted.since is not None:
        floor = await connection.fetchval(_SEQ_AT, wanted.since) or 0
    if wanted.until is not None:
        last: int | None = await connection.fetchval(_SEQ_AT, wanted.until)
        ceiling = ceiling if last is None else min(ceiling, last + 1)
    return ceiling if before is None else min(ceiling, before), floor


def _arguments(
    wanted: Wanted, owners: list[str] | None, below: int, above: int, limit: int
) -> tuple[object, ...]:
    return (
        below,
        above,
        owners,
        wanted.state or "",
        wanted.rail,
        wanted.source,
        wanted.target,
        wanted.reference,
        limit,
        wanted.direction,
        _STEPS,
        wanted.participant,
        [amount.currency for amount in wanted.amounts],
        [amount.minor for amount in wanted.amounts],
        wanted.currency,
    )


def _found(row: asyncpg.Record) -> FoundPayment:
    def money(side: str) -> Money | None:
        currency = row[f"{side}_currency"]
        minor = row[f"{side}_minor"]  # 0 credited: refused before it was priced
        return Money(minor, currency) if currency and minor else None

    return FoundPayment(
        number=row["number"],
        uetr=row["uetr"],
        debtor_agent=row["debtor_agent"],
        creditor_agent=row["creditor_agent"],
        source=row["source"],
        target=row["target"],
        rail=row["rail"],
        rail_reference=row["native_ref"],
        debit=money("debit"),
        credit=money("credit"),
        at=row["at"],
        entered_at=row["entered_at"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        state=State(row["state"]),
        reason=row["reason"],
        returned=row["returned"],
    )
