"""Rates from a file: each fault of it has its line and column."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from switch.cli.fx import app

HEAD = "source,target,from,rate,until,inventory"
LINE = "INR,PKR,0,3.2835,2026-11-23T18:00:00Z,5000000.00"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["INR,PKR"], "line 1: the columns must be source,target,from,rate,until,inventory and"),
        ([HEAD], "line 2: the file has no rates"),
        ([HEAD, LINE, "INR,PKR,1"], "line 3: it has 3 values, and must have 6"),
        ([HEAD, LINE.replace("INR", "inr")], "line 2, column source: it must be a currency"),
        ([HEAD, LINE.replace("3.2835", '"3,2835"')], "line 2, column rate: it must be a decimal number"),
        ([HEAD, LINE.replace(",0,", ",-1,")], "line 2, column from: it must be a decimal number"),
        ([HEAD, LINE.replace("Z,", ",")], "line 2, column until: it must be an instant with its offset"),
        ([HEAD, LINE.replace("2026-11-23", "23.11.2026")], "line 2, column until: it must be an instant"),
        ([HEAD, LINE.replace(".00", " 000")], "line 2, column inventory: it must be a decimal number"),
        ([HEAD, LINE, LINE.replace("5000000.00", "")], "line 3, column inventory: it is of the pair"),
        (
            [f"{HEAD},improvements", f"{LINE},asha-bank"],
            "line 2, column improvements: it must be participants",
        ),
        ([HEAD, f'{LINE[:-3]}"'], "line 2"),
    ],
)
def test_a_fault_of_the_file_is_shown_with_its_place(lines: list[str], fault: str, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("\n".join(lines))

    done = CliRunner().invoke(app, ["set", str(file), "--participant", "silkroad-fx"])

    assert done.exit_code != 0
    assert fault in str(done.exception), done.exception
