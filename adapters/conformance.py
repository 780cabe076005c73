"""The conformance kit: whether an adapter and its simulated rail keep the port's promises.

`check("IN")` starts the country's simulated rail in a process of its own and returns a `Report` that a
country's engineer can act on. The same kit runs on a third party's adapter, found by its entry point.
"""

import asyncio
import copy
import dataclasses
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from adapters import registry
from adapters.port import Answer, Native, Order, Outcome, RailAdapter, Receipt, Taken
from adapters.profile import Confirmation, Undo
from adapters.reasons import DUPLICATES, ISO_REASONS
from adapters.simulation.book import Kept
from adapters.simulation.harness import Rail, running, sample_order
from adapters.simulation.magic import Magic
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.payment import Account, Party

SEED: Final = 20022
ORDERS: Final = 60
TRANSLATE_US: Final = 5000.0
"""Signature included, on a busy machine; the benchmark has the figure without it."""
TIME_SCALE: Final = 0.1
AT_ONCE: Final = 16
"""Payments that the kit has in flight."""
_NAMES: Final = ("Asha Rao", "Иван Петров", "王小明", "आशा राव", "محمد علی", "O'Brien & Söhne <1>", "a" * 140)


@dataclass(frozen=True, slots=True)
class Check:
    """One promise and whether it is kept."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(slots=True)
class Report:
    """What the kit found."""

    country: str
    rail: str
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every promise is kept."""
        return all(check.ok for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "ok": self.ok}

    def text(self) -> str:
        """For people."""
        lines = [f"{'ok  ' if check.ok else 'FAIL'}  {check.name}  {check.detail}" for check in self.checks]
        kept = sum(check.ok for check in self.checks)
        return "\n".join(
            [f"{self.country} {self.rail}", *lines, f"{kept} of {len(self.checks)} promises kept"]
        )


class Broken(Exception):
    """A promise that is not kept; the text says how."""


async def check(country: str, reasons: Collection[str] = ISO_REASONS) -> Report:
    """Run the kit; `reasons` are those that the rail is made to refuse with.

    Raises:
        NotFound: no adapter for this country.

    """
    profile = registry.profile(country)
    report = Report(country, profile.rail)
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        async with running(Path(directory), country, time_scale=TIME_SCALE) as rail:
            for pure in _PURE:
                await _run(report, pure, rail.adapter)
            await _run(report, _every_reason, (rail, sorted(frozenset(reasons) - DUPLICATES)))
            for live in _LIVE:
                await _run(report, live, rail)
    return report


async def _run(report: Report, promise: Callable[[Any], str | Awaitable[str]], subject: object) -> None:
    """Add one promise to the report: its docstring is its name."""
    name = (promise.__doc__ or promise.__name__).strip()
    try:
        found = promise(subject)
        detail = await found if isinstance(found, Awaitable) else found
        report.checks.append(Check(name, ok=True, detail=detail))
    except Broken as error:
        report.checks.append(Check(name, ok=False, detail=str(error)))
    except Exception as error:  # noqa: BLE001 - an adapter that raises has broken its promise; the report says so
        report.checks.append(Check(name, ok=False, detail=f"raised {type(error).__name__}"))


def _orders(adapter: RailAdapter) -> Iterator[Order]:
    """Orders that the rail can carry, with names in ten countries' scripts and amounts at the edges."""
    chance = random.Random(SEED)  # noqa: S311 - the same orders on every machine
    profile = adapter.profile
    low, high, step = profile.limits.minimum_minor, profile.limits.maximum_minor, profile.limits.step_minor
    for number in range(ORDERS):
        amount = chance.choice([low, high, chance.randrange(low, high, step)])
        uetr = str(UUID(int=chance.getrandbits(128), version=4))
        yield sample_order(
            profile.country,
            uetr=uetr,
            minor=amount,
            serial=number,
            debtor=Party(name=chance.choice(_NAMES), country="RU"),
            creditor=Party(name=chance.choice(_NAMES), country=profile.country),
            remittance=chance.choice([None, "x", *_NAMES]),
        )


def _carries_orders(adapter: RailAdapter) -> str:
    """Orders within the profile's limits are carried, whatever their names' script."""
    for order in _orders(adapter):
        violations = adapter.check(order)
        _must(not violations, f"refused with {[violation.reason for violation in violations]}")
    return f"{ORDERS} orders"


def _is_pure(adapter: RailAdapter) -> str:
    """The same order gives the same bytes."""
    for order in _orders(adapter):
        _must(adapter.translate(order) == adapter.translate(copy.deepcopy(order)), "two translations differ")
    return f"{ORDERS} orders"


def _ids_differ(adapter: RailAdapter) -> str:
    """Different payments have different ids at the rail."""
    natives = [adapter.translate(order) for order in _orders(adapter)]
    _must(len({native.ref for native in natives}) == ORDERS, "two orders have one id")
    return f"{ORDERS} ids"


def _refuses_what_it_cannot(adapter: RailAdapter) -> str:
    """What the rail cannot carry is refused before anything is sent."""
    good = sample_order(adapter.profile.country)
    limits = adapter.profile.limits
    other = "USD" if adapter.profile.currency != "USD" else "EUR"
    bad = {
        "another currency": dataclasses.replace(good, amount=Money(100, other)),
        "above the limit": dataclasses.replace(
            good, amount=Money(limits.maximum_minor + 1, good.amount.currency)
        ),
        "below the limit": dataclasses.replace(
            good, amount=Money(limits.minimum_minor - 1, good.amount.currency)
        ),
        "no account": _with(good, creditor_account=None),
        "a foreign account": _with(good, creditor_account=Account(iban="DE89370400440532013000")),
        "a wrong account": _with(good, creditor_account=Account(other="?" * 40)),
        "expired": dataclasses.replace(good, expires_at=good.made_at - timedelta(seconds=1)),
    }
    for name, order in bad.items():
        violations = adapter.check(order)
        _must(bool(violations), f"{name} is carried")
        unknown = {violation.reason for violation in violations} - ISO_REASONS
        _must(not unknown, f"{name} is refused with {unknown}, which ISO does not know")
    return f"{len(bad)} kinds"


def _reads_nothing_foreign(adapter: RailAdapter) -> str:
    """What the rail did not sign is never read as an answer."""
    body = adapter.translate(sample_order(adapter.profile.country)).body
    strange = [b"", b"<", b"{}", b"\x00\xff", b"<a/>", b"[" * 10_000, body, body[: len(body) // 2]]
    for raw in strange:
        try:
            adapter.decode(raw)
        except (InvalidMessage, NotAuthentic):
            continue
        raise Broken(f"{raw[:20]!r} was read as an answer")
    return f"{len(strange)} kinds"


def _is_fast(adapter: RailAdapter) -> str:
    """Translation, signature included, takes milliseconds at most."""
    orders = list(_orders(adapter))
    started = time.process_time()
    for order in orders:
        adapter.translate(order)
    each = (time.process_time() - started) / len(orders) * 1e6
    _must(each < TRANSLATE_US, f"{each:.0f} us")
    return f"{each:.0f} us each, signature included"


async def _succeeds(rail: Rail) -> str:
    """An ordinary payment is done once, with its amount, and an enquiry agrees."""
    native, answer = await _pay(rail, "")
    _must(answer.outcome is Outcome.DONE, f"ended as {answer.outcome}")
    _must(answer.amount == Money(150000, rail.adapter.profile.currency), "another amount")
    _must(rail.credits(native.ref) == 1, "not credited once")
    enquired = await rail.adapter.enquire(native)
    _must(enquired.outcome is Outcome.DONE, f"an enquiry says {enquired.outcome}")
    return ""


async def _same_bytes_once(rail: Rail) -> str:
    """The same bytes sent five times at once are credited once."""
    native = rail.adapter.translate(sample_order(rail.country))
    receipts = await asyncio.gather(*[rail.adapter.submit(native) for _ in range(5)])
    _must(all(receipt.taken is Taken.TAKEN for receipt in receipts), "a copy was not taken")
    await rail.said(native.ref, timeout_s=1)
    _must(rail.credits(native.ref) == 1, f"credited {rail.credits(native.ref)} times")
    return ""


async def _every_reason(subject: tuple[Rail, list[str]]) -> str:
    """Every ISO reason that the rail refuses with arrives as it was said."""
    rail, reasons = subject
    paid = [
        answer
        for start in range(0, len(reasons), AT_ONCE)
        for answer in await asyncio.gather(
            *[_pay(rail, reason) for reason in reasons[start : start + AT_ONCE]]
        )
    ]
    for reason, (_, answer) in zip(reasons, paid, strict=True):
        _must(answer.outcome is Outcome.REFUSED, f"{reason} ended as {answer.outcome}")
        _must(answer.reason == reason, f"{reason} arrived as {answer.reason}")
        _must(bool(answer.rail_code), f"{reason} arrived without the rail's code")
    return f"{len(reasons)} reasons"


async def _silence_is_unknown(rail: Rail) -> str:
    """Silence, garbage and a cut connection are never read as an outcome; an enquiry tells it."""
    for word in (Magic.SILENT, Magic.GARBAGE, Magic.CUT, Magic.BADSIG, Magic.HTTP502, Magic.WRONGREF):
        native, receipt = await _submit(rail, word)
        _must(receipt.answer is None, f"{word} was read as {receipt.answer and receipt.answer.outcome}")
        _must(receipt.taken is not Taken.REFUSED, f"{word} was read as not taken")
        heard = await rail.said(native.ref, timeout_s=0.3)
        _must(not heard, f"{word} was heard as an outcome")
        answer = await rail.adapter.enquire(native)
        _must(answer.outcome is Outcome.DONE, f"after {word} an enquiry says {answer.outcome}")
    return "6 kinds"


async def _lost_is_not_found(rail: Rail) -> str:
    """An order that the rail never had is not found, and not refused."""
    native, _ = await _submit(rail, Magic.LOST)
    answer = await rail.adapter.enquire(native)
    _must(answer.outcome is Outcome.NOT_FOUND, f"an enquiry says {answer.outcome}")
    return ""


async def _dead_rail_refuses_sends_only(rail: Rail) -> str:
    """A rail that cannot be reached: a send certainly did not leave, an enquiry learnt nothing."""
    native = rail.adapter.translate(sample_order(rail.country))
    await rail.kill()
    await rail.adapter.close()
    receipt = await rail.adapter.submit(native)
    answer = await rail.adapter.enquire(native)
    alive = await rail.adapter.probe()
    await rail.start()
    _must(receipt.taken is Taken.REFUSED, f"the send is {receipt.taken}")
    _must(answer.outcome is Outcome.UNKNOWN, f"the enquiry says {answer.outcome}")
    _must(not alive, "the probe says that it is there")
    return ""


async def _book_survives(rail: Rail) -> str:
    """A rail that was killed knows its orders again."""
    native, _ = await _submit(rail, Magic.SILENT)
    await rail.kill()
    await rail.start()
    answer = await rail.adapter.enquire(native)
    _must(answer.outcome is Outcome.DONE, f"an enquiry says {answer.outcome}")
    return ""


async def _undoes(rail: Rail) -> str:
    """Undoing is an order of its own, and takes the credit back once."""
    native, _ = await _pay(rail, "")
    if rail.adapter.profile.undo is Undo.NONE:
        receipt = await rail.adapter.undo(native, "CUST")
        _must(receipt.taken is Taken.REFUSED, f"the undo is {receipt.taken}")
        return "the rail has none, and says so"
    for _ in range(2):
        receipt = await rail.adapter.undo(native, "CUST")
        _must(receipt.taken is Taken.TAKEN, f"the undo is {receipt.taken}")
        _must(receipt.answer is None or receipt.answer.ref != native.ref, "it answers in the payment's name")
    reversed_ = [entry for entry in rail.entries() if entry.outcome is Kept.REVERSED]
    _must(len(reversed_) == 1, f"taken back {len(reversed_)} times")
    return ""


_PURE: Final = (
    _carries_orders,
    _is_pure,
    _ids_differ,
    _refuses_what_it_cannot,
    _reads_nothing_foreign,
    _is_fast,
)
_LIVE: Final = (
    _succeeds,
    _same_bytes_once,
    _silence_is_unknown,
    _lost_is_not_found,
    _dead_rail_refuses_sends_only,
    _book_survives,
    _undoes,
)


async def _submit(rail: Rail, word: str) -> tuple[Native, Receipt]:
    native = rail.adapter.translate(sample_order(rail.country, word))
    return native, await rail.adapter.submit(native)


async def _pay(rail: Rail, word: str) -> tuple[Native, Answer]:
    """Submit and wait for the outcome, wherever the rail says it."""
    native, receipt = await _submit(rail, word)
    if receipt.answer is not None:
        return native, receipt.answer
    callback = rail.adapter.profile.confirmation is not Confirmation.SYNC
    answers = await rail.said(native.ref) if callback else []
    return native, answers[0] if answers else Answer(native.ref, Outcome.UNKNOWN)


def _with(order: Order, **changes: object) -> Order:
    return dataclasses.replace(order, payment=order.payment.model_copy(update=changes))


def _must(kept: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not kept:
        raise Broken(otherwise)
