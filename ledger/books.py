"""The books: the in-memory state machine that decides commands in order of arrival.

Theory of operation. A single writer changes the ledger, so it keeps in memory the counters of every account
and the sets that the present commands refer to. Each command is decided here, in readable Python, one after
the other: the result equals a sequential replay because it is one. The decisions are collected in `batch` as
columns. `seal` hands the batch over to one durable transaction, which applies it atomically; meanwhile the
next batch is decided on top of it. `settle` confirms that the transaction is durable; if its outcome is
unknown, `forget` drops everything, including later decisions, and the same commands are decided again from
the state in the database.

Rule 1: this file has no SQL and no clock: `now` is the time of the database, read once per batch.
Rule 2: a refusal changes nothing except the record of the refusal.
Rule 3: a set that was not loaded is never guessed: it raises `NotLoaded`.

A transfer is a *set* of legs, each moving an amount between two accounts of one currency, all or nothing.
Both sides move at once, so pending and posted columns balance per currency at every instant:

    reserve   debits_pending += amount     credits_pending += amount      needs headroom
    post      pending -> posted on both sides                             always possible
    void      pending -= amount on both sides                             always possible
    move      debits_posted += amount      credits_posted += amount       needs headroom

Headroom, if an account has a cap: debits_pending + debits_posted + amount <= credits_posted + cap.
Pending credits never count, and neither do credits of the same set. Legs of a set are checked in order,
each after the debits of the legs before.

Verdicts. The first that applies, from the top, is the verdict; legs are checked in order.

    reserve, move, correct
      exists_with_different_content   the id is known with another fingerprint
      already_failed                  the id was refused before, and stays refused
      exists                          the id is known, with the same fingerprint
      (correct) transfer_not_found, correction_of_correction, transfer_not_posted, already_corrected
      no_legs, too_many_legs
      amount_must_be_positive, amount_too_large, debit_equals_credit, unknown_purpose,
      account_not_found, account_closed, currency_mismatch, overflow, cap_exceeded
      created
    fail      exists_with_different_content, already_failed, exists, failed
    post, void
      transfer_not_found, transfer_failed, transfer_not_pending
      already_posted, already_voided
      posted or voided
    set_cap         account_not_found, account_closed, cap_below_exposure, cap_set
    close_account   account_not_found, account_closed, account_not_empty, closed

A new id that `reserve`, `move` or `correct` refuses is recorded as failed, with its own number.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from ledger.batch import Batch
from ledger.encoding import (
    EPOCH,
    PURPOSES,
    Tag,
    encode_account,
    encode_cap,
    encode_failure,
    encode_kind,
    encode_set,
    encode_window,
    microseconds,
)
from ledger.model import Account, Decision, LedgerVerdict, Leg, Transfer, TransferKind, TransferState
from schemas.errors import NotFound

__all__ = [
    "Account",
    "Books",
    "Decision",
    "LedgerVerdict",
    "Leg",
    "NotLoaded",
    "Transfer",
    "TransferKind",
    "TransferState",
]

LEGS_MAX: Final = 100
"""Largest number of legs of one set."""

AMOUNT_MAX: Final = 10**17
"""Largest amount of one leg in minor units."""

TOTAL_MAX: Final = 2**62 - 1
"""Limit of pending plus posted of one side of an account; sums of two stay below 2**63."""


class NotLoaded(RuntimeError):
    """A command uses a transfer that its host did not name in `footprint`."""


# Access to an enumeration member costs a call; the hot path accesses these only once.
_PENDING, _POSTED, _VOIDED, _FAILED = TransferState
_TWO_PHASE: Final = TransferKind.TWO_PHASE
_CREATED: Final = LedgerVerdict.CREATED
_VERDICT_POSTED: Final = LedgerVerdict.POSTED
_TAG_RESERVED, _TAG_POSTED, _TAG_VOIDED = Tag.RESERVED, Tag.POSTED, Tag.VOIDED


class Books:
    """The state machine of the ledger. Every change goes to `batch` and into the event log."""

    def __init__(self, *, transfers_max: int = 100_000) -> None:
        self.transfers_max = transfers_max
        self.now: datetime = EPOCH
        self.forget()

    def forget(self) -> None:
        """Drop everything: the state in memory may not have been applied."""
        self.next_seq = 1
        self.batch = Batch()
        self._accounts: dict[int, Account] = {}
        self._by_key: dict[tuple[str, str, str], int] = {}
        self._windows: dict[str, int] = {}
        self._transfers: dict[int, Transfer] = {}  # by the integer of the id: a UUID hashes ten times slower
        self._absent: set[int] = set()
        self._named: set[int] = set()
        self._sealed: deque[set[int]] = deque()

    # Called by the writer.

    def install(
        self, next_seq: int, now: datetime, accounts: Iterable[Account], windows: dict[str, int]
    ) -> None:
        """Load the state of the database at the start of an epoch."""
        self.next_seq = next_seq
        self.now = max(self.now, now)
        for account in accounts:
            self._accounts[account.number] = account
            self._by_key[account.owner, account.currency, account.purpose] = account.number
        self._windows = dict(windows)

    def missing(self, ids: Iterable[UUID]) -> list[UUID]:
        """The ids that must be read from the database before a decision."""
        named = {id_.int: id_ for id_ in ids}
        self._named.update(named)
        self._keep_bounded()
        known = self._transfers
        return [id_ for key, id_ in named.items() if key not in known]

    def begin(self, now: datetime, looked_up: Iterable[UUID], found: Iterable[tuple[UUID, Transfer]]) -> None:
        """Start a batch with the time, the looked up ids, and the sets found. Time never goes back."""
        self.now = max(self.now, now)
        self._absent.update([id_.int for id_ in looked_up])
        self._transfers.update({id_.int: transfer for id_, transfer in found})

    def seal(self) -> Batch:
        """Hand over the decisions to be applied, and start the next batch on top of them."""
        batch, self.batch = self.batch, Batch()
        self._absent.clear()
        self._sealed.append(self._named)
        self._named = set()
        return batch

    def settle(self) -> None:
        """Confirm that the oldest sealed batch is durable."""
        self._sealed.popleft()

    def _keep_bounded(self) -> None:
        """Drop the oldest sets from memory; never one whose newest state may not be in the database yet."""
        excess = len(self._transfers) - self.transfers_max
        if excess <= 0:
            return
        kept = self._named.union(*self._sealed)
        for id_ in list(itertools.islice(self._transfers, excess)):
            if id_ not in kept:
                del self._transfers[id_]

    # Called by the host to decide.

    def reserve(
        self,
        id_: UUID,
        legs: Sequence[Leg],
        *,
        fingerprint: bytes,
        expires_at: datetime | None = None,
        kind: str = "reserved",
        body: bytes = b"",
    ) -> Decision:
        """Reserve a linked set, all legs or none. The event also has the host's `kind` and `body`."""
        known = self._find(id_)
        if known is not None:
            return _again(known, fingerprint)
        refusal = self._hold(legs)
        if refusal is not None:
            return self._remember_failure(id_, fingerprint, refusal, "refused", body)
        # Past this line the set must be recorded.
        expires = 0 if expires_at is None else microseconds(expires_at)
        id_bytes = id_.bytes
        change = encode_set(_TAG_RESERVED, id_bytes, fingerprint, expires, 0, legs)
        number = self._log(None, kind, change, body)
        self._transfers[id_.int] = Transfer(number, _TWO_PHASE, _PENDING, fingerprint, legs)
        self.batch.transfers.append((number, id_bytes, _TWO_PHASE, None, fingerprint, expires, 0, legs))
        return Decision(_CREATED, number, _PENDING)

    def refusal(self, legs: Sequence[Leg]) -> LedgerVerdict | None:
        """State why a set of these legs would be refused now; None if it would not. Nothing is recorded."""
        refusal = self._hold(legs)
        if refusal is None:
            self._release(legs)
        return refusal

    def move(
        self,
        id_: UUID,
        legs: Sequence[Leg],
        *,
        fingerprint: bytes,
        kind: str = "moved",
        body: bytes = b"",
    ) -> Decision:
        """Post a linked set in one step, all legs or none: deposits, withdrawals, settlement."""
        self._check_unsealed()
        known = self._find(id_)
        if known is not None:
            return _again(known, fingerprint)
        refusal = self._hold(legs)
        if refusal is not None:
            return self._remember_failure(id_, fingerprint, refusal, "refused", body)
        # Past this line the set must be recorded.
        self._post_legs(legs)
        change = encode_set(Tag.MOVED, id_.bytes, fingerprint, 0, 0, legs)
        number = self._log(None, kind, change, body)
        self._transfers[id_.int] = Transfer(number, TransferKind.SINGLE_PHASE, _POSTED, fingerprint, legs)
        self.batch.transfers.append(
            (number, id_.bytes, TransferKind.SINGLE_PHASE, None, fingerprint, 0, 0, legs)
        )
        return Decision(_CREATED, number, _POSTED)

    def fail(
        self,
        id_: UUID,
        *,
        fingerprint: bytes,
        kind: str = "failed",
        body: bytes = b"",
    ) -> Decision:
        """Record that this id was refused: every later try with it stays refused."""
        known = self._find(id_)
        if known is not None:
            return _again(known, fingerprint)
        return self._remember_failure(id_, fingerprint, LedgerVerdict.FAILED, kind, body)

    def post(self, id_: UUID, *, kind: str = "posted", body: bytes = b"") -> Decision:
        """Post a pending set completely, in the open window."""
        self._check_unsealed()
        transfer = self._find(id_)
        refusal = _refusal_to_resolve(transfer)
        if transfer is None or refusal is not None:
            return _not_resolved(transfer, refusal)
        if transfer.state is _VOIDED:
            return Decision(LedgerVerdict.ALREADY_VOIDED, transfer.number, transfer.state)
        if transfer.state is _POSTED:
            return Decision(LedgerVerdict.ALREADY_POSTED, transfer.number, transfer.state)
        # Past this line the set must be posted.
        self._post_legs(transfer.legs)
        transfer.state = _POSTED
        seq = self._log(transfer.number, kind, _TAG_POSTED, body)
        self.batch.resolutions.append((transfer.number, seq, "posted"))
        return Decision(_VERDICT_POSTED, transfer.number, _POSTED)

    def void(self, id_: UUID, *, kind: str = "voided", body: bytes = b"") -> Decision:
        """Void a pending set completely."""
        transfer = self._find(id_)
        refusal = _refusal_to_resolve(transfer)
        if transfer is None or refusal is not None:
            return _not_resolved(transfer, refusal)
        if transfer.state is _POSTED:
            return Decision(LedgerVerdict.ALREADY_POSTED, transfer.number, transfer.state)
        if transfer.state is _VOIDED:
            return Decision(LedgerVerdict.ALREADY_VOIDED, transfer.number, transfer.state)
        # Past this line the set must be voided.
        self._release(transfer.legs)
        transfer.state = _VOIDED
        seq = self._log(transfer.number, kind, _TAG_VOIDED, body)
        self.batch.resolutions.append((transfer.number, seq, "voided"))
        return Decision(LedgerVerdict.VOIDED, transfer.number, _VOIDED)

    def correct(
        self,
        id_: UUID,
        corrects: UUID,
        *,
        fingerprint: bytes,
        kind: str = "corrected",
        body: bytes = b"",
    ) -> Decision:
        """Reverse a posted set, once, by a new set that refers to it. Caps also apply here."""
        self._check_unsealed()
        known = self._find(id_)
        if known is not None:
            return _again(known, fingerprint)
        original = self._find(corrects)
        refusal = _refusal_to_correct(original)
        if original is None or refusal is not None:
            refusal = refusal or LedgerVerdict.TRANSFER_NOT_FOUND
            return self._remember_failure(id_, fingerprint, refusal, "refused", body)
        legs = [Leg(leg[1], leg[0], leg[2], "correction") for leg in reversed(original.legs)]
        refusal = self._hold(legs)
        if refusal is not None:
            return self._remember_failure(id_, fingerprint, refusal, "refused", body)
        # Past this line the correction must be recorded.
        self._post_legs(legs)
        original.corrected = True
        change = encode_set(Tag.CORRECTED, id_.bytes, fingerprint, 0, original.number, legs)
        number = self._log(None, kind, change, body)
        self._transfers[id_.int] = Transfer(number, TransferKind.CORRECTION, _POSTED, fingerprint, legs)
        self.batch.transfers.append(
            (number, id_.bytes, TransferKind.CORRECTION, None, fingerprint, 0, original.number, legs)
        )
        return Decision(_CREATED, number, _POSTED)

    def find(self, id_: UUID) -> Decision | None:
        """Find a set: its state, with the verdict exists, posted, voided or already_failed."""
        transfer = self._find(id_)
        if transfer is None:
            return None
        return Decision(_STATE_VERDICTS[transfer.state], transfer.number, transfer.state)

    def legs(self, id_: UUID) -> tuple[int, Sequence[Leg]] | None:
        """The number and the legs of a set that is posted; None if there is none."""
        known = self._find(id_)
        return None if known is None or known.state is not _POSTED else (known.number, known.legs)

    def is_corrected(self, id_: UUID) -> bool:
        """Whether a set is reversed by a correction."""
        known = self._find(id_)
        return known is not None and known.corrected

    def repeated(self, id_: UUID, fingerprint: bytes) -> Decision | None:
        """Whether a known set is repeated with the same or with other content; None if it is not known."""
        known = self._find(id_)
        return None if known is None else _again(known, fingerprint)

    def account(self, number: int) -> Account | None:
        """Get an account; the caller must not change it."""
        return self._accounts.get(number)

    def find_account(self, owner: str, currency: str, purpose: str) -> int | None:
        """Find the number of an account."""
        return self._by_key.get((owner, currency, purpose))

    def window(self, currency: str) -> int | None:
        """The number of the open settlement window of a currency; None if the currency has no account."""
        return self._windows.get(currency)

    def open_account(
        self, owner: str, currency: str, purpose: str, net_debit_cap: int | None, *, body: bytes = b""
    ) -> int:
        """Open an account, or find the existing one (its cap is kept); return its number.

        The first account of a currency opens its first settlement window.

        Raises:
            ValueError: no owner or purpose, not a currency code, or a cap out of range.

        """
        number = self._by_key.get((owner, currency, purpose))
        if number is not None:
            return number
        if not owner or not purpose or not (len(currency) == 3 and currency.isascii() and currency.isupper()):  # noqa: PLR2004
            raise ValueError("an account needs an owner, a currency code and a purpose")
        _check_cap(net_debit_cap)
        number = self._log(
            None, "account_opened", encode_account(owner, currency, purpose, net_debit_cap), body
        )
        self.batch.add_account(number, owner, currency, purpose)
        account = Account(number, owner, currency, purpose)
        self._accounts[number] = account
        self._by_key[owner, currency, purpose] = number
        self.batch.touch(account)
        account.cap = net_debit_cap
        if currency not in self._windows:
            self._open_window(currency)
        return number

    def set_cap(self, account: int, net_debit_cap: int | None, *, body: bytes = b"") -> Decision:
        """Change a cap; never below the present use, so a cap holds at every instant.

        Raises:
            ValueError: the cap is out of range.

        """
        _check_cap(net_debit_cap)
        found = self._accounts.get(account)
        if found is None:
            return Decision(LedgerVerdict.ACCOUNT_NOT_FOUND, 0)
        if found.closed:
            return Decision(LedgerVerdict.ACCOUNT_CLOSED, account)
        if net_debit_cap is not None and found.exposure > net_debit_cap:
            return Decision(LedgerVerdict.CAP_BELOW_EXPOSURE, account)
        self._log(account, "cap_set", encode_cap(net_debit_cap), body)
        self.batch.touch(found)
        found.cap = net_debit_cap
        return Decision(LedgerVerdict.CAP_SET, account)

    def close_account(self, account: int, *, body: bytes = b"") -> Decision:
        """Close an account for ever; it must be empty, pending and posted."""
        found = self._accounts.get(account)
        if found is None:
            return Decision(LedgerVerdict.ACCOUNT_NOT_FOUND, 0)
        if found.closed:
            return Decision(LedgerVerdict.ACCOUNT_CLOSED, account)
        if not found.empty:
            return Decision(LedgerVerdict.ACCOUNT_NOT_EMPTY, account)
        self._log(account, "account_closed", Tag.ACCOUNT_CLOSED, body)
        self.batch.touch(found)
        found.closed = True
        return Decision(LedgerVerdict.CLOSED, account)

    def close_window(self, currency: str, *, body: bytes = b"") -> int:
        """Close the settlement window of a currency and open the next; return the number of the closed one.

        Nothing can be posted after it in the same batch: the writer ends the batch with this command.

        Raises:
            NotFound: the currency has no account, and so no window.

        """
        number = self._windows.get(currency)
        if number is None:
            raise NotFound(f"no settlement window of {currency}")
        seq = self._log(number, "window_closed", encode_window(Tag.WINDOW_CLOSED, currency), body)
        self.batch.close_window(number, seq)
        self._open_window(currency)
        return number

    def record(self, number: int, kind: str, body: bytes) -> int:
        """Append an event of the host to the log; return its sequence number."""
        return self._log(number, kind, b"", body)

    # Changes of the books.

    def _log(self, number: int | None, kind: str, change: bytes, body: bytes) -> int:
        """Append one event; without a `number`, it is its own sequence number."""
        seq = self.next_seq
        self.next_seq = seq + 1
        about = seq if number is None else number
        self.batch.events.append((about, kind, encode_kind(kind), change, body))
        return seq

    def _find(self, id_: UUID) -> Transfer | None:
        transfer = self._transfers.get(id_.int)
        if transfer is None and id_.int not in self._absent:
            raise NotLoaded(f"{id_} was not named in `footprint`")
        return transfer

    def _remember_failure(
        self, id_: UUID, fingerprint: bytes, verdict: LedgerVerdict, kind: str, body: bytes
    ) -> Decision:
        number = self._log(None, kind, encode_failure(id_.bytes, fingerprint, verdict), body)
        self._transfers[id_.int] = Transfer(number, TransferKind.FAILED, _FAILED, fingerprint, ())
        self.batch.transfers.append((number, id_.bytes, TransferKind.FAILED, verdict, fingerprint, 0, 0, ()))
        return Decision(verdict, number, _FAILED)

    def _hold(self, legs: Sequence[Leg]) -> LedgerVerdict | None:
        """Make every leg pending, or none and return why."""
        if not legs:
            return LedgerVerdict.NO_LEGS
        if len(legs) > LEGS_MAX:
            return LedgerVerdict.TOO_MANY_LEGS
        for position, leg in enumerate(legs):
            refusal = self._hold_leg(leg)
            if refusal is not None:
                self._release(legs[:position])
                return refusal
        return None

    def _hold_leg(self, leg: Leg) -> LedgerVerdict | None:  # noqa: C901, PLR0911 - the list of refusals
        debit_number, credit_number, amount, purpose = leg
        if amount <= 0:
            return LedgerVerdict.AMOUNT_MUST_BE_POSITIVE
        if amount > AMOUNT_MAX:
            return LedgerVerdict.AMOUNT_TOO_LARGE
        if debit_number == credit_number:
            return LedgerVerdict.DEBIT_EQUALS_CREDIT
        if purpose not in PURPOSES:
            return LedgerVerdict.UNKNOWN_PURPOSE
        debit = self._accounts.get(debit_number)
        credit = self._accounts.get(credit_number)
        if debit is None or credit is None:
            return LedgerVerdict.ACCOUNT_NOT_FOUND
        if debit.closed or credit.closed:
            return LedgerVerdict.ACCOUNT_CLOSED
        if debit.currency != credit.currency:
            return LedgerVerdict.CURRENCY_MISMATCH
        debits = debit.debits_pending + debit.debits_posted + amount
        if debits > TOTAL_MAX or credit.credits_pending + credit.credits_posted + amount > TOTAL_MAX:
            return LedgerVerdict.OVERFLOW
        if debit.cap is not None and debits > debit.credits_posted + debit.cap:
            return LedgerVerdict.CAP_EXCEEDED
        # Past this line the leg must be held.
        assert type(amount) is int, amount
        batch = self.batch
        if debit_number not in batch.before:
            batch.touch(debit)
        if credit_number not in batch.before:
            batch.touch(credit)
        debit.debits_pending += amount
        credit.credits_pending += amount
        return None

    def _release(self, legs: Sequence[Leg]) -> None:
        """Remove pending amounts on both sides."""
        before = self.batch.before
        for debit_number, credit_number, amount, _ in legs:
            debit = self._accounts[debit_number]
            credit = self._accounts[credit_number]
            if debit_number not in before:
                self.batch.touch(debit)
            if credit_number not in before:
                self.batch.touch(credit)
            debit.debits_pending -= amount
            credit.credits_pending -= amount

    def _post_legs(self, legs: Sequence[Leg]) -> None:
        """Convert pending amounts to posted ones on both sides."""
        before = self.batch.before
        for debit_number, credit_number, amount, _ in legs:
            debit = self._accounts[debit_number]
            credit = self._accounts[credit_number]
            if debit_number not in before:
                self.batch.touch(debit)
            if credit_number not in before:
                self.batch.touch(credit)
            debit.debits_pending -= amount
            debit.debits_posted += amount
            debit.entries += 1
            credit.credits_pending -= amount
            credit.credits_posted += amount
            credit.entries += 1

    def _open_window(self, currency: str) -> None:
        number = self._log(None, "window_opened", encode_window(Tag.WINDOW_OPENED, currency), b"")
        self._windows[currency] = number
        self.batch.open_window(number, currency)

    def _check_unsealed(self) -> None:
        """The snapshot of a closing window is the state at the end of its batch."""
        assert not self.batch.closes_window, "a command posted after it closed a window"


_STATE_VERDICTS: Final = {
    _PENDING: LedgerVerdict.EXISTS,
    _POSTED: LedgerVerdict.POSTED,
    _VOIDED: LedgerVerdict.VOIDED,
    _FAILED: LedgerVerdict.ALREADY_FAILED,
}


def _again(known: Transfer, fingerprint: bytes) -> Decision:
    """The verdict for a known id."""
    if known.fingerprint != fingerprint:
        return Decision(LedgerVerdict.EXISTS_WITH_DIFFERENT_CONTENT, known.number, known.state)
    if known.state is _FAILED:
        return Decision(LedgerVerdict.ALREADY_FAILED, known.number, known.state)
    return Decision(LedgerVerdict.EXISTS, known.number, known.state)


def _refusal_to_resolve(transfer: Transfer | None) -> LedgerVerdict | None:
    """Why a set cannot be posted or voided."""
    if transfer is None:
        return LedgerVerdict.TRANSFER_NOT_FOUND
    if transfer.kind is _TWO_PHASE:
        return None
    if transfer.kind is TransferKind.FAILED:
        return LedgerVerdict.TRANSFER_FAILED
    return LedgerVerdict.TRANSFER_NOT_PENDING


def _not_resolved(transfer: Transfer | None, refusal: LedgerVerdict | None) -> Decision:
    if transfer is None:
        return Decision(LedgerVerdict.TRANSFER_NOT_FOUND, 0)
    assert refusal is not None
    return Decision(refusal, transfer.number, transfer.state)


def _refusal_to_correct(original: Transfer | None) -> LedgerVerdict | None:
    """Why a set cannot be corrected."""
    if original is None:
        return LedgerVerdict.TRANSFER_NOT_FOUND
    if original.kind is TransferKind.CORRECTION:
        return LedgerVerdict.CORRECTION_OF_CORRECTION
    if original.state is not _POSTED:
        return LedgerVerdict.TRANSFER_NOT_POSTED
    if original.corrected:
        return LedgerVerdict.ALREADY_CORRECTED
    return None


def _check_cap(cap: int | None) -> None:
    if cap is not None and not 0 <= cap <= TOTAL_MAX:
        raise ValueError("a net debit cap must be between 0 and 2**62 - 1")
