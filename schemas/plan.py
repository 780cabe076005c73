"""The compiled schema of a message: reads XML into a dict, checks a dict, writes a dict as XML.

The dict is the internal form of a message. Its keys are ISO tags. A repeatable element is a list; an amount
is `{"Ccy": "INR", "Amt": "100.00"}`; an indicator is a bool, or 1 or 0 if written so; foreign content is one
string of canonical XML; every other leaf is its text. All three functions check the whole schema (names,
order, cardinality, choices, facets), so whatever passes one of them is valid.

Each type becomes a `Shape` of three functions: small closures, and one loop over the members. Every message
is processed here unless `memory` knows its elements, and every refusal is made here.
"""

import re
from collections.abc import Callable
from functools import cache
from itertools import groupby
from typing import Any, Final, NamedTuple, cast

from lxml import etree

from schemas import foreign, lexical
from schemas.catalogue import catalogue, model
from schemas.catalogue.model import (
    UNBOUNDED,
    Choice,
    Code,
    CurrencyAndAmount,
    Foreign,
    Member,
    Sequence,
    Text,
    Type,
    Value,
)
from schemas.errors import InvalidMessage
from schemas.lexical import BLANKS
from schemas.value_rules import TEXT_CHECKS, Check, ValueFault, leaf_check

NAMESPACE: Final = model.NAMESPACE
_MOST: Final = 1 << 62
_NAME: Final = re.compile(r"(?!.*\d{5})[A-Za-z_$@][\w.:-]{0,39}", re.ASCII)
"""What is shown of an unknown element's name."""
_AMOUNT_KEYS: Final = frozenset({"Ccy", "Amt"})
_LOCATIONS: Final = frozenset(
    f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}"
    for name in ("schemaLocation", "noNamespaceSchemaLocation")
)
"""Hints that XML Schema allows everywhere and that are ignored: no schema is downloaded."""


Read = Callable[[etree._Element, list[ValueFault]], Any]  # noqa: SLF001 - lxml has no public name for it
Accept = Callable[[Any], Any]
Markup = Callable[[str, Any, list[str]], None]


class Shape(NamedTuple):
    """One type, compiled. Every function raises `InvalidMessage` with the path and the rule."""

    read: Read
    """`read(element, odd)`: the content of an XML element; adds values that may break a rule to `odd`."""
    accept: Accept
    """Content from a dict, checked, in schema order."""
    markup: Markup
    """`markup(tag, content, pieces)`: add the content, checked, as XML between its tags."""
    longest: int = 0
    """The largest length of a plain text; 0 for every other type."""


@cache
def plan(message: str) -> Shape:
    """The shape of the content of `Document` (of `AppHdr` for a header).

    Raises:
        KeyError: the catalogue does not have this message.

    """
    root = catalogue().messages[message]
    if root.is_bare:
        return _Compiler(message).shape(root.type)
    return _Compiler(message).members("Document", document_type(message))


def document_type(message: str) -> Sequence:
    """The type of a message's `Document`."""
    root = catalogue().messages[message]
    return Sequence((Member(root.tag, root.type),))


def namespace(message: str) -> str:
    """The namespace of a message of the catalogue."""
    return f"{catalogue().messages[message].space}{message}"


@cache
def part(message: str, name: str) -> Shape:
    """The shape of one type of a message."""
    return _Compiler(message).shape(name)


def written(message: str, tag: str, content: Any) -> str:
    """A header (`AppHdr`) or document (`Document`) as XML in its namespace. Raises InvalidMessage."""
    pieces: list[str] = []
    plan(message).markup(tag, content, pieces)
    pieces[0] = f'<{tag} xmlns="{namespace(message)}">'
    return "".join(pieces)


class _Compiler:
    """Makes the shapes of the types of one message, each once."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.prefix = f"{{{namespace(message)}}}"
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
        shape = found.shape()
        self.made[name] = shape  # before its members: a type may contain itself
        found.fill([self.shape(member.type) for member in kind.members])
        return shape


# Leaves


@cache
def _leaf(name: str) -> Shape:
    """The shape of a value or an amount: the same in every message."""
    kind, check = catalogue().types[name], leaf_check(name)
    match kind:
        case CurrencyAndAmount():
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
    collapses = not isinstance(kind, Text | Code)

    def read(element: etree._Element, odd: list[ValueFault]) -> Any:
        if len(element) or element.keys():
            _check_bare(element)
        content = parse(element.text or "")
        if check is not None:
            check(content, odd)
        return content

    def accept(content: Any) -> Any:
        if not isinstance(content, str):
            raise InvalidMessage("must be a string", rule="type")
        return _as_it_stands(content, parse(content)) if collapses else parse(content)

    def markup(tag: str, content: Any, pieces: list[str]) -> None:
        text = accept(content)
        pieces.append(f"<{tag}>{text if text.isalnum() else foreign.escape(text)}</{tag}>")

    return Shape(read, accept, markup)


def _text(kind: Text, check: Check | None) -> Shape:
    """Any characters with a length limit: the most common leaf, so the limits are checked here."""
    minimum, maximum = kind.minimum, _MOST if kind.maximum is None else kind.maximum
    parse = lexical.parser(kind)

    def read(element: etree._Element, odd: list[ValueFault]) -> Any:
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
        if type(content) is not bool and not (type(content) is int and content in {0, 1}):
            raise InvalidMessage("must be true or false", rule="type", expected=lexical.BOOLEAN)
        return cast("bool", content)

    def markup(tag: str, content: Any, pieces: list[str]) -> None:
        pieces.append(f"<{tag}>{str(accept(content)).lower()}</{tag}>")

    return Shape(_value(kind, None).read, accept, markup)


def _amount(kind: CurrencyAndAmount, check: Check | None) -> Shape:  # noqa: C901 - three small functions
    """A number with its currency: `{"Ccy": ..., "Amt": ...}`."""
    types = catalogue().types
    number, unit = _parser(types[kind.number]), _parser(types[kind.currency])

    def checked(code: str, digits: str) -> dict[str, Any]:
        try:
            code = unit(code)
        except InvalidMessage as error:
            raise error.within("@Ccy") from None
        return {"Ccy": code, "Amt": number(digits)}

    def read(element: etree._Element, odd: list[ValueFault]) -> dict[str, Any]:
        if len(element):
            _check_bare(element)
        code = element.get("Ccy")
        if code is None:
            raise InvalidMessage("is missing", rule="attribute", path="@Ccy")
        if len(element.keys()) != 1:
            check_attributes(element, "Ccy")
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
    """XML ignores blanks around a number; a JSON string must have none."""
    if content != content.strip(BLANKS):
        raise InvalidMessage("must not begin or end with a blank", rule="blank")
    return value


def _parser(kind: Type) -> lexical.Parser:
    assert isinstance(kind, Value)
    return lexical.parser(kind)


def _foreign(kind: Foreign, message: str) -> Shape:  # noqa: C901 - four small functions
    """Content of another schema, as one string. Elements of the message's own schema are validated by it."""
    root = catalogue().messages[message]
    global_element = f"{{{namespace(message)}}}{root.tag if root.is_bare else 'Document'}"

    def read(element: etree._Element, _odd: list[ValueFault]) -> str:
        _check_blank(element.text)
        if element.keys():
            check_attributes(element)
        for child in element:
            _check_blank(child.tail)
        children = [child for child in element if not is_comment(child)]
        if len(children) != 1:
            raise InvalidMessage("must contain one element of another schema", rule="foreign")
        check(children[0])
        return foreign.canonical(children[0])

    def check(element: etree._Element) -> None:
        foreign.check(element, kind.namespace)
        if kind.process == "strict" and element.tag != global_element:
            raise InvalidMessage("must be an element whose schema is known", rule="foreign")
        if kind.process != "skip":
            for known in element.iter(global_element):
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

    A step is (index, after, maximum, ...): `after` is the index of the nearest mandatory member before. The
    alternatives of a choice have one index, so that a second one is out of place.
    """

    __slots__ = ("by_name", "by_tag", "kind", "last_required", "prefix")

    def __init__(self, kind: Sequence | Choice, prefix: str) -> None:
        self.kind = kind
        self.prefix = prefix
        self.by_name: dict[Any, tuple[int, int, int, Accept, Markup, int]] = {}
        self.by_tag: dict[Any, tuple[int, int, int, str, Read, int]] = {}
        self.last_required = -1

    def shape(self) -> Shape:
        """The shape, complete after `fill`. Only a type with a minimum of two or more counts occurrences."""
        if all(member.minimum <= 1 for member in self.kind.members):
            return Shape(self.read, self.accept, self.markup)
        return Shape(self._read_counted, self._accept_counted, self._markup_counted)

    def fill(self, shapes: list[Shape]) -> None:
        """Set the shapes of the members; separate from `__init__` because a type may contain itself."""
        shape_of = dict(zip((member.tag for member in self.kind.members), shapes, strict=True))
        for place, members in enumerate(places(self.kind)):
            for member in members:
                shape = shape_of[member.tag]
                maximum = _MOST if member.maximum == UNBOUNDED else member.maximum
                step = (place, self.last_required, maximum)
                self.by_name[member.tag] = (*step, shape.accept, shape.markup, shape.longest)
                self.by_tag[self.prefix + member.tag] = (*step, member.tag, shape.read, shape.longest)
            if all(member.minimum for member in members):
                self.last_required = place

    def read(self, element: etree._Element, odd: list[ValueFault]) -> dict[str, Any]:  # noqa: C901, PLR0912
        content: dict[str, Any] = {}
        by_tag = self.by_tag
        last = -1
        if (text := element.text) is not None and text.strip(BLANKS):
            _check_blank(text)
        if element.keys():
            check_attributes(element)
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
            # A text that cannot break a rule, as most are, is handled here; the rest takes the slow path.
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
                        raise too_many(maximum)
            except InvalidMessage as error:
                raise error.within(numbered(tag, len(content.get(tag, ())))) from None
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
                raise error.within(numbered(tag, len(items))) from None
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
            # As in `read`: a plain word needs no call.
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
                raise error.within(numbered(name, number if maximum != 1 else 0)) from None
        if not self.last_required <= last < _MOST:
            del pieces[start:]
            self.markup(tag, self._ordered(content), pieces)
        else:
            pieces.append(f"</{tag}>")

    def _read_counted(self, element: etree._Element, odd: list[ValueFault]) -> dict[str, Any]:
        return self._counted(self.read(element, odd))

    def _accept_counted(self, content: Any) -> dict[str, Any]:
        return self._counted(self.accept(content))

    def _markup_counted(self, tag: str, content: Any, pieces: list[str]) -> None:
        self.markup(tag, content, pieces)
        self._counted(content)

    def _counted(self, content: dict[str, Any]) -> dict[str, Any]:
        for member in self.kind.members:
            if member.minimum > 1 and 0 < len(content.get(member.tag, ())) < member.minimum:
                raise too_few(member.minimum).within(member.tag)
        return content

    def _is_ordered(self, content: Any) -> bool:
        """Whether the members are in schema order, complete and known: always true after `read`."""
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
        """The members in schema order. Raises InvalidMessage if one is unknown or missing."""
        by_name = self.by_name
        for tag in content:
            if tag not in by_name:
                raise unknown(tag)
        self._check_complete(content)
        return dict(sorted(content.items(), key=lambda item: by_name[item[0]][0]))

    def _check_complete(self, content: dict[str, Any]) -> None:
        for members in places(self.kind):
            present = [member for member in members if member.tag in content]
            if len(present) > 1:
                raise only_one_of(members)
        if any(_is_missing(members, content) for members in places(self.kind)):
            raise self._missing(content)

    def _missing(self, content: dict[str, Any]) -> InvalidMessage:
        return missing(next(members for members in places(self.kind) if _is_missing(members, content)))

    def _misplaced(self, tag: str, content: dict[str, Any]) -> InvalidMessage:
        mates = next(members for members in places(self.kind) if any(member.tag == tag for member in members))
        if tag not in content and any(member.tag in content for member in mates):
            return only_one_of(mates).within(tag)
        if tag in content and tag == list(content)[-1]:
            return too_many(1).within(tag)
        return out_of_order().within(tag)


def places(kind: Sequence | Choice) -> list[tuple[Member, ...]]:
    """The members in order; alternatives of one choice share a place."""
    if isinstance(kind, Choice):
        return [kind.members]
    grouped = groupby(enumerate(kind.members), lambda item: -item[1].choice or item[0])
    return [tuple(member for _, member in group) for _, group in grouped]


def _is_missing(members: tuple[Member, ...], content: dict[str, Any]) -> bool:
    return all(member.minimum and member.tag not in content for member in members)


# What may be wrong with elements


def _names(members: tuple[Member, ...]) -> str:
    return ", ".join(member.tag for member in members)


def missing(members: tuple[Member, ...]) -> InvalidMessage:
    """The error if none of the members that share a place is present, but one is mandatory."""
    if len(members) == 1:
        return InvalidMessage("is missing", rule="missing", path=members[0].tag)
    return InvalidMessage(f"must contain one of {_names(members)}", rule="choice", expected=_names(members))


def only_one_of(members: tuple[Member, ...]) -> InvalidMessage:
    """The error if two alternatives are present."""
    return InvalidMessage(f"must be only one of {_names(members)}", rule="choice", expected=_names(members))


def out_of_order() -> InvalidMessage:
    """The error of an element in the wrong order."""
    return InvalidMessage("is after an element that must follow it", rule="order")


def unknown(name: str, expected: str | None = None) -> InvalidMessage:
    """The error of an unknown element."""
    return InvalidMessage(
        "is not allowed here by the schema", rule="element", path=printable(name), expected=expected
    )


def too_many(maximum: int) -> InvalidMessage:
    """The error of too many occurrences."""
    times = "once" if maximum == 1 else f"{maximum} times"
    return InvalidMessage(f"may occur only {times}", rule="repetition", expected=f"at most {times}")


def too_few(minimum: int) -> InvalidMessage:
    """The error of too few occurrences."""
    return InvalidMessage(
        f"must occur at least {minimum} times", rule="repetition", expected=f"at least {minimum} times"
    )


def _items(value: Any, maximum: int) -> list[Any]:
    if type(value) is not list or not value:
        raise InvalidMessage("must be an array of at least one", rule="type")
    if len(value) > maximum:
        raise too_many(maximum)
    return value


def numbered(tag: str, before: int) -> str:
    """A tag as a step of a path, with its number if there are others before it."""
    return f"{tag}[{before + 1}]" if before else tag


def printable(tag: Any) -> str:
    """Make a name from outside safe to show: `?` if it may be an account, a name or a sentence."""
    text = tag if isinstance(tag, str) else type(tag).__name__
    return text if _NAME.fullmatch(text) else "?"


def is_comment(element: etree._Element) -> bool:
    """Whether this is a comment, not an element."""
    return cast("Any", element.tag) is etree.Comment


def _check_comment(element: etree._Element) -> None:
    """Comments between elements are ignored; anything else is refused."""
    if not is_comment(element):
        raise unknown(etree.QName(element).localname)


def _check_bare(element: etree._Element) -> None:
    """Refuse children and attributes of a leaf, which may only contain text."""
    for child in element:
        if is_comment(child):
            raise InvalidMessage("contains a comment inside a value", rule="comment")
        raise InvalidMessage("must contain only text", rule="element")
    check_attributes(element)


def check_attributes(element: etree._Element, known: str | None = None) -> None:
    """Refuse an attribute that is neither `known` nor an ignored hint."""
    for name in element.keys():  # noqa: SIM118 - an lxml element iterates its children
        if name != known and name not in _LOCATIONS:
            raise InvalidMessage("has an attribute that the schema does not allow", rule="attribute")


def _check_blank(text: str | None) -> None:
    if text is not None and text.strip(BLANKS):
        raise InvalidMessage("has text between its elements", rule="text")
