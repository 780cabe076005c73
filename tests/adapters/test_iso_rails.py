"""What all ISO 20022 rails send is valid by the official schemas, and what each wants of its own is there."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from msgspec import structs

from adapters.belarus.messages import DIALECT as BELARUS
from adapters.iso20022 import envelope, messages
from adapters.iso20022.dialect import IsoParticipant
from adapters.kazakhstan.messages import DIALECT as KAZAKHSTAN
from adapters.pakistan.messages import DIALECT as PAKISTAN
from adapters.port import Outcome
from adapters.simulation.harness import sample_order
from adapters.simulation.magic import Magic
from adapters.xml import parse
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import Agent, PartyAccount

DIALECTS = {"PK": PAKISTAN, "KZ": KAZAKHSTAN, "BY": BELARUS}
IBANS = {"PK": "PK36SCBL0000001123456702", "KZ": "KZ86125KZT5004100100", "BY": "BY13NBRB3600900000002Z00AB00"}
BICS = {"PK": "SCBLPKKX", "KZ": "CASPKZKA", "BY": "NBRBBY2X"}
US = IsoParticipant("SCOSXX22", "RAILXX22")
every = pytest.mark.parametrize("country", DIALECTS)


def order_to(country, **changes):
    """An order to a published account, made from Pakistan's sample so that no adapter need be installed."""
    order = sample_order(
        "PK",
        creditor_account=PartyAccount(iban=IBANS[country]),
        creditor_agent=Agent(bic=BICS[country]),
        **changes,
    )
    return type(order)(
        order.payment,
        Money(150000, DIALECTS[country].profile.currency),
        order.serial,
        order.made_at,
        order.expires_at,
    )


def document_of(country, **changes):
    dialect = DIALECTS[country]
    header, document = messages.credit_transfer(order_to(country, **changes), US, dialect)
    return parse(envelope.write(dialect.envelope, header, document)).find(".//{*}Document")


@every
def test_credit_transfers_are_valid_by_the_official_schema(shared, country):
    definition = DIALECTS[country].versions.credit_transfer
    schema = etree.XMLSchema(etree.parse(shared / "iso20022" / "xsd" / f"{definition}.xsd"))

    schema.assertValid(etree.fromstring(etree.tostring(document_of(country))))


@every
def test_published_accounts_are_carried_and_other_countries_are_not(country):
    assert messages.check(order_to(country), DIALECTS[country]) == []
    for other in DIALECTS.keys() - {country}:
        order = order_to(country)
        payment = structs.replace(order.payment, creditor_account=PartyAccount(iban=IBANS[other]))
        found = messages.check(
            type(order)(payment, order.amount, 1, order.made_at, order.expires_at), DIALECTS[country]
        )
        assert [violation.reason for violation in found] == ["AC03"]


def test_a_purpose_is_mandatory_in_belarus_only():
    for country, dialect in DIALECTS.items():
        found = [violation.reason for violation in messages.check(order_to(country, purpose=None), dialect)]
        assert found == (["FF07"] if country == "BY" else [])


def test_kazakhstan_receives_knp_and_residency_and_keeps_the_iso_purpose():
    document = document_of("KZ", purpose="GIFT")

    assert document.find(".//{*}Purp/{*}Prtry").text == "119"
    assert [code.text for code in document.iterfind(".//{*}RgltryRptg/{*}Dtls/{*}Cd")] == ["29", "19"]
    assert document.find(".//{*}RgltryRptg//{*}Inf").text == "ISO purpose GIFT"


def test_kazakhstan_receives_a_knp_of_the_sender_as_it_is():
    document = document_of("KZ", purpose="342")

    assert document.find(".//{*}Purp/{*}Prtry").text == "342"
    assert document.find(".//{*}RgltryRptg//{*}Inf") is None


def test_kazakhstan_wants_the_end_to_end_id_as_a_header_too():
    assert KAZAKHSTAN.headers("abc") == {"end-to-end-id": "abc"}
    assert not PAKISTAN.headers("abc")


@every
def test_times_are_written_in_the_rails_own_zone(country):
    offset = {"PK": "+05:00", "KZ": "+05:00", "BY": "+03:00"}[country]
    document = document_of(country)

    assert document.find(".//{*}CreDtTm").text.endswith(offset)
    assert document.find(".//{*}RjctTm").text.endswith(offset)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


def returned(country, key, **changes):
    """What the rail's pacs.004 about an order says to us, some of it changed."""
    dialect, ref = DIALECTS[country], "2d0c9a0b6f3a4a2f9a1b2c3d4e5f6072"
    whole = {"Ccy": dialect.profile.currency, "Amt": "1500.00"}
    transaction = {
        "RtrId": "RETURN-1",
        "OrgnlEndToEndId": ref,
        "OrgnlTxId": ref,
        "OrgnlUETR": str(UUID(ref)),
        "OrgnlIntrBkSttlmAmt": whole,
        "RtrdIntrBkSttlmAmt": whole,
        "IntrBkSttlmDt": "2026-11-26",
        "RtrRsnInf": [{"Rsn": {"Cd": "AC04"}}],
    } | changes
    group = {
        "MsgId": "M1",
        "CreDtTm": "2026-11-26T12:00:00.000Z",
        "NbOfTxs": "1",
        "SttlmInf": {"SttlmMtd": "CLRG"},
    }
    content = {tag: value for tag, value in transaction.items() if value is not None}
    at = datetime(2026, 11, 26, 12, tzinfo=UTC)
    header = envelope.IsoHeader(US.operator, US.bic, "M1", dialect.versions.payment_return, at)
    raw = envelope.write(dialect.envelope, header, {"PmtRtr": {"GrpHdr": group, "TxInf": [content]}})
    return envelope.open_sealed(dialect.envelope, envelope.seal(raw, key, at), key.public_key())


@every
def test_what_a_rail_gives_back_is_read_as_given_back(country, key):
    answer = messages.read_unsolicited(returned(country, key), US, DIALECTS[country])

    assert (answer.outcome, answer.reason, answer.rail_code) == (Outcome.RETURNED, "AC04", "AC04")
    assert answer.amount == Money(150000, DIALECTS[country].profile.currency)
    assert answer.rail_reference == "RETURN-1"


def test_a_return_has_its_own_amount_and_an_id(key):
    """How much was credited is for the switch to know, which compares; and the id of a return is optional."""
    less = {"Ccy": "PKR", "Amt": "900.00"}
    answer = messages.read_unsolicited(returned("PK", key, RtrdIntrBkSttlmAmt=less, RtrId=None), US, PAKISTAN)

    assert (answer.outcome, answer.amount) == (Outcome.RETURNED, Money(90000, "PKR"))
    assert answer.rail_reference == "M1"


@pytest.mark.parametrize(
    "changes", [{"OrgnlTxId": "0" * 32}, {"OrgnlTxId": None}, {"OrgnlUETR": None}], ids=str
)
def test_a_return_must_name_one_order(changes, key):
    with pytest.raises(InvalidMessage):
        messages.read_unsolicited(returned("BY", key, **changes), US, BELARUS)


@pytest.mark.asyncio(loop_scope="session")
async def test_raast_accepts_and_then_gives_back_by_a_return(rails):
    rail = await rails.get("PK")
    native = rail.adapter.translate(sample_order("PK", Magic.RETURN))
    receipt = await rail.adapter.submit(native)
    (answer,) = await rail.wait_for_answers(native.ref)

    assert receipt.answer.outcome is Outcome.PENDING
    assert (answer.outcome, answer.reason) == (Outcome.RETURNED, "AC04")
    assert any(b"pacs.004.001.09" in raw and native.ref.encode() in raw for raw in rail.raw)
    assert rail.credits(native.ref) == 0
