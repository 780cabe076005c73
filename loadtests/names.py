"""How well names are matched: pairs of names with the verdict of a careful person, and searches in lists.

Three files of our own are the test set. `name_pairs.csv` has pairs: the name that a rail knows or a list has,
the name that a payment states, and whether they are the `same` name, `near` (probably one person, but a
careful reader would ask: an error of typing, a part that is missing), or `different`. The rules were tuned
with one half of the persons (`tuned`); errors in the other half (`held`) were not looked at.
`name_inside_pairs.csv` has pairs for screening only: a listed name among other words, and names and firms
that have some words of a listed name and are others, such as joint accounts.
`common_names.csv` has given and family names that many people bear: a hit of their combinations is mostly
false.
"""

import argparse
import csv
import json
import random
import statistics
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from adapters.romanisation import romanised
from loadtests import keeping
from switch.names.payee import Match, compare
from switch.screening import list_files
from switch.screening.index import THRESHOLD, NameIndex
from switch.screening.listed import ListedKind, ListedName, ListedParty

PAIRS: Final = Path(__file__).parent / "name_pairs.csv"
INSIDE: Final = Path(__file__).parent / "name_inside_pairs.csv"
COMMON: Final = Path(__file__).parent / "common_names.csv"
_SEED: Final = 19
WATCHMAN_THRESHOLDS: Final = (0.7, 0.75, 0.8)
"""Its README asks with 0.75. An equal name, with nothing else asked, scores 0.81."""
_SCRIPTS: Final = {
    "LATIN": "Latin", "CYRILLIC": "Cyrillic", "ARABIC": "Arabic", "CJK": "Han", "DEVANAGARI": "Indian",
    "BENGALI": "Indian", "TELUGU": "Indian", "TAMIL": "Indian", "GURMUKHI": "Indian",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of `name_pairs.csv` or `name_inside_pairs.csv`."""

    country: str
    part: str
    known: str
    stated: str
    verdict: str
    difference: str

    @property
    def scripts(self) -> str:
        """The scripts of both names."""
        return " and ".join(sorted({script(self.known), script(self.stated)}))

    @property
    def one(self) -> bool:
        """Whether both are names of one person."""
        return self.verdict != "different"


def script(name: str) -> str:
    """The script of most letters of a name."""
    counts = Counter(
        _SCRIPTS.get(unicodedata.name(one, "?").split()[0], "other") for one in name if one.isalpha()
    )
    return counts.most_common(1)[0][0]


def pairs(of: Path = PAIRS) -> list[Pair]:
    """The pairs of a file of the test set."""
    with of.open(encoding="utf-8", newline="") as file:
        return [Pair(**row) for row in csv.DictReader(file)]


def index(known: Iterable[str]) -> NameIndex:
    """A list of persons with one name each, whose ids are the names."""
    return NameIndex(
        ListedParty(name, ListedKind.PERSON, (ListedName(name),)) for name in dict.fromkeys(known)
    )


def common() -> Iterator[tuple[str, str]]:
    """Names that many people bear, each with its country."""
    with COMMON.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for given in row["given"].split():
                for family in row["family"].split():
                    han = script(family) == "Han"
                    yield row["country"], f"{family}{given}" if han else f"{given} {family}"


def people(
    scripts: Mapping[str, str], families: Sequence[str], most: Mapping[str, int]
) -> dict[str, list[str]]:
    """Names of two given names and a family name by country, in these scripts, at most so many.

    `families`: more family names, in Latin letters.
    """
    chance, found = random.Random(_SEED), {}
    with COMMON.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if script(row["family"]) == scripts[row["country"]]]
    for row in rows:
        given, known = row["given"].split(), row["family"].split()
        known += list(families) if scripts[row["country"]] == "Latin" else []
        drawn = {(*chance.choices(given, k=2), chance.choice(known)) for _ in range(most[row["country"]])}
        han = scripts[row["country"]] == "Han"
        found[row["country"]] = sorted(
            f"{family}{one}{other}" if han else f"{one} {other} {family}" for one, other, family in drawn
        )
    return found


@dataclass(frozen=True, slots=True)
class Quality:
    """How often a comparison was right."""

    right: int
    """Pairs of one person that were found."""
    missed: int
    false: int
    """Pairs of two persons that were taken for one."""
    apart: int

    @property
    def figures(self) -> dict[str, Any]:
        """Precision, recall and false-positive rate; None where nothing was to be found."""
        return {
            "pairs": self.right + self.missed + self.false + self.apart,
            "precision": _share(self.right, self.right + self.false),
            "recall": _share(self.right, self.right + self.missed),
            "false_positive_rate": _share(self.false, self.false + self.apart),
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def quality(found: Iterable[tuple[Pair, bool]]) -> Quality:
    """Compare verdicts: whether a pair was taken for one person, and whether it is."""
    counts = Counter((pair.one, taken) for pair, taken in found)
    return Quality(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def by_scripts(found: Sequence[tuple[Pair, bool]]) -> dict[str, dict[str, Any]]:
    """The quality of each half, and of each pair of scripts."""
    groups: dict[str, list[tuple[Pair, bool]]] = defaultdict(list)
    for pair, taken in found:
        groups["all"].append((pair, taken))
        groups[pair.part].append((pair, taken))
        groups[pair.scripts].append((pair, taken))
    return _figures(groups)


def by_differences(found: Sequence[tuple[Pair, bool]]) -> dict[str, dict[str, Any]]:
    """The quality of each half, and of each way in which a name is among other words."""
    groups: dict[str, list[tuple[Pair, bool]]] = defaultdict(list)
    for pair, taken in found:
        groups["all"].append((pair, taken))
        groups[pair.part].append((pair, taken))
        groups[pair.difference if pair.one else f"others: {pair.difference}"].append((pair, taken))
    return _figures(groups)


def _figures(groups: Mapping[str, Sequence[tuple[Pair, bool]]]) -> dict[str, dict[str, Any]]:
    order = ("all", "tuned", "held", *sorted(groups.keys() - {"all", "tuned", "held"}))
    return {name: quality(groups[name]).figures for name in order}


def timed(call: Callable[[str], object], names: Sequence[str]) -> dict[str, float]:
    """Microseconds of CPU for a name."""
    taken = []
    for name in names:
        started = time.process_time_ns()
        call(name)
        taken.append((time.process_time_ns() - started) / 1000)
    taken.sort()
    return {
        "median_us": round(statistics.median(taken), 1),
        "p99_us": round(taken[len(taken) * 99 // 100], 1),
    }


def payee(tested: Sequence[Pair]) -> dict[str, Any]:
    """Verification of payee: a match or a close match takes a pair for one person."""
    known = {pair.stated: pair.known for pair in tested}
    time_taken = timed(lambda stated: compare(stated, known[stated]), list(known))  # first: nothing is cached
    answers = [(pair, compare(pair.stated, pair.known)) for pair in tested]
    counts = Counter((pair.verdict, answer.name.lower()) for pair, answer in answers)
    return {
        "quality": by_scripts([(pair, answer in {Match.MATCH, Match.CLOSE}) for pair, answer in answers]),
        "answers": {f"{verdict}, {answer}": count for (verdict, answer), count in sorted(counts.items())},
        "time": time_taken,
    }


def screening(tested: Sequence[Pair], inside: Sequence[Pair]) -> dict[str, Any]:
    """Search each stated name in one list of all known names: is that of its pair a hit or not."""
    listed = index(pair.known for pair in tested)
    false = sum(bool(listed.search(name)) for _, name in common())
    return {
        "quality": by_scripts(searched(listed, tested)),
        "inside": by_differences(searched(listed, inside)),
        "common": _of_common(false),
        "names_listed": len(listed),
    }


def searched(listed: NameIndex, tested: Iterable[Pair]) -> list[tuple[Pair, bool]]:
    """Whether the known name of each pair is a hit of the stated one."""
    return [(pair, any(hit.party.id == pair.known for hit in listed.search(pair.stated))) for pair in tested]


def _of_common(false: int) -> dict[str, Any]:
    names = sum(1 for _ in common())
    return {"names": names, "with_a_hit": false, "false_positive_rate": _share(false, names)}


def of_list(file: Path, threshold: float) -> dict[str, Any]:
    """A real list: its aliases searched in its primary names, and common names in all of it."""
    read = list_files.read(file.read_bytes())
    whole = NameIndex(read.parties)
    primary = NameIndex(ListedParty(one.id, one.kind, one.names[:1]) for one in read.parties)
    aliases = [
        (one, name.text)
        for one in read.parties
        if one.kind is ListedKind.PERSON
        for name in one.names[1:]
        if not name.weak
    ]
    hits = sum(
        any(hit.party.id == one.id for hit in primary.search(text, threshold=threshold))
        for one, text in aliases
    )
    names = [name for _, name in common()]
    time_taken = timed(whole.search, names[::7])
    false = sum(bool(whole.search(name, threshold=threshold)) for name in names)
    return {
        "publisher": read.publisher,
        "published": str(read.published),
        "entries": len(read.parties),
        "names": len(whole),
        "threshold": threshold,
        "aliases_of_persons": len(aliases),
        "aliases_found": _share(hits, len(aliases)),
        "common": _of_common(false),
        "time": time_taken,
    }


def watchman(address: str, tested: Sequence[Pair], inside: Sequence[Pair]) -> dict[str, Any]:
    """The same pairs, and common names, asked of a Moov Watchman that has the known names as its list."""
    with httpx.Client(base_url=address, timeout=30) as client:
        scores, among = (
            [(pair, _asked(client, pair.stated).get(pair.known.casefold(), 0.0)) for pair in of]
            for of in (tested, inside)
        )
        false = [max(_asked(client, name).values(), default=0.0) for _, name in common()]
    return {
        str(least): {
            "quality": by_scripts([(pair, score >= least) for pair, score in scores]),
            "inside": by_differences([(pair, score >= least) for pair, score in among]),
            "common": _of_common(sum(score >= least for score in false)),
        }
        for least in WATCHMAN_THRESHOLDS
    }


def _asked(client: httpx.Client, name: str) -> dict[str, float]:
    answer = client.get("/v2/search", params={"name": name, "type": "person", "limit": 100, "minMatch": 0.5})
    return {
        one["name"].casefold(): one["match"] for one in answer.raise_for_status().json()["entities"] or ()
    }


def write_list(file: Path, tested: Sequence[Pair]) -> None:
    """The known names as a list that Watchman reads: one JSON object a line, in the form of Senzing."""
    lines = [
        {"DATA_SOURCE": "PAIRS", "RECORD_ID": str(at), "RECORD_TYPE": "PERSON", "NAME_FULL": name}
        for at, name in enumerate(dict.fromkeys(pair.known for pair in tested))
    ]
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def romanise(tested: Sequence[Pair]) -> list[Pair]:
    """The pairs in Latin letters, as somebody must write them for an engine that compares letters."""
    return [replace(one, known=romanised(one.known), stated=romanised(one.stated)) for one in tested]


def table(report: dict[str, Any]) -> str:
    """The figures for people."""
    about, _, _ = __doc__.partition("\n\n")
    today = datetime.now(UTC)
    lines = [f"{about} Measured on {today.day} {today:%B %Y}.", "", *_measured(report)]
    return "\n".join(lines) + "\n"


def _measured(report: dict[str, Any]) -> Iterator[str]:
    head = "| | pairs | precision | recall | false-positive rate |\n|---|---|---|---|---|"
    titles = {"payee": "Verification of payee", "screening": "Screening"}
    for part, title in titles.items():
        yield f"## {title}\n"
        yield head
        yield from _rows(report[part]["quality"])
        if part == "payee":
            yield "\n| verdict of a person, answer | pairs |\n|---|---|"
            yield from (f"| {name} | {count} |" for name, count in report[part]["answers"].items())
            yield f"\n{_time(report[part]['time'])}\n"
        else:
            yield "\n" + _common(report[part]["common"])
            yield f"\n{_INSIDE_TITLE}\n\n{head}"
            yield from _rows(report[part]["inside"])
    for name, found in report.get("watchman", {}).items():
        yield f"\n## {name}\n"
        for least, figures in found.items():
            yield f"Least score {least}. {_common(figures['common'])}\n\n{head}"
            yield from _rows(figures["quality"])
            yield f"\n{_INSIDE_TITLE}\n\n{head}"
            yield from _rows(figures["inside"])
            yield ""
    for name, one in report.get("lists", {}).items():
        yield f"\n## {name}\n"
        yield (
            f"{one['publisher']}, {one['entries']} entries, {one['names']} names, least score "
            f"{one['threshold']}: {_percent(one['aliases_found'])} of {one['aliases_of_persons']} aliases of "
            f"persons found by the primary name. {_common(one['common'])} {_time(one['time'])}"
        )


_INSIDE_TITLE: Final = "A listed name among other words, and others that have some of its words:"


def _rows(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, one in found.items():
        shares = (one["precision"], one["recall"], one["false_positive_rate"])
        yield f"| {name} | {one['pairs']} | {' | '.join(map(_percent, shares))} |"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _common(found: dict[str, Any]) -> str:
    share = _percent(found["false_positive_rate"])
    return f"{found['with_a_hit']} of {found['names']} common names have a hit ({share})."


def _time(found: dict[str, float]) -> str:
    return f"CPU for a name: median {found['median_us']:g} us, 99th percentile {found['p99_us']:g} us."


def main(arguments: list[str]) -> int:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m loadtests names")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--list", type=Path, action="append", default=[], help="measure with a sanctions list too"
    )
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help="least score of a hit in --list")
    parser.add_argument("--watchman", help="address of a Moov Watchman with the list of --write-list")
    parser.add_argument("--watchman-latin", help="address of one with that of --write-list --latin")
    parser.add_argument("--write-list", type=Path, help="write the list for Watchman, and end")
    parser.add_argument("--latin", action="store_true", help="write that list in Latin letters")
    keeping.add_options(parser)
    options = parser.parse_args(arguments)
    tested = pairs()
    if options.write_list:
        write_list(options.write_list, romanise(tested) if options.latin else tested)
        return 0
    inside = pairs(INSIDE)
    report: dict[str, Any] = {"payee": payee(tested), "screening": screening(tested, inside)}
    report["lists"] = {file.name: of_list(file, options.threshold) for file in options.list}
    others = {
        "Moov Watchman, names as they are": (options.watchman, tested, inside),
        "Moov Watchman, names romanised by us": (options.watchman_latin, romanise(tested), romanise(inside)),
    }
    report["watchman"] = {name: watchman(*one) for name, one in others.items() if one[0]}
    keeping.keep(options.results, "names", report, table(report))
    print(json.dumps(report) if options.json else table(report), end="\n" if options.json else "")
    return 0
