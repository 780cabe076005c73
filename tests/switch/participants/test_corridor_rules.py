"""Two people set what messages of a corridor must have, from an instant on."""

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from schemas.code_lists import LISTS
from schemas.errors import Refused, SwitchError
from schemas.required_data import PartyData
from schemas.rules import SWITCH, Addresses
from switch.participants.corridor_rules import ListName
from switch.payments import corridor_rules
from switch.payments.directory import DirectorySnapshot, load
from switch.writer.context import ServiceContext
from tests.switch.services import agree, done, open_services
from tests.switch.stack import Stack

WAY = {"source": "IN", "target": "PK"}
FULL = {
    "full_data_above": "85000.00",
    "originator": ["address", "birth", "identifier"],
    "beneficiary": ["address"],
}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


def scheme(directory: DirectorySnapshot, at: datetime) -> Any:
    now_us = int(at.timestamp() * 1_000_000)
    return corridor_rules.scheme(SWITCH, corridor_rules.in_force(directory, "IN", "PK", now_us))


async def test_rules_begin_at_their_instant_and_replace_earlier_ones(services: ServiceContext) -> None:
    later = datetime.now(UTC) + timedelta(days=30)
    await done(services, "corridor.rules", {**WAY, **FULL, "addresses": "structured"})
    dated = {**WAY, "purpose": "IN-RBI", "purpose_codes": ["P1301"], "valid_from": later.isoformat()}
    await done(services, "corridor.rules", dated)

    directory = await load(services.pool)
    now = scheme(directory, datetime.now(UTC) + timedelta(seconds=5))
    then = scheme(directory, later + timedelta(seconds=1))

    assert now.addresses is Addresses.STRUCTURED
    assert now.purpose is None
    assert (now.full_data.above, now.full_data.currency) == ("85000.00", "INR")
    assert now.full_data.originator == {PartyData.ADDRESS, PartyData.BIRTH, PartyData.IDENTIFIER}
    assert then.addresses is SWITCH.addresses
    assert then.full_data is None
    assert then.purpose.codes == {"P1301"}
    assert scheme(directory, later - timedelta(seconds=1)) == now
    await done(services, "corridor.rules", WAY)
    assert scheme(await load(services.pool), datetime.now(UTC) + timedelta(seconds=5)) == SWITCH


async def test_of_two_rules_of_one_instant_the_later_change_counts(services: ServiceContext) -> None:
    later = datetime.now(UTC) + timedelta(days=30)
    for addresses in ("any", "structured"):
        dated = {**WAY, "addresses": addresses, "valid_from": later.isoformat()}
        await done(services, "corridor.rules", dated)

    assert scheme(await load(services.pool), later).addresses is Addresses.STRUCTURED


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({**WAY, "target": "IN"}, "different countries"),
        ({**WAY, "target": "FR"}, "no adapter for FR"),
        ({**WAY, "originator": ["address"]}, "state the amount"),
        ({**WAY, "full_data_above": "1"}, "state what is required"),
        ({**WAY, **FULL, "full_data_above": "1.005"}, "decimal"),
        ({**WAY, "purpose_codes": ["P1301"]}, "state the list"),
        ({**WAY, "purpose": "KZ-KNP", "purpose_codes": ["P1301"]}, "three digits"),
        ({"source": "PK", "target": "IN", "regulatory": "ANY"}, "require a purpose instead"),
        ({**WAY, "valid_from": "2020-01-01T00:00:00Z"}, "in the past"),
        ({**WAY, "valid_from": "2099-01-01T00:00:00"}, "offset"),
    ],
)
async def test_rules_that_cannot_be_are_refused(
    services: ServiceContext, content: dict[str, Any], text: str
) -> None:
    with pytest.raises(SwitchError, match=text):
        await agree(services, "corridor.rules", content)


async def test_few_rules_wait_for_their_instant(services: ServiceContext) -> None:
    for day in range(1, 11):
        later = datetime.now(UTC) + timedelta(days=day)
        await done(services, "corridor.rules", {**WAY, "valid_from": later.isoformat()})

    with pytest.raises(Refused, match="wait for their instant"):
        await agree(services, "corridor.rules", WAY)


def test_the_form_offers_every_list() -> None:
    assert set(ListName.__args__) == set(LISTS)


async def test_a_payment_without_the_required_data_is_refused_with_all_paths(stack: Stack) -> None:
    rule = {"source": "PK", "target": "IN", **FULL, "full_data_above": "10.00",
            "purpose": "IN-RBI", "purpose_codes": ["P1301", "P1302"]}  # fmt: skip
    await stack.agreed("corridor.rules", rule)
    try:
        async with stack.client("noor-wallet") as client:
            corridors = {(each["source"], each["target"]): each for each in await client.read("corridors")}
            bare = await client.pay(stack.document("noor-wallet", "asha-bank", amount="20.00"))
            refused = await client.payment(bare.uetr)
            small = await client.pay(with_data(stack, "10.00"), wait=10)
            whole = await client.pay(with_data(stack, "20.00", parties=True), wait=10)
    finally:
        await stack.agreed("corridor.rules", {"source": "PK", "target": "IN"})

    assert (refused.status, refused.reason) == ("RJCT", "BE07")
    assert refused.detail is not None
    for path in ("Dbtr/PstlAdr", "Dbtr/Id", "Cdtr/PstlAdr", "Purp"):
        assert f"CdtTrfTxInf/{path}:" in refused.detail
    assert "one of P1301, P1302" in refused.detail
    assert (small.status, whole.status) == ("ACCC", "ACCC")
    required = corridors["PK", "IN"]["requires"]
    assert required["full_data"]["above"] == "10.00"
    assert required["full_data"]["beneficiary"] == ["address"]
    assert required["purpose"] == {"code_list": "IN-RBI", "form": None, "codes": ["P1301", "P1302"]}
    assert corridors["IN", "PK"]["requires"]["valid_from"] is None
    assert corridors["PK", "IN"]["will_require"] == []


def with_data(stack: Stack, amount: str, *, parties: bool = False) -> dict[str, Any]:
    """A payment with a purpose of the Reserve Bank of India, and what must be known of its parties."""
    document = copy.deepcopy(stack.document("noor-wallet", "asha-bank", amount=amount))
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["Purp"] = {"Prtry": "P1301"}
    if parties:
        birth = {"BirthDt": "1990-01-02", "CityOfBirth": "Lahore", "CtryOfBirth": "PK"}
        transaction["Dbtr"] |= {
            "PstlAdr": {"TwnNm": "Lahore", "Ctry": "PK"},
            "Id": {"PrvtId": {"DtAndPlcOfBirth": birth}},
        }
        transaction["Cdtr"]["PstlAdr"] = {"TwnNm": "Pune", "Ctry": "IN"}
    return document
