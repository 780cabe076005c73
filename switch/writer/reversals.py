"""Reversals: orders of people to a rail to take a credit back, each with a life of its own.

    ordered --sending--> sent --done-----> done      the rail took the credit back: the payment is returned
       ^                  |  --refused---> refused   the rail did not
       +-----not_sent-----+  --unknown---> unknown   no clear answer: it is sent again, or people decide

Each attempt is durable before it is sent. An adapter's undo has an id that follows from the order, so sending
it again asks for its result (`adapters.port.RailAdapter.undo`). A refusal of a second attempt proves nothing:
the first may have been executed. So it is left to two people, as is what the rail does not answer in the end;
nothing is done on a guess. While a reversal is open, nobody else returns the payment but its rail.

What came back is recorded like every return of a rail (`rail_returns`), and if a cap does not permit to book
it, it is left to people there.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg

from ledger.books import Books, LedgerVerdict
from ledger.columns import Columns, Function, each, uuid
from ledger.writer import BatchExtension, Footprint
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Command, GivenBack, Reply, Return, ReversalAnswered, Reverse
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import State
from switch.writer.part_returns import PartReturns
from switch.writer.parts import BatchPart, Handler
from switch.writer.payment_events import escalate, event_body
from switch.writer.rail_returns import REVERSAL, CreditedPayment, RailReturns
from switch.writer.verdicts import OF_LEDGER, Verdict

REMEMBERED_MAX: Final = 10_000
_READ: Final = statements("switch.writer")("read_reversals")


class ReversalState(StrEnum):
    """State of a reversal."""

    ORDERED = "ordered"
    SENT = "sent"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"


_BOOKED: Final = frozenset({LedgerVerdict.CREATED, LedgerVerdict.ALREADY_CORRECTED})
"""While a reversal is open, only what its rail gives back is booked beside it: that is the same money."""
OPEN: Final = frozenset({ReversalState.ORDERED, ReversalState.SENT, ReversalState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Reversal:
    """The newest reversal of a payment, as a row of `switch.reversal`."""

    id: bytes
    number: int
    """Of the payment."""
    change: int
    reason: str
    state: ReversalState
    attempts: int = 0
    """That may have left us."""
    due: int = 0
    """When it is sent next; 0: people decide, or it has ended."""
    detail: str = ""


Step = Callable[[ReversalAnswered, Reversal, Books], Reply]


class Reversals(BatchPart):
    """Decides about reversals."""

    def __init__(self, returns: RailReturns, part_returns: PartReturns) -> None:
        self._returns, self._part_returns = returns, part_returns
        self.handlers = {
            Reverse: Handler(self._reverse, _footprint),
            ReversalAnswered: Handler(self._answered, _footprint),
        }
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._payments: dict[bytes, CreditedPayment] = {}
        self._newest: dict[bytes, Reversal] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._moved: dict[bytes, Reversal] = {}

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read the payments of these commands, and the newest reversal of each."""
        about = (c for c in commands if isinstance(c, Reverse | ReversalAnswered | Return))
        mine = [c for c in about if c.uetr not in self._payments]
        if not mine:
            return
        for row in await connection.fetch(_READ, [UUID(bytes=c.uetr) for c in mine]):
            uetr = row["uetr"].bytes
            self._payments[uetr] = CreditedPayment(row["rail"], row["credit_minor"], row["credit_currency"])
            if row["id"] is not None:
                self._newest[uetr] = Reversal(
                    row["id"].bytes,
                    row["number"],
                    row["change"],
                    row["reason"],
                    ReversalState(row["state"]),
                    row["attempts"],
                    row["due"],
                    row["detail"],
                )
        while len(self._payments) > REMEMBERED_MAX:
            oldest = next(iter(self._payments))
            del self._payments[oldest]
            self._newest.pop(oldest, None)

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Refuse the return of a payment while its rail may take the credit back; a known one is repeated."""
        if not isinstance(command, Return) or books.find(UUID(bytes=command.id)) is not None:
            return None
        newest = self._newest.get(command.uetr)
        return Reply(Verdict.REVERSAL_OPEN) if newest is not None and newest.state in OPEN else None

    def _reverse(self, command: Reverse, books: Books) -> Reply:
        newest = self._newest.get(command.uetr)
        if newest is not None and newest.id == command.id:
            return Reply(Verdict.EXISTS, newest.number)
        if newest is not None and newest.state in OPEN:
            return Reply(Verdict.REVERSAL_OPEN, newest.number)
        payment, decision = self._payments.get(command.uetr), books.find(UUID(bytes=command.uetr))
        if payment is None or decision is None:
            return Reply(Verdict.TRANSFER_NOT_FOUND)
        if decision.verdict is not LedgerVerdict.POSTED:
            return Reply(Verdict.TRANSFER_NOT_POSTED, decision.number)
        if books.is_corrected(UUID(bytes=command.uetr)):
            return Reply(Verdict.ALREADY_CORRECTED, decision.number)
        # Past this line the reversal must be recorded.
        reversal = Reversal(
            command.id, decision.number, command.change, command.reason, ReversalState.ORDERED, due=1
        )
        facts: dict[str, object] = {"reason": command.reason, "change": command.change}
        self._move(command.uetr, reversal, EventKind.REVERSAL_ORDERED, facts, books)
        return Reply(Verdict.CREATED, decision.number)

    def _answered(self, command: ReversalAnswered, books: Books) -> Reply:
        reversal = self._newest.get(command.uetr)
        if reversal is None or reversal.id != command.id:
            return Reply(Verdict.TRANSFER_NOT_FOUND)
        if reversal.state not in OPEN:
            return Reply(Verdict.FINAL, reversal.number, reversal.state)
        if command.change and reversal.due:  # it is still being sent
            return Reply(Verdict.ILLEGAL, reversal.number, reversal.state)
        return self._step(command, reversal)(command, reversal, books)

    def _step(self, command: ReversalAnswered, reversal: Reversal) -> Step:
        """What an answer means. Only of a first attempt, or by two people, a no is a no."""
        is_clear = bool(command.change) or reversal.attempts == 1
        match command.outcome:
            case "sending":
                return self._sending
            case "done":
                return self._done
            case "refused" if is_clear:
                return self._refused
            case "not_sent" if is_clear:
                return self._not_sent
            case _:
                return self._in_doubt

    def _not_sent(self, command: ReversalAnswered, reversal: Reversal, _: Books) -> Reply:
        """Nothing left us: it is as before the attempt."""
        ordered = replace(reversal, state=ReversalState.ORDERED, attempts=0)
        self._keep(command.uetr, replace(ordered, due=command.due_at, detail=command.detail))
        return Reply(Verdict.NOTED, reversal.number, ordered.state)

    def _sending(self, command: ReversalAnswered, reversal: Reversal, books: Books) -> Reply:
        """An attempt may leave us once this is durable."""
        if not reversal.due:  # people decide
            return Reply(Verdict.ILLEGAL, reversal.number, reversal.state)
        sent = replace(reversal, attempts=reversal.attempts + 1, due=command.due_at)
        if reversal.state is ReversalState.ORDERED:
            sent = replace(sent, state=ReversalState.SENT)
            self._move(command.uetr, sent, EventKind.REVERSAL_SENT, {}, books)
        else:
            self._keep(command.uetr, sent)
        return Reply(Verdict.ADVANCED, reversal.number, sent.state)

    def _in_doubt(self, command: ReversalAnswered, reversal: Reversal, books: Books) -> Reply:
        """No clear answer. A refusal now says nothing of the attempt before: people decide."""
        due = 0 if command.outcome == "refused" else command.due_at
        after = replace(reversal, state=ReversalState.UNKNOWN, due=due, detail=command.detail)
        if reversal.state is ReversalState.UNKNOWN:
            self._keep(command.uetr, after)
        else:
            self._move(command.uetr, after, EventKind.REVERSAL_UNKNOWN, _facts(command), books)
        if due == 0:
            escalate(reversal.number, command.uetr, State.COMMITTED, command.detail, books)
        return Reply(Verdict.NOTED, reversal.number, after.state)

    def _refused(self, command: ReversalAnswered, reversal: Reversal, books: Books) -> Reply:
        after = replace(reversal, state=ReversalState.REFUSED, due=0, detail=command.detail)
        self._move(command.uetr, after, EventKind.REVERSAL_REFUSED, _facts(command), books)
        return Reply(Verdict.ADVANCED, reversal.number, after.state)

    def _done(self, command: ReversalAnswered, reversal: Reversal, books: Books) -> Reply:
        """The money is back at the rail: record that, and reverse the payment's legs."""
        payment, reference = self._payments[command.uetr], f"{REVERSAL}{reversal.change}"
        given = GivenBack(
            command.uetr,
            payment.rail,
            reference,
            payment.minor,
            payment.currency,
            reversal.reason,
            command.rail_code,
            0,
            b"",
            b"",
        )
        self._returns.note(reversal.number, given, books)
        after = replace(reversal, state=ReversalState.DONE, due=0, detail=command.detail)
        if self._part_returns.returned(command.uetr):  # the rail gave a part back meanwhile
            self._returns.end(command.uetr, reference, Verdict.PART_RETURNED.text)
            self._keep(command.uetr, after)
            return Reply(Verdict.ADVANCED, reversal.number, ReversalState.DONE)
        body = {
            "uetr": command.uetr.hex(),
            "sender": "",
            "message_id": reference,
            "reason": reversal.reason,
            "change": reversal.change,
        }
        decision = books.correct(
            UUID(bytes=reversal.id),
            UUID(bytes=command.uetr),
            fingerprint=reversal.id,
            kind=EventKind.RETURN,
            body=event_bodies.encode(body),
        )
        if decision.verdict is LedgerVerdict.CREATED:
            known = {"reason": reversal.reason, "return": decision.number}
            books.record(
                reversal.number, EventKind.RETURNED, event_body(command.uetr, State.COMMITTED, known)
            )
        booked = decision.verdict in _BOOKED
        self._returns.end(command.uetr, reference, "" if booked else OF_LEDGER[decision.verdict].text)
        self._keep(command.uetr, after)
        return Reply(Verdict.ADVANCED, reversal.number, ReversalState.DONE)

    def _move(
        self, uetr: bytes, reversal: Reversal, kind: EventKind, facts: dict[str, object], books: Books
    ) -> None:
        books.record(reversal.number, kind, event_body(uetr, State.COMMITTED, facts))
        self._keep(uetr, reversal)

    def _keep(self, uetr: bytes, reversal: Reversal) -> None:
        self._newest[uetr] = self._moved[reversal.id] = reversal

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_REVERSALS(self._moved.values())] if self._moved else ()


def _footprint(command: Reverse | ReversalAnswered) -> Footprint:
    return Footprint({UUID(bytes=command.uetr), UUID(bytes=command.id)})


def _facts(command: ReversalAnswered) -> dict[str, object]:
    facts: dict[str, object] = {
        "rail_code": command.rail_code,
        "detail": command.detail,
        "change": command.change,
    }
    return {name: value for name, value in facts.items() if value}


_COLUMNS: Final[Columns[Iterable[Reversal]]] = Columns(
    each("ids", "uuid", lambda r: uuid(r.id)),
    each("numbers", "bigint", lambda r: r.number),
    each("changes", "bigint", lambda r: r.change),
    each("reasons", "text", lambda r: r.reason),
    each("states", "text", lambda r: r.state),
    each("tried", "integer", lambda r: r.attempts),
    each("dues", "bigint", lambda r: r.due),
    each("details", "text", lambda r: r.detail),
)
RECORD_REVERSALS: Final = Function("switch.record_reversals", _COLUMNS)
