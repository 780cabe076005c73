"""The bridge's messages, signatures and packets against Mojaloop's own libraries, in both directions."""

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from switch.fspiop import codec, ilp, jws
from switch.fspiop.errors import FspiopProblem
from switch.fspiop.messages import MESSAGES
from tests.docs.test_fspiop import EXAMPLES
from tests.switch.fspiop.generated import values_of
from tests.switch.fspiop.oracle import Oracle, OracleRefused

pytestmark = pytest.mark.long
SECRET = b"0123456789abcdef0123456789abcdef"
TERMS = {
    "quoteId": "01JBVM19DFKNRWC21FGJNTHRAT",
    "amount": {"currency": "INR", "amount": "12.50"},
    "payee": {"name": "کراچی"},
}
EXPIRES = datetime(2026, 11, 23, 10, 15, 30, 123000, tzinfo=UTC)
PACKET = ilp.make(SECRET, TERMS, 1250, EXPIRES)
BOUNDED = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
UNTOLD = {
    "quotes.put": ("payee.", "payer."),
    "transfers.post": ("payee.", "payer.", "transactionId", "transactionRequestId"),
}
"""What FSPIOP does not repeat in these messages, although their ISO form has it."""

_CURRENCIES = ("payee.supportedCurrencies", "payer.supportedCurrencies")
LOST = {
    "quotes.post": ("transactionRequestId",),
    "quotes.put": _CURRENCIES,
    "transfers.post": ("transactionId", "transactionRequestId", *_CURRENCIES),
}
"""What the library does not write, although it reads it."""
REQUIRED = {
    name: {"errorInformation.errorDescription": "Payee rejected"}
    for name in ("quotes.putError", "transfers.putError")
}
"""What FSPIOP requires and ISO does not."""


@pytest.fixture(scope="module")
def oracle():
    oracle = Oracle()
    yield oracle
    oracle.close()


@pytest.mark.parametrize("name", MESSAGES)
@BOUNDED
@given(data=st.data())
def test_what_the_bridge_writes_mojaloop_reads_as_the_same(oracle, name, data):
    message = MESSAGES[name]
    values = data.draw(values_of(message, st.just(PACKET)))
    body = codec.write(message, values)

    answer = oracle.to_fspiop(name, body)
    told = _flat(answer["body"]) | _flat({part: answer.get(part, {}) for part in ("headers", "params")})

    wanted = _flat(codec.nested(values, message))
    wanted = {key: value for key, value in wanted.items() if not key.startswith(UNTOLD.get(name, ()))}
    assert {key: value for key, value in told.items() if key in wanted} == wanted
    assert codec.read(message, codec.parse(codec.dump(body))) == values


@pytest.mark.parametrize("name", MESSAGES)
@BOUNDED
@given(data=st.data())
def test_what_mojaloop_writes_the_bridge_reads_as_the_same(oracle, name, data):
    message = MESSAGES[name]
    values = data.draw(values_of(message, st.just(PACKET))) | REQUIRED.get(name, {})
    theirs = oracle.to_iso(name, _source(name, values, message))

    read = codec.read(message, codec.parse(json.dumps(theirs).encode()))

    ours = {
        key: value for key, value in values.items() if not (key[0].isupper() or key in LOST.get(name, ()))
    }
    assert {key: value for key, value in read.items() if not key[0].isupper()} == ours


def test_a_packet_of_the_bridge_is_one_of_mojaloop(oracle):
    found = oracle.ask("packet", packet=PACKET)
    packet, fulfilment = ilp.own(SECRET, PACKET)

    assert found["terms"] == TERMS == packet.terms
    assert (found["amount"], found["expiresAt"]) == ("1250", "2026-11-23T10:15:30.123Z")
    assert oracle.ask("fulfils", fulfilment=fulfilment, condition=found["executionCondition"]) is True
    assert ilp.condition_of(fulfilment) == found["executionCondition"]
    told = oracle.to_fspiop("transfers.post", {"CdtTrfTxInf": {"VrfctnOfTerms": {"IlpV4PrepPacket": PACKET}}})
    assert told["body"]["condition"] == found["executionCondition"]


@BOUNDED
@given(amount=st.integers(1, 10**15), name=st.text(max_size=300), seconds=st.integers(0, 10**9))
def test_packets_of_any_terms_are_those_of_mojaloop(oracle, amount, name, seconds):
    terms = {"name": name.encode("utf-8", "replace").decode()}
    expires = EXPIRES + timedelta(seconds=seconds)

    found = oracle.ask("packet", packet=ilp.make(SECRET, terms, amount, expires))

    assert (found["amount"], found["terms"]) == (str(amount), terms)


def test_a_packet_of_mojaloop_is_read_and_is_not_the_bridges(oracle):
    terms = {"amount": {"currency": "INR", "amount": "12.5"}, "expiration": "2026-11-23T10:15:30.123Z"}
    theirs = oracle.ask("makePacket", secret="other", terms=terms)

    packet = ilp.read(theirs["ilpPacket"])

    assert (packet.amount_minor, packet.expires_at, packet.terms) == (1250, EXPIRES, terms)
    assert base64.urlsafe_b64encode(packet.condition).rstrip(b"=").decode() == theirs["condition"]
    with pytest.raises(ilp.BadPacket):
        ilp.own(SECRET, theirs["ilpPacket"])


@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_signatures_of_the_bridge_are_verified_by_mojaloop(oracle, kind):
    key, public, _ = _key(kind)
    body = codec.dump({"z": "é", "a": {"c": "1", "b": [True, "x"]}})
    headers = _headers()
    headers["fspiop-signature"] = jws.sign(key, headers, body)
    request = {"headers": headers, "body": json.loads(body)}

    assert oracle.ask("verify", keys={"payswitch": public}, request=request) is True
    with pytest.raises(OracleRefused):
        oracle.ask("verify", keys={"payswitch": public}, request=request | {"body": {"z": "e"}})


@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_signatures_of_mojaloop_are_verified_by_the_bridge(oracle, kind):
    _, public, private = _key(kind)
    headers = {
        "fspiop-source": "asha-dfsp",
        "fspiop-destination": "indus-bank",
        "date": "Mon, 23 Nov 2026 10:15:00 GMT",
    }
    request = {"uri": "http://hub/quotes", "method": "POST", "headers": headers, "body": {"z": "é", "a": "1"}}
    signed = oracle.ask("sign", key=private, request=request)
    octets = signed["body"].encode()
    verifier = jws.public_key(public.encode())

    jws.verify(verifier, signed["headers"], octets)
    for wrong in (
        {"fspiop-uri": "/transfers"},
        {"fspiop-http-method": "PUT"},
        {"fspiop-source": "x"},
        {"fspiop-destination": "x"},
    ):
        with pytest.raises(FspiopProblem, match="FSPIOP-Signature"):
            jws.verify(verifier, signed["headers"] | wrong, octets)
    with pytest.raises(FspiopProblem, match="FSPIOP-Signature"):
        jws.verify(verifier, signed["headers"], octets + b" ")


def _headers():
    return {
        "fspiop-source": "payswitch",
        "fspiop-destination": "asha-dfsp",
        "fspiop-uri": f"/transfers/{uuid.UUID(int=1)}",
        "fspiop-http-method": "PUT",
        "date": "Mon, 23 Nov 2026 10:15:00 GMT",
    }


def _key(kind):
    key = rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key, key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode(), private


def _flat(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix: value}
    made = {}
    for name, below in value.items():
        made |= _flat(below, f"{prefix}.{name}" if prefix else name)
    return made


def _source(name, values, message):
    """The message as FSPIOP has it, with what the library takes from elsewhere: path, headers, earlier messages."""
    body = codec.nested(values, message)
    headers, params = body.pop("headers", {}), body.pop("params", {"Type": "MSISDN", "ID": "1"})
    earlier = codec.write(message, values).get("CdtTrfTxInf", {})
    context = {"isoPostQuote": {"CdtTrfTxInf": earlier}, "isoPostQuoteResponse": {"CdtTrfTxInf": earlier}}
    if name in {"quotes.put", "transfers.post"}:
        body = {key: value for key, value in body.items() if key not in {"payee", "payer"}}
    return {"body": body, "headers": headers, "params": params, "$context": context}


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_captured_messages_are_valid_by_mojaloops_description(oracle, name, example):
    """Its description forbids, where an element is a choice, every member of the choice: there it is relaxed."""
    description = relaxed(oracle.ask("description"))
    resource, call = name.split(".")
    method = call.removesuffix("Error")
    path = {"parties": "/parties/{Type}/{ID}", "quotes": "/quotes/{ID}", "transfers": "/transfers/{ID}"}[
        resource
    ]
    path = f"/{resource}" if method == "post" else path + "/error" * call.endswith("Error")
    schema = description["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]

    validator = Draft202012Validator(schema | {"components": description["components"]})
    assert [error.message for error in validator.iter_errors(json.loads(example))] == []


def relaxed(schema):
    if isinstance(schema, list):
        return [relaxed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    is_choice = schema.keys() & {"anyOf", "oneOf"}
    return {
        name: relaxed(each)
        for name, each in schema.items()
        if name != "example" and not (name == "additionalProperties" and is_choice)
    }
