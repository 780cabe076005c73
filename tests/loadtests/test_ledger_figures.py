"""The figures of the ledger's load test are medians over turns, and ratios are of the same turn."""

import itertools

import asyncpg

from loadtests.ledger import growth_figures, pairs_of, server_cpu_s


def test_growth_is_the_median_of_each_turns_own_ratio():
    turns = [
        [(100.0, 10.0), (90.0, 11.0)],
        [(50.0, 20.0), (25.0, 20.0)],  # something else took the machine: both ledgers are slow
        [(200.0, 10.0), (190.0, 12.0)],
    ]

    assert growth_figures(["1m", "5m"], turns) == {
        "payments_per_s_at_1m": 100.0,
        "database_cpu_us_at_1m": 10.0,
        "payments_per_s_at_5m": 90.0,
        "database_cpu_us_at_5m": 12.0,
        "slowdown_at_5m": 0.1,
        "database_cpu_more_at_5m": 0.1,
        "growth_turns": [[0.1, 0.1], [0.5, 0.0], [0.05, 0.2]],
    }


def test_nobody_pays_himself_in_the_load():
    pairs = list(itertools.islice(pairs_of([1, 2, 3]), 1_000))

    assert all(debtor != creditor for debtor, creditor in pairs)
    assert {debtor for debtor, _ in pairs} == {1, 2, 3}


async def test_the_servers_cpu_is_told_apart_by_database(database_url):
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("SELECT current_database()")
    before = server_cpu_s(name)
    await connection.execute("SELECT count(*) FROM generate_series(1, 1000000)")

    assert server_cpu_s(name) > before
    assert server_cpu_s("no_such_database") == 0
    await connection.close()
