"""What happened to a participant's payments, and what came for it, event by event: pages, streams, webhooks.

The ledger's log is the source, so nothing is missed and nothing is told before it is durable. A payment that
the switch itself refused, and that so has no reference of a rail, is its sender's alone: nothing of it was
ever on the way to the creditor agent that it names. A message that came says who sent it and what it is, and
nothing of what is in it: `GET /v1/messages` has that.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from switch.payments.journey import KINDS, SHOWN, event_name
from switch.writer.event_kinds import EventKind

MESSAGE_RECEIVED: Final = "message.received"
"""Something came that `GET /v1/messages` has: its type."""
SCAN: Final = 10_000
"""Events of everybody that one page looks through at most."""
_PAGE: Final = """
SELECT e.seq, e.at, e.kind, e.body, p.uetr
FROM ledger.event AS e LEFT JOIN switch.payment AS p ON p.number = e.number
WHERE e.seq > $1 AND e.seq <= $1 + $4
  AND CASE WHEN e.kind = $6 THEN convert_from(e.body, 'UTF8')::jsonb ->> 'receiver' = $2
           WHEN e.kind = ANY($5) THEN $2 IN (p.debtor_agent, p.sender)
                                      OR ($2 = p.creditor_agent AND p.native_ref <> '')
           ELSE false END
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
class PaymentEvent:
    """One thing that happened to one payment, or one message that came."""

    seq: int
    at: datetime
    type: str
    """`payment.posted` and so on, after a payment's journey; `message.received`."""
    subject: str
    """The payment's UETR, or the message's number in `GET /v1/messages`."""
    facts: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The event in the terms of CloudEvents 1.0."""
        return {
            "specversion": "1.0",
            "id": str(self.seq),
            "source": "/v1/events",
            "type": self.type,
            "subject": self.subject,
            "time": self.at.isoformat(),
            "data": self.facts,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, and from where to go on."""

    events: Sequence[PaymentEvent]
    next: int
    """Cursor behind which the next page begins."""
    more: bool
    """Whether there may be more by now."""


async def read(pool: asyncpg.Pool, participant: str, *, after: int, limit: int) -> Page:
    """Events of a participant's payments and of messages for it, behind a cursor; 0 is the beginning."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        last = await connection.fetchval("SELECT next_seq - 1 FROM ledger.head")
        rows = await connection.fetch(
            _PAGE, after, participant, limit, SCAN, KINDS, EventKind.MESSAGE_RECEIVED
        )
    if len(rows) == limit:
        return Page([_event(row) for row in rows], rows[-1]["seq"], more=True)
    reached = max(after, min(after + SCAN, last))
    return Page([_event(row) for row in rows], reached, more=reached < last)


async def of_payment(pool: asyncpg.Pool, participant: str, uetr: UUID) -> list[PaymentEvent]:
    """Every event of one payment, as the participant is told of them; none where it has no part in it."""
    return [_event(row) for row in await pool.fetch(_OF_PAYMENT, uetr, participant, KINDS)]


def _event(row: asyncpg.Record) -> PaymentEvent:
    body = json.loads(row["body"])
    if row["kind"] == EventKind.MESSAGE_RECEIVED:
        facts = {name: body[name] for name in ("seq", "sender", "definition", "uetr")}
        return PaymentEvent(row["seq"], row["at"], MESSAGE_RECEIVED, str(body["seq"]), facts)
    facts = {name: body[name] for name in ("state", *SHOWN) if body.get(name)}
    uetr = str(row["uetr"])
    return PaymentEvent(row["seq"], row["at"], type_of(row["kind"]), uetr, {"uetr": uetr, **facts})


def type_of(kind: str) -> str:
    """The type of a payment's event, by its kind in the log."""
    return f"payment.{event_name(kind).replace(' ', '_')}"


TYPES: Final = (MESSAGE_RECEIVED, *sorted(map(type_of, KINDS)))
"""Every type of event that a participant is told of."""
