"""All errors of a message, after a first error was found.

`plan` is fast and refuses a message at its first error. To correct the message, its author needs all errors,
their places, and the expected values. So a refused message is checked again here, by the same types and the
same leaves, without stopping, up to `MOST_PROBLEMS`. Lines and columns come from a second parse of the bytes,
up to the last element with a problem.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final
from xml.parsers import expat

from lxml import etree

from schemas import plan
from schemas.catalogue import catalogue
from schemas.catalogue.model import UNBOUNDED, Choice, Member, Sequence, Type
from schemas.errors import MOST_PROBLEMS, InvalidMessage, Problem
from schemas.lexical import BLANKS

_MOST_NAMES: Final = 40
"""The largest number of element names to list as allowed at a place."""


def add_problems(error: InvalidMessage, message: str, kind: Type, element: etree._Element) -> None:
    """Add to `error` all problems below an element of `message` whose type is `kind`."""
    found = _Found(message)
    with suppress(_EnoughError):
        found.read(kind, element, "")
    _keep(error, found)


def add_problems_of_json(error: InvalidMessage, message: str, kind: Type, content: Any) -> None:
    """As `add_problems`, for content in JSON, which has paths but no lines."""
    found = _Found(message)
    with suppress(_EnoughError):
        found.accept(kind, content, "")
    _keep(error, found)


def add_places(error: InvalidMessage, raw: bytes, root: etree._Element) -> None:
    """Add lines and columns to the problems of an error, whose elements are below `root`."""
    places = _places(raw, root, [element for element in error.elements if element is not None])
    error.problems = tuple(
        problem if element is None or id(element) not in places else _at(problem, places[id(element)])
        for problem, element in zip(error.problems, error.elements or [None] * MOST_PROBLEMS, strict=False)
    )
    error.line, error.column = error.problems[0].line, error.problems[0].column


def located(
    raw: bytes, root: etree._Element, top: Mapping[str, etree._Element], problems: list[Problem]
) -> list[Problem]:
    """Add lines and columns to problems: of the element at the path, or of the nearest one.

    Args:
        raw: The message's bytes.
        root: The parsed root element.
        top: The elements in which paths may begin.
        problems: The problems found by rules.

    """
    elements = [_element_at(problem.path, top) for problem in problems]
    places = _places(raw, root, [element for element in elements if element is not None])
    return [
        problem if element is None or id(element) not in places else _at(problem, places[id(element)])
        for problem, element in zip(problems, elements, strict=True)
    ]


def _keep(error: InvalidMessage, found: "_Found") -> None:
    if found.problems:
        error.problems, error.elements = tuple(found.problems), tuple(found.elements)


def _at(problem: Problem, place: tuple[int, int]) -> Problem:
    return replace(problem, line=place[0], column=place[1])


class _EnoughError(Exception):
    """The largest number of problems is reached."""


@dataclass
class _Found:
    """The problems of one message in document order, with their elements."""

    message: str
    problems: list[Problem] = field(default_factory=list)
    elements: list[etree._Element | None] = field(default_factory=list)

    def add(self, error: InvalidMessage, path: str, element: etree._Element | None = None) -> None:
        problem = error.as_problem()
        self.problems.append(replace(problem, path=_joined(path, problem.path)))
        self.elements.append(element)
        if len(self.problems) == MOST_PROBLEMS:
            raise _EnoughError

    # XML

    def read(self, kind: Type, element: etree._Element, path: str) -> None:
        """Record the problems of an element and its content."""
        assert isinstance(kind, Sequence | Choice)
        self._read_around(element, path)
        order = _Order(kind)
        prefix = f"{{{plan.namespace(self.message)}}}"
        for child in element:
            if plan.is_comment(child):
                continue
            space, _, name = str(child.tag).rpartition("}")
            member = order.by_tag.get(name) if f"{space}}}" == prefix else None
            if member is None:
                self.add(order.stranger(name, is_named=name in order.by_tag), path, child)
                continue
            place = _joined(path, plan.numbered(name, order.counts.get(name, 0)))
            error = order.note(member)
            if error is not None:
                self.add(error, place, child)
            self._read_member(member, child, place)
        for error in order.ended():
            self.add(error, path, element)

    def _read_member(self, member: Member, child: etree._Element, path: str) -> None:
        kind = catalogue().types[member.type]
        if isinstance(kind, Sequence | Choice):
            self.read(kind, child, path)
            return
        try:
            plan.part(self.message, member.type).read(child, [])
        except InvalidMessage as error:
            self.add(error, path, child)

    def _read_around(self, element: etree._Element, path: str) -> None:
        """Record text and attributes, which an element with child elements must not have."""
        for check in (plan.check_attributes, _check_blanks):
            try:
                check(element)
            except InvalidMessage as error:
                self.add(error, path, element)

    # JSON

    def accept(self, kind: Type, content: Any, path: str) -> None:
        """Record the problems of an object and its content."""
        assert isinstance(kind, Sequence | Choice)
        if type(content) is not dict:
            self.add(InvalidMessage("must be an object", rule="type"), path)
            return
        order = _Order(kind)
        for name, value in content.items():
            member = order.by_tag.get(name)
            if member is None:
                self.add(order.stranger(name, is_named=False), path)
                continue
            place = _joined(path, name)
            error = order.note_any(member)
            if error is not None:
                self.add(error, place)
            self._accept_member(member, value, place)
            if member.many and type(value) is list:
                order.counts[name] = len(value)
        for error in order.ended():
            self.add(error, path)

    def _accept_member(self, member: Member, value: Any, path: str) -> None:
        if not member.many:
            self._accept_one(member, value, path)
            return
        if type(value) is not list or not value:
            self.add(InvalidMessage("must be an array of at least one", rule="type"), path)
            return
        if member.maximum != UNBOUNDED and len(value) > member.maximum:
            self.add(plan.too_many(member.maximum), path)
        for number, item in enumerate(value):
            self._accept_one(member, item, plan.numbered(path, number))

    def _accept_one(self, member: Member, value: Any, path: str) -> None:
        kind = catalogue().types[member.type]
        if isinstance(kind, Sequence | Choice):
            self.accept(kind, value, path)
            return
        try:
            plan.part(self.message, member.type).accept(value)
        except InvalidMessage as error:
            self.add(error, path)


class _Order:
    """The members found in one element, and whether their order is allowed."""

    def __init__(self, kind: Sequence | Choice) -> None:
        self.places = plan.places(kind)
        self.by_tag = {member.tag: member for member in kind.members}
        self.counts: dict[str, int] = {}
        self._place_of = {
            member.tag: place for place, members in enumerate(self.places) for member in members
        }
        self._last = -1

    def note(self, member: Member) -> InvalidMessage | None:
        """Record one more element, and get its error, if any."""
        place, number = self._place_of[member.tag], self.counts.get(member.tag, 0) + 1
        error = self.note_any(member)
        if error is None and place < self._last:
            error = plan.out_of_order()
            error.expected = self._next()
        elif error is None and member.maximum != UNBOUNDED and number == member.maximum + 1:
            error = plan.too_many(member.maximum)
        self._last = max(self._last, place)
        return error

    def note_any(self, member: Member) -> InvalidMessage | None:
        """As `note`, without regard to order."""
        mates = self.places[self._place_of[member.tag]]
        is_second = member.tag not in self.counts and any(mate.tag in self.counts for mate in mates)
        self.counts[member.tag] = self.counts.get(member.tag, 0) + 1
        return plan.only_one_of(mates) if is_second else None

    def ended(self) -> Iterator[InvalidMessage]:
        """The errors of missing members, and of members with too few occurrences."""
        for members in self.places:
            if all(member.minimum and member.tag not in self.counts for member in members):
                yield plan.missing(members)
            for member in members:
                if 0 < self.counts.get(member.tag, 0) < member.minimum:
                    yield plan.too_few(member.minimum).within(member.tag)

    def stranger(self, name: str, *, is_named: bool) -> InvalidMessage:
        """The error of an unknown element, or of one in another namespace."""
        if is_named:
            return InvalidMessage("is in another namespace", rule="element", path=plan.printable(name))
        return plan.unknown(name, self._next())

    def _next(self) -> str:
        """The names of the elements allowed here: from the last member up to the next mandatory one."""
        names: list[str] = []
        for place in range(max(self._last, 0), len(self.places)):
            members = self.places[place]
            names += [member.tag for member in members if member.many or member.tag not in self.counts]
            if all(member.minimum for member in members) and not any(m.tag in self.counts for m in members):
                break
        return ", ".join(names[:_MOST_NAMES]) or "no further element"


def _joined(path: str, rest: str) -> str:
    return f"{path}/{rest}" if path and rest else path or rest


def _check_blanks(element: etree._Element) -> None:
    for text in (element.text, *(child.tail for child in element)):
        if text is not None and text.strip(BLANKS):
            raise InvalidMessage("has text between its elements", rule="text")


# Lines and columns


def _element_at(path: str, top: Mapping[str, etree._Element]) -> etree._Element | None:
    """The element at a path, or the last existing one on the path."""
    first, *rest = path.split("/")
    found = top.get(first)
    for step in rest:
        if found is None:
            break
        name, _, number = step.rstrip("]").partition("[")
        same = [child for child in found if str(child.tag).rpartition("}")[2] == name]
        index = int(number or 1) - 1
        if index >= len(same):
            break
        found = same[index]
    return found


class _EndError(Exception):
    """All places are known."""


def _places(raw: bytes, root: etree._Element, elements: list[etree._Element]) -> dict[int, tuple[int, int]]:
    """Id of an element -> its line and column, both from 1."""
    wanted = {id(element) for element in elements}
    if not wanted:
        return {}
    tags = (element for element in root.iter() if isinstance(element.tag, str))
    numbers = {number: id(element) for number, element in enumerate(tags) if id(element) in wanted}
    found: dict[int, tuple[int, int]] = {}
    parser = expat.ParserCreate("utf-8")
    count = -1

    def start(_name: str, _attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count in numbers:
            found[numbers[count]] = (parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
            if len(found) == len(numbers):
                raise _EndError

    parser.StartElementHandler = start
    with suppress(_EndError, expat.ExpatError):
        parser.Parse(raw, True)
    return found
