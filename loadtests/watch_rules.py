"""What watch rules cost: CPU of a payment in the worker (hashes of accounts) and in the writer (counts)."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from adapters.simulation.harness import sample_order
from switch.base.personal_data import KeyRing
from switch.writer import velocity
from switch.writer.commands import Accept, Identity, Meter, SetWatch, Terms
from switch.writer.decided_once import Orders
from switch.writer.velocity import VelocityScope
from switch.writer.watching import Watches, WatchKind

CALLS: Final = 5_000
ACCOUNTS: Final = 1_000
RULES: Final = (0, 1, 4, 20)
_TERMS: Final = Terms("payer", "payee", "PK", 900_00, "INR", 300, "PKR", 1, "", "")


class _Books:
    """The books, as far as a rule needs them."""

    now: Final = datetime.now(UTC)

    @staticmethod
    def record(_number: int, _kind: str, _body: bytes) -> int:
        return 1

    @staticmethod
    def find(_uetr: uuid.UUID) -> None:
        return None


def _rule(at: int) -> SetWatch:
    """A rule that concerns the payments: of each kind in turns, of all or of one participant."""
    kind = tuple(WatchKind)[at % len(WatchKind)]
    fan_in = kind is WatchKind.FAN_IN
    whose = ("payee" if fan_in else "payer") if at >= len(WatchKind) else "*"
    source, target = (("IN", "PK"), ("IN", ""), ("", "PK"), ("", ""))[at // len(WatchKind) % 4]
    currency, minor = ("PKR", 1) if fan_in else ("INR", 10**9)
    return SetWatch(kind.value, whose, source, target, currency, minor, 80, 3, 22, 6, "alarm", 0, 0)


def _payments() -> list[Accept]:
    made = []
    for at in range(CALLS):
        identity = Identity(uuid.uuid4().bytes, b"same", "payer", "pacs.008.001.08", "m", b"raw", 0)
        meters = [
            Meter(VelocityScope.DEBTOR_ACCOUNT, (at % ACCOUNTS).to_bytes(16, "big")),
            Meter(VelocityScope.CREDITOR_ACCOUNT, (at % ACCOUNTS + ACCOUNTS).to_bytes(16, "big")),
        ]
        made.append(Accept(identity, _TERMS, [], "r", b"", 0, 0, 0, False, meters=meters))
    return made


def _in_writer(rules: int) -> float:
    """Microseconds of a payment in the writer."""
    books: Any = _Books
    part = Watches(Orders())
    part._countries = {"payer": "IN", "payee": "PK"}  # noqa: SLF001 - as it reads them
    for at in range(rules):
        part.handlers[SetWatch].decide(_rule(at), books)
    now_us = time.time_ns() // 1000
    made = _payments()
    begun = time.thread_time_ns()
    for number, one in enumerate(made):
        part.stop(one, books)
        part.held(number, one, books, now_us)
    return (time.thread_time_ns() - begun) / 1000 / len(made)


def _in_worker() -> float:
    """Microseconds of a payment in the worker, while there are rules."""
    keys = KeyRing(b"k" * 32, [b"m" * 32])
    payment = sample_order("PK").payment
    begun = time.thread_time_ns()
    for _ in range(CALLS):
        velocity.meters(payment, _TERMS, keys, frozenset(), watched=True)
    return (time.thread_time_ns() - begun) / 1000 / CALLS


def figures() -> dict[str, float]:
    """Microseconds of CPU for a payment, by process and number of rules that concern it."""
    return {
        "worker_us": round(_in_worker(), 1),
        **{f"writer_{rules}_rules_us": round(min(_in_writer(rules) for _ in range(3)), 1) for rules in RULES},
    }
