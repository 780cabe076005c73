"""The lifecycle of a payment, as a table.

A payment is `RECEIVED` only in memory, or as long as screening holds it: in the books it is `RESERVED` from
the beginning (its money is reserved) or `ABORTED` (it was refused, and stays refused). `SENT` is durable
before a socket is used, so a crash can never hide that the order may have been sent. From then on time alone
never releases money: a time-out, an unreadable answer or a "pending" makes the payment `UNKNOWN`, and only
the rail's final answer ends that. If a rail reports that it is closed and accepted nothing, the payment is
held again until the rail opens.

Rule 1: a state changes only through `next_state`.
Rule 2: a transition that the table does not list is refused, and a refusal changes nothing.
Rule 3: this file contains no rail, no SQL and no clock.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    """States of a payment."""

    RECEIVED = "RECEIVED"
    RESERVED = "RESERVED"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    COMMITTED = "COMMITTED"
    ABORTED = "ABORTED"


class Event(StrEnum):
    """Events of a payment."""

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
    (S.RECEIVED, E.RESERVE): S.RESERVED,   # every leg of the linked set is reserved
    (S.RECEIVED, E.REFUSE):  S.ABORTED,    # refused by a rule, a limit or the cap: nothing was reserved
    (S.RESERVED, E.SEND):    S.SENT,       # the intent to send, durable before the socket is used
    (S.RESERVED, E.EXPIRE):  S.ABORTED,    # was never sent: safe to release
    (S.RESERVED, E.CANCEL):  S.ABORTED,    # its sender cancelled it before it was sent
    (S.RESERVED, E.CONFIRM): S.COMMITTED,  # deferred, but the rail executed it: its confirmation is final
    (S.SENT,     E.CONFIRM): S.COMMITTED,
    (S.SENT,     E.REJECT):  S.ABORTED,    # the rail's own rejection, or nothing was sent
    (S.SENT,     E.DEFER):   S.RESERVED,   # the rail is closed and accepted nothing: held until it opens
    (S.SENT,     E.DOUBT):   S.UNKNOWN,    # sent, and no clear answer: the money stays reserved
    (S.UNKNOWN,  E.CONFIRM): S.COMMITTED,  # the late confirmation
    (S.UNKNOWN,  E.REJECT):  S.ABORTED,    # the late rejection
    (S.UNKNOWN,  E.SEND):    S.SENT,       # the rail never had it: the same bytes again
})
# fmt: on

FINAL: Final = frozenset({State.COMMITTED, State.ABORTED})


class IllegalTransition(Exception):
    """The table has no such transition."""


def next_state(state: State, event: Event) -> State:
    """State of a payment in `state` after `event`; raises IllegalTransition if there is none."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} while {state}") from None


STATUS: Final = MappingProxyType(
    {
        S.RECEIVED: "PDNG",
        S.RESERVED: "ACSP",
        S.SENT: "ACSP",
        S.UNKNOWN: "PDNG",
        S.COMMITTED: "ACCC",
        S.ABORTED: "RJCT",
    },
)
"""The pacs.002 status of each state (ExternalPaymentTransactionStatus1Code)."""
