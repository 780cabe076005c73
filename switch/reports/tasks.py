"""Background tasks of reports: probes of services, the parties of new payments, and reports by schedule."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from ledger.roles import Login
from switch.base import personal_data
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.payments.rails import Rails
from switch.reports import parties, probes
from switch.reports.delivery import making
from switch.reports.delivery.making import ReportMaker
from switch.reports.service import ReportService
from switch.writer.client import Link

_log = structlog.get_logger()

PARTIES_EVERY_S: Final = 0.5
"""With `parties.AT_ONCE` each time: enough for seventeen million payments a day."""
_PROBES_EVERY_S_MIN: Final = 2.0
"""Minimum, however short the intervals of a test are."""

Task = tuple[float, Callable[[], Awaitable[object]]]
"""The number of seconds between two runs, and what to run."""


def tasks(settings: Settings, pool: asyncpg.Pool, link: Link, rails: Rails) -> tuple[Task, ...]:
    """Tasks of the caretaker for reports."""
    services = probes.checks(settings, link, rails)
    key = parties.load_key(settings.data / "reports" / "pseudonym.key")
    ring = personal_data.load(settings.personal_data_keys)

    def opened(uetr: UUID, sealed: bytes | None, body: bytes) -> bytes | None:
        try:
            return ring.open(uetr, personal_data.CAME, sealed, body)
        except personal_data.Erased:
            return None
        except (
            personal_data.UnreadablePersonalData
        ):  # `verify` reports which; one bad row must not stop the reading
            _log.error("unreadable_message", uetr=str(uetr))
            return None

    async def read_parties() -> None:
        async with pool.acquire() as connection:
            await parties.read_some(connection, key, opened)

    async def open_reports() -> ReportService:
        reading = await connect_pool(settings, Login.READER, "caretaker-reports")
        return ReportService.open(settings, pool, reading, link)

    maker = ReportMaker(pool, open_reports)
    every_s = max(_PROBES_EVERY_S_MIN, probes.EVERY_S * settings.time_scale)
    return (
        (every_s, lambda: probes.probe_all(pool, services, every_s)),
        (PARTIES_EVERY_S, read_parties),
        (making.EVERY_S * settings.time_scale, maker.tick),
    )
