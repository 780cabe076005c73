"""The treatment of every element of a pacs.008 and of its business application header, as one table.

Each element is used, carried to the rail, or refused with its path; an element without effect is marked, with
the reason why that is harmless. The table is data (`elements.txt`): a path without indices, a treatment, the
reason code of a refusal, and the rule as text. A path covers everything below it that has no line of its own.

    decides             the switch reads it and acts on it
    carried or refused  in the native message if the rail has a field for it, otherwise refused
    carried or noted    the same, but without a field the sender is notified that it was not carried
    refused             always
    informs             no effect on this payment; the message is stored as received

`Accounting` is the table for one rail. Its results are two lists: refusals and notes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

Content = Mapping[str, Any]


class Treatment(StrEnum):
    """The treatment of an element."""

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
    """Tags below the root element of the message, or from `AppHdr`: `CdtTrfTxInf/Dbtr/Nm`."""
    treatment: Treatment
    reason: str
    """ExternalStatusReason1Code of a refusal, otherwise empty."""
    text: str


@cache
def table() -> tuple[Element, ...]:
    """Every line, in the order of the file."""
    lines = files("schemas").joinpath("elements.txt").read_text(encoding="utf-8").splitlines()
    return tuple(_element(line) for line in lines if line and not line.startswith("#"))


def _element(line: str) -> Element:
    path, treatment, reason, text = (part.strip() for part in line.split("|"))
    return Element(path, Treatment(treatment), reason, text)


def element_of(path: str) -> Element:
    """Find the line of the table for a path: the one with the longest matching prefix.

    Raises:
        KeyError: there is none.

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
    """An element that the rail's message has no field for, or that no payment may have."""

    path: str
    reason: str
    """Reason code of the refusal; empty for a note."""
    text: str


@dataclass(slots=True)
class _Node:
    """A node in the tree of paths that need treatment: its treatment, and the nodes below it."""

    action: Element | None = None
    below: dict[str, "_Node"] = field(default_factory=dict)


class Accounting:
    """The table for one rail: which elements are refused, and which are noted as not carried.

    Made once per rail; `losses` visits only the parts of a message that the table concerns.
    """

    def __init__(self, carries: Iterable[str]) -> None:
        """Build the table from the paths below `CdtTrfTxInf` that the rail's message has a field for."""
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
        """Whether the rail's message has a field for the element at `path` and everything below it."""
        parts = path.split("/")
        return any("/".join(parts[:length]) in self._carried for length in range(1, len(parts) + 1))

    def treatment(self, path: str) -> Treatment:
        """The treatment of an element at this rail: CARRIED_OR_... only if it is carried."""
        element = element_of(path)
        if element.treatment not in CARRIED or self.carries(path):
            return element.treatment
        noted = element.treatment is Treatment.CARRIED_OR_NOTED
        return Treatment.INFORMS if noted else Treatment.REFUSED

    def losses(self, content: Content) -> list[Loss]:
        """The elements of a pacs.008 that are refused or noted, in document order."""
        return list(_walk(content, self._root, "", self._root.action))

    def _needs(self, path: str) -> bool:
        """Whether a carried path is an exception: it is below a line that is not carried."""
        return element_of(path).treatment in CARRIED

    def _put(self, path: str, action: Element | None) -> None:
        node = self._root
        for tag in path.split("/"):
            node = node.below.setdefault(tag, _Node(node.action))
        node.action = action


def _prune(node: _Node) -> bool:
    """Remove child nodes with the same treatment as their parent; tell whether anything is left."""
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
    text = (
        element.text if element.treatment is Treatment.REFUSED else "has no field in the message of this rail"
    )
    return Loss(path, element.reason, text)
