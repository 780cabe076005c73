"""Forms of values: how they are checked, and translated between FSPIOP and ISO 20022."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from switch.fspiop.errors import iso_text

_STATES: Final = {"COMM": "COMMITTED", "RESV": "RESERVED", "RECV": "RECEIVED", "ABOR": "ABORTED"}
_AMOUNT_TYPES: Final = {"CRED": "SEND", "DEBT": "RECEIVE"}
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Unreadable(ValueError):
    """A value does not have its form; the text says what the form is."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is checked, and translated between FSPIOP and ISO."""

    describes: str
    read: Callable[[str], str]
    write: Callable[[str], str] = str


def matching(describes: str, pattern: str) -> Form:
    """Text that matches a pattern."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: str) -> str:
        if not compiled.fullmatch(value):
            raise Unreadable(f"must be {describes}")
        return value

    return Form(describes, read)


def text(longest: int) -> Form:
    """Text of at most so many characters, all of them visible."""

    def read(value: str) -> str:
        if not 1 <= len(value) <= longest or not value.strip() or _INVISIBLE.search(value):
            raise Unreadable(f"must be text of 1 to {longest} characters, none of them invisible")
        return value

    return Form(f"text, at most {longest} characters", read)


def one_of(codes: Mapping[str, str]) -> Form:
    """One of some codes of ISO 20022; each has a name in FSPIOP."""
    back = {name: code for code, name in codes.items()}

    def read(code: str) -> str:
        if code not in codes:
            raise Unreadable(f"must be one of {', '.join(codes)}")
        return codes[code]

    return Form(", ".join(f"`{code}`" for code in codes), read, back.__getitem__)


def _read_instant(value: str) -> str:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or "T" not in value:
        raise Unreadable("must be a date and time with an offset, as in 2026-11-23T10:15:00.000Z")
    return value


AMOUNT: Final = matching("a plain decimal number", r"(?:0|[1-9]\d{0,17})(?:\.\d{1,4})?")
CURRENCY: Final = matching("a currency code", r"[A-Z]{3}")
INSTANT: Final = Form("date and time with an offset", _read_instant)
CORRELATION: Final = matching(
    "a ULID or a UUID",
    r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}"
    r"|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
)
FSP: Final = matching("the id of an FSP", r"[A-Za-z0-9._-]{1,35}")
PACKET: Final = matching("an ILPv4 packet in base64url", r"[A-Za-z0-9_-]{1,32768}={0,2}")
FULFILMENT: Final = matching("32 bytes in base64url", r"[A-Za-z0-9_-]{43}")
ERROR_CODE: Final = matching("four digits", r"[1-9]\d{3}")
COUNTRY: Final = matching("a country code", r"[A-Z]{2}")
PURPOSE: Final = matching("a purpose code", r"[A-Z0-9]{4}")
STATE: Final = one_of(_STATES)
AMOUNT_TYPE: Final = one_of(_AMOUNT_TYPES)
CHARGE_BEARER: Final = one_of({code: code for code in ("CRED", "DEBT", "SHAR", "SLEV")})
PARTY_TYPE: Final = matching("a type of party identifier", r"[A-Z_]{1,32}")
NAME: Final = text(140)
REASON_TEXT: Final = Form("text", str, iso_text)
