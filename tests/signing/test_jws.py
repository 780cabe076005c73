"""Detached tokens over stored bytes, with joserfc as the oracle both ways."""

import base64
import json

import pytest
from joserfc import jws as oracle
from joserfc.jwk import ECKey, OKPKey

from schemas.errors import NotAuthentic
from schemas.signing import jws
from schemas.signing.http_signatures import SigningKey

PAYLOAD = b"<Document>\x00.\xff not text at all</Document>"
NAMES = {"ed25519": "Ed25519", "ecdsa-p256-sha256": "ES256"}


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token_with_header(key: SigningKey, header: bytes, payload: bytes = PAYLOAD) -> str:
    """A token that the key signed under any header."""
    protected = encoded(header)
    return f"{protected}..{encoded(key.sign(protected.encode() + b'.' + payload))}"


def oracle_key(key: SigningKey):
    kind = OKPKey if key.public.algorithm == "ed25519" else ECKey
    return kind.import_key(key.pem)


def test_a_token_proves_its_bytes(key):
    jws.verify(jws.sign(key, PAYLOAD), PAYLOAD, key=key.public)


def test_other_bytes_are_not_proven(key):
    token = jws.sign(key, PAYLOAD)
    for other in (PAYLOAD + b" ", PAYLOAD[:-1], b""):
        with pytest.raises(NotAuthentic, match="these bytes"):
            jws.verify(token, other, key=key.public)


def test_another_key_is_refused(key):
    token = jws.sign(key, PAYLOAD)
    same_name = SigningKey.generate(key.keyid, key.public.algorithm)
    other_name = SigningKey("other", key.key)
    for other in (same_name, other_name):
        with pytest.raises(NotAuthentic):
            jws.verify(token, PAYLOAD, key=other.public)


def test_the_older_name_of_ed25519_is_taken_as_well():
    """RFC 8037 called it EdDSA; RFC 9864 calls it Ed25519."""
    key = SigningKey.generate("archive-1")
    header = b'{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"archive-1"}'

    jws.verify(token_with_header(key, header), PAYLOAD, key=key.public)


def test_the_name_of_ed25519_is_not_taken_for_another_algorithm():
    key = SigningKey.generate("archive-1", "ecdsa-p256-sha256")
    for name in (b"EdDSA", b"Ed25519"):
        header = b'{"alg":"' + name + b'","b64":false,"crit":["b64"],"kid":"archive-1"}'
        with pytest.raises(NotAuthentic):
            jws.verify(token_with_header(key, header), PAYLOAD, key=key.public)


CHANGES = {
    "alg none": {"alg": "none"},
    "alg HS256": {"alg": "HS256"},
    "encoded payload": {"b64": True},
    "zero for false": {"b64": 0},
    "not critical": {"crit": None},
    "critical twice": {"crit": ["b64", "b64"]},
    "no kid": {"kid": None},
    "an embedded key": {"jwk": {}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_header_is_refused(key, change):
    good = {"alg": NAMES[key.public.algorithm], "b64": False, "crit": ["b64"], "kid": key.keyid}
    changed = {name: value for name, value in (good | CHANGES[change]).items() if value is not None}

    with pytest.raises(NotAuthentic, match="header"):
        jws.verify(token_with_header(key, json.dumps(changed).encode()), PAYLOAD, key=key.public)


def test_a_member_twice_is_refused(key):
    good = json.dumps({"alg": NAMES[key.public.algorithm], "b64": False, "crit": ["b64"], "kid": key.keyid})
    jws.verify(token_with_header(key, good.encode()), PAYLOAD, key=key.public)

    with pytest.raises(NotAuthentic, match="cannot be read"):
        jws.verify(
            token_with_header(key, good.replace("{", '{"b64": true, ', 1).encode()), PAYLOAD, key=key.public
        )


@pytest.mark.parametrize(
    "header", [b"", b"\xff", b"{", b"[" * 380, b"[]", b"1", b"null", b'{"a":' + b"9" * 300 + b"}"]
)
def test_a_header_that_is_no_object_is_refused(key, header):
    with pytest.raises(NotAuthentic):
        jws.verify(token_with_header(key, header), PAYLOAD, key=key.public)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "A", lambda t: t.replace("..", ".AA."), lambda t: t + "=="]
)
def test_a_token_of_another_form_is_refused(key, change):
    with pytest.raises(NotAuthentic, match="not a detached JWS"):
        jws.verify(change(jws.sign(key, PAYLOAD)), PAYLOAD, key=key.public)


def test_the_oracle_accepts_our_token(key):
    token = jws.sign(key, b"payload")
    result = oracle.deserialize_compact(
        token, oracle_key(key), payload=b"payload", algorithms=[NAMES[key.public.algorithm]]
    )
    assert result.headers() == {
        "alg": NAMES[key.public.algorithm],
        "b64": False,
        "crit": ["b64"],
        "kid": key.keyid,
    }


def test_we_accept_the_oracles_token(key):
    algorithm = NAMES[key.public.algorithm]
    header = {"kid": key.keyid, "crit": ["b64"], "b64": False, "alg": algorithm}
    token = oracle.serialize_compact(header, b"pay.load", oracle_key(key), algorithms=[algorithm])

    assert ".." in token
    jws.verify(token, b"pay.load", key=key.public)
