"""Retention: data that is not evidence of a payment is deleted after a time, in small batches.

This concerns webhook deliveries (their events stay readable), notices of cases, quotes that no payment used,
look-ups of rails, results of probes, the content of files of payments that have ended, and finished reports
(they can be made again from the log). The log, the ledger and the messages are not touched here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg

from switch.base.settings import Settings
from switch.base.sql import statements
from switch.reports import artefacts

EVERY_S: Final = 3600.0
AT_ONCE: Final = 5000
"""Rows per statement, so that none blocks a table or the disk for long."""
_PAUSE_S: Final = 0.1
"""Pause between two statements: payments have priority."""

_QUOTES_KEPT: Final = timedelta(days=1)
"""How long a quote that no payment used can be read after its end; the log has it for ever."""
_statement: Final = statements("switch.operations")
_DELIVERIES: Final = _statement("forget_deliveries")
_PARTS: Final = _statement("forget_file_parts")
_LOOKUPS: Final = _statement("forget_lookups")
_CHANGES: Final = "DELETE FROM switch.directory_change WHERE at < clock_timestamp() - interval '1 hour'"
_NOTICES: Final = "DELETE FROM switch.case_notice WHERE made_at < $1"
_KEPT: Final = "SELECT DISTINCT sha256 FROM switch.report_artefact WHERE sha256 = ANY($1)"

Forget = Callable[[datetime], Awaitable[int]]
"""Deletes a batch of rows before an instant; returns how many."""


async def forget_old(pool: asyncpg.Pool, settings: Settings, *, now: datetime | None = None) -> None:
    """Delete everything that is older than the retention times of the settings."""
    today = now or datetime.now(UTC)

    async def deliveries(before: datetime) -> int:
        return int((await pool.execute(_DELIVERIES, before, AT_ONCE)).split()[-1])

    async def parts(before: datetime) -> int:
        return int((await pool.execute(_PARTS, before, AT_ONCE)).split()[-1])

    async def lookups(before: datetime) -> int:
        return int((await pool.execute(_LOOKUPS, before, AT_ONCE)).split()[-1])

    def by(function: str) -> Forget:
        async def forget(before: datetime) -> int:
            gone: int = await pool.fetchval(f"SELECT switch.{function}($1, $2)", before, AT_ONCE)
            return gone

        return forget

    await _all_before(deliveries, today - timedelta(days=settings.keep_deliveries_days))
    await pool.execute(_NOTICES, today - timedelta(days=settings.keep_deliveries_days))
    await _all_before(parts, today - timedelta(days=settings.keep_payment_files_days))
    await pool.execute(_CHANGES)
    await _all_before(by("forget_claims"), today)
    await _all_before(by("forget_velocity"), today)
    await _all_before(by("forget_watch_uses"), today)
    await _all_before(by("forget_quotes"), today - _QUOTES_KEPT)
    await _all_before(lookups, today - _QUOTES_KEPT)
    await _all_before(by("forget_probes"), today - timedelta(days=settings.keep_probes_days))
    reports_before = today - timedelta(days=settings.keep_reports_days)
    await _all_before(by("forget_artefacts"), reports_before)
    await _forget_files(pool, settings.data / "reports", reports_before)


async def _all_before(forget: Forget, before: datetime) -> None:
    more = True
    while more:
        more = await forget(before) >= AT_ONCE
        await asyncio.sleep(_PAUSE_S)


async def _forget_files(pool: asyncpg.Pool, directory: Path, before: datetime) -> None:
    """Remove files of reports that have no record left: the same content may have been made twice."""
    old = await asyncio.to_thread(artefacts.older_than, directory, before)
    kept = {bytes(row["sha256"]) for row in await pool.fetch(_KEPT, list(old.values()))}
    gone = [path for path, sha256 in old.items() if sha256 not in kept]
    await asyncio.to_thread(artefacts.remove, directory, gone, before)
