"""What becomes of every element of a pacs.008 and of its business application header: one table.

Each element is honoured, carried to the rail, or refused with its path; what has no effect is marked, with
the reason why that is harmless. The table is data (`elements.txt`): a path without indices, a treatment, the
reason code of a refusal, and the rule in words. A path stands for everything below it that has no line.

    decides             the switch reads it and acts on it
    carried or refused  it is in the native message where the rail has a place for it, else it is refused
    carried or noted    the same, but where the rail has no place the sender is told that it was not carried
    refused             always
    informs             of no effect on this payment; the message as it came is kept

`Accounting` is the table as one rail sees it. Two lists answer everything: refusals and notes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

Content = Mapping[str, Any]


class Treatment(StrEnum):
    """What becomes of an element."""

    DECIDES = "decides"
    CARRIED_OR_REFUSED = "carried or refused"
    CARRIED_OR_NOTED = "carried or noted"
    REFUSED = "refused"
    INFORMS = "informs"


CARRIED: Final = frozenset({Treatment.CARRIED_OR_REFUSED, Treatment.CARRIED_OR_NOTED})
HEADER: Final = "AppHdr"
TRANSACTION: Final = "CdtTrfTxInf"


@dataclass(frozen=True, slots=True)
class Element:
    """One line of the table."""

    path: str
    """Tags below the message's own element, or from `AppHdr` on: `CdtTrfTxInf/Dbtr/Nm`."""
    treatment: Treatment
    reason: str
    """ExternalStatusReason1Code of a refusal, else empty."""
    text: str


@cache
def table() -> tuple[Element, ...]:
    """Every line, as it stands in the file."""
    lines = files("schemas").joinpath("elements.txt").read_text(encoding="utf-8").splitlines()
    return tuple(_element(line) for line in lines if line and not line.startswith("#"))


def _element(line: str) -> Element:
    path, treatment, reason, text = (part.strip() for part in line.split("|"))
    return Element(path, Treatment(treatment), reason, text)


def element_of(path: str) -> Element:
    """The line that a path falls under: the longest that begins it.

    Raises:
        KeyError: none does.

    """
    by_path = _by_path()
    while path not in by_path:
        path, slash, _ = path.rpartition("/")
        if not slash:
            raise KeyError(path)
    return by_path[path]


@cache
def _by_path() -> dict[str, Element]:
    return {element.path: element for element in table()}


@dataclass(frozen=True, slots=True)
class Loss:
    """An element that this rail's message has no place for, or that no payment may have."""

    path: str
    reason: str
    """Of the refusal; empty for a note."""
    text: str


@dataclass(slots=True)
class _Node:
    """A place in the tree of what needs attention: what is done about it, and what is known below it."""

    action: Element | None = None
    below: dict[str, "_Node"] = field(default_factory=dict)


class Accounting:
    """The table for one rail: what of a message is refused, and what is noted as not carried.

    Made once a rail; `losses` walks a message only where the table has something to say.
    """

    def __init__(self, carries: Iterable[str]) -> None:
        """Take in the paths below `CdtTrfTxInf` that the rail's message has a place for."""
        self._root = _Node()
        carried = {f"{TRANSACTION}/{path}" for path in carries}
        carried |= {f"GrpHdr/{path}" for path in carries if path.startswith("PmtTpInf")}
        carried |= {"SplmtryData"} if "SplmtryData" in carries else set()
        self._carried = frozenset(carried)
        for element in table():
            lost = element.treatment is Treatment.REFUSED or (
                element.treatment in CARRIED and not self.carries(element.path)
            )
            self._put(element.path, element if lost else None)
        for path in carried:
            if self._needs(path):
                self._put(path, None)
        _prune(self._root)

    def carries(self, path: str) -> bool:
        """Whether the rail's message has a place for the element at `path`, and for all that is below it."""
        parts = path.split("/")
        return any("/".join(parts[:length]) in self._carried for length in range(1, len(parts) + 1))

    def treatment(self, path: str) -> Treatment:
        """What becomes of an element at this rail: CARRIED_OR_... only where it is carried."""
        element = element_of(path)
        if element.treatment not in CARRIED or self.carries(path):
            return element.treatment
        noted = element.treatment is Treatment.CARRIED_OR_NOTED
        return Treatment.INFORMS if noted else Treatment.REFUSED

    def losses(self, content: Content) -> list[Loss]:
        """What of a pacs.008's content is refused or noted, in its own order."""
        return list(_walk(content, self._root, "", self._root.action))

    def _needs(self, path: str) -> bool:
        """Whether a carried path is below a line that is not: it is an exception to it."""
        return element_of(path).treatment in CARRIED

    def _put(self, path: str, action: Element | None) -> None:
        node = self._root
        for tag in path.split("/"):
            node = node.below.setdefault(tag, _Node(node.action))
        node.action = action


def _prune(node: _Node) -> bool:
    """Drop what is below a node where nothing there differs from it; whether anything is left to do."""
    busy = {tag: below for tag, below in node.below.items() if _prune(below)}
    if node.action is None:
        node.below = busy
    elif all(below.action is node.action and not below.below for below in node.below.values()):
        node.below = {}
    return node.action is not None or bool(busy)


def _walk(content: Content, node: _Node, path: str, action: Element | None) -> Iterator[Loss]:
    for tag, value in content.items():
        below = node.below.get(tag)
        place = f"{path}/{tag}" if path else tag
        if below is None:
            if action is not None:
                yield _loss(place, action)
        elif not below.below:
            if below.action is not None:
                yield _loss(place, below.action)
        else:
            for item in value if type(value) is list else (value,):
                yield from _walk(item, below, place, below.action)


def _loss(path: str, element: Element) -> Loss:
    if element.treatment is Treatment.CARRIED_OR_NOTED:
        return Loss(path, "", "is not carried by this rail")
    text = element.text if element.treatment is Treatment.REFUSED else "has no place in this rail's message"
    return Loss(path, element.reason, text)
