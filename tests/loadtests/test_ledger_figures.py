"""The figures of the ledger's load test are medians over turns, and ratios are of the same turn."""

import itertools
from unittest import mock

import asyncpg

from ledger.migrate import migrate
from loadtests import growth
from loadtests.ledger import legs_of, open_accounts, running


def test_growth_is_the_median_of_each_turns_own_ratio():
    turns = [
        [growth.Turn(100.0, 10.0), growth.Turn(90.0, 11.0)],
        [growth.Turn(50.0, 20.0), growth.Turn(25.0, 20.0)],  # something else took the machine: both are slow
        [growth.Turn(200.0, 10.0), growth.Turn(190.0, 12.0)],
    ]

    assert growth.figures(["1m", "5m"], turns) == {
        "payments_per_s_at_1m": 100.0,
        "database_cpu_us_at_1m": 10.0,
        "payments_per_s_at_5m": 90.0,
        "database_cpu_us_at_5m": 12.0,
        "slowdown_at_5m": 0.1,
        "database_cpu_more_at_5m": 0.1,
        "growth_turns": [[0.1, 0.1], [0.5, 0.0], [0.05, 0.2]],
    }


def test_nobody_pays_himself_in_the_load():
    legs = [leg for (leg,) in itertools.islice(legs_of([1, 2, 3]), 1_000)]

    assert all(leg.debit != leg.credit for leg in legs)
    assert {leg.debit for leg in legs} == {1, 2, 3}


async def test_the_servers_cpu_is_separated_by_database(database_url):
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("SELECT current_database()")
    before = growth._server_cpu_s(name)
    await connection.execute("SELECT count(*) FROM generate_series(1, 1000000)")

    assert growth._server_cpu_s(name) > before
    assert growth._server_cpu_s("no_such_database") == 0
    await connection.close()


async def test_what_is_filled_in_verifies(database_url):
    """Else `payswitch verify` of a large ledger would be measured on one that no writer could have written."""
    await migrate(database_url, ("ledger",))
    async with running(database_url) as writer:
        accounts = await open_accounts(writer, 3)
    with mock.patch.object(growth, "FILL_CHUNK", 500):
        await growth.fill(database_url, accounts, 1_000)
    async with running(database_url) as writer:
        found = await growth.checked(growth.Grown("small", database_url, writer, accounts), lambda _: None)

    assert found["failed_grown"] == []
    assert found["verify_events"] == 2 * 1_000 + 3 + 1
