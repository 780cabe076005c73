"""Descriptions of value types with an example, for correcting a message."""

from functools import cache
from typing import Final

from schemas.catalogue import patterns
from schemas.catalogue.model import Binary, Code, Decimal, Scalar, Text, Value

_MOST_CODES: Final = 60
"""Largest number of listed codes."""

_BIC: Final = ("DEMOINBBXXX", "a BIC of 8 or 11 characters")
_IBAN: Final = ("KZ86125KZT5004100100", "an IBAN without blanks: country, two digits, account")
_LEI: Final = ("00DEMOLEI00000000199", "an LEI: 18 capital letters or digits, then two digits")
_TELEPHONE: Final = ("+91-9820012345", "a telephone number: `+`, the country's code, `-`, the number")
_UUID: Final = ("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7", "a UUID of version 4 in lower case")
_ISIN: Final = ("INE002A01018", "an ISIN: two capital letters, nine letters or digits, a digit")

# fmt: off
PATTERNS: Final[dict[str, tuple[str, str]]] = {
    "[A-Z0-9]{4,4}[A-Z]{2,2}[A-Z0-9]{2,2}([A-Z0-9]{3,3}){0,1}": _BIC,
    "[A-Z]{6,6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3,3}){0,1}": _BIC,
    "[A-Z]{3,3}": ("INR", "three capital letters"),
    "[A-Z]{2,2}": ("IN", "two capital letters"),
    "[A-Z0-9]{18,18}[0-9]{2,2}": _LEI,
    r"\+[0-9]{1,3}-[0-9()+\-]{1,30}": _TELEPHONE,
    "[a-zA-Z0-9]{4}": ("DEMO", "four letters or digits"),
    "[A-Z]{2,2}[0-9]{2,2}[a-zA-Z0-9]{1,30}": _IBAN,
    "[a-zA-Z]{2,2}[0-9]{2,2}[a-zA-Z0-9]{1,30}": _IBAN,
    "[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}": _UUID,
    "[0-9]{1,15}": ("1", "1 to 15 digits"),
    "[0-9]{2}": ("12", "two digits"),
    "([0-9A-F][0-9A-F]){32}": ("0123456789ABCDEF" * 4, "64 hexadecimal digits with capital letters"),
    "[a-z]{2,2}": ("en", "two lower-case letters"),
    r"[\+]{0,1}[0-9]{1,15}": ("12", "1 to 15 digits, after a `+` if any"),
    "[A-Z]{2,2}[A-Z0-9]{9,9}[0-9]{1,1}": _ISIN,
    "[0-9a-fA-F]+": ("0a", "hexadecimal digits"),
    "[0-9]{8,28}": ("12345678", "8 to 28 digits"),
    "[0-9]{3}": ("123", "three digits"),
    "[0-9]{3,4}": ("123", "three or four digits"),
    "[0-9]{2,3}": ("12", "two or three digits"),
    "[0-9]{1,5}": ("1", "1 to 5 digits"),
    "[0-9]{1,3}": ("1", "1 to 3 digits"),
    "[0-9]": ("1", "one digit"),
    "[a-zA-Z0-9]{1,4}": ("DEMO", "1 to 4 letters or digits"),
    ".*Z": ("2026-11-23T14:05:07Z", "a date and time in UTC, with a `Z` at its end"),
}
"""Pattern -> an example, and a description."""
# fmt: on

_SCALARS: Final = {
    "boolean": "true or false",
    "date": "a date, for example 2026-11-23",
    "dateTime": "a date and time, for example 2026-11-23T14:05:07+05:30",
    "time": "a time, for example 14:05:07+05:30",
    "gYear": "a year, for example 2026",
    "gYearMonth": "a year and month, for example 2026-11",
    "gMonth": "a month, for example --11",
    "ID": "an XML name without a colon",
    "IDREF": "an XML name without a colon",
}


@cache
def expected(value: Value) -> str:
    """Describe a value type: `one of DEBT, CRED, SHAR, SLEV`; `two capital letters, for example IN`."""
    match value:
        case Code(codes):
            more = len(codes) - _MOST_CODES
            listed = ", ".join(codes[:_MOST_CODES])
            return f"one of {listed}{f' and {more} others' if more > 0 else ''}"
        case Text(pattern=str(pattern)) | Scalar(pattern=str(pattern)) | Decimal(pattern=str(pattern)):
            other = (patterns.example(pattern), f"a text of the form {pattern}")
            example, words = PATTERNS.get(pattern, other)
            return f"{words}, for example {example}" if example.strip() else words
        case Text(low, high):
            return f"{_count(low, high)} characters"
        case Binary(low, high):
            return f"{_count(low, high)} octets in base64"
        case Decimal():
            return _number(value)
        case Scalar(kind):
            return _SCALARS[kind]
    raise AssertionError(value)


def in_words(found: Value | str | None) -> str | None:
    """As `expected`, for a value that may already be a description."""
    return found if found is None or isinstance(found, str) else expected(found)


def _count(low: int, high: int | None) -> str:
    if high is None:
        return f"at least {low}"
    return str(low) if low == high else f"{low} to {high}"


def _number(value: Decimal) -> str:
    parts = ["a decimal number"]
    if value.digits is not None:
        parts.append(f"at most {value.digits} digits, {value.fraction} of them decimals")
    if value.minimum is not None:
        parts.append(f"at least {value.minimum}")
    if value.maximum is not None:
        parts.append(f"at most {value.maximum}")
    return ", ".join(parts)
