"""What a change would do, for whoever is to agree to it: what it touches, as it is and as it would be.

The kind of a change states its effect from the tables that it would write, and decides nothing: whether the
change could be made at all, its check says. Page, API and command show these rows and no others. Texts are
in English; pages translate those that stand in `term`.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import asyncpg
import msgspec

from schemas.errors import SwitchError
from schemas.money import EXPONENTS, Money


def term(text: str) -> str:
    """Mark a text that pages translate; names, ids and amounts are no terms."""
    return text


NOTHING: Final = term("none")
IRREVERSIBLE: Final = term("This cannot be undone.")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a change touches: its name, how it is, how it would be, and the unit of both."""

    what: str
    now: str
    then: str
    unit: str = ""
    """A currency, or what a number counts; empty for what has none."""
    moving: bool = False
    """It moves with every payment, so a vote is not bound to its value."""

    def document(self) -> dict[str, Any]:
        """As the API and commands show it."""
        return {
            "what": self.what,
            "now": self.now,
            "then": self.then,
            "unit": self.unit or None,
            "moving": self.moving,
        }


class Subject(StrEnum):
    """What a change may be about."""

    PARTICIPANT = "participant"
    PERSON = "person"
    PAYMENT = "payment"
    WINDOW = "settlement window"
    CORRIDOR = "corridor"
    RAIL = "rail"
    CALENDAR = "calendar"
    RECONCILIATION_BREAK = "reconciliation break"
    WEBHOOK_KEY = "webhook key"
    BOOKS = "books"


ADDRESSES: Final = MappingProxyType(
    {
        Subject.PARTICIPANT: "/v1/participants/{id}",
        Subject.PERSON: "/v1/people",
        Subject.PAYMENT: "/v1/payments/{id}",
        Subject.WINDOW: "/v1/windows/{id}",
        Subject.CORRIDOR: "/v1/corridors",
        Subject.RAIL: "/v1/rails",
        Subject.CALENDAR: "/v1/calendars/{id}",
        Subject.WEBHOOK_KEY: "/v1/webhook-keys",
    }
)
"""Subject -> the resource of the API that has it, where there is one."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a change touches."""

    subject: Subject
    id: str = ""

    def document(self) -> dict[str, Any]:
        """As the API and commands show it, with the address where the API has it."""
        address = ADDRESSES.get(self.subject)
        return {"subject": self.subject, "id": self.id, "href": address and address.format(id=self.id)}


@dataclass(frozen=True, slots=True)
class Effect:
    """Everything that a change would do."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()

    def digest(self, change: int) -> str:
        """What a vote on a change can be bound to: it is another one when the effect is.

        Rows that move with every payment are left out: a vote on a busy account would never be in time.
        """
        rows = [(row.what, row.now, row.then, row.unit) for row in self.rows if not row.moving]
        return hashlib.sha256(msgspec.json.encode([change, rows, self.warnings])).hexdigest()

    def document(self, change: int) -> dict[str, Any]:
        """As the API and commands show it."""
        return {
            "rows": [row.document() for row in self.rows],
            "warnings": list(self.warnings),
            "digest": self.digest(change),
        }


Foresee = Callable[[asyncpg.Connection, Any], Awaitable[Effect]]
FindLinks = Callable[[asyncpg.Connection, Any], Awaitable[tuple[Resource, ...]]]


def touching(subject: Subject, *fields: str) -> FindLinks:
    """Link to the one thing that these fields of the content name together."""

    async def found(_connection: asyncpg.Connection, content: Any) -> tuple[Resource, ...]:
        return (Resource(subject, " ".join(str(getattr(content, field)) for field in fields)),)

    return found


def status_of_row(table: str, key: str, field: str, then: str, *warnings: str) -> Foresee:
    """The status of one row that has one. Table and key are constants of the code."""

    async def found(connection: asyncpg.Connection, content: Any) -> Effect:
        id_ = getattr(content, field)
        now = await connection.fetchval(f"SELECT status FROM {table} WHERE {key} = $1", id_)  # noqa: S608
        return Effect((Row(id_, now or NOTHING, then),), warnings)

    return found


def openness(*, is_open: bool | None) -> str:
    """Whether something is open, as a text; None where there is none."""
    return NOTHING if is_open is None else term("open") if is_open else term("closed")


def amount(what: str, now: int | None, then: int | None, currency: str, *, moving: bool = False) -> Row:
    """A row of two amounts in minor units; None is none."""
    return Row(what, _decimal(now, currency), _decimal(then, currency), currency, moving)


def _decimal(minor: int | None, currency: str) -> str:
    return NOTHING if minor is None else Money(minor, currency).text


def minor_of(text: str, currency: str) -> int:
    """An amount of a request; one that cannot be read changes nothing, and its check says so."""
    if currency not in EXPONENTS or text.strip("0.") == "":
        return 0
    try:
        return Money.parse(text, currency).minor
    except SwitchError:
        return 0
