"""What a rail did and did not say: a payment in doubt, or a difference to its file, ended by two people."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.commands import Advance
from switch.lifecycle import State
from switch.people.kinds import Content, Execution, Kind
from switch.reconciliation import resolve_break

_OUTCOMES: Final[dict[str, tuple[Literal["CONFIRM", "REJECT"], State]]] = {
    "committed": ("CONFIRM", State.COMMITTED),
    "aborted": ("REJECT", State.ABORTED),
}


class Resolve(Content, frozen=True, kw_only=True):
    """What the rail did, by evidence that stands outside the switch: a statement, a letter, a case number."""

    uetr: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    outcome: Literal["committed", "aborted"]
    evidence: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


async def _check(connection: asyncpg.Connection, content: Resolve) -> None:
    state = await connection.fetchval(
        "SELECT state FROM switch.open_payment WHERE uetr = $1", UUID(content.uetr)
    )
    if state != State.UNKNOWN:
        raise Refused("this payment is not in doubt", reason="NARR")


async def _resolve(execution: Execution, content: Resolve) -> None:
    event, wanted = _OUTCOMES[content.outcome]
    reply = await execution.link.ask(
        Advance(
            UUID(content.uetr).bytes,
            event,
            reason="" if event == "CONFIRM" else Reason.NARRATIVE,
            detail=f"two people: change {execution.number}",
            only_in_doubt=True,
        )
    )
    if reply.state != wanted:
        raise Refused(f"the payment became {reply.state.lower()} meanwhile", reason="NARR")
    execution.outcome = f"{content.uetr} is {reply.state}"


class ResolveBreak(Content, frozen=True, kw_only=True):
    """A difference to a rail's file, and what was found and done about it. It moves no money."""

    number: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    resolution: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


async def _check_break(connection: asyncpg.Connection, content: ResolveBreak) -> None:
    if not await connection.fetchval(
        "SELECT true FROM switch.reconciliation_break WHERE id = $1 AND resolved_at IS NULL FOR UPDATE",
        content.number,
    ):
        raise Refused("no such break is open", reason="NARR")


async def _resolve_break(execution: Execution, content: ResolveBreak) -> None:
    owner = f"change {execution.number}"
    await resolve_break(execution.connection, content.number, owner, content.resolution)
    execution.outcome = f"break {content.number} is resolved"


KINDS: Final[tuple[Kind[Any], ...]] = (
    Kind("payment.resolve", "End a payment that is in doubt", Resolve, _resolve, _check, moves_books=True),
    Kind("break.resolve", "Resolve a reconciliation break", ResolveBreak, _resolve_break, _check_break),
)
