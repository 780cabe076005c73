"""SBP's words: what we say is valid by the Bank of Russia's schemas, and what we read is what was said."""

import asyncio
import copy
import dataclasses
import json
import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import registry
from adapters.identifiers import is_russian_account
from adapters.originating import OrderVerdict, PayeeVerdict
from adapters.port import Acceptance, Answer, Outcome, Payee
from adapters.reasons import DUPLICATES, ISO_REASONS
from adapters.russia import codes, directory, envelope, inbound, messages, sandbox, shapes
from adapters.russia.client import CONTENT_TYPE, PATH
from adapters.russia.codes import native_of, outcome_of, reason_of
from adapters.russia.envelope import NAMESPACE, PROPS, SOAP, EdId, UfebsMessage, open_own, open_sealed, seal
from adapters.russia.messages import SbpParticipant, SentSbpMessage
from adapters.russia.ordering import SbpOrders
from adapters.russia.profile import ORDER_NUMBERS, PROFILE
from adapters.russia.simulator import Numbers
from adapters.russia.text import ALPHABET, ufebs_text
from adapters.simulation.harness import sample_order
from adapters.simulation.payers import PaymentAbroad
from schemas.errors import InvalidMessage, NotAuthentic, Unavailable
from schemas.money import Money
from schemas.payment import Agent, Party, PartyAccount

BANKS = directory.load()
US = SbpParticipant.of(sandbox.IDENTITY, BANKS)
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UETR = "2d0c9a0b-6f3a-4a2f-9a1b-2c3d4e5f6072"
REF = UETR.replace("-", "")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RUSSIAN = Agent(bic="SABRRUMM")


def order(**changes):
    return sample_order("RU", **{"made_at": AT, "uetr": UETR, "serial": 5, **changes})


def sealed(**changes):
    return seal(messages.order_message(order(**changes), US, BANKS), KEY)


def document(**changes):
    """The order's document, as the rail reads it."""
    return open_sealed(sealed(**changes), KEY.public_key()).document


def again(element):
    """The same document outside its envelope."""
    return etree.fromstring(etree.tostring(element, with_tail=False))


@pytest.fixture(scope="session")
def schemas(shared):
    place = shared / "rails" / "RU" / "ufebs_2024.4.0"
    if not place.exists():
        pytest.skip("the Bank of Russia's schemas are not there")
    names = {f"ED{number}": f"ed/cbr_ed{number}_v2024.4.0.xsd" for number in (243, 244, 330, 742, 743, 807)}
    names |= {
        "": "cbr_ed_opcc_v2024.4.0.xsd",
        "SOAP": "soap-envelope.xsd",
        "PROPS": "cbr_msg_props_v2017.2.0.xsd",
    }
    return {name: etree.XMLSchema(etree.parse(place / file)) for name, file in names.items()}


def valid(schemas, element):
    schema = schemas.get(etree.QName(element).localname) or schemas[""]
    return schema.validate(again(element))


def must_be_valid(schemas, raw, key=KEY):
    """Envelope, service headers and every document, by the published schemas."""
    for document in open_sealed(raw, key.public_key()).elements:
        assert valid(schemas, document), (etree.tostring(document), schemas[""].error_log)
    root = etree.fromstring(raw)
    assert schemas["SOAP"].validate(again(root))
    for part in ("MessageInfo", "DocInfo"):
        assert schemas["PROPS"].validate(again(root.find(f".//{{{PROPS}}}{part}")))
    mac = root.find(f"{{{SOAP}}}Header/{{{envelope.DSIG}}}MACValue")
    assert mac is not None


TEXT = st.text(max_size=200)


@settings(max_examples=120, deadline=None)
@given(
    minor=st.integers(1, PROFILE.limits.maximum_minor),
    debtor=TEXT,
    creditor=TEXT,
    remittance=TEXT | st.none(),
    bank=st.none() | TEXT,
    end_to_end=TEXT,
    account=st.none() | TEXT,
    phone=st.none() | TEXT,
    country=st.sampled_from(["KG", "CN", None]),
    rate=st.none() | st.decimals(0, 10**6, places=10).map(str),
    domestic=st.booleans(),
    serial=st.integers(0, ORDER_NUMBERS - 1),
    at=st.integers(0, 10**9).map(lambda seconds: AT + timedelta(seconds=seconds)),
)
def test_every_checked_order_is_valid_and_states_what_was_ordered(
    *, schemas, minor, debtor, creditor, remittance, bank, end_to_end, account, phone, country, rate, domestic,
    serial, at,
):  # fmt: skip
    made = sample_order(
        "RU",
        minor=minor,
        serial=serial + 1,
        made_at=at,
        uetr=UETR,
        remittance=remittance,
        end_to_end_id=end_to_end,
        exchange_rate=rate,
        debtor=Party(name=debtor, country=country, phone=phone),
        debtor_account=PartyAccount(other=account) if account is not None else None,
        debtor_agent=RUSSIAN if domestic else Agent(bic="KYRSKG22", name=bank),
        creditor=Party(name=creditor, country="RU"),
    )
    made = dataclasses.replace(made, serial=serial)
    if messages.check(made, BANKS):
        return
    raw = seal(messages.order_message(made, US, BANKS), KEY)
    must_be_valid(schemas, raw)
    message = open_sealed(raw, KEY.public_key())
    said = message.document

    shapes.check(said)
    assert etree.QName(said).localname == ("ED701" if domestic else "ED702")
    assert said.get("Sum") == str(minor)
    assert (said.get("TransactionID"), message.about) == (REF, REF)
    assert EdId.of(said) == messages.order_id(made, US)
    assert message.expires_at == made.expires_at.replace(microsecond=0)
    assert SentSbpMessage.of(message).transaction == REF


@pytest.mark.parametrize("debtor_agent", [RUSSIAN, Agent(bic="KYRSKG22")])
def test_everything_else_that_we_send_is_valid_too(schemas, debtor_agent):
    sent = SentSbpMessage.of(open_sealed(sealed(debtor_agent=debtor_agent), KEY.public_key()))
    for message in (
        messages.status_inquiry(sent, US, AT, 7),
        messages.return_order(sent, US, AT),
        messages.payee_inquiry("79990000001", US, AT, 8),
        messages.payee_inquiry(sandbox.account("").other, US, AT, 9),
        messages.probe(US, AT, 10),
        messages.register_request("2026-11-23", US, AT, 11),
    ):
        must_be_valid(schemas, seal(message, KEY))
        assert shapes.check(open_sealed(seal(message, KEY), KEY.public_key()).document) is None


def sample(shared, name):
    return envelope.parse((shared / "rails" / "samples" / "RU" / name).read_bytes())


def carried(*documents):
    return UfebsMessage("9900000000", US.uid, "1", REF, AT, list(documents))


@pytest.mark.parametrize(("name", "agent"), [("ED701.xml", RUSSIAN), ("ED702.xml", Agent(bic="KYRSKG22"))])
def test_every_fact_of_the_published_orders_is_written_the_same_way(shared, name, agent):
    theirs, ours = sample(shared, name), document(debtor_agent=agent, exchange_rate="0.9412")

    left_out = set(theirs.attrib) - set(ours.attrib)
    assert left_out <= {"TransOptionCode"}
    for fixed in (
        "TransKind",
        "OperationType",
        "ChargeBearer",
        "TransDateTime",
        "ExchangeRate",
        "EDDate",
        "Sum",
    ):
        assert ours.get(fixed) == theirs.get(fixed)
    tags = [etree.QName(child).localname for child in ours]
    expected = [etree.QName(child).localname for child in theirs]
    assert [tag for tag in tags if tag in expected] == [tag for tag in expected if tag in tags]
    assert {"Payer", "Payee", "Purpose"} <= set(tags)


def test_the_published_confirmation_is_done(shared):
    (found,) = messages.read_answers(carried(sample(shared, "ED706.xml")))

    assert found.outcome is Outcome.DONE
    assert (found.ref, found.amount) == ("A6327100000000010000010011750101", Money(150000, "RUB"))


def test_the_published_state_is_not_found(shared):
    (found,) = messages.read_answers(carried(sample(shared, "ED705.xml")))

    assert (found.outcome, found.rail_code) == (Outcome.NOT_FOUND, "NTEX")


def test_shapes_and_schemas_agree_about_mutated_messages(schemas):
    """What the simulated rail refuses, the published schemas refuse, and the other way round."""
    chance = random.Random(20022)
    sent = SentSbpMessage.of(open_sealed(sealed(), KEY.public_key()))
    originals = [
        document(debtor_agent=RUSSIAN),
        document(exchange_rate="1.25", debtor=Party(name="Нурбек", country="KG", phone="996550000001")),
        *(open_sealed(seal(message, KEY), KEY.public_key()).document
          for message in (messages.status_inquiry(sent, US, AT, 1), messages.return_order(sent, US, AT),
                          messages.payee_inquiry("79990000001", US, AT, 2), messages.probe(US, AT, 3),
                          messages.register_request("2026-11-23", US, AT, 4))),
    ]  # fmt: skip
    verdicts = set()
    for _ in range(1500):
        mutated = again(chance.choice(originals))
        _mutate(mutated, chance)
        ours = _verdict(mutated)
        theirs = valid(schemas, mutated)
        assert ours == theirs, etree.tostring(mutated, encoding="unicode")
        verdicts.add(ours)

    assert verdicts == {True, False}


VALUES = ["", "0", "01", "1", "-1", "9" * 19, "x" * 36, "абв", "ә", " ", "2026-13-01", "2026-11-23T10:00:00",
          "CTRB", "BBAN", "SLEV", "049999802", "a\u2116b", "KYRSKG22", "RUB", "1.5", "x" * 141, "банк"]  # fmt: skip
KEPT = {"OperationType"}  # the schemas know operations that nobody here sends


def _mutate(root, chance):
    element = chance.choice([found for found in root.iter() if not isinstance(found, etree._Comment)])
    match chance.randrange(5):
        case 0 if set(element.attrib) - KEPT:
            element.set(chance.choice(sorted(set(element.attrib) - KEPT)), chance.choice(VALUES))
        case 1 if set(element.attrib) - KEPT:
            del element.attrib[chance.choice(sorted(set(element.attrib) - KEPT))]
        case 2 if element.getparent() is not None:
            element.getparent().remove(element)
        case 3 if len(element) > 1:
            element.append(element[0])
        case 4 if len(element) == 0 and element.text:
            element.text = chance.choice(VALUES)
        case _:
            element.set("Foreign", "1")


def _verdict(root):
    try:
        shapes.check(root)
    except InvalidMessage:
        return False
    return True


@given(st.text(max_size=300), st.integers(1, 210))
def test_text_is_what_the_schemas_alphabet_has(text, most):
    said = ufebs_text(text, most)

    assert len(said) <= most
    assert re.fullmatch(f"[{ALPHABET}]*", said)
    assert said == said.strip()
    said.encode("cp1251")


@pytest.mark.parametrize(("text", "said"), [
    ("Иван  Петров", "Иван Петров"),
    ("Пётр №1", "Пётр №1"),
    ("王小明", "Wang Xiaoming"),
    ("Нұрлан Иванов", "Nurlan Иванов"),
    ("O'Brien & Söhne <1>", "O'Brien & Sohne <1>"),
    ("\u200b", ""),
    (None, ""),
])  # fmt: skip
def test_a_word_has_one_script(text, said):
    assert ufebs_text(text, 140) == said


def check_of(**changes):
    return {violation.reason for violation in messages.check(order(**changes), BANKS)}


REFUSED = [
    ({"minor": PROFILE.limits.maximum_minor + 1}, "AM02"),
    ({"minor": 0}, "AM06"),
    ({"creditor_account": None}, "AC03"),
    ({"creditor_account": PartyAccount(other="40817810099900000001")}, "AC03"),
    ({"creditor_account": PartyAccount(proxy="+996-550000001")}, "AC03"),
    ({"creditor_agent": Agent(clearing_system="RUCBC", member_id="049999803")}, "AC03"),
    ({"creditor_agent": Agent(member_id="044525225")}, "RC04"),
    ({"creditor_agent": Agent(bic="HDFCINBB")}, "RC04"),
    ({"debtor": Party()}, "BE08"),
    ({"creditor": Party(name=" ")}, "BE22"),
    ({"expires_in": 0.0}, "DT01"),
    ({"remittance": "{VO 61150}for work"}, "RR04"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_sbp_cannot_carry_is_refused_with_its_reason(changes, reason):
    assert check_of(**changes) == {reason}


@pytest.mark.parametrize("text", ["for work", "{VO61150}for work"])
def test_a_currency_operation_code_that_is_the_purpose_is_at_the_start_of_the_text_once(text: str):
    found = document(remittance=text, purpose="VO61150").findtext(f"{{{NAMESPACE}}}Purpose")

    assert found == "{VO61150}for work"


def test_a_currency_operation_code_is_at_the_start_of_the_purpose():
    text = "{VO61150}for work"
    assert check_of(remittance=text) == set()
    assert document(remittance=text).findtext(f"{{{NAMESPACE}}}Purpose") == text


@pytest.mark.parametrize("phone", ["79990000001", "+79990000001", "+7-9990000001"])
def test_a_phone_is_written_as_the_rail_requires(phone):
    said = document(creditor_account=PartyAccount(proxy=phone))
    account = said.find(f"{{{NAMESPACE}}}Payee/{{{NAMESPACE}}}AccountInfo")

    assert dict(account.attrib) == {"AccountType": "EPID", "AccountValue": "79990000001"}
    assert said.findtext(f"{{{NAMESPACE}}}Payee/{{{NAMESPACE}}}PhoneNumber") == "79990000001"


def test_a_bank_is_found_by_its_swift_bic_too():
    by_bik, by_swift = document(), document(creditor_agent=Agent(bic="SANDRUMMXXX"))

    assert etree.tostring(by_bik) == etree.tostring(by_swift)
    bank = by_bik.find(f"{{{NAMESPACE}}}Payee/{{{NAMESPACE}}}Bank")
    assert is_russian_account(bank.get("CorrespAcc"), bank.get("BIC"))


def test_the_days_numbers_are_moscows():
    first, second = AT.replace(hour=20, minute=59), AT.replace(hour=21)

    assert PROFILE.ids.period_at(first) != PROFILE.ids.period_at(second)
    for at in (first, second):
        assert document(made_at=at).get("EDDate").replace("-", "") == PROFILE.ids.period_at(at)


def test_numbers_of_orders_and_of_other_messages_never_meet():
    last = dataclasses.replace(order(), serial=PROFILE.ids.capacity - 1)
    sent = SentSbpMessage.of(open_sealed(sealed(), KEY.public_key()))
    services = [messages.status_inquiry(sent, US, AT, number).document for number in (0, 10**9 - 1)]

    assert messages.order_id(last, US).number == ORDER_NUMBERS
    for service in [*services, messages.return_order(sent, US, AT).document]:
        assert ORDER_NUMBERS < EdId.of(service).number <= 999_999_999


def test_a_return_is_an_order_of_its_own():
    sent = SentSbpMessage.of(open_sealed(sealed(), KEY.public_key()))
    back = messages.return_order(sent, US, AT + timedelta(days=1))
    found = back.document

    assert found.get("OperationType") == "CTRT"
    assert back.about == found.get("TransactionID") == messages.return_id(REF)
    payer, payee = (
        found.find(f"{{{NAMESPACE}}}{tag}/{{{NAMESPACE}}}AccountInfo") for tag in ("Payer", "Payee")
    )
    assert payer.get("AccountValue") == sandbox.account("").other
    assert payee.get("AccountValue") == "40817810700000000001"
    (answer,) = messages.read_answers(carried(confirmation(messages.return_id(REF))))
    assert answer.uetr is None


def element(tag, **attributes):
    return envelope.root(NAMESPACE, tag, {**EdId(1, "2026-11-23", "9900000000").attributes, **attributes})


def confirmation(ref=REF, **changes):
    return element("ED706", **{"Sum": "150000", "TransactionID": ref, **changes})


def state(code, control="", annotation="", ref=REF):
    found = element("ED705", StatusStateCode=code, TransactionID=ref, CtrlCode=control)
    etree.SubElement(found, f"{{{NAMESPACE}}}Annotation").text = annotation
    return found


STATES = [
    (state("SETL"), Outcome.DONE, None),
    (state("WAIT"), Outcome.PENDING, None),
    (state("NTEX"), Outcome.NOT_FOUND, None),
    (state("RJCT", "3003"), Outcome.REFUSED, "AC04"),
    (state("RJCT", "9000", "UCRD"), Outcome.REFUSED, "UCRD"),
    (state("RJCT", "9000", "ZZZZ"), Outcome.UNKNOWN, None),
    (state("RJCT", "1234"), Outcome.UNKNOWN, None),
    (state("RJCT", "7001"), Outcome.UNKNOWN, None),
    (state("RJCT"), Outcome.UNKNOWN, None),
    (state("setl"), Outcome.UNKNOWN, None),
]


@pytest.mark.parametrize(("said", "outcome", "reason"), STATES)
def test_a_state_means_what_the_schemas_define(said, outcome, reason):
    (found,) = messages.read_answers(carried(said))

    assert (found.outcome, found.reason, found.uetr) == (outcome, reason, UETR)


def test_a_state_and_a_confirmation_of_one_order_are_one_answer():
    for documents in ([state("SETL"), confirmation()], [confirmation(), state("SETL")]):
        (found,) = messages.read_answers(carried(*documents))
        assert (found.outcome, found.amount) == (Outcome.DONE, Money(150000, "RUB"))
    (found,) = messages.read_answers(carried(state("RJCT", "3003"), confirmation()))
    assert (found.outcome, found.amount, found.reason) == (Outcome.UNKNOWN, None, None)


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.5", "01", "1e3", "+5", "\u0661"])
def test_a_confirmation_states_its_amount_in_kopecks(amount):
    with pytest.raises(InvalidMessage):
        messages.read_answers(carried(confirmation(Sum=amount)))


@pytest.mark.parametrize("reason", sorted(ISO_REASONS - DUPLICATES))
def test_every_iso_reason_survives_translation_to_ufebs(reason):
    number, _, said = native_of(reason).partition(" ")

    assert re.fullmatch(r"\d{4}", number)
    assert outcome_of(number, said) == (Outcome.REFUSED, reason)
    assert reason_of(native_of(reason)) == reason


@pytest.mark.parametrize("reason", sorted(DUPLICATES))
def test_a_duplicate_refuses_nothing_until_an_enquiry(reason):
    number, _, said = native_of(reason).partition(" ")

    assert outcome_of(number, said) == (Outcome.UNKNOWN, reason)
    assert outcome_of(number, said, enquired=True) == (Outcome.REFUSED, reason)


def test_the_table_of_codes_is_whole():
    for number, row in codes.CODES.items():
        assert re.fullmatch(r"\d{4}", number)
        assert row.reason is None or row.reason in ISO_REASONS
    said = [row.reason for row in codes.CODES.values() if row.reason]
    assert len(said) == len(set(said))


def test_the_sandboxs_directory_is_valid_and_read(schemas):
    assert schemas["ED807"].validate(etree.parse(directory.SANDBOX))
    for bank in BANKS.banks.values():
        assert is_russian_account(bank.account, bank.bik)
        assert BANKS.find(None, bank.swift) is bank


@pytest.mark.parametrize("change", [
    (b'RegulationAccountType="CRSA"', b'RegulationAccountType="CBRA"'),
    (b'AccountStatus="ACAC"', b'DateOut="2026-01-01"'),
])  # fmt: skip
def test_a_bank_without_a_correspondent_account_is_not_there(change):
    assert directory.read(directory.SANDBOX.read_bytes().replace(*change)).banks == {}


def test_what_is_no_directory_is_refused(tmp_path):
    place = tmp_path / "directory.xml"
    place.write_bytes(b'<?xml version="1.0" encoding="windows-1251"?><ED808/>')
    with pytest.raises(ValueError):
        directory.load(place)


def test_an_identity_without_a_bank_in_the_directory_is_refused():
    with pytest.raises(ValueError, match="directory"):
        SbpParticipant.of({**sandbox.IDENTITY, "bik": "044525225"}, BANKS)


WHOLE = sealed()


@given(st.integers(0, 10**6), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_any_damage_to_a_message_is_noticed(place, change):
    raw = bytearray(WHOLE)
    raw[place % len(raw)] ^= change
    with pytest.raises((InvalidMessage, NotAuthentic)):
        open_sealed(bytes(raw), KEY.public_key())


def test_another_key_is_not_ours():
    with pytest.raises(NotAuthentic):
        open_sealed(sealed(), OTHER.public_key())


BROKEN = [
    b"",
    b"<a/>",
    b'<?xml version="1.0" encoding="UTF-8"?><a/>',
    b'<?xml version="1.0" encoding="windows-1251"?><!DOCTYPE a><a/>',
    b'<?xml version="1.0" encoding="windows-1251"?><a><!-- x --></a>',
    b'<?xml version="1.0" encoding="windows-1251"?><a>\x98</a>',
    b'<?xml version="1.0" encoding="windows-1251"?><a>',
]


@pytest.mark.parametrize("raw", BROKEN)
def test_what_is_not_windows_1251_xml_is_refused(raw):
    with pytest.raises(InvalidMessage):
        envelope.parse(raw)


def test_russian_characters_are_one_octet_each():
    raw = sealed(creditor=Party(name="Пётр", country="RU"))

    assert "Пётр".encode("cp1251") in raw
    assert raw.startswith(b'<?xml version="1.0" encoding="windows-1251"?>')


def resealed(rail, native, change):
    """The order with one thing changed, signed again with our own key."""
    from adapters import keys

    message = envelope.open_own(native.body)
    found = copy.deepcopy(message.document)
    changed = change(found) or {}
    documents = [found]
    return seal(
        dataclasses.replace(message, documents=documents, **changed),
        keys.private(rail.connection.signing_key),
    )


def setter(path, name, value):
    def change(root):
        found = (
            root if path == "." else root.find("/".join(f"{{{NAMESPACE}}}{tag}" for tag in path.split("/")))
        )
        found.set(name, value)

    return change


STRICT = [
    ("number with a leading zero", setter(".", "EDNo", "01"), "1001"),
    ("no such day", setter(".", "EDDate", "2026-11-32"), "1001"),
    ("another author", setter(".", "EDAuthor", "1234567890"), "1003"),
    ("another receiver", setter(".", "EDReceiver", "1234567890"), "1004"),
    ("another operation", setter(".", "OperationType", "CTND"), "1005"),
    ("a transaction that is no UETR", setter(".", "TransactionID", "A1"), "1001"),
    ("above the limit", setter(".", "Sum", "100000001"), "4002"),
    ("kopecks with a point", setter(".", "Sum", "1500.00"), "1001"),
    ("a charge bearer", setter(".", "ChargeBearer", "DEBT"), "1001"),
    ("account key", setter("Payee/AccountInfo", "AccountValue", "40817810099900000001"), "3001"),
    ("account of another type", setter("Payee/AccountInfo", "AccountType", "ORID"), "3001"),
    ("unknown bank", setter("Payee/Bank", "BIC", "044525225"), "3002"),
    ("another correspondent account", setter("Payee/Bank", "CorrespAcc", "30101810400000000225"), "3002"),
    ("foreign attribute", setter(".", "Foreign", "1"), "1001"),
    ("the envelope's transaction differs", lambda _: {"about": "0" * 32}, "1001"),
    ("the envelope's number differs", lambda _: {"id": "x"}, "1001"),
    ("no expiry", lambda _: {"expires_at": None}, "1001"),
    ("another sender", lambda _: {"sender": "1234567890"}, "1003"),
]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("name", "change", "code"), STRICT, ids=[row[0] for row in STRICT])
async def test_control_refuses_with_its_code(rails, name, change, code):
    rail = await rails.get("RU")
    native = rail.adapter.translate(sample_order("RU"))
    raw = resealed(rail, native, change)
    status, body = await rail.control("POST", PATH, raw, **{"Content-Type": CONTENT_TYPE})

    assert status == 200
    assert f'CtrlCode="{code}"'.encode() in body
    assert rail.credits(native.ref) == 0


@pytest.mark.asyncio(loop_scope="session")
async def test_a_number_is_one_message_in_its_day(rails):
    rail = await rails.get("RU")
    first, second = (rail.adapter.translate(sample_order("RU", serial=777_777)) for _ in range(2))
    await rail.adapter.submit(first)
    receipt = await rail.adapter.submit(second)

    assert (receipt.acceptance, receipt.detail) == (Acceptance.UNKNOWN, "control code 2001")
    assert rail.credits(second.ref) == 0


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("changes", [
    {"debtor_agent": RUSSIAN},
    {"creditor_account": PartyAccount(proxy="+7-9990000001")},
    {"minor": PROFILE.limits.maximum_minor},
    {"minor": 1},
])  # fmt: skip
async def test_orders_of_every_kind_are_paid(rails, changes):
    rail = await rails.get("RU")
    native = rail.adapter.translate(sample_order("RU", **changes))
    receipt = await rail.adapter.submit(native)
    (said,) = await rail.wait_for_answers(native.ref)

    assert (receipt.acceptance, said.outcome) == (Acceptance.ACCEPTED, Outcome.DONE)
    assert said.amount == Money(changes.get("minor", 150000), "RUB")
    assert rail.credits(native.ref) == 1


@pytest.mark.asyncio(loop_scope="session")
async def test_changed_hours_are_a_notice_to_people_and_no_answer(rails, schemas):
    rail = await rails.get("RU")
    await rail.control("POST", "/hours", json.dumps({"closed_until": "2026-12-01T03:00:00Z"}).encode())
    await rail.control("DELETE", "/hours")
    async with asyncio.timeout(10):
        while not (told := [raw for raw in rail.raw if b"ED330" in raw]):
            await asyncio.sleep(0.02)

    (document,) = open_sealed(told[0], rail.adapter.rail_key).elements
    assert valid(schemas, document)
    assert rail.adapter.decode(told[0]) == []
    assert "01.12.2026 06:00" in rail.adapter.notice(told[0])
    with pytest.raises(NotAuthentic):
        rail.adapter.notice(told[0].replace("06:00".encode("cp1251"), b"07:00"))


def test_an_answer_is_no_notice_to_people_and_a_notice_has_a_text():
    assert messages.read_notice(carried(confirmation())) is None
    assert messages.read_notice(carried(state("SETL"), confirmation())) is None
    with pytest.raises(InvalidMessage):
        messages.read_notice(carried(element("ED330")))


@pytest.mark.asyncio(loop_scope="session")
async def test_what_the_simulated_rail_sends_is_valid_too(rails, schemas):
    rail = await rails.get("RU")
    natives = [rail.adapter.translate(sample_order("RU", word)) for word in ("", "AC04", "UCRD", "PENDING")]
    for native in natives:
        await rail.adapter.submit(native)
        await rail.wait_for_answers(native.ref, 1 + (native is natives[-1]))
    key = rail.adapter.rail_key
    assert len(rail.raw) >= 5
    for raw in rail.raw:
        for found in _read(raw, key):
            assert valid(schemas, found), etree.tostring(found)


def _read(raw, key):
    try:
        return open_sealed(raw, key).elements
    except (InvalidMessage, NotAuthentic):  # what magic words have spoiled
        return []


@pytest.mark.asyncio(loop_scope="session")
async def test_a_phone_that_nobody_has_is_refused(rails):
    rail = await rails.get("RU")
    native = rail.adapter.translate(sample_order("RU", creditor_account=PartyAccount(proxy="79990000002")))
    receipt = await rail.adapter.submit(native)

    assert (receipt.acceptance, receipt.answer.reason, receipt.answer.rail_code) == (
        Acceptance.REFUSED,
        "BE06",
        "3006",
    )


@pytest.mark.asyncio(loop_scope="session")
async def test_a_phone_is_resolved_to_its_account(rails):
    rail = await rails.get("RU")
    for alias, account in sandbox.ALIASES.items():
        payee = await rail.adapter.resolve(alias)
        assert (payee.account, payee.agent) == (account, sandbox.BIK)
        assert payee.name
    assert await rail.adapter.resolve("79990000009") is None
    assert await rail.adapter.resolve("not a phone") is None


@pytest.mark.asyncio(loop_scope="session")
async def test_a_return_is_confirmed_in_its_own_name(rails):
    rail = await rails.get("RU")
    native = rail.adapter.translate(sample_order("RU"))
    await rail.adapter.submit(native)
    await rail.wait_for_answers(native.ref)
    await rail.adapter.undo(native, "CUST")
    (said,) = await rail.wait_for_answers(messages.return_id(native.ref))

    assert said == Answer(messages.return_id(native.ref), Outcome.DONE, None, "SETL", amount=Money(150000, "RUB"),
                          rail_reference=said.rail_reference)  # fmt: skip


def register(
    *, day="2026-11-23", count="1", total="150000", credit=("1", "700"), refused=(), correlation="A"
):
    said = element(
        "ED743", FPSDebetTransQuantity=count, FPSDebetSum=total,
        FPSCreditTransQuantity=credit[0], FPSCreditSum=credit[1],
    )  # fmt: skip
    info = etree.SubElement(said, f"{{{NAMESPACE}}}RequestInfo")
    etree.SubElement(info, f"{{{NAMESPACE}}}BusinessDay", AbstractDate=day)
    for direction, ref, amount in (("DEBT", REF, "150000"), ("CRED", messages.return_id("0" * 32), "700")):
        bank = etree.SubElement(said, f"{{{NAMESPACE}}}FPSTransInfo", DC=direction)
        etree.SubElement(bank, f"{{{NAMESPACE}}}TransInfo", TransactionID=ref, Sum=amount)
    return dataclasses.replace(carried(said, *refused), correlation=correlation)


def test_a_register_lists_what_was_done_and_what_was_refused():
    done, refused = messages.read_register(
        register(refused=[state("RJCT", "3003", ref="1" * 32)]), "A", "2026-11-23"
    )

    assert (done.ref, done.outcome, done.uetr, done.amount) == (REF, Outcome.DONE, UETR, Money(150000, "RUB"))
    assert (refused.outcome, refused.reason, refused.rail_code) == (Outcome.REFUSED, "AC04", "3003")


def test_a_refusal_in_a_register_is_final_whatever_its_code():
    said = register(refused=[state("RJCT", "1234", ref="1" * 32)])
    refused = messages.read_register(said, "A", "2026-11-23")[1]

    assert (refused.outcome, refused.reason, refused.rail_code) == (Outcome.REFUSED, "MS03", "1234")


@pytest.mark.parametrize("changes", [
    {"day": "2026-11-22"}, {"count": "2"}, {"total": "150001"}, {"credit": ("0", "0")}, {"correlation": "B"},
    {"refused": [state("RJCT", "3003")]}, {"refused": [state("WAIT", ref="1" * 32)]}, {"refused": [confirmation()]},
])  # fmt: skip
def test_a_register_that_is_not_whole_is_not_read(changes):
    with pytest.raises(InvalidMessage):
        messages.read_register(register(**changes), "A", "2026-11-23")


@pytest.mark.asyncio(loop_scope="session")
async def test_the_rails_register_is_its_book(rails, schemas):
    rail = await rails.get("RU")
    natives = [rail.adapter.translate(sample_order("RU", word)) for word in ("", "AC04", "UCRD", "", "LOST")]
    for native in natives:
        await rail.adapter.submit(native)
    await rail.wait_for_answers(natives[3].ref)
    await rail.adapter.undo(natives[3], "CUST")
    day = PROFILE.hours.day(datetime.now(UTC))
    found = {answer.ref: answer async for answer in rail.adapter.reconcile(day)}

    said = [found.get(native.ref) for native in natives]
    assert [answer and answer.outcome for answer in said] == [
        Outcome.DONE, Outcome.REFUSED, Outcome.REFUSED, Outcome.DONE, None,
    ]  # fmt: skip
    assert [answer.reason for answer in said[1:3]] == ["AC04", "UCRD"]
    assert said[0].amount == Money(150000, "RUB")
    asked = messages.register_request(day, US, AT, 1)
    reply = await rail.adapter._exchange(asked, 10**7)
    assert all(valid(schemas, element) for element in reply.elements)


@pytest.mark.asyncio(loop_scope="session")
async def test_there_is_no_register_of_no_day(rails):
    rail = await rails.get("RU")
    with pytest.raises(Unavailable):
        _ = [answer async for answer in rail.adapter.reconcile("no-day")]
    assert [answer async for answer in rail.adapter.reconcile("2001-01-01")] == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("body", [b"", b"<", b"{}", b"<!DOCTYPE a><a/>", b"\xff\xfe", b"x" * 300_000])
async def test_what_is_no_message_is_refused_and_nothing_breaks(rails, body):
    rail = await rails.get("RU")
    status, _ = await rail.control("POST", PATH, body, **{"Content-Type": CONTENT_TYPE})

    assert 400 <= status < 500
    assert await rail.adapter.probe()
    assert (await rail.control("POST", PATH, b"", **{"Content-Type": "text/xml"}))[0] == 415
    assert (await rail.control("GET", PATH))[0] == 404


def test_the_adapter_takes_a_directory_from_a_file(tmp_path):
    from adapters.simulation.sandbox import prepare

    connection, _ = prepare(tmp_path, "RU", port=1, callback_url="http://127.0.0.1:1/")
    place = tmp_path / "ed807.xml"
    place.write_bytes(directory.SANDBOX.read_bytes().replace(b"SANDRUMM", b"OTHRRUMM"))
    identity = {**connection.identity, "directory": str(place)}
    adapter = registry.load("RU", dataclasses.replace(connection, identity=identity))

    assert adapter.check(order(creditor_agent=Agent(bic="OTHRRUMM"))) == []
    assert [violation.reason for violation in adapter.check(order(creditor_agent=Agent(bic="SANDRUMM")))] == [
        "RC04"
    ]


def test_numbers_survive_a_killed_process(tmp_path):
    place = tmp_path / "numbers.jsonl"
    first = EdId(1, "2026-11-23", US.uid)
    assert Numbers(place).claim(first, REF, "CTPH")
    with place.open("a") as file:
        file.write('[2, "2026-11')
    again_there = Numbers(place)

    assert again_there.claim(first, REF, "CTPH")
    assert not again_there.claim(first, "1" * 32, "CTPH")
    assert again_there.claim(EdId(2, "2026-11-23", US.uid), "1" * 32, "CCPH")
    assert Numbers(place).of(messages.return_id("1" * 32))[1] == "CCRT"
    assert Numbers(place).of(REF) == (first, "CTPH")


def test_what_both_sides_say_of_payments_abroad_is_valid(schemas):
    """Orders, inquiries and returns of the simulated rail, and every answer of ours to them."""
    bank = BANKS.banks[sandbox.BIK]
    orders = SbpOrders(US.operator, US.uid, US.member, bank, KEY, KEY.public_key())
    wish = PaymentAbroad(
        Money(125_000, "RUB"), "INDUINBB", "", "asha@okbank", "Asha Rao", AT, AT + timedelta(minutes=1)
    )
    _, order = orders.order(wish)
    other = orders.altered(order, Money(1, "RUB"))
    theirs = [
        order,
        other,
        orders.enquiry(order),
        orders.reversal(order),
        orders.payee_query(wish),
    ]
    _, _, enquiry, reversal, inquiry = map(open_own, theirs)
    payee = Payee("", "INDUINBB", "A*** R***")
    verdicts = [OrderVerdict(each, AT) for each in (Outcome.DONE, Outcome.PENDING, Outcome.NOT_FOUND)]
    verdicts += [OrderVerdict(Outcome.REFUSED, AT, reason) for reason in sorted(ISO_REASONS)[::9]]
    answers = [inbound.control(open_own(order), AT, US)]
    answers += [inbound.state(enquiry, verdict, US) for verdict in verdicts]
    answers += [
        inbound.outcome(asked, verdict, US)
        for asked in (open_own(order), reversal)
        for verdict in verdicts
        if verdict.outcome in {Outcome.DONE, Outcome.REFUSED}
    ]
    answers += [
        inbound.payee(inquiry, verdict, US)
        for verdict in (PayeeVerdict(AT), PayeeVerdict(AT, payee, Money(120_000, "INR"), "0.96"))
    ]

    for raw in (*theirs, *(seal(answer, KEY) for answer in answers)):
        must_be_valid(schemas, raw)
