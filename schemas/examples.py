"""Example content for any message, generated from the catalogue: always valid and always the same.

The documentation, the OpenAPI document and the tests use these examples, so none becomes outdated.
"""

from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from typing import Any, Final

from schemas import wording
from schemas.catalogue import catalogue, patterns
from schemas.catalogue.model import (
    Binary,
    Choice,
    Code,
    CurrencyAndAmount,
    Decimal,
    Foreign,
    Member,
    Scalar,
    Sequence,
    Text,
    Type,
    plain_name,
)
from schemas.codes import code_sets


class NoExample(LookupError):
    """An imported message has a pattern without a known example."""


Wants = Callable[[Member, int], int]
"""`wants(member, depth)`: the occurrences of a member, between its minimum and maximum."""

_SCALARS: Final[dict[str, Any]] = {
    "boolean": True,
    "date": "2026-11-23",
    "dateTime": "2026-11-23T14:05:07.000+05:30",
    "time": "14:05:07.000+05:30",
    "gYear": "2026",
    "gYearMonth": "2026-11",
    "gMonth": "--11",
    "ID": "Example",
    "IDREF": "Example",
}


def document(message: str, wants: Wants | None = None) -> dict[str, Any]:
    """Make the document of an example: only mandatory elements, unless `wants` states otherwise.

    Raises:
        NoExample: one of its values has a pattern that is not in the table.

    """
    root = catalogue().messages[message]
    wants = wants or _mandatory
    if root.tag == "AppHdr":
        return _header(_content(root.type, wants, 0))
    return {root.tag: _content(root.type, wants, 1)}


def value(name: str) -> Any:
    """Make an example of one type of the catalogue, only with mandatory members."""
    return _content(name, _mandatory, 0)


def _mandatory(member: Member, _depth: int) -> int:
    return member.minimum


def _header(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "MsgDefIdr": "pacs.008.001.08"}


def _content(name: str, wants: Wants, depth: int) -> Any:
    kind: Type = catalogue().types[name]
    match kind:
        case Sequence():
            found = ((member, wants(member, depth)) for member in _chosen(kind, wants, depth))
            return {member.tag: _members(member, times, wants, depth) for member, times in found if times}
        case Choice(members):
            chosen = _favourite(members, wants, depth)
            return {chosen.tag: _members(chosen, max(wants(chosen, depth), 1), wants, depth)}
        case CurrencyAndAmount(_, currency):
            return {"Ccy": _content(currency, wants, depth), "Amt": "100.00"}
        case Foreign(_, namespace):
            return f'<Data xmlns="{namespace or "urn:example:data"}"></Data>'
        case _:
            return _value(name, kind)


def _chosen(kind: Sequence, wants: Wants, depth: int) -> list[Member]:
    """The members without the alternatives that are not chosen."""
    choices: dict[int, list[Member]] = {}
    for member in kind.members:
        choices.setdefault(member.choice, []).append(member)
    taken = {number: _favourite(members, wants, depth) for number, members in choices.items() if number}
    return [member for member in kind.members if not member.choice or taken[member.choice] == member]


def _favourite(members: SequenceOf[Member], wants: Wants, depth: int) -> Member:
    return max(members, key=lambda member: (wants(member, depth), -members.index(member)))


def _members(member: Member, times: int, wants: Wants, depth: int) -> Any:
    if member.many:
        return [_content(member.type, wants, depth + 1) for _ in range(times)]
    return _content(member.type, wants, depth + 1)


def _value(name: str, kind: Type) -> Any:  # noqa: PLR0911 - one line a kind of value
    match kind:
        case Code(codes):
            return codes[0]
        case Text(pattern=str(pattern)):
            return _text_of(name, kind, pattern)
        case Text(minimum, maximum, _):
            known = min(code_sets().get(plain_name(name), {"Example"})).ljust(minimum, "x")
            return known if maximum is None else known[:maximum]
        case Decimal():
            return _number(kind)
        case Scalar(pattern=str(pattern)) if pattern in wording.PATTERNS:
            return wording.PATTERNS[pattern][0]
        case Scalar("gYear", minimum=str(minimum)):
            return minimum
        case Scalar(kind_name, pattern=None):
            return _SCALARS[kind_name]
        case Binary():
            return "UGF5c3dpdGNo"
    raise NoExample(f"{name}: no example is known")


def _text_of(name: str, kind: Text, pattern: str) -> str:
    example, _ = wording.PATTERNS.get(pattern) or (patterns.example(pattern), "")
    if not kind.minimum <= len(example) <= (kind.maximum or len(example)):
        raise NoExample(f"{name}: no text is known that matches {pattern}")
    return example


def _number(kind: Decimal) -> str:
    if kind.pattern is not None and kind.minimum is None:
        return patterns.example(kind.pattern)
    if kind.minimum is None and kind.maximum is None:
        return "1" if kind.fraction == 0 and kind.digits is not None else "1.5"
    return kind.minimum if kind.minimum not in {None, "0"} else "1"
