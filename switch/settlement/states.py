"""State tables of a window's settlement and of each participant's line in it.

A window closes by schedule or by two people; the next window opens at the same instant. The central bank of
every country with a line in the window confirms its positions. Only then is money reserved in the ledger and
the instruction written. Each line is posted when the agent confirms that the money has moved.

Rule for a participant that does not pay: its line is HELD, the others settle, nothing is unwound. What it
owes remains its debt: the position is not replenished, so it can send only what it still has. The line is
carried into the next window of the currency, unless the agent confirms a late payment before that.
Participants that are to receive are paid from what participants have paid in beforehand. A window can be
aborted only while nothing has been instructed; all its lines are then carried in the same way.

Rule 1: a state changes only through `next_state` and `next_line`.
Rule 2: a transition that the tables do not list is refused, and a refusal changes nothing.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.errors import Refused
from schemas.reasons import Reason


class SettlementState(StrEnum):
    """States of a window's settlement."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    CONFIRMED = "CONFIRMED"
    SETTLING = "SETTLING"
    SETTLED = "SETTLED"
    ABORTED = "ABORTED"


class SettlementEvent(StrEnum):
    """Events of a settlement."""

    CLOSE = "CLOSE"
    CONFIRM = "CONFIRM"
    NOTHING = "NOTHING"
    INSTRUCT = "INSTRUCT"
    FINISH = "FINISH"
    ABORT = "ABORT"


class LineState(StrEnum):
    """States of one participant's line."""

    DUE = "DUE"
    INSTRUCTED = "INSTRUCTED"
    SETTLED = "SETTLED"
    HELD = "HELD"
    CARRIED = "CARRIED"


class LineEvent(StrEnum):
    """Events of one participant's line."""

    INSTRUCT = "INSTRUCT"
    CONFIRM = "CONFIRM"
    HOLD = "HOLD"
    CARRY = "CARRY"


S, E, L, V = SettlementState, SettlementEvent, LineState, LineEvent

# fmt: off
TRANSITIONS: Final = MappingProxyType({
    (S.OPEN,      E.CLOSE):    S.CLOSED,     # by schedule, or by two people
    (S.CLOSED,    E.CONFIRM):  S.CONFIRMED,  # every central bank concerned has confirmed
    (S.CLOSED,    E.NOTHING):  S.SETTLED,    # no participant owes anything
    (S.CLOSED,    E.ABORT):    S.ABORTED,    # by two people: its lines are carried
    (S.CONFIRMED, E.ABORT):    S.ABORTED,
    (S.CONFIRMED, E.INSTRUCT): S.SETTLING,   # money is reserved, the signed instruction is written
    (S.SETTLING,  E.FINISH):   S.SETTLED,    # every line is settled or held
})
LINES: Final = MappingProxyType({
    (L.DUE,        V.INSTRUCT): L.INSTRUCTED,  # its money is reserved in the ledger
    (L.DUE,        V.HOLD):     L.HELD,        # the position has too little money, or the window was aborted
    (L.DUE,        V.CONFIRM):  L.SETTLED,     # the net and the carried amount sum to zero
    (L.INSTRUCTED, V.CONFIRM):  L.SETTLED,     # the agent moved the money: posted
    (L.INSTRUCTED, V.HOLD):     L.HELD,        # the agent rejected it, or two people held it: released
    (L.HELD,       V.CONFIRM):  L.SETTLED,     # it was paid late
    (L.HELD,       V.CARRY):    L.CARRIED,     # a line of the next window includes it
})
# fmt: on

FINAL: Final = frozenset({S.SETTLED, S.ABORTED})
ENDED: Final = frozenset({L.SETTLED, L.HELD, L.CARRIED})
"""States of a line for which its window no longer waits."""


def next_state(state: SettlementState, event: SettlementEvent) -> SettlementState:
    """State of a settlement after `event`.

    Raises:
        Refused: the event is not possible in this state.

    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Refused(
            f"{event} while {state}",
            reason=Reason.NARRATIVE,
            remedy=(
                "Read the present state with GET /v1/settlements/{window}, and do the step that it allows."
            ),
        ) from None


def next_line(line: LineState, event: LineEvent) -> LineState:
    """State of a line after `event`.

    Raises:
        Refused: the event is not possible in this state.

    """
    try:
        return LINES[line, event]
    except KeyError:
        raise Refused(
            f"{event} while {line}",
            reason=Reason.NARRATIVE,
            remedy=(
                "Read the present state with GET /v1/settlements/{window}, and do the step that it allows."
            ),
        ) from None
