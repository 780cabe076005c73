"""Background tasks of reports: services are probed, and the parties of new payments are read."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from switch.base import personal_data
from switch.base.settings import Settings
from switch.payments.rails import Rails
from switch.reports import parties, probes
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

    every_s = max(_PROBES_EVERY_S_MIN, probes.EVERY_S * settings.time_scale)
    return (
        (every_s, lambda: probes.probe_all(pool, services, every_s)),
        (PARTIES_EVERY_S, read_parties),
    )
