"""What the caretaker states about settlements and rates, and the execution of changes about itself."""

import time

from prometheus_client import REGISTRY

from switch.operations import facts
from switch.settlement import day
from switch.writer.context import ServiceContext
from tests.switch.services import done, pay
from tests.switch.settlement.test_settlement_day import close, instructed, line, say, services, status_report

__all__ = ["services"]  # a fixture


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"payswitch_{name}", labels)


async def unpaid(services: ServiceContext) -> list[float | None]:
    await facts.state_settlements(services.pool)
    return [shown("settlement_lines_held", participant=bank) for bank in ("asha-bank", "ganga-bank")]


async def test_a_line_is_unpaid_until_the_next_window_takes_it_over(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    before = await unpaid(services)
    asha, ganga = await line(services, window, "asha-bank"), await line(services, window, "ganga-bank")
    await say(services, status_report((asha, "RJCT"), (ganga, "ACSC")))
    await day.run_due(services)
    refused = await unpaid(services)
    await instructed(services, ("asha-bank", "ganga-bank", 10_00))

    assert before == [0, 0]
    assert refused == [1, 0]
    assert await unpaid(services) == [0, 0]


async def test_lines_of_an_aborted_window_are_nobodys_default(services: ServiceContext) -> None:
    window = await closed(services)
    await done(services, "settlement.abort", {"window": window})

    assert await unpaid(services) == [0, 0]
    assert (
        await services.pool.fetchval("SELECT count(*) FROM switch.settlement_line WHERE state = 'HELD'") == 2
    )


async def closed(services: ServiceContext) -> int:
    """A closed window that can still be aborted."""
    await pay(services, "asha-bank", "ganga-bank", 20_00)
    window = await close(services)
    await day.run_due(services)
    return window


async def test_the_age_of_a_rate_is_that_of_the_newest_in_force_and_0_in_a_closed_corridor(
    services: ServiceContext,
) -> None:
    await services.pool.execute(
        """
        INSERT INTO switch.window_schedule (currency, country, zone, closes_at)
        VALUES ('INR', 'IN', 'Asia/Kolkata', '{18:00}'), ('PKR', 'PK', 'Asia/Karachi', '{18:00}')
            ON CONFLICT DO NOTHING;
        INSERT INTO switch.corridor (source, target, enabled) VALUES ('IN', 'PK', true), ('PK', 'IN', false)
            ON CONFLICT (source, target) DO UPDATE SET enabled = excluded.enabled;
        INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)
        SELECT source, target, 'asha-bank', 3, clock_timestamp() + begun
          FROM (VALUES ('INR', 'PKR'), ('PKR', 'INR')) AS pair (source, target),
               unnest('{-90 hours, -30 hours, 5 hours}'::interval[]) AS begun
        """
    )
    await facts.state_rates(services.pool)

    there = shown("exchange_rate_age_seconds", corridor="IN-PK")
    assert there is not None
    assert 30 * 3600 <= there < 30 * 3600 + 60
    assert shown("exchange_rate_age_seconds", corridor="PK-IN") == 0


async def test_executed_changes_and_new_windows_have_their_instant(services: ServiceContext) -> None:
    await services.pool.execute(
        "INSERT INTO switch.window_schedule (currency, country, zone, closes_at)"
        " VALUES ('INR', 'IN', 'Asia/Kolkata', '{18:00}') ON CONFLICT DO NOTHING"
    )
    before = time.time()
    await done(services, "participant.suspend", {"participant": "asha-bank"})
    await close(services)
    await facts.state_settlements(services.pool)

    for name, labels in (
        ("change_executed_timestamp_seconds", {"kind": "participant.suspend"}),
        ("settlement_window_opened_timestamp_seconds", {"currency": "INR"}),
    ):
        instant = shown(name, **labels)
        assert instant is not None
        assert before - 1 <= instant <= time.time() + 1, name


async def orders_of(services: ServiceContext) -> dict[str, tuple[float | None, bool]]:
    """By state: how many orders of the rail of India are open, and whether the oldest is older than an hour."""
    await facts.state_orders(services.pool)
    return {
        state: (
            shown("inbound_orders", rail="IN", state=state),
            (shown("inbound_order_oldest_age_seconds", rail="IN", state=state) or 0) > 3600,
        )
        for state in ("undecided", "unacknowledged", "owed")
    }


async def test_an_order_of_a_rail_is_open_until_the_rail_has_the_answer_and_nothing_is_owed(
    services: ServiceContext,
) -> None:
    await services.pool.execute("INSERT INTO switch.rail_inbound VALUES ('IN', 'asha-bank', true, 1)")
    before = await orders_of(services)
    await services.pool.execute(
        "INSERT INTO switch.inbound_order (rail, kind, ref, original, uetr, gateway, state, digest, received_at, due_at)"
        " SELECT 'IN', 'order', 'N' || n, '', gen_random_uuid(), 'asha-bank', 'taken', '',"
        " clock_timestamp() - n * interval '50 minutes', clock_timestamp() FROM generate_series(1, 2) AS n"
    )
    undecided = await orders_of(services)
    await services.pool.execute(
        "UPDATE switch.inbound_order SET state = 'done', answer = 'x', decided_at = received_at WHERE ref = 'N2'"
    )
    unacknowledged = await orders_of(services)
    await services.pool.execute(
        "UPDATE switch.inbound_order SET due_at = NULL, told_at = received_at, disputed = 'refunded' WHERE ref = 'N2'"
    )
    owed = await orders_of(services)
    await services.pool.execute(
        "UPDATE switch.inbound_order SET due_at = NULL, told_at = received_at, settled = 2"
    )

    nothing = {"undecided": (0, False), "unacknowledged": (0, False), "owed": (0, False)}
    assert before == nothing
    assert undecided == {**nothing, "undecided": (2, True)}
    assert unacknowledged == {**nothing, "undecided": (1, False), "unacknowledged": (1, True)}
    assert owed == {**nothing, "undecided": (1, False), "owed": (1, True)}
    assert await orders_of(services) == nothing


async def test_files_of_payments_are_open_until_every_line_has_ended(services: ServiceContext) -> None:
    async def seen() -> list[tuple[float, bool]]:
        await facts.state_files(services.pool)
        return [
            (
                shown("payment_files", state=state) or 0,
                (shown("payment_file_oldest_age_seconds", state=state) or 0) > 3600,
            )
            for state in ("received", "sending")
        ]

    def lines() -> list[float]:
        states = ("waiting", "taken", "credited", "rejected", "cancelled")
        return [shown("payment_file_lines", state=state) or 0 for state in states]

    before = await seen()
    lines_before = lines()
    file = await services.pool.fetchval(
        "INSERT INTO switch.payment_file (id, sender, whole, digest, size, keyid, signature, base, received_at, ends_at)"
        " VALUES (gen_random_uuid(), 'asha-bank', false, '', 1, '', '', '', clock_timestamp() - interval '2 hours',"
        " clock_timestamp() + interval '1 day') RETURNING id"
    )
    received = await seen()
    await services.pool.execute("UPDATE switch.payment_file SET state = 'sending' WHERE id = $1", file)
    await services.pool.execute(
        "INSERT INTO switch.payment_file_line (file, number, uetr, state)"
        " SELECT $1, n, gen_random_uuid(), (ARRAY['waiting', 'taken', 'credited', 'rejected'])[1 + n % 4]"
        " FROM generate_series(0, 9) AS n",
        file,
    )
    sending = await seen()
    more = [now - was for now, was in zip(lines(), lines_before, strict=True)]
    await services.pool.execute("UPDATE switch.payment_file SET state = 'ended' WHERE id = $1", file)

    assert before == [(0, False), (0, False)]
    assert received == [(1, True), (0, False)]
    assert sending == [(0, False), (1, True)]
    assert more == [3, 3, 2, 2, 0]
    assert await seen() == before
    assert lines() == lines_before
