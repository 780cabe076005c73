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
_SIGNATURE_PREFIX: Final = "\u2014 "
_KEY_ID_BYTES: Final = 4


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
        if not origin or any(character.isspace() or character == "+" for character in origin):
            raise ValueError("an origin must have no blanks and no plus sign")
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


def origin_of(origin: str, epoch: int) -> str:
    """The origin of an epoch of a log: it begins a new one after each restore to an earlier instant."""
    return origin if epoch == 1 else f"{origin}/epoch-{epoch}"


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
    text, separator, signatures = note.rpartition("\n\n")
    if not separator:
        raise BadNote("no signature")
    text += "\n"
    keys = [_parse_key(key) for key in verifier_keys]
    if not any(_verifies(text, line, key) for line in signatures.splitlines() for key in keys):
        raise BadNote("there is no valid signature of a known key")
    return text


def _parse(text: str) -> Note:
    origin, size, root, *rest = [*text.split("\n"), "", ""]
    try:
        note = Note(origin, int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error) as error:
        raise BadNote("not a checkpoint") from error
    if any(rest) or note.text != text:
        raise BadNote("not a checkpoint")
    return note


def _verifies(text: str, line: str, key: tuple[str, bytes, bytes]) -> bool:
    name, key_id, public = key
    prefix = f"{_SIGNATURE_PREFIX}{name} "
    if not line.startswith(prefix):
        return False
    try:
        signature = base64.b64decode(line.removeprefix(prefix), validate=True)
        if signature[:_KEY_ID_BYTES] != key_id:
            return False
        Ed25519PublicKey.from_public_bytes(public).verify(signature[_KEY_ID_BYTES:], text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_KEY_ID_BYTES]


def _parse_key(line: str) -> tuple[str, bytes, bytes]:
    try:
        name, key_id, encoded = line.strip().split("+", 2)
        public = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise BadNote("not a verifier key") from error
    if public[:1] != _ED25519 or _key_id(name, public[1:]).hex() != key_id:
        raise BadNote("not a verifier key")
    return name, bytes.fromhex(key_id), public[1:]
