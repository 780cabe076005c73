"""Liquidity that each participant has used in the open window, with alerts at 60, 80 and 95 %.

Used liquidity is what payments have reserved, plus the net amount that payments have sent since the window
opened. Funds paid in or out and settlements change the headroom, not the use. Used liquidity and the
remaining headroom together are the total that could be sent. An alert is raised when a level is reached, and
cleared when use falls five points below it, so that it does not alternate.
"""

from dataclasses import dataclass
from typing import Final

import asyncpg
from prometheus_client import Counter, Gauge

from switch.base.sql import statements
from switch.payments.pricing import POSITION
from switch.settlement.positions import flows_of
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

LEVELS: Final = (95, 80, 60)
CLEAR_POINTS: Final = 5
_CURRENT: Final = "livemostrecent"

USED: Final = Gauge(
    "payswitch_liquidity_used_ratio",
    "Share of its liquidity that a participant has used in the open window",
    ("participant", "currency"),
    multiprocess_mode=_CURRENT,
)
ALERTS: Final = Counter(
    "payswitch_liquidity_alerts_total",
    "Number of times that a level of use was reached",
    ("currency", "level"),
)

_statement: Final = statements("switch.participants")
_READ: Final = _statement("liquidity")


@dataclass(frozen=True, slots=True)
class CapUse:
    """One account's liquidity, minor units; `level` is the alert in force, 0 for none."""

    participant: str
    currency: str
    headroom: int
    used: int
    level: int

    @property
    def percent(self) -> int:
        """Share of the total that is used, in whole per cent, rounded down; 0 if the total is 0."""
        total = self.headroom + self.used
        return 0 if total <= 0 else self.used * 100 // total


def level_of(use: CapUse) -> int:
    """The alert level: the highest that was reached; an alert in force ends only five points below it."""
    for level in LEVELS:
        reached = level - CLEAR_POINTS if level <= use.level else level
        if use.percent >= reached:
            return level
    return 0


async def read(connection: asyncpg.Connection | asyncpg.Pool) -> list[CapUse]:
    """Use of every position that has a cap."""
    rows = await connection.fetch(_READ)
    flows = await flows_of(connection, sorted({row["window"] for row in rows} - {None}))
    nets = {
        (window, flow.owner): flow.net
        for window, of_window in flows.items()
        for flow in of_window
        if flow.purpose == POSITION
    }
    return [
        CapUse(
            participant=row["participant"],
            currency=row["currency"],
            headroom=row["headroom"],
            used=max(0, -nets.get((row["window"], row["participant"]), 0)) + row["reserved"],
            level=row["level"],
        )
        for row in rows
    ]


async def watch(pool: asyncpg.Pool) -> None:
    """Set the gauges, and raise and clear alerts; each is an event in the log."""
    for use in await read(pool):
        total = use.headroom + use.used
        USED.labels(use.participant, use.currency).set(use.used / total if total > 0 else 0)
        level = level_of(use)
        if level != use.level:
            await _change(pool, use, level)


async def _change(pool: asyncpg.Pool, use: CapUse, level: int) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "DELETE FROM switch.liquidity_alert WHERE participant = $1 AND currency = $2",
            use.participant,
            use.currency,
        )
        if level:
            await connection.execute(
                "INSERT INTO switch.liquidity_alert (participant, currency, level) VALUES ($1, $2, $3)",
                use.participant,
                use.currency,
                level,
            )
        await note(
            connection,
            EventKind.LIQUIDITY_ALERT if level > use.level else EventKind.LIQUIDITY_EASED,
            participant=use.participant,
            currency=use.currency,
            level=level,
            percent=use.percent,
            headroom_minor=use.headroom,
        )
    if level > use.level:
        ALERTS.labels(use.currency, str(level)).inc()
