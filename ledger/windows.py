"""Reading settlement windows and their net positions.

A posting belongs to the window of its currency that was open at that time: its sequence number is between
that of the opening and that of the closing of the window. So membership is fixed, and the same window always
gives the same net positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from ledger.archive import Archived
from ledger.sql import statement

_READ: Final = statement("read_windows")
_NETS: Final = statement("read_nets")
_BILATERAL: Final = statement("read_bilateral_nets")


@dataclass(frozen=True, slots=True)
class Window:
    """One settlement window; `closing_seq` and `closed_at` are None while it is open."""

    number: int
    currency: str
    opened_at: datetime
    closing_seq: int | None
    closed_at: datetime | None

    def document(self) -> dict[str, Any]:
        """The window in JSON types."""
        return {
            "window": self.number,
            "currency": self.currency,
            "state": "open" if self.closing_seq is None else "closed",
            "opened_at": self.opened_at.isoformat(),
            "closed_at": None if self.closed_at is None else self.closed_at.isoformat(),
            "closing_seq": self.closing_seq,
        }


@dataclass(frozen=True, slots=True)
class WindowNet:
    """The gross debits and credits of one account in a window, in minor units."""

    owner: str
    purpose: str
    debits: int
    credits: int
    count: int
    """The number of postings on the account."""

    @property
    def net(self) -> int:
        """Positive means to be received; the net positions of a window sum to zero."""
        return self.credits - self.debits


@dataclass(frozen=True, slots=True)
class BilateralNet:
    """The bilateral position of two owners in a window, in minor units. `first` sorts before `second`."""

    first: str
    second: str
    first_pays: int
    second_pays: int
    count: int

    @property
    def net(self) -> int:
        """Positive: `second` owes `first`."""
        return self.second_pays - self.first_pays


async def read(
    connection: asyncpg.Connection | asyncpg.Pool, *, before: int | None = None, limit: int | None = None
) -> list[Window]:
    """Read windows, newest first: with numbers below `before`, at most `limit`; None means no limit."""
    return [Window(*row) for row in await connection.fetch(_READ, None, before, limit)]


async def find(connection: asyncpg.Connection | asyncpg.Pool, number: int) -> Window | None:
    """Find one window."""
    row = await connection.fetchrow(_READ, number, None, None)
    return None if row is None else Window(*row)


async def nets(connection: asyncpg.Connection | asyncpg.Pool, number: int) -> list[WindowNet]:
    """Read the multilateral net positions of a window: every account with a posting, by owner and purpose."""
    return [WindowNet(*row) for row in await connection.fetch(_NETS, number)]


async def bilateral_nets(
    connection: asyncpg.Connection | asyncpg.Pool, number: int, *, without: Sequence[str] = ()
) -> list[BilateralNet]:
    """Read the bilateral net positions, by pairs of owners, computed from the postings.

    Postings on an account with a purpose in `without` are left out.

    Raises:
        Archived: postings of the window were detached.

    """
    if await connection.fetchval("SELECT max(last_seq) >= $1 FROM ledger.archive", number):
        raise Archived(f"postings of window {number} are in an archive")
    pairs: dict[tuple[str, str], tuple[int, int, int]] = {}
    for debtor, creditor, amount, count in await connection.fetch(_BILATERAL, number, list(without)):
        first, second = sorted((debtor, creditor))
        first_pays, second_pays, counted = pairs.get((first, second), (0, 0, 0))
        if debtor == first:
            first_pays += amount
        else:
            second_pays += amount
        pairs[first, second] = first_pays, second_pays, counted + count
    return [BilateralNet(*pair, *amounts) for pair, amounts in sorted(pairs.items())]
