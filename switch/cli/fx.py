"""What an FX provider does with its rates, through the Python client: `fx set FILE`, `fx show`.

Who asks is a participant of a sandbox (`--participant`), or the holder of a key at any switch (`--url`,
`--keyid`, `--key`), as for `listen`.
"""

import csv
import io
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from switch.cli import output
from switch.cli.connect import Data, read_file
from switch.cli.failures import CommandFailed
from switch.cli.integrator import KeyFile, KeyId, Participant, Url, connected

app = typer.Typer(no_args_is_help=True)
_COLUMNS: Final = ("source", "target", "from", "rate", "until", "inventory")
_IMPROVEMENTS: Final = "improvements"
_AMOUNT: Final = re.compile(r"((0|[1-9][0-9]{0,13})(\.[0-9]{1,5})?)?", re.ASCII)
_FORMS: Final = {
    "source": (re.compile("[A-Z]{3}"), "a currency, as INR"),
    "target": (re.compile("[A-Z]{3}"), "a currency, as PKR"),
    "from": (_AMOUNT, "a decimal number, as 100000.00, or empty, which is 0"),
    "rate": (
        re.compile(r"((0|[1-9][0-9]{0,9})(\.[0-9]{1,10})?)?", re.ASCII),
        "a decimal number with a point, as 3.2835, or empty, which withdraws the pair",
    ),
    "until": (re.compile(".+"), "an instant with its offset from UTC, as 2026-11-23T18:00:00Z"),
    "inventory": (_AMOUNT, "a decimal number, as 5000000.00, or empty, which is no limit"),
    _IMPROVEMENTS: (
        re.compile(r"([^\s=]+=[1-9][0-9]{0,3}(\s+[^\s=]+=[1-9][0-9]{0,3})*)?", re.ASCII),
        "participants with their basis points, separated by spaces, as asha-bank=5 noor-wallet=3",
    ),
}
"""Column -> what its values look like, and how that is said."""


@app.command("set")
def set_rates(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="rates, as CSV or JSON")],
    *,
    participant: Participant = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    data: Data = None,
) -> None:
    """Set your rates from a file: JSON as PUT /v1/fx/rates takes it, or CSV with a line for each tier.

    The columns of CSV are source, target, from, rate, until and inventory, and may be followed by
    improvements (`asha-bank=5 noor-wallet=3`, in basis points). The last two may be empty. A pair whose only
    line has no rate is withdrawn. A fault is shown with its line and column, and nothing is set.
    """
    text = read_file(file).removeprefix("\ufeff")
    content = _of_json(text) if text.lstrip().startswith("{") else {"pairs": _of_csv(text)}
    with connected(participant, url, keyid, key, data) as client:
        client.change("PUT", "fx/rates", content)
        output.document(client.read("fx/rates"))


@app.command("show")
def show_rates(
    *,
    participant: Participant = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    data: Data = None,
) -> None:
    """Show your offers, and what payments and open quotes have taken of their inventories."""
    with connected(participant, url, keyid, key, data) as client:
        output.document(client.read("fx/rates"))


def _of_json(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        raise CommandFailed("the file is not valid JSON") from None
    return found


def _of_csv(text: str) -> list[dict[str, Any]]:
    """The pairs of a CSV file; lines of one pair are its tiers.

    Raises:
        CommandFailed: the first fault, with its line and column.

    """
    rows = csv.reader(io.StringIO(text), strict=True)
    try:
        columns = next(rows, [])
        if tuple(columns) not in {_COLUMNS, (*_COLUMNS, _IMPROVEMENTS)}:
            wanted = f"{','.join(_COLUMNS)} and, if you like, {_IMPROVEMENTS}"
            raise CommandFailed(f"line 1: the columns must be {wanted}")
        pairs: dict[tuple[str, str], dict[str, Any]] = {}
        for values in rows:
            if values:
                _add_line(pairs, _cells(values, columns, rows.line_num), rows.line_num)
    except csv.Error as error:
        raise CommandFailed(f"line {rows.line_num}: this is not CSV: {error}") from None
    if not pairs:
        raise CommandFailed("line 2: the file has no rates")
    return list(pairs.values())


def _cells(values: list[str], columns: list[str], line: int) -> dict[str, str]:
    """The values of a line by column, each of the right form."""
    if len(values) != len(columns):
        raise CommandFailed(f"line {line}: it has {len(values)} values, and must have {len(columns)}")
    cells = dict(zip(columns, (value.strip() for value in values), strict=True))
    for column, value in cells.items():
        form, meaning = _FORMS[column]
        if not form.fullmatch(value):
            raise CommandFailed(f"line {line}, column {column}: it must be {meaning}")
    try:
        has_zone = datetime.fromisoformat(cells["until"]).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        raise CommandFailed(f"line {line}, column until: it must be {_FORMS['until'][1]}")
    return cells


def _add_line(pairs: dict[tuple[str, str], dict[str, Any]], cells: dict[str, str], line: int) -> None:
    """Add a line to what its pair has."""
    of_pair = {
        "until": cells["until"],
        "inventory": cells["inventory"] or None,
        "improvements": [
            {"participant": name, "basis_points": int(bps)}
            for name, _, bps in (each.rpartition("=") for each in cells.get(_IMPROVEMENTS, "").split())
        ],
    }
    key = cells["source"], cells["target"]
    pair = pairs.setdefault(key, {"source": key[0], "target": key[1], "tiers": [], **of_pair})
    for column, value in of_pair.items():
        if pair[column] != value:
            text = "it is of the pair: state the same on each of its lines"
            raise CommandFailed(f"line {line}, column {column}: {text}")
    if cells["rate"]:
        pair["tiers"].append({"from": cells["from"] or "0", "rate": cells["rate"]})
