"""CNAPS's words: what we say has the observed form, and what we read is what was said."""

import asyncio
import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import keys, registry
from adapters.china import codes, messages, sandbox, shapes, wire
from adapters.china.client import CONTENT_TYPE, PATH
from adapters.china.codes import native_of, outcome_of, reason_of
from adapters.china.messages import CnapsParticipant, SentCnapsMessage, text_of
from adapters.china.profile import HVPS_HOURS, IBPS_CAP_MINOR, ORDER_NUMBERS, PROFILE
from adapters.china.text import gbk_text
from adapters.china.wire import BEIJING, CnapsHeader, open_own, open_sealed, seal
from adapters.identifiers import is_cnaps, is_luhn
from adapters.port import Acceptance, Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS
from adapters.simulation.harness import sample_order
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.payment import Agent, Party, PartyAccount

US = CnapsParticipant.of(sandbox.IDENTITY)
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UETR = "2d0c9a0b-6f3a-4a2f-9a1b-2c3d4e5f6072"
REF = UETR.replace("-", "")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def order(**changes):
    return sample_order("CN", **{"made_at": AT, "uetr": UETR, "serial": 423, **changes})


def sealed(**changes):
    draft = messages.order_message(order(**changes), US)
    return seal(draft.header, draft.body, KEY)


def message(**changes):
    """The order, as the rail reads it."""
    return open_sealed(sealed(**changes), KEY.public_key())


def transfer(root, path):
    return text_of(root, f"CdtTrfTxInf/{path}")


def test_the_header_is_the_observed_one():
    """Version, sender, system, receiver, system, date, time, XML, type, ids, priority, direction, reserve."""
    raw = sealed()
    header = raw[: wire.HEADER_LENGTH].decode()

    assert raw[wire.HEADER_LENGTH : wire.HEADER_LENGTH + 2] == b"\r\n"
    assert header == (
        "{H:01998290000019IBPS998290000027IBPS20261123180000XML"
        f"ibps.101.001.01     {REF[:20]}{REF[:20]}3U         }}"
    )


def test_a_published_header_is_read():
    """Of a public sample: a settlement notice of the processing centre."""
    octets = b"{H:010000        IBPS104100000004IBPS20100903093139XMLsaps.601.001.01     "
    octets += b"IBPS4099009511      IBPS4099009511      3D         }"
    header = CnapsHeader.of(octets)

    assert (header.sender, header.receiver, header.kind) == ("0000", "104100000004", "saps.601.001.01")
    assert header.at == datetime(2010, 9, 3, 9, 31, 39, tzinfo=BEIJING)
    assert header.text.encode() == octets


FIXED = {
    "PmtTpInf/InstrPrty": "NORM",
    "ChrgBr": "DEBT",
    "PmtTpInf/CtgyPurp/Prtry": "C200",
    "Purp/Prtry": "02001",
    "DbtrAcct/Tp/Prtry": "AT01",
    "PmtId/EndToEndId": REF,
    "PmtId/TxId": "998290000019" + "20261123" + "00000423",
    "IntrBkSttlmAmt": "1500.00",
    "DbtrAgt/BrnchId/PstlAdr/CtrySubDvsn": "290000",
    "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId": sandbox.BANK,
    "AccptncDtTm": "2026-11-23T18:00:00",
}


def test_every_observed_fact_of_an_order_is_written_that_way():
    root = message().root

    assert root.tag == "{urn:iso:std:iso:20022:tech:xsd:pacs.008.001.02}FIToFICstmrCdtTrf"
    assert {path: transfer(root, path) for path in FIXED} == FIXED
    for path, value in {"BtchBookg": "false", "NbOfTxs": "1", "SttlmInf/SttlmMtd": "CLRG"}.items():
        assert text_of(root, f"GrpHdr/{path}") == value
    assert text_of(root, "GrpHdr/MsgId") == FIXED["PmtId/TxId"]
    # The signature is where the public samples have it, and was taken out to be checked.
    assert re.search(
        rb"<Dbtr>.*<CtctDtls><EmailAdr>[A-Za-z0-9+/=]{344}</EmailAdr></CtctDtls></Dbtr>", sealed()
    )


def test_above_the_cap_the_order_goes_to_hvps():
    small, large = message(minor=IBPS_CAP_MINOR), message(minor=IBPS_CAP_MINOR + 1)

    assert (small.header.kind, small.header.system) == ("ibps.101.001.01", "IBPS")
    assert (large.header.kind, large.header.system) == ("hvps.111.001.01", "HVPS")
    assert text_of(large.root, "CdtTrfTxInf/IntrBkSttlmDt") == "2026-11-23"
    assert transfer(large.root, "PmtTpInf/CtgyPurp/Prtry") == "A100"


def test_what_must_survive_the_hop_is_in_coded_lines():
    root = message(remittance="给家人").root
    lines = [line.text for line in root.iter("{*}Ustrd")]

    assert lines == ["给家人", "/PURP/FAMI", "/INSA/RUB500.00", "/ORDB/SABRRUMM", "/ROC/E2E-1"]


TEXT = st.text(max_size=200)


@settings(max_examples=120, deadline=None)
@given(
    minor=st.integers(1, PROFILE.limits.maximum_minor),
    debtor=TEXT,
    creditor=TEXT,
    remittance=TEXT | st.none(),
    bank=st.none() | TEXT,
    purpose=st.none() | TEXT,
    account=st.none() | TEXT,
    serial=st.integers(0, ORDER_NUMBERS - 1),
    at=st.integers(0, 10**9).map(lambda seconds: AT + timedelta(seconds=seconds)),
    lifetime=st.integers(1, 86_399_999),
)
def test_every_checked_order_has_its_shape_and_states_what_was_ordered(
    *, minor, debtor, creditor, remittance, bank, purpose, account, serial, at, lifetime
):
    made = sample_order(
        "CN",
        minor=minor,
        made_at=at,
        uetr=UETR,
        remittance=remittance,
        purpose=purpose,
        debtor=Party(name=debtor),
        debtor_account=PartyAccount(other=account) if account is not None else None,
        debtor_agent=Agent(bic="SABRRUMM", name=bank),
        creditor=Party(name=creditor),
    )
    made = dataclasses.replace(
        made, serial=serial, expires_at=made.made_at + timedelta(milliseconds=lifetime)
    )
    if messages.check(made):
        return
    draft = messages.order_message(made, US)
    found = open_sealed(seal(draft.header, draft.body, KEY), KEY.public_key())

    shapes.check(found.header.kind, found.root)
    assert messages.read_amount(transfer(found.root, "IntrBkSttlmAmt")) == made.amount
    assert transfer(found.root, "PmtId/EndToEndId") == REF
    assert re.fullmatch(r"\d{28}", transfer(found.root, "PmtId/TxId"))
    assert transfer(found.root, "CdtrAcct/Id/Othr/Id") == made.payment.creditor_account.other
    assert messages.expiry(found.root) == made.expires_at
    for element in found.root.iter():
        (element.text or "").encode("gbk")
    assert SentCnapsMessage.of(found).reference == REF


@pytest.mark.parametrize("large", [False, True])
def test_everything_else_that_we_send_has_its_shape(large):
    sent = SentCnapsMessage.of(message(minor=IBPS_CAP_MINOR + large))
    for draft in (
        messages.status_request(sent, US, AT, 1),
        messages.cancellation(sent, US, AT, "CUST <&>"),
        messages.account_request(sandbox.account("").other, US, AT, 2),
        messages.login(US, AT, 3),
    ):
        found = open_sealed(seal(draft.header, draft.body, KEY), KEY.public_key())
        assert found.header == draft.header
        shapes.check(found.header.kind, found.root)


@given(st.text(max_size=300), st.integers(1, 140))
def test_text_is_what_chinese_banks_carry(text, octets):
    said = gbk_text(text, octets)

    assert len(said.encode("gbk")) <= octets
    assert said == said.strip()
    assert said.isprintable()


@pytest.mark.parametrize(("text", "octets", "said"), [
    ("王小明", 60, "王小明"),
    ("王小明", 5, "王小"),
    ("Иван  Петров", 60, "Иван Петров"),
    ("आशा Rao", 60, "Asha Rao"),
    ("O'Brien & Söhne <1>", 60, "O'Brien & Sohne <1>"),
    ("\u200b", 60, ""),
    (None, 60, ""),
])  # fmt: skip
def test_a_chinese_character_takes_two_places(text, octets, said):
    assert gbk_text(text, octets) == said


def check_of(**changes):
    return {violation.reason for violation in messages.check(order(**changes))}


REFUSED = [
    ({"minor": PROFILE.limits.maximum_minor + 1}, "AM02"),
    ({"minor": 0}, "AM06"),
    ({"creditor_account": None}, "AC03"),
    ({"creditor_account": PartyAccount(other="6299980000000000007")}, "AC03"),
    ({"creditor_account": PartyAccount(other="1" * 33)}, "AC03"),
    ({"creditor_account": PartyAccount(iban="PK36SCBL0000001123456702")}, "AC03"),
    ({"creditor_agent": Agent(bic="ICBKCNBJ")}, "RC04"),
    ({"creditor_agent": Agent(member_id="102100099997")}, "RC04"),
    ({"debtor": Party()}, "BE08"),
    ({"creditor": Party(name=" ")}, "BE22"),
    ({"expires_in": 0.0}, "DT01"),
    ({"expires_in": 86400.0}, "DT01"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_cnaps_cannot_carry_is_refused_with_its_reason(changes, reason):
    assert check_of(**changes) == {reason}


@pytest.mark.parametrize("number", ["1234", "A1b2", "9" * 32, "6299980000000000006"])
def test_accounts_of_banks_have_no_check_digit_but_cards_do(number):
    assert check_of(creditor_account=PartyAccount(other=number)) == set()


def test_the_days_numbers_are_beijings():
    first, second = AT.replace(hour=15, minute=59), AT.replace(hour=16)

    assert PROFILE.ids.period_at(first) != PROFILE.ids.period_at(second)
    for at in (first, second):
        assert transfer(message(made_at=at).root, "PmtId/TxId")[12:20] == PROFILE.ids.period_at(at)


def test_numbers_of_orders_and_of_other_messages_never_meet():
    last = dataclasses.replace(order(), serial=PROFILE.ids.capacity - 1)
    sent = SentCnapsMessage.of(message())
    others = [messages.service_id(US, AT, number) for number in (0, messages.SERVICE_NUMBERS - 1, 10**9)]

    assert int(messages.order_message(last, US).body.partition("<TxId>")[2][20:28]) == ORDER_NUMBERS - 1
    for other in [*others, messages.cancellation_id(sent.transaction, US, AT)]:
        assert ORDER_NUMBERS <= int(other[-8:]) < 10**8


def test_an_expiry_behind_midnight_is_tomorrows():
    late = AT.replace(hour=15, minute=59, second=50)  # ten seconds before midnight in Beijing
    assert messages.expiry(message(made_at=late, expires_in=60).root) == late + timedelta(seconds=60)


def test_large_payments_have_business_hours():
    night = datetime(2026, 11, 28, 12, tzinfo=UTC)  # a Saturday
    assert HVPS_HOURS.open_from(night) == datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
    assert PROFILE.hours.open_from(night) == night


def said(kind, content, namespace=None, key=KEY, **header):
    fields = {
        "sender": "0000",
        "receiver": US.bank,
        "at": AT,
        "kind": kind,
        "id": "1",
        "ref": "1",
        "direction": "D",
    }
    whole = CnapsHeader(**{**fields, **header})
    return seal(whole, wire.document(namespace or messages.OWN + kind, content), key)


def report(status="PR02", code="", amount="1500.00", currency="CNY", kind=messages.ANSWER):
    reason = f"<StsRsnInf><Rsn><Prtry>{code}</Prtry></Rsn></StsRsnInf>" if code else ""
    money = f'<IntrBkSttlmAmt Ccy="{currency}">{amount}</IntrBkSttlmAmt>' if amount is not None else ""
    content = (
        "<FIToFIPmtStsRpt><OrgnlGrpInfAndSts><OrgnlMsgId>M</OrgnlMsgId></OrgnlGrpInfAndSts><TxInfAndSts>"
        f"<StsId>{status}</StsId><OrgnlEndToEndId>{REF}</OrgnlEndToEndId><OrgnlTxId>T</OrgnlTxId>{reason}"
        f"<OrgnlTxRef>{money}<Cdtr><CtctDtls><EmailAdr></EmailAdr></CtctDtls></Cdtr></OrgnlTxRef></TxInfAndSts>"
        "</FIToFIPmtStsRpt>"
    )
    return open_sealed(said(kind, content, messages.PACS_002), KEY.public_key())


ANSWERS = [
    (("PR00", ""), Outcome.PENDING, None),
    (("PR02", ""), Outcome.DONE, None),
    (("PR09", "RJ04"), Outcome.REFUSED, "AC04"),
    (("PR09", "AC13"), Outcome.REFUSED, "AC13"),
    (("PR09", "IB1O0012"), Outcome.REFUSED, "AM02"),
    (("PR09", "RJ77"), Outcome.UNKNOWN, None),
    (("PR09", ""), Outcome.UNKNOWN, None),
    (("PR09", "AM05"), Outcome.UNKNOWN, "AM05"),
    (("PR10", "00"), Outcome.PENDING, None),
    (("PR99", ""), Outcome.UNKNOWN, None),
    (("pr02", ""), Outcome.UNKNOWN, None),
]


@pytest.mark.parametrize(("words", "outcome", "reason"), ANSWERS)
def test_an_answer_means_what_the_table_defines(words, outcome, reason):
    (found,) = messages.read_answers(report(*words))

    assert (found.outcome, found.reason, found.uetr, found.ref) == (outcome, reason, UETR, REF)
    assert found.rail_code == (words[1] if words[0] == "PR09" and words[1] else words[0])


@pytest.mark.parametrize("amount", [None, "", "1500", "1500.0", "1,500.00", "-1.00", "0.00", "1e3"])
def test_a_success_states_its_amount(amount):
    with pytest.raises(InvalidMessage):
        messages.read_answers(report(amount=amount))
    with pytest.raises(InvalidMessage):
        messages.read_answers(report(currency="USD"))


def test_a_cancellations_answer_is_not_about_the_payment():
    (found,) = messages.read_answers(report("PR07", kind=messages.CANCELLATION_ANSWER))
    assert (found.ref, found.uetr, found.outcome) == ("M", None, Outcome.DONE)


def confirmation(status, kind=messages.ORDER, code="", remark=f"/E2E/{REF}/AMT/CNY1500.00"):
    said_of = f"<PtyProcCd>{code}</PtyProcCd>" if code else ""
    content = (
        f"<CmonConf><GrpHdr><MsgId>1</MsgId>{'<Rmk>' + remark + '</Rmk>' if remark else ''}</GrpHdr>"
        f"<OrgnlGrpHdr><OrgnlMsgId>T</OrgnlMsgId><OrgnlMsgTp>{kind}</OrgnlMsgTp></OrgnlGrpHdr>"
        f"<CmonConfInf><ProcSts>{status}</ProcSts>{said_of}</CmonConfInf></CmonConf>"
    )
    return open_sealed(said(messages.CONFIRMATION, content), KEY.public_key())


def test_a_settlement_notice_changes_nothing_for_an_online_payment():
    assert messages.read_answers(confirmation("PR05")) == []
    assert messages.read_answers(confirmation("PR09", code="RJ03", remark="")) == []


def test_a_rejection_after_the_answer_is_news():
    (found,) = messages.read_answers(confirmation("PR09", code="RJ03"))
    assert (found.ref, found.outcome, found.reason) == (REF, Outcome.REFUSED, "AM04")


def settlement(amount="1500.00", currency="CNY", direction="DBIT"):
    content = (
        "<BkToCstmrDbtCdtNtfctn><Ntfctn><Ntry>"
        f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        "<BookgDt><Dt>2026-11-23</Dt></BookgDt></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn>"
    )
    raw = said(messages.SETTLEMENT, content, messages.CAMT_054)
    return open_sealed(raw, KEY.public_key())


def test_a_settlement_advice_is_a_notice_to_people():
    assert messages.read_notice(settlement()) == "settled on 2026-11-23: debit CNY 1500.00"
    assert messages.read_notice(settlement(direction="CRDT")) == "settled on 2026-11-23: credit CNY 1500.00"
    for wrong in ({"amount": "1500"}, {"currency": "USD"}, {"direction": "DEBT"}):
        with pytest.raises(InvalidMessage):
            messages.read_notice(settlement(**wrong))


def test_an_answer_is_no_notice_to_people_and_a_sign_off_states_its_reason():
    assert messages.read_notice(report()) is None
    assert messages.read_notice(confirmation("PR05")) is None
    content = "<LogoutNtfctn><GrpHdr><MsgId>1</MsgId></GrpHdr></LogoutNtfctn>"
    unexplained = open_sealed(said(messages.SIGNED_OFF, content), KEY.public_key())
    with pytest.raises(InvalidMessage):
        messages.read_notice(unexplained)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_system_that_closes_signs_off_and_settles_the_day(rails):
    rail = await rails.get("CN")
    native = rail.adapter.translate(sample_order("CN"))
    await rail.adapter.submit(native)
    await rail.wait_for_answers(native.ref)
    await rail.control("POST", "/hours", json.dumps({"closed_until": "2026-12-01T03:00:00Z"}).encode())
    await rail.control("DELETE", "/hours")
    told = [await came(rail, messages.SIGNED_OFF, b"2026-12-01 11:00"), await came(rail, messages.SETTLEMENT)]

    assert [rail.adapter.decode(raw) for raw in told] == [[], []]
    assert "2026-12-01 11:00" in rail.adapter.notice(told[0])
    assert "debit CNY" in rail.adapter.notice(told[1])
    assert await rail.adapter.probe()
    with pytest.raises(NotAuthentic):
        rail.adapter.notice(told[0].replace(b"11:00", b"12:00"))


@pytest.mark.asyncio(loop_scope="session")
async def test_a_participant_that_was_signed_off_signs_on_and_pays_once(rails):
    rail = await rails.get("CN")
    await rail.control("POST", "/hours", json.dumps({"closed_until": "2020-01-01T03:00:00Z"}).encode())
    await rail.control("DELETE", "/hours")
    native = rail.adapter.translate(sample_order("CN"))
    _, discarded = await rail.control("POST", PATH, native.body, **{"Content-Type": CONTENT_TYPE})
    assert f"<ProcCd>{codes.NOT_SIGNED_ON}</ProcCd>".encode() in discarded
    receipt = await rail.adapter.submit(native)

    assert receipt.acceptance is Acceptance.ACCEPTED
    assert [answer.outcome for answer in await rail.wait_for_answers(native.ref)] == [Outcome.DONE]
    assert rail.credits(native.ref) == 1


async def came(rail, kind, part=b""):
    """The first message of this kind with this part."""
    async with asyncio.timeout(10):
        while not (found := [raw for raw in rail.raw if b"XML" + kind.encode() in raw and part in raw]):
            await asyncio.sleep(0.02)
    return found[0]


def test_of_a_large_payment_the_notice_is_the_outcome():
    (found,) = messages.read_answers(confirmation("PR05", messages.LARGE_ORDER))
    assert (found.outcome, found.amount) == (Outcome.DONE, Money(150000, "CNY"))


def test_the_published_communication_confirmation_is_one():
    """ComuCnfm as in public logs, about a message of ours."""
    sent = CnapsHeader(
        "313821001016", "0000", AT, "ibps.309.001.01", "00000000000000667781", "00000000000000667781"
    )
    content = (
        "<ComuCnfm>\n\t<OrigSndr>313821001016</OrigSndr>\n\t<OrigSndDt>20150204</OrigSndDt>\n"
        "\t<MsgTp>ibps.309.001.01</MsgTp>\n\t<MsgId>00000000000000667781</MsgId>\n"
        "\t<MsgRefId>00000000000000667781</MsgRefId>\n\t<MsgProCd>0000</MsgProCd>\n</ComuCnfm>"
    )
    found = open_sealed(said(messages.COMMUNICATED, content), KEY.public_key())

    assert messages.read_receipt(found, sent) == codes.COMMUNICATED
    with pytest.raises(InvalidMessage):
        messages.read_receipt(found, dataclasses.replace(sent, id="2"))


def test_a_body_in_gb18030_is_read():
    header = CnapsHeader("0000", US.bank, AT, messages.LOGIN_ANSWER, "1", "1", "D")
    body = '<?xml version="1.0" encoding="GB18030"?><Document xmlns="x"><A>王小明</A></Document>'.encode(
        "gb18030"
    )
    found = wire._read(header, header.text.encode() + b"\r\n" + body)

    assert found.root.text == "王小明"


@pytest.mark.parametrize("body", [
    b"", b"<a/>", b'<?xml version="1.0" encoding="UTF-16"?><a/>', b'<?xml version="1.0" encoding="UTF-8"?><a/>',
    b'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="x"/>',
    b'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="x"><A/><!-- x --></Document>',
    b'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="x"><A>\xff</A></Document>',
])  # fmt: skip
def test_what_is_no_document_is_refused(body):
    header = CnapsHeader("0000", US.bank, AT, messages.LOGIN_ANSWER, "1", "1", "D")
    with pytest.raises(InvalidMessage):
        wire._read(header, header.text.encode() + b"\r\n" + body)


@pytest.mark.parametrize("change", [
    (b"{H:01", b"{H:02"), (b"IBPS9", b"HVPS9"), (b"20261123", b"20261323"), (b"3U", b"4U"), (b"3U", b"3X"),
    (b"XMLibps", b"XML ibps"), (b"         }", b"        x}"),
])  # fmt: skip
def test_another_header_is_refused(change):
    with pytest.raises(InvalidMessage):
        CnapsHeader.of(sealed()[: wire.HEADER_LENGTH].replace(*change, 1))


WHOLE = (sealed(), said(messages.COMMUNICATED, "<ComuCnfm><A>1</A></ComuCnfm>"))


@given(st.integers(0, 10**6), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_any_damage_to_a_message_is_noticed(place, change):
    for raw in WHOLE:
        damaged = bytearray(raw)
        damaged[place % len(raw)] ^= change
        with pytest.raises((InvalidMessage, NotAuthentic)):
            open_sealed(bytes(damaged), KEY.public_key())


def test_another_key_is_not_ours():
    with pytest.raises(NotAuthentic):
        open_sealed(sealed(), OTHER.public_key())


@pytest.mark.parametrize("reason", sorted(ISO_REASONS - DUPLICATES))
def test_every_iso_reason_survives_translation_to_cnaps(reason):
    said_of = native_of(reason)

    assert len(said_of) == 4
    assert outcome_of(said_of) == (Outcome.REFUSED, reason)
    assert reason_of(said_of) == reason


@pytest.mark.parametrize("reason", sorted(DUPLICATES))
def test_a_duplicate_refuses_nothing_until_an_enquiry(reason):
    assert outcome_of(native_of(reason)) == (Outcome.UNKNOWN, reason)
    assert outcome_of(native_of(reason), enquired=True) == (Outcome.REFUSED, reason)


def test_the_tables_of_codes_are_whole():
    for code, row in {**codes.PROCESS, **codes.REJECTS}.items():
        assert re.fullmatch(r"IB1[IO]\d{4}|RJ\d\d", code)
        assert row.reason is None or row.reason in ISO_REASONS
        assert code not in ISO_REASONS
    said_of = [row.reason for row in codes.REJECTS.values()]
    assert len(said_of) == len(set(said_of))


def test_the_sandboxs_ids_have_their_check_digits():
    for code in (sandbox.IDENTITY["bank"], sandbox.BANK):
        assert is_cnaps(code)
    for word in ("", "AC04", "SILENT", "SLOW8"):
        assert is_luhn(sandbox.account(word).other)


@pytest.mark.parametrize("identity", [{}, {**sandbox.IDENTITY, "bank": "998290000018"}])
def test_an_identity_without_a_code_is_refused(identity):
    with pytest.raises(ValueError):
        CnapsParticipant.of(identity)


def resealed(rail, native, old, new, header=None):
    """The order with one thing changed, signed again with our own key."""
    found = open_own(native.body)
    draft = native.body.replace(re.search(rb"<EmailAdr>([^<]*)<", native.body)[1], b"")
    body = draft[wire.HEADER_LENGTH + 2 :].decode()
    changed = body.replace(old, new, 1)
    assert changed != body or header
    return seal(
        dataclasses.replace(found.header, **(header or {})),
        changed,
        keys.private(rail.connection.signing_key),
    )


STRICT = [
    ("fixed value", "<InstrPrty>NORM", "<InstrPrty>HIGH", None, "IB1O0002"),
    ("charge bearer", "<ChrgBr>DEBT", "<ChrgBr>SLEV", None, "IB1O0002"),
    ("batch booking", "<BtchBookg>false</BtchBookg>", "", None, "IB1O0002"),
    ("namespace", "pacs.008.001.02", "pacs.008.001.08", None, "IB1O0002"),
    ("amount without decimals", ">1500.00<", ">1500<", None, "IB1O0002"),
    ("currency", 'Ccy="CNY"', 'Ccy="USD"', None, "IB1O0002"),
    ("foreign element", "<ChrgBr>", "<Foreign/><ChrgBr>", None, "IB1O0002"),
    ("expiry", "<RjctTm>", "<RjctTm>x", None, "IB1O0002"),
    ("above the cap", ">1500.00<", ">1000000.01<", None, "IB1O0012"),
    ("account's check digit", "6299980000000000006", "6299980000000000007", None, "IB1O0013"),
    ("body's sender", "<MmbId>998290000019", "<MmbId>998290000035", None, "IB1O0007"),
    ("header's receiver", "", "", {"receiver": "998290000035"}, "IB1O0007"),
    ("header's sender", "", "", {"sender": "998290000035"}, "IB1O0004"),
    ("header's direction", "", "", {"direction": "D"}, "IB1O0001"),
    ("header's reference", "", "", {"ref": "1"}, "IB1O0001"),
    ("header's day", "", "", {"at": AT - timedelta(days=400)}, "IB1O0008"),
    ("message id", "<MsgId>99829", "<MsgId>99828", None, "IB1O0008"),
    ("another message", "", "", {"kind": "ibps.102.001.01"}, "IB1O0002"),
]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("row", STRICT, ids=[row[0] for row in STRICT])
async def test_the_system_discards_with_its_code(rails, row):
    _, old, new, header, code = row
    rail = await rails.get("CN")
    native = rail.adapter.translate(sample_order("CN"))
    raw = resealed(rail, native, old, new, header)
    status, body = await rail.control("POST", PATH, raw, **{"Content-Type": CONTENT_TYPE})

    assert status == 200
    assert b"XMLccms.911.001.01" in body
    assert f"<ProcCd>{code}</ProcCd>".encode() in body
    assert rail.credits(native.ref) == 0


@pytest.mark.asyncio(loop_scope="session")
async def test_a_signature_of_somebody_else_is_discarded(rails):
    rail = await rails.get("CN")
    native = rail.adapter.translate(sample_order("CN"))
    raw = native.body.replace(b">1500.00<", b">1500.01<")
    _, body = await rail.control("POST", PATH, raw, **{"Content-Type": CONTENT_TYPE})

    assert b"<ProcCd>IB1O0003</ProcCd>" in body
    assert rail.credits(native.ref) == 0


@pytest.mark.asyncio(loop_scope="session")
async def test_one_message_id_is_one_order(rails):
    rail = await rails.get("CN")
    first, second = (rail.adapter.translate(sample_order("CN", serial=777_777)) for _ in range(2))
    await rail.adapter.submit(first)
    receipt = await rail.adapter.submit(second)

    assert (receipt.acceptance, receipt.detail) == (Acceptance.UNKNOWN, "process code IB1O0006")
    assert rail.credits(second.ref) == 0


async def kinds_about(rail, ref, count):
    """Kinds of the messages that came down about an order, in their order."""
    async with asyncio.timeout(60):
        while True:
            found = [raw for raw in rail.raw if ref.encode() in raw]
            if len(found) >= count:
                return [CnapsHeader.of(raw[: wire.HEADER_LENGTH]).kind for raw in found]
            await asyncio.sleep(0.02)


@pytest.mark.asyncio(loop_scope="session")
async def test_an_online_payment_is_confirmed_in_three_steps(rails):
    rail = await rails.get("CN")
    native = rail.adapter.translate(sample_order("CN"))
    _, first = await rail.control("POST", PATH, native.body, **{"Content-Type": CONTENT_TYPE})

    assert CnapsHeader.of(first[: wire.HEADER_LENGTH]).kind == messages.COMMUNICATED
    assert sorted(await kinds_about(rail, native.ref, 2)) == [messages.CONFIRMATION, messages.ANSWER]
    assert [answer.outcome for answer in await rail.wait_for_answers(native.ref)] == [Outcome.DONE]
    notice = next(raw for raw in rail.raw if native.ref.encode() in raw and b"ccms.900" in raw)
    assert rail.adapter.decode(notice) == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("word", ["", "AC04", "PENDING"])
async def test_a_large_payment_is_confirmed_by_its_settlement(rails, word):
    rail = await rails.get("CN")
    native = rail.adapter.translate(sample_order("CN", word, minor=IBPS_CAP_MINOR + 1))
    await rail.adapter.submit(native)
    answers = await rail.wait_for_answers(native.ref, 2 if word == "PENDING" else 1)
    expected = {"": [Outcome.DONE], "AC04": [Outcome.REFUSED], "PENDING": [Outcome.PENDING, Outcome.DONE]}

    assert [answer.outcome for answer in answers] == expected[word]
    assert set(await kinds_about(rail, native.ref, len(answers))) == {messages.CONFIRMATION}
    enquired = await rail.adapter.enquire(native)
    assert enquired.outcome is answers[-1].outcome
    assert enquired.amount in {None, Money(IBPS_CAP_MINOR + 1, "CNY")}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("minor", [1, IBPS_CAP_MINOR, PROFILE.limits.maximum_minor])
async def test_amounts_at_the_edges_are_paid(rails, minor):
    rail = await rails.get("CN")
    native = rail.adapter.translate(
        sample_order("CN", minor=minor, creditor=Party(name="王小明", country="CN"))
    )
    await rail.adapter.submit(native)
    (answer,) = await rail.wait_for_answers(native.ref)

    assert (answer.outcome, answer.amount) == (Outcome.DONE, Money(minor, "CNY"))


@pytest.mark.asyncio(loop_scope="session")
async def test_an_account_is_enquired_by_itself(rails):
    rail = await rails.get("CN")
    for alias, account in sandbox.ALIASES.items():
        payee = await rail.adapter.resolve(alias)
        assert (payee.account, payee.agent) == (account, sandbox.BANK)
        assert "*" in payee.name
    assert await rail.adapter.resolve(sandbox.NOBODY) is None
    assert await rail.adapter.resolve("not an account") is None


@pytest.mark.asyncio(loop_scope="session")
async def test_a_cancellation_is_answered_in_its_own_name(rails):
    rail = await rails.get("CN")
    native = rail.adapter.translate(sample_order("CN"))
    await rail.adapter.submit(native)
    await rail.wait_for_answers(native.ref)
    sent = SentCnapsMessage.of(open_own(native.body))
    await rail.adapter.undo(native, "CUST")
    (answer,) = await rail.wait_for_answers(messages.cancellation_id(sent.transaction, US, datetime.now(UTC)))

    assert (answer.outcome, answer.uetr, answer.rail_code) == (Outcome.DONE, None, "PR07")


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("body", [b"", b"<", b"{}", b"{H:01", b"\xff\xfe", b"x" * 300_000])
async def test_what_is_no_message_is_refused_and_nothing_breaks(rails, body):
    rail = await rails.get("CN")
    status, _ = await rail.control("POST", PATH, body, **{"Content-Type": CONTENT_TYPE})

    assert 400 <= status < 500
    assert await rail.adapter.probe()
    assert (await rail.control("POST", PATH, b"", **{"Content-Type": "text/xml"}))[0] == 415
    assert (await rail.control("GET", PATH))[0] == 404


def test_the_adapter_is_found_by_its_country():
    assert registry.profile("CN") is PROFILE
