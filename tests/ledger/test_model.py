"""The books against the model, over random histories: every verdict and every counter must agree."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.batch import Batch
from ledger.books import Books, Leg
from ledger.decoding import decode_change
from ledger.replay import Replay
from tests.ledger.model import Model, ModelAccount

NOW = datetime(2026, 1, 5, tzinfo=UTC)
IDS = st.integers(1, 12).map(lambda n: UUID(int=n))
PLACES = st.integers(0, 5)
AMOUNTS = st.sampled_from([0, -1, 1, 2, 5, 9, 10, 10**17, 10**17 + 1])
PURPOSES = st.sampled_from(["principal", "principal", "fee", "gift"])
LEGS = st.lists(st.tuples(PLACES, PLACES, AMOUNTS, PURPOSES), max_size=4)
CONTENTS = st.sampled_from([b"content", b"content", b"content", b"other"])
CAPS = st.sampled_from([None, 0, 5, 10, 2 * 10**17])


class Machine(RuleBasedStateMachine):
    """Four accounts (two currencies, caps), a place that is no account, and a dozen ids."""

    def __init__(self):
        super().__init__()
        self.books, self.model, self.replay = Books(), Model(), Replay()
        self.books.begin(NOW, [], [])
        self.accounts = [
            self.open("A", "INR", 10),
            self.open("B", "INR", None),
            self.open("C", "INR", 0),
            self.open("D", "CNY", 10),
            self.open("E", "CNY", None),
            999_999,
        ]
        self.seen = 0

    def open(self, owner, currency, cap):
        number = self.books.open_account(owner, currency, "position", cap)
        self.model.accounts[number] = ModelAccount(currency, cap)
        return number

    def legs(self, drawn):
        return [Leg(self.accounts[d], self.accounts[c], amount, purpose) for d, c, amount, purpose in drawn]

    def load(self, *ids):
        self.books.begin(NOW, self.books.missing(ids), [])

    @rule(id_=IDS, legs=LEGS, content=CONTENTS)
    def reserve(self, id_, legs, content):
        self.load(id_)
        legs = self.legs(legs)
        assert self.books.reserve(id_, legs, fingerprint=content).verdict == self.model.reserve(
            id_, legs, content
        )

    @rule(id_=IDS, debit=PLACES, credit=PLACES, amount=st.integers(1, 6))
    def reserve_plainly(self, id_, debit, credit, amount):
        self.load(id_)
        legs = self.legs([(debit, credit, amount, "principal")])
        assert self.books.reserve(id_, legs, fingerprint=b"content").verdict == self.model.reserve(id_, legs)

    @rule(id_=IDS, legs=LEGS, content=CONTENTS)
    def move(self, id_, legs, content):
        self.load(id_)
        legs = self.legs(legs)
        assert self.books.move(id_, legs, fingerprint=content).verdict == self.model.move(id_, legs, content)

    @rule(id_=IDS, content=CONTENTS)
    def fail(self, id_, content):
        self.load(id_)
        assert self.books.fail(id_, fingerprint=content).verdict == self.model.fail(id_, content)

    @rule(id_=IDS, corrects=IDS, content=CONTENTS)
    def correct(self, id_, corrects, content):
        self.load(id_, corrects)
        decision = self.books.correct(id_, corrects, fingerprint=content)
        assert decision.verdict == self.model.correct(id_, corrects, content)

    @rule(id_=IDS)
    def post(self, id_):
        self.load(id_)
        assert self.books.post(id_).verdict == self.model.post(id_)

    @rule(id_=IDS)
    def void(self, id_):
        self.load(id_)
        assert self.books.void(id_).verdict == self.model.void(id_)

    @rule(place=PLACES, cap=CAPS)
    def set_cap(self, place, cap):
        account = self.accounts[place]
        assert self.books.set_cap(account, cap).verdict == self.model.set_cap(account, cap)

    @rule(place=PLACES)
    def close_account(self, place):
        account = self.accounts[place]
        assert self.books.close_account(account).verdict == self.model.close_account(account)

    @rule(currency=st.sampled_from(["INR", "CNY"]))
    def close_window(self, currency):
        self.books.close_window(currency)
        self.commit()

    @rule()
    def commit(self):
        self.follow()
        self.books.seal()
        self.books.settle()
        self.seen = 0

    def follow(self):
        """Replay what the log says since the last look."""
        batch: Batch = self.books.batch
        first = self.books.next_seq - len(batch)
        for place in range(self.seen, len(batch)):
            number, _, _, change, _ = batch.events[place]
            self.replay.apply(first + place, number, decode_change(change))
        self.seen = len(batch)

    @invariant()
    def every_counter_agrees(self):
        self.follow()
        for number in self.accounts[:-1]:
            account = self.books.account(number)
            replayed = self.replay.balances[number]
            assert account.counters[:4] == self.model.counters(number)
            assert account.counters == (
                replayed.debits_pending,
                replayed.debits_posted,
                replayed.credits_pending,
                replayed.credits_posted,
                replayed.entries,
            )
            assert account.cap is None or account.exposure <= account.cap
        assert self.replay.faults == []


TestBooksAgreeWithTheModel = Machine.TestCase
TestBooksAgreeWithTheModel.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
