"""A rail's order ids are few: how many of a period are taken is told before there are none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import asyncpg
import pytest

from adapters.profile import Basis, Ids
from schemas.errors import Unavailable
from switch.payments.rails import Serials

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
async def pool(database_url):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as made:
        yield made


def serials_of(pool, ids: Ids) -> Serials:
    return Serials(pool, SimpleNamespace(profile=SimpleNamespace(country="CN", ids=ids)))


async def test_quota_in_use_is_reported_for_all_processes_and_the_present_period(pool):
    ids = Ids("%Y%m%d", 10_000, Basis.PROFILE)
    one, another = serials_of(pool, ids), serials_of(pool, ids)
    assert await one.used(NOON) == 0

    first = await one.take(NOON)
    leased = await one.used(NOON)
    await another.take(NOON)

    assert first == 0
    assert 0 < leased < 1
    assert await one.used(NOON) == pytest.approx(2 * leased)
    assert await one.used(NOON + timedelta(days=1)) == 0


async def test_a_period_without_ids_left_is_all_used_and_takes_no_order(pool):
    ids = Ids("%Y%m%d", 3, Basis.PROFILE)
    serials = serials_of(pool, ids)
    assert [await serials.take(NOON) for _ in range(3)] == [0, 1, 2]

    with pytest.raises(Unavailable, match="used up"):
        await serials.take(NOON)
    assert await serials.used(NOON) == 1
    assert await serials_of(pool, replace(ids, capacity=4)).used(NOON) == 1
