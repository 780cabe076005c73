"""Payments that screening holds: a party may be on a list of sanctions, and people have not decided yet.

Such a payment is in memory and in `switch.screening_hold`, and nowhere in the books: nothing is reserved. Its
UETR is taken all the same: the same message is a repetition, another one a duplicate. It was asked all that a
reservation is asked, or else it is refused like any other, and it counts as one where its sender could see
that it does not (`BatchPart.waits`). Its end is an `Accept` or a `Refuse` that names the hold. A process can
accept it only after two people have released it, and only as long as nothing more was found. One without hits
waits for the outside engine alone: once the engine has answered, it is accepted without people, as it would
have been at first. Whoever may refuse payments can refuse it at any time, as that moves nothing.

    held --release--> released --Accept--> accepted, or not accepted for another reason
      |                  |------HoldAgain: there are new hits
      |--refuse--> refused --Refuse--> refused
      |--Refuse--> expired, or cancelled by its sender

No participant learns of a hold: its events have no number in the books, so they are in no journey.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from ledger.books import Books
from ledger.columns import Columns, Function, each, uuid
from ledger.encoding import microseconds
from ledger.writer import BatchExtension, Footprint
from switch.base import metrics
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import (
    NO_TERMS,
    Accept,
    Command,
    DecideScreening,
    HoldAgain,
    HoldForScreening,
    Identity,
    Refuse,
    Reply,
)
from switch.writer.decided_once import Orders
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import State
from switch.writer.parts import BatchPart, Handler, overridden
from switch.writer.payment_events import held_facts
from switch.writer.payment_records import PaymentRecords
from switch.writer.payments import Payments
from switch.writer.verdicts import OF_LEDGER, Verdict

HELD_MAX: Final = 50_000
HELD_MAX_OF_ONE: Final = 5_000
"""Payments that are held at once: all, and those of one sender. Memory has a part of each."""
_READ: Final = statements("switch.writer")("read_screening_holds")
RELEASE: Final = "release"
REFUSE: Final = "refuse"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ScreeningHold:
    """A held payment, as far as decisions need it; times are microseconds since 1970."""

    number: int
    uetr: bytes
    fingerprint: bytes
    sender: str
    held: int
    expires: int
    screening: int = 1
    hits: int = 1
    """0: it waits for the outside engine; no party is known to be on a list."""
    decision: str = ""


@dataclass(frozen=True, slots=True)
class _Moved:
    """The present state of a hold: `again` has new hits, `change` decided."""

    hold: ScreeningHold
    again: HoldAgain | None = None
    change: int | None = None


class ScreeningHolds(BatchPart):
    """The writer's memory of held payments, and what a batch changes in it."""

    def __init__(self, records: PaymentRecords, orders: Orders, payments: Payments) -> None:
        self._records, self._orders, self._payments = records, orders, payments
        self.handlers = {
            HoldForScreening: Handler(self._hold, _footprint),
            HoldAgain: Handler(self._hold_again, _footprint),
            DecideScreening: Handler(self._decide),
        }
        super().__init__()

    def meet(self, parts: Sequence[BatchPart]) -> None:
        """Collect the parts that count a held payment."""
        self._waits = overridden(parts, BatchPart.waits)

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._holds: dict[bytes, ScreeningHold] = {}
        self._of_sender: Counter[str] = Counter()

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._new: list[tuple[HoldForScreening, ScreeningHold]] = []
        self._moved: dict[int, _Moved] = {}
        self._ending: dict[bytes, ScreeningHold] = {}

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read all held payments."""
        for row in await connection.fetch(_READ):
            self._keep(
                ScreeningHold(
                    row["number"],
                    row["uetr"].bytes,
                    row["fingerprint"],
                    row["sender"],
                    microseconds(row["held_at"]),
                    microseconds(row["expires_at"]),
                    row["screening"],
                    row["hit_count"],
                    row["decision"] or "",
                )
            )

    def released_at(self, command: Accept) -> int | None:
        """When the payment that a command continues was held; None if it continues none that was released."""
        hold = self._holds.get(command.identity.uetr) if command.held else None
        return hold.held if hold is not None and _may_be_accepted(hold, command) else None

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Answer what must not be decided about a held payment: its repetition, or that it is accepted."""
        if not isinstance(command, Accept | Refuse):
            return None
        hold = self._holds.get(command.identity.uetr) if self._holds else None
        if hold is not None:
            return self._stop_held(command, hold)
        return self._stop_unheld(command, books) if command.held else None

    def _stop_held(self, command: Accept | Refuse, hold: ScreeningHold) -> Reply | None:
        if hold.fingerprint != command.identity.fingerprint:
            return Reply(Verdict.EXISTS_WITH_DIFFERENT_CONTENT, hold.number)
        if not command.held:
            return Reply(Verdict.EXISTS, hold.number, State.RECEIVED)
        if command.held != hold.number:
            return Reply(Verdict.ILLEGAL, hold.number, State.RECEIVED)
        if isinstance(command, Accept) and not _may_be_accepted(hold, command):
            return _not_released(command)
        self._ending[hold.uetr] = hold
        return None

    @staticmethod
    def _stop_unheld(command: Accept | Refuse, books: Books) -> Reply | None:
        """A hold that has ended: its payment is known. What was never held is not continued."""
        known = books.find(UUID(bytes=command.identity.uetr)) is not None
        return None if known else Reply(Verdict.ILLEGAL)

    def _hold(self, command: HoldForScreening, books: Books) -> Reply:
        if command.held or command.recovered:
            return Reply(Verdict.ILLEGAL)
        return self._payments.unless_held(command, books) or self._held(command, books)

    def _held(self, command: HoldForScreening, books: Books) -> Reply:
        identity = command.identity
        if len(self._holds) >= HELD_MAX or self._of_sender[identity.sender] >= HELD_MAX_OF_ONE:
            return Reply(Verdict.UNAVAILABLE, reason="too many payments wait; nothing was decided")
        now = microseconds(books.now)
        facts = held_facts(identity, command.terms, command.evidence)
        number = _record(command, facts, 1, books)
        hold = ScreeningHold(
            number,
            identity.uetr,
            identity.fingerprint,
            identity.sender,
            now,
            now + command.lasts,
            hits=command.hit_count,
        )
        self._keep(hold)
        self._new.append((command, hold))
        for waits in self._waits:
            waits(number, command, books, now)
        return Reply(Verdict.HELD, number, State.RECEIVED)

    def _hold_again(self, command: HoldAgain, books: Books) -> Reply:
        identity = command.identity
        hold = self._holds.get(identity.uetr)
        if hold is None:
            known = books.repeated(UUID(bytes=identity.uetr), identity.fingerprint)
            return Reply(Verdict.ILLEGAL) if known is None else Reply(OF_LEDGER[known.verdict], known.number)
        if hold.fingerprint != command.identity.fingerprint:
            return Reply(Verdict.EXISTS_WITH_DIFFERENT_CONTENT, hold.number)
        if command.held != hold.number or hold.decision == REFUSE or not command.hit_count:
            return Reply(Verdict.EXISTS, hold.number, State.RECEIVED)
        hold = replace(hold, screening=hold.screening + 1, hits=command.hit_count, decision="")
        _record(command, held_facts(identity, NO_TERMS, None), hold.screening, books)
        self._holds[hold.uetr] = hold
        self._moved[hold.number] = _Moved(hold, command)
        return Reply(Verdict.HELD, hold.number, State.RECEIVED)

    def _decide(self, command: DecideScreening, books: Books) -> Reply:
        def decide() -> Reply:
            hold = self._holds.get(command.uetr)
            if hold is None or hold.decision or hold.screening != command.screening:
                return Reply(Verdict.ILLEGAL)
            body = {
                "uetr": command.uetr.hex(),
                "screening": command.screening,
                "outcome": command.outcome,
                "change": command.change,
            }
            number = books.record(0, EventKind.SCREENING_DECIDED, event_bodies.encode(body))
            before = self._moved.get(hold.number)
            hold = replace(hold, decision=command.outcome)
            self._holds[hold.uetr] = hold
            self._moved[hold.number] = _Moved(hold, before.again if before else None, command.change)
            return Reply(Verdict.DECIDED, number)

        return self._orders.once(command.order, decide)

    def _keep(self, hold: ScreeningHold) -> None:
        self._holds[hold.uetr] = hold
        self._of_sender[hold.sender] += 1

    def extension(self) -> BatchExtension:
        """The rows that the batch writes, and the ends of holds whose payment it has."""
        ended = self._ends() if self._ending else []
        if not (self._new or self._moved or ended):
            return ()
        return [RECORD_SCREENING(self._new, self._moved.values(), ended)]

    def _ends(self) -> list[tuple[int, str]]:
        made = {new.identity.uetr: new for new in self._records.new}
        ended = []
        for uetr, hold in self._ending.items():
            new = made.get(uetr)
            if new is not None:  # otherwise nothing was decided about it
                ended.append((hold.number, _outcome(hold, is_accepted=new.native_body is not None)))
                del self._holds[uetr]
                self._of_sender[hold.sender] -= 1
        return ended


def _may_be_accepted(hold: ScreeningHold, command: Accept) -> bool:
    needs_nobody = hold.hits == 0 and not hold.decision
    return command.held == hold.number and (needs_nobody or hold.decision == RELEASE)


def _outcome(hold: ScreeningHold, *, is_accepted: bool) -> str:
    if is_accepted:
        return "accepted"
    if hold.decision:
        return "refused" if hold.decision == REFUSE else "not accepted"
    return "undecided"


def _not_released(command: Accept) -> Reply:
    """Refuse to accept a payment that nobody released: only a process that is not ours asks for it."""
    metrics.WRITER_REFUSED.labels("cause").inc()
    uetr = str(UUID(bytes=command.identity.uetr))
    _log.error("cause_refused", command="Accept", uetr=uetr, lacks="people's release of its screening hold")
    return Reply(Verdict.ILLEGAL, command.held, State.RECEIVED)


def _footprint(command: HoldForScreening | HoldAgain) -> Footprint:
    identity: Identity = command.identity
    return Footprint((UUID(bytes=identity.uetr),), len(identity.raw) + len(command.hits))


def _record(
    command: HoldForScreening | HoldAgain, facts: dict[str, object], screening: int, books: Books
) -> int:
    found = {"screening": screening, "lists": command.lists, "hits": command.hit_count}
    return books.record(0, EventKind.SCREENING_HELD, event_bodies.encode(facts | found))


def _stated_minor(payment: Accept) -> int:
    """The amount that a message states: to what is debited belong the charges that are taken from it."""
    return payment.terms.debit_minor + sum(each.minor for each in payment.charges if each.deducted)


_New = tuple[HoldForScreening, ScreeningHold]
_NEW: Final[Columns[Iterable[_New]]] = Columns(
    each("numbers", "bigint", lambda new: new[1].number),
    each("uetrs", "uuid", lambda new: uuid(new[1].uetr)),
    each("fingerprints", "bytea", lambda new: new[1].fingerprint),
    each("senders", "text", lambda new: new[1].sender),
    each("message_names", "text", lambda new: new[0].identity.message_name),
    each("message_ids", "text", lambda new: new[0].identity.message_id),
    each("end_to_ends", "bigint", lambda new: new[0].identity.end_to_end),
    each("creditor_agents", "text", lambda new: new[0].terms.creditor_agent),
    each("debit_minors", "bigint", lambda new: _stated_minor(new[0])),
    each("debit_currencies", "text", lambda new: new[0].terms.debit_currency),
    each("receiveds", "bigint", lambda new: new[0].identity.received_at),
    each("helds", "bigint", lambda new: new[1].held),
    each("expires", "bigint", lambda new: new[1].expires),
    each("raws", "bytea", lambda new: new[0].identity.raw),
    each("keys", "bytea", lambda new: new[0].identity.key),
    each("keyids", "text", lambda new: new[0].evidence and new[0].evidence.keyid),
    each("signatures", "bytea", lambda new: new[0].evidence and new[0].evidence.signature),
    each("bases", "bytea", lambda new: new[0].evidence and new[0].evidence.base),
    each("lists", "bigint", lambda new: new[0].lists),
    each("hits", "bytea", lambda new: new[0].hits),
    each("hit_counts", "integer", lambda new: new[0].hit_count),
)
_MOVED: Final[Columns[Iterable[_Moved]]] = Columns(
    each("moved_numbers", "bigint", lambda moved: moved.hold.number),
    each("moved_screenings", "integer", lambda moved: moved.hold.screening),
    each("moved_lists", "bigint", lambda moved: moved.again and moved.again.lists),
    each("moved_hits", "bytea", lambda moved: moved.again and moved.again.hits),
    each("moved_hit_counts", "integer", lambda moved: moved.again and moved.again.hit_count),
    each("moved_decisions", "text", lambda moved: moved.hold.decision or None),
    each("moved_changes", "bigint", lambda moved: moved.change if moved.hold.decision else None),
)
_ENDED: Final[Columns[Iterable[tuple[int, str]]]] = Columns(
    each("ended_numbers", "bigint", lambda ended: ended[0]),
    each("ended_outcomes", "text", lambda ended: ended[1]),
)
RECORD_SCREENING: Final = Function("switch.record_screening", _NEW, _MOVED, _ENDED)
