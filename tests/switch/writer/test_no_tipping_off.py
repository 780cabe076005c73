"""Refusals that would tell a sender which of its payments screening holds: there are none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.encoding import microseconds
from switch.writer.commands import (
    Claim,
    Freeze,
    HoldForScreening,
    Meter,
    Promise,
    Reply,
    SetLimit,
    SetPair,
    SetVelocity,
)
from switch.writer.velocity import DAY_US, HOUR_US, VelocityScope
from tests.switch.writer.test_payment_book import FUNDS
from tests.switch.writer.test_screening_holds import Books, holding

FIRST, SECOND = b"1" * 16, b"2" * 16
ID = Claim("message_id", b"m" * 16, 30 * DAY_US)
TWIN = Claim("look_alike", b"t" * 16, HOUR_US)
ACCOUNT = [Meter(VelocityScope.DEBTOR_ACCOUNT, b"a" * 16)]
Prepare = Callable[[Books], dict[str, Any]]


def per_payment(books: Books) -> dict[str, Any]:
    books.ask(SetLimit("payer", "INR", 4, None))
    return {}


def per_day(books: Books) -> dict[str, Any]:
    books.ask(SetLimit("payer", "INR", None, 9))
    return {}


def per_hour(books: Books) -> dict[str, Any]:
    books.ask(SetVelocity("participant", "payer", "INR", 1, None, None, None))
    return {}


def of_account(books: Books) -> dict[str, Any]:
    books.ask(SetVelocity("debtor_account", "*", "INR", None, None, None, 9))
    return {"meters": ACCOUNT}


def id_used(books: Books) -> dict[str, Any]:
    return {"claims": [ID]}


def looks_alike(books: Books) -> dict[str, Any]:
    return {"claims": [TWIN]}


def one_quote(books: Books) -> dict[str, Any]:
    terms, now = books.payment().terms, microseconds(books.machine.now)
    promise = Promise(terms, [], "SLEV", "", 0, now + HOUR_US, HOUR_US)
    promised = books.ask(promise)
    assert promised.verdict == "created"
    return {"quote": bytes.fromhex(promised.detail.replace("-", "")), "bearer": "SLEV"}


def no_cover(books: Books) -> dict[str, Any]:
    return {"amount": FUNDS + 1}


def no_account(books: Books) -> dict[str, Any]:
    return {"legs": [replace(books.payment().legs[0], debit=10**6)]}


def no_quote(books: Books) -> dict[str, Any]:
    return {"quote": b"q" * 16}


def blocked_pair(books: Books) -> dict[str, Any]:
    books.ask(SetPair("INR", "PKR", "IN", True, "", "", 0))
    terms = books.payment().terms
    return {"terms": replace(terms, credit_currency="PKR", fx_provider="fx", rate="3")}


def late(books: Books) -> dict[str, Any]:
    return {"lifetime": 1}


def frozen(books: Books) -> dict[str, Any]:
    books.ask(Freeze("people", "a look"))
    return {}


def unknown_meter(books: Books) -> dict[str, Any]:
    books.ask(SetVelocity("debtor_account", "*", "INR", 1, None, None, None))
    return {}


AT_ONCE: dict[Prepare, str] = {
    per_payment: "AM14",
    no_cover: "AM23",
    no_account: "AGNT",
    no_quote: "AB04",
    blocked_pair: "RR04",
    late: "",
    frozen: "",
    unknown_meter: "",
}
"""What refuses a payment, or leaves it undecided, and the reason."""
AFTER_ANOTHER: dict[Prepare, str] = {
    per_day: "AM14",
    per_hour: "AM21",
    of_account: "AM21",
    id_used: "DU01",
    looks_alike: "AM05",
    one_quote: "AB04",
}
"""What refuses a second payment because of a first one."""


def told(reply: Reply) -> tuple[str, str, str, str]:
    """What its sender hears."""
    return reply.verdict, reply.state, reply.reason, reply.detail


def of_one(prepare: Prepare, *, hold: bool) -> Reply:
    books = Books()
    payment = books.payment(**prepare(books))
    return books.ask(holding(payment) if hold else payment)


@pytest.mark.parametrize("prepare", AT_ONCE)
def test_a_payment_that_is_refused_is_refused_equally_with_a_listed_name(prepare: Prepare) -> None:
    ordinary, listed = (of_one(prepare, hold=hold) for hold in (False, True))

    assert ordinary.reason == AT_ONCE[prepare]
    assert ordinary.verdict not in {"created", "held"}
    assert told(listed) == told(ordinary)


@pytest.mark.parametrize("prepare", AFTER_ANOTHER)
@pytest.mark.parametrize("hold_second", [False, True])
def test_a_second_payment_is_refused_equally_after_one_with_a_listed_name(
    prepare: Prepare, hold_second: bool
) -> None:
    heard = []
    for hold_first in (False, True):
        books = Books()
        more = prepare(books)
        first = books.payment(FIRST, **more)
        second = books.payment(SECOND, **more)
        begun = books.ask(holding(first) if hold_first else first)
        assert begun.verdict == ("held" if hold_first else "created")
        heard.append(books.ask(holding(second) if hold_second else second))

    assert heard[0].reason == AFTER_ANOTHER[prepare]
    assert told(heard[1]) == told(heard[0])


@pytest.mark.parametrize("prepare", AFTER_ANOTHER)
def test_a_released_payment_is_counted_once_and_not_refused_for_itself(prepare: Prepare) -> None:
    """Not on the day on which it came; what was refused after it is still refused once it is released."""
    books = Books()
    books.machine.now += timedelta(minutes=5)  # no day ends meanwhile
    more = prepare(books)
    held = books.hold(FIRST, **more)
    books.decide("release", FIRST)

    assert books.accept(FIRST, held=held.number, **more).verdict == "created"
    assert books.accept(SECOND, **more).reason == AFTER_ANOTHER[prepare]


@pytest.mark.parametrize("prepare", [per_day, looks_alike, one_quote])
def test_a_held_payment_that_is_refused_gives_back_what_an_aborted_one_gives_back(prepare: Prepare) -> None:
    books = Books()
    books.machine.now += timedelta(minutes=5)
    more = prepare(books)
    held = books.hold(FIRST, **more)
    assert books.accept(SECOND, **more).reason == AFTER_ANOTHER[prepare]
    books.refuse(FIRST, held=held.number)

    assert books.accept(b"3" * 16, **more).verdict == "created"


@pytest.mark.parametrize("prepare", [per_hour, of_account, id_used])
def test_and_keeps_what_an_aborted_one_keeps(prepare: Prepare) -> None:
    books = Books()
    books.machine.now += timedelta(minutes=5)
    more = prepare(books)
    held = books.hold(FIRST, **more)
    books.refuse(FIRST, held=held.number)

    assert books.accept(SECOND, **more).reason == AFTER_ANOTHER[prepare]


def test_a_payment_that_is_released_on_another_day_counts_on_that_day() -> None:
    books = Books()
    books.ask(SetVelocity("participant", "payer", "INR", None, None, 1, None))
    held = books.hold(FIRST)
    books.decide("release", FIRST)
    books.machine.now += timedelta(days=1)

    assert books.accept(FIRST, held=held.number).verdict == "created"
    assert books.accept(SECOND).reason == "AM21"


def test_a_hold_moves_nothing_and_its_refusal_neither() -> None:
    books = Books()
    before = books.money
    books.hold(FIRST)
    refused = books.hold(SECOND, **no_cover(books))

    assert (books.money, refused.verdict) == (before, "refused")
    assert books.hold(SECOND, **no_cover(books)).verdict == "already_failed"


def test_nobody_begins_a_hold_that_continues_another_or_was_executed_before() -> None:
    books = Books()
    payment: HoldForScreening = holding(books.payment())

    assert books.ask(replace(payment, held=7)).verdict == "illegal"
    assert books.ask(replace(payment, recovered="r")).verdict != "held"
