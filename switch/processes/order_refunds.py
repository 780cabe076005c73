"""The caretaker's work on refunds: what the payment of a rail's order gave back goes on to the payer.

    (none) --make--> made --send--> sent --done-----> done --given back--> given_back
      |  ^            |             |  ---refused---> refused   the rail did not execute it: people end it
      |  +--expired---+             |  ---unknown---> unknown   the rail is asked, a bounded number of times;
      |               ^--not sent---+                           then people end it
      +--cannot be ordered, or was not taken--> left            people end it, as without refunds

    done         the payer has it: nothing is owed any more
    given_back   what the rail had executed came back, or the rail says now that it did not: owed again

A refund is an order of ours at the rail, of the whole amount, to the account that the rail's order names.
Each part of a payment that comes back has a refund of its own, of what it gave the gateway (`PartRefunds`):
parts that add up to the credit, at the rate of the payment, add up to the whole amount. What the rail cannot
carry, as it is below its least amount or its step, is `carried`: it goes with the next part. While no part
comes, it is owed, and people end it.
Its bytes are stored before they are sent, and an attempt is durable before it leaves us. What is sent again
is the same bytes, to a rail that executes an id once. Nothing that is not a clear yes ends what is owed.
An order that the rail does not take expires and is made again, `MADE_MAX` times in all; none is made while
the rail is closed.

Only what is returned after two people wanted refunds is refunded, and no order that came, or was
executed, before a restore of the database, which may have forgotten a refund.
"""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg
import structlog
from msgspec.structs import replace

from adapters import uetr as uetrs
from adapters.originating import PaymentOrder, uetr_of
from adapters.port import Acceptance, Answer, Native, Order, Outcome, Receipt, reserve_and_submit
from adapters.profile import AmountLimits
from schemas import identifiers
from schemas.errors import Refused, SwitchError
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer
from switch.base import logs, metrics, personal_data
from switch.base.failpoints import failpoint
from switch.base.personal_data import Erased, KeyRing
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments.inbound import RefundState, refund_back_direction, refund_direction
from switch.payments.intake import Intake
from switch.payments.rails import Rail, Rails

AT_ONCE: Final = 16
"""Refunds of one round of a rail."""
MADE_MAX: Final = 3
"""Orders of ours for one refund: each after the one before had expired, and had certainly not left us."""
PURPOSE: Final = "REFU"
_AGAIN_S: Final = 1.0
_statement: Final = statements("switch.processes")
_SETTLE_PARTS: Final = _statement("settle_part_refunds")
_log = structlog.get_logger()


class _CannotBeOrdered(Exception):
    """It is left to people; the text says why."""


class _Learned(NamedTuple):
    """What an exchange with the rail means."""

    state: RefundState
    detail: str = ""
    due_s: float | None = None
    """Seconds until the next step; None: it has ended, or people end it."""
    unsent: int = 0
    """1: the attempt certainly did not leave us."""
    back_minor: int | None = None
    """What came back of a refund that was executed."""
    carried_minor: int | None = None
    """What a part leaves to the next one; None: as before."""


class _Statements(NamedTuple):
    """How refunds are read and stored. The key of one begins the parameters of all but `due`."""

    due: str
    make: str
    send: str
    move: str


_OF_ORDERS: Final = _Statements(
    *map(_statement, ("due_order_refunds", "make_order_refund", "send_order_refund", "move_order_refund"))
)
_OF_PARTS: Final = _Statements(
    *map(_statement, ("due_part_refunds", "make_part_refund", "send_part_refund", "move_part_refund"))
)


class OrderRefunds:
    """Continues refunds of whole payments. One per caretaker."""

    sql = _OF_ORDERS

    def __init__(
        self, settings: Settings, pool: asyncpg.Pool, keys: KeyRing, known: Rails, intake: Intake
    ) -> None:
        self._pool, self._keys, self._intake = pool, keys, intake
        self._scale, self._lasts_s = settings.time_scale, settings.payment_expiry_s
        self._rails = {country: rail for country, rail in known.items() if rail.originating is not None}

    @staticmethod
    def key(row: asyncpg.Record) -> tuple[Any, ...]:
        """What identifies a refund in the statements."""
        return row["rail"], row["ref"]

    @staticmethod
    def name(row: asyncpg.Record) -> str:
        """What the UETR of a refund follows from."""
        return f"\nrefund\n{row['ref']}"

    @staticmethod
    def ordinal(row: asyncpg.Record) -> int:  # noqa: ARG004 - it is of the whole payment
        """Which part of its payment it refunds; 0 for the whole."""
        return 0

    @staticmethod
    def split(row: asyncpg.Record, limits: AmountLimits) -> tuple[int, int]:  # noqa: ARG004 - the rail has carried it
        """What our order is of, and what it leaves to a later one, in minor units of the order's currency."""
        return row["debit_minor"], 0

    @staticmethod
    def left_over(carried_minor: int | None) -> tuple[int | None, ...]:  # noqa: ARG004 - nothing is
        """The parameter of the statements for what a refund leaves to a later one."""
        return ()

    async def look(self) -> None:
        """One round, of all rails at once: one that does not answer keeps no other waiting."""
        rows = await self._pool.fetch(self.sql.due, list(self._rails), AT_ONCE)
        await asyncio.gather(*(self._try(self._rails[row["rail"]], row) for row in rows))

    async def _try(self, rail: Rail, row: asyncpg.Record) -> None:
        try:
            await self._continue(rail, row)
        except Erased:  # it may have been executed, and can be neither sent nor asked for
            await self._move(row, _Learned(RefundState.UNKNOWN, "our order was erased"))
        except SwitchError as error:  # the directory or a key's token is away: the next round does it
            _log.warning("refund_waits", rail=row["rail"], error=type(error).__name__, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - one refund must not keep the others waiting
            _log.error(
                "refund_failed", rail=row["rail"], error=type(error).__name__, detail=logs.where(error)
            )

    async def _continue(self, rail: Rail, row: asyncpg.Record) -> None:
        match RefundState(row["refund"]):
            case RefundState.DONE:
                await self._read_back(rail, row)
            case RefundState.NONE if row["refund_made"] >= MADE_MAX:
                await self._leave(row, f"the rail did not take it: {row['refund_detail']}")
            case RefundState.NONE if not row["rail_open"] or rail.breaker.open:
                pass  # it is made once the rail is open; until then people may settle what is owed
            case RefundState.NONE:
                await self._make(rail, row)
            case RefundState.MADE if row["lost"]:
                await self._leave(row, "the database was restored")
            case RefundState.MADE if not row["wanted"] or row["now"] >= row["refund_expires_at"]:
                # Nothing left us: it may be made again.
                await self._move(row, _Learned(RefundState.NONE, row["refund_detail"]))
            case RefundState.MADE if row["rail_open"] and not rail.breaker.open:
                await self._send(rail, row)
            case RefundState.MADE:
                await self._move(row, _Learned(RefundState.MADE, "the rail is closed", _AGAIN_S))
            case _:
                await self._enquire(rail, row)

    async def _make(self, rail: Rail, row: asyncpg.Record) -> None:
        """Store our order, if the rail can carry it."""
        if row["lost"]:
            await self._leave(row, "the database was restored")
            return
        minor, left = self.split(row, rail.adapter.profile.limits)
        if not minor:
            await self._move(row, _Learned(RefundState.CARRIED, carried_minor=left))
            return
        try:
            order = await self._order(rail, row, Money(minor, row["debit_currency"]))
            native = rail.translate(order)
        except (_CannotBeOrdered, Erased) as error:
            await self._leave(row, str(error))
            return
        except Refused as error:
            await self._leave(row, error.detail)
            return
        sealer, made = self._keys.reopened(row["uetr"], row["sealed_key"]), row["refund_made"] + 1
        failpoint("before_refund_made")
        await self._pool.execute(
            self.sql.make,
            *self.key(row),
            order.payment.uetr,
            native.ref,
            sealer.seal(refund_direction(made, self.ordinal(row)), native.body),
            order.amount.minor,
            order.expires_at,
            made,
            *self.left_over(left),
        )

    async def _order(self, rail: Rail, row: asyncpg.Record, back: Money) -> Order:
        """Our order: the payee of the rail's order pays back its payer, over the gateway.

        Raises:
            _CannotBeOrdered: the books have another amount, or what is stored is not this order.
            Erased: its message was erased.

        """
        raw = self._keys.open(row["uetr"], personal_data.CAME, row["sealed_key"], row["request"])
        try:
            came = rail.request(raw)
        except SwitchError:
            raise _CannotBeOrdered("the rail's order cannot be verified any more") from None
        if not isinstance(came, PaymentOrder) or came.payment.uetr != str(row["uetr"]):
            raise _CannotBeOrdered("what is stored is not this order")
        amount = came.payment.interbank_settlement_amount
        if amount != Money(row["debit_minor"], row["debit_currency"]):
            raise _CannotBeOrdered("the payment was of another amount than the order")
        at = row["now"].replace(microsecond=row["now"].microsecond // 1000 * 1000)
        day = date.fromisoformat(rail.adapter.profile.hours.day(at))
        gateway = Agent(bic=self._intake.participant(row["gateway"]).bic)
        payment = _refund(came, row["rail"], self.name(row), back, gateway=gateway, at=at, day=day)
        serial = await rail.serials.take(at)
        return Order(payment, back, serial, at, at + timedelta(seconds=self._lasts_s))

    async def _send(self, rail: Rail, row: asyncpg.Record) -> None:
        timing, was = rail.adapter.profile.timing, row["refund"]
        native = self._native(row)
        if not await self._pool.fetchval(
            self.sql.send, *self.key(row), was, timing.enquiry_first_s * self._scale
        ):
            return
        failpoint("before_refund_sent")
        with rail.bulkhead:
            receipt = await _submit(rail, native)
        failpoint("after_refund_sent")
        metrics.rail_request(row["rail"], "refund", receipt.acceptance, 0.0)
        rail.breaker.count_exchange(answered=receipt.acceptance is not Acceptance.UNKNOWN)
        learned = self._of_receipt(rail, row, receipt)
        if learned is not None:
            await self._move(row, learned, was=RefundState.SENT)

    def _of_receipt(self, rail: Rail, row: asyncpg.Record, receipt: Receipt) -> _Learned | None:
        """What an exchange means; None: the outcome comes later, and is asked for."""
        first_s = rail.adapter.profile.timing.enquiry_first_s * self._scale
        again = row["refund_tries"] > 0
        if receipt.answer is not None:
            learned = _of_answer(receipt.answer, Money(row["refund_minor"], row["debit_currency"]), first_s)
            if learned.state is RefundState.REFUSED and again:  # of an earlier attempt it proves nothing
                return _Learned(RefundState.UNKNOWN, "refused when it was sent again", first_s)
            return learned
        if receipt.acceptance is Acceptance.ACCEPTED:
            return None
        if receipt.acceptance in {Acceptance.REFUSED, Acceptance.LATER} and not again:
            detail = receipt.detail or "not sent"
            return _Learned(RefundState.MADE, detail, max(_AGAIN_S, first_s), unsent=1)
        return _Learned(RefundState.UNKNOWN, receipt.detail or "no answer", first_s)

    async def _enquire(self, rail: Rail, row: asyncpg.Record) -> None:
        """Ask the rail about our order, a bounded number of times."""
        timing = rail.adapter.profile.timing
        lasts = timedelta(seconds=timing.give_up_s * self._scale)
        if row["refund_enquiries"] >= timing.enquiries_max or row["now"] > row["refund_expires_at"] + lasts:
            await self._move(row, _Learned(RefundState.UNKNOWN, "the rail does not say what became of it"))
            return
        answer = await rail.enquire(self._native(row))
        metrics.rail_request(row["rail"], "enquire", answer.outcome, 0.0)
        asked = answer.outcome is not Outcome.UNKNOWN
        rail.breaker.count_exchange(answered=asked)
        every_s = max(_AGAIN_S, timing.enquiry_every_s * self._scale)
        learned = _of_answer(answer, Money(row["refund_minor"], row["debit_currency"]), every_s)
        await self._move(row, learned, enquiries=int(asked))
        may = rail.adapter.profile.dedupes and row["rail_open"] and not row["lost"]
        if answer.outcome is Outcome.NOT_FOUND and may and row["now"] < row["refund_expires_at"]:
            await self._send(rail, {**row, "refund": RefundState.UNKNOWN})

    async def _read_back(self, rail: Rail, row: asyncpg.Record) -> None:
        """Read again what the rail says against a refund that it had executed; its signature is verified."""
        amount = Money(row["refund_minor"], row["debit_currency"])
        try:
            direction = refund_back_direction(self.ordinal(row))
            raw = self._keys.open(row["uetr"], direction, row["sealed_key"], row["refund_back"])
            answers = rail.read(raw)
        except (Erased, SwitchError, ValueError) as error:
            _log.error("refund_back_not_verified", rail=row["rail"], error=type(error).__name__)
            answers = ()
        said = next((each for each in answers if each.ref == row["refund_ref"]), None)
        learned = _against_done(said, amount)
        _log.warning("refund_given_back", rail=row["rail"], uetr=str(row["uetr"]), detail=learned.detail)
        await self._move(row, learned)

    def _native(self, row: asyncpg.Record) -> Native:
        direction = refund_direction(row["refund_made"], self.ordinal(row))
        body = self._keys.open(row["uetr"], direction, row["sealed_key"], row["refund_body"])
        return Native(row["refund_ref"], body)

    async def _leave(self, row: asyncpg.Record, why: str) -> None:
        _log.warning("refund_left_to_people", rail=row["rail"], uetr=str(row["uetr"]), detail=why)
        await self._move(row, _Learned(RefundState.LEFT, why, carried_minor=0))

    async def _move(
        self, row: asyncpg.Record, to: _Learned, *, was: RefundState | None = None, enquiries: int = 0
    ) -> None:
        failpoint("before_refund_moved")
        before = was or row["refund"]
        await self._pool.execute(
            self.sql.move,
            *self.key(row),
            before,
            to.state,
            to.detail[:200],
            to.due_s,
            to.unsent,
            enquiries,
            to.back_minor,
            *self.left_over(to.carried_minor),
        )


class PartRefunds(OrderRefunds):
    """Continues refunds of parts of payments, each by an order of its own. One per caretaker."""

    sql = _OF_PARTS

    async def look(self) -> None:
        """One round."""
        await super().look()
        steps = [rail.adapter.profile.limits.step_minor for rail in self._rails.values()]
        await self._pool.execute(_SETTLE_PARTS, list(self._rails), steps)

    @staticmethod
    def key(row: asyncpg.Record) -> tuple[Any, ...]:
        """What identifies a refund in the statements."""
        return row["rail"], row["ref"], row["part"]

    @staticmethod
    def name(row: asyncpg.Record) -> str:
        """What the UETR of a refund follows from."""
        return f"\nrefund\n{row['ref']}\n{row['part']}"

    @staticmethod
    def ordinal(row: asyncpg.Record) -> int:
        """Which part of its payment it refunds."""
        number: int = row["ordinal"]
        return number

    @staticmethod
    def split(row: asyncpg.Record, limits: AmountLimits) -> tuple[int, int]:
        """What our order is of, and what it leaves to the next part: all, if that is too little.

        An order that is made again is of the same amount. Parts that add up to the whole are refunded whole.
        """
        if row["refund_minor"] is not None:
            return row["refund_minor"], row["carried_minor"]
        whole = row["part_minor"] + row["carried_in"]
        fits = whole // limits.step_minor * limits.step_minor
        fits = fits if fits >= limits.minimum_minor else 0
        return fits, whole - fits

    @staticmethod
    def left_over(carried_minor: int | None) -> tuple[int | None, ...]:
        """The parameter of the statements for what a refund leaves to a later one."""
        return (carried_minor,)


def _refund(
    came: PaymentOrder, country: str, name: str, amount: Money, *, gateway: Agent, at: datetime, day: date
) -> CreditTransfer:
    """The payee of an order pays its payer back; whoever makes it again makes the same UETR of its name."""
    paid, uetr = came.payment, uetr_of(country, name)
    own_id = uetrs.to_hex(uetr)
    return CreditTransfer(
        uetr=uetr,
        message_id=own_id,
        created_at=at,
        accepted_at=at,
        end_to_end_id=paid.end_to_end_id,
        transaction_id=own_id,
        interbank_settlement_amount=amount,
        interbank_settlement_date=day,
        charge_bearer="SLEV",
        debtor=paid.creditor,
        debtor_account=paid.creditor_account,
        debtor_agent=gateway,
        creditor_agent=_bank_of_payer(paid.debtor_agent, country),
        creditor=paid.debtor,
        creditor_account=paid.debtor_account,
        purpose=PURPOSE,
        remittance=f"refund of {came.ref}",
    )


def _bank_of_payer(stated: Agent, country: str) -> Agent:
    """The payer's bank; at rails whose member ids are BICs, as its outbound orders name it."""
    member = stated.member_id or ""
    named = identifiers.is_bic(member) and member[4:6] == country
    return replace(stated, bic=member) if named and not stated.bic else stated


async def _submit(rail: Rail, native: Native) -> Receipt:
    """Send it; if an adapter raises, which it must not, nothing is known."""
    try:
        return await reserve_and_submit(rail.adapter, native)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like an answer
        _log.error("refund_not_sent", error=type(error).__name__, detail=logs.where(error))
        return Receipt(Acceptance.UNKNOWN, detail=type(error).__name__)


def _against_done(said: Answer | None, amount: Money) -> _Learned:
    """What it means that a rail says something against a refund which it had executed."""
    code = "" if said is None else said.rail_code or said.reason or ""
    match None if said is None else said.outcome:
        case Outcome.RETURNED:
            assert said is not None
            back = said.amount or amount
            whole = back.currency != amount.currency or back.minor >= amount.minor
            detail = f"the rail gave back {back}: {code}"
            return _Learned(RefundState.GIVEN_BACK, detail, back_minor=amount.minor if whole else back.minor)
        case Outcome.REFUSED:
            detail = f"the rail says now that it refused it: {code}"
            return _Learned(RefundState.GIVEN_BACK, detail, back_minor=amount.minor)
        case _:
            return _Learned(RefundState.DONE, "a message of the rail about it cannot be verified")


def _of_answer(answer: Answer, amount: Money, due_s: float) -> _Learned:
    """What the rail's answer about our order means."""
    code = answer.rail_code or answer.reason or ""
    match answer.outcome:
        case Outcome.DONE if answer.amount is None or answer.amount == amount:
            return _Learned(RefundState.DONE)
        case Outcome.DONE:
            return _Learned(RefundState.UNKNOWN, "the rail states another amount")
        case Outcome.REFUSED | Outcome.RETURNED:
            return _Learned(RefundState.REFUSED, f"{answer.outcome} {code}".strip())
        case _:
            return _Learned(RefundState.UNKNOWN, f"{answer.outcome} {code}".strip(), due_s)
