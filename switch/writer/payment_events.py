"""Events of payments in the log: the steps and their bodies.

No body has personal data, so that the log can be shown and proved for ever.
"""

import hashlib
from uuid import UUID

from ledger.books import Books, LedgerVerdict
from switch.writer import event_bodies
from switch.writer.commands import Accept, Advance, Evidence, Identity, Promise, Return, Terms
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import Event, State, next_state


def event_body(uetr: bytes, state: State, facts: dict[str, object]) -> bytes:
    """Encode an event's body: the payment, its state after it, and further facts."""
    return event_bodies.encode({"uetr": uetr.hex(), "state": state, **facts})


def write_step(number: int, id_: UUID, event: Event, state: State, *, body: bytes, books: Books) -> None:
    """Write a step: a final one posts or voids. A reservation can always be posted and always be voided."""
    if state is State.COMMITTED:
        decision = books.post(id_, kind=event, body=body)
        assert decision.verdict is LedgerVerdict.POSTED, decision
    elif state is State.ABORTED:
        decision = books.void(id_, kind=event, body=body)
        assert decision.verdict is LedgerVerdict.VOIDED, decision
    else:
        books.record(number, event, body)


def escalate(number: int, uetr: bytes, state: State, detail: str, books: Books) -> None:
    """Record that from now on people, or the rail's file, must decide."""
    books.record(number, EventKind.ESCALATE, event_body(uetr, state, {"detail": detail}))


def refusal_body(identity: Identity, terms: Terms, reason: str, detail: str) -> bytes:
    """Body of the step that refuses a payment."""
    state = next_state(State.RECEIVED, Event.REFUSE)
    facts = {**_message_facts(identity), **_stated_facts(terms), "reason": reason, "detail": detail}
    return event_body(identity.uetr, state, facts)


def terms_facts(terms: Terms) -> dict[str, object]:
    """Facts of terms that are routed and priced: of a payment, or of a firm quote."""
    return {
        "debtor_agent": terms.debtor_agent,
        "creditor_agent": terms.creditor_agent,
        "rail": terms.rail,
        "debit": [terms.debit_minor, terms.debit_currency],
        "credit": [terms.credit_minor, terms.credit_currency],
        "fee": [terms.fee_minor, terms.debit_currency],
        "fx": [terms.fx_provider, terms.rate],
    }


def reserve_facts(command: Accept) -> dict[str, object]:
    """Facts of the step that reserves a payment's money."""
    return {
        **_message_facts(command.identity),
        **terms_facts(command.terms),
        "native_sha256": hashlib.sha256(command.native_body).hexdigest(),
        **({"charges": command.charges} if command.charges else {}),
        **({"notes": command.notes} if command.notes else {}),
        **({"quote": command.quote.hex()} if command.quote else {}),
        **price_facts(command),
        **signer_facts(command.evidence),
    }


def price_facts(command: Accept | Promise) -> dict[str, object]:
    """The offer of the rate, 0 for one that people set; a cross rate with the offer of its first rate."""
    cross = command.cross
    facts: dict[str, object] = {"offer": command.offer} if command.terms.fx_provider else {}
    if cross is not None:
        of_two = [cross.first_provider, cross.via_minor] if cross.first_provider else []
        facts["cross"] = [cross.via, cross.first, cross.first_rate, cross.second_rate, *of_two]
    return facts


def held_facts(identity: Identity, terms: Terms, evidence: Evidence | None) -> dict[str, object]:
    """Facts of a message whose payment is held before it is in the books."""
    return {
        "uetr": identity.uetr.hex(),
        **_message_facts(identity),
        **_stated_facts(terms),
        **signer_facts(evidence),
    }


def signer_facts(evidence: Evidence | None) -> dict[str, object]:
    """The key that signed the message, if one did: the writer verified it."""
    return {"keyid": evidence.keyid} if evidence is not None else {}


def cause_facts(command: Advance | Return) -> dict[str, object]:
    """The change from which a command follows, if people decided it."""
    return {"change": command.change} if command.change else {}


def answer_facts(command: Advance) -> dict[str, object]:
    """Facts of the step that follows a rail's answer."""
    facts: dict[str, object] = {
        "reason": command.reason,
        "rail_code": command.rail_code,
        "rail_reference": command.rail_reference,
        "detail": command.detail,
        "sent_at": command.sent_at,
        "answered_at": command.answered_at,
    }
    return {name: value for name, value in facts.items() if value} | cause_facts(command)


def _stated_facts(terms: Terms) -> dict[str, object]:
    """The agents and the amount that a refused payment would have moved. No personal data."""
    if not terms.debit_currency:
        return {}
    return {
        "debtor_agent": terms.debtor_agent,
        "creditor_agent": terms.creditor_agent,
        "debit": [terms.debit_minor, terms.debit_currency],
    }


def _message_facts(identity: Identity) -> dict[str, object]:
    return {
        "sender": identity.sender,
        "message": identity.message_name,
        "message_sha256": hashlib.sha256(identity.raw).hexdigest(),
        "received_at": identity.received_at,
    }
