"""Promises that an adapter keeps at its simulated rail, over a real socket."""

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
"""Payments that the kit has in flight."""
ORDERS: Final = 24
PREFUNDED: Final = 10**15
"""Of the simulated rail, minor units."""
_SHARE: Final = PREFUNDED // 100
_SETTLING_S: Final = 0.3
_HELD_S: Final = 2.0
"""From a hold to its expiry: a busy machine must have held it by then."""


async def succeeds(rail: SimulatedRail) -> str:
    """An ordinary payment is done once, with its amount, and an enquiry agrees.

    Look at submit(), decode() and enquire(): Outcome.DONE carries the amount that the rail says it credited.
    """
    order = sample_order(rail.country)
    native, answer = await _pay(rail, order)
    must(answer.outcome is Outcome.DONE, f"ended as {answer.outcome}")
    must(answer.amount == order.amount, f"with {answer.amount}")
    must(answer.uetr in {None, order.payment.uetr}, "with another payment's UETR")
    must(rail.credits(native.ref) == 1, f"credited {rail.credits(native.ref)} times")
    enquired = await rail.adapter.enquire(native)
    must(enquired.outcome is Outcome.DONE, f"an enquiry says {enquired.outcome}")
    return ""


async def arrives_whole(rail: SimulatedRail) -> str:
    """What is translated arrives: amount, payment and account in the rail's book are the order's.

    Look at translate() and at what the simulator reads of it: names in other scripts, amounts at the edges,
    long and absent remittance must not change what is paid to whom.
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
    """Names and remittance as long as the profile says are carried, longer ones cut or refused by a rule.

    Look at profile.characters and at where names are cut; a field that overflows must not push another aside.
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
            must(answer.outcome is Outcome.DONE, f"{extra} characters too many ended as {answer.rail_code}")
            carried += 1
    return f"{limits.name_max} and {limits.remittance_max} characters; {carried} of 3 carried"


async def any_text_ends(rail: SimulatedRail) -> str:
    """Any text that is carried ends at the rail: done or refused with a reason, credited once at most.

    Look at how the wire escapes text: markup, control characters and bidirectional marks.
    """
    hazardous = orders.hazardous(rail.adapter.profile, len(orders.HAZARDS))
    made = [order for order in hazardous if not rail.adapter.check(order)]
    for order, (native, answer) in zip(made, await _pay_all(rail, made), strict=True):
        ended = answer.outcome is Outcome.DONE or (answer.outcome is Outcome.REFUSED and answer.reason)
        must(bool(ended), f"ended as {answer.outcome}")
        must(
            rail.credits(native.ref) == (answer.outcome is Outcome.DONE), f"{order.amount} credited otherwise"
        )
    return f"{len(made)} orders"


async def every_reason(subject: tuple[SimulatedRail, Sequence[str]]) -> str:
    """Every ISO reason that the rail refuses with arrives as it was said, with the rail's own code beside it.

    Look at codes.py: the table from the rail's codes to ISO reasons must be complete, what it lacks UNKNOWN.
    """
    rail, wanted = subject
    reasons = [reason for reason in wanted if reason not in DUPLICATES]
    paid = await _pay_all(rail, [sample_order(rail.country, reason) for reason in reasons])
    for reason, (native, answer) in zip(reasons, paid, strict=True):
        must(answer.outcome is Outcome.REFUSED, f"{reason} ended as {answer.outcome}")
        must(answer.reason == reason, f"{reason} arrived as {answer.reason}")
        must(bool(answer.rail_code), f"{reason} arrived without the rail's code")
        must(rail.credits(native.ref) == 0, f"{reason} was credited all the same")
    return f"{len(reasons)} reasons"


async def duplicate_refuses_nothing(rail: SimulatedRail) -> str:
    """A duplicate refuses nothing: the copy that the rail knows may be our own, and paid.

    Look at codes.py: in answer to a send the duplicate reasons are UNKNOWN; in answer to an enquiry they
    refuse.
    """
    await asyncio.gather(*[_is_doubted(rail, reason) for reason in sorted(DUPLICATES)])
    return f"{len(DUPLICATES)} reasons"


async def same_bytes_once(rail: SimulatedRail) -> str:
    """The same bytes sent five times at once are credited once.

    Look at submit(): it sends the stored bytes under the same ids, and reads "known already" as what became
    of the order.
    """
    native = rail.adapter.translate(sample_order(rail.country))
    receipts = await asyncio.gather(*[reserve_and_submit(rail.adapter, native) for _ in range(5)])
    must(all(receipt.acceptance is Acceptance.ACCEPTED for receipt in receipts), "a copy was not taken")
    await rail.wait_for_answers(native.ref, timeout_s=1)
    must(rail.credits(native.ref) == 1, f"credited {rail.credits(native.ref)} times")
    return ""


async def other_content_changes_nothing(rail: SimulatedRail) -> str:
    """Another order under a known id changes nothing and is not read as refused.

    Look at submit() and the simulator: the rail compares the content, and its complaint refuses nothing.
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
        receipt.acceptance is Acceptance.UNKNOWN, f"the other order is {receipt.acceptance} {receipt.detail}"
    )
    amounts = [
        entry.amount_minor for entry in _entries(rail, native.ref) if entry.outcome is EntryStatus.DONE
    ]
    must(amounts == [first.amount.minor], f"booked as {amounts}")
    return ""


async def keeps_no_state(rail: SimulatedRail) -> str:
    """An adapter made anew knows as much as the first: it makes the same bytes, enquires and reads callbacks.

    Look at the client's fields: keys, ids and connections only; what an order needs stands in Native.
    """
    other = with_long_timeouts(rail)
    try:
        order = sample_order(rail.country, "DUPCB")
        native = rail.adapter.translate(order)
        must(other.translate(order) == native, "it translates differently")
        await reserve_and_submit(rail.adapter, native)
        heard = await rail.wait_for_answers(native.ref)
        raw = next(raw for raw in reversed(rail.raw) if _reads(rail, raw) == heard[-1:])
        must(list(other.decode(raw)) == heard[-1:], "it reads a callback differently")
        enquired = await other.enquire(native)
    finally:
        await other.close()
    must(enquired.outcome is Outcome.DONE, f"its enquiry says {enquired.outcome}")
    return ""


async def silence_is_unknown(rail: SimulatedRail) -> str:
    """Silence, garbage and a cut connection are never read as an outcome; an enquiry tells it.

    Look at submit(): REFUSED only when certainly nothing left us or the rail said so; else UNKNOWN.
    """
    words = (Magic.SILENT, Magic.GARBAGE, Magic.CUT, Magic.BADSIG, Magic.HTTP502, Magic.WRONGREF)
    await asyncio.gather(*[_is_unknown(rail, word) for word in words])
    return f"{len(words)} kinds"


async def lost_is_not_found(rail: SimulatedRail) -> str:
    """An order that the rail never had is not found, and not refused.

    Look at enquire(): NOT_FOUND is the rail's signed word that it has no such order.
    """
    native, _ = await _submit_hastily(rail, sample_order(rail.country, Magic.LOST))
    answer = await rail.adapter.enquire(native)
    must(answer.outcome is Outcome.NOT_FOUND, f"an enquiry says {answer.outcome}")
    return ""


async def found_later(rail: SimulatedRail) -> str:
    """An order that a first enquiry did not find may be found by the next.

    Look at enquire(): it remembers nothing, and says each time what the rail says.
    """
    native, _ = await _submit_hastily(rail, sample_order(rail.country, Magic.UNKFND))
    await _is_booked(rail, native)
    said = [(await rail.adapter.enquire(native)).outcome for _ in range(2)]
    must(said == [Outcome.NOT_FOUND, Outcome.DONE], f"enquiries say {said}")
    return ""


async def late_words_are_heard(rail: SimulatedRail) -> str:
    """Late, second, early and pending words all arrive, and the order is credited once.

    Look at decode(): a callback is read on its own, whatever came before it in the exchange.
    """
    words = (Magic.LATE, Magic.DUPCB, Magic.OOO, Magic.PENDING)
    await asyncio.gather(*[_is_heard(rail, word) for word in words])
    return f"{len(words)} kinds"


async def contradictions_are_told(rail: SimulatedRail) -> str:
    """What the rail says is passed on as said: another amount, or "refused" now and "done" later.

    Look at decode() and enquire(): the switch compares amounts and opens a case; an adapter corrects nothing.
    """
    order = sample_order(rail.country, Magic.WRONGAMT)
    _, answer = await _pay(rail, order)
    told = answer.amount is not None and answer.amount != order.amount
    must(answer.outcome is Outcome.DONE and told, "another amount was not told")
    async with with_short_timeouts(rail) as adapter:
        native = adapter.translate(sample_order(rail.country, Magic.FLIP))
        await reserve_and_submit(adapter, native)
        await _is_booked(rail, native)
        before = await rail.adapter.enquire(native)
        must(before.outcome is Outcome.REFUSED, f"the enquiry says {before.outcome}")
        after = await rail.wait_for_answers(native.ref, timeout_s=LONGEST_WAIT_S)
    must([answer.outcome for answer in after] == [Outcome.DONE], "the later word was not heard")
    return ""


async def expired_is_not_credited(rail: SimulatedRail) -> str:
    """An order that arrives after its expiry is refused, and stays refused.

    Look at how the expiry is said on the wire, and at the simulator's reading of it.
    """
    native = rail.adapter.translate(sample_order(rail.country, expires_in=0.001))
    await asyncio.sleep(0.01)
    answer = await _ended(rail, native, await reserve_and_submit(rail.adapter, native))
    must(
        (answer.outcome, answer.reason) == (Outcome.REFUSED, "AB03"),
        f"ended as {answer.outcome} {answer.reason}",
    )
    must(rail.credits(native.ref) == 0, "credited all the same")
    if isinstance(rail.adapter, ReservingAdapter):
        await _hold_expires(rail, rail.adapter)
    return ""


async def _hold_expires(rail: SimulatedRail, adapter: ReservingAdapter) -> None:
    """What was held in time and is completed late is not credited."""
    native = rail.adapter.translate(sample_order(rail.country, expires_in=_HELD_S))
    held = await adapter.reserve(native)
    must(held.acceptance is Acceptance.ACCEPTED, f"the hold is {held.acceptance}")
    await asyncio.sleep(_HELD_S)
    await rail.adapter.submit(native)
    must(rail.credits(native.ref) == 0, "a hold was completed after the expiry")


async def undoes(rail: SimulatedRail) -> str:
    """Undoing is an order of its own, and takes the credit back once; without a credit it takes nothing.

    Look at undo(): its answer has an id of its own, and a rail without undo says REFUSED.
    """
    native, _ = await _pay(rail, sample_order(rail.country))
    receipts = [await rail.adapter.undo(native, "CUST") for _ in range(2)]
    never = rail.adapter.translate(sample_order(rail.country))
    nothing = await rail.adapter.undo(never, "CUST")
    must(nothing.answer is None or nothing.answer.outcome is not Outcome.DONE, "undid what never was")
    must(not _entries(rail, never.ref), "an undo was booked as an order")
    taken_back = [entry for entry in _entries(rail, native.ref) if entry.outcome is EntryStatus.REVERSED]
    if rail.adapter.profile.undo is Undo.NONE:
        must({receipt.acceptance for receipt in receipts} == {Acceptance.REFUSED}, "it says that it undoes")
        must(not taken_back, "taken back all the same")
        return "the rail has none, and says so"
    for receipt in receipts:
        must(receipt.acceptance is Acceptance.ACCEPTED, f"the undo is {receipt.acceptance}")
        must(receipt.answer is None or receipt.answer.ref != native.ref, "it answers in the payment's name")
    must(len(taken_back) == 1, f"taken back {len(taken_back)} times")
    return ""


async def holds_move_nothing(rail: SimulatedRail) -> str:
    """A hold moves nothing and is one however often it is asked for; completed it credits once, undone never.

    Look at profile.reservation, reserve() and submit(): what was not held must not be credited.
    """
    adapter = rail.adapter
    says = adapter.profile.reservation is not Reservation.NONE
    must(
        isinstance(adapter, ReservingAdapter) is says, f"profile.reservation is {adapter.profile.reservation}"
    )
    if not isinstance(adapter, ReservingAdapter):
        return "the rail has none, and says so"
    held, undone, never = [adapter.translate(sample_order(rail.country)) for _ in range(3)]
    for native in (held, held, undone):
        receipt = await adapter.reserve(native)
        must(
            (receipt.acceptance, receipt.answer) == (Acceptance.ACCEPTED, None),
            f"the hold is {receipt.acceptance}",
        )
    enquired = await adapter.enquire(held)
    must(enquired.outcome not in {Outcome.DONE, Outcome.REFUSED}, f"an enquiry says {enquired.outcome}")
    must(not _entries(rail, held.ref), "a hold is booked as a credit")
    answer = await _ended(rail, held, await adapter.submit(held))
    must(answer.outcome is Outcome.DONE, f"completed it ended as {answer.outcome}")
    await reserve_and_submit(adapter, held)
    must(rail.credits(held.ref) == 1, f"credited {rail.credits(held.ref)} times")
    freed = adapter.profile.undo is not Undo.NONE
    must(
        not freed or (await adapter.undo(undone, "CUST")).acceptance is Acceptance.ACCEPTED,
        "a hold cannot be undone",
    )
    for native in (undone, never) if freed else (never,):
        receipt = await adapter.submit(native)
        must(receipt.answer is None or receipt.answer.outcome is not Outcome.DONE, "done without a hold")
        must(rail.credits(native.ref) == 0, "credited without a hold")
    return str(adapter.profile.reservation)


async def aliases_are_resolved(rail: SimulatedRail) -> str:
    """Accounts and aliases are resolved to account, agent and name; an unknown one to nobody.

    Look at resolve() and at sandbox.ALIASES (alias -> account) and NOBODY; a name may be masked by the rail.
    """
    place = registry.module(rail.country, "sandbox")
    for alias, account in place.ALIASES.items():
        payee = await rail.adapter.resolve(alias)
        must(payee is not None, "an alias of the sandbox belongs to nobody")
        assert payee is not None
        must(payee.account == account, "an alias belongs to another account")
        must(bool(payee.agent and payee.name), "a payee without agent or name")
    must(await rail.adapter.resolve(place.NOBODY) is None, "nobody's alias belongs to somebody")
    return f"{len(place.ALIASES)} aliases, {', '.join(rail.adapter.profile.aliases) or 'none at this rail'}"


async def cycle_is_read(rail: SimulatedRail) -> str:
    """The end-of-cycle file tells what was done and refused, with amounts and reasons, and nothing else.

    Look at reconcile(): the file is checked as a whole (count, sum, signature) before a line is yielded.
    """
    order = sample_order(rail.country)
    done, _ = await _pay(rail, order)
    refused, _ = await _pay(rail, sample_order(rail.country, "AC04"))
    lost, _ = await _submit_hastily(rail, sample_order(rail.country, Magic.LOST))
    found = await _cycle(rail)
    must(_told(found, done) == (Outcome.DONE, None, order.amount), "what was done is told otherwise")
    must(_told(found, refused) == (Outcome.REFUSED, "AC04", None), "what was refused is told otherwise")
    must(lost.ref not in found, "a lost order is in it")
    for cycle in ("", "yesterday", "2026-02-30", "../book"):
        try:
            strange = [answer async for answer in rail.adapter.reconcile(cycle)]
        except (Unavailable, ValueError):
            continue
        must(not strange, f"cycle {cycle!r} has orders")
    return f"{len(found)} orders"


REQUIREMENTS: Final[tuple[Requirement, ...]] = (
    contradictions_are_told,
    late_words_are_heard,
    silence_is_unknown,
    duplicate_refuses_nothing,
    succeeds,
    arrives_whole,
    longest_texts_are_carried,
    any_text_ends,
    same_bytes_once,
    other_content_changes_nothing,
    keeps_no_state,
    lost_is_not_found,
    found_later,
    expired_is_not_credited,
    undoes,
    holds_move_nothing,
    aliases_are_resolved,
    cycle_is_read,
)
"""The slowest first, so that they wait while others work."""


async def _is_doubted(rail: SimulatedRail, reason: str) -> None:
    native, receipt = await _submit(rail, sample_order(rail.country, reason))
    heard = (
        await rail.wait_for_answers(native.ref, timeout_s=0.5) if receipt.answer is None else [receipt.answer]
    )
    must(receipt.acceptance is not Acceptance.REFUSED, f"{reason} was read as not taken: {receipt.detail}")
    must(all(answer.outcome is Outcome.UNKNOWN for answer in heard), f"{reason} was read as an outcome")
    enquired = await rail.adapter.enquire(native)
    must(enquired.outcome is Outcome.REFUSED, f"after {reason} an enquiry says {enquired.outcome}")


async def _is_unknown(rail: SimulatedRail, word: Magic) -> None:
    native, receipt = await _submit_hastily(rail, sample_order(rail.country, word))
    must(receipt.answer is None, f"{word} was read as {receipt.answer and receipt.answer.outcome}")
    must(receipt.acceptance is not Acceptance.REFUSED, f"{word} was read as not taken: {receipt.detail}")
    heard = await rail.wait_for_answers(native.ref, timeout_s=0.3)
    must(not heard, f"{word} was heard as an outcome")
    await _is_booked(rail, native)
    answer = await rail.adapter.enquire(native)
    must(answer.outcome is Outcome.DONE, f"after {word} an enquiry says {answer.outcome}")


async def _is_heard(rail: SimulatedRail, word: Magic) -> None:
    async with with_short_timeouts(rail) if word is Magic.LATE else nullcontext(rail.adapter) as adapter:
        native = adapter.translate(sample_order(rail.country, word))
        receipt = await reserve_and_submit(adapter, native)
        await _is_booked(rail, native)
        said = await _until_done(rail, native, receipt, 1 + (word is Magic.DUPCB))
    first = said[0]
    must(word is not Magic.PENDING or first.outcome is Outcome.PENDING, f"{word} began as {first.outcome}")
    must(rail.credits(native.ref) == 1, f"{word} was credited {rail.credits(native.ref)} times")


async def _until_done(rail: SimulatedRail, native: Native, receipt: Receipt, times: int) -> list[Answer]:
    """Everything that was heard, in the exchange and after it, until `done` came as often as it must."""
    in_exchange = [receipt.answer] if receipt.answer else []
    said = in_exchange
    while sum(answer.outcome is Outcome.DONE for answer in said) < times:
        later = await rail.wait_for_answers(
            native.ref, len(said) - len(in_exchange) + 1, timeout_s=LONGEST_WAIT_S
        )
        heard = in_exchange + later
        must(len(heard) > len(said), f"{len(said)} words were heard, and not what the rail says at last")
        said = heard
    return said


async def _is_booked(rail: SimulatedRail, native: Native) -> None:
    """Wait until what was sent is in the rail's book: a time-out of ours may have come between two steps."""
    wait_s = SHORT_TIMEOUT_S
    async with asyncio.timeout(LONGEST_WAIT_S):
        while not _entries(rail, native.ref):
            await asyncio.sleep(_SETTLING_S)
            if not _entries(rail, native.ref):
                async with with_short_timeouts(rail, wait_s) as adapter:
                    await reserve_and_submit(adapter, native)
                wait_s *= 2


async def _cycle(rail: SimulatedRail) -> dict[str, Answer]:
    """Today's file, and yesterday's where the rail's midnight has just passed."""
    hours, now = rail.adapter.profile.hours, datetime.now(UTC)
    days = sorted({hours.day(now - timedelta(minutes=1)), hours.day(now)})
    return {answer.ref: answer for day in days async for answer in rail.adapter.reconcile(day)}


def _told(found: dict[str, Answer], native: Native) -> tuple[Outcome, str | None, Money | None] | None:
    answer = found.get(native.ref)
    return (answer.outcome, answer.reason, answer.amount) if answer else None


def _reads(rail: SimulatedRail, raw: bytes) -> list[Answer]:
    """A callback that was heard; one that was refused then is refused now."""
    try:
        return list(rail.adapter.decode(raw))
    except Exception:  # noqa: BLE001 - only a search for the one that can be read
        return []


def _entries(rail: SimulatedRail, ref: str) -> list[BookEntry]:
    return [entry for entry in rail.entries() if entry.rail_ref == ref]


async def _submit(rail: SimulatedRail, order: Order) -> tuple[Native, Receipt]:
    native = rail.adapter.translate(order)
    return native, await reserve_and_submit(rail.adapter, native)


async def _submit_hastily(rail: SimulatedRail, order: Order) -> tuple[Native, Receipt]:
    """Where no answer will come."""
    async with with_short_timeouts(rail) as adapter:
        native = adapter.translate(order)
        return native, await reserve_and_submit(adapter, native)


async def _pay(rail: SimulatedRail, order: Order) -> tuple[Native, Answer]:
    """Submit and wait for the outcome, wherever the rail says it."""
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
