"""Whether memory stays flat under load: `--memory`, an hour in the long form.

Counted is what a process has for itself (unique set size), so that shared buffers and libraries, which every
process of PostgreSQL or of the fork server touches sooner or later, do not look like growth.
"""

import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from loadtests.measure import Options, name_of, of_target, part_of
from loadtests.measure import measure as driven
from loadtests.payments_table import rows
from loadtests.systems import payswitch, verified

SAMPLES: Final = 120
"""In a whole run."""
EVERY_S_MIN: Final = 0.5
SETTLED_SHARE: Final = 1 / 3
"""Of a run, at its beginning: caches fill, and are not growth."""
GROWTH_SHARE_MAX: Final = 0.05
GROWTH_MIB_MIN: Final = 8.0
"""Growth within both is flat: 5 % of the first, or a few MiB."""


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """Of one kind of process, MiB in sum: after it has settled, and at the end."""

    settled_mib: float
    end_mib: float
    most_mib: float
    mib_per_hour: float
    flat: bool


def sample(roots: Sequence[psutil.Process]) -> dict[str, float]:
    """MiB of the product's processes now, by name."""
    found: dict[str, float] = {}
    for process in of_target(roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            name = name_of(process.name(), process.cmdline())
            if part_of(name) in {"switch", "postgres"}:
                found[name] = found.get(name, 0.0) + process.memory_full_info().uss / 2**20
    return found


def judged(at_s: Sequence[float], mib: Sequence[float]) -> MemoryFigures:
    """Compare the middle third of a series with the last, by medians; the first third is not judged."""
    count = max(1, int(len(mib) * SETTLED_SHARE))
    settled, end = statistics.median(mib[count : 2 * count] or mib), statistics.median(mib[-count:])
    apart_s = (at_s[-1] - at_s[0]) * (1 - SETTLED_SHARE) / 2
    flat = end - settled <= max(GROWTH_MIB_MIN, GROWTH_SHARE_MAX * settled)
    return MemoryFigures(
        settled_mib=round(settled, 1),
        end_mib=round(end, 1),
        most_mib=round(max(mib), 1),
        mib_per_hour=round(3600 * (end - settled) / apart_s, 1) if apart_s else 0.0,
        flat=flat,
    )


def run(place: Path, options: Options) -> dict[str, Any]:
    """Drive the switch for `options.seconds`, and sample its memory meanwhile."""
    every_s = max(EVERY_S_MIN, options.seconds / SAMPLES)
    at_s: list[float] = []
    samples: list[Mapping[str, float]] = []
    with payswitch(place / "payswitch", options) as target, ThreadPoolExecutor(1) as pool:
        driving, began = pool.submit(driven, target, options), time.monotonic()
        while not driving.done():
            at_s.append(time.monotonic() - began)
            samples.append(sample(target.roots))
            time.sleep(every_s)
        result = driving.result().result
        checks = verified(place / "payswitch")
    return report(options, at_s, samples, result.payments, checks)


def report(
    options: Options,
    at_s: Sequence[float],
    samples: Sequence[Mapping[str, float]],
    payments: int,
    checks: dict[str, bool],
) -> dict[str, Any]:
    """Figures of each kind of process, and the samples."""
    names = sorted({name for one in samples for name in one})
    of = {name: judged(at_s, [one.get(name, 0.0) for one in samples]) for name in names}
    return {
        "benchmark": "payments_memory",
        "memory": {name: asdict(figures) for name, figures in of.items()},
        "flat": all(figures.flat for figures in of.values()),
        "payments": payments,
        "balanced": all(checks.values()),
        "samples": [
            {"at_s": round(at, 1)} | {name: round(mib, 1) for name, mib in one.items()}
            for at, one in zip(at_s, samples, strict=True)
        ],
        "settings": asdict(options),
    }


def page(found: dict[str, Any]) -> str:
    """The figures in Markdown."""
    head = ("process", "after a third MiB", "end MiB", "most MiB", "MiB an hour", "flat")
    lines = [
        (
            *(name, of["settled_mib"], of["end_mib"], of["most_mib"], of["mib_per_hour"]),
            "yes" if of["flat"] else "NO",
        )
        for name, of in found["memory"].items()
    ]
    settings = found["settings"]
    about = (
        f"{found['payments']} payments in {settings['seconds']:g} s, mix {settings['mix']},"
        f" {settings['connections']} in flight. Unique set size, by kind of process in sum."
    )
    return f"# Memory under load\n\n{about}\n\n{rows(head, lines)}\n"
