"""Requirements on an adapter at its simulated rail, over a real socket."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters import registry
from adapters.conformance import orders
from adapters.conformance.report import Requirement, must
from adapters.conformance.timeouts import (
    LONGEST_WAIT_S,
    SHORT_TIMEOUT_S,
    with_long_timeouts,
    with_short_timeouts,
)
from adapters.port import (
    Acceptance,
    Answer,
    Native,
    Order,
    Outcome,
    RecallingAdapter,
    Receipt,
    ReservingAdapter,
    reserve_and_submit,
)
from adapters.profile import Confirmation, Reservation, Undo
from adapters.reasons import DUPLICATES
from adapters.simulation.book import BookEntry, EntryStatus
from adapters.simulation.harness import SimulatedRail, sample_order
from adapters.simulation.magic import Magic
from schemas.errors import Unavailable
from schemas.money import Money
from schemas.payment import Party

AT_ONCE: Final = 8
"""Number of payments that the kit has in flight."""
ORDERS: Final = 24
PREFUNDED: Final = 10**15
"""Funds at the simulated rail, in minor units."""
_SHARE: Final = PREFUNDED // 100
_SETTLING_S: Final = 0.3
_HELD_S: Final = 2.0
"""Time from a hold to its expiry: even on a busy machine the hold must succeed within it."""


async def succeeds(rail: SimulatedRail) -> str:
    """An ordinary payment is executed once with its amount, and an enquiry confirms it.

    Check submit(), decode() and enquire(): Outcome.DONE carries the amount that the rail reports as credited.
    """
    order = sample_order(rail.country)
    native, answer = await _pay(rail, order)
    must(answer.outcome is Outcome.DONE, f"ended as {answer.outcome}")
    must(answer.amount == order.amount, f"with {answer.amount}")
    must(answer.uetr in {None, order.payment.uetr}, "with another payment's UETR")
    must(rail.credits(native.ref) == 1, f"credited {rail.credits(native.ref)} times")
    enquired = await rail.adapter.enquire(native)
    must(enquired.outcome is Outcome.DONE, f"the outcome of the enquiry is {enquired.outcome}")
    return ""


async def order_arrives_unchanged(rail: SimulatedRail) -> str:
    """The translated order arrives unchanged: amount, payment and account in the rail's book match the order.

    Check translate() and what the simulator parses: names in other scripts, amounts at the limits, and long
    or absent remittance text must not change the amount or the creditor.
    """
    made = list(orders.of(rail.adapter.profile, ORDERS, most=_SHARE))
    for start in range(0, ORDERS, AT_ONCE):
        paid = await asyncio.gather(*[_pay(rail, order) for order in made[start : start + AT_ONCE]])
        for order, (native, answer) in zip(made[start:], paid, strict=False):
            must(answer.outcome is Outcome.DONE, f"{order.amount} ended as {answer.rail_code}")
            (entry,) = _entries(rail, native.ref)
            booked = (Money(entry.amount_minor, entry.currency), entry.uetr in {"", order.payment.uetr})
            must(booked == (order.amount, True), f"{order.amount} was booked as {booked[0]}")
            must(answer.amount == order.amount, f"{order.amount} was answered as {answer.amount}")
            must(entry.account == _entries(rail, paid[0][0].ref)[0].account, "another account was credited")
    return f"{ORDERS} orders"


async def longest_texts_are_carried(rail: SimulatedRail) -> str:
    """Texts of the profile's maximum length are carried; longer ones are cut or refused by a rule.

    Check profile.characters and where names are cut; a field that overflows must not displace another.
    """
    limits = rail.adapter.profile.characters
    carried = 0
    for extra in (0, 1, 500):
        name = "A" * (limits.name_max + extra)
        order = sample_order(
            rail.country,
            debtor=Party(name=name, country="RU"),
            creditor=Party(name=name, country=rail.country),
            remittance="R" * (limits.remittance_max + extra),
        )
        refused = rail.adapter.check(order)
        must(not refused or extra > 0, f"{limits.name_max} characters are refused")
        if not refused:
            _, answer = await _pay(rail, order)
            must(answer.outcome is Outcome.DONE, f"{extra} excess characters ended as {answer.rail_code}")
            carried += 1
    return f"{limits.name_max} and {limits.remittance_max} characters; {carried} of 3 carried"


async def any_text_has_an_outcome(rail: SimulatedRail) -> str:
    """Every order with any text ends at the rail: done, or refused with a reason, and credited at most once.

    Check how the wire format escapes text: markup, control characters and bidirectional marks.
    """
    hazardous = orders.hazardous(rail.adapter.profile, len(orders.HAZARDS))
    made = [order for order in hazardous if not rail.adapter.check(order)]
    for order, (native, answer) in zip(made, await _pay_all(rail, made), strict=True):
        ended = answer.outcome is Outcome.DONE or (answer.outcome is Outcome.REFUSED and answer.reason)
        must(bool(ended), f"ended as {answer.outcome}")
        must(
            rail.credits(native.ref) == (answer.outcome is Outcome.DONE),
            f"{order.amount} was credited with another amount",
        )
    return f"{len(made)} orders"


async def every_reason(subject: tuple[SimulatedRail, Sequence[str]]) -> str:
    """Every ISO reason of a refusal at the rail is reported unchanged, with the rail's own code.

    Check codes.py: the table from the rail's codes to ISO reasons must be complete; other codes are UNKNOWN.
    """
    rail, wanted = subject
    reasons = [reason for reason in wanted if reason not in DUPLICATES]
    paid = await _pay_all(rail, [sample_order(rail.country, reason) for reason in reasons])
    for reason, (native, answer) in zip(reasons, paid, strict=True):
        must(answer.outcome is Outcome.REFUSED, f"{reason} ended as {answer.outcome}")
        must(answer.reason == reason, f"{reason} was reported as {answer.reason}")
        must(bool(answer.rail_code), f"{reason} was reported without the rail's code")
        must(rail.credits(native.ref) == 0, f"{reason} was credited nevertheless")
    return f"{len(reasons)} reasons"


async def duplicate_refuses_nothing(rail: SimulatedRail) -> str:
    """A duplicate response is not a refusal: the known copy may be our own, and already paid.

    Check codes.py: in response to a submission the duplicate reasons are UNKNOWN; in response to an enquiry
    they refuse.
    """
    await asyncio.gather(*[_is_not_a_refusal(rail, reason) for reason in sorted(DUPLICATES)])
    return f"{len(DUPLICATES)} reasons"


async def same_bytes_once(rail: SimulatedRail) -> str:
    """The same bytes sent five times at the same time are credited once.

    Check submit(): it sends the stored bytes under the same ids and treats a known id as the outcome of the
    order.
    """
    native = rail.adapter.translate(sample_order(rail.country))
    receipts = await asyncio.gather(*[reserve_and_submit(rail.adapter, native) for _ in range(5)])
    must(all(receipt.acceptance is Acceptance.ACCEPTED for receipt in receipts), "a copy was not accepted")
    await rail.wait_for_answers(native.ref, timeout_s=1)
    must(rail.credits(native.ref) == 1, f"credited {rail.credits(native.ref)} times")
    return ""


async def other_content_changes_nothing(rail: SimulatedRail) -> str:
    """Another order under a known id changes nothing and is not reported as refused.

    Check submit() and the simulator: the rail compares the content, and its error is not a refusal.
    """
    first = sample_order(rail.country)
    native = rail.adapter.translate(first)
    await reserve_and_submit(rail.adapter, native)
    await rail.wait_for_answers(native.ref, timeout_s=1)
    limits = rail.adapter.profile.limits
    other = rail.adapter.translate(orders.with_amount(first, first.amount.minor + limits.step_minor))
    must(other.ref == native.ref, "the id depends on the amount")
    receipt = await reserve_and_submit(rail.adapter, other)
    must(
        receipt.acceptance is Acceptance.UNKNOWN,
        f"the result for the other order is {receipt.acceptance} {receipt.detail}",
    )
    amounts = [
        entry.amount_minor for entry in _entries(rail, native.ref) if entry.outcome is EntryStatus.DONE
    ]
    must(amounts == [first.amount.minor], f"booked as {amounts}")
    return ""


async def keeps_no_state(rail: SimulatedRail) -> str:
    """Adapters are stateless: a new instance makes the same bytes, enquires and reads callbacks.

    Check the fields of the client: only keys, ids and connections; everything about an order must be in
    Native.
    """
    other = with_long_timeouts(rail)
    try:
        order = sample_order(rail.country, "DUPCB")
        native = rail.adapter.translate(order)
        must(other.translate(order) == native, "it translates differently")
        await reserve_and_submit(rail.adapter, native)
        received = await rail.wait_for_answers(native.ref)
        raw = next(raw for raw in reversed(rail.raw) if _decoded(rail, raw) == received[-1:])
        must(list(other.decode(raw)) == received[-1:], "it reads a callback differently")
        enquired = await other.enquire(native)
    finally:
        await other.close()
    must(enquired.outcome is Outcome.DONE, f"the outcome of its enquiry is {enquired.outcome}")
    return ""


async def silence_is_unknown(rail: SimulatedRail) -> str:
    """Silence, garbage and a cut connection are never read as an outcome; an enquiry returns the outcome.

    Check submit(): REFUSED only if certainly nothing was sent or the rail refused; otherwise UNKNOWN.
    """
    words = (Magic.SILENT, Magic.GARBAGE, Magic.CUT, Magic.BADSIG, Magic.HTTP502, Magic.WRONGREF)
    await asyncio.gather(*[_is_unknown(rail, word) for word in words])
    return f"{len(words)} kinds"


async def lost_is_not_found(rail: SimulatedRail) -> str:
    """An order that the rail never received is reported as not found, and not as refused.

    Check enquire(): NOT_FOUND requires the rail's signed statement that it has no such order.
    """
    native, _ = await _submit_with_short_timeouts(rail, sample_order(rail.country, Magic.LOST))
    answer = await rail.adapter.enquire(native)
    must(answer.outcome is Outcome.NOT_FOUND, f"the outcome of the enquiry is {answer.outcome}")
    return ""


async def found_later(rail: SimulatedRail) -> str:
    """An order that one enquiry did not find may be found by the next.

    Check enquire(): it keeps no state and returns what the rail responds each time.
    """
    native, _ = await _submit_with_short_timeouts(rail, sample_order(rail.country, Magic.UNKFND))
    await _is_booked(rail, native)
    outcomes = [(await rail.adapter.enquire(native)).outcome for _ in range(2)]
    must(outcomes == [Outcome.NOT_FOUND, Outcome.DONE], f"the outcomes of the enquiries are {outcomes}")
    return ""


async def late_responses_are_delivered(rail: SimulatedRail) -> str:
    """Late, repeated, early and pending responses are all delivered, and the order is credited once.

    Check decode(): a callback is read independently of the exchange before it.
    """
    words = (Magic.LATE, Magic.DUPCB, Magic.OOO, Magic.PENDING)
    await asyncio.gather(*[_is_delivered(rail, word) for word in words])
    return f"{len(words)} kinds"


async def contradictions_are_reported(rail: SimulatedRail) -> str:
    """Responses of the rail are passed on unchanged: another amount, or "refused" first and "done" later.

    Check decode() and enquire(): the switch compares amounts and opens a case; an adapter corrects nothing.
    """
    order = sample_order(rail.country, Magic.WRONGAMT)
    _, answer = await _pay(rail, order)
    differs = answer.amount is not None and answer.amount != order.amount
    must(answer.outcome is Outcome.DONE and differs, "the other amount was not reported")
    async with with_short_timeouts(rail) as adapter:
        native = adapter.translate(sample_order(rail.country, Magic.FLIP))
        await reserve_and_submit(adapter, native)
        await _is_booked(rail, native)
        before = await rail.adapter.enquire(native)
        must(before.outcome is Outcome.REFUSED, f"the outcome of the enquiry is {before.outcome}")
        after = await rail.wait_for_answers(native.ref, timeout_s=LONGEST_WAIT_S)
    must([answer.outcome for answer in after] == [Outcome.DONE], "the later response was not delivered")
    return ""


async def expired_is_not_credited(rail: SimulatedRail) -> str:
    """An order that arrives after its expiry is refused, and remains refused.

    Check how the order carries its expiry, and how the simulator reads it.
    """
    native = rail.adapter.translate(sample_order(rail.country, expires_in=0.001))
    await asyncio.sleep(0.01)
    answer = await _ended(rail, native, await reserve_and_submit(rail.adapter, native))
    must(
        (answer.outcome, answer.reason) == (Outcome.REFUSED, "AB03"),
        f"ended as {answer.outcome} {answer.reason}",
    )
    must(rail.credits(native.ref) == 0, "credited nevertheless")
    if isinstance(rail.adapter, ReservingAdapter):
        await _hold_expires(rail, rail.adapter)
    return ""


async def _hold_expires(rail: SimulatedRail, adapter: ReservingAdapter) -> None:
    """A hold in time that is completed too late is not credited."""
    native = rail.adapter.translate(sample_order(rail.country, expires_in=_HELD_S))
    held = await adapter.reserve(native)
    must(held.acceptance is Acceptance.ACCEPTED, f"the result of the hold is {held.acceptance}")
    await asyncio.sleep(_HELD_S)
    await rail.adapter.submit(native)
    must(rail.credits(native.ref) == 0, "a hold was completed after the expiry")


async def undo_reverses_once(rail: SimulatedRail) -> str:
    """Undo is a separate order that reverses a credit once; without a credit it changes nothing.

    Check undo(): the response has its own id, and a rail without undo returns REFUSED.
    """
    native, _ = await _pay(rail, sample_order(rail.country))
    receipts = [await rail.adapter.undo(native, "CUST") for _ in range(2)]
    never = rail.adapter.translate(sample_order(rail.country))
    nothing = await rail.adapter.undo(never, "CUST")
    must(
        nothing.answer is None or nothing.answer.outcome is not Outcome.DONE,
        "an order that does not exist was undone",
    )
    must(not _entries(rail, never.ref), "an undo was booked as an order")
    taken_back = [entry for entry in _entries(rail, native.ref) if entry.outcome is EntryStatus.REVERSED]
    if rail.adapter.profile.undo is Undo.NONE:
        must(
            {receipt.acceptance for receipt in receipts} == {Acceptance.REFUSED},
            "the profile states that the rail can undo",
        )
        must(not taken_back, "reversed nevertheless")
        return "not supported by the rail, as its profile states"
    for receipt in receipts:
        must(receipt.acceptance is Acceptance.ACCEPTED, f"the result of the undo is {receipt.acceptance}")
        must(
            receipt.answer is None or receipt.answer.ref != native.ref,
            "the response has the id of the payment",
        )
    must(len(taken_back) == 1, f"reversed {len(taken_back)} times")
    return ""


async def holds_move_nothing(rail: SimulatedRail) -> str:
    """A hold moves no money and repeats as one hold; completed it credits once, undone it never does.

    Check profile.reservation, reserve() and submit(): an order without a hold must not be credited.
    """
    adapter = rail.adapter
    says = adapter.profile.reservation is not Reservation.NONE
    must(
        isinstance(adapter, ReservingAdapter) is says, f"profile.reservation is {adapter.profile.reservation}"
    )
    if not isinstance(adapter, ReservingAdapter):
        return "not supported by the rail, as its profile states"
    held, undone, never = [adapter.translate(sample_order(rail.country)) for _ in range(3)]
    for native in (held, held, undone):
        receipt = await adapter.reserve(native)
        must(
            (receipt.acceptance, receipt.answer) == (Acceptance.ACCEPTED, None),
            f"the result of the hold is {receipt.acceptance}",
        )
    enquired = await adapter.enquire(held)
    must(
        enquired.outcome not in {Outcome.DONE, Outcome.REFUSED},
        f"the outcome of the enquiry is {enquired.outcome}",
    )
    must(not _entries(rail, held.ref), "a hold is booked as a credit")
    answer = await _ended(rail, held, await adapter.submit(held))
    must(answer.outcome is Outcome.DONE, f"after completion it ended as {answer.outcome}")
    await reserve_and_submit(adapter, held)
    must(rail.credits(held.ref) == 1, f"credited {rail.credits(held.ref)} times")
    freed = adapter.profile.undo is not Undo.NONE
    must(
        not freed or (await adapter.undo(undone, "CUST")).acceptance is Acceptance.ACCEPTED,
        "a hold cannot be undone",
    )
    for native in (undone, never) if freed else (never,):
        receipt = await adapter.submit(native)
        must(receipt.answer is None or receipt.answer.outcome is not Outcome.DONE, "executed without a hold")
        must(rail.credits(native.ref) == 0, "credited without a hold")
    return str(adapter.profile.reservation)


async def aliases_are_resolved(rail: SimulatedRail) -> str:
    """Accounts and aliases resolve to account, agent and name; an unknown alias resolves to None.

    Check resolve(), sandbox.ALIASES (alias -> account) and NOBODY; the rail may mask names.
    """
    place = registry.module(rail.country, "sandbox")
    for alias, account in place.ALIASES.items():
        payee = await rail.adapter.resolve(alias)
        must(payee is not None, "an alias of the sandbox was not found")
        assert payee is not None
        must(payee.account == account, "an alias resolves to another account")
        must(bool(payee.agent and payee.name), "a payee without agent or name")
    must(await rail.adapter.resolve(place.NOBODY) is None, "an alias without an owner was resolved")
    return f"{len(place.ALIASES)} aliases, {', '.join(rail.adapter.profile.aliases) or 'none at this rail'}"


async def cycle_is_read(rail: SimulatedRail) -> str:
    """The end-of-cycle file lists exactly the executed and refused orders, with amounts and reasons.

    Check reconcile(): the whole file is checked (count, sum, signature) before a line is yielded.
    """
    order = sample_order(rail.country)
    done, _ = await _pay(rail, order)
    refused, _ = await _pay(rail, sample_order(rail.country, "AC04"))
    lost, _ = await _submit_with_short_timeouts(rail, sample_order(rail.country, Magic.LOST))
    found = await _cycle(rail)
    must(
        _result(found, done) == (Outcome.DONE, None, order.amount),
        "an executed order is reported differently",
    )
    must(
        _result(found, refused) == (Outcome.REFUSED, "AC04", None), "a refused order is reported differently"
    )
    must(lost.ref not in found, "a lost order is in the file")
    for cycle in ("", "yesterday", "2026-02-30", "../book"):
        try:
            strange = [answer async for answer in rail.adapter.reconcile(cycle)]
        except (Unavailable, ValueError):
            continue
        must(not strange, f"cycle {cycle!r} has orders")
    return f"{len(found)} orders"


async def recall_asks_and_moves_nothing(rail: SimulatedRail) -> str:
    """A recall asks the payee's bank: agreed, rejected with a reason, or not answered yet; it books nothing.

    Check recall(): its id follows from the order and is not the undo's, a repetition asks for the answer,
    and what is agreed to comes back as Outcome.RETURNED with the whole amount.
    """
    if rail.adapter.profile.recalls is None:
        return "not supported by the rail, as its profile states"
    assert isinstance(rail.adapter, RecallingAdapter)
    order = sample_order(rail.country)
    native, _ = await _pay(rail, order)
    waits = [await rail.adapter.recall(native, "NARR") for _ in range(2)]
    must(
        {each.outcome for each in waits} == {Outcome.PENDING}, f"not answered was read as {waits[0].outcome}"
    )
    refused = await rail.adapter.recall(native, "CUST")
    must(refused.outcome is Outcome.REFUSED, f"a rejection was read as {refused.outcome}")
    must(refused.reason == "CUST", f"the reason of a rejection was read as {refused.reason}")
    must(rail.credits(native.ref) == 1, "a recall that was not agreed to changed the book")
    agreed = [await rail.adapter.recall(native, "DUPL") for _ in range(2)]
    must({each.outcome for each in agreed} == {Outcome.DONE}, f"agreed was read as {agreed[0].outcome}")
    returned = [
        each
        for each in await rail.wait_for_answers(native.ref, timeout_s=LONGEST_WAIT_S)
        if each.outcome is Outcome.RETURNED
    ]
    must([each.amount for each in returned] == [order.amount], f"{len(returned)} returns came")
    never = await rail.adapter.recall(rail.adapter.translate(sample_order(rail.country)), "DUPL")
    must(never.outcome is Outcome.REFUSED, "an order that does not exist was recalled")
    return ""


REQUIREMENTS: Final[tuple[Requirement, ...]] = (
    contradictions_are_reported,
    late_responses_are_delivered,
    silence_is_unknown,
    duplicate_refuses_nothing,
    succeeds,
    order_arrives_unchanged,
    longest_texts_are_carried,
    any_text_has_an_outcome,
    same_bytes_once,
    other_content_changes_nothing,
    keeps_no_state,
    lost_is_not_found,
    found_later,
    expired_is_not_credited,
    undo_reverses_once,
    recall_asks_and_moves_nothing,
    holds_move_nothing,
    aliases_are_resolved,
    cycle_is_read,
)
"""The slowest first, so that they wait while others run."""


async def _is_not_a_refusal(rail: SimulatedRail, reason: str) -> None:
    native, receipt = await _submit(rail, sample_order(rail.country, reason))
    received = (
        await rail.wait_for_answers(native.ref, timeout_s=0.5) if receipt.answer is None else [receipt.answer]
    )
    must(receipt.acceptance is not Acceptance.REFUSED, f"{reason} was read as not accepted: {receipt.detail}")
    must(all(answer.outcome is Outcome.UNKNOWN for answer in received), f"{reason} was read as an outcome")
    enquired = await rail.adapter.enquire(native)
    must(
        enquired.outcome is Outcome.REFUSED,
        f"after {reason} the outcome of the enquiry is {enquired.outcome}",
    )


async def _is_unknown(rail: SimulatedRail, word: Magic) -> None:
    native, receipt = await _submit_with_short_timeouts(rail, sample_order(rail.country, word))
    must(receipt.answer is None, f"{word} was read as {receipt.answer and receipt.answer.outcome}")
    must(receipt.acceptance is not Acceptance.REFUSED, f"{word} was read as not accepted: {receipt.detail}")
    received = await rail.wait_for_answers(native.ref, timeout_s=0.3)
    must(not received, f"{word} was delivered as an outcome")
    await _is_booked(rail, native)
    answer = await rail.adapter.enquire(native)
    must(answer.outcome is Outcome.DONE, f"after {word} the outcome of the enquiry is {answer.outcome}")


async def _is_delivered(rail: SimulatedRail, word: Magic) -> None:
    async with with_short_timeouts(rail) if word is Magic.LATE else nullcontext(rail.adapter) as adapter:
        native = adapter.translate(sample_order(rail.country, word))
        receipt = await reserve_and_submit(adapter, native)
        await _is_booked(rail, native)
        answers = await _until_done(rail, native, receipt, 1 + (word is Magic.DUPCB))
    first = answers[0]
    must(word is not Magic.PENDING or first.outcome is Outcome.PENDING, f"{word} started as {first.outcome}")
    must(rail.credits(native.ref) == 1, f"{word} was credited {rail.credits(native.ref)} times")


async def _until_done(rail: SimulatedRail, native: Native, receipt: Receipt, times: int) -> list[Answer]:
    """All answers, in the exchange and after it, until `done` was received as often as required."""
    in_exchange = [receipt.answer] if receipt.answer else []
    answers = in_exchange
    while sum(answer.outcome is Outcome.DONE for answer in answers) < times:
        later = await rail.wait_for_answers(
            native.ref, len(answers) - len(in_exchange) + 1, timeout_s=LONGEST_WAIT_S
        )
        received = in_exchange + later
        must(
            len(received) > len(answers),
            f"{len(answers)} answers were delivered without the final one of the rail",
        )
        answers = received
    return answers


async def _is_booked(rail: SimulatedRail, native: Native) -> None:
    """Wait until the order is in the rail's book: our time-out may occur between two steps."""
    wait_s = SHORT_TIMEOUT_S
    async with asyncio.timeout(LONGEST_WAIT_S):
        while not _entries(rail, native.ref):
            await asyncio.sleep(_SETTLING_S)
            if not _entries(rail, native.ref):
                async with with_short_timeouts(rail, wait_s) as adapter:
                    await reserve_and_submit(adapter, native)
                wait_s *= 2


async def _cycle(rail: SimulatedRail) -> dict[str, Answer]:
    """Today's file, and yesterday's if midnight of the rail's clock has just passed."""
    hours, now = rail.adapter.profile.hours, datetime.now(UTC)
    days = sorted({hours.day(now - timedelta(minutes=1)), hours.day(now)})
    return {answer.ref: answer for day in days async for answer in rail.adapter.reconcile(day)}


def _result(found: dict[str, Answer], native: Native) -> tuple[Outcome, str | None, Money | None] | None:
    answer = found.get(native.ref)
    return (answer.outcome, answer.reason, answer.amount) if answer else None


def _decoded(rail: SimulatedRail, raw: bytes) -> list[Answer]:
    """A callback that was received; one that was refused then is refused now."""
    try:
        return list(rail.adapter.decode(raw))
    except Exception:  # noqa: BLE001 - only a search for the one that can be read
        return []


def _entries(rail: SimulatedRail, ref: str) -> list[BookEntry]:
    return [entry for entry in rail.entries() if entry.rail_ref == ref]


async def _submit(rail: SimulatedRail, order: Order) -> tuple[Native, Receipt]:
    native = rail.adapter.translate(order)
    return native, await reserve_and_submit(rail.adapter, native)


async def _submit_with_short_timeouts(rail: SimulatedRail, order: Order) -> tuple[Native, Receipt]:
    """Submit where no response will come."""
    async with with_short_timeouts(rail) as adapter:
        native = adapter.translate(order)
        return native, await reserve_and_submit(adapter, native)


async def _pay(rail: SimulatedRail, order: Order) -> tuple[Native, Answer]:
    """Submit and wait for the outcome, whichever way the rail sends it."""
    native, receipt = await _submit(rail, order)
    return native, await _ended(rail, native, receipt)


async def _pay_all(rail: SimulatedRail, made: Sequence[Order]) -> list[tuple[Native, Answer]]:
    return [
        paid
        for start in range(0, len(made), AT_ONCE)
        for paid in await asyncio.gather(*[_pay(rail, order) for order in made[start : start + AT_ONCE]])
    ]


async def _ended(rail: SimulatedRail, native: Native, receipt: Receipt) -> Answer:
    if receipt.answer is not None:
        return receipt.answer
    by_callback = rail.adapter.profile.confirmation is not Confirmation.SYNC
    patience_s = LONGEST_WAIT_S if receipt.acceptance is Acceptance.ACCEPTED else 1.0
    answers = await rail.wait_for_answers(native.ref, timeout_s=patience_s) if by_callback else []
    return answers[0] if answers else Answer(native.ref, Outcome.UNKNOWN)
