"""Columns of a batch, each named once: its name, its type, and where its value comes from.

A batch travels to the database as the arguments of SQL functions, most of them arrays: one column of rows
each. A `Function` is declared with its columns in the order of its parameters, and everything else is made
from that: the call with its placeholders, the arguments, and the test that holds the declaration equal to
the function in the database (`tests/ledger/test_columns.py`).

    ORDERS: Final[Columns[Iterable[Order]]] = Columns(
        each("ids", "uuid", lambda order: order.id),
        each("verdicts", "text", lambda order: order.verdict),
    )
    RECORD_ORDERS: Final = Function("switch.record_orders", ORDERS)

    RECORD_ORDERS(orders)  # a `Call`: the function, and its arguments

Values travel in one of two ways. The driver writes what `one` and `each` give. What `numbers` and `words`
give travels as the text of an array, which the server reads faster than any driver writes arrays; it is
for the hottest columns, and its words need no quotes.
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
"""A UUID of sixteen bytes: the driver's own kind, which it makes and writes several times faster."""


class _Travels(Enum):
    """How an argument is made of what a column's `value` gives."""

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
    """As PostgreSQL writes it."""
    value: Callable[[Any], Any]
    travels: _Travels

    @property
    def as_text(self) -> bool:
        """Whether the argument is text, to be read as `type`."""
        return self.travels in {_NUMBERS, _WORDS}

    @property
    def empty(self) -> object:
        """The argument where there are no rows; a value that is no array is NULL then."""
        if self.type.endswith("[]"):
            return "{}" if self.as_text else ()
        return None

    def placeholder(self, number: int) -> str:
        """How the call refers to argument `number`."""
        return f"${number}::text::{self.type}" if self.as_text else f"${number}"


def one(name: str, type_: str, value: Callable[[Source], object]) -> Column[Source]:
    """A parameter that is no array, or an array that comes ready."""
    return Column(name, type_, value, _Travels.AS_IT_IS)


def each(name: str, element: str, value: Callable[[Row], object]) -> Column[Iterable[Row]]:
    """An array with one value a row."""
    return Column(name, f"{element}[]", value, _ROWS)


def numbers(name: str, element: str, values: Callable[[Source], Iterable[object]]) -> Column[Source]:
    """An array of numbers, as text."""
    return Column(name, f"{element}[]", values, _NUMBERS)


def words(name: str, element: str, values: Callable[[Source], Iterable[str]]) -> Column[Source]:
    """An array of plain words, or of `NULL`, as text."""
    return Column(name, f"{element}[]", values, _WORDS)


class Columns(Generic[Source]):
    """Columns whose values come from one source: the rows of one kind. No rows is no values to ask for."""

    def __init__(self, *columns: Column[Source]) -> None:
        self.columns = columns
        self._values = [(column.travels, column.value) for column in columns]
        self._empty = [column.empty for column in columns]

    def arguments(self, source: Any) -> list[Any]:
        """One argument for each column; of a source that is None or has no rows, each is empty."""
        if not source:
            return self._empty
        # Here and not in a method of each kind: a call more for each column is felt in small batches.
        # The text of a list of numbers is almost that of an array, and made in one call.
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
    """One call of a batch's statement."""

    function: "Function"
    arguments: list[Any]


class Function:
    """A function of the database that applies a part of a batch."""

    def __init__(self, name: str, *groups: Columns[Any]) -> None:
        self.name = name
        self.groups = groups

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Name and type of each, in order."""
        return [(column.name, column.type) for group in self.groups for column in group.columns]

    def __call__(self, *sources: Any) -> Call:
        """Call it with one source for each group of columns."""
        arguments: list[Any] = []
        for group, source in zip(self.groups, sources, strict=True):
            arguments += group.arguments(source)
        return Call(self, arguments)

    def sql(self, first: int) -> str:
        """The call, with placeholders from number `first` on."""
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
    """One statement that makes `calls` from left to right, and its arguments."""
    sql = _text(tuple([call.function for call in calls]))
    return sql, list(chain.from_iterable([call.arguments for call in calls]))
