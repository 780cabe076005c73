"""Personal data of a payment, encrypted under a separate key: deleting the key erases the data.

Theory of operation. Personal data is only in the messages: event bodies, terms and logs contain none. Before
a message leaves the worker that received it, it is encrypted with AES-256-GCM under a data key that is
generated for this payment and used for nothing else. The event log has the hash of the encrypted bytes, so
every proof stays valid after the key is deleted. The data key is stored with the payment, encrypted
(AES-256-GCM-SIV, which is safe with billions of random nonces) under the master key of the installation,
which is in a file and not in the database.

A repeated message is recognised by its fingerprint, which is kept for ever. It is keyed (HMAC-SHA256):
without the key of the installation, an attacker cannot test whether a guessed message is the erased one.

A sealed message is the ciphertext with its tag; its nonce is its direction, since a data key encrypts one
message per direction. A sealed key is the number of the master key (2 bytes), a nonce (12), and the
ciphertext with its tag (48).
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
from switch.base.sql import statements

CAME: Final = 0
"""Direction of the message as received."""

SENT: Final = 1
"""Direction of the message as sent to the rail."""

HITS: Final = 2
"""Direction of what the first comparison with lists found; each further comparison has the next number."""

_MESSAGE: Final = statements("switch.base")("message")
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_NUMBER_BYTES: Final = 2
_CLAIM_BYTES: Final = 16
_REFERENCE_BYTES: Final = 8


class Erased(LookupError):
    """The key of the payment was deleted: its messages can no longer be read."""


class UnreadablePersonalData(ValueError):
    """The bytes were changed, or are not encrypted under keys of this installation."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The key file: base64 texts; the last master key encrypts, all of them decrypt."""

    fingerprint: str
    master: list[str]


class _MessageKey(Protocol):
    """The common interface of both ciphers."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Encrypt and authenticate."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """The data key of one payment, while its messages are being sealed."""

    sealed_key: bytes
    """The sealed key to store; deleting it erases the messages."""
    _uetr: bytes
    _cipher: _MessageKey

    def seal(self, direction: int, message: bytes) -> bytes:
        """Seal the message of one direction; a key seals one message per direction, never two."""
        return self._cipher.encrypt(_nonce(direction), message, self._uetr)


class KeyRing:
    """The keys of the installation."""

    def __init__(self, fingerprint: bytes, master: list[bytes]) -> None:
        assert master, "there is no master key"
        self._fingerprint = hmac.new(fingerprint, digestmod="sha256")
        """Copied for each fingerprint: the key is prepared once."""
        self._master = [AESGCMSIV(key) for key in master]

    def sealer(self, uetr: UUID) -> Sealer:
        """Generate the data key of a new payment."""
        key = os.urandom(_KEY_BYTES)
        return Sealer(self._seal(uetr.bytes, key), uetr.bytes, AESGCM(key))

    def reopened(self, uetr: UUID, sealed_key: bytes) -> Sealer:
        """The data key of a payment that was held before its messages were complete.

        Raises:
            UnreadablePersonalData: the key or the UETR do not match.

        """
        return Sealer(sealed_key, uetr.bytes, AESGCM(self._unseal(uetr.bytes, sealed_key)))

    def open(self, uetr: UUID, direction: int, sealed_key: bytes | None, body: bytes) -> bytes:
        """Decrypt a message.

        Raises:
            Erased: the key was deleted.
            UnreadablePersonalData: the key, the bytes or the UETR do not match.

        """
        if sealed_key is None:
            raise Erased
        if not sealed_key:
            return body  # stored before encryption was introduced
        key = self._unseal(uetr.bytes, sealed_key)
        try:
            return AESGCM(key).decrypt(_nonce(direction), body, uetr.bytes)
        except (InvalidTag, ValueError) as error:
            raise UnreadablePersonalData("not encrypted under the key of this payment, or changed") from error

    def opens(self, uetr: UUID, sealed_key: bytes) -> bool:
        """Whether the key of a payment can be decrypted: whether these are the keys of its installation."""
        try:
            self._unseal(uetr.bytes, sealed_key)
        except UnreadablePersonalData:
            return False
        return True

    def seal_secret(self, purpose: str, owner: UUID, secret: bytes) -> bytes:
        """Seal a secret that the database stores; only the same purpose and owner open it again."""
        return self._seal(_context(purpose, owner), secret)

    def open_secret(self, purpose: str, owner: UUID, sealed: bytes) -> bytes:
        """Decrypt what `seal_secret` sealed.

        Raises:
            UnreadablePersonalData: the key, the bytes, the purpose or the owner do not match.

        """
        return self._unseal(_context(purpose, owner), sealed)

    def _seal(self, context: bytes, secret: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        number = (len(self._master) - 1).to_bytes(_NUMBER_BYTES, "big")
        return number + nonce + self._master[-1].encrypt(nonce, secret, context)

    def _unseal(self, context: bytes, sealed: bytes) -> bytes:
        number = int.from_bytes(sealed[:_NUMBER_BYTES], "big")
        nonce = sealed[_NUMBER_BYTES : _NUMBER_BYTES + _NONCE_BYTES]
        if number >= len(self._master):
            raise UnreadablePersonalData("encrypted under a key that is not in the key file")
        try:
            return self._master[number].decrypt(nonce, sealed[_NUMBER_BYTES + _NONCE_BYTES :], context)
        except (InvalidTag, ValueError) as error:
            raise UnreadablePersonalData("not encrypted under this key, or changed") from error

    def fingerprint(self, sender: str, digest: bytes) -> bytes:
        """The fingerprint by which the same content from the same sender is recognised: 32 bytes."""
        return self._keyed(sender.encode() + b"\0" + digest)

    def claim(self, sender: str, kind: str, text: str) -> bytes:
        """The fingerprint that recognises a repeated id, or a look-alike payment, of a sender: 16 bytes."""
        content = f"{kind}\0{sender}\0{text}".encode()
        return self._keyed(content)[:_CLAIM_BYTES]

    def reference(self, text: str) -> int:
        """The fingerprint by which a payment is found by an id that may be personal data: 64 bits, signed."""
        content = b"reference\0" + text.encode()
        return int.from_bytes(self._keyed(content)[:_REFERENCE_BYTES], "big", signed=True)

    def _keyed(self, content: bytes) -> bytes:
        made = self._fingerprint.copy()
        made.update(content)
        return made.digest()


def _context(purpose: str, owner: UUID) -> bytes:
    """What a secret is bound to; never that of a payment, which is its UETR alone."""
    return f"{purpose} {owner}".encode()


def _nonce(direction: int) -> bytes:
    return direction.to_bytes(_NONCE_BYTES, "big")


def load(file: Path) -> KeyRing:
    """Read the keys of the installation; the first process of a new installation generates them.

    Raises:
        UnreadablePersonalData: the file is not a key file.

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
        UnreadablePersonalData: the stored bytes were changed.

    """
    row = await connection.fetchrow(_MESSAGE, uetr, direction)
    if row is None:
        raise NotFound
    return keys.open(uetr, direction, row["sealed"], row["body"])


def rotate(file: Path) -> int:
    """Add a master key, used for encryption from the next start; return the number of keys."""
    content = _read(file)
    content.master.append(_random())
    _write(file, content, replace=True)
    return len(content.master)


def digest_of(ring_file: Path) -> str:
    """A short hexadecimal digest of the key file, which identifies the keys of a backup."""
    return hashlib.sha256(ring_file.read_bytes()).hexdigest()[:16]


def _read(file: Path) -> _File:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_File)
    except msgspec.DecodeError as error:
        raise UnreadablePersonalData(f"{file} is not a key file") from error


def _write(file: Path, content: _File, *, replace: bool) -> None:
    """Write the file atomically; without `replace`, an existing file is kept."""
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
        return  # another process wrote it first


def _random() -> str:
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


def _bytes(text: str) -> bytes:
    decoded = base64.b64decode(text, validate=True)
    if len(decoded) != _KEY_BYTES:
        raise UnreadablePersonalData("a key is 32 bytes")
    return decoded
