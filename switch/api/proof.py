"""What a request proves of who sent it: a signature over it, or, in a sandbox only, a bearer key."""

import hashlib
import time
from typing import Final

from schemas.errors import NotAuthentic
from schemas.signing import http_signatures
from schemas.signing.http_signatures import Headers
from switch.api.key_use import SEEN
from switch.api.limits import Scope
from switch.directory import Snapshot
from switch.settings import Settings

_BEARER: Final = b"bearer "
_SIGNED: Final = frozenset({b"signature-input", b"signature"})


def prove(scope: Scope, body: bytes | None, directory: Snapshot, settings: Settings) -> str:
    """The id of the participant that sent a request. A body of None was not read yet: its digest is trusted.

    Raises:
        NotAuthentic: nothing proves who it is. The text is the same for an unknown and a wrong key.

    """
    headers = scope["headers"]
    if any(name in _SIGNED for name, _ in headers):
        return _by_signature(scope, body, directory, settings)
    tokens = [value for name, value in headers if name == b"authorization"]
    if settings.sandbox and len(tokens) == 1 and tokens[0][: len(_BEARER)].lower() == _BEARER:
        digest = hashlib.sha256(tokens[0][len(_BEARER) :].strip()).hexdigest()
        participant = directory.bearer_by_hash.get(digest)
        if participant is not None:
            return participant
    raise NotAuthentic


def _by_signature(scope: Scope, body: bytes | None, directory: Snapshot, settings: Settings) -> str:
    headers = scope["headers"]
    stated = http_signatures.parse(headers)
    now = int(time.time())
    known = directory.key_by_id.get(stated.keyid)
    if known is None or not _in_force(known[0].valid_from, known[0].valid_until, now):
        raise NotAuthentic("no valid key of this id")
    key, public = known
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    http_signatures.verify(
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
    return key.participant


def _host(headers: Headers) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"host"), "")


def _in_force(valid_from: int, valid_until: int | None, now: int) -> bool:
    return valid_from <= now and (valid_until is None or now < valid_until)
