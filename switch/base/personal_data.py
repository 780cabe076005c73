"""Personal data of a payment, sealed under a key of its own: deleting that key erases what was said.

Theory of operation. What a message says about people is in the message alone: event bodies, terms and logs
hold none of it. Before a message leaves the worker that took it in, it is encrypted with AES-256-GCM under
a data key that is made for this payment and used for nothing else. The event log has the hash of the
encrypted bytes, so every proof stands when the key is gone. The data key is stored beside the payment,
sealed in turn (AES-256-GCM-SIV, which bears random nonces by the billion) under the installation's master
key, which is in a file and in no database.

A repeated message is recognised by its fingerprint, which is kept for ever. It is keyed (HMAC-SHA256):
without the installation's key nobody can try whether a guessed message is the one that was erased.

A sealed message is the ciphertext with its tag; its nonce is its direction, since a data key seals one
message each way. A sealed key is the master key's number (2 bytes), a nonce (12), and the ciphertext with
its tag (48).
"""

import base64
import hashlib
import hmac
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

import asyncpg
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

from schemas.errors import NotFound

CAME: Final = 0
"""Direction of the bytes as they came."""

SENT: Final = 1
"""Direction of the bytes as they are sent to the rail."""

_MESSAGE: Final = """
SELECT m.body, k.sealed
FROM ledger.transfer AS t
JOIN switch.message AS m ON m.number = t.number
LEFT JOIN switch.message_key AS k ON k.number = t.number
WHERE t.id = $1 AND m.direction = $2
"""
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_NUMBER_BYTES: Final = 2
_CLAIM_BYTES: Final = 16


class Erased(LookupError):
    """The payment's key was deleted: its messages cannot be read any more."""


class Unreadable(ValueError):
    """The bytes are not what was sealed, or not under this installation's keys."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The key file: base64 texts; the last master key seals, all of them open."""

    fingerprint: str
    master: list[str]


class _MessageKey(Protocol):
    """What both ciphers can do."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Encrypt and authenticate."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """One payment's data key, while its messages are being sealed."""

    sealed_key: bytes
    """What is stored; deleting it erases."""
    _uetr: bytes
    _cipher: _MessageKey

    def seal(self, direction: int, message: bytes) -> bytes:
        """Seal the message of one direction; a key seals one each way, never two."""
        return self._cipher.encrypt(_nonce(direction), message, self._uetr)


class KeyRing:
    """The installation's keys."""

    def __init__(self, fingerprint: bytes, master: list[bytes]) -> None:
        assert master, "there is no master key"
        self._fingerprint = fingerprint
        self._master = [AESGCMSIV(key) for key in master]

    def sealer(self, uetr: UUID) -> Sealer:
        """Make a new payment's data key."""
        key = os.urandom(_KEY_BYTES)
        number = (len(self._master) - 1).to_bytes(_NUMBER_BYTES, "big")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = number + nonce + self._master[-1].encrypt(nonce, key, uetr.bytes)
        return Sealer(sealed, uetr.bytes, AESGCM(key))

    def open(self, uetr: UUID, direction: int, sealed_key: bytes | None, body: bytes) -> bytes:
        """Read a message again.

        Raises:
            Erased: there is no key any more.
            Unreadable: the key, the bytes or the UETR are not those that were sealed.

        """
        if sealed_key is None:
            raise Erased
        if not sealed_key:
            return body  # from before there were keys
        number = int.from_bytes(sealed_key[:_NUMBER_BYTES], "big")
        nonce = sealed_key[_NUMBER_BYTES : _NUMBER_BYTES + _NONCE_BYTES]
        if number >= len(self._master):
            raise Unreadable("sealed under a key that is not in the key file")
        try:
            key = self._master[number].decrypt(nonce, sealed_key[_NUMBER_BYTES + _NONCE_BYTES :], uetr.bytes)
            return AESGCM(key).decrypt(_nonce(direction), body, uetr.bytes)
        except (InvalidTag, ValueError) as error:
            raise Unreadable("not what was sealed under this payment's key") from error

    def fingerprint(self, sender: str, digest: bytes) -> bytes:
        """By what the same content from the same sender is known again: 32 bytes."""
        return hmac.digest(self._fingerprint, sender.encode() + b"\0" + digest, "sha256")

    def claim(self, sender: str, kind: str, text: str) -> bytes:
        """By what an id, or a payment's look, is known when it comes again from its sender: 16 bytes."""
        content = f"{kind}\0{sender}\0{text}".encode()
        return hmac.digest(self._fingerprint, content, "sha256")[:_CLAIM_BYTES]


def _nonce(direction: int) -> bytes:
    return direction.to_bytes(_NONCE_BYTES, "big")


def load(file: Path) -> KeyRing:
    """Read the installation's keys; the first process of a new installation makes them.

    Raises:
        Unreadable: the file is not a key file.

    """
    if not file.exists():
        _write(file, _File(_random(), [_random()]), replace=False)
    content = _read(file)
    return KeyRing(_bytes(content.fingerprint), [_bytes(key) for key in content.master])


async def read(
    connection: asyncpg.Connection | asyncpg.Pool, keys: KeyRing, uetr: UUID, direction: int
) -> bytes:
    """Read one message of a payment.

    Raises:
        NotFound: there is none, or it is in an archive.
        Erased: its key was deleted.
        Unreadable: the stored bytes are not what was sealed.

    """
    row = await connection.fetchrow(_MESSAGE, uetr, direction)
    if row is None:
        raise NotFound
    return keys.open(uetr, direction, row["sealed"], row["body"])


def rotate(file: Path) -> int:
    """Add a master key, which seals from the next start on; how many there are now."""
    content = _read(file)
    content.master.append(_random())
    _write(file, content, replace=True)
    return len(content.master)


def digest_of(ring_file: Path) -> str:
    """A short name of the key file's content, by which a backup's keys can be told: hexadecimal."""
    return hashlib.sha256(ring_file.read_bytes()).hexdigest()[:16]


def _read(file: Path) -> _File:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_File)
    except msgspec.DecodeError as error:
        raise Unreadable(f"{file} is not a key file") from error


def _write(file: Path, content: _File, *, replace: bool) -> None:
    """Write it whole or not at all; without `replace`, whoever is first stays first."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=file.parent)  # readable by its owner only
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.encode(content))
            out.flush()
            os.fsync(out.fileno())
        if replace:
            made.replace(file)
            return
        if not file.exists():
            _link(made, file)
    finally:
        made.unlink(missing_ok=True)


def _link(made: Path, file: Path) -> None:
    try:
        file.hardlink_to(made)
    except FileExistsError:
        return  # another process of the same start was first


def _random() -> str:
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


def _bytes(text: str) -> bytes:
    decoded = base64.b64decode(text, validate=True)
    if len(decoded) != _KEY_BYTES:
        raise Unreadable("a key is 32 bytes")
    return decoded
