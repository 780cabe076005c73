"""The book of a simulated rail: the orders that it received and executed, and the balances.

Each entry is one JSON line, which is appended in one `write`. A killed process leaves at most one incomplete
last line, which the next start removes. Balances are computed from the entries. Verification reads the file
with `read` and compares it with the switch.

The last entry with a `rail_ref` is its current state: `pending` then `done`; `done` then `reversed`. A credit
moves its amount from our prefunded settlement account to the creditor's account, and a reversal moves it
back, so the sum of the balances is always zero.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from adapters.simulation.line_file import LineFile, read_lines

FILE_NAME: Final = "book.jsonl"
SETTLEMENT: Final = "settlement"
"""Our account at the rail. It starts at zero here: its prefunding is a limit, not a booking."""


class EntryStatus(StrEnum):
    """The state of an order in the book."""

    DONE = "done"
    REFUSED = "refused"
    PENDING = "pending"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One line of the book."""

    rail_ref: str
    uetr: str
    amount_minor: int
    currency: str
    outcome: EntryStatus
    code: str
    """The rail's own code; empty when done."""
    account: str
    at: str
    """ISO 8601, UTC."""
    fingerprint: str = ""
    """Distinguishes a repeated order from another order under the same id."""


@dataclass(slots=True)
class Book:
    """Entries by rail reference, and balances by account. An entry is durable before the rail responds."""

    path: Path
    entries: dict[str, BookEntry] = field(default_factory=dict, init=False)
    balances: Counter[str] = field(default_factory=Counter, init=False)
    _file: LineFile = field(init=False)

    def __post_init__(self) -> None:
        self._file = LineFile(self.path)
        for entry in read(self.path):
            self._apply(entry)

    def append(self, entry: BookEntry) -> BookEntry:
        """Write one entry, then apply it.

        Raises:
            ValueError: the entry is not a possible next state of its order.

        """
        self._must_follow(entry)
        self._file.append(asdict(entry))
        self._apply(entry)
        return entry

    def find(self, rail_ref: str) -> BookEntry | None:
        """The last entry of an order."""
        return self.entries.get(rail_ref)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _must_follow(self, entry: BookEntry) -> None:
        known = self.entries.get(entry.rail_ref)
        follows = (known.outcome if known else None, entry.outcome) in _FOLLOWS
        if not follows or (known and _money(known) != _money(entry)):
            raise ValueError(f"{entry.outcome} cannot follow {known.outcome if known else 'nothing'}")

    def _apply(self, entry: BookEntry) -> None:
        self._must_follow(entry)
        self.entries[entry.rail_ref] = entry
        sign = {EntryStatus.DONE: 1, EntryStatus.REVERSED: -1}.get(entry.outcome, 0)
        if sign:
            self.balances[entry.account] += sign * entry.amount_minor
            self.balances[SETTLEMENT] -= sign * entry.amount_minor


_FOLLOWS: Final = {
    (None, EntryStatus.DONE),
    (None, EntryStatus.REFUSED),
    (None, EntryStatus.PENDING),
    (EntryStatus.PENDING, EntryStatus.DONE),
    (EntryStatus.PENDING, EntryStatus.REFUSED),
    (EntryStatus.DONE, EntryStatus.REVERSED),
}


def read(path: Path) -> Iterator[BookEntry]:
    """Every entry of a book, oldest first; the file may belong to a running process.

    Raises:
        ValueError: a line other than an incomplete last one cannot be parsed.

    """
    for values in read_lines(path):
        yield BookEntry(**{**values, "outcome": EntryStatus(values["outcome"])})


def now() -> str:
    """The current instant in the format of an entry."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _money(entry: BookEntry) -> tuple[str, int, str, str]:
    return entry.uetr, entry.amount_minor, entry.currency, entry.account
