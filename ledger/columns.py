"""Columns of a batch, each declared once: its name, its type, and the source of its value.

A batch is passed to the database as the arguments of SQL functions, most of them arrays: one per column. A
`Function` is declared with its columns in the order of its parameters. Everything else is derived from that:
the call with its placeholders, the arguments, and the test that compares the declaration with the function in
the database (`tests/ledger/test_columns.py`).

    ORDERS: Final[Columns[Iterable[Order]]] = Columns(
        each("ids", "uuid", lambda order: order.id),
        each("verdicts", "text", lambda order: order.verdict),
    )
    RECORD_ORDERS: Final = Function("switch.record_orders", ORDERS)

    RECORD_ORDERS(orders)  # a `Call`: the function, and its arguments

Values are passed in one of two ways. The driver encodes values of `one` and `each`. Values of `numbers` and
`words` are passed as the text of an array, which the server parses faster than a driver encodes arrays; this
is for the hottest columns, and the words must need no quotes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Generic, NamedTuple, TypeVar

from asyncpg.pgproto import pgproto

Source = TypeVar("Source")
Row = TypeVar("Row")

uuid: Final = pgproto.UUID
"""A UUID of sixteen bytes: the class of the driver, which is several times faster."""


class _Travels(Enum):
    """How an argument is made from the result of a column's `value`."""

    AS_IT_IS = auto()
    A_ROW_EACH = auto()
    AS_NUMBERS = auto()
    AS_WORDS = auto()


_ROWS, _NUMBERS, _WORDS = _Travels.A_ROW_EACH, _Travels.AS_NUMBERS, _Travels.AS_WORDS


@dataclass(frozen=True, slots=True)
class Column(Generic[Source]):
    """One parameter of a function."""

    name: str
    type: str
    """The type in the notation of PostgreSQL."""
    value: Callable[[Any], Any]
    travels: _Travels

    @property
    def as_text(self) -> bool:
        """Whether the argument is text, to be parsed as `type`."""
        return self.travels in {_NUMBERS, _WORDS}

    @property
    def empty(self) -> object:
        """The argument without rows; a value that is not an array is NULL then."""
        if self.type.endswith("[]"):
            return "{}" if self.as_text else ()
        return None

    def placeholder(self, number: int) -> str:
        """The placeholder of argument `number` in the call."""
        return f"${number}::text::{self.type}" if self.as_text else f"${number}"


def one(name: str, type_: str, value: Callable[[Source], object]) -> Column[Source]:
    """A parameter that is not an array, or an array that is already complete."""
    return Column(name, type_, value, _Travels.AS_IT_IS)


def each(name: str, element: str, value: Callable[[Row], object]) -> Column[Iterable[Row]]:
    """An array with one value per row."""
    return Column(name, f"{element}[]", value, _ROWS)


def numbers(name: str, element: str, values: Callable[[Source], Iterable[object]]) -> Column[Source]:
    """An array of numbers, as text."""
    return Column(name, f"{element}[]", values, _NUMBERS)


def words(name: str, element: str, values: Callable[[Source], Iterable[str]]) -> Column[Source]:
    """An array of plain words, or of `NULL`, as text."""
    return Column(name, f"{element}[]", values, _WORDS)


class Columns(Generic[Source]):
    """Columns with values from one source: the rows of one kind. Without rows there are no values."""

    def __init__(self, *columns: Column[Source]) -> None:
        self.columns = columns
        self._values = [(column.travels, column.value) for column in columns]
        self._empty = [column.empty for column in columns]

    def arguments(self, source: Any) -> list[Any]:
        """One argument for each column; empty if the source is None or has no rows."""
        if not source:
            return self._empty
        # Inline and not in a method of each kind: one more call per column is noticeable in small batches.
        # The text of a list of numbers is nearly that of an array, and made in one call.
        return [
            "{" + str(list(value(source)))[1:-1] + "}"
            if travels is _NUMBERS
            else list(map(value, source))
            if travels is _ROWS
            else "{" + ",".join(value(source)) + "}"
            if travels is _WORDS
            else value(source)
            for travels, value in self._values
        ]


class Call(NamedTuple):
    """One call in the statement of a batch."""

    function: "Function"
    arguments: list[Any]


class Function:
    """A database function that applies a part of a batch."""

    def __init__(self, name: str, *groups: Columns[Any]) -> None:
        self.name = name
        self.groups = groups

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Name and type of each parameter, in order."""
        return [(column.name, column.type) for group in self.groups for column in group.columns]

    def __call__(self, *sources: Any) -> Call:
        """Make a call with one source for each group of columns."""
        arguments: list[Any] = []
        for group, source in zip(self.groups, sources, strict=True):
            arguments += group.arguments(source)
        return Call(self, arguments)

    def sql(self, first: int) -> str:
        """The SQL of the call, with placeholders from number `first`."""
        columns = [column for group in self.groups for column in group.columns]
        places = [column.placeholder(number) for number, column in enumerate(columns, first)]
        return f"{self.name}({', '.join(places)})"


@lru_cache(maxsize=256)
def _text(functions: tuple[Function, ...]) -> str:
    calls, first = [], 1
    for function in functions:
        calls.append(function.sql(first))
        first += len(function.parameters)
    return "SELECT " + ", ".join(calls)


def statement_of(calls: Sequence[Call]) -> tuple[str, list[Any]]:
    """Make one statement that executes `calls` from left to right, and its arguments."""
    sql = _text(tuple([call.function for call in calls]))
    return sql, list(chain.from_iterable([call.arguments for call in calls]))
