"""The other half of the port: what a rail orders is read exactly, and every answer says what it must."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec import structs

from adapters import registry
from adapters.china import messages as cnaps
from adapters.china import sandbox as china
from adapters.china.wire import open_own, seal
from adapters.iso8583 import private
from adapters.iso8583.codec import own, pack, unpack
from adapters.iso8583.private import PrivateTag
from adapters.iso20022 import envelope
from adapters.originating import (
    OrderVerdict,
    OriginatingAdapter,
    PayeeQuery,
    PayeeVerdict,
    PaymentOrder,
    ReturnOrder,
    StatusQuery,
    uetr_of,
)
from adapters.pakistan import sandbox as pakistan
from adapters.pakistan.messages import DIALECT
from adapters.port import Outcome, Payee
from adapters.simulation.debit_book import DebitBook, DebitEntry, DebitState
from adapters.simulation.harness import order_messages
from adapters.simulation.payers import PaymentAbroad, QuotingMessages
from adapters.simulation.sandbox import prepare
from schemas import codec, credit_transfer, own_uetr
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.payment import Agent

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
COUNTRIES = [country for country in registry.countries() if registry.originates(country)]
IN_PAKISTAN = ("INDUPKKA", pakistan.account("").iban)
IN_INDIA = ("INDUINBB", "asha@okbank")
ABROAD = {country: IN_PAKISTAN if country in {"CN", "IN", "IR", "TJ"} else IN_INDIA for country in COUNTRIES}


class Side:
    """An adapter, and what the rail's other side writes and reads."""

    def __init__(self, directory, country):
        connection, _ = prepare(directory, country, port=1, callback_url="http://127.0.0.1:1/")
        self.country = country
        self.adapter = registry.load(country, connection)
        self.orders = order_messages(country, directory)

    def wish(self, minor=125_000, payee="Asha Rao", made_at=AT, lasts=timedelta(seconds=120), bank=""):
        at, account = ABROAD[self.country]
        profile = registry.profile(self.country)
        step = profile.limits.step_minor
        amount = Money(max(step, minor - minor % step), profile.currency)
        return PaymentAbroad(amount, bank or at, "", account, payee, made_at, made_at + lasts)


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    return {country: Side(tmp_path_factory.mktemp(country), country) for country in COUNTRIES}


@pytest.mark.parametrize("country", COUNTRIES)
@settings(max_examples=30, deadline=None)
@given(
    minor=st.integers(1, 10**11),
    payee=st.text("abcXYZ &<>'\"-.", min_size=1, max_size=60).filter(str.strip),
    seconds=st.integers(0, 10**7),
)
def test_what_is_ordered_is_read(sides, country, minor, payee, seconds):
    side = sides[country]
    wish = side.wish(minor, payee, AT + timedelta(seconds=seconds))
    ref, raw = side.orders.order(wish)

    order = side.adapter.read_request(raw)

    assert isinstance(order, PaymentOrder)
    assert (order.ref, order.expires_at) == (ref, wish.expires_at)
    payment = order.payment
    assert (payment.interbank_settlement_amount, payment.created_at) == (wish.amount, wish.made_at)
    assert (payment.creditor_account.id, payment.creditor_agent.bic) == (wish.account, wish.bank)
    assert payment.uetr == uetr_of(country, ref)
    assert side.adapter.read_request(raw, stored=True) == order


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_order_can_be_stated_as_a_pacs_008(sides, country):
    side = sides[country]
    _, raw = side.orders.order(side.wish())
    payment = side.adapter.read_request(raw).payment

    document = credit_transfer.build(structs.replace(payment, debtor_agent=Agent(bic="SANDXX22")))

    assert codec.encode(credit_transfer.DEFAULT_VERSION, document, media_type=codec.XML)


VERDICTS = [each for each in Outcome if each is not Outcome.RETURNED]
"""A return is an order of its own, and no verdict about the one that it returns."""


@pytest.mark.parametrize(("country", "outcome"), list(product(COUNTRIES, VERDICTS)))
def test_every_verdict_about_an_order_says_what_it_means(sides, country, outcome):
    side = sides[country]
    ref, raw = side.orders.order(side.wish())
    query = side.orders.enquiry(raw)
    verdict = OrderVerdict(outcome, AT, "AC04" if outcome is Outcome.REFUSED else None)

    said = side.orders.read(side.adapter.reply(query, verdict).body)

    expected = Outcome.PENDING if outcome is Outcome.UNKNOWN else outcome
    assert (said.ref, said.outcome, said.reversal) == (ref, expected, False)
    if outcome in {Outcome.DONE, Outcome.REFUSED}:
        answer = side.adapter.answer(raw, verdict)
        assert side.orders.read(answer) == said
        assert side.adapter.answer(raw, verdict) == answer


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize(
    ("bank", "known"),
    [
        ("INDUINBB", True),
        ("1ND2INBB", True),
        ("INDUZZBB", False),
        ("INDUINB", False),
        ("INDU-NBB", False),
    ],
)
def test_one_definition_of_a_bic_holds_at_every_rail(sides, country, bank, known):
    """Bug: digits in the first four characters were refused, and countries that do not exist were taken."""
    side = sides[country]
    if known:
        _, raw = side.orders.order(side.wish(bank=bank))
        assert side.adapter.read_request(raw).payment.creditor_agent.bic == bank
    else:
        with pytest.raises(InvalidMessage):  # rails of ISO 20022 cannot even write it
            side.adapter.read_request(side.orders.order(side.wish(bank=bank))[1])


@pytest.mark.parametrize("country", COUNTRIES)
def test_queries_and_reversals_name_their_order(sides, country):
    side = sides[country]
    ref, raw = side.orders.order(side.wish())

    query = side.adapter.read_request(side.orders.enquiry(raw))
    reversal = side.adapter.read_request(side.orders.reversal(raw))

    assert isinstance(query, StatusQuery)
    assert isinstance(reversal, ReturnOrder)
    assert query.original == reversal.original == ref
    for outcome in (Outcome.DONE, Outcome.REFUSED):
        said = side.orders.read(side.adapter.answer(side.orders.reversal(raw), OrderVerdict(outcome, AT)))
        assert (said.ref, said.outcome, said.reversal) == (ref, outcome, True)


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_same_id_with_another_amount_is_another_order(sides, country):
    side = sides[country]
    ref, raw = side.orders.order(side.wish())
    other = side.adapter.read_request(side.orders.altered(raw, Money(125_100, side.wish().amount.currency)))

    assert other.ref == ref
    assert other.payment.uetr == side.adapter.read_request(raw).payment.uetr
    assert other != side.adapter.read_request(raw)


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_order_with_a_damaged_signature_is_no_order(sides, country):
    side = sides[country]
    _, raw = side.orders.order(side.wish())

    with pytest.raises(NotAuthentic):  # in the rail's form still: only the signature says it
        side.adapter.read_request(side.orders.damaged(raw))


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_answer_of_the_rail_is_no_request(sides, country):
    """What `decode` reads is left to it."""
    side = sides[country]
    _, raw = side.orders.order(side.wish())
    answer = side.adapter.answer(raw, OrderVerdict(Outcome.DONE, AT))

    assert side.adapter.read_request(answer, stored=True) is None


def test_a_payee_of_upi_is_named_with_what_arrives(sides):
    side = sides["IN"]
    raw = side.orders.payee_query(side.wish(100_00))

    query = side.adapter.read_request(raw)
    found = PayeeVerdict(AT, Payee("", "INDUPKKA", "A*** R***"), Money(33_000, "PKR"), "3.3000")
    said = etree.fromstring(side.adapter.reply_payee(raw, found).body)
    unknown = etree.fromstring(side.adapter.reply_payee(raw, PayeeVerdict(AT)).body)

    assert isinstance(query, PayeeQuery)
    assert (query.account.iban, query.agent.bic) == (pakistan.account("").iban, "INDUPKKA")
    assert query.amount == Money(100_00, "INR")
    assert said.find("Resp").get("maskName") == "A*** R***"
    assert dict(said.find("Resp/Fx").attrib) == {"settAmount": "330.00", "settCurr": "PKR", "rate": "3.3"}
    assert unknown.find("Resp").get("result") == "FAILURE"


def test_a_payee_is_named_in_iso_20022(sides):
    side = sides["PK"]
    raw = side.orders.payee_query(side.wish())

    query = side.adapter.read_request(raw)
    said = side.adapter.reply_payee(raw, PayeeVerdict(AT, Payee("asha@okbank", "INDUINBB", "A*** R***")))
    report = envelope.open_sealed(DIALECT.envelope, said.body, side.orders.participant_key)

    assert isinstance(query, PayeeQuery)
    assert (query.account.id, query.agent.bic) == ("asha@okbank", "INDUINBB")
    (found,) = report.content["Rpt"]
    assert (found["Vrfctn"], found["UpdtdPtyAndAcctId"]["Pty"]["Nm"]) == (True, "A*** R***")


def test_a_payee_of_cnaps_is_named_with_what_arrives(sides):
    side = sides["CN"]
    raw = side.orders.payee_query(side.wish(100_00))

    query = side.adapter.read_request(raw)
    found = PayeeVerdict(AT, Payee("", "INDUPKKA", "A*** R***"), Money(3_900_50, "PKR"), "39.005000")
    said = open_own(side.adapter.reply_payee(raw, found).body)
    unknown = open_own(side.adapter.reply_payee(raw, PayeeVerdict(AT)).body)

    assert isinstance(query, PayeeQuery)
    assert (query.account.iban, query.agent.bic) == (IN_PAKISTAN[1], "INDUPKKA")
    assert query.amount == Money(100_00, "CNY")
    path = "QryRslt/AcctRslt/DbtAcct/Ntry/TpNm"
    assert cnaps.text_of(said.root, path) == "A*** R***"
    assert cnaps.text_of(said.root, "RmkInf") == "/AMT/PKR3900.50/RATE/39.005"
    assert (said.header.receiver, said.header.ref) == (china.BANK, open_own(raw).header.id)
    assert cnaps.text_of(unknown.root, "RspsnInf/RspsnSts") == "PR09"
    assert cnaps.text_at(unknown.root, "RmkInf") == ""


QUOTE = "3f0f5d3c-7c52-4b0e-9a8e-5b0a6f1f2c11"
QUOTING = [country for country in COUNTRIES if country not in {"BY", "KZ", "PK"}]
"""Rails whose orders can name the quote in the answer to their look-up."""


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_firm_price_is_told_with_its_quote_and_an_order_can_name_it(sides, country):
    side = sides[country]
    raw = side.orders.payee_query(side.wish())
    query = side.adapter.read_request(raw)
    rate = "2.5600000000"
    firm = PayeeVerdict(AT, Payee("", "", "A*** R***"), Money(256_00, "PKR"), rate, QUOTE, AT)
    forecast = replace(firm, quote="", until=None)

    assert query.quotable is isinstance(side.orders, QuotingMessages) is (country in QUOTING)
    if not query.quotable:
        assert query.amount is None
        return
    replies = [side.adapter.reply_payee(raw, each).body for each in (firm, forecast)]
    assert [side.orders.read_quote(each) for each in replies] == [QUOTE, ""]
    _, order = side.orders.order(replace(side.wish(), quote=QUOTE))
    _, plain = side.orders.order(side.wish())
    assert side.adapter.read_request(order).payment.quote == QUOTE
    assert side.adapter.read_request(plain).payment.quote is None
    purposes = {side.adapter.read_request(each).payment.purpose for each in (order, plain)}
    assert purposes == {query.purpose}  # the price may depend on it
    remittances = {side.adapter.read_request(each).payment.remittance for each in (order, plain)}
    assert len(remittances) == 1
    for wrong in (QUOTE.upper(), QUOTE[:-1], "0" * 36):
        with pytest.raises(InvalidMessage):
            side.adapter.read_request(side.orders.order(replace(side.wish(), quote=wrong))[1])


def resealed(side, raw, old, new):
    """The message with other text, signed again."""
    changed = side.orders.altered(raw, Money(125_000, "CNY")).decode()
    assert old in changed
    body = re.sub(r"<EmailAdr>[^<]*", "<EmailAdr>", changed.replace(old, new).partition("\r\n")[2])
    return seal(open_own(raw).header, body, side.orders.rail_key)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/BENB/INDUPKKA", "/BENB/nobody"),
        ("/BENB/INDUPKKA", "a bank abroad"),
        ("/PURP/FAMI", "/BENB/INDUINBB"),
        ("<ChrgBr>DEBT", "<ChrgBr>CRED"),
        ("<NbOfTxs>1", "<NbOfTxs>2"),
        ('Ccy="CNY"', 'Ccy="USD"'),
        (">1250.00<", ">1250.0<"),
        ("<Cdtr><Nm>Asha Rao</Nm></Cdtr>", "<Cdtr><Nm>Asha Rao</Nm><CtryOfRes>PK</CtryOfRes></Cdtr>"),
        ("<Purp>", "<UltmtCdtr><Nm>Asha Rao</Nm></UltmtCdtr><Purp>"),
        (f"<MmbId>{china.IDENTITY['bank']}", f"<MmbId>{china.BANK}"),
    ],
)
def test_what_an_order_of_cnaps_states_is_honoured_or_refused(sides, old, new):
    side = sides["CN"]
    _, raw = side.orders.order(side.wish())

    with pytest.raises(InvalidMessage):
        side.adapter.read_request(resealed(side, raw, old, new))


def test_an_order_of_cnaps_is_read_in_chinese_and_a_large_one_is_not_taken(sides):
    side = sides["CN"]
    _, raw = side.orders.order(replace(side.wish(), member="MMBID01"))
    order = side.adapter.read_request(raw)
    header = replace(open_own(raw).header, kind=cnaps.LARGE_ORDER)
    body = re.sub(r"<EmailAdr>[^<]*", "<EmailAdr>", raw.decode().partition("\r\n")[2])
    large = seal(header, body, side.orders.rail_key)

    assert order.payment.debtor.name == "\u738b\u5c0f\u660e"
    assert order.payment.remittance == "\u7ed9\u5bb6\u4eba"
    assert (order.payment.purpose, order.payment.creditor_agent.member_id) == ("FAMI", "MMBID01")
    assert order.payment.debtor_agent.member_id == china.BANK
    assert side.adapter.read_request(large, stored=True) is None


@pytest.mark.parametrize("country", ["IR", "TJ"])
def test_a_payee_of_iso_8583_is_named_with_what_arrives(sides, country):
    side = sides[country]
    orders, dialect = side.orders, side.orders.dialect
    raw = orders.payee_query(side.wish(10_000 * dialect.step_minor))

    query = side.adapter.read_request(raw)
    found = PayeeVerdict(AT, Payee("", "INDUPKKA", "A*** R***"), Money(256_00, "PKR"), "2.560000")
    said = unpack(side.adapter.reply_payee(raw, found).body, dialect, orders.members)
    unknown = unpack(side.adapter.reply_payee(raw, PayeeVerdict(AT)).body, dialect, orders.members)

    assert isinstance(query, PayeeQuery)
    assert (query.account.iban, query.agent.bic) == (IN_PAKISTAN[1], "INDUPKKA")
    assert query.amount == Money(10_000 * dialect.step_minor, dialect.profile.currency)
    assert (said["t"], said["39"], unknown["39"]) == ("0110", "00", "25")
    assert private.read(said["48"]) == {
        PrivateTag.CREDITOR_NAME: "A*** R***",
        PrivateTag.CREDITOR_AGENT: "INDUPKKA",
        PrivateTag.CREDIT: "PKR256.00",
        PrivateTag.RATE: "2.56",
    }


def without(*tags):
    """DE48 with values changed or removed."""

    def changed(text):
        values = private.read(text)
        for tag, value in tags:
            values[tag] = value
        return private.write(values)

    return changed


@pytest.mark.parametrize("country", ["IR", "TJ"])
@pytest.mark.parametrize(
    ("element", "changed"),
    [
        ("3", lambda _: "000000"),
        ("100", lambda _: "123456"),
        ("49", lambda _: "840"),
        ("4", lambda _: "0" * 12),
        ("38", lambda _: "ABC123"),
        ("2", lambda _: "6219861000000009"),
        ("48", without((PrivateTag.UETR, ""))),
        ("48", without((PrivateTag.EXPIRES, ""))),
        ("48", without((PrivateTag.EXPIRES, "2026"))),
        ("48", without((PrivateTag.CREDITOR_AGENT, "nobody"))),
        ("48", without((PrivateTag.DEBTOR_NAME, ""))),
        ("48", without((PrivateTag.CHANNEL, "OTHER"))),
        ("7", lambda _: "9999999999"),
    ],
)
def test_what_an_order_of_iso_8583_states_is_honoured_or_refused(sides, country, element, changed):
    side = sides[country]
    _, raw = side.orders.order(side.wish())
    fields = own(raw, side.orders.dialect)
    fields[element] = changed(fields.get(element, ""))

    with pytest.raises(InvalidMessage):
        side.adapter.read_request(pack(fields, side.orders.dialect, side.orders.rails))


@pytest.mark.parametrize("kind", ["0400", "0401", "0420", "0421"])
def test_every_form_of_a_reversal_is_the_same_reversal(sides, kind):
    side = sides["TJ"]
    ref, raw = side.orders.order(side.wish())
    asked = pack(
        {**own(side.orders.reversal(raw), side.orders.dialect), "t": kind},
        side.orders.dialect,
        side.orders.rails,
    )

    reversal = side.adapter.read_request(asked)
    said = side.orders.read(side.adapter.reply(asked, OrderVerdict(Outcome.PENDING, AT)).body)

    assert reversal == ReturnOrder(f"{ref}.0420", ref)
    assert (said.outcome, said.reversal) == (Outcome.PENDING, True)


def test_every_rail_that_originates_derives_uetrs_that_nobody_may_state():
    made = {uetr_of(country, f"{n}") for country in registry.countries() for n in range(200)}

    assert len(made) == 200 * len(registry.countries())
    assert not any(map(own_uetr.is_reserved, made))


def test_the_payers_book_keeps_every_balance(tmp_path):
    book = DebitBook(tmp_path / "debits.jsonl")
    entry = DebitEntry("R", "U", 500, "PKR", "payer", "payee", DebitState.HELD, "", "now", "")
    book.append(entry)
    for state in (DebitState.HELD, DebitState.DONE):
        later = DebitEntry("R", "U", 500, "PKR", "payer", "payee", state, "", "now", "")
        if state is DebitState.HELD:
            with pytest.raises(ValueError, match="cannot follow"):
                book.append(later)
        else:
            book.append(later)
    with pytest.raises(ValueError, match="cannot follow"):
        book.append(DebitEntry("R", "U", 500, "PKR", "payer", "payee", DebitState.REFUNDED, "", "now", ""))
    book.close()

    again = DebitBook(tmp_path / "debits.jsonl")
    again.close()
    assert again.balances == {"payer": -500, "holds": 0, "settlement": 500}


def test_only_rails_that_say_so_originate(tmp_path):
    found = set()
    for country in registry.countries():
        connection, _ = prepare(tmp_path / country, country, port=1, callback_url="http://127.0.0.1:1/")
        if isinstance(registry.load(country, connection), OriginatingAdapter):
            found.add(country)
    assert found >= {"BY", "CN", "IN", "IR", "KG", "KZ", "PK", "RU", "TJ", "UZ"}
    assert found == {country for country in registry.countries() if registry.originates(country)}
