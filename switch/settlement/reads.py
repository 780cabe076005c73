"""Read settlements: the state of each window, and what each participant pays or receives. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

import asyncpg

from schemas.errors import NotFound, Refused
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.settlement.states import LineState, SettlementState

_statement: Final = statements("switch.settlement")
_SETTLEMENTS: Final = _statement("settlements")
_LINES: Final = _statement("lines")
_UNPAID: Final = _statement("unpaid_lines")
_SCHEDULES: Final = _statement("schedules")
_LOCK_LINE: Final = (
    "SELECT FROM switch.settlement_line WHERE settlement_window = $1 AND participant = $2 FOR UPDATE"
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The settlement of one window. Fields after `state` are None while the window is open."""

    window: int
    currency: str
    opened_at: datetime
    closed_at: datetime | None
    state: SettlementState
    positions_sha256: str | None
    value_date: date | None
    changed_at: datetime | None
    message_id: str | None
    file: str | None
    file_sha256: str | None


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One participant's line; minor units, a positive amount is to be received."""

    participant: str
    country: str
    bic: str
    account: int
    net_minor: int
    carried_minor: int
    state: LineState
    id: UUID
    transfer: int | None
    reason: str
    changed_at: datetime
    carried_to: int | None

    @property
    def total_minor(self) -> int:
        """Amount to settle: the window's net plus the amount carried into it."""
        return self.net_minor + self.carried_minor


@dataclass(frozen=True, slots=True)
class Unpaid:
    """A line that its window did not settle; minor units, a negative amount was not paid."""

    window: int
    participant: str
    country: str
    state: LineState
    carried_to: int | None
    minor: int
    countries: tuple[str, ...]
    """Every country that has a line in the window."""


@dataclass(frozen=True, slots=True)
class CutOffSchedule:
    """Cut-offs of a currency's windows, in its time zone."""

    currency: str
    country: str
    zone: str
    closes_at: tuple[time, ...]
    enabled: bool


async def read(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    currency: str | None = None,
    before: int | None = None,
    limit: int = 100,
    state: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Settlement]:
    """Settlements of windows before number `before`, newest first; open windows too.

    With `since` and `until`, of windows opened from the one and before the other.
    """
    rows = await connection.fetch(_SETTLEMENTS, None, currency, limit, before, state, since, until)
    return [_settlement(row) for row in rows]


async def find(connection: asyncpg.Connection | asyncpg.Pool, window: int) -> Settlement:
    """The settlement of one window.

    Raises:
        NotFound: no such window.

    """
    row = await connection.fetchrow(_SETTLEMENTS, window, None, 1, None, None, None, None)
    if row is None:
        raise NotFound("no such window")
    return _settlement(row)


async def lines(connection: asyncpg.Connection | asyncpg.Pool, window: int) -> list[SettlementLine]:
    """Lines of every participant in a closed window."""
    return [_line(row) for row in await connection.fetch(_LINES, window, None)]


async def unpaid(
    connection: asyncpg.Connection | asyncpg.Pool, windows: Sequence[int]
) -> dict[int, list[Unpaid]]:
    """Unsettled lines by window: even a settled window can have a bank that did not pay."""
    found: dict[int, list[Unpaid]] = {}
    for row in await connection.fetch(_UNPAID, list(windows)):
        facts = {**row, "state": LineState(row["state"]), "countries": tuple(row["countries"])}
        found.setdefault(row["window"], []).append(Unpaid(**facts))
    return found


async def lock_line(connection: asyncpg.Connection, window: int, participant: str) -> SettlementLine:
    """Lock one participant's line for the running transaction.

    Raises:
        Refused: it has none in this window.

    """
    await connection.execute(_LOCK_LINE, window, participant)
    return await find_line(connection, window, participant)


async def find_line(connection: asyncpg.Connection, window: int, participant: str) -> SettlementLine:
    """One participant's line.

    Raises:
        Refused: it has none in this window.

    """
    row = await connection.fetchrow(_LINES, window, participant)
    if row is None:
        raise Refused(
            "this participant has no line in this window",
            reason=Reason.NARRATIVE,
            remedy="Use a participant that GET /v1/settlements/{window} lists.",
        )
    return _line(row)


async def schedules(connection: asyncpg.Connection | asyncpg.Pool) -> list[CutOffSchedule]:
    """Schedules of all currencies."""
    rows = await connection.fetch(_SCHEDULES)
    return [
        CutOffSchedule(r["currency"], r["country"], r["zone"], tuple(r["closes_at"]), r["enabled"])
        for r in rows
    ]


def countries(parts: Sequence[SettlementLine]) -> tuple[str, ...]:
    """Countries whose central banks confirm: every country that has a line in the window."""
    return tuple(sorted({part.country for part in parts}))


def _settlement(row: asyncpg.Record) -> Settlement:
    return Settlement(**{**row, "state": SettlementState(row["state"])})


def _line(row: asyncpg.Record) -> SettlementLine:
    return SettlementLine(**{**row, "state": LineState(row["state"])})
