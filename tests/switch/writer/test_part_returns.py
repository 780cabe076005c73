"""Returns of parts in memory: the sums are exact, the whole is never returned twice, and nobody loses but who is said to."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.model import Leg
from schemas.money import EXPONENTS, Money
from switch.payments import returnable
from switch.payments.returnable import LOSS_MAX, RateInForce, Returnable, ReturnRefusal
from switch.writer.commands import (
    Accept,
    Advance,
    BookReturn,
    CommandLeg,
    Fund,
    GivenBack,
    Return,
    Reverse,
    Terms,
)
from switch.writer.part_returns import PARTS_MAX, PartReturns, legs_back
from switch.writer.parts import BatchPart
from switch.writer.rail_returns import CreditedPayment, RailReturns
from switch.writer.reversals import Reversals
from tests.switch.writer.test_payment_book import LIFETIME, PaymentBookMachine, microseconds

UETR: Final = b"u" * 16
AMOUNT: Final = 300


class Machine(PaymentBookMachine):
    """One credited payment of 300, with a fee of 7, of which everything is in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.open()
        self.fees = self.books.open_account("payswitch", "INR", "fees", None)
        legs = [
            CommandLeg(self.payer, self.payee, AMOUNT, "principal"),
            CommandLeg(self.payer, self.fees, 7, "fee"),
        ]
        terms = Terms("payer", "payee", "PK", AMOUNT, "INR", AMOUNT, "INR", 7, "", "")
        expires = microseconds(self.now) + LIFETIME
        self.ask(Accept(self.identity(UETR, b"x"), terms, legs, "r", b"n", expires, LIFETIME, 0, hold=False))
        self.ask(Advance(UETR, "CONFIRM", rail="PK"))
        self.part(Reversals)._payments[UETR] = CreditedPayment("PK", AMOUNT, "INR")
        self.part(RailReturns)._credited[UETR] = CreditedPayment("PK", AMOUNT, "INR")

    def part(self, kind):
        return next(part for part in self.book.parts if isinstance(part, kind))

    def returns(self, id_: bytes, minor: int, *, fingerprint: bytes = b"f", sender: str = "payee"):
        return self.ask(Return(id_, fingerprint, UETR, sender, id_.decode()[:3], "AC04", minor=minor))

    def rail_gives_back(self, reference: str, minor: int):
        self.ask(GivenBack(UETR, "PK", reference, minor, "INR", "AC04", "AC04", 0, b"m", b"k"))
        return self.ask(BookReturn(UETR, reference))

    def balance(self, account: int) -> int:
        found = self.books.account(account)
        return found.credits_posted - found.debits_posted


def an_id(number: int) -> bytes:
    return f"{number:016}".encode()


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.integers(-5, 320), max_size=8))
def test_parts_never_return_more_than_was_credited_and_the_fee_stays(parts: list[int]) -> None:
    machine, back = Machine(), 0
    fees = machine.balance(machine.fees)
    for number, minor in enumerate(parts):
        if minor == 0:
            continue
        reply = machine.returns(an_id(number), minor)
        fits = 0 < minor <= AMOUNT - back
        assert (reply.verdict == "created") is fits, (reply.verdict, minor, back)
        back += minor if fits else 0

    assert machine.balance(machine.payee) == AMOUNT - back
    assert machine.balance(machine.fees) == fees == 7
    assert machine.part(PartReturns).returned(UETR) == back


def test_a_repeated_part_moves_nothing_and_another_content_is_refused() -> None:
    machine = Machine()
    first, again = machine.returns(an_id(1), 100), machine.returns(an_id(1), 100)
    other = machine.returns(an_id(1), 100, fingerprint=b"g")

    assert (first.verdict, again.verdict, other.verdict) == (
        "created",
        "exists",
        "exists_with_different_content",
    )
    assert (first.number, machine.balance(machine.payee)) == (again.number, AMOUNT - 100)


def test_a_payment_is_returned_in_full_or_by_parts_never_by_both() -> None:
    parted, whole = Machine(), Machine()
    parted.returns(an_id(1), 1)
    whole.returns(an_id(1), 0)

    in_full = parted.returns(an_id(2), 0)
    assert in_full.verdict == "part_returned"
    assert in_full.detail.endswith("only 2.99 INR are left to return"), in_full
    assert parted.returns(an_id(2), AMOUNT).detail == "only 2.99 INR are left to return"
    assert parted.ask(Reverse(an_id(3), UETR, "CUST", 7)).verdict == "part_returned"
    assert whole.returns(an_id(2), 1).verdict == "already_corrected"
    assert (parted.balance(parted.payee), whole.balance(whole.payee)) == (AMOUNT - 1, 0)


def test_a_part_waits_while_the_rail_may_take_the_credit_back() -> None:
    machine = Machine()
    machine.ask(Reverse(an_id(3), UETR, "CUST", 7))

    assert machine.returns(an_id(1), 100).verdict == "reversal_open"


def test_what_a_rail_gives_back_in_parts_is_booked_up_to_the_credit() -> None:
    machine = Machine()
    replies = [machine.rail_gives_back(*each) for each in (("A", 100), ("B", 200), ("A", 100), ("C", 1))]

    assert [reply.verdict for reply in replies] == ["created", "created", "exists", "left_to_people"]
    assert (
        replies[-1].detail == "the rail gave back more than is left of what was credited, or another currency"
    )
    assert machine.balance(machine.payee) == 0
    assert machine.balance(machine.fees) == 7


def test_the_parts_of_a_payment_are_bounded() -> None:
    machine = Machine()
    for number in range(PARTS_MAX):
        assert machine.returns(an_id(number), 1).verdict == "created"

    more = machine.returns(an_id(PARTS_MAX), 1)
    assert more.verdict == "more_than_left"
    assert more.detail == "100 parts were returned, the most there can be; only 2.00 INR are left to return"


def test_a_cap_refuses_a_part_and_nothing_moves() -> None:
    machine = Machine()
    machine.books.set_cap(machine.payee, 0)
    other = machine.books.open_account("other", "INR", "position", None)
    machine.ask(Fund(b"w" * 16, b"w", [CommandLeg(machine.payee, other, AMOUNT, "funding")], "spent", 1))
    reply = machine.returns(an_id(1), 100)

    assert reply.verdict == "cap_exceeded"
    assert machine.part(PartReturns).returned(UETR) == 0


class _Terms(BatchPart):
    """The rule's answer."""

    def __init__(self, terms: object) -> None:
        self.terms = terms
        super().__init__()

    def return_terms(self, asked, books):  # noqa: ARG002
        return self.terms


def test_a_refusal_of_the_rule_is_the_reply() -> None:
    machine = Machine()
    part = machine.part(PartReturns)
    part._terms = [_Terms("too late").return_terms]

    assert (machine.returns(an_id(1), 100).verdict, machine.returns(an_id(1), 100).detail) == (
        "refused",
        "too late",
    )
    assert machine.returns(an_id(2), 100, sender="").verdict == "created"  # two people are not bound


AMOUNTS: Final = st.integers(1, 10**12)


@settings(max_examples=400, deadline=None)
@given(debit=AMOUNTS, between=AMOUNTS, credit=AMOUNTS, data=st.data())
def test_parts_that_add_up_to_the_credit_add_up_to_every_leg(
    debit: int, between: int, credit: int, data: st.DataObject
) -> None:
    legs = [
        Leg(1, 2, debit, "conversion"),
        Leg(3, 4, between, "conversion"),
        Leg(5, 6, credit, "conversion"),
        Leg(1, 9, 5, "fee"),
    ]
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, credit - 1)), max_size=6)) | {credit})
    sums, before = [0, 0, 0], 0
    for cut in cuts:
        back = legs_back(legs, cut - before, before=before)
        if back is None:  # too little to move anything of one leg: refused, and returned with the next part
            continue
        assert [(leg.debit, leg.credit) for leg in back] == [(6, 5), (4, 3), (2, 1)]
        sums = [total + leg.amount for total, leg in zip(sums, reversed(back), strict=True)]
        before = cut

    assert all(total <= leg.amount for total, leg in zip(sums, legs, strict=False))
    if before == credit:
        assert sums == [debit, between, credit]


NOW: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)
WITHIN: Final = timedelta(days=30)
RATES: Final = st.decimals("0.0001", "9999", places=4)


@settings(max_examples=400, deadline=None)
@given(
    credit=st.integers(100, 10**11),
    then=RATES,
    now=RATES,
    part=st.fractions(Fraction(1, 1000), 1),
    currency=st.sampled_from(["PKR", "VND", "BHD"]),
)
def test_by_the_rule_the_provider_never_loses_and_the_debtor_never_more_than_the_limit(
    credit: int, then, now, part: Fraction, currency: str
) -> None:
    scale = Fraction(10) ** (EXPONENTS["INR"] - EXPONENTS[currency])
    debit = max(1, -(-Fraction(credit) * scale // Fraction(then)))  # as it is priced: rounded up
    minor = max(1, int(credit * part))
    payment = Returnable(
        "noor-wallet",
        "silkroad-fx",
        Money(int(debit), "INR"),
        Money(credit, currency),
        str(then),
        posted=True,
        credited_at=NOW,
        returned=False,
        rate_in_force=str(now),
    )
    share = returnable.share_of(payment.debit.minor, credit, before=0, minor=minor)
    terms = returnable.terms_by_rule(payment, minor, NOW, WITHIN)

    if isinstance(terms, RateInForce):
        paid, worth = terms.debit_minor, minor * scale / Fraction(now)
        assert paid <= worth, "the provider loses"
        assert share - paid <= share * LOSS_MAX, "the debtor loses more than the limit"
        assert paid == share or paid > worth - 1, "the provider gains more than a rounding"
    elif terms is None:
        assert Fraction(now) <= Fraction(then)
    else:
        assert isinstance(terms, ReturnRefusal)
        assert share - minor * scale // Fraction(now) > share * LOSS_MAX


@pytest.mark.parametrize(
    ("stated", "in_force", "answer"),
    [
        ("", "3.2", None),
        ("", "3.4", "NARR"),
        ("3.2835", "3.2", None),
        ("3.4", "3.4", RateInForce("3.4", 2_941_17)),
        ("0.29411764705", "3.4", RateInForce("3.4", 2_941_17)),  # written in the other direction
        ("3.2", "3.2", "AM09"),  # the debtor would get more than it paid
        ("3.3", "3.4", "AM09"),
        ("3.4", None, "AM09"),
        ("4", "4", "NARR"),  # more than the limit
    ],
)
def test_a_bank_asks_for_the_rate_in_force_by_stating_it(
    stated: str, in_force: str | None, answer: object
) -> None:
    payment = Returnable(
        "noor-wallet",
        "silkroad-fx",
        Money(10_000_00, "INR"),
        Money(32_835_00, "PKR"),
        "3.2835",
        posted=True,
        credited_at=NOW,
        returned=False,
        rate_in_force=in_force,
    )
    found = returnable.terms(payment, 10_000_00, NOW, WITHIN, rate=stated)

    assert (found.reason if isinstance(found, ReturnRefusal) else found) == answer


def test_two_providers_have_no_rate_in_force_of_both() -> None:
    payment = Returnable(
        "noor-wallet",
        "silkroad-fx",
        Money(10_000_00, "INR"),
        Money(32_835_00, "PKR"),
        "3.2835",
        posted=True,
        credited_at=NOW,
        returned=False,
        rate_in_force="3.4",
        providers=2,
    )

    found = returnable.terms_by_rule(payment, 10_000_00, NOW, WITHIN)
    assert isinstance(found, ReturnRefusal)
    assert found.reason == "AM03"


def test_a_repetition_is_not_refused_because_it_is_late() -> None:
    """The rule is asked only about what is not booked."""
    machine = Machine()
    machine.returns(an_id(1), 100)
    machine.part(PartReturns)._terms = [_Terms("too late").return_terms]

    assert machine.returns(an_id(1), 100).verdict == "exists"
    assert machine.returns(an_id(2), 100).verdict == "refused"
