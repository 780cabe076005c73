"""UPI's words: what we say, what we read, and what neither of us says."""

import csv
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import registry
from adapters.identifiers import is_vpa
from adapters.india import messages, sandbox
from adapters.india.codes import CODES, UpiCodeClass, native_of, outcome_of
from adapters.india.messages import IST, SentUpiMessage, UpiParticipant
from adapters.india.profile import PROFILE
from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS
from adapters.simulation.harness import sample_order
from adapters.simulation.sandbox import prepare
from adapters.xml import canonical, parse
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import Agent, Party, PartyAccount
from schemas.signing.xmldsig import verify_enveloped

US = UpiParticipant.of(sandbox.IDENTITY)
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UETR = "2d0c9a0b-6f3a-4a2f-9a1b-2c3d4e5f6072"


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    connection, _ = prepare(tmp_path_factory.mktemp("IN"), "IN", port=1, callback_url="http://127.0.0.1:1/")
    return registry.load("IN", connection)


def request_of(order):
    return parse(canonical(messages.payment_request(order, US)))


def test_every_fact_of_the_published_sample_is_written_the_same_way(shared):
    sample = parse((shared / "rails" / "samples" / "IN" / "ReqPay_signed.xml").read_bytes())
    ours = request_of(sample_order("IN", made_at=AT, uetr=UETR, purpose="FAMI"))

    assert [child.tag for child in ours] == [child.tag for child in sample][:-1]
    payer = [element.tag for element in sample.find("Payer").iter()]
    assert [element.tag for element in ours.find("Payer").iter()] == payer
    for path in ("Head", "Txn", "Payer", "Payees/Payee", "Payer/Institution", "Payer/Creds/Cred"):
        left_out = set(sample.find(path).attrib) - set(ours.find(path).attrib) - {"refUrl"}
        assert not left_out, path
    for path, name in (
        ("Head", "ver"), ("Head", "ts"), ("Head", "orgId"), ("Head", "prodType"), ("Txn", "id"),
        ("Txn", "type"), ("Txn", "initiationMode"), ("Txn", "refCategory"), ("Payer", "type"),
        ("Payees/Payee", "type"), ("Payees/Payee", "code"), ("Payer/Institution/Purpose", "code"),
        ("Payer/Creds/Cred", "type"), ("Payer/Institution", "route"),
    ):  # fmt: skip
        assert ours.find(path).get(name) == sample.find(path).get(name), (path, name)
    assert ours.find("Txn").get("custRef")[:6] == sample.find("Txn").get("custRef")[:6] == "632715"
    assert ours.find("Payer/Creds/Cred/Data").text == sample.find("Payer/Creds/Cred/Data").text


def test_the_same_order_gives_the_same_bytes(adapter):
    order = sample_order("IN", made_at=AT, uetr=UETR)
    assert adapter.translate(order) == adapter.translate(order)
    assert adapter.translate(order).ref == "SCO" + UETR.replace("-", "")


TEXT = st.text(max_size=200)


@settings(max_examples=150, deadline=None)
@given(
    minor=st.integers(1, PROFILE.limits.maximum_minor),
    debtor=TEXT,
    creditor=TEXT,
    remittance=TEXT | st.none(),
    address=st.from_regex(r"[A-Za-z0-9.\-]{2,20}@[a-z]{3,10}", fullmatch=True),
    serial=st.integers(0, 999_999),
    at=st.integers(0, 10**9).map(lambda seconds: AT + timedelta(seconds=seconds)),
)
def test_what_is_checked_can_be_written_and_states_what_was_ordered(
    *, minor, debtor, creditor, remittance, address, serial, at
):
    order = sample_order(
        "IN",
        minor=minor,
        serial=serial or 1,
        made_at=at,
        remittance=remittance,
        debtor=Party(name=debtor, country="RU"),
        creditor=Party(name=creditor, country="IN"),
        creditor_account=PartyAccount(proxy=address),
    )
    if messages.check(order):
        return
    root = request_of(order)

    payee = root.find("Payees/Payee")
    assert payee.get("addr") == address
    for place in (root.find("Payer/Amount"), payee.find("Amount")):
        assert messages.read_amount(place.get("value"), place.get("curr")) == order.amount
    assert root.find("Txn").get("id") == "SCO" + order.payment.uetr.replace("-", "")
    assert len(root.find("Txn").get("custRef")) == 12
    for value in root.xpath("//@*"):
        assert value.isascii()
        assert value.isprintable()
    assert len(root.find("Txn").get("note")) <= 50
    assert messages.read_timestamp(root.find("Txn/Rules/Rule").get("value")) == order.expires_at
    sent = SentUpiMessage.of(root)
    assert sent.transaction == root.find("Txn").get("id")


def test_names_in_other_scripts_are_romanised_not_dropped():
    order = sample_order("IN", debtor=Party(name="Иван Петров", country="RU"), creditor=Party(name="आशा राव"))
    root = request_of(order)

    assert root.find("Payer").get("name") == "Ivan Petrov"
    assert root.find("Payees/Payee").get("name").startswith("Asha")


def test_indian_hours_begin_at_half_past_ours():
    """The serials of one hour of custRef must come from one period of the allocator."""
    first, second = AT.replace(minute=29), AT.replace(minute=30)

    assert PROFILE.ids.period_at(first) != PROFILE.ids.period_at(second)
    assert PROFILE.ids.period_at(second) == PROFILE.ids.period_at(AT + timedelta(minutes=59))


def check_of(**changes):
    return {violation.reason for violation in messages.check(sample_order("IN", **changes))}


REFUSED = [
    ({"minor": 100_000_01}, "AM02"),
    ({"minor": 0}, "AM06"),
    ({"creditor_account": None}, "AC03"),
    ({"creditor_account": PartyAccount(iban="PK36SCBL0000001123456702")}, "AC03"),
    ({"creditor_account": PartyAccount(proxy="+919000000001")}, "AC03"),
    ({"creditor_account": PartyAccount(other="1" * 31)}, "AC03"),
    (
        {"creditor_account": PartyAccount(other="058010100000001"), "creditor_agent": Agent(bic="HDFCINBB")},
        "RC04",
    ),
    ({"debtor": Party()}, "BE08"),
    ({"debtor": Party(name="\u200b")}, "BE08"),
    ({"creditor": Party(name=" ")}, "BE22"),
    ({"expires_in": 0.0}, "DT01"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_upi_cannot_carry_is_refused_with_its_reason(changes, reason):
    assert check_of(**changes) == {reason}


def test_an_account_number_is_addressed_at_its_branch():
    order = sample_order(
        "IN",
        creditor_account=PartyAccount(other="058010100000001"),
        creditor_agent=Agent(member_id="HDFC0000001"),
    )
    payee = request_of(order).find("Payees/Payee")

    assert messages.check(order) == []
    assert payee.get("addr") == "058010100000001@HDFC0000001.ifsc.npci"
    assert is_vpa(payee.get("addr"))
    assert payee.find("Ac/Detail[@name='ACNUM']").get("value") == "058010100000001"


def test_the_code_table_equals_the_published_one(shared):
    with (shared / "rails" / "upi_codes.csv").open() as file:
        published = {row["code"]: row["outcome_class_for_the_switch"] for row in csv.DictReader(file)}

    assert {code: row.code_class.value for code, row in CODES.items()} == published


def test_every_refusal_has_an_iso_reason():
    for code, row in CODES.items():
        if row.code_class in {
            UpiCodeClass.REFUSED,
            UpiCodeClass.DEEMED,
            UpiCodeClass.DUPLICATE,
            UpiCodeClass.RETRY_LATER,
        }:
            assert row.reason in ISO_REASONS, code
        else:
            assert row.reason is None, code


@pytest.mark.parametrize("reason", sorted(ISO_REASONS - DUPLICATES))
def test_every_iso_reason_survives_translation_to_upi(reason):
    assert outcome_of(native_of(reason)) == (Outcome.REFUSED, reason)


@pytest.mark.parametrize("code", ["", "ZZ", "u01", "U99", "AC", "ac04", "ZZZZ", "constructor"])
def test_a_code_that_nobody_explained_is_unknown(code):
    assert outcome_of(code)[0] is Outcome.UNKNOWN


RESULTS = ["SUCCESS", "FAILURE", "DEEMED", "PARTIAL", "success", "OK"]


def answer(api="RespPay", result="SUCCESS", code="00", error=None, **ref):
    txn = f'<Txn id="SCO{UETR.replace("-", "")}" type="PAY" orgTxnId="SCO{UETR.replace("-", "")}"/>'
    attributes = {
        "type": "PAYEE", "settAmount": "1500.00", "settCurrency": "INR", "respCode": code, **ref
    }  # fmt: skip
    line = " ".join(f'{name}="{value}"' for name, value in attributes.items() if value is not None)
    head = '<Head ver="2.0" ts="2026-11-23T15:30:31.000+05:30" orgId="NPCI" msgId="NPC1"/>'
    failed = f' errCode="{error}"' if error else ""
    return parse(
        f'<upi:{api} xmlns:upi="{messages.NAMESPACE}">{head}{txn}<Resp reqMsgId="M" result="{result}"{failed}>'
        f"<Ref {line}/></Resp></upi:{api}>".encode()
    )


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("code", [*CODES, "AC04", "ZZ", ""])
def test_result_and_code_must_agree_or_nothing_is_known(result, code):
    outcome = messages.read_answer(answer(result=result, code=code)).outcome
    allowed = {
        ("SUCCESS", UpiCodeClass.DONE): Outcome.DONE,
        ("FAILURE", UpiCodeClass.REFUSED): Outcome.REFUSED,
        ("FAILURE", UpiCodeClass.RETRY_LATER): Outcome.REFUSED,
        ("FAILURE", UpiCodeClass.NOT_FOUND): Outcome.NOT_FOUND,
        ("DEEMED", UpiCodeClass.DEEMED): Outcome.PENDING,
    }
    code_class = UpiCodeClass.REFUSED if code == "AC04" else CODES[code].code_class if code in CODES else None

    assert outcome is allowed.get((result, code_class), Outcome.UNKNOWN)


def test_the_published_deemed_answer_is_pending(shared):
    raw = (shared / "rails" / "samples" / "IN" / "RespPay_deemed.xml").read_bytes()
    found = messages.read_answer(parse(raw))

    assert found.outcome is Outcome.PENDING
    assert (found.uetr, found.rail_code, found.reason) == (UETR, "BT", "AB05")


def test_the_published_acknowledgement_is_one(shared):
    raw = (shared / "rails" / "samples" / "IN" / "Ack.xml").read_bytes()

    assert messages.read_acknowledgement(parse(raw), "SCO1d0c9a0b6f3a4a2f9a1b2c3d4e5f6071") is None
    with pytest.raises(InvalidMessage):
        messages.read_acknowledgement(parse(raw), "another message")


def test_a_success_states_its_amount():
    found = messages.read_answer(answer())
    assert found.amount == Money(150000, "INR")
    for amount in (None, "", "1500", "1500.0", "1,500.00", "-1.00", "0.00", "1e3", "\u0967.\u0966\u0966"):
        with pytest.raises(InvalidMessage):
            messages.read_answer(answer(settAmount=amount))


def test_an_enquirys_own_error_is_not_the_orders():
    for code, expected in (("NO", Outcome.NOT_FOUND), ("U04", Outcome.NOT_FOUND), ("U05", Outcome.UNKNOWN)):
        found = messages.read_answer(answer("RespChkTxn", "FAILURE", "", error=code))
        assert found.outcome is expected, code


def confirmation(status="SUCCESS", code="00", error=None):
    ref = UETR.replace("-", "")
    failed = f' orgErrCode="{error}"' if error else ""
    return parse(
        f'<upi:ReqTxnConfirmation xmlns:upi="{messages.NAMESPACE}">'
        '<Head ver="2.0" ts="2026-11-23T15:30:31.000+05:30" orgId="NPCI" msgId="NPC1"/>'
        f'<Txn id="NPC2" type="TxnConfirmation" orgTxnId="SCO{ref}"/>'
        f'<TxnConfirmation type="PAY" orgStatus="{status}"{failed}><Ref type="PAYEE" settAmount="1500.00" '
        f'settCurrency="INR" respCode="{code}"/></TxnConfirmation></upi:ReqTxnConfirmation>'.encode()
    )


@pytest.mark.parametrize(
    ("status", "code", "error", "outcome"),
    [
        ("SUCCESS", "00", None, Outcome.DONE),
        ("DEEMED", "BT", None, Outcome.PENDING),
        ("FAILURE", "ZM", "U30", Outcome.REFUSED),
        ("FAILURE", "00", None, Outcome.UNKNOWN),
        ("FAILURE", "AC04", None, Outcome.REFUSED),
    ],
)
def test_a_confirmation_is_about_the_order_it_names(status, code, error, outcome):
    found = messages.read_answer(confirmation(status, code, error))

    assert (found.uetr, found.outcome) == (UETR, outcome)
    assert found.amount == (Money(150000, "INR") if outcome is Outcome.DONE else None)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_deemed_order_is_confirmed_and_the_confirmation_answered(rails):
    rail = await rails.get("IN")
    native = rail.adapter.translate(sample_order("IN", "PENDING"))
    await rail.adapter.submit(native)
    answers = await rail.wait_for_answers(native.ref, 2)
    raw = next(raw for raw in rail.raw if b"ReqTxnConfirmation" in raw and native.ref.encode() in raw)
    acknowledgement = rail.adapter.acknowledge(raw)
    reply, request = parse(acknowledgement.body), parse(raw)

    assert [answer.outcome for answer in answers] == [Outcome.PENDING, Outcome.DONE]
    assert acknowledgement == rail.adapter.acknowledge(raw)
    verify_enveloped(reply, rail.adapter.signing_key.public_key())
    assert messages.api_of(reply) == "RespTxnConfirmation"
    assert reply.find("Txn").get("orgTxnId") == native.ref
    assert reply.find("Resp").get("reqMsgId") == request.find("Head").get("msgId")


def test_a_reversals_answer_is_not_about_the_payment():
    assert messages.read_answer(answer("RespRev")).uetr is None


def test_acknowledging_is_pure_and_names_the_callback():
    raw = messages.acknowledgement(answer())

    assert raw == messages.acknowledgement(answer())
    ack = etree.fromstring(raw)
    assert (ack.get("api"), ack.get("reqMsgId")) == ("RespPay", "NPC1")


def test_ids_have_the_published_shape():
    root = request_of(sample_order("IN"))
    for text in (root.find("Head").get("msgId"), root.find("Txn").get("id")):
        assert re.fullmatch(r"[A-Z]{3}[0-9a-f]{32}", text)
    assert root.find("Head").get("msgId") != root.find("Txn").get("id")
    at = datetime.fromisoformat(root.find("Txn").get("ts"))
    assert at.utcoffset() == IST.utcoffset(None)


@pytest.mark.parametrize(
    ("stated", "code"), [("FAMI", "P1301"), ("P0103", "P0103"), ("S0103", None), ("P010", None)]
)
def test_a_code_of_the_reserve_bank_is_sent_as_it_is(stated: str, code: str | None):
    request = request_of(sample_order("IN", made_at=AT, uetr=UETR, purpose=stated))
    default = request_of(sample_order("IN", made_at=AT, uetr=UETR, purpose=None))
    expected = code or default.find("Payer/Institution/Purpose").get("code")

    assert request.find("Payer/Institution/Purpose").get("code") == expected
