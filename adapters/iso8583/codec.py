"""Encodes and decodes data elements, and the MAC over them.

ISO 8583:1987. A received message must be exactly what we would write for it: every message has one form. The
MAC is AES-CMAC (NIST SP 800-38B; ISO/IEC 9797-1 algorithm 5) over the message from its type to the element
before DE128, cut to eight bytes: our own profile, because neither country publishes its rule. Each direction
has its own key, so that nobody can replay our messages to us.
"""

from functools import cache
from hmac import compare_digest
from typing import Any, Final

import iso8583
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from adapters.framing import FramingError, framed, unframed
from adapters.iso8583.dialect import Bitmap, Iso8583Dialect
from schemas.errors import InvalidMessage, NotAuthentic

Fields = dict[str, str]
"""Data elements by number; `t` is the message type."""

MAC: Final = "128"
MAC_BYTES: Final = 8
_KEY_BYTES: Final = (16, 24, 32)

# fmt: off
_ELEMENTS: Final = {
    # number: (length digits, most characters, digits only, name)
    "2":   (2, 19,  True,  "primary account number"),
    "3":   (0, 6,   True,  "processing code"),
    "4":   (0, 12,  True,  "amount"),
    "7":   (0, 10,  True,  "transmission date and time, UTC"),
    "11":  (0, 6,   True,  "system trace audit number"),
    "12":  (0, 6,   True,  "local time"),
    "13":  (0, 4,   True,  "local date"),
    "32":  (2, 11,  True,  "acquiring institution"),
    "37":  (0, 12,  True,  "retrieval reference number"),
    "38":  (0, 6,   False, "authorisation identification"),
    "39":  (0, 2,   False, "response code"),
    "41":  (0, 8,   False, "terminal"),
    "42":  (0, 15,  False, "card acceptor"),
    "43":  (0, 40,  False, "card acceptor's name and place"),
    "44":  (2, 25,  False, "additional response data: the ISO 20022 reason"),
    "48":  (3, 999, False, "additional data, see `private`"),
    "49":  (0, 3,   True,  "currency"),
    "70":  (0, 3,   True,  "network management code"),
    "71":  (0, 4,   True,  "message number"),
    "72":  (0, 4,   True,  "last message number"),
    "90":  (0, 42,  True,  "original data elements"),
    "100": (2, 11,  True,  "receiving institution"),
    "101": (2, 17,  False, "file name"),
    "102": (2, 28,  False, "account 1"),
    "103": (2, 28,  False, "account 2"),
    "120": (3, 999, False, "records of a file"),
}
# fmt: on


class MacKey:
    """A shared secret that seals the messages of one direction."""

    def __init__(self, text: bytes) -> None:
        """Read a key.

        Args:
            text: 32, 48 or 64 hexadecimal digits.

        Raises:
            ValueError: not such a key.

        """
        key = bytes.fromhex(text.decode("ascii"))
        if len(key) not in _KEY_BYTES:
            raise ValueError("an AES key of 16, 24 or 32 bytes is required, as hexadecimal digits")
        self._empty = CMAC(AES(key))

    def mac(self, content: bytes) -> bytes:
        """The full MAC, 16 bytes."""
        made = self._empty.copy()
        made.update(content)
        return made.finalize()


def pack(fields: Fields, dialect: Iso8583Dialect, key: MacKey) -> bytes:
    """A message with MAC and frame."""
    return framed(seal(fields, dialect, key), dialect.length)


def seal(fields: Fields, dialect: Iso8583Dialect, key: MacKey) -> bytes:
    """A message with MAC, without frame."""
    width = _mac_width(dialect.bitmap)
    content = write({**fields, MAC: "0" * 2 * MAC_BYTES}, dialect.bitmap)[:-width]
    return content + _mac_text(key.mac(content), dialect.bitmap)


def unpack(frame: bytes, dialect: Iso8583Dialect, key: MacKey) -> Fields:
    """Parse a message in its frame.

    Raises:
        InvalidMessage: not one frame, or not a message of this rail.
        NotAuthentic: the MAC was not made with this key.

    """
    try:
        return unseal(unframed(frame, dialect.length), dialect, key)
    except FramingError as error:
        raise InvalidMessage(str(error)) from None


def unseal(message: bytes, dialect: Iso8583Dialect, key: MacKey) -> Fields:
    """Parse a message without frame; its MAC is verified and removed.

    Raises:
        InvalidMessage: not a message of this rail.
        NotAuthentic: the MAC was not made with this key.

    """
    fields = read(message, dialect.bitmap)
    if MAC not in fields:
        raise NotAuthentic("no MAC")
    width = _mac_width(dialect.bitmap)
    expected = _mac_text(key.mac(message[:-width]), dialect.bitmap)
    if not compare_digest(expected, message[-width:]):
        raise NotAuthentic("the MAC is wrong")
    del fields[MAC]
    return fields


def own(frame: bytes, dialect: Iso8583Dialect) -> Fields:
    """The elements of a stored message of ours without the MAC, whose key may no longer exist."""
    fields = _elements(unframed(frame, dialect.length), dialect.bitmap)
    fields.pop(MAC, None)
    return fields


def with_broken_mac(message: bytes) -> bytes:
    """The same message with the last character of its MAC changed."""
    return message[:-1] + (b"0" if message[-1:] != b"0" else b"1")


def write(fields: Fields, bitmap: Bitmap) -> bytes:
    """Encode elements. They are our own, so an element that does not fit is a defect in our code."""
    message, _ = iso8583.encode(dict(fields), _spec(bitmap))
    return bytes(message)


def read(message: bytes, bitmap: Bitmap) -> Fields:
    """Decode elements, including the MAC.

    Raises:
        InvalidMessage: not a message of this profile, or not in its only valid form.

    """
    try:
        fields = _elements(message, bitmap)
        canonical = write(fields, bitmap) == message
    except (ValueError, KeyError):
        raise InvalidMessage("not an ISO 8583 message of this rail") from None
    if not canonical:
        raise InvalidMessage("not in the only valid form of this message")
    for name, value in fields.items():
        _must_fit(name, value)
    return fields


def _elements(message: bytes, bitmap: Bitmap) -> Fields:
    found, _ = iso8583.decode(message, _spec(bitmap))
    return {name: value for name, value in found.items() if name not in {"p", "1"}}


def _must_fit(name: str, value: str) -> None:
    element = _ELEMENTS.get(name)
    digits = name == "t" or (element is not None and element[2])
    if not value or not value.isprintable() or (digits and not value.isdigit()):
        raise InvalidMessage(f"element {name} is malformed", path=name)


@cache
def _spec(bitmap: Bitmap) -> dict[str, dict[str, Any]]:
    """The elements as a specification for `pyiso8583`."""
    spec = {
        name: {"data_enc": "ascii", "len_enc": "ascii", "len_type": width, "max_len": most, "desc": desc}
        for name, (width, most, _, desc) in _ELEMENTS.items()
    }
    raw = bitmap is Bitmap.BINARY
    bits = {"data_enc": "b" if raw else "ascii", "len_enc": "ascii", "len_type": 0}
    spec["h"] = {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0, "max_len": 0, "desc": "none"}
    spec["t"] = {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0, "max_len": 4, "desc": "type"}
    for name, desc in (("p", "primary bitmap"), ("1", "secondary bitmap"), (MAC, "MAC")):
        spec[name] = {**bits, "max_len": 8 if raw else 16, "desc": desc}
    return spec


def _mac_width(bitmap: Bitmap) -> int:
    return MAC_BYTES if bitmap is Bitmap.BINARY else 2 * MAC_BYTES


def _mac_text(mac: bytes, bitmap: Bitmap) -> bytes:
    cut = mac[:MAC_BYTES]
    return cut if bitmap is Bitmap.BINARY else cut.hex().upper().encode()
