"""QR codes: one from abroad becomes the draft of a payment, and the payment arrives; one of ours is made."""

import json
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters import registry
from adapters.qr import payload
from adapters.qr.model import PayeeKind, PaymentCode
from schemas.errors import Refused
from schemas.money import Money
from switch.api import qr
from tests.adapters.test_qr import codes
from tests.switch.pages.test_own_pages import clerk_of
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
    return await sent(stack, sender, "qr", {"text": text})


async def sent(stack: Stack, sender: str | None, resource: str, body: object) -> tuple[int, dict[str, Any]]:
    """Status and answer."""
    headers = {"Authorization": f"Bearer {stack.participant(sender)['bearer']}"} if sender else {}
    async with (
        aiohttp.ClientSession(stack.url, headers=headers) as http,
        http.post(f"/v1/{resource}", json=body) as answer,
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


STORE = {"payee": "stores@okbank", "name": "Asha Stores", "city": "Mumbai", "category": "5411"}


async def test_a_code_is_made_and_paid_from_abroad(stack: Stack) -> None:
    """The merchant's bank makes it, the payer's bank abroad reads the same, and the merchant is paid."""
    asked = {**STORE, "amount": "12.50", "reference": "INVOICE-7", "single_use": True}
    status, made = await sent(stack, "asha-bank", "qr-codes", asked)
    assert status == 200, made

    status, read = await draft(stack, "noor-wallet", made["text"])

    assert status == 200, read
    assert made == {**read, "text": made["text"]}
    assert {name: read[name] for name in asked} == {**asked, "amount": {"currency": "INR", "amount": "12.50"}}
    document = stack.document("noor-wallet", "asha-bank", amount="77.00")
    (transfer,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transfer["CdtrAcct"] = read["creditor_account"]
    async with stack.client("noor-wallet") as client:
        paid = await client.pay(document, wait=20)
    assert paid.status == "ACCC"


@pytest.mark.parametrize(
    ("changed", "path", "detail"),
    [
        ({"scheme": "ELQR"}, "scheme", "Bharat QR, UPI link"),
        ({"payee": "12345"}, "body", "payee"),
        ({"name": None}, "body", "requires name"),
        ({"amount": "1.005"}, "amount", "decimals"),
        ({"amount": "0"}, "amount", None),
        ({"amount": "99999999999.00"}, "amount", None),
        ({"more": {"nonsense": "1"}}, "body", "nonsense"),
        ({"city": "C" * 16}, "body", "15"),
        ({"reference": "9" * 99}, "body", "too long"),
    ],
)
async def test_a_code_that_could_not_be_read_or_paid_is_not_made(
    stack: Stack, changed: dict[str, object], path: str, detail: str | None
) -> None:
    status, found = await sent(stack, "asha-bank", "qr-codes", {**STORE, **changed})

    assert status == 422, found
    (error,) = found["errors"]
    assert error["path"] == path
    assert (detail or "") in error["message"]
    assert error["remedy"]


async def test_who_has_no_customers_makes_no_code(stack: Stack) -> None:
    status, _ = await sent(stack, None, "qr-codes", STORE)

    assert status == 401


@settings(max_examples=150, deadline=None)
@given(code=codes(), odd=st.text(max_size=12))
def test_what_is_made_reads_as_it_was_asked_for(code: PaymentCode, odd: str) -> None:
    """For every scheme of every country, also with a field of any text: it is exact, or it is refused."""
    body = {
        "payee": code.payee,
        "scheme": code.scheme,
        "name": code.name,
        "city": code.city,
        "amount": code.amount and code.amount.text,
        "reference": code.reference,
        "category": code.category,
        "single_use": code.dynamic,
        "more": dict(code.more),
    }
    assume(all(len(str(value)) < 100 for value in body.values() if isinstance(value, str)))
    asked = msgspec.convert(body, qr.NewQrCode)
    assert qr._asked(code.country, asked) == code
    assert payload.read(qr._made(code)) == code
    changed = msgspec.structs.replace(asked, name=odd or None)
    try:
        text = qr._made(qr._asked(code.country, changed))
    except Refused:
        return
    assert payload.read(text).name == (odd or None)


async def page(stack: Stack, text: str, amount: str = "") -> tuple[int, str]:
    """What a clerk of Asha Bank sees."""
    async with aiohttp.ClientSession(stack.url) as http:
        clerk = await clerk_of(stack, http, "asha-bank")
        assert (await clerk.get("/own/qr"))[0] == 200
        return await clerk.post("/own/qr", text=text, amount=amount)


async def test_people_read_a_code_with_its_payee_its_amount_and_its_price(stack: Stack) -> None:
    payee = "PK60SAND0000000000000001"
    status, shown = await page(stack, code("PK", payee, "3120.00"))
    quoted, quote = await sent(
        stack,
        "asha-bank",
        "quotes",
        {"creditor_agent": "INDUPKKA", "amount": "3120.00", "currency": "PKR", "fixed": "destination"},
    )

    assert (status, quoted) == (200, 201)
    for text in ("Lahore Books, Lahore", payee, "3,120.00", "INDUPKKA", "creditor_account"):
        assert text in shown, text
    assert f"{Decimal(quote['debited_amount']['amount']):,.2f}" in shown


@pytest.mark.parametrize(
    ("text", "amount", "status", "said"),
    [
        ("no code", "", 422, 'role="alert"'),
        ("", "", 422, 'role="alert"'),
        (ERIP, "", 200, "only its own scheme can resolve"),
        (code("PK", "PK60SAND0000000000000001"), "", 200, "states no amount"),
        (code("PK", "PK60SAND0000000000000001"), "12x", 422, 'role="alert"'),
        (code("PK", "PK60SAND0000000000000001"), "250.00", 200, "250.00"),
        (code("PK", "PK60SAND0000000000000001", "9999999999.00"), "", 422, 'role="alert"'),
    ],
)
async def test_people_see_why_a_code_has_no_price(
    stack: Stack, text: str, amount: str, status: int, said: str
) -> None:
    answer, shown = await page(stack, text, amount)

    assert (answer, said in shown) == (status, True), shown
