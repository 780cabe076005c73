"""The texts that a value may be written as: XML Schema's lexical rules, made into functions.

`parser(value)` turns a catalogue value into a function from text to its canonical content: the text itself,
with the outer blanks removed where XML Schema removes them, or a bool. The functions raise `InvalidMessage`
with the broken rule and never put the text into the error.
"""

import binascii
import re
from base64 import b64decode
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, Final

from schemas.catalogue.model import Binary, Code, Decimal, Scalar, Text, Value
from schemas.errors import InvalidMessage

Parser = Callable[[str], Any]
"""From text to content: the text, or a bool."""

BLANKS: Final = " \t\r\n"
"""XML's white space; Python's own idea of it is wider."""

BOOLEAN: Final = Scalar("boolean")
IMPOSSIBLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
"""Finds a character that XML 1.0 has no way to write."""

_LEAP_YEAR: Final = 2000
_SHORTEST_MONTH: Final = 28

_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?"
_YEAR = r"-?(?:[1-9]\d{3,17}|0\d\d[1-9]|0\d[1-9]\d|0[1-9]\d\d)"
"""Any year but 0; XML Schema leaves it to the reader how many digits are enough."""
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?|24:00:00(?:\.0+)?)"
_TEMPORAL: Final = {
    "date": re.compile(rf"({_YEAR})-({_MONTH})-({_DAY}){_ZONE}", re.ASCII),
    "dateTime": re.compile(rf"({_YEAR})-({_MONTH})-({_DAY})T{_CLOCK}{_ZONE}", re.ASCII),
    "time": re.compile(rf"{_CLOCK}{_ZONE}", re.ASCII),
    "gYear": re.compile(rf"{_YEAR}{_ZONE}", re.ASCII),
    "gYearMonth": re.compile(rf"{_YEAR}-{_MONTH}{_ZONE}", re.ASCII),
}
_PLAIN_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_PLAIN_CLOCK: Final = re.compile(
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)", re.ASCII
).fullmatch
_DAY_LENGTH: Final = len("2026-11-23")
_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?", re.ASCII)
"""No part of it can match in two ways: a long text costs time in proportion to its length, no more."""
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def parser(value: Value) -> Parser:  # noqa: PLR0911 - one line a kind of value
    """The function that reads this value's text."""
    match value:
        case Text(minimum, maximum, None):
            return _text(minimum, maximum)
        case Text(minimum, maximum, str(pattern)):
            return _pattern(minimum, maximum, pattern)
        case Code(codes):
            return _code(frozenset(codes))
        case Decimal(digits, fraction, minimum):
            return _decimal(digits, fraction, minimum)
        case Scalar("boolean"):
            return _boolean
        case Scalar(kind):
            return _temporal(kind)
        case Binary(minimum, maximum):
            return _binary(minimum, maximum)
    raise AssertionError(value)


def _text(minimum: int, maximum: int | None) -> Parser:
    most = maximum if maximum is not None else 1 << 62

    def text(content: str) -> str:
        if minimum <= len(content) <= most:
            return content
        raise InvalidMessage(f"must have {minimum} to {maximum} characters", rule="length")

    return text


def _pattern(minimum: int, maximum: int | None, pattern: str) -> Parser:
    bounded = _text(minimum, maximum)
    matches = re.compile(pattern).fullmatch

    def patterned(content: str) -> str:
        bounded(content)
        if matches(content) is None:
            raise InvalidMessage(f"must match {pattern}", rule="pattern")
        return content

    return patterned


def _code(codes: frozenset[str]) -> Parser:
    def code(content: str) -> str:
        if content in codes:
            return content
        raise InvalidMessage("must be a code of the list", rule="code")

    return code


def _decimal(digits: int, fraction: int, minimum: int | None) -> Parser:
    decimals = rf"(?:\.\d{{1,{fraction}}})?" if fraction else ""
    plain = re.compile(rf"\d{{1,{digits - fraction}}}{decimals}", re.ASCII).fullmatch

    def decimal(content: str) -> str:
        if plain(content):
            return content
        return _unusual_decimal(content.strip(BLANKS), digits, fraction, minimum)

    return decimal


def _unusual_decimal(content: str, digits: int, fraction: int, minimum: int | None) -> str:
    found = _DECIMAL.fullmatch(content)
    if found is None or not any("0" <= character <= "9" for character in content):
        raise InvalidMessage("must be a decimal number", rule="decimal")
    sign, whole, part = found[1], found[2].lstrip("0"), (found[3] or "").rstrip("0")
    if len(part) > fraction or len(whole) + len(part) > digits:
        raise InvalidMessage(f"must have at most {digits} digits, {fraction} of them decimals", rule="digits")
    if minimum is not None and sign == "-" and (whole or part):
        raise InvalidMessage(f"must be at least {minimum}", rule="minimum")
    return content


def _boolean(content: str) -> bool:
    value = _BOOLEANS.get(content.strip(BLANKS))
    if value is None:
        raise InvalidMessage("must be true or false", rule="boolean")
    return value


@lru_cache(maxsize=1024)
def is_plain_day(content: str) -> bool:
    """Whether this is a date as nearly every message writes it: a day of our era, without a zone."""
    if _PLAIN_DAY(content) is None:
        return False
    try:
        date.fromisoformat(content)
    except ValueError:
        return False
    return True


def is_plain_instant(content: str) -> bool:
    """Whether this is a date and time as nearly every message writes it: with its offset from UTC."""
    return _PLAIN_CLOCK(content, _DAY_LENGTH) is not None and is_plain_day(content[:_DAY_LENGTH])


_PLAIN: Final[dict[str, Callable[[str], bool]]] = {"date": is_plain_day, "dateTime": is_plain_instant}


def _temporal(kind: str) -> Parser:
    exactly = _TEMPORAL[kind].fullmatch
    dated = kind in {"date", "dateTime"}
    is_plain = _PLAIN.get(kind)

    def temporal(content: str) -> str:
        if is_plain is not None and is_plain(content):
            return content
        content = content.strip(BLANKS)
        found = exactly(content)
        if found is None or (dated and not _is_day(found)):
            raise InvalidMessage(f"must be an ISO 8601 {kind}", rule="date")
        return content

    return temporal


def _is_day(found: re.Match[str]) -> bool:
    day = int(found[3])
    if day <= _SHORTEST_MONTH:
        return True
    # The calendar repeats every 400 years, so any year has a twin that `calendar` knows.
    return day <= monthrange(int(found[1]) % 400 + _LEAP_YEAR, int(found[2]))[1]


def _binary(minimum: int, maximum: int) -> Parser:
    def binary(content: str) -> str:
        packed = "".join(content.split())
        try:
            octets = len(b64decode(packed, validate=True))
        except (binascii.Error, ValueError):
            raise InvalidMessage("must be base64", rule="base64") from None
        if not minimum <= octets <= maximum:
            raise InvalidMessage(f"must hold {minimum} to {maximum} octets", rule="length")
        return packed

    return binary
