"""The components of every ISO 20022 schema.

ISO 20022 schemas are generated, and regular: a message is a tree of *parts* (sequences, choices, amounts
with a currency, foreign content) whose leaves are *values* (text, codes, numbers, dates). A type name has the
same meaning in every message, so a catalogue is one dictionary of types and one of messages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

UNBOUNDED: Final = -1
"""`Member.maximum` without a limit."""
NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
"""The prefix of a message's name in its namespace."""
OLDER_NAMESPACES: Final = ("urn:iso:std:iso:20022:xsd:", "urn:swift:xsd:")
"""The prefixes in a few of the first messages."""
_BARE: Final = frozenset({"AppHdr", "Xchg"})
"""Elements without an enclosing `Document`."""


@dataclass(frozen=True, slots=True)
class Member:
    """One element inside a sequence or a choice."""

    tag: str
    type: str
    minimum: int = 1
    maximum: int = 1
    choice: int = 0
    """Members of a sequence with the same number other than 0 exclude each other; one of them occurs."""

    @property
    def many(self) -> bool:
        """Whether it is an array in JSON."""
        return self.maximum != 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """Members in this order."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the members; none only if the minimum of a member is 0."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class CurrencyAndAmount:
    """A number with its currency in the attribute `Ccy`, the only attribute that ISO 20022 uses."""

    number: str
    currency: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """Exactly one element of another schema; carried, not interpreted."""

    process: str
    """`lax` or `skip`, as in XML Schema."""
    namespace: str | None = None
    """The required namespace; None for any."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string: length in characters, and a pattern in the syntax that XML Schema and Python share."""

    minimum: int = 0
    maximum: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a closed list, which may contain codes that another facet of the type forbids."""

    codes: tuple[str, ...]
    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Decimal:
    """A plain decimal number: digits in all, digits after the point, least and greatest value.

    The limits are decimal numbers as text. `digits` is None if only the limits apply.
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
    """Smallest and largest year; only of a `gYear`."""
    maximum: str | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """Base64 text; lengths in octets."""

    minimum: int = 0
    maximum: int | None = None


Part = Sequence | Choice | CurrencyAndAmount | Foreign
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
        """Whether the element has no enclosing `Document`."""
        return self.tag in _BARE


@dataclass(frozen=True)
class Catalogue:
    """Every message and every type, by name."""

    messages: Mapping[str, Root] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)

    def merged(self, other: "Catalogue") -> "Catalogue":
        """Both catalogues as one.

        Some type names have different meanings in different messages. Such a type of `other` gets the name
        of the message appended: `DecimalNumber-camt.053.001.02`.

        Raises:
            ValueError: a message has different definitions in the two.

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
        """The types with a different meaning here, or referring to such a type -> their names."""
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
        """A message as in its own schema, without names that were generated here."""
        types = self.reachable(message)
        names = {name: plain_name(name) for name in types}
        plain = {names[name]: _renamed(kind, names) for name, kind in types.items()}
        root = self.messages[message]
        return replace(root, type=names[root.type]), plain

    def reachable(self, message: str) -> dict[str, Type]:
        """The types that one message uses, in the order of first use."""
        found: dict[str, Type] = {}
        waiting = [self.messages[message].type]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.types[name]
                waiting.extend(reversed(list(uses(found[name]))))
        return found


def plain_name(name: str) -> str:
    """The name of a type in its own schema, without an appended message name."""
    return name.partition("-")[0]


def _renamed(kind: Type, names: Mapping[str, str]) -> Type:
    """The type with new names of the types that it refers to."""
    match kind:
        case Sequence(members) | Choice(members):
            return type(kind)(
                tuple(replace(member, type=names.get(member.type, member.type)) for member in members)
            )
        case CurrencyAndAmount(number, currency):
            return CurrencyAndAmount(names.get(number, number), names.get(currency, currency))
        case _:
            return kind


def uses(kind: Type) -> Iterator[str]:
    """Names of the types that a type refers to."""
    match kind:
        case Sequence(members) | Choice(members):
            yield from (member.type for member in members)
        case CurrencyAndAmount(number, currency):
            yield from (number, currency)
        case _:
            return
