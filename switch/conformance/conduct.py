"""What right conduct is, whatever the scenario: each function raises `NotMet`, or finds nothing wrong."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from switch.conformance.observing import Observation
from switch.conformance.scenario import must

TRIES_MAX: Final = 50
"""Requests for one payment in one scenario; more is hammering."""
RUSH: Final = 10
"""Repetitions within one second; as many are hammering."""
_MAY_PASS: Final = frozenset({429, 503})
EARLY_S: Final = 0.05
"""By how much a repetition may be early after `Retry-After`: clocks are coarse."""


def check_same_bytes(sent: Sequence[Observation]) -> None:
    """Check that all requests of one payment are the same bytes, at a decent pace."""
    must(bool(sent), "the client sent no payment")
    must(
        len({each.digest for each in sent}) == 1,
        "the client changed the message under the same UETR: a repetition is the same bytes",
    )
    check_pace(sent)


def check_sent_once(sent: Sequence[Observation]) -> None:
    """Check that all requests of one payment are the same message with the same UETR."""
    must(bool(sent), "the client sent no payment")
    uetrs = {each.uetr for each in sent}
    must("" not in uetrs, "the client sent a pacs.008 that cannot be read, or has no UETR")
    must(len(uetrs) == 1, f"the client used {len(uetrs)} UETRs for one payment: each is a payment of its own")
    check_same_bytes(sent)


def check_pace(sent: Sequence[Observation]) -> None:
    """Check that repetitions are bounded, have pauses, and wait for `Retry-After`."""
    must(len(sent) <= TRIES_MAX, f"the client sent the message {len(sent)} times")
    for first, last in zip(sent, sent[RUSH:], strict=False):
        must(last.at - first.at >= 1, f"the client sent the message {RUSH + 1} times within a second")
    for before, after in pairwise(sent):
        wait = retry_after_s(before)
        if wait and before.answered_at is not None:
            early = wait - (after.at - before.answered_at)
            must(early <= EARLY_S, f"the client waited {wait - early:.1f} s; {wait:.1f} s was asked for")


def retry_after_s(exchange: Observation) -> float:
    """Seconds that a refusal asks to wait: `Retry-After-Ms`, which is finer, or `Retry-After`; or 0."""
    if exchange.answer is None or exchange.answer.status not in _MAY_PASS:
        return 0.0
    headers = {name.lower(): value for name, value in exchange.answer.headers.items()}
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if headers.get(name, "").isdecimal():
            return float(headers[name]) * unit_s
    return 0.0


def check_repeated(sent: Sequence[Observation], times: int) -> None:
    """Check that a payment was sent again after so many requests had no conclusive answer."""
    must(len(sent) > times, "the client did not send the message again")
