"""The caretaker's work on orders of rails: give them to the intake, and tell the rail what became of them.

An API worker keeps an order; it is the process that an intruder takes first. So the caretaker verifies the
rail's signature again, and only then makes a payment of it. Each round reads from the database what is due:
what a crash interrupts is done again in the next one, and the ledger decides each order once, by its UETR.

An answer is stored before it is sent, and sent unchanged until the rail has it. There is no end to that but
the rail's own word: pauses double up to a bound, and what the rail does not take for long is a case.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from adapters.originating import OrderVerdict, PaymentOrder
from adapters.port import Acceptance, Outcome, Receipt
from schemas import codec, credit_transfer
from schemas.errors import DuplicateUetr, OutcomeUnknown, SwitchError, Unavailable
from schemas.reasons import Reason
from switch.base import logs, metrics, personal_data
from switch.base.failpoints import failpoint
from switch.base.personal_data import Erased, KeyRing
from switch.base.sql import statements
from switch.payments import inbound
from switch.payments.inbound import ANSWER, InboundRails, OrderKind, OrderState
from switch.payments.intake import Intake
from switch.payments.rails import Rail, Rails

AT_ONCE: Final = 32
"""Orders, or answers, of one round of a rail."""
MADE_WITHIN: Final = timedelta(days=1)
"""An order of which no payment could be made since it came is refused then, whatever limit it states."""
_AGAIN_S: Final = 1.0
"""Until an order that could not be decided is looked at again."""
_PAUSE_MAX_S: Final = 300.0
_DOUBLINGS_MAX: Final = 20
_POSTED: Final = "posted"
_VOIDED: Final = "voided"
_statement: Final = statements("switch.processes")
_DUE: Final = _statement("due_inbound")
_ANSWERS: Final = _statement("due_inbound_answers")
_TAKE: Final = _statement("take_inbound")
_END: Final = _statement("end_inbound")
_POSTPONE: Final = _statement("postpone_inbound")
_TOLD: Final = _statement("told_inbound")
_RETURNED: Final = _statement("mark_inbound_returned")
_CONTRADICTED: Final = _statement("mark_inbound_contradicted")
_RETURNS_AT_ONCE: Final = 10_000
_log = structlog.get_logger()


class InboundOrders:
    """Continues the orders of rails. One per caretaker."""

    def __init__(self, pool: asyncpg.Pool, keys: KeyRing, known: Rails, intake: Intake) -> None:
        self._pool, self._keys, self._intake = pool, keys, intake
        self._rails = InboundRails(pool)
        self.known = {country: rail for country, rail in known.items() if rail.originating is not None}
        """Rails that can originate payments."""
        self._all = known
        self._returns_seen = 0
        """The number of the last return of a payment that was looked at."""

    async def look(self, country: str) -> None:
        """One round: decide what can be decided."""
        if await self._rails.get(country) is None:
            return
        rows = await self._pool.fetch(_DUE, country, AT_ONCE)
        await asyncio.gather(*(self._try(row) for row in rows))

    async def deliver(self, country: str) -> None:
        """One round: send what is stored and due."""
        if await self._rails.get(country) is None:
            return
        rows = await self._pool.fetch(_ANSWERS, country, AT_ONCE)
        await asyncio.gather(*(self._tell(self.known[country], row) for row in rows))

    async def find_obligations(self) -> None:
        """One round: mark orders of which their rail was told something that is not true any more."""
        if not await self._rails.all():
            return
        await self._pool.execute(_CONTRADICTED)
        last = await self._pool.fetchval(_RETURNED, self._returns_seen, _RETURNS_AT_ONCE)
        self._returns_seen = last or self._returns_seen

    async def _try(self, row: asyncpg.Record) -> None:
        try:
            await self._continue(self.known[row["rail"]], row)
        except (Unavailable, OutcomeUnknown) as error:  # the writer, the directory or a key's token is away
            _log.warning("order_waits", rail=row["rail"], error=type(error).__name__, detail=error.detail)
            await self._postpone(row, _AGAIN_S)
        except Exception as error:  # noqa: BLE001 - one order must not keep the others waiting
            _log.error("order_failed", rail=row["rail"], error=type(error).__name__, detail=logs.where(error))
            await self._postpone(row, _AGAIN_S)

    async def _continue(self, rail: Rail, row: asyncpg.Record) -> None:
        if row["kind"] == OrderKind.RETURN:
            given_up = row["of_order"] != OrderState.DONE
            state = OrderState.DONE if given_up else OrderState.REFUSED
            await self._end(rail, row, state, "" if given_up else Reason.REASON_NOT_SPECIFIED)
            return
        match OrderState(row["state"]):
            case OrderState.STOPPED:
                await self._end(rail, row, OrderState.STOPPED, row["reason"])
            case OrderState.RECEIVED if row["now"] >= row["received_at"] + MADE_WITHIN and not row["lost"]:
                await self._end(rail, row, OrderState.STOPPED, Reason.CUT_OFF_TIME)
            case OrderState.RECEIVED:
                await self._take_new(rail, row)
            case OrderState.TAKEN if not row["known"]:
                raw = self._keys.open(row["uetr"], personal_data.SENT, row["sealed_key"], row["message"])
                await self._take(rail, row, raw)
            case OrderState.TAKEN if row["outcome"] == _POSTED:
                await self._end(rail, row, OrderState.DONE, "")
            case OrderState.TAKEN if row["failed"] or row["outcome"] == _VOIDED:
                await self._end(rail, row, OrderState.REFUSED, row["why"] or Reason.REASON_NOT_SPECIFIED)
            case state:
                raise Unavailable(f"its payment has no outcome: {state}")

    async def _take_new(self, rail: Rail, row: asyncpg.Record) -> None:
        """Verify an order's signature once more, make a payment of it, and give it to the intake."""
        setting = await self._rails.get(row["rail"])
        raw = self._keys.open(row["uetr"], personal_data.CAME, row["sealed_key"], row["request"])
        try:
            order = rail.request(raw)
            if setting is None or setting.gateway != row["gateway"]:
                raise Unavailable("another gateway takes the orders of this rail now")
            if not isinstance(order, PaymentOrder) or order.payment.uetr != str(row["uetr"]):
                raise Unavailable("what is stored is not this order")
        except SwitchError as error:
            # Nothing was given to the intake: once its time is over, it is refused.
            _log.error("order_not_believed", rail=row["rail"], uetr=str(row["uetr"]), detail=error.detail)
            if row["now"] < row["expires_at"] or row["lost"]:
                raise Unavailable(error.detail) from None
            await self._end(rail, row, OrderState.STOPPED, Reason.CUT_OFF_TIME)
            return
        gateway = self._intake.participant(row["gateway"])
        try:
            to_bank = self._addressed(order)
            made = inbound.pacs_008(to_bank, gateway.bic, row["expires_at"], setting.purpose)
            message = codec.decode(made, media_type=codec.XML, expect="pacs.008")
            credit_transfer.read(message)  # as the intake reads it: once given to it, it must have an outcome
        except SwitchError as error:
            _log.warning("order_not_carried", rail=row["rail"], uetr=str(row["uetr"]), detail=error.detail)
            await self._end(rail, row, OrderState.STOPPED, Reason.CONTENT_INCORRECT)
            return
        sealer = self._keys.reopened(row["uetr"], row["sealed_key"])
        fingerprint = self._intake.fingerprint(message, gateway)
        failpoint("before_order_taken")
        sealed = sealer.seal(personal_data.SENT, made)
        if await self._pool.fetchval(_TAKE, row["rail"], row["ref"], sealed, fingerprint):
            failpoint("after_order_taken")
            await self._take(rail, row, made)

    def _addressed(self, order: PaymentOrder) -> PaymentOrder:
        bank = self._intake.bank(order.payment.creditor_agent)
        rail = None if bank is None else self._all.get(bank.country)
        return inbound.addressed(order, bank, "" if rail is None else rail.adapter.profile.member_id)

    async def _take(self, rail: Rail, row: asyncpg.Record, raw: bytes) -> None:
        """Give an order to the intake, again if it was interrupted: the ledger decides it once."""
        message = codec.decode(raw, media_type=codec.XML, expect="pacs.008")
        gateway = self._intake.participant(row["gateway"])
        payment = credit_transfer.read(message)
        try:
            await self._intake.take_order(message, payment, gateway, row["rail"])
        except DuplicateUetr:  # another participant's payment has its UETR: it will never be executed
            await self._end(rail, row, OrderState.REFUSED, Reason.DUPLICATE_PAYMENT, was=OrderState.TAKEN)
            return
        failpoint("after_order_decided")

    async def _end(
        self, rail: Rail, row: asyncpg.Record, state: OrderState, reason: str, was: OrderState | None = None
    ) -> None:
        """Store the outcome with the answer."""
        adapter = rail.originating
        assert adapter is not None
        at = row["decided_at"] or _milliseconds(row["now"])
        outcome = Outcome.DONE if state is OrderState.DONE else Outcome.REFUSED
        said = OrderVerdict(outcome, at, None if outcome is Outcome.DONE else reason)
        raw = self._keys.open(row["uetr"], personal_data.CAME, row["sealed_key"], row["request"])
        sealer = self._keys.reopened(row["uetr"], row["sealed_key"])
        answer = sealer.seal(ANSWER, adapter.answer(raw, said))
        key = row["rail"], row["kind"], row["ref"]
        failpoint("before_order_ended")
        if await self._pool.fetchval(_END, *key, was or row["state"], state, reason, at, answer):
            metrics.ORDERS_ENDED.labels(row["rail"], row["kind"], state).inc()
        failpoint("after_order_ended")

    async def _tell(self, rail: Rail, row: asyncpg.Record) -> None:
        key = row["rail"], row["kind"], row["ref"]
        pause = min(_PAUSE_MAX_S, 2.0 ** min(row["attempts"], _DOUBLINGS_MAX))
        try:
            answer = self._keys.open(row["uetr"], ANSWER, row["sealed_key"], row["answer"])
        except Erased:
            await self._pool.execute(_TOLD, *key, "erased before the rail had the answer")
            return
        failpoint("before_order_told")
        receipt = await _confirm(rail, answer)
        failpoint("after_order_told")
        metrics.rail_request(row["rail"], "callback", receipt.acceptance, 0.0)
        match receipt.acceptance:
            case Acceptance.ACCEPTED:
                await self._pool.execute(_TOLD, *key, "")
            case Acceptance.REFUSED:
                _log.error("rail_disputes_answer", rail=row["rail"], uetr=str(row["uetr"]))
                await self._pool.execute(_TOLD, *key, receipt.detail or "refused")
            case _:
                await self._postpone(row, pause, attempts=1)

    async def _postpone(self, row: asyncpg.Record, seconds: float, *, attempts: int = 0) -> None:
        await self._pool.execute(_POSTPONE, row["rail"], row["kind"], row["ref"], seconds, attempts)


async def _confirm(rail: Rail, answer: bytes) -> Receipt:
    """Deliver an answer; if an adapter raises, which it must not, it is delivered again."""
    assert rail.originating is not None
    try:
        return await rail.originating.confirm(answer)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like an answer
        _log.error("confirm_failed", error=type(error).__name__, detail=logs.where(error))
        return Receipt(Acceptance.UNKNOWN, detail=type(error).__name__)


def _milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
