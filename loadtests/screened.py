"""Payments with screening and without, in one run: `python -m loadtests payments --screening`.

Two switches of this checkout take turns (A B B A); B compares every payment with the made-up list of
`python -m loadtests screening`, which two people have put in force. Both get the same load. With `new`, it
has many thousands of names: creditors mostly come for the first time, debtors often again; each new name
costs a whole search. With `known` it has about a hundred names, which the switch remembers. Names with a hit
are left out, because such a payment is held. Each switch has its own database and rails. The first round of
each is not counted: in it the index is still made and loaded, and most words of names are seen once. What
both take is in the figures of `python -m loadtests screening`.
"""

import csv
import io
import json
import random
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from loadtests.compare import COMPARED, order, spread, total
from loadtests.measure import MeasuredRun, Options, measure
from loadtests.mix import NAMES
from loadtests.names import people, script
from loadtests.payments_table import rows
from loadtests.screening import ENTRIES, SYLLABLES, made_up
from loadtests.systems import ROOT, THIS, environment, payswitch, verified
from switch.screening.index import NameIndex
from switch.screening.listed import ListedParty

_FAMILIES: Final = 400
_NAMES_MAX: Final = 800
"""Of a country."""
_OF_HOT: Final = 3_000
"""The same of the countries whose banks send most payments."""
_HOT: Final = ("IN", "PK")
_KNOWN: Final = 12
"""Names of a country that a switch soon knows."""
_IN_FORCE_WITHIN_S: Final = 300.0
_IN_A_ROW: Final = 8
"""Payments that must be accepted one after another: each may reach another worker."""
_PEOPLE: Final = ("operator", "checker")
PARTS: Final = ("api", "writer")


def run(place: Path, options: Options, pairs: int, kind: str = "new") -> dict[str, Any]:
    """Measure both, with names of a kind; the report."""
    parties = list(made_up(ENTRIES))
    names = unlisted(parties, kind)
    turn = replace(options, seconds=options.seconds / (2 * pairs), names=names)
    runs: dict[str, list[MeasuredRun]] = {"A": [], "B": []}
    with payswitch(place / "a", options) as without, payswitch(place / "b", options) as screened:
        put_in_force(place / "b", as_csv(parties))
        for target in (without, screened):
            measure(target, turn)
        for letter in order(pairs):
            runs[letter].append(measure({"A": without, "B": screened}[letter], turn))
        checks = {letter: verified(place / letter.lower()) for letter in runs}
    known = sum(len(of_country) for of_country in names.values())
    listed = {"entries": len(parties), "names": sum(len(each.names) for each in parties)}
    about = {"list": listed, "names_of_payments": known, "kind": kind}
    return report(options, runs, checks, about)


def report(
    options: Options,
    runs: Mapping[str, list[MeasuredRun]],
    checks: Mapping[str, dict[str, bool]],
    about: dict[str, Any],
) -> dict[str, Any]:
    """Figures of both, and their ratios: screened divided by not screened."""
    by_round = [[total([one], {}) for one in runs[letter]] for letter in ("A", "B")]
    return {
        "benchmark": f"payments_screened_{about['kind']}",
        "ratios": {name: asdict(spread(name, *by_round)) for name in COMPARED},
        "other": asdict(total(runs["A"], checks["A"])),
        "this": asdict(total(runs["B"], checks["B"])),
        **about,
        "settings": asdict(options) | {"pairs": len(runs["A"])},
    }


def unlisted(parties: Iterable[ListedParty], kind: str = "new") -> dict[str, list[str]]:
    """Names of people by country that have no hit."""
    index = NameIndex(parties)
    chance = random.Random(0)
    families = ["".join(chance.choices(SYLLABLES, k=3)).capitalize() for _ in range(_FAMILIES)]
    scripts = {country: script(known[0]) for country, known in NAMES.items()}
    most = dict.fromkeys(NAMES, _NAMES_MAX) | dict.fromkeys(_HOT, _OF_HOT)
    found = people(scripts, families, dict.fromkeys(NAMES, _KNOWN) if kind == "known" else most)
    return {country: [one for one in known if not index.search(one)] for country, known in found.items()}


def as_csv(parties: Iterable[ListedParty]) -> str:
    """A list in the form of national lists."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("id", "kind", "name", "aliases"))
    for one in parties:
        first, *others = (name.text for name in one.names)
        writer.writerow((f"M-{one.id}", one.kind.value, first, ";".join(others)))
    return text.getvalue()


def put_in_force(directory: Path, text: str) -> None:
    """Have two people of a sandbox put a list in force, and wait until payments are compared with it."""
    file = directory.with_suffix(".csv")
    file.write_text(text, encoding="utf-8")
    maker, checker = _PEOPLE
    added = _typed(directory, "screening", "add", str(file), "--source", "made up", "--as", maker)
    reason = ("--reason", "a measurement")
    change = _typed(directory, "screening", "use", str(added["number"]), "--as", maker, *reason)
    _typed(directory, "change", "approve", str(change["number"]), "--as", checker, "--yes", *reason)
    deadline = time.monotonic() + _IN_FORCE_WITHIN_S
    while not _typed(directory, "screening", "lists", "--as", maker)["in_force"]:
        if time.monotonic() > deadline:
            raise RuntimeError("the list is not in force")
        time.sleep(1)
    ready = 0
    while ready < _IN_A_ROW:
        if time.monotonic() > deadline:
            raise RuntimeError("a worker has no index of the list")
        ready = ready + 1 if _accepts(directory) else 0


def _accepts(directory: Path) -> bool:
    """Whether the worker that takes a payment has made its index: without one it takes none."""
    try:
        _typed(directory, "pay", "asha-bank", "noor-wallet", "12.34")
    except RuntimeError:
        time.sleep(1)
        return False
    return True


def _typed(directory: Path, *words: str) -> dict[str, Any]:
    """What a command prints: one JSON object."""
    done = subprocess.run(
        THIS.command(*words, "--data", str(directory)),
        env=environment(ROOT),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr or done.stdout}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def page(found: dict[str, Any]) -> str:
    """The comparison in Markdown."""
    settings, listed = found["settings"], found["list"]
    lines = [
        (
            name,
            found["other"][name],
            found["this"][name],
            ratio["median"],
            f"{ratio['least']} to {ratio['most']}",
        )
        for name, ratio in found["ratios"].items()
    ]
    by_process = [found[which]["cpu_us_by_process"] for which in ("other", "this")]
    lines += [
        (f"CPU us/payment of {part}", *(one.get(part, "") for one in by_process), "", "") for part in PARTS
    ]
    balanced = all(found[which]["balanced"] for which in ("other", "this"))
    cost = found["ratios"]["cpu_us_per_payment"]["median"] - 1
    about = (
        f"The list has {listed['entries']:,} entries with {listed['names']:,} names; debtors and creditors"
        f" have {found['names_of_payments']:,} names. {settings['pairs']} pairs of rounds,"
        f" {settings['seconds']:g} s in all, mix {settings['mix']}, {settings['connections']} connections."
        f" Machine busy elsewhere: {found['other']['cpu_elsewhere_share']:.0%} without,"
        f" {found['this']['cpu_elsewhere_share']:.0%} with. Books of both balance and agree with their rails:"
        f" {'yes' if balanced else 'NO'}."
    )
    head = ("", "not screened", "screened", "ratio", "pairs from, to")
    return (
        f"# Payments with screening and without, interleaved\n\n"
        f"**Screening costs {cost:.1%} of the product's CPU for a payment.** {about}\n\n"
        f"{rows(head, lines)}\n\n"
        f"`python -m loadtests payments --screening {found['kind']}`\n"
    )
