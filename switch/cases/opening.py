"""Cases open and close by themselves: the caretaker compares them with the facts.

Every round is one transaction, and looks at what is true now, not at what happened since the last one. So a
round that a crash interrupts is simply made again, and a database without cases gets all of them. An outcome
that was unknown for less than a round needed nobody, and gets no case.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg

from switch.base.settings import Settings
from switch.base.sql import statements
from switch.cases import notices
from switch.cases.model import DEADLINES_H, LADDER, CaseKind
from switch.identity.model import Role

_LOCK: Final = 7_266_337_021
"""Advisory lock: one round at a time."""
AT_ONCE: Final = 1000
"""Cases that one round opens."""
_HOUR_S: Final = 3600.0
_statement: Final = statements("switch.cases")
SUBJECTS: Final = _statement("subjects")
OPEN: Final = _statement("open_cases").format(subjects=SUBJECTS)
CLOSE: Final = _statement("close_cases").format(subjects=SUBJECTS)
_RELEASE: Final = _statement("release_cases")
_ESCALATE: Final = _statement("escalate_cases")
_OVERDUE: Final = _statement("overdue_cases")
_ACT: Final = _statement("add_act")


async def look(pool: asyncpg.Pool, settings: Settings) -> None:
    """One round: open, close, release and escalate cases, and write what people are to be told."""
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return
        await _open(connection, settings)
        closed = [row["number"] for row in await connection.fetch(CLOSE)]
        await _acts(connection, closed, "closed")
        for row in await connection.fetch(_RELEASE, [*LADDER, Role.OFFICER]):
            await _acts(connection, [row["number"]], "released", row["name"])
        await _escalate(connection, settings)
        await _tell_overdue(connection, settings)


async def _open(connection: asyncpg.Connection, settings: Settings) -> None:
    hours = dict(DEADLINES_H)
    hours.update({str(kind): stated for kind, stated in settings.case_deadlines_h.items()})
    seconds = [hours[kind] * _HOUR_S for kind in CaseKind]
    rows = await connection.fetch(OPEN, list(CaseKind), seconds, AT_ONCE)
    await _acts(connection, [row["number"] for row in rows if not row["again"]], "opened")
    await _acts(connection, [row["number"] for row in rows if row["again"]], "reopened")
    await notices.tell(connection, settings, [row["number"] for row in rows], "opened", roles=LADDER[:1])


async def _escalate(connection: asyncpg.Connection, settings: Settings) -> None:
    if settings.case_take_within_s == 0:
        return
    rows = await connection.fetch(_ESCALATE, settings.case_take_within_s, len(LADDER) - 1)
    for level in {row["level"] for row in rows}:
        numbers = [row["number"] for row in rows if row["level"] == level]
        await _acts(connection, numbers, "escalated", LADDER[level])
        await notices.tell(connection, settings, numbers, "escalated", roles=LADDER[level : level + 1])


async def _tell_overdue(connection: asyncpg.Connection, settings: Settings) -> None:
    """Tell the owner, or the roles that were told of it, that the deadline is over."""
    for row in await connection.fetch(_OVERDUE):
        people = [row["owner"]] if row["owner"] else []
        roles: Sequence[str] = () if people else LADDER[: row["level"] + 1]
        await notices.tell(connection, settings, [row["number"]], "overdue", roles=roles, people=people)


async def _acts(connection: asyncpg.Connection, numbers: Iterable[int], kind: str, about: str = "") -> None:
    await connection.executemany(_ACT, [(number, kind, None, about, "", None) for number in numbers])
