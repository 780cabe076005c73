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
    GIVEN_BACK = "GIVEN_BACK"
    """A rail gave back money of a credited payment: it is booked as a return, or people decide."""
    REVERSAL_ORDERED = "REVERSAL_ORDERED"
    """Two people ordered its rail to take the credit back."""
    REVERSAL_SENT = "REVERSAL_SENT"
    REVERSAL_UNKNOWN = "REVERSAL_UNKNOWN"
    REVERSAL_REFUSED = "REVERSAL_REFUSED"
    LOOK_ALIKE = "LOOK_ALIKE"
    RETURNED = "RETURNED"
    PART_RETURNED = "PART_RETURNED"
    """A part was returned, or all of it at the rate in force: what went back, and at which rate."""

    # Payments that screening holds, before they have a number in the books. No participant learns of these.
    SCREENING_HELD = "SCREENING_HELD"
    SCREENING_DECIDED = "SCREENING_DECIDED"
    SCREENING_LIST = "SCREENING_LIST"
    """A file of a sanctions list was added: publisher, date, source and SHA-256."""
    DIRECTORY_FILE = "DIRECTORY_FILE"
    """A file of a rail's directory of indirect participants was added: rail, number of banks and SHA-256."""
    SCREENING_READ = "SCREENING_READ"
    """A person read which names of a payment were found on lists."""

    # Money, limits, settlement in the books.
    FUND = "FUND"
    RETURN = "RETURN"
    RETURN_PART = "RETURN_PART"
    LIMIT = "LIMIT"
    VELOCITY = "VELOCITY"
    """A velocity limit was set."""
    WATCH_RULE = "WATCH_RULE"
    """A watch rule was set: a pattern that holds payments or raises alarms."""
    WATCH_ALARM = "WATCH_ALARM"
    """A payment matched a watch rule that raises an alarm."""
    QUOTED = "QUOTED"
    """The terms of a payment were promised until an instant: a firm quote."""
    FX_OFFER = "FX_OFFER"
    """An FX provider published its rates for a pair of currencies, or withdrew them."""
    PAIR_CONTROL = "PAIR_CONTROL"
    """A central bank blocked a pair of currencies, bounded its rate, or ended that."""
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
    REPORT_REPEATED = "REPORT_REPEATED"
    """A person had a report delivered to its destination once more."""
    PAYMENT_FILE_STOPPED = "PAYMENT_FILE_STOPPED"
    """A person stopped the rest of a file of payments."""
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

    # Cases: who works on them, and hashes of what people wrote and attached.
    CASE_ASSIGNED = "CASE_ASSIGNED"
    CASE_NOTE = "CASE_NOTE"
    CASE_ATTACHMENT = "CASE_ATTACHMENT"
    CASE_ATTACHMENT_READ = "CASE_ATTACHMENT_READ"
    CASE_ATTACHMENT_ERASED = "CASE_ATTACHMENT_ERASED"
    CASE_QUESTION = "CASE_QUESTION"
    """A person had the caretaker ask a rail about a payment once more."""

    # Webhooks and rails.
    WEBHOOK_ADDED = "WEBHOOK_ADDED"
    WEBHOOK_REMOVED = "WEBHOOK_REMOVED"
    WEBHOOK_SECRET = "WEBHOOK_SECRET"  # noqa: S105 - the name of the event
    """A new secret signs the deliveries of a webhook."""
    RAIL_NOTICE = "RAIL_NOTICE"


_K = EventKind
OF_PAYMENTS: Final = (
    *map(EventKind, Event),
    *(_K.CONTRADICTION, _K.ESCALATE, _K.ENQUIRY, _K.GIVEN_BACK, _K.LOOK_ALIKE, _K.RETURNED),
    _K.PART_RETURNED,
    *(_K.REVERSAL_ORDERED, _K.REVERSAL_SENT, _K.REVERSAL_UNKNOWN, _K.REVERSAL_REFUSED),
)
"""A payment's own history in its journey, its events and its webhooks."""

OF_PARTICIPANTS: Final = (_K.KEY_ADDED, _K.KEY_RETIRED, _K.KEY_REVOKED, _K.PERSON_INVITED)
"""What is done in the name of a participant (`participant` of the body): its events and webhooks tell it."""
