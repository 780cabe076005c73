"""Reading positions: amounts reserved, posted and available. All amounts are in minor units."""

from dataclasses import dataclass
from typing import Final

import asyncpg

from ledger.sql import statement

_READ: Final = statement("read_positions")
_IMBALANCE: Final = statement("read_imbalance")


@dataclass(frozen=True, slots=True)
class Position:
    """One account and its counters."""

    account: int
    owner: str
    currency: str
    purpose: str
    closed: bool
    net_debit_cap: int | None
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int

    @property
    def net(self) -> int:
        """Posted credits less posted debits: positive means to be received."""
        return self.credits_posted - self.debits_posted

    @property
    def headroom(self) -> int | None:
        """The amount that can still be debited; None without a cap."""
        if self.net_debit_cap is None:
            return None
        return self.credits_posted + self.net_debit_cap - self.debits_posted - self.debits_pending


async def read(connection: asyncpg.Connection | asyncpg.Pool, owner: str | None = None) -> list[Position]:
    """Read all positions, or those of one owner, by owner, currency and purpose."""
    return [Position(*row) for row in await connection.fetch(_READ, owner)]


async def imbalance(connection: asyncpg.Connection | asyncpg.Pool) -> dict[str, int]:
    """The difference of debits and credits by currency, pending plus posted: 0 at every instant."""
    rows = await connection.fetch(_IMBALANCE)
    return {row["currency"]: int(abs(row["pending"]) + abs(row["posted"])) for row in rows}
