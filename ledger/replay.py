"""An independent replay of the event log: the expected state of the ledger.

It shares no code with the books that decide: it only adds up, and records every rule that an event breaks.
Memory is bounded by accounts, open windows and sets that are still pending.
"""

from collections import Counter
from dataclasses import dataclass, field

from ledger.decoding import (
    AccountChange,
    CapChange,
    Change,
    ClosureChange,
    FailureChange,
    ResolutionChange,
    SetChange,
    WindowChange,
)
from ledger.encoding import Tag

Legs = tuple[tuple[int, int, int, str], ...]


@dataclass(slots=True)
class ReplayedBalance:
    """The sums of one account."""

    owner: str
    currency: str
    purpose: str
    cap: int | None
    closed: bool = False
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0
    entries: int = 0

    @property
    def passes_cap(self) -> bool:
        """Whether the cap is exceeded now."""
        return (
            self.cap is not None and self.debits_pending + self.debits_posted > self.credits_posted + self.cap
        )


@dataclass(slots=True)
class WindowSnapshot:
    """A closed window, with the posted counters of the accounts of its currency at that moment."""

    number: int
    currency: str
    closing_seq: int
    balances: dict[int, tuple[int, int, int]]


@dataclass(slots=True)
class ReplayFault:
    """One event that breaks a rule."""

    check: str
    seq: int
    text: str


@dataclass(slots=True)
class Replay:
    """The state after the events so far. Faults beyond `faults_max` are only counted."""

    faults_max: int = 1_000
    balances: dict[int, ReplayedBalance] = field(default_factory=dict)
    windows: dict[str, int] = field(default_factory=dict)
    pending: dict[int, Legs] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    fault_counts: Counter[str] = field(default_factory=Counter)
    faults: list[ReplayFault] = field(default_factory=list)
    snapshots: list[WindowSnapshot] = field(default_factory=list)
    """Windows that closed since they were last taken from this list."""

    def fault(self, check: str, seq: int, text: str) -> None:
        """Record that an event breaks a rule."""
        self.fault_counts[check] += 1
        if len(self.faults) < self.faults_max:
            self.faults.append(ReplayFault(check, seq, text))

    def apply(self, seq: int, number: int, change: Change) -> None:
        """Apply one change."""
        self.counts["changes"] += 1
        match change:
            case SetChange():
                self._set(seq, number, change)
            case FailureChange():
                self.counts["transfers"] += 1
            case ResolutionChange(tag):
                self._resolve(seq, number, tag)
            case AccountChange(owner, currency, purpose, cap):
                self.balances[number] = ReplayedBalance(owner, currency, purpose, cap)
            case CapChange(cap):
                self._set_cap(seq, number, cap)
            case ClosureChange():
                self._close(seq, number)
            case WindowChange(tag, currency):
                self._window(seq, number, tag, currency)

    def _set(self, seq: int, number: int, change: SetChange) -> None:
        self.counts["transfers"] += 1
        self.counts["legs"] += len(change.legs)
        if number != seq:
            self.fault("history", seq, "the number of a set differs from that of its event")
        if change.tag is Tag.RESERVED:
            self.pending[number] = change.legs
            for leg in change.legs:
                self._hold(seq, leg)
            return
        for leg in change.legs:
            self._hold(seq, leg)
        for leg in change.legs:
            self._release(leg)
            self._post(seq, leg)

    def _resolve(self, seq: int, number: int, tag: Tag) -> None:
        self.counts["resolutions"] += 1
        legs = self.pending.pop(number, None)
        if legs is None:
            self.fault("resolutions", seq, f"set {number} is not pending")
            return
        for leg in legs:
            self._release(leg)
            if tag is Tag.POSTED:
                self._post(seq, leg)

    def _hold(self, seq: int, leg: tuple[int, int, int, str]) -> None:
        debit_number, credit_number, amount, _ = leg
        debit, credit = self.balances.get(debit_number), self.balances.get(credit_number)
        if debit is None or credit is None or debit.currency != credit.currency or amount <= 0:
            self.fault("conservation", seq, "a leg is not between two accounts of the same currency")
            return
        if debit.closed or credit.closed:
            self.fault("history", seq, "a leg is on a closed account")
        debit.debits_pending += amount
        credit.credits_pending += amount
        if debit.passes_cap:
            self.fault("caps", seq, f"account {debit_number} exceeds its cap")

    def _release(self, leg: tuple[int, int, int, str]) -> None:
        debit, credit = self.balances.get(leg[0]), self.balances.get(leg[1])
        if debit is not None and credit is not None:
            debit.debits_pending -= leg[2]
            credit.credits_pending -= leg[2]

    def _post(self, seq: int, leg: tuple[int, int, int, str]) -> None:
        debit, credit = self.balances.get(leg[0]), self.balances.get(leg[1])
        if debit is None or credit is None:
            return
        if debit.currency not in self.windows:
            self.fault("windows", seq, "a posting is outside every window")
        self.counts["postings"] += 1
        debit.debits_posted += leg[2]
        debit.entries += 1
        credit.credits_posted += leg[2]
        credit.entries += 1

    def _set_cap(self, seq: int, number: int, cap: int | None) -> None:
        balance = self.balances.get(number)
        if balance is None:
            self.fault("history", seq, f"the cap is of an unknown account {number}")
            return
        balance.cap = cap
        if balance.passes_cap:
            self.fault("caps", seq, f"the cap of account {number} is below its use")

    def _close(self, seq: int, number: int) -> None:
        balance = self.balances.get(number)
        if balance is None or balance.debits_pending or balance.credits_pending:
            self.fault("history", seq, f"account {number} closed while something is pending")
            return
        balance.closed = True

    def _window(self, seq: int, number: int, tag: Tag, currency: str) -> None:
        if tag is Tag.WINDOW_OPENED:
            if currency in self.windows:
                self.fault("windows", seq, f"a second open window of {currency}")
            self.windows[currency] = number
            return
        if self.windows.pop(currency, None) != number:
            self.fault("windows", seq, f"window {number} is not the open one of {currency}")
        balances = {
            account: (balance.debits_posted, balance.credits_posted, balance.entries)
            for account, balance in self.balances.items()
            if balance.currency == currency
        }
        self.snapshots.append(WindowSnapshot(number, currency, seq, balances))
