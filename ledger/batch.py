"""What one batch changes, as columns: the arguments of `ledger.apply`.

Rows are gathered as tuples and turned into columns once, at the end. Columns of the hot path travel as the
text of arrays, bytes as one blob with offsets: see `sql/apply.sql` for why.
"""

import itertools
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import sub
from typing import Any

from ledger.encoding import leaf_hashes, microseconds
from ledger.model import Account

_LEAF_BYTES = 32
_ID_BYTES = 16
_COUNTERS = 5


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

    def arguments(self, first_seq: int, at: datetime) -> list[object]:
        """The arguments of `ledger.apply` after the epoch, in its order; hashes the events on the way."""
        return [
            first_seq,
            at,
            *self._event_columns(first_seq, microseconds(at)),
            *self._transfer_columns(),
            *self._leg_columns(),
            *_texts(_columns(self.resolutions, 3), words=(2,)),
            *_texts(self._changed_accounts(), words=(1, 2)),
            *_columns(self._accounts, 4),
            *_columns(self._closing, 2),
            *_columns(self._opening, 2),
        ]

    def _event_columns(self, first_seq: int, at: int) -> list[object]:
        numbers, kinds, encoded_kinds, changes, bodies = _columns(self.events, 5)
        leaves = leaf_hashes(first_seq, at, zip(numbers, encoded_kinds, changes, bodies, strict=True))
        blob = b"".join(itertools.chain.from_iterable(zip(changes, bodies, leaves, strict=True)))
        lengths = list(map(len, changes)), list(map(len, bodies))
        starts = _starts(change + body + _LEAF_BYTES for change, body in zip(*lengths, strict=True))
        columns = [numbers, kinds, starts, *lengths]
        return [*_texts(columns, words=(1,)), blob]

    def _transfer_columns(self) -> list[object]:
        numbers, ids, kinds, refusals, fingerprints, expires, corrects, _ = _columns(self.transfers, 8)
        lengths = list(map(len, fingerprints))
        return [
            _numbers(numbers),
            "{" + b"".join(ids).hex(",", _ID_BYTES) + "}",
            _words(kinds),
            _words(refusal or "NULL" for refusal in refusals),
            _words(str(at) if at else "NULL" for at in expires),
            _words(str(number) if number else "NULL" for number in corrects),
            _numbers(_starts(lengths)),
            _numbers(lengths),
            b"".join(fingerprints),
        ]

    def _leg_columns(self) -> list[str]:
        sets = [(row[0], row[7]) for row in self.transfers]
        numbers = [number for number, legs in sets for _ in legs]
        positions = [position for _, legs in sets for position in range(len(legs))]
        legs = _columns([leg for _, legs in sets for leg in legs], 4)
        return _texts([numbers, positions, *legs], words=(5,))

    def _changed_accounts(self) -> list[Sequence[object]]:
        """Number, closed, cap; then the change of each counter; then each counter as it must come out."""
        accounts = [account for account, _ in self.before.values()]
        counters = _columns([account.counters for account in accounts], _COUNTERS)
        before = _columns([then for _, then in self.before.values()], _COUNTERS)
        return [
            [account.number for account in accounts],
            ["true" if account.closed else "false" for account in accounts],
            ["NULL" if account.cap is None else str(account.cap) for account in accounts],
            *(list(map(sub, *pair)) for pair in zip(counters, before, strict=True)),
            *counters,
        ]


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[Sequence[Any]]:
    """Turn rows into columns; `count` empty ones where there are no rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * count


def _starts(lengths: Iterable[int]) -> Sequence[int]:
    """Where each piece of a blob begins, counted from 1 as SQL counts."""
    return list(itertools.accumulate(lengths, initial=1))[:-1]


def _texts(columns: Iterable[Sequence[object]], *, words: Collection[int]) -> list[str]:
    """Columns as the text of arrays: numbers, and at the places in `words` plain words."""
    return [_words(column) if place in words else _numbers(column) for place, column in enumerate(columns)]


def _numbers(column: Iterable[object]) -> str:
    """The text of a list of numbers is almost that of an array, and made in one call."""
    return "{" + str(list(column))[1:-1] + "}"


def _words(column: Iterable[Any]) -> str:
    return "{" + ",".join(column) + "}"
