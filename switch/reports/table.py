"""Reports as typed tables. Pure; `cells` and `render` define how a cell looks in a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from schemas.money import Money

TOTAL = "total"
"""Text in the first cell of a row of totals."""

Cell = str | int | Money | Decimal | datetime | timedelta | bool | None
"""None is an empty cell: unknown, or absent."""


class ColumnKind(StrEnum):
    """Type of a column's values, which decides how each format writes them."""

    TEXT = "text"
    PERSONAL = "personal"
    """Text about a person, or a pseudonym of it."""
    COUNT = "count"
    AMOUNT = "amount"
    """Money with its currency; a decimal with all digits of that currency."""
    PERCENT = "percent"
    """A percentage as a decimal."""
    RATE = "rate"
    """A rate of exchange as a decimal."""
    INSTANT = "instant"
    """Aware; written in UTC and again in the report's zone."""
    SECONDS = "seconds"
    """A duration; decimal seconds."""
    FLAG = "flag"
    LOCAL = "local"
    """An instant in local time of the settlement zone; files have one beside each instant, reports do not."""

    @property
    def is_number(self) -> bool:
        """Whether people read its values as numbers: at the right, in the format of their language."""
        return self in _NUMBERS


_NUMBERS: Final = frozenset(
    {ColumnKind.COUNT, ColumnKind.AMOUNT, ColumnKind.PERCENT, ColumnKind.RATE, ColumnKind.SECONDS}
)


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """One column. Programs read `name`, people read `title`."""

    name: str
    kind: ColumnKind = ColumnKind.TEXT
    title: str = ""
    ours: bool = False
    """Its texts are terms of the switch, which are translated for people: see `Wording.phrase`."""
    part: str = ""
    """A wide table is shown in parts; with this column begins the one of this title."""

    @property
    def heading(self) -> str:
        """The title, or the name as words."""
        return self.title or self.name.replace("_", " ").capitalize()


Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Statistic:
    """The report as a statistical cube: its dimensions and its measures."""

    flow: str
    """Id of the dataflow, such as `CORRIDORS`."""
    dimensions: tuple[str, ...]
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportSeal:
    """Where the report is in the audited log; hashes in hex."""

    as_of: int
    root: str
    """Root of the audit tree over the events up to `as_of`."""
    checkpoint: int
    """Size of the newest checkpoint before that event; 0 if there is none."""
    checkpoint_root: str


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report. The same request gives an equal one."""

    name: str
    title: str
    parameters: Mapping[str, str]
    """The request, and the sequence number up to which the log was read (`as_of`)."""
    columns: tuple[ReportColumn, ...]
    rows: tuple[Row, ...]
    totals: tuple[Row, ...] = ()
    """Totals of columns that can be added up, one row per currency of the amounts. Other cells are None."""
    notes: tuple[str, ...] = ()
    """Notes that a reader needs to interpret the numbers."""
    zone: str = "UTC"
    """IANA name of the settlement zone, in which instants are written a second time."""
    statistic: Statistic | None = None
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    """Additional content of a report, by format: an ISO 20022 message, a proof bundle."""
    seal: ReportSeal | None = None
    numbers: tuple[int, ...] = ()
    """Numbers of the payments that it lists, for proofs of all of them; empty if it lists none."""

    def __post_init__(self) -> None:
        for row in (*self.rows, *self.totals):
            assert len(row) == len(self.columns), "a row has one cell for each column"

    def column(self, name: str) -> Iterator[Cell]:
        """The cells of one column, without totals."""
        place = next(index for index, column in enumerate(self.columns) if column.name == name)
        return (row[place] for row in self.rows)


def totals_by_currency(
    columns: Sequence[ReportColumn], rows: Iterable[Row], adds: Sequence[str]
) -> tuple[Row, ...]:
    """Add up the columns `adds`: one row per currency, in order, labelled `total` in the first column.

    The currency of a row is that of the first amount that is added up; the first column of currencies shows
    it. Rows without an amount have a total of their own, with no amount and no currency.
    """
    names = [column.name for column in columns]
    places = [place for place, name in enumerate(names) if name in adds]
    says_currency = next((n for n in names if n == "currency" or n.endswith("_currency")), "")
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        amounts = [cell for cell in (row[place] for place in places) if isinstance(cell, Money)]
        currency = amounts[0].currency if amounts else ""
        assert all(cell.currency == currency for cell in amounts), (
            "all amounts of one total have the same currency"
        )
        found = sums.setdefault(currency, dict.fromkeys(adds, 0))
        for name in adds:
            cell = row[names.index(name)]
            assert isinstance(cell, int | Money) or cell is None, f"{name} cannot be added up"
            found[name] += cell.minor if isinstance(cell, Money) else cell or 0
    kinds = {column.name: column.kind for column in columns}

    def total(name: str, currency: str, found: dict[str, int]) -> Cell:
        if name in found and kinds[name] is ColumnKind.AMOUNT:
            return Money(found[name], currency) if currency else None
        if name in found:
            return found[name]
        if name == says_currency:
            return currency or None
        return TOTAL if name == names[0] else None

    return tuple(
        tuple(total(name, currency, found) for name in names) for currency, found in sorted(sums.items())
    )


def percent(part: int, whole: int, digits: int = 2) -> Decimal | None:
    """`part` of `whole` in per cent, rounded half up; None if `whole` is zero."""
    if whole == 0:
        return None
    return ratio(100 * part, whole, digits)


def ratio(numerator: int, denominator: int, digits: int) -> Decimal:
    """An exact quotient of integers with this many decimals, rounded half up (away from zero)."""
    scale = 10**digits
    scaled = (2 * abs(numerator) * scale + abs(denominator)) // (2 * abs(denominator))
    negative = scaled > 0 and (numerator < 0) != (denominator < 0)
    # Built from its digits: arithmetic of decimals would round to the precision of the context.
    return Decimal((negative, tuple(map(int, str(scaled))), -digits))
