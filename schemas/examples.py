"""Example content for any message, made from the catalogue: always valid, always the same.

The documentation, the API's description and the tests take their examples here, so none can go stale.
"""

from collections.abc import Callable
from typing import Any, Final

from schemas.catalogue import catalogue
from schemas.catalogue.model import (
    Amount,
    Binary,
    Choice,
    Code,
    Decimal,
    Foreign,
    Member,
    Scalar,
    Sequence,
    Text,
    Type,
)
from schemas.codes import code_sets


class NoExample(LookupError):
    """An imported message has a pattern for which no example text is known here."""


Wants = Callable[[Member, int], int]
"""`wants(member, depth)`: how often a member shall be there, between its minimum and maximum."""

_PATTERNS: Final = {
    "[A-Z0-9]{4,4}[A-Z]{2,2}[A-Z0-9]{2,2}([A-Z0-9]{3,3}){0,1}": "DEMOINBBXXX",
    "[A-Z]{3,3}": "INR",
    "[A-Z]{2,2}": "IN",
    "[A-Z0-9]{18,18}[0-9]{2,2}": "00DEMOLEI00000000199",
    r"\+[0-9]{1,3}-[0-9()+\-]{1,30}": "+91-9820012345",
    "[a-zA-Z0-9]{4}": "DEMO",
    "[A-Z]{2,2}[0-9]{2,2}[a-zA-Z0-9]{1,30}": "KZ86125KZT5004100100",
    "[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}": (
        "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7"
    ),
    "[0-9]{1,15}": "1",
    "[0-9]{2}": "12",
    "([0-9A-F][0-9A-F]){32}": "0123456789ABCDEF" * 4,
    "[a-z]{2,2}": "en",
    r"[\+]{0,1}[0-9]{1,15}": "12",
    "[A-Z]{2,2}[A-Z0-9]{9,9}[0-9]{1,1}": "INE002A01018",
    "[0-9a-fA-F]+": "0a",
    "[0-9]{8,28}": "12345678",
    "[0-9]{3}": "123",
    "[0-9]{3,4}": "123",
    "[0-9]{2,3}": "12",
    "[0-9]{1,5}": "1",
    "[0-9]{1,3}": "1",
    "[0-9]": "1",
    "[a-zA-Z0-9]{1,4}": "DEMO",
}
_SCALARS: Final[dict[str, Any]] = {
    "boolean": True,
    "date": "2026-11-23",
    "dateTime": "2026-11-23T14:05:07.000+05:30",
    "time": "14:05:07.000+05:30",
    "gYear": "2026",
    "gYearMonth": "2026-11",
}


def document(message: str, wants: Wants | None = None) -> dict[str, Any]:
    """The document of an example: mandatory elements only, unless `wants` says otherwise.

    Raises:
        NoExample: one of its values has a pattern that is not in the table here.

    """
    root = catalogue().messages[message]
    wants = wants or _mandatory
    if root.tag == "AppHdr":
        return _header(_content(root.type, wants, 0))
    return {root.tag: _content(root.type, wants, 1)}


def value(name: str) -> Any:
    """An example of one type of the catalogue, mandatory members only."""
    return _content(name, _mandatory, 0)


def _mandatory(member: Member, _depth: int) -> int:
    return member.minimum


def _header(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "MsgDefIdr": "pacs.008.001.08"}


def _content(name: str, wants: Wants, depth: int) -> Any:
    kind: Type = catalogue().types[name]
    match kind:
        case Sequence(members):
            found = ((member, wants(member, depth)) for member in members)
            return {member.tag: _members(member, times, wants, depth) for member, times in found if times}
        case Choice(members):
            chosen = max(members, key=lambda member: (wants(member, depth), -members.index(member)))
            return {chosen.tag: _members(chosen, max(wants(chosen, depth), 1), wants, depth)}
        case Amount(_, currency):
            return {"Ccy": _content(currency, wants, depth), "Amt": "100.00"}
        case Foreign(_, namespace):
            return f'<Data xmlns="{namespace or "urn:example:data"}"></Data>'
        case _:
            return _value(name, kind)


def _members(member: Member, times: int, wants: Wants, depth: int) -> Any:
    if member.many:
        return [_content(member.type, wants, depth + 1) for _ in range(times)]
    return _content(member.type, wants, depth + 1)


def _value(name: str, kind: Type) -> Any:
    match kind:
        case Code(codes):
            return codes[0]
        case Text(pattern=str(pattern)):
            if pattern not in _PATTERNS:
                raise NoExample(f"{name}: no text is known that matches {pattern}")
            return _PATTERNS[pattern]
        case Text(_, maximum, _):
            known = min(code_sets().get(name, {"Example"}))
            return known if maximum is None else known[:maximum]
        case Decimal(_, fraction):
            return "1" if fraction == 0 else "1.5"
        case Scalar(kind_name):
            return _SCALARS[kind_name]
        case Binary():
            return "UGF5c3dpdGNo"
    raise AssertionError(kind)
