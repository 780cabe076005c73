"""What each participant has to pay or to receive for a window: its payments alone, net.

The nets of every posting are differences of account counters, so a million payments cost no more than
one. What is not a payment, money paid in or out and earlier settlements, stands in few transfers, all of
them against the scheme's settlement account; they are taken off again.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import asyncpg
import msgspec

from ledger import windows
from schemas.errors import SwitchError
from switch.pricing import POSITION, SCHEME

_NOT_PAYMENTS: Final = """
WITH w AS (
    SELECT number, currency, coalesce(closing_seq, 9223372036854775807) AS closing_seq
    FROM ledger.settlement_window WHERE number = $1
), scheme AS (
    SELECT a.number FROM ledger.account AS a JOIN w USING (currency)
    WHERE a.owner = $2 AND a.purpose = 'settlement'
), moved AS (
    SELECT t.number FROM ledger.transfer AS t, w
    WHERE t.number > w.number AND t.number < w.closing_seq AND t.kind IN ('single_phase', 'correction')
    UNION ALL
    SELECT l.transfer FROM switch.settlement_line AS l
    JOIN ledger.resolution AS r ON r.number = l.transfer, w
    WHERE r.outcome = 'posted' AND r.seq > w.number AND r.seq < w.closing_seq
)
SELECT a.owner, a.purpose,
       sum(CASE WHEN leg.credit = a.number THEN leg.amount ELSE -leg.amount END)::bigint AS net
FROM moved
JOIN ledger.leg USING (number)
JOIN scheme ON scheme.number IN (leg.debit, leg.credit)
JOIN ledger.account AS a ON a.number IN (leg.debit, leg.credit)
GROUP BY a.owner, a.purpose
"""


@dataclass(frozen=True, slots=True)
class Net:
    """One account's payments of a window; minor units, positive is to be received."""

    owner: str
    purpose: str
    minor: int


class Unbalanced(SwitchError):
    """The nets of a window do not sum to zero; nothing may be settled until people have looked."""


async def payment_nets(connection: asyncpg.Connection | asyncpg.Pool, window: int) -> list[Net]:
    """Multilateral nets of a window's payments, by owner and purpose; they sum to zero.

    Raises:
        Unbalanced: they do not, which cannot be.

    """
    nets = {(n.owner, n.purpose): n.net for n in await windows.nets(connection, window)}
    for row in await connection.fetch(_NOT_PAYMENTS, window, SCHEME):
        nets[row["owner"], row["purpose"]] = nets.get((row["owner"], row["purpose"]), 0) - row["net"]
    if sum(nets.values()) != 0:
        raise Unbalanced
    return [Net(*account, minor) for account, minor in sorted(nets.items()) if minor]


def of_participants(nets: list[Net]) -> dict[str, int]:
    """What is settled between banks: the positions. The scheme's fees stay on its own account."""
    return {net.owner: net.minor for net in nets if net.purpose == POSITION and net.owner != SCHEME}


def digest(window: int, currency: str, lines: dict[str, tuple[int, int]]) -> str:
    """Hash of a window's positions, net and carried by participant: what central banks confirm."""
    rows = [[name, *amounts] for name, amounts in sorted(lines.items())]
    return hashlib.sha256(msgspec.json.encode([window, currency, rows])).hexdigest()
