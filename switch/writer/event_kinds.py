"""The kinds of events in the ledger's log that are the switch's: one name each.

The ledger itself adds its own (an account was opened, a window was opened). What is in the log stays there
for ever, so a kind is never renamed, and its name is never used again for something else.
"""

from enum import StrEnum
from typing import Final

from switch.writer.lifecycle import Event


class EventKind(StrEnum):
    """What an event of the log is about."""

    # A payment's steps.
    RESERVE = Event.RESERVE
    REFUSE = Event.REFUSE
    SEND = Event.SEND
    EXPIRE = Event.EXPIRE
    DOUBT = Event.DOUBT
    CONFIRM = Event.CONFIRM
    REJECT = Event.REJECT
    DEFER = Event.DEFER
    CANCEL = Event.CANCEL

    # What else is in a payment's history.
    CONTRADICTION = "CONTRADICTION"
    """A rail says the opposite of what is final here."""
    ESCALATE = "ESCALATE"
    """From now on people, or the rail's file, must decide."""
    ENQUIRY = "ENQUIRY"
    """What the rail said when it was asked, where that ended nothing."""
    LOOK_ALIKE = "LOOK_ALIKE"
    RETURNED = "RETURNED"

    # Money, limits, settlement in the books.
    FUND = "FUND"
    RETURN = "RETURN"
    LIMIT = "LIMIT"
    FREEZE = "FREEZE"
    UNFREEZE = "UNFREEZE"
    SETTLEMENT_HELD = "SETTLEMENT_HELD"
    SETTLEMENT_POSTED = "SETTLEMENT_POSTED"
    SETTLEMENT_VOIDED = "SETTLEMENT_VOIDED"

    # Settlement: states of windows and of their lines.
    SETTLEMENT_CLOSED = "SETTLEMENT_CLOSED"
    SETTLEMENT_CONFIRMED = "SETTLEMENT_CONFIRMED"
    SETTLEMENT_SETTLING = "SETTLEMENT_SETTLING"
    SETTLEMENT_SETTLED = "SETTLEMENT_SETTLED"
    SETTLEMENT_ABORTED = "SETTLEMENT_ABORTED"
    SETTLEMENT_LINE_INSTRUCTED = "SETTLEMENT_LINE_INSTRUCTED"
    SETTLEMENT_LINE_SETTLED = "SETTLEMENT_LINE_SETTLED"
    SETTLEMENT_LINE_HELD = "SETTLEMENT_LINE_HELD"
    SETTLEMENT_LINE_CARRIED = "SETTLEMENT_LINE_CARRIED"
    SETTLEMENT_CONTRADICTION = "SETTLEMENT_CONTRADICTION"
    SETTLEMENT_UNMATCHED = "SETTLEMENT_UNMATCHED"
    SETTLEMENT_UNANSWERED = "SETTLEMENT_UNANSWERED"
    LIQUIDITY_ALERT = "LIQUIDITY_ALERT"
    LIQUIDITY_EASED = "LIQUIDITY_EASED"

    # What people ask for and decide: states of changes.
    CHANGE_REQUESTED = "CHANGE_REQUESTED"
    CHANGE_VOTE = "CHANGE_VOTE"
    CHANGE_APPROVED = "CHANGE_APPROVED"
    CHANGE_EXECUTED = "CHANGE_EXECUTED"
    CHANGE_FAILED = "CHANGE_FAILED"
    CHANGE_REFUSED = "CHANGE_REFUSED"
    CHANGE_WITHDRAWN = "CHANGE_WITHDRAWN"
    CHANGE_EXPIRED = "CHANGE_EXPIRED"

    # People.
    PERSON_ENROLLED = "PERSON_ENROLLED"
    PERSON_FOUNDED = "PERSON_FOUNDED"
    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    SIGN_IN_LOCKED = "SIGN_IN_LOCKED"
    SESSION_REUSED = "SESSION_REUSED"
    REGULATOR_LOGIN = "REGULATOR_LOGIN"

    # What was seen, exported, erased.
    REPORT = "REPORT"
    PATTERN_RULES = "PATTERN_RULES"
    PAGE_READ = "PAGE_READ"
    PERSONAL_DATA = "PERSONAL_DATA"
    MESSAGE_RECEIVED = "MESSAGE_RECEIVED"
    """A message came: for whom and from whom, and nothing of its content."""
    MESSAGE_READ = "MESSAGE_READ"
    ERASE = "ERASE"

    # Webhooks and rails.
    WEBHOOK_ADDED = "WEBHOOK_ADDED"
    WEBHOOK_REMOVED = "WEBHOOK_REMOVED"
    RAIL_NOTICE = "RAIL_NOTICE"


_K = EventKind
OF_PAYMENTS: Final = (
    *map(EventKind, Event),
    *(_K.CONTRADICTION, _K.ESCALATE, _K.ENQUIRY, _K.LOOK_ALIKE, _K.RETURNED),
)
"""A payment's own history, as its journey, its events and its webhooks have it."""
