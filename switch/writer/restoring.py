"""The switch after a restore of its database to an earlier instant: closed, until two people open it.

The database lost events; the rails, the participants and the verifiers of the log have not. So nothing new is
decided until what the rails did is known again. While the switch is closed, it takes only what helps: rails'
answers about known payments, two people's changes, and messages of payments that a rail executed. After it
was opened, a rail whose files are not all read stays closed, and a UETR that a rail knows is not sent again.
docs/decisions/0016-a-restored-switch-starts-closed.md has the reasons.
"""

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import structlog
from msgspec.structs import asdict

from ledger.books import Books
from ledger.columns import Columns, Function, each, one
from ledger.encoding import microseconds
from ledger.writer import BatchExtension
from schemas import own_uetr
from switch.base import metrics
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import (
    Accept,
    Advance,
    BeginAgain,
    BookReturn,
    CloseAccounts,
    CloseWindow,
    Command,
    GivenBack,
    Hold,
    HoldAgain,
    Identity,
    LeaveOut,
    Promise,
    Publish,
    RailGap,
    Refuse,
    Release,
    Reopen,
    Reply,
    Return,
    ReversalAnswered,
    Reverse,
)
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import Event
from switch.writer.parts import BatchPart, Handler
from switch.writer.payment_records import PaymentRecords
from switch.writer.payments import Payments
from switch.writer.verdicts import Verdict

AT_ONCE: Final = 5_000
"""Events of one `LeaveOut`."""
_statement: Final = statements("switch.writer")
_KNOWN: Final = _statement("restore_known")
_HELD: Final = _statement("read_held_payments")
_CLOSED: Final = "SELECT kept, until, begun FROM switch.closed"
_EVER: Final = "SELECT EXISTS (SELECT FROM ledger.restore)"
_SENDS: Final = frozenset({Event.SEND, Event.EXPIRE, Event.CANCEL})
"""Steps that are wrong if the order was sent in the time that the restore lost."""
_NEW: Final = Accept | Refuse | HoldAgain
_STOPPED: Final = (
    Promise
    | Publish
    | Return
    | BookReturn
    | Reverse
    | ReversalAnswered
    | Hold
    | Release
    | CloseWindow
    | CloseAccounts
)
_log = structlog.get_logger()


class Line(NamedTuple):
    """A rail's order that the switch no longer knows."""

    rail: str
    ref: str
    done: bool
    code: str
    minor: int | None


class Closing(NamedTuple):
    """Why and until which event the log is filled."""

    kept: int
    until: int
    known_by: str


class Beginning(NamedTuple):
    """The new epoch of the log."""

    kept: int
    root: bytes
    first: int
    published: str
    rails: Sequence[RailGap]


class RestoreGate(BatchPart):
    """The writer's memory of a restore, and what a batch changes in it."""

    def __init__(self, records: PaymentRecords, payments: Payments) -> None:
        self._records, self._payments = records, payments
        self.handlers = {
            LeaveOut: Handler(self.leave_out),
            BeginAgain: Handler(self.begin_again),
            Reopen: Handler(self.reopen),
        }
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self.closed: Closing | None = None
        self.begun = False
        self._ever = False
        self._unread: dict[str, str] = {}
        self._lines: dict[bytes, Line] = {}
        self._held: list[bytes] = []

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._closing: Closing | None = None
        self._beginning: Beginning | None = None
        self._opening: Reopen | None = None

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read whether the switch is closed, and whether there ever was a restore."""
        row = await connection.fetchrow(_CLOSED)
        if row is not None:
            self.closed, self.begun = Closing(row["kept"], row["until"], ""), row["begun"]
        self._ever = await connection.fetchval(_EVER)

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read what the rails know of these payments; nothing unless there was a restore."""
        if any(isinstance(command, BeginAgain) for command in commands):
            await self._load_held(connection)
        if not (self._ever or self.closed):
            return
        uetrs = [u for c in commands if isinstance(c, _NEW) for u in _uetrs_of(c.identity)]
        uetrs += [UUID(bytes=c.uetr) for c in commands if isinstance(c, Advance | GivenBack)]
        row = await connection.fetchrow(_KNOWN, uetrs)
        self._unread = json.loads(row["unread"])
        self._lines = {UUID(uetr).bytes: Line(*line) for uetr, *line in json.loads(row["lines"])}

    async def _load_held(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch(_HELD)
        self._held = [row["uetr"].bytes for row in rows]
        await self._records.load(connection, [Advance(uetr, Event.SEND) for uetr in self._held])

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Refuse what must not be decided before it is known what the rails did."""
        match command:
            case Accept() | Refuse() | HoldAgain():
                return self._stop_new(command, books)
            case Advance():
                return self._stop_step(command, books)
            case GivenBack(uetr=uetr, rail=rail):
                return self._stop_step(Advance(uetr, Event.REJECT, rail=rail), books)
            case _:
                stopped = self.closed is not None and isinstance(command, _STOPPED)
                return Reply(Verdict.RESTORING) if stopped else None

    def _stop_new(self, command: Accept | Refuse | HoldAgain, books: Books) -> Reply | None:
        uetr = command.identity.uetr
        recovered = isinstance(command, Accept) and command.recovered
        if not (self._ever or self.closed or recovered) or books.find(UUID(bytes=uetr)) is not None:
            return None
        line = self._lines.get(uetr)
        if line is not None:
            return self._stop_known(command, line)
        return _not_recovered(uetr) if recovered else self._stop_unknown(command)

    def _stop_unknown(self, command: Accept | Refuse | HoldAgain) -> Reply | None:
        """What no file of a rail has by this UETR."""
        if any(other.bytes in self._lines for other in _uetrs_of(command.identity)):
            return Reply(Verdict.EXISTS_WITH_DIFFERENT_CONTENT)  # the rail knows it by its own UETR
        if self.closed is not None:
            return Reply(Verdict.RESTORING)
        if isinstance(command, HoldAgain):
            return None
        terms = command.terms
        if terms.rail in self._unread or terms.credit_currency in self._unread.values():
            return Reply(
                Verdict.RESTORING, detail="the rail is closed until its files of the lost time are read"
            )
        return None

    @staticmethod
    def _stop_known(command: Accept | Refuse | HoldAgain, line: Line) -> Reply | None:
        """Only the rail's own outcome can be recorded."""
        if isinstance(command, Refuse):
            fits = not line.done
        elif isinstance(command, HoldAgain):
            fits = False
        else:
            terms = command.terms
            fits = line.done and (command.recovered, terms.rail) == (line.ref, line.rail)
            if fits and line.minor not in {None, terms.credit_minor}:
                text = (
                    f"the rail credited {line.minor} minor units, and the message gives {terms.credit_minor}"
                )
                return Reply(Verdict.UNAVAILABLE, reason=f"{text}: the operator resolves it")
        return None if fits else Reply(Verdict.KNOWN_AT_RAIL, detail=json.dumps(line._asdict()))

    def credited(self, uetr: bytes) -> int | None:
        """What a rail credited before a restore, in minor units, by its file; None if it states nothing."""
        line = self._lines.get(uetr)
        return line.minor if line is not None and line.done else None

    def _stop_step(self, command: Advance, books: Books) -> Reply | None:
        payment = self._records.open.get(command.uetr)
        if payment is not None and command.uetr in self._lines and not command.only_in_doubt:
            return Reply(Verdict.ILLEGAL, payment.number, payment.state)  # recovered: two people end it
        if command.event in _SENDS:
            waits = self.closed is not None or (payment is not None and payment.rail in self._unread)
            return Reply(Verdict.RESTORING) if waits else None
        # A rail's answer about a payment that was lost: the rail must send it again.
        lost = self.closed is not None and payment is None and books.find(UUID(bytes=command.uetr)) is None
        return Reply(Verdict.RESTORING) if lost else None

    def leave_out(self, command: LeaveOut, books: Books) -> Reply:
        """Close the switch, and write events that stand for lost ones, up to a number of them."""
        last = books.next_seq - 1
        if self.closed is None or command.until > self.closed.until:
            kept = last if self.closed is None or self.begun else self.closed.kept
            self.closed = self._closing = Closing(kept, command.until, command.known_by)
            self.begun = False
        body = event_bodies.encode({"kept": self.closed.kept, "until": self.closed.until})
        for _ in range(max(0, min(AT_ONCE, self.closed.until - last))):
            last = books.record(0, EventKind.LEFT_OUT, body)
        return Reply(Verdict.LEFT_OUT, last)

    def begin_again(self, command: BeginAgain, books: Books) -> Reply:
        """Write the event of the restore; payments that were not sent may have been sent since."""
        closed = self.closed
        if closed is None or self.begun:
            return Reply(Verdict.NOT_CLOSED)
        facts = {**asdict(command), "root": command.root.hex(), "rails": [gap.rail for gap in command.rails]}
        first = books.next_seq
        body = event_bodies.encode({"kept": closed.kept, "first": first, **facts})
        books.record(0, EventKind.RESTORE, body)
        self._beginning = Beginning(closed.kept, command.root, first, command.published, command.rails)
        self.begun = self._ever = True
        now = microseconds(books.now)
        for uetr in self._held:
            self._payments.may_have_been_sent(uetr, "the database was restored", now, books)
        self._held = []
        return Reply(Verdict.BEGUN_AGAIN, first)

    def reopen(self, command: Reopen, books: Books) -> Reply:
        """Open the switch."""
        if self.closed is None:
            return Reply(Verdict.NOT_CLOSED)
        self.closed, self._opening = None, command
        for rail in command.complete:
            self._unread.pop(rail, None)
        return Reply(
            Verdict.REOPENED, books.record(0, EventKind.REOPEN, event_bodies.encode(asdict(command)))
        )

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [
            *([RECORD_CLOSING(self._closing)] if self._closing is not None else ()),
            *(
                [RECORD_RESTORE(self._beginning, self._beginning.rails)]
                if self._beginning is not None
                else ()
            ),
            *([RECORD_OPENING(self._opening)] if self._opening is not None else ()),
        ]


_CLOSING: Final[Columns[Closing]] = Columns(
    one("kept", "bigint", itemgetter(0)),
    one("until", "bigint", itemgetter(1)),
    one("known_by", "text", itemgetter(2)),
)
RECORD_CLOSING: Final = Function("switch.record_closing", _CLOSING)

_BEGINNING: Final[Columns[Beginning]] = Columns(
    one("kept", "bigint", attrgetter("kept")),
    one("root", "bytea", attrgetter("root")),
    one("first", "bigint", attrgetter("first")),
    one("published", "text", attrgetter("published")),
)
_RAILS: Final[Columns[Iterable[RailGap]]] = Columns(
    each("rails", "text", attrgetter("rail")),
    each("currencies", "text", attrgetter("currency")),
    each("since", "text", attrgetter("since")),
    each("until", "text", attrgetter("until")),
    each("periods", "text", attrgetter("period")),
    each("capacities", "bigint", attrgetter("capacity")),
)
RECORD_RESTORE: Final = Function("switch.record_restore", _BEGINNING, _RAILS)

_OPENING: Final[Columns[Reopen]] = Columns(
    one("complete", "text[]", attrgetter("complete")),
    one("by_whom", "text", attrgetter("note")),
)
RECORD_OPENING: Final = Function("switch.record_opening", _OPENING)


def _not_recovered(uetr: bytes) -> Reply:
    """Refuse what a worker says was executed, and no file of a rail does."""
    metrics.WRITER_REFUSED.labels("cause").inc()
    lacks = "a line of a rail's file"
    _log.error("cause_refused", command="Accept", uetr=str(UUID(bytes=uetr)), lacks=lacks)
    return Reply(Verdict.UNAVAILABLE, reason="no rail's file says that it was executed before a restore")


def _uetrs_of(identity: Identity) -> tuple[UUID, UUID]:
    """The UETRs by which a rail may know a payment: that of the command, and the payment's own one."""
    uetr = UUID(bytes=identity.uetr)
    return uetr, own_uetr.derive(identity.sender, uetr)
