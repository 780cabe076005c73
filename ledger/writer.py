"""The writer: collect, load, decide, apply, acknowledge. The only one who changes the ledger.

Theory of operation. Commands wait in a bounded queue. The loop takes all that wait (up to `BATCH_MAX`; no
timer ever delays a lone one), brings into memory what they touch (one round trip), lets the host decide
them in order of arrival against the books, and applies everything decided in one durable statement (one
round trip), with the host's own rows in the same statement. Only after its commit are callers answered.

While one batch is being applied, the next is loaded (on a connection of its own), decided on top of it in
memory, and encoded: the database and this process work at the same time. Batches are still applied one
after the other, each only when the one before is durable, so at most one is in flight and at most one is
decided ahead of it. What is loaded meanwhile cannot be stale: whatever the batch in flight changes is in
memory until it is durable.

* Fence: `start` takes a new epoch. Every load and every apply checks it, so a writer that was replaced can
  neither commit nor answer from stale memory: it freezes.
* Lost connection, or any error of the database: memory is dropped, with the batch that was decided ahead; a
  new connection takes a new epoch of the same writer (which waits for the old connection's transaction to
  end, so its outcome is settled), and the same commands are decided again in the same order. Ids make that
  idempotent, so an unknown commit outcome is harmless. Meanwhile new commands are refused with
  `Unavailable`; what was given to the database, and so may have been done, waits until that is known.
* An error that comes back, or a database that disagrees with memory, freezes the writer: it refuses
  everything until people have looked, and never guesses. What may have been done then ends as
  `OutcomeUnknown`.
* A host that raises while deciding one command has that command alone answered with the exception; the
  others of the batch are decided again without it.
"""

import asyncio
import gc
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import asyncpg
from msgspec import Struct

from ledger.books import Account, Books, Leg, Transfer, TransferKind, TransferState
from ledger.columns import Call, statement_of
from ledger.silence import SERVER_SETTINGS, Connection
from ledger.sql import statement
from schemas.errors import OutcomeUnknown, Unavailable

BATCH_MAX: Final = 1_000
"""Commands of one batch: larger ones are no faster, and leave less to do while one is being applied."""

HALVED_FROM: Final = 128
"""With nothing in flight, half of so many commands fly at once and half are decided meanwhile.

Halves of fewer cost more, as two statements, than the second core saves.
"""

BATCH_BYTES_MAX: Final = 16 << 20
"""What the commands of one batch may weigh together; the one that passes it is the last."""

QUEUE_MAX: Final = 20_000
"""Commands waiting; more are refused with `Unavailable`."""

QUEUE_BYTES_MAX: Final = 256 << 20
"""What all commands that were not answered yet may weigh together; more are refused with `Unavailable`."""

ATTEMPTS_MAX: Final = 3
"""How often a batch may fail for a reason that is not the connection or the machine."""

COMMAND_TIMEOUT_S: Final = 30.0
"""A database that is silent for longer has lost us, as far as we know."""

FENCED: Final = "PSF01"
DIFFERS: Final = "PSF02"

_RETRY_FIRST_S: Final = 0.05
_RETRY_MAX_S: Final = 2.0

_TRANSIENT_CLASSES: Final = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes that say nothing about the batch: connection, rollback, resources, locks, operator."""

_SESSION: Final = {
    "application_name": "payswitch writer",
    # Every statement of this connection is a handful of index probes; a plan made while a table was small
    # must not turn into a scan when it has grown.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",  # planning every batch anew costs more than a small batch
    "jit": "off",
    "timezone": "UTC",
    "synchronous_commit": "on",
    **SERVER_SETTINGS,
}

_DATABASE_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asyncpg's word for a connection that was cut in the middle
    OSError,
    TimeoutError,
)

_TAKE_OVER: Final = statement("take_over")
_RESUME: Final = statement("resume")
_LOAD_ACCOUNTS: Final = statement("load_accounts")
_LOAD_WINDOWS: Final = statement("load_windows")
_LOAD_TRANSFERS: Final = statement("load_transfers")

log = logging.getLogger(__name__)


def look_for_garbage_in_short_steps() -> None:
    """Set the garbage collector up for the process of a writer.

    The writer makes many objects, hardly ever a cycle, and keeps a hundred thousand sets: each full look at
    those stops everything for a tenth of a second. So it looks often but at what is new only, less than a
    millisecond each time; at what has lived longer once in millions of objects.
    """
    gc.collect()
    gc.freeze()  # what is there now stays
    gc.set_threshold(5_000, 1_000, 100)


class Frozen(Unavailable):
    """The ledger's writer has stopped; nothing was done."""


class Footprint(Struct, frozen=True, gc=False):
    """The transfers that must be in memory before a command is decided, and how many bytes it keeps there."""

    transfers: Collection[UUID] = ()
    size: int = 0


BatchExtension = Sequence[Call]
"""What the host applies with the ledger's batch, in the same statement: calls of its own functions."""


class Host(Protocol):
    """The switch: what else is decided and applied with the ledger's batch.

    Batches are loaded, decided and given out (`extension`) one after the other; `committed` follows once for
    each, in the same order, but when the next has perhaps been loaded, decided and given out.
    """

    def footprint(self, command: Any) -> Footprint:
        """What the ledger must have in memory for `command`."""

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Any]) -> None:
        """Bring the host's own state for these commands into memory.

        What was given out but is not committed is not in the database yet: memory knows better.
        """

    def decide(self, command: Any, books: Books) -> Any:
        """Decide one command; its reply. Pure but for `books` and the host's own memory."""

    def extension(self) -> BatchExtension:
        """What was decided since the last call goes to the host's own tables, in the same statement."""

    def committed(self) -> None:
        """The oldest batch that was given out is durable."""

    def abandoned(self) -> None:
        """What was not committed may not have happened: drop memory; its commands will be decided again."""


@dataclass(slots=True)
class Meters:
    """Counts since the start, for the metrics page."""

    batches: int = 0
    commands: int = 0
    events: int = 0
    retries: int = 0
    reconnections: int = 0
    """Tries to come back to the database."""
    load_s: float = 0.0
    decide_s: float = 0.0
    apply_s: float = 0.0


class _Waiting(Struct):
    """One command in the queue, and the future that its caller waits for."""

    command: Any
    footprint: Footprint
    future: asyncio.Future[Any]
    reply: Any = None
    tried: bool = False
    """It was given to the database, and no answer came: it may have been done."""


@dataclass(slots=True)
class _Raised:
    """A reply that is an exception."""

    error: Exception


@dataclass(slots=True)
class _Flight:
    """A batch that was decided and given out: its commands, and the statement that applies it."""

    decided: list[_Waiting]
    events: int
    next_seq: int
    sql: str
    arguments: list[Any]
    """Empty where there is nothing to apply."""
    task: asyncio.Task[None] | None = None


class Writer:
    """The one writer of a database. `submit` from any task of its event loop."""

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
    ) -> None:
        self.database_url = database_url
        self.host = host
        self.role = role
        self.batch_max = batch_max
        self.queue_max = queue_max
        self.queue_bytes_max = queue_bytes_max
        self.books = Books(transfers_max=transfers_max)
        self.id = uuid4()
        self.epoch = 0
        self.meters = Meters()
        self.frozen: Exception | None = None
        """Why the writer refuses everything; None while it works."""
        self.away = False
        """The database is away, or cannot write: newcomers are refused, what is in flight waits."""
        self._delay_s = 0.0
        self._failures = 0
        self._stopping = False
        self._bytes = 0
        self._queue: deque[_Waiting] = deque()
        self._taken: list[_Waiting] = []
        self._flight: _Flight | None = None
        self._durable: deque[_Flight] = deque()
        self._durable_seq = 0
        self._wake = asyncio.Event()
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
        """Whether nothing waits, is being decided, or is being applied."""
        return not (self._queue or self._taken or self._flight)

    @property
    def waiting_bytes(self) -> int:
        """What the commands weigh that were not answered yet."""
        return self._bytes

    async def start(self) -> None:
        """Connect, take the epoch (every other writer of this database is fenced) and begin."""
        assert self._loop is None, "started already"
        self._new_future = asyncio.get_running_loop().create_future
        await self._connect()
        await self._begin_epoch(_TAKE_OVER)
        self._loop = asyncio.create_task(self._run(), name="ledger writer")

    async def stop(self, *, timeout_s: float = 30.0) -> None:
        """Finish what is queued, then end; give up after `timeout_s`. Stopping twice is harmless."""
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            await asyncio.wait({self._loop}, timeout=timeout_s)
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None
        for connection in (self._connection, self._loading):
            if connection is not None:
                await connection.close(timeout=5.0)
        self._connection = self._loading = None

    async def submit(self, command: Any) -> Any:
        """Have one command decided; its reply, once it is durable. Cancelling the caller does not undo it.

        Raises:
            Unavailable: nothing was done: the queue is full, the database is away, or the writer has stopped.
            OutcomeUnknown: the writer stopped while this was being applied: it may have been done.
            Exception: what the host raised when it decided this command.

        """
        footprint = self.host.footprint(command)
        self._check_open(1, footprint.size)
        reply = await self._enqueue(command, footprint)
        if type(reply) is _Raised:
            raise reply.error
        return reply

    async def submit_many(self, commands: Sequence[Any]) -> list[Any]:
        """As `submit`, for several, in order; a command's exception takes the place of its reply."""
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
        return future

    def _check_open(self, count: int, size: int) -> None:
        if self.frozen is not None:
            raise Frozen
        if self._loop is None or self._stopping:
            raise Unavailable("the ledger's writer is not running")
        if self.away:
            raise Unavailable("the ledger's database is away")
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
            # Whatever it was, it was not foreseen: refuse everything rather than guess.
            log.exception("the ledger's writer has frozen")
            self._freeze(error)

    async def _turn(self) -> None:
        """Prepare the next batch while one is in flight, and let it fly; or see to what landed; or wait."""
        if self._queue:
            flight = await self._prepare()
            await self._land()
            self._launch(flight)
            await asyncio.sleep(0)  # the statement goes out first: the database is never idle meanwhile
            self._acknowledge()
            await asyncio.sleep(0)  # callers wake up; what they send now is in the next batch
        elif self._flight is not None and (self._flight.task is None or self._flight.task.done()):
            await self._land()
            self._acknowledge()
        else:
            self._wake.clear()
            await self._wake.wait()

    async def _prepare(self) -> _Flight:
        """Take what waits; load, decide and encode it, on top of what is in flight."""
        self._taken = self._take()
        try:
            decided = await self._decided()
            return self._given_out(decided)
        except Exception:
            await self._land()  # how the batch in flight ends must be known before anything else is done
            raise

    def _take(self) -> list[_Waiting]:
        """What waits, up to the limits of one batch.

        Half of it where nothing is in flight: else callers, database and this process would go in lockstep,
        each waiting for the others.
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
        """Load and decide what was taken; what follows the close of a window goes back to the queue."""
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
            # Its traces cannot be told from the others' in memory: all are decided again without it.
            await self._land()
            self._acknowledge()
            self._drop_memory()
            await self._begin_epoch(_RESUME)
        self._queue.extendleft(reversed(self._taken[count:]))
        del self._taken[count:]
        return self._taken

    async def _load(self, batch: list[_Waiting]) -> None:
        """The fence, the time, and every transfer that the batch touches and memory does not have."""
        connection = _connected(self._loading)
        wanted = self.books.missing([id_ for waiting in batch for id_ in waiting.footprint.transfers])
        ids = "{" + ",".join([id_.hex for id_ in wanted]) + "}"
        row = await connection.fetchrow(_LOAD_TRANSFERS, ids)
        if row["epoch"] != self.epoch:
            raise _Superseded(f"epoch {self.epoch} was taken over by epoch {row['epoch']}")
        before_or_after_what_flies = {self._durable_seq, self.books.next_seq}
        if row["next_seq"] not in before_or_after_what_flies:
            raise _Disagreement(f"the sequence is at {row['next_seq']}, not at {self.books.next_seq}")
        self.books.begin(row["now"], wanted, [_transfer(record) for record in row["transfers"]])
        await self.host.load(connection, [waiting.command for waiting in batch])

    def _decide(self, batch: list[_Waiting]) -> int | None:
        """Decide in order of arrival; how many it got to, or None: a command must be left out."""
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
        """The statement that applies what was decided; nothing decided is nothing to apply."""
        began = time.perf_counter()
        batch, extension = self.books.seal(), self.host.extension()
        flight = _Flight(decided, len(batch), self.books.next_seq, "", [])
        if len(batch) or extension:
            apply = batch.apply(self.epoch, flight.next_seq - flight.events, self.books.now)
            flight.sql, flight.arguments = statement_of((apply, *extension))
        self.meters.decide_s += time.perf_counter() - began
        return flight

    def _launch(self, flight: _Flight) -> None:
        """Have the batch applied; the loop wakes up when that has ended."""
        self._taken = []
        self._flight = flight
        flight.task = asyncio.create_task(self._apply(flight))
        flight.task.add_done_callback(lambda _: self._wake.set())

    async def _apply(self, flight: _Flight) -> None:
        """Everything that was decided, in one durable statement."""
        if not flight.arguments:
            return
        began = time.perf_counter()
        row = await _connected(self._connection).fetchrow(flight.sql, *flight.arguments)
        assert row[0] == flight.next_seq
        self.meters.apply_s += time.perf_counter() - began

    async def _land(self) -> None:
        """Wait until the batch in flight, if there is one, is durable; its callers are not answered yet.

        Raises what applying it raised; then it is still in flight, as far as we know.
        """
        flight = self._flight
        if flight is None:
            return
        assert flight.task is not None
        await flight.task
        self._flight = None
        self._durable_seq = flight.next_seq
        self._durable.append(flight)
        self.books.settle()
        self._delay_s = 0.0
        self._failures = 0
        self.away = False
        self.meters.batches += 1
        self.meters.commands += len(flight.decided)
        self.meters.events += flight.events

    def _acknowledge(self) -> None:
        """Answer what has become durable."""
        while self._durable:
            for waiting in self._durable.popleft().decided:
                self._answer(waiting, waiting.reply)
            self.host.committed()

    # When something goes wrong.

    async def _start_over(self, error: BaseException) -> None:
        """Decide again, in the same order, what is in flight and what was decided ahead of it.

        Raises `error` where that would be guessing.
        """
        self._acknowledge()
        self._taken = self._unfinished(refused=_is_final(error))
        self._failures += not _is_transient(error)
        if _is_final(error) or self._failures >= ATTEMPTS_MAX:
            raise error
        log.warning("the ledger's batch is tried again: %r", error)
        await self._recover()
        self._queue.extendleft(reversed(self._taken))
        self._taken = []

    def _unfinished(self, *, refused: bool = False) -> list[_Waiting]:
        """What was taken from the queue and is not known to be durable, in order of arrival.

        `refused`: the database itself said that it did not do it.
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

    async def _new_connection(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self.database_url,
            server_settings={**_SESSION, "role": self.role},
            command_timeout=COMMAND_TIMEOUT_S,
            timeout=10.0,
            connection_class=Connection,
        )

    def _disconnect(self) -> None:
        """Hang up at once; what is under way in the database ends by itself."""
        for connection in (self._connection, self._loading):
            if connection is not None:
                connection.terminate()
        self._connection = self._loading = None

    async def _begin_epoch(self, sql: str) -> None:
        """Take an epoch and learn what the database holds."""
        connection = _connected(self._connection)
        head = await connection.fetchrow(sql, self.id)
        if head is None:
            raise _Superseded("another writer has taken over")
        accounts = await connection.fetch(_LOAD_ACCOUNTS)
        windows = await connection.fetch(_LOAD_WINDOWS)
        self.epoch = head["epoch"]
        self._durable_seq = head["next_seq"]
        self.books.install(head["next_seq"], head["at"], map(_account, accounts), dict(windows))

    def _drop_memory(self) -> None:
        self.books.forget()
        self.host.abandoned()

    async def _recover(self) -> None:
        """Drop memory and come back with a new connection and epoch, however long it takes.

        The first try is at once. From the second on, whatever the reason (no connection, a full disk), what
        is not in flight is refused, and tries come ever slower.
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
        self._refuse_waiting("the ledger's database is away")
        self._delay_s = min(_RETRY_MAX_S, self._delay_s * 2 or _RETRY_FIRST_S)

    async def _reconnect(self) -> bool:
        """Try once; False where the database is still away."""
        self._disconnect()
        self.meters.reconnections += 1
        try:
            await self._connect()
            await self._begin_epoch(_RESUME)
        except _DATABASE_ERRORS as error:
            log.warning("the ledger's database is away: %r", error)
            return False
        return True

    # Refusing.

    def _refuse_waiting(self, why: str) -> None:
        """Refuse what was not done, whatever becomes of the database; what may have been done waits."""
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
    """The database is not where memory says it is."""


def _connected(connection: asyncpg.Connection | None) -> asyncpg.Connection:
    if connection is None:
        raise asyncpg.InterfaceError("not connected")
    return connection


def _is_transient(error: BaseException) -> bool:
    """Whether the error says nothing about the batch itself."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(_TRANSIENT_CLASSES)
    return not isinstance(error, ValueError)  # an argument that cannot be encoded never will be


def _is_final(error: BaseException) -> bool:
    """Whether trying again would be guessing."""
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
"""What became of a set, by its kind and its resolution."""
