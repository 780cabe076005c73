"""Two people examine a confirmation that differs from the books, matches nothing, or is not its agent's.

Such a confirmation has no effect, and stays as evidence. The examination moves no money either: it states
what was found out, and ends the case.
"""

from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.content import Participant
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements

_statement: Final = statements("switch.settlement")
_ODD: Final = _statement("odd_confirmation")
_EXAMINE: Final = _statement("examine_confirmation")


class ExaminedConfirmation(Content, frozen=True, kw_only=True):
    """A confirmation, by its SHA-256 and its agent, with the finding. It moves no money."""

    sha256: Annotated[
        str,
        msgspec.Meta(
            title="SHA-256",
            pattern="^[0-9a-f]{64}$",
            description="64 hexadecimal digits of a SHA-256, in lower case",
        ),
    ]
    agent: Participant
    finding: Annotated[str, msgspec.Meta(title="Finding", min_length=1, max_length=300)]


async def _check(connection: asyncpg.Connection, content: ExaminedConfirmation) -> None:
    if await connection.fetchrow(_ODD, bytes.fromhex(content.sha256), content.agent) is None:
        raise Refused(
            "no such confirmation awaits an examination",
            reason=Reason.NARRATIVE,
            remedy="Use the digest of a confirmation that the case names; it may have been examined already.",
        )


async def _effect(connection: asyncpg.Connection, content: ExaminedConfirmation) -> Effect:
    row = await connection.fetchrow(_ODD, bytes.fromhex(content.sha256), content.agent)
    examined = term("examined")
    now = NOTHING if row is None else term("not examined")
    rows = [Row(content.sha256, now, examined)]
    if row is not None:
        rows.append(Row(term("Contradictions"), row["contradictions"] or NOTHING, term("unchanged")))
    return Effect(tuple(rows))


async def _links(_: asyncpg.Connection, content: ExaminedConfirmation) -> tuple[Resource, ...]:
    return (
        Resource(Subject.CONFIRMATION, f"{content.sha256}/{content.agent}"),
        Resource(Subject.PARTICIPANT, content.agent),
    )


async def _examine(execution: Execution, content: ExaminedConfirmation) -> None:
    key = bytes.fromhex(content.sha256), content.agent
    if await execution.connection.fetchval(_EXAMINE, *key, execution.number) is None:
        raise Refused(
            "no such confirmation awaits an examination",
            reason=Reason.NARRATIVE,
            remedy="Use the digest of a confirmation that the case names; it may have been examined already.",
        )
    execution.outcome = f"the confirmation {content.sha256} is examined"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "confirmation.resolve",
        "Resolve a confirmation of a settlement agent",
        ExaminedConfirmation,
        _examine,
        _check,
        effect=_effect,
        links=_links,
    ),
)
