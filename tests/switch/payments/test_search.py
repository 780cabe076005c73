"""Finding payments, on a whole running switch: each filter alone, page after page, and nothing of others."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.simulation.magic import Magic
from switch.payments import search
from switch.payments.search import Wanted
from switch.writer.lifecycle import State
from tests.switch.stack import Stack


@pytest_asyncio.fixture
async def connection(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    found = await stack.connect()
    yield found
    await found.close()


@pytest_asyncio.fixture
async def bank(stack: Stack) -> dict[str, str]:
    return await stack.add_bank(funds_minor=1_000_000_00)


async def pay(stack: Stack, bank: dict[str, str], *, word: str = "") -> UUID:
    document = stack.document("asha-bank", "noor-wallet", amount="1.00", word=word)
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["DbtrAgt"]["FinInstnId"]["BICFI"] = bank["bic"]
    async with stack.client_of(bank) as client:
        return UUID((await client.pay(document, wait=0 if word == Magic.WRONGAMT else 25)).uetr)


async def uetrs(connection: asyncpg.Connection, wanted: Wanted, bank: dict[str, str]) -> list[UUID]:
    page = await search.find(connection, wanted, [bank["id"]])
    return [payment.uetr for payment in page.payments]


async def test_each_filter_finds_what_it_names(
    stack: Stack, connection: asyncpg.Connection, bank: dict[str, str]
) -> None:
    done, refused = await pay(stack, bank), await pay(stack, bank, word="AC04")
    row = await connection.fetchrow("SELECT message_id, native_ref FROM switch.payment WHERE uetr = $1", done)
    assert row is not None
    today = datetime.now(UTC)

    assert await uetrs(connection, Wanted(), bank) == [refused, done]
    assert await uetrs(connection, Wanted(uetr=done), bank) == [done]
    assert await uetrs(connection, Wanted(uetr=uuid4()), bank) == []
    assert await uetrs(connection, Wanted(state=State.COMMITTED), bank) == [done]
    assert await uetrs(connection, Wanted(state=State.ABORTED), bank) == [refused]
    assert await uetrs(connection, Wanted(rail="PK", source="IN", target="PK"), bank) == [refused, done]
    assert await uetrs(connection, Wanted(source="PK"), bank) == []
    assert await uetrs(connection, Wanted(rail="IN"), bank) == []
    assert await uetrs(connection, Wanted(reference=row["message_id"]), bank) == [done]
    assert await uetrs(connection, Wanted(reference=row["native_ref"]), bank) == [done]
    assert await uetrs(connection, Wanted(since=today - timedelta(hours=1)), bank) == [refused, done]
    assert await uetrs(connection, Wanted(since=today + timedelta(hours=1)), bank) == []
    assert await uetrs(connection, Wanted(until=today - timedelta(hours=1)), bank) == []


async def test_unknown_outcomes_are_found_by_age(
    stack: Stack, connection: asyncpg.Connection, bank: dict[str, str]
) -> None:
    made = [await pay(stack, bank, word=Magic.WRONGAMT) for _ in range(2)]
    async with stack.client_of(bank) as client:
        for uetr in made:
            while (await client.payment(str(uetr), wait=1)).state != "UNKNOWN":
                pass
    found = await search.oldest(connection, State.UNKNOWN, [bank["id"]])

    assert {payment.uetr for payment in found} == set(made)
    assert [payment.entered_at for payment in found] == sorted(
        payment.entered_at for payment in found if payment.entered_at
    )
    assert set(await uetrs(connection, Wanted(state=State.UNKNOWN), bank)) == set(made)


async def test_nobody_finds_the_data_of_another(
    stack: Stack, connection: asyncpg.Connection, bank: dict[str, str]
) -> None:
    uetr = await pay(stack, bank)

    assert (await search.find(connection, Wanted(uetr=uetr), ["silkroad-bank"])).payments == ()
    assert (await search.find(connection, Wanted(uetr=uetr), [])).payments == ()
    assert len((await search.find(connection, Wanted(uetr=uetr), None)).payments) == 1


async def test_pages_follow_each_other_without_a_gap_however_rare_the_match(
    stack: Stack, connection: asyncpg.Connection, bank: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await pay(stack, bank) for _ in range(3)]
    monkeypatch.setattr(search, "STRETCH", 2)  # less than one payment takes
    found: list[UUID] = []
    before, pages = None, 0
    while True:
        page = await search.find(connection, Wanted(), [bank["id"]], before=before, limit=2)
        found += [payment.uetr for payment in page.payments]
        before, pages = page.next, pages + 1
        if before is None or len(found) == len(made):
            break

    assert found == made[::-1]
    assert pages > len(made)
