"""Who decides about payments that screening holds: operators and checkers, or screening officers.

Two people set it for each participant, or for all that have no setting of their own (`EVERYBODY`): officers
of the operator, or those of the participant. Nobody but those who decide reads the names that were found. An
officer sees the cases about which it decides, and no other: it does not learn that another payment is held.
"""

from enum import StrEnum
from typing import Final

import asyncpg

from schemas.errors import NotAllowed, Refused
from schemas.reasons import Reason
from switch.approvals.effects import term
from switch.approvals.kinds import CHECKER
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat

EVERYBODY: Final = "*"
"""The participant of a setting for each participant that has none of its own."""
_DECIDED_BY: Final = statements("switch.cases")("screening_decided_by")


class DecidedBy(StrEnum):
    """Who decides about the held payments of a participant."""

    OPERATORS = "operators"
    """An operator requests, a checker approves."""
    OFFICERS = "officers"
    """Two screening officers of the operator."""
    PARTICIPANT = "participant"
    """Two screening officers of the participant itself."""


TITLES: Final = {
    DecidedBy.OPERATORS: term("operators and checkers"),
    DecidedBy.OFFICERS: term("screening officers of the operator"),
    DecidedBy.PARTICIPANT: term("its own screening officers"),
}


async def decided_by(connection: asyncpg.Connection | asyncpg.Pool, participant: str) -> DecidedBy:
    """Who decides about payments that this participant sends."""
    found = await connection.fetchval(_DECIDED_BY, participant)
    return DecidedBy.OPERATORS if found is None else DecidedBy(found)


def decides(person: Person, by: DecidedBy, participant: str) -> bool:
    """Whether a person is one of those who decide about payments of `participant`."""
    if by is DecidedBy.OPERATORS:
        return person.role in {Role.OPERATOR, Role.CHECKER}
    scope = participant if by is DecidedBy.PARTICIPANT else ""
    return person.role is Role.OFFICER and person.scope == scope


def unknown_to_officer(text: str, path: str) -> Refused:
    """The one refusal for what does not exist and for what others decide about."""
    return Refused(text, path=path, reason=Reason.NARRATIVE, remedy=REMEDY)


async def admit(
    connection: asyncpg.Connection, participant: str | None, maker: Person, unknown: Refused
) -> None:
    """Refuse an officer whatever others decide about; `participant` None: it does not exist.

    Raises:
        Refused: `unknown`, which says nothing else of what exists than of what does not.

    """
    if maker.role is not Role.OFFICER:
        return
    if participant is None or not decides(maker, await decided_by(connection, participant), participant):
        raise unknown


async def seats(
    connection: asyncpg.Connection, participant: str, maker: Person, unknown: Refused
) -> tuple[Seat, ...]:
    """The seat of the second person of a decision that `maker` requests.

    Raises:
        NotAllowed: others decide about payments of this participant.
        Refused: an officer asks, and others decide; `unknown`, as for what does not exist.

    """
    by = await decided_by(connection, participant)
    if not decides(maker, by, participant):
        if maker.role is Role.OFFICER:
            raise unknown
        raise NotAllowed(OTHERS)
    if by is DecidedBy.OPERATORS:
        return (CHECKER,)
    return (Seat(Role.OFFICER, maker.scope),)


REMEDY: Final = (
    "Take payments, hits and clearances from the cases that you may see: GET /v1/cases lists them."
)
"""Of what is unknown: the same whether it is not there or of others."""
OTHERS: Final = term("others decide about payments of this participant that are held")


def scope_of_officer(person: Person | None) -> str | None:
    """The scope whose cases alone a person may see; None: all cases. `person` None is the switch itself."""
    return person.scope if person is not None and person.role is Role.OFFICER else None
