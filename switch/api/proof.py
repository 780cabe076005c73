"""How a request proves its sender: by a signature or, in a sandbox only, by a bearer key."""

import hashlib
import time
from typing import Final
from uuid import UUID

import msgspec

from schemas.errors import NotAuthentic
from schemas.signing import http_signatures
from schemas.signing.http_signatures import Headers, SignatureInput
from switch.api.key_use import SEEN
from switch.api.limits import Scope
from switch.base.settings import Settings
from switch.identity.nonces import Nonce
from switch.payments.directory import DirectorySnapshot, Key

_BEARER: Final = b"bearer "
_SIGNED: Final = frozenset({b"signature-input", b"signature"})


class Signed(msgspec.Struct, frozen=True):
    """A verified signature of a request: its key, its 64 bytes, and its base."""

    keyid: str
    signature: bytes
    base: bytes


class Proof(msgspec.Struct, frozen=True):
    """The participant that sent a request, and its signature; a bearer key has none."""

    participant: str
    stated: SignatureInput | None = None
    signed: Signed | None = None

    @property
    def nonce(self) -> Nonce | None:
        """The nonce of the signature."""
        return None if self.stated is None else _nonce(self.stated)


def prove(scope: Scope, body: bytes | None, directory: DirectorySnapshot, settings: Settings) -> Proof:
    """Find who sent a request. If `body` is None it is not read yet, and the stated digest is trusted.

    Raises:
        NotAuthentic: nothing proves the sender. The text is the same for an unknown and a wrong key.

    """
    headers = scope["headers"]
    if any(name in _SIGNED for name, _ in headers):
        return _by_signature(scope, body, directory, settings)
    participant = _of_bearer(headers, directory, settings)
    if participant is None:
        raise NotAuthentic
    return Proof(participant)


def still_holds(scope: Scope, directory: DirectorySnapshot, settings: Settings) -> bool:
    """Whether the key that proved a request is still in force, and its participant is active.

    For answers that last: a signature is good for minutes; a revocation or a suspension must be good at once.
    """
    headers = scope["headers"]
    if any(name in _SIGNED for name, _ in headers):
        known = directory.key_by_id.get(http_signatures.parse(headers).keyid)
        in_force = known is not None and _in_force(known[0], time.time_ns() // 1000)
        participant = known[0].participant if known is not None and in_force else None
    else:
        participant = _of_bearer(headers, directory, settings)
    found = directory.by_id.get(participant) if participant is not None else None
    return found is not None and found.status == "active"


def _of_bearer(headers: Headers, directory: DirectorySnapshot, settings: Settings) -> str | None:
    tokens = [value for name, value in headers if name == b"authorization"]
    if settings.sandbox and len(tokens) == 1 and tokens[0][: len(_BEARER)].lower() == _BEARER:
        digest = hashlib.sha256(tokens[0][len(_BEARER) :].strip()).hexdigest()
        return directory.bearer_by_hash.get(digest)
    return None


def _by_signature(
    scope: Scope, body: bytes | None, directory: DirectorySnapshot, settings: Settings
) -> Proof:
    headers = scope["headers"]
    stated = http_signatures.parse(headers)
    instant = time.time_ns() // 1000
    known = directory.key_by_id.get(stated.keyid)
    if known is None or not _in_force(known[0], instant):
        raise NotAuthentic("no valid key of this id")
    key, public = known
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    now = instant // 1_000_000
    base = http_signatures.verify(
        stated,
        method=scope["method"],
        authority=settings.authority or _host(headers),
        path=target.decode("latin-1"),
        headers=headers,
        body=body,
        key=public,
        now=now,
    )
    if body is not None:
        SEEN.note(key.keyid, now=now, created=stated.created)
    return Proof(key.participant, stated, Signed(key.keyid, stated.signature, base))


def _nonce(stated: SignatureInput) -> Nonce:
    # Key ids contain no space, so no other key and nonce make the same text.
    digest = hashlib.sha256(f"{stated.keyid} {stated.nonce}".encode()).digest()
    # Twice the skew: one machine may drop the nonce while another, with a different clock, still accepts it.
    return Nonce(UUID(bytes=digest[:16]), stated.expires + 2 * http_signatures.SKEW_S)


def _host(headers: Headers) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"host"), "")


def _in_force(key: Key, instant: int) -> bool:
    """Whether a key is valid at an instant (microseconds): from its start, and not at its end."""
    return key.valid_from <= instant and (key.valid_until is None or instant < key.valid_until)
