"""The parts that every ISO 20022 schema is made of.

ISO 20022 schemas are generated, and regular: a message is a tree of *parts* (sequences, choices, amounts
with a currency, foreign content) whose leaves are *values* (text, codes, numbers, dates). A type's name
means the same thing in every message, so a catalogue is one dictionary of types and one of messages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

UNBOUNDED: Final = -1
"""`Member.maximum` where any number may follow."""
NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
"""What stands before a message's name in its namespace."""
OLDER_NAMESPACES: Final = ("urn:iso:std:iso:20022:xsd:", "urn:swift:xsd:")
"""What stood there in a few of the first messages."""
_BARE: Final = frozenset({"AppHdr", "Xchg"})
"""Elements that stand for themselves, without a `Document` around them."""


@dataclass(frozen=True, slots=True)
class Member:
    """One element inside a sequence or a choice."""

    tag: str
    type: str
    minimum: int = 1
    maximum: int = 1
    choice: int = 0
    """Of members of a sequence that bear one number, which is not 0, one is there and excludes the others."""

    @property
    def many(self) -> bool:
        """Whether JSON writes it as an array."""
        return self.maximum != 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """Members in this order."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the members; none at all only where a member's minimum is 0."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its currency in the attribute `Ccy`, the only attribute that ISO 20022 uses."""

    number: str
    currency: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """Exactly one element of somebody else's schema; carried, never interpreted."""

    process: str
    """`lax` or `skip`, XML Schema's words."""
    namespace: str | None = None
    """The one namespace it must be of; None for any."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string: length in characters, and a pattern in the syntax that XML Schema and Python share."""

    minimum: int = 0
    maximum: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """One word of a closed list, which may hold words that another facet of the type forbids."""

    codes: tuple[str, ...]
    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Decimal:
    """A plain decimal number: digits in all, digits after the point, least and greatest value.

    The bounds are decimal numbers as text. `digits` is None where only the bounds bind.
    """

    digits: int | None = None
    fraction: int = 0
    minimum: str | None = None
    maximum: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value that XML Schema itself defines: boolean, dates, times, years, months, ID."""

    kind: str
    pattern: str | None = None
    minimum: str | None = None
    """Least and greatest year; of a `gYear` only."""
    maximum: str | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """Base64 text; lengths in octets."""

    minimum: int = 0
    maximum: int | None = None


Part = Sequence | Choice | Amount | Foreign
Value = Text | Code | Decimal | Scalar | Binary
Type = Part | Value


@dataclass(frozen=True, slots=True)
class Root:
    """Where a message begins: the element under `Document` (or `AppHdr` itself) and its type."""

    tag: str
    type: str
    space: str = NAMESPACE
    """What stands before the message's name in its namespace."""

    @property
    def is_bare(self) -> bool:
        """Whether the element stands for itself, without a `Document` around it."""
        return self.tag in _BARE


@dataclass(frozen=True)
class Catalogue:
    """Every message and every type, by name."""

    messages: Mapping[str, Root] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)

    def merged(self, other: "Catalogue") -> "Catalogue":
        """Both catalogues as one.

        The types of some messages have names that mean something else in others. Such a type of `other` is
        named after the message as well: `DecimalNumber-camt.053.001.02`.

        Raises:
            ValueError: a message means different things in the two.

        """
        for name in self.messages.keys() & other.messages.keys():
            if self.plainly(name) != other.plainly(name):
                raise ValueError(f"{name} has two different definitions")
        merged = self
        for name in sorted(other.messages.keys() - self.messages.keys()):
            merged = merged._with(name, other.messages[name], other.reachable(name))
        return merged

    def _with(self, message: str, root: Root, types: dict[str, Type]) -> "Catalogue":
        names = self._own_names(message, types)
        added = {names.get(name, name): _renamed(kind, names) for name, kind in types.items()}
        start = replace(root, type=names.get(root.type, root.type))
        return Catalogue({**self.messages, message: start}, {**self.types, **added})

    def _own_names(self, message: str, types: dict[str, Type]) -> dict[str, str]:
        """The types that mean something else here, or refer to such a one, and what they are named."""
        shared = types.keys() & self.types.keys()
        names = {name: f"{name}-{message}" for name in shared if self.types[name] != types[name]}
        while True:
            more = [
                name for name in shared - names.keys() if any(used in names for used in uses(types[name]))
            ]
            if not more:
                return names
            names.update({name: f"{name}-{message}" for name in more})

    def plainly(self, message: str) -> tuple[Root, dict[str, Type]]:
        """A message as its own schema says it, without names that were made for it here."""
        types = self.reachable(message)
        names = {name: plain_name(name) for name in types}
        plain = {names[name]: _renamed(kind, names) for name, kind in types.items()}
        root = self.messages[message]
        return replace(root, type=names[root.type]), plain

    def reachable(self, message: str) -> dict[str, Type]:
        """The types that one message uses, in the order in which they are first met."""
        found: dict[str, Type] = {}
        waiting = [self.messages[message].type]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.types[name]
                waiting.extend(reversed(list(uses(found[name]))))
        return found


def plain_name(name: str) -> str:
    """A type's name in its own schema: without the message after it."""
    return name.partition("-")[0]


def _renamed(kind: Type, names: Mapping[str, str]) -> Type:
    """The type with the types that it refers to named anew."""
    match kind:
        case Sequence(members) | Choice(members):
            return type(kind)(
                tuple(replace(member, type=names.get(member.type, member.type)) for member in members)
            )
        case Amount(number, currency):
            return Amount(names.get(number, number), names.get(currency, currency))
        case _:
            return kind


def uses(kind: Type) -> Iterator[str]:
    """Names of the types that a type refers to."""
    match kind:
        case Sequence(members) | Choice(members):
            yield from (member.type for member in members)
        case Amount(number, currency):
            yield from (number, currency)
        case _:
            return
