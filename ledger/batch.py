"""What one batch changes, as columns: the arguments of `ledger.apply`.

Rows are gathered as tuples and turned into columns once, at the end. `APPLY` names each column once, in the
order of the function's parameters; `ledger/columns.py` says how it becomes a call. Bytes travel as one blob
with offsets, counted from 1 as SQL counts.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import itemgetter, sub
from typing import Any, Final, NamedTuple

from ledger.columns import Call, Columns, Function, numbers, one, words
from ledger.encoding import leaf_hashes, microseconds
from ledger.model import Account

_LEAF_BYTES = 32
_ID_BYTES = 16
_COUNTERS = 5

Transposed = Sequence[Sequence[Any]]
"""Columns of rows that are tuples; a column of the function takes the one at its place."""


class _Events(NamedTuple):
    """The events of a batch; the blob has change, body and leaf of each, one behind the other."""

    numbers: Sequence[int]
    kinds: Sequence[str]
    changes: Sequence[int]
    bodies: Sequence[int]
    blob: bytes


class _Changed(NamedTuple):
    """The accounts that change, with the columns of their counters before and after."""

    accounts: Sequence[Account]
    before: Transposed
    after: Transposed


class Batch:
    """The changes that one transaction applies."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Account, tuple[int, ...]]] = {}
        """Accounts that change, with their counters as the database has them."""
        self.events: list[tuple[int, str, bytes, bytes, bytes]] = []
        """Of each event: what it is about, its kind (also encoded), change and body."""
        self.transfers: list[
            tuple[int, bytes, str, str | None, bytes, int, int, Sequence[tuple[int, int, int, str]]]
        ] = []
        """Of each set: number, id, kind, refusal, fingerprint; when it expires in microseconds and what it
        corrects, 0 for none; its legs."""
        self.resolutions: list[tuple[int, int, str]] = []
        """Of each pending set that ended: its number, the event's sequence number, the outcome."""
        self._accounts: list[tuple[int, str, str, str]] = []
        self._closing: list[tuple[int, int]] = []
        self._opening: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """How many events the batch has; 0 is nothing to apply."""
        return len(self.events)

    @property
    def closes_window(self) -> bool:
        """Whether the batch must end here."""
        return bool(self._closing)

    def touch(self, account: Account) -> None:
        """Note an account's counters before its first change in this batch."""
        if account.number not in self.before:
            self.before[account.number] = (account, account.counters)

    def add_account(self, number: int, owner: str, currency: str, purpose: str) -> None:
        """A new account."""
        self._accounts.append((number, owner, currency, purpose))

    def close_window(self, number: int, seq: int) -> None:
        """A window that closes at `seq`, with the counters as they are at the end of the batch."""
        self._closing.append((number, seq))

    def open_window(self, number: int, currency: str) -> None:
        """A window that opens."""
        self._opening.append((number, currency))

    def apply(self, epoch: int, first_seq: int, at: datetime) -> Call:
        """The call that applies the batch; hashes the events on the way."""
        return APPLY(
            (epoch, first_seq, at),
            self._event_columns(first_seq, microseconds(at)),
            _transposed(self.transfers, 8),
            self._leg_columns(),
            _transposed(self.resolutions, 3),
            self._changed_accounts(),
            _transposed(self._accounts, 4),
            _transposed(self._closing, 2),
            _transposed(self._opening, 2),
        )

    def _event_columns(self, first_seq: int, at: int) -> _Events:
        about, kinds, encoded_kinds, changes, bodies = _transposed(self.events, 5)
        leaves = leaf_hashes(first_seq, at, zip(about, encoded_kinds, changes, bodies, strict=True))
        blob = b"".join(itertools.chain.from_iterable(zip(changes, bodies, leaves, strict=True)))
        return _Events(about, kinds, list(map(len, changes)), list(map(len, bodies)), blob)

    def _leg_columns(self) -> Transposed:
        sets = [(row[0], row[7]) for row in self.transfers]
        of_sets = [number for number, legs in sets for _ in legs]
        positions = [position for _, legs in sets for position in range(len(legs))]
        return [of_sets, positions, *_transposed([leg for _, legs in sets for leg in legs], 4)]

    def _changed_accounts(self) -> _Changed:
        accounts = [account for account, _ in self.before.values()]
        before = _transposed([then for _, then in self.before.values()], _COUNTERS)
        return _Changed(accounts, before, _transposed([account.counters for account in accounts], _COUNTERS))


def _transposed(rows: Sequence[tuple[Any, ...]], count: int) -> Transposed:
    """Turn rows into columns; `count` empty ones where there are no rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * count


def _starts(lengths: Iterable[int]) -> Sequence[int]:
    """Where each piece of a blob begins."""
    return list(itertools.accumulate(lengths, initial=1))[:-1]


def _event_starts(events: _Events) -> Sequence[int]:
    pairs = zip(events.changes, events.bodies, strict=True)
    return _starts(change + body + _LEAF_BYTES for change, body in pairs)


def _or_null(column: Iterable[int]) -> Iterable[str]:
    """Numbers of which 0 is none."""
    return (str(number) if number else "NULL" for number in column)


def _change(place: int) -> Callable[[_Changed], Iterable[int]]:
    """By how much the counter at `place` changes."""
    return lambda changed: map(sub, changed.after[place], changed.before[place])


def _expect(place: int) -> Callable[[_Changed], Iterable[int]]:
    """What the counter at `place` must come out as."""
    return lambda changed: changed.after[place]


def _caps(changed: _Changed) -> Iterable[str]:
    return ("NULL" if account.cap is None else str(account.cap) for account in changed.accounts)


_NUMBER, _ID, _KIND, _REFUSAL, _FINGERPRINT, _EXPIRES, _CORRECTS = map(itemgetter, range(7))

_HEAD: Final[Columns[tuple[int, int, datetime]]] = Columns(
    one("writer_epoch", "bigint", itemgetter(0)),
    one("first_seq", "bigint", itemgetter(1)),
    one("batch_at", "timestamp with time zone", itemgetter(2)),
)
_EVENTS: Final[Columns[_Events]] = Columns(
    numbers("event_number", "bigint", lambda events: events.numbers),
    words("event_kind", "text", lambda events: events.kinds),
    numbers("event_start", "integer", _event_starts),
    numbers("event_change", "integer", lambda events: events.changes),
    numbers("event_body", "integer", lambda events: events.bodies),
    one("event_blob", "bytea", lambda events: events.blob),
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
_CHANGED: Final[Columns[_Changed]] = Columns(
    numbers("account_number", "bigint", lambda changed: [account.number for account in changed.accounts]),
    words(
        "account_closed",
        "boolean",
        lambda changed: ["true" if account.closed else "false" for account in changed.accounts],
    ),
    words("account_cap", "bigint", _caps),
    numbers("change_debits_pending", "bigint", _change(0)),
    numbers("change_debits_posted", "bigint", _change(1)),
    numbers("change_credits_pending", "bigint", _change(2)),
    numbers("change_credits_posted", "bigint", _change(3)),
    numbers("change_entries", "bigint", _change(4)),
    numbers("expect_debits_pending", "bigint", _expect(0)),
    numbers("expect_debits_posted", "bigint", _expect(1)),
    numbers("expect_credits_pending", "bigint", _expect(2)),
    numbers("expect_credits_posted", "bigint", _expect(3)),
    numbers("expect_entries", "bigint", _expect(4)),
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
"""One batch as a whole, or not at all; the sequence number that comes next."""
