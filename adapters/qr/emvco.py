"""Objects of EMVCo merchant-presented payloads: two digits of tag, two of length in characters, the value.

EMVCo QR Code Specification for Payment Systems, Merchant-Presented Mode, version 1.1. Its checksum is
CRC-16/CCITT-FALSE; Kyrgyz and Belarusian codes have the same objects and end in four digits of SHA-256.
Everything has a limit: the length of a payload, the value of an object, and the depth, because templates are
parsed only where the specification has them.
"""

import binascii
import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from schemas.errors import InvalidMessage, MessageTooLarge

PAYLOAD_MAX: Final = 512
VALUE_MAX: Final = 99
CHECK: Final = "63"
_HEAD: Final = f"{CHECK}04"
_DIGITS: Final = 4
_HEX = re.compile(r"[0-9A-Fa-f]{4}", re.ASCII)
_TAG = re.compile(r"\d\d", re.ASCII)


class ChecksumKind(StrEnum):
    """How a payload proves that it was scanned correctly; no kind proves who wrote it."""

    CRC = "crc"
    SHA4 = "sha4"


def objects(text: str) -> dict[str, str]:
    """The objects of a payload or template, in order.

    Raises:
        InvalidMessage: an object is incomplete or repeated.
        MessageTooLarge: longer than any payload.

    """
    if len(text) > PAYLOAD_MAX:
        raise MessageTooLarge(f"longer than any code: at most {PAYLOAD_MAX} characters")
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        tag, length = text[place : place + 2], text[place + 2 : place + 4]
        if not (_TAG.fullmatch(tag) and _TAG.fullmatch(length)):
            raise InvalidMessage("an object is incomplete", path=tag if tag.isascii() else None, rule="tlv")
        value = text[place + 4 : place + 4 + int(length)]
        if len(value) != int(length) or tag in found:
            raise InvalidMessage("an object is incomplete or repeated", path=tag, rule="tlv")
        found[tag] = value
        place += 4 + len(value)
    return found


def write(pairs: Iterable[tuple[str, str | None]]) -> str:
    """Objects as text; those without a value are left out.

    Raises:
        ValueError: a value is longer than an object can hold.

    """
    parts = []
    for tag, value in pairs:
        if value is None or not value:
            continue
        if len(value) > VALUE_MAX:
            raise ValueError(f"object {tag} is too long")
        parts.append(f"{tag}{len(value):02}{value}")
    return "".join(parts)


def seal(text: str, check: ChecksumKind) -> str:
    """A payload with its checksum as the last object.

    Raises:
        ValueError: longer than a payload may be, or text that is not Unicode.

    """
    if len(text) + len(_HEAD) + _DIGITS > PAYLOAD_MAX:
        raise ValueError("the payload is too long")
    return text + _HEAD + _digits(text, check)


def checks(text: str) -> set[ChecksumKind]:
    """The kinds of checksum that are valid in a payload; none if its last object is not a checksum."""
    before, head, digits = (
        text[: -len(_HEAD) - _DIGITS],
        text[-len(_HEAD) - _DIGITS : -_DIGITS],
        text[-_DIGITS:],
    )
    if head != _HEAD or not _HEX.fullmatch(digits):
        return set()
    try:
        return {check for check in ChecksumKind if _digits(before, check).lower() == digits.lower()}
    except UnicodeEncodeError:
        return set()


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE of a text's UTF-8 bytes, four hexadecimal digits."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _digits(before: str, check: ChecksumKind) -> str:
    """The CRC covers the tag and length of the checksum object, the hash does not."""
    if check is ChecksumKind.CRC:
        return crc(before + _HEAD)
    return hashlib.sha256(before.encode()).hexdigest()[-_DIGITS:]
