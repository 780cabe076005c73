"""The change that states who decides about held payments: for one participant, or for all others."""

from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import Effect, Row, Subject, links_to
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.cases import officers
from switch.cases.officers import EVERYBODY, TITLES, DecidedBy

_statement: Final = statements("switch.operations")
_SET: Final = _statement("set_screening_officers")
_ALL: Final = _statement("screening_officers")
_ACTIVE: Final = (
    "SELECT count(*) FROM switch.person WHERE role = 'officer' AND scope = $1 AND status = 'active'"
)
_KNOWN: Final = "SELECT true FROM switch.participant WHERE id = $1 AND status <> 'removed'"
_TWO: Final = 2


class ScreeningOfficers(Content, frozen=True, kw_only=True):
    """Who decides about payments of a participant that screening holds."""

    participant: Annotated[
        str,
        msgspec.Meta(
            title="Participant",
            pattern=r"^(\*|[a-z0-9][a-z0-9-]{1,34})$",
            description="id of the participant that sends; * for all that have no setting of their own",
        ),
    ]
    decided_by: Annotated[DecidedBy, msgspec.Meta(title="Decided by")]


async def _check(connection: asyncpg.Connection, content: ScreeningOfficers) -> None:
    everybody = content.participant == EVERYBODY
    if not everybody and not await connection.fetchval(_KNOWN, content.participant):
        raise Refused(
            "no such participant",
            path="participant",
            reason=Reason.NARRATIVE,
            remedy="Use an id of GET /v1/participants.",
        )
    if everybody and content.decided_by is DecidedBy.PARTICIPANT:
        raise Refused(
            "name each participant whose own officers decide",
            path="participant",
            reason=Reason.NARRATIVE,
            remedy="Send a change for each participant, with its id.",
        )
    if content.decided_by is DecidedBy.OPERATORS:
        return
    scope = content.participant if content.decided_by is DecidedBy.PARTICIPANT else ""
    if await connection.fetchval(_ACTIVE, scope) < _TWO:
        raise Refused(
            "two screening officers must be active first: one requests, the other approves",
            path="decided_by",
            reason=Reason.NARRATIVE,
            remedy="Add two people with the role officer first (person.add), and let them enrol.",
        )


async def _effect(connection: asyncpg.Connection, content: ScreeningOfficers) -> Effect:
    now = await officers.decided_by(connection, content.participant)
    return Effect((Row(content.participant, TITLES[now], TITLES[content.decided_by]),))


async def _execute(execution: Execution, content: ScreeningOfficers) -> None:
    values = (content.participant, str(content.decided_by), execution.number)
    await execution.connection.execute(_SET, *values)
    if content.participant == "*":
        execution.outcome = f"held payments of all others: {content.decided_by} decide"
    else:
        execution.outcome = f"held payments of {content.participant}: {content.decided_by} decide"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "screening.officers",
        "Set who decides about held payments",
        ScreeningOfficers,
        _execute,
        _check,
        effect=_effect,
        links=links_to(Subject.PARTICIPANT, "participant"),
    ),
)


async def read(connection: asyncpg.Pool | asyncpg.Connection) -> list[dict[str, Any]]:
    """Who decides, of each participant with a setting of its own; `*` is every other one."""
    return [dict(row) for row in await connection.fetch(_ALL)]
