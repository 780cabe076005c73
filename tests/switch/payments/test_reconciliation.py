"""The rail's end-of-cycle file ends what is in doubt, and every difference with our books is noted once."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.port import Answer, Outcome
from ledger.roles import Login
from schemas.errors import Unavailable
from schemas.money import Money
from switch.base.database import connect_pool
from switch.operations.verify import reconciled
from switch.payments import rails, reconciliation
from switch.payments.dispatch import Dispatcher
from switch.payments.rails import Rail
from switch.payments.reconciliation import Reconciliation, read_breaks
from tests.switch.stack import Stack

CYCLES = "SELECT count(*) FROM switch.rail_cycle WHERE rail = 'PK'"


@asynccontextmanager
async def reading(stack: Stack) -> AsyncIterator[tuple[Reconciliation, dict[str, Rail], asyncpg.Pool]]:
    pool = await connect_pool(stack.settings, Login.CARETAKER)
    link = stack.link()
    await link.start()
    known = dict(rails.connect(stack.settings, pool))
    try:
        yield Reconciliation(pool, Dispatcher(link, stack.settings.time_scale, 10)), known, pool
    finally:
        for rail in known.values():
            await rail.adapter.close()
        await link.stop()
        await pool.close()


@pytest.fixture(autouse=True)
async def settled(stack: Stack) -> AsyncIterator[None]:
    """What these tests make a rail say is settled at their end: `verify` names each open difference."""
    yield
    connection = await stack.connect()
    await connection.execute(
        "UPDATE switch.reconciliation_break SET owner = 'test', resolution = 'a test', resolved_at = now()"
        " WHERE resolved_at IS NULL"
    )
    await connection.close()


def today(rail: Rail) -> date:
    return date.fromisoformat(rail.adapter.profile.hours.day(datetime.now(UTC)))


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.05)


async def native_ref(pool: asyncpg.Pool, uetr: str) -> str:
    return await pool.fetchval("SELECT native_ref FROM switch.payment WHERE uetr = $1", UUID(uetr))


async def kinds(pool: asyncpg.Pool, ref: str) -> list[str]:
    return [found["kind"] for found in await read_breaks(pool, resolved=False) if found["ref"] == ref]


class SaysSo:
    """A rail's adapter whose file says what the test wants; everything else is the real one's."""

    def __init__(self, adapter, answers: list[Answer]) -> None:
        self._adapter = adapter
        self._answers = answers

    def __getattr__(self, name: str):
        return getattr(self._adapter, name)

    async def reconcile(self, _cycle: str) -> AsyncIterator[Answer]:
        for answer in self._answers:
            yield answer


async def paid(stack: Stack, word: str = "") -> str:
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "indus-bank", word=word), wait=10)
    return state.uetr


async def test_the_file_resolves_an_unknown_outcome(stack: Stack):
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "indus-bank", word="SILENT"), wait=0)
        async with reading(stack) as (reader, known, pool):
            cycles = await pool.fetchval(CYCLES)
            result = await reader.read(known["PK"], today(known["PK"]).isoformat())
            again = await reader.read(known["PK"], today(known["PK"]).isoformat())
            assert not result.over
            assert result.lines >= 1
            assert again.breaks == {}
            assert (await client.payment(state.uetr, wait=10)).status == "ACCC"
            assert await pool.fetchval(CYCLES) == cycles  # a day that is not over is not done with


@pytest.mark.parametrize("done", [True, False])
async def test_an_entry_of_the_file_is_final(stack: Stack, done: bool):
    """LOST: the rail neither credits nor answers, so only the file of this test can end it so early."""
    async with stack.client("asha-bank") as client:
        document = stack.document("asha-bank", "indus-bank", word="LOST" if not done else "SILENT")
        state = await client.pay(document, wait=0)
        async with reading(stack) as (reader, known, pool):
            rail = known["PK"]
            ref = await native_ref(pool, state.uetr)
            amount = await pool.fetchval(
                "SELECT credit_minor FROM switch.payment WHERE uetr = $1", UUID(state.uetr)
            )
            said = Answer(ref, Outcome.DONE, uetr=state.uetr, amount=Money(amount, "PKR"))
            if not done:
                said = Answer(ref, Outcome.REFUSED, uetr=state.uetr, rail_code="AC06", reason="AC06")
            result = await reader.read(
                replace(rail, adapter=SaysSo(rail.adapter, [said])), today(rail).isoformat()
            )
            final = await client.payment(state.uetr, wait=10)
            assert (result.lines, final.status) == (1, "ACCC" if done else "RJCT")


async def test_what_is_credited_there_and_aborted_here_is_a_break_and_is_noted_once(stack: Stack):
    uetr = await paid(stack, "AC04")
    async with reading(stack) as (reader, known, pool):
        rail = known["PK"]
        ref = await native_ref(pool, uetr)
        answers = [Answer(ref, Outcome.DONE, uetr=uetr, amount=Money(1, "PKR"))]
        stray = Answer(uuid4().hex, Outcome.DONE, uetr=str(uuid4()), amount=Money(7, "PKR"))
        false = replace(rail, adapter=SaysSo(rail.adapter, [*answers, stray]))
        day = (today(rail) - timedelta(days=1)).isoformat()  # another day's lines: today's are the real ones
        first = await reader.read(false, day)
        second = await reader.read(false, day)
        assert first.breaks == {"credited_but_aborted": 1, "credited_unknown_here": 1}
        assert second.breaks == {}
        assert await kinds(pool, ref) == ["credited_but_aborted"]
        assert await kinds(pool, stray.ref) == ["credited_unknown_here"]


async def test_other_amounts_and_refusals_of_what_is_committed_are_breaks(stack: Stack):
    one, other = await paid(stack), await paid(stack)
    async with reading(stack) as (reader, known, pool):
        rail = known["PK"]
        refs = [await native_ref(pool, uetr) for uetr in (one, other)]
        answers = [
            Answer(refs[0], Outcome.DONE, uetr=one, amount=Money(1, "PKR")),
            Answer(refs[1], Outcome.REFUSED, uetr=other, rail_code="AC04", reason="AC04"),
        ]
        day = (today(rail) - timedelta(days=2)).isoformat()
        await reader.read(replace(rail, adapter=SaysSo(rail.adapter, answers)), day)
        async with pool.acquire() as connection:
            found = await reconciled(connection)
        # `verify` looked at the rails' books alone, and at no file: it found agreement.
        assert not found.ok
        assert f"{one} another amount (PK)" in found.detail
        assert f"{other} refused but committed (PK)" in found.detail
        assert await kinds(pool, refs[0]) == ["another_amount"]
        assert await kinds(pool, refs[1]) == ["refused_but_committed"]


async def test_a_break_states_amounts_with_their_currency(stack: Stack) -> None:
    """The rail's amount and ours, in the currency of the rail."""
    uetr = await paid(stack)
    async with reading(stack) as (reader, known, pool):
        rail, ref = known["PK"], await native_ref(pool, uetr)
        ours = await pool.fetchval("SELECT credit_minor FROM switch.payment WHERE uetr = $1", UUID(uetr))
        answers = [Answer(ref, Outcome.DONE, uetr=uetr, amount=Money(660, "PKR"))]
        day = (today(rail) - timedelta(days=6)).isoformat()
        await reader.read(replace(rail, adapter=SaysSo(rail.adapter, answers)), day)
        (found,) = [each for each in await read_breaks(pool, resolved=False) if each["ref"] == ref]

    assert found["detail"] == f"rail: done 6.60 PKR; here: posted {Money(ours, 'PKR')}"


@pytest.mark.parametrize(
    "lines",
    [
        [("r1", str(uuid4()), 1), ("r1", str(uuid4()), 1)],
        [("r1", "no-uetr", 1)],
        [("r1", str(uuid4()), 10**18)],
        [("r\0", str(uuid4()), 1)],
    ],
    ids=["one order twice", "no UETR", "no amount", "NUL"],
)
async def test_a_file_that_contradicts_itself_or_states_the_impossible_is_not_read(stack: Stack, lines):
    async with reading(stack) as (reader, known, pool):
        rail = known["PK"]
        answers = [Answer(r, Outcome.DONE, uetr=u, amount=Money(m, "PKR")) for r, u, m in lines]
        day = today(rail) - timedelta(days=3)
        with pytest.raises(Unavailable):
            await reader.read(replace(rail, adapter=SaysSo(rail.adapter, answers)), day.isoformat())
        assert not await pool.fetchval(
            "SELECT true FROM switch.rail_cycle WHERE rail = 'PK' AND cycle = $1", day
        )


async def test_a_newer_report_of_an_unfinished_day_counts(stack: Stack):
    uetr = await paid(stack, "AC04")
    async with reading(stack) as (reader, known, pool):
        rail = known["PK"]
        ref = await native_ref(pool, uetr)
        day = (today(rail) + timedelta(days=1)).isoformat()  # not over
        no = Answer(ref, Outcome.REFUSED, uetr=uetr, rail_code="AC04", reason="AC04")
        yes = Answer(ref, Outcome.DONE, uetr=uetr, amount=Money(1, "PKR"))
        assert (await reader.read(replace(rail, adapter=SaysSo(rail.adapter, [no])), day)).breaks == {}
        await reader.read(replace(rail, adapter=SaysSo(rail.adapter, [yes])), day)
        assert await kinds(pool, ref) == ["credited_but_aborted"]


async def test_what_is_committed_here_and_in_no_file_is_a_break_once_the_next_file_is_there(stack: Stack):
    uetr = await paid(stack)
    async with reading(stack) as (reader, known, pool):
        rail, day = known["PK"], today(known["PK"])
        ref = await native_ref(pool, uetr)
        await reader._breaks(rail.adapter.profile, day + timedelta(days=1), over=True)
        assert await kinds(pool, ref) == []  # this day's file was not read yet
        await pool.execute("INSERT INTO switch.rail_cycle (rail, cycle, lines) VALUES ('PK', $1, 0)", day)
        await reader._breaks(rail.adapter.profile, day + timedelta(days=1), over=True)
        assert await kinds(pool, ref) == ["missing_at_rail"]


async def test_due_cycles_are_those_that_are_over_since_the_first_event(stack: Stack):
    async with reading(stack) as (reader, known, _):
        rail = known["IN"]
        now = datetime.now(UTC)
        day = date.fromisoformat(rail.adapter.profile.hours.day(now))
        before = [(day - timedelta(days=1)).isoformat()]  # where the rail's midnight was during these tests
        assert await reader.due(rail, now) in ([], before)
        days = await reader.due(rail, now + timedelta(days=2) + reconciliation.FILE_AFTER)
        assert days[-2:] == [day.isoformat(), (day + timedelta(days=1)).isoformat()]
        assert days[:-2] in ([], before)


def test_the_command_prints_what_the_cycle_came_to(stack: Stack):
    command = [
        sys.executable,
        "-m",
        "switch.cli",
        "rails",
        "reconcile",
        "IN",
        "--data",
        str(stack.settings.data),
    ]
    scale = {"PAYSWITCH_TIME_SCALE": str(stack.settings.time_scale)}
    first, again = (
        subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | scale)
        for _ in range(2)
    )
    found = json.loads(first.stdout)
    assert found["rail"] == "IN"
    assert first.returncode == (1 if found["breaks"] else 0)  # other tests' contradictions may be new to it
    assert (again.returncode, json.loads(again.stdout)["breaks"]) == (0, {})


def test_a_file_that_states_another_currency_than_the_rails_is_not_read() -> None:
    """Its minor units were compared with ours under the rail's currency."""
    uetr = str(uuid4())
    ours, other = (
        Answer("REF", Outcome.DONE, uetr, amount=Money(100, currency)) for currency in ("PKR", "KZT")
    )

    assert reconciliation._by_ref([ours], "2026-11-23", "PKR") == {"REF": ours}
    with pytest.raises(Unavailable, match="contradictory or invalid"):
        reconciliation._by_ref([other], "2026-11-23", "PKR")
