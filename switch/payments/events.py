"""Events of a participant: steps of its payments, messages for it, and changes of its keys and people.

Pages, streams and webhooks have the same events.
The source is the ledger's log, so no event is missed and none is sent before it is durable. A payment that
the switch itself refused has no rail reference and is visible to its sender only: nothing was sent towards
the creditor agent that it names. The event of a message has its sender and type, but none of its content,
which is in `GET /v1/messages`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.errors import CursorAhead
from schemas.money import Money
from switch.base.sql import statements
from switch.payments.journey import KINDS, SHOWN, event_name
from switch.writer import event_bodies
from switch.writer.event_kinds import OF_PARTICIPANTS, EventKind

MESSAGE_RECEIVED: Final = "message.received"
"""Type of the event that announces a message in `GET /v1/messages`."""
_TYPES_OF_PARTICIPANTS: Final = {str(kind): kind.lower().replace("_", ".") for kind in OF_PARTICIPANTS}
"""Kind in the log -> type of the event, such as `key.added`."""
_ADDRESSEE: Final = {
    EventKind.MESSAGE_RECEIVED: "receiver",
    **dict.fromkeys(OF_PARTICIPANTS, "participant"),
}
"""Kind in the log -> name of the value in its body that says whom the event is for."""
SCAN: Final = 10_000
"""Maximum events, of all participants, that one page reads."""
_statement: Final = statements("switch.payments")
_PAGE: Final = _statement("events_after")
_GAPS: Final = _statement("restored_gaps")
_LAST: Final = "SELECT next_seq - 1 FROM ledger.head"
_OF_PAYMENT: Final = _statement("visible_events")


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One event of a payment, the arrival of one message, or one change of a key or a person."""

    seq: int
    at: datetime
    type: str
    """A step of a payment such as `payment.posted`, `message.received`, or a change such as `key.added`."""
    subject: str
    """The payment's UETR, the message's number in `GET /v1/messages`, the key id or the person's name."""
    facts: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The event in CloudEvents 1.0 format."""
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
class EventsPage:
    """Some events, and where to continue."""

    events: Sequence[PaymentEvent]
    next: int
    """Cursor after which the next page begins."""
    more: bool
    """Whether there may be more events now."""


async def check_cursor(pool: asyncpg.Pool, after: int) -> None:
    """Check that a cursor is in the log.

    Raises:
        CursorAhead: it is after the end of the log, or in a part that a restore left out.

    """
    async with pool.acquire() as connection:
        last = await connection.fetchval(_LAST)
        _check(after, last, await _gaps(connection))


async def read(pool: asyncpg.Pool, participant: str, *, after: int, limit: int) -> EventsPage:
    """Events of a participant's payments and of messages for it, after a cursor; 0 is the beginning.

    Raises:
        CursorAhead: the cursor is after the end of the log, or in a part that a restore left out.

    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        last, gaps = await connection.fetchval(_LAST), await _gaps(connection)
        _check(after, last, gaps)
        rows = await connection.fetch(
            _PAGE, after, participant, limit, SCAN, KINDS, EventKind.MESSAGE_RECEIVED, OF_PARTICIPANTS
        )
    found = [_event(row) for row in rows if _is_for(row, participant)]
    if len(rows) == limit:
        return EventsPage(found, rows[-1]["seq"], more=True)
    reached = max(after, min(after + SCAN, last))
    for kept, first in gaps:  # nothing there was ever an event of a payment
        if kept <= reached < first:  # while the writer still fills it, no cursor may point into it
            reached = first - 1 if first - 1 <= last else kept
    return EventsPage(found, reached, more=after < reached < last)


async def _gaps(connection: asyncpg.Connection) -> list[tuple[int, int]]:
    """Parts of the log that stand for events which restores lost: the last event before, the first after."""
    return [(row["kept"], row["first"]) for row in await connection.fetch(_GAPS)]


def _check(after: int, last: int, gaps: list[tuple[int, int]]) -> None:
    if after > last:
        text = f"the log ends at event {last}: this cursor is of another log, or of one that was lost"
        raise CursorAhead(f"{text}. Continue with after={last}", last)
    for kept, first in gaps:
        if kept < after < first - 1:
            text = f"the database was restored to event {kept}, and the events after it are left out"
            raise CursorAhead(f"{text}. Drop what followed from them, and continue with after={kept}", kept)


async def of_payment(pool: asyncpg.Pool, participant: str, uetr: UUID) -> list[PaymentEvent]:
    """Every event of one payment, as the participant gets them; none if it is not a party."""
    return [_event(row) for row in await pool.fetch(_OF_PAYMENT, uetr, participant, KINDS)]


def _is_for(row: asyncpg.Record, participant: str) -> bool:
    """Whether an event is for a participant; the statement only searched for its id in the body."""
    name = _ADDRESSEE.get(row["kind"])
    return name is None or event_bodies.read_facts(row["body"]).get(name) == participant


def _event(row: asyncpg.Record) -> PaymentEvent:
    body = event_bodies.read_facts(row["body"])
    if row["kind"] == EventKind.MESSAGE_RECEIVED:
        facts = {name: body.get(name) for name in ("seq", "sender", "definition", "uetr")}
        if row["uetr"] is not None:  # the receiver stated another one for its payment
            facts["uetr"] = str(row["uetr"])
        facts["links"] = _links_of_message(facts)
        return PaymentEvent(row["seq"], row["at"], MESSAGE_RECEIVED, str(body.get("seq", "")), facts)
    if row["kind"] in _TYPES_OF_PARTICIPANTS:
        facts = {name: value for name, value in body.items() if name not in {"id", "participant"}}
        subject = str(body.get("keyid") or body.get("person") or "")
        return PaymentEvent(row["seq"], row["at"], _TYPES_OF_PARTICIPANTS[row["kind"]], subject, facts)
    steps = {name: body[name] for name in ("state", *SHOWN) if body.get(name)}
    uetr = str(row["uetr"])
    facts = {
        "uetr": uetr,
        "sequence": row["place"],
        **steps,
        **_terms(row),
        "links": {"payment": _link(uetr)},
    }
    return PaymentEvent(row["seq"], row["at"], type_of(row["kind"]), uetr, facts)


def _terms(row: asyncpg.Record) -> dict[str, Any]:
    """What the payment is about, without its customers; nothing if it was refused before it was routed."""
    if not row["debit_currency"]:
        return {}
    priced = bool(row["credit_minor"])
    return {
        "debtor_agent": {"id": row["debtor_agent"], "bic": row["debtor_bic"]},
        "creditor_agent": {"id": row["creditor_agent"], "bic": row["creditor_bic"]},
        "rail": row["rail"] or None,
        "interbank_settlement_amount": _amount(row["debit_minor"], row["debit_currency"]),
        "credited_amount": _amount(row["credit_minor"], row["credit_currency"]) if priced else None,
        "fee": _amount(row["fee_minor"], row["debit_currency"]) if priced else None,
    }


def _amount(minor: int, currency: str) -> dict[str, str]:
    return {"currency": currency, "amount": Money(minor, currency).text}


def _links_of_message(facts: dict[str, Any]) -> dict[str, str]:
    """Links of a message; events of an early release may lack its number."""
    seq = facts["seq"]
    message = {"message": f"/v1/messages?after={seq - 1}&limit=1"} if isinstance(seq, int) else {}
    return message | ({"payment": _link(facts["uetr"])} if facts["uetr"] else {})


def _link(uetr: str) -> str:
    return f"/v1/payments/{uetr}"


def type_of(kind: str) -> str:
    """Event type of a kind in the log."""
    return f"payment.{event_name(kind).replace(' ', '_')}"


TYPES: Final = (*_TYPES_OF_PARTICIPANTS.values(), MESSAGE_RECEIVED, *sorted(map(type_of, KINDS)))
"""Every type of event that a participant can receive."""
