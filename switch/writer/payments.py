"""Decisions on payments: accept or refuse, advance from step to step, return.

Every decision is one transition of `lifecycle.py` and an event of the ledger. Other parts of the batch add
further reasons to refuse a new payment, and record its end.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import msgspec

from ledger.books import Books, Decision, LedgerVerdict
from ledger.encoding import microseconds
from ledger.writer import Footprint
from schemas.reasons import Reason
from switch.writer import event_bodies
from switch.writer.commands import (
    Accept,
    Advance,
    HoldForScreening,
    Identity,
    PaymentChange,
    Refuse,
    Reply,
    Return,
    Terms,
)
from switch.writer.contradictions import Contradictions
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import FINAL, Event, IllegalTransition, State, next_state
from switch.writer.part_returns import PartBooking, PartReturns
from switch.writer.parts import AskedReturn, BatchPart, Handler, overridden
from switch.writer.payment_events import (
    answer_facts,
    cause_facts,
    escalate,
    event_body,
    refusal_body,
    reserve_facts,
    signer_facts,
    write_step,
)
from switch.writer.payment_records import NewPayment, OpenPayment, PaymentRecords
from switch.writer.settlement_book import book_legs
from switch.writer.verdicts import OF_LEDGER, Verdict

LATENESS_US: Final = 5_000_000
"""Permitted difference of a worker's expiry from ours: its clock's error and its message's delay."""

REASONS: Final = {
    LedgerVerdict.CAP_EXCEEDED: Reason.AMOUNT_EXCEEDS_SETTLEMENT_LIMIT,
    LedgerVerdict.ACCOUNT_NOT_FOUND: Reason.INCORRECT_AGENT,
    LedgerVerdict.ACCOUNT_CLOSED: Reason.TRANSACTION_FORBIDDEN,
}
"""The ledger's refusals as status reasons; all others are MS03."""

_OF_AMOUNTS: Final = {
    Event.CONFIRM: "the rail confirmed a different amount",
    Event.REJECT: "the rail gave back a different amount",
}
"""Doubts if an answer states another amount than the order; a refusal states one if money came back."""


class Payments(BatchPart):
    """Decides the commands about payments."""

    def __init__(
        self, records: PaymentRecords, contradictions: Contradictions, part_returns: PartReturns
    ) -> None:
        self._records, self._contradictions, self._part_returns = records, contradictions, part_returns
        self.handlers = {
            Accept: Handler(self._accept, _accepted_footprint),
            Refuse: Handler(self._refuse, _refused_footprint),
            Advance: Handler(self.advance, lambda c: Footprint((UUID(bytes=c.uetr),))),
            Return: Handler(self._return, lambda c: Footprint({UUID(bytes=c.id), UUID(bytes=c.uetr)})),
        }
        super().__init__()

    def meet(self, parts: Sequence[BatchPart]) -> None:
        """Collect the parts that can refuse a new payment, and those that record its reservation."""
        self._refusals = overridden(parts, BatchPart.refusal)
        self._held = overridden(parts, BatchPart.held)
        self._waited = overridden(parts, BatchPart.waited)

    def _accept(self, command: Accept, books: Books) -> Reply:
        if command.recovered:
            return self._recover(command, books)
        now = microseconds(books.now)
        return self._refused_by_parts(command, books, now) or self._reserve(command, books, now)

    def unless_held(self, command: HoldForScreening, books: Books) -> Reply | None:
        """The answer to a payment that screening found something about, if it would not be reserved now.

        It is asked all that any other is asked, by the same code: refusals must not tell its sender whose
        name is a hit. None: it would be reserved, so it may be held.
        """
        known = books.repeated(UUID(bytes=command.identity.uetr), command.identity.fingerprint)
        if known is not None:
            return Reply(OF_LEDGER[known.verdict], known.number)
        now = microseconds(books.now)
        refused = self._refused_by_parts(command, books, now)
        if refused is None and books.refusal(book_legs(command.legs)) is not None:
            refused = self._reserve(command, books, now)
            assert refused.verdict is Verdict.REFUSED, refused
        return refused

    def _refused_by_parts(self, command: Accept, books: Books, now: int) -> Reply | None:
        """The answer to a new payment that comes too late, or that a part of the batch refuses."""
        identity = command.identity
        if abs(command.expires_at - now - command.lifetime) > LATENESS_US and not _known(identity, books):
            return Reply(Verdict.LATE)
        if command.held:
            self._wait_no_longer(command.held)
        for part_refuses in self._refusals:
            refusal = part_refuses(command, now)
            if refusal is not None and not _known(identity, books):
                return self._refuse(Refuse(identity, refusal.reason, refusal.detail, command.terms), books)
        return None

    def _wait_no_longer(self, hold: int) -> None:
        """Count the payment of a hold no more: it is asked as one that comes now, or has ended."""
        for waited in self._waited:
            waited(hold)

    def _reserve(self, command: Accept, books: Books, now: int) -> Reply:
        """Reserve the money, and record the intent to send unless the rail is closed."""
        identity, terms = command.identity, command.terms
        state = next_state(State.RECEIVED, Event.RESERVE)
        decision = books.reserve(
            UUID(bytes=identity.uetr),
            book_legs(command.legs),
            fingerprint=identity.fingerprint,
            kind=Event.RESERVE,
            body=event_body(identity.uetr, state, reserve_facts(command)),
        )
        if decision.verdict is not LedgerVerdict.CREATED:
            return self._not_created(decision, identity, terms, books)
        number = decision.number
        self._records.add(NewPayment(number, identity, terms, command.native_ref, command.native_body))
        for held in self._held:
            held(number, command, books, now)
        if not command.hold:
            state = next_state(state, Event.SEND)
            books.record(number, Event.SEND, event_body(identity.uetr, state, {}))
        self._records.move(
            OpenPayment(
                number=number,
                uetr=identity.uetr,
                state=state,
                rail=terms.rail,
                credit_minor=terms.credit_minor,
                credit_currency=terms.credit_currency,
                entered=now,
                expires=command.expires_at,
                due=command.due_at,
                sendings=0 if command.hold else 1,
            )
        )
        return Reply(OF_LEDGER[decision.verdict], number, state)

    def _recover(self, command: Accept, books: Books) -> Reply:
        """Reserve a payment that its rail executed before a restore: nothing is sent, and people decide.

        It can be refused only for the money: then nothing is recorded, as the payment exists at the rail.
        """
        identity, terms = command.identity, command.terms
        legs = book_legs(command.legs)
        refusal = None if _known(identity, books) else books.refusal(legs)
        if refusal is not None:
            return Reply(Verdict.UNAVAILABLE, reason=f"it cannot be booked: {OF_LEDGER[refusal].text}")
        facts = {**reserve_facts(command), "recovered": command.recovered}
        decision = books.reserve(
            UUID(bytes=identity.uetr),
            legs,
            fingerprint=identity.fingerprint,
            kind=Event.RESERVE,
            body=event_body(identity.uetr, next_state(State.RECEIVED, Event.RESERVE), facts),
        )
        if decision.verdict is not LedgerVerdict.CREATED:
            return self._not_created(decision, identity, terms, books)
        if command.held:
            self._wait_no_longer(command.held)
        number, now = decision.number, microseconds(books.now)
        self._records.add(NewPayment(number, identity, terms, command.native_ref, command.native_body))
        for held in self._held:
            held(number, command, books, now)
        self._records.move(
            OpenPayment(
                number=number,
                uetr=identity.uetr,
                state=State.RESERVED,
                rail=terms.rail,
                credit_minor=terms.credit_minor,
                credit_currency=terms.credit_currency,
                entered=now,
                expires=command.expires_at,
                due=0,
            )
        )
        return self.may_have_been_sent(identity.uetr, "executed by its rail before the restore", 0, books)

    def may_have_been_sent(self, uetr: bytes, detail: str, due: int, books: Books) -> Reply:
        """Set a reserved payment to an unknown outcome: its rail may have it. `due` 0: people decide."""
        payment = self._records.open[uetr]
        state = payment.state
        for event in (Event.SEND, Event.DOUBT):
            state = next_state(state, event)
            facts: dict[str, object] = {"detail": detail} if event is Event.DOUBT else {}
            books.record(payment.number, event, event_body(uetr, state, facts))
        now = microseconds(books.now)
        self._records.move(
            replace(
                payment, state=state, entered=now, due=due, sendings=payment.sendings + 1, pending=due == 0
            )
        )
        if due == 0:
            escalate(payment.number, uetr, state, detail, books)
        return Reply(Verdict.CREATED, payment.number, state)

    def _not_created(self, decision: Decision, identity: Identity, terms: Terms, books: Books) -> Reply:
        """Known already: return that. Refused by the ledger: record the payment as refused."""
        if decision.verdict in {
            LedgerVerdict.EXISTS,
            LedgerVerdict.EXISTS_WITH_DIFFERENT_CONTENT,
            LedgerVerdict.ALREADY_FAILED,
        }:
            return Reply(OF_LEDGER[decision.verdict], decision.number)
        reason = REASONS.get(decision.verdict, Reason.REASON_NOT_SPECIFIED)
        detail = OF_LEDGER[decision.verdict].text
        body = refusal_body(identity, terms, reason, detail)
        books.record(decision.number, Event.REFUSE, body)
        return self._refused(decision.number, identity, terms, reason, detail)

    def _refuse(self, command: Refuse, books: Books) -> Reply:
        identity = command.identity
        decision = books.fail(
            UUID(bytes=identity.uetr),
            fingerprint=identity.fingerprint,
            kind=Event.REFUSE,
            body=refusal_body(identity, command.terms, command.reason, command.detail),
        )
        if decision.verdict is not LedgerVerdict.FAILED:
            return Reply(OF_LEDGER[decision.verdict], decision.number)
        if command.held:
            self._wait_no_longer(command.held)
        return self._refused(decision.number, identity, command.terms, command.reason, command.detail)

    def _refused(self, number: int, identity: Identity, terms: Terms, reason: str, detail: str) -> Reply:
        self._records.add(NewPayment(number, identity, terms))
        self._records.announce(PaymentChange(identity.uetr, State.ABORTED, reason))
        return Reply(Verdict.REFUSED, number, State.ABORTED, reason, detail=detail)

    def advance(self, command: Advance, books: Books) -> Reply:
        """Take one step of the lifecycle, if the payment's state and what was learned permit it."""
        open_payment = self._records.open.get(command.uetr)
        if open_payment is None:
            return self._advance_of_closed(command, books)
        command = _clear_or_doubt(open_payment, command)
        event = Event(command.event)
        verdict = _not_about(open_payment, command)
        if event is Event.SEND and microseconds(books.now) >= open_payment.expires:
            verdict = Verdict.LATE
        if verdict is not None:
            return Reply(verdict, open_payment.number, open_payment.state)
        if event is Event.DOUBT and open_payment.state is State.UNKNOWN:
            return self._still_in_doubt(open_payment, command)
        try:
            state = next_state(open_payment.state, event)
        except IllegalTransition:
            return Reply(Verdict.ILLEGAL, open_payment.number, open_payment.state)
        body = event_body(command.uetr, state, answer_facts(command))
        write_step(open_payment.number, UUID(bytes=command.uetr), event, state, body=body, books=books)
        if state in FINAL:
            return self._records.end(open_payment, state, command.reason)
        self._records.move(
            replace(
                open_payment,
                state=state,
                entered=microseconds(books.now),
                due=command.due_at,
                sendings=0 if event is Event.DEFER else open_payment.sendings + (event is Event.SEND),
                pending=open_payment.pending or command.pending,
            )
        )
        if command.due_at == 0:
            escalate(open_payment.number, command.uetr, state, command.detail, books)
        return Reply(Verdict.ADVANCED, open_payment.number, state, command.reason)

    def _advance_of_closed(self, command: Advance, books: Books) -> Reply:
        """The payment is final, or was never ours. A contradiction is recorded, never acted on.

        A rejection in an exchange that submitted the order is no contradiction: another submission was
        accepted, and the later one was rejected, or never sent. The rail's file states what the rail did.
        """
        decision = books.find(UUID(bytes=command.uetr))
        if decision is None:
            return Reply(Verdict.TRANSFER_NOT_FOUND)
        state = State.COMMITTED if decision.verdict is LedgerVerdict.POSTED else State.ABORTED
        said = {Event.CONFIRM: State.COMMITTED, Event.REJECT: State.ABORTED}.get(Event(command.event))
        if command.event == Event.REJECT and command.exchange:
            said = None
        if said is None or said is state:
            return Reply(Verdict.FINAL, decision.number, state)
        fresh = self._contradictions.note(decision.number, command, said, state, books)
        return Reply(Verdict.CONTRADICTION if fresh else Verdict.FINAL, decision.number, state)

    def _still_in_doubt(self, open_payment: OpenPayment, command: Advance) -> Reply:
        """No outcome again. The next enquiry may become earlier, never later, and no attempt is used up."""
        due = min(open_payment.due, command.due_at or open_payment.due)
        if due != open_payment.due or command.pending > open_payment.pending:
            self._records.move(
                replace(open_payment, due=due, pending=open_payment.pending or command.pending)
            )
        return Reply(Verdict.NOTED, open_payment.number, open_payment.state)

    def _return(self, command: Return, books: Books) -> Reply:
        """Reverse the payment's legs, or a part of them, and note it in the payment's own journey."""
        original = books.find(UUID(bytes=command.uetr))
        facts: dict[str, object] = {
            "uetr": command.uetr.hex(),
            "sender": command.sender,
            "message_id": command.message_id,
            "reason": command.reason,
        }
        if command.minor:
            return self._return_part(command, facts, books)
        decision = books.correct(
            UUID(bytes=command.id),
            UUID(bytes=command.uetr),
            fingerprint=command.fingerprint,
            kind=EventKind.RETURN,
            body=event_bodies.encode(facts | cause_facts(command) | signer_facts(command.evidence)),
        )
        if decision.verdict is LedgerVerdict.CREATED:
            assert original is not None
            body = event_body(
                command.uetr, State.COMMITTED, {"reason": command.reason, "return": decision.number}
            )
            books.record(original.number, EventKind.RETURNED, body)
        return Reply(OF_LEDGER[decision.verdict], decision.number)

    def _return_part(self, command: Return, facts: dict[str, object], books: Books) -> Reply:
        """A participant's terms are those of the rule, which `stop` has asked; people's the payment's own."""
        known = books.repeated(UUID(bytes=command.id), command.fingerprint)
        if known is not None:
            return Reply(OF_LEDGER[known.verdict], known.number)
        before = self._part_returns.returned(command.uetr)
        asked = AskedReturn(command.uetr, command.minor, before, command.rate)
        terms = self._part_returns.terms(asked, books) if command.sender else None
        if isinstance(terms, str):
            return Reply(Verdict.REFUSED, detail=terms)
        booking = PartBooking(
            UUID(bytes=command.id),
            command.fingerprint,
            command.reason,
            command.message_id,
            facts | cause_facts(command) | signer_facts(command.evidence),
        )
        return self._part_returns.book(asked, booking, terms, books)


def _accepted_footprint(command: Accept) -> Footprint:
    identity = command.identity
    return Footprint((UUID(bytes=identity.uetr),), len(identity.raw) + len(command.native_body))


def _refused_footprint(command: Refuse) -> Footprint:
    return Footprint((UUID(bytes=command.identity.uetr),), len(command.identity.raw))


def _known(identity: Identity, books: Books) -> bool:
    return books.find(UUID(bytes=identity.uetr)) is not None


def _not_about(ordered: OpenPayment, said: Advance) -> Verdict | None:
    """Why an answer is not about this payment in its present state; None if it is."""
    if said.rail and said.rail != ordered.rail:
        return Verdict.ANOTHER_RAIL
    # Absence is counted here (`_enquired`): no other process may claim it.
    unattributed = said.event == Event.REJECT and not said.rail and not said.only_in_doubt
    if unattributed or (said.only_in_doubt and ordered.state is not State.UNKNOWN):
        return Verdict.ILLEGAL
    return None


def _clear_or_doubt(ordered: OpenPayment, said: Advance) -> Advance:
    """Treat an answer that is not clearly about this order as DOUBT, whatever it states.

    A confirmation of a different amount confirms nothing, nor does a different amount that is given back
    refuse all of it: people must examine it. A rejection or deferral
    in the exchange of a second submission, or in a first one that a second has overtaken, says nothing of the
    other.
    """
    if said.event in _OF_AMOUNTS and said.credited_currency:
        if (said.credited_minor, said.credited_currency) != (ordered.credit_minor, ordered.credit_currency):
            return msgspec.structs.replace(
                said, event=Event.DOUBT, due_at=0, pending=True, detail=_OF_AMOUNTS[Event(said.event)]
            )
    elif said.event in {Event.REJECT, Event.DEFER} and said.exchange and ordered.sendings > 1:
        return msgspec.structs.replace(said, event=Event.DOUBT)
    return said
