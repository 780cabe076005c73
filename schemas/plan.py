"""A message's schema, compiled: reads XML into a dict, checks a dict, writes a dict as XML.

The dict is the one form of a message here. Its keys are ISO tags. What may repeat is a list; an amount is
`{"Ccy": "INR", "Amt": "100.00"}`; an indicator is a bool; foreign content is one string of canonical XML;
every other leaf is its text. All three ways check everything that the schema says (names, order,
cardinality, choices, facets), so whatever passes one of them is valid.

Each type becomes a `Shape` of three functions: small closures, and one loop over the members. Every message
goes this way unless `memory` knows its elements, and every refusal is made here.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple, cast

from lxml import etree

from schemas import foreign, lexical
from schemas.catalogue import catalogue
from schemas.catalogue.model import (
    UNBOUNDED,
    Amount,
    Choice,
    Foreign,
    Member,
    Sequence,
    Text,
    Type,
    Value,
)
from schemas.errors import InvalidMessage
from schemas.lexical import BLANKS
from schemas.value_rules import TEXT_CHECKS, Check, Fault, leaf_check

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
_MOST: Final = 1 << 62
_AMOUNT_KEYS: Final = frozenset({"Ccy", "Amt"})
_LOCATIONS: Final = frozenset(
    f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}"
    for name in ("schemaLocation", "noNamespaceSchemaLocation")
)
"""Hints that XML Schema allows everywhere and that mean nothing here: no schema is ever fetched."""


Read = Callable[[etree._Element, list[Fault]], Any]  # noqa: SLF001 - lxml has no public name for it
Accept = Callable[[Any], Any]
Markup = Callable[[str, Any, list[str]], None]


class Shape(NamedTuple):
    """One type, compiled. Every function raises `InvalidMessage` with the path and the rule."""

    read: Read
    """`read(element, odd)`: the content of an XML element; values that a rule might object to go to `odd`."""
    accept: Accept
    """Content from a dict, checked, in schema order."""
    markup: Markup
    """`markup(tag, content, pieces)`: add the content, checked, as XML between its tags."""
    longest: int = 0
    """For plain text of one to this many characters; 0 for everything else."""


@cache
def plan(message: str) -> Shape:
    """The shape of what stands under `Document` (of `AppHdr`'s own content for a header).

    Raises:
        KeyError: the catalogue does not have this message.

    """
    known = catalogue()
    root = known.messages[message]
    if root.tag == "AppHdr":
        return _Compiler(message).shape(root.type)
    return _Compiler(message).members("Document", Sequence((Member(root.tag, root.type),)))


def written(message: str, tag: str, content: Any) -> str:
    """A header (`AppHdr`) or document (`Document`) as XML in its namespace. Raises InvalidMessage."""
    pieces: list[str] = []
    plan(message).markup(tag, content, pieces)
    pieces[0] = f'<{tag} xmlns="{NAMESPACE}{message}">'
    return "".join(pieces)


class _Compiler:
    """Makes the shapes of one message's types, each once."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.prefix = f"{{{NAMESPACE}{message}}}"
        self.made: dict[str, Shape] = {}

    def shape(self, name: str) -> Shape:
        if name not in self.made:
            self.made[name] = self._make(name, catalogue().types[name])
        return self.made[name]

    def _make(self, name: str, kind: Type) -> Shape:
        match kind:
            case Sequence() | Choice():
                return self.members(name, kind)
            case Foreign():
                return _foreign(kind, self.message)
            case _:
                return _leaf(name)

    def members(self, name: str, kind: Sequence | Choice) -> Shape:
        found = _Members(kind, self.prefix)
        shape = Shape(found.read, found.accept, found.markup)
        self.made[name] = shape  # before its members: a type may hold itself
        found.fill([self.shape(member.type) for member in kind.members])
        return shape


# Leaves


@cache
def _leaf(name: str) -> Shape:
    """The shape of a value or an amount: the same in every message."""
    kind, check = catalogue().types[name], leaf_check(name)
    match kind:
        case Amount():
            return _amount(kind, check)
        case Text(pattern=None):
            return _text(kind, check)
        case lexical.BOOLEAN:
            return _boolean(kind)
        case _:
            assert isinstance(kind, Value)
            return _value(kind, check)


def _value(kind: Value, check: Check | None) -> Shape:
    parse = lexical.parser(kind)

    def read(element: etree._Element, odd: list[Fault]) -> Any:
        if len(element) or element.keys():
            _check_bare(element)
        content = parse(element.text or "")
        if check is not None:
            check(content, odd)
        return content

    def accept(content: Any) -> Any:
        if not isinstance(content, str):
            raise InvalidMessage("must be a string", rule="type")
        return _as_it_stands(content, parse(content))

    def markup(tag: str, content: Any, pieces: list[str]) -> None:
        text = accept(content)
        pieces.append(f"<{tag}>{text if text.isalnum() else foreign.escape(text)}</{tag}>")

    return Shape(read, accept, markup)


def _text(kind: Text, check: Check | None) -> Shape:
    """Any characters, of a bounded number: the commonest leaf, so the bounds are tested here."""
    minimum, maximum = kind.minimum, _MOST if kind.maximum is None else kind.maximum
    parse = lexical.parser(kind)

    def read(element: etree._Element, odd: list[Fault]) -> Any:
        content = element.text or ""
        if len(element) or element.keys():
            _check_bare(element)
        if not minimum <= len(content) <= maximum:
            parse(content)
        if check is not None:
            check(content, odd)
        return content

    def accept(content: Any) -> str:
        if not isinstance(content, str):
            raise InvalidMessage("must be a string", rule="type")
        return content if minimum <= len(content) <= maximum else parse(content)

    def markup(tag: str, content: Any, pieces: list[str]) -> None:
        if not isinstance(content, str) or not minimum <= len(content) <= maximum:
            accept(content)
        pieces.append(f"<{tag}>{content if content.isalnum() else foreign.escape(content)}</{tag}>")

    return Shape(read, accept, markup, longest=0 if minimum != 1 or check not in TEXT_CHECKS else maximum)


def _boolean(kind: Value) -> Shape:
    def accept(content: Any) -> bool:
        if type(content) is not bool:
            raise InvalidMessage("must be true or false", rule="type")
        return content

    def markup(tag: str, content: Any, pieces: list[str]) -> None:
        pieces.append(f"<{tag}>{'true' if accept(content) else 'false'}</{tag}>")

    return Shape(_value(kind, None).read, accept, markup)


def _amount(kind: Amount, check: Check | None) -> Shape:  # noqa: C901 - three small functions
    """A number with its currency: `{"Ccy": ..., "Amt": ...}`."""
    types = catalogue().types
    number, unit = _parser(types[kind.number]), _parser(types[kind.currency])

    def checked(code: str, digits: str) -> dict[str, Any]:
        try:
            code = unit(code)
        except InvalidMessage as error:
            raise error.within("@Ccy") from None
        return {"Ccy": code, "Amt": number(digits)}

    def read(element: etree._Element, odd: list[Fault]) -> dict[str, Any]:
        if len(element):
            _check_bare(element)
        code = element.get("Ccy")
        if code is None:
            raise InvalidMessage("is missing", rule="attribute", path="@Ccy")
        if len(element.keys()) != 1:
            _check_attributes(element, "Ccy")
        amount = checked(code, element.text or "")
        if check is not None:
            check(amount, odd)
        return amount

    def accept(content: Any) -> dict[str, Any]:
        match content:
            case {"Ccy": str(code), "Amt": str(digits)} if len(content) == len(("Ccy", "Amt")):
                amount = checked(code, digits)
                _as_it_stands(digits, amount["Amt"])
                return amount
        raise InvalidMessage("must be an object of Ccy and Amt, both strings", rule="type")

    def markup(tag: str, content: Any, pieces: list[str]) -> None:
        amount = accept(content)
        pieces.append(f'<{tag} Ccy="{amount["Ccy"]}">{amount["Amt"]}</{tag}>')

    return Shape(read, accept, markup)


def _as_it_stands(content: str, value: Any) -> Any:
    """XML collapses the blanks around a number; a JSON string has none to collapse."""
    if content != content.strip(BLANKS):
        raise InvalidMessage("must not have blanks around it", rule="blank")
    return value


def _parser(kind: Type) -> lexical.Parser:
    assert isinstance(kind, Value)
    return lexical.parser(kind)


def _foreign(kind: Foreign, message: str) -> Shape:  # noqa: C901 - four small functions
    """Content of another schema, as one string. What the message's own schema knows is held to it."""
    global_element = "AppHdr" if catalogue().messages[message].tag == "AppHdr" else "Document"

    def read(element: etree._Element, _odd: list[Fault]) -> str:
        _check_blank(element.text)
        if element.keys():
            _check_attributes(element)
        for child in element:
            _check_blank(child.tail)
        children = [child for child in element if not _is_comment(child)]
        if len(children) != 1:
            raise InvalidMessage("must hold one element of another schema", rule="foreign")
        check(children[0])
        return foreign.canonical(children[0])

    def check(element: etree._Element) -> None:
        foreign.check(element, kind.namespace)
        if kind.process == "lax":
            for known in element.iter(f"{{{NAMESPACE}{message}}}{global_element}"):
                plan(message).read(known, [])

    def accept(content: Any) -> str:
        if not isinstance(content, str):
            raise InvalidMessage("must be a string of XML", rule="type")
        element = foreign.parse(content)
        check(element)
        return foreign.canonical(element)

    def markup(tag: str, content: Any, pieces: list[str]) -> None:
        pieces.append(f"<{tag}>{foreign.embeddable(accept(content))}</{tag}>")

    return Shape(read, accept, markup)


# Elements


class _Members:
    """The members of a sequence or choice.

    A step is (index, after, maximum, ...): `after` is the index of the nearest mandatory member before. In a
    choice every member has index 0, so that a second one is out of place.
    """

    __slots__ = ("by_name", "by_tag", "is_choice", "kind", "last_required", "prefix")

    def __init__(self, kind: Sequence | Choice, prefix: str) -> None:
        self.kind = kind
        self.prefix = prefix
        self.is_choice = isinstance(kind, Choice)
        self.by_name: dict[Any, tuple[int, int, int, Accept, Markup, int]] = {}
        self.by_tag: dict[Any, tuple[int, int, int, str, Read, int]] = {}
        self.last_required = -1

    def fill(self, shapes: list[Shape]) -> None:
        """Take the members' shapes; apart from `__init__` because a type may hold itself."""
        for index, (member, shape) in enumerate(zip(self.kind.members, shapes, strict=True)):
            place, after = (0, -1) if self.is_choice else (index, self.last_required)
            maximum = _MOST if member.maximum == UNBOUNDED else member.maximum
            self.by_name[member.tag] = (place, after, maximum, shape.accept, shape.markup, shape.longest)
            self.by_tag[self.prefix + member.tag] = (
                place,
                after,
                maximum,
                member.tag,
                shape.read,
                shape.longest,
            )
            if member.minimum and not self.is_choice:
                self.last_required = index
        if self.is_choice and all(member.minimum for member in self.kind.members):
            self.last_required = 0

    def read(self, element: etree._Element, odd: list[Fault]) -> dict[str, Any]:  # noqa: C901, PLR0912
        content: dict[str, Any] = {}
        by_tag = self.by_tag
        last = -1
        if (text := element.text) is not None and text.strip(BLANKS):
            _check_blank(text)
        if element.keys():
            _check_attributes(element)
        for child in element[:]:  # type: ignore[index]  # a slice costs half of an iterator
            if (tail := child.tail) is not None and tail.strip(BLANKS):
                _check_blank(tail)
            step = by_tag.get(child.tag)
            if step is None:
                _check_comment(child)
                continue
            index, after, maximum, tag, take, longest = step
            if index > last:
                if last < after:
                    raise self._missing(content)
                last = index
            elif maximum == 1 or tag not in content or index != last:
                raise self._misplaced(tag, content)
            # A text to which no rule could object, as most are, is done here; the rest goes the long way.
            if (
                longest
                and maximum == 1
                and (value := child.text) is not None
                and len(value) <= longest
                and value.isprintable()
                and value.isascii()
                and " " not in (value[0], value[-1])
                and not len(child)
                and not child.keys()
            ):
                content[tag] = value
                continue
            try:
                if maximum == 1:
                    content[tag] = take(child, odd)
                elif tag not in content:
                    content[tag] = [take(child, odd)]
                else:
                    content[tag].append(take(child, odd))
                    if len(content[tag]) > maximum:
                        raise _too_many(maximum)
            except InvalidMessage as error:
                raise error.within(_place(tag, len(content.get(tag, ())))) from None
        if last < self.last_required:
            raise self._missing(content)
        return content

    def accept(self, content: Any) -> dict[str, Any]:
        if not self._is_ordered(content):
            content = self._ordered(content)
        by_name = self.by_name
        checked: dict[str, Any] = {}
        for tag, value in content.items():
            _, _, maximum, take, _, _ = by_name[tag]
            items: list[Any] = []
            try:
                if maximum == 1:
                    checked[tag] = take(value)
                else:
                    checked[tag] = items
                    for item in _items(value, maximum):
                        items.append(take(item))  # noqa: PERF401 - the path needs their number
            except InvalidMessage as error:
                raise error.within(_place(tag, len(items))) from None
        return checked

    def markup(self, tag: str, content: Any, pieces: list[str]) -> None:
        if type(content) is not dict:
            raise InvalidMessage("must be an object", rule="type")
        by_name = self.by_name
        start = len(pieces)
        pieces.append(f"<{tag}>")
        last = -1
        for name, value in content.items():
            step = by_name.get(name)
            if step is None or step[0] <= last or last < step[1]:
                last = _MOST  # write it again, in order
                break
            last, _, maximum, _, write, longest = step
            # As in `read`: what is a plain word needs no call.
            if longest and maximum == 1 and type(value) is str and value.isalnum() and len(value) <= longest:
                pieces.append(f"<{name}>{value}</{name}>")
                continue
            try:
                if maximum == 1:
                    write(name, value, pieces)
                    continue
                number = 0
                for number, item in enumerate(_items(value, maximum)):  # noqa: B007 - the path needs it
                    write(name, item, pieces)
            except InvalidMessage as error:
                raise error.within(_place(name, number if maximum != 1 else 0)) from None
        if not self.last_required <= last < _MOST:
            del pieces[start:]
            self.markup(tag, self._ordered(content), pieces)
        else:
            pieces.append(f"</{tag}>")

    def _is_ordered(self, content: Any) -> bool:
        """Whether the members stand in schema order, complete and known: what `read` makes always does."""
        if type(content) is not dict:
            raise InvalidMessage("must be an object", rule="type")
        by_name = self.by_name
        last = -1
        for tag in content:
            step = by_name.get(tag)
            if step is None or step[0] <= last or last < step[1]:
                return False
            last = step[0]
        return last >= self.last_required

    def _ordered(self, content: dict[Any, Any]) -> dict[str, Any]:
        """The members in schema order. Raises InvalidMessage where one is unknown or missing."""
        by_name = self.by_name
        for tag in content:
            if tag not in by_name:
                raise InvalidMessage("is not in the schema here", rule="element", path=_printable(tag))
        self._check_complete(content)
        return dict(sorted(content.items(), key=lambda item: by_name[item[0]][0]))

    def _check_complete(self, content: dict[str, Any]) -> None:
        if self.is_choice:
            if len(content) > 1:
                raise InvalidMessage(f"must be only one of {self._names()}", rule="choice")
            if not content and self.last_required == 0:
                raise self._missing(content)
        elif any(member.minimum and member.tag not in content for member in self.kind.members):
            raise self._missing(content)

    def _names(self) -> str:
        return ", ".join(member.tag for member in self.kind.members)

    def _missing(self, content: dict[str, Any]) -> InvalidMessage:
        if self.is_choice:
            return InvalidMessage(f"must hold one of {self._names()}", rule="choice")
        tags = (member.tag for member in self.kind.members if member.minimum and member.tag not in content)
        return InvalidMessage("is missing", rule="missing", path=next(tags))

    def _misplaced(self, tag: str, content: dict[str, Any]) -> InvalidMessage:
        if self.is_choice and tag not in content:
            return InvalidMessage(f"must be only one of {self._names()}", rule="choice", path=tag)
        if tag in content and tag == list(content)[-1]:
            return _too_many(1).within(tag)
        return InvalidMessage("stands after an element that must follow it", rule="order", path=tag)


def _items(value: Any, maximum: int) -> list[Any]:
    if type(value) is not list or not value:
        raise InvalidMessage("must be an array of at least one", rule="type")
    if len(value) > maximum:
        raise _too_many(maximum)
    return value


def _too_many(maximum: int) -> InvalidMessage:
    times = "once" if maximum == 1 else f"{maximum} times"
    return InvalidMessage(f"may be there only {times}", rule="repetition")


def _place(tag: str, before: int) -> str:
    return f"{tag}[{before + 1}]" if before else tag


def _printable(tag: Any) -> str:
    """A name from outside, made safe to show."""
    text = tag if isinstance(tag, str) else type(tag).__name__
    return text if text.isascii() and text.isprintable() and len(text) <= 40 else "?"  # noqa: PLR2004


def _is_comment(element: etree._Element) -> bool:
    return cast("Any", element.tag) is etree.Comment


def _check_comment(element: etree._Element) -> None:
    """Comments between elements mean nothing; any other stranger is refused."""
    if not _is_comment(element):
        name = etree.QName(element)
        raise InvalidMessage("is not in the schema here", rule="element", path=_printable(name.localname))


def _check_bare(element: etree._Element) -> None:
    """A leaf holds text only. Called when it has children or attributes."""
    for child in element:
        if _is_comment(child):
            raise InvalidMessage("a comment stands inside a value", rule="comment")
        raise InvalidMessage("must hold text only", rule="element")
    _check_attributes(element)


def _check_attributes(element: etree._Element, known: str | None = None) -> None:
    for name in element.keys():  # noqa: SIM118 - an lxml element iterates its children
        if name != known and name not in _LOCATIONS:
            raise InvalidMessage("has an attribute that its schema does not know", rule="attribute")


def _check_blank(text: str | None) -> None:
    if text is not None and text.strip(BLANKS):
        raise InvalidMessage("has text between its elements", rule="text")
