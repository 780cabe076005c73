"""A person has a report delivered once more: to the destination that two people allowed, with the same bytes.

What was delivered or given up becomes a new delivery, so that no receipt is lost; what still waits is tried
at once. The messenger does it, since it alone may add deliveries beside the caretaker.
"""

from typing import Final

import asyncpg

from schemas.errors import NotFound, Refused
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.identity.model import Person
from switch.identity.permissions import Right, require
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

_ASK: Final = statements("switch.reports.delivery")("ask_report_delivery")
_KNOWN: Final = "SELECT EXISTS (SELECT FROM switch.report_delivery WHERE number = $1)"


async def repeat(pool: asyncpg.Pool, person: Person, number: int) -> None:
    """Have a report delivered again; asked twice before the messenger has seen it, it is repeated once.

    Raises:
        NotAllowed: this person may not.
        NotFound: no such delivery.
        Refused: its destination was removed.

    """
    require(person, Right.DELIVER_REPORTS)
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_ASK, number, person.name)
        if row is None:
            if not await connection.fetchval(_KNOWN, number):
                raise NotFound("no such delivery")
            raise Refused(
                "its destination was removed",
                reason=Reason.NARRATIVE,
                remedy=(
                    "Add the destination again, or get the file itself: GET /v1/report-artefacts lists it."
                ),
            )
        await note(
            connection,
            EventKind.REPORT_REPEATED,
            delivery=number,
            person=person.name,
            destination=row["destination"],
            name=row["name"],
            sha256=row["sha256"].hex(),
        )
