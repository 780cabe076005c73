"""The caretaker process: looks again at payments that are due, and states the facts of the database.

Recovery is not a special case: whatever a crash interrupted is an open payment whose `due_at` passes, like
any other. A payment that left us is enquired about within bounds, never given up by time; one that the
rail never had, by the rail's own word, is sent again with the same bytes, or ended once it has expired.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import asyncpg
import structlog
import uvloop

from adapters.port import Answer, Native, Outcome
from ledger.encoding import microseconds
from schemas.reasons import Reason
from switch import facts, housekeeping, logs, metrics, personal_data, rails, retention, tracing, vitals
from switch.commands import Advance, Enquired
from switch.database import connect_pool
from switch.dispatch import Dispatcher, Sending, enquiry_due, now_us, of_answer, scaled_us
from switch.failpoints import failpoint
from switch.housekeeping import Housekeeper
from switch.invariants import Invariants
from switch.lifecycle import State
from switch.people import tasks as people
from switch.people.desk import Desk
from switch.rails import Rail, Rails
from switch.reconciliation import Reconciliation
from switch.reports import tasks as report_tasks
from switch.settings import Settings
from switch.workers.link import Link

_TICK_S: Final = 0.1
_FILES_EVERY_S: Final = 60.0
AT_ONCE: Final = 32
"""Payments of one rail that are looked after at the same time."""
LOCK: Final = 7_266_337_002
"""Advisory lock: one caretaker a database."""

_DUE: Final = """
SELECT o.number, o.uetr, o.state, o.rail, o.entered_at, o.expires_at, o.enquiries, o.pending,
       p.native_ref, m.body AS native_body, k.sealed AS sealed_key, clock_timestamp() AS now,
       r.open OR coalesce(r.opens_at <= clock_timestamp(), false) AS rail_open
FROM switch.open_payment AS o
JOIN switch.payment AS p USING (number)
JOIN switch.message AS m ON m.number = o.number AND m.direction = 1
JOIN switch.message_key AS k ON k.number = o.number
JOIN switch.rail AS r ON r.country = o.rail
WHERE o.rail = $1 AND o.due_at <= clock_timestamp() AND NOT o.number = ANY($2::bigint[])
  AND (o.state <> 'RESERVED' OR o.expires_at <= clock_timestamp()
       OR r.open OR r.opens_at <= clock_timestamp()) -- what waits for its rail to open is not due
ORDER BY o.due_at
LIMIT $3
"""

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

    async def tick(self) -> int:
        """Start on what is due; how many. Each rail has its own places, so one cannot starve another."""
        started = 0
        for country, rail in self._rails.items():
            mine = self._under_way[country]
            free = AT_ONCE - len(mine)
            if free > 0:
                started += await self._start(rail, mine, free)
        return started

    async def reconcile(self) -> None:
        """Read the end-of-cycle files that are due."""
        for rail in self._rails.values():
            await self._reconciliation.catch_up(rail)

    async def _start(self, rail: Rail, mine: dict[int, asyncio.Task[None]], free: int) -> int:
        rows = await self._pool.fetch(_DUE, rail.adapter.profile.country, list(mine), free)
        for row in rows:
            task = asyncio.create_task(self._look_after(rail, row))
            mine[row["number"]] = task
            task.add_done_callback(partial(_finished, mine, row["number"]))
        return len(rows)

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
            await self._dispatcher.tell(Advance(uetr, "EXPIRE", reason=Reason.CUT_OFF_TIME))
        elif row["rail_open"]:
            await self._send(rail, row)

    async def _send(self, rail: Rail, row: asyncpg.Record) -> None:
        """Record the intent, then touch the socket: in this order, always."""
        native = self._native(row)
        uetr = row["uetr"].bytes
        due = now_us() + scaled_us(rail.adapter.profile.timing.answer_s, self._settings.time_scale)
        reply = await self._dispatcher.tell(Advance(uetr, "SEND", due_at=due))
        if reply is not None and reply.verdict == "advanced":
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
                row["uetr"].bytes, "DOUBT", reason=Reason.TIMEOUT_CREDITOR_AGENT, detail="silence", due_at=due
            )
        )

    async def _doubtful(self, rail: Rail, row: asyncpg.Record) -> None:
        """Ask the rail, a bounded number of times."""
        failpoint("before_enquiry")
        native = self._native(row)
        started = now_us()
        answer = await _enquire(rail, native)
        metrics.rail_request(
            rail.adapter.profile.country, "enquire", answer.outcome, (now_us() - started) / 1e6
        )
        failpoint("after_enquiry")
        if answer.outcome in {Outcome.DONE, Outcome.REFUSED}:
            reply = await self._dispatcher.tell(of_answer(answer, Sending(row["uetr"].bytes, row["rail"])))
            if reply is not None and reply.verdict == "noted":  # a yes to another amount: no clear word
                await self._ask_again(rail, row, "another amount")
        elif answer.outcome is Outcome.NOT_FOUND:
            await self._not_found(rail, row, answer)
        else:
            await self._ask_again(rail, row, answer.outcome)

    async def _not_found(self, rail: Rail, row: asyncpg.Record, answer: Answer) -> None:
        """The rail does not have it: yet, or at all; after expiry and grace it never will."""
        if row["pending"]:
            await self._ask_again(rail, row, "not found, though the rail once said it has it")
        elif row["now"] >= self._never_after(rail, row):
            await self._dispatcher.tell(
                Advance(
                    row["uetr"].bytes,
                    "REJECT",
                    reason=Reason.TIMEOUT_INSTRUCTED_AGENT,
                    rail_code=answer.rail_code or "",
                    detail="the rail never had it",
                    answered_at=now_us(),
                )
            )
        elif row["now"] < row["expires_at"] and rail.adapter.profile.dedupes and row["enquiries"] > 0:
            await self._send(rail, row)
        else:
            await self._ask_again(rail, row, answer.outcome)

    def _never_after(self, rail: Rail, row: asyncpg.Record) -> datetime:
        """From when on a rail that does not have the order never will."""
        grace = rail.adapter.profile.timing.not_found_grace_s * self._settings.time_scale
        expires_at: datetime = row["expires_at"]
        return expires_at + timedelta(seconds=grace)

    async def _ask_again(self, rail: Rail, row: asyncpg.Record, news: str) -> None:
        """Plan the next enquiry; beyond the last, the rail's file or two people decide."""
        timing = rail.adapter.profile.timing
        never_after = self._never_after(rail, row)
        if row["enquiries"] + 1 >= timing.enquiries_max and row["now"] >= never_after:
            due = 0
        else:
            due = microseconds(row["now"]) + scaled_us(timing.enquiry_every_s, self._settings.time_scale)
            if row["now"] < never_after:  # the instant from which "not found" is final is worth an enquiry
                due = min(due, microseconds(never_after))
        await self._dispatcher.tell(Enquired(row["uetr"].bytes, due, news))


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
    """Run until SIGTERM. A second caretaker waits here for the first to end."""
    stop_tracing = tracing.start(settings, "caretaker")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    holder = await asyncpg.connect(settings.database)
    await holder.execute("SELECT pg_advisory_lock($1)", LOCK)
    pool = await connect_pool(settings)
    link = Link(settings.writer_socket)
    await link.start()
    known = rails.connect(settings, pool)
    caretaker = Caretaker(settings, pool, link, known)
    keeper = Housekeeper(settings, pool)
    desk = Desk(pool, link, settings.data, settings.sandbox, settings.bands)
    invariants = Invariants(pool, link, settings.invariants_events_max)
    tasks = [
        asyncio.create_task(_every(_TICK_S, caretaker.tick)),
        asyncio.create_task(_every(facts.EVERY_S, lambda: facts.state(pool))),
        asyncio.create_task(_every(facts.SLOWLY_EVERY_S, lambda: facts.state_slowly(pool, settings, known))),
        asyncio.create_task(vitals.watch("caretaker", pool)),
        asyncio.create_task(_every(_FILES_EVERY_S, caretaker.reconcile)),
        asyncio.create_task(_every(housekeeping.PARTITIONS_EVERY_S, keeper.make_room)),
        asyncio.create_task(_every(settings.checkpoint_every_s, keeper.publish)),
        asyncio.create_task(_every(retention.EVERY_S, lambda: retention.forget_old(pool, settings))),
        asyncio.create_task(_every(settings.invariants_every_s, invariants.look)),
        *(asyncio.create_task(_every(people.EVERY_S, partial(work, desk))) for work in people.WORK),
        *(
            asyncio.create_task(_every(seconds, work))
            for seconds, work in report_tasks.tasks(settings, pool, link, known)
        ),
    ]
    holder.add_termination_listener(lambda _: stopping.set())
    _log.info("caretaker_ready")
    await stopping.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(rail.adapter.close() for rail in known.values()))
    await link.stop()
    await asyncio.to_thread(stop_tracing)


def main() -> None:
    """Entry point of the process."""
    settings = Settings()
    logs.configure("caretaker")
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
