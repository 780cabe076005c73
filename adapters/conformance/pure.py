"""Requirements on an adapter that need no rail."""

import codecs
import copy
import dataclasses
import re
import string
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from msgspec import structs

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
"""With the signature, on a busy machine; `python -m loadtests codec` measures the time without it."""
CHECK_US: Final = 2000.0
_LETTERS: Final = "0123456789" + string.ascii_letters
_TELLTALE_LENGTH: Final = 6
"""A part of personal data of this length cannot be in a text by accident."""


def profile_makes_sense(adapter: RailAdapter) -> str:
    """The profile is consistent.

    Check profile.py: increasing time-outs (connect, submit, answer, give up), limits, the name of the
    encoding, the currency, the zone of the rail's clock.
    """
    profile = adapter.profile
    timing, limits = profile.timing, profile.limits
    must(re.fullmatch("[A-Z]{2}", profile.country) is not None, "the country is not two letters")
    must(profile.currency in EXPONENTS, "the currency is not a code of ISO 4217")
    waits = [0, timing.connect_s, timing.submit_s, timing.answer_s, timing.give_up_s]
    must(all(low <= high for low, high in pairwise(waits)) and timing.connect_s > 0, f"time-outs {waits}")
    must(timing.enquiry_first_s > 0 and timing.enquiries_max > 0, "no enquiry is ever made")
    must(timing.not_found_grace_s >= 0, "the grace period is negative")
    _absence_makes_sense(profile)
    must(0 < limits.minimum_minor < limits.maximum_minor, "no amount is within the limits")
    whole = limits.minimum_minor % limits.step_minor == 0 == limits.maximum_minor % limits.step_minor
    must(whole, "the limits are not multiples of the step")
    must(profile.ids.capacity > 0, "the rail has no order numbers")
    codecs.lookup(profile.characters.encoding)
    now = datetime.now(UTC)
    must(profile.hours.open_from(now) >= now, "it opens in the past")
    return f"{profile.confirmation}, {profile.undo}, {profile.basis}"


def carries_orders(adapter: RailAdapter) -> str:
    """Orders within the limits of the profile are carried, whatever the script of the names.

    Check check() in messages.py: names are romanised or cut by a visible rule, not refused.
    """
    for order in orders.of(adapter.profile, ORDERS):
        reasons = [violation.reason for violation in adapter.check(order)]
        must(not reasons, f"refused with {reasons}: {_of(order)}")
    return f"{ORDERS} orders"


def any_text_is_carried_or_refused(adapter: RailAdapter) -> str:
    """Any text is carried or refused by a visible rule; no exception is raised.

    Check check() and how translate() writes names and remittance text: control characters, markup, long
    words, and characters that the rail's encoding lacks.
    """
    carried = 0
    for order in orders.hazardous(adapter.profile, 3 * len(orders.HAZARDS)):
        violations = adapter.check(order)
        _must_be_explained(violations)
        if not violations:
            adapter.translate(order)
            carried += 1
    return f"{carried} of {3 * len(orders.HAZARDS)} carried"


def is_pure(adapter: RailAdapter) -> str:
    """The same order always gives the same bytes.

    Check translate(): no clock, no random number, no counter; every timestamp comes from Order.made_at.
    """
    for order in orders.of(adapter.profile, ORDERS):
        must(
            adapter.translate(order) == adapter.translate(copy.deepcopy(order)),
            f"two translations differ: {_of(order)}",
        )
    return f"{ORDERS} orders"


def ids_differ(adapter: RailAdapter) -> str:
    """Different payments have different ids at the rail, and one payment always has the same id.

    Check Native.ref: derive it from the UETR or from Order.serial, not from a clock or a random number.
    """
    first, again = [
        {adapter.translate(order).ref for order in orders.of(adapter.profile, ORDERS)} for _ in range(2)
    ]
    must(len(first) == ORDERS, "two orders have the same id")
    must(first == again or _by_serial(adapter), "one payment has two ids")
    return f"{ORDERS} ids"


def every_serial_fits(adapter: RailAdapter) -> str:
    """The first and the last order number of a period fit into the rail's ids.

    Check profile.ids.capacity: the field of the wire must hold every number below it.
    """
    capacity = adapter.profile.ids.capacity
    good = sample_order(adapter.profile.country)
    for serial in (0, 1, capacity // 2, capacity - 1):
        order = dataclasses.replace(good, serial=serial)
        must(not adapter.check(order), f"serial {order.serial} is refused")
        adapter.translate(order)
    return f"0 to {capacity - 1:,}"


def amounts_at_the_edges(adapter: RailAdapter) -> str:
    """Amounts at the limits are carried, amounts beyond them are refused.

    Check check(): AM02 above profile.limits, AM06 below, AM03 for another currency; nothing is rounded.
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
    return f"{limits.minimum_minor} to {limits.maximum_minor} in steps of {limits.step_minor}"


def accounts_are_checked(adapter: RailAdapter) -> str:
    """Accounts of the sandbox are accepted; foreign and malformed accounts are refused.

    Check check(): format, check digits and ASCII digits of the creditor's account, before anything is sent.
    """
    good = sample_order(adapter.profile.country)
    must(not adapter.check(good), "the ordinary account is refused")
    for account in (None, *orders.FOREIGN):
        _must_refuse(adapter, orders.with_payment(good, creditor_account=account), "a foreign account", "")
    changed, noticed = 0, 0
    for order in _misspelt(good):
        changed, noticed = changed + 1, noticed + bool(adapter.check(order))
    return f"{noticed} of {changed} misspelt accounts detected"


def expiry_is_checked(adapter: RailAdapter) -> str:
    """An order whose expiry is before its creation is refused.

    Check check(): compare Order.expires_at with Order.made_at, never with a clock.
    """
    good = sample_order(adapter.profile.country)
    for age in (timedelta(), timedelta(seconds=1), timedelta(days=1)):
        expired = dataclasses.replace(good, expires_at=good.made_at - age)
        _must_refuse(adapter, expired, "an expired order", "")
    return ""


def expiry_is_on_the_wire(adapter: RailAdapter) -> str:
    """If the profile states that the order carries its expiry, another expiry gives other bytes.

    Check profile.absence and translate(): a rail that does not receive the expiry may execute the order at
    any time, so its "not found" must never be believed (`answers=0`).
    """
    if not adapter.profile.absence.expiry_on_wire:
        return "the order does not carry its expiry, as the profile states"
    good = sample_order(adapter.profile.country)
    later = dataclasses.replace(good, expires_at=good.expires_at + timedelta(minutes=1))
    must(adapter.translate(good).body != adapter.translate(later).body, "two expiries give the same bytes")
    return f"'not found' is believed after {adapter.profile.absence.answers} answers"


def reads_nothing_foreign(adapter: RailAdapter) -> str:
    """Anything that the rail did not sign is never read as an answer.

    Check decode(): it raises InvalidMessage or NotAuthentic for everything except signed messages of the
    rail.
    """
    body = adapter.translate(sample_order(adapter.profile.country)).body
    strange = [b"", b"<", b"{}", b"[]", b"null", b"\x00\xff", b"<a/>", b"[" * 10_000, b"0" * 300_000]
    strange += [body, body[: len(body) // 2], body[::-1], b"0000" + body]
    for raw in strange:
        try:
            read = adapter.decode(raw)
        except (InvalidMessage, NotAuthentic) as error:
            error_text = str(error).encode()
            must(
                raw[:_TELLTALE_LENGTH] not in error_text or len(raw) < _TELLTALE_LENGTH,
                "an error text repeats the message",
            )
            continue
        raise RequirementNotMet(f"{len(read)} answers were read in {raw[:6]!r}...")
    return f"{len(strange)} kinds"


def is_fast(adapter: RailAdapter) -> str:
    """Checking and translation, with the signature, take at most milliseconds.

    Check for work that can be done once: compiled patterns, parsed keys, tables.
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
    """One "not found" is never believed, and none at all where the rail would execute a late order."""
    timing, absence = profile.timing, profile.absence
    if absence.answers == 0:
        return
    must(absence.answers >= ABSENT_ANSWERS_MIN, "one 'not found' must not be believed")
    must(absence.expiry_on_wire, "'not found' is believed, but the rail does not receive the expiry")
    must(timing.not_found_grace_s > 0, "'not found' is believed without a grace period")
    bounded = timing.enquiries_ruled and absence.answers > timing.enquiries_max
    must(not bounded, "more 'not found' answers are required than the rail allows enquiries")


def _by_serial(adapter: RailAdapter) -> bool:
    """Whether the rail's id is the order's number: the same payment in a new order has another id."""
    first = sample_order(adapter.profile.country)
    other = dataclasses.replace(first, serial=first.serial + 1)
    return adapter.translate(first).ref != adapter.translate(other).ref


def _misspelt(order: Order) -> list[Order]:
    """The order with one character of the account changed, for each position."""
    account = order.payment.creditor_account
    assert account is not None
    field = "iban" if account.iban else "other" if account.other else "proxy"
    text = account.id or ""
    other = str.maketrans(_LETTERS, _LETTERS[1:] + _LETTERS[0])
    changed = {text[:n] + text[n].translate(other) + text[n + 1 :] for n in range(len(text))} - {text}
    return [
        orders.with_payment(order, creditor_account=structs.replace(account, **{field: spelling}))
        for spelling in sorted(changed)
    ]


def _must_refuse(adapter: RailAdapter, order: Order, what: str, reason: str) -> None:
    violations = adapter.check(order)
    must(bool(violations), f"{what} is carried")
    must(
        any(violation.reason.startswith(reason) for violation in violations),
        f"{what} is refused for another reason",
    )
    _must_be_explained(violations)
    account = order.payment.creditor_account
    texts = " ".join(violation.text for violation in violations)
    secrets = [order.payment.debtor.name, order.payment.creditor.name, account and account.id]
    disclosed = [s for s in secrets if s and len(s) >= _TELLTALE_LENGTH and s in texts]
    must(not disclosed, "a refusal text repeats personal data")


def _must_be_explained(violations: object) -> None:
    """Check that each violation has an ISO reason and a path in the message."""
    for violation in violations:  # type: ignore[attr-defined]
        must(violation.reason in ISO_REASONS, f"not an ISO reason: {violation.reason}")
        must(bool(violation.path and violation.text), "a refusal without a path or text")


def _of(order: Order) -> str:
    names = (order.payment.debtor.name or "", order.payment.creditor.name or "")
    return f"{order.amount}, names of {len(names[0])} and {len(names[1])} characters"
