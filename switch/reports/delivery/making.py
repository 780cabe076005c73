"""The caretaker makes the reports of schedules, each period once, and puts their packages into the outbox.

The package is written before its row. A crash in between makes the report again; the row of the first one
that was committed is the only one, so nothing is delivered twice under another name.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from schemas.errors import SwitchError
from switch.base import calendars
from switch.base.files import write_once
from switch.base.sql import statements
from switch.reports import service
from switch.reports.artefacts import Artefact
from switch.reports.delivery import periods
from switch.reports.delivery.changes import scope_of
from switch.reports.delivery.periods import Rhythm, SchedulePeriod
from switch.reports.service import ReportService

EVERY_S: Final = 30.0
_READ_ONLY: Final = 0o440
_statement: Final = statements("switch.reports.delivery")
_SCHEDULES: Final = _statement("schedules")
_MADE: Final = _statement("made_periods")
_WINDOWS: Final = _statement("closed_windows")
_ADD: Final = _statement("add_report_delivery")
_FAULT: Final = "UPDATE switch.report_schedule SET fault = $2 WHERE name = $1 AND fault <> $2"
_log = structlog.get_logger()


def package_file(directory: Path, sha256: bytes) -> Path:
    """File of a package, beside the reports."""
    return directory / f"package-{sha256.hex()}.zip"


class ReportMaker:
    """Makes what is due. The report service is opened at the first schedule."""

    def __init__(self, pool: asyncpg.Pool, opened: Callable[[], Awaitable[ReportService]]) -> None:
        self._pool = pool
        self._open = opened
        self._reports: ReportService | None = None

    async def tick(self) -> int:
        """Make at most one report of each schedule; return how many were made."""
        made = 0
        for row in await self._pool.fetch(_SCHEDULES):
            fault = ""
            try:
                made += await self._run(row)
            except SwitchError as error:
                fault = error.detail or type(error).__name__
                _log.warning("report_not_made", schedule=row["name"], error=type(error).__name__)
            await self._pool.execute(_FAULT, row["name"], fault)
        return made

    async def _run(self, row: asyncpg.Record) -> bool:
        period = await self._next(row)
        if period is None:
            return False
        if self._reports is None:
            self._reports = await self._open()
        given = {**json.loads(row["parameters"]), **period.parameters}
        scope = scope_of(row["name"], row["scope"])
        report, form, language = row["report"], row["format"], row["language"]
        artefact = await service.make(self._reports, report, given, scope, form, language, row["addressee"])
        await self._put(self._reports, row, period, artefact)
        return True

    async def _next(self, row: asyncpg.Record) -> SchedulePeriod | None:
        """The oldest period that is over and has no report yet."""
        over = await (self._windows(row) if row["rhythm"] == Rhythm.WINDOW else self._times(row))
        names = [period.name for period in over]
        made = {found["period"] for found in await self._pool.fetch(_MADE, row["name"], names)}
        return next((period for period in over if period.name not in made), None)

    async def _windows(self, row: asyncpg.Record) -> list[SchedulePeriod]:
        closed = await self._pool.fetch(_WINDOWS, row["currency"], row["since"])
        return [
            SchedulePeriod(
                f"window-{window['number']}", window["closed_at"], {"window": str(window["number"])}
            )
            for window in closed
        ]

    async def _times(self, row: asyncpg.Record) -> list[SchedulePeriod]:
        rhythm = Rhythm(row["rhythm"])
        of_business = rhythm is Rhythm.BUSINESS_DAY
        calendar = await calendars.load(self._pool, row["currency"]) if of_business else None
        return list(periods.of_time(rhythm, row["since"], row["now"], calendar))

    async def _put(
        self, reports: ReportService, row: asyncpg.Record, period: SchedulePeriod, artefact: Artefact
    ) -> None:
        packed = await asyncio.to_thread(service.package, reports, artefact, row["language"])
        sha256 = hashlib.sha256(packed).digest()
        file = package_file(reports.store.directory, sha256)
        await asyncio.to_thread(write_once, file, packed, _READ_ONLY)
        name = f"{row['name']}-{period.name}.{artefact.suffix}.zip"
        await self._pool.execute(
            _ADD,
            *(row["name"], period.name, row["destination"], row["report"], name),
            *(sha256, len(packed), artefact.sha256),
        )
