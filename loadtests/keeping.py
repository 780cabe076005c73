"""Where figures go: `build/benchmarks`, which git ignores, or `loadtests/results` with `--publish`.

Anybody may measure and keep a clean checkout. Figures that are published speak for the project: they are
measured on a quiet machine, and committed with the change that they belong to.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_HERE: Final = Path(__file__).parent
IGNORED: Final = _HERE.parent / "build" / "benchmarks"
PUBLISHED: Final = _HERE / "results"


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--publish` and `--results DIRECTORY`, of which one can be given; `results` has the answer."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--publish",
        dest="results",
        action="store_const",
        const=PUBLISHED,
        help="keep the figures in loadtests/results, which is committed",
    )
    where.add_argument(
        "--results", type=Path, help="directory for the figures; build/benchmarks of the checkout without it"
    )
    parser.set_defaults(results=IGNORED)


def publishable(directory: Path, *, passed: bool) -> Path:
    """The directory, or the ignored one if the figures were to be published and are not valid for it."""
    if directory != PUBLISHED or passed:
        return directory
    print(f"not valid for publishing: the figures are in {IGNORED}", file=sys.stderr)
    return IGNORED


def keep(directory: Path, name: str, figures: dict[str, Any], table: str | None = None) -> None:
    """Write `name.json`, and `name.md` where there is a table for people."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if table is not None:
        (directory / f"{name}.md").write_text(table, encoding="utf-8")


def keep_pictures(directory: Path, pictures: Mapping[str, str]) -> None:
    """Write each picture as `NAME.svg`, in the place of those of an earlier run."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.svg"):
        old.unlink()
    for name, picture in pictures.items():
        (directory / f"{name}.svg").write_text(picture, encoding="utf-8")
