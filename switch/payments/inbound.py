"""Orders that a rail sends us: what is kept of them, and what the rail is told.

    received --take--> taken --> done       its payment is credited
       |                 +-----> refused    its payment was refused, or its rail did not credit it
       +--------------> stopped             given up by the rail, or refused before it was given to the intake
    barred                                  asked about before it came: it will not be executed

An order is durable before it is acknowledged. What moves money is its payment alone: the caretaker makes a
pacs.008 of the order, with the gateway as debtor agent, and gives it to the ordinary intake. Its UETR follows
from the rail's id, so that the ledger decides it once, and the payment says what became of the order. The one
decision that is made here is whether an order is given to the intake at all: `taken` and `stopped` are
reached from `received` by one update each, and only one of them succeeds.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from msgspec import structs

from adapters.originating import OrderVerdict, PaymentOrder, ReturnOrder, uetr_of
from adapters.port import Outcome
from schemas import codec, credit_transfer
from schemas.errors import DuplicateUetr, TooManyRequests, Unavailable
from schemas.payment import Agent, CreditTransfer
from schemas.reasons import Reason
from switch.base import personal_data
from switch.base.personal_data import KeyRing
from switch.base.sql import statements
from switch.payments.directory import Participant

_statement: Final = statements("switch.payments")
_ADD: Final = _statement("add_inbound")
_STOP: Final = _statement("stop_inbound")
_READ: Final = _statement("read_inbound")
_RAILS: Final = _statement("inbound_rails")
_RESTORED: Final = "SELECT EXISTS (SELECT FROM switch.restore_line WHERE uetr = $1 AND done)"
_RAILS_EVERY_S: Final = 1.0
UNKNOWN_MAX: Final = 1_000
"""Ids that never came of which one rail may ask one process at once: each is kept for ever, as barred."""
UNKNOWN_PER_S: Final = 2.0
"""How many more a second."""
ANSWER: Final = 2
"""Direction of the answer to a rail (`personal_data`), beside the request and the pacs.008."""
REFUND: Final = 3
"""Direction of our order to the rail that refunds the payer (`refund_direction`)."""
REFUND_BACK: Final = 4
"""Direction of what the rail says of our refund after it has executed it."""

_ANY_TIME: Final = datetime.fromtimestamp(0, UTC)

_DIRECTIONS: Final = 8
ORDERS_MAX: Final = 7
"""Orders of ours for one refund, at most, so that each has a direction of its own."""


def refund_direction(made: int, part: int = 0) -> int:
    """The direction of the `made`th order of ours: a data key seals each under a nonce of its own.

    `part`: which part of the payment it refunds, from 1; 0 if it refunds the whole.
    """
    assert made <= ORDERS_MAX
    return REFUND + _DIRECTIONS * (made + (ORDERS_MAX + 1) * part)


def refund_back_direction(part: int = 0) -> int:
    """The direction of what the rail says of a refund, whole or of a part, after it has executed it."""
    return REFUND_BACK + _DIRECTIONS * (ORDERS_MAX + 1) * part


class OrderKind(StrEnum):
    """What a rail asked for, of what is kept."""

    ORDER = "order"
    RETURN = "return"


class OrderState(StrEnum):
    """State of an order, or of a return, which is never taken nor barred."""

    BARRED = "barred"
    RECEIVED = "received"
    TAKEN = "taken"
    DONE = "done"
    REFUSED = "refused"
    STOPPED = "stopped"


class RefundState(StrEnum):
    """State of the refund of an order over its rail (`switch.processes.order_refunds`)."""

    NONE = ""
    MADE = "made"
    SENT = "sent"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"
    LEFT = "left"
    CARRIED = "carried"
    GIVEN_BACK = "given_back"


class InboundRail(NamedTuple):
    """Who takes the orders of a rail, and whether new ones are accepted."""

    rail: str
    gateway: str
    open: bool
    purpose: str = ""
    """Of the payments of orders that state none; empty: they have none."""
    refunded: bool = False
    """Whether an order of it was ever refunded over the rail: its answers may be about a refund."""


class InboundRails:
    """The rails whose orders are taken, as two people set them; read again every second, when needed."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._rails: dict[str, InboundRail] = {}
        self._read_at = float("-inf")
        self._unknown: dict[str, tuple[float, float]] = {}
        """By country: how many unknown ids it may still ask about, and when that was counted."""

    def bar_one(self, country: str, now: float | None = None) -> None:
        """Count an id that never came, before it is barred.

        Raises:
            TooManyRequests: the rail asks about too many; nothing is said of this one, and it asks again.

        """
        at = monotonic() if now is None else now
        left, since = self._unknown.get(country, (float(UNKNOWN_MAX), at))
        left = min(UNKNOWN_MAX, left + (at - since) * UNKNOWN_PER_S)
        self._unknown[country] = left - (left >= 1), at
        if left < 1:
            raise TooManyRequests("too many ids of orders that never came: ask again later")

    async def get(self, country: str) -> InboundRail | None:
        """The setting of a rail; None if its orders are not taken."""
        return (await self.all()).get(country)

    async def all(self) -> Mapping[str, InboundRail]:
        """The settings by country; one stays when a rail's orders are not taken any more."""
        if monotonic() - self._read_at > _RAILS_EVERY_S:
            self._rails = {row["rail"]: InboundRail(*row) for row in await self._pool.fetch(_RAILS)}
            self._read_at = monotonic()
        return self._rails


class KnownOrder(NamedTuple):
    """What is known of an order or a return."""

    state: OrderState
    reason: str
    received_at: datetime
    decided_at: datetime | None

    @property
    def verdict(self) -> OrderVerdict:
        """What the rail is told of an order; the same as long as its state is the same."""
        at = self.decided_at or self.received_at
        match self.state:
            case OrderState.DONE:
                return OrderVerdict(Outcome.DONE, at)
            case OrderState.REFUSED | OrderState.STOPPED:
                return OrderVerdict(Outcome.REFUSED, at, self.reason or Reason.REASON_NOT_SPECIFIED)
            case OrderState.BARRED:
                return OrderVerdict(Outcome.NOT_FOUND, at)
            case _:
                return OrderVerdict(Outcome.PENDING, self.received_at)


async def keep_order(
    pool: asyncpg.Pool,
    keys: KeyRing,
    setting: InboundRail,
    order: PaymentOrder,
    raw: bytes,
    *,
    lasts_s: float,
) -> KnownOrder:
    """Keep an order, once; what is known of it. Without a limit of the rail it may be executed for `lasts_s`.

    Raises:
        DuplicateUetr: its id is known with other content.

    """
    sealer = keys.sealer(UUID(order.payment.uetr))
    taken = setting.open or await executed_before_restore(pool, UUID(order.payment.uetr))
    state = OrderState.RECEIVED if taken else OrderState.STOPPED
    digest = _digest(keys, setting.rail, order)
    made_at = order.payment.created_at
    await pool.execute(
        _ADD,
        setting.rail,
        OrderKind.ORDER,
        order.ref,
        "",
        UUID(order.payment.uetr),
        setting.gateway,
        state,
        digest,
        sealer.sealed_key,
        sealer.seal(personal_data.CAME, raw),
        order.expires_at or made_at + timedelta(seconds=lasts_s),
        "" if taken else Reason.TRANSACTION_FORBIDDEN,
        Reason.CUT_OFF_TIME,
    )
    found = await pool.fetchrow(_READ, setting.rail, OrderKind.ORDER, order.ref)
    if found["digest"] != digest:
        raise DuplicateUetr
    return _known(found)


async def executed_before_restore(pool: asyncpg.Pool, uetr: UUID) -> bool:
    """Whether a rail executed a payment that a restore of the database has forgotten, by the rail's file.

    Its order is kept whenever it comes again: only then do the books learn who has paid.
    """
    return bool(await pool.fetchval(_RESTORED, uetr))


async def look_up(pool: asyncpg.Pool, rails: InboundRails, country: str, ref: str) -> KnownOrder:
    """What is known of an order; one that never came is barred, since its rail will be told so.

    Raises:
        TooManyRequests: the rail asks about too many that never came.
        Unavailable: it was executed before a restore, which lost it: nothing true can be said yet.

    """
    found = await pool.fetchrow(_READ, country, OrderKind.ORDER, ref)
    if found is None:
        rails.bar_one(country)
        await _bar(pool, country, ref)
        found = await pool.fetchrow(_READ, country, OrderKind.ORDER, ref)
    return _known(found)


async def keep_return(
    pool: asyncpg.Pool,
    keys: KeyRing,
    setting: InboundRail,
    asked: ReturnOrder,
    raw: bytes,
    *,
    rails: InboundRails,
) -> KnownOrder:
    """Keep that a rail gives an order up, and stop the order if it is not given to the intake.

    Raises:
        DuplicateUetr: the id of the request is known for another order.
        TooManyRequests, Unavailable: as `look_up`.

    """
    await look_up(pool, rails, setting.rail, asked.original)
    uetr = UUID(uetr_of(setting.rail, asked.original))
    sealer = keys.sealer(uetr)
    digest = keys.fingerprint(setting.rail, asked.original.encode())
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            _ADD,
            setting.rail,
            OrderKind.RETURN,
            asked.ref,
            asked.original,
            uetr,
            setting.gateway,
            OrderState.RECEIVED,
            digest,
            sealer.sealed_key,
            sealer.seal(personal_data.CAME, raw),
            None,
            "",
            "",
        )
        await connection.execute(_STOP, setting.rail, asked.original, Reason.REASON_NOT_SPECIFIED)
    found = await pool.fetchrow(_READ, setting.rail, OrderKind.RETURN, asked.ref)
    if found["digest"] != digest:
        raise DuplicateUetr
    return _known(found)


async def read(pool: asyncpg.Pool, country: str, kind: OrderKind, ref: str) -> KnownOrder:
    """What is known of an order or a return that was kept."""
    return _known(await pool.fetchrow(_READ, country, kind, ref))


def addressed(order: PaymentOrder, bank: Participant | None, form: str) -> PaymentOrder:
    """The order with the id of the payee's bank at its own rail, where that is needed and none is stated.

    Args:
        order: Many rails have no place for it.
        bank: The participant of the BIC that the order states.
        form: What its rail needs: `RailProfile.member_id`.

    """
    agent = order.payment.creditor_agent
    if not form or bank is None or agent.member_id is not None:
        return order
    whole = [each for each in bank.member_ids if re.fullmatch(form, each, re.ASCII)]
    if len(whole) != 1:  # its rail refuses the order, which says why
        return order
    stated = structs.replace(agent, member_id=whole[0])
    return replace(order, payment=structs.replace(order.payment, creditor_agent=stated))


def pacs_008(order: PaymentOrder, gateway_bic: str, expires_at: datetime, purpose: str = "") -> bytes:
    """The payment of an order: its debtor agent is the gateway, its limit in time the order's.

    `purpose` is that of the gateway's record, for an order that states none.

    Raises:
        SwitchError: it cannot be stated in a pacs.008.

    """
    payment = structs.replace(
        order.payment,
        debtor_agent=Agent(bic=gateway_bic),
        deadline=expires_at,
        purpose=order.payment.purpose or purpose or None,
    )
    return codec.encode(credit_transfer.DEFAULT_VERSION, credit_transfer.build(payment), media_type=codec.XML)


async def _bar(pool: asyncpg.Pool, country: str, ref: str) -> None:
    uetr = UUID(uetr_of(country, ref))
    if await executed_before_restore(pool, uetr):
        raise Unavailable("it was executed before a restore of the database")
    state, nothing = OrderState.BARRED, (b"", None, None, None, "", "")
    await pool.execute(_ADD, country, OrderKind.ORDER, ref, "", uetr, "", state, *nothing)


def _digest(keys: KeyRing, rail: str, order: PaymentOrder) -> bytes:
    """What a repetition of an order has in common with it: everything but when it was written."""
    same: CreditTransfer = structs.replace(order.payment, created_at=_ANY_TIME)
    return keys.fingerprint(rail, msgspec.json.encode((order.ref, same)))


def _known(row: asyncpg.Record) -> KnownOrder:
    return KnownOrder(OrderState(row["state"]), row["reason"], row["received_at"], row["decided_at"])
