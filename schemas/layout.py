"""Layouts: the common structure of messages with the same elements.

Whether names, order, cardinality and choices are right depends only on the elements of a message. A `Layout`
is one valid arrangement of elements: its XML and its JSON with gaps for the values, and the values that each
gap accepts. It only accepts ordinary values; all others (with a quotation mark, a blank at an end, an unusual
number, an invisible character) need `plan`.

Filling gaps is safe because no accepted value contains `<`, `>`, `&`, `"`, a backslash or a control
character, so no value can end its gap, in XML or in JSON.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from operator import gt, itemgetter
from typing import Any, Final

import msgspec

from schemas import lexical
from schemas.catalogue import catalogue
from schemas.catalogue.model import Choice, Code, CurrencyAndAmount, Scalar, Text, Type, Value
from schemas.catalogue.model import Sequence as Members
from schemas.errors import InvalidMessage
from schemas.plan import namespace
from schemas.value_rules import TEXT_CHECKS, ValueFault, is_usual_amount, leaf_check, listed

Document = dict[str, Any]
Picker = Callable[[Any], tuple[Any, ...]]
"""Picks some of many."""

_ANY_LENGTH: Final = 1 << 62
_LONGEST_IDENTIFIER: Final = 70
"""Characters; the size of remembered values is also limited."""
_REMEMBERED: Final = 4096
"""Remembered values of one type."""
_NEVER_TWICE: Final = frozenset({"UUIDv4Identifier"})
"""Types whose values are new in every message."""
_ONLY_TEXT: Final = {str}
_LARGEST_USUAL: Final = "99999999999999.99"
_CAREFUL: Final = ("&", "<", ">", "\\", '""', '" ', ' "')
"""Characters that ordinary values, joined by quotation marks, do not contain."""


class Layout:
    """The elements of one valid document, with a gap for every value."""

    __slots__ = ("_amounts", "_codes", "_gaps", "_json", "_limits", "_others", "_texts", "_trail", "_xml")

    def __init__(self, message: str, document: Document) -> None:
        """`document` must be valid and in schema order."""
        drawing = _Drawing(message, document)
        self._xml = drawing.xml
        self._json = drawing.json
        self._gaps = len(drawing.types)
        self._trail = _Trail(document)
        texts = {gap: _longest(name) for gap, name in enumerate(drawing.types) if _longest(name)}
        self._texts = picker(list(texts))
        self._limits = tuple(texts.values())
        self._others = [
            (gap, _remembered(name), _ordinary(name))
            for gap, name in enumerate(drawing.types)
            if gap not in texts and gap not in drawing.amounts and gap - 1 not in drawing.amounts
        ]
        self._codes = [
            (gap, codes, name, drawing.paths[gap])
            for gap, name in enumerate(drawing.types)
            if (codes := listed(name))
        ]
        self._amounts = [(gap, _ordinary_amount(name)) for gap, name in drawing.amounts.items()]

    def values(self, document: Document) -> Sequence[str] | None:
        """The values in schema order, if a document has the same elements in any order; otherwise None."""
        return self._trail.values(document)

    def takes(self, values: Sequence[str]) -> bool:
        """Whether every value is ordinary and valid in its gap; only a code may be in no list."""
        if len(values) != self._gaps or not are_plain(values):
            return False
        if any(map(gt, map(len, self._texts(values)), self._limits)):
            return False
        for gap, remembered, is_ordinary in self._others:
            if values[gap] not in remembered and not is_ordinary(values[gap]):
                return False
        return all(is_amount(values[gap], values[gap + 1]) for gap, is_amount in self._amounts)

    def unlisted(self, values: Sequence[str]) -> tuple[ValueFault, ...]:
        """The faults of `value_rules` in values that the layout takes: codes that are in no list."""
        found: list[ValueFault] = []
        for gap, codes, name, path in self._codes:
            if values[gap] not in codes and (check := leaf_check(name)):
                check(values[gap], found)
                found[-1].path = path
        return tuple(found)

    def xml(self, values: Sequence[str]) -> str:
        """The content as XML: one line, schema order, no prefixes."""
        return _filled(self._xml, values)

    def json(self, values: Sequence[str]) -> str:
        """The content as JSON: no blanks, schema order."""
        return _filled(self._json, values)

    def document(self, values: Sequence[str]) -> Document:
        """The content as a dict."""
        document: Document = msgspec.json.decode(self.json(values))
        return document


class _Trail:
    """The path to every value of a document, level by level. It ends at the first different element."""

    __slots__ = ("_indicators", "_pick", "_steps")

    def __init__(self, document: Document) -> None:
        found: list[Any] = [document]
        children: list[range] = []
        self._steps: list[tuple[int, type[Any], int, Picker]] = []
        """Place of an object or array, its kind, its number of members, and their picker."""
        for place, item in enumerate(found):  # which grows in the loop
            start = len(found)
            if isinstance(item, dict | list):
                self._steps.append((place, type(item), len(item), _taker(item)))
                found += item.values() if isinstance(item, dict) else item
            children.append(range(start, len(found)))
        self._indicators = [(place, item) for place, item in enumerate(found) if type(item) is bool]
        self._pick = picker(list(_texts_below(0, found, children)))

    def values(self, document: Any) -> Sequence[str] | None:
        found: list[Any] = [document]
        try:
            for place, kind, length, take in self._steps:
                item = found[place]
                if type(item) is not kind or len(item) != length:
                    return None
                found += take(item)
        except KeyError:
            return None
        for place, indicator in self._indicators:
            if found[place] is not indicator:
                return None
        values = self._pick(found)
        return values if {*map(type, values)} == _ONLY_TEXT else None


def _taker(item: Document | list[Any]) -> Picker:
    """The picker of the members of an object, in any order, or of an array."""
    if isinstance(item, list) or not item:
        return tuple
    if len(item) > 1:
        return itemgetter(*item)
    (name,) = item
    return lambda item: (item[name],)


def _texts_below(place: int, found: list[Any], children: list[range]) -> Iterator[int]:
    """The places of the texts below a place, in document order."""
    if type(found[place]) is str:
        yield place
    for child in children[place]:
        yield from _texts_below(child, found, children)


def are_plain(values: Sequence[str]) -> bool:
    """Whether all are visible, have no blank at an end, and need no escape in XML and JSON."""
    joined = '"'.join(values)
    framed = f'"{joined}"'
    if not framed.isprintable() or framed.count('"') != len(values) + 1:
        return False
    for careful in _CAREFUL:
        if careful in framed:
            return False
    return framed.isascii() or unicodedata.is_normalized("NFC", framed)


def picker(places: list[int]) -> Picker:
    """A function that picks the items at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


def _filled(template: list[str], values: Sequence[str]) -> str:
    pieces = template[:]
    pieces[1::2] = values
    return "".join(pieces)


# Values


def _longest(name: str) -> int:
    """The largest length of a text type that has no other restriction; 0 for every other type."""
    kind = catalogue().types[name]
    if (
        isinstance(kind, Text)
        and kind.pattern is None
        and kind.minimum == 1
        and (leaf_check(name) in TEXT_CHECKS or listed(name))
    ):
        return kind.maximum or _ANY_LENGTH
    return 0


_TEMPORAL: Final[dict[Type, Callable[[str], bool]]] = {
    Scalar("date"): lexical.is_plain_day,
    Scalar("dateTime"): lexical.is_plain_instant,
}


@cache
def _ordinary(name: str) -> Callable[[str], bool]:
    """Whether a text is valid for this type without changes, and breaks no rule."""
    kind, check = catalogue().types[name], leaf_check(name)
    if kind in _TEMPORAL:
        return _TEMPORAL[kind]
    assert isinstance(kind, Value)
    parse = lexical.parser(kind)

    def is_ordinary(value: str) -> bool:
        try:
            content = parse(value)
        except InvalidMessage:
            return False
        odd: list[Any] = []
        if check is not None:
            check(content, odd)
        return bool(content == value) and not odd

    if not isinstance(kind, Code | Text):
        return is_ordinary
    remembered = _remembered(name)

    def is_remembered_from_now(value: str) -> bool:
        if not is_ordinary(value):
            return False
        if len(value) <= _LONGEST_IDENTIFIER and name not in _NEVER_TWICE:
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            remembered.add(value)
        return True

    return is_remembered_from_now


@cache
def _remembered(name: str) -> set[str]:  # noqa: ARG001 - the cache's key
    """Ordinary values of this type. Codes and identifiers of institutions are often repeated."""
    return set()


@cache
def _ordinary_amount(name: str) -> Callable[[str, str], bool]:
    """Whether a currency and a number are a valid amount without changes."""
    kind, check = catalogue().types[name], leaf_check(name)
    assert isinstance(kind, CurrencyAndAmount)
    is_currency, is_number = _ordinary(kind.currency), _ordinary(kind.number)

    takes_usual = is_number(_LARGEST_USUAL)

    def is_amount(currency: str, number: str) -> bool:
        if takes_usual and is_usual_amount(currency, number):
            return is_currency(currency)
        odd: list[Any] = []
        if check is not None:
            check({"Ccy": currency, "Amt": number}, odd)
        return not odd and is_currency(currency) and is_number(number)

    return is_amount


class _Drawing:
    """A valid document as two templates: pieces of XML and of JSON, every second one a gap."""

    def __init__(self, message: str, document: Document) -> None:
        root = catalogue().messages[message]
        self.xml = [""]
        self.json = [""]
        self.types: list[str] = []
        """The type of each gap."""
        self.paths: list[str] = []
        """The path of each gap, below the root element."""
        self.amounts: dict[int, str] = {}
        """Gap of a currency, before that of its number -> type of the amount."""
        ((tag, content),) = document.items()
        self._add(f'<Document xmlns="{namespace(message)}">', f'{{"{tag}":')
        self._draw(tag, root.type, content, "")
        self._add("</Document>", "}")

    def _add(self, xml: str, json: str) -> None:
        self.xml[-1] += xml
        self.json[-1] += json

    def _gap(self, name: str, path: str) -> None:
        self.types.append(name)
        self.paths.append(path)
        self.xml += ("", "")
        self.json += ("", "")

    def _draw(self, tag: str, name: str, content: Any, path: str) -> None:
        kind = catalogue().types[name]
        match kind:
            case Members() | Choice():
                self._add(f"<{tag}>", "{")
                self._draw_members(kind, content, path)
                self._add(f"</{tag}>", "}")
            case CurrencyAndAmount(number, currency):
                self.amounts[len(self.types)] = name
                self._add(f'<{tag} Ccy="', '{"Ccy":"')
                self._gap(currency, path)
                self._add('">', '","Amt":"')
                self._gap(number, path)
                self._add(f"</{tag}>", '"}')
            case lexical.BOOLEAN:
                text = "true" if content else "false"
                self._add(f"<{tag}>{text}</{tag}>", text)
            case _:
                self._add(f"<{tag}>", '"')
                self._gap(name, path)
                self._add(f"</{tag}>", '"')

    def _draw_members(self, kind: Members | Choice, content: Document, path: str) -> None:
        members = {member.tag: member for member in kind.members}
        for number, (tag, value) in enumerate(content.items()):
            self._add("", f'{"," if number else ""}"{tag}":')
            place = f"{path}/{tag}" if path else tag
            if members[tag].many:
                self._draw_items(tag, members[tag].type, value, place)
            else:
                self._draw(tag, members[tag].type, value, place)

    def _draw_items(self, tag: str, name: str, items: list[Any], path: str) -> None:
        self._add("", "[")
        for number, item in enumerate(items, 1):
            self._add("", "," if number > 1 else "")
            self._draw(tag, name, item, path if number == 1 else f"{path}[{number}]")
        self._add("", "]")
