"""How the switch behaves under more and less load than it can carry.

`--open-loop`: payments arrive at a constant rate, at fractions of the capacity that a closed loop found just
before. Latencies count from the instant at which a payment was due, so a stall of the switch is in them.
`--in-flight`: closed loops with 8 to 4,000 payments in flight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from loadtests.measure import MeasuredRun, Options, Target, measure, measure_load, part_of, percentile
from loadtests.payments_table import rows
from loadtests.systems import payswitch, verified

FRACTIONS: Final = (0.5, 0.7, 0.9, 1.5)
"""Of the capacity."""
IN_FLIGHT: Final = (8, 32, 128, 512, 1_000, 2_000, 4_000)
CONNECTIONS_MAX: Final = 4_000
_CONNECTIONS_MIN: Final = 64
_CONNECTIONS_FOR_RATE_S: Final = 5.0
"""Connections of an open loop: for so many seconds of payments, so they do not limit what is in flight."""


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What one load came to. Latencies are those of confirmed payments."""

    offered_per_s: float
    """Payments that became due, or were sent, in a second."""
    confirmed_per_s: float
    """Confirmed while it was measured, whenever they were due."""
    confirmed_share: float
    """Of all answers."""
    refused_share: float
    """Answers 503 and 429: nothing was done, the sender may try again later."""
    p50_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us_per_payment: float | None
    """Of payments confirmed while it was measured; None if there were none."""
    in_flight_max: int
    unsent: int
    cpu_elsewhere_share: float
    answers: dict[str, int]


def of_run(run: MeasuredRun) -> LoadFigures:
    """The figures of one load."""
    result, answers = run.result, sum(run.result.answers.values())
    product_s = sum(seconds for name, seconds in run.cpu.items() if part_of(name) in {"switch", "postgres"})
    refused = sum(count for answer, count in result.answers.items() if answer.startswith(("503", "429")))
    return LoadFigures(
        offered_per_s=round(result.begun / result.seconds, 1),
        confirmed_per_s=round(result.ended / result.seconds, 1),
        confirmed_share=round(result.answers.get("200 ACCC", 0) / max(answers, 1), 4),
        refused_share=round(refused / max(answers, 1), 4),
        p50_ms=percentile(result.latencies_ms, 0.5),
        p99_ms=percentile(result.latencies_ms, 0.99),
        p999_ms=percentile(result.latencies_ms, 0.999),
        cpu_us_per_payment=round(1e6 * product_s / result.ended, 1) if result.ended else None,
        in_flight_max=result.in_flight_max,
        unsent=result.unsent,
        cpu_elsewhere_share=round(run.elsewhere, 3),
        answers=result.answers,
    )


def open_loop(place: Path, options: Options) -> dict[str, Any]:
    """Find the capacity, then offer fractions of it; each takes `options.seconds`."""
    with payswitch(place / "payswitch", options) as target:
        capacity = of_run(measure(target, options))
        loads = {
            f"{fraction:.0%} of capacity": _offered(target, options, fraction * capacity.confirmed_per_s)
            for fraction in FRACTIONS
        }
        checks = verified(place / "payswitch")
    return _report("payments_open_loop", options, {"capacity (closed loop)": capacity, **loads}, checks)


def connections_for(rate_per_s: float) -> int:
    """Connections that do not limit an open loop of this rate."""
    return min(CONNECTIONS_MAX, max(_CONNECTIONS_MIN, int(rate_per_s * _CONNECTIONS_FOR_RATE_S)))


def _offered(target: Target, options: Options, rate_per_s: float) -> LoadFigures:
    connections = connections_for(rate_per_s)
    return of_run(measure_load(target, options, connections=connections, rate_per_s=rate_per_s))


def in_flight(place: Path, options: Options, counts: Sequence[int] = IN_FLIGHT) -> dict[str, Any]:
    """Closed loops with so many payments in flight; each takes `options.seconds`."""
    with payswitch(place / "payswitch", options) as target:
        loads = {
            f"{count:,} in flight": of_run(measure_load(target, options, connections=count))
            for count in counts
        }
        checks = verified(place / "payswitch")
    return _report("payments_in_flight", options, loads, checks)


def _report(
    name: str, options: Options, loads: Mapping[str, LoadFigures], checks: dict[str, bool]
) -> dict[str, Any]:
    return {
        "benchmark": name,
        "loads": {load: asdict(of) for load, of in loads.items()},
        "balanced": all(checks.values()),
        "checks": checks,
        "settings": asdict(options),
    }


def page(found: dict[str, Any]) -> str:
    """The loads in Markdown."""
    settings = found["settings"]
    head = (
        *("", "offered/s", "confirmed/s", "confirmed", "refused for now", "p50 ms", "p99 ms", "p99.9 ms"),
        *("CPU us/payment", "in flight, most", "busy elsewhere"),
    )
    lines = [
        (
            *(load, of["offered_per_s"], of["confirmed_per_s"]),
            *(f"{100 * of['confirmed_share']:.2f} %", f"{100 * of['refused_share']:.2f} %"),
            *(of["p50_ms"], of["p99_ms"], of["p999_ms"]),
            *(of["cpu_us_per_payment"] or "", of["in_flight_max"]),
            f"{100 * of['cpu_elsewhere_share']:.0f} %",
        )
        for load, of in found["loads"].items()
    ]
    title = {"payments_open_loop": "constant arrival", "payments_in_flight": "payments in flight"}
    about = (
        f"Each load {settings['seconds']:g} s after {settings['warm_up_s']:g} s, mix {settings['mix']},"
        f" {settings['messages']}. Books balance and agree with the rails:"
        f" {'yes' if found['balanced'] else 'NO'}."
    )
    return f"# Payments: {title[found['benchmark']]}\n\n{about}\n\n{rows(head, lines)}\n"
