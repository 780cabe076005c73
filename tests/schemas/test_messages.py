"""Between messages and canonical types: what is built is read back, in every version and representation."""

from datetime import UTC, date, datetime, timedelta, timezone

import iso4217
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, credit_transfer, rejection, rules, status_report, status_request
from schemas.errors import InvalidMessage, Refused
from schemas.money import EXPONENTS, HISTORIC, MAX_MINOR, NUMBERS, Money
from schemas.payment import Agent, CreditTransfer, Party, PartyAccount
from schemas.reasons import Reason
from schemas.status_report import OriginalPayment
from schemas.versions import versions
from tests.schemas.corpus import PACS_008
from tests.schemas.test_rules import DROP, TWO, changed

SAMPLE = codec.decode(PACS_008.read_bytes(), media_type=codec.XML)
PAYMENT = credit_transfer.read(SAMPLE)
FORMS = (codec.XML, codec.JSON)
NOW = datetime(2026, 11, 23, 9, 30, 15, 250_000, tzinfo=UTC)


def through(message_id, document, form):
    """The message as its receiver decodes it."""
    return codec.decode(
        codec.encode(message_id, document, media_type=form), media_type=form, expect=message_id[:8]
    )


def test_the_sample_is_read_unchanged():
    assert PAYMENT.uetr == "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7"
    assert PAYMENT.interbank_settlement_amount == Money(51234050, "KZT")
    assert PAYMENT.instructed_amount == Money(8825000, "INR")
    assert PAYMENT.interbank_settlement_date == date(2026, 11, 23)
    assert PAYMENT.created_at.utcoffset() == timedelta(hours=5, minutes=30)
    assert PAYMENT.debtor == Party(
        name="Saraswati Textiles Private Limited", country="IN", town="Mumbai", phone="+91-9820012345"
    )
    assert PAYMENT.creditor.national_id == "990140000385"
    assert PAYMENT.debtor_agent == Agent(
        bic="DEMOINBBXXX", clearing_system="INFSC", member_id="DEMO0000123", name="Demo Bank of India"
    )
    assert PAYMENT.creditor_account == PartyAccount(iban="KZ86125KZT5004100100")
    assert (PAYMENT.purpose, PAYMENT.category_purpose) == ("GDDS", "SUPP")
    assert PAYMENT.remittance == "Invoice 1187 of 2 November 2026, cotton yarn, 40 bales"


def test_the_currencies_are_those_of_the_published_list():
    published = {c.code: (c.exponent, f"{c.number:03}") for c in iso4217.Currency if c.exponent is not None}

    assert {code: (EXPONENTS[code], NUMBERS[code]) for code in EXPONENTS} == published
    assert not HISTORIC & EXPONENTS.keys()


NAMES = (
    st.text("abcdefghijklmnopqrstuvwxyz АБВабв中文'-", min_size=1, max_size=40).map(str.strip).filter(bool)
)
IDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1, max_size=35)
CURRENCIES = st.sampled_from(sorted(EXPONENTS))
MONEY = st.builds(Money, st.integers(1, MAX_MINOR), CURRENCIES).filter(
    lambda money: len(money.text.partition(".")[0]) <= 13 and EXPONENTS[money.currency] <= 5
)
AGENTS = st.builds(
    Agent,
    bic=st.sampled_from(["DEMOINBBXXX", "DEMOKZKA", "DEMOCNBJ"]),
    clearing_system=st.none(),
    member_id=st.none() | IDS,
    name=st.none() | NAMES,
)
PARTIES = st.builds(
    Party,
    name=NAMES,
    country=st.none() | st.sampled_from(["IN", "KZ", "CN"]),
    town=st.none() | NAMES.map(lambda name: name[:35].strip() or "x"),
    address_lines=st.lists(NAMES, max_size=2).map(tuple),
    phone=st.none() | st.just("+7-7010000000"),
    national_id=st.none() | IDS,
)
ACCOUNTS = st.builds(PartyAccount, iban=st.just("KZ86125KZT5004100100"), other=st.none()) | st.builds(
    PartyAccount, other=IDS.map(lambda text: text[:34]), proxy=st.none() | IDS, proxy_type=st.none()
)
ALMATY = timezone(timedelta(hours=5))
INSTANTS = st.integers(946_684_800_000, 4_102_444_800_000).map(
    lambda millis: datetime.fromtimestamp(millis // 1000, ALMATY) + timedelta(milliseconds=millis % 1000)
)
PAYMENTS = st.builds(
    CreditTransfer,
    uetr=st.just(PAYMENT.uetr),
    message_id=IDS,
    created_at=INSTANTS,
    end_to_end_id=IDS,
    instruction_id=st.none() | IDS,
    transaction_id=st.none() | IDS,
    interbank_settlement_amount=MONEY,
    interbank_settlement_date=st.none() | st.dates(),
    instructed_amount=st.none() | MONEY,
    exchange_rate=st.none() | st.just("5.8056"),
    charge_bearer=st.sampled_from(["DEBT", "CRED", "SHAR", "SLEV"]),
    accepted_at=st.none() | INSTANTS,
    instructing_agent=st.none() | AGENTS,
    instructed_agent=st.none() | AGENTS,
    debtor=PARTIES,
    debtor_account=st.none() | ACCOUNTS,
    debtor_agent=AGENTS,
    creditor_agent=AGENTS,
    creditor=PARTIES,
    creditor_account=st.none() | ACCOUNTS,
    purpose=st.none() | st.sampled_from(["SALA", "a purpose of our own"]),
    category_purpose=st.none() | st.sampled_from(["SUPP", "own"]),
    remittance=st.none() | st.text("abc123", min_size=1, max_size=140),
)


@given(payment=PAYMENTS, version=st.sampled_from(versions("pacs.008")), form=st.sampled_from(FORMS))
@settings(max_examples=150, deadline=None)
def test_a_payment_that_is_built_is_read_back_the_same(payment, version, form):
    document = credit_transfer.build(payment, version=version, clearing_system="PAYSWITCH")

    message = through(version, document, form)

    assert credit_transfer.read(message) == payment
    assert credit_transfer.read_parties(message) == (
        payment.debtor,
        payment.debtor_account,
        payment.creditor,
        payment.creditor_account,
    )


@pytest.mark.parametrize("version", versions("pacs.008"))
def test_what_is_built_of_the_sample_breaks_no_rule(version):
    message = through(version, credit_transfer.build(PAYMENT, version=version), codec.XML)

    assert {finding.code for finding in rules.check(message)} <= {"charges"}


def test_expiry_is_carried_where_the_version_has_a_place():
    for version in versions("pacs.008"):
        document = credit_transfer.build(PAYMENT, version=version, expires_at=NOW)
        times = document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0].get("AddtlDtTm", {})
        assert ("XpryDtTm" in times) == (version == "pacs.008.001.13")
        codec.encode(version, document, media_type=codec.XML)


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"CdtTrfTxInf": TWO}, "CdtTrfTxInf", "CH16"),
        ({"CdtTrfTxInf/PmtId/UETR": DROP}, "CdtTrfTxInf/PmtId/UETR", "CH21"),
        ({"GrpHdr/CreDtTm": "2026-11-23T10:00:00"}, "GrpHdr/CreDtTm", "DT01"),
        ({"GrpHdr/CreDtTm": "12026-11-23T10:00:00Z"}, "GrpHdr/CreDtTm", "DT01"),
        ({"CdtTrfTxInf/IntrBkSttlmDt": "12026-11-23"}, "CdtTrfTxInf/IntrBkSttlmDt", "DT01"),
    ],
)
def test_a_valid_message_that_is_no_payment_is_refused_with_its_place(changes, path, reason):
    with pytest.raises(Refused) as refusal:
        credit_transfer.read(changed(changes))

    assert (refusal.value.path, refusal.value.reason) == (f"FIToFICstmrCdtTrf/{path}", reason)


IMPOSSIBLE_AMOUNTS = [
    ("IntrBkSttlmAmt", {"Ccy": "JPY", "Amt": "1.5"}, "AM12"),
    ("IntrBkSttlmAmt", {"Ccy": "INR", "Amt": "0.00"}, "AM01"),
    ("IntrBkSttlmAmt", {"Ccy": "ZZZ", "Amt": "1.00"}, "AM12"),
    ("InstdAmt", {"Ccy": "INR", "Amt": "1.001"}, "AM12"),
]


@pytest.mark.parametrize(("tag", "amount", "reason"), IMPOSSIBLE_AMOUNTS)
def test_an_impossible_amount_is_refused_with_its_place(tag, amount, reason):
    message = changed({f"CdtTrfTxInf/{tag}": amount})

    with pytest.raises(Refused) as refusal:
        credit_transfer.read(message)

    assert (refusal.value.path, refusal.value.reason) == (f"FIToFICstmrCdtTrf/CdtTrfTxInf/{tag}", reason)


@pytest.mark.parametrize(("tag", "amount", "reason"), IMPOSSIBLE_AMOUNTS)
def test_the_refusal_of_what_is_no_payment_is_a_status_report(tag, amount, reason):
    message = changed({f"CdtTrfTxInf/{tag}": amount})

    report = refused(message)

    assert (report.status, report.reason, report.uetr) == ("RJCT", reason, PAYMENT.uetr)
    assert (report.original_message_id, report.original_message_name) == (PAYMENT.message_id, message.id)
    assert (report.end_to_end_id, report.transaction_id) == (PAYMENT.end_to_end_id, PAYMENT.transaction_id)


def test_the_refusal_of_a_payment_without_uetr_names_its_other_ids():
    report = refused(changed({"CdtTrfTxInf/PmtId": {"EndToEndId": "E-1"}}))

    assert (report.status, report.reason, report.uetr, report.end_to_end_id) == ("RJCT", "CH21", None, "E-1")


def test_several_transactions_are_refused_as_a_whole():
    transaction = changed({}).content["CdtTrfTxInf"][0]
    message = changed({"CdtTrfTxInf": [transaction, transaction]})
    with pytest.raises(Refused) as refusal:
        credit_transfer.read(message)

    document = status_report.refusal(message, refusal.value, message_id="S-1", created_at=NOW)

    codec.encode("pacs.002.001.10", document, media_type=codec.XML)
    (whole,) = document["FIToFIPmtStsRpt"]["OrgnlGrpInfAndSts"]
    assert (whole["GrpSts"], whole["OrgnlMsgId"]) == ("RJCT", PAYMENT.message_id)


def refused(message):
    """What the refusal of a pacs.008 says, written and read again in every version."""
    with pytest.raises(Refused) as refusal:
        credit_transfer.read(message)
    document = status_report.refusal(message, refusal.value, message_id="S-1", created_at=NOW)
    (report, *others) = [
        status_report.read(
            codec.decode(codec.encode(version, document, media_type=codec.XML), media_type=codec.XML)
        )
        for version in versions("pacs.002")
    ]
    assert others == [report] * len(others)
    return report


def test_remittance_may_be_a_structured_reference():
    structured = {
        "Strd": [
            {"RfrdDocInf": [{"Nb": "INV-77"}], "RfrdDocAmt": {}},
            {"CdtrRefInf": {"Ref": "RF18539007547034"}, "AddtlRmtInf": ["two bales"]},
        ]
    }

    read = credit_transfer.read(changed({"CdtTrfTxInf/RmtInf": structured}))
    assert read.remittance == "INV-77 RF18539007547034 two bales"
    assert credit_transfer.read(changed({"CdtTrfTxInf/RmtInf": {"Strd": [{}]}})).remittance is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", versions("pacs.002"))
def test_a_status_report_that_is_built_is_read_back(version, form):
    document = status_report.build(
        version=version,
        message_id="S-1",
        created_at=NOW,
        original=PAYMENT,
        original_message_id=PAYMENT.message_id,
        original_message_name=SAMPLE.id,
        status="RJCT",
        reason=Reason.CLOSED_ACCOUNT_NUMBER,
        additional="The account is closed. " * 10,
        accepted_at=NOW,
        instructing_agent=Agent(bic="DEMOKZKA"),
        instructed_agent=Agent(bic="DEMOINBB"),
    )
    message = through(version, document, form)
    report = status_report.read(message)

    assert rules.check(message) == []
    assert (report.uetr, report.status, report.reason) == (PAYMENT.uetr, "RJCT", "AC04")
    assert "".join(report.additional) == "The account is closed. " * 10
    assert report.accepted_at == report.created_at == NOW
    assert (report.original_message_id, report.original_message_name) == (PAYMENT.message_id, SAMPLE.id)
    assert (report.end_to_end_id, report.transaction_id) == (PAYMENT.end_to_end_id, PAYMENT.transaction_id)
    assert report.instructing_agent == Agent(bic="DEMOKZKA")


def test_a_settled_report_states_the_day_and_no_reason():
    original = OriginalPayment(PAYMENT.uetr, PAYMENT.end_to_end_id)
    document = status_report.build(
        message_id="S-1",
        created_at=NOW,
        original=original,
        original_message_id="M",
        original_message_name=SAMPLE.id,
        status="ACSC",
        effective_settlement_date=date(2026, 11, 23),
    )
    report = status_report.read(through(status_report.DEFAULT_VERSION, document, codec.XML))

    assert (report.status, report.reason, report.additional) == ("ACSC", None, ())
    assert report.effective_settlement_date == date(2026, 11, 23)


def test_a_rejection_without_reason_or_with_a_date_breaks_a_rule():
    document = status_report.build(
        message_id="S-1",
        created_at=NOW,
        original=PAYMENT,
        original_message_id="M",
        original_message_name=SAMPLE.id,
        status="RJCT",
        effective_settlement_date=date(2026, 11, 23),
    )
    found = rules.check(through(status_report.DEFAULT_VERSION, document, codec.XML))

    assert {finding.code for finding in found} == {"status-reason", "settlement-date"}


@pytest.mark.parametrize("version", versions("pacs.028"))
def test_a_status_request_that_is_built_is_read_back(version):
    document = status_request.build(
        message_id="Q-1",
        created_at=NOW,
        original=PAYMENT,
        original_message_id="M",
        original_message_name=SAMPLE.id,
    )
    message = through(version, document, codec.JSON)
    request = status_request.read(message)

    assert rules.check(message) == []
    assert (request.uetr, request.end_to_end_id) == (PAYMENT.uetr, PAYMENT.end_to_end_id)
    assert (request.message_id, request.created_at) == ("Q-1", NOW)


@pytest.mark.parametrize(("module", "tag"), [(status_report, "TxInfAndSts"), (status_request, "TxInf")])
def test_a_message_about_nothing_or_about_several_is_refused(module, tag):
    group = {"MsgId": "Q-1", "CreDtTm": "2026-11-23T10:00:00Z"}
    for transactions in ([], [{}, {}]):
        content = {"GrpHdr": group, **({tag: transactions} if transactions else {})}
        message = through(module.DEFAULT_VERSION, {module.ROOT: content}, codec.XML)
        with pytest.raises(Refused):
            module.read(message)


@pytest.mark.parametrize("form", FORMS)
def test_a_rejection_names_the_place_and_the_reason(form):
    error = InvalidMessage("is missing", path="FIToFICstmrCdtTrf/GrpHdr/MsgId", rule="missing")
    document = rejection.build(error=error, rejected_at=NOW, reference="M-1")
    content = through(rejection.ID, document, form).document[rejection.ID]

    assert content["RltdRef"] == {"Ref": "M-1"}
    assert content["Rsn"]["RjctgPtyRsn"] == "FF01"
    assert content["Rsn"]["ErrLctn"] == "FIToFICstmrCdtTrf/GrpHdr/MsgId"


def test_the_digest_is_one_for_both_representations_and_another_for_other_content():
    digests = {codec.digest(through(SAMPLE.id, SAMPLE.document, form)) for form in FORMS}

    assert len(digests) == 1
    assert codec.digest(changed({"CdtTrfTxInf/PmtId/EndToEndId": "OTHER"})) not in digests


def test_a_message_keeps_its_bytes():
    raw = PACS_008.read_bytes()

    assert codec.decode(raw, media_type=codec.XML).raw is raw


def test_a_rail_s_own_reason_is_proprietary_and_an_iso_one_a_code():
    for reason, choice in (("AC04", "Cd"), ("U30", "Prtry"), ("ZZZZ", "Prtry")):
        document = status_report.build(
            message_id="S-1",
            created_at=NOW,
            original=PAYMENT,
            original_message_id="M",
            original_message_name=SAMPLE.id,
            status="RJCT",
            reason=reason,
        )
        (cause,) = document["FIToFIPmtStsRpt"]["TxInfAndSts"][0]["StsRsnInf"]
        assert cause["Rsn"] == {choice: reason}
