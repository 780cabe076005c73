"""Orders of rails with a format of their own: each part is honoured, carried, or makes the order invalid."""

from copy import deepcopy
from dataclasses import replace

import pytest
from lxml import etree

from adapters import called, json_text
from adapters.called import CalledRequest
from adapters.kyrgyzstan.signing import open_signed
from adapters.originating import OrderVerdict, PayeeQuery, PayeeVerdict
from adapters.port import Outcome, Payee
from adapters.russia import sandbox as russia
from adapters.russia.envelope import NAMESPACE, NAMESPACE_701, EdId, open_own, seal
from adapters.russia.profile import ORDER_NUMBERS
from adapters.signed_json import verify
from schemas.errors import InvalidMessage
from schemas.money import Money
from tests.adapters.test_originating import AT, Side


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    return {country: Side(tmp_path_factory.mktemp(country), country) for country in ("KG", "RU", "UZ")}


def test_a_call_of_the_kyrgyz_operator_is_checked_before_it_is_executed(sides):
    """`create` is answered as the order would be, and nothing is kept of it."""
    side = sides["KG"]
    raw = side.orders.payee_query(side.wish())

    query = side.adapter.read_request(raw)
    found = PayeeVerdict(AT, Payee("", "INDUINBB", "A*** R***"), Money(120_000, "INR"), "0.9600")
    known, nobody = side.adapter.reply_payee(raw, found), side.adapter.reply_payee(raw, PayeeVerdict(AT))
    said = open_signed(known.body, side.orders.participant_key)

    assert isinstance(query, PayeeQuery)
    assert (query.account.id, query.agent.bic) == ("asha@okbank", "INDUINBB")
    assert query.amount == Money(125_000, "KGS")
    assert (known.status, said["status"], said["beneficiaryName"]) == (200, 10, "A*** R***")
    assert {part["key"]: part["value"] for part in said["extra"]} == {
        "creditAmount": "1200.00",
        "creditCurrency": "INR",
        "rate": "0.9600",
    }
    assert nobody.status == 452


def test_a_payee_of_the_uzbek_processing_is_named_with_what_arrives(sides):
    side = sides["UZ"]
    raw = side.orders.payee_query(side.wish(12_500_000))

    query = side.adapter.read_request(raw)
    found = PayeeVerdict(AT, Payee("", "INDUINBB", "A*** R***"), Money(86_000, "INR"), "0.0068800")
    known, nobody = side.adapter.reply_payee(raw, found), side.adapter.reply_payee(raw, PayeeVerdict(AT))
    result = verify(json_text.parse(known.body), side.orders.participant_key)["result"]

    assert (query.account.id, query.agent.bic) == ("asha@okbank", "INDUINBB")
    assert query.amount == Money(12_500_000, "UZS")
    assert result["owner"] == "A*** R***"
    assert result["credit"] == {"amount": "860.00", "currency": "INR", "rate": "0.0068800"}
    assert verify(json_text.parse(nobody.body), side.orders.participant_key)["error"]["code"] == -200


@pytest.mark.parametrize(
    "changed",
    [
        {"merchantId": "1"},
        {"currency": "643"},
        {"amount": 0},
        {"amount": "125000"},
        {"ext": "a/../b"},
        {"bank": "09999"},
        {"sender": {}},
        {"date12": "today"},
        {"cardId": "F6F4834E645681549A"},
    ],
)
def test_what_an_uzbek_order_states_is_honoured_or_refused(sides, changed):
    side = sides["UZ"]
    _, raw = side.orders.order(side.wish())
    credit = {**json_text.parse(raw)["params"]["credit"], **changed}

    with pytest.raises(InvalidMessage):
        side.adapter.read_request(side.orders._signed("p2p.universal.credit", "1", {"credit": credit}))


@pytest.mark.parametrize(
    "changed",
    [
        {"merchantProvider": "p2p.other.example"},
        {"currencyCode": "643"},
        {"transactionType": 60},
        {"qrLinkHash": "0000"},
        {"amount": 0},
        {"amount": "125000"},
        {"extra": []},
        {"pspTransactionId": "f" * 32},
        {"beneficiaryAccountNumber": "9" * 200},
    ],
)
def test_what_a_kyrgyz_order_states_is_honoured_or_refused(sides, changed):
    orders = sides["KG"].orders
    wish = sides["KG"].wish()
    raw = orders._call("POST", f"execute/{wish.id}", {**orders.body(wish), **changed})

    with pytest.raises(InvalidMessage):
        sides["KG"].adapter.read_request(raw)


def resaid(side, raw, change):
    """A document of the simulated SBP, changed and signed again."""
    message = open_own(raw)
    change(message.document)
    message = replace(message, about=message.document.get("TransactionID"))
    return seal(message, side.orders.rail_key)


def at_bank(**attributes):
    def change(document):
        document.find("{*}Payee/{*}Bank").attrib.update(attributes)

    return change


def of_document(**attributes):
    def change(document):
        document.attrib.update(attributes)

    return change


def with_part(tag, **attributes):
    def change(document):
        etree.SubElement(document, f"{{{NAMESPACE}}}{tag}", attributes)

    return change


@pytest.mark.parametrize(
    "change",
    [
        at_bank(ClrSysMmbId="100000000001"),
        at_bank(SwiftBIC="LATER"),
        of_document(Sum="0"),
        of_document(Sum="125000.00"),
        of_document(ExchangeRate="0.94"),
        of_document(OperationType="CTRB"),
        of_document(TransactionID="A/../B"),
        of_document(TransDateTime="today"),
        with_part("DuePayableAmount", Amount="1", Currency="INR"),
        with_part("ChargesInformation", Amount="1", Currency="RUB"),
        with_part("PrvsInstgAgt1", ClrSysMmbId="1"),
        lambda document: document.find("{*}Payer/{*}PhoneNumber").__setattr__("text", "996550000001"),
        lambda document: document.find("{*}InstructedAmount").set("Amount", "1"),
        lambda document: document.remove(document.find("{*}Payer")),
        lambda document: document.append(deepcopy(document.find("{*}Payee"))),
    ],
)
def test_what_an_order_of_sbp_states_is_honoured_or_refused(sides, change):
    side = sides["RU"]
    _, raw = side.orders.order(side.wish())

    with pytest.raises(InvalidMessage):
        side.adapter.read_request(resaid(side, raw, change))


def domestic(side, purpose):
    """An ED701 to our gateway, made of an ED702."""
    ref, raw = side.orders.order(side.wish())
    message = open_own(raw)
    text = etree.tostring(message.document, encoding="unicode").replace(NAMESPACE, NAMESPACE_701)
    document = etree.fromstring(text.replace("ED702", "ED701"))
    document.set("OperationType", "CCPH")
    del document.attrib["ChargeBearer"]
    document.remove(document.find("{*}InstructedAmount"))
    bank = document.find("{*}Payee/{*}Bank")
    bank.attrib.clear()
    bank.attrib.update({"BIC": russia.IDENTITY["bik"], "CorrespAcc": side.adapter.us.bank.account})
    document.find("{*}Purpose").text = purpose
    return ref, seal(replace(message, documents=[document]), side.orders.rail_key)


def test_a_domestic_order_of_sbp_names_the_bank_abroad_in_its_purpose(sides):
    side = sides["RU"]
    ref, raw = domestic(side, "{SWINDUINBB} for the family")

    order = side.adapter.read_request(raw)
    said = side.orders.read(side.adapter.answer(raw, OrderVerdict(Outcome.DONE, AT)))

    assert (order.ref, order.payment.creditor_agent.bic) == (ref, "INDUINBB")
    assert order.payment.remittance == "for the family"
    assert (said.ref, said.outcome) == (ref, Outcome.DONE)
    with pytest.raises(InvalidMessage):
        side.adapter.read_request(domestic(side, "for the family")[1])


def test_a_payee_of_sbp_is_named_with_what_arrives(sides):
    side = sides["RU"]
    raw = side.orders.payee_query(side.wish())

    query = side.adapter.read_request(raw)
    found = PayeeVerdict(AT, Payee("", "INDUINBB", "A*** R***"), Money(120_000, "INR"), "0.9600")
    known, nobody = side.adapter.reply_payee(raw, found), side.adapter.reply_payee(raw, PayeeVerdict(AT))
    answers = [open_own(each.body).document for each in (known, nobody)]
    values = [each.text for each in answers[0].iter(f"{{{NAMESPACE}}}FieldValue")]

    assert (query.account.id, query.agent.bic) == ("asha@okbank", "INDUINBB")
    assert query.amount == Money(125_000, "RUB")
    assert [each.get("EDDefineAnswerCode") for each in answers] == ["01", "02"]
    assert answers[0].findtext("{*}EDDefineAnswerInfo/{*}PayeeLongName") == "A*** R***"
    assert values == ["1200.00 INR", "0.9600"]


def test_answers_to_orders_of_sbp_have_numbers_that_no_order_of_ours_has(sides):
    side = sides["RU"]
    _, raw = side.orders.order(side.wish())
    verdict = OrderVerdict(Outcome.DONE, AT)

    order = EdId.of(open_own(raw).document)
    answers = [
        EdId.of(open_own(body).document)
        for body in (side.adapter.answer(raw, verdict), side.adapter.reply(raw, verdict).body)
    ]

    assert all(each.number > ORDER_NUMBERS for each in answers)
    assert answers[0].number == ORDER_NUMBERS + 1 + order.number


def test_a_request_is_kept_with_its_path_and_the_headers_that_are_needed():
    request = CalledRequest("POST", "/in/x", {"h-hash": "a=="}, b"line\n\nPOST /in/y\n\n")

    assert called.read(request.written()) == request
    for path in ("/in/x\nh-hash: b", "/in x", "in", "/in/\u043a"):
        with pytest.raises(InvalidMessage):
            CalledRequest("POST", path).written()
    with pytest.raises(InvalidMessage):
        CalledRequest("POST", "/", {"h-hash": "a\n\nb"}).written()
    for body in (b"{}", b"", b"<a/>", b"eyJ.eyJ.eyJ", b"POST /in/x", b"POST /in/x\nno header\n\n"):
        assert called.read(body) is None
