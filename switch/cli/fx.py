"""What an FX provider does with its rates, through the Python client: `fx set FILE`, `fx show`.

Who asks is a participant of a sandbox (`--participant`), or the holder of a key at any switch (`--url`,
`--keyid`, `--key`), as for `listen`.
"""

import csv
import io
import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from switch.cli import output
from switch.cli.connect import Data, read_file
from switch.cli.failures import CommandFailed
from switch.cli.integrator import KeyFile, KeyId, Participant, Url, connected

app = typer.Typer(no_args_is_help=True)
_COLUMNS: Final = ("source", "target", "from", "rate", "until", "inventory")


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

    The columns of CSV are source, target, from, rate, until and inventory, which may be empty. A pair whose
    only line has no rate is withdrawn.
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
    """The pairs of a CSV file; lines of one pair are its tiers."""
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != _COLUMNS:
        raise CommandFailed(f"the first line of the CSV must be: {','.join(_COLUMNS)}")
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if None in row.values() or None in row:
            raise CommandFailed(f"line {rows.line_num}: it must have {len(_COLUMNS)} values")
        pair = pairs.setdefault(
            (row["source"], row["target"]),
            {
                "source": row["source"],
                "target": row["target"],
                "tiers": [],
                "until": row["until"],
                "inventory": row["inventory"] or None,
            },
        )
        if (pair["until"], pair["inventory"]) != (row["until"], row["inventory"] or None):
            raise CommandFailed(f"line {rows.line_num}: until and inventory are of the pair: repeat them")
        if row["rate"]:
            pair["tiers"].append({"from": row["from"] or "0", "rate": row["rate"]})
    return list(pairs.values())
