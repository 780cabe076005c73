"""Verdicts of the writer on commands: one name each, and a text for people.

The ledger's own outcomes are among them under the ledger's names (`OF_LEDGER`); the others are the switch's.
Compare with the members only. People read `text`: English, translated by the pages.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ledger.books import LedgerVerdict


class Verdict(StrEnum):
    """Result of a command."""

    # For every command.
    UNAVAILABLE = "unavailable"
    """Not decided: the queue is full or the database is unavailable. Nothing was done."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The connection or the writer was lost while it was being decided: it may have been done."""
    FAILED_TO_DECIDE = "failed_to_decide"
    """An exception in the decision: a defect of the switch. Nothing was done."""
    BOOKS_FROZEN = "books_frozen"
    """It would move money while the books are frozen. Nothing was done."""
    NO_CAUSE = "no_cause"
    """No participant signed, or no people approved, what the command says. Nothing was done."""
    RESTORING = "restoring"
    """The switch is closed after a restore, or the rail's files are not read yet. Nothing was done."""

    # For payments.
    REFUSED = "refused"
    ADVANCED = "advanced"
    NOTED = "noted"
    OFFER_ENDED = "offer_ended"
    """The FX provider's offer is replaced or over. Nothing was done."""
    OFFER_EXHAUSTED = "offer_exhausted"
    """The FX provider's inventory is too small. Nothing was done."""
    LATE = "late"
    """An expiry is past, or does not match its lifetime. Nothing was done."""
    ILLEGAL = "illegal"
    """The payment's state has no such transition."""
    ANOTHER_RAIL = "another_rail"
    FINAL = "final"
    CONTRADICTION = "contradiction"
    """The rail reports the opposite of a final outcome. It was recorded, and changed nothing."""
    GIVEN_BACK = "given_back"
    """The rail gave back money of a credited payment. It was recorded; by itself it books nothing."""
    LEFT_TO_PEOPLE = "left_to_people"
    """The rule does not permit to book what the rail gave back: the reason is the detail."""
    REVERSAL_OPEN = "reversal_open"
    """Its rail was asked to take the credit back, and has not answered yet. Nothing was done."""
    PART_RETURNED = "part_returned"
    """A part was returned before: what is left is returned by its amount. Nothing was done."""
    MORE_THAN_LEFT = "more_than_left"
    """More than is left to return, or too many parts. Nothing was done."""
    KNOWN_AT_RAIL = "known_at_rail"
    """Its rail executed or refused this UETR before a restore: it must not be sent again."""
    HELD = "held"
    """It waits until people have decided. Nothing was reserved."""
    WATCHED = "watched"
    """A watch rule has it held until people have decided. Nothing was done."""
    DECIDED = "decided"

    # For people and for settlement.
    PONG = "pong"
    OPENED = "opened"
    LIMIT_SET = "limit_set"
    PAIR_SET = "pair_set"
    WATCH_SET = "watch_set"
    RECORDED = "recorded"
    NOT_OPEN = "not_open"
    FROZEN = "frozen"
    FROZEN_ALREADY = "frozen_already"
    UNFROZEN = "unfrozen"
    NOT_FROZEN = "not_frozen"
    LEFT_OUT = "left_out"
    BEGUN_AGAIN = "begun_again"
    REOPENED = "reopened"
    NOT_CLOSED = "not_closed"

    # From the ledger.
    CREATED = "created"
    EXISTS = "exists"
    EXISTS_WITH_DIFFERENT_CONTENT = "exists_with_different_content"
    ALREADY_FAILED = "already_failed"
    FAILED = "failed"
    NO_LEGS = "no_legs"
    TOO_MANY_LEGS = "too_many_legs"
    AMOUNT_MUST_BE_POSITIVE = "amount_must_be_positive"
    AMOUNT_TOO_LARGE = "amount_too_large"
    DEBIT_EQUALS_CREDIT = "debit_equals_credit"
    UNKNOWN_PURPOSE = "unknown_purpose"
    ACCOUNT_NOT_FOUND = "account_not_found"
    ACCOUNT_CLOSED = "account_closed"
    CURRENCY_MISMATCH = "currency_mismatch"
    OVERFLOW = "overflow"
    CAP_EXCEEDED = "cap_exceeded"
    TRANSFER_NOT_FOUND = "transfer_not_found"
    TRANSFER_FAILED = "transfer_failed"
    TRANSFER_NOT_PENDING = "transfer_not_pending"
    TRANSFER_NOT_POSTED = "transfer_not_posted"
    POSTED = "posted"
    ALREADY_POSTED = "already_posted"
    VOIDED = "voided"
    ALREADY_VOIDED = "already_voided"
    ALREADY_CORRECTED = "already_corrected"
    CORRECTION_OF_CORRECTION = "correction_of_correction"
    CAP_SET = "cap_set"
    CAP_BELOW_EXPOSURE = "cap_below_exposure"
    ACCOUNT_NOT_EMPTY = "account_not_empty"
    CLOSED = "closed"

    @property
    def text(self) -> str:
        """The text for people, in English."""
        return TEXTS[self]


OF_LEDGER: Final[Mapping[LedgerVerdict, Verdict]] = MappingProxyType(
    {verdict: Verdict(verdict.value) for verdict in LedgerVerdict}
)
"""The writer's verdicts of the ledger's outcomes."""

_V = Verdict
TEXTS: Final[Mapping[Verdict, str]] = MappingProxyType(
    {
        _V.UNAVAILABLE: "the ledger's writer is not available",
        _V.OUTCOME_UNKNOWN: "the outcome is unknown",
        _V.FAILED_TO_DECIDE: "an unexpected error occurred; nothing was done",
        _V.BOOKS_FROZEN: "the books are frozen",
        _V.NO_CAUSE: "nobody signed or approved this",
        _V.RESTORING: "the switch is closed after a restore of its database",
        _V.REFUSED: "the payment was refused",
        _V.ADVANCED: "recorded",
        _V.NOTED: "noted",
        _V.OFFER_ENDED: "the FX provider's offer has ended",
        _V.OFFER_EXHAUSTED: "the FX provider's inventory is too small",
        _V.LATE: "too late",
        _V.ILLEGAL: "the payment is not in a state that allows this",
        _V.ANOTHER_RAIL: "the payment was sent to another rail",
        _V.FINAL: "the payment is final",
        _V.CONTRADICTION: "the rail contradicts a final payment",
        _V.GIVEN_BACK: "the rail gave money back",
        _V.LEFT_TO_PEOPLE: "two people must decide",
        _V.REVERSAL_OPEN: "a reversal at the rail is under way",
        _V.PART_RETURNED: "a part was returned before: return what is left by its amount",
        _V.MORE_THAN_LEFT: "it is more than is left to return, or too many parts were returned",
        _V.KNOWN_AT_RAIL: "its rail knows this payment from before the restore",
        _V.HELD: "the payment is held",
        _V.DECIDED: "decided",
        _V.PONG: "the writer works",
        _V.OPENED: "the account is open",
        _V.LIMIT_SET: "the limits are set",
        _V.PAIR_SET: "the central bank's decision applies",
        _V.WATCH_SET: "the watch rule is set",
        _V.WATCHED: "a watch rule holds the payment",
        _V.RECORDED: "recorded",
        _V.NOT_OPEN: "the window is not open",
        _V.FROZEN: "the books are frozen",
        _V.FROZEN_ALREADY: "the books were frozen already",
        _V.UNFROZEN: "the books take payments again",
        _V.NOT_FROZEN: "the books are not frozen",
        _V.LEFT_OUT: "the events are left out",
        _V.BEGUN_AGAIN: "a new epoch of the log has begun",
        _V.REOPENED: "the switch is open again",
        _V.NOT_CLOSED: "the switch is not closed",
        _V.CREATED: "booked",
        _V.EXISTS: "it exists already",
        _V.EXISTS_WITH_DIFFERENT_CONTENT: "it exists with different content",
        _V.ALREADY_FAILED: "it was refused before",
        _V.FAILED: "it was refused for good",
        _V.NO_LEGS: "there is nothing to book",
        _V.TOO_MANY_LEGS: "too many bookings in one transfer",
        _V.AMOUNT_MUST_BE_POSITIVE: "the amount must be positive",
        _V.AMOUNT_TOO_LARGE: "the amount is too large",
        _V.DEBIT_EQUALS_CREDIT: "debit and credit are the same account",
        _V.UNKNOWN_PURPOSE: "unknown purpose of a booking",
        _V.ACCOUNT_NOT_FOUND: "account not found",
        _V.ACCOUNT_CLOSED: "the account is closed",
        _V.CURRENCY_MISMATCH: "the accounts have different currencies",
        _V.OVERFLOW: "the balance would be too large",
        _V.CAP_EXCEEDED: "net debit cap exceeded",
        _V.TRANSFER_NOT_FOUND: "transfer not found",
        _V.TRANSFER_FAILED: "the transfer was refused",
        _V.TRANSFER_NOT_PENDING: "the transfer is not pending",
        _V.TRANSFER_NOT_POSTED: "the transfer was not posted",
        _V.POSTED: "posted",
        _V.ALREADY_POSTED: "posted already",
        _V.VOIDED: "released",
        _V.ALREADY_VOIDED: "released already",
        _V.ALREADY_CORRECTED: "returned already",
        _V.CORRECTION_OF_CORRECTION: "a return cannot be returned",
        _V.CAP_SET: "the cap is set",
        _V.CAP_BELOW_EXPOSURE: "the cap would be below the exposure",
        _V.ACCOUNT_NOT_EMPTY: "the account is not empty",
        _V.CLOSED: "closed",
    }
)
"""For people, in English; the pages' catalogues have the other languages."""
