"""Who bears the charges of a payment: what its quote, its answers, its rail and the accounts say of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from adapters import registry
from adapters.port import OriginalMessage
from adapters.simulation.harness import sample_order
from adapters.simulation.sandbox import prepare
from schemas.money import Money
from switch.change_catalogue import KINDS
from switch.clients.python import AsyncClient, RequestRefused, status_request
from switch.payments import intake
from switch.payments.pricing import Price
from switch.sandbox.setup import SandboxSetup
from switch.writer.commands import FeeCharge
from tests.switch.stack import Stack

PAYEE = "noor-wallet"
OF = {"source": "IN", "target": "PK", "purpose": "GDDS"}
ROWS = [
    {"component": "switch", "direction": "out", "flat": "1.50", "bps": 20},
    {"component": "switch", "direction": "out", "bearer": "DEBT", "flat": "1.90", "bps": 0},
    {"component": "rail", "direction": "out", "flat": "0.40", "bps": 0},
    {"component": "switch", "direction": "in", "participant": PAYEE, "flat": "0.50", "bps": 30, "most": "0.75"},
    {"component": "rail", "direction": "in", "bearer": "CRED", "participant": PAYEE, "flat": "0.25", "bps": 0},
]  # fmt: skip
CHARGED = {
    "SLEV": [("switch", "debtor", "1.70"), ("rail", "debtor", "0.40")],
    "DEBT": [("switch", "debtor", "1.90"), ("rail", "debtor", "0.40")],
    "SHAR": [("switch", "debtor", "1.70"), ("rail", "debtor", "0.40"), ("switch", "creditor", "0.75")],
    "CRED": [("switch", "creditor", "0.75"), ("rail", "creditor", "0.25")],
}
"""Bearer -> the charges of a payment of 100.00 INR for goods."""


async def make(stack: Stack, *contents: dict[str, Any]) -> None:
    """Set tariffs, and wait until every worker and the writer have read them."""
    connection, link = await stack.connect(), stack.link()
    await link.start()
    for content in contents:
        await SandboxSetup(connection, link, KINDS).make("tariff.set", content)
    await link.stop()
    await connection.close()
    await stack.until_read()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def charged(stack: Stack) -> dict[str, str]:
    """A bank whose payments for goods have tariffs of their own."""
    bank = await stack.add_bank(funds_minor=10_000_00)
    rows = [{"participant": bank["id"], **row} if row["direction"] == "out" else row for row in ROWS]
    await make(stack, *({**OF, **row} for row in rows))
    return bank


def document(
    stack: Stack, bank: dict[str, str], bearer: str, *, word: str = "", **changed: Any
) -> dict[str, Any]:
    made = stack.document("asha-bank", PAYEE, word=word)
    (transaction,) = made["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["DbtrAgt"] = {"FinInstnId": {"BICFI": bank["bic"]}}
    transaction |= {"ChrgBr": bearer, "Purp": {"Cd": "GDDS"}, **changed}
    return made


async def money(stack: Stack, *accounts: tuple[str, str, str]) -> list[int]:
    connection = await stack.connect()
    found = [
        await connection.fetchval(
            "SELECT credits_posted - debits_posted FROM ledger.account"
            " WHERE (owner, currency, purpose) = ($1, $2, $3)",
            *account,
        )
        for account in accounts
    ]
    await connection.close()
    return found


async def quoted(client: AsyncClient, stack: Stack, bearer: str, purpose: str = "GDDS") -> dict[str, Any]:
    asked = {"creditor_agent": stack.participant(PAYEE)["bic"], "amount": "100.00", "currency": "INR"}
    found: dict[str, Any] = await client.read("quotes", **asked, charge_bearer=bearer, purpose=purpose)
    return found


async def answered(
    stack: Stack, bank: dict[str, str], message: dict[str, Any], kind: str = "pacs.008", wait: int = 20
) -> dict[str, Any]:
    """The transaction of the pacs.002 that a message gets."""
    headers = {"Authorization": f"Bearer {bank['bearer']}", "Prefer": f"wait={wait}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{stack.url}/v1/iso20022/{kind}", json=message) as answer:
            body = await answer.json()
            assert "Document" in body, body
            (transaction,) = body["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"]
            found: dict[str, Any] = transaction
            return found


def said(charges: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["of"], each["borne_by"], each["amount"]["amount"]) for each in charges]


@pytest.mark.parametrize("bearer", CHARGED)
async def test_what_is_quoted_is_charged_answered_and_booked(
    stack: Stack, charged: dict[str, str], bearer: str
) -> None:
    accounts = (charged["id"], "INR", "position"), (PAYEE, "PKR", "position"), ("payswitch", "INR", "fees")
    async with stack.client_of(charged) as client:
        quote = await quoted(client, stack, bearer)
        before = await money(stack, *accounts[:2])
        state = await client.pay(document(stack, charged, bearer), wait=20)
        payment = await client.read(f"payments/{state.uetr}")
        again = await client.read(f"payments/{state.uetr}")
    after = await money(stack, *accounts[:2])
    paid, received = (new - old for new, old in zip(after, before, strict=True))

    assert state.status == "ACCC"
    assert said(quote["charges"]) == said(payment["charges"]) == CHARGED[bearer]
    total = sum(Money.parse(amount, "INR").minor for _, _, amount in CHARGED[bearer])
    assert quote["fee"] == payment["fee"] == {"currency": "INR", "amount": Money(total, "INR").text}
    assert (
        quote["interbank_settlement_amount"]["amount"]
        == payment["interbank_settlement_amount"]["amount"]
        == "100.00"
    )
    assert -paid == Money.parse(quote["debited_amount"]["amount"], "INR").minor
    assert received == Money.parse(quote["credited_amount"]["amount"], "PKR").minor
    assert payment["credited_amount"] == quote["credited_amount"]
    assert again == payment


@pytest.mark.parametrize("bearer", ["SLEV", "SHAR"])
async def test_a_firm_quote_promises_its_charges_whatever_tariffs_become(
    stack: Stack,
    charged: dict[str, str],
    bearer: str,
) -> None:
    bank = await stack.add_bank(funds_minor=10_000_00)
    asked = {"creditor_agent": stack.participant(PAYEE)["bic"], "amount": "100.00", "currency": "INR"}
    async with stack.client_of(bank) as client:
        firm = await client.change("POST", "quotes", {**asked, "charge_bearer": bearer, "purpose": "GDDS"})
        await make(stack, {**OF, **ROWS[0], "participant": bank["id"], "flat": "9.00"})
        now = await quoted(client, stack, bearer)
        named = {"InstrForNxtAgt": [{"InstrInf": f"/QTID/{firm['id']}"}]}
        before = await money(stack, (bank["id"], "INR", "position"))
        state = await client.pay(document(stack, bank, bearer, **named), wait=20)
        payment = await client.read(f"payments/{state.uetr}")
        kept = await client.read(f"quotes/{firm['id']}")
    after = await money(stack, (bank["id"], "INR", "position"))

    assert (state.status, now["fee"] == firm["fee"]) == ("ACCC", False)
    assert said(payment["charges"]) == said(firm["charges"]) == said(kept["charges"])
    assert (len(firm["charges"]), firm["charge_bearer"]) == (2 if bearer == "SHAR" else 1, bearer)
    for name in ("interbank_settlement_amount", "fee", "credited_amount", "exchange_rate"):
        assert payment[name] == firm[name] == kept[name]
    assert before[0] - after[0] == Money.parse(firm["debited_amount"]["amount"], "INR").minor


async def test_the_answer_of_a_payment_discloses_each_charge(stack: Stack, charged: dict[str, str]) -> None:
    made = document(stack, charged, "SHAR")
    first = await answered(stack, charged, made)
    again = await answered(stack, charged, made, wait=0)
    uetr = made["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    asked = await answered(stack, charged, status_request(uetr), "pacs.028")
    expected = [
        {"Amt": {"Ccy": "INR", "Amt": amount}, "Agt": {"FinInstnId": {"Nm": "payswitch"}}}
        for _, _, amount in CHARGED["SHAR"]
    ]

    assert first["ChrgsInf"] == again["ChrgsInf"] == asked["ChrgsInf"] == expected


async def test_a_payment_that_fails_costs_nothing(stack: Stack, charged: dict[str, str]) -> None:
    before = await money(stack, (charged["id"], "INR", "position"))
    transaction = await answered(stack, charged, document(stack, charged, "CRED", word="AC04"))

    assert (transaction["TxSts"], "ChrgsInf" in transaction) == ("RJCT", False)
    assert await money(stack, (charged["id"], "INR", "position")) == before


async def test_a_bearer_without_a_tariff_is_refused_in_quotes_and_payments(
    stack: Stack, charged: dict[str, str]
) -> None:
    async with stack.client_of(charged) as client:
        with pytest.raises(RequestRefused) as refusal:
            await quoted(client, stack, "CRED", purpose="SALA")
    transaction = await answered(stack, charged, document(stack, charged, "CRED", Purp={"Cd": "SALA"}))
    (cause,) = transaction["StsRsnInf"]

    assert (refusal.value.reason, refusal.value.errors[0]["path"]) == ("BE19", "query.charge_bearer")
    assert cause["Rsn"]["Cd"] == "BE19"
    assert "send DEBT, SHAR or SLEV" in "".join(cause["AddtlInf"])


async def test_a_rail_that_cannot_carry_the_charges_is_noted(stack: Stack, charged: dict[str, str]) -> None:
    async with stack.client_of(charged) as client:
        state = await client.pay(document(stack, charged, "CRED"), wait=20)
        payment = await client.read(f"payments/{state.uetr}")
        whole = await client.pay(document(stack, charged, "DEBT"), wait=20)
        without = await client.read(f"payments/{whole.uetr}")

    assert "CdtTrfTxInf/ChrgsInf" in {note["path"] for note in payment["notes"]}
    assert "CdtTrfTxInf/ChrgsInf" not in {note["path"] for note in without["notes"]}


async def test_a_search_finds_the_amount_that_the_message_states(
    stack: Stack, charged: dict[str, str]
) -> None:
    changed = {"IntrBkSttlmAmt": {"Ccy": "INR", "Amt": "77.13"}}
    async with stack.client_of(charged) as client:
        state = await client.pay(document(stack, charged, "CRED", **changed), wait=20)
        events = await client.read("events", after="0", limit="500")
    stated = [
        event["data"]["interbank_settlement_amount"]["amount"]
        for event in events["events"]
        if event["data"].get("uetr") == state.uetr
    ]

    assert set(stated) == {"77.13"}


async def test_participants_see_tariffs_for_all_and_their_own(stack: Stack, charged: dict[str, str]) -> None:
    async with stack.client_of(charged) as client, stack.client("asha-bank") as other:
        own, theirs = await client.read("tariffs"), await other.read("tariffs")
    mine = [row for row in own if row["participant"] == charged["id"]]

    assert [(row["of"], row["borne_by"], row["flat"], row["basis_points"]) for row in mine] == [
        ("switch", "debtor", "1.50", 20), ("switch", "debtor", "1.90", 0), ("rail", "debtor", "0.40", 0)
    ]  # fmt: skip
    assert charged["id"] not in {row["participant"] for row in theirs}


@pytest.mark.parametrize(("country", "carries"), [("KZ", True), ("BY", True), ("PK", False)])
def test_a_rail_gets_the_amount_without_the_charges_and_the_charges_where_it_carries_them(
    tmp_path: Path, country: str, carries: bool
) -> None:
    """With the bearer DEBT, which Raast fixes, charges would be read as prepaid: they are left out there."""
    connection, _ = prepare(tmp_path, country, port=1, callback_url="http://127.0.0.1:1/")
    adapter = registry.load(country, connection)
    currency = adapter.profile.currency
    order = sample_order(country, charge_bearer="CRED")
    content = {"GrpHdr": {}, "CdtTrfTxInf": [{}]}
    order = replace(order, original=OriginalMessage("pacs.008.001.08", content))
    price = Price(
        Money(99_00, "INR"),
        Money(99_000, currency),
        Money(100, "INR"),
        "fx",
        "10",
        (FeeCharge(4, "switch", True, 100),),
    )
    native = adapter.translate(intake._stating_charges(order, price, "SWITINBB"))

    assert (b"SWITINBB" in native.body) is carries
    assert (b"CRED" in native.body) is carries
