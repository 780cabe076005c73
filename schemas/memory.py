"""What was seen before: the layouts of messages that come again and again.

Banks send the same elements again and again with other values in them. What `plan` has found valid twice is
remembered as a `Layout`. From then on such a message is its values, which go into the gaps after a look at
every one of them. Elements not seen before, and values that a layout does not take, go the long way through
`plan`, which alone refuses, and says where and why.

Layouts are found by a document's *outline* (its tags and brackets without the values) where there is a dict,
and by its *markup* (its tags as they stand) where there are bytes of XML. Whether the gaps of somebody's
markup are where they seem to be is asked of the parser, once. Everything remembered is bounded.
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

Outline = tuple[Any, ...]
"""The elements of a document without its values: tags, and what opens and closes around them."""

LONGEST: Final = 16 * 1024
"""Bytes. Longer messages are statements and the like, no two of which have the same elements."""
REMEMBERED: Final = 512
"""Layouts that are kept, those used last; some ten kilobytes each."""
_LATEST: Final = 4
_MOST_ELEMENTS: Final = 1000
"""Tags, and as many brackets, of a document whose elements are remembered."""

_OBJECT, _ARRAY, _ITEM, _END, _TRUE, _FALSE = (object() for _ in range(6))
"""What stands between the tags in an outline."""

_NO_BRACKETS: Final = bytes(octet for octet in range(256) if octet not in b"<>")

_Learned = TypeVar("_Learned")


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


# Places


class _Place(Generic[_Learned]):
    """Where what is learned of some elements is kept, once they have been seen twice."""

    __slots__ = ("learned", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.learned: _Learned | None = None

    def is_due(self) -> bool:
        """Whether to try to learn: at the second sight, and ever more rarely where that is in vain."""
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
    """A document of a known layout, every value of it ordinary: so it is valid."""

    layout: Layout
    values: Sequence[str]
    """In schema order."""

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
"""Message -> the layouts that were used last: to try one costs less than to make an outline."""


def _remembered(message: str, document: Document) -> Layout | None:
    found = outline(document)
    if found is None:
        return None
    place = _place_of_outline(message, found[0])
    if place.learned is None and place.is_due():
        place.learned = _learned(message, document)
    return place.learned


def _learned(message: str, document: Document) -> Layout | None:
    """The layout of a document that `plan` finds valid, and writes in the very same words."""
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
        if self.place.learned is None:
            return None
        message, layout, gaps = self.place.learned
        values = gaps.values(self.texts)
        return (message, layout.document(values)) if values and layout.takes(values) else None

    def learn(self, message: str, document: Document) -> None:
        """Remember, where it comes again, the layout of the document that was read from here by `plan`."""
        if not self.place.is_due():
            return
        layout = _learned(message, document)
        if layout is None:
            return
        gaps = _gaps(self.markup, self.texts)
        if gaps is not None and gaps.values(self.texts) == layout.values(document):
            self.place.learned = _Marked(message, layout, gaps)


class _Marked(NamedTuple):
    """The layout of some markup, which names the message itself."""

    message: str
    layout: Layout
    gaps: "_Gaps"


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
    between = picker([number for number in range(1, len(texts)) if number not in places])
    blanks = "".join(between(texts))
    return None if blanks.strip(BLANKS) else _Gaps(picker(pick), between, blanks, currencies)
