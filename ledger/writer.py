"""The writer: collect, load, decide, apply, acknowledge. The only one who changes the ledger.

Theory of operation. Commands wait in a bounded queue. The loop takes all that wait (up to `BATCH_MAX`; no
timer ever delays a lone one), brings into memory what they touch (one round trip), lets the host decide
them in order of arrival against the books, and applies everything decided in one durable statement (one
round trip), with the host's own rows in the same statement. Only after its commit are callers answered.
One batch is in flight at a time; a batch is whatever queued up while the one before it committed.

* Fence: `start` takes a new epoch. Every load and every apply checks it, so a writer that was replaced can
  neither commit nor answer from stale memory: it freezes.
* Lost connection, or any error of the database: memory is dropped, a new connection takes a new epoch of the
  same writer (which waits for the old connection's transaction to end, so its outcome is settled), and the
  same commands are decided again. Ids make that idempotent, so an unknown commit outcome is harmless.
  Meanwhile new commands are refused with `Unavailable`; those in flight wait.
* An error that comes back, or a database that disagrees with memory, freezes the writer: it refuses
  everything until people have looked, and never guesses.
* A host that raises while deciding one command has that command alone answered with the exception; the
  others of the batch are decided again without it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import asyncpg

from ledger.books import Account, Books, Kind, Leg, State, Transfer
from ledger.sql import statement
from schemas.errors import Unavailable

BATCH_MAX: Final = 500
"""Commands of one batch: larger ones are no faster, and leave less to do while one is being applied."""

QUEUE_MAX: Final = 20_000
"""Commands waiting; more are refused with `Unavailable`."""

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
_APPLY: Final = statement("apply")
_APPLY_ARGUMENTS: Final = 48

log = logging.getLogger(__name__)


class Frozen(Unavailable):
    """The ledger's writer has stopped. What was in flight may have been done: ask again by its id."""


@dataclass(frozen=True, slots=True)
class Touches:
    """What must be in memory before a command is decided: ids of transfers.

    Accounts are all in memory; a host may still name them.
    """

    transfers: Collection[UUID] = ()
    accounts: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Rider:
    """What the host applies in the same statement: a call, `switch.record({0}, {1})`, and its arguments."""

    sql_expression: str
    arguments: Sequence[Any]


class Host(Protocol):
    """The switch: what else is decided and applied with the ledger's batch."""

    def touches(self, command: Any) -> Touches:
        """What the ledger must have in memory for `command`."""

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Any]) -> None:
        """Bring the host's own state for these commands into memory."""

    def decide(self, command: Any, books: Books) -> Any:
        """Decide one command; its reply. Pure but for `books` and the host's own memory."""

    def rider(self) -> Rider | None:
        """What of this batch goes to the host's own tables, in the same statement."""

    def committed(self) -> None:
        """The batch is durable."""

    def abandoned(self) -> None:
        """The batch may not have happened: drop memory; its commands will be decided again."""


@dataclass(slots=True)
class Meters:
    """Counts since the start, for the metrics page."""

    batches: int = 0
    commands: int = 0
    events: int = 0
    retries: int = 0
    load_s: float = 0.0
    decide_s: float = 0.0
    apply_s: float = 0.0


class _Waiting:
    """One command in the queue, and the future that its caller waits for."""

    __slots__ = ("command", "future", "reply", "transfers")

    def __init__(self, command: Any, transfers: Collection[UUID], future: asyncio.Future[Any]) -> None:
        self.command = command
        self.transfers = transfers
        self.future = future
        self.reply: Any = None

    def answer(self, reply: Any) -> None:
        """Give the caller its reply, unless it no longer waits."""
        if not self.future.done():
            self.future.set_result(reply)


@dataclass(slots=True)
class _Raised:
    """A reply that is an exception."""

    error: Exception


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
        transfers_max: int = 100_000,
    ) -> None:
        self.database_url = database_url
        self.host = host
        self.role = role
        self.batch_max = batch_max
        self.queue_max = queue_max
        self.books = Books(transfers_max=transfers_max)
        self.id = uuid4()
        self.epoch = 0
        self.meters = Meters()
        self.frozen: Exception | None = None
        """Why the writer refuses everything; None while it works."""
        self.away = False
        """The database is away, or cannot write: newcomers are refused, what is in flight waits."""
        self._delay_s = 0.0
        self._stopping = False
        self._queue: deque[_Waiting] = deque()
        self._durable: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._loop: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Commands in the queue."""
        return len(self._queue)

    async def start(self) -> None:
        """Connect, take the epoch (every other writer of this database is fenced) and begin."""
        assert self._loop is None, "started already"
        self._connection = await self._connect()
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
        if self._connection is not None:
            await self._connection.close(timeout=5.0)
            self._connection = None

    async def submit(self, command: Any) -> Any:
        """Have one command decided; its reply, once it is durable. Cancelling the caller does not undo it.

        Raises:
            Unavailable: nothing was decided: the queue is full, or the database is away.
            Exception: what the host raised when it decided this command.

        """
        self._check_open(1)
        reply = await self._enqueue(command, self.host.touches(command))
        if type(reply) is _Raised:
            raise reply.error
        return reply

    async def submit_many(self, commands: Sequence[Any]) -> list[Any]:
        """As `submit`, for several, in order; a command's exception takes the place of its reply."""
        self._check_open(len(commands))
        touches = [self.host.touches(command) for command in commands]
        futures = [self._enqueue(*pair) for pair in zip(commands, touches, strict=True)]
        replies = [await future for future in futures]
        return [reply.error if type(reply) is _Raised else reply for reply in replies]

    def _enqueue(self, command: Any, touches: Touches) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(command, touches.transfers, future))
        self._wake.set()
        return future

    def _check_open(self, count: int) -> None:
        if self.frozen is not None:
            raise Frozen
        if self._loop is None or self._stopping:
            raise Unavailable("the ledger's writer is not running")
        if self.away:
            raise Unavailable("the ledger's database is away")
        if len(self._queue) + count > self.queue_max:
            raise Unavailable("the ledger's queue is full")

    # The loop.

    async def _run(self) -> None:
        while not (self._stopping and not self._queue):
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self.batch_max))]
            try:
                await self._carry_out(batch)
            except Exception as error:
                # Whatever it was, it was not foreseen: refuse everything rather than guess.
                self._acknowledge()
                log.exception("the ledger's writer has frozen")
                self._freeze(error, batch)
                return

    async def _carry_out(self, batch: list[_Waiting]) -> None:
        """Decide and apply one batch, whatever the connection does meanwhile."""
        failures = 0
        while True:
            try:
                decided = await self._attempt(batch)
                break
            except _DATABASE_ERRORS as error:
                self._acknowledge()
                failures += not _is_transient(error)
                if _is_final(error) or failures >= ATTEMPTS_MAX:
                    raise
                log.warning("the ledger's batch is tried again: %r", error)
                await self._recover()
        self._delay_s = 0.0
        self.away = False
        self._durable = decided
        self._queue.extendleft(reversed(batch[len(decided) :]))
        if not self._queue:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Answer what has become durable.

        At once where nothing else waits; else while the database applies the next batch, which would
        otherwise be idle while callers wake up and send their next commands.
        """
        durable, self._durable = self._durable, []
        for waiting in durable:
            waiting.answer(waiting.reply)

    async def _attempt(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Load, decide, apply; what was decided, which is all but what follows the close of a window."""
        began = time.perf_counter()
        await self._load(batch)
        loaded = time.perf_counter()
        decided, poisoned = self._decide(batch)
        if poisoned:
            # Its traces cannot be told from the others' in memory: all are decided again without it.
            self._drop_memory()
            await self._begin_epoch(_RESUME)
            return await self._attempt(batch)
        resolved = time.perf_counter()
        await self._apply()
        self.books.settle()
        self.host.committed()
        meters = self.meters
        meters.batches += 1
        meters.commands += len(decided)
        meters.load_s += loaded - began
        meters.decide_s += resolved - loaded
        meters.apply_s += time.perf_counter() - resolved
        return decided

    async def _load(self, batch: list[_Waiting]) -> None:
        """The fence, the time, and every transfer that the batch touches and memory does not have."""
        connection = self._connected()
        wanted = self.books.missing([id_ for waiting in batch for id_ in waiting.transfers])
        ids = "{" + ",".join([id_.hex for id_ in wanted]) + "}"
        row = await connection.fetchrow(_LOAD_TRANSFERS, ids)
        if row["epoch"] != self.epoch:
            raise _Superseded(f"epoch {self.epoch} was taken over by epoch {row['epoch']}")
        if row["next_seq"] != self.books.next_seq:
            raise _Disagreement(f"the sequence is at {row['next_seq']}, not at {self.books.next_seq}")
        self.books.begin(row["now"], wanted, [_transfer(record) for record in row["transfers"]])
        await self.host.load(connection, [waiting.command for waiting in batch])

    def _decide(self, batch: list[_Waiting]) -> tuple[list[_Waiting], bool]:
        """Decide in order of arrival; how far it got, and whether a command must be left out."""
        decide, books = self.host.decide, self.books
        for index, waiting in enumerate(batch):
            if type(waiting.reply) is _Raised:
                continue
            try:
                waiting.reply = decide(waiting.command, books)
            except Exception as error:  # noqa: BLE001 - one command's failure is its caller's, not the batch's
                waiting.reply = _Raised(error)
                return batch, True
            if books.batch.closes_window:
                return batch[: index + 1], False
        return batch, False

    async def _apply(self) -> None:
        """Everything that was decided, in one durable statement; nothing decided is nothing to do."""
        batch, rider = self.books.batch, self.host.rider()
        if not len(batch) and rider is None:
            self._acknowledge()
            return
        first_seq = self.books.next_seq - len(batch)
        arguments = [self.epoch, first_seq, self.books.now, *batch.arguments()]
        assert len(arguments) == _APPLY_ARGUMENTS, len(arguments)
        sql = _APPLY
        if rider is not None:
            places = [f"${_APPLY_ARGUMENTS + n}" for n in range(1, len(rider.arguments) + 1)]
            sql = f"{_APPLY}, {rider.sql_expression.format(*places)}"
            arguments += rider.arguments
        asyncio.get_running_loop().call_soon(self._acknowledge)
        row = await self._connected().fetchrow(sql, *arguments)
        assert row["next_seq"] == self.books.next_seq
        self.meters.events += len(batch)

    # Connections and epochs.

    def _connected(self) -> asyncpg.Connection:
        if self._connection is None:
            raise asyncpg.InterfaceError("not connected")
        return self._connection

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self.database_url,
            server_settings={**_SESSION, "role": self.role},
            command_timeout=COMMAND_TIMEOUT_S,
            timeout=10.0,
        )

    async def _begin_epoch(self, sql: str) -> None:
        """Take an epoch and learn what the database holds."""
        connection = self._connected()
        head = await connection.fetchrow(sql, self.id)
        if head is None:
            raise _Superseded("another writer has taken over")
        accounts = await connection.fetch(_LOAD_ACCOUNTS)
        windows = await connection.fetch(_LOAD_WINDOWS)
        self.epoch = head["epoch"]
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
        self._refuse_waiting(Unavailable("the ledger's database is away"))
        self._delay_s = min(_RETRY_MAX_S, self._delay_s * 2 or _RETRY_FIRST_S)

    async def _reconnect(self) -> bool:
        """Try once; False where the database is still away."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        try:
            self._connection = await self._connect()
            await self._begin_epoch(_RESUME)
        except _DATABASE_ERRORS as error:
            log.warning("the ledger's database is away: %r", error)
            return False
        return True

    # Refusing.

    def _refuse_waiting(self, error: Exception) -> None:
        """Answer what was not yet looked at."""
        while self._queue:
            waiting = self._queue.popleft()
            waiting.answer(_Raised(error))

    def _freeze(self, error: Exception, batch: Iterable[_Waiting]) -> None:
        self.frozen = error
        for waiting in batch:
            waiting.answer(_Raised(Frozen()))
        self._refuse_waiting(Frozen())
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class _Superseded(RuntimeError):
    """Another writer has taken over."""


class _Disagreement(RuntimeError):
    """The database is not where memory says it is."""


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
        Kind(kind),
        _STATES[kind, outcome],
        fingerprint,
        [Leg(*leg) for leg in legs],
        corrected=corrected_by is not None,
    )
    return id_, transfer


_STATES: Final = {
    ("two_phase", None): State.PENDING,
    ("two_phase", "posted"): State.POSTED,
    ("two_phase", "voided"): State.VOIDED,
    ("single_phase", None): State.POSTED,
    ("correction", None): State.POSTED,
    ("failed", None): State.FAILED,
}
"""What became of a set, by its kind and its resolution."""
