"""Intraday liquidity: what each participant had to send with, how much was in use at the worst, and when.

Exposure is what a cap must cover: debits, held ones too, less posted credits. What is available is the cap
less the exposure; with money paid in beforehand the exposure begins below zero. Used is how far the exposure
rose above its beginning, in per cent of what was available then; alerts are the first instants at which that
reached 60, 80 and 95 %.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from ledger.decoding import AccountChange, CapChange, decode_change
from schemas.money import Money
from switch.reports.query import Period, Query, Scope
from switch.reports.sql import statement
from switch.reports.table import Column, Kind, Report, Row, percent, totals_by_currency

NAME: Final = "liquidity"
_EXPOSURES: Final = statement("exposures_at")
_PEAKS: Final = statement("liquidity")

COLUMNS: Final = (
    Column("participant"),
    Column("currency"),
    Column("cap", Kind.AMOUNT, "Net debit cap"),
    Column("available", Kind.AMOUNT, "Available at the beginning"),
    Column("peak", Kind.AMOUNT, "Peak use"),
    Column("peak_percent", Kind.PERCENT, "Peak use %"),
    Column("peak_at", Kind.INSTANT, "Time of the peak"),
    Column("headroom", Kind.AMOUNT, "Least headroom"),
    Column("debits", Kind.AMOUNT, "Posted debits"),
    Column("credits", Kind.AMOUNT, "Posted credits"),
    Column("left", Kind.AMOUNT, "Available at the end"),
    Column("at_60", Kind.INSTANT, "60 % reached"),
    Column("at_80", Kind.INSTANT, "80 % reached"),
    Column("at_95", Kind.INSTANT, "95 % reached"),
)


@dataclass(frozen=True, slots=True)
class Opening:
    """A position at the beginning; minor units. `available` is None where there is no cap."""

    account: int
    owner: str
    currency: str
    cap: int | None
    exposure: int

    @property
    def available(self) -> int | None:
        """What could still be debited."""
        return None if self.cap is None else self.cap - self.exposure


async def openings(connection: asyncpg.Connection, event: int, owners: list[str] | None) -> list[Opening]:
    """Every position as it was after an event."""
    return [_opening(row) for row in await connection.fetch(_EXPOSURES, event, owners)]


def _opening(row: asyncpg.Record) -> Opening:
    exposure = row["debits_posted"] + row["debits_pending"] - row["credits_posted"]
    return Opening(row["account"], row["owner"], row["currency"], _cap(row["cap_change"]), exposure)


def _cap(change: bytes) -> int | None:
    """The cap that the newest change of an account set."""
    found = decode_change(change)
    assert isinstance(found, AccountChange | CapChange)
    return found.cap


async def read(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
    """The liquidity of a period."""
    period = await Period.read(connection, query)
    opened = await openings(connection, period.first, await scope.owners(connection))
    rows = await connection.fetch(
        _PEAKS,
        period.first,
        period.last,
        [o.account for o in opened],
        [max(1, o.available or 1) for o in opened],
    )
    return report(opened, {row["account"]: row for row in rows}, period, scope)


def report(
    opened: Sequence[Opening], peaks: Mapping[int, asyncpg.Record], period: Period, scope: Scope
) -> Report:
    """Openings, and rows of `liquidity.sql` by account, as the report; pure."""
    rows = tuple(_row(opening, peaks[opening.account]) for opening in opened)
    return Report(
        name=NAME,
        title="Intraday liquidity",
        parameters={"scope": scope.text, **period.parameters},
        columns=COLUMNS,
        rows=rows,
        totals=totals_by_currency(COLUMNS, rows, ("debits", "credits")),
        notes=(
            "Use is debits, held ones too, less posted credits, since the beginning of the period.",
            "Per cent is of what was available at the beginning, whatever was changed or paid in later.",
        ),
    )


def _row(opening: Opening, peak: asyncpg.Record) -> Row:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, opening.currency)

    available = opening.available
    capped = available is not None
    return (
        opening.owner,
        opening.currency,
        money(opening.cap),
        money(available),
        money(peak["peak"]),
        percent(peak["peak"], available) if available else None,
        peak["peak_at"],
        money(None if available is None else available - peak["peak"]),
        money(peak["debits"]),
        money(peak["credits"]),
        money(None if available is None else available - peak["closing"]),
        *((peak[f"at_{level}"] if capped else None) for level in (60, 80, 95)),
    )
