"""kill -9 of the writer and of API workers while quotes are made and used: what they hold is right after it."""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from switch.base.database import embedded
from switch.base.settings import Settings
from switch.clients.python import AsyncClient, NoAnswer, RequestRefused
from tests.chaos.switch_process import SwitchProcess, uetr_of
from tests.chaos.test_kill import TO_PAKISTAN, finish

pytestmark = [pytest.mark.chaos, pytest.mark.long]
QUOTES_MAX = 20
"""How many the inventory permits."""
PROVIDER = "silkroad-fx"
BEARER = f"sk_test_{secrets.token_urlsafe(24)}"
CREDITOR = "NOORPKKA"
VALID_S = 40


@pytest.fixture
def switch(data_directory: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(data_directory / "data", environment={"PAYSWITCH_QUOTE_VALID_S": str(VALID_S)})
    yield process
    process.kill()


async def know_the_provider(switch: SwitchProcess) -> None:
    """Give the FX provider a bearer key: the sandbox has none for it."""
    url = embedded(Settings(data=switch.data)).running_url()
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO switch.bearer_key VALUES ($1, $2)", sha256(BEARER.encode()).digest(), PROVIDER
    )
    await connection.close()
    async with provider(switch) as client, asyncio.timeout(30):
        while True:
            with contextlib.suppress(NoAnswer, RequestRefused):
                await client.read("fx/rates")
                return
            await asyncio.sleep(0.2)


def provider(switch: SwitchProcess) -> AsyncClient:
    return AsyncClient(switch.url, bearer=BEARER, tries=8)


async def offer(switch: SwitchProcess) -> dict[str, Any]:
    async with provider(switch) as client:
        (found,) = [each for each in await client.read("fx/rates") if each["target"] == "PKR"]
        return found  # type: ignore[no-any-return]


async def published(switch: SwitchProcess) -> Decimal:
    """An offer whose inventory permits so many quotes; what one of them credits."""
    async with switch.client("asha-bank") as client:
        asked = {"creditor_agent": CREDITOR, "amount": "100.00", "currency": "INR"}
        rate = Decimal((await client.read("quotes", **asked))["exchange_rate"])
    credit = Decimal(f"{rate * 100:.3f}"[:-1])
    pair = {
        "source": "INR",
        "target": "PKR",
        "tiers": [{"from": "0", "rate": f"{rate:f}"}],
        "until": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "inventory": f"{credit * QUOTES_MAX:.2f}",
    }
    async with provider(switch) as client:
        await client.change("PUT", "fx/rates", {"pairs": [pair]})
    return credit


async def ask(switch: SwitchProcess, made: list[dict[str, Any]]) -> bool:
    """Ask for a quote once; whether the answer is known. Refused, and not made, is an answer."""
    asked = {"creditor_agent": CREDITOR, "amount": "100.00", "currency": "INR", "purpose": "FAMI"}
    try:
        async with switch.client("asha-bank") as client:
            made.append(await client.change("POST", "quotes", asked))
    except NoAnswer:
        return False
    except RequestRefused as problem:
        return problem.status == 422
    return True


async def kill_while_quoting(switch: SwitchProcess, seconds: float) -> tuple[list[dict[str, Any]], int]:
    """Ask for more quotes than there are, while the writer and a worker die; those made, and how many may be."""
    made: list[dict[str, Any]] = []
    unknown, end = 0, time.monotonic() + seconds
    chance = random.Random(7)

    async def asking() -> None:
        nonlocal unknown
        while time.monotonic() < end:
            unknown += not await ask(switch, made)
            await asyncio.sleep(chance.uniform(0, 0.2))

    async def killing() -> None:
        for part in ("processes.writer", "processes.api", "processes.writer"):
            await asyncio.sleep(seconds / 4)
            for victim in switch.children(part)[:1]:
                victim.kill()

    await asyncio.gather(*(asking() for _ in range(4)), killing())
    return made, unknown


def paying(switch: SwitchProcess, quote: dict[str, Any]) -> dict[str, Any]:
    document = switch.document(*TO_PAKISTAN)
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["InstrForNxtAgt"] = [{"InstrInf": f"/QTID/{quote['id']}"}]
    return document


async def pay_twice_while_the_writer_dies(
    switch: SwitchProcess, quotes: list[dict[str, Any]]
) -> list[list[str]]:
    """Two payments for each quote, sent at once, and the writer killed; their final statuses."""
    documents = [[paying(switch, quote) for _ in range(2)] for quote in quotes]

    async def send(document: dict[str, Any]) -> None:
        async with switch.client("asha-bank") as client:
            with contextlib.suppress(NoAnswer):
                await client.pay(document)

    sending = [asyncio.create_task(send(each)) for pair in documents for each in pair]
    await asyncio.sleep(0.05)
    for victim in switch.children("processes.writer"):
        victim.kill()
    await asyncio.gather(*sending)
    assert len({uetr_of(each) for pair in documents for each in pair}) == 2 * len(quotes)
    return [[await finish(switch, "asha-bank", each) for each in pair] for pair in documents]


@pytest.mark.timeout(400)
def test_quotes_hold_what_they_promised_whatever_dies(switch: SwitchProcess) -> None:
    switch.data.mkdir()
    switch.start()
    assert switch.wait_until_ready()
    asyncio.run(know_the_provider(switch))
    credit = asyncio.run(published(switch))
    begun = time.monotonic()

    made, unknown = asyncio.run(kill_while_quoting(switch, 6))
    switch.kill()  # and all of it
    switch.start()
    assert switch.wait_until_ready()

    assert made
    held = asyncio.run(offer(switch))
    promised = Decimal(held["promised"]) / credit
    assert len(made) <= promised <= min(len(made) + unknown, QUOTES_MAX), (len(made), unknown)
    assert time.monotonic() - begun < VALID_S, "too slow to say anything: the quotes have ended"

    ends = asyncio.run(pay_twice_while_the_writer_dies(switch, made[:3]))

    assert [sorted(pair) for pair in ends] == [["ACCC", "RJCT"]] * len(ends), ends
    held = asyncio.run(offer(switch))
    assert Decimal(held["used"]) == len(ends) * credit
    assert Decimal(held["used"]) + Decimal(held["promised"]) <= QUOTES_MAX * credit
    time.sleep(max(0, begun + VALID_S + 8 - time.monotonic()))
    held = asyncio.run(offer(switch))
    assert Decimal(held["promised"]) == 0  # those that nobody used have ended by themselves
    again: list[dict[str, Any]] = []
    assert asyncio.run(ask(switch, again))
    assert again
    verified = switch.verify()
    assert verified["ok"], verified
