"""The ledger's rules again, as plainly as they can be said: every question adds up all sets from the start.

It shares nothing with the code under test but the names of the verdicts.
"""

from dataclasses import dataclass, field

TOTAL_MAX = 2**62 - 1


@dataclass
class ModelSet:
    """One id and what became of it."""

    state: str
    content: bytes
    legs: list
    two_phase: bool = False
    corrects: object = None


@dataclass
class ModelAccount:
    currency: str
    cap: int | None
    closed: bool = False


@dataclass
class Model:
    accounts: dict = field(default_factory=dict)
    sets: dict = field(default_factory=dict)

    def counters(self, account):
        """(debits pending, debits posted, credits pending, credits posted), added up."""
        totals = {"pending": [0, 0], "posted": [0, 0]}
        for s in self.sets.values():
            if s.state in totals:
                for debit, credit, amount, _ in s.legs:
                    totals[s.state][0] += amount * (debit == account)
                    totals[s.state][1] += amount * (credit == account)
        return totals["pending"][0], totals["posted"][0], totals["pending"][1], totals["posted"][1]

    def exposure(self, account):
        dp, dd, _, cc = self.counters(account)
        return dp + dd - cc

    def known(self, id_, content):
        s = self.sets.get(id_)
        if s is None:
            return None
        if s.content != content:
            return "exists_with_different_content"
        return "already_failed" if s.state == "failed" else "exists"

    def judge(self, legs):
        """Why these legs cannot be held, judging one after the other."""
        if not legs:
            return "no_legs"
        if len(legs) > 100:
            return "too_many_legs"
        trial = object()
        self.sets[trial] = held = ModelSet("pending", b"", [])
        try:
            for leg in legs:
                refusal = self.judge_leg(*leg)
                if refusal:
                    return refusal
                held.legs.append(leg)
        finally:
            del self.sets[trial]
        return None

    def judge_leg(self, debit, credit, amount, purpose):
        one, other = self.accounts.get(debit), self.accounts.get(credit)
        rules = [
            ("amount_must_be_positive", lambda: amount <= 0),
            ("amount_too_large", lambda: amount > 10**17),
            ("debit_equals_credit", lambda: debit == credit),
            (
                "unknown_purpose",
                lambda: (
                    purpose not in {"principal", "conversion", "fee", "funding", "settlement", "correction"}
                ),
            ),
            ("account_not_found", lambda: one is None or other is None),
            ("account_closed", lambda: one.closed or other.closed),
            ("currency_mismatch", lambda: one.currency != other.currency),
            (
                "overflow",
                lambda: (
                    sum(self.counters(debit)[:2]) + amount > TOTAL_MAX
                    or sum(self.counters(credit)[2:]) + amount > TOTAL_MAX
                ),
            ),
            ("cap_exceeded", lambda: one.cap is not None and self.exposure(debit) + amount > one.cap),
        ]
        return next((verdict for verdict, broken in rules if broken()), None)

    def _take(self, id_, legs, content, state, **more):
        known = self.known(id_, content)
        if known:
            return known
        refusal = self.judge(legs)
        if refusal:
            self.sets[id_] = ModelSet("failed", content, [])
            return refusal
        self.sets[id_] = ModelSet(state, content, list(legs), **more)
        return "created"

    def reserve(self, id_, legs, content=b"content"):
        return self._take(id_, legs, content, "pending", two_phase=True)

    def move(self, id_, legs, content=b"content"):
        return self._take(id_, legs, content, "posted")

    def fail(self, id_, content=b"content"):
        known = self.known(id_, content)
        if known:
            return known
        self.sets[id_] = ModelSet("failed", content, [])
        return "failed"

    def correct(self, id_, corrects, content=b"content"):
        known = self.known(id_, content)
        if known:
            return known
        original = self.sets.get(corrects)
        if original is None:
            refusal = "transfer_not_found"
        elif original.corrects is not None:
            refusal = "correction_of_correction"
        elif original.state != "posted":
            refusal = "transfer_not_posted"
        elif any(s.corrects == corrects for s in self.sets.values()):
            refusal = "already_corrected"
        else:
            legs = [(credit, debit, amount, "correction") for debit, credit, amount, _ in original.legs[::-1]]
            return self._take(id_, legs, content, "posted", corrects=corrects)
        self.sets[id_] = ModelSet("failed", content, [])
        return refusal

    def resolve(self, id_, state):
        s = self.sets.get(id_)
        if s is None:
            return "transfer_not_found"
        if s.state == "failed":
            return "transfer_failed"
        if not s.two_phase:
            return "transfer_not_pending"
        if s.state != "pending":
            return f"already_{s.state}"
        s.state = state
        return state

    def post(self, id_):
        return self.resolve(id_, "posted")

    def void(self, id_):
        return self.resolve(id_, "voided")

    def set_cap(self, account, cap):
        a = self.accounts.get(account)
        if a is None:
            return "account_not_found"
        if a.closed:
            return "account_closed"
        if cap is not None and self.exposure(account) > cap:
            return "cap_below_exposure"
        a.cap = cap
        return "cap_set"

    def close_account(self, account):
        a = self.accounts.get(account)
        if a is None:
            return "account_not_found"
        if a.closed:
            return "account_closed"
        dp, dd, cp, cc = self.counters(account)
        if dp or cp or dd != cc:
            return "account_not_empty"
        a.closed = True
        return "closed"
