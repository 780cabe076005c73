"""Checkpoints as signed notes: the C2SP formats `signed-note` and `tlog-checkpoint`, with Ed25519.

    payswitch.example/ledger           origin, which is also the key's name; after a restore .../epoch-2
    1234                               size: events covered
    q1/8o...=                          root, base64
                                       (an empty line)
    — payswitch.example/ledger c2ln... key id (4 bytes) and signature, base64

A verifier key is one line of text: `name+key id+base64(01 || public key)`. Keys rotate with an overlap: for a
while every note has a signature of each, so a verifier with either key can verify it. Notes signed by a
retired key stay valid under its verifier key. Texts other than checkpoints are signed in the same way
(`sign_text`).

A witness adds a line of its own to a checkpoint (C2SP `tlog-cosignature`, version 1): a time, and a signature
over the time and the signed text. Its verifier key has the algorithm byte 04, so neither key can stand for
the other.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519: Final = b"\x01"
_COSIGNATURE: Final = b"\x04"
_PUBLIC_BYTES: Final = 33
_TIME_BYTES: Final = 8
_ROOT_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_SIGNATURE_PREFIX: Final = "\u2014 "
_KEY_ID_BYTES: Final = 4
_EPOCH_DIGITS: Final = 6


class BadNote(ValueError):
    """The note is not a checkpoint that one of the keys signed."""


@dataclass(frozen=True, slots=True)
class Note:
    """The content of a checkpoint."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The signed part of the note."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Signer:
    """Signs with one private key, or during an overlap with several; their name is the origin of the log."""

    def __init__(self, origin: str, key: Ed25519PrivateKey, *others: Ed25519PrivateKey) -> None:
        _check_name(origin)
        self.origin = origin
        self._keys = [(each, each.public_key().public_bytes_raw()) for each in (key, *others)]

    @property
    def verifier_key(self) -> str:
        """The verifier key of the first key."""
        return self.verifier_keys[0]

    @property
    def verifier_keys(self) -> list[str]:
        """The verifier keys of all keys; a verifier needs one of them."""
        return [
            f"{self.origin}+{_key_id(self.origin, public).hex()}"
            f"+{base64.b64encode(_ED25519 + public).decode()}"
            for _, public in self._keys
        ]

    def sign(self, size: int, root: bytes, epoch: int = 1) -> str:
        """Sign a tree and return the note. A later epoch of the log is a log of its own, by its origin."""
        return self.sign_text(Note(origin_of(self.origin, epoch), size, root).text)

    def sign_text(self, text: str) -> str:
        """Sign any text that ends with a line feed and has no empty line, and return the note."""
        assert text.endswith("\n"), text
        assert "\n\n" not in text, text
        return f"{text}\n" + "".join(self._line(text, key, public) for key, public in self._keys)

    def _line(self, text: str, key: Ed25519PrivateKey, public: bytes) -> str:
        signature = _key_id(self.origin, public) + key.sign(text.encode())
        return f"{_SIGNATURE_PREFIX}{self.origin} {base64.b64encode(signature).decode()}\n"


class Cosigner:
    """Signs checkpoints of logs as a witness, under its own name."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        _check_name(name)
        self.name = name
        self._key = key
        self._public = key.public_key().public_bytes_raw()

    @property
    def verifier_key(self) -> str:
        """The line that others need to verify the cosignatures."""
        key_id = _key_id(self.name, self._public, _COSIGNATURE).hex()
        return f"{self.name}+{key_id}+{base64.b64encode(_COSIGNATURE + self._public).decode()}"

    def cosign(self, note: str, at: int) -> str:
        """Sign a checkpoint that was verified before, at a time in seconds since 1970; returns the line."""
        signature = self._key.sign(_cosigned(text_of(note), at))
        key_id = _key_id(self.name, self._public, _COSIGNATURE)
        encoded = base64.b64encode(key_id + at.to_bytes(_TIME_BYTES) + signature).decode()
        return f"{_SIGNATURE_PREFIX}{self.name} {encoded}\n"


def cosigned_at(note: str, line: str, verifier_key: str) -> int:
    """Verify a cosignature of a checkpoint; returns its time in seconds since 1970.

    Raises:
        BadNote: it is not a valid one of this witness, or `verifier_key` is not the key of a witness.

    """
    name, key_id, public = _parse_key(verifier_key, _COSIGNATURE)
    signed = _signature(line.rstrip("\n"), name, key_id)
    if len(signed) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise BadNote("not a cosignature of this witness")
    at = int.from_bytes(signed[:_TIME_BYTES])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed[_TIME_BYTES:], _cosigned(text_of(note), at))
    except InvalidSignature:
        raise BadNote("not a cosignature of this witness") from None
    return at


def name_of(verifier_key: str) -> str:
    """The name in the verifier key of a witness.

    Raises:
        BadNote: it is not the key of a witness.

    """
    return _parse_key(verifier_key, _COSIGNATURE)[0]


def name_of_log(verifier_key: str) -> str:
    """The name in a verifier key of a log.

    Raises:
        BadNote: it is not the key of a log.

    """
    return _parse_key(verifier_key)[0]


def text_of(note: str) -> str:
    """The signed part of a note.

    Raises:
        BadNote: there are no signatures.

    """
    text, separator, _ = note.rpartition("\n\n")
    if not separator:
        raise BadNote("no signature")
    return f"{text}\n"


def content_of(note: str) -> Note:
    """The content of a checkpoint; no signature is verified.

    Raises:
        BadNote: it is not a checkpoint.

    """
    return _parse(text_of(note))


def origin_of(origin: str, epoch: int) -> str:
    """The origin of an epoch of a log: it begins a new one after each restore to an earlier instant."""
    return origin if epoch == 1 else f"{origin}/epoch-{epoch}"


def epoch_of(origin: str, name: str) -> int | None:
    """The epoch of the log of this name whose origin this is; None if it is the origin of another log."""
    if origin == name:
        return 1
    number = origin.removeprefix(f"{name}/epoch-")
    if not number.isascii() or not number.isdecimal() or len(number) > _EPOCH_DIGITS:
        return None
    return int(number) if int(number) > 1 and origin == origin_of(name, int(number)) else None


def open_note(note: str, verifier_keys: Iterable[str]) -> Note:
    """Read a checkpoint that is signed by one of the keys.

    Raises:
        BadNote: it is not a checkpoint, or has no valid signature of a known key.

    """
    return _parse(open_text(note, verifier_keys))


def open_text(note: str, verifier_keys: Iterable[str]) -> str:
    """Read any signed text.

    Raises:
        BadNote: there is no valid signature of a known key.

    """
    if not known_lines(note, verifier_keys):
        raise BadNote("there is no valid signature of a known key")
    return text_of(note)


def known_lines(note: str, verifier_keys: Iterable[str]) -> list[str]:
    """The lines of a note that are valid signatures of these keys of its log.

    Raises:
        BadNote: there are no signatures, or a key is not the key of a log.

    """
    text, signatures = text_of(note), note.rpartition("\n\n")[2]
    keys = [_parse_key(key) for key in verifier_keys]
    return [
        f"{line}\n" for line in signatures.splitlines() if any(_verifies(text, line, key) for key in keys)
    ]


def _parse(text: str) -> Note:
    origin, size, root, *rest = [*text.split("\n"), "", ""]
    try:
        note = Note(origin, int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error) as error:
        raise BadNote("not a checkpoint") from error
    if any(rest) or note.text != text or len(note.root) != _ROOT_BYTES:
        raise BadNote("not a checkpoint")
    return note


def _verifies(text: str, line: str, key: tuple[str, bytes, bytes]) -> bool:
    name, key_id, public = key
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(_signature(line, name, key_id), text.encode())
    except (InvalidSignature, BadNote):
        return False
    return True


def _signature(line: str, name: str, key_id: bytes) -> bytes:
    """What a line has after the key id, if it is a line of this key."""
    prefix = f"{_SIGNATURE_PREFIX}{name} "
    try:
        signature = base64.b64decode(line.removeprefix(prefix), validate=True)
    except ValueError:
        signature = b""
    if not line.startswith(prefix) or signature[:_KEY_ID_BYTES] != key_id:
        raise BadNote("not a signature of this key")
    return signature[_KEY_ID_BYTES:]


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _check_name(name: str) -> None:
    if not name or any(character.isspace() or character == "+" for character in name):
        raise ValueError("a name must have no blanks and no plus sign")


def _key_id(name: str, public: bytes, kind: bytes = _ED25519) -> bytes:
    return sha256(name.encode() + b"\n" + kind + public).digest()[:_KEY_ID_BYTES]


def _parse_key(line: str, kind: bytes = _ED25519) -> tuple[str, bytes, bytes]:
    try:
        name, key_id, encoded = line.strip().split("+", 2)
        public = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise BadNote("not a verifier key") from error
    if public[:1] != kind or len(public) != _PUBLIC_BYTES or _key_id(name, public[1:], kind).hex() != key_id:
        raise BadNote("not a verifier key")
    return name, bytes.fromhex(key_id), public[1:]
