"""Passkeys (WebAuthn): registration and assertion, as a second factor beside the code of an authenticator.

The challenge is a ticket (see `tickets`), so it is for one purpose and works once. Origin and relying party
are exact, the person must be verified by the authenticator (PIN or biometric), and a signature counter that
does not grow is refused: the passkey was copied.
"""

import hashlib
import json
import struct
import uuid
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)

from schemas.errors import NotAllowed, NotAuthentic, NotFound, Refused
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.identity import notices, tickets
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

PER_PERSON: Final = 10
LABEL_MAX: Final = 60
ALGORITHMS: Final = (-7, -8, -257)
"""ES256, EdDSA, RS256, of the COSE registry, in the order of preference."""
SIGN_IN: Final = "passkey of a sign-in"
CONFIRM: Final = "passkey of a confirmation"
REGISTER: Final = "new passkey"
_JSON_MAX: Final = 16 * 1024
_TIMEOUT_MS: Final = 300_000
_MALFORMED: Final = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, struct.error)
"""What the library raises for a response that is none, or that proves nothing."""
_BAD: Final = "the passkey could not be added: open the page again and repeat it"

_statement: Final = statements("switch.identity")
_ADD: Final = _statement("add_passkey")
_FIND: Final = _statement("lock_passkey")
_USED: Final = _statement("use_passkey")
_OF: Final = _statement("passkeys_of_person")
_REMOVE: Final = _statement("remove_passkey")


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """What passkeys are bound to: a host name, and the exact origin of the pages, `https://pay.example`."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner sees it."""

    id: str
    label: str
    added_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """A response of `navigator.credentials.get` as JSON, unverified, and for what it was requested."""

    text: str
    party: RelyingParty | None
    purpose: str


@dataclass(frozen=True, slots=True)
class VerifiedPasskey:
    """A verified assertion that is not recorded yet."""

    id: bytes
    counter: int
    ticket: tickets.Ticket


def relying_party(authority: str, *, sandbox: bool) -> RelyingParty | None:
    """The relying party of an authority `host[:port]`; None for an address, which has no passkeys.

    Only a sandbox is served without TLS.
    """
    scheme = "http" if sandbox else "https"
    host = urlsplit(f"{scheme}://{authority}").hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return RelyingParty(host, f"{scheme}://{authority.lower()}") if host else None
    return None


def creation_options(data: Path, party: RelyingParty, name: str, known: list[Passkey]) -> dict[str, Any]:
    """Options of `navigator.credentials.create`; bytes are base64url."""
    # Authenticators show the name, and store the id, which must say nothing about the person.
    handle = hashlib.sha256(f"{party.id} {name}".encode()).digest()
    return {
        "challenge": _challenge(data, f"{REGISTER} of {name}"),
        "rp": {"id": party.id, "name": "payswitch"},
        "user": {"id": websafe_encode(handle), "name": name, "displayName": name},
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "excludeCredentials": [{"type": "public-key", "id": one.id} for one in known],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
        "timeout": _TIMEOUT_MS,
    }


def request_options(data: Path, party: RelyingParty, purpose: str) -> dict[str, Any]:
    """Options of `navigator.credentials.get`. No passkey is named, so that nobody learns whose exist."""
    return {
        "challenge": _challenge(data, purpose),
        "rpId": party.id,
        "userVerification": "required",
        "timeout": _TIMEOUT_MS,
    }


async def add(  # noqa: PLR0917 - what a registration has
    connection: asyncpg.Connection, data: Path, party: RelyingParty, name: str, label: str, text: str
) -> None:
    """Add a passkey of a person, in the running transaction, from the JSON of a registration.

    Raises:
        Refused: the response proves nothing, the label is not valid, or there are too many.

    """
    label = label.strip()
    if not 0 < len(label) <= LABEL_MAX or not label.isprintable():
        raise Refused(
            "a passkey needs a name of 1 to 60 characters",
            reason=Reason.NARRATIVE,
            remedy="Name the passkey in 1 to 60 characters, such as the device that holds it.",
        )
    made, ticket = _registered(data, party, name, text)
    if not await tickets.use(connection, ticket):
        raise Refused(
            _BAD,
            reason=Reason.NARRATIVE,
            remedy=(
                "Begin anew: load the page again, and confirm on the device within the time that it shows."
            ),
        )
    await connection.execute("SELECT FROM switch.person WHERE name = $1 FOR UPDATE", name)
    if len(await of_person(connection, name)) >= PER_PERSON:
        raise Refused(
            "a person has at most ten passkeys",
            reason=Reason.NARRATIVE,
            remedy="Remove a passkey that you no longer use, and add this one then.",
        )
    credential = made.credential_data
    assert credential is not None
    if not await connection.fetchval(
        _ADD, credential.credential_id, name, label, bytes(credential), made.counter
    ):
        raise Refused(
            _BAD,
            reason=Reason.NARRATIVE,
            remedy=(
                "Begin anew: load the page again, and confirm on the device within the time that it shows."
            ),
        )
    await note(connection, EventKind.PASSKEY_ADDED, person=name, passkey=_short(credential.credential_id))


def _registered(
    data: Path, party: RelyingParty, name: str, text: str
) -> tuple[AuthenticatorData, tickets.Ticket]:
    try:
        response = RegistrationResponse.from_dict(_document(text))
        client = response.response.client_data
        ticket = tickets.read(data, f"{REGISTER} of {name}", client.challenge.decode())
        if client.cross_origin:
            raise ValueError("it was made in a frame of another site")
        credential = response.response.attestation_object.auth_data.credential_data
        if credential is None or credential.public_key.ALGORITHM not in ALGORITHMS:
            raise ValueError("no key, or of an algorithm that was not offered")
        made = _server(party).register_complete(_state(client.challenge), response)
    except (*_MALFORMED, NotAuthentic):
        raise Refused(
            _BAD,
            reason=Reason.NARRATIVE,
            remedy=(
                "Begin anew: load the page again, and confirm on the device within the time that it shows."
            ),
        ) from None
    return made, ticket


async def verify(
    connection: asyncpg.Connection, data: Path, name: str, assertion: Assertion
) -> VerifiedPasskey | None:
    """Verify an assertion of a person's passkey; None if it proves nothing. Nothing is recorded yet.

    A counter that did not grow is recorded as an event.
    """
    if assertion.party is None:
        return None
    try:
        response = AuthenticationResponse.from_dict(_document(assertion.text))
        client = response.response.client_data
        ticket = tickets.read(data, assertion.purpose, client.challenge.decode())
        row = await connection.fetchrow(_FIND, response.raw_id, name)
        if row is None or client.cross_origin or await tickets.is_used(connection, ticket):
            return None
        _server(assertion.party).authenticate_complete(
            _state(client.challenge), [AttestedCredentialData(row["credential"])], response
        )
    except (*_MALFORMED, NotAuthentic):
        return None
    counter = response.response.authenticator_data.counter
    if (counter or row["counter"]) and counter <= row["counter"]:
        await note(connection, EventKind.PASSKEY_COPIED, person=name, passkey=_short(response.raw_id))
        return None
    return VerifiedPasskey(response.raw_id, counter, ticket)


async def record(connection: asyncpg.Connection, verified: VerifiedPasskey) -> bool:
    """Record the use of a passkey, in the running transaction; False if its challenge was used before."""
    if not await tickets.use(connection, verified.ticket):
        return False
    await connection.execute(_USED, verified.id, verified.counter)
    return True


async def of_person(connection: asyncpg.Connection | asyncpg.Pool, name: str) -> list[Passkey]:
    """The passkeys of a person, the oldest first."""
    rows = await connection.fetch(_OF, name)
    return [Passkey(websafe_encode(r["id"]), r["label"], r["added_at"], r["used_at"]) for r in rows]


async def remove(connection: asyncpg.Connection, name: str, id_: bytes) -> None:
    """Remove a passkey of a person, in the running transaction.

    Raises:
        NotFound: the person has no such passkey.
        NotAllowed: it is the person's last second factor.

    """
    row = await connection.fetchrow("SELECT totp_secret FROM switch.person WHERE name = $1 FOR UPDATE", name)
    known = await of_person(connection, name)
    if websafe_encode(id_) not in {one.id for one in known}:
        raise NotFound("no such passkey")
    if row["totp_secret"] is None and len(known) == 1:
        raise NotAllowed("this is your last second factor: two people reset it, or add another one first")
    await connection.execute(_REMOVE, id_, name)
    await note(connection, EventKind.PASSKEY_REMOVED, person=name, passkey=_short(id_))
    await notices.add(connection, name, notices.PASSKEY_REMOVED)


async def remove_all(connection: asyncpg.Connection, name: str) -> None:
    """Remove every passkey of a person, whom two people have invited again."""
    await connection.execute(_REMOVE, None, name)


def _challenge(data: Path, purpose: str) -> str:
    return websafe_encode(tickets.issue(data, purpose).encode())


def _document(text: str) -> dict[str, Any]:
    if len(text) > _JSON_MAX:
        raise ValueError("too long")
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


def _server(party: RelyingParty) -> Fido2Server:
    return Fido2Server(
        PublicKeyCredentialRpEntity(name="payswitch", id=party.id),
        verify_origin=lambda origin: origin == party.origin,
    )


def _state(challenge: bytes) -> dict[str, Any]:
    # The ticket in it was verified: the library compares what it has parsed with itself.
    return {
        "challenge": websafe_encode(challenge),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _short(id_: bytes) -> str:
    """A passkey in the log: enough to tell apart those of a person."""
    return uuid.UUID(bytes=hashlib.sha256(id_).digest()[:16]).hex[:12]
