"""Firm quotes: promised terms, which one payment uses, or which end by themselves."""

import asyncio
import json
import uuid
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import aiohttp
import pytest

from adapters.pakistan.sandbox import NOBODY
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.change_catalogue import KINDS
from switch.sandbox.setup import SandboxSetup
from tests.switch.payments.test_stated import changed, day, money, send, tx
from tests.switch.stack import Stack

Document = dict[str, Any]


async def ask(stack: Stack, who: str = "asha-bank", **asked: str) -> tuple[int, Document]:
    body = {"creditor_agent": "INDUPKKA", "amount": "100.00", "currency": "INR", **asked}
    headers = {"Authorization": f"Bearer {stack.participant(who)['bearer']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{stack.url}/v1/quotes", json=body) as answer:
            return answer.status, await answer.json()


async def made(stack: Stack, **asked: str) -> Document:
    """A firm quote of a payment with the purpose of the sandbox's documents."""
    status, quote = await ask(stack, **{"purpose": "FAMI", **asked})
    assert status == 201, quote
    return quote


def of(stack: Stack, quote: Document, *, creditor: str = "indus-bank", **more: Any) -> Document:
    """A payment in the 2019 profile that names a quote."""
    debit = quote["interbank_settlement_amount"]
    named = {
        "InstrForNxtAgt": [{"InstrInf": f"/QTID/{quote['id']}"}],
        "IntrBkSttlmAmt": money(debit["amount"], debit["currency"]),
        "IntrBkSttlmDt": day(0),
    }
    return changed(stack, tx(**{**named, **more}), creditor=creditor)


def in_2025(document: Document, quote: Document) -> Document:
    """The same in the 2025 profile, by `AgrdRate/QtId`."""
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    del transaction["InstrForNxtAgt"]
    transaction["AddtlDtTm"] = {"AccptncDtTm": transaction.pop("AccptncDtTm")}
    agreed = {"PreAgrdXchgRate": quote["exchange_rate"], "QtId": quote["id"]}
    content = {
        **document["Document"]["FIToFICstmrCdtTrf"],
        "CdtTrfTxInf": [{**transaction, "AgrdRate": agreed}],
    }
    return {"$type": "pacs.008.001.13", "Document": {"FIToFICstmrCdtTrf": content}}


async def cause(stack: Stack, document: Document) -> tuple[str, str]:
    status, transaction, _ = await send(stack, document)
    assert status == 422, transaction
    (said,) = transaction["StsRsnInf"]
    return said["Rsn"]["Cd"], "".join(said["AddtlInf"])


async def executed(stack: Stack, document: Document) -> Document:
    status, transaction, _ = await send(stack, document)
    assert (status, transaction["TxSts"]) == (200, "ACCC"), transaction
    async with stack.client("asha-bank") as client:
        return await client.read(f"payments/{transaction['OrgnlUETR']}")


@pytest.mark.parametrize("profile", ["2019", "2025"])
async def test_a_payment_is_executed_at_the_terms_of_its_quote_once(stack: Stack, profile: str) -> None:
    quote = await made(stack)
    document = of(stack, quote)
    if profile == "2025":
        document = in_2025(document, quote)

    payment = await executed(stack, document)
    again = await executed(stack, document)

    for name in ("interbank_settlement_amount", "credited_amount", "fee", "exchange_rate", "fx_provider"):
        assert payment[name] == quote[name]
    assert again["uetr"] == payment["uetr"]
    async with stack.client("asha-bank") as client:
        assert (await client.read(f"quotes/{quote['id']}"))["used_by"] == payment["uetr"]
    reason, text = await cause(stack, of(stack, quote))
    assert reason == "AB04"
    assert "another payment has used" in text


async def test_a_fixed_destination_is_credited_exactly(stack: Stack) -> None:
    """Also an amount that no whole number of paisa converts to."""
    for amount in ("1000.01", "1000.02"):
        quote = await made(stack, amount=amount, currency="PKR", fixed="destination")
        payment = await executed(stack, of(stack, quote))
        assert payment["credited_amount"] == {"currency": "PKR", "amount": amount}
        assert payment["interbank_settlement_amount"] == quote["interbank_settlement_amount"]


DIFFERS: dict[str, tuple[Document, str]] = {
    "amount": ({"IntrBkSttlmAmt": money("100.01", "INR")}, "IntrBkSttlmAmt"),
    "instructed amount": ({"InstdAmt": money("1.00", "PKR")}, "InstdAmt"),
    "rate": ({"InstdAmt": "credited", "XchgRate": "1.5"}, "XchgRate"),
    "purpose": ({"Purp": {"Cd": "SALA"}}, "Purp"),
    "no purpose": ({"Purp": {"Prtry": "FAMI"}}, "Purp"),
    "charge bearer": ({"ChrgBr": "DEBT"}, "ChrgBr"),
}


@pytest.mark.parametrize("name", DIFFERS)
async def test_a_payment_that_differs_from_its_quote_is_refused_and_leaves_it_open(
    stack: Stack, name: str
) -> None:
    quote = await made(stack, purpose="FAMI")
    more, path = DIFFERS[name]
    if more.get("InstdAmt") == "credited":
        credit = quote["credited_amount"]
        more = {**more, "InstdAmt": money(credit["amount"], credit["currency"])}

    reason, text = await cause(stack, of(stack, quote, **{"Purp": {"Cd": "FAMI"}, **more}))

    assert reason == "AB04", text
    assert path in text
    await executed(stack, of(stack, quote, Purp={"Cd": "FAMI"}))


async def test_every_difference_from_a_quote_is_stated_at_once_with_what_it_says(stack: Stack) -> None:
    quote = await made(stack)

    reason, text = await cause(stack, of(stack, quote, Purp={"Cd": "SALA"}, ChrgBr="DEBT"))

    assert reason == "AB04"
    assert "ChrgBr: is not the charge bearer of the quote, SLEV" in text
    assert "Purp: is not the purpose of the quote, FAMI" in text
    assert "To do: Ask for a new quote" in text


async def test_a_quote_is_for_its_creditor_agent_and_its_participant(stack: Stack) -> None:
    quote = await made(stack)

    reason, text = await cause(stack, of(stack, quote, creditor="noor-wallet"))
    assert (reason, "CdtrAgt" in text) == ("AB04", True)
    unknown = {**quote, "id": str(uuid.uuid4())}
    assert (await cause(stack, of(stack, unknown)))[0] == "AB04"
    async with stack.client("noor-wallet") as client:
        with pytest.raises(Exception, match="404"):
            await client.read(f"quotes/{quote['id']}")


async def test_other_instructions_are_still_refused(stack: Stack) -> None:
    quote = await made(stack)
    named = {"InstrInf": f"/QTID/{quote['id']}"}
    for wrong in ([{"InstrInf": "call first"}], [named, named], [{**named, "Cd": "PHOA"}], [{"Cd": "PHOA"}]):
        reason, text = await cause(stack, of(stack, quote, InstrForNxtAgt=wrong))
        assert (reason, "InstrForNxtAgt" in text) == ("AG03", True)


async def test_a_quote_ends_by_itself(stack: Stack) -> None:
    quote = await made(stack)
    connection = await stack.connect()
    try:
        await connection.execute(
            "UPDATE switch.quote SET expires_at = clock_timestamp() WHERE id = $1::uuid", quote["id"]
        )
    finally:
        await connection.close()

    reason, text = await cause(stack, of(stack, quote))

    assert (reason, "expired" in text) == ("AB04", True)


async def test_a_quote_of_a_provider_that_is_suspended_since_is_refused(stack: Stack) -> None:
    """The payment was converted by it, or, if it was signed, got 503 until the quote had expired."""
    quote, later = await made(stack), await made(stack)
    provider = {"participant": quote["fx_provider"]}
    await stack.agreed("participant.suspend", provider)
    try:
        reason, text = await cause(stack, of(stack, quote))
    finally:
        await stack.agreed("participant.resume", provider)

    assert (reason, "whose FX provider is suspended" in text) == ("AB04", True), text
    await executed(stack, of(stack, later))


async def test_two_payments_at_once_use_a_quote_once(stack: Stack) -> None:
    quote = await made(stack)

    outcomes = await asyncio.gather(*(send(stack, of(stack, quote)) for _ in range(4)))

    assert sorted(transaction["TxSts"] for _, transaction, _ in outcomes) == ["ACCC", "RJCT", "RJCT", "RJCT"]


@pytest.mark.parametrize(
    ("asked", "status", "reason", "path"),
    [
        pytest.param({"currency": "KZT"}, 422, "AM03", "amount", id="currency"),
        pytest.param({"currency": "KZT", "fixed": "destination"}, 422, "AM03", "amount", id="destination"),
        pytest.param({"amount": "1.001"}, 422, "AM12", "amount", id="decimals"),
        pytest.param({"amount": "0"}, 422, "AM12", "amount", id="nothing"),
        pytest.param({"currency": "QQQ"}, 422, "AM11", "currency", id="no-currency"),
        pytest.param({"amount": "99999999999.00"}, 422, "AM02", "amount", id="limits"),
        pytest.param({"creditor_agent": "NOSUPKKA"}, 404, "NARR", "creditor_agent", id="nobody"),
        pytest.param({"creditor_agent": "GANGINBB"}, 422, "AG01", "creditor_agent", id="corridor"),
        pytest.param({"fixed": "both"}, 400, "FF01", "fixed", id="fixed"),
        pytest.param({"charge_bearer": "CRED"}, 422, "BE19", "charge_bearer", id="no-tariff"),
        pytest.param({"currency": "PKR", "fixed": "destination", "charge_bearer": "SHAR"}, 422, "BE19", "charge_bearer", id="shared"),
    ],
)  # fmt: skip
async def test_what_a_payment_would_be_refused_for_is_not_promised(
    stack: Stack, asked: dict[str, str], status: int, reason: str, path: str
) -> None:
    got, problem = await ask(stack, **asked)

    assert (got, problem["reason"]) == (status, reason), problem
    assert path in json.dumps(problem["errors"])


async def test_the_answer_says_what_is_debited_in_all_and_until_when(stack: Stack) -> None:
    quote = await made(stack)

    total = float(quote["interbank_settlement_amount"]["amount"]) + float(quote["fee"]["amount"])
    assert float(quote["debited_amount"]["amount"]) == pytest.approx(total)
    left = datetime.fromisoformat(quote["expires_at"]) - datetime.now(UTC)
    assert 100 < left.total_seconds() <= stack.settings.quote_valid_s


@pytest.fixture
async def small_bank(stack: Stack) -> tuple[str, str]:
    """A new Indian bank whose cap is 100.00 INR: its id and bearer key."""
    name, bearer = f"small-{uuid.uuid4().hex[:8]}", f"sk_test_{uuid.uuid4().hex}"
    letters = "".join(chr(ord("A") + int(c, 16)) for c in uuid.uuid4().hex[:4])
    connection, link = await stack.connect(), stack.link()
    await link.start()
    try:
        setup = SandboxSetup(connection, link, KINDS)
        key = SigningKey.generate(f"{name}-1")
        await setup.make(
            "participant.onboard",
            {
                "id": name,
                "name": name,
                "bic": f"{letters}INBB",
                "country": "IN",
                "kind": "direct",
                "accounts": [{"currency": "INR", "net_debit_cap": "100.00"}],
                "keys": [{"keyid": key.keyid, "request": key_request.make(key, name)}],
            },
        )
        await connection.execute(
            "INSERT INTO switch.bearer_key VALUES ($1, $2)", sha256(bearer.encode()).digest(), name
        )
    finally:
        await link.stop()
        await connection.close()
    await stack.until_everywhere(lambda status: status == 200, "/v1/positions", bearer)
    return name, bearer


async def test_a_quote_says_that_its_payment_would_be_refused_now(
    stack: Stack, small_bank: tuple[str, str]
) -> None:
    """It is made all the same: a price is promised, not liquidity."""
    name, bearer = small_bank

    async def refused_now(amount: str) -> Document:
        body = {"creditor_agent": "INDUPKKA", "amount": amount, "currency": "INR"}
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {bearer}"}) as session:
            async with session.get(f"{stack.url}/v1/quotes", params=body) as answer:
                indicative = await answer.json()
            async with session.post(f"{stack.url}/v1/quotes", json=body) as answer:
                assert answer.status == 201
                quote = await answer.json()
            async with session.get(f"{stack.url}/v1/quotes/{quote['id']}") as answer:
                again = await answer.json()
        assert indicative["refused_now"] == quote["refused_now"] == again["refused_now"]
        return quote["refused_now"]

    assert await refused_now("90.00") is None
    assert await refused_now("100.00") == "AM23"  # with its fee it is above the cap
    connection, link = await stack.connect(), stack.link()
    await link.start()
    try:
        limit = {"participant": name, "currency": "INR", "per_payment": "50.00", "per_day": None}
        await SandboxSetup(connection, link, KINDS).make("limit.set", limit)
    finally:
        await link.stop()
        await connection.close()
    assert await refused_now("90.00") == "AM14"
    assert await refused_now("40.00") is None


async def test_a_quote_names_an_alias_and_its_payment_the_bank_that_the_rail_knows(stack: Stack) -> None:
    phone = {"country": "PK", "alias": "+92-3001234567"}
    status, problem = await ask_alias(stack, phone)  # the banks of the sandbox have one id at the rail
    assert (status, problem["reason"]) == (422, "RC04"), problem
    assert "INDUPKKA" in problem["detail"]

    status, quote = await ask_alias(stack, phone, creditor_agent="INDUPKKA", purpose="FAMI")

    assert (status, quote["creditor_agent"]) == (201, "INDUPKKA"), quote
    status, shown = await show_alias(stack, phone, creditor_agent="INDUPKKA", purpose="FAMI")
    assert (status, shown["creditor_agent"]) == (200, "INDUPKKA"), shown
    assert shown["credited_amount"] == quote["credited_amount"]
    payment = await executed(stack, of(stack, quote))
    assert payment["credited_amount"] == quote["credited_amount"]


@pytest.mark.parametrize(
    ("alias", "more", "reason", "path"),
    [
        ({"country": "PK", "alias": NOBODY}, {}, "AC01", "creditor_alias.alias"),
        ({"country": "PK", "alias": "no alias"}, {}, "AC01", "creditor_alias.alias"),
        ({"country": "XX", "alias": "+92-3001234567"}, {}, "AG03", "creditor_alias.country"),
        (
            {"country": "PK", "alias": "+92-3001234567"},
            {"creditor_agent": "ASHAINBB"},
            "RC04",
            "creditor_alias.alias",
        ),
        (None, {}, "RC04", "creditor_agent"),
    ],
)
async def test_what_is_no_alias_of_a_bank_gets_no_quote(
    stack: Stack, alias: Document | None, more: Document, reason: str, path: str
) -> None:
    status, problem = await ask_alias(stack, alias, **more)
    shown, other = await show_alias(stack, alias, **more)

    assert (status, problem["reason"], problem["errors"][0]["path"]) == (422, reason, path), problem
    parameter = {"creditor_alias.alias": "creditor_alias", "creditor_alias.country": "creditor_alias_country"}
    path = f"query.{parameter.get(path, path)}"
    assert (shown, other["reason"], other["errors"][0]["path"]) == (422, reason, path), other


@pytest.mark.parametrize(
    ("given", "missing"),
    [("creditor_alias", "creditor_alias_country"), ("creditor_alias_country", "creditor_alias")],
)
async def test_an_alias_without_its_country_is_refused(stack: Stack, given: str, missing: str) -> None:
    status, problem = await show_alias(stack, None, **{given: "PK"})

    path = problem["errors"][0]["path"]
    assert (status, problem["reason"], path) == (422, "RC04", f"query.{missing}"), problem


async def show_alias(stack: Stack, alias: Document | None, **more: str) -> tuple[int, Document]:
    """The same, indicatively."""
    asked = {"amount": "100.00", "currency": "INR", **more}
    if alias is not None:
        asked |= {"creditor_alias": alias["alias"], "creditor_alias_country": alias["country"]}
    headers = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{stack.url}/v1/quotes", params=asked) as answer:
            return answer.status, await answer.json()


async def ask_alias(stack: Stack, alias: Document | None, **more: str) -> tuple[int, Document]:
    body: Document = {"amount": "100.00", "currency": "INR", **more}
    if alias is not None:
        body["creditor_alias"] = alias
    headers = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{stack.url}/v1/quotes", json=body) as answer:
            return answer.status, await answer.json()
