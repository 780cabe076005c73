"""Reconciliation with rails' end-of-cycle files, which are authoritative on what the rail executed.

Reading a cycle does two things. Payments that are open here and final in the file become final. If both sides
are final and differ, a reconciliation break is recorded for a person. Reading a file again changes nothing.
An order that is missing in the file releases no money: the rail may not have finished it. A committed payment
that is in no file becomes a break after the files of all days in which it could be have been read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from adapters.port import Answer, Outcome
from adapters.profile import RailProfile
from ledger.sql import statement
from schemas.errors import TRY_AGAIN, NotFound, OutcomeUnknown, Unavailable
from schemas.money import EXPONENTS, MAX_MINOR
from switch.base.sql import statements
from switch.payments.dispatch import Dispatcher, Sending, of_answer
from switch.payments.rails import Rail
from switch.writer.verdicts import Verdict

FILE_AFTER: Final = timedelta(minutes=15)
"""Delay between the end of a cycle and the request for its file."""
LOOK_BACK_DAYS: Final = 7
"""How far back unread cycles are still requested."""
_statement: Final = statements("switch.payments")
_DIFFERENCES: Final = _statement("differences")
_BREAKS: Final = _statement("add_breaks").format(differences=_DIFFERENCES)
_ADD_CYCLE: Final = _statement("add_cycle")
_ADD_LINE: Final = _statement("add_cycle_line")
_RESOLVE: Final = _statement("resolve_break")
_SETTLED: Final = _statement("resolved_breaks")
_CYCLES: Final = _statement("cycles")
_SEQ_AT: Final = statement("seq_at")
_OPEN: Final = _statement("open_payments")
_LIST: Final = _statement("breaks")
_ADD_LOST: Final = _statement("add_restore_lines")
_SEEN: Final = _statement("note_restore_rail_seen")
_SET_READ: Final = _statement("set_restore_rail_read")
_LOST_CYCLES: Final = _statement("restore_cycles")
_log = structlog.get_logger()


@dataclass(slots=True)
class ReconciliationResult:
    """Result of reading one cycle."""

    rail: str
    cycle: str
    over: bool
    """Whether the cycle had ended, so that orders missing in the file were not executed in it."""
    lines: int = 0
    finished: int = 0
    """Payments that became final by the file."""
    breaks: Mapping[str, int] = field(default_factory=dict)
    """New breaks, by kind."""


class Reconciliation:
    """Reads the files of the rails."""

    def __init__(self, pool: asyncpg.Pool, dispatcher: Dispatcher) -> None:
        self._pool = pool
        self._dispatcher = dispatcher

    async def due(self, rail: Rail, now: datetime) -> list[str]:
        """Cycles that have ended, whose file should exist, and that were not read yet; oldest first."""
        profile = rail.adapter.profile
        last = date.fromisoformat(profile.hours.day(now - FILE_AFTER)) - timedelta(days=1)
        days = [last - timedelta(days=ago) for ago in range(LOOK_BACK_DAYS)]
        rows = await self._pool.fetch(
            "SELECT cycle FROM switch.rail_cycle WHERE rail = $1 AND cycle = ANY($2)", profile.country, days
        )
        first = await self._pool.fetchval("SELECT min(at) FROM ledger.event WHERE seq = 1")
        since = date.fromisoformat(profile.hours.day(first)) if first else last
        read = {row["cycle"] for row in rows}
        lost = {row["cycle"] for row in await self._pool.fetch(_LOST_CYCLES, profile.country)}
        wanted = {day for day in days if day not in read and day >= since}
        return [day.isoformat() for day in sorted(wanted | {day for day in lost if day <= last})]

    async def catch_up(self, rail: Rail) -> None:
        """Read every cycle that is due; one without a file is requested again later."""
        for cycle in await self.due(rail, datetime.now(UTC)):
            try:
                result = await self.read(rail, cycle)
            except TRY_AGAIN as error:
                _log.warning("no_cycle_file", rail=rail.adapter.profile.country, detail=error.detail)
                return
            if result.breaks:
                _log.error("reconciliation_breaks", rail=result.rail, detail=str(dict(result.breaks)))
        await self._read_early(rail)

    async def _read_early(self, rail: Rail) -> None:
        """After a restore, read the file of a day that has not ended, if the rail gives one."""
        profile = rail.adapter.profile
        today = profile.hours.day(datetime.now(UTC))
        lost = {row["cycle"].isoformat() for row in await self._pool.fetch(_LOST_CYCLES, profile.country)}
        if today in lost:
            try:
                await self.read(rail, today)
            except TRY_AGAIN as error:
                _log.info("no_cycle_file", rail=profile.country, detail=error.detail)

    async def read(self, rail: Rail, cycle: str) -> ReconciliationResult:
        """Read one cycle, `YYYY-MM-DD` in the rail's time zone.

        Raises:
            Unavailable: the rail gave no file that is complete and readable; nothing was changed.
            OutcomeUnknown: the writer became unavailable; what it recorded stays, and the file is read again.

        """
        profile = rail.adapter.profile
        answers = _by_ref([each async for each in rail.adapter.reconcile(cycle)], cycle, profile.currency)
        over = profile.hours.day(datetime.now(UTC)) > cycle
        result = ReconciliationResult(profile.country, cycle, over, len(answers))
        await self._keep(profile, cycle, answers)
        await self._pool.execute(_ADD_LOST, profile.country, date.fromisoformat(cycle))
        await self._pool.execute(_SEEN, profile.country, date.fromisoformat(cycle))
        result.finished = await self._finish_open(rail, answers)
        result.breaks = await self._breaks(profile, date.fromisoformat(cycle), over=over)
        if over:  # last: a cycle counts as read only when all of its results are recorded
            await self._pool.execute(_ADD_CYCLE, profile.country, date.fromisoformat(cycle), len(answers))
            for row in await self._pool.fetch(_SET_READ, profile.country):
                text = f"its files of {row['since']} to {row['until']} are read"
                _log.warning("rail_known_after_restore", rail=profile.country, detail=text)
        return result

    async def _keep(self, profile: RailProfile, cycle: str, answers: Mapping[str, Answer]) -> None:
        """Store the lines; for a day that has not ended, the newest line counts."""
        day = date.fromisoformat(cycle)
        await self._pool.executemany(
            _ADD_LINE,
            [
                (
                    profile.country,
                    day,
                    answer.ref,
                    UUID(answer.uetr) if answer.uetr else None,
                    answer.outcome is Outcome.DONE,
                    answer.rail_code or "",
                    answer.amount.minor if answer.amount else None,
                )
                for answer in answers.values()
            ],
        )

    async def _finish_open(self, rail: Rail, answers: Mapping[str, Answer]) -> int:
        """Apply the file's outcome to every payment that is still open.

        Raises:
            OutcomeUnknown: the writer is unavailable and may have recorded a part; the cycle is read again.

        """
        finished = 0
        country = rail.adapter.profile.country
        for row in await self._pool.fetch(_OPEN, country):
            answer = answers.get(row["native_ref"])
            if answer is not None and answer.uetr in {None, str(row["uetr"])}:
                reply = await self._dispatcher.record_step(
                    of_answer(answer, Sending(row["uetr"].bytes, country))
                )
                if reply is None:
                    raise OutcomeUnknown("the writer is unavailable; the cycle is read again")
                finished += reply.verdict is Verdict.ADVANCED
        return finished

    async def _breaks(self, profile: RailProfile, cycle: date, *, over: bool) -> dict[str, int]:
        """Record breaks where both sides are final and differ; new ones are counted by kind."""
        async with self._pool.acquire() as connection:
            arguments = await _arguments(connection, profile, cycle, over=over)
            rows = await connection.fetch(_BREAKS, *arguments) if arguments else []
        found: dict[str, int] = {}
        for row in rows:
            found[row["kind"]] = found.get(row["kind"], 0) + 1
        return found


async def _arguments(
    connection: asyncpg.Connection, profile: RailProfile, cycle: date, *, over: bool
) -> tuple[object, ...]:
    """Arguments of `differences`; None if the history of the cycle is archived."""
    start = _start(profile, cycle)
    day = timedelta(days=1)
    # A payment may become final days after it was accepted; a missing one was accepted the day before.
    instants = (start - LOOK_BACK_DAYS * day, start - day, start, start + LOOK_BACK_DAYS * day)
    earliest, missing_from, missing_to, latest = [await connection.fetchval(_SEQ_AT, at) for at in instants]
    if earliest is None:
        return ()
    money = profile.currency, EXPONENTS[profile.currency]
    return profile.country, cycle, earliest, over, missing_from, missing_to - 1, latest, *money


async def differences(connection: asyncpg.Connection, profile: RailProfile) -> list[asyncpg.Record]:
    """Every difference between a rail's files and the books that people have not resolved."""
    settled = {(row["ref"], row["kind"]) for row in await connection.fetch(_SETTLED, profile.country)}
    found: list[asyncpg.Record] = []
    for row in await connection.fetch(_CYCLES, profile.country):
        arguments = await _arguments(connection, profile, row["cycle"], over=row["over"])
        found += await connection.fetch(_DIFFERENCES, *arguments) if arguments else []
    return [row for row in found if (row["ref"], row["kind"]) not in settled]


def _by_ref(answers: list[Answer], cycle: str, currency: str) -> dict[str, Answer]:
    """The answers by their reference.

    Raises:
        Unavailable: two answers are about one order, or one is invalid: the whole file is rejected.

    """
    found = {answer.ref: answer for answer in answers}
    if len(found) != len(answers) or not all(_is_sound(answer, currency) for answer in answers):
        raise Unavailable(f"the file of cycle {cycle} has contradictory or invalid lines")
    return found


def _is_sound(answer: Answer, currency: str) -> bool:
    """Whether the answer can be stored: a valid UETR, an amount in the rail's currency, no NUL."""
    try:
        sound = answer.uetr is None or str(UUID(answer.uetr)) == answer.uetr
    except ValueError:
        return False
    minor = answer.amount.minor if answer.amount else 1
    ours = answer.amount is None or answer.amount.currency == currency
    return sound and ours and 0 < minor <= MAX_MINOR and "\0" not in answer.ref + (answer.rail_code or "")


async def list_breaks(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    resolved: bool,
    rail: str | None = None,
    after: int = 0,
    limit: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[asyncpg.Record]:
    """Breaks with their age in seconds, oldest first, of one rail or all; with `resolved`, resolved ones too.

    Those with a number above `after`, found since `since` and before `until`; None is no bound.
    """
    bounds = (since, until)
    rows: list[asyncpg.Record] = await connection.fetch(_LIST, resolved, rail, after, limit, *bounds)
    return rows


async def read_breaks(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    resolved: bool,
    after: int = 0,
    limit: int | None = None,
) -> list[dict[str, str]]:
    """Breaks as texts, oldest first; with `resolved`, resolved ones too; see `list_breaks`."""
    return [
        {name: str(value) for name, value in row.items() if value is not None and name != "age_s"}
        for row in await list_breaks(connection, resolved=resolved, after=after, limit=limit)
    ]


async def resolve_break(connection: asyncpg.Connection, number: int, owner: str, text: str) -> None:
    """Mark a break as resolved.

    Raises:
        NotFound: no such break is open.

    """
    done = await connection.fetchval(_RESOLVE, number, owner, text)
    if done is None:
        raise NotFound("no such break is open")


def _start(profile: RailProfile, cycle: date) -> datetime:
    """Beginning of a cycle."""
    zone = ZoneInfo(profile.hours.zone)
    return datetime.combine(cycle, datetime.min.time(), zone).astimezone(UTC)
