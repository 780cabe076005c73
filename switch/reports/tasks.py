"""What reports need done beside the payments: services are probed, and parties of new payments are read."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import asyncpg

from schemas.errors import NotFound
from switch import personal_data
from switch.rails import Rails
from switch.reports import parties, probes
from switch.settings import Settings
from switch.workers.link import Link

PARTIES_EVERY_S: Final = 0.5
"""With `parties.AT_ONCE` each time: a day of seventeen million payments is kept up with."""

Task = tuple[float, Callable[[], Awaitable[object]]]
"""How many seconds between two times, and what to do."""


def tasks(settings: Settings, pool: asyncpg.Pool, link: Link, rails: Rails) -> tuple[Task, ...]:
    """The caretaker's duties for reports."""
    services = probes.looks(settings, link, rails)
    key = parties.load_key(settings.data / "reports" / "pseudonym.key")
    ring = personal_data.load(settings.personal_data_keys)

    async def opened(connection: asyncpg.Connection, uetr: UUID) -> bytes | None:
        try:
            return await personal_data.read(connection, ring, uetr, personal_data.CAME)
        except (personal_data.Erased, NotFound):
            return None

    async def read_parties() -> None:
        async with pool.acquire() as connection:
            await parties.read_some(connection, key, opened)

    every_s = probes.EVERY_S * settings.time_scale
    return (
        (every_s, lambda: probes.look_at_all(pool, services, every_s)),
        (PARTIES_EVERY_S, read_parties),
    )
