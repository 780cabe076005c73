"""A rail that nobody reaches is not open, and says since when; the switch stays ready and names it."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg

from switch.operations import oversight
from switch.payments import reach
from tests.switch.stack import Stack

NOW = datetime.now(UTC)


async def probed(connection: asyncpg.Connection, country: str, *seen: bool, age_s: int = 0) -> None:
    """Probes ten seconds apart, oldest first, the last of them `age_s` old."""
    for place, ok in enumerate(reversed(seen)):
        at = datetime.now(UTC) - timedelta(seconds=age_s + 10 * place)
        await connection.execute(
            "INSERT INTO switch.probe (service, at, ok, micros, every_s) VALUES ($1, $2, $3, 1, 10)",
            f"rail-{country}",
            at,
            ok,
        )


async def test_reach_is_the_last_probe_and_the_first_of_those_in_a_row_that_failed(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await probed(connection, "IN", False, True)
    await probed(connection, "PK", False, True, False, False, False)
    await probed(connection, "KZ", False, False)
    await probed(connection, "UZ", False, age_s=60)
    found = await reach.read(connection, ["IN", "PK", "KZ", "UZ", "RU"])
    await connection.close()

    assert found.keys() == {"IN", "PK", "KZ"}  # nobody has looked at the others lately
    assert found["IN"] == reach.Reach(True, None)
    for country, ago_s in (("PK", 20), ("KZ", 10)):
        since = found[country].unreachable_since
        assert found[country].reachable is False
        assert since is not None
        assert abs((datetime.now(UTC) - since).total_seconds() - ago_s) < 5


async def rails_of(stack: Stack) -> dict[str, dict[str, Any]]:
    async with stack.client("asha-bank") as client:
        return {rail["country"]: rail for rail in await client.read("rails")}


async def until_reachable(stack: Stack, country: str, wanted: bool) -> dict[str, Any]:
    async with asyncio.timeout(45):
        while (rail := (await rails_of(stack))[country])["reachable"] is not wanted:
            await asyncio.sleep(0.2)
    return rail


async def test_a_rail_that_does_not_answer_is_not_open_and_the_switch_is_ready(stack: Stack) -> None:
    assert (await until_reachable(stack, "PK", wanted=True))["open"] is True
    rail = stack.supervisor.pid("rail-PK")
    os.kill(rail, signal.SIGSTOP)
    try:
        away = await until_reachable(stack, "PK", wanted=False)
        async with aiohttp.ClientSession() as session, session.get(f"{stack.url}/readyz") as answer:
            ready = answer.status, await answer.text()
        connection = await stack.connect()
        states = {facts.country: facts.state for facts in await oversight.rails(connection, {})}
        await connection.close()
    finally:
        os.kill(rail, signal.SIGCONT)

    assert away["open"] is False
    assert datetime.fromisoformat(away["unreachable_since"]) > NOW - timedelta(hours=1)
    assert ready[0] == 200
    assert ready[1].startswith("ready\nrail PK has not responded since ")
    assert (states["PK"], states["IN"]) == ("away", "open")
    back = await until_reachable(stack, "PK", wanted=True)
    assert (back["open"], back["unreachable_since"]) == (True, None)
