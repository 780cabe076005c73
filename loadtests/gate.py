"""The validity gate: which figures may be published. It judges a run, not the system.

The rules follow Mojaloop's published benchmarks: a steady state without warm-up and drain, as many payments
answered as sent, and a long form of enough payments. Two are our own: the machine did nothing else, and the
books agree with those of the rails.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

from loadtests.generator import SendResult

LONG_PAYMENTS: Final = 100_000
"""The long form: at least so many measured payments."""
STAGES: Final = (0.98, 1.02)
"""Payments answered for each payment sent, while it was measured."""
FINAL_MIN: Final = 0.99
"""Of all answers, those that confirm a payment."""
DRIFT_MAX: Final = 0.1
"""How far the rates of the two halves of a round may be apart."""
ELSEWHERE_MAX: Final = 0.05
_HALVES_S_MIN: Final = 4


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One rule: what was found, the limit, and whether it was kept; `ok` is None if nothing was found."""

    value: float | None
    limit: str
    ok: bool | None


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict. Figures of the short form are for comparing changes, not for publishing."""

    passed: bool
    form: str
    """`long` or `short`, by the number of measured payments."""
    checks: dict[str, GateCheck]


def judge(results: Sequence[SendResult], *, elsewhere: float, balanced: bool) -> GateResult:
    """Judge the rounds of a run; `elsewhere` is the share of the machine's CPU that others used."""
    payments = sum(result.payments for result in results)
    begun, answered = (sum(getattr(one, name) for one in results) for name in ("begun", "answered"))
    answers = sum(sum(result.answers.values()) for result in results)
    final = sum(result.answers.get("200 ACCC", 0) for result in results)
    low, high = STAGES
    checks = {
        "answered of sent": _within(_ratio(answered, begun), low, high),
        "confirmed of answers": _within(_ratio(final, answers), FINAL_MIN, 1.0),
        "second half of a round to the first": _within(_halves(results), 1 - DRIFT_MAX, 1 + DRIFT_MAX),
        "machine busy elsewhere": _within(elsewhere, 0.0, ELSEWHERE_MAX),
        "books balance and agree with the rails": GateCheck(None, "all checks", balanced),
    }
    form = "long" if payments >= LONG_PAYMENTS else "short"
    return GateResult(all(check.ok is not False for check in checks.values()), form, checks)


def _within(value: float | None, low: float, high: float) -> GateCheck:
    limit = f"{low:g} to {high:g}"
    if value is None:
        return GateCheck(None, limit, None)
    return GateCheck(round(value, 3), limit, low <= value <= high)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _halves(results: Sequence[SendResult]) -> float | None:
    """The mean of the rounds' own ratios; None if the rounds are too short to have halves."""
    ratios = []
    for result in results:
        middle = len(result.per_second) // 2
        first, second = sum(result.per_second[:middle]), sum(result.per_second[-middle:] if middle else ())
        if len(result.per_second) >= _HALVES_S_MIN and first:
            ratios.append(second / first)
    return mean(ratios) if ratios else None
