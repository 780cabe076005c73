"""Counters of every process, readable at any API worker's `/metrics`.

The processes share them through files (prometheus_client's multiprocess mode); the supervisor sets the
directory and empties it at its start. Whatever is a fact of the database (payments in flight, headroom)
is set by the caretaker alone, so it is never summed over processes. No label holds a payment's id.
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from switch.commands import Advance, Reply
from switch.lifecycle import FINAL

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60)
_CURRENT: Final = "livemostrecent"
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
FINISHED: Final = Counter("payswitch_payments_total", "Payments that became final", ("outcome", "reason"))
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
CONTRADICTIONS: Final = Counter(
    "payswitch_rail_contradictions_total", "Answers that contradict a final payment; each needs a person"
)
STRAY_ANSWERS: Final = Counter(
    "payswitch_rail_stray_answers_total", "Answers that no payment of the rail waits for", ("rail", "verdict")
)
STAGE: Final = Histogram(
    "payswitch_payment_stage_duration_seconds",
    "Parts of a payment: accept, until its money is reserved; final, from there on, where the sender waits",
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


def advanced(step: Advance, reply: Reply) -> None:
    """Count what a step came to."""
    if reply.verdict == "contradiction":
        CONTRADICTIONS.inc()
    elif reply.verdict == "advanced" and reply.state in FINAL:
        FINISHED.labels(reply.state, step.reason).inc()


def exposition() -> bytes:
    """Everything, in the text format."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not directory:
        return generate_latest()
    _forget_the_dead(Path(directory))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_the_dead(directory: Path) -> None:
    """Drop the live gauges of processes that were killed: nobody else does, and they would count for ever."""
    for file in directory.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            multiprocess.mark_process_dead(pid, path=str(directory))  # type: ignore[no-untyped-call]
