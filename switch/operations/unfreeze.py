"""The end of a freeze: two people confirm that the books are correct, after a check without faults."""

import json
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.writer.commands import Unfreeze

_STANDS: Final = statements("switch.operations")("last_look")


class UnfreezeFindings(Content, frozen=True, kw_only=True):
    """What was wrong with the books, and what was done about it."""

    found: Annotated[str, msgspec.Meta(title="What was found and done", min_length=1, max_length=300)]


async def _check(connection: asyncpg.Connection, _: UnfreezeFindings) -> None:
    row = await connection.fetchrow(_STANDS)
    if row is None:
        raise Refused(
            "the books are not frozen",
            reason=Reason.NARRATIVE,
            remedy="Nothing is left to do: payments are accepted.",
        )
    faults = json.loads(row["faults"])
    if faults:
        check, text = faults[0]
        raise Refused(
            f"the last check still found {len(faults)} faults: {check}, {text}",
            reason=Reason.NARRATIVE,
            remedy=(
                "Mend what the check names (docs/operate/runbooks), and request it again after the next"
                " check."
            ),
        )
    if not row["looked"]:
        raise Refused(
            "the books have not been checked since they were frozen: try again soon",
            reason=Reason.NARRATIVE,
            remedy="Wait for the next check, a minute, and request it again.",
        )


async def _effect(connection: asyncpg.Connection, _: UnfreezeFindings) -> Effect:
    frozen = await connection.fetchval("SELECT true FROM switch.freeze")
    return Effect((Row(term("Books"), term("frozen") if frozen else term("open"), term("open")),))


async def _commands(_: asyncpg.Connection, ids: ChangeIds, content: UnfreezeFindings) -> list[Unfreeze]:
    return [Unfreeze(f"change {ids.number}: {content.found}", ids.number)]


async def _unfreeze(execution: Execution, content: UnfreezeFindings) -> None:
    (command,) = await _commands(execution.connection, execution.ids, content)
    reply = await execution.link.ask(command)
    execution.outcome = reply.verdict.text


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "books.unfreeze",
        "Unfreeze the books",
        UnfreezeFindings,
        _unfreeze,
        _check,
        effect=_effect,
        links=links_to(Subject.BOOKS),
        commands=_commands,
        moves_books=True,
    ),
)
