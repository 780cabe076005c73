"""Manual resolution by two people: of a payment with an unknown outcome, or of a reconciliation break."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.content import Uetr
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution, locked
from switch.base.sql import statements
from switch.participants import payment_returns
from switch.payments.reconciliation import resolve_break
from switch.writer.commands import Advance, Return
from switch.writer.lifecycle import Event, State

_statement: Final = statements("switch.participants")
_RETURNABLE: Final = _statement("returnable_payment")
_UETR_OF_BREAK: Final = _statement("uetr_of_break")
_OUTCOMES: Final[dict[str, tuple[Event, State]]] = {
    "committed": (Event.CONFIRM, State.COMMITTED),
    "aborted": (Event.REJECT, State.ABORTED),
}

BREAKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "credited_unknown_here": term("Credited by the rail, unknown to the switch"),
        "credited_but_aborted": term("Credited by the rail, aborted by the switch"),
        "refused_but_committed": term("Rejected by the rail, committed by the switch"),
        "returned_by_rail": term("Given back by the rail after it was credited"),
        "another_amount": term("Amount mismatch"),
        "missing_at_rail": term("Committed by the switch, missing in the rail's files"),
    }
)
"""Titles of reconciliation breaks."""
_OPEN: Final = _statement("open_payment")
_RETURNED: Final = _statement("payment_of_break")


class Resolve(Content, frozen=True, kw_only=True):
    """Outcome at the rail, by evidence from outside the switch: a statement, a message, a case number."""

    uetr: Uetr
    outcome: Annotated[Literal["committed", "aborted"], msgspec.Meta(title="Outcome")]
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


async def _check(connection: asyncpg.Connection, content: Resolve) -> None:
    state = await connection.fetchval(
        "SELECT state FROM switch.open_payment WHERE uetr = $1", UUID(content.uetr)
    )
    if state != State.UNKNOWN:
        raise Refused(
            "only a payment with an unknown outcome can be resolved",
            reason=Reason.NARRATIVE,
            remedy="Read the state with GET /v1/payments/{uetr}: a final payment needs no resolution.",
        )


async def _effect(connection: asyncpg.Connection, content: Resolve) -> Effect:
    row = await connection.fetchrow(_OPEN, UUID(content.uetr))
    _, state = _OUTCOMES[content.outcome]
    if row is None:
        return Effect((Row(content.uetr, NOTHING, state),))
    held = term("held")
    thens = (term("paid"), term("received"))
    if state is State.ABORTED:
        thens = (term("released"), term("not received"))
    sides = [Row(what, held, then) for what, then in zip(payment_returns.agents_of(row), thens, strict=True)]
    return Effect((Row(content.uetr, row["state"], state), *sides))


def _step(ids: ChangeIds, content: Resolve) -> Advance:
    event, _ = _OUTCOMES[content.outcome]
    return Advance(
        UUID(content.uetr).bytes,
        event,
        reason="" if event == Event.CONFIRM else Reason.NARRATIVE,
        detail=f"two people: change {ids.number}",
        only_in_doubt=True,
        change=ids.number,
    )


async def _commands_of_resolution(_: asyncpg.Connection, ids: ChangeIds, content: Resolve) -> list[Advance]:
    return [_step(ids, content)]


async def _resolve(execution: Execution, content: Resolve) -> None:
    _, wanted = _OUTCOMES[content.outcome]
    reply = await execution.link.ask(_step(execution.ids, content))
    if reply.state != wanted:
        raise Refused(
            f"the payment became {reply.state.lower()} meanwhile",
            reason=Reason.NARRATIVE,
            remedy="Nothing is left to do if that is right; otherwise return it (payment.return).",
        )
    execution.outcome = f"{content.uetr} is {reply.state}"


class ResolveBreak(Content, frozen=True, kw_only=True):
    """Resolution of a reconciliation break, with the finding and the action taken. It moves no money."""

    number: Annotated[int, msgspec.Meta(title="Number", ge=1, le=2**63 - 1)]
    resolution: Annotated[str, msgspec.Meta(title="Resolution", min_length=1, max_length=300)]


async def _check_break(connection: asyncpg.Connection, content: ResolveBreak) -> None:
    if not await connection.fetchval(
        locked("SELECT true FROM switch.reconciliation_break WHERE id = $1 AND resolved_at IS NULL"),
        content.number,
    ):
        raise Refused(
            "no such break is open",
            reason=Reason.NARRATIVE,
            remedy="Use the number of an open break: payswitch rails breaks COUNTRY lists them.",
        )


async def _effect_on_break(connection: asyncpg.Connection, content: "ResolveBreak | ReturnBreak") -> Effect:
    row = await connection.fetchrow(
        "SELECT kind, rail, ref, detail, resolved_at FROM switch.reconciliation_break WHERE id = $1",
        content.number,
    )
    resolved = term("resolved")
    if row is None:
        return Effect((Row(str(content.number), NOTHING, resolved),))
    now = resolved if row["resolved_at"] else term("open")
    stays = ((term("Rail"), "rail"), (term("Reference"), "ref"), (term("Detail"), "detail"))
    kept = (Row(what, row[name], row[name]) for what, name in stays)
    return Effect((Row(BREAKS[row["kind"]], now, resolved), *kept))


async def _resolve_break(execution: Execution, content: ResolveBreak) -> None:
    owner = f"change {execution.number}"
    await resolve_break(execution.connection, content.number, owner, content.resolution)
    execution.outcome = f"break {content.number} is resolved"


class ReturnBreak(Content, frozen=True, kw_only=True):
    """Return what a rail gave back of a committed payment, or one that it rejected, and resolve its break."""

    number: Annotated[int, msgspec.Meta(title="Number", ge=1, le=2**63 - 1)]
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


async def _returned_payment(connection: asyncpg.Connection, number: int) -> asyncpg.Record:
    """Payment of a break that a return can resolve, and the part of it that came back.

    Raises:
        Refused: the break is resolved, or is not about a committed payment that its rail returned.

    """
    row = await connection.fetchrow(_RETURNABLE, number)
    if row is None:
        raise Refused(
            "no open break of a committed payment that its rail rejected, or of which so much is left",
            reason=Reason.NARRATIVE,
            remedy="Use break.resolve, which moves no money, for breaks of other kinds.",
        )
    return row


async def _check_return(connection: asyncpg.Connection, content: ReturnBreak) -> None:
    await _returned_payment(connection, content.number)


async def _effect_of_return(connection: asyncpg.Connection, content: ReturnBreak) -> Effect:
    end = await _effect_on_break(connection, content)
    row = await connection.fetchrow(_RETURNED, content.number)
    if row is None:
        return end
    of_provider = await payment_returns.of_provider(connection, row["uetr"])
    return Effect((*end.rows, *payment_returns.sides(row, row["part_minor"]), *of_provider))


async def _links_of_break(
    connection: asyncpg.Connection, content: ResolveBreak | ReturnBreak
) -> tuple[Resource, ...]:
    """The break, and its payment if the switch has it."""
    uetr = await connection.fetchval(_UETR_OF_BREAK, content.number)
    itself = Resource(Subject.RECONCILIATION_BREAK, str(content.number))
    return (itself, Resource(Subject.PAYMENT, str(uetr))) if uetr else (itself,)


async def _commands_of_return(
    connection: asyncpg.Connection, ids: ChangeIds, content: ReturnBreak
) -> list[Return]:
    row = await _returned_payment(connection, content.number)
    part, reference = row["part_minor"] or 0, row["reference"] or ""
    command = payment_returns.command_of(
        ids, row["uetr"], Reason.NARRATIVE, minor=part, reference=reference if part else ""
    )
    return [command]


async def _return(execution: Execution, content: ReturnBreak) -> None:
    (command,) = await _commands_of_return(execution.connection, execution.ids, content)
    await payment_returns.give_back(execution, command)
    owner = f"change {execution.number}"
    await resolve_break(execution.connection, content.number, owner, content.evidence)
    execution.outcome = f"{UUID(bytes=command.uetr)} is returned, and break {content.number} is resolved"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "payment.resolve",
        "Resolve a payment with an unknown outcome",
        Resolve,
        _resolve,
        _check,
        effect=_effect,
        links=links_to(Subject.PAYMENT, "uetr"),
        commands=_commands_of_resolution,
        moves_books=True,
    ),
    ChangeKind(
        "break.return",
        "Return a payment that its rail returned",
        ReturnBreak,
        _return,
        _check_return,
        effect=_effect_of_return,
        links=_links_of_break,
        commands=_commands_of_return,
        moves_books=True,
    ),
    ChangeKind(
        "break.resolve",
        "Resolve a reconciliation break",
        ResolveBreak,
        _resolve_break,
        _check_break,
        effect=_effect_on_break,
        links=_links_of_break,
    ),
)
