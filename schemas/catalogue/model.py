"""The parts that every ISO 20022 schema is made of.

ISO 20022 schemas are generated, and regular: a message is a tree of *parts* (sequences, choices, amounts
with a currency, foreign content) whose leaves are *values* (text, codes, numbers, dates). A type's name
means the same thing in every message, so a catalogue is one dictionary of types and one of messages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

UNBOUNDED: Final = -1
"""`Member.maximum` where any number may follow."""


@dataclass(frozen=True, slots=True)
class Member:
    """One element inside a sequence or a choice."""

    tag: str
    type: str
    minimum: int = 1
    maximum: int = 1

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
    """One word of a closed list."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decimal:
    """A plain decimal number: digits in all, digits after the point, least value."""

    digits: int
    fraction: int
    minimum: int | None = None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value that XML Schema itself defines: boolean, date, dateTime, time, gYear, gYearMonth."""

    kind: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Base64 text; lengths in octets."""

    minimum: int
    maximum: int


Part = Sequence | Choice | Amount | Foreign
Value = Text | Code | Decimal | Scalar | Binary
Type = Part | Value


@dataclass(frozen=True, slots=True)
class Root:
    """Where a message begins: the element under `Document` (or `AppHdr` itself) and its type."""

    tag: str
    type: str


@dataclass(frozen=True)
class Catalogue:
    """Every message and every type, by name."""

    messages: Mapping[str, Root] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)

    def merged(self, other: "Catalogue") -> "Catalogue":
        """Both catalogues as one.

        Raises:
            ValueError: a name means different things in the two.

        """
        for mine, theirs in ((self.messages, other.messages), (self.types, other.types)):
            for name in mine.keys() & theirs.keys():
                if mine[name] != theirs[name]:
                    raise ValueError(f"{name} has two different definitions")
        return Catalogue({**self.messages, **other.messages}, {**self.types, **other.types})

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


def uses(kind: Type) -> Iterator[str]:
    """Names of the types that a type refers to."""
    match kind:
        case Sequence(members) | Choice(members):
            yield from (member.type for member in members)
        case Amount(number, currency):
            yield from (number, currency)
        case _:
            return
