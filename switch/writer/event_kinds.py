"""Kinds of the switch's events in the ledger's log: one name each.

The ledger itself adds its own (an account was opened, a window was opened). The log is permanent, so a kind
is never renamed, and its name is never reused for something else.
"""

from enum import StrEnum
from typing import Final

from switch.writer.lifecycle import Event


class EventKind(StrEnum):
    """Kinds of events of the log."""

    # Steps of a payment.
    RESERVE = Event.RESERVE
    REFUSE = Event.REFUSE
    SEND = Event.SEND
    EXPIRE = Event.EXPIRE
    DOUBT = Event.DOUBT
    CONFIRM = Event.CONFIRM
    REJECT = Event.REJECT
    DEFER = Event.DEFER
    CANCEL = Event.CANCEL

    # Other events of a payment.
    CONTRADICTION = "CONTRADICTION"
    """A rail reports the opposite of a final outcome."""
    ESCALATE = "ESCALATE"
    """From now on people, or the rail's file, must decide."""
    ENQUIRY = "ENQUIRY"
    """The rail's answer to an enquiry that did not end the payment."""
    LOOK_ALIKE = "LOOK_ALIKE"
    RETURNED = "RETURNED"

    # Money, limits, settlement in the books.
    FUND = "FUND"
    RETURN = "RETURN"
    LIMIT = "LIMIT"
    FREEZE = "FREEZE"
    UNFREEZE = "UNFREEZE"
    LEFT_OUT = "LEFT_OUT"
    """It stands for an event that a restore may have lost, so that its number is not given out again."""
    RESTORE = "RESTORE"
    """The database was restored to an earlier instant: what is kept, and what is left out."""
    REOPEN = "REOPEN"
    """Two people opened the switch after a restore."""
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
    SETTLEMENT_FORGED = "SETTLEMENT_FORGED"
    SETTLEMENT_UNMATCHED = "SETTLEMENT_UNMATCHED"
    SETTLEMENT_UNANSWERED = "SETTLEMENT_UNANSWERED"
    LIQUIDITY_ALERT = "LIQUIDITY_ALERT"
    LIQUIDITY_EASED = "LIQUIDITY_EASED"

    # Changes that people request and decide: their states.
    CHANGE_REQUESTED = "CHANGE_REQUESTED"
    CHANGE_VOTE = "CHANGE_VOTE"
    CHANGE_APPROVED = "CHANGE_APPROVED"
    CHANGE_EXECUTED = "CHANGE_EXECUTED"
    CHANGE_FAILED = "CHANGE_FAILED"
    CHANGE_REFUSED = "CHANGE_REFUSED"
    CHANGE_WITHDRAWN = "CHANGE_WITHDRAWN"
    CHANGE_EXPIRED = "CHANGE_EXPIRED"

    SANDBOX_MADE = "SANDBOX_MADE"
    """A sandbox made a change of its own, which no people requested."""

    # People.
    PERSON_INVITED = "PERSON_INVITED"
    """A person may enrol: a new one, or one whose password and authenticator are reset."""
    PERSON_ENROLLED = "PERSON_ENROLLED"
    PERSON_FOUNDED = "PERSON_FOUNDED"
    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    SIGN_IN_LOCKED = "SIGN_IN_LOCKED"
    """From this failure on, its source or all strangers wait; before 0.2.0, the person was locked out."""
    SESSION_REUSED = "SESSION_REUSED"
    PASSKEY_ADDED = "PASSKEY_ADDED"
    PASSKEY_REMOVED = "PASSKEY_REMOVED"
    PASSKEY_COPIED = "PASSKEY_COPIED"
    """The signature counter of a passkey did not grow: somebody has a copy of it."""
    PERSON_BOUND = "PERSON_BOUND"
    """A person is bound to a subject of an identity provider, and has no password any more."""
    PERSON_PROVISIONED = "PERSON_PROVISIONED"
    """A person was added at the first sign-in with an identity provider that may do so."""
    SESSION_ENDED = "SESSION_ENDED"
    """Somebody ended sessions of a person from the list of sessions: whose, who, and how many."""
    REGULATOR_LOGIN = "REGULATOR_LOGIN"

    # Reading, exporting and erasing data.
    REPORT = "REPORT"
    PATTERN_RULES = "PATTERN_RULES"
    PAGE_READ = "PAGE_READ"
    PERSONAL_DATA = "PERSONAL_DATA"
    MESSAGE_RECEIVED = "MESSAGE_RECEIVED"
    """A message arrived: its receiver and sender, and none of its content."""
    MESSAGE_READ = "MESSAGE_READ"
    ACCOUNT_LOOKUP = "ACCOUNT_LOOKUP"
    """A participant verified accounts: keyed fingerprints of them, and the results."""
    ERASE = "ERASE"

    # Signing keys of participants.
    KEY_ADDED = "KEY_ADDED"
    KEY_RETIRED = "KEY_RETIRED"
    KEY_REVOKED = "KEY_REVOKED"

    # Webhooks and rails.
    WEBHOOK_ADDED = "WEBHOOK_ADDED"
    WEBHOOK_REMOVED = "WEBHOOK_REMOVED"
    RAIL_NOTICE = "RAIL_NOTICE"


_K = EventKind
OF_PAYMENTS: Final = (
    *map(EventKind, Event),
    *(_K.CONTRADICTION, _K.ESCALATE, _K.ENQUIRY, _K.LOOK_ALIKE, _K.RETURNED),
)
"""A payment's own history in its journey, its events and its webhooks."""

OF_PARTICIPANTS: Final = (_K.KEY_ADDED, _K.KEY_RETIRED, _K.KEY_REVOKED, _K.PERSON_INVITED)
"""What is done in the name of a participant (`participant` of the body): its events and webhooks tell it."""
