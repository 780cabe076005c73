"""Clearances: two people find that a party is not the listed one, and say so once, until a day.

A clearance is about one hit of one payment. It holds for the pair of its party and the entry: the same name
with the same account and the same date of birth. Such a pair is no hit in later payments. The change has no
name: it names the payment, the comparison and the hit.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.content import Uetr
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, term
from switch.approvals.kinds import CHECKER, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.cases import officers
from switch.cases.officers import DecidedBy
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right

LASTS_MAX: Final = timedelta(days=2 * 366)
_NO_HIT: Final = term("screening found no such hit in a payment of this UETR")
_NO_CLEARANCE: Final = term("there is no clearance of this number in force")
_statement: Final = statements("switch.operations")
_SENDER: Final = "SELECT sender FROM switch.screening_hold WHERE uetr = $1"
_HOLD: Final = _statement("screening_hold")
_ADD: Final = _statement("add_clearance")
_LIST: Final = _statement("clearances")
_ONE: Final = (
    "SELECT ended_by, entry, expires_on, participant FROM switch.screening_clearance WHERE number = $1"
)
_END: Final = (
    "UPDATE switch.screening_clearance SET ended_by = $2 WHERE number = $1 AND ended_by IS NULL RETURNING 1"
)


class Clearance(Content, frozen=True, kw_only=True):
    """A hit whose party is not the listed one, for other payments of this party too."""

    uetr: Uetr
    screening: Annotated[int, msgspec.Meta(title="Comparison", ge=1, le=2**31 - 1)] = 1
    hit: Annotated[
        int,
        msgspec.Meta(title="Hit", ge=1, le=2**31 - 1, description="its place in the list of hits, from 1"),
    ]
    expires_on: Annotated[
        date, msgspec.Meta(title="Last day", description="a day within two years, such as 2027-11-30")
    ]


class ClearanceEnd(Content, frozen=True, kw_only=True):
    """A clearance to end."""

    number: Annotated[int, msgspec.Meta(title="Number", ge=1, le=2**63 - 1)]


def _no_hit() -> Refused:
    return officers.unknown_to_officer(_NO_HIT, "uetr")


def _no_clearance() -> Refused:
    return officers.unknown_to_officer(_NO_CLEARANCE, "number")


async def _admit(connection: asyncpg.Connection, content: Clearance, maker: Person) -> None:
    sender = await connection.fetchval(_SENDER, UUID(content.uetr))
    await officers.admit(connection, sender, maker, _no_hit())


async def _check(connection: asyncpg.Connection, content: Clearance) -> None:
    row = await connection.fetchrow(_HOLD, UUID(content.uetr))
    if row is None or row["screening"] != content.screening or content.hit > row["hit_count"]:
        raise _no_hit()
    today = datetime.now(UTC).date()
    if not today <= content.expires_on <= today + LASTS_MAX:
        raise Refused(
            "the last day must be within two years",
            path="expires_on",
            reason=Reason.NARRATIVE,
            remedy="State a last day from tomorrow to two years from now.",
        )


async def _effect(_: asyncpg.Connection, content: Clearance) -> Effect:
    until = content.expires_on.isoformat()
    return Effect(
        (
            Row(term("Hit"), str(content.hit), str(content.hit)),
            Row(content.uetr, term("hit"), term("cleared")),
            Row(term("Last day"), NOTHING, until),
        )
    )


async def _links(_: asyncpg.Connection, content: Clearance) -> tuple[Resource, ...]:
    return (Resource(Subject.PAYMENT, content.uetr), Resource(Subject.SCREENING_HOLD, content.uetr))


async def _seats(connection: asyncpg.Connection, content: Clearance, maker: Person) -> tuple[Seat, ...]:
    sender = await connection.fetchval(_SENDER, UUID(content.uetr))
    if sender is None:  # the check has refused it
        return (CHECKER,)
    return await officers.seats(connection, sender, maker, _no_hit())


async def _execute(execution: Execution, content: Clearance) -> None:
    row = await execution.connection.fetchrow(_HOLD, UUID(content.uetr))
    by = await officers.decided_by(execution.connection, row["sender"])
    # What one bank finds out about its customer frees no payment of another one.
    whose = row["sender"] if by is DecidedBy.PARTICIPANT else ""
    stated = (execution.number, UUID(content.uetr), content.screening, content.hit, content.expires_on, whose)
    await execution.connection.execute(_ADD, *stated)
    execution.outcome = f"cleared until {content.expires_on}"


async def _check_end(connection: asyncpg.Connection, content: ClearanceEnd) -> None:
    row = await connection.fetchrow(_ONE, content.number)
    if row is None or row["ended_by"] is not None:
        raise _no_clearance()


async def _seats_of_end(
    connection: asyncpg.Connection, content: ClearanceEnd, maker: Person
) -> tuple[Seat, ...]:
    row = await connection.fetchrow(_ONE, content.number)
    if row is not None and row["participant"]:
        return await officers.seats(connection, row["participant"], maker, _no_clearance())
    # One for all payments ends by operators and checkers, or by officers of the operator.
    if maker.role is Role.OFFICER and maker.scope:
        raise _no_clearance()
    return (Seat(Role.OFFICER),) if maker.role is Role.OFFICER else (CHECKER,)


async def _effect_of_end(connection: asyncpg.Connection, content: ClearanceEnd) -> Effect:
    row = await connection.fetchrow(_ONE, content.number)
    now = NOTHING if row is None else term("ended") if row["ended_by"] else term("cleared")
    return Effect((Row(str(content.number), now, term("ended")),))


async def _links_of_end(_: asyncpg.Connection, content: ClearanceEnd) -> tuple[Resource, ...]:
    return (Resource(Subject.SCREENING_LISTS, str(content.number)),)


async def _end(execution: Execution, content: ClearanceEnd) -> None:
    if await execution.connection.fetchval(_END, content.number, execution.number) is None:
        raise Refused(
            "the clearance has ended already",
            reason=Reason.NARRATIVE,
            remedy="Nothing is left to do: it has no effect any more.",
        )
    execution.outcome = f"clearance {content.number} is ended"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "screening.clear",
        "Clear a party of a listed entry",
        Clearance,
        _execute,
        _check,
        effect=_effect,
        links=_links,
        seats=_seats,
        admit=_admit,
        right=Right.DECIDE_SCREENING,
    ),
    ChangeKind(
        "screening.end_clearance",
        "End a clearance",
        ClearanceEnd,
        _end,
        _check_end,
        effect=_effect_of_end,
        links=_links_of_end,
        seats=_seats_of_end,
        right=Right.DECIDE_SCREENING,
    ),
)


async def read(
    connection: asyncpg.Pool | asyncpg.Connection, *, in_force: bool, limit: int, whose: str | None = None
) -> list[dict[str, Any]]:
    """Clearances, newest first; with `whose`, those for payments of this participant (empty: of all)."""
    return [
        {
            "number": row["number"],
            "uetr": str(row["uetr"]),
            "hit": row["hit"],
            "entry": row["entry"],
            "expires_on": row["expires_on"].isoformat(),
            "participant": row["participant"] or None,
            "in_force": row["in_force"],
            "ended_by": row["ended_by"],
            "reason": row["reason"],
            "maker": row["maker"],
        }
        for row in await connection.fetch(_LIST, in_force, limit, whose)
    ]
