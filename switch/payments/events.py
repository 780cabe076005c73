"""What happened to a participant's payments, event by event: pages, streams and webhooks read here.

The ledger's log is the source, so nothing is missed and nothing is told before it is durable. A payment that
the switch itself refused, and that so has no reference of a rail, is its sender's alone: nothing of it was
ever on the way to the creditor agent that it names.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from switch.payments.journey import KINDS, SHOWN, event_name

SCAN: Final = 10_000
"""Events of everybody that one page looks through at most."""
_PAGE: Final = """
SELECT e.seq, e.at, e.kind, e.body, p.uetr
FROM ledger.event AS e JOIN switch.payment AS p ON p.number = e.number
WHERE e.seq > $1 AND e.seq <= $1 + $4 AND e.kind = ANY($5)
  AND ($2 IN (p.debtor_agent, p.sender) OR ($2 = p.creditor_agent AND p.native_ref <> ''))
ORDER BY e.seq LIMIT $3
"""

_OF_PAYMENT: Final = """
SELECT e.seq, e.at, e.kind, e.body, p.uetr
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
JOIN ledger.event AS e ON e.number = t.number
WHERE t.id = $1 AND e.seq >= t.number AND e.kind = ANY($3)
  AND ($2 IN (p.debtor_agent, p.sender) OR ($2 = p.creditor_agent AND p.native_ref <> ''))
ORDER BY e.seq
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one payment."""

    seq: int
    at: datetime
    name: str
    """`posted`, `released`, `in doubt` and so on, as in a payment's journey."""
    uetr: UUID
    facts: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The event in the terms of CloudEvents 1.0."""
        return {
            "specversion": "1.0",
            "id": str(self.seq),
            "source": "/v1/events",
            "type": f"payment.{self.name.replace(' ', '_')}",
            "subject": str(self.uetr),
            "time": self.at.isoformat(),
            "data": {"uetr": str(self.uetr), **self.facts},
        }


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, and from where to go on."""

    events: Sequence[Event]
    next: int
    """Cursor behind which the next page begins."""
    more: bool
    """Whether there may be more by now."""


async def read(pool: asyncpg.Pool, participant: str, *, after: int, limit: int) -> Page:
    """Events of the payments that a participant has a part in, behind a cursor; 0 is the beginning."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        last = await connection.fetchval("SELECT next_seq - 1 FROM ledger.head")
        rows = await connection.fetch(_PAGE, after, participant, limit, SCAN, KINDS)
    if len(rows) == limit:
        return Page([_event(row) for row in rows], rows[-1]["seq"], more=True)
    reached = max(after, min(after + SCAN, last))
    return Page([_event(row) for row in rows], reached, more=reached < last)


async def of_payment(pool: asyncpg.Pool, participant: str, uetr: UUID) -> list[Event]:
    """Every event of one payment, as the participant is told of them; none where it has no part in it."""
    return [_event(row) for row in await pool.fetch(_OF_PAYMENT, uetr, participant, KINDS)]


def _event(row: asyncpg.Record) -> Event:
    body = json.loads(row["body"])
    facts = {name: body[name] for name in ("state", *SHOWN) if body.get(name)}
    return Event(row["seq"], row["at"], event_name(row["kind"]), row["uetr"], facts)
