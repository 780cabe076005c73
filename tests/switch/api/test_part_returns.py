"""Parts of a payment, and all of it at the rate in force, go back by a bank, by a rail and by two people."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from switch.change_catalogue import KINDS
from switch.operations import verify
from switch.payments import dossier
from tests.switch.api.test_doors import given_back, inbox, paid, post
from tests.switch.api.test_return_terms import answered, held_by, returning
from tests.switch.payments.test_rail_returns import Raast
from tests.switch.stack import Stack, started


@pytest.fixture(scope="module")
def market() -> Iterator[Stack]:
    """A switch whose rates move."""
    with started() as stack:
        yield stack


async def agreed_rate(stack: Stack, rate: Decimal, provider: str) -> None:
    content = {"source": "INR", "target": "PKR", "provider": provider, "rate": f"{rate:.10f}"}
    await stack.agreed("rate.set", content)


async def verified(stack: Stack) -> list[str]:
    """What `payswitch verify` finds."""
    connection = await stack.connect()
    try:
        results = [
            each
            async for each in verify.verify(connection, stack.settings.rails_directory, None, kinds=KINDS)
        ]
    finally:
        await connection.close()
    return [f"{each.name}: {each.detail}" for each in results if not each.ok]


async def got_back(stack: Stack, uetr: str) -> list[int]:
    """What the debtor agent's account received, by the ledger part of the payment's page."""
    connection = await stack.connect()
    try:
        legs = await connection.fetch(dossier._LEGS, UUID(uetr))
    finally:
        await connection.close()
    return [leg["amount"] for leg in legs if leg["credit_owner"] == "asha-bank"]


async def described(stack: Stack, uetr: str) -> dict[str, Any]:
    async with stack.client("asha-bank") as client:
        found: dict[str, Any] = await client.read(f"payments/{uetr}")
    return found


def part_of(payment: dict[str, Any], amount: object, **more: str) -> dict[str, Any]:
    document = given_back(payment["uetr"], str(amount), payment["credited_amount"]["currency"])
    document["PmtRtr"]["TxInf"][0] |= more
    return document


async def test_a_payment_is_returned_by_parts_that_add_up_and_the_fee_stays(market: Stack) -> None:
    payment = await paid(market)
    whole, paid_in = Decimal(payment["credited_amount"]["amount"]), payment["interbank_settlement_amount"]
    before = {name: dict(await held_by(market, name)) for name in ("asha-bank", "indus-bank", "silkroad-fx")}
    parts = [Decimal("1.00"), Decimal("33.33")]
    parts.append(whole - sum(parts))
    documents = [part_of(payment, part) for part in parts]
    answers = [(await answered(market, document))[:2] for document in documents]
    again = [(await answered(market, document))[:2] for document in documents]
    more = await answered(market, part_of(payment, "0.01"))
    in_full = await answered(market, returning(payment))
    too_much = await refused(market, part_of(payment, whole + 1))
    after = {name: dict(await held_by(market, name)) for name in before}
    found = await described(market, payment["uetr"])
    on_page = await got_back(market, payment["uetr"])

    assert answers == again == [(200, "ACSC")] * 3
    for each in (more, in_full):
        assert each[:3] == (422, "RJCT", "AM09")
        assert "nothing is left to return (0.00 PKR)" in each[3]
    assert too_much == (422, "AM09", "nothing is left to return (0.00 PKR)")
    got = sum(Decimal(part["received_amount"]["amount"]) for part in found["part_returns"])
    assert found["returned"]
    assert (got, len(found["part_returns"])) == (Decimal(paid_in["amount"]), 3)
    assert (sum(on_page), len(on_page)) == (got * 100, 3), "the page of the payment left returns in part out"
    assert {part["borne_by_debtor"]["amount"] for part in found["part_returns"]} == {"0.00"}
    assert [step["event"] for step in found["journey"]][-3:] == ["part_returned"] * 3
    assert after["asha-bank"]["INR"] - before["asha-bank"]["INR"] == got * 100
    assert before["indus-bank"]["PKR"] - after["indus-bank"]["PKR"] == whole * 100
    assert await verified(market) == []


async def refused(stack: Stack, document: dict[str, Any]) -> tuple[int, str, str]:
    """HTTP status, reason and text of the refusal of a return that states a wrong amount."""
    status, problem = await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document)
    return status, problem["reason"], problem["detail"]


async def test_a_return_of_too_much_states_how_much_is_left_in_which_currency(market: Stack) -> None:
    payment = await paid(market)
    whole = Decimal(payment["credited_amount"]["amount"])
    before = await refused(market, part_of(payment, whole + 1))
    assert (await answered(market, part_of(payment, "10.00")))[:2] == (200, "ACSC")
    after = [await refused(market, part_of(payment, amount)) for amount in (whole + 1, whole)]
    other = part_of(payment, "1.00")
    other["PmtRtr"]["TxInf"][0]["RtrdIntrBkSttlmAmt"]["Ccy"] = "INR"
    left = f"only {whole - 10} PKR are left to return"

    assert before == (422, "AM09", f"only {whole} PKR are left to return")
    assert after == [(422, "AM09", left)] * 2
    of_other = await refused(market, other)
    assert of_other == (422, "AM09", f"is not in the credited currency, PKR; {left}")


async def test_a_return_at_the_rate_in_force_costs_the_debtor_and_not_the_provider(market: Stack) -> None:
    payment = await paid(market)
    rate, provider = Decimal(payment["exchange_rate"]), payment["fx_provider"]
    now_in_force = (rate * Decimal("1.02")).quantize(Decimal("0.0000000001"))
    await agreed_rate(market, now_in_force, provider)
    before = {name: dict(await held_by(market, name)) for name in ("asha-bank", provider)}
    stated = f"{now_in_force.normalize():f}"
    _, _, reason, text = await answered(market, returning(payment))
    wrong = part_of(payment, "10.00", XchgRate=f"{rate * Decimal('1.01'):.4f}")
    status, problem = await post(market, "indus-bank", "pacs.004", "pacs.004.001.09", wrong)
    document = part_of(payment, payment["credited_amount"]["amount"], XchgRate=stated)
    done, again = await answered(market, document), await answered(market, document)
    after = {name: dict(await held_by(market, name)) for name in before}
    found = await described(market, payment["uetr"])
    await agreed_rate(market, rate, provider)

    assert (reason, "State that rate (XchgRate) to return at it" in text) == ("NARR", True), text
    assert (status, problem["reason"], problem["errors"][0]["path"]) == (422, "AM09", "PmtRtr/TxInf/XchgRate")
    assert done[:2] == again[:2] == (200, "ACSC"), done
    (part,) = found["part_returns"]
    paid_in = Decimal(payment["interbank_settlement_amount"]["amount"])
    got, less = (Decimal(part[name]["amount"]) for name in ("received_amount", "borne_by_debtor"))
    assert got + less == paid_in
    assert Decimal(part["exchange_rate"]) == now_in_force
    assert after["asha-bank"]["INR"] - before["asha-bank"]["INR"] == got * 100
    gained = after[provider]["PKR"] - before[provider]["PKR"]
    cost = Decimal(before[provider]["INR"] - after[provider]["INR"])
    assert 0 <= Decimal(gained) / now_in_force - cost < 1, "the provider exchanged at the rate in force"
    assert await verified(market) == []


async def test_two_people_return_a_part_at_the_rate_of_the_payment(market: Stack) -> None:
    payment = await paid(market)
    content = {"uetr": payment["uetr"], "reason": "FR01", "evidence": "court order 12"}
    await market.agreed("payment.return", {**content, "amount": "20.00"})
    with pytest.raises(AssertionError, match="return what is left by its amount"):
        await market.agreed("payment.return", content)
    with pytest.raises(AssertionError, match="are left to return"):
        await market.agreed("payment.return", {**content, "amount": "99999.00"})
    found = await described(market, payment["uetr"])

    (part,) = found["part_returns"]
    assert (part["amount"]["amount"], part["reason"], found["returned"]) == ("20.00", "FR01", False)
    assert found["detail"] == "returned in part FR01"
    assert await verified(market) == []


async def test_what_a_rail_gives_back_is_booked_in_parts_and_at_the_rate_in_force_by_rule(
    market: Stack,
) -> None:
    payment = await paid(market)
    rate, provider = Decimal(payment["exchange_rate"]), payment["fx_provider"]
    raast, whole = Raast(market), Decimal(payment["credited_amount"]["amount"])
    first, second = uuid4().hex, uuid4().hex
    assert await raast.gives_back(raast.message(payment["uetr"], "10.00", reference=first)) == 200
    await until_parts(market, payment["uetr"], 1)
    await agreed_rate(market, rate * Decimal("1.02"), provider)
    left = f"{whole - 10:.2f}"
    assert await raast.gives_back(raast.message(payment["uetr"], left, reference=second)) == 200
    await until_parts(market, payment["uetr"], 2)
    await agreed_rate(market, rate, provider)
    of_rule, at_new_rate = await returns_told(market, payment["uetr"], 2)

    found = await described(market, payment["uetr"])
    at_old, at_new = found["part_returns"]
    assert found["returned"]
    assert [Decimal(part["borne_by_debtor"]["amount"]) > 0 for part in found["part_returns"]] == [False, True]
    for message, part in ((of_rule, at_old), (at_new_rate, at_new)):
        got = part["received_amount"]
        assert message["RtrdIntrBkSttlmAmt"] == {"Ccy": got["currency"], "Amt": got["amount"]}
        assert message["OrgnlIntrBkSttlmAmt"]["Amt"] == payment["interbank_settlement_amount"]["amount"]
    assert "XchgRate" not in of_rule
    assert Decimal(at_new_rate["XchgRate"]) == Decimal(at_new["exchange_rate"])
    told = " ".join(at_new_rate["RtrRsnInf"][0]["AddtlInf"])
    less = at_new["borne_by_debtor"]
    assert f"the debtor bears the difference of {less['amount']} {less['currency']}" in told
    assert await verified(market) == []


async def until_parts(stack: Stack, uetr: str, count: int) -> None:
    async with asyncio.timeout(60):
        while len((await described(stack, uetr))["part_returns"]) < count:
            await asyncio.sleep(0.1)


async def returns_told(stack: Stack, uetr: str, count: int) -> list[dict[str, Any]]:
    """The transactions of the pacs.004 that the debtor agent has got, once there are so many."""
    async with asyncio.timeout(60):
        while len(found := [m for m in await inbox(stack, "asha-bank") if m["uetr"] == uetr]) < count:
            await asyncio.sleep(0.2)
    return [m["message"]["Document"]["PmtRtr"]["TxInf"][0] for m in found]
