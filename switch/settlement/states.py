"""The settlement of a window, and of each participant's line in it, as two tables.

A window closes by schedule or by two people; the next opens in the same instant. Its positions are
confirmed by the central bank of every country that has a line in it. Only then is money held in the ledger
and the instruction written; each line is posted when the agent says that the money has moved.

The written rule for a participant that fails: its line is HELD, the others settle, nothing is unwound. What
it owes stays its debt: the position is not replenished, so it can send only what it still has, and the
line is carried into the next window of the currency, unless the agent says before that that it was paid
after all. Those who are to receive are paid from what participants have paid in beforehand. A window is
aborted only while nothing has been instructed; all its lines are then carried in the same way.

Rule 1: a state changes only through `next_state` and `next_line`.
Rule 2: what the tables do not list is refused, and refusing changes nothing.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.errors import Refused
from schemas.reasons import Reason


class SettlementState(StrEnum):
    """Where the settlement of a window stands."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    CONFIRMED = "CONFIRMED"
    SETTLING = "SETTLING"
    SETTLED = "SETTLED"
    ABORTED = "ABORTED"


class SettlementEvent(StrEnum):
    """What happens to a settlement."""

    CLOSE = "CLOSE"
    CONFIRM = "CONFIRM"
    NOTHING = "NOTHING"
    INSTRUCT = "INSTRUCT"
    FINISH = "FINISH"
    ABORT = "ABORT"


class LineState(StrEnum):
    """Where one participant's part stands."""

    DUE = "DUE"
    INSTRUCTED = "INSTRUCTED"
    SETTLED = "SETTLED"
    HELD = "HELD"
    CARRIED = "CARRIED"


class LineEvent(StrEnum):
    """What happens to one participant's part."""

    INSTRUCT = "INSTRUCT"
    CONFIRM = "CONFIRM"
    HOLD = "HOLD"
    CARRY = "CARRY"


S, E, L, V = SettlementState, SettlementEvent, LineState, LineEvent

# fmt: off
TRANSITIONS: Final = MappingProxyType({
    (S.OPEN,      E.CLOSE):    S.CLOSED,     # by schedule, or by two people
    (S.CLOSED,    E.CONFIRM):  S.CONFIRMED,  # the central bank of every country in it has agreed
    (S.CLOSED,    E.NOTHING):  S.SETTLED,    # nobody owes anybody
    (S.CLOSED,    E.ABORT):    S.ABORTED,    # by two people: its lines are carried
    (S.CONFIRMED, E.ABORT):    S.ABORTED,
    (S.CONFIRMED, E.INSTRUCT): S.SETTLING,   # money is held, the signed instruction is written
    (S.SETTLING,  E.FINISH):   S.SETTLED,    # every line is settled or held
})
LINES: Final = MappingProxyType({
    (L.DUE,        V.INSTRUCT): L.INSTRUCTED,  # its money is held in the ledger
    (L.DUE,        V.HOLD):     L.HELD,        # its position no longer has it, or the window was aborted
    (L.DUE,        V.CONFIRM):  L.SETTLED,     # what it owes and what was carried cancel out
    (L.INSTRUCTED, V.CONFIRM):  L.SETTLED,     # the agent moved the money: posted
    (L.INSTRUCTED, V.HOLD):     L.HELD,        # the agent's no, or two people: freed
    (L.HELD,       V.CONFIRM):  L.SETTLED,     # it was paid after all
    (L.HELD,       V.CARRY):    L.CARRIED,     # the next window's line has it now
})
# fmt: on

FINAL: Final = frozenset({S.SETTLED, S.ABORTED})
ENDED: Final = frozenset({L.SETTLED, L.HELD, L.CARRIED})
"""A line that its window no longer waits for."""


def next_state(state: SettlementState, event: SettlementEvent) -> SettlementState:
    """Where `event` takes a settlement.

    Raises:
        Refused: nowhere.

    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Refused(f"{event} while {state}", reason=Reason.NARRATIVE) from None


def next_line(line: LineState, event: LineEvent) -> LineState:
    """Where `event` takes a line.

    Raises:
        Refused: nowhere.

    """
    try:
        return LINES[line, event]
    except KeyError:
        raise Refused(f"{event} while {line}", reason=Reason.NARRATIVE) from None
