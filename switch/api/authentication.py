"""Who sent a request: an HTTP message signature over its raw bytes, or, in a sandbox only, a bearer key."""

import hashlib
import time
from typing import Final

from starlette.requests import Request

from schemas.errors import NotAllowed, NotAuthentic
from schemas.signing import http_signatures
from switch import metrics
from switch.api import limits
from switch.directory import Participant, Snapshot
from switch.settings import Settings

_BEARER: Final = b"bearer "


def authenticate(request: Request, body: bytes, directory: Snapshot, settings: Settings) -> Participant:
    """Find the participant that sent `request` with `body`.

    Raises:
        NotAuthentic: nothing proves who it is. The text is the same for an unknown and a wrong key.
        NotAllowed: it is a participant that may no longer use the switch.
        TooManyRequests: it is one that comes too often.

    """
    try:
        participant = directory.by_id.get(_prove(request, body, directory, settings))
    except NotAuthentic as error:
        metrics.SIGNATURE_FAILURES.labels(error.detail[:60]).inc()
        raise
    if participant is None or participant.status == "removed":
        raise NotAllowed("this participant may not use the switch")
    limits.admit(request.scope, participant.id)
    return participant


def _prove(request: Request, body: bytes, directory: Snapshot, settings: Settings) -> str:
    headers = request.scope["headers"]
    if any(name in {b"signature-input", b"signature"} for name, _ in headers):
        return _by_signature(request, body, directory, settings)
    tokens = [value for name, value in headers if name == b"authorization"]
    if settings.sandbox and len(tokens) == 1 and tokens[0][: len(_BEARER)].lower() == _BEARER:
        digest = hashlib.sha256(tokens[0][len(_BEARER) :].strip()).hexdigest()
        participant = directory.bearer_by_hash.get(digest)
        if participant is not None:
            return participant
    raise NotAuthentic


def _by_signature(request: Request, body: bytes, directory: Snapshot, settings: Settings) -> str:
    scope = request.scope
    stated = http_signatures.parse(scope["headers"])
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
        authority=settings.authority or request.headers.get("host", ""),
        path=target.decode("latin-1"),
        headers=scope["headers"],
        body=body,
        key=public,
        now=now,
    )
    return key.participant


def _in_force(valid_from: int, valid_until: int | None, now: int) -> bool:
    return valid_from <= now and (valid_until is None or now < valid_until)
