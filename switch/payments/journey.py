"""Query payments: status and journey. The ledger's event log is the history."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from adapters import registry
from schemas.errors import DuplicateUetr, NotAllowed, NotFound, Restoring
from schemas.money import Money
from switch.base.sql import statements
from switch.payments import held, investigations, own_uetrs, recalls
from switch.payments.intake import PaymentStatus
from switch.payments.tariffs import OF_CORRIDOR
from switch.writer.commands import FeeCharge
from switch.writer.event_kinds import OF_PAYMENTS, EventKind
from switch.writer.lifecycle import FINAL, STATUS, Event, State

_statement: Final = statements("switch.payments")
_EVENTS: Final = _statement("steps")
_KEPT: Final = _statement("kept_result")
_ARCHIVED: Final = "its history is archived"
_RETURNED: Final = "returned"
_PAYMENT: Final = _statement("payment")
_HELD_ORDER: Final = _statement("held_order")
_PARTS: Final = _statement("part_returns_of_payment")
_CLOSED: Final = "SELECT EXISTS (SELECT FROM switch.closed)"
KINDS: Final = OF_PAYMENTS
_NAMES: Final = {
    Event.REFUSE: "refused",
    Event.RESERVE: "reserved",
    Event.SEND: "sent",
    Event.EXPIRE: "expired",
    Event.CANCEL: "cancelled",
    Event.DEFER: "deferred",
    Event.DOUBT: "in doubt",
    Event.CONFIRM: "posted",
    Event.REJECT: "released",
}
SHOWN: Final = ("reason", "rail_code", "rail_reference", "detail")


@dataclass(frozen=True, slots=True)
class JourneyStep:
    """One step of a payment; `at` is the ledger's time, or the time that a worker observed."""

    event: str
    at: datetime
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class JourneyTransition:
    """One transition in the lifecycle table."""

    state: State
    event: Event
    then: State


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def _steps(row: asyncpg.Record) -> list[JourneyStep]:
    """Split one event: what was observed before the durable step, then the step itself."""
    body = json.loads(row["body"])
    before = [
        JourneyStep(name, _instant(body[field]), {})
        for name, field in (("received", "received_at"), ("answered", "answered_at"))
        if body.get(field)
    ]
    facts = {name: body[name] for name in SHOWN if body.get(name)}
    return [*before, JourneyStep(event_name(row["kind"]), row["at"], facts)]


def event_name(kind: str) -> str:
    """Name in the journey of an event of the log."""
    return _NAMES[Event(kind)] if kind in set(Event) else kind.lower()


async def _events(pool: asyncpg.Pool, uetr: UUID) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await pool.fetch(_EVENTS, uetr, KINDS)
    return rows


async def _status(pool: asyncpg.Pool, uetr: UUID, rows: list[asyncpg.Record]) -> tuple[State, str, str, str]:
    """Status of a payment from its events or, if they were detached, from its permanent record."""
    if any(row["kind"] in set(Event) for row in rows):
        return _state(rows)
    kept = await pool.fetchrow(_KEPT, uetr)
    if kept is None:
        raise NotFound
    if kept["posted"]:
        detail = f"{_RETURNED}; {_ARCHIVED}" if kept["returned"] else _ARCHIVED
        return State.COMMITTED, "", detail, Event.CONFIRM
    return State.ABORTED, "", _ARCHIVED, Event.REFUSE if kept["refused"] else Event.REJECT


def _state(rows: list[asyncpg.Record]) -> tuple[State, str, str, str]:
    """State, reason, detail and last lifecycle event of a payment, from its events in order."""
    last = next(row for row in reversed(rows) if row["kind"] in set(Event))
    body = json.loads(last["body"])
    returned = [json.loads(row["body"]) for row in rows if row["kind"] == EventKind.RETURNED]
    detail = f"{_RETURNED} {returned[-1]['reason']}".strip() if returned else body.get("detail", "")
    parts = [json.loads(row["body"]) for row in rows if row["kind"] == EventKind.PART_RETURNED]
    if parts:
        detail = f"{_RETURNED} in part {parts[-1]['reason']}".strip()
    return State(body["state"]), body.get("reason", ""), detail, last["kind"]


async def read_status(pool: asyncpg.Pool, uetr: UUID) -> PaymentStatus:
    """Status of a known payment.

    Raises:
        NotFound: there is none of this UETR.

    """
    rows = await _events(pool, uetr)
    if not rows and await held.is_held(pool, uetr):
        return PaymentStatus(uetr, State.RECEIVED, known=True)
    state, reason, detail, event = await _status(pool, uetr, rows)
    here = event == Event.REFUSE
    return PaymentStatus(
        uetr,
        state,
        reason,
        detail,
        known=True,
        refused_here=here,
        notes=_notes(rows),
        charges=[Money(charge.minor, currency) for charge, currency in _charges(rows)],
    )


async def read_known(pool: asyncpg.Pool, uetr: UUID, fingerprint: bytes) -> PaymentStatus | None:
    """Status of the payment with this UETR and content; None if there is none.

    Raises:
        DuplicateUetr: the UETR is known with different content.

    """
    known = await pool.fetchval("SELECT fingerprint FROM ledger.transfer WHERE id = $1", uetr)
    if known is None:
        is_held = await held.is_held(pool, uetr, fingerprint)
        return PaymentStatus(uetr, State.RECEIVED, known=True) if is_held else None
    if known != fingerprint:
        raise DuplicateUetr
    return await read_status(pool, uetr)


async def read_payment(pool: asyncpg.Pool, uetr: UUID, owners: list[str] | None) -> dict[str, Any]:
    """Describe a payment to a reader who may see data of `owners`; None is everything.

    `uetr` of the result is that of the books: of a payment with a UETR of its own, its sender states another
    one. `also_stated`, for readers of everything: further payments whose senders stated this UETR.

    `owners` is a list: a single string would be read as its letters.

    Raises:
        NotFound: there is none, or no owner is a party: the response is the same.
        Restoring: the same, while the switch is closed after a restore: the database may have lost it.

    """
    payment = await pool.fetchrow(_PAYMENT, uetr)
    if payment is None:
        pending = await _pending(pool, uetr, owners)
        if pending is not None:
            return pending
    if owners is not None and (payment is None or payment["sender"] not in owners):
        own = await own_uetrs.find(pool, owners, uetr)  # what a sender states is its own payment first
        if own is not None:
            uetr, payment = own, await pool.fetchrow(_PAYMENT, own)
            pending = await _pending(pool, uetr, owners) if payment is None else None
            if pending is not None:
                return pending
    return await _described(pool, uetr, payment, owners)


async def _pending(pool: asyncpg.Pool, uetr: UUID, owners: list[str] | None) -> dict[str, Any] | None:
    """Describe a payment that is not in the books yet, to its sender; None if there is none."""
    row = await held.read_one(pool, uetr)
    if row is None or (owners is not None and row["sender"] not in owners):
        return None
    debit = Money(row["debit_minor"], row["debit_currency"])
    return {
        "uetr": str(uetr),
        "state": State.RECEIVED,
        "status": STATUS[State.RECEIVED],
        "final": False,
        "returned": False,
        "reason": None,
        "detail": None,
        "message": row["message_name"],
        "message_id": row["message_id"],
        "debtor_agent": row["sender"],
        "creditor_agent": row["creditor_agent"],
        "rail": None,
        "rail_name": None,
        "rail_reference": None,
        "interbank_settlement_amount": _money(debit),
        "credited_amount": None,
        "fee": None,
        "exchange_rate": None,
        "fx_provider": None,
        "part_returns": [],
        "recalls": [],
        "investigations": await investigations.of_payment(pool, uetr, owners),
        "source_order": _order(await pool.fetchrow(_HELD_ORDER, uetr, row["fingerprint"])),
        "notes": [],
        "journey": [{"event": "received", "at": row["received_at"].isoformat()}],
    }


async def read_received(pool: asyncpg.Pool, uetr: UUID, creditor_agent: str) -> dict[str, Any]:
    """Describe the payment that its creditor agent names: by the UETR of the books.

    A creditor agent that sends a payment under the same UETR has two; it returns the one that it received.

    Raises:
        NotFound, Restoring: as `read_payment`.
        NotAllowed: the caller is a party, but not its creditor agent.

    """
    payment = await pool.fetchrow(_PAYMENT, uetr)
    found = await _described(pool, uetr, payment, [creditor_agent])
    if found.get("creditor_agent") != creditor_agent:
        raise NotAllowed("only the creditor agent may return a payment, or answer its recall")
    return found


async def _described(
    pool: asyncpg.Pool, uetr: UUID, payment: asyncpg.Record | None, owners: list[str] | None
) -> dict[str, Any]:
    if payment is None or not _has_part(payment, owners):
        if await pool.fetchval(_CLOSED):
            raise Restoring("the database was restored, and may have lost this payment: ask again later")
        raise NotFound
    rows = await _events(pool, uetr)
    state, reason, detail, _ = await _status(pool, uetr, rows)
    return {
        "uetr": str(uetr),
        "state": state,
        "status": STATUS[state],
        "final": state in FINAL,
        "returned": payment["returned"],
        "reason": reason or None,
        "detail": detail or None,
        "message": payment["message_name"],
        "message_id": payment["message_id"],
        **({} if owners is not None else await _also_stated(pool, uetr)),
        **_terms(payment),
        "part_returns": await _parts(pool, payment) if payment["has_parts"] else [],
        "recalls": await recalls.of_payment(pool, payment["number"]) if payment["has_recalls"] else [],
        "investigations": await investigations.of_payment(pool, uetr, owners)
        if payment["has_questions"]
        else [],
        "source_order": _order(payment),
        "charges": [charge_document(*each) for each in _charges(rows)],
        "notes": [{"path": path, "text": text} for path, text in _notes(rows)],
        "journey": [
            {"event": step.event, "at": step.at.isoformat(), **step.facts}
            for row in rows
            for step in _steps(row)
        ],
    }


async def _parts(pool: asyncpg.Pool, payment: asyncpg.Record) -> list[dict[str, Any]]:
    return [_part(row, payment) for row in await pool.fetch(_PARTS, payment["number"])]


def _part(row: asyncpg.Record, payment: asyncpg.Record) -> dict[str, Any]:
    """A return of a part, or at the rate in force: what went back, and what the debtor bears."""
    currency = payment["debit_currency"]
    at_rate = row["rate"] or payment["rate"] or None
    return {
        "amount": _money(Money(row["credit_minor"], payment["credit_currency"])),
        "received_amount": _money(Money(row["debit_minor"], currency)),
        "exchange_rate": at_rate,
        "borne_by_debtor": _money(Money(row["share_minor"] - row["debit_minor"], currency)),
        "reason": row["reason"] or None,
        "at": None if row["at"] is None else row["at"].isoformat(),
        "refund": _refund(row, currency) if row["refund"] else None,
    }


def _order(row: asyncpg.Record | None) -> dict[str, Any] | None:
    """The order of a rail of which a payment was made; None if a participant sent it."""
    if row is None or row["order_ref"] is None:
        return None
    told_at = row["order_told_at"]
    return {
        "rail": row["order_rail"],
        "rail_name": _rail_name(row["order_rail"]),
        "id": row["order_ref"],
        "state": row["order_state"],
        "acknowledged_at": None if told_at is None else told_at.isoformat(),
        "owed": row["owed"] or None,
        "refund": _refund(row, row["debit_currency"]) if row["refund"] else None,
    }


def _refund(row: asyncpg.Record, currency: str) -> dict[str, Any]:
    """Our order to the rail that refunds the payer."""
    back, minor, uetr = row["refund_back_minor"], row["refund_minor"], row["refund_uetr"]
    changed_at, carried = row["refund_changed_at"], row.get("carried_minor")
    return {
        "state": row["refund"],
        "id": row["refund_ref"] or None,
        "uetr": None if uetr is None else str(uetr),
        "amount": None if minor is None else _money(Money(minor, currency)),
        "given_back": None if back is None else _money(Money(back, currency)),
        "carried": _money(Money(carried, currency)) if carried else None,
        "orders": row["refund_made"],
        "detail": row["refund_detail"] or None,
        "since": None if changed_at is None else changed_at.isoformat(),
    }


def _money(amount: Money) -> dict[str, str]:
    return {"currency": amount.currency, "amount": amount.text}


async def _also_stated(pool: asyncpg.Pool, uetr: UUID) -> dict[str, Any]:
    found = await own_uetrs.also(pool, uetr)
    return {"also_stated": [{"sender": sender, "uetr": str(own)} for sender, own in found]} if found else {}


def _rail_name(country: str) -> str | None:
    """Display name of the rail of a country."""
    return registry.profile(country).rail if country in registry.countries() else None


def _notes(rows: list[asyncpg.Record]) -> list[list[str]]:
    """Parts of the message that the rail does not carry, as noted when the money was reserved."""
    held = next((row["body"] for row in rows if row["kind"] == Event.RESERVE), "{}")
    notes: list[list[str]] = json.loads(held).get("notes", [])
    return notes


def _charges(rows: list[asyncpg.Record]) -> list[tuple[FeeCharge, str]]:
    """The charges with their currency, as noted when the money was reserved; none if that is archived."""
    held = json.loads(next((row["body"] for row in rows if row["kind"] == Event.RESERVE), "{}"))
    minor, currency = held.get("fee", (0, ""))
    recorded = [FeeCharge(*each) for each in held.get("charges", ())]
    only = [FeeCharge(OF_CORRIDOR, "switch", False, minor)] if minor else []
    return [(each, currency) for each in recorded or only]


def charge_document(charge: FeeCharge, currency: str) -> dict[str, Any]:
    """A charge as the API shows it. `tariff` is None if it is the corridor's own fee."""
    return {
        "of": charge.component,
        "borne_by": charge.borne_by,
        "tariff": charge.tariff or None,
        "amount": _money(Money(charge.minor, currency)),
    }


def _has_part(payment: asyncpg.Record, owners: list[str] | None) -> bool:
    parts = {payment["sender"], payment["debtor_agent"]}
    if payment[
        "native_ref"
    ]:  # a payment refused by the switch itself is not visible to the creditor agent that it names
        parts.add(payment["creditor_agent"])
    return owners is None or not parts.isdisjoint(owners)


async def read_path(pool: asyncpg.Pool, uetr: UUID) -> list[JourneyTransition]:
    """The transitions of a known payment in the lifecycle table; none if they are archived."""
    moves: list[JourneyTransition] = []
    for row in await _events(pool, uetr):
        if row["kind"] in set(Event):
            before = moves[-1].then if moves else State.RECEIVED
            moves.append(
                JourneyTransition(before, Event(row["kind"]), State(json.loads(row["body"])["state"]))
            )
    return moves


def _terms(payment: asyncpg.Record) -> dict[str, Any]:
    """Terms of the payment; if it was refused before it was priced, those that its message states."""
    if not payment["debit_currency"]:
        return {}
    priced = bool(payment["credit_minor"])
    debit = Money(payment["debit_minor"] + payment["deducted_minor"], payment["debit_currency"])
    credit = Money(payment["credit_minor"], payment["credit_currency"])
    fee = Money(payment["fee_minor"], payment["debit_currency"])
    return {
        "debtor_agent": payment["debtor_agent"],
        "creditor_agent": payment["creditor_agent"],
        "rail": payment["rail"] or None,
        "rail_name": _rail_name(payment["rail"]),
        "rail_reference": payment["native_ref"] or None,
        "interbank_settlement_amount": _money(debit),
        "credited_amount": _money(credit) if priced else None,
        "fee": _money(fee) if priced else None,
        "exchange_rate": payment["rate"] or None,
        "fx_provider": payment["fx_provider"] or None,
    }
