"""Counters of every process, readable at any API worker's `/metrics`.

The processes share them through files (prometheus_client's multiprocess mode); the supervisor sets the
directory and empties it at its start. A file is named for the process's place, `api-0`, not for its number:
one that was killed and started again goes on counting where the last one stopped, and no files pile up. What
it said of its own present (`live` gauges) goes with it: at its next start, or at the next scrape, which
knows it by `api-0.pid`. Whatever is a fact of the database (payments in flight, headroom)
is set by the caretaker alone, so it is never summed over processes. No label holds a payment's id.
"""

import fcntl
import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    mmap_dict,
    multiprocess,
    values,
)

_STORE_BYTES: Final = 1 << 17
_STORE_HEADER: Final = 8
_STORE_ENTRY_MAX: Final = 32
"""Of an entry, beside its key: its length, up to eight bytes of padding, value and time."""

PLACE: Final = "PAYSWITCH_PLACE"
"""Environment: which of the supervisor's processes this is; without it files are named by process id."""


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep a scrape from taking the files of a process that is just starting for those of a dead one."""
    with (directory / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _take_place(directory: Path, place: str) -> None:
    """Begin as the process of this place: its counters go on, its last one's gauges do not."""
    with suppress(OSError), _locked(directory):
        (directory / f"{place}.pid").write_text(str(os.getpid()))
        for file in directory.glob(f"gauge_live*_{place}.db"):
            file.unlink()
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


class Store(mmap_dict.MmapedDict):
    """A file of counters whose blocks are there before it is mapped; where there is no room, plain memory.

    A byte that is written to a mapped file without a block, on a disk that is full, ends the process by
    SIGBUS. Counters in plain memory are not seen at `/metrics`: that is what a full disk may cost.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002 - as its base
        if read_mode or _allocate(Path(filename), _STORE_BYTES):
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
            return
        self._f = None  # type: ignore[assignment]
        self._m, self._capacity = mmap.mmap(-1, _STORE_BYTES), _STORE_BYTES
        self._positions: dict[str, int] = {}
        self._used = _STORE_HEADER
        self._m[:4] = self._used.to_bytes(4, sys.byteorder)

    def _init_value(self, key: str) -> None:
        while self._used + len(key.encode()) + _STORE_ENTRY_MAX > self._capacity:
            self._grow(self._capacity * 2)
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _grow(self, capacity: int) -> None:
        if self._f is not None and _allocate(Path(self._f.name), capacity):
            self._m = mmap.mmap(self._f.fileno(), capacity)
        else:
            memory = mmap.mmap(-1, capacity)
            memory[: self._used] = self._m[: self._used]
            self._m, self._f = memory, None  # type: ignore[assignment]
        self._capacity = capacity


def _allocate(file: Path, size: int) -> bool:
    """Give a file blocks for `size` bytes; whether there is room for them."""
    try:
        with file.open("ab") as opened:
            os.posix_fallocate(opened.fileno(), 0, max(size, opened.tell()))
    except OSError:
        with suppress(OSError):
            if file.stat().st_size == 0:
                file.unlink()  # a reader would take it for a broken one
        return False
    return True


values.MmapedDict = Store  # type: ignore[attr-defined]

# Before the first metric is made: it opens its file by this name.
if os.environ.get(PLACE) and os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _take_place(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]), os.environ[PLACE])

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60)
_CURRENT: Final = "livemostrecent"
_CLOCKS_S: Final = 2.0
"""How far the time of a process's start and that of a file may differ."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

HTTP: Final = Counter("payswitch_http_requests_total", "Requests answered", ("route", "method", "status"))
HTTP_SECONDS: Final = Histogram(
    "payswitch_http_request_duration_seconds",
    "From the request's last byte to the answer",
    ("route",),
    buckets=_SECONDS,
)
ACCEPTED: Final = Counter(
    "payswitch_payments_accepted_total", "Payments whose money was reserved", ("rail", "debit_currency")
)
REFUSED: Final = Counter("payswitch_payments_refused_total", "Payments that the switch refused", ("reason",))
FINISHED: Final = Counter(
    "payswitch_payments_total", "Payments that became final", ("rail", "outcome", "reason")
)
DURATION: Final = Histogram(
    "payswitch_payment_duration_seconds",
    "From the reservation of a payment's money to its final state, by this machine's clock",
    ("rail", "outcome"),
    buckets=(*_SECONDS, 600, 3600),
)
VALUE: Final = Counter(
    "payswitch_settled_value_minor_units_total",
    "What was credited; never add up different currencies",
    ("rail", "currency"),
)
WEBHOOKS: Final = Counter("payswitch_webhook_deliveries_total", "Attempts to deliver a webhook", ("result",))
REPLAYS: Final = Counter("payswitch_idempotency_replays_total", "Messages whose UETR was known", ("kind",))
SIGNATURE_FAILURES: Final = Counter(
    "payswitch_signature_failures_total", "Requests that did not prove who sent them", ("cause",)
)
RAIL: Final = Counter(
    "payswitch_rail_requests_total", "Exchanges with a rail", ("rail", "operation", "answer")
)
RAIL_SECONDS: Final = Histogram(
    "payswitch_rail_request_duration_seconds",
    "One exchange with a rail",
    ("rail", "operation"),
    buckets=_SECONDS,
)
CIRCUIT_OPEN: Final = Gauge(
    "payswitch_rail_circuit_open",
    "1 while some process takes the rail to be away",
    ("rail",),
    multiprocess_mode="livemax",
)
RAIL_REACHABLE: Final = Gauge(
    "payswitch_rail_reachable",
    "1 where the last probe of the rail was answered, else 0",
    ("rail",),
    multiprocess_mode=_CURRENT,
)
RAIL_IDS_USED: Final = Gauge(
    "payswitch_rail_ids_used_ratio",
    "What part of the rail's order ids of its present period is taken; at 1 no order can be made",
    ("rail",),
    multiprocess_mode=_CURRENT,
)
CONTRADICTIONS: Final = Counter(
    "payswitch_rail_contradictions_total", "Answers that contradict a final payment; each needs a person"
)
STRAY_ANSWERS: Final = Counter(
    "payswitch_rail_stray_answers_total", "Answers that no payment of the rail waits for", ("rail", "verdict")
)
STAGE: Final = Histogram(
    "payswitch_payment_stage_duration_seconds",
    "Parts of a payment: verify its message, accept it (reserve: its money, at the writer), send it to its"
    " rail, post its outcome; final: what the sender waits for once it is accepted",
    ("stage",),
    buckets=_SECONDS,
)

IN_FLIGHT: Final = Gauge(
    "payswitch_payments_in_flight",
    "Payments that are not final",
    ("rail", "state"),
    multiprocess_mode=_CURRENT,
)
UNKNOWN_AGE: Final = Gauge(
    "payswitch_unknown_oldest_age_seconds",
    "Age of the oldest payment in doubt",
    ("rail",),
    multiprocess_mode=_CURRENT,
)
HEADROOM: Final = Gauge(
    "payswitch_liquidity_headroom_minor_units",
    "What a participant can still send",
    ("participant", "currency"),
    multiprocess_mode=_CURRENT,
)
IMBALANCE: Final = Gauge(
    "payswitch_ledger_imbalance_minor_units",
    "Debits less credits; must be 0",
    ("currency",),
    multiprocess_mode=_CURRENT,
)
FROZEN: Final = Gauge(
    "payswitch_books_frozen",
    "1 while no money moves anew until people have looked",
    multiprocess_mode=_CURRENT,
)
INVARIANT_FAULTS: Final = Gauge(
    "payswitch_invariant_faults",
    "What the last look at the invariants found wrong; must be 0",
    ("check",),
    multiprocess_mode=_CURRENT,
)
INVARIANTS_AT: Final = Gauge(
    "payswitch_invariants_timestamp_seconds",
    "When the invariants were last looked at",
    multiprocess_mode=_CURRENT,
)
INVARIANTS_BEHIND: Final = Gauge(
    "payswitch_invariants_behind_events",
    "Events of the log that no look at the invariants has gone through yet",
    multiprocess_mode=_CURRENT,
)
CHECKPOINT_AGE: Final = Gauge(
    "payswitch_checkpoint_age_seconds",
    "Age of the oldest event that no signed checkpoint covers; 0 where all are covered",
    multiprocess_mode=_CURRENT,
)
PARTITION_ROOM: Final = Gauge(
    "payswitch_partition_room_events",
    "Events until the last partition ends; at 0 nothing can be written",
    ("table",),
    multiprocess_mode=_CURRENT,
)
WORKERS: Final = Gauge("payswitch_api_workers", "API workers that are alive", multiprocess_mode="livesum")

OUTBOX_ROWS: Final = Gauge(
    "payswitch_outbox_rows",
    "What waits to be passed on: webhook, audit_note, correspondence",
    ("topic",),
    multiprocess_mode=_CURRENT,
)
OUTBOX_AGE: Final = Gauge(
    "payswitch_outbox_oldest_age_seconds",
    "How long the oldest of what waits to be passed on has waited",
    ("topic",),
    multiprocess_mode=_CURRENT,
)
BREAKS: Final = Gauge(
    "payswitch_reconciliation_breaks",
    "Differences between a rail's file and our books that nobody has resolved",
    ("rail", "kind"),
    multiprocess_mode=_CURRENT,
)
WINDOW_OVERDUE: Final = Gauge(
    "payswitch_settlement_window_overdue_seconds",
    "How long the cut-off of the open window has passed",
    ("currency",),
    multiprocess_mode=_CURRENT,
)
SETTLEMENT_AGE: Final = Gauge(
    "payswitch_settlement_oldest_age_seconds",
    "How long the settlement that has been in a state for longest has been in it",
    ("state",),
    multiprocess_mode=_CURRENT,
)
BACKUP_AGE: Final = Gauge(
    "payswitch_backup_age_seconds",
    "Since the newest complete backup; +Inf where there is none, absent where another keeps backups",
    ("kind",),
    multiprocess_mode=_CURRENT,
)
WAL_ARCHIVE_FAILING: Final = Gauge(
    "payswitch_wal_archive_failing",
    "1 while the last attempt to copy a segment of the write-ahead log failed",
    multiprocess_mode=_CURRENT,
)
DISK_FREE: Final = Gauge(
    "payswitch_disk_free_bytes",
    "Room on the file system of data, pg_wal, backups",
    ("place",),
    multiprocess_mode=_CURRENT,
)
DISK_SIZE: Final = Gauge(
    "payswitch_disk_size_bytes",
    "Size of the file system of data, pg_wal, backups",
    ("place",),
    multiprocess_mode=_CURRENT,
)
CLOCK_OFFSET: Final = Gauge(
    "payswitch_clock_offset_seconds",
    "This machine's clock less the database's",
    multiprocess_mode=_CURRENT,
)
FACTS_AT: Final = Gauge(
    "payswitch_facts_timestamp_seconds",
    "When the caretaker last read the facts of the database",
    multiprocess_mode=_CURRENT,
)
BUILD: Final = Gauge(
    "payswitch_build_info",
    "1; which version runs, and the newest migration that it has",
    ("version", "schema"),
    multiprocess_mode=_CURRENT,
)
SLO_TARGET: Final = Gauge(
    "payswitch_slo_target_ratio",
    "Share of what is asked that must be good",
    ("objective",),
    multiprocess_mode=_CURRENT,
)
SLO_WITHIN: Final = Gauge(
    "payswitch_slo_threshold_seconds",
    "Within what time it is good",
    ("objective",),
    multiprocess_mode=_CURRENT,
)

PROCESSES: Final = Gauge(
    "payswitch_processes",
    "Processes that are alive: api, caretaker, messenger, writer",
    ("process",),
    multiprocess_mode="livesum",
)
LOOP_LAG: Final = Histogram(
    "payswitch_event_loop_lag_seconds",
    "How much later than asked an event loop woke, once a second",
    ("process",),
    buckets=_SECONDS,
)
CPU: Final = Counter("payswitch_cpu_seconds_total", "Processor time spent", ("process",))
POOL: Final = Gauge(
    "payswitch_db_pool_connections",
    "Connections to the database: idle, used",
    ("process", "state"),
    multiprocess_mode="livesum",
)
POOL_SECONDS: Final = Histogram(
    "payswitch_db_pool_acquire_duration_seconds",
    "How long getting one more connection takes, asked once a second",
    ("process",),
    buckets=_SECONDS,
)

OBJECTIVES: Final = {"availability": (0.9995, None), "accept": (0.99, 0.25), "final": (0.99, 10.0)}
"""Service level objectives: the share that must be good, and within how many seconds."""


def http_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count one request. Its method is the client's word: one that HTTP does not know makes no series."""
    HTTP.labels(route, method if method in _METHODS else "other", str(status)).inc()
    HTTP_SECONDS.labels(route).observe(seconds)


def rail_request(rail: str, operation: str, answer: str, seconds: float) -> None:
    """Count one exchange with a rail."""
    RAIL.labels(rail, operation, answer).inc()
    if operation != "callback":
        RAIL_SECONDS.labels(rail, operation).observe(seconds)


def exposition() -> bytes:
    """Everything, in the text format."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not directory:
        return generate_latest()
    forget_the_dead(Path(directory))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_the_dead(directory: Path) -> None:
    """Drop the live gauges of processes that were killed: nobody else does, and they would count for ever."""
    with suppress(OSError), _locked(directory):
        for file in directory.glob("gauge_live*_*.db"):
            if not lives(directory, file):
                with suppress(FileNotFoundError):
                    file.unlink()


def lives(directory: Path, file: Path) -> bool:
    """Whether the process of a file is alive: it, and not a later one that was given its number."""
    place = file.stem.rpartition("_")[2]
    said = directory / f"{place}.pid"
    try:
        pid, since = (int(place), file) if place.isdecimal() else (int(said.read_text()), said)
        process = psutil.Process(pid)
        began: float = process.create_time()
        killed = process.status() == psutil.STATUS_ZOMBIE  # and nobody has asked after it yet
        return not killed and began <= since.stat().st_mtime + _CLOCKS_S
    except (OSError, ValueError, psutil.Error):
        return False
