"""Raast's words, against the observed pair of messages and the official schema."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import registry
from adapters.iso20022 import envelope, messages
from adapters.iso20022.codes import STATUSES as DEFINED
from adapters.iso20022.dialect import IsoParticipant
from adapters.pakistan import sandbox
from adapters.pakistan.messages import DIALECT
from adapters.pakistan.profile import PROFILE
from adapters.port import Outcome
from adapters.simulation.harness import sample_order
from adapters.simulation.sandbox import prepare
from adapters.xml import parse
from schemas import codec, credit_transfer
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import Agent, Party, PartyAccount

US = IsoParticipant.of(sandbox.IDENTITY)
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    connection, _ = prepare(tmp_path_factory.mktemp("PK"), "PK", port=1, callback_url="http://127.0.0.1:1/")
    return registry.load("PK", connection)


def unsigned(order):
    header, document = messages.credit_transfer(order, US, DIALECT)
    return envelope.write(DIALECT.envelope, header, document)


def document_of(order):
    root = parse(unsigned(order))
    return root[0][1]


def test_envelope_header_and_transaction_have_the_observed_elements(shared):
    sample = parse((shared / "rails" / "samples" / "PK" / "pacs.008_DataPDU.xml").read_bytes())
    ours = parse(unsigned(sample_order("PK", made_at=AT)))

    def names(root, path):
        return [etree.QName(element).localname for element in root.find(path)]

    assert ours.tag == sample.tag
    for path in ("{*}Body", "{*}Body/{*}AppHdr", ".//{*}FIToFICstmrCdtTrf", ".//{*}PmtTpInf"):
        assert names(ours, path) == names(sample, path), path
    for path in (".//{*}MsgDefIdr", ".//{*}BizSvc", ".//{*}ClrChanl", ".//{*}SvcLvl/{*}Prtry",
                 ".//{*}LclInstrm/{*}Prtry", ".//{*}CtgyPurp/{*}Prtry", ".//{*}ChrgBr", ".//{*}SttlmMtd"):  # fmt: skip
        assert ours.find(path).text == sample.find(path).text, path
    merchants_only = {"InstrForNxtAgt", "PstlAdr", "CtctDtls"}
    left_out = set(names(sample, ".//{*}CdtTrfTxInf")) - set(names(ours, ".//{*}CdtTrfTxInf"))
    assert left_out <= merchants_only
    assert len(ours.find(".//{*}EndToEndId").text) == len(sample.find(".//{*}EndToEndId").text) == 32


def test_what_we_send_is_valid_by_the_official_schema(shared):
    schema = etree.XMLSchema(etree.parse(shared / "iso20022" / "xsd" / "pacs.008.001.08.xsd"))
    plain = etree.fromstring(etree.tostring(document_of(sample_order("PK"))))

    schema.assertValid(plain)


def test_the_observed_answer_decides(shared):
    raw = (shared / "rails" / "samples" / "PK" / "pacs.002_DataPDU.xml").read_bytes()
    root = parse(raw)
    head = envelope._read_header(root[0][0])
    message = codec.decode(etree.tostring(root[0][1]), media_type=codec.XML)
    answer = messages.read_answer(
        envelope.Sealed(head, message), IsoParticipant("AAAAPKKA", "SBPPPKKAIPS"), DIALECT
    )

    assert answer.outcome is Outcome.DONE
    assert answer.rail_reference == "22201"
    assert answer.amount is None
    assert answer.uetr is None


TEXT = st.text(max_size=200)


@settings(max_examples=100, deadline=None)
@given(
    minor=st.integers(1, PROFILE.limits.maximum_minor),
    debtor=TEXT,
    creditor=TEXT,
    remittance=TEXT | st.none(),
    seconds=st.integers(0, 10**9),
    lasts=st.integers(1, 86_399_000),
)
def test_what_is_checked_can_be_written_and_read_again(
    *, minor, debtor, creditor, remittance, seconds, lasts
):
    order = sample_order(
        "PK",
        minor=minor,
        made_at=AT + timedelta(seconds=seconds),
        expires_in=lasts / 1000,
        debtor=Party(name=debtor, country="RU"),
        creditor=Party(name=creditor, country="PK"),
        remittance=remittance,
    )
    if messages.check(order, DIALECT):
        return
    message = codec.decode(etree.tostring(document_of(order)), media_type=codec.XML)
    payment = credit_transfer.read(message)

    assert payment.uetr == order.payment.uetr
    assert payment.interbank_settlement_amount == order.amount
    assert payment.creditor_account == order.payment.creditor_account
    assert payment.end_to_end_id == order.payment.uetr.replace("-", "")
    assert payment.creditor.name == " ".join(payment.creditor.name.split())
    assert messages.expiry(message.content) == order.expires_at
    assert message.content["CdtTrfTxInf"][0]["RltdRmtInf"][0]["RmtId"] == order.payment.end_to_end_id


def test_the_same_order_gives_the_same_bytes(adapter):
    order = sample_order("PK", made_at=AT)
    assert adapter.translate(order) == adapter.translate(order)


def test_names_keep_their_script():
    document = document_of(sample_order("PK", creditor=Party(name="محمد علی", country="PK")))
    assert document.find(".//{*}Cdtr/{*}Nm").text == "محمد علی"


REFUSED = [
    ({"minor": PROFILE.limits.maximum_minor + 1}, "AM02"),
    ({"minor": 0}, "AM06"),
    ({"creditor_account": None}, "AC03"),
    ({"creditor_account": PartyAccount(iban="PK77UNIL0109000237854210")}, "AC03"),
    ({"creditor_account": PartyAccount(iban="KZ86125KZT5004100100")}, "AC03"),
    ({"creditor_account": PartyAccount(other="0109000237854210")}, "AC03"),
    ({"creditor_agent": Agent(member_id="OKBK0000001")}, "RC07"),
    ({"debtor": Party()}, "BE08"),
    ({"creditor": Party()}, "BE22"),
    ({"expires_in": -1.0}, "DT01"),
    ({"expires_in": 90_000.0}, "DT01"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_raast_cannot_carry_is_refused_with_its_reason(changes, reason):
    found = {violation.reason for violation in messages.check(sample_order("PK", **changes), DIALECT)}
    assert found == {reason}


def test_other_currencies_are_refused():
    order = sample_order("PK")
    other = type(order)(order.payment, Money(1, "INR"), 1, order.made_at, order.expires_at)
    assert [violation.reason for violation in messages.check(other, DIALECT)] == ["AM03"]


def test_statuses_that_nobody_explained_are_unknown():
    for status in ("", "XXXX", "acsc", "CANC", "BLCK"):
        assert DIALECT.statuses.get(status, Outcome.UNKNOWN) is Outcome.UNKNOWN


def test_accepted_in_process_is_final_at_raast_only():
    assert DIALECT.statuses["ACSP"] is Outcome.DONE
    assert DEFINED["ACSP"] is Outcome.PENDING
    assert {status for status, outcome in DEFINED.items() if outcome is Outcome.DONE} == {"ACCC", "ACSC"}


@pytest.mark.parametrize("limit", [None, "15:00:30.000", "soon"])
def test_a_time_limit_must_be_an_instant(limit):
    _, document = messages.credit_transfer(sample_order("PK"), US, DIALECT)
    content = document["FIToFICstmrCdtTrf"]
    if limit is None:
        del content["CdtTrfTxInf"][0]["SttlmTmReq"]
    else:
        content["CdtTrfTxInf"][0]["SttlmTmReq"]["RjctTm"] = limit
    with pytest.raises(InvalidMessage):
        messages.expiry(content)
