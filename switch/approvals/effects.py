"""Effects of changes, for the people who approve them: the present and the future value of each item.

The kind of a change derives its effect from the tables that it would write. The effect decides nothing: the
kind's check states whether the change is possible. The page, the API and the command line all show these
rows. Texts are in English; pages translate those in `term`.
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
    """Mark a text that pages translate; names, ids and amounts are not terms."""
    return text


NOTHING: Final = term("none")
IRREVERSIBLE: Final = term("This cannot be undone.")


@dataclass(frozen=True, slots=True)
class Row:
    """One item that a change concerns: its name, present and future value, and their unit."""

    what: str
    now: str
    then: str
    unit: str = ""
    """A currency, or what a number counts; empty if there is none."""
    moving: bool = False
    """The value changes with every payment, so a vote is not bound to it."""

    def document(self) -> dict[str, Any]:
        """The row as the API and commands show it."""
        return {
            "what": self.what,
            "now": self.now,
            "then": self.then,
            "unit": self.unit or None,
            "moving": self.moving,
        }


class Subject(StrEnum):
    """Types of resources that a change can concern."""

    PARTICIPANT = "participant"
    PERSON = "person"
    IDENTITY_PROVIDER = "identity provider"
    PAYMENT = "payment"
    WINDOW = "settlement window"
    CORRIDOR = "corridor"
    RAIL = "rail"
    CALENDAR = "calendar"
    RECONCILIATION_BREAK = "reconciliation break"
    CONFIRMATION = "confirmation of a settlement agent"
    WEBHOOK_KEY = "webhook key"
    BOOKS = "books"
    WITNESS = "witness"
    REPORT_DESTINATION = "destination of reports"
    REPORT_SCHEDULE = "schedule of reports"
    CERTIFICATION = "certification"
    SCREENING_LISTS = "sanctions lists"
    SCREENING_HOLD = "payment held by screening"
    WATCH_ALARM = "alarm of a watch rule"
    INVESTIGATION = "investigation"


ADDRESSES: Final = MappingProxyType(
    {
        Subject.PARTICIPANT: "/v1/participants/{id}",
        Subject.PERSON: "/v1/people",
        Subject.IDENTITY_PROVIDER: "/v1/identity-providers",
        Subject.PAYMENT: "/v1/payments/{id}",
        Subject.WINDOW: "/v1/windows/{id}",
        Subject.CORRIDOR: "/v1/corridors",
        Subject.RAIL: "/v1/rails",
        Subject.CALENDAR: "/v1/calendars/{id}",
        Subject.WEBHOOK_KEY: "/v1/webhook-keys",
        Subject.WITNESS: "/v1/audit/witnesses",
        Subject.REPORT_DESTINATION: "/v1/report-destinations",
        Subject.REPORT_SCHEDULE: "/v1/report-schedules",
    }
)
"""Subject -> the resource of the API, if there is one."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a change concerns."""

    subject: Subject
    id: str = ""

    def document(self) -> dict[str, Any]:
        """The resource as the API and commands show it, with its URL in the API, if any."""
        address = ADDRESSES.get(self.subject)
        return {"subject": self.subject, "id": self.id, "href": address and address.format(id=self.id)}


@dataclass(frozen=True, slots=True)
class Effect:
    """All effects of a change."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()

    def digest(self, change: int) -> str:
        """Digest that a vote on a change can be bound to; it differs if the effect differs.

        Rows that change with every payment are left out: votes on a busy account would always be too late.
        """
        rows = [(row.what, row.now, row.then, row.unit) for row in self.rows if not row.moving]
        return hashlib.sha256(msgspec.json.encode([change, rows, self.warnings])).hexdigest()

    def document(self, change: int) -> dict[str, Any]:
        """The effect as the API and commands show it."""
        return {
            "rows": [row.document() for row in self.rows],
            "warnings": list(self.warnings),
            "digest": self.digest(change),
        }


Foresee = Callable[[asyncpg.Connection, Any], Awaitable[Effect]]
FindLinks = Callable[[asyncpg.Connection, Any], Awaitable[tuple[Resource, ...]]]


def links_to(subject: Subject, *fields: str) -> FindLinks:
    """Link to the resource that these fields of the content identify together."""

    async def found(_connection: asyncpg.Connection, content: Any) -> tuple[Resource, ...]:
        return (Resource(subject, " ".join(str(getattr(content, field)) for field in fields)),)

    return found


def status_of_row(table: str, key: str, field: str, then: str, *warnings: str) -> Foresee:
    """Status of one row. The table and the key are constants of the code."""

    async def found(connection: asyncpg.Connection, content: Any) -> Effect:
        id_ = getattr(content, field)
        now = await connection.fetchval(f"SELECT status FROM {table} WHERE {key} = $1", id_)  # noqa: S608
        return Effect((Row(id_, now or NOTHING, then),), warnings)

    return found


def openness(*, is_open: bool | None) -> str:
    """Open or closed, as a text; None if there is no such row."""
    return NOTHING if is_open is None else term("open") if is_open else term("closed")


def amount(what: str, now: int | None, then: int | None, currency: str, *, moving: bool = False) -> Row:
    """A row of two amounts in minor units; None if there is no amount."""
    return Row(what, _decimal(now, currency), _decimal(then, currency), currency, moving)


def _decimal(minor: int | None, currency: str) -> str:
    return NOTHING if minor is None else Money(minor, currency).text


def minor_of(text: str, currency: str) -> int:
    """An amount of a request; an invalid one has no effect, and the change's check reports it."""
    if currency not in EXPONENTS or text.strip("0.") == "":
        return 0
    try:
        return Money.parse(text, currency).minor
    except SwitchError:
        return 0
