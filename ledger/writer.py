"""The writer: collect, load, decide, apply, acknowledge. Only the writer changes the ledger.

Theory of operation. Commands wait in a bounded queue. The loop takes all waiting commands (up to `BATCH_MAX`;
no timer delays a single one, and under load `ledger.pace` lets batches fill for a moment), loads the
transfers that they use (one round trip), lets the host decide them in order of arrival against the books, and
applies all decisions in one durable statement (one round trip), with the rows of the host in the same
statement. Callers get their replies only after its commit.

While one batch is being applied, the next is loaded (on a separate connection), decided on top of it in
memory, and encoded: the database and this process work in parallel. Batches are still applied one after the
other, each only after the one before is durable, so at most one is in flight and at most one is decided ahead
of it. Data loaded meanwhile cannot be stale: all changes of the batch in flight are in memory until it is
durable.

* Fence: `start` begins a new epoch. Every load and every apply checks it, so a replaced writer can neither
  commit nor reply from stale memory: it freezes.
* Lost connection, or any database error: memory is dropped, with the batch that was decided ahead; a new
  connection begins a new epoch of the same writer, and the same commands are decided again in the same order.
  The new epoch waits for the end of the transaction of the old connection, and soon asks for it, so its
  outcome is known. Ids make that idempotent, so an unknown outcome of a commit is harmless. Meanwhile new
  commands are refused with `Unavailable`; commands that were passed to the database wait until their outcome
  is known.
* No statement is ever cancelled. If a commit waits for its synchronous standby, PostgreSQL answers a cancel
  request by ending the wait: what only this server has becomes visible to every reader, and is lost if the
  standby is promoted. So a connection without a response is dropped; the wait in the database goes on.
* If a new connection leads to a database without events that were acknowledged, the writer freezes.
* With `replicated`, the writer works only while commits wait for a standby (`synchronous_standby_names`).
* A repeated error, or a database that differs from memory, freezes the writer: it refuses everything until
  the operator has examined it, and never guesses. Commands that may have been applied end as
  `OutcomeUnknown`.
* With a file for the high-water mark, a database that lost events is found at the start (`left_out`), and the
  loss of events during operation freezes the writer.
* If the host raises while deciding a command, only this command gets the exception; the others of the batch
  are decided again without it.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import asyncpg
from msgspec import Struct

from ledger.books import Account, Books, Leg, Transfer, TransferKind, TransferState
from ledger.columns import Call, statement_of
from ledger.high_water import HighWater
from ledger.pace import ENOUGH, Pace
from ledger.silence import SERVER_SETTINGS, Connection
from ledger.sql import statement
from schemas.errors import OutcomeUnknown, Unavailable

BATCH_MAX: Final = 1_000
"""Largest number of commands in a batch: larger ones are not faster, and leave less work to overlap."""

HALVED_FROM: Final = 128
"""With nothing in flight and this many commands, half are applied at once and half are decided meanwhile.

Halves of fewer commands cost more, as two statements, than the second core saves.
"""

BATCH_BYTES_MAX: Final = 16 << 20
"""Limit of the bytes of one batch; the command that exceeds it is the last."""

QUEUE_MAX: Final = 20_000
"""Largest number of waiting commands; more are refused with `Unavailable`."""

QUEUE_BYTES_MAX: Final = 256 << 20
"""Limit of the bytes of all commands without a reply; more are refused with `Unavailable`."""

ATTEMPTS_MAX: Final = 3
"""How often a batch may fail for a reason other than the connection or the machine."""

COMMAND_TIMEOUT_S: Final = 30.0
"""Seconds without a response of the database after which the connection counts as lost."""

BATCH_TIMEOUT_S: Final = 8.0
"""The same for a batch, which takes milliseconds; doubled after each time-out, up to `COMMAND_TIMEOUT_S`."""

BLOCKED_S: Final = 2.0
"""Seconds that a new epoch waits for locks before the sessions of the switch that hold them are ended."""

ENDS_WITHIN_S: Final = 3.0
"""Seconds that such a session has to end before it is reported as stuck."""

FENCED: Final = "PSF01"
DIFFERS: Final = "PSF02"

_RETRY_FIRST_S: Final = 0.05
_RETRY_MAX_S: Final = 2.0

_TRANSIENT_CLASSES: Final = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes not caused by the batch: connection, rollback, resources, locks, operator."""

_SESSION: Final = {
    "application_name": f"payswitch writer {version('payswitch')}",
    # Every statement of this connection is a few index lookups; a plan made while a table was small must
    # not become a scan when it has grown.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",  # planning every batch again costs more than a small batch
    "jit": "off",
    "timezone": "UTC",
    "synchronous_commit": "on",
    **SERVER_SETTINGS,
}


class NotReplicated(Unavailable):
    """The database does not wait for a synchronous standby, and this switch requires one."""


_DATABASE_ERRORS: Final = (
    NotReplicated,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # raised by asyncpg if a connection is lost in the middle
    OSError,
    TimeoutError,
)

_TAKE_OVER: Final = statement("take_over")
_RESUME: Final = statement("resume")
_END_BLOCKERS: Final = statement("end_blockers")
_LOAD_ACCOUNTS: Final = statement("load_accounts")
_LOAD_WINDOWS: Final = statement("load_windows")
_LOAD_TRANSFERS: Final = statement("load_transfers")
_IS_REPLICATED: Final = "SELECT current_setting('synchronous_standby_names') <> ''"

log = logging.getLogger(__name__)


class _NeverCancels(Connection):
    """A connection that drops itself where asyncpg would send a cancel request."""

    def _cancel_current_command(self, waiter: Any, _: Any = None) -> None:
        self.terminate()
        if not waiter.done():
            waiter.set_result(None)


class Frozen(Unavailable):
    """The writer of the ledger has stopped; nothing was done."""


class LostEvents(RuntimeError):
    """The database is an earlier state than what was acknowledged; the text says which events are missing."""


class Footprint(Struct, frozen=True, gc=False):
    """The transfers that must be in memory before a command is decided, and how many bytes it keeps there."""

    transfers: Collection[UUID] = ()
    size: int = 0


BatchExtension = Sequence[Call]
"""Calls of the host's own functions, applied in the same statement as the batch of the ledger."""


class Host(Protocol):
    """The switch: its part of the decisions, applied with the batch of the ledger.

    Batches are loaded, decided and handed over (`extension`) one after the other; `committed` is called once
    for each, in the same order, possibly after the next was loaded, decided and handed over.
    """

    def footprint(self, command: Any) -> Footprint:
        """The transfers that must be in memory for `command`."""

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Any]) -> None:
        """Load the state of the host for these commands into memory.

        Changes that were handed over but not committed are not in the database yet: memory is newer.
        """

    def decide(self, command: Any, books: Books) -> Any:
        """Decide one command and return its reply. Pure except for `books` and the memory of the host."""

    def extension(self) -> BatchExtension:
        """Hand over the decisions since the last call, for the host's tables, in the same statement."""

    def committed(self) -> None:
        """The oldest batch that was handed over is durable."""

    def abandoned(self) -> None:
        """Drop memory: uncommitted changes may not have been applied; their commands are decided again."""


@dataclass(slots=True)
class Meters:
    """Counters since the start, for the metrics."""

    batches: int = 0
    commands: int = 0
    events: int = 0
    retries: int = 0
    reconnections: int = 0
    """Tries to reconnect to the database."""
    load_s: float = 0.0
    decide_s: float = 0.0
    apply_s: float = 0.0


class _Waiting(Struct):
    """One command in the queue, and the future of its caller."""

    command: Any
    footprint: Footprint
    future: asyncio.Future[Any]
    reply: Any = None
    tried: bool = False
    """It was passed to the database without a response: it may have been applied."""


@dataclass(slots=True)
class _Raised:
    """A reply that is an exception."""

    error: Exception


@dataclass(slots=True)
class _Flight:
    """A decided batch that was handed over: its commands, and the statement that applies it."""

    decided: list[_Waiting]
    events: int
    next_seq: int
    sql: str
    arguments: list[Any]
    """Empty if there is nothing to apply."""
    task: asyncio.Task[None] | None = None


class Writer:
    """The writer of a database. Call `submit` from any task of its event loop."""

    def __init__(
        self,
        database_url: str,
        host: Host,
        *,
        role: str = "payswitch_writer",
        batch_max: int = BATCH_MAX,
        queue_max: int = QUEUE_MAX,
        queue_bytes_max: int = QUEUE_BYTES_MAX,
        transfers_max: int = 100_000,
        replicated: bool = False,
        on_stuck: Callable[[Collection[int]], None] = lambda _: None,
        high_water: HighWater | None = None,
    ) -> None:
        """`on_stuck` gets the process ids of sessions that hold its locks and ignore requests to end."""
        self.database_url = database_url
        self.host = host
        self.role = role
        self.batch_max = batch_max
        self.queue_max = queue_max
        self.queue_bytes_max = queue_bytes_max
        self.replicated = replicated
        """Whether a commit must wait for a synchronous standby."""
        self.books = Books(transfers_max=transfers_max)
        self.id = uuid4()
        self.epoch = 0
        self.told = 0
        """The last event that may have been told to somebody before the start; see `left_out`."""
        self._high_water = high_water
        self.meters = Meters()
        self.frozen: Exception | None = None
        """Why the writer refuses everything; None during normal work."""
        self.away = False
        """The database is unavailable, or cannot write: new commands are refused, those in flight wait."""
        self._on_stuck = on_stuck
        self._delay_s = 0.0
        self._patience_s = BATCH_TIMEOUT_S
        self._failures = 0
        self._stopping = False
        self._bytes = 0
        self._queue: deque[_Waiting] = deque()
        self._taken: list[_Waiting] = []
        self._flight: _Flight | None = None
        self._durable: deque[_Flight] = deque()
        self._durable_seq = 0
        self._wake = asyncio.Event()
        self._ripe = asyncio.Event()
        """Set when a pause may end, or something in it must be done: enough commands, a batch that landed."""
        self._pace = Pace()
        self._connection: asyncpg.Connection | None = None
        self._loading: asyncpg.Connection | None = None
        self._loop: asyncio.Task[None] | None = None
        self._new_future: Callable[[], asyncio.Future[Any]]

    @property
    def waiting(self) -> int:
        """Commands in the queue."""
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Whether no command waits, is being decided, or is being applied."""
        return not (self._queue or self._taken or self._flight)

    @property
    def last_seq(self) -> int:
        """The last event that is durable."""
        return self._durable_seq - 1

    @property
    def left_out(self) -> bool:
        """Whether the database lost events, and its log has not yet grown beyond all that may be known."""
        return self.told > self.last_seq

    @property
    def waiting_bytes(self) -> int:
        """The bytes of the commands without a reply."""
        return self._bytes

    async def start(self) -> None:
        """Connect, begin an epoch (every other writer of this database is fenced) and start."""
        assert self._loop is None, "started already"
        self._new_future = asyncio.get_running_loop().create_future
        await self._connect()
        await self._begin_epoch(_TAKE_OVER)
        self._loop = asyncio.create_task(self._run(), name="ledger writer")

    async def stop(self, *, timeout_s: float = 30.0) -> None:
        """Finish what is queued, then end; give up after `timeout_s`. Stopping twice is harmless."""
        self._stopping = True
        self._stir()
        if self._loop is not None:
            await asyncio.wait({self._loop}, timeout=timeout_s)
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None
        for connection in (self._connection, self._loading):
            if connection is not None:
                await connection.close(timeout=5.0)
        self._connection = self._loading = None
        if self._high_water is not None:
            self._high_water.close()

    async def submit(self, command: Any) -> Any:
        """Submit one command and get its reply, once it is durable. Cancelling the caller does not undo it.

        Raises:
            Unavailable: nothing was done: the queue is full, the database is unavailable, or the writer has
                stopped.
            OutcomeUnknown: the writer stopped while this was being applied: it may be done.
            Exception: raised by the host when it decided this command.

        """
        footprint = self.host.footprint(command)
        self._check_open(1, footprint.size)
        reply = await self._enqueue(command, footprint)
        if type(reply) is _Raised:
            raise reply.error
        return reply

    async def submit_many(self, commands: Sequence[Any]) -> list[Any]:
        """As `submit`, for several, in order; the exception of a command is in the place of its reply."""
        footprints = [self.host.footprint(command) for command in commands]
        self._check_open(len(commands), sum(footprint.size for footprint in footprints))
        futures = [self._enqueue(*pair) for pair in zip(commands, footprints, strict=True)]
        replies = [await future for future in futures]
        return [reply.error if type(reply) is _Raised else reply for reply in replies]

    def _enqueue(self, command: Any, footprint: Footprint) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._new_future()
        self._queue.append(_Waiting(command, footprint, future))
        self._bytes += footprint.size
        self._wake.set()
        if len(self._queue) >= ENOUGH:
            self._ripe.set()
        return future

    def _stir(self) -> None:
        """Wake the loop, also out of a pause."""
        self._wake.set()
        self._ripe.set()

    def _check_open(self, count: int, size: int) -> None:
        if self.frozen is not None:
            raise Frozen
        if self._loop is None or self._stopping:
            raise Unavailable("the ledger's writer is not running")
        if self.away:
            raise Unavailable("the database of the ledger is unavailable")
        if len(self._queue) + count > self.queue_max or self._bytes + size > self.queue_bytes_max:
            raise Unavailable("the ledger's queue is full")

    def _answer(self, waiting: _Waiting, reply: Any) -> None:
        """Give the caller its reply, unless it no longer waits."""
        self._bytes -= waiting.footprint.size
        if not waiting.future.done():
            waiting.future.set_result(reply)

    # The loop.

    async def _run(self) -> None:
        try:
            while self._queue or self._flight is not None or not self._stopping:
                try:
                    await self._turn()
                except _DATABASE_ERRORS as error:
                    await self._start_over(error)
        except Exception as error:
            # An unexpected error: refuse everything rather than guess.
            log.exception("the ledger's writer has frozen")
            self._freeze(error)

    async def _turn(self) -> None:
        """Prepare the next batch while one is in flight, and apply it; or handle a finished one; or wait."""
        if self._queue:
            await self._fill()
            flight = await self._prepare()
            await self._land()
            self._launch(flight)
            await asyncio.sleep(0)  # send the statement first, so that the database is never idle
            self._acknowledge()
            await asyncio.sleep(0)  # callers wake up; what they submit now is in the next batch
        elif self._flight is not None and (self._flight.task is None or self._flight.task.done()):
            await self._land()
            self._acknowledge()
        else:
            self._wake.clear()
            await self._wake.wait()

    async def _fill(self) -> None:
        """Under load, wait a moment for more commands."""
        waiting = len(self._queue)
        pause = self._pace.pause(waiting, time.monotonic())
        if pause:
            await self._linger(time.monotonic() + pause)
            self._pace.paused(len(self._queue) - waiting)
        self._pace.begin(len(self._queue), time.monotonic())

    async def _linger(self, until: float) -> None:
        """Wait until enough commands wait; who becomes durable meanwhile gets its reply."""
        while (left_s := until - time.monotonic()) > 0 and len(self._queue) < ENOUGH and not self._stopping:
            if self._flight is not None and self._flight.task is not None and self._flight.task.done():
                await self._land()
                self._acknowledge()
            self._ripe.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._ripe.wait()

    async def _prepare(self) -> _Flight:
        """Take waiting commands; load, decide and encode them, on top of the batch in flight."""
        self._taken = self._take()
        try:
            decided = await self._decided()
            return self._given_out(decided)
        except Exception:
            await self._land()  # the outcome of the batch in flight must be known first
            raise

    def _take(self) -> list[_Waiting]:
        """Take waiting commands, up to the limits of one batch.

        Half of them if nothing is in flight: otherwise callers, database and this process would work in
        lockstep, each waiting for the others.
        """
        queue, taken, size = self._queue, list[_Waiting](), 0
        lockstep = self._flight is None and len(queue) >= HALVED_FROM
        count = min(len(queue) // 2 if lockstep else len(queue), self.batch_max)
        while len(taken) < count and size < BATCH_BYTES_MAX:
            waiting = queue.popleft()
            size += waiting.footprint.size
            taken.append(waiting)
        return taken

    async def _decided(self) -> list[_Waiting]:
        """Load and decide the taken commands; those after the close of a window return to the queue."""
        meters = self.meters
        while True:
            began = time.perf_counter()
            await self._load(self._taken)
            loaded = time.perf_counter()
            count = self._decide(self._taken)
            meters.load_s += loaded - began
            meters.decide_s += time.perf_counter() - loaded
            if count is not None:
                break
            # Its changes in memory cannot be separated from the others: all are decided again without it.
            await self._land()
            self._acknowledge()
            self._drop_memory()
            await self._begin_epoch(_RESUME)
        self._queue.extendleft(reversed(self._taken[count:]))
        del self._taken[count:]
        return self._taken

    async def _load(self, batch: list[_Waiting]) -> None:
        """Check the fence; load the time, and the transfers of the batch that are not in memory."""
        connection = _connected(self._loading)
        wanted = self.books.missing([id_ for waiting in batch for id_ in waiting.footprint.transfers])
        ids = "{" + ",".join([id_.hex for id_ in wanted]) + "}"
        row = await connection.fetchrow(_LOAD_TRANSFERS, ids, timeout=self._patience_s)
        if row["epoch"] != self.epoch:
            raise _Superseded(f"epoch {self.epoch} was replaced by epoch {row['epoch']}")
        self._check_replicated(replicated=row["replicated"])
        before_or_after_what_flies = {self._durable_seq, self.books.next_seq}
        if row["next_seq"] not in before_or_after_what_flies:
            raise _Disagreement(f"the sequence is at {row['next_seq']}, not at {self.books.next_seq}")
        self.books.begin(row["now"], wanted, [_transfer(record) for record in row["transfers"]])
        await self.host.load(connection, [waiting.command for waiting in batch])

    def _decide(self, batch: list[_Waiting]) -> int | None:
        """Decide in order of arrival; return the number decided, or None if a command must be left out."""
        decide, books = self.host.decide, self.books
        for place, waiting in enumerate(batch, 1):
            if type(waiting.reply) is _Raised:
                continue
            try:
                waiting.reply = decide(waiting.command, books)
            except Exception as error:  # noqa: BLE001 - one command's failure is its caller's, not the batch's
                waiting.reply = _Raised(error)
                return None
            if books.batch.closes_window:
                return place
        return len(batch)

    def _given_out(self, decided: list[_Waiting]) -> _Flight:
        """Make the statement that applies the decisions; without decisions there is nothing to apply."""
        began = time.perf_counter()
        batch, extension = self.books.seal(), self.host.extension()
        flight = _Flight(decided, len(batch), self.books.next_seq, "", [])
        if len(batch) or extension:
            if self._high_water is not None:
                self._high_water.reserve(flight.next_seq - 1)
            apply = batch.apply(self.epoch, flight.next_seq - flight.events, self.books.now)
            flight.sql, flight.arguments = statement_of((apply, *extension))
        self.meters.decide_s += time.perf_counter() - began
        return flight

    def _launch(self, flight: _Flight) -> None:
        """Start applying the batch; the loop wakes up when that has ended."""
        self._taken = []
        self._flight = flight
        flight.task = asyncio.create_task(self._apply(flight))
        flight.task.add_done_callback(lambda _: self._stir())

    async def _apply(self, flight: _Flight) -> None:
        """Apply all decisions in one durable statement."""
        if not flight.arguments:
            return
        began = time.perf_counter()
        connection = _connected(self._connection)
        row = await connection.fetchrow(flight.sql, *flight.arguments, timeout=self._patience_s)
        assert row[0] == flight.next_seq
        self.meters.apply_s += time.perf_counter() - began

    async def _land(self) -> None:
        """Wait until the batch in flight, if there is one, is durable; its callers have no replies yet.

        Raises what applying it raised; then it still counts as in flight.
        """
        flight = self._flight
        if flight is None:
            return
        assert flight.task is not None
        await flight.task
        if self._high_water is not None:
            self._high_water.durable(flight.next_seq - 1)
        self._flight = None
        self._durable_seq = flight.next_seq
        self._durable.append(flight)
        self.books.settle()
        self._delay_s = 0.0
        self._patience_s = BATCH_TIMEOUT_S
        self._failures = 0
        self.away = False
        self.meters.batches += 1
        self.meters.commands += len(flight.decided)
        self.meters.events += flight.events

    def _acknowledge(self) -> None:
        """Reply to commands that have become durable."""
        while self._durable:
            for waiting in self._durable.popleft().decided:
                self._answer(waiting, waiting.reply)
            self.host.committed()

    # When something goes wrong.

    async def _start_over(self, error: BaseException) -> None:
        """Decide again, in the same order, the batch in flight and the one decided ahead of it.

        Raises `error` if that would be guessing.
        """
        self._acknowledge()
        self._taken = self._unfinished(refused=_is_final(error))
        self._failures += not _is_transient(error)
        if _is_final(error) or self._failures >= ATTEMPTS_MAX:
            raise error
        log.warning("the ledger's batch is tried again: %r", error)
        if isinstance(error, TimeoutError):
            self._patience_s = min(COMMAND_TIMEOUT_S, self._patience_s * 2)
        await self._recover()
        self._queue.extendleft(reversed(self._taken))
        self._taken = []

    def _unfinished(self, *, refused: bool = False) -> list[_Waiting]:
        """The commands taken from the queue and not known to be durable, in order of arrival.

        `refused`: the database itself reported that it did not apply them.
        """
        flight, self._flight = self._flight, None
        flown = flight.decided if flight is not None else []
        for waiting in flown:
            waiting.tried |= not refused
        return [*flown, *self._taken]

    # Connections and epochs.

    async def _connect(self) -> None:
        self._connection = await self._new_connection()
        self._loading = await self._new_connection()
        self._check_replicated(replicated=await self._loading.fetchval(_IS_REPLICATED))

    def _check_replicated(self, *, replicated: bool) -> None:
        if self.replicated and not replicated:
            raise NotReplicated

    async def _new_connection(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self.database_url,
            server_settings={**_SESSION, "role": self.role},
            command_timeout=COMMAND_TIMEOUT_S,
            timeout=10.0,
            connection_class=_NeverCancels,
        )

    def _disconnect(self) -> None:
        """Disconnect at once; statements in progress in the database end by themselves."""
        for connection in (self._connection, self._loading):
            if connection is not None:
                connection.terminate()
        self._connection = self._loading = None

    async def _begin_epoch(self, sql: str) -> None:
        """Begin an epoch and load the state of the database."""
        connection = _connected(self._connection)
        unblocking = asyncio.create_task(self._unblock(connection.get_server_pid()))
        try:
            head = await connection.fetchrow(sql, self.id)
        finally:
            unblocking.cancel()
        if head is None:
            raise _Superseded("another writer has taken over")
        if head["next_seq"] < self._durable_seq:
            raise LostEvents(
                f"the database lost the acknowledged events {head['next_seq']} to {self._durable_seq - 1}:"
                " it is an earlier state, as after a failover to a machine that was behind"
            )
        if self._high_water is not None:
            self.told = self._high_water.begin(head["log"], head["next_seq"] - 1)
        accounts = await connection.fetch(_LOAD_ACCOUNTS)
        windows = await connection.fetch(_LOAD_WINDOWS)
        self.epoch = head["epoch"]
        self._durable_seq = head["next_seq"]
        self.books.install(head["next_seq"], head["at"], map(_account, accounts), dict(windows))

    async def _unblock(self, session: int) -> None:
        """End the sessions of the switch whose locks a new epoch waits for: those of lost connections."""
        while True:
            await asyncio.sleep(BLOCKED_S)
            try:
                await self._end_blockers(session)
            except _DATABASE_ERRORS as error:
                log.warning("the sessions that block the ledger's writer could not be ended: %r", error)

    async def _end_blockers(self, session: int) -> None:
        connection = await asyncpg.connect(
            self.database_url,
            timeout=ENDS_WITHIN_S,
            command_timeout=ENDS_WITHIN_S,
            connection_class=Connection,
        )
        try:
            found = {row["pid"] for row in await connection.fetch(_END_BLOCKERS, session)}
            if not found:
                return
            log.warning("sessions that block the ledger's writer were asked to end: %s", sorted(found))
            await asyncio.sleep(ENDS_WITHIN_S)
            stuck = found.intersection(await connection.fetchval("SELECT pg_blocking_pids($1)", session))
            if stuck:
                log.error("sessions that block the ledger's writer do not end: %s", sorted(stuck))
                self._on_stuck(stuck)
        finally:
            connection.terminate()

    def _drop_memory(self) -> None:
        self.books.forget()
        self.host.abandoned()

    async def _recover(self) -> None:
        """Drop memory and recover with a new connection and epoch, however long it takes.

        The first try is immediate. From the second, for any reason (no connection, a full disk), commands
        that are not in flight are refused, and the pauses between tries grow.
        """
        self.meters.retries += 1
        self._drop_memory()
        if self._delay_s:
            self._be_away()
        while True:
            await asyncio.sleep(self._delay_s)
            if await self._reconnect():
                break
            self._be_away()
        self._delay_s = max(self._delay_s, _RETRY_FIRST_S)

    def _be_away(self) -> None:
        self.away = True
        self._refuse_waiting("the database of the ledger is unavailable")
        self._delay_s = min(_RETRY_MAX_S, self._delay_s * 2 or _RETRY_FIRST_S)

    async def _reconnect(self) -> bool:
        """Try once; False if the database is still unavailable."""
        self._disconnect()
        self.meters.reconnections += 1
        try:
            await self._connect()
            await self._begin_epoch(_RESUME)
        except _DATABASE_ERRORS as error:
            log.warning("the database of the ledger is unavailable: %r", error)
            return False
        return True

    # Refusing.

    def _refuse_waiting(self, why: str) -> None:
        """Refuse commands that were certainly not applied; those that may have been applied wait."""
        waits = [waiting for waiting in self._queue if waiting.tried]
        for waiting in self._queue:
            if not waiting.tried:
                self._answer(waiting, _Raised(Unavailable(why)))
        self._queue = deque(waits)

    def _freeze(self, error: Exception) -> None:
        self.frozen = error
        for waiting in (*self._unfinished(), *self._queue):
            self._answer(waiting, _Raised(OutcomeUnknown() if waiting.tried else Frozen()))
        self._queue.clear()
        self._disconnect()
        self._acknowledge()


class _Superseded(RuntimeError):
    """Another writer has taken over."""


class _Disagreement(RuntimeError):
    """The state of the database differs from memory."""


def _connected(connection: asyncpg.Connection | None) -> asyncpg.Connection:
    if connection is None:
        raise asyncpg.InterfaceError("not connected")
    return connection


def _is_transient(error: BaseException) -> bool:
    """Whether the error is not caused by the batch itself."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(_TRANSIENT_CLASSES)
    return not isinstance(error, ValueError)  # an argument that cannot be encoded never will be


def _is_final(error: BaseException) -> bool:
    """Whether another try would be guessing."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in {FENCED, DIFFERS}


def _account(row: asyncpg.Record) -> Account:
    return Account(*row[:4], closed=row[4], cap=row[5], counters=tuple(row[6:11]))


def _transfer(record: asyncpg.Record) -> tuple[UUID, Transfer]:
    number, id_, kind, fingerprint, _, outcome, corrected_by, legs = record
    transfer = Transfer(
        number,
        TransferKind(kind),
        _STATES[kind, outcome],
        fingerprint,
        [Leg(*leg) for leg in legs],
        corrected=corrected_by is not None,
    )
    return id_, transfer


_STATES: Final = {
    ("two_phase", None): TransferState.PENDING,
    ("two_phase", "posted"): TransferState.POSTED,
    ("two_phase", "voided"): TransferState.VOIDED,
    ("single_phase", None): TransferState.POSTED,
    ("correction", None): TransferState.POSTED,
    ("failed", None): TransferState.FAILED,
}
"""The state of a set, by its kind and its resolution."""
