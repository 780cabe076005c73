"""Payments that begin at a rail, by two people: who takes a rail's orders, and the end of what is owed.

`rail.inbound` names the gateway that is the debtor agent of a rail's payments, states the purpose of those
whose orders state none, and pauses or opens the rail's orders. `order.settle` ends an obligation: the rail
and the books say different things of an order, and people have agreed outside the switch who pays whom.
"""

from types import MappingProxyType
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import msgspec

from adapters import registry
from schemas.errors import NotFound, Refused
from schemas.reasons import Reason
from switch.approvals.content import Country, Id, Open, Uetr, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, openness, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.participants.tariffs import PurposeCode

_statement: Final = statements("switch.participants")
_GATEWAY: Final = "SELECT kind, country::text, status FROM switch.participant WHERE id = $1"
_SETTING: Final = (
    "SELECT gateway, open, purpose, refunds_since IS NOT NULL AS refunds"
    " FROM switch.rail_inbound WHERE rail = $1"
)
_SET: Final = _statement("set_rail_inbound")
_UNDER_WAY: Final = _statement("has_inbound_orders")
_OBLIGATION: Final = _statement("inbound_obligation")
_SETTLE: Final = _statement("settle_inbound_order")
_LOCK: Final = "SELECT FROM switch.inbound_order WHERE uetr = $1 FOR UPDATE"
"""Before what is under way is looked at: a refund of a part is made in another row."""


STATES: Final = MappingProxyType(
    {
        "barred": term("barred"),
        "received": term("received"),
        "taken": term("taken"),
        "done": term("done"),
        "refused": term("refused"),
        "stopped": term("stopped"),
    }
)
"""The states of an order."""
REFUNDS: Final = MappingProxyType(
    {
        "made": term("ready to be sent"),
        "sent": term("sent to the rail"),
        "unknown": term("outcome unknown"),
        "done": term("the payer has the money"),
        "refused": term("refused by the rail"),
        "left": term("left to people"),
        "carried": term("too little for the rail: it goes with the next part"),
        "given_back": term("given back by the rail after it was executed"),
    }
)
"""The states of the refund of an order over its rail."""


class SetInbound(Content, frozen=True, kw_only=True):
    """Who takes the orders of a rail; not open: new ones are refused, and those that came are ended."""

    country: Country
    gateway: Annotated[Id, msgspec.Meta(title="Gateway")]
    open: Open
    purpose: Annotated[
        PurposeCode | None, msgspec.Meta(title="Purpose of orders that state none (empty: none)")
    ] = None
    refunds: Annotated[bool, msgspec.Meta(title="Refund payers over the rail")] = False


class SettleOrder(Content, frozen=True, kw_only=True):
    """End what the rail's side and ours owe each other for an order, by evidence from outside the switch."""

    uetr: Uetr
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


def originates(country: str) -> bool:
    """Whether the adapter of a rail takes orders; one that is not installed does not."""
    try:
        return registry.originates(country)
    except NotFound:
        return False


async def _check(connection: asyncpg.Connection, content: SetInbound) -> None:
    if not originates(content.country):
        raise refuse(
            "this rail's adapter takes no orders",
            remedy="Choose a rail whose adapter takes orders: docs/operate/rails.md.",
        )
    gateway = await connection.fetchrow(_GATEWAY, content.gateway)
    if gateway is None or (gateway["kind"], gateway["country"]) != ("gateway", content.country):
        raise refuse(
            "it is not a participant of the kind gateway in this country",
            remedy="Use the id of a gateway of this country: GET /v1/participants lists them.",
        )
    if content.open and gateway["status"] != "active":
        raise refuse("the gateway is not active", remedy="Resume the gateway first (participant.resume).")
    now = await connection.fetchrow(_SETTING, content.country)
    replaced = now is not None and now["gateway"] != content.gateway
    if replaced and await connection.fetchval(_UNDER_WAY, content.country):
        raise refuse(
            "orders of this rail are under way: pause it first, and wait until they have ended",
            remedy=(
                "Close the orders of the rail, wait until those under way have ended, and request it again."
            ),
        )


async def _effect(connection: asyncpg.Connection, content: SetInbound) -> Effect:
    now = await connection.fetchrow(_SETTING, content.country)
    is_open = None if now is None else now["open"]
    return Effect(
        (
            Row(term("Orders of the rail"), openness(is_open=is_open), openness(is_open=content.open)),
            Row(term("Gateway"), NOTHING if now is None else now["gateway"], content.gateway),
            Row(
                term("Purpose of orders that state none"),
                NOTHING if now is None else now["purpose"] or NOTHING,
                content.purpose or NOTHING,
            ),
            Row(
                term("Refunds over the rail"),
                openness(is_open=None if now is None else now["refunds"]),
                openness(is_open=content.refunds),
            ),
        )
    )


async def _set(execution: Execution, content: SetInbound) -> None:
    await execution.connection.execute(
        _SET,
        content.country,
        content.gateway,
        content.open,
        execution.number,
        content.purpose or "",
        content.refunds,
    )
    state = "open" if content.open else "closed"
    execution.outcome = f"orders of the rail of {content.country} are {state}"


async def _obligation(connection: asyncpg.Connection, uetr: str) -> asyncpg.Record:
    row = await connection.fetchrow(_OBLIGATION, UUID(uetr))
    if row is None:
        raise Refused(
            "nothing is owed for an order of this UETR",
            reason=Reason.NARRATIVE,
            path="uetr",
            remedy="Use the UETR of an order whose case is open (GET /v1/cases).",
        )
    if row["refunding"]:
        raise refuse(
            "our refund over the rail has no outcome yet",
            remedy="Wait until the refund has an outcome, or is left to people; the payment's page shows it.",
        )
    return row


async def _check_settle(connection: asyncpg.Connection, content: SettleOrder) -> None:
    await _obligation(connection, content.uetr)


async def _effect_of_settling(connection: asyncpg.Connection, content: SettleOrder) -> Effect:
    row = await connection.fetchrow(_OBLIGATION, UUID(content.uetr))
    now = NOTHING if row is None else row["disputed"]
    rows = [Row(term("Order of a rail"), content.uetr, content.uetr), Row(term("Owed"), now, term("settled"))]
    if row is not None:
        said = STATES[row["state"]]
        rows[:0] = [Row(term("Rail"), row["rail"], row["rail"]), Row(term("State"), said, said)]
    return Effect(tuple(rows))


async def _settle(execution: Execution, content: SettleOrder) -> None:
    await execution.connection.execute(_LOCK, UUID(content.uetr))
    await _obligation(execution.connection, content.uetr)
    if not await execution.connection.fetchval(_SETTLE, UUID(content.uetr), execution.number):
        raise refuse(
            "our refund over the rail has begun meanwhile",
            remedy="Wait until the refund has an outcome, or is left to people; the payment's page shows it.",
        )
    execution.outcome = f"the order {content.uetr} is settled"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "rail.inbound",
        "Accept payment orders of a rail",
        SetInbound,
        _set,
        _check,
        effect=_effect,
        links=links_to(Subject.RAIL, "country"),
    ),
    ChangeKind(
        "order.settle",
        "Settle a disputed order of a rail",
        SettleOrder,
        _settle,
        _check_settle,
        effect=_effect_of_settling,
        links=links_to(Subject.PAYMENT, "uetr"),
    ),
)
