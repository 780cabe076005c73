"""Two revisions in one run: `python -m loadtests payments --compare REV`.

Each revision runs as its own switch, from its own files, with its own database and rails; the load process is
the same. They take turns in the order A B B A, so a machine that becomes slower or faster hits both. The
ratio of a figure is the median of the pairs' own ratios, with their spread; below 1 means that this checkout
has less of it than REV.
"""

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from loadtests.measure import Figures, MeasuredRun, Options, figures, measure
from loadtests.payments_table import rows
from loadtests.systems import ROOT, Program, payswitch, verified

COMPARED: Final = ("payments_per_s", "payments_per_core_second", "cpu_us_per_payment", "p50_ms", "p99_ms")

CLEAR_PAIRS_MIN: Final = 6
"""So many pairs agree by chance in three of a hundred comparisons of a revision with itself."""


class UnknownRevision(RuntimeError):
    """Git has no such revision."""


@dataclass(frozen=True, slots=True)
class RatioSpread:
    """The ratios of all pairs: this checkout divided by the other revision."""

    median: float
    least: float
    most: float
    pairs: list[float]

    @property
    def is_clear(self) -> bool:
        """Whether every one of enough pairs says the same."""
        return len(self.pairs) >= CLEAR_PAIRS_MIN and (self.least > 1 or self.most < 1)


@contextlib.contextmanager
def checked_out(repository: Path, revision: str, place: Path) -> Iterator[Path]:
    """The files of a revision, in a worktree for the length of a `with`.

    Raises:
        UnknownRevision: there is no such commit.

    """
    git = ["git", "-C", str(repository)]
    made = subprocess.run(
        [*git, "worktree", "add", "--quiet", "--detach", str(place), f"{revision}^{{commit}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise UnknownRevision(f"{revision}: {made.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(place)], check=True)


def order(pairs: int) -> str:
    """Whose turn it is: `ABBA` for two pairs; A is the other revision, B this checkout."""
    return "".join("AB" if pair % 2 == 0 else "BA" for pair in range(pairs))


def run(
    place: Path, options: Options, revision: str, pairs: int, python: str = sys.executable
) -> dict[str, Any]:
    """Measure both; the report. `python` is the interpreter of the other revision."""
    turn = replace(options, seconds=options.seconds / (2 * pairs))
    runs: dict[str, list[MeasuredRun]] = {"A": [], "B": []}
    with (
        checked_out(ROOT, revision, place / "tree") as tree,
        payswitch(place / "a", options, Program(tree, python)) as other,
        payswitch(place / "b", options) as ours,
    ):
        for letter in order(pairs):
            runs[letter].append(measure({"A": other, "B": ours}[letter], turn))
        checks = {"A": verified(place / "a", Program(tree, python)), "B": verified(place / "b")}
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", revision], capture_output=True, text=True, check=True
    ).stdout.strip()
    found = report(options, commit, runs["A"], runs["B"], checks)
    return found | {"interpreters": {"other": interpreter(python), "this": interpreter(sys.executable)}}


def interpreter(python: str) -> str:
    """Its version and its path, such as `3.11.2, /usr/bin/python3`."""
    asked = "import platform, sys; print(platform.python_version(), sys._base_executable, sep=', ')"
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def report(
    options: Options,
    commit: str,
    others: Sequence[MeasuredRun],
    ours: Sequence[MeasuredRun],
    checks: dict[str, dict[str, bool]],
) -> dict[str, Any]:
    """Figures of both, and their ratios."""
    totals = {
        "other": total(others, checks["A"]),
        "this": total(ours, checks["B"]),
    }
    by_round = [[total([run], {}) for run in runs] for runs in (others, ours)]
    return {
        "benchmark": "payments_compare",
        "commit": commit,
        "ratios": {name: asdict(spread(name, *by_round)) for name in COMPARED},
        **{name: asdict(of) for name, of in totals.items()},
        "settings": asdict(options) | {"pairs": len(ours)},
    }


def total(runs: Sequence[MeasuredRun], checks: dict[str, bool]) -> Figures:
    """Figures of rounds as one; calm ones are those of the first."""
    return figures(runs, runs[0], checks)


def spread(name: str, others: Sequence[Figures], ours: Sequence[Figures]) -> RatioSpread:
    """The ratios of one figure, of rounds that belong together."""
    pairs = [
        round(getattr(this, name) / getattr(other, name), 4) for other, this in zip(others, ours, strict=True)
    ]
    return RatioSpread(round(statistics.median(pairs), 4), min(pairs), max(pairs), pairs)


def page(found: dict[str, Any]) -> str:
    """The comparison in Markdown."""
    settings = found["settings"]
    lines = [
        (
            name,
            found["other"][name],
            found["this"][name],
            ratio["median"],
            f"{ratio['least']} to {ratio['most']}",
            "yes" if RatioSpread(**ratio).is_clear else "no",
        )
        for name, ratio in found["ratios"].items()
    ]
    head = ("", found["commit"], "this checkout", "ratio", "pairs from, to", "all pairs agree")
    balanced = all(found[name]["balanced"] for name in ("other", "this"))
    about = (
        f"{settings['pairs']} pairs of rounds, {settings['seconds']:g} s in all, mix {settings['mix']},"
        f" {settings['messages']}, {settings['connections']} connections. Books of both balance and"
        f" agree with their rails: {'yes' if balanced else 'NO'}."
    )
    if len(set(found.get("interpreters", {}).values())) > 1:
        about += " Interpreters: {other} and {this}.".format(**found["interpreters"])
    return f"# This checkout and {found['commit']}, interleaved\n\n{about}\n\n{rows(head, lines)}\n"
