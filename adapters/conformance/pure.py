"""Promises that an adapter keeps without a rail."""

import codecs
import copy
import dataclasses
import re
import string
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from adapters.conformance import orders
from adapters.conformance.report import Requirement, RequirementNotMet, must
from adapters.port import Order, RailAdapter
from adapters.profile import RailProfile
from adapters.reasons import ISO_REASONS
from adapters.simulation.harness import sample_order
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import EXPONENTS

ORDERS: Final = 60
ABSENT_ANSWERS_MIN: Final = 2
TRANSLATE_US: Final = 5000.0
"""Signature included, on a busy machine; `python -m loadtests codec` has the figure without it."""
CHECK_US: Final = 2000.0
_LETTERS: Final = "0123456789" + string.ascii_letters
_TELLING: Final = 6
"""Characters of somebody's data that are no accident in a text."""


def profile_makes_sense(adapter: RailAdapter) -> str:
    """The profile makes sense as a whole.

    Look at profile.py: time-outs that follow each other (connect, submit, answer, give up), limits, the
    encoding's name, the currency, the zone of the rail's clock.
    """
    profile = adapter.profile
    timing, limits = profile.timing, profile.limits
    must(re.fullmatch("[A-Z]{2}", profile.country) is not None, "the country is not two letters")
    must(profile.currency in EXPONENTS, "the currency is not one of ISO 4217")
    waits = [0, timing.connect_s, timing.submit_s, timing.answer_s, timing.give_up_s]
    must(all(low <= high for low, high in pairwise(waits)) and timing.connect_s > 0, f"time-outs {waits}")
    must(timing.enquiry_first_s > 0 and timing.enquiries_max > 0, "no enquiry is ever made")
    must(timing.not_found_grace_s >= 0, "the grace is negative")
    _absence_makes_sense(profile)
    must(0 < limits.minimum_minor < limits.maximum_minor, "limits that nothing fits")
    whole = limits.minimum_minor % limits.step_minor == 0 == limits.maximum_minor % limits.step_minor
    must(whole, "the limits are no multiples of the step")
    must(profile.ids.capacity > 0, "no order has a number")
    codecs.lookup(profile.characters.encoding)
    now = datetime.now(UTC)
    must(profile.hours.open_from(now) >= now, "it opens in the past")
    return f"{profile.confirmation}, {profile.undo}, {profile.basis}"


def carries_orders(adapter: RailAdapter) -> str:
    """Orders within the profile's limits are carried, whatever their names' script.

    Look at check() in messages.py: names are romanised or cut by a visible rule, not refused.
    """
    for order in orders.of(adapter.profile, ORDERS):
        reasons = [violation.reason for violation in adapter.check(order)]
        must(not reasons, f"refused with {reasons}: {_of(order)}")
    return f"{ORDERS} orders"


def any_text_is_carried_or_refused(adapter: RailAdapter) -> str:
    """Any text is carried or refused by a visible rule; nothing raises.

    Look at check() and at how translate() writes names and remittance: control characters, markup, long runs,
    and what the rail's encoding lacks.
    """
    carried = 0
    for order in orders.hazardous(adapter.profile, 3 * len(orders.HAZARDS)):
        violations = adapter.check(order)
        _must_be_said(violations)
        if not violations:
            adapter.translate(order)
            carried += 1
    return f"{carried} of {3 * len(orders.HAZARDS)} carried"


def is_pure(adapter: RailAdapter) -> str:
    """The same order gives the same bytes.

    Look at translate(): no clock, no random number, no counter; every timestamp comes from Order.made_at.
    """
    for order in orders.of(adapter.profile, ORDERS):
        must(
            adapter.translate(order) == adapter.translate(copy.deepcopy(order)),
            f"two translations differ: {_of(order)}",
        )
    return f"{ORDERS} orders"


def ids_differ(adapter: RailAdapter) -> str:
    """Different payments have different ids at the rail, and one payment always the same.

    Look at Native.ref: made of the UETR or of Order.serial, never of both a clock and chance.
    """
    first, again = [
        {adapter.translate(order).ref for order in orders.of(adapter.profile, ORDERS)} for _ in range(2)
    ]
    must(len(first) == ORDERS, "two orders have one id")
    must(first == again or _by_serial(adapter), "one payment has two ids")
    return f"{ORDERS} ids"


def every_serial_fits(adapter: RailAdapter) -> str:
    """The first and the last number of a period fit into the rail's ids.

    Look at profile.ids.capacity: it is what the wire's field can say, and translate() says any number below.
    """
    capacity = adapter.profile.ids.capacity
    good = sample_order(adapter.profile.country)
    for serial in (0, 1, capacity // 2, capacity - 1):
        order = dataclasses.replace(good, serial=serial)
        must(not adapter.check(order), f"serial {order.serial} is refused")
        adapter.translate(order)
    return f"0 to {capacity - 1:,}"


def amounts_at_the_edges(adapter: RailAdapter) -> str:
    """Amounts at the edges are carried, beyond them refused.

    Look at check(): AM02 above profile.limits, AM06 below, AM03 for another currency; nothing is rounded.
    """
    good, limits = sample_order(adapter.profile.country), adapter.profile.limits
    for minor in (limits.minimum_minor, limits.minimum_minor + limits.step_minor, limits.maximum_minor):
        must(not adapter.check(orders.with_amount(good, minor)), f"{minor} is refused")
    beyond = [
        limits.maximum_minor + limits.step_minor,
        limits.minimum_minor - limits.step_minor,
        0,
        -1,
        10**17,
    ]
    if limits.step_minor > 1:
        beyond.append(limits.minimum_minor + 1)
    for minor in beyond:
        _must_refuse(adapter, orders.with_amount(good, minor), f"{minor} minor units", "AM")
    for currency in {"USD", "EUR", "KZT", "INR"} - {good.amount.currency}:
        _must_refuse(adapter, orders.with_amount(good, 150000, currency), currency, "AM")
    return f"{limits.minimum_minor} to {limits.maximum_minor} by {limits.step_minor}"


def accounts_are_checked(adapter: RailAdapter) -> str:
    """Accounts of the sandbox are accepted, foreign and malformed ones refused.

    Look at check(): shape, check digits and ASCII digits of the creditor's account, before anything is sent.
    """
    good = sample_order(adapter.profile.country)
    must(not adapter.check(good), "the ordinary account is refused")
    for account in (None, *orders.FOREIGN):
        _must_refuse(adapter, orders.with_payment(good, creditor_account=account), "a foreign account", "")
    changed, noticed = 0, 0
    for order in _misspelt(good):
        changed, noticed = changed + 1, noticed + bool(adapter.check(order))
    return f"{noticed} of {changed} misspelt ones noticed"


def expiry_is_checked(adapter: RailAdapter) -> str:
    """An order that expires before it is made is refused.

    Look at check(): Order.expires_at against Order.made_at, never against a clock.
    """
    good = sample_order(adapter.profile.country)
    for age in (timedelta(), timedelta(seconds=1), timedelta(days=1)):
        expired = dataclasses.replace(good, expires_at=good.made_at - age)
        _must_refuse(adapter, expired, "an expired order", "")
    return ""


def expiry_is_on_the_wire(adapter: RailAdapter) -> str:
    """Where the profile says that the order carries its expiry, another expiry makes other bytes.

    Look at profile.absence and translate(): a rail that is not told until when it may act may act for ever,
    so its "not found" is never believed (`answers=0`).
    """
    if not adapter.profile.absence.expiry_on_wire:
        return "it is not, and the profile says so"
    good = sample_order(adapter.profile.country)
    later = dataclasses.replace(good, expires_at=good.expires_at + timedelta(minutes=1))
    must(adapter.translate(good).body != adapter.translate(later).body, "two expiries make the same bytes")
    return f"{adapter.profile.absence.answers} answers make an absence"


def reads_nothing_foreign(adapter: RailAdapter) -> str:
    """What the rail did not sign is never read as an answer.

    Look at decode(): it raises InvalidMessage or NotAuthentic for everything but the rail's own signed words.
    """
    body = adapter.translate(sample_order(adapter.profile.country)).body
    strange = [b"", b"<", b"{}", b"[]", b"null", b"\x00\xff", b"<a/>", b"[" * 10_000, b"0" * 300_000]
    strange += [body, body[: len(body) // 2], body[::-1], b"0000" + body]
    for raw in strange:
        try:
            read = adapter.decode(raw)
        except (InvalidMessage, NotAuthentic) as error:
            said = str(error).encode()
            must(raw[:_TELLING] not in said or len(raw) < _TELLING, "an error repeats it")
            continue
        raise RequirementNotMet(f"{len(read)} answers were read in {raw[:6]!r}...")
    return f"{len(strange)} kinds"


def is_fast(adapter: RailAdapter) -> str:
    """Checking and translation, signature included, take milliseconds at most.

    Look for work that could be done once: compiled patterns, parsed keys, tables.
    """
    made = list(orders.of(adapter.profile, ORDERS))
    times = {}
    for name, work in (("check", adapter.check), ("translate", adapter.translate)):
        rounds = []
        for _ in range(3):
            started = time.thread_time()
            for order in made:
                work(order)
            rounds.append((time.thread_time() - started) / len(made) * 1e6)
        times[name] = min(rounds)
    must(times["translate"] < TRANSLATE_US, f"translate {times['translate']:.0f} us")
    must(times["check"] < CHECK_US, f"check {times['check']:.0f} us")
    return ", ".join(f"{name} {each:.0f} us" for name, each in times.items())


REQUIREMENTS: Final[tuple[Requirement, ...]] = (
    profile_makes_sense,
    carries_orders,
    any_text_is_carried_or_refused,
    is_pure,
    ids_differ,
    every_serial_fits,
    amounts_at_the_edges,
    accounts_are_checked,
    expiry_is_checked,
    expiry_is_on_the_wire,
    reads_nothing_foreign,
    is_fast,
)


def _absence_makes_sense(profile: RailProfile) -> None:
    """One "not found" is never believed, and none where an order that left us late would be acted on."""
    timing, absence = profile.timing, profile.absence
    if absence.answers == 0:
        return
    must(absence.answers >= ABSENT_ANSWERS_MIN, "one answer makes no absence")
    must(absence.expiry_on_wire, "not found is believed of a rail that is not told when an order expires")
    must(timing.not_found_grace_s > 0, "not found is believed without a grace")
    bounded = timing.enquiries_ruled and absence.answers >= timing.enquiries_max
    must(not bounded, "more answers make an absence than the rail allows after the first enquiry")


def _by_serial(adapter: RailAdapter) -> bool:
    """Whether the rail's id is the order's number: the same payment made anew has another."""
    first = sample_order(adapter.profile.country)
    other = dataclasses.replace(first, serial=first.serial + 1)
    return adapter.translate(first).ref != adapter.translate(other).ref


def _misspelt(order: Order) -> list[Order]:
    """The order to accounts with one character another, for each place."""
    account = order.payment.creditor_account
    assert account is not None
    field = "iban" if account.iban else "other" if account.other else "proxy"
    text = account.id or ""
    other = str.maketrans(_LETTERS, _LETTERS[1:] + _LETTERS[0])
    changed = {text[:n] + text[n].translate(other) + text[n + 1 :] for n in range(len(text))} - {text}
    return [
        orders.with_payment(order, creditor_account=account.model_copy(update={field: spelling}))
        for spelling in sorted(changed)
    ]


def _must_refuse(adapter: RailAdapter, order: Order, what: str, reason: str) -> None:
    violations = adapter.check(order)
    must(bool(violations), f"{what} is carried")
    must(any(violation.reason.startswith(reason) for violation in violations), f"{what} is refused otherwise")
    _must_be_said(violations)
    account = order.payment.creditor_account
    said = " ".join(violation.text for violation in violations)
    secrets = [order.payment.debtor.name, order.payment.creditor.name, account and account.id]
    told = [s for s in secrets if s and len(s) >= _TELLING and s in said]
    must(not told, "a refusal repeats data")


def _must_be_said(violations: object) -> None:
    """Each violation has an ISO reason and a place in the message."""
    for violation in violations:  # type: ignore[attr-defined]
        must(violation.reason in ISO_REASONS, f"a reason that ISO does not know: {violation.reason}")
        must(bool(violation.path and violation.text), "a refusal without a place or text")


def _of(order: Order) -> str:
    names = (order.payment.debtor.name or "", order.payment.creditor.name or "")
    return f"{order.amount}, names of {len(names[0])} and {len(names[1])} characters"
