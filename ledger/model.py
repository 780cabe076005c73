"""The data types of the ledger: verdicts, states, legs, accounts and sets."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct


class LedgerVerdict(StrEnum):
    """All verdicts; their precedence is in the table of `books`."""

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


class TransferState(StrEnum):
    """The state of a set."""

    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
    FAILED = "failed"


class TransferKind(StrEnum):
    """The kind of a set."""

    TWO_PHASE = "two_phase"
    SINGLE_PHASE = "single_phase"
    CORRECTION = "correction"
    FAILED = "failed"


class Leg(NamedTuple):
    """One transfer of a linked set: account numbers, minor units, and a purpose of `encoding.PURPOSES`."""

    debit: int
    credit: int
    amount: int
    purpose: str


class Decision(Struct, frozen=True, gc=False):
    """A decision. `number` is the internal id of the set (or account); 0 for none."""

    verdict: LedgerVerdict
    number: int
    state: TransferState | None = None


class Account:
    """Four counters, never a signed balance; minor units."""

    __slots__ = (
        "cap",
        "closed",
        "credits_pending",
        "credits_posted",
        "currency",
        "debits_pending",
        "debits_posted",
        "entries",
        "number",
        "owner",
        "purpose",
    )

    def __init__(
        self,
        number: int,
        owner: str,
        currency: str,
        purpose: str,
        *,
        closed: bool = False,
        cap: int | None = None,
        counters: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0),
    ) -> None:
        self.number = number
        self.owner = owner
        self.currency = currency
        self.purpose = purpose
        self.closed = closed
        self.cap = cap
        self.debits_pending, self.debits_posted, self.credits_pending, self.credits_posted, self.entries = (
            counters
        )

    @property
    def empty(self) -> bool:
        """Whether it is empty, pending and posted: only then may it be closed."""
        pending = self.debits_pending or self.credits_pending
        return not pending and self.debits_posted == self.credits_posted

    @property
    def counters(self) -> tuple[int, int, int, int, int]:
        """Debits pending and posted, credits pending and posted, posted legs."""
        return (
            self.debits_pending,
            self.debits_posted,
            self.credits_pending,
            self.credits_posted,
            self.entries,
        )

    @property
    def exposure(self) -> int:
        """The amount that a cap must cover: debits, including pending, less posted credits."""
        return self.debits_pending + self.debits_posted - self.credits_posted


class Transfer(Struct, gc=False):
    """One set, with the data that decisions need."""

    number: int
    kind: TransferKind
    state: TransferState
    fingerprint: bytes
    legs: Sequence[Leg]
    corrected: bool = False
