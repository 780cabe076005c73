"""The figures of `python -m loadtests payments` as a page in Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

_SYSTEMS: Final = ("payswitch", "naive")


def page(found: dict[str, Any]) -> str:
    """The whole page: circumstances, figures of both systems, CPU by process, the load, and the gate."""
    sections = [
        "# Benchmark: payments end to end",
        _circumstances(found),
        _figures(found),
        "CPU microseconds a payment, by process. `rails` and `load` stand for others, not for the product.",
        _cpu(found),
        _load(found["payswitch"]),
        "The validity gate of payswitch's figures:",
        _gate(found["payswitch"]["gate"]),
        "`python -m loadtests payments --json`; raw figures in `payments.json`.",
    ]
    return "\n\n".join(sections) + "\n"


def rows(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
            *(f"| {' | '.join(map(str, line))} |" for line in lines),
        ]
    )


def _circumstances(found: dict[str, Any]) -> str:
    settings, machine = found["settings"], found["machine"]
    peer = ""
    if found["ratio_vs_naive"] is not None:
        peer = (
            f" Compared with the naive switch: {found['ratio_vs_naive']} times the payments/s, at"
            f" 1/{found['cpu_ratio_vs_naive']} of the CPU per payment; both share the machine with the same"
            " simulated rails."
        )
    return (
        f"**{found['payments_per_core_second']} payments a core second of the product**"
        f" ({found['form']} form, {found['payswitch']['payments']} measured payments)."
        f" {found['at']}, {machine['cpus']} CPUs for all processes (including the rails, the load process and"
        f" PostgreSQL), {settings['seconds']:g} s in {settings['rounds']} rounds, each after"
        f" {settings['warm_up_s']:g} s of warm-up, {settings['connections']} connections,"
        f" {settings['workers']} API workers, mix {settings['mix']}, {settings['messages']},"
        f" rails with a response time of {1000 * settings['rail_latency_s']:.0f} ms.{peer}"
    )


def _figures(found: dict[str, Any]) -> str:
    head = (
        *("", "payments/core s", "payments/s", "p50 ms", "p99 ms", "p99.9 ms", "calm p50 ms", "calm p99 ms"),
        *("CPU us/payment", "of it PostgreSQL", "the rails' own", "machine busy elsewhere", "books balance"),
    )
    return rows(head, (_line(name, found[name]) for name in _SYSTEMS if found[name] is not None))


def _line(name: str, of: dict[str, Any]) -> Sequence[object]:
    parts = of["cpu_us_by_part"]
    return (
        *(name, of["payments_per_core_second"], of["payments_per_s"], of["p50_ms"], of["p99_ms"]),
        *(of["p999_ms"], of["calm_p50_ms"], of["calm_p99_ms"], of["cpu_us_per_payment"]),
        *(parts.get("postgres", 0), parts.get("rails", 0), f"{100 * of['cpu_elsewhere_share']:.0f} %"),
        "yes" if of["balanced"] else "NO",
    )


def _cpu(found: dict[str, Any]) -> str:
    systems = [name for name in _SYSTEMS if found[name] is not None]
    by_system = [found[name]["cpu_us_by_process"] for name in systems]
    names = sorted({name for by_process in by_system for name in by_process})
    return rows(("process", *systems), ((name, *(one.get(name, "") for one in by_system)) for name in names))


def _load(of: dict[str, Any]) -> str:
    return "Measured payments " + "; ".join(
        f"by {name}: {', '.join(f'{key} {count}' for key, count in of[f'payments_by_{field}'].items())}"
        for name, field in (("rail", "rail"), ("debtor agent", "sender"), ("representation", "media_type"))
    )


def _gate(gate: dict[str, Any]) -> str:
    verdicts = {True: "yes", False: "NO", None: "not measured"}
    return rows(
        ("rule", "found", "limit", "kept"),
        (
            (name, "" if one["value"] is None else one["value"], one["limit"], verdicts[one["ok"]])
            for name, one in gate["checks"].items()
        ),
    )
