"""Cases open and close by themselves: their set is that of their subjects, whatever was interrupted."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ledger.roles import Login
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.cases import notices, opening, reading
from switch.cases.model import DEADLINES_H, TITLES, CaseKind
from tests.switch.cases.subjects import BREAKS, ODD, Days, World, open_cases, open_subjects


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    pool = await connect_pool(Settings(database=database_url, data=tmp_path), Login.OWNER)
    world = World(pool)
    await world.participants()
    yield world
    await pool.close()


SETTINGS = Settings(data=Path("nowhere"), sandbox=True, notice_emails={"operator": "duty@bank.example"})


async def look(world: World, settings: Settings = SETTINGS) -> None:
    await opening.look(world.pool, settings)


async def kinds(world: World, state: str = "open") -> list[str]:
    return sorted(case.kind for case in await reading.find(world.pool, state=state, limit=100))


async def acts(world: World) -> list[str]:
    (case,) = await reading.find(world.pool, limit=2)
    return [act.kind for act in await reading.history(world.pool, case.number)]


async def test_an_unknown_outcome_is_a_case_until_it_is_known(world: World) -> None:
    uetr = await world.payment()
    await look(world)
    await look(world)
    assert await kinds(world) == ["unknown"]

    await world.becomes(uetr, None)
    await look(world)

    assert await kinds(world) == []
    assert await acts(world) == ["opened", "closed"]


async def test_a_payment_that_is_unknown_again_has_the_same_case(world: World) -> None:
    uetr = await world.payment()
    for state in ("UNKNOWN", "SENT", "UNKNOWN"):
        await world.becomes(uetr, state)
        await look(world)

    assert await acts(world) == ["opened", "closed", "reopened"]
    assert len(await reading.of_payment(world.pool, uetr)) == 1


@pytest.mark.parametrize("kind", BREAKS)
async def test_a_break_is_a_case_until_it_is_resolved(world: World, kind: str) -> None:
    number = await world.difference(kind)
    await look(world)
    opened = await kinds(world)
    await world.resolved(number)
    await look(world)

    assert opened == ["break"]
    assert await kinds(world) == []


async def test_what_a_rail_says_against_a_final_payment_is_a_contradiction(world: World) -> None:
    uetr = await world.payment("SENT")
    number = world.numbers[0]
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "INSERT INTO ledger.transfer (number, id, fingerprint, kind) VALUES ($1, $2, '\\x00', 'two_phase')",
            number,
            uetr,
        )
        await connection.execute(
            "INSERT INTO ledger.event (seq, number, at, kind, change, body, leaf)"
            " VALUES (1, $1, now(), 'CONTRADICTION', '\\x', '{}', '\\x00')",
            number,
        )
    await world.difference("credited_but_aborted", uetr)
    await look(world)

    assert await kinds(world) == ["contradiction"]


@pytest.mark.parametrize(("minor", "kind"), [(-500, "default"), (500, "exception")])
@pytest.mark.parametrize("end", ["CARRIED", "SETTLED", "ABORTED"])
async def test_an_unpaid_line_is_a_case_until_it_is_paid_or_carried(
    world: World, minor: int, kind: str, end: str
) -> None:
    window = await world.held_line(minor)
    await look(world)
    opened = await kinds(world)
    if end == "ABORTED":
        await world.window_becomes(window, end)
    else:
        await world.line_becomes(window, end)
    await look(world)

    assert opened == [kind]
    assert await kinds(world) == []


@pytest.mark.parametrize(
    ("result", "expected"), list(zip(ODD, [["exception"], ["exception"], ["contradiction"], []], strict=True))
)
async def test_a_confirmation_that_differs_is_a_case_until_it_is_examined(
    world: World, result: str, expected: list[str]
) -> None:
    sha256 = await world.confirmation(result)
    await look(world)
    opened = await kinds(world)
    await world.examined(sha256)
    await look(world)

    assert opened == expected
    assert await kinds(world) == []


async def test_frozen_books_are_a_case(world: World) -> None:
    await world.freeze()
    await look(world)
    opened = await kinds(world)
    await world.unfreeze()
    await look(world)

    assert opened == ["exception"]
    assert await kinds(world) == []


@pytest.mark.parametrize("seed", range(3))
async def test_after_random_days_the_open_cases_are_the_open_subjects(world: World, seed: int) -> None:
    """Rounds die at any statement, and cases are made anew from the facts at the end: the set is the same."""
    days = Days(world, seed)
    for _ in range(60):
        await days.step()
        match days.random.randrange(3):
            case 0:
                await look(world)
                assert await open_cases(world.pool) == await open_subjects(world.pool)
            case 1:
                await dies_in_the_middle(world, after=days.random.randrange(1, 8))
    await look(world)
    assert await open_cases(world.pool) == await open_subjects(world.pool) != set()

    await world.pool.execute("TRUNCATE switch.case_file, switch.case_act, switch.case_notice CASCADE")
    await look(world)

    assert await open_cases(world.pool) == await open_subjects(world.pool)


async def dies_in_the_middle(world: World, after: int) -> None:
    """A round whose connection is lost after some statements leaves nothing behind."""
    before = await world.pool.fetchval("SELECT count(*) FROM switch.case_act")
    left = [after]

    class Dying:
        def __init__(self, connection: asyncpg.Connection) -> None:
            self._connection = connection

        def __getattr__(self, name: str):
            found = getattr(self._connection, name)
            if name not in {"fetch", "fetchval", "fetchrow", "execute", "executemany"}:
                return found

            async def counted(*arguments, **named):
                left[0] -= 1
                if left[0] < 0:
                    raise ConnectionResetError
                return await found(*arguments, **named)

            return counted

    class DyingPool:
        def acquire(self):
            outer = world.pool.acquire()

            class Acquired:
                async def __aenter__(self):
                    return Dying(await outer.__aenter__())

                async def __aexit__(self, *error):
                    return await outer.__aexit__(*error)

            return Acquired()

    try:
        await opening.look(DyingPool(), SETTINGS)  # type: ignore[arg-type]
    except ConnectionResetError:
        assert await world.pool.fetchval("SELECT count(*) FROM switch.case_act") == before


async def test_deadlines_are_by_kind_and_configurable(world: World) -> None:
    await world.payment()
    await world.difference()
    await look(world, SETTINGS.model_copy(update={"case_deadlines_h": {"break": 1}}))
    hours = {
        case.kind: (case.due_at - case.since).total_seconds() / 3600
        for case in await reading.find(world.pool, limit=9)
    }

    assert hours == {CaseKind.UNKNOWN: 2, CaseKind.BREAK: 1}


async def test_a_case_that_nobody_takes_is_escalated_once_and_told_as_overdue_once(world: World) -> None:
    await world.payment()
    await look(world)
    told = await why(world)
    hasty = SETTINGS.model_copy(
        update={
            "case_take_within_s": 1e-6,
            "notice_webhooks": {"checker": "https://pager.example/in"},
        }
    )
    await look(world, hasty)
    await look(world, hasty)
    await world.pool.execute("UPDATE switch.case_file SET due_at = now()")
    await look(world, hasty)
    await look(world, hasty)

    assert told == [("opened", "email", "role:operator")]
    assert await why(world) == [
        ("escalated", "webhook", "role:checker"),
        ("opened", "email", "role:operator"),
        ("overdue", "email", "role:operator"),
        ("overdue", "webhook", "role:checker"),
    ]
    assert await kinds(world, "overdue") == ["unknown"]


async def why(world: World) -> list[tuple[str, str, str]]:
    rows = await world.pool.fetch("SELECT why, channel, recipient FROM switch.case_notice")
    return sorted((row["why"], row["channel"], row["recipient"]) for row in rows)


async def test_a_case_of_somebody_who_may_no_longer_work_on_it_has_no_owner(world: World) -> None:
    await world.payment()
    await look(world)
    await world.pool.execute(
        "INSERT INTO switch.person (name, display_name, role, status) VALUES ('olga', 'Olga', 'operator', 'suspended')"
    )
    await world.pool.execute("UPDATE switch.case_file SET owner = 'olga'")
    await look(world)

    assert await world.pool.fetchval("SELECT owner FROM switch.case_file") is None
    assert await acts(world) == ["opened", "released"]


async def test_a_screening_hit_will_have_a_title_and_a_deadline() -> None:
    assert set(CaseKind) == TITLES.keys() == DEADLINES_H.keys()
    assert notices.sentence("en", 7, "opened", CaseKind.SCREENING) == "New case 7: Screening hit"
