"""Data for oversight: rails and their switches, queues, services. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import asyncpg

from ledger.sql import statement
from switch.base.sql import statements
from switch.operations import facts
from switch.payments import rail_profile, reach
from switch.payments.directory import Tightening
from switch.payments.rails import Rail, Rails

_statement: Final = statements("switch.operations")
_RAILS: Final = _statement("rails")
_AS_READ: Final = ("held", "sent", "unknown", "breaks", "cycle")
_WRITER: Final = _statement("writer")
_A_MINUTE_AGO: Final = "SELECT clock_timestamp() - interval '1 minute'"
WEBHOOKS_MAX: Final = 200
_WEBHOOKS: Final = _statement("waiting_webhooks")
_SERVICES: Final = _statement("last_probes")
TOPICS: Final[Mapping[str, str]] = {
    "audit_note": "Audit notes for the log",
    "webhook": "Webhook deliveries",
    "notice": "Notices of cases",
    "correspondence": "Messages between participants",
    "due_payment": "Payments due for a check",
    "approved_change": "Approved changes to be executed",
}
"""Titles of the queues."""


@dataclass(frozen=True, slots=True)
class RailFacts:
    """One rail: `state` is `open`, `closed`, or `away` if probes or this process get no response."""

    country: str
    name: str
    currency: str
    state: str
    opens_at: datetime | None
    """When a closed rail opens by itself."""
    open_from: datetime | None
    """Next opening instant by its own hours, if that is not now."""
    silent: int
    """Consecutive time-outs, as counted by this process."""
    silent_since: datetime | None
    """First failed probe since the last successful one; None if the last was successful."""
    held: int
    sent: int
    unknown: int
    breaks: int
    cycle: date | None
    """The last cycle whose file was read completely."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: the number of entries, and the age of the oldest in seconds."""

    topic: str
    rows: int
    age_s: float

    @property
    def title(self) -> str:
        """Title of the queue."""
        return TOPICS[self.topic]


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """The ledger's writer: its epoch, its number of events, and the time of the last one."""

    epoch: int
    events: int
    at: datetime
    a_minute: int
    """Events of the last minute."""
    uncovered: int
    """Events that no signed checkpoint covers yet."""


async def rails(connection: asyncpg.Connection | asyncpg.Pool, known: Rails) -> list[RailFacts]:
    """Every rail, by country."""
    now = datetime.now(UTC)
    rows = await connection.fetch(_RAILS)
    seen = await reach.read(connection, [row["country"] for row in rows])
    return [
        _rail(row, known.get(row["country"]), seen.get(row["country"], reach.NOT_SEEN), now) for row in rows
    ]


def _rail(row: asyncpg.Record, known: Rail | None, seen: reach.Reach, now: datetime) -> RailFacts:
    away = seen.reachable is False or (known is not None and known.breaker.open)
    open_from = now
    if known:
        tightening = Tightening(**{name: row[name] for name in Tightening.__struct_fields__})
        open_from = rail_profile.hours(known.adapter.profile, tightening).open_from(now)
    works = row["open"] and open_from <= now
    return RailFacts(
        country=row["country"],
        name=known.adapter.profile.rail if known else "",
        currency=known.adapter.profile.currency if known else "",
        state="away" if away else "open" if works else "closed",
        opens_at=row["opens_at"],
        open_from=open_from if open_from > now else None,
        silent=known.breaker.silent if known else 0,
        silent_since=seen.unreachable_since,
        **{name: row[name] for name in _AS_READ},
    )


async def queues(connection: asyncpg.Connection | asyncpg.Pool) -> list[Queue]:
    """Every queue."""
    rows = [*await connection.fetch(facts.OUTBOX), *await connection.fetch(facts.DUE)]
    return [Queue(row["topic"], row["n"], row["age"]) for row in rows]


async def writer(connection: asyncpg.Connection | asyncpg.Pool) -> WriterStatus:
    """State of the ledger's writer."""
    row = await connection.fetchrow(_WRITER)
    before = await connection.fetchval(statement("seq_at"), await connection.fetchval(_A_MINUTE_AGO))
    return WriterStatus(
        row["epoch"], row["events"], row["at"], row["events"] - (before or 0), row["events"] - row["covered"]
    )


async def webhooks(connection: asyncpg.Connection | asyncpg.Pool) -> list[Mapping[str, Any]]:
    """Webhooks with waiting deliveries, and disabled ones: at most one more than `WEBHOOKS_MAX`."""
    return [dict(row) for row in await connection.fetch(_WEBHOOKS, WEBHOOKS_MAX + 1)]


async def services(connection: asyncpg.Connection | asyncpg.Pool) -> list[Mapping[str, Any]]:
    """The last probe of each service in the last day."""
    return [dict(row) for row in await connection.fetch(_SERVICES)]
