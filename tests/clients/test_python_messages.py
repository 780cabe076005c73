"""The messages that the Python client builds: valid by schema and rules, and accepted by a sandbox."""

import asyncio
import json
import uuid
from typing import Any

import pytest

from schemas import codec, rules, verdict
from switch.api.iso_endpoints import HANDLERS, PREFIX
from switch.clients import python
from switch.clients.python import AsyncClient, Client, SigningKey
from tests.switch.stack import Stack

ASHA, INDUS = "ASHAINBB", "INDUPKKA"
ACCOUNT = "PK60SAND0000000000000001"
UETR = "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7"
ONE_OF_EACH = {
    "pacs.008": lambda: python.credit_transfer(
        debtor_agent=ASHA,
        debtor="Asha Rao",
        debtor_account="50100012345678",
        creditor_agent=INDUS,
        creditor_agent_member="INDU",
        creditor="Bilal Khan",
        creditor_account=ACCOUNT,
        amount="1000.00",
        currency="INR",
        purpose="FAMI",
        remittance="invoice 7",
    ),
    "pacs.028": lambda: python.status_request(UETR),
    "pacs.004": lambda: python.payment_return(UETR, amount="3283.50", currency="PKR", reason="AC04"),
    "camt.056": lambda: python.recall(UETR, from_agent=ASHA, to_agent=INDUS),
    "camt.029": lambda: python.recall_refusal(UETR, from_agent=INDUS, to_agent=ASHA, reason="AC04"),
    "camt.110": lambda: python.investigation(
        UETR, type_="RQFI", reason="NARR", text="Which invoice?", from_agent=ASHA, to_agent=INDUS
    ),
    "camt.111": lambda: python.investigation_answer(
        python.investigation(UETR, type_="RQFI", reason="PURP", from_agent=ASHA, to_agent=INDUS), text="Goods"
    ),
    "acmt.023": lambda: python.verification(ACCOUNT, "Bilal Khan", from_agent=ASHA, to_agent=INDUS),
    "pain.013": lambda: python.request_to_pay(
        creditor_agent=INDUS,
        creditor="Bilal Khan",
        creditor_account=ACCOUNT,
        debtor_agent=ASHA,
        debtor="Asha Rao",
        amount="100.00",
        currency="INR",
        end_to_end_id="INVOICE-7",
    ),
    "pain.014": lambda: python.request_to_pay_answer(
        "M-1", status="ACCP", responder="Asha Bank", creditor_agent=INDUS
    ),
    "camt.003": python.accounts_request,
}


def test_there_is_one_for_every_message_that_participants_send():
    assert {f"{PREFIX}{name}" for name in ONE_OF_EACH} == HANDLERS.keys()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_it_is_valid_by_schema_and_rules(name: str):
    document = ONE_OF_EACH[name]()
    message = codec.decode(json.dumps(document).encode(), media_type="application/json", expect=name)

    assert not rules.refusals(verdict.findings(message))


def signing(stack: Stack, name: str) -> AsyncClient:
    entry = stack.participant(name)
    return AsyncClient(stack.url, key=SigningKey.from_pem(entry["keyid"], entry["private_key"]))


async def test_a_sandbox_takes_each_of_them_signed(stack: Stack):
    """Pay, ask, recall, refuse the recall, return; verify an account; request a payment, and answer it."""
    async with signing(stack, "asha-bank") as asha, signing(stack, "indus-bank") as indus:
        paid = await asha.pay(stack.document("asha-bank", "indus-bank"), wait=20)
        uetr = paid.uetr
        payment = await indus.payment(uetr)
        assert payment.credited_amount is not None
        credited = payment.credited_amount
        wish = python.request_to_pay(
            creditor_agent=INDUS, creditor="Bilal Khan", creditor_account=ACCOUNT, debtor_agent=ASHA,
            debtor="Asha Rao", amount="100.00", currency="INR", end_to_end_id=uuid.uuid4().hex,
        )  # fmt: skip
        ask = python.investigation(uetr, type_="RQFI", reason="PURP", from_agent=ASHA, to_agent=INDUS)
        wish_id = wish["Document"]["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"]

        answers = [
            await asha.send(python.status_request(uetr)),
            await asha.send(python.recall(uetr, from_agent=ASHA, to_agent=INDUS)),
            await indus.send(python.recall_refusal(uetr, from_agent=INDUS, to_agent=ASHA, reason="AC04")),
            await asha.send(ask),
            await indus.send(python.investigation_answer(ask, text="for goods")),
            await indus.send(
                python.payment_return(
                    uetr, amount=credited.amount, currency=credited.currency, reason="AC04"
                )
            ),
            await asha.send(python.verification(ACCOUNT, "Bilal Khan", from_agent=ASHA, to_agent=INDUS)),
            await indus.send(wish),
            await asha.send(
                python.request_to_pay_answer(
                    wish_id, status="ACCP", responder="Asha Bank", creditor_agent=INDUS
                )
            ),
            await asha.send(python.accounts_request()),
        ]  # fmt: skip
        after = await asha.payment(uetr)

    assert (paid.status, after.returned) == ("ACCC", True)
    assert [answer["$type"][:8] for answer in answers] == [
        "pacs.002", "camt.029", "admi.007", "camt.111", "admi.007", "pacs.002", "acmt.024", "pain.014", "admi.007", "camt.004",
    ]  # fmt: skip


async def test_a_payment_at_a_firm_quote_names_it(stack: Stack):
    asked = {"creditor_agent": INDUS, "amount": "3000.00", "currency": "PKR", "fixed": "destination"}
    async with signing(stack, "asha-bank") as client:
        quote = await client.change("POST", "quotes", {**asked, "purpose": "FAMI"})
        paid = await client.pay(
            python.credit_transfer(
                debtor_agent=ASHA, debtor="Asha Rao", debtor_account="50100012345678",
                creditor_agent=INDUS, creditor="Bilal Khan", creditor_account=ACCOUNT,
                **quote["interbank_settlement_amount"], purpose=quote["purpose"], quote=quote["id"],
            ),
            wait=20,
        )  # fmt: skip
        used_by = (await client.read(f"quotes/{quote['id']}"))["used_by"]

    assert (paid.status, used_by) == ("ACCC", paid.uetr)


async def test_the_stream_of_a_sandbox_has_the_steps_of_a_payment(stack: Stack):
    async with signing(stack, "asha-bank") as client:
        before = (await client.read("events", limit="1000"))["next"]
        uetr = (await client.pay(stack.document("asha-bank", "indus-bank"), wait=20)).uetr
        found: list[str] = []
        async with asyncio.timeout(30):
            async for event in client.events(after=before):
                found += [event.type] * (event.subject == uetr)
                if event.type == "payment.posted" and event.subject == uetr:
                    break

    assert found == ["payment.reserved", "payment.sent", "payment.posted"]


def test_every_message_is_an_entry(stack: Stack):
    bank = stack.participant("asha-bank")
    with Client(stack.url, key=SigningKey.from_pem(bank["keyid"], bank["private_key"])) as client:
        client.send(python.accounts_request())
        read = client.read("messages", after="0", limit="200")["messages"]
        found = list(client.entries("messages", limit="1"))

    assert [entry["seq"] for entry in found][: len(read)] == [entry["seq"] for entry in read]


def test_the_blocking_client_pays_and_reads(stack: Stack):
    with Client.of_sandbox(stack.settings.credentials_file, "asha-bank") as client:
        state = client.pay(stack.document("asha-bank", "indus-bank"), wait=20)
        read: Any = client.wait(state.uetr, within_s=20)
        rails = client.read("rails")

    assert (state.status, read.status) == ("ACCC", "ACCC")
    assert {rail["country"] for rail in rails} == {"IN", "PK"}
