"""Which kind of process may send which commands to the writer: each its own, and no other.

A process may be several kinds at once, as an API worker of 0.1.0, which also serves people, is. What moves
money or raises a limit needs a cause besides (`switch/approvals/causes.py`): this table states only whose
command it may be.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from switch.writer.commands import (
    Accept,
    Advance,
    BookReturn,
    CloseAccounts,
    CloseWindow,
    Command,
    DecideScreening,
    Enquired,
    Freeze,
    Fund,
    GivenBack,
    Hold,
    HoldAgain,
    HoldForScreening,
    OpenAccount,
    Ping,
    Promise,
    Publish,
    Record,
    Refuse,
    Release,
    Reopen,
    Return,
    ReversalAnswered,
    Reverse,
    SetCap,
    SetLimit,
    SetPair,
    SetVelocity,
    SetWatch,
    Unfreeze,
    is_of_file,
    rail_of,
)
from switch.writer.event_kinds import OF_PAYMENTS, EventKind
from switch.writer.lifecycle import Event

_K = EventKind


class Kind(StrEnum):
    """A kind of process."""

    API = "api"
    """Receives messages of participants and answers of rails."""
    PAGES = "pages"
    """Serves people: pages, requests of changes, votes. It executes no change. But API workers of 0.1.0 do,
    which are of this kind, too: the commands of changes go from here in the next release."""
    CARETAKER = "caretaker"
    """Continues payments and settlement, and executes the changes that people approved."""
    MESSENGER = "messenger"
    OPERATOR = "operator"
    """The command line."""
    SANDBOX = "sandbox"
    """Fills a sandbox. A writer that is no sandbox hears none."""


BY_WRITER: Final = frozenset(
    {
        *OF_PAYMENTS,
        _K.FUND,
        _K.RETURN,
        _K.LIMIT,
        _K.SCREENING_HELD,
        _K.SCREENING_DECIDED,
        _K.QUOTED,
        _K.FX_OFFER,
        _K.PAIR_CONTROL,
        _K.FREEZE,
        _K.UNFREEZE,
        _K.LEFT_OUT,
        _K.RESTORE,
        _K.REOPEN,
        _K.SETTLEMENT_HELD,
        _K.SETTLEMENT_POSTED,
        _K.SETTLEMENT_VOIDED,
    }
)
"""Events that follow from the writer's own decisions: nobody may have them recorded."""
BY_READERS: Final = frozenset(
    {
        _K.REPORT,
        _K.PATTERN_RULES,
        _K.PAGE_READ,
        _K.PERSONAL_DATA,
        _K.MESSAGE_READ,
        _K.ACCOUNT_LOOKUP,
        _K.REGULATOR_LOGIN,
        _K.SCREENING_READ,
    }
)
"""Events that a process has recorded before it shows what was asked for."""
BY_RELAY: Final = frozenset(EventKind) - BY_WRITER - {_K.ERASE}
"""Events that the caretaker copies from the notes of all processes."""

Rule = Callable[[Any], bool]
"""Whether a command of the right type may be sent."""


def _any(_: object) -> bool:
    return True


def _event_of(kinds: frozenset[EventKind]) -> Rule:
    names = frozenset(map(str, kinds))
    return lambda command: command.kind in names


def _of_rail_or_sender(step: Advance) -> bool:
    """An answer of a rail, or a cancellation by the sender. Time and people are the caretaker's."""
    if step.only_in_doubt:
        return False
    return step.event == Event.CANCEL or (bool(step.rail) and step.event not in {Event.SEND, Event.EXPIRE})


def _of_change(command: Any) -> bool:
    """The writer reads the change; below 1 there is none."""
    return bool(command.change > 0)


def _of_change_or_line(command: Fund) -> bool:
    return _of_change(command) or (command.change == 0 and bool(command.line))


def _of_two_people(step: Advance) -> bool:
    return step.only_in_doubt and _of_change(step)


def _of_time_or_people(step: Advance) -> bool:
    return not step.only_in_doubt or _of_change(step)


def _is_new(command: Accept) -> bool:
    """A participant sent it, and it ends no screening hold: the caretaker continues those."""
    return command.held == 0 and not _is_made_here(command)


def _is_continued(command: Accept) -> bool:
    """It ends a screening hold, or the caretaker made its message of what it has verified."""
    return command.held > 0 or _is_made_here(command)


def _is_made_here(command: Accept) -> bool:
    """Whether its message was made of an order of a rail, or of a line of a file."""
    return bool(rail_of(command.evidence)) or is_of_file(command.evidence)


def _of_rail(command: Promise) -> bool:
    """A rail looked it up: the caretaker verified that."""
    return bool(rail_of(command.evidence))


def _of_bank(command: Promise) -> bool:
    return not _of_rail(command)


def _of_provider(command: Publish) -> bool:
    """An FX provider signed it; two people of it decide by a change."""
    return command.change == 0


def _of_participant(command: Return) -> bool:
    return bool(command.sender)


def _of_people(command: Return) -> bool:
    return not command.sender and _of_change(command)


_OF_CHANGES: Final = (
    CloseAccounts,
    Fund,
    OpenAccount,
    Reopen,
    SetCap,
    SetLimit,
    SetPair,
    SetVelocity,
    SetWatch,
    Unfreeze,
)
_OF_THE_DAY: Final = (CloseWindow, Freeze, Hold, Ping, Release)
_OF_PAYMENTS: Final = (
    Accept,
    Advance,
    BookReturn,
    DecideScreening,
    Enquired,
    GivenBack,
    HoldAgain,
    HoldForScreening,
    Refuse,
    Return,
    ReversalAnswered,
    Reverse,
)
_ANY: Final[Rule] = _any
_BOOKS: Final[Mapping[type, Rule]] = MappingProxyType(
    {
        **dict.fromkeys(_OF_CHANGES, _of_change),
        **dict.fromkeys(_OF_THE_DAY, _ANY),
        Fund: _of_change_or_line,
    }
)
"""What follows from changes and from the settlement day."""

PERMITTED: Final[Mapping[Kind, Mapping[type, Rule]]] = MappingProxyType(
    {
        Kind.API: {
            Accept: _is_new,
            Advance: _of_rail_or_sender,
            GivenBack: _any,
            HoldForScreening: _is_new,
            Ping: _any,
            Promise: _of_bank,
            Publish: _of_provider,
            Record: _event_of(BY_READERS),
            Refuse: _any,
            Return: _of_participant,
        },
        Kind.PAGES: {**_BOOKS, Advance: _of_two_people, Record: _event_of(BY_READERS), Return: _of_people},
        Kind.CARETAKER: {
            **_BOOKS,
            Accept: _is_continued,
            Advance: _of_time_or_people,
            BookReturn: _any,
            DecideScreening: _of_change,
            Enquired: _any,
            GivenBack: _any,
            HoldAgain: _any,
            HoldForScreening: _is_made_here,
            Promise: _of_rail,
            Publish: _of_change,
            Record: _event_of(BY_RELAY),
            Refuse: _any,
            Return: _of_people,
            ReversalAnswered: _any,
            Reverse: _of_change,
        },
        Kind.MESSENGER: {Ping: _any},
        Kind.OPERATOR: {
            **_BOOKS,
            Advance: _of_two_people,
            Record: _event_of(BY_READERS | {_K.ERASE}),
            Return: _of_people,
        },
        Kind.SANDBOX: dict.fromkeys((*_OF_CHANGES, *_OF_THE_DAY, *_OF_PAYMENTS, Record), _any),
    }
)
"""The commands of each kind, each with its rule."""

PRODUCTION: Final = frozenset(Kind) - {Kind.SANDBOX}
ALL: Final = frozenset(Kind)


class Permission:
    """What a process of some kinds may send."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.kinds = frozenset(kinds)
        rules: dict[type, list[Rule]] = {}
        for kind in self.kinds:
            for command, rule in PERMITTED[kind].items():
                rules.setdefault(command, []).append(rule)
        self._rules = {command: tuple(each) for command, each in rules.items()}

    def permits(self, command: Command) -> bool:
        """Whether one of the kinds may send this command."""
        return any(rule(command) for rule in self._rules.get(type(command), ()))
