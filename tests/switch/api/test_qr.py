"""`POST /v1/qr`: a code from abroad becomes the draft of a payment, and the payment arrives."""

import json
from typing import Any

import aiohttp
import pytest

from adapters import registry
from adapters.qr import payload
from adapters.qr.model import PayeeKind, PaymentCode
from schemas.money import Money
from tests.switch.stack import Stack

ERIP = "00020132370010by.raschet010310110124444444444445303933540571.005802BY5913UNP_1234567896007Belarus63040A6C"


def code(country: str, payee: str, amount: str | None = None, **more: Any) -> str:
    known = payload.scheme(country)
    return payload.make(
        PaymentCode(
            country=country,
            scheme=known.name,
            payee=payee,
            kind=known.kind,
            currency=known.currency,
            name="Lahore Books",
            city="Lahore",
            amount=Money.parse(amount, known.currency) if amount else None,
            category="5942",
            **more,
        )
    )


async def draft(stack: Stack, sender: str | None, text: object) -> tuple[int, dict[str, Any]]:
    """Status and answer."""
    headers = {"Authorization": f"Bearer {stack.participant(sender)['bearer']}"} if sender else {}
    async with (
        aiohttp.ClientSession(stack.url, headers=headers) as http,
        http.post("/v1/qr", json={"text": text}) as answer,
    ):
        return answer.status, json.loads(await answer.read())


@pytest.mark.parametrize(
    ("sender", "country", "payee", "account", "agent"),
    [
        ("asha-bank", "PK", "PK60SAND0000000000000001", {"IBAN": "PK60SAND0000000000000001"}, "INDUPKKA"),
        ("noor-wallet", "IN", "asha@okbank", {"Othr": {"Id": "asha@okbank"}}, "ASHAINBB"),
    ],
)
async def test_a_code_is_read_and_paid(  # noqa: PLR0917 - a table
    stack: Stack, sender: str, country: str, payee: str, account: dict[str, object], agent: str
) -> None:
    status, found = await draft(stack, sender, code(country, payee, "12.00"))

    assert status == 200, found
    assert found["amount"] == {"currency": registry.profile(country).currency, "amount": "12.00"}
    assert found["creditor_account"] == {"Id": account}
    assert agent in found["creditor_agents"]
    document = stack.document(sender, agent_of(stack, agent), amount="77.00")
    (transfer,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transfer["CdtrAcct"] = found["creditor_account"]
    async with stack.client(sender) as client:
        paid = await client.pay(document, wait=20)
    assert paid.status == "ACCC"


def agent_of(stack: Stack, bic: str) -> str:
    return next(found["id"] for found in stack.credentials["participants"] if found["bic"] == bic)


async def test_an_id_that_only_its_scheme_knows_gives_no_account(stack: Stack) -> None:
    status, found = await draft(stack, "asha-bank", ERIP)

    assert status == 200, found
    assert found["payee_kind"] == PayeeKind.MERCHANT
    assert (found["creditor_account"], found["creditor_agents"]) == (None, [])


async def test_a_country_without_a_rail_here_gives_no_account(stack: Stack) -> None:
    status, found = await draft(stack, "asha-bank", code("KZ", "KZ699990000000000001"))

    assert status == 200, found
    assert (found["creditor_account"], found["creditor_agents"]) == (None, [])


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("https://example.com/pay", "known"),
        (code("PK", "PK60SAND0000000000000001")[:-1] + "0", "63 in the code"),
        ("0002", "incomplete"),
        ("\u0000", "empty"),
        ("9" * 1000, "at most 512 characters"),
        ("9" * 5000, None),
        ("", None),
        (17, None),
    ],
)
async def test_a_damaged_code_is_refused_in_words(stack: Stack, text: object, detail: str | None) -> None:
    status, found = await draft(stack, "asha-bank", text)  # type: ignore[arg-type]

    assert status == (422 if detail else 400), found
    if detail:
        (error,) = found["errors"]
        assert (error["path"], error["rule"]) == ("text", "qr-code")
        assert detail in error["message"]
        assert "Scan it again" in error["remedy"]


async def test_a_stranger_reads_no_code(stack: Stack) -> None:
    status, _ = await draft(stack, None, "x")

    assert status == 401
