"""From a rail's words to a step of the lifecycle: sending, callbacks, enquiries.

The one place that reads a rail's answer as an event. Whatever is not a clear yes or no is DOUBT, and a
doubt keeps the money held.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from adapters.port import Answer, Native, Outcome, Receipt, Taken
from adapters.profile import Timing
from schemas.errors import Unavailable
from schemas.reasons import Reason
from switch import metrics
from switch.commands import Advance, Command, Reply
from switch.failpoints import failpoint
from switch.rails import Rail
from switch.workers.link import Link

_PATIENCE_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Between tries to tell the writer; after the last the caretaker finds the payment and enquires."""

_log = structlog.get_logger()


def now_us() -> int:
    """Microseconds since 1970, by this machine's clock; for what was observed, never for a decision."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Sending:
    """What was observed around one exchange with a rail."""

    uetr: bytes
    sent_at: int = 0
    due_at: int = 0
    """When to look again if this brings no final word."""


def of_answer(answer: Answer, sending: Sending) -> Advance:
    """Read what a rail says of an order as a step."""
    said = Advance(
        sending.uetr,
        "DOUBT",
        reason=answer.reason or "",
        rail_code=answer.rail_code or "",
        rail_reference=answer.rail_reference or "",
        sent_at=sending.sent_at,
        answered_at=now_us(),
    )
    match answer.outcome:
        case Outcome.DONE:
            minor, currency = answer.amount or (0, "")
            return replace(said, event="CONFIRM", reason="", credited_minor=minor, credited_currency=currency)
        case Outcome.REFUSED:
            return replace(said, event="REJECT", reason=said.reason or Reason.REASON_NOT_SPECIFIED)
        case _:
            return replace(said, detail=answer.outcome, due_at=sending.due_at)


def of_receipt(receipt: Receipt, sending: Sending, *, first: bool) -> Advance | None:
    """Read what handing an order over came to; None while a callback is awaited."""
    if receipt.answer is not None:
        return of_answer(receipt.answer, sending)
    match receipt.taken:
        case Taken.TAKEN:
            return None
        case Taken.REFUSED if first:
            return Advance(
                sending.uetr,
                "REJECT",
                reason=Reason.OFFLINE_CREDITOR_AGENT,
                detail=receipt.detail,
                sent_at=sending.sent_at,
                answered_at=now_us(),
            )
        case _:  # of a second sending, "nothing left us" says nothing of the first
            return Advance(
                sending.uetr, "DOUBT", detail=receipt.detail, sent_at=sending.sent_at, due_at=sending.due_at
            )


def enquiry_due(timing: Timing, scale: float, sent_at: int) -> int:
    """When to enquire first about a payment that was sent at `sent_at` and not clearly answered."""
    return max(now_us(), sent_at + int(timing.enquiry_first_s * scale * 1e6))


class Dispatcher:
    """Talks to rails and tells the writer what came of it."""

    def __init__(self, link: Link, time_scale: float) -> None:
        self._link = link
        self._scale = time_scale
        self._tasks: set[asyncio.Task[None]] = set()

    def send_soon(self, rail: Rail, uetr: bytes, native: Native) -> None:
        """Start sending in the background; the intent to send is already durable."""
        task = asyncio.create_task(self.send(rail, uetr, native, first=True))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # An adapter broke its promise never to raise: the payment stays SENT and the caretaker enquires.
            _log.error("send_failed", error=type(task.exception()).__name__)

    async def drain(self) -> None:
        """Wait for what is being sent."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def send(self, rail: Rail, uetr: bytes, native: Native, *, first: bool) -> None:
        """Hand an order over and record what came of it."""
        country = rail.adapter.profile.country
        failpoint("before_rail_send")
        sent_at, started = now_us(), time.perf_counter()
        with rail.bulkhead:
            receipt = await rail.adapter.submit(native)
        metrics.rail_request(country, "send", receipt.taken, time.perf_counter() - started)
        failpoint("after_rail_send")
        sending = Sending(uetr, sent_at, enquiry_due(rail.adapter.profile.timing, self._scale, sent_at))
        step = of_receipt(receipt, sending, first=first)
        if step is not None:
            await self.tell(step)

    async def answered(self, rail: Rail, answer: Answer) -> None:
        """Record what a rail said by itself: a callback or a late answer.

        Raises:
            Unavailable: it could not be recorded; the rail must say it again.

        """
        if answer.uetr is None:
            _log.warning("answer_without_payment", rail=rail.adapter.profile.country)
            return
        failpoint("before_callback_commit")
        due = enquiry_due(rail.adapter.profile.timing, self._scale, now_us())
        sending = Sending(UUID(answer.uetr).bytes, due_at=due)
        metrics.rail_request(rail.adapter.profile.country, "callback", answer.outcome, 0.0)
        await self._ask(of_answer(answer, sending))

    async def tell(self, step: Command) -> Reply | None:
        """Have a step recorded, patiently; None when the writer stayed away."""
        failpoint("before_outcome_commit")
        for pause in (*_PATIENCE_S, None):
            try:
                return await self._ask(step)
            except Unavailable:
                if pause is None:
                    break
                await asyncio.sleep(pause)
        _log.warning("outcome_left_to_caretaker")
        return None

    async def _ask(self, step: Command) -> Reply:
        reply = await self._link.ask(step)
        failpoint("after_outcome_commit")
        if isinstance(step, Advance):
            metrics.advanced(step, reply)
            if reply.verdict == "contradiction":
                _log.error("rail_contradicts_itself", uetr=str(UUID(bytes=step.uetr)), state=reply.state)
        return reply
