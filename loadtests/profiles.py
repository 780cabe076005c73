"""Where the CPU of a payment goes: `--stages` for API workers, `--flames` for every process.

Both are measurements of their own, because they make the switch slower: the stage meter by a few percent.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from loadtests import flames
from loadtests.measure import MeasuredRun, Options, Target, figures, measure
from loadtests.payments_table import rows
from loadtests.systems import payswitch, verified
from switch.processes import profiling
from switch.processes.cpu_meter import GARBAGE_COLLECTION
from switch.processes.profiling import API, Profile, StageTotal

REST: Final = "event loop, HTTP library, metrics, the rest"


@dataclass(frozen=True, slots=True)
class StageCost:
    """Of one stage, for each payment."""

    cpu_us: float
    share: float
    """Of the CPU of API workers."""
    calls: float


def stages(place: Path, options: Options) -> dict[str, Any]:
    """CPU of API workers by stage; the stages and the rest add up to the CPU of the processes."""
    with payswitch(place / "payswitch", replace(options, profile=("stages",))) as target:
        run, spent = _profiled(target, options)
        checks = verified(place / "payswitch")
    total = figures([run], run, checks)
    api_us = total.cpu_us_by_process[API]
    return {
        "benchmark": "payments_stages",
        "api_cpu_us_per_payment": api_us,
        "stages": {name: asdict(cost) for name, cost in costs(spent, api_us).items()},
        "payments": total.payments,
        "balanced": total.balanced,
        "settings": asdict(options),
    }


def graphs(place: Path, options: Options) -> tuple[dict[str, Any], dict[str, str]]:
    """Flame graphs of all processes as SVG, by the name of the process, and the report about them."""
    with payswitch(place / "payswitch", replace(options, profile=("samples",))) as target:
        run, spent = _profiled(target, options)
        checks = verified(place / "payswitch")
    pictures = {name: flames.svg(name, of.stacks) for name, of in spent.items()}
    return {
        "benchmark": "payments_flames",
        "samples": {name: sum(of.stacks.values()) for name, of in spent.items()},
        "payments": run.result.payments,
        "balanced": all(checks.values()),
        "settings": asdict(options),
    }, pictures


def _profiled(target: Target, options: Options) -> tuple[MeasuredRun, dict[str, Profile]]:
    """One run, and what each process used from its first second to its last."""
    assert target.profiles is not None
    before = profiling.read(target.profiles)
    run = measure(target, options)
    return run, spent_between(before, profiling.read(target.profiles))


def spent_between(before: Mapping[str, Profile], after: Mapping[str, Profile]) -> dict[str, Profile]:
    """What each process used; those that ended before have files too, and used nothing."""
    found = {name: difference(of, before.get(name)) for name, of in after.items()}
    return {name: of for name, of in found.items() if of.cpu_ns > 0}


def difference(after: Profile, before: Profile | None) -> Profile:
    """What a process used between two of its profiles."""
    if before is None:
        return after
    none = StageTotal(0, 0)
    return Profile(
        after.process,
        after.cpu_ns - before.cpu_ns,
        {
            name: StageTotal(of.calls - (old := before.stages.get(name, none)).calls, of.cpu_ns - old.cpu_ns)
            for name, of in after.stages.items()
        },
        dict(Counter(after.stacks) - Counter(before.stacks)),
    )


def costs(spent: Mapping[str, Profile], api_us: float) -> dict[str, StageCost]:
    """The stages of all API workers, in order, for a payment that takes `api_us` in all."""
    workers = [of for of in spent.values() if of.process == API]
    cpu_ns = sum(of.cpu_ns for of in workers)
    payments = sum(of.stages["intake, the rest"].calls for of in workers if "intake, the rest" in of.stages)
    found = {}
    for name in (*profiling.STAGES, GARBAGE_COLLECTION):
        totals = [of.stages[name] for of in workers if name in of.stages]
        share = sum(total.cpu_ns for total in totals) / max(cpu_ns, 1)
        calls = sum(total.calls for total in totals) / max(payments, 1)
        found[name] = _cost(share, api_us, calls)
    rest = 1 - sum(cost.share for cost in found.values())
    return found | {REST: _cost(rest, api_us, 0.0)}


def _cost(share: float, api_us: float, calls: float) -> StageCost:
    return StageCost(round(share * api_us, 1), round(share, 4), round(calls, 2))


def stages_page(found: dict[str, Any]) -> str:
    """The stages in Markdown."""
    lines: list[Sequence[object]] = [
        (name, of["cpu_us"], f"{100 * of['share']:.1f} %", of["calls"])
        for name, of in found["stages"].items()
    ]
    about = (
        f"{found['payments']} payments, mix {found['settings']['mix']}, with the stage meter on. Times of a"
        " stage are without the stages inside it."
    )
    total = ("**API workers**", found["api_cpu_us_per_payment"], "100 %", "")
    table = rows(("stage", "CPU us a payment", "share", "calls a payment"), [*lines, total])
    return f"# A payment in an API worker, by stage\n\n{about}\n\n{table}\n"


def flames_page(found: dict[str, Any]) -> str:
    """The list of the graphs in Markdown."""
    lines = [(f"[{name}](flames/{name}.svg)", samples) for name, samples in found["samples"].items()]
    about = f"{found['payments']} payments, mix {found['settings']['mix']}; a sample each 5 ms of CPU."
    return f"# Flame graphs\n\n{about}\n\n{rows(('process', 'samples'), lines)}\n"
