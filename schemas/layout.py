"""Layouts: what messages of the same elements have in common, so that only their values are looked at.

Banks send the same elements again and again with other values in them. Whether names, order, cardinality
and choices are right depends on the elements alone. So what `plan` has found valid twice is remembered as a
`Layout`: its XML and its JSON with gaps where the values stand, and what each gap takes. From then on a
message of these elements is its values, put into the gaps after a look at every one of them.

A layout only ever says yes. Elements not seen before, and values that need care of any kind (a reference, a
quotation mark, a blank at an end, an unusual number, a character that cannot be seen), go the long way
through `plan`, which alone refuses, and says where and why. Everything remembered is bounded.

Why filling gaps is safe: no value that a layout takes holds `<`, `>`, `&`, `"`, a backslash or a control
character, so none can end its gap, in XML or JSON; and whether the gaps of somebody's XML are where they
seem to be is asked of the parser before they are remembered.
"""

import itertools
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from operator import gt, itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from schemas import gates, lexical
from schemas.catalogue import catalogue
from schemas.catalogue.model import Amount, Choice, Code, Scalar, Text, Type, Value
from schemas.catalogue.model import Sequence as Members
from schemas.errors import InvalidMessage
from schemas.lexical import BLANKS
from schemas.plan import NAMESPACE, plan, written
from schemas.value_rules import TEXT_CHECKS, is_usual_amount, leaf_check

Document = dict[str, Any]
Outline = tuple[Any, ...]
"""The elements of a document without its values: tags, and what opens and closes around them."""

Picker = Callable[[Sequence[str]], tuple[str, ...]]

LONGEST: Final = 16 * 1024
"""Bytes. Longer messages are statements and the like, no two of which have the same elements."""
REMEMBERED: Final = 512
"""Layouts that are kept, those used last; some ten kilobytes each."""
_MOST_ELEMENTS: Final = 1000
"""Tags, and as many brackets, of a document whose elements are remembered."""
_LONGEST_IDENTIFIER: Final = 70
"""Characters; what is remembered of values is bounded in size, too."""
_ANY_LENGTH: Final = LONGEST

_LARGEST_USUAL: Final = "99999999999999.99"

_OBJECT, _ARRAY, _ITEM, _END, _TRUE, _FALSE = (object() for _ in range(6))
"""What stands between the tags in an outline."""

_NO_BRACKETS: Final = bytes(octet for octet in range(256) if octet not in b"<>")
_CAREFUL: Final = ("&", "<", ">", "\\", '""', '" ', ' "')
"""What values, joined by quotation marks, do not hold where all of them are ordinary."""


class Layout:
    """The elements of one message, valid, with a gap for every value."""

    __slots__ = ("_amounts", "_gaps", "_json", "_limits", "_others", "_texts", "_xml", "strings")

    def __init__(self, drawing: "_Drawing") -> None:
        self.strings = "".join(drawing.json).count('"') // 2
        """How many strings its JSON has, names and values."""
        self._xml = drawing.xml
        self._json = drawing.json
        self._gaps = len(drawing.types)
        texts = {gap: _longest(name) for gap, name in enumerate(drawing.types) if _longest(name)}
        self._texts = _picker(list(texts))
        self._limits = tuple(texts.values())
        self._others = [
            (gap, _ordinary(name))
            for gap, name in enumerate(drawing.types)
            if gap not in texts and gap not in drawing.amounts and gap - 1 not in drawing.amounts
        ]
        self._amounts = [(gap, _ordinary_amount(name)) for gap, name in drawing.amounts.items()]

    def takes(self, values: Sequence[str]) -> bool:
        """Whether every value is an ordinary one, valid in its gap, to which no rule objects."""
        if len(values) != self._gaps or not _are_plain(values):
            return False
        if any(map(gt, map(len, self._texts(values)), self._limits)):
            return False
        for gap, is_ordinary in self._others:
            if not is_ordinary(values[gap]):
                return False
        return all(is_amount(values[gap], values[gap + 1]) for gap, is_amount in self._amounts)

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


def _are_plain(values: Sequence[str]) -> bool:
    """Whether all can be seen, have no blank at an end, and stand in XML and JSON as they are."""
    joined = '"'.join(values)
    framed = f'"{joined}"'
    if not framed.isprintable() or framed.count('"') != len(values) + 1:
        return False
    for careful in _CAREFUL:
        if careful in framed:
            return False
    return framed.isascii() or unicodedata.is_normalized("NFC", framed)


def _picker(places: list[int]) -> Picker:
    """A function that takes what stands in these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


def _filled(template: list[str], values: Sequence[str]) -> str:
    pieces = template[:]
    pieces[1::2] = values
    return "".join(pieces)


# Values


def _longest(name: str) -> int:
    """How long a text may be that nothing but its length can make wrong; 0 for every other type."""
    kind = catalogue().types[name]
    if (
        isinstance(kind, Text)
        and kind.pattern is None
        and kind.minimum == 1
        and leaf_check(name) in TEXT_CHECKS
    ):
        return kind.maximum or _ANY_LENGTH
    return 0


_TEMPORAL: Final[dict[Type, Callable[[str], bool]]] = {
    Scalar("date"): lexical.is_plain_day,
    Scalar("dateTime"): lexical.is_plain_instant,
}


@cache
def _ordinary(name: str) -> Callable[[str], bool]:
    """Whether a text is valid for this type just as it stands, and no rule objects to it."""
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
    # Codes and identifiers of institutions come again and again; times and numbers do not.
    remembered = lru_cache(maxsize=4096)(is_ordinary)
    return lambda value: len(value) <= _LONGEST_IDENTIFIER and remembered(value)


@cache
def _ordinary_amount(name: str) -> Callable[[str, str], bool]:
    """Whether a currency and a number make an amount that is valid as it stands."""
    kind, check = catalogue().types[name], leaf_check(name)
    assert isinstance(kind, Amount)
    is_currency, is_number = _ordinary(kind.currency), _ordinary(kind.number)

    def is_amount(currency: str, number: str) -> bool:
        if is_usual_amount(currency, number):
            return is_currency(currency)
        odd: list[Any] = []
        if check is not None:
            check({"Ccy": currency, "Amt": number}, odd)
        return not odd and is_currency(currency) and is_number(number)

    assert is_number(_LARGEST_USUAL), "every type of amount takes what is usual"
    return is_amount


# Outlines


def outline(document: Any) -> tuple[Outline, list[str]] | None:
    """A document's elements and, apart from them, its values; None for what no message can be."""
    elements: list[Any] = []
    values: list[str] = []
    try:
        _trace(document, elements.append, values.append)
    except (_NoMessage, RecursionError):
        return None
    return (tuple(elements), values) if len(elements) <= _MOST_ELEMENTS else None


class _NoMessage(Exception):
    """Something that is neither text nor indicator, object nor array."""


def _trace(content: Any, note: Callable[[Any], None], keep: Callable[[str], None]) -> None:
    if type(content) is not dict:
        raise _NoMessage
    for tag, value in content.items():
        note(tag)
        kind = type(value)
        if kind is str:
            keep(value)
        elif kind is dict:
            note(_OBJECT)
            _trace(value, note, keep)
            note(_END)
        elif kind is list:
            note(_ARRAY)
            _trace_items(value, note, keep)
            note(_END)
        elif kind is bool:
            note(_TRUE if value else _FALSE)
        else:
            raise _NoMessage


def _trace_items(items: list[Any], note: Callable[[Any], None], keep: Callable[[str], None]) -> None:
    for item in items:
        if type(item) is str:
            note(_ITEM)
            keep(item)
        else:
            note(_OBJECT)
            _trace(item, note, keep)
            note(_END)


class _Drawing:
    """A valid document as two templates: pieces of XML and of JSON, every second one a gap."""

    def __init__(self, message: str, document: Document) -> None:
        root = catalogue().messages[message]
        self.xml = [""]
        self.json = [""]
        self.types: list[str] = []
        """Of each gap."""
        self.amounts: dict[int, str] = {}
        """Gap of a currency, before that of its number -> type of the amount."""
        ((tag, content),) = document.items()
        self._add(f'<Document xmlns="{NAMESPACE}{message}">', f'{{"{tag}":')
        self._draw(tag, root.type, content)
        self._add("</Document>", "}")

    def _add(self, xml: str, json: str) -> None:
        self.xml[-1] += xml
        self.json[-1] += json

    def _gap(self, name: str) -> None:
        self.types.append(name)
        self.xml += ("", "")
        self.json += ("", "")

    def _draw(self, tag: str, name: str, content: Any) -> None:
        kind = catalogue().types[name]
        match kind:
            case Members() | Choice():
                self._add(f"<{tag}>", "{")
                self._draw_members(kind, content)
                self._add(f"</{tag}>", "}")
            case Amount(number, currency):
                self.amounts[len(self.types)] = name
                self._add(f'<{tag} Ccy="', '{"Ccy":"')
                self._gap(currency)
                self._add('">', '","Amt":"')
                self._gap(number)
                self._add(f"</{tag}>", '"}')
            case lexical.BOOLEAN:
                text = "true" if content else "false"
                self._add(f"<{tag}>{text}</{tag}>", text)
            case _:
                self._add(f"<{tag}>", '"')
                self._gap(name)
                self._add(f"</{tag}>", '"')

    def _draw_members(self, kind: Members | Choice, content: Document) -> None:
        members = {member.tag: member for member in kind.members}
        for number, (tag, value) in enumerate(content.items()):
            self._add("", f'{"," if number else ""}"{tag}":')
            if members[tag].many:
                self._draw_items(tag, members[tag].type, value)
            else:
                self._draw(tag, members[tag].type, value)

    def _draw_items(self, tag: str, name: str, items: list[Any]) -> None:
        self._add("", "[")
        for number, item in enumerate(items):
            self._add("", "," if number else "")
            self._draw(tag, name, item)
        self._add("", "]")


# Memory


class _Place:
    """Where a layout is remembered, once its elements have been seen twice."""

    __slots__ = ("gaps", "layout", "message", "order", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.layout: Layout | None = None
        self.order: Picker | None = None
        """What brings the values of an outline into schema order, where they are not."""
        self.message = ""
        self.gaps: _Gaps | None = None
        """Of markup: where its values are, and of which message."""

    def is_due(self) -> bool:
        """Whether to try to learn it: at the second sight, and ever more rarely where that is in vain."""
        self.seen += 1
        return self.seen > 1 and self.seen & (self.seen - 1) == 0


@lru_cache(maxsize=REMEMBERED)
def _place_of_outline(message: str, elements: Outline) -> _Place:  # noqa: ARG001 - the cache's key
    return _Place()


@lru_cache(maxsize=REMEMBERED)
def _place_of_markup(markup: str) -> _Place:  # noqa: ARG001 - the cache's key
    return _Place()


class Known(NamedTuple):
    """A document of a known layout, every value of it ordinary: so it is valid."""

    layout: Layout
    values: Sequence[str]
    """In schema order."""
    in_order: bool
    """Whether the document itself is."""

    @property
    def xml(self) -> str:
        """The content as XML."""
        return self.layout.xml(self.values)

    @property
    def json(self) -> str:
        """The content as JSON."""
        return self.layout.json(self.values)


def known(message: str, document: Document) -> Known | None:
    """A document as one of a known layout. Elements that come again are learned here, on the way."""
    found = outline(document)
    if found is None:
        return None
    elements, values = found
    place = _place_of_outline(message, elements)
    if place.layout is None and place.is_due():
        place.layout, place.order = _learned(message, document)
    if place.layout is None:
        return None
    ordered = values if place.order is None else place.order(values)
    return Known(place.layout, ordered, place.order is None) if place.layout.takes(ordered) else None


def _learned(message: str, document: Document) -> tuple[Layout | None, Picker | None]:
    """The layout of a document that `plan` finds valid, and what brings its values into schema order."""
    root = catalogue().messages.get(message)
    if root is None or root.tag == "AppHdr":
        return None, None
    try:
        ordered = plan(message).accept(document)
        text = written(message, "Document", ordered)
    except InvalidMessage:
        return None, None
    places = list(_places(ordered, _counted(document, itertools.count())))
    order = None if places == sorted(places) else _picker(places)
    _, values = outline(ordered) or ((), [])
    if not _are_plain(values):
        return None, None
    layout = Layout(_Drawing(message, ordered))
    faithful = layout.xml(values) == text and layout.document(values) == ordered
    return (layout, order) if faithful else (None, None)


def _counted(content: Any, numbers: Iterator[int]) -> Any:
    """The same content with numbers for its texts."""
    if type(content) is dict:
        return {tag: _counted(value, numbers) for tag, value in content.items()}
    if type(content) is list:
        return [_counted(item, numbers) for item in content]
    return next(numbers) if type(content) is str else None


def _places(ordered: Any, counted: Any) -> Iterator[int]:
    """Where the texts of `ordered` stand in the same content in another order, which is `counted`."""
    if type(counted) is dict:
        for tag, value in ordered.items():
            yield from _places(value, counted[tag])
    elif type(counted) is list:
        for item, number in zip(ordered, counted, strict=True):
            yield from _places(item, number)
    elif counted is not None:
        yield counted


def sight(raw: bytes) -> "Sight | None":
    """A first look at an XML message; None where nothing can be learned from it."""
    if b"&" in raw:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    pieces = text.replace("<", ">").split(">")
    if raw.translate(None, _NO_BRACKETS) != b"<>" * (len(pieces) // 2):
        return None
    return Sight(">".join(pieces[1::2]), pieces[::2])


class Sight:
    """An XML message before it is understood: markup here, text there."""

    __slots__ = ("markup", "place", "texts")

    def __init__(self, markup: str, texts: list[str]) -> None:
        self.markup = markup
        self.texts = texts
        self.place = _place_of_markup(markup)

    def read(self) -> tuple[str, Document] | None:
        """Message and document, if the layout is known and every value ordinary."""
        place = self.place
        if place.layout is None or place.gaps is None:
            return None
        values = place.gaps.values(self.texts)
        if values is None or not place.layout.takes(values):
            return None
        return place.message, place.layout.document(values)

    def learn(self, message: str, document: Document) -> None:
        """Remember, where it comes again, the layout of the document that was read from here by `plan`."""
        if not self.place.is_due():
            return
        found, (layout, order) = outline(document), _learned(message, document)
        if found is None or layout is None or order is not None:
            return
        gaps = _gaps(self.markup, self.texts)
        if gaps is not None and gaps.values(self.texts) == tuple(found[1]):
            self.place.message, self.place.gaps, self.place.layout = message, gaps, layout


class _Gaps(NamedTuple):
    """Which texts of a message are values, and the currencies, which stand in its markup."""

    pick: Picker
    between: Picker
    blanks: str
    """What stood between when these were learned."""
    currencies: list[str]

    def values(self, texts: list[str]) -> tuple[str, ...] | None:
        """Every value, currencies included; None if there is text that is no value."""
        between = "".join(self.between(texts))
        if texts[0] or (between != self.blanks and between.strip(BLANKS)):
            return None
        return self.pick(texts + self.currencies)


def _gaps(markup: str, texts: list[str]) -> _Gaps | None:
    """Where the values are, proven: marks put there are found by a parser, there and nowhere else."""
    tags = markup.split(">")
    if any(tag.startswith("!") for tag in tags):
        return None
    places = {
        number: f"mark-{number}"
        for number, (tag, after) in enumerate(itertools.pairwise(tags), 1)
        if after == f"/{tag.split()[0]}"
    }
    marked = [places.get(number, text) for number, text in enumerate(texts)]
    probe = "".join(f"<{tag}>{text}" for tag, text in zip(tags, marked[1:], strict=True)).encode()
    gaps = list(places)
    found: list[str | None] = []
    currencies: list[str] = []
    pick: list[int] = []
    for element in gates.xml(probe, len(probe)).iter():
        currency = element.get("Ccy")
        if currency is not None:
            pick.append(len(texts) + len(currencies))
            currencies.append(currency)
        if not len(element):
            pick.append(gaps[len(found)] if len(found) < len(gaps) else 0)
            found.append(element.text)
    if found != list(places.values()):
        return None
    between = _picker([number for number in range(1, len(texts)) if number not in places])
    blanks = "".join(between(texts))
    return None if blanks.strip(BLANKS) else _Gaps(_picker(pick), between, blanks, currencies)
