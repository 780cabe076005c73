"""All data of one payment in the switch, except personal data in its messages.

For people who oversee payments: its status, journey and postings in the ledger, and everything related to it:
messages between its banks, reconciliation breaks, changes that people requested.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.money import Money
from switch.payments.journey import Move, read_path, read_payment

_LEGS: Final = """
SELECT s.number, s.kind, g.purpose, g.amount, d.currency::text AS currency, d.owner AS debit_owner,
       d.purpose AS debit_purpose, c.owner AS credit_owner, c.purpose AS credit_purpose,
       CASE WHEN s.kind = 'two_phase' THEN coalesce(r.outcome, 'held')
            WHEN s.kind = 'failed' THEN coalesce(s.refusal, 'failed') ELSE 'posted' END AS state
FROM ledger.transfer AS t
JOIN ledger.transfer AS s ON s.number = t.number OR s.corrects = t.number
JOIN ledger.leg AS g ON g.number = s.number
JOIN ledger.account AS d ON d.number = g.debit
JOIN ledger.account AS c ON c.number = g.credit
LEFT JOIN ledger.resolution AS r ON r.number = s.number
WHERE t.id = $1 ORDER BY s.number, g.position
"""
_MESSAGES: Final = """
SELECT at, definition, sender, receiver FROM switch.correspondence WHERE uetr = $1 ORDER BY seq
"""
_BREAKS: Final = """
SELECT id, kind, detail, found_at, resolved_at FROM switch.reconciliation_break WHERE uetr = $1 ORDER BY id
"""
_CHANGES: Final = """
SELECT number, kind, state, requested_at FROM switch.change
WHERE kind = 'payment.resolve' AND content::jsonb ->> 'uetr' = $1 ORDER BY number
"""
_EVENTS: Final = """
SELECT e.seq, e.at, e.kind, encode(e.leaf, 'hex') AS leaf,
       e.seq <= coalesce((SELECT max(size) FROM ledger.checkpoint), 0) AS covered
FROM ledger.transfer AS t JOIN ledger.event AS e ON e.number = t.number
WHERE t.id = $1 ORDER BY e.seq
"""


@dataclass(frozen=True, slots=True)
class Leg:
    """Money moved or reserved between two accounts."""

    number: int
    purpose: str
    amount: Money
    debit: str
    credit: str
    state: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """One payment. `payment` is its representation in the API; the other fields are rows."""

    payment: dict[str, Any]
    path: list[Move]
    legs: list[Leg]
    events: list[asyncpg.Record]
    messages: list[asyncpg.Record]
    breaks: list[asyncpg.Record]
    changes: list[asyncpg.Record]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The journey, with instants as datetimes."""
        return [{**step, "at": datetime.fromisoformat(step["at"])} for step in self.payment["journey"]]


async def read(pool: asyncpg.Pool, uetr: UUID, owners: list[str] | None) -> Dossier:
    """Read one payment of which an owner in `owners` is a party; None permits all payments.

    Raises:
        NotFound: there is none, or no owner is a party to it.

    """
    payment = await read_payment(pool, uetr, owners)
    return Dossier(
        payment=payment,
        path=await read_path(pool, uetr),
        legs=[_leg(row) for row in await pool.fetch(_LEGS, uetr)],
        events=await pool.fetch(_EVENTS, uetr),
        messages=await pool.fetch(_MESSAGES, uetr),
        breaks=await pool.fetch(_BREAKS, uetr),
        changes=await pool.fetch(_CHANGES, str(uetr)),
    )


def _leg(row: asyncpg.Record) -> Leg:
    return Leg(
        number=row["number"],
        purpose=row["purpose"],
        amount=Money(row["amount"], row["currency"]),
        debit=f"{row['debit_owner']} / {row['debit_purpose']}",
        credit=f"{row['credit_owner']} / {row['credit_purpose']}",
        state=row["state"],
    )
