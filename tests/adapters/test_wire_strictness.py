"""A simulated rail refuses what the real one would: each row changes one thing in a message that we sign."""

import re
from datetime import UTC, datetime

import pytest
from lxml import etree

from adapters import keys
from adapters.iso20022 import envelope, messages
from adapters.iso20022.dialect import IsoParticipant
from adapters.pakistan.messages import DIALECT
from adapters.port import Outcome, reserve_and_submit
from adapters.simulation.harness import sample_order
from adapters.xml import parse
from schemas.signing.xmldsig import sign_enveloped, verify_enveloped

pytestmark = pytest.mark.asyncio(loop_scope="session")
XML = {"Content-Type": "application/xml"}


def upi_body(rail, native, change) -> bytes:
    """The order with one thing changed, signed again with our own key."""
    key = keys.private(rail.connection.signing_key)
    root = parse(native.body)
    verify_enveloped(root, key.public_key())
    change(root)
    return sign_enveloped(root, key)


def setter(path, name, value):
    def change(root):
        root.find(path).set(name, value)

    return change


def dropper(path, name=None):
    def change(root):
        element = root.find(path)
        if name is None:
            element.getparent().remove(element)
        else:
            del element.attrib[name]

    return change


def swap(root):
    root.insert(0, root.find("Payees"))


def second_payee(root):
    root.find("Payees").append(etree.fromstring(etree.tostring(root.find("Payees/Payee"))))


UPI = [
    ("version", setter("Head", "ver", "1.0"), "U05"),
    ("organisation", setter("Head", "orgId", "700002"), "U17"),
    ("message id", setter("Head", "msgId", "short"), "U05"),
    ("no time", dropper("Head", "ts"), "U05"),
    ("time without offset", setter("Head", "ts", "2026-11-23T15:30:00.000"), "U05"),
    ("time without milliseconds", setter("Head", "ts", "2026-11-23T15:30:00+05:30"), "U05"),
    ("other transaction than the address", setter("Txn", "id", "SCO" + "0" * 32), "U06"),
    ("type", setter("Txn", "type", "COLLECT"), "U07"),
    ("initiation mode", setter("Txn", "initiationMode", "00"), "U07"),
    ("reference of another hour", setter("Txn", "custRef", "600000000001"), "U07"),
    ("reference too short", setter("Txn", "custRef", "1"), "U07"),
    ("no rules", dropper("Txn/Rules"), "U05"),
    ("no payer", dropper("Payer"), "U05"),
    ("no institution", dropper("Payer/Institution"), "U05"),
    ("no purpose", dropper("Payer/Institution/Purpose"), "U05"),
    ("purpose", setter("Payer/Institution/Purpose", "code", "FAMI"), "U07"),
    ("branch", setter("Payer/Ac/Detail[@name='IFSC']", "value", "HDFC1000001"), "U07"),
    ("amount without decimals", setter("Payees/Payee/Amount", "value", "1500"), "U05"),
    ("amounts differ", setter("Payer/Amount", "value", "1500.01"), "U12"),
    ("currency", setter("Payees/Payee/Amount", "curr", "USD"), "U12"),
    ("address", setter("Payees/Payee", "addr", "asha"), "U07"),
    ("order of elements", swap, "U05"),
    ("two payees", second_payee, "U05"),
]


@pytest.mark.parametrize(("name", "change", "code"), UPI, ids=[row[0] for row in UPI])
async def test_upi_acknowledges_with_the_error(rails, name, change, code):
    rail = await rails.get("IN")
    native = rail.adapter.translate(sample_order("IN"))
    status, body = await rail.control(
        "POST", f"/upi/ReqPay/2.0/urn:txnid:{native.ref}", upi_body(rail, native, change), **XML
    )

    assert status == 200
    assert parse(body).get("err") == code
    assert rail.credits(native.ref) == 0


async def test_upi_refuses_a_signature_of_somebody_else(rails):
    rail = await rails.get("IN")
    native = rail.adapter.translate(sample_order("IN"))
    body = native.body.replace(b'value="1500.00"', b'value="1500.01"')
    _, answer = await rail.control("POST", f"/upi/ReqPay/2.0/urn:txnid:{native.ref}", body, **XML)

    assert parse(answer).get("err") == "U15"
    assert rail.credits(native.ref) == 0


PATHS = [
    ("POST", "/upi/ReqPay/1.0/urn:txnid:{ref}", XML, 404),
    ("POST", "/upi/ReqPay/2.0/urn:txnid:short", XML, 404),
    ("GET", "/upi/ReqPay/2.0/urn:txnid:{ref}", XML, 404),
    ("POST", "/", XML, 404),
    ("POST", "/upi/ReqPay/2.0/urn:txnid:{ref}", {"Content-Type": "text/xml"}, 415),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), PATHS)
async def test_upi_takes_messages_at_their_own_address_only(rails, method, path, headers, status):
    rail = await rails.get("IN")
    native = rail.adapter.translate(sample_order("IN"))
    found, _ = await rail.control(method, path.format(ref=native.ref), native.body, **headers)

    assert found == status
    assert rail.credits(native.ref) == 0


async def test_one_reference_number_under_two_ids_is_a_duplicate(rails):
    rail = await rails.get("IN")
    made_at = datetime.now(UTC)
    first, second = [
        rail.adapter.translate(sample_order("IN", serial=999_999, made_at=made_at)) for _ in range(2)
    ]
    await reserve_and_submit(rail.adapter, first)
    receipt = await reserve_and_submit(rail.adapter, second)

    assert receipt.detail == "acknowledged with DF"
    assert receipt.answer is None
    assert rail.credits(second.ref) == 0


@pytest.mark.parametrize("country", ["IN", "PK"])
@pytest.mark.parametrize(
    "body", [b"", b"<", b"<a/>", b"{}", b"<!DOCTYPE a><a/>", b"\xff\xfe", b"x" * 300_000]
)
async def test_what_is_no_message_is_refused_and_nothing_breaks(rails, country, body):
    rail = await rails.get(country)
    path = {"IN": "/upi/ReqPay/2.0/urn:txnid:SCO" + "0" * 32, "PK": "/raast/ips"}[country]
    status, _ = await rail.control("POST", path, body, **XML)

    assert 400 <= status < 500
    assert await rail.adapter.probe()


def pdu(rail, change=None, header=None) -> tuple[str, bytes]:
    """A DataPDU of ours with one thing changed, signed again with our own key."""
    us = IsoParticipant.of(rail.connection.identity)
    order = sample_order("PK")
    head, document = messages.credit_transfer(order, us, DIALECT)
    if change is not None:
        change(document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0])
    unsigned = envelope.write(DIALECT.envelope, head, document)
    if header is not None:
        old, new = header
        assert re.search(old, unsigned)
        unsigned = re.sub(old, new, unsigned, count=1)
    key = keys.private(rail.connection.signing_key)
    return order.payment.uetr.replace("-", ""), envelope.seal(unsigned, key, order.made_at)


RAAST = [
    ("end-to-end id", lambda tx: tx["PmtId"].update(EndToEndId="E2E"), "FF08"),
    ("transaction id", lambda tx: tx["PmtId"].update(TxId="T"), "FF08"),
    ("account of another country", lambda tx: tx.update(CdtrAcct={"Id": {"IBAN": "KZ86125KZT5004100100"}}), "AC03"),
    ("account check digits", lambda tx: tx.update(CdtrAcct={"Id": {"IBAN": "PK77UNIL0109000237854210"}}), "AC03"),
    ("no account", lambda tx: tx.pop("CdtrAcct"), "AC03"),
    ("currency", lambda tx: tx["IntrBkSttlmAmt"].update(Ccy="USD"), "AM03"),
    ("amount", lambda tx: tx["IntrBkSttlmAmt"].update(Amt="100000000.01"), "AM02"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "reason"), RAAST, ids=[row[0] for row in RAAST])
async def test_raast_rejects_with_the_reason(rails, name, change, reason):
    rail = await rails.get("PK")
    ref, body = pdu(rail, change)
    status, answer = await rail.control("POST", "/raast/ips", body, **XML)

    assert status == 200
    assert b"<TxSts>RJCT</TxSts>" in answer
    assert f"<Cd>{reason}</Cd>".encode() in answer
    assert rail.credits(ref) == 0


ENVELOPES = [
    ("envelope", (rb"DataPDU", b"DataPdu"), 400),
    ("namespace", (rb"urn:cma:stp:xsd:stp.1.0", b"urn:cma:stp:xsd:stp.1.1"), 400),
    ("header version", (rb"head.001.001.01", b"head.001.001.02"), 400),
    ("header names another message", (rb"<MsgDefIdr>pacs.008.001.08", b"<MsgDefIdr>pacs.009.001.08"), 400),
    ("header's time", (rb"<CreDt>[^<]*", b"<CreDt>2026-11-23"), 400),
    ("order of the header", (rb"(<BizMsgIdr>.*?</BizMsgIdr>)(<MsgDefIdr>.*?</MsgDefIdr>)", rb"\2\1"), 400),
    ("another sender", (rb"<MmbId>SCOSPKKA", b"<MmbId>EVILPKKA"), 403),
    ("schema", (rb"<NbOfTxs>1</NbOfTxs>", b"<NbOfTxs>one</NbOfTxs>"), 400),
]


@pytest.mark.parametrize(("name", "header", "status"), ENVELOPES, ids=[row[0] for row in ENVELOPES])
async def test_raast_does_not_take_another_envelope(rails, name, header, status):
    rail = await rails.get("PK")
    ref, body = pdu(rail, header=header) if name != "envelope" else _renamed(rail)
    found, _ = await rail.control("POST", "/raast/ips", body, **XML)

    assert found == status
    assert rail.credits(ref) == 0


def _renamed(rail):
    ref, body = pdu(rail)
    return ref, body.replace(b"DataPDU", b"DataPdu")


async def test_raast_does_not_take_what_is_not_signed(rails):
    rail = await rails.get("PK")
    ref, body = pdu(rail)
    unsigned = re.sub(rb"<Sgntr>.*</Sgntr>", b"", body)
    changed = body.replace(b">1500.00<", b">9500.00<")
    for raw in (unsigned, changed):
        status, _ = await rail.control("POST", "/raast/ips", raw, **XML)
        assert status == 401
    assert rail.credits(ref) == 0


async def test_prefunding_bounds_what_the_rail_pays(rails):
    """Nothing is paid beyond it: with plenty left, an ordinary payment is."""
    rail = await rails.get("PK")
    native = rail.adapter.translate(sample_order("PK", minor=1))
    receipt = await reserve_and_submit(rail.adapter, native)

    assert receipt.answer is not None
    assert receipt.answer.outcome is Outcome.DONE
