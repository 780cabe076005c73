"""A real switch that can carry very little: what is too much is refused for certain, and paid once when repeated."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from switch.clients.python import AsyncClient, NoAnswer, Overloaded, PaymentState, SigningKey
from tests.switch.conftest import PATIENCE
from tests.switch.stack import Stack, started

MANY = 60
PATH = "/v1/iso20022/pacs.008"


@pytest.fixture(scope="module")
def small() -> Iterator[Stack]:
    """One worker, which accepts one message at once and lets nothing wait for long."""
    with started(workers=1, accepting_max=1, accepting_wait_s=0.001, **PATIENCE) as stack:
        yield stack


def signing(stack: Stack, name: str, **options: Any) -> AsyncClient:
    bank = stack.participant(name)
    return AsyncClient(stack.url, key=SigningKey.from_pem(bank["keyid"], bank["private_key"]), **options)


async def at_once(client: AsyncClient, documents: list[dict[str, Any]]) -> list[PaymentState | NoAnswer]:
    async def pay(document: dict[str, Any]) -> PaymentState | NoAnswer:
        try:
            return await client.pay(document, wait=20)
        except NoAnswer as gone:
            return gone

    return await asyncio.gather(*map(pay, documents))


def refused(stack: Stack) -> float:
    found = re.findall(r"^payswitch_admission_refused_total\{.*\} (\S+)$", stack.metrics(), re.MULTILINE)
    return sum(map(float, found))


async def test_the_excess_is_refused_for_certain_and_is_paid_once_when_it_is_repeated(small: Stack) -> None:
    documents = [
        small.document("asha-bank", "noor-wallet", amount=f"{100 + number}.00") for number in range(MANY)
    ]
    others = [small.document("noor-wallet", "asha-bank", amount=f"{200 + number}.00") for number in range(3)]
    async with signing(small, "asha-bank", tries=1) as eager, signing(small, "noor-wallet", tries=50) as calm:
        first, calm_one = await asyncio.gather(at_once(eager, documents), at_once(calm, others[:1]))
    shed = [document for document, state in zip(documents, first, strict=True) if isinstance(state, NoAnswer)]

    assert 0 < len(shed) < MANY
    assert refused(small) >= len(shed)
    assert not isinstance(calm_one[0], NoAnswer)  # it has turns of its own
    for state in first:
        if isinstance(state, NoAnswer):
            assert isinstance(state.last, Overloaded)
            assert 50 <= state.last.retry_after_ms <= 10_000
        else:
            assert state.status == "ACCC"
    uetrs = {uetr_of(document) for document in shed}
    async with signing(small, "asha-bank", tries=200) as patient:
        assert uetrs.isdisjoint(await known(small, documents))
        again = await at_once(patient, shed)
    assert [state.status for state in again if not isinstance(state, NoAnswer)] == ["ACCC"] * len(shed)
    assert await known(small, documents) == {uetr_of(document) for document in documents}


def uetr_of(document: dict[str, Any]) -> str:
    uetr: str = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    return uetr


async def known(stack: Stack, documents: list[dict[str, Any]]) -> set[str]:
    """The payments among these of which the switch holds anything, each once."""
    connection = await stack.connect()
    try:
        found = await connection.fetch(
            "SELECT uetr FROM switch.payment WHERE uetr = ANY($1::uuid[])", list(map(uetr_of, documents))
        )
    finally:
        await connection.close()
    assert len(found) == len({row["uetr"] for row in found})
    return {str(row["uetr"]) for row in found}


async def test_a_refusal_states_when_to_come_back_in_both_units(small: Stack) -> None:
    bank = small.participant("asha-bank")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {bank['bearer']}"}) as session:

        async def send() -> tuple[int, Mapping[str, str], bytes]:
            body = json.dumps(
                small.document("asha-bank", "noor-wallet", amount=f"{uuid4().int % 10**6 + 100}.00")
            )
            headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
            async with session.post(small.url + PATH, data=body, headers=headers) as answer:
                return answer.status, answer.headers.copy(), await answer.read()

        answers = await asyncio.gather(*(send() for _ in range(MANY)))
    told = [(headers, json.loads(body)) for status, headers, body in answers if status == 503]

    assert told
    assert {status for status, _, _ in answers} == {200, 503}
    for headers, problem in told:
        assert problem["type"] == "/docs/problems#overloaded"
        milliseconds = int(headers["Retry-After-Ms"])
        assert problem["retry_after_ms"] == milliseconds
        assert int(headers["Retry-After"]) == -(-milliseconds // 1000)


async def test_strangers_who_name_a_bank_take_nothing_of_its_share(small: Stack) -> None:
    """They name its key and cannot sign with it: 401, or 503 while the bank's line is full; the bank pays."""
    bank = small.participant("asha-bank")
    stranger = SigningKey.generate(bank["keyid"])
    async with (
        AsyncClient(small.url, key=stranger, tries=1) as false,
        signing(small, "asha-bank", tries=50) as true,
    ):
        flood = [
            asyncio.create_task(attempt(false, small.document("asha-bank", "noor-wallet")))
            for _ in range(MANY)
        ]
        paid = await true.pay(small.document("asha-bank", "noor-wallet", amount="77.00"), wait=20)
        answers = set(await asyncio.gather(*flood))

    assert paid.status == "ACCC"
    assert answers <= {401, 429, 503}
    assert 401 in answers


async def attempt(client: AsyncClient, document: dict[str, Any]) -> int:
    try:
        await client.pay(document)
    except NoAnswer as gone:
        return gone.last.status if gone.last is not None else 0
    except Exception as refusal:  # noqa: BLE001 - its status is what the test looks at
        return int(getattr(refusal, "status", 0))
    return 200
