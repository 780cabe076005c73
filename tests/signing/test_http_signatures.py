"""RFC 9421 in our profile: what it accepts, what it refuses, and that another implementation agrees."""

import base64
import datetime as dt
import time
from dataclasses import dataclass, replace

import http_message_signatures as oracle
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import NotAuthentic
from schemas.signing import http_signatures
from schemas.signing.http_signatures import PublicKey, SigningKey
from tests.signing.signed_requests import BODY, NOW, Request, check, signed, signed_freely

KEY = SigningKey.generate("IN-1:2026")
OTHER = SigningKey.generate("PK-1:2026")
SAME_NAME = SigningKey.generate("IN-1:2026")
ECDSA = SigningKey.generate("IN-1:2026", "ecdsa-p256-sha256")

PARAMETERS = f';created={NOW};expires={NOW + 300};keyid="IN-1:2026";nonce="nonce-000001";tag="payswitch"'
REQUEST = signed(KEY)
COVERED = {
    '"@method"': "POST",
    '"@authority"': REQUEST.authority,
    '"@path"': REQUEST.path,
    '"content-digest"': REQUEST.header(b"content-digest").decode(),
    '"content-type"': "application/xml",
}
DIGEST = REQUEST.header(b"content-digest")
SIGNATURE = REQUEST.header(b"signature")


def freely(covered=COVERED, parameters=PARAMETERS, *, request=REQUEST, key=KEY) -> Request:
    return signed_freely(key, request, covered, parameters)


def without(*components: str) -> dict[str, str]:
    return {name: value for name, value in COVERED.items() if name.strip('"') not in components}


def renamed(old: str, new: str) -> dict[str, str]:
    return {new if name == old else name: value for name, value in COVERED.items()}


def parameters(old: str, new: str) -> str:
    assert PARAMETERS.count(old) == 1, old
    return PARAMETERS.replace(old, new)


def retimed(created: int, expires: int) -> str:
    return f';created={created};expires={expires};keyid="IN-1:2026";nonce="nonce-000001";tag="payswitch"'


def raw_signature(signature: bytes) -> bytes:
    return b"sig=:" + base64.b64encode(signature) + b":"


def der_signature() -> bytes:
    """The right ECDSA signature in the wrong form."""
    raw = base64.b64decode(signed(ECDSA).header(b"signature")[5:-1])
    return utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


FORGERIES = {
    # The signature itself.
    "no headers at all": replace(REQUEST, headers=()),
    "no signature": REQUEST.without(b"signature"),
    "no signature input": REQUEST.without(b"signature-input"),
    "empty signature": REQUEST.with_header(b"signature", b""),
    "garbage signature": REQUEST.with_header(b"signature", b"\xff\x00garbage"),
    "truncated signature": REQUEST.with_header(b"signature", SIGNATURE[:-12] + b":"),
    "signature of 63 bytes": REQUEST.with_header(b"signature", raw_signature(bytes(63))),
    "signature of 65 bytes": REQUEST.with_header(b"signature", raw_signature(bytes(65))),
    "signature of zeros": REQUEST.with_header(b"signature", raw_signature(bytes(64))),
    "signature as base64url": REQUEST.with_header(b"signature", b"sig=:" + b"-" * 86 + b"==:"),
    "signature with unused bits set": REQUEST.with_header(b"signature", SIGNATURE[:-4] + b"B==:"),
    "signature as a string": REQUEST.with_header(b"signature", b'sig="' + SIGNATURE[5:-1] + b'"'),
    "signature with parameters": REQUEST.with_header(b"signature", SIGNATURE + b";a=1"),
    "signature of another request": replace(
        REQUEST, headers=signed(KEY, nonce="nonce-000002").headers[:-1]
    ).with_more((b"signature", SIGNATURE)),
    "two signatures in one line": REQUEST.with_header(b"signature", SIGNATURE + b", a" + SIGNATURE),
    "two signatures, the second one bad": REQUEST.with_header(
        b"signature-input",
        REQUEST.header(b"signature-input") + b', b=("@method");created=1;keyid="x"',
    ).with_header(b"signature", SIGNATURE + b", b" + raw_signature(bytes(64))[3:]),
    "two signature lines": REQUEST.with_more((b"signature", SIGNATURE)),
    "two signature lines, one in capitals": REQUEST.with_more((b"Signature", SIGNATURE)),
    "two signature-input lines": REQUEST.with_more((b"signature-input", b'b=("@method");created=1')),
    "labels that differ": REQUEST.with_header(b"signature", b"a" + SIGNATURE),
    # The key.
    "the key of another participant": signed(OTHER),
    "another key under this key's name": signed(SAME_NAME),
    "this key under another key's name": freely(parameters=parameters("IN-1", "PK-1")),
    "a signature by the other algorithm": signed(ECDSA),
    "alg names another algorithm": freely(parameters=PARAMETERS + ';alg="ecdsa-p256-sha256"'),
    "alg none": freely(parameters=PARAMETERS + ';alg="none"'),
    "alg hmac": freely(parameters=PARAMETERS + ';alg="hmac-sha256"'),
    "alg as a token": freely(parameters=PARAMETERS + ";alg=ed25519"),
    # What was signed is changed.
    "method": replace(REQUEST, method="PUT"),
    "authority": replace(REQUEST, authority="switch.example"),
    "path": replace(REQUEST, path="/v1/iso20022/pacs.004"),
    "path that decodes to the same": replace(REQUEST, path="/v1/iso20022/pacs%2E008"),
    "query added": replace(REQUEST, path=REQUEST.path + "?a=1"),
    "empty query added": replace(REQUEST, path=REQUEST.path + "?"),
    "query changed": replace(signed(KEY, path="/v1/payments?a=1"), path="/v1/payments?a=2"),
    "query dropped": replace(signed(KEY, path="/v1/payments?a=1"), path="/v1/payments"),
    "body": replace(REQUEST, body=BODY.replace(b"x", b"y", 1)),
    "body grown by a blank": replace(REQUEST, body=BODY + b" "),
    "body dropped": replace(REQUEST, body=b""),
    "body added": replace(signed(KEY, body=b""), body=b"x"),
    "body and its digest": replace(REQUEST, body=b"other").with_header(
        b"content-digest", http_signatures.content_digest(b"other").encode()
    ),
    "content type": REQUEST.with_header(b"content-type", b"application/json"),
    "content type dropped": REQUEST.without(b"content-type"),
    "content type twice": REQUEST.with_more((b"content-type", b"application/json")),
    "content type with a line of its own": REQUEST.with_header(
        b"content-type", b'application/xml\n"@path": /v1/iso20022/pacs.008'
    ),
    "parameter": REQUEST.replaced(b"signature-input", b"nonce-000001", b"nonce-000002"),
    "parameters in another order": REQUEST.replaced(
        b"signature-input", b';nonce="nonce-000001";tag="payswitch"', b';tag="payswitch";nonce="nonce-000001"'
    ),
    "components in another order": REQUEST.replaced(
        b"signature-input", b'"@method" "@authority"', b'"@authority" "@method"'
    ),
    # The digest.
    "digest dropped": REQUEST.without(b"content-digest"),
    "digest twice": REQUEST.with_more((b"content-digest", DIGEST)),
    "digest of another algorithm": REQUEST.with_header(
        b"content-digest", b"sha-512=:" + base64.b64encode(bytes(64)) + b":"
    ),
    "digest with a weaker one beside it": REQUEST.with_header(b"content-digest", b"md5=:AAAA:, " + DIGEST),
    "digest that is not base64": REQUEST.with_header(b"content-digest", b"sha-256=:***:"),
    # Signed by the right key, but not what must be signed.
    "method not covered": freely(without("@method")),
    "authority not covered": freely(without("@authority")),
    "path not covered": freely(without("@path")),
    "digest not covered": freely(without("content-digest")),
    "content type not covered": freely(without("content-type")),
    "body not covered at all": freely(without("content-digest", "content-type")),
    "query not covered": freely(
        request=replace(REQUEST, path="/v1/payments?a=1"), covered={**COVERED, '"@path"': "/v1/payments"}
    ),
    "nothing covered": freely({}),
    "query covered where there is none": freely({**COVERED, '"@query"': "?"}),
    "an unknown component": freely({**COVERED, '"x-unknown"': "1"}),
    "a component of a response": freely({**COVERED, '"@status"': "200"}),
    "a component with a parameter": freely(renamed('"@path"', '"@path";req')),
    "a component in capitals": freely(renamed('"content-type"', '"Content-Type"')),
    "a component without quotes": freely(renamed('"@path"', "@path")),
    "a component twice": freely(without("content-type") | {'"@path" "@path"': "x"}),
    "two blanks between components": freely(renamed('"@path"', ' "@path"')),
    "a digest signed with an empty body": freely(
        without("content-type") | {'"content-digest"': http_signatures.content_digest(b"")},
        request=replace(REQUEST, body=b""),
    ),
    "accept not covered": REQUEST.with_more((b"accept", b"text/event-stream")),
    "accept of JSON not covered where the body is XML": REQUEST.with_more((b"accept", b"application/json")),
    "accept not covered, behind one that says nothing": REQUEST.with_more(
        (b"accept", b"*/*"), (b"accept", b"application/json")
    ),
    "accept in capitals not covered": REQUEST.with_more((b"ACCEPT", b"text/csv")),
    "prefer not covered": REQUEST.with_more((b"prefer", b"wait=30")),
    "last event id not covered": REQUEST.with_more((b"last-event-id", b"0")),
    "accept changed": signed(KEY, meaning={"Accept": "application/json"}).with_header(
        b"accept", b"application/xml"
    ),
    "accept dropped": signed(KEY, meaning={"Accept": "application/json"}).without(b"accept"),
    "accept twice": signed(KEY, meaning={"Accept": "application/json"}).with_more((b"accept", b"*/*")),
    "prefer changed": signed(KEY, meaning={"Prefer": "wait=1"}).with_header(b"prefer", b"wait=30"),
    "last event id changed": signed(KEY, meaning={"Last-Event-ID": "7"}).with_header(b"last-event-id", b"0"),
    "accept covered that is not there": freely({**COVERED, '"accept"': "*/*"}),
    "prefer with a line of its own": freely(
        {**COVERED, '"prefer"': "wait=1"}, request=REQUEST.with_more((b"prefer", b"wait=1\nx: y"))
    ),
    # Parameters that are wrong, signed by the right key.
    "no created": freely(parameters=parameters(f";created={NOW}", "")),
    "no expires": freely(parameters=parameters(f";expires={NOW + 300}", "")),
    "no keyid": freely(parameters=parameters(';keyid="IN-1:2026"', "")),
    "no nonce": freely(parameters=parameters(';nonce="nonce-000001"', "")),
    "no tag": freely(parameters=parameters(';tag="payswitch"', "")),
    "no parameters": freely(parameters=""),
    "another tag": freely(parameters=parameters('"payswitch"', '"other"')),
    "empty nonce": freely(parameters=parameters('"nonce-000001"', '""')),
    "nonce as a token": freely(parameters=parameters('"nonce-000001"', "nonce-000001")),
    "created twice": freely(parameters=PARAMETERS + f";created={NOW}"),
    "keyid twice": freely(parameters=PARAMETERS + ';keyid="IN-1:2026"'),
    "an unknown parameter": freely(parameters=PARAMETERS + ";x=1"),
    "created as a decimal": freely(parameters=parameters(f"created={NOW}", f"created={NOW}.0")),
    "created as a string": freely(parameters=parameters(f"created={NOW}", f'created="{NOW}"')),
    "created negative": freely(parameters=parameters(f"created={NOW}", f"created=-{NOW}")),
    "created of a thousand digits": freely(parameters=parameters(f"created={NOW}", "created=" + "1" * 500)),
    "created in Arabic digits": REQUEST.replaced(
        b"signature-input", b"created=1", "created=\N{ARABIC-INDIC DIGIT ONE}".encode()
    ),
    "a blank between parameters": freely(parameters=parameters(";nonce", "; nonce")),
    "keyid with an escape": freely(parameters=parameters('"IN-1:2026"', r'"IN-1:2026\""')),
    "keyid with a semicolon": freely(parameters=parameters('"IN-1:2026"', '"IN-1;2026"')),
    # Time, signed by the right key.
    "expired": freely(parameters=retimed(NOW - 400, NOW - 100)),
    "of the future": freely(parameters=retimed(NOW + 100, NOW + 200)),
    "lives too long": freely(parameters=retimed(NOW, NOW + 301)),
    "lives for ever": freely(parameters=retimed(NOW, 99_999_999_999)),
    "ends before it begins": freely(parameters=retimed(NOW, NOW - 1)),
    "lives for no time": freely(parameters=retimed(NOW, NOW)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_refused(forgery):
    """Each differs in one thing from a request that the next test accepts."""
    with pytest.raises(NotAuthentic):
        check(FORGERIES[forgery], KEY.public)


def test_what_the_forgeries_are_made_from_is_accepted():
    check(REQUEST, KEY.public)
    check(freely(), KEY.public)
    check(freely(parameters=PARAMETERS + ';alg="ed25519"'), KEY.public)
    check(signed(KEY, path="/v1/payments?a=1"), KEY.public)
    check(signed(KEY, path="/v1/payments?"), KEY.public)
    check(signed(ECDSA), ECDSA.public)
    check(signed(OTHER), OTHER.public)


@pytest.mark.parametrize(
    "meaning",
    [
        {"Accept": "text/event-stream", "Last-Event-ID": "17"},
        {"Prefer": "wait=10"},
        {"accept": "application/xml;q=0.5, application/json"},
    ],
)
def test_headers_that_change_the_meaning_are_covered(key, meaning):
    request = signed(key, meaning=meaning)
    covered = http_signatures.parse(request.headers).covered

    assert {f'"{name.lower()}"' for name in meaning} <= set(covered)
    check(request, key.public)


@pytest.mark.parametrize("body", [b"", b'{"a": 1}'])
@pytest.mark.parametrize("accept", [b"", b"*/*", b"application/json"])
def test_an_accept_header_without_preference_may_stay_uncovered(body, accept):
    request = signed(KEY, body=body, content_type="application/json")

    check(request.with_more((b"accept", accept)), KEY.public)


def test_components_and_parameters_may_come_in_any_order():
    backwards = ";" + ";".join(reversed(PARAMETERS[1:].split(";")))

    check(freely(dict(reversed(COVERED.items())), backwards), KEY.public)


def test_the_label_is_free():
    request = REQUEST.with_header(b"signature", SIGNATURE.replace(b"sig=", b"bank-1=", 1))

    check(request.replaced(b"signature-input", b"sig=", b"bank-1="), KEY.public)


def test_a_request_without_a_body_is_signed_without_one(key):
    request = signed(key, method="GET", path="/v1/payments/x?wait=5", body=b"")

    assert {name for name, _ in request.headers} == {b"host", b"signature", b"signature-input"}
    check(request, key.public)


def test_the_authority_is_compared_in_lower_case(key):
    check(replace(signed(key), authority="SWITCH.example:8443"), key.public)


@pytest.mark.parametrize(
    ("created", "expires", "accepted"),
    [
        (NOW + 60, NOW + 61, True),
        (NOW + 61, NOW + 62, False),
        (NOW - 61, NOW - 60, True),
        (NOW - 62, NOW - 61, False),
        (NOW, NOW + 300, True),
        (NOW, NOW + 301, False),
        (NOW, NOW + 1, True),
        (NOW, NOW, False),
    ],
)
def test_the_bounds_of_time_are_inclusive(created, expires, accepted):
    request = freely(parameters=retimed(created, expires))
    if accepted:
        check(request, KEY.public)
        return
    with pytest.raises(NotAuthentic):
        check(request, KEY.public)


def test_der_is_not_raw():
    """The very same ECDSA signature in ASN.1 form is refused by its length alone."""
    request = signed(ECDSA).with_header(b"signature", raw_signature(der_signature()))

    with pytest.raises(NotAuthentic, match="64 bytes"):
        check(request, ECDSA.public)


@pytest.mark.parametrize("half", [bytes(32), b"\xff" * 32])
def test_ecdsa_numbers_out_of_range_are_refused(half):
    """Zero and numbers above the group's order: the "psychic signature" family."""
    with pytest.raises(NotAuthentic):
        check(signed(ECDSA).with_header(b"signature", raw_signature(half + half)), ECDSA.public)


@pytest.mark.parametrize("position", range(64))
def test_every_byte_of_a_signature_counts(key, position):
    request = signed(key)
    signature = bytearray(base64.b64decode(request.header(b"signature")[5:-1]))
    signature[position] ^= 1

    with pytest.raises(NotAuthentic):
        check(request.with_header(b"signature", raw_signature(signature)), key.public)


def test_a_key_of_another_kind_is_no_key():
    rsa_key = rsa.generate_private_key(65537, 1024)
    p384 = ec.generate_private_key(ec.SECP384R1())
    for foreign in (rsa_key, p384):
        with pytest.raises(ValueError, match="neither"):
            SigningKey("x", foreign)
    with pytest.raises(ValueError, match="another algorithm"):
        PublicKey("x", "ecdsa-p256-sha256", ed25519.Ed25519PrivateKey.generate().public_key())


def test_keys_survive_their_text_form(key):
    private = SigningKey.from_pem(key.keyid, key.pem)
    public = PublicKey.from_pem(key.keyid, key.public.pem)

    check(signed(private), public)
    assert "PRIVATE" not in repr(private)


def test_the_text_of_a_refusal_holds_nothing_of_the_request():
    for request in FORGERIES.values():
        with pytest.raises(NotAuthentic) as refusal:
            check(request, KEY.public)
        assert "nonce-0000" not in refusal.value.detail
        assert "IN-1" not in refusal.value.detail


header_bytes = st.one_of(
    st.binary(max_size=200),
    st.text(
        alphabet='sig=:;"@() methodauthoritypathcreatedexpireskeyidnoncetag0123456789,\\\n', max_size=200
    ).map(str.encode),
)


@given(signature_input=header_bytes, signature=header_bytes, digest=header_bytes, content_type=header_bytes)
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise_anything_but_not_authentic(signature_input, signature, digest, content_type):
    names = (b"signature-input", b"signature", b"content-digest", b"content-type")
    hostile = (signature_input, signature, digest, content_type)
    for name, value in zip(names, hostile, strict=True):
        if value.strip(b" \t") == REQUEST.header(name):
            continue
        with pytest.raises(NotAuthentic):
            check(REQUEST.with_header(name, value), KEY.public)


@given(
    cut=st.integers(0, 400),
    piece=st.binary(max_size=6),
    name=st.sampled_from([b"signature-input", b"signature"]),
)
@settings(max_examples=150, deadline=None)
def test_no_change_to_a_good_header_is_accepted(cut, piece, name):
    value = REQUEST.header(name)
    changed = value[:cut] + piece + value[cut + len(piece) :]
    if changed.strip(b" \t") == value:
        return
    with pytest.raises(NotAuthentic):
        check(REQUEST.with_header(name, changed), KEY.public)


@pytest.mark.parametrize("filler", [b"(", b'"', b";", b"a", b'"@path" ', b";a=", b" ", b"\\", b"\xff"])
def test_long_headers_are_refused_in_linear_time(filler):
    """50 kB of anything must cost far less than one verification of a signature does, many times over."""
    value = REQUEST.header(b"signature-input") + filler * (50_000 // len(filler))
    request = REQUEST.with_header(b"signature-input", b"sig=" + value + b"!")
    started = time.thread_time()  # of the processor: a busy machine makes nothing quadratic

    with pytest.raises(NotAuthentic):
        check(request, KEY.public)
    assert time.thread_time() - started < 0.05


# Another implementation as the oracle, both ways.

ORACLE_ALGORITHMS = {
    "ed25519": oracle.algorithms.ED25519,
    "ecdsa-p256-sha256": oracle.algorithms.ECDSA_P256_SHA256,
}
CASES = [
    ("POST", "/v1/iso20022/pacs.008", BODY),
    ("POST", "/v1/iso20022/pacs.008?a=1&b=%20", BODY),
    ("GET", "/v1/payments/7b1d1a3e-0000-4000-8000-000000000001?wait=5", b""),
    ("GET", "/v1/payments?", b""),
    ("DELETE", "/", b""),
]


@dataclass
class OracleMessage:
    """A request in the oracle's terms."""

    method: str
    url: str
    headers: dict[str, str]


def oracle_resolver(key: SigningKey) -> oracle.MappingKeyResolver:
    return oracle.MappingKeyResolver(
        public_keys={key.keyid: key.public.key}, private_keys={key.keyid: key.key}
    )


@pytest.mark.parametrize(("method", "path", "body"), CASES)
def test_the_oracle_accepts_what_we_sign(key, method, path, body):
    now = int(time.time())
    request = signed(key, now=now, method=method, path=path, body=body)
    headers = {name.decode(): value.decode() for name, value in request.headers}
    message = OracleMessage(method, f"https://{request.authority}{path}", headers)
    verifier = oracle.HTTPMessageVerifier(
        signature_algorithm=ORACLE_ALGORITHMS[key.public.algorithm], key_resolver=oracle_resolver(key)
    )

    (result,) = verifier.verify(message, expect_tag="payswitch", body=body)
    assert result.nonce == "nonce-000001"
    assert result.parameters["keyid"] == key.keyid


@pytest.mark.parametrize("include_alg", [True, False])
@pytest.mark.parametrize(("method", "path", "body"), CASES)
def test_we_accept_what_the_oracle_signs(key, method, path, body, include_alg):
    request = Request(method=method, path=path, body=body)
    created = dt.datetime.fromtimestamp(NOW, dt.UTC)
    headers = {"Content-Type": "application/json"} if body else {}
    message = OracleMessage(method, f"https://{request.authority}{path}", headers)
    covered = ["@method", "@authority", "@path"]
    covered += ["@query"] if "?" in path else []
    covered += ["content-type"] if body else []
    signer = oracle.HTTPMessageSigner(
        signature_algorithm=ORACLE_ALGORITHMS[key.public.algorithm], key_resolver=oracle_resolver(key)
    )
    signer.sign(
        message,
        key_id=key.keyid,
        created=created,
        expires=created + dt.timedelta(seconds=300),
        nonce="nonce-000001",
        tag="payswitch",
        include_alg=include_alg,
        covered_component_ids=covered,
        body=body or None,
    )
    lines = tuple((name.lower().encode(), value.encode()) for name, value in message.headers.items())

    check(replace(request, headers=lines), key.public)
