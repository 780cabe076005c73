"""Drafts of reports in goAML form: complete, in order, and honest about what is missing."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from lxml import etree

from schemas.money import Money
from schemas.payment import Agent, CreditTransfer, Party, PartyAccount
from switch.operations import goaml

OFFICIAL: Final = os.environ.get("PAYSWITCH_GOAML_XSD", "")
"""The schema of a unit, which is not ours to ship: with it, completed drafts are validated by it too."""
PAYMENT: Final = CreditTransfer(
    uetr="8f2e6a10-9d0c-4b5e-8a11-6a2f1d0c7e42",
    message_id="M1",
    created_at=datetime(2026, 11, 30, 12, tzinfo=UTC),
    end_to_end_id="E2E-1",
    interbank_settlement_amount=Money.parse("100.00", "INR"),
    charge_bearer="SHAR",
    debtor=Party(name="Asha Devi Rao", country="IN", national_id="X123"),
    debtor_account=PartyAccount(iban="DE89370400440532013000"),
    debtor_agent=Agent(bic="ASHAINBB"),
    creditor_agent=Agent(bic="INDUPKKA"),
    creditor=Party(name="Bilal"),
    creditor_account=PartyAccount(other="12345"),
)
OF_PERSON: Final = "first_name! last_name! passport_number! passport_country! id_number"
OF_CLIENT: Final = (
    "gender! first_name! last_name! birthdate! passport_number! passport_country! id_number! nationality1!"
    " residence! phones! identification! tax_reg_number!"
)
OF_ACCOUNT: Final = (
    "institution_name swift institution_code account! account_name! iban personal_account_type signatory!"
    " balance! status_code!"
)
OF_OWN_ACCOUNT: Final = (
    "institution_name! swift institution_code non_bank_institution! branch! account! currency_code! account_name!"
    " iban personal_account_type signatory! opened! balance! date_balance! status_code! beneficiary!"
)
FIELDS: Final = {
    "report": "rentity_id! submission_code! report_code! entity_reference! submission_date! currency_code_local!"
    " reason action transaction! report_indicators!",
    "transaction": "transactionnumber! internal_ref_number transaction_location! transaction_description!"
    " date_transaction! transmode_code! transmode_comment! amount_local! t_from t_from_my_client t_to t_to_my_client",
    "t_from": "from_funds_code! from_account! from_country!",
    "t_from_my_client": "from_funds_code! from_account! from_country!",
    "t_to": "to_funds_code! to_account! to_country!",
    "t_to_my_client": "to_funds_code! to_account! to_country!",
    "signatory": "is_primary t_person! role!",
    "identification": "type! number! issue_date! expiry_date! issue_country!",
    "report_indicators": "indicator!",
    "phones": "",
}
"""Elements of each node in their order, by the published description of schema 5.0; those with ! must be there."""


def fields_of(node: etree._Element) -> str:
    own = any(one.tag.endswith("_my_client") for one in node.iterancestors())
    if node.tag.endswith("_account"):
        return OF_OWN_ACCOUNT if own else OF_ACCOUNT
    if node.tag == "t_person":
        return OF_CLIENT if own else OF_PERSON
    return FIELDS[node.tag]


def check(node: etree._Element) -> None:
    """The elements of a node are known, in order, and complete, and so are theirs."""
    wanted = fields_of(node).split()
    names = [word.rstrip("!") for word in wanted]
    found = [one.tag for one in node if isinstance(one.tag, str)]
    places = [names.index(tag) for tag in found]
    assert places == sorted(set(places)), node.tag
    assert {word[:-1] for word in wanted if word.endswith("!")} <= set(found), node.tag
    for one in node:
        if isinstance(one.tag, str) and (len(one) or one.tag in FIELDS):
            check(one)


@pytest.mark.parametrize(
    ("client", "sides"),
    [("", ("t_from", "t_to")), ("from", ("t_from_my_client", "t_to")), ("to", ("t_from", "t_to_my_client"))],
)
def test_a_draft_has_the_fields_of_the_schema_in_their_order(client: str, sides: tuple[str, str]) -> None:
    root = etree.fromstring(goaml.write(PAYMENT, datetime.now(UTC), 7, client))

    check(root)
    assert tuple(one.tag for one in root.iterfind("transaction/*"))[-2:] == sides
    assert root.findtext("transaction/transactionnumber") == PAYMENT.uetr
    assert root.findtext("transaction/amount_local") == "100.00"
    names = [(p.findtext("first_name"), p.findtext("last_name")) for p in root.iter("t_person")]
    assert names == [("Asha Devi", "Rao"), ("?", "Bilal")]
    assert root.findtext("rentity_id") == "?"
    if OFFICIAL:
        assert_valid(root, etree.parse(Path(OFFICIAL)))


def assert_valid(root: etree._Element, schema: etree._ElementTree) -> None:
    """Complete a draft as an officer would, and validate it by the schema of a unit."""
    dates = {"opened", "date_balance", "birthdate", "issue_date", "expiry_date"}
    for one in list(root.iter()):
        if one.text == goaml.TO_FILL:
            one.text = "2020-01-01T00:00:00" if one.tag in dates else coded(schema, one.tag)
    found = etree.XMLSchema(schema)
    assert found.validate(root), found.error_log


def coded(schema: etree._ElementTree, tag: str) -> str:
    """A value that an element may have: the last code of its list, or a number."""
    space = {"x": "http://www.w3.org/2001/XMLSchema"}
    for element in schema.getroot().iterfind(f".//x:element[@name='{tag}']", space):
        of_type = schema.getroot().find(f".//x:simpleType[@name='{element.get('type')}']", space)
        codes = [] if of_type is None else of_type.findall(".//x:enumeration", space)
        if codes:
            return str(codes[-1].get("value"))
    return "1"
