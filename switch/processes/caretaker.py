"""The caretaker process: continues payments that are due, and publishes metrics of the database.

Recovery is not a special case: what a crash interrupted is an open payment whose `due_at` passes, like any
other. For a payment that left the switch, a limited number of enquiries is sent; it is never closed by time.
One that the rail does not find is sent again with the same bytes until it expires. The writer decides what
the responses to enquiries mean (`switch/writer/absence.py`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import asyncpg
import structlog
from msgspec.structs import replace

from adapters.port import Native, Outcome
from ledger.encoding import microseconds
from ledger.garbage import collect_in_short_steps
from ledger.roles import Login
from schemas.reasons import Reason
from switch.base import installation, lifeline, logs, metrics, personal_data, tracing
from switch.base.failpoints import failpoint
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.cases import opening
from switch.identity import nonces
from switch.operations import facts, housekeeping, retention, vitals
from switch.operations.housekeeping import Housekeeper
from switch.operations.invariants import Invariants
from switch.operations.monitoring import MonitorFeed
from switch.payments import rails
from switch.payments.dispatch import Dispatcher, Sending, enquiry_due, now_us, of_answer, scaled_us
from switch.payments.rail_returns import RailReturnBooking
from switch.payments.rails import Rail, Rails
from switch.payments.reconciliation import Reconciliation
from switch.processes import due_work, payment_requests, process
from switch.processes.held_payments import HeldPayments
from switch.processes.inbound import InboundOrders
from switch.processes.inbound_lookups import InboundLookUps
from switch.processes.investigations import Investigations
from switch.processes.order_refunds import OrderRefunds, PartRefunds
from switch.processes.payment_files import PaymentFiles
from switch.processes.recalls import Recalls
from switch.processes.reversals import ReversalDispatch
from switch.reports import tasks as report_tasks
from switch.statistics import making
from switch.writer.absence import Contact
from switch.writer.client import Link
from switch.writer.commands import Advance, Command, Enquired, RailResponse, Reply
from switch.writer.context import ServiceContext
from switch.writer.kinds import Kind
from switch.writer.lifecycle import Event, State
from switch.writer.verdicts import Verdict

_TICK_S: Final = 0.1
_FILES_EVERY_S: Final = 60.0
_AWAY_AFTER: Final = 2
"""Consecutive time-outs after which a rail counts as unreachable."""
_END_TASKS_S: Final = 5.0
AT_ONCE: Final = 32
"""Payments of one rail that are processed at the same time."""
LOCK: Final = 7_266_337_002
"""Advisory lock: one caretaker per database."""

_statement: Final = statements("switch.processes")
_DUE_NOW: Final = _statement("due_now")
_DUE: Final = _statement("due_payments")
_AGAIN: Final = _statement("enquiries_to_repeat")
_ASKED: Final = _statement("asked_payments")
_END_QUESTION: Final = _statement("end_question")
_SAID: Final[Mapping[Outcome, RailResponse]] = {
    Outcome.NOT_FOUND: "not_found",
    Outcome.PENDING: "pending",
    Outcome.UNKNOWN: "nothing",
}
"""Responses to an enquiry that do not close the payment. An unreadable response is no response."""

_log = structlog.get_logger()


class Caretaker:
    """Processes open payments."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, link: Link, known: Rails) -> None:
        self._settings = settings
        self._pool = pool
        self._rails = known
        self.keys = personal_data.load(settings.personal_data_keys)
        self._dispatcher = Dispatcher(link, settings.time_scale, settings.payment_expiry_s, self.keys)
        self._dispatcher.listen(known)
        self.rail_returns = RailReturnBooking(pool, self.keys, known, link)
        self.recalls = Recalls(pool, self.keys, known, settings.time_scale)
        self.investigations = Investigations(pool, self.keys)
        self.reversals = ReversalDispatch(pool, self.keys, known, link, settings.time_scale)
        self.held = HeldPayments(settings, pool, link, known, self._dispatcher)
        self.inbound = InboundOrders(pool, self.keys, known, self.held.intake)
        self.lookups = InboundLookUps(settings, pool, self.keys, known, self.held.directory, link)
        self.files = PaymentFiles(settings, pool, self.keys, self.held.intake)
        self.refunds = OrderRefunds(settings, pool, self.keys, known, self.held.intake)
        self.part_refunds = PartRefunds(settings, pool, self.keys, known, self.held.intake)
        self._reconciliation = Reconciliation(pool, self._dispatcher)
        self._under_way: dict[str, dict[int, asyncio.Task[None]]] = {country: {} for country in known}
        self._contact = Contact()
        self._again: dict[str, int] = {}
        """Rails that are reachable again: up to which payment of unknown outcome the enquiry was repeated."""
        self.approved = asyncio.Event()
        """Set while a change is approved and not executed."""
        self.confirmations = asyncio.Event()
        """Set while a confirmation of a settlement agent waits."""
        self.orders = {country: asyncio.Event() for country in self.inbound.known}
        """By rail: set while an order of it is due."""
        self.answers = {country: asyncio.Event() for country in self.inbound.known}
        """By rail: set while an answer to one of its orders is due."""
        self.refunds_due = asyncio.Event()
        """Set while a refund of an order of a rail may be due."""
        self.refunds_due.set()  # what a crash has left
        self.asked = {country: asyncio.Event() for country in self.inbound.known}
        """By rail: set while a look-up of it waits for a price."""
        for country, rail in known.items():
            rail.breaker.listener = partial(self._exchange_ended, country)

    def _exchange_ended(self, country: str, answered: bool) -> None:  # noqa: FBT001 - what a breaker's listener is given
        """Count the end of an exchange with a rail. One time-out may be of the order; two are of the rail."""
        if answered:
            if self._contact.answered(country):
                self._again[country] = 0
        elif self._away(self._rails[country]):
            self._contact.silent(country)

    @staticmethod
    def _away(rail: Rail) -> bool:
        return rail.breaker.silent >= _AWAY_AFTER

    async def tick(self) -> int:
        """Start what is due and get the number. Each rail has its own quota, so one cannot starve another."""
        due = await self._pool.fetchrow(_DUE_NOW, list(self._rails))
        one_each = ("approved", self.approved), ("confirmations", self.confirmations)
        for name, event in (*one_each, ("refunds", self.refunds_due)):
            if due[name]:
                event.set()
        kinds = ("orders", self.orders), ("answers", self.answers), ("lookups", self.asked)
        for countries, events in ((due[name], events) for name, events in kinds):
            for country in events.keys() & set(countries):
                events[country].set()
        self._detect_lost_contact(due["now"])
        started = 0
        for country in {*due["rails"], *self._again}:  # one statement, not one per rail, where nothing is due
            mine = self._under_way[country]
            free = AT_ONCE - len(mine)
            if free > 0:
                started += await self._start(self._rails[country], mine, free)
        return started

    def _detect_lost_contact(self, at: datetime) -> None:
        """Detect whether contact was lost since the last reading of the database clock."""
        self._contact.turned(microseconds(at), time.monotonic_ns() // 1000)

    async def ask_for_people(self) -> None:
        """Start the enquiries that people ask for in cases; one that a crash interrupts is made again."""
        busy = [number for mine in self._under_way.values() for number in mine]
        for row in await self._pool.fetch(_ASKED, list(self._rails), busy):
            if row["state"] != State.UNKNOWN:
                await self._pool.execute(_END_QUESTION, row["act"], "ended")
                continue
            mine = self._under_way[row["rail"]]
            task = asyncio.create_task(self._ask(self._rails[row["rail"]], row))
            mine[row["number"]] = task
            task.add_done_callback(partial(_finished, mine, row["number"]))

    async def _ask(self, rail: Rail, row: asyncpg.Record) -> None:
        outcome = await self._outcome_unknown(rail, row)
        await self._pool.execute(_END_QUESTION, row["act"], outcome.value)

    async def refund(self) -> None:
        """Continue the refunds of orders of rails, whole and of parts."""
        await asyncio.gather(self.refunds.look(), self.part_refunds.look())

    async def reconcile(self) -> None:
        """Read the end-of-cycle files that are due."""
        for rail in self._rails.values():
            await self._reconciliation.catch_up(rail)

    async def _start(self, rail: Rail, mine: dict[int, asyncio.Task[None]], free: int) -> int:
        country = rail.adapter.profile.country
        if self._away(rail):  # one enquiry at a time tests whether it is reachable
            rows = await self._pool.fetch(_DUE, country, list(mine), free, [False])
            if not mine:
                rows += await self._pool.fetch(_DUE, country, [], 1, [True])
        else:
            rows = await self._pool.fetch(_DUE, country, list(mine), free, [False, True])
            if country in self._again and free > len(rows):
                rows += await self._repeat_enquiries(
                    rail, [*mine, *(row["number"] for row in rows)], free - len(rows)
                )
        if rows:  # a stop during a round is detected before later results count
            self._detect_lost_contact(rows[-1]["now"])
        for row in rows:
            task = asyncio.create_task(self._process(rail, row))
            mine[row["number"]] = task
            task.add_done_callback(partial(_finished, mine, row["number"]))
        return len(rows)

    async def _repeat_enquiries(self, rail: Rail, busy: list[int], free: int) -> list[asyncpg.Record]:
        """Payments of unknown outcome for which to repeat the enquiry at a reachable rail, once each."""
        timing, country = rail.adapter.profile.timing, rail.adapter.profile.country
        rows: list[asyncpg.Record] = await self._pool.fetch(
            _AGAIN, country, busy, free, self._again[country], timing.enquiries_max, timing.enquiries_ruled
        )
        if rows:
            self._again[country] = rows[-1]["number"]
        else:
            del self._again[country]
        return rows

    async def _process(self, rail: Rail, row: asyncpg.Record) -> None:
        steps: dict[State, Callable[[Rail, asyncpg.Record], Awaitable[object]]] = {
            State.RESERVED: self._held,
            State.SENT: self._timed_out,
            State.UNKNOWN: self._outcome_unknown,
        }
        await steps[State(row["state"])](rail, row)

    async def _held(self, rail: Rail, row: asyncpg.Record) -> None:
        """Send the payment if its rail is open, close it if it has expired, otherwise wait."""
        uetr = row["uetr"].bytes
        if row["now"] >= row["expires_at"]:
            await self._dispatcher.record_step(Advance(uetr, Event.EXPIRE, reason=Reason.CUT_OFF_TIME))
        elif row["rail_open"]:
            await self._send(rail, row)

    async def _send(self, rail: Rail, row: asyncpg.Record) -> None:
        """Record the intent, then send: always in this order."""
        native = self._native(row)
        uetr = row["uetr"].bytes
        due = now_us() + scaled_us(rail.adapter.profile.timing.answer_s, self._settings.time_scale)
        reply = await self._dispatcher.record_step(Advance(uetr, Event.SEND, due_at=due))
        if reply is not None and reply.verdict is Verdict.ADVANCED:
            await self._dispatcher.send(rail, uetr, native, microseconds(row["expires_at"]))

    def _native(self, row: asyncpg.Record) -> Native:
        """Decrypt the native message that was made when the payment was accepted."""
        body = self.keys.open(row["uetr"], personal_data.SENT, row["sealed_key"], row["native_body"])
        return Native(row["native_ref"], body)

    async def _timed_out(self, rail: Rail, row: asyncpg.Record) -> None:
        """Handle a time-out: the outcome is unknown from now on, and enquiries begin."""
        due = enquiry_due(
            rail.adapter.profile.timing, self._settings.time_scale, microseconds(row["entered_at"])
        )
        await self._dispatcher.record_step(
            Advance(
                row["uetr"].bytes,
                Event.DOUBT,
                reason=Reason.TIMEOUT_CREDITOR_AGENT,
                detail="silence",
                due_at=due,
            )
        )

    async def _outcome_unknown(self, rail: Rail, row: asyncpg.Record) -> Outcome:
        """Send an enquiry to the rail, a limited number of times; return what it answered."""
        failpoint("before_enquiry")
        country = rail.adapter.profile.country
        started = now_us()
        answer = await rail.enquire(self._native(row))
        metrics.rail_request(country, "enquire", answer.outcome, (now_us() - started) / 1e6)
        rail.breaker.count_exchange(answered=answer.outcome is not Outcome.UNKNOWN)
        failpoint("after_enquiry")
        said = _SAID.get(answer.outcome)
        if said is None:
            step = replace(of_answer(answer, Sending(row["uetr"].bytes, row["rail"])), detail="when asked")
            if (await self._report(step)).verdict is not Verdict.NOTED:
                return answer.outcome
            said = "another_amount"  # a positive response that confirms nothing
        enquired = Enquired(
            row["uetr"].bytes,
            said,
            asked_at=microseconds(row["now"]),
            whole_since=self._contact.whole_since(country),
            rail_code=answer.rail_code or "",
        )
        reply = await self._report(enquired)
        again = said == "not_found" and rail.adapter.profile.dedupes and row["enquiries"] > 0
        if again and reply.verdict is Verdict.NOTED and self._may_send(row):
            await self._send(rail, row)
        return answer.outcome

    async def _report(self, step: Command) -> Reply:
        """Pass a rail's response to the writer, with retries: a lost response would need a new enquiry."""
        while (reply := await self._dispatcher.record_step(step)) is None:
            pass
        return reply

    @staticmethod
    def _may_send(row: asyncpg.Record) -> bool:
        """Whether an order unknown to the rail may be sent again; the writer checks again."""
        return bool(row["now"] < row["expires_at"] and not row["pending"])


def _finished(mine: dict[int, asyncio.Task[None]], number: int, task: asyncio.Task[None]) -> None:
    del mine[number]
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("caretaking_failed", error=type(error).__name__, detail=logs.where(error))


async def _every(
    seconds: float, work: Callable[[], Awaitable[object]], *, after_failure_s: float | None = None
) -> None:
    """Run `work` periodically; wait while the database or the writer is unavailable."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the outermost loop: it must turn whatever happens
            _log.warning("tried_again", error=type(error).__name__, detail=logs.where(error))
            await asyncio.sleep(seconds if after_failure_s is None else after_failure_s)
        await asyncio.sleep(seconds)


async def _when(event: asyncio.Event, work: Callable[[], Awaitable[object]], *, pause_s: float = 0) -> None:
    """Run `work` each time that `event` is set; pause after it, and after a failure, as `_every` does."""

    async def once() -> None:
        await event.wait()
        event.clear()
        await work()

    await _every(pause_s, once, after_failure_s=due_work.EVERY_S)


async def _until_closed(work: Callable[[], Awaitable[object]], close: Callable[[], Awaitable[None]]) -> None:
    """Repeat work that keeps connections open, and close them at the end."""
    try:
        await _every(due_work.EVERY_S, work)
    finally:
        await close()


async def run(settings: Settings) -> None:
    """Run until SIGTERM or the loss of the lock. A second caretaker waits here for the first to end."""
    stop_tracing = tracing.start(settings, "caretaker")
    ending = process.Ending()
    async with process.only_one(settings, Login.CARETAKER, LOCK, ending):
        pool = await installation.open_pool(settings, Login.CARETAKER, "caretaker")
        link = Link.of(settings, Kind.CARETAKER)
        await link.start()
        known = rails.connect(settings, pool)
        tasks = [asyncio.create_task(duty) for duty in _duties(settings, pool, link, known)]
        collect_in_short_steps()
        _log.info("caretaker_ready")
        await ending.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_END_TASKS_S)
        await asyncio.gather(*(rail.adapter.close() for rail in known.values()))
        await link.stop()
        await asyncio.to_thread(stop_tracing)
    ending.check()


def _duties(
    settings: Settings, pool: asyncpg.Pool, link: Link, known: Rails
) -> Iterator[Coroutine[Any, Any, None]]:
    """The periodic tasks of the caretaker. Its heartbeat is the search for due payments."""
    caretaker = Caretaker(settings, pool, link, known)
    keeper = Housekeeper(settings, pool)
    services = ServiceContext(
        pool,
        pool,
        link,
        settings.data,
        settings.sandbox,
        settings.bands,
        authority=settings.authority,
    )
    invariants = Invariants(pool, link, settings.invariants_events_max)

    async def tick() -> None:
        await caretaker.tick()
        lifeline.beat()

    yield vitals.watch("caretaker", pool)
    yield _every(_TICK_S, tick)
    yield _every(facts.EVERY_S, lambda: facts.state(pool))
    yield _every(facts.SLOWLY_EVERY_S, lambda: facts.state_slowly(pool, settings, known))
    yield _every(_FILES_EVERY_S, caretaker.reconcile)
    yield _every(due_work.EVERY_S, caretaker.ask_for_people)
    yield _every(due_work.EVERY_S, lambda: opening.look(pool, settings))
    yield _until_closed(caretaker.held.look, caretaker.held.close)
    yield _until_closed(caretaker.files.look, caretaker.files.close)
    yield _every(due_work.EVERY_S, lambda: payment_requests.look(pool, caretaker.keys))
    if settings.monitor_url:
        feed = MonitorFeed(pool, settings)
        yield _until_closed(feed.tick, feed.close)
    yield _every(due_work.EVERY_S, caretaker.rail_returns.look)
    yield _every(due_work.EVERY_S, caretaker.reversals.look)
    yield _every(due_work.EVERY_S, caretaker.recalls.look)
    yield _every(due_work.EVERY_S, caretaker.investigations.look)
    for country in caretaker.inbound.known:
        yield _when(caretaker.orders[country], partial(caretaker.inbound.look, country))
        yield _when(caretaker.answers[country], partial(caretaker.inbound.deliver, country))
        yield _when(caretaker.asked[country], partial(caretaker.lookups.look, country))
    yield _every(due_work.EVERY_S, caretaker.inbound.find_obligations)
    yield _when(caretaker.refunds_due, caretaker.refund, pause_s=due_work.EVERY_S)
    yield _every(housekeeping.PARTITIONS_EVERY_S, keeper.make_room)
    yield _every(settings.checkpoint_every_s, keeper.publish)
    yield _every(nonces.FORGET_EVERY_S, lambda: nonces.forget_old(pool))
    yield _every(retention.EVERY_S, lambda: retention.forget_old(pool, settings))
    yield _every(settings.invariants_every_s, invariants.check)
    yield _every(making.EVERY_S, lambda: making.catch_up(pool))
    yield _when(caretaker.approved, partial(due_work.execute_approved, services))
    yield _when(caretaker.confirmations, partial(due_work.process_confirmations, services))
    for duty in due_work.WORK:
        yield _every(due_work.EVERY_S, partial(duty, services))
    for seconds, work in report_tasks.tasks(settings, pool, link, known):
        yield _every(seconds, work)


def main() -> None:
    """Entry point of the process."""
    process.main("caretaker", run)


if __name__ == "__main__":
    main()
