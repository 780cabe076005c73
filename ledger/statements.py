"""Statements: the postings of an account between two instants, and its balance at any past instant.

An instant means the last event at or before it, so the same instant always gives the same result, and the
opening balance of a statement is the closing balance of the one before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from ledger.archive import Archived
from ledger.sql import statement

ENTRIES_MAX: Final = 10_000
"""Largest number of entries in one statement; request a shorter period if there are more."""

_SEQ_AT: Final = statement("seq_at")
_BALANCE_AT: Final = statement("read_balance_at")
_ENTRIES: Final = statement("read_entries")


@dataclass(frozen=True, slots=True)
class Balance:
    """Posted debits and credits since the opening of the account, in minor units."""

    debits: int
    credits: int

    @property
    def net(self) -> int:
        """Positive means to be received."""
        return self.credits - self.debits


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One posted leg on the account. `amount` is signed: positive is a credit; in minor units."""

    seq: int
    at: datetime
    number: int
    id: UUID
    purpose: str
    amount: int
    counterparty: str
    corrects: UUID | None
    """Id of the posted set that this one reverses, if any."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`closing` is `opening` plus all entries; with `more`, the statement ends early, at the last entry."""

    account: int
    opening: Balance
    entries: tuple[StatementEntry, ...]
    closing: Balance
    more: bool


async def balance_at(
    connection: asyncpg.Connection | asyncpg.Pool, account: int, instant: datetime
) -> Balance:
    """Read the posted balance of an account at an instant.

    Raises:
        Archived: the instant is in detached history.

    """
    return await _balance_after(connection, account, await _seq_at(connection, instant))


async def read(
    connection: asyncpg.Connection | asyncpg.Pool, account: int, since: datetime, until: datetime
) -> Statement:
    """Read the postings of an account after `since`, up to `until`.

    Raises:
        Archived: `since` is in detached history.

    """
    first, last = await _seq_at(connection, since), await _seq_at(connection, until)
    return await read_between(connection, account, first, last)


async def read_between(
    connection: asyncpg.Connection | asyncpg.Pool,
    account: int,
    first: int,
    last: int,
    *,
    entries_max: int | None = None,
) -> Statement:
    """Read the postings of an account after event `first`, up to event `last`.

    Raises:
        Archived: events after `first` were detached.

    """
    if await connection.fetchval("SELECT max(last_seq) > $1 FROM ledger.archive", first):
        raise Archived(f"the state at event {first} is in an archive")
    entries_max = ENTRIES_MAX if entries_max is None else entries_max
    rows = await connection.fetch(_ENTRIES, account, first, last, entries_max + 1)
    entries = tuple(
        StatementEntry(
            row["seq"],
            row["at"],
            row["number"],
            row["id"],
            row["purpose"],
            -row["amount"] if row["is_debit"] else row["amount"],
            row["counterparty"],
            row["corrects"],
        )
        for row in rows[:entries_max]
    )
    opening = await _balance_after(connection, account, first)
    return Statement(account, opening, entries, _closing(opening, entries), len(rows) > entries_max)


def _closing(opening: Balance, entries: tuple[StatementEntry, ...]) -> Balance:
    amounts = [entry.amount for entry in entries]
    debits = -sum(amount for amount in amounts if amount < 0)
    credits_ = sum(amount for amount in amounts if amount > 0)
    return Balance(opening.debits + debits, opening.credits + credits_)


async def _seq_at(connection: asyncpg.Connection | asyncpg.Pool, instant: datetime) -> int:
    seq: int | None = await connection.fetchval(_SEQ_AT, instant)
    if seq is None:
        raise Archived(f"the state at {instant.isoformat()} is in an archive")
    return seq


async def _balance_after(connection: asyncpg.Connection | asyncpg.Pool, account: int, seq: int) -> Balance:
    return Balance(*await connection.fetchrow(_BALANCE_AT, account, seq))
