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
    """The gross debits and credits of one account in a window, and before it, in minor units."""

    owner: str
    purpose: str
    opening_debits: int
    opening_credits: int
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
    returned: int
    """Net of corrections, which are in neither of the two; positive: `first` received."""
    count: int

    @property
    def net(self) -> int:
        """Positive: `second` owes `first`."""
        return self.second_pays - self.first_pays + self.returned


async def read(
    connection: asyncpg.Connection | asyncpg.Pool, *, before: int | None = None, limit: int | None = None
) -> list[Window]:
    """Read windows, newest first: with numbers below `before`, at most `limit`; None means no limit."""
    return [Window(*row) for row in await connection.fetch(_READ, None, before, limit)]


async def find(connection: asyncpg.Connection | asyncpg.Pool, number: int) -> Window | None:
    """Find one window."""
    row = await connection.fetchrow(_READ, number, None, None)
    return None if row is None else Window(*row)


async def nets(
    connection: asyncpg.Connection | asyncpg.Pool, numbers: Sequence[int]
) -> dict[int, list[WindowNet]]:
    """Read the multilateral net positions of windows: every account that existed, by owner and purpose."""
    found: dict[int, list[WindowNet]] = {number: [] for number in numbers}
    for number, *account in await connection.fetch(_NETS, list(numbers)):
        found[number].append(WindowNet(*account))
    return found


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
    pairs: dict[tuple[str, str], list[int]] = {}
    for debtor, creditor, corrects, amount, count in await connection.fetch(
        _BILATERAL, number, list(without)
    ):
        first, second = sorted((debtor, creditor))
        amounts = pairs.setdefault((first, second), [0, 0, 0, 0])
        if corrects:
            amounts[2] += amount if creditor == first else -amount
        else:
            amounts[0 if debtor == first else 1] += amount
        amounts[3] += count
    return [BilateralNet(*pair, *amounts) for pair, amounts in sorted(pairs.items())]
