"""The reference page says what the code does: its table has every verdict, its example runs."""

import re
from pathlib import Path

from ledger.books import LedgerVerdict
from tests.ledger.test_books import Table

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "ledger.md").read_text()


def test_every_verdict_has_one_row():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)

    assert sorted(rows) == sorted(LedgerVerdict)


def test_the_worked_payment_runs():
    (example,) = re.findall(r"^```ledger\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    table = Table()
    table.run(example)

    assert {
        LedgerVerdict.CREATED,
        LedgerVerdict.POSTED,
        LedgerVerdict.CAP_EXCEEDED,
        LedgerVerdict.ALREADY_CORRECTED,
    } <= table.seen
