"""The caretaker process: looks again at payments that are due, and states the facts of the database.

Recovery is not a special case: whatever a crash interrupted is an open payment whose `due_at` passes, like
any other. A payment that left us is enquired about within bounds, never given up by time; one that the
rail does not find is sent again with the same bytes until it expires. What the answers to enquiries come to
is the writer's to decide, by `switch/writer/absence.py`.
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

from adapters.port import Answer, Native, Outcome
from ledger.encoding import microseconds
from schemas.reasons import Reason
from switch.base import lifeline, logs, metrics, personal_data, tracing
from switch.base.database import connect_pool
from switch.base.failpoints import failpoint
from switch.base.settings import Settings
from switch.identity import nonces
from switch.operations import facts, housekeeping, retention, vitals
from switch.operations.housekeeping import Housekeeper
from switch.operations.invariants import Invariants
from switch.payments import rails
from switch.payments.dispatch import Dispatcher, Sending, enquiry_due, now_us, of_answer, scaled_us
from switch.payments.rails import Rail, Rails
from switch.payments.reconciliation import Reconciliation
from switch.processes import due_work, process
from switch.reports import tasks as report_tasks
from switch.writer.absence import Contact
from switch.writer.client import Link
from switch.writer.commands import Advance, Command, Enquired, RailResponse, Reply
from switch.writer.desk import Desk
from switch.writer.lifecycle import Event, State
from switch.writer.verdicts import Verdict

_TICK_S: Final = 0.1
_FILES_EVERY_S: Final = 60.0
_AWAY_AFTER: Final = 2
"""Exchanges in a row that a rail did not answer: contact is broken."""
_END_TASKS_S: Final = 5.0
AT_ONCE: Final = 32
"""Payments of one rail that are looked after at the same time."""
LOCK: Final = 7_266_337_002
"""Advisory lock: one caretaker a database."""

_SELECT: Final = """
SELECT o.number, o.uetr, o.state, o.rail, o.entered_at, o.expires_at, o.enquiries, o.pending,
       p.native_ref, m.body AS native_body, k.sealed AS sealed_key, clock_timestamp() AS now,
       coalesce(r.open OR r.opens_at <= clock_timestamp(), false) AS rail_open
FROM switch.open_payment AS o
JOIN switch.payment AS p USING (number)
JOIN switch.message AS m ON m.number = o.number AND m.direction = 1
JOIN switch.message_key AS k ON k.number = o.number
LEFT JOIN switch.rail AS r ON r.country = o.rail -- a retired rail takes nothing more
{}"""
_DUE: Final = _SELECT.format(
    """
WHERE o.rail = $1 AND o.due_at <= clock_timestamp() AND NOT o.number = ANY($2::bigint[])
  AND (o.state <> 'RESERVED' OR o.expires_at <= clock_timestamp()
       OR r.open OR r.opens_at <= clock_timestamp()) -- what waits for its rail to open is not due
  AND (o.state = 'UNKNOWN') = ANY($4::boolean[])
ORDER BY o.due_at
LIMIT $3
"""
)
_AGAIN: Final = _SELECT.format(
    """
WHERE o.rail = $1 AND o.state = 'UNKNOWN' AND o.number > $4 AND NOT o.number = ANY($2::bigint[])
  AND (o.unanswered > 0 OR (o.due_at IS NULL AND (o.enquiries < $5 OR NOT $6)))
ORDER BY o.number
LIMIT $3
"""
)
"""What is asked about again as soon as its rail is back: what it did not answer, and what people have."""
_SAID: Final[Mapping[Outcome, RailResponse]] = {
    Outcome.NOT_FOUND: "not_found",
    Outcome.PENDING: "pending",
    Outcome.UNKNOWN: "nothing",
}
"""Answers to an enquiry that end nothing. What cannot be read is no answer."""

_log = structlog.get_logger()


class Caretaker:
    """Looks after open payments."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, link: Link, known: Rails) -> None:
        self._settings = settings
        self._pool = pool
        self._rails = known
        self._dispatcher = Dispatcher(link, settings.time_scale, settings.payment_expiry_s)
        self._dispatcher.listen(known)
        self._keys = personal_data.load(settings.personal_data_keys)
        self._reconciliation = Reconciliation(pool, self._dispatcher)
        self._under_way: dict[str, dict[int, asyncio.Task[None]]] = {country: {} for country in known}
        self._contact = Contact()
        self._again: dict[str, int] = {}
        """Rails that are back: up to which payment those in doubt have been asked about again."""
        for country, rail in known.items():
            rail.breaker.listener = partial(self._heard, country)

    def _heard(self, country: str, answered: bool) -> None:  # noqa: FBT001 - what a breaker's listener is given
        """An exchange with a rail ended. One without an answer may be that order's; two are the rail's."""
        if answered:
            if self._contact.answered(country):
                self._again[country] = 0
        elif self._away(self._rails[country]):
            self._contact.silent(country)

    @staticmethod
    def _away(rail: Rail) -> bool:
        return rail.breaker.silent >= _AWAY_AFTER

    async def tick(self) -> int:
        """Start on what is due; how many. Each rail has its own places, so one cannot starve another."""
        self._turned(await self._pool.fetchval("SELECT clock_timestamp()"))
        started = 0
        for country, rail in self._rails.items():
            mine = self._under_way[country]
            free = AT_ONCE - len(mine)
            if free > 0:
                started += await self._start(rail, mine, free)
        return started

    def _turned(self, at: datetime) -> None:
        """See whether contact was broken since the last look at the database's clock."""
        self._contact.turned(microseconds(at), time.monotonic_ns() // 1000)

    async def reconcile(self) -> None:
        """Read the end-of-cycle files that are due."""
        for rail in self._rails.values():
            await self._reconciliation.catch_up(rail)

    async def _start(self, rail: Rail, mine: dict[int, asyncio.Task[None]], free: int) -> int:
        country = rail.adapter.profile.country
        if self._away(rail):  # one enquiry at a time sees whether it is back
            rows = await self._pool.fetch(_DUE, country, list(mine), free, [False])
            if not mine:
                rows += await self._pool.fetch(_DUE, country, [], 1, [True])
        else:
            rows = await self._pool.fetch(_DUE, country, list(mine), free, [False, True])
            if country in self._again and free > len(rows):
                rows += await self._once_more(
                    rail, [*mine, *(row["number"] for row in rows)], free - len(rows)
                )
        if rows:  # a stop in the midst of a round is noticed before what came after it counts
            self._turned(rows[-1]["now"])
        for row in rows:
            task = asyncio.create_task(self._look_after(rail, row))
            mine[row["number"]] = task
            task.add_done_callback(partial(_finished, mine, row["number"]))
        return len(rows)

    async def _once_more(self, rail: Rail, busy: list[int], free: int) -> list[asyncpg.Record]:
        """Payments in doubt that a rail that is back is asked about again, each once, whenever due."""
        timing, country = rail.adapter.profile.timing, rail.adapter.profile.country
        rows: list[asyncpg.Record] = await self._pool.fetch(
            _AGAIN, country, busy, free, self._again[country], timing.enquiries_max, timing.enquiries_ruled
        )
        if rows:
            self._again[country] = rows[-1]["number"]
        else:
            del self._again[country]
        return rows

    async def _look_after(self, rail: Rail, row: asyncpg.Record) -> None:
        steps: dict[State, Callable[[Rail, asyncpg.Record], Awaitable[None]]] = {
            State.RESERVED: self._held,
            State.SENT: self._silent,
            State.UNKNOWN: self._doubtful,
        }
        await steps[State(row["state"])](rail, row)

    async def _held(self, rail: Rail, row: asyncpg.Record) -> None:
        """Send it if its rail is open, end it if its time is over, else wait."""
        uetr = row["uetr"].bytes
        if row["now"] >= row["expires_at"]:
            await self._dispatcher.tell(Advance(uetr, Event.EXPIRE, reason=Reason.CUT_OFF_TIME))
        elif row["rail_open"]:
            await self._send(rail, row)

    async def _send(self, rail: Rail, row: asyncpg.Record) -> None:
        """Record the intent, then touch the socket: in this order, always."""
        native = self._native(row)
        uetr = row["uetr"].bytes
        due = now_us() + scaled_us(rail.adapter.profile.timing.answer_s, self._settings.time_scale)
        reply = await self._dispatcher.tell(Advance(uetr, Event.SEND, due_at=due))
        if reply is not None and reply.verdict is Verdict.ADVANCED:
            await self._dispatcher.send(rail, uetr, native, microseconds(row["expires_at"]))

    def _native(self, row: asyncpg.Record) -> Native:
        """Open the bytes that were made when the payment was taken in."""
        body = self._keys.open(row["uetr"], personal_data.SENT, row["sealed_key"], row["native_body"])
        return Native(row["native_ref"], body)

    async def _silent(self, rail: Rail, row: asyncpg.Record) -> None:
        """No answer in time: from now on its fate is unknown, and asked for."""
        due = enquiry_due(
            rail.adapter.profile.timing, self._settings.time_scale, microseconds(row["entered_at"])
        )
        await self._dispatcher.tell(
            Advance(
                row["uetr"].bytes,
                Event.DOUBT,
                reason=Reason.TIMEOUT_CREDITOR_AGENT,
                detail="silence",
                due_at=due,
            )
        )

    async def _doubtful(self, rail: Rail, row: asyncpg.Record) -> None:
        """Ask the rail, a bounded number of times."""
        failpoint("before_enquiry")
        country = rail.adapter.profile.country
        started = now_us()
        answer = await _enquire(rail, self._native(row))
        metrics.rail_request(country, "enquire", answer.outcome, (now_us() - started) / 1e6)
        rail.breaker.heard(answered=answer.outcome is not Outcome.UNKNOWN)
        failpoint("after_enquiry")
        said = _SAID.get(answer.outcome)
        if said is None:
            step = replace(of_answer(answer, Sending(row["uetr"].bytes, row["rail"])), detail="when asked")
            if (await self._told(step)).verdict is not Verdict.NOTED:
                return
            said = "another_amount"  # a yes that confirms nothing
        enquired = Enquired(
            row["uetr"].bytes,
            said,
            asked_at=microseconds(row["now"]),
            whole_since=self._contact.whole_since(country),
            rail_code=answer.rail_code or "",
        )
        reply = await self._told(enquired)
        again = said == "not_found" and rail.adapter.profile.dedupes and row["enquiries"] > 0
        if again and reply.verdict is Verdict.NOTED and self._may_send(row):
            await self._send(rail, row)

    async def _told(self, step: Command) -> Reply:
        """Tell the writer what a rail answered, for as long as it takes: who forgets it would ask again."""
        while (reply := await self._dispatcher.tell(step)) is None:
            pass
        return reply

    @staticmethod
    def _may_send(row: asyncpg.Record) -> bool:
        """Whether an order that the rail does not know may go out again; the writer looks again."""
        return bool(row["now"] < row["expires_at"] and not row["pending"])


async def _enquire(rail: Rail, native: Native) -> Answer:
    """Ask; an adapter that breaks its promise never to raise has learned nothing."""
    try:
        return await rail.adapter.enquire(native)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like an answer
        _log.error("enquiry_failed", error=type(error).__name__, detail=logs.where(error))
        return Answer(native.ref, Outcome.UNKNOWN)


def _finished(mine: dict[int, asyncio.Task[None]], number: int, task: asyncio.Task[None]) -> None:
    del mine[number]
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("caretaking_failed", error=type(error).__name__, detail=logs.where(error))


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work` again and again; a database or writer that is away is waited for."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the outermost loop: it must turn whatever happens
            _log.warning("tried_again", error=type(error).__name__, detail=logs.where(error))
            await asyncio.sleep(seconds)
        await asyncio.sleep(seconds)


async def run(settings: Settings) -> None:
    """Run until SIGTERM, or until the lock is lost. A second caretaker waits here for the first to end."""
    stop_tracing = tracing.start(settings, "caretaker")
    ending = process.Ending()
    async with process.only_one(settings, LOCK, ending):
        pool = await connect_pool(settings)
        link = Link(settings.writer_socket)
        await link.start()
        known = rails.connect(settings, pool)
        tasks = [asyncio.create_task(duty) for duty in _duties(settings, pool, link, known)]
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
    """Everything that the caretaker does again and again. Its beat is that due payments were looked for."""
    caretaker = Caretaker(settings, pool, link, known)
    keeper = Housekeeper(settings, pool)
    desk = Desk(pool, link, settings.data, settings.sandbox, settings.bands)
    invariants = Invariants(pool, link, settings.invariants_events_max)

    async def tick() -> None:
        await caretaker.tick()
        lifeline.beat()

    yield vitals.watch("caretaker", pool)
    yield _every(_TICK_S, tick)
    yield _every(facts.EVERY_S, lambda: facts.state(pool))
    yield _every(facts.SLOWLY_EVERY_S, lambda: facts.state_slowly(pool, settings, known))
    yield _every(_FILES_EVERY_S, caretaker.reconcile)
    yield _every(housekeeping.PARTITIONS_EVERY_S, keeper.make_room)
    yield _every(settings.checkpoint_every_s, keeper.publish)
    yield _every(nonces.FORGET_EVERY_S, lambda: nonces.forget_old(pool))
    yield _every(retention.EVERY_S, lambda: retention.forget_old(pool, settings))
    yield _every(settings.invariants_every_s, invariants.look)
    for duty in due_work.WORK:
        yield _every(due_work.EVERY_S, partial(duty, desk))
    for seconds, work in report_tasks.tasks(settings, pool, link, known):
        yield _every(seconds, work)


def main() -> None:
    """Entry point of the process."""
    process.main("caretaker", run)


if __name__ == "__main__":
    main()
