"""Reversals by two people: have a rail take a credit back, and decide the outcome that it does not state.

The order itself moves nothing. Once the rail has taken the credit back, the payment is returned in full, with
its fee, at its own rate. `switch.writer.reversals` has the states.
"""

from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from adapters import registry
from schemas.errors import NotFound, Refused
from schemas.reasons import Reason
from switch.approvals.content import Uetr
from switch.approvals.effects import IRREVERSIBLE, NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.participants import payment_returns
from switch.writer.commands import ReversalAnswered, Reverse
from switch.writer.lifecycle import State
from switch.writer.verdicts import Verdict

_statement: Final = statements("switch.participants")
_FIND: Final = _statement("payment_to_return")
_NEWEST: Final = _statement("newest_reversal")
REASONS: Final = MappingProxyType(
    {
        "AM09": term("wrong amount (AM09)"),
        "CUST": term("requested by the debtor (CUST)"),
        "DUPL": term("duplicate payment (DUPL)"),
        "FRAD": term("fraud (FRAD)"),
        "TECH": term("technical problem (TECH)"),
    }
)
"""Reasons to have a credit taken back (ExternalCancellationReason1Code), and what they mean."""
STATES: Final = MappingProxyType(
    {
        "ordered": term("ordered"),
        "sent": term("sent to the rail"),
        "unknown": term("outcome unknown"),
        "done": term("taken back by the rail"),
        "refused": term("refused by the rail"),
    }
)
"""The states of a reversal."""


class ReversePayment(Content, frozen=True, kw_only=True):
    """Have the rail take a credit back; then the payment is returned in full, with its fee."""

    uetr: Uetr
    reason: Annotated[
        Literal["AM09", "CUST", "DUPL", "FRAD", "TECH"], msgspec.Meta(title="Reason of the reversal")
    ]
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


class ResolveReversal(Content, frozen=True, kw_only=True):
    """Outcome of a reversal that its rail does not state, by evidence from outside the switch."""

    uetr: Uetr
    outcome: Annotated[Literal["done", "refused"], msgspec.Meta(title="Outcome")]
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


async def _check(connection: asyncpg.Connection, content: ReversePayment) -> None:
    row = await connection.fetchrow(_FIND, UUID(content.uetr))
    if row is None or row["state"] != State.COMMITTED:
        raise Refused(
            "only a credited payment can be reversed",
            reason=Reason.NARRATIVE,
            path="uetr",
            remedy=(
                "Read the state with GET /v1/payments/{uetr}: what was not credited is cancelled or"
                " resolved, not reversed."
            ),
        )
    payment_returns.check_not_returned(row)
    newest = await connection.fetchrow(_NEWEST, UUID(content.uetr))
    if newest["is_open"]:
        raise Refused(
            "a reversal of this payment is under way",
            reason=Reason.NARRATIVE,
            path="uetr",
            remedy="Wait for its outcome: GET /v1/payments/{uetr} shows it.",
        )
    if not _reverses(newest["rail"]):
        text = f"the rail of {newest['rail']} answers no reversal in the exchange: agree with it in writing"
        raise Refused(text, reason=Reason.TRANSACTION_NOT_SUPPORTED, path="uetr")


def _reverses(country: str) -> bool:
    try:
        return registry.profile(country).reverses
    except NotFound:
        return False


async def _effect(connection: asyncpg.Connection, content: ReversePayment) -> Effect:
    uetr = UUID(content.uetr)
    row = await connection.fetchrow(_FIND, uetr)
    reason = Row(term("Reason of the reversal"), NOTHING, REASONS[content.reason])
    if row is None:
        return Effect((Row(content.uetr, NOTHING, STATES["ordered"]), reason), (IRREVERSIBLE,))
    now = term("returned") if row["returned"] else row["state"]
    of_provider = await payment_returns.of_provider(connection, uetr)
    rows = (Row(content.uetr, now, term("returned")), reason, *payment_returns.sides(row), *of_provider)
    return Effect(rows, (IRREVERSIBLE,))


def _order(ids: ChangeIds, content: ReversePayment) -> Reverse:
    return Reverse(ids.id(payment_returns.PART), UUID(content.uetr).bytes, content.reason, ids.number)


async def _commands(_: asyncpg.Connection, ids: ChangeIds, content: ReversePayment) -> list[Reverse]:
    return [_order(ids, content)]


async def _reverse(execution: Execution, content: ReversePayment) -> None:
    reply = await execution.link.ask(_order(execution.ids, content))
    if reply.verdict not in {Verdict.CREATED, Verdict.EXISTS}:
        raise Refused(
            f"the reversal was refused: {reply.verdict.text}",
            reason=Reason.NARRATIVE,
            remedy="Read the payment's state; correct what the text names, and request it again.",
        )
    execution.outcome = f"the reversal of {content.uetr} is ordered"


async def _unresolved(connection: asyncpg.Connection, uetr: str) -> UUID:
    """The id of a payment's reversal for which people decide.

    Raises:
        Refused: there is none, or its rail is still asked.

    """
    row = await connection.fetchrow(_NEWEST, UUID(uetr))
    if row is None or not row["awaits_people"]:
        raise Refused(
            "no reversal of this payment awaits a decision",
            reason=Reason.NARRATIVE,
            path="uetr",
            remedy="Use the UETR of a case of kind reversal that is open (GET /v1/cases).",
        )
    id_: UUID = row["id"]
    return id_


async def _check_resolution(connection: asyncpg.Connection, content: ResolveReversal) -> None:
    await _unresolved(connection, content.uetr)


async def _effect_of_resolution(connection: asyncpg.Connection, content: ResolveReversal) -> Effect:
    newest = await connection.fetchrow(_NEWEST, UUID(content.uetr))
    now = NOTHING if newest is None or newest["state"] is None else STATES[newest["state"]]
    decided = Row(term("Reversal at the rail"), now, STATES[content.outcome])
    row = await connection.fetchrow(_FIND, UUID(content.uetr))
    if row is None or content.outcome == "refused":
        return Effect((Row(term("Payment"), content.uetr, content.uetr), decided))
    return Effect((decided, *payment_returns.sides(row)), (IRREVERSIBLE,))


async def _commands_of_resolution(
    connection: asyncpg.Connection, ids: ChangeIds, content: ResolveReversal
) -> list[ReversalAnswered]:
    id_ = await _unresolved(connection, content.uetr)
    return [
        ReversalAnswered(
            id_.bytes,
            UUID(content.uetr).bytes,
            content.outcome,
            f"two people: change {ids.number}",
            change=ids.number,
        )
    ]


async def _resolve(execution: Execution, content: ResolveReversal) -> None:
    (command,) = await _commands_of_resolution(execution.connection, execution.ids, content)
    reply = await execution.link.ask(command)
    if reply.state != content.outcome:
        raise Refused(
            f"the reversal could not be resolved: {reply.verdict.text}",
            reason=Reason.NARRATIVE,
            remedy="Read the payment's state; if its reversal is still in doubt, request it again.",
        )
    execution.outcome = f"the reversal of {content.uetr} is {reply.state}"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "payment.reverse",
        "Have the rail take a credit back",
        ReversePayment,
        _reverse,
        _check,
        effect=_effect,
        links=links_to(Subject.PAYMENT, "uetr"),
        commands=_commands,
        moves_books=True,
    ),
    ChangeKind(
        "reversal.resolve",
        "Resolve a reversal with an unknown outcome",
        ResolveReversal,
        _resolve,
        _check_resolution,
        effect=_effect_of_resolution,
        links=links_to(Subject.PAYMENT, "uetr"),
        commands=_commands_of_resolution,
        moves_books=True,
    ),
)
