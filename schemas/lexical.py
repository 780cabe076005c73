"""The lexical rules of XML Schema for values, as functions.

`parser(value)` turns a catalogue value into a function from text to its canonical content: the text itself,
with the outer blanks removed where XML Schema removes them, or an indicator. The functions raise
`InvalidMessage`
with the broken rule and never put the text into the error.
"""

import binascii
import re
from base64 import b64decode, b64encode
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from decimal import Decimal as Number
from functools import lru_cache
from typing import Any, Final

from schemas import wording
from schemas.catalogue import patterns
from schemas.catalogue.model import Binary, Code, Decimal, Scalar, Text, Value
from schemas.errors import InvalidMessage

Parser = Callable[[str], Any]
"""From text to content: the text, or an indicator (a bool; 1 or 0 if written so)."""

BLANKS: Final = " \t\r\n"
"""White space of XML; that of Python includes more characters."""

BOOLEAN: Final = Scalar("boolean")
POSSIBLE: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$"
"""The form, for JSON Schema, of a text whose characters XML 1.0 allows."""
IMPOSSIBLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
"""Finds a character that XML 1.0 does not allow."""

_LEAP_YEAR: Final = 2000
_SHORTEST_MONTH: Final = 28

_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?"
_YEAR = r"-?(?:[1-9]\d{3,17}|0\d\d[1-9]|0\d[1-9]\d|0[1-9]\d\d)"
"""Any year except 0; XML Schema leaves the number of digits to the reader."""
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?|24:00:00(?:\.0+)?)"
_TEMPORAL: Final = {
    "date": re.compile(rf"({_YEAR})-({_MONTH})-({_DAY}){_ZONE}", re.ASCII),
    "dateTime": re.compile(rf"({_YEAR})-({_MONTH})-({_DAY})T{_CLOCK}{_ZONE}", re.ASCII),
    "time": re.compile(rf"{_CLOCK}{_ZONE}", re.ASCII),
    "gYear": re.compile(rf"({_YEAR}){_ZONE}", re.ASCII),
    "gYearMonth": re.compile(rf"{_YEAR}-{_MONTH}{_ZONE}", re.ASCII),
    "gMonth": re.compile(rf"--{_MONTH}{_ZONE}", re.ASCII),
}
_MONTH_AND_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|[12]\d))"
)
EXPRESSIONS: Final = {
    "date": rf"^{_YEAR}-{_MONTH_AND_DAY}{_ZONE}$",
    "dateTime": rf"^{_YEAR}-{_MONTH_AND_DAY}T{_CLOCK}{_ZONE}$",
    "time": rf"^{_CLOCK}{_ZONE}$",
    "gYear": rf"^{_YEAR}{_ZONE}$",
    "gYearMonth": rf"^{_YEAR}-{_MONTH}{_ZONE}$",
    "gMonth": rf"^--{_MONTH}{_ZONE}$",
}
"""The form of dates and times for JSON Schema: all that the parsers accept, and 29 February of any year."""
_PLAIN_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_PLAIN_CLOCK: Final = re.compile(
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)", re.ASCII
).fullmatch
_DAY_LENGTH: Final = len("2026-11-23")
_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?", re.ASCII)
"""No part of it can match in two ways, so the time is linear in the length of the text."""
_BOOLEANS: Final[dict[str, bool | int]] = {"true": True, "1": 1, "false": False, "0": 0}
"""As written, so that it can be reproduced: `1` means the same as `true`."""
_NAME_START = (
    r"A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F"
    r"\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\U00010000-\U000EFFFF"
)
_NAME: Final = re.compile(rf"[{_NAME_START}][{_NAME_START}\-.0-9\u00B7\u0300-\u036F\u203F\u2040]*")
"""A name of XML without a colon."""


def parser(value: Value) -> Parser:  # noqa: PLR0911 - one line a kind of value
    """Get the function that parses the text of this value."""
    match value:
        case Text(pattern=None):
            return _text(value)
        case Text(pattern=str(pattern)):
            return _pattern(value, pattern)
        case Code():
            return _code(value)
        case Decimal():
            return _decimal(value)
        case Scalar("boolean"):
            return _boolean
        case Scalar("ID" | "IDREF"):
            return _identifier(value)
        case Scalar():
            return _temporal(value)
        case Binary():
            return _binary(value)
    raise AssertionError(value)


def _text(value: Text | Code) -> Parser:
    minimum, most = value.minimum, value.maximum if value.maximum is not None else 1 << 62

    def text(content: str) -> str:
        if minimum <= len(content) <= most:
            return content
        raise InvalidMessage(f"must have {wording.expected(value)}", rule="length", expected=value)

    return text


def _pattern(value: Text, pattern: str) -> Parser:
    bounded = _text(Text(value.minimum, value.maximum))
    matches = patterns.matcher(pattern)

    def patterned(content: str) -> str:
        bounded(content)
        if not matches(content):
            raise InvalidMessage(f"must be {wording.expected(value)}", rule="pattern", expected=value)
        return content

    return patterned


def _code(value: Code) -> Parser:
    codes = frozenset(value.codes)
    bounded = _text(value)

    def code(content: str) -> str:
        if content not in codes:
            raise InvalidMessage("must be a code of the list", rule="code", expected=value)
        bounded(content)
        return content

    return code


def _decimal(value: Decimal) -> Parser:
    unusual = _unusual_decimal(value)
    bounded = value.minimum not in {None, "0"} or value.maximum or value.pattern
    if value.digits is None or value.digits <= value.fraction or bounded:
        return unusual
    decimals = rf"(?:\.\d{{1,{value.fraction}}})?" if value.fraction else ""
    plain = re.compile(rf"\d{{1,{value.digits - value.fraction}}}{decimals}", re.ASCII).fullmatch

    def decimal(content: str) -> str:
        return content if plain(content) else unusual(content)

    return decimal


def _unusual_decimal(value: Decimal) -> Parser:
    digits, fraction = value.digits, value.fraction
    low = Number(value.minimum) if value.minimum is not None else None
    high = Number(value.maximum) if value.maximum is not None else None
    matches = patterns.matcher(value.pattern) if value.pattern is not None else None

    def decimal(content: str) -> str:
        content = content.strip(BLANKS)
        found = _DECIMAL.fullmatch(content)
        if found is None or not any("0" <= character <= "9" for character in content):
            raise InvalidMessage("must be a decimal number", rule="decimal", expected=value)
        whole, part = found[2].lstrip("0"), (found[3] or "").rstrip("0")
        if digits is not None and (len(part) > fraction or len(whole) + len(part) > digits):
            text = f"must have at most {digits} digits, {fraction} of them decimals"
            raise InvalidMessage(text, rule="digits", expected=value)
        if matches is not None and not matches(content):
            raise InvalidMessage(f"must be {wording.expected(value)}", rule="pattern", expected=value)
        if low is not None and Number(content) < low:
            raise InvalidMessage(f"must be at least {value.minimum}", rule="minimum", expected=value)
        if high is not None and Number(content) > high:
            raise InvalidMessage(f"must be at most {value.maximum}", rule="maximum", expected=value)
        return content

    return decimal


def _boolean(content: str) -> bool | int:
    value = _BOOLEANS.get(content.strip(BLANKS))
    if value is None:
        raise InvalidMessage("must be true or false", rule="boolean", expected=BOOLEAN)
    return value


def _identifier(value: Scalar) -> Parser:
    def identifier(content: str) -> str:
        content = content.strip(BLANKS)
        if _NAME.fullmatch(content) is None:
            raise InvalidMessage("must be an XML name without a colon", rule="pattern", expected=value)
        return content

    return identifier


@lru_cache(maxsize=1024)
def is_plain_day(content: str) -> bool:
    """Whether this is a date in the usual format: a day of the present era, without a time zone."""
    if _PLAIN_DAY(content) is None:
        return False
    try:
        date.fromisoformat(content)
    except ValueError:
        return False
    return True


def is_plain_instant(content: str) -> bool:
    """Whether this is a date and time in the usual format: with an offset from UTC."""
    return _PLAIN_CLOCK(content, _DAY_LENGTH) is not None and is_plain_day(content[:_DAY_LENGTH])


_PLAIN: Final[dict[str, Callable[[str], bool]]] = {"date": is_plain_day, "dateTime": is_plain_instant}


def _temporal(value: Scalar) -> Parser:
    exactly = _TEMPORAL[value.kind].fullmatch
    dated = value.kind in {"date", "dateTime"}
    is_plain = _PLAIN.get(value.kind)
    matches = patterns.matcher(value.pattern) if value.pattern is not None else None
    low, high = (None if bound is None else int(bound) for bound in (value.minimum, value.maximum))

    def temporal(content: str) -> str:
        if is_plain is not None and matches is None and is_plain(content):
            return content
        content = content.strip(BLANKS)
        found = exactly(content)
        if found is None or (dated and not _is_day(found)):
            raise InvalidMessage(f"must be {wording.expected(value)}", rule="date", expected=value)
        if matches is not None and not matches(content):
            raise InvalidMessage(f"must be {wording.expected(value)}", rule="pattern", expected=value)
        # A year with a time zone and one without cannot be compared if they are the same.
        if low is not None and int(found[1]) < low + (found[1] != content):
            raise InvalidMessage(f"must be at least {low}", rule="minimum", expected=value)
        if high is not None and int(found[1]) > high - (found[1] != content):
            raise InvalidMessage(f"must be at most {high}", rule="maximum", expected=value)
        return content

    return temporal


def _is_day(found: re.Match[str]) -> bool:
    day = int(found[3])
    if day <= _SHORTEST_MONTH:
        return True
    # The calendar repeats every 400 years, so any year can be mapped to one that `calendar` supports.
    return day <= monthrange(int(found[1]) % 400 + _LEAP_YEAR, int(found[2]))[1]


def _binary(value: Binary) -> Parser:
    minimum, most = value.minimum, value.maximum if value.maximum is not None else 1 << 62

    def binary(content: str) -> str:
        packed = "".join(content.split())
        try:
            decoded = b64decode(packed, validate=True)
        except (binascii.Error, ValueError):
            decoded = None
        # Python accepts too many `=`, and unused bits that are not zero.
        if decoded is None or b64encode(decoded).decode() != packed:
            raise InvalidMessage("must be base64", rule="base64", expected=value)
        octets = len(decoded)
        if not minimum <= octets <= most:
            raise InvalidMessage(f"must contain {wording.expected(value)}", rule="length", expected=value)
        return packed

    return binary
