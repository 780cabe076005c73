"""Which kind of process may send which commands to the writer: each its own, and no other.

A process may be several kinds at once, as an API worker that also serves the pages for people is.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from switch.writer.commands import (
    Accept,
    Advance,
    CloseAccounts,
    CloseWindow,
    Enquired,
    Freeze,
    Fund,
    Hold,
    OpenAccount,
    Ping,
    Record,
    Refuse,
    Release,
    Reopen,
    Return,
    SetCap,
    SetLimit,
    Unfreeze,
)


class Kind(StrEnum):
    """A kind of process."""

    API = "api"
    """Receives messages of participants and answers of rails."""
    PAGES = "pages"
    """Serves people: pages, and changes that two people decide."""
    CARETAKER = "caretaker"
    MESSENGER = "messenger"
    OPERATOR = "operator"
    """The command line."""


_FOR_PEOPLE: Final[frozenset[type]] = frozenset(
    {
        Advance,  # the manual resolution of an unknown outcome
        CloseAccounts,
        CloseWindow,
        Freeze,
        Fund,
        Hold,
        OpenAccount,
        Ping,
        Record,
        Release,
        Reopen,
        Return,
        SetCap,
        SetLimit,
        Unfreeze,
    }
)
"""What executes the changes that two people decided."""

PERMITTED: Final[Mapping[Kind, frozenset[type]]] = MappingProxyType(
    {
        Kind.API: frozenset({Accept, Advance, Ping, Record, Refuse, Return}),
        Kind.PAGES: _FOR_PEOPLE,
        Kind.CARETAKER: _FOR_PEOPLE | {Enquired},  # it completes interrupted changes
        Kind.MESSENGER: frozenset({Ping}),
        Kind.OPERATOR: _FOR_PEOPLE,  # people vote by commands, too
    }
)
"""The commands of each kind."""

ALL: Final = frozenset(Kind)


def commands_of(kinds: Iterable[Kind]) -> frozenset[type]:
    """The commands that a process of these kinds may send."""
    return frozenset().union(*(PERMITTED[kind] for kind in kinds))
