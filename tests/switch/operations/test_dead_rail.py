"""A rail that answers no probe is red where people see it: the overview stayed green for four minutes once."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from switch.operations import oversight
from tests.switch.reports.conftest import own  # noqa: F401 - a fixture


async def probe(connection: asyncpg.Connection, at: datetime, *, ok: bool, rail: str = "IN") -> None:
    await connection.execute(
        "INSERT INTO switch.probe (service, at, ok, micros, every_s) VALUES ($1, $2, $3, 1, 15)",
        f"rail-{rail}",
        at,
        ok,
    )


@pytest.mark.parametrize(
    ("looks", "state", "silent_s"),
    [
        ([(60, True), (45, True)], "open", None),
        ([(300, True), (240, False), (225, False), (15, False)], "away", 240),
        ([(300, False), (15, True)], "open", None),
        ([], "open", None),
    ],
)
async def test_a_rail_is_away_from_its_first_failed_probe_to_the_next_that_is_answered(
    own: asyncpg.Connection,  # noqa: F811
    looks: list[tuple[int, bool]],
    state: str,
    silent_s: int | None,
) -> None:
    await own.execute("INSERT INTO switch.rail (country) VALUES ('IN'), ('PK')")
    now = datetime.now(UTC)
    await probe(own, now - timedelta(seconds=10), ok=False, rail="PK")
    for seconds_ago, ok in looks:
        await probe(own, now - timedelta(seconds=seconds_ago), ok=ok)
    found = {rail.country: rail for rail in await oversight.rails(own, {})}

    assert found["IN"].state == state
    assert found["IN"].silent_since == (None if silent_s is None else now - timedelta(seconds=silent_s))
    assert found["PK"].state == "away"
