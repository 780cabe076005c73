"""What one batch changes, as columns: the arguments of `ledger.apply`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.model import Account

_COUNTERS = 5


class Batch:
    """Columns, because one array an argument is what the database takes in fastest."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Account, tuple[int, ...]]] = {}
        """Accounts that change, with their counters as the database has them."""
        self._events: tuple[list[int], list[str], list[bytes], list[bytes], list[bytes]] = (
            [],
            [],
            [],
            [],
            [],
        )
        self._transfers: list[list[Any]] = [[] for _ in range(7)]
        self._legs: list[list[Any]] = [[] for _ in range(6)]
        self._resolutions: list[list[Any]] = [[] for _ in range(3)]
        self._accounts: list[list[Any]] = [[] for _ in range(4)]
        self._closing: list[list[Any]] = [[] for _ in range(2)]
        self._opening: list[list[Any]] = [[] for _ in range(2)]

    def __len__(self) -> int:
        """How many events the batch has; 0 is nothing to apply."""
        return len(self._events[0])

    @property
    def closes_window(self) -> bool:
        """Whether the batch must end here."""
        return bool(self._closing[0])

    def touch(self, account: Account) -> None:
        """Note an account's counters before its first change in this batch."""
        if account.number not in self.before:
            self.before[account.number] = (account, account.counters)

    def add_event(self, number: int, kind: str, change: bytes, body: bytes, leaf: bytes) -> None:
        """One event; its sequence number is its place."""
        numbers, kinds, changes, bodies, leaves = self._events
        numbers.append(number)
        kinds.append(kind)
        changes.append(change)
        bodies.append(body)
        leaves.append(leaf)

    def add_transfer(  # noqa: PLR0917 - one argument a column
        self,
        number: int,
        id_: UUID,
        kind: str,
        refusal: str | None,
        fingerprint: bytes,
        expires_at: datetime | None,
        corrects: int | None,
        legs: Sequence[tuple[int, int, int, str]],
    ) -> None:
        """One set and its legs."""
        row = (number, id_, kind, refusal, fingerprint, expires_at, corrects)
        for column, value in zip(self._transfers, row, strict=True):
            column.append(value)
        numbers, positions, debits, credits_, amounts, purposes = self._legs
        for position, (debit, credit, amount, purpose) in enumerate(legs):
            numbers.append(number)
            positions.append(position)
            debits.append(debit)
            credits_.append(credit)
            amounts.append(amount)
            purposes.append(purpose)

    def add_resolution(self, number: int, seq: int, outcome: str) -> None:
        """How a pending set ended."""
        numbers, seqs, outcomes = self._resolutions
        numbers.append(number)
        seqs.append(seq)
        outcomes.append(outcome)

    def add_account(self, number: int, owner: str, currency: str, purpose: str) -> None:
        """A new account."""
        for column, value in zip(self._accounts, (number, owner, currency, purpose), strict=True):
            column.append(value)

    def close_window(self, number: int, seq: int) -> None:
        """A window that closes at `seq`, with the counters as they are at the end of the batch."""
        self._closing[0].append(number)
        self._closing[1].append(seq)

    def open_window(self, number: int, currency: str) -> None:
        """A window that opens."""
        self._opening[0].append(number)
        self._opening[1].append(currency)

    def arguments(self) -> list[object]:
        """The arguments of `ledger.apply` after the fence and the time, in its order."""
        return [
            *self._events,
            *self._transfers,
            *self._legs,
            *self._resolutions,
            *self._accounts,
            *self._changed_accounts(),
            *self._closing,
            *self._opening,
        ]

    def _changed_accounts(self) -> list[list[Any]]:
        """Number, closed, cap; then the change of each counter; then each counter as it must come out."""
        changed = sorted(self.before.values(), key=lambda entry: entry[0].number)
        accounts = [account for account, _ in changed]
        now = [account.counters for account in accounts]
        deltas = [
            tuple(new - old for new, old in zip(counters, before, strict=True))
            for counters, (_, before) in zip(now, changed, strict=True)
        ]
        return [
            [account.number for account in accounts],
            [account.closed for account in accounts],
            [account.cap for account in accounts],
            *([row[index] for row in deltas] for index in range(_COUNTERS)),
            *([row[index] for row in now] for index in range(_COUNTERS)),
        ]
