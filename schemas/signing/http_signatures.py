"""HTTP Message Signatures (RFC 9421) in one fixed profile, with Content-Digest (RFC 9530).

The profile, in full:

* one signature; its label is free
* covered, each once and in any order: `@method` `@authority` `@path`, `@query` when the target has one,
  `content-digest` `content-type` when there is a body, and `accept` `last-event-id` `prefer` when they are
  there; nothing else, and no component parameters
* an `Accept` with a default value may be left out, because HTTP libraries add it: `*/*`,
  and `application/json` where the body is not XML
* parameters, each once and in any order: `created`, `expires` (at most 300 s later), `keyid`, `nonce`,
  `tag="payswitch"`; `alg` may be left out, and must be the key's own where it is given
* Ed25519, or ECDSA on P-256 with SHA-256 as raw `r || s`; `Content-Digest` is one `sha-256` over the body's
  bytes; every Structured Field is in its canonical form, so what is verified is the text that was sent

A general verifier lets the message choose what is checked; this one does not. The caller detects replays:
`SignatureInput.nonce` is unique for a key while the signature is valid, and the caller stores it that long.
Header bytes are untrusted: the work is linear in their length, and every failure is `NotAuthentic`.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

from schemas.errors import NotAuthentic
from schemas.signing.keys import Algorithm, PublicKey, SigningKey

__all__ = [
    "LIFETIME_S_MAX",
    "SKEW_S",
    "TAG",
    "Algorithm",
    "Headers",
    "PublicKey",
    "SignatureInput",
    "SigningKey",
    "content_digest",
    "parse",
    "sign",
    "verify",
    "verify_base",
]

Headers = Iterable[tuple[bytes, bytes]]
"""Header lines in the format of ASGI."""

TAG: Final = "payswitch"
LIFETIME_S_MAX: Final = 300
SKEW_S: Final = 60
"""Seconds by which a sender's clock may differ from ours in either direction; the limit is included."""

_LABEL: Final = "sig"
_INPUT: Final = re.compile(r"([a-z*][a-z0-9_.*-]{0,31})=(\(([a-z\"@ -]{0,128})\);([!-~]{1,768}))", re.ASCII)
# The last character before the padding carries four unused bits: only those with zeros there are canonical.
_SIGNATURE: Final = re.compile(r"([a-z*][a-z0-9_.*-]{0,31})=:([A-Za-z0-9+/]{85}[AQgw]==):", re.ASCII)
_TIME: Final = re.compile(r"[1-9]\d{0,10}", re.ASCII)
_PARAMETERS: Final = {
    "created": _TIME,
    "expires": _TIME,
    "keyid": re.compile(r'"[A-Za-z0-9._:@/+=#-]{1,128}"', re.ASCII),
    "nonce": re.compile(r'"[A-Za-z0-9._:~/+=-]{8,128}"', re.ASCII),
    "tag": re.compile(f'"{TAG}"'),
    "alg": re.compile(r'"[a-z0-9-]{1,32}"', re.ASCII),
}
_REQUIRED: Final = _PARAMETERS.keys() - {"alg"}
_USUAL_ORDER: Final = ("created", "expires", "keyid", "nonce", "tag")
_USUAL: Final = re.compile(
    ";".join(f"{name}=({_PARAMETERS[name].pattern})" for name in _USUAL_ORDER), re.ASCII
).fullmatch
"""The parameters in the order of `sign`, which most clients have."""

# The characters of a line of the signature base: no control characters, so no line can be injected.
_METHOD: Final = re.compile(r"[A-Z]{1,16}", re.ASCII)
_AUTHORITY: Final = re.compile(r"[a-z0-9.:\[\]_-]{1,255}", re.ASCII)
_TARGET: Final = re.compile(r"/[!-~]{0,2047}", re.ASCII)
_DIGEST: Final = re.compile(r"sha-256=:[A-Za-z0-9+/]{43}=:", re.ASCII)
_CONTENT_TYPE: Final = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?", re.ASCII)
_VALUE: Final = re.compile(r"[ -~]{0,512}", re.ASCII)

_MEANING: Final = {name: f'"{name.decode()}"' for name in (b"accept", b"last-event-id", b"prefer")}
"""Headers that affect the response or its time, and their component identifiers."""
_ANYTHING: Final = frozenset({"", "*/*"})
_JSON: Final = "application/json"
_UNSIGNED: Final[Mapping[str, str]] = MappingProxyType({})


class SignatureInput(msgspec.Struct, frozen=True):
    """The signature fields of a request. They are not verified before `verify`."""

    keyid: str
    created: int
    expires: int
    nonce: str
    algorithm: str | None
    covered: tuple[str, ...]
    """The component identifiers with their quotes, in the order in which they were signed."""
    parameters: str
    """The value of `@signature-params`, as received."""
    signature: bytes
    """64 bytes."""


def parse(headers: Headers) -> SignatureInput:
    """Parse the two signature fields: enough to find the key, before any expensive step.

    Raises:
        NotAuthentic: the request is not signed, or does not follow the profile.

    """
    fields = _fields(headers, b"signature-input", b"signature")
    signed = _INPUT.fullmatch(fields[b"signature-input"])
    signature = _SIGNATURE.fullmatch(fields[b"signature"])
    if signed is None:
        raise NotAuthentic("`Signature-Input` is not a single signature of the profile")
    if signature is None:
        raise NotAuthentic("`Signature` is not a single base64 value of 64 bytes")
    if signed[1] != signature[1]:
        raise NotAuthentic("`Signature` and `Signature-Input` have different labels")
    values = _parameters(signed[4])
    return SignatureInput(
        keyid=values["keyid"].strip('"'),
        created=int(values["created"]),
        expires=int(values["expires"]),
        nonce=values["nonce"].strip('"'),
        algorithm=values["alg"].strip('"') if "alg" in values else None,
        covered=tuple(signed[3].split(" ")),
        parameters=signed[2],
        signature=b64decode(signature[2]),
    )


def verify(
    signature_input: SignatureInput,
    *,
    method: str,
    authority: str,
    path: str,
    headers: Headers,
    body: bytes | None,
    key: PublicKey,
    now: int,
) -> bytes:
    """Verify that the holder of `key` signed this request, and that the signature is still valid.

    Returns the signature base, with which `verify_base` verifies the same again elsewhere.

    If `body` is None it is not read yet: then only the headers about it are verified. `authority` is the
    `Host` header, without a default port; `path` is the request target from the request line, with its query;
    `now` is in seconds of Unix time.

    Raises:
        NotAuthentic: in any other case; the text states why, without data of the caller.

    """
    if signature_input.keyid != key.keyid:
        raise NotAuthentic("the signature names another key")
    if signature_input.algorithm not in {None, key.algorithm}:
        raise NotAuthentic("the signature names an algorithm other than that of its key")
    _check_time(signature_input, now)
    components = _request_components(method, authority.lower(), path)
    covered = signature_input.covered
    if body or (body is None and '"content-digest"' in covered):
        components |= _content_components(headers, body)
    components |= _meaning_components(headers, covered, components.get('"content-type"', ""))
    if len(covered) != len(components) or components.keys() != set(covered):
        raise NotAuthentic("the signature does not cover exactly the required components")
    base = _base(components, covered, signature_input.parameters)
    if not key.verify(signature_input.signature, base):
        raise NotAuthentic("the signature is not valid for this key and this request")
    return base


def verify_base(
    base: bytes,
    signature: bytes,
    *,
    key: PublicKey,
    path: str,
    now: int,
    body: bytes | None = None,
    sha256: bytes | None = None,
    slack_s: int = 0,
    authority: str = "",
    method: str = "POST",
) -> str:
    """Verify a signature of a request with `body` to `path` by its base alone; return the content type.

    Of a body that is not at hand, its `sha256`; without either, any body.

    `slack_s`: how long ago, or by which other clock, `verify` accepted it. An empty `authority`: any.

    Raises:
        NotAuthentic: `key` did not sign this, or the signature is not valid at `now`.

    """
    *lines, last = (line.partition(": ") for line in base.decode("latin-1").split("\n"))
    components = {name: value for name, _, value in lines}
    signed = _INPUT.fullmatch(f"{_LABEL}={last[2]}")
    if signed is None or last[0] != '"@signature-params"':
        raise NotAuthentic("the signature base has no parameters of the profile")
    values = _parameters(signed[4])
    if values["keyid"] != f'"{key.keyid}"' or values.get("alg") not in {None, f'"{key.algorithm}"'}:
        raise NotAuthentic("the signature names another key")
    _check_times(int(values["created"]), int(values["expires"]), now, slack_s)
    wanted = {'"@method"': method, '"@path"': path}
    digest = sha256 if body is None else hashlib.sha256(body).digest()
    if digest is not None:
        wanted['"content-digest"'] = _digest_field(digest)
    if authority:
        wanted['"@authority"'] = authority.lower()
    covers = len(components) == len(lines) and list(components) == signed[3].split(" ")
    if not (covers and wanted.items() <= components.items()):
        raise NotAuthentic("the signature covers another request")
    if not key.verify(signature, base):
        raise NotAuthentic("the signature is not valid for this key and this message")
    return components.get('"content-type"', "")


def sign(
    key: SigningKey,
    *,
    method: str,
    authority: str,
    path: str,
    content_type: str | None,
    body: bytes,
    now: int,
    nonce: str,
    headers: Mapping[str, str] = _UNSIGNED,
) -> dict[str, str]:
    """Sign a request and get the headers to add (together with `Content-Type` if there is a body).

    `headers` are the present headers of the request; those that affect its meaning are covered.

    Raises:
        NotAuthentic: the request cannot be signed by the profile, e.g. a body without a content type.

    """
    components = _request_components(method, authority.lower(), path)
    added: dict[str, str] = {}
    if body:
        added = {"Content-Digest": content_digest(body), "Content-Type": content_type or ""}
        lines = [(name.lower().encode(), value.encode()) for name, value in added.items()]
        components |= _content_components(lines, body)
    meaning = {name.lower(): value for name, value in headers.items() if name.lower().encode() in _MEANING}
    sent = [(name.encode(), value.encode("latin-1", "replace")) for name, value in meaning.items()]
    components |= _meaning_components(sent, tuple(f'"{name}"' for name in meaning), "")
    parameters = (
        f"({' '.join(components)});created={now};expires={now + LIFETIME_S_MAX}"
        f';keyid="{key.keyid}";nonce="{nonce}";tag="{TAG}"'
    )
    signature = b64encode(key.sign(_base(components, tuple(components), parameters))).decode()
    return added | {"Signature-Input": f"{_LABEL}={parameters}", "Signature": f"{_LABEL}=:{signature}:"}


def content_digest(body: bytes) -> str:
    """The only value of `Content-Digest` that the profile allows for a body."""
    return _digest_field(hashlib.sha256(body).digest())


def _digest_field(sha256: bytes) -> str:
    return f"sha-256=:{b64encode(sha256).decode()}:"


def _fields(headers: Headers, *names: bytes) -> dict[bytes, str]:
    """The values of the named headers, each of which must occur once."""
    fields: dict[bytes, str] = {}
    for name, value in headers:
        wanted = name.lower()
        if wanted in names:
            if wanted in fields:
                raise NotAuthentic("a covered header is repeated")
            # Latin-1 decodes any bytes; the patterns of the profile then refuse non-ASCII.
            fields[wanted] = value.strip(b" \t").decode("latin-1")
    for name in names:
        if name not in fields:
            raise NotAuthentic(f"`{name.decode()}` is missing")
    return fields


def _parameters(text: str) -> dict[str, str]:
    """Split the parameters of a signature at semicolons, which no value of the profile contains."""
    usual = _USUAL(text)
    if usual is not None:
        return dict(zip(_USUAL_ORDER, usual.groups(), strict=True))
    values: dict[str, str] = {}
    for parameter in text.split(";"):
        name, _, value = parameter.partition("=")
        pattern = _PARAMETERS.get(name)
        if pattern is None or pattern.fullmatch(value) is None:
            raise NotAuthentic("a signature parameter is not allowed by the profile")
        if name in values:
            raise NotAuthentic("a signature parameter is repeated")
        values[name] = value
    if not values.keys() >= _REQUIRED:
        raise NotAuthentic("a signature parameter is missing")
    return values


def _check_time(signature_input: SignatureInput, now: int) -> None:
    """Refuse a signature that is not valid now."""
    _check_times(signature_input.created, signature_input.expires, now)


def _check_times(created: int, expires: int, now: int, slack_s: int = 0) -> None:
    if not created < expires <= created + LIFETIME_S_MAX:
        raise NotAuthentic(f"the lifetime of a signature must be 1 to {LIFETIME_S_MAX} seconds")
    if now + slack_s < created - SKEW_S:
        raise NotAuthentic("the signature was created in the future")
    if now - slack_s > expires + SKEW_S:
        raise NotAuthentic("the signature has expired")


def _request_components(method: str, authority: str, path: str) -> dict[str, str]:
    """The components of every request, in signing order."""
    return dict(_components_of_line(method, authority, path))


@lru_cache(maxsize=64)
def _components_of_line(method: str, authority: str, path: str) -> tuple[tuple[str, str], ...]:
    """The same, of the last requests: messages go to few paths."""
    if not (_METHOD.fullmatch(method) and _AUTHORITY.fullmatch(authority) and _TARGET.fullmatch(path)):
        raise NotAuthentic("the request line cannot be signed")
    path, mark, query = path.partition("?")
    components = {'"@method"': method, '"@authority"': authority, '"@path"': path}
    if mark:
        components['"@query"'] = mark + query
    return tuple(components.items())


def _content_components(headers: Headers, body: bytes | None) -> dict[str, str]:
    """The components of a request with a body, after verifying its digest if the body was read."""
    fields = _fields(headers, b"content-digest", b"content-type")
    if _CONTENT_TYPE.fullmatch(fields[b"content-type"]) is None:
        raise NotAuthentic("the content type cannot be signed")
    digest = fields[b"content-digest"]
    if body is None and _DIGEST.fullmatch(digest) is None:
        raise NotAuthentic("`Content-Digest` is not a single SHA-256 value")
    if body is not None and digest != content_digest(body):
        raise NotAuthentic("`Content-Digest` is not the SHA-256 of the body")
    return {'"content-digest"': digest, '"content-type"': fields[b"content-type"]}


def _meaning_components(headers: Headers, covered: tuple[str, ...], content_type: str) -> dict[str, str]:
    """The components of headers that affect the meaning of a request: each is covered or a default."""
    components: dict[str, str] = {}
    for name, value in headers:
        component = _MEANING.get(name.lower())
        if component is None:
            continue
        text = value.strip(b" \t").decode("latin-1")
        if component not in covered:
            if component != '"accept"' or not _is_default(text, content_type):
                raise NotAuthentic(f"`{component[1:-1]}` is present but not covered by the signature")
        elif component in components:
            raise NotAuthentic("a covered header is repeated")
        elif _VALUE.fullmatch(text) is None:
            raise NotAuthentic("a header cannot be signed")
        else:
            components[component] = text
    return components


def _is_default(accept: str, content_type: str) -> bool:
    """Whether an `Accept` means the same as none."""
    return accept in _ANYTHING or (accept == _JSON and "xml" not in content_type.lower())


def _base(components: dict[str, str], covered: tuple[str, ...], parameters: str) -> bytes:
    """The signature base (RFC 9421, 2.5)."""
    lines = [f"{component}: {components[component]}" for component in covered]
    lines.append(f'"@signature-params": {parameters}')
    return "\n".join(lines).encode("ascii")
