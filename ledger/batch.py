"""The changes of one batch as columns: the arguments of `ledger.apply`.

Rows are collected as tuples and converted to columns once, at the end. `APPLY` names each column once, in the
order of the function's parameters; `ledger/columns.py` describes how it becomes a call. Bytes are passed as
one blob with offsets, counted from 1 as in SQL.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter, sub
from typing import Any, Final, NamedTuple

from ledger.columns import Call, Columns, Function, numbers, one, words
from ledger.encoding import leaf_hashes, microseconds
from ledger.model import Account

_LEAF_BYTES = 32
_ID_BYTES = 16

Transposed = Sequence[Sequence[Any]]
"""The columns of rows of tuples; a column of the function takes the one at its index."""


class _Events(NamedTuple):
    """The events of a batch; the blob has change, body and leaf of each event in sequence."""

    numbers: Sequence[int]
    kinds: Sequence[str]
    changes: Sequence[int]
    bodies: Sequence[int]
    blob: bytes


class Batch:
    """The changes that one transaction applies."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Account, tuple[int, ...]]] = {}
        """Accounts that change, with their counters in the database."""
        self.events: list[tuple[int, str, bytes, bytes, bytes]] = []
        """Of each event: its number, its kind (also encoded), change and body."""
        self.transfers: list[
            tuple[int, bytes, str, str | None, bytes, int, int, Sequence[tuple[int, int, int, str]]]
        ] = []
        """Of each set: number, id, kind, refusal, fingerprint; its expiry in microseconds and the set that it
        corrects, 0 for none; its legs."""
        self.resolutions: list[tuple[int, int, str]] = []
        """Of each resolved pending set: its number, the sequence number of the event, the outcome."""
        self._accounts: list[tuple[int, str, str, str]] = []
        self._closing: list[tuple[int, int]] = []
        self._opening: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """The number of events; 0 means that there is nothing to apply."""
        return len(self.events)

    @property
    def closes_window(self) -> bool:
        """Whether the batch must end here."""
        return bool(self._closing)

    def touch(self, account: Account) -> None:
        """Record the counters of an account before its first change in this batch."""
        if account.number not in self.before:
            self.before[account.number] = (account, account.counters)

    def add_account(self, number: int, owner: str, currency: str, purpose: str) -> None:
        """Add a new account."""
        self._accounts.append((number, owner, currency, purpose))

    def close_window(self, number: int, seq: int) -> None:
        """Close a window at `seq`, with the counters at the end of the batch."""
        self._closing.append((number, seq))

    def open_window(self, number: int, currency: str) -> None:
        """Open a window."""
        self._opening.append((number, currency))

    def apply(self, epoch: int, first_seq: int, at: datetime) -> Call:
        """Make the call that applies the batch; this also hashes the events."""
        return APPLY(
            (epoch, first_seq, at),
            self._event_columns(first_seq, microseconds(at)),
            _transposed(self.transfers),
            self._leg_columns(),
            _transposed(self.resolutions),
            self._changed_accounts(),
            _transposed(self._accounts),
            _transposed(self._closing),
            _transposed(self._opening),
        )

    def _event_columns(self, first_seq: int, at: int) -> _Events | None:
        if not self.events:
            return None
        about, kinds, encoded_kinds, changes, bodies = _transposed(self.events)
        leaves = leaf_hashes(first_seq, at, zip(about, encoded_kinds, changes, bodies, strict=True))
        blob = b"".join(itertools.chain.from_iterable(zip(changes, bodies, leaves, strict=True)))
        return _Events(about, kinds, list(map(len, changes)), list(map(len, bodies)), blob)

    def _leg_columns(self) -> Transposed:
        if not self.transfers:
            return ()
        sets = [(row[0], row[7]) for row in self.transfers]
        legs = _transposed([leg for _, legs in sets for leg in legs])
        if not legs:
            return ()
        of_sets = [number for number, legs in sets for _ in legs]
        positions = [position for _, legs in sets for position in range(len(legs))]
        return [of_sets, positions, *legs]

    def _changed_accounts(self) -> Transposed:
        """Number, closed, cap; then the change of each counter; then the expected value of each counter."""
        accounts = [account for account, _ in self.before.values()]
        if not accounts:
            return ()
        before = _transposed([then for _, then in self.before.values()])
        after = _transposed([account.counters for account in accounts])
        return [
            [account.number for account in accounts],
            ["true" if account.closed else "false" for account in accounts],
            ["NULL" if account.cap is None else str(account.cap) for account in accounts],
            *[list(map(sub, *pair)) for pair in zip(after, before, strict=True)],
            *after,
        ]


def _transposed(rows: Sequence[tuple[Any, ...]]) -> Transposed:
    """Convert rows to columns; without rows there are no columns."""
    return list(zip(*rows, strict=True))


def _starts(lengths: Iterable[int]) -> Sequence[int]:
    """The offset of each piece of a blob."""
    return list(itertools.accumulate(lengths, initial=1))[:-1]


def _event_starts(events: _Events) -> Sequence[int]:
    pairs = zip(events.changes, events.bodies, strict=True)
    return _starts(change + body + _LEAF_BYTES for change, body in pairs)


def _or_null(column: Iterable[int]) -> Iterable[str]:
    """Numbers, with NULL for 0."""
    return (str(number) if number else "NULL" for number in column)


_NUMBER, _ID, _KIND, _REFUSAL, _FINGERPRINT, _EXPIRES, _CORRECTS = map(itemgetter, range(7))

_HEAD: Final[Columns[tuple[int, int, datetime]]] = Columns(
    one("writer_epoch", "bigint", itemgetter(0)),
    one("first_seq", "bigint", itemgetter(1)),
    one("batch_at", "timestamp with time zone", itemgetter(2)),
)
_EVENTS: Final[Columns[_Events]] = Columns(
    numbers("event_number", "bigint", attrgetter("numbers")),
    words("event_kind", "text", attrgetter("kinds")),
    numbers("event_start", "integer", _event_starts),
    numbers("event_change", "integer", attrgetter("changes")),
    numbers("event_body", "integer", attrgetter("bodies")),
    one("event_blob", "bytea", attrgetter("blob")),
)
_TRANSFERS: Final[Columns[Transposed]] = Columns(
    numbers("transfer_number", "bigint", _NUMBER),
    words("transfer_id", "uuid", lambda sets: [b"".join(_ID(sets)).hex(",", _ID_BYTES)]),
    words("transfer_kind", "text", _KIND),
    words("transfer_refusal", "text", lambda sets: (refusal or "NULL" for refusal in _REFUSAL(sets))),
    words("transfer_expires", "bigint", lambda sets: _or_null(_EXPIRES(sets))),
    words("transfer_corrects", "bigint", lambda sets: _or_null(_CORRECTS(sets))),
    numbers("fingerprint_start", "integer", lambda sets: _starts(map(len, _FINGERPRINT(sets)))),
    numbers("fingerprint_length", "integer", lambda sets: map(len, _FINGERPRINT(sets))),
    one("fingerprint_blob", "bytea", lambda sets: b"".join(_FINGERPRINT(sets))),
)
_LEGS: Final[Columns[Transposed]] = Columns(
    numbers("leg_number", "bigint", itemgetter(0)),
    numbers("leg_position", "smallint", itemgetter(1)),
    numbers("leg_debit", "bigint", itemgetter(2)),
    numbers("leg_credit", "bigint", itemgetter(3)),
    numbers("leg_amount", "bigint", itemgetter(4)),
    words("leg_purpose", "text", itemgetter(5)),
)
_RESOLUTIONS: Final[Columns[Transposed]] = Columns(
    numbers("resolution_number", "bigint", itemgetter(0)),
    numbers("resolution_seq", "bigint", itemgetter(1)),
    words("resolution_outcome", "text", itemgetter(2)),
)
_CHANGED: Final[Columns[Transposed]] = Columns(
    numbers("account_number", "bigint", itemgetter(0)),
    words("account_closed", "boolean", itemgetter(1)),
    words("account_cap", "bigint", itemgetter(2)),
    numbers("change_debits_pending", "bigint", itemgetter(3)),
    numbers("change_debits_posted", "bigint", itemgetter(4)),
    numbers("change_credits_pending", "bigint", itemgetter(5)),
    numbers("change_credits_posted", "bigint", itemgetter(6)),
    numbers("change_entries", "bigint", itemgetter(7)),
    numbers("expect_debits_pending", "bigint", itemgetter(8)),
    numbers("expect_debits_posted", "bigint", itemgetter(9)),
    numbers("expect_credits_pending", "bigint", itemgetter(10)),
    numbers("expect_credits_posted", "bigint", itemgetter(11)),
    numbers("expect_entries", "bigint", itemgetter(12)),
)
_OPENED: Final[Columns[Transposed]] = Columns(
    one("opened_number", "bigint[]", itemgetter(0)),
    one("opened_owner", "text[]", itemgetter(1)),
    one("opened_currency", "text[]", itemgetter(2)),
    one("opened_purpose", "text[]", itemgetter(3)),
)
_CLOSING: Final[Columns[Transposed]] = Columns(
    one("closing_window", "bigint[]", itemgetter(0)),
    one("closing_at_seq", "bigint[]", itemgetter(1)),
)
_OPENING: Final[Columns[Transposed]] = Columns(
    one("opening_window", "bigint[]", itemgetter(0)),
    one("opening_currency", "text[]", itemgetter(1)),
)
APPLY: Final = Function(
    "ledger.apply",
    _HEAD,
    _EVENTS,
    _TRANSFERS,
    _LEGS,
    _RESOLUTIONS,
    _CHANGED,
    _OPENED,
    _CLOSING,
    _OPENING,
)
"""Applies a batch atomically; returns the next sequence number."""
