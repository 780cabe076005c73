"""The life of a payment, as a table.

A payment is `RECEIVED` only in memory: the first durable write finds it `RESERVED` (its money is held) or
`ABORTED` (it was refused, and stays refused). `SENT` is durable before a socket is touched, so a crash
can never hide that something may have left us. From then on time alone never frees money: silence, an
unreadable answer or a "pending" makes the payment `UNKNOWN`, and only the rail's own word ends that. A rail
that says it is closed, and took nothing, gives the payment back: it is held again until the rail opens.

Rule 1: a state changes only through `next_state`.
Rule 2: what the table does not list is refused, and refusing changes nothing.
Rule 3: this file knows no rail, no SQL and no clock.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    """Where a payment stands."""

    RECEIVED = "RECEIVED"
    RESERVED = "RESERVED"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    COMMITTED = "COMMITTED"
    ABORTED = "ABORTED"


class Event(StrEnum):
    """What happens to a payment."""

    RESERVE = "RESERVE"
    REFUSE = "REFUSE"
    SEND = "SEND"
    EXPIRE = "EXPIRE"
    DOUBT = "DOUBT"
    CONFIRM = "CONFIRM"
    REJECT = "REJECT"
    DEFER = "DEFER"
    CANCEL = "CANCEL"


S, E = State, Event

# fmt: off
TRANSITIONS: Final = MappingProxyType({
    (S.RECEIVED, E.RESERVE): S.RESERVED,   # every leg of the linked set is held
    (S.RECEIVED, E.REFUSE):  S.ABORTED,    # a rule, a limit or the cap says no: nothing was held
    (S.RESERVED, E.SEND):    S.SENT,       # the intent to send, durable before the socket is touched
    (S.RESERVED, E.EXPIRE):  S.ABORTED,    # never left us: safe to release
    (S.RESERVED, E.CANCEL):  S.ABORTED,    # its sender took it back before it left us
    (S.RESERVED, E.CONFIRM): S.COMMITTED,  # deferred, and the rail did it after all: its yes is final
    (S.SENT,     E.CONFIRM): S.COMMITTED,
    (S.SENT,     E.REJECT):  S.ABORTED,    # the rail's own no, or nothing left us
    (S.SENT,     E.DEFER):   S.RESERVED,   # the rail is closed and took nothing: held until it opens
    (S.SENT,     E.DOUBT):   S.UNKNOWN,    # left us, and no clear word: the money stays held
    (S.UNKNOWN,  E.CONFIRM): S.COMMITTED,  # the late yes
    (S.UNKNOWN,  E.REJECT):  S.ABORTED,    # the late no
    (S.UNKNOWN,  E.SEND):    S.SENT,       # the rail never had it: the same bytes again
})
# fmt: on

FINAL: Final = frozenset({State.COMMITTED, State.ABORTED})


class IllegalTransition(Exception):
    """The table has no such step."""


def next_state(state: State, event: Event) -> State:
    """Where `event` takes a payment that is in `state`; raises IllegalTransition if nowhere."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} while {state}") from None


STATUS: Final = MappingProxyType(
    {
        S.RECEIVED: "RCVD",
        S.RESERVED: "ACSP",
        S.SENT: "ACSP",
        S.UNKNOWN: "PDNG",
        S.COMMITTED: "ACCC",
        S.ABORTED: "RJCT",
    },
)
"""How pacs.002 says each state (ExternalPaymentTransactionStatus1Code)."""
