"""The book of the payers of a simulated rail: what they paid abroad, and what became of it.

Each entry is one JSON line, appended in one write; the last line of a `ref` is its state: `held`, `held`
again with the order at the price that the payer was shown, if that was looked up, then `done` or `refunded`.
A hold moves the amount from the payer's account to an account for holds; `done` moves it on to the switch's
settlement account, `refunded` back. So the balances always add up to what the payers had.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from adapters.simulation.line_file import LineFile, read_lines

FILE_NAME: Final = "debits.jsonl"
HOLDS: Final = "holds"
TO_SWITCH: Final = "settlement"
OPENING_MINOR: Final = 10**12
"""What every payer has at the beginning."""


class DebitState(StrEnum):
    """The state of a payment abroad at its payer's bank."""

    HELD = "held"
    DONE = "done"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class DebitEntry:
    """One line of the book."""

    ref: str
    uetr: str
    amount_minor: int
    currency: str
    payer: str
    payee: str
    state: DebitState
    code: str
    """The reason of a refund."""
    at: str
    order: str
    """The order as it is first sent, base64."""
    behaviour: str = ""
    quote: str = ""
    """The firm quote that it names, if the payer was shown one."""


@dataclass(slots=True)
class DebitBook:
    """Entries by ref, and balances by account. An entry is durable before anything is sent."""

    path: Path
    entries: dict[str, DebitEntry] = field(default_factory=dict, init=False)
    balances: Counter[str] = field(default_factory=Counter, init=False)
    _file: LineFile = field(init=False)

    def __post_init__(self) -> None:
        self._file = LineFile(self.path)
        for entry in read(self.path):
            self._apply(entry)

    def append(self, entry: DebitEntry) -> None:
        """Write one entry, then apply it.

        Raises:
            ValueError: it is not a possible next state, or the payer has not so much.

        """
        self._must_follow(entry)
        self._file.append(asdict(entry))
        self._apply(entry)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _must_follow(self, entry: DebitEntry) -> None:
        known = self.entries.get(entry.ref)
        first = known is None and entry.state is DebitState.HELD
        last = known is not None and known.state is DebitState.HELD and entry.state is not DebitState.HELD
        if not (first or last or _is_priced(known, entry)):
            raise ValueError(f"{entry.state} cannot follow {known.state if known else 'nothing'}")
        if first and OPENING_MINOR + self.balances[entry.payer] < entry.amount_minor:
            raise ValueError("the payer has not so much")

    def _apply(self, entry: DebitEntry) -> None:
        self._must_follow(entry)
        is_priced = _is_priced(self.entries.get(entry.ref), entry)
        self.entries[entry.ref] = entry
        if is_priced:
            return
        source, target = {
            DebitState.HELD: (entry.payer, HOLDS),
            DebitState.DONE: (HOLDS, TO_SWITCH),
            DebitState.REFUNDED: (HOLDS, entry.payer),
        }[entry.state]
        self.balances[source] -= entry.amount_minor
        self.balances[target] += entry.amount_minor


def _is_priced(known: DebitEntry | None, entry: DebitEntry) -> bool:
    """Whether an entry is the one before with a quote, and so its order with it."""
    if known is None or known.quote or not entry.quote:
        return False
    return entry == replace(known, quote=entry.quote, order=entry.order, at=entry.at)


def read(path: Path) -> Iterator[DebitEntry]:
    """Every entry of a book, oldest first; the file may belong to a running process.

    Raises:
        ValueError: a line other than an incomplete last one cannot be parsed.

    """
    for values in read_lines(path):
        yield DebitEntry(**{**values, "state": DebitState(values["state"])})


def last_states(path: Path) -> dict[str, DebitEntry]:
    """The last entry of each ref."""
    return {entry.ref: entry for entry in read(path)}
