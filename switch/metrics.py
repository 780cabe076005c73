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
    "Parts of a payment: intake, reserve, final",
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
    "Since the event log was last covered by a signed checkpoint",
    multiprocess_mode=_CURRENT,
)
PARTITION_ROOM: Final = Gauge(
    "payswitch_partition_room_events",
    "Events until the last partition ends; at 0 nothing can be written",
    ("table",),
    multiprocess_mode=_CURRENT,
)
WORKERS: Final = Gauge("payswitch_api_workers", "API workers that are alive", multiprocess_mode="livesum")


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
