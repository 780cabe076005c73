"""What the writer decides about payments: the lifecycle beside the ledger, in one durable transaction.

This is the ledger writer's host. Commands are decided in order of arrival, in memory, against the books;
what was decided travels to the database as one call of `switch.record_payments`, in the statement that
applies the ledger's own changes. History is the ledger's event log; `switch.open_payment` holds the few
payments that are not final yet, and this class keeps the same few in memory.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from ledger.books import Books, Decision, Verdict
from ledger.books import Leg as BookLeg
from ledger.columns import Call
from ledger.encoding import microseconds
from ledger.writer import BatchExtension, Touches
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.writer import absence, duplicates, settlement_book
from switch.writer.absence import Asked, Count, Rules
from switch.writer.commands import (
    FROZEN,
    LATE,
    Accept,
    Advance,
    Change,
    Command,
    Ended,
    Enquired,
    Freeze,
    Fund,
    Hold,
    Identity,
    Leg,
    OpenAccount,
    Ping,
    Record,
    Refuse,
    Release,
    Reply,
    Return,
    SetCap,
    SetLimit,
    Terms,
    Unfreeze,
)
from switch.writer.decided_once import Orders
from switch.writer.duplicates import Duplicates, Kind
from switch.writer.freeze import Standing
from switch.writer.lifecycle import FINAL, Event, IllegalTransition, State, next_state
from switch.writer.limits import Limit, Limits
from switch.writer.open_payments import (
    RECORD_CONTRADICTIONS,
    RECORD_ENQUIRIES,
    RECORD_KEYS,
    RECORD_PAYMENTS,
    NewPayment,
    Open,
)

LATENESS_US: Final = 5_000_000
"""How far a worker's idea of an expiry may be from ours: its clock's error and its message's delay."""

ENQUIRY: Final = "ENQUIRY"
"""Kind of the event that says what the rail said when it was asked, where that ended nothing."""

CONTRADICTIONS_MAX: Final = 10_000
"""Contradictions remembered, so that the same is written down once."""

_READ: Final = statements("switch.writer")("read_open_payments")
_ORDERED: Final = OpenAccount | SetCap | SetLimit
_encode = msgspec.json.Encoder(order="deterministic").encode

_BREAKS: Final = {
    State.COMMITTED: ("credited_but_aborted", "the rail says done; aborted here"),
    State.ABORTED: ("refused_but_committed", "the rail says refused, or gave it back; committed here"),
}
"""What a rail's word against a final payment is in the list of breaks."""

REASONS: Final = {
    Verdict.CAP_EXCEEDED: Reason.AMOUNT_EXCEEDS_SETTLEMENT_LIMIT,
    Verdict.ACCOUNT_NOT_FOUND: Reason.INCORRECT_AGENT,
    Verdict.ACCOUNT_CLOSED: Reason.TRANSACTION_FORBIDDEN,
}
"""The ledger's refusals as status reasons; the others are MS03."""


@dataclass(frozen=True, slots=True)
class _GivenOut:
    """What is remembered of a batch until it is durable: the news of it, and the payments that it closes."""

    changes: Sequence[Change]
    closed: Collection[bytes]


def _legs(legs: Iterable[Leg]) -> tuple[BookLeg, ...]:
    return tuple(BookLeg(leg.debit, leg.credit, leg.amount, leg.purpose) for leg in legs)


class PaymentBook:
    """The `ledger.writer.Host` of the switch."""

    def __init__(self, announce: Callable[[Sequence[Change]], None], rules: Rules | None = None) -> None:
        self._announce = announce
        self._rules: Rules = rules if rules is not None else {}
        self._open: dict[bytes, Open] = {}
        self._contradicted: dict[tuple[bytes, str], None] = {}
        self._decide: dict[type, Callable[[Any, Books], Reply]] = {
            Accept: self._accept,
            Refuse: self._refuse,
            Advance: self._advance,
            Enquired: self._enquired,
            Ping: lambda _, __: Reply("pong"),
            Fund: self._fund,
            Return: self._return,
            OpenAccount: self._open_account,
            SetCap: self._set_cap,
            SetLimit: self._set_limit,
            **settlement_book.DECISIONS,
        }
        self._in_flight: deque[_GivenOut] = deque()
        self._limits = Limits()
        self._orders = Orders()
        self._duplicates = Duplicates()
        self._freeze = Standing()
        self._decide |= {Freeze: self._freeze.freeze, Unfreeze: self._freeze.unfreeze}
        self._start_batch()

    def _start_batch(self) -> None:
        self._payments: list[NewPayment] = []
        self._natives: list[tuple[int, bytes]] = []
        self._moved: dict[bytes, Open] = {}
        self._enquired_about: dict[bytes, Open] = {}
        self._breaks: list[tuple[int, str, str, str]] = []
        self._closed: dict[bytes, int] = {}
        self._changes: list[Change] = []
        self._limits.start_batch()
        self._orders.start_batch()
        self._duplicates.start_batch()
        self._freeze.start_batch()

    # ── what the writer calls, in this order ──────────────────────────────────────────────────────────

    def touches(self, command: Command) -> Touches:  # noqa: PLR0911 - one line a kind of command
        """The transfer that must be in memory before `command` is decided, and the weight of its bytes."""
        match command:
            case Accept(identity=identity, native_body=native):
                return Touches((UUID(bytes=identity.uetr),), len(identity.raw) + len(native))
            case Refuse(identity=identity):
                return Touches((UUID(bytes=identity.uetr),), len(identity.raw))
            case Advance(uetr=uetr) | Enquired(uetr=uetr):
                return Touches((UUID(bytes=uetr),))
            case Return(id=id_, uetr=uetr):
                return Touches({UUID(bytes=id_), UUID(bytes=uetr)})
            case Fund(id=id_) | Hold(id=id_) | Release(id=id_):
                return Touches((UUID(bytes=id_),))
            case Record(body=body):
                return Touches((), len(body))
            case _:
                return Touches()

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Bring the open payments that `commands` speak of into memory; at first what always holds."""
        await self._limits.load(connection)
        await self._orders.load(
            connection, {c.order for c in commands if isinstance(c, _ORDERED) and c.order}
        )
        await self._freeze.load(connection)
        await self._duplicates.load(connection, commands)
        named = {c.uetr for c in commands if isinstance(c, Advance | Enquired) and c.uetr not in self._open}
        # A payment that closes in a batch in flight is open in the database, and in the database only.
        wanted = named.difference(*(given_out.closed for given_out in self._in_flight))
        if not wanted:
            return
        rows = await connection.fetch(_READ, [UUID(bytes=uetr) for uetr in wanted])
        for row in rows:
            uetr = row["uetr"].bytes
            self._open[uetr] = Open(
                number=row["number"],
                uetr=uetr,
                state=State(row["state"]),
                rail=row["rail"],
                credit_minor=row["credit_minor"],
                credit_currency=row["credit_currency"],
                entered=microseconds(row["entered_at"]),
                expires=microseconds(row["expires_at"]),
                due=microseconds(row["due_at"]) if row["due_at"] else 0,
                enquiries=row["enquiries"],
                sendings=row["sendings"],
                pending=row["pending"],
                absence=Count(row["absences"], microseconds(row["absent_at"]) if row["absent_at"] else 0),
                unanswered=row["unanswered"],
            )

    def decide(self, command: Command, books: Books) -> Reply:
        """Decide one command against the books and this batch so far."""
        if self._freeze.stops(command, books):
            return Reply(FROZEN)
        return self._decide[type(command)](command, books)

    def extension(self) -> BatchExtension:
        """What of this batch goes to the switch's own tables; the next batch starts."""
        calls = self._calls()
        self._in_flight.append(_GivenOut(self._changes, self._closed.keys()))
        self._start_batch()
        return calls

    def _calls(self) -> list[Call]:
        calls: list[Call] = []
        if self._payments or self._moved or self._closed:
            moved = self._moved.values()
            calls.append(RECORD_PAYMENTS(self._payments, self._natives, moved, list(self._closed.values())))
        if self._payments:
            calls.append(RECORD_KEYS(self._payments))
        if self._enquired_about:
            calls.append(RECORD_ENQUIRIES(self._enquired_about.values()))
        for part in (self._limits, self._orders, self._freeze, self._duplicates):
            calls += part.extension()
        if self._breaks:
            calls.append(RECORD_CONTRADICTIONS(self._breaks))
        return calls

    def committed(self) -> None:
        """The oldest batch given out is durable: tell whoever waits."""
        changes = self._in_flight.popleft().changes
        if not self._in_flight:
            self._orders.keep_bounded()
        self._duplicates.keep_bounded()
        if changes:
            self._announce(changes)

    def abandoned(self) -> None:
        """What is not durable may not have happened: nothing in memory can be trusted."""
        self._open.clear()
        self._in_flight.clear()
        self._contradicted.clear()
        self._limits.forget()
        self._orders.forget()
        self._duplicates.forget()
        self._freeze.forget()
        self._start_batch()

    # ── payments ──────────────────────────────────────────────────────────────────────────────────────

    def _accept(self, command: Accept, books: Books) -> Reply:
        identity, terms = command.identity, command.terms
        now = microseconds(books.now)
        if abs(command.expires_at - now - command.lifetime) > LATENESS_US and not _known(identity, books):
            return Reply(LATE)
        minor = terms.debit_minor + terms.fee_minor
        excess = self._limits.excess(terms.debtor_agent, terms.debit_currency, minor, now)
        if excess is not None and not _known(identity, books):
            detail = excess.replace("_", " ")
            return self._refuse(Refuse(identity, Reason.AMOUNT_EXCEEDS_AGREED_LIMIT, detail, terms), books)
        twin = self._duplicates.twin(command.claims, now)
        if twin is not None and not twin[0].alert and not _known(identity, books):
            return self._refuse(Refuse(identity, *duplicates.REFUSALS[Kind(twin[0].kind)], terms), books)
        state = next_state(State.RECEIVED, Event.RESERVE)
        decision = books.reserve(
            UUID(bytes=identity.uetr),
            _legs(command.legs),
            fingerprint=identity.fingerprint,
            kind=Event.RESERVE,
            body=_body(identity.uetr, state, _reserve_facts(command)),
        )
        if decision.verdict is not Verdict.CREATED:
            return self._not_created(decision, identity, terms, books)
        number = decision.number
        self._payments.append(NewPayment(number, identity, terms, command.native_ref))
        self._limits.count(number, terms.debtor_agent, terms.debit_currency, minor=minor, now_us=now)
        self._natives.append((number, command.native_body))
        self._duplicates.take(command.claims, number, now)
        if twin is not None:
            books.record(number, "LOOK_ALIKE", _body(identity.uetr, state, {"twin": twin[1]}))
        if not command.hold:
            state = next_state(state, Event.SEND)
            books.record(number, Event.SEND, _body(identity.uetr, state, {}))
        self._move(
            Open(
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
        return Reply(decision.verdict, number, state)

    def _not_created(self, decision: Decision, identity: Identity, terms: Terms, books: Books) -> Reply:
        """Known already: say so. Refused by the ledger: remember the payment as refused."""
        if decision.verdict in {
            Verdict.EXISTS,
            Verdict.EXISTS_WITH_DIFFERENT_CONTENT,
            Verdict.ALREADY_FAILED,
        }:
            return Reply(decision.verdict, decision.number)
        reason = REASONS.get(decision.verdict, Reason.REASON_NOT_SPECIFIED)
        detail = decision.verdict.replace("_", " ")
        body = _refusal_body(identity, terms, reason, detail)
        books.record(decision.number, Event.REFUSE, body)
        return self._refused(decision.number, identity, terms, reason, detail)

    def _refuse(self, command: Refuse, books: Books) -> Reply:
        identity = command.identity
        decision = books.fail(
            UUID(bytes=identity.uetr),
            fingerprint=identity.fingerprint,
            kind=Event.REFUSE,
            body=_refusal_body(identity, command.terms, command.reason, command.detail),
        )
        if decision.verdict is not Verdict.FAILED:
            return Reply(decision.verdict, decision.number)
        return self._refused(decision.number, identity, command.terms, command.reason, command.detail)

    def _refused(self, number: int, identity: Identity, terms: Terms, reason: str, detail: str) -> Reply:
        self._payments.append(NewPayment(number, identity, terms, ""))
        self._changes.append(Change(identity.uetr, State.ABORTED, reason))
        return Reply("refused", number, State.ABORTED, reason, detail=detail)

    def _advance(self, command: Advance, books: Books) -> Reply:
        open_payment = self._open.get(command.uetr)
        if open_payment is None:
            return self._advance_of_closed(command, books)
        command = _believable(open_payment, command)
        event = Event(command.event)
        verdict = _not_about(open_payment, command)
        if event is Event.SEND and microseconds(books.now) >= open_payment.expires:
            verdict = LATE
        if verdict:
            return Reply(verdict, open_payment.number, open_payment.state)
        if event is Event.DOUBT and open_payment.state is State.UNKNOWN:
            return self._still_in_doubt(open_payment, command)
        try:
            state = next_state(open_payment.state, event)
        except IllegalTransition:
            return Reply("illegal", open_payment.number, open_payment.state)
        body = _body(command.uetr, state, _answer_facts(command))
        self._write(open_payment.number, UUID(bytes=command.uetr), event, state, body=body, books=books)
        if state in FINAL:
            return self._end(open_payment, state, command.reason)
        self._move(
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
            self._escalate(open_payment.number, command.uetr, state, command.detail, books)
        return Reply("advanced", open_payment.number, state, command.reason)

    def _end(self, open_payment: Open, state: State, reason: str) -> Reply:
        """Take in that a payment is final: its step is written."""
        uetr = open_payment.uetr
        self._changes.append(Change(uetr, state, reason))
        self._open.pop(uetr)
        self._moved.pop(uetr, None)
        self._enquired_about.pop(uetr, None)
        self._closed[uetr] = open_payment.number
        self._limits.end(open_payment.number, voided=state is State.ABORTED)
        self._duplicates.end(open_payment.number, voided=state is State.ABORTED)
        return Reply("advanced", open_payment.number, state, reason, _ended(open_payment))

    def _advance_of_closed(self, command: Advance, books: Books) -> Reply:
        """The payment is final, or was never ours. A contradiction is written down, never acted on.

        A "no" in an exchange that handed the order over contradicts nothing: another sending was taken, and
        the late one was refused, or never left us. The rail's file says what the rail did.
        """
        decision = books.find(UUID(bytes=command.uetr))
        if decision is None:
            return Reply(Verdict.TRANSFER_NOT_FOUND)
        state = State.COMMITTED if decision.verdict is Verdict.POSTED else State.ABORTED
        said = {Event.CONFIRM: State.COMMITTED, Event.REJECT: State.ABORTED}.get(Event(command.event))
        if command.event == Event.REJECT and command.exchange:
            said = None
        if said is not None and said is not state and self._is_new_contradiction(command):
            facts = {"said": said, **_answer_facts(command)}
            books.record(decision.number, "CONTRADICTION", _body(command.uetr, state, facts))
            self._breaks.append(_break(decision.number, command, said))
            return Reply("contradiction", decision.number, state)
        return Reply("final", decision.number, state)

    def _is_new_contradiction(self, command: Advance) -> bool:
        """Whether it was not just said: a rail that repeats itself must not fill the log."""
        key = (command.uetr, command.event)
        fresh = key not in self._contradicted
        self._contradicted[key] = None
        while len(self._contradicted) > CONTRADICTIONS_MAX:
            self._contradicted.pop(next(iter(self._contradicted)))
        return fresh

    def _still_in_doubt(self, open_payment: Open, command: Advance) -> Reply:
        """No news again. It may bring the next enquiry nearer, never put it off, and never use one up."""
        due = min(open_payment.due, command.due_at or open_payment.due)
        if due != open_payment.due or command.pending > open_payment.pending:
            self._move(replace(open_payment, due=due, pending=open_payment.pending or command.pending))
        return Reply("noted", open_payment.number, open_payment.state)

    def _write(
        self, number: int, id_: UUID, event: Event, state: State, *, body: bytes, books: Books
    ) -> None:
        """Write a step: a final one posts or voids. A hold can always be posted and always be voided."""
        if state is State.COMMITTED:
            decision = books.post(id_, kind=event, body=body)
            assert decision.verdict is Verdict.POSTED, decision
        elif state is State.ABORTED:
            decision = books.void(id_, kind=event, body=body)
            assert decision.verdict is Verdict.VOIDED, decision
        else:
            books.record(number, event, body)

    def _enquired(self, command: Enquired, books: Books) -> Reply:
        open_payment = self._open.get(command.uetr)
        if open_payment is None:
            return Reply("final")
        if open_payment.state is not State.UNKNOWN:
            return Reply("illegal", open_payment.number, open_payment.state)
        rule = self._rules.get(open_payment.rail, absence.UNKNOWN_RAIL)
        asked = Asked(command.said, command.asked_at, command.whole_since)
        doubt = absence.heard(rule, open_payment.doubt, asked, microseconds(books.now))
        after = open_payment.with_doubt(doubt)
        if command.said != "nothing" or doubt.unanswered == 1:  # not each one of an outage fills the log
            self._note_enquiry(after, command, books)
        if absence.is_absent(rule, doubt.count):
            return self._never_there(after, command, books)
        if doubt.due == 0 and open_payment.due != 0:
            self._escalate(after.number, after.uetr, after.state, command.said.replace("_", " "), books)
        self._move(after)
        self._enquired_about[after.uetr] = after
        return Reply("noted", after.number, after.state)

    @staticmethod
    def _note_enquiry(after: Open, command: Enquired, books: Books) -> None:
        facts = {
            "detail": command.said.replace("_", " "),
            "rail_code": command.rail_code,
            "enquiry": after.enquiries,
            "absences": after.absence.answers,
        }
        known = {name: value for name, value in facts.items() if value}
        books.record(after.number, ENQUIRY, _body(after.uetr, after.state, known))

    def _never_there(self, asked: Open, command: Enquired, books: Books) -> Reply:
        """The rail is believed that it never had the order."""
        reason = Reason.TIMEOUT_INSTRUCTED_AGENT
        facts = {
            "reason": reason,
            "rail_code": command.rail_code,
            "detail": f"the rail never had it: not found {asked.absence.answers} times",
        }
        state = next_state(asked.state, Event.REJECT)
        body = _body(asked.uetr, state, {name: value for name, value in facts.items() if value})
        self._write(asked.number, UUID(bytes=asked.uetr), Event.REJECT, state, body=body, books=books)
        return self._end(asked, state, reason)

    @staticmethod
    def _escalate(number: int, uetr: bytes, state: State, detail: str, books: Books) -> None:
        """Write down that from now on people, or the rail's file, must decide."""
        books.record(number, "ESCALATE", _body(uetr, state, {"detail": detail}))

    def _move(self, open_payment: Open) -> None:
        self._open[open_payment.uetr] = open_payment
        self._moved[open_payment.uetr] = open_payment

    # ── money in and out, accounts, windows ───────────────────────────────────────────────────────────

    def _fund(self, command: Fund, books: Books) -> Reply:
        decision = books.move(
            UUID(bytes=command.id),
            _legs(command.legs),
            fingerprint=command.fingerprint,
            kind="FUND",
            body=_encode({"note": command.note}),
        )
        return Reply(decision.verdict, decision.number)

    def _return(self, command: Return, books: Books) -> Reply:
        """Correct the payment's set by its reverse, and note the return in the payment's own journey."""
        original = books.find(UUID(bytes=command.uetr))
        facts = {"uetr": command.uetr.hex(), "sender": command.sender, "message_id": command.message_id}
        decision = books.correct(
            UUID(bytes=command.id),
            UUID(bytes=command.uetr),
            fingerprint=command.fingerprint,
            kind="RETURN",
            body=_encode({**facts, "reason": command.reason}),
        )
        if decision.verdict is Verdict.CREATED:
            assert original is not None
            body = _body(command.uetr, State.COMMITTED, {"reason": command.reason, "return": decision.number})
            books.record(original.number, "RETURNED", body)
        return Reply(decision.verdict, decision.number)

    def _open_account(self, command: OpenAccount, books: Books) -> Reply:
        key = command.owner, command.currency, command.purpose

        def decide() -> Reply:
            known = books.find_account(*key)
            if known is not None:
                return Reply("exists", known)
            return Reply("opened", books.open_account(*key, command.net_debit_cap))

        return self._orders.once(command.order, decide)

    def _set_limit(self, command: SetLimit, books: Books) -> Reply:
        def decide() -> Reply:
            limit = Limit(command.per_payment, command.per_day)
            self._limits.set(command.participant, command.currency, limit)
            body = {
                "participant": command.participant,
                "currency": command.currency,
                "per_payment_minor": command.per_payment,
                "per_day_minor": command.per_day,
            }
            return Reply("limit_set", books.record(0, "LIMIT", _encode(body)))

        return self._orders.once(command.order, decide)

    def _set_cap(self, command: SetCap, books: Books) -> Reply:
        def decide() -> Reply:
            return Reply(books.set_cap(command.account, command.net_debit_cap).verdict, command.account)

        return self._orders.once(command.order, decide)


def _known(identity: Identity, books: Books) -> bool:
    return books.find(UUID(bytes=identity.uetr)) is not None


def _not_about(ordered: Open, said: Advance) -> str:
    """Why a word is not about this payment as it stands; empty if it is."""
    if said.rail and said.rail != ordered.rail:
        return "another_rail"
    # Absence is counted here (`_enquired`): no process of ours says it.
    nobodys = said.event == "REJECT" and not said.rail and not said.only_in_doubt
    return "illegal" if nobodys or (said.only_in_doubt and ordered.state is not State.UNKNOWN) else ""


def _believable(ordered: Open, said: Advance) -> Advance:
    """What is not a clear word about this order is doubt, whatever it calls itself.

    A confirmation of another amount confirms nothing, and people must look. A "no" or "not now" in the
    exchange of a second sending, or in a first one that a second has overtaken, says nothing of the other.
    """
    if said.event == "CONFIRM" and said.credited_currency:
        if (said.credited_minor, said.credited_currency) != (ordered.credit_minor, ordered.credit_currency):
            return msgspec.structs.replace(
                said, event="DOUBT", due_at=0, pending=True, detail="the rail confirmed another amount"
            )
    elif said.event in {"REJECT", "DEFER"} and said.exchange and ordered.sendings > 1:
        return msgspec.structs.replace(said, event="DOUBT")
    return said


def _break(number: int, said: Advance, state: State) -> tuple[int, str, str, str]:
    """One row of the arrays of `switch.record_contradictions`."""
    kind, detail = _BREAKS[state]
    return number, said.rail, kind, f"{detail} {said.rail_code}".strip()


def _ended(o: Open) -> Ended:
    return Ended(o.rail, o.credit_minor, o.credit_currency, o.expires)


def _body(uetr: bytes, state: State, facts: dict[str, object]) -> bytes:
    """Write an event's body: no personal data, so that the log can be shown and proven for ever."""
    return _encode({"uetr": uetr.hex(), "state": state, **facts})


def _refusal_body(identity: Identity, terms: Terms, reason: str, detail: str) -> bytes:
    state = next_state(State.RECEIVED, Event.REFUSE)
    facts = {**_message_facts(identity), **_stated_facts(terms), "reason": reason, "detail": detail}
    return _body(identity.uetr, state, facts)


def _stated_facts(terms: Terms) -> dict[str, object]:
    """Between which agents, and how much: what a refused payment would have moved. Nothing of people."""
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


def _reserve_facts(command: Accept) -> dict[str, object]:
    terms = command.terms
    return {
        **_message_facts(command.identity),
        "debtor_agent": terms.debtor_agent,
        "creditor_agent": terms.creditor_agent,
        "rail": terms.rail,
        "debit": [terms.debit_minor, terms.debit_currency],
        "credit": [terms.credit_minor, terms.credit_currency],
        "fee": [terms.fee_minor, terms.debit_currency],
        "fx": [terms.fx_provider, terms.rate],
        "native_sha256": hashlib.sha256(command.native_body).hexdigest(),
        **({"notes": command.notes} if command.notes else {}),
    }


def _answer_facts(command: Advance) -> dict[str, object]:
    facts: dict[str, object] = {
        "reason": command.reason,
        "rail_code": command.rail_code,
        "rail_reference": command.rail_reference,
        "detail": command.detail,
        "sent_at": command.sent_at,
        "answered_at": command.answered_at,
    }
    return {name: value for name, value in facts.items() if value}
