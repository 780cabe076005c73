"""A cache of the layouts of repeated messages.

Banks send the same elements repeatedly with different values. Elements that `plan` has found valid twice are
stored as a `Layout`. From then on, only the values of such a message are checked and put into the gaps. New
arrangements of elements, and values that a layout does not accept, take the slow path through `plan`, which
alone refuses messages and states where and why.

Layouts are found by the *outline* of a dict (tags and brackets without the values), and by the *markup* of
the bytes as received: the tags of XML, the punctuation and the names of JSON. The parser verifies once where
the gaps of a markup are. The cache is bounded.
"""

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

from schemas import gates
from schemas.catalogue import catalogue
from schemas.errors import InvalidMessage
from schemas.layout import Document, Layout, Picker, are_plain, picker
from schemas.lexical import BLANKS
from schemas.plan import plan, written
from schemas.value_rules import ValueFault

Outline = tuple[Any, ...]
"""The elements of a document without its values: tags and brackets."""

LONGEST: Final = 16 * 1024
"""Bytes. Longer messages are statements and similar, which never have the same elements twice."""
REMEMBERED: Final = 512
"""The largest number of layouts, the most recently used; some ten kilobytes each."""
_LATEST: Final = 4
_MOST_ELEMENTS: Final = 1000
"""The largest number of tags, and of brackets, of a document to remember."""

_OBJECT, _ARRAY, _ITEM, _END, _TRUE, _FALSE = (object() for _ in range(6))
"""The brackets between the tags in an outline."""

_NO_BRACKETS: Final = bytes(octet for octet in range(256) if octet not in b"<>")

_Learned = TypeVar("_Learned")


# Outlines


def outline(document: Any) -> tuple[Outline, list[str]] | None:
    """Separate the elements of a document from its values; None if it cannot be a message."""
    elements: list[Any] = []
    values: list[str] = []
    try:
        _trace(document, elements.append, values.append)
    except (_NoMessage, RecursionError):
        return None
    return (tuple(elements), values) if len(elements) <= _MOST_ELEMENTS else None


class _NoMessage(Exception):
    """A value that is not a text, indicator, object or array."""


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


# Places


class _Place(Generic[_Learned]):
    """The entry of one arrangement of elements, learned when it was seen twice."""

    __slots__ = ("learned", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.learned: _Learned | None = None

    def is_due(self) -> bool:
        """Whether to try to learn: at the second occurrence, and less and less often after failures."""
        self.seen += 1
        return self.seen > 1 and self.seen & (self.seen - 1) == 0


@lru_cache(maxsize=REMEMBERED)
def _place_of_outline(message: str, elements: Outline) -> _Place[Layout]:  # noqa: ARG001 - the cache's key
    return _Place()


@lru_cache(maxsize=REMEMBERED)
def _place_of_markup(markup: str) -> "_Place[_Marked]":  # noqa: ARG001 - the cache's key
    return _Place()


# Documents


class Known(NamedTuple):
    """A document of a known layout with only ordinary values, which is therefore valid."""

    layout: Layout
    values: Sequence[str]
    """The values in schema order."""

    @property
    def xml(self) -> str:
        """The content as XML."""
        return self.layout.xml(self.values)

    @property
    def json(self) -> str:
        """The content as JSON."""
        return self.layout.json(self.values)


def known(message: str, document: Document) -> Known | None:
    """Match a document with a known layout. Repeated elements are learned here."""
    latest = _latest.get(message, ())
    for layout in latest:
        values = layout.values(document)
        if values is not None:
            return Known(layout, values) if layout.takes(values) else None
    remembered = _remembered(message, document)
    if remembered is not None:
        _latest[message] = (remembered, *latest[: _LATEST - 1])
        values = remembered.values(document)
        return Known(remembered, values) if values is not None and remembered.takes(values) else None
    return None


_latest: Final[dict[str, tuple[Layout, ...]]] = {}
"""Message -> the last used layouts: trying one costs less than making an outline."""


def _remembered(message: str, document: Document) -> Layout | None:
    found = outline(document)
    if found is None:
        return None
    place = _place_of_outline(message, found[0])
    if place.learned is None and place.is_due():
        place.learned = _learned(message, document)
    return place.learned


def _shared(message: str, document: Document) -> Layout | None:
    """The layout of a repeated document: markups that differ in blanks or in currencies have the same one."""
    found = outline(document)
    if found is None:
        return None
    place = _place_of_outline(message, found[0])
    if place.learned is None:
        place.learned = _learned(message, document)
    return place.learned


def _learned(message: str, document: Document) -> Layout | None:
    """The layout of a document that `plan` finds valid, and writes identically."""
    root = catalogue().messages.get(message)
    if root is None or root.tag == "AppHdr":
        return None
    try:
        content = plan(message).accept(document)
        text = written(message, "Document", content)
    except InvalidMessage:
        return None
    found = outline(content)
    if found is None or not are_plain(found[1]):
        return None
    layout = Layout(message, content)
    values = layout.values(document)
    if values is None or list(values) != found[1]:
        return None
    return layout if layout.xml(values) == text and layout.document(values) == content else None


# Bytes


def sight(raw: bytes) -> "Sight | None":
    """Split an XML message into markup and texts; None if it cannot be learned."""
    if b"&" in raw:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    pieces = text.replace("<", ">").split(">")
    if raw.translate(None, _NO_BRACKETS) != b"<>" * (len(pieces) // 2):
        return None
    return Sight(">".join(pieces[1::2]), pieces[::2], _gaps)


def sight_of_json(raw: bytes) -> "Sight | None":
    """Split a JSON message into markup, which is what is outside of strings and all names, and strings."""
    if b"\\" in raw:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    pieces = text.split('"')
    if len(pieces) % 2 == 0:
        return None
    outside = '"'.join(pieces[::2])
    message = text.partition('"$type":"')[2].partition('"')[0]
    return Sight('"'.join((outside, message, *_names(outside)(pieces))), pieces, _gaps_of_json)


@lru_cache(maxsize=REMEMBERED)
def _names(outside: str) -> Picker:
    """The picker of the names in a JSON text: the strings before a colon."""
    after = enumerate(outside.split('"')[1:])
    return picker([2 * number + 1 for number, piece in after if piece.lstrip().startswith(":")])


class Read(NamedTuple):
    """A message that is valid by its schema."""

    message: str
    document: Document
    unlisted: tuple[ValueFault, ...]
    """The rules that its values break: those of code lists, and no other."""


class Sight:
    """A message before parsing, split into markup and texts."""

    __slots__ = ("_find_gaps", "markup", "place", "texts")

    def __init__(
        self, markup: str, texts: list[str], find_gaps: "Callable[[Sight, Layout], _AnyGaps | None]"
    ) -> None:
        self.markup = markup
        self.texts = texts
        self.place = _place_of_markup(markup)
        self._find_gaps = find_gaps

    def read(self) -> Read | None:
        """Read the message, if its layout is known and takes every value."""
        if self.place.learned is None:
            return None
        message, layout, gaps = self.place.learned
        values = gaps.values(self.texts)
        if not values or not layout.takes(values):
            return None
        return Read(message, layout.document(values), layout.unlisted(values))

    def learn(self, message: str, document: Document) -> None:
        """Learn the layout of the document that `plan` read from this message, if it is a repetition."""
        if not self.place.is_due():
            return
        layout = _shared(message, document)
        if layout is None:
            return
        gaps = self._find_gaps(self, layout)
        if gaps is not None and gaps.values(self.texts) == layout.values(document):
            self.place.learned = _Marked(message, layout, gaps)


class _Marked(NamedTuple):
    """What is remembered of one markup: its message definition, its layout, and where the values are."""

    message: str
    layout: Layout
    gaps: "_AnyGaps"


class _Gaps(NamedTuple):
    """How to pick the values out of the texts of a message; currencies are attributes, so they are here."""

    pick: Picker
    between: Picker
    blanks: str
    """The other texts when this was learned."""
    currencies: list[str]

    def values(self, texts: list[str]) -> tuple[str, ...] | None:
        """Every value, including currencies; None if there is other text."""
        between = "".join(self.between(texts))
        if texts[0] or (between != self.blanks and between.strip(BLANKS)):
            return None
        return self.pick(texts + self.currencies)


def _gaps(sight: Sight, _layout: Layout) -> _Gaps | None:
    """Find the gaps of values, verified: a parser finds marks at these places and nowhere else."""
    tags, texts = sight.markup.split(">"), sight.texts
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
    between = picker([number for number in range(1, len(texts)) if number not in places])
    blanks = "".join(between(texts))
    return None if blanks.strip(BLANKS) else _Gaps(picker(pick), between, blanks, currencies)


class _GapsOfJson(NamedTuple):
    """How to pick the values, and the name of the message, out of the strings of a message."""

    pick: Picker
    message: str
    message_at: int

    def values(self, texts: list[str]) -> tuple[str, ...] | None:
        """Every value; None if it is another message."""
        return self.pick(texts) if texts[self.message_at] == self.message else None


_AnyGaps = _Gaps | _GapsOfJson


def _gaps_of_json(sight: Sight, layout: Layout) -> _GapsOfJson | None:
    """Find the gaps of values, verified as in XML: the parser finds the marks where the layout has values."""
    names = set(_names('"'.join(sight.texts[::2]))(range(len(sight.texts))))
    places = {f"mark-{number}": number for number in range(1, len(sight.texts), 2) if number not in names}
    marks = {number: mark for mark, number in places.items()}
    probe = '"'.join(marks.get(number, text) for number, text in enumerate(sight.texts)).encode()
    found = gates.json_object(probe, len(probe))
    if found.keys() != {"$type", "Document"} or type(found["$type"]) is not str:
        return None
    values, message_at = layout.values(found["Document"]), places.get(found["$type"])
    if values is None or message_at is None or {*values, found["$type"]} != places.keys():
        return None
    return _GapsOfJson(picker([places[value] for value in values]), sight.texts[message_at], message_at)
