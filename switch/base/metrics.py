"""Metrics of every process, published at `/metrics` of any API worker.

The processes share them through files (prometheus_client's multiprocess mode); the supervisor sets the
directory and empties it at its start. A file is named after the role of the process, `api-0`, not its process
id: a restarted process continues the counters, and files do not accumulate. Gauges of a process's present
state (`live`) are removed at its next start, or at the next scrape after its end, detected by `api-0.pid`.
Facts of the database (payments in flight, headroom) are set only by the caretaker, so they are never summed
over processes. No label holds the id of a payment.

A payment changes two dozen series, so changing one is short: the value is a number in the mapped file, where
it survives a kill, and is changed there. `Counter` and `Histogram` here are the library's, with a shorter way
to the series of known labels.
"""

import fcntl
import mmap
import os
import secrets
import sys
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import prometheus_client
import psutil
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Gauge,
    generate_latest,
    mmap_dict,
    multiprocess,
    values,
)
from prometheus_client.metrics import MetricWrapperBase

from switch.base.files import write_once
from switch.base.settings import Settings

_STORE_BYTES: Final = 1 << 17
_STORE_HEADER: Final = 8
_NUMBER_BYTES: Final = 8
_STORE_ENTRY_MAX: Final = 32
"""Bytes of an entry besides its key: its length, up to eight bytes of padding, value and time."""

_TOKEN_BYTES: Final = 32
PLACE: Final = "PAYSWITCH_PLACE"
"""Environment variable: the role of this process; without it files are named by process id."""


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Lock, so that a scrape does not mistake the files of a starting process for those of a dead one."""
    with (directory / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def take_place() -> None:
    """Begin as the process of the role that the environment names: at the import, and again after a fork.

    Counters continue, gauges of the last process of the role are removed. A value with labels opens its file
    when it is first used, which must be later.
    """
    place, directory = os.environ.get(PLACE), os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not place or not directory:
        return
    with suppress(OSError), _locked(Path(directory)):
        (Path(directory) / f"{place}.pid").write_text(str(os.getpid()))
        for file in Path(directory).glob(f"gauge_live*_{place}.db"):
            file.unlink()
    values.ValueClass = _value_class(place)
    for metric in _metrics():
        if not metric._labelnames:  # noqa: SLF001 - the library knows no fork after its metrics were created
            metric._metric_init()  # type: ignore[no-untyped-call]  # noqa: SLF001
    if "STARTS" in globals():  # after a fork
        STARTS.labels(place.partition("-")[0]).inc()


def _value_class(place: str) -> Any:
    """The class of values in the files of a place, as the library makes one, without its check for a fork.

    `take_place` runs after each fork, so a value needs no such check at each change.
    """
    lock = Lock()
    in_file: Any = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]

    class Value(in_file):  # type: ignore[misc]
        """A number in the file."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._place: int = self._file.place_of(self._key)

        def inc(self, amount: float) -> None:
            with lock:
                self._file.numbers[self._place] += amount

        def set(self, value: float, timestamp: float | None = None) -> None:
            with lock:
                self._file.numbers[self._place] = value
                self._file.numbers[self._place + 1] = timestamp or 0.0

        def get(self) -> float:
            return self._file.numbers[self._place]  # type: ignore[no-any-return]

    return Value


def _metrics() -> list[MetricWrapperBase]:
    """Every metric that exists: none when this module is imported."""
    known = REGISTRY._collector_to_names  # noqa: SLF001 - it has no other list of its collectors
    return [metric for metric in known if isinstance(metric, MetricWrapperBase)]


class MetricsFile(mmap_dict.MmapedDict):
    """A file of metrics whose blocks are allocated before it is mapped; without space, plain memory.

    A write to a mapped file without an allocated block, on a full disk, ends the process by SIGBUS. Metrics
    in plain memory are missing at `/metrics`, which is acceptable while a disk is full.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002 - as its base
        if read_mode or _allocate(Path(filename), _STORE_BYTES):
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
            self._number()
            return
        self._f = None  # type: ignore[assignment]
        self._m, self._capacity = mmap.mmap(-1, _STORE_BYTES), _STORE_BYTES
        self._positions: dict[str, int] = {}
        self._used = _STORE_HEADER
        self._m[:4] = self._used.to_bytes(4, sys.byteorder)
        self._number()

    def _number(self) -> None:
        """See the memory as numbers; in an aligned place, a reader sees the old or the new one, no half."""
        whole = self._capacity // _NUMBER_BYTES * _NUMBER_BYTES
        self.numbers = memoryview(self._m)[:whole].cast("d")

    def close(self) -> None:
        """Close the file."""
        self.numbers.release()
        super().close()  # type: ignore[no-untyped-call]

    def place_of(self, key: str) -> int:
        """Which number is the value of an existing key; its time is the next one."""
        return self._positions[key] // _NUMBER_BYTES

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
        self._number()


def _allocate(file: Path, size: int) -> bool:
    """Allocate blocks for `size` bytes of a file; False without space.

    A new file gets its name with its blocks: a reader would consider an empty one broken.
    """
    is_new = not file.exists() or not file.stat().st_size
    place = file.with_suffix(".new") if is_new else file
    try:
        with place.open("ab") as opened:
            os.posix_fallocate(opened.fileno(), 0, max(size, opened.tell()))
        if is_new:
            place.replace(file)
    except OSError:
        if is_new:
            with suppress(OSError):
                place.unlink()
        return False
    return True


class Counter(prometheus_client.Counter):
    """A counter."""

    def labels(self, *labelvalues: object, **labelkwargs: object) -> Self:
        """The series of these labels."""
        known: dict[Any, Self] = self._metrics  # type: ignore[assignment]
        return known.get(labelvalues) or super().labels(*labelvalues, **labelkwargs)


class Histogram(prometheus_client.Histogram):
    """A histogram."""

    def labels(self, *labelvalues: object, **labelkwargs: object) -> Self:
        """The series of these labels."""
        known: dict[Any, Self] = self._metrics  # type: ignore[assignment]
        return known.get(labelvalues) or super().labels(*labelvalues, **labelkwargs)

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:  # noqa: ARG002
        """Count one value; exemplars are not kept."""
        self._sum.inc(amount)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)


values.MmapedDict = MetricsFile  # type: ignore[attr-defined]

take_place()  # before the first metric is created, because it opens its file by this name

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60)
_CURRENT: Final = "livemostrecent"
_CLOCKS_S: Final = 2.0
"""Seconds by which the start of a process and the time of its file may differ."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

HTTP: Final = Counter(
    "payswitch_http_requests_total",
    "HTTP requests by route, method and status",
    ("route", "method", "status"),
)
HTTP_SECONDS: Final = Histogram(
    "payswitch_http_request_duration_seconds",
    "Time from the last byte of a request to its response",
    ("route",),
    buckets=_SECONDS,
)
ACCEPTED: Final = Counter(
    "payswitch_payments_accepted_total",
    "Accepted payments, whose amount was reserved; corridor: from which country to which, as IN-PK",
    ("rail", "debit_currency", "corridor"),
)
REFUSED: Final = Counter("payswitch_payments_refused_total", "Payments refused by the switch", ("reason",))
FINISHED: Final = Counter(
    "payswitch_payments_total", "Payments that became final", ("rail", "outcome", "reason")
)
DURATION: Final = Histogram(
    "payswitch_payment_duration_seconds",
    "Time from the reservation of a payment to its final state, by the clock of this machine",
    ("rail", "outcome"),
    buckets=(*_SECONDS, 600, 3600),
)
VALUE: Final = Counter(
    "payswitch_settled_value_minor_units_total",
    "Credited amounts; never add up different currencies",
    ("rail", "currency"),
)
ORDERS_ENDED: Final = Counter(
    "payswitch_inbound_orders_ended_total",
    "Orders of rails, and reversals of orders, whose outcome was decided: done, refused, stopped",
    ("rail", "kind", "state"),
)
NOTICES: Final = Counter(
    "payswitch_case_notices_total", "Messages to people about cases", ("channel", "result")
)
REPORT_ATTEMPTS: Final = Counter(
    "payswitch_report_delivery_attempts_total", "Attempts to deliver a report to a destination", ("result",)
)
WEBHOOKS: Final = Counter("payswitch_webhook_deliveries_total", "Attempts to deliver a webhook", ("result",))
REPLAYS: Final = Counter(
    "payswitch_idempotency_replays_total", "Repeated messages, with a known UETR", ("kind",)
)
SIGNATURE_FAILURES: Final = Counter(
    "payswitch_signature_failures_total", "Requests that failed authentication", ("cause",)
)
SIGN_INS: Final = Counter(
    "payswitch_sign_in_attempts_total",
    "Attempts of people to sign in: signed in, failed, or delayed (beyond the budget of their source)",
    ("result",),
)
WRITER_REFUSED: Final = Counter(
    "payswitch_writer_refused_total",
    "Processes (peer) that the writer did not let in, and commands that it refused because a process may not"
    " send them (command) or nobody signed or decided them (cause)",
    ("what",),
)
CONFIRMATIONS_FORGED: Final = Counter(
    "payswitch_confirmations_forged_total",
    "Confirmations of settlement agents that the caretaker refused: the agent did not sign what is stored",
)
CONNECTIONS_DROPPED: Final = Counter(
    "payswitch_connections_dropped_total", "Connections closed because one peer held too many", ("cause",)
)
SHED: Final = Counter(
    "payswitch_admission_refused_total",
    "Messages refused (503) because of overload: their participant sends more than its share (share), they"
    " would be too late for their sender (deadline), or they waited in vain (patience)",
    ("cause",),
)
ADMISSION_WAIT: Final = Histogram(
    "payswitch_admission_wait_seconds",
    "How long admitted messages waited for a place; the count is that of admitted messages",
    buckets=_SECONDS,
)
SCREENED: Final = Counter(
    "payswitch_screened_total",
    "Payments compared with sanctions lists, by result: clear, hit, silent (held, because the outside engine"
    " did not answer), or not_ready; those were refused",
    ("result",),
)
SCREENING_ENGINE_SECONDS: Final = Histogram(
    "payswitch_screening_engine_seconds",
    "Time until the outside screening engine answered about all parties of one payment, or did not",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SCREENING_SECONDS: Final = Histogram(
    "payswitch_screening_seconds",
    "Time to compare the parties of one payment with sanctions lists",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05),
)
MONITOR_MESSAGES: Final = Counter(
    "payswitch_monitor_messages_total",
    "Messages for the outside monitor: sent, refused by it for what they contain, left out with one that was,"
    " or failed; the last are sent again",
    ("result",),
)
MONITOR_AGE: Final = Gauge(
    "payswitch_monitor_oldest_age_seconds",
    "Age of the oldest event that the outside monitor does not have; 0 if it has all",
    multiprocess_mode=_CURRENT,
)
ADMISSION_LIMIT: Final = Gauge(
    "payswitch_admission_limit",
    "Messages that API workers accept at once, as measured",
    multiprocess_mode="livesum",
)
ADMISSION_PLACES: Final = Gauge(
    "payswitch_admission_messages",
    "Messages that are being accepted (taken), and that wait for it (waiting)",
    ("state",),
    multiprocess_mode="livesum",
)
LOOKUPS: Final = Counter(
    "payswitch_account_lookups_total", "Account look-ups by participant and result", ("participant", "result")
)
LOOKUP_PRICES: Final = Counter(
    "payswitch_inbound_lookup_prices_total",
    "Look-ups of rails whose price was to be firm: promised (firm), or not (forecast)",
    ("rail", "result"),
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
    "1 while a process considers the rail unreachable",
    ("rail",),
    multiprocess_mode="livemax",
)
RAIL_REACHABLE: Final = Gauge(
    "payswitch_rail_reachable",
    "1 if the rail responded to the last probe, otherwise 0",
    ("rail",),
    multiprocess_mode=_CURRENT,
)
RAIL_IDS_USED: Final = Gauge(
    "payswitch_rail_ids_used_ratio",
    "Used share of the rail's order ids in its present period; at 1 no order can be created",
    ("rail",),
    multiprocess_mode=_CURRENT,
)
CONTRADICTIONS: Final = Counter(
    "payswitch_rail_contradictions_total",
    "Responses that contradict a final payment; each needs a manual check",
)
STRAY_ANSWERS: Final = Counter(
    "payswitch_rail_stray_answers_total", "Responses without a waiting payment", ("rail", "verdict")
)
STAGE: Final = Histogram(
    "payswitch_payment_stage_duration_seconds",
    "Stages of a payment: verify its message, accept it (reserve: its amount, at the writer), send it to its"
    " rail, post its outcome; final: the wait of the sender after acceptance",
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
    "Age of the oldest payment of unknown outcome",
    ("rail",),
    multiprocess_mode=_CURRENT,
)
HEADROOM: Final = Gauge(
    "payswitch_liquidity_headroom_minor_units",
    "Amount that a participant can still send",
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
    "1 while the books are frozen",
    multiprocess_mode=_CURRENT,
)
CLOSED: Final = Gauge(
    "payswitch_closed_after_restore",
    "1 while the switch is closed after a restore of its database",
    multiprocess_mode=_CURRENT,
)
INVARIANT_FAULTS: Final = Gauge(
    "payswitch_invariant_faults",
    "Failed invariants in the last check; must be 0",
    ("check",),
    multiprocess_mode=_CURRENT,
)
INVARIANTS_AT: Final = Gauge(
    "payswitch_invariants_timestamp_seconds",
    "Time of the last check of the invariants",
    multiprocess_mode=_CURRENT,
)
INVARIANTS_BEHIND: Final = Gauge(
    "payswitch_invariants_behind_events",
    "Events of the log not yet covered by a check of the invariants",
    multiprocess_mode=_CURRENT,
)
CHECKPOINT_AGE: Final = Gauge(
    "payswitch_checkpoint_age_seconds",
    "Age of the oldest event without a signed checkpoint; 0 if all are covered",
    multiprocess_mode=_CURRENT,
)
WITNESS_AGE: Final = Gauge(
    "payswitch_witness_age_seconds",
    "Age of the oldest checkpoint that too few witnesses have cosigned; 0 if there is none",
    multiprocess_mode=_CURRENT,
)
WITNESSES: Final = Gauge(
    "payswitch_witnesses",
    "Registered witnesses; refusing: those that hold another history of the log",
    ("state",),
    multiprocess_mode=_CURRENT,
)
PARTITION_ROOM: Final = Gauge(
    "payswitch_partition_room_events",
    "Events until the last partition is full; at 0 nothing can be written",
    ("table",),
    multiprocess_mode=_CURRENT,
)
WORKERS: Final = Gauge("payswitch_api_workers", "Running API workers", multiprocess_mode="livesum")

OUTBOX_ROWS: Final = Gauge(
    "payswitch_outbox_rows",
    "Entries that wait: webhook, audit_note, correspondence, due_payment, approved_change",
    ("topic",),
    multiprocess_mode=_CURRENT,
)
OUTBOX_AGE: Final = Gauge(
    "payswitch_outbox_oldest_age_seconds",
    "Age of the oldest entry that waits",
    ("topic",),
    multiprocess_mode=_CURRENT,
)
BREAKS: Final = Gauge(
    "payswitch_reconciliation_breaks",
    "Open reconciliation breaks",
    ("rail", "kind"),
    multiprocess_mode=_CURRENT,
)
CASES: Final = Gauge(
    "payswitch_cases",
    "Open cases by kind: all, untaken, or overdue",
    ("kind", "state"),
    multiprocess_mode=_CURRENT,
)
CASE_AGE: Final = Gauge(
    "payswitch_case_oldest_age_seconds",
    "Age of what the oldest open case is about",
    ("kind",),
    multiprocess_mode=_CURRENT,
)
ORDERS: Final = Gauge(
    "payswitch_inbound_orders",
    "Open orders of rails, with reversals: undecided, unacknowledged by the rail, or owed by one side",
    ("rail", "state"),
    multiprocess_mode=_CURRENT,
)
ORDER_AGE: Final = Gauge(
    "payswitch_inbound_order_oldest_age_seconds",
    "Age of the oldest open order of a rail in each state; 0 if there is none",
    ("rail", "state"),
    multiprocess_mode=_CURRENT,
)
PAYMENT_FILES: Final = Gauge(
    "payswitch_payment_files",
    "Files of payments that have not ended: received and not checked, or sending",
    ("state",),
    multiprocess_mode=_CURRENT,
)
PAYMENT_FILE_AGE: Final = Gauge(
    "payswitch_payment_file_oldest_age_seconds",
    "Age of the oldest file of payments in each state; 0 if there is none",
    ("state",),
    multiprocess_mode=_CURRENT,
)
PAYMENT_FILE_LINES: Final = Gauge(
    "payswitch_payment_file_lines",
    "Lines of the files that have not ended: waiting, taken (sent), credited, rejected, cancelled",
    ("state",),
    multiprocess_mode=_CURRENT,
)
REPORT_DELIVERIES: Final = Gauge(
    "payswitch_report_deliveries",
    "Reports by schedule that are not delivered: waiting, or given up and not delivered again",
    ("destination", "state"),
    multiprocess_mode=_CURRENT,
)
REPORT_AGE: Final = Gauge(
    "payswitch_report_delivery_oldest_age_seconds",
    "Age of the oldest report that waits for its delivery; 0 if none does",
    ("destination",),
    multiprocess_mode=_CURRENT,
)
REPORTS_FAILING: Final = Gauge(
    "payswitch_report_schedules_failing",
    "Schedules whose last report could not be made",
    multiprocess_mode=_CURRENT,
)
WINDOW_OVERDUE: Final = Gauge(
    "payswitch_settlement_window_overdue_seconds",
    "Time since the missed cut-off of the open window",
    ("currency",),
    multiprocess_mode=_CURRENT,
)
SETTLEMENT_AGE: Final = Gauge(
    "payswitch_settlement_oldest_age_seconds",
    "Age of the oldest settlement in each state",
    ("state",),
    multiprocess_mode=_CURRENT,
)
WINDOW_OPENED: Final = Gauge(
    "payswitch_settlement_window_opened_timestamp_seconds",
    "Time at which the open settlement window began, which is when the one before it closed",
    ("currency",),
    multiprocess_mode=_CURRENT,
)
HELD_LINES: Final = Gauge(
    "payswitch_settlement_lines_held",
    "Settlement lines that a participant has not paid and that no later window has taken over",
    ("participant",),
    multiprocess_mode=_CURRENT,
)
RATE_AGE: Final = Gauge(
    "payswitch_exchange_rate_age_seconds",
    "Time since the exchange rate of a corridor came into force; 0 while the corridor is closed",
    ("corridor",),
    multiprocess_mode=_CURRENT,
)
SCREENING_LISTS_LATE: Final = Gauge(
    "payswitch_screening_lists_late_seconds",
    "Time since sanctions lists came into force that a process does not have yet; it compares payments with"
    " those before",
    multiprocess_mode="livemax",
)
SCREENING_LIST_AGE: Final = Gauge(
    "payswitch_screening_list_age_seconds",
    "Time since the newest sanctions list in force of a publisher was added; 0: none of it is in force",
    ("publisher",),
    multiprocess_mode=_CURRENT,
)
CHANGED_AT: Final = Gauge(
    "payswitch_change_executed_timestamp_seconds",
    "Time of the last change that several people decided, by its kind",
    ("kind",),
    multiprocess_mode=_CURRENT,
)
BACKUP_AGE: Final = Gauge(
    "payswitch_backup_age_seconds",
    "Age of the newest complete backup; +Inf without one, absent if backups are managed elsewhere",
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
    "Free space on the file system of data, pg_wal, backups",
    ("place",),
    multiprocess_mode=_CURRENT,
)
DISK_SIZE: Final = Gauge(
    "payswitch_disk_size_bytes",
    "Size of the file system of data, pg_wal, backups",
    ("place",),
    multiprocess_mode=_CURRENT,
)
CERTIFICATE_UNTIL: Final = Gauge(
    "payswitch_certificate_expiry_timestamp_seconds",
    "End of the first certificate to expire of an owner: client (ours), authority (trusted by us)",
    ("owner", "kind"),
    multiprocess_mode=_CURRENT,
)
CLOCK_OFFSET: Final = Gauge(
    "payswitch_clock_offset_seconds",
    "Clock of this machine minus the clock of the database",
    multiprocess_mode=_CURRENT,
)
FACTS_AT: Final = Gauge(
    "payswitch_facts_timestamp_seconds",
    "Time at which the caretaker last read the database for metrics",
    multiprocess_mode=_CURRENT,
)
BUILD: Final = Gauge(
    "payswitch_build_info",
    "1; labels state the running version and its newest migration",
    ("version", "schema"),
    multiprocess_mode=_CURRENT,
)
SLO_TARGET: Final = Gauge(
    "payswitch_slo_target_ratio",
    "Share of requests that must be good",
    ("objective",),
    multiprocess_mode=_CURRENT,
)
SLO_WITHIN: Final = Gauge(
    "payswitch_slo_threshold_seconds",
    "Time within which a request is good",
    ("objective",),
    multiprocess_mode=_CURRENT,
)

STARTS: Final = Counter(
    "payswitch_process_starts_total",
    "Starts of a process: more than one since the supervisor started are restarts",
    ("process",),
)
PROCESSES: Final = Gauge(
    "payswitch_processes",
    "Running processes: api, caretaker, messenger, writer",
    ("process",),
    multiprocess_mode="livesum",
)
LOOP_LAG: Final = Histogram(
    "payswitch_event_loop_lag_seconds",
    "Delay of the event loop, measured once per second",
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
    "Time to acquire a connection, measured once per second",
    ("process",),
    buckets=_SECONDS,
)

OBJECTIVES: Final = {"availability": (0.9995, None), "accept": (0.99, 0.25), "final": (0.99, 10.0)}
"""Service level objectives: the share that must be good, and within how many seconds."""


def http_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count one request. The client chooses the method: an unknown one must not create a series."""
    HTTP.labels(route, method if method in _METHODS else "other", str(status)).inc()
    HTTP_SECONDS.labels(route).observe(seconds)


def rail_request(rail: str, operation: str, answer: str, seconds: float) -> None:
    """Count one exchange with a rail."""
    RAIL.labels(rail, operation, answer).inc()
    if operation != "callback":
        RAIL_SECONDS.labels(rail, operation).observe(seconds)


def token(settings: Settings) -> str:
    """The token of the settings, or that of the installation, made at the first start."""
    if settings.metrics_token:
        return settings.metrics_token
    write_once(settings.metrics_token_file, secrets.token_urlsafe(_TOKEN_BYTES).encode())
    return settings.metrics_token_file.read_text()


def exposition() -> bytes:
    """All metrics, in the text format."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not directory:
        return generate_latest()
    forget_the_dead(Path(directory))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_the_dead(directory: Path) -> None:
    """Remove the live gauges of killed processes: nothing else does, and they would count for ever."""
    with suppress(OSError), _locked(directory):
        for file in directory.glob("gauge_live*_*.db"):
            if not lives(directory, file):
                with suppress(FileNotFoundError):
                    file.unlink()


def lives(directory: Path, file: Path) -> bool:
    """Whether the process of a file is running, and not a later one that reuses its process id."""
    place = file.stem.rpartition("_")[2]
    said = directory / f"{place}.pid"
    try:
        pid, since = (int(place), file) if place.isdecimal() else (int(said.read_text()), said)
        process = psutil.Process(pid)
        began: float = process.create_time()
        killed = process.status() == psutil.STATUS_ZOMBIE  # and its parent has not waited for it yet
        return not killed and began <= since.stat().st_mtime + _CLOCKS_S
    except (OSError, ValueError, psutil.Error):
        return False
