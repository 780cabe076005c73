"""An order of a rail names the payee's bank by its BIC; what the other rail needs beside it is added."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from adapters import registry
from adapters.originating import PaymentOrder, order_of
from schemas.money import Money
from schemas.payment import Agent, Party, PartyAccount
from switch.payments.directory import Participant
from switch.payments.inbound import addressed

FORM = registry.profile("CN").member_id
CODE, OTHER = "998290000027", "998290000019"


def order(member_id: str | None = None) -> PaymentOrder:
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    return order_of(
        "IN",
        "NPC1",
        Money(100, "INR"),
        made_at=at,
        expires_at=None,
        end_to_end_id=None,
        debtor=Party(name="Bilal Khan"),
        debtor_account=None,
        debtor_agent=Agent(member_id="OKBK0000001"),
        creditor=Party(name="Asha Rao"),
        creditor_account=PartyAccount(other="6299980000000000006"),
        creditor_agent=Agent(bic="JADECNBJ", member_id=member_id),
    )


def bank(*member_ids: str) -> Participant:
    return Participant("jade-bank", "Jade", "JADECNBJ", "CN", "direct", "active", member_ids)


@pytest.mark.parametrize(
    ("stated", "registered", "form", "expected"),
    [
        (None, (CODE,), FORM, CODE),
        (None, ("998", CODE, "@jade"), FORM, CODE),
        (OTHER, (CODE,), FORM, OTHER),
        (None, (CODE, OTHER), FORM, None),
        (None, ("998",), FORM, None),
        (None, (), FORM, None),
        (None, (CODE,), "", None),
    ],
)
def test_the_only_whole_id_of_the_bank_is_stated_where_its_rail_needs_one(
    stated: str | None, registered: tuple[str, ...], form: str, expected: str | None
) -> None:
    sent = order(stated)
    found = addressed(sent, bank(*registered), form)

    assert found.payment.creditor_agent == structs.replace(sent.payment.creditor_agent, member_id=expected)
    assert structs.replace(found.payment, creditor_agent=sent.payment.creditor_agent) == sent.payment


def test_the_bank_may_be_no_participant() -> None:
    assert addressed(order(), None, FORM) == order()
