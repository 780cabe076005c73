"""Dispatch: send orders to rails, and convert responses, callbacks and enquiries to lifecycle steps.

This is the only place that converts a rail's response to an event. Anything that is not a clear yes or no
becomes DOUBT, and the money then stays reserved.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from adapters.port import Acceptance, Answer, ListeningAdapter, Native, Outcome, Receipt, reserve_and_submit
from adapters.profile import Timing
from ledger.encoding import microseconds
from schemas.errors import TRY_AGAIN, InvalidMessage, NotAuthentic
from schemas.reasons import Reason
from switch.base import metrics, personal_data, tracing
from switch.base.failpoints import failpoint
from switch.base.personal_data import KeyRing
from switch.payments.rails import Rail, Rails
from switch.writer.client import Link
from switch.writer.commands import Advance, Command, Enquired, GivenBack, Reply
from switch.writer.lifecycle import Event, State
from switch.writer.rail_returns import return_id
from switch.writer.verdicts import Verdict

_PATIENCE_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Delays between attempts to reach the writer; after the last, the caretaker enquires about the payment."""

_NOBODYS: Final = frozenset(
    {
        Verdict.TRANSFER_NOT_FOUND,
        Verdict.ANOTHER_RAIL,
        Verdict.ILLEGAL,
        Verdict.EXISTS_WITH_DIFFERENT_CONTENT,
    }
)
"""Verdicts on a rail's response for which no payment waits: a person must examine each."""

_log = structlog.get_logger()


def now_us() -> int:
    """Microseconds since 1970 by this machine's clock; for observed times, never for a decision."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Sending:
    """Observations of one exchange with a rail."""

    uetr: bytes
    rail: str
    sent_at: int = 0
    due_at: int = 0
    """When to check the payment again if this exchange gives no final outcome."""
    expires_at: int = 0
    exchange: bool = False
    """Whether this is the exchange that submitted the order."""


def of_answer(answer: Answer, sending: Sending) -> Advance:
    """Convert a rail's answer about an order to a step."""
    step = Advance(
        sending.uetr,
        Event.DOUBT,
        rail=sending.rail,
        exchange=sending.exchange,
        due_at=sending.due_at,
        reason=answer.reason or "",
        rail_code=answer.rail_code or "",
        rail_reference=answer.rail_reference or "",
        sent_at=sending.sent_at,
        answered_at=now_us(),
    )
    match answer.outcome:
        case Outcome.DONE:
            minor, currency = answer.amount or (0, "")
            return replace(
                step, event=Event.CONFIRM, reason="", credited_minor=minor, credited_currency=currency
            )
        case Outcome.REFUSED:
            return replace(step, event=Event.REJECT, reason=step.reason or Reason.REASON_NOT_SPECIFIED)
        case Outcome.RETURNED:
            minor, currency = answer.amount or (0, "")
            reason = step.reason or Reason.REASON_NOT_SPECIFIED
            return replace(
                step, event=Event.REJECT, reason=reason, credited_minor=minor, credited_currency=currency
            )
        case _:
            return replace(step, detail=answer.outcome, pending=answer.outcome is Outcome.PENDING)


def of_return(answer: Answer, rail: str, raw: bytes, keys: KeyRing) -> GivenBack:
    """Convert a rail's message that it gives money back; the message is kept, encrypted.

    Raises:
        InvalidMessage: it states no payment, no amount or no id of the return.

    """
    if answer.uetr is None or answer.amount is None or not answer.rail_reference:
        raise InvalidMessage("a return needs its payment, its amount and an id of its own")
    uetr = UUID(answer.uetr)
    sealer = keys.sealer(return_id(uetr.bytes, answer.rail_reference))
    return GivenBack(
        uetr.bytes,
        rail,
        answer.rail_reference,
        *answer.amount,
        answer.reason or Reason.REASON_NOT_SPECIFIED,
        answer.rail_code or "",
        now_us(),
        sealer.seal(personal_data.CAME, raw),
        sealer.sealed_key,
    )


def of_receipt(receipt: Receipt, sending: Sending) -> Advance | None:
    """Convert the result of a submission to a step; None if a callback will follow."""
    if receipt.answer is not None:
        return of_answer(receipt.answer, sending)
    if receipt.acceptance is Acceptance.ACCEPTED:
        return None
    step = Advance(
        sending.uetr,
        Event.DOUBT,
        rail=sending.rail,
        exchange=True,
        detail=receipt.detail,
        sent_at=sending.sent_at,
        due_at=sending.due_at,
    )
    if receipt.acceptance is Acceptance.REFUSED:
        return replace(step, event=Event.REJECT, reason=Reason.OFFLINE_CREDITOR_AGENT, answered_at=now_us())
    if receipt.acceptance is Acceptance.LATER:
        return replace(step, event=Event.DEFER, due_at=_opens(receipt, sending), answered_at=now_us())
    return step


def _opens(receipt: Receipt, sending: Sending) -> int:
    """When to check a deferred payment: at its rail's opening or its expiry; soon if that is unknown."""
    if receipt.not_before is None:
        return sending.due_at
    return min(microseconds(receipt.not_before), sending.expires_at)


def _answered(receipt: Receipt) -> bool:
    """Whether the rail gave a readable response."""
    return receipt.answer is not None or receipt.acceptance in {Acceptance.ACCEPTED, Acceptance.LATER}


def scaled_us(seconds: float, scale: float) -> int:
    """Microseconds of a rail's time-out, on the time scale of this installation."""
    return int(seconds * scale * 1e6)


def enquiry_due(timing: Timing, scale: float, sent_at: int) -> int:
    """When to enquire first about a payment that was sent at `sent_at` without a clear response."""
    return max(now_us(), sent_at + scaled_us(timing.enquiry_first_s, scale))


class Dispatcher:
    """Communicates with rails and reports the results to the writer."""

    def __init__(self, link: Link, time_scale: float, expiry_s: float, keys: KeyRing | None = None) -> None:
        """`keys` encrypt what rails give back; None for a process that gets no messages of rails."""
        self._link = link
        self._keys = keys
        self._scale = time_scale
        self._expiry_s = expiry_s
        self._tasks: set[asyncio.Task[None]] = set()

    def send_soon(self, rail: Rail, uetr: bytes, native: Native, expires_at: int) -> None:
        """Start sending in the background; the intent to send is already durable."""
        task = asyncio.create_task(self.send(rail, uetr, native, expires_at))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # An adapter raised although it must not: the payment stays SENT and the caretaker enquires.
            _log.error("send_failed", error=type(task.exception()).__name__)

    async def drain(self) -> None:
        """Wait until everything in progress is sent."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def send(self, rail: Rail, uetr: bytes, native: Native, expires_at: int) -> None:
        """Submit an order and record the result. An order that would expire on its way is not sent."""
        country = rail.adapter.profile.country
        failpoint("before_rail_send")
        sent_at, started = now_us(), time.perf_counter()
        with rail.bulkhead, tracing.part("send", rail=country, uetr=uetr):
            if sent_at + 1e6 * rail.pace.needed_s < expires_at:
                receipt = await reserve_and_submit(rail.adapter, native)
                answered = _answered(receipt)
                rail.breaker.count_exchange(answered=answered)
                if answered:
                    rail.pace.count(time.perf_counter() - started)
            else:
                receipt = Receipt(Acceptance.REFUSED, detail="expired before it was sent")
        metrics.rail_request(country, "send", receipt.acceptance, time.perf_counter() - started)
        failpoint("after_rail_send")
        due = enquiry_due(rail.adapter.profile.timing, self._scale, sent_at)
        step = of_receipt(receipt, Sending(uetr, country, sent_at, due, expires_at, exchange=True))
        if step is not None:
            await self.record_step(step)

    async def answered(self, rail: Rail, answer: Answer, raw: bytes) -> None:
        """Record an unsolicited answer of a rail, which is in the message `raw`: a callback or a late answer.

        Raises:
            InvalidMessage: a return without its amount or its id.
            Unavailable, OutcomeUnknown: it is not known to be recorded; the rail must send it again.

        """
        if answer.uetr is None:
            _log.warning("answer_without_payment", rail=rail.adapter.profile.country)
            return
        failpoint("before_callback_commit")
        due = enquiry_due(rail.adapter.profile.timing, self._scale, now_us())
        country = rail.adapter.profile.country
        metrics.rail_request(country, "callback", answer.outcome, 0.0)
        step: Command
        if answer.outcome is Outcome.RETURNED:
            assert self._keys is not None, "this process gets no messages of rails"
            step = of_return(answer, country, raw, self._keys)
        else:
            step = of_answer(answer, Sending(UUID(answer.uetr).bytes, country, due_at=due))
        reply = await self._ask(step)
        if reply.verdict in _NOBODYS:
            metrics.STRAY_ANSWERS.labels(country, reply.verdict).inc()
            _log.error(
                "stray_answer", uetr=answer.uetr, rail=country, detail=reply.verdict, state=reply.state
            )

    def listen(self, known: Rails) -> None:
        """Receive answers on the rails' own connections that no exchange waits for."""
        for rail in known.values():
            if isinstance(rail.adapter, ListeningAdapter):
                rail.adapter.listen(partial(self._record_unsolicited, rail))

    async def _record_unsolicited(self, rail: Rail, raw: bytes) -> None:
        """Record an answer that the rail sends only once; if that fails for long, an enquiry repeats it."""
        try:
            answers = rail.read(raw)
        except (InvalidMessage, NotAuthentic) as error:
            _log.warning("overheard_unreadable", rail=rail.adapter.profile.country, error=error.detail)
            return
        for answer in answers:
            await self._record(rail, answer, raw)

    async def _record(self, rail: Rail, answer: Answer, raw: bytes) -> None:
        for pause in _PATIENCE_S:
            try:
                await self.answered(rail, answer, raw)
            except TRY_AGAIN:
                await asyncio.sleep(pause)
            else:
                return
        _log.warning("outcome_left_to_caretaker")

    async def record_step(self, step: Command) -> Reply | None:
        """Have a step recorded, with retries; None if the writer stayed unavailable."""
        failpoint("before_outcome_commit")
        for pause in (*_PATIENCE_S, None):
            try:
                return await self._ask(step)
            except TRY_AGAIN:
                if pause is None:
                    break
                await asyncio.sleep(pause)
        _log.warning("outcome_left_to_caretaker")
        return None

    async def _ask(self, step: Command) -> Reply:
        if isinstance(step, Advance):
            with tracing.part("post", uetr=step.uetr):
                reply = await self._link.ask(step)
        else:
            reply = await self._link.ask(step)
        failpoint("after_outcome_commit")
        if isinstance(step, Advance | Enquired | GivenBack):
            _count(reply, self._expiry_s)
            if reply.verdict is Verdict.CONTRADICTION:
                _log.error("rail_contradicts_itself", uetr=str(UUID(bytes=step.uetr)), state=reply.state)
            if reply.verdict is Verdict.GIVEN_BACK:
                _log.warning("rail_gave_back", uetr=str(UUID(bytes=step.uetr)))
        return reply


def _count(reply: Reply, expiry_s: float) -> None:
    """Count the result of a step; `expiry_s` is the time from a payment's reservation to its expiry."""
    if reply.verdict is Verdict.CONTRADICTION:
        metrics.CONTRADICTIONS.inc()
    elif reply.ended is not None:
        ended = reply.ended
        metrics.FINISHED.labels(ended.rail, reply.state, reply.reason).inc()
        reserved_at = ended.expires_at / 1e6 - expiry_s
        metrics.DURATION.labels(ended.rail, reply.state).observe(max(0.0, time.time() - reserved_at))
        if reply.state == State.COMMITTED:
            metrics.VALUE.labels(ended.rail, ended.credit_currency).inc(ended.credit_minor)
