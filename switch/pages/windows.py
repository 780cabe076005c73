"""Settlement windows: state, positions, confirmations of central banks, and lines that did not settle.

A central bank confirms the positions of a window here: the page recalculates their hash from the lines that
it shows. Every other change of a window is requested by one person and approved by another.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from ledger.archive import Archived
from ledger.windows import BilateralNet
from schemas import codec
from schemas.errors import NotAllowed, NotFound
from schemas.money import Money
from switch.api.reports import Reporting
from switch.api.settlement import Window, lines_for, may_read_instruction, pairs_for, unpaid_for
from switch.approvals import approvals
from switch.base import calendars
from switch.base.sql import statements
from switch.cases import reading as cases
from switch.identity.model import Change, ChangeState, Person
from switch.pages import audited, debts, exports, filters, language, shell, views
from switch.pages.audited import read_only
from switch.pages.change_links import link, may_request
from switch.pages.shell import PREFIX, Context, render
from switch.reports import window_statement
from switch.reports.query import ReportQuery as Asked
from switch.reports.readers import scope_of_person
from switch.reports.render import json_file
from switch.settlement import confirmations, day, positions, reads
from switch.settlement.states import LineState, SettlementState

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.WINDOWS))]

WAY: Final = (
    SettlementState.OPEN,
    SettlementState.CLOSED,
    SettlementState.CONFIRMED,
    SettlementState.SETTLING,
    SettlementState.SETTLED,
)
"""States of a window in order; ABORTED is the only other state."""
_LIST_MAX: Final = 200
_CONFIRMATIONS_MAX: Final = 200
"""Maximum number of an agent's confirmations searched for a window."""
_CONFIRM: Final = "settlement.confirm"
_CHANGES_MAX: Final = 50
_load: Final = statements("switch.pages")
_CHANGES: Final = _load("window_changes")
_ABOUT_WINDOWS: Final = (_CONFIRM, "window.close", "settlement.abort", "settlement.hold")
_CONFIRMATIONS: Final = _load("window_confirmations")


@router.get("/windows")
async def get_windows(  # noqa: PLR0917 - one per filter
    request: Request,
    context: Context,
    reporting: Reporting,
    person: Reader,
    currency: Annotated[str, Query(pattern="^([A-Z]{3})?$")] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    state: Annotated[str, Query(pattern=f"^({'|'.join(SettlementState)})?$")] = "",
    since: filters.Day = "",
    until: filters.Day = "",
    format_: Annotated[exports.Format, Query(alias="format")] = "",
) -> Response:
    """List windows, newest first, with the cut-off times of open ones."""
    since_at, until_at = filters.period(since, until)
    async with read_only(context.reading) as connection:
        read = await reads.read(
            connection,
            currency=currency or None,
            before=before,
            limit=_LIST_MAX + 1,
            state=state or None,
            since=since_at,
            until=until_at,
        )
        found = read[:_LIST_MAX]
        unpaid = await reads.unpaid(connection, [each.window for each in found])
        schedules = {each.currency: each for each in await reads.schedules(connection) if each.enabled}
    if format_:
        rows = exports.windows(found)
        return await exports.respond(request, reporting, person, format_, columns=exports.WINDOWS, rows=rows)
    lang = language.of(request)
    closes = {  # outside the transaction: calculating the holidays of a year takes time
        each.window: await _closes(context.pool, schedules[each.currency], each.opened_at)
        for each in found
        if each.state is SettlementState.OPEN and each.currency in schedules
    }
    return render(
        request,
        "windows.html",
        person,
        found=found,
        older=filters.older(request, found[-1].window) if len(read) > _LIST_MAX else "",
        states_of=filters.states(request, SettlementState, lang),
        currencies_of=filters.currencies(request, sorted(schedules), lang),
        ranges=filters.ranges(request, lang),
        views=await views.read(context.pool, request, person),
        exports=exports.links(request),
        closes=closes,
        unpaid={window: unpaid_for(person, lines) for window, lines in unpaid.items()},
        money=Money,
        currency=currency,
        may_set=may_request(person, "schedule.set"),
        next_steps={}
        if not may_request(person, "window.close")
        else {each.window: _next_step(each) for each in found},
        link=link,
    )


def _next_step(found: reads.Settlement) -> tuple[str, str] | None:
    """Title and address of the form that takes a window on."""
    if found.state is SettlementState.OPEN:
        return "Close", link("window.close", currency=found.currency, window=found.window)
    if found.state is SettlementState.CLOSED and found.positions_sha256:
        return "Confirm", link(_CONFIRM, window=found.window, positions_sha256=found.positions_sha256)
    return None


async def _closes(pool: asyncpg.Pool, schedule: reads.CutOffSchedule, opened_at: datetime) -> datetime | None:
    calendar = await calendars.load(pool, schedule.currency)
    try:
        return calendar.next_close(schedule.closes_at, opened_at)
    except NotFound:
        return None


@router.get("/windows/{window}")
async def get_window(request: Request, context: Context, person: Reader, window: Window) -> Response:
    """Show the part of a window that this person may read."""
    async with read_only(context.reading) as connection:
        found = await reads.find(connection, window)
        every = await reads.lines(connection, window)
        changes = await _changes(connection, window)
        shown: dict[str, Any] = {
            "pairs": await _pairs(connection, person, window, every),
            "statement": await _statement(connection, person, found),
            "so_far": await _so_far(connection, person, found),
        }
        lines = lines_for(person, every)
        shown["carried"] = await debts.carried_into(connection, window, lines)
        shown["responses"], shown["more_responses"] = await _responses(connection, person, found, every)
    about = {}
    if shell.CASES.admits(person):
        subjects = [f"line/{window}/{line.participant}" for line in lines] + [f"instruction/{window}"]
        async with context.pool.acquire() as connection:
            about = {case.subject: case for case in await cases.of_subjects(connection, subjects)}
    return render(
        request,
        "window.html",
        person,
        found=found,
        way=_way(found),
        lines=lines,
        cases=about,
        computed=_digest(found, lines) if len(lines) == len(every) else "",
        money=Money,
        banks=_banks(every, changes) if _is_asked(found, changes) else (),
        changes=changes,
        changes_max=_CHANGES_MAX,
        responses_max=_CONFIRMATIONS_MAX,
        seat=_seat(person, changes),
        offers=_offers(person, found, changes),
        may_hold=may_request(person, "settlement.hold") and found.state is SettlementState.SETTLING,
        link=link,
        held=[line for line in lines if line.state in {LineState.HELD, LineState.CARRIED}],
        may_read_instruction=may_read_instruction(person),
        **shown,
    )


@router.get("/windows/{window}/instruction.jws")
async def get_signature(request: Request, context: Context, person: Reader, window: Window) -> Response:
    """Return the detached signature of a window's instruction; the file itself is at `/v1/settlements`."""
    if not may_read_instruction(person):
        raise NotAllowed("your role may not do this")
    found = await reads.find(context.pool, window)
    _, token = await day.read_instruction(context, window)
    name = f"{found.message_id}.xml.jws"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return shell.finish(request, Response(token, media_type="application/jose", headers=headers))


def _way(found: reads.Settlement) -> Sequence[SettlementState]:
    """The states to show: of an aborted window those that it reached for certain."""
    return WAY[: WAY.index(SettlementState.CLOSED) + 1] if found.state is SettlementState.ABORTED else WAY


def _is_asked(found: reads.Settlement, changes: Sequence[Change]) -> bool:
    """Whether central banks confirm this window, or have: of an aborted one nobody awaits that any more."""
    return found.state is not SettlementState.ABORTED or any(change.kind == _CONFIRM for change in changes)


async def _changes(connection: asyncpg.Connection, window: int) -> list[Change]:
    """Changes requested for this window, newest first, one more than are shown."""
    rows = await connection.fetch(_CHANGES, window, list(_ABOUT_WINDOWS), _CHANGES_MAX + 1)
    return [await approvals.find(connection, row["number"]) for row in rows]


async def _pairs(
    connection: asyncpg.Connection, person: Person, window: int, lines: Sequence[reads.SettlementLine]
) -> list[BilateralNet] | None:
    """Bilateral positions; None if the postings are archived."""
    try:
        return pairs_for(person, lines, await positions.pairs(connection, window))
    except Archived:
        return None


async def _statement(
    connection: asyncpg.Connection, person: Person, found: reads.Settlement
) -> dict[str, Any] | None:
    """Debits and credits of each account in a closed window: the table of the report."""
    if found.state is SettlementState.OPEN:
        return None
    scope = scope_of_person(person)
    report = await window_statement.read(connection, Asked(window=found.window), scope)
    document: dict[str, Any] = json.loads(json_file.write(report))
    return document


async def _so_far(
    connection: asyncpg.Connection, person: Person, found: reads.Settlement
) -> list[positions.Flow]:
    """Debits and credits of each account to date, while the window is open."""
    if found.state is not SettlementState.OPEN:
        return []
    owners = await scope_of_person(person).owners(connection)
    nets = await positions.flows(connection, found.window)
    return [net for net in nets if owners is None or net.owner in owners]


async def _responses(
    connection: asyncpg.Connection,
    person: Person,
    found: reads.Settlement,
    lines: Sequence[reads.SettlementLine],
) -> tuple[list[dict[str, Any]], bool]:
    """The agent's responses about lines that the reader may see, and whether there may be more."""
    if found.closed_at is None:
        return [], False
    visible = {str(line.id): line.participant for line in lines_for(person, lines)}
    shown = []
    rows = await connection.fetch(_CONFIRMATIONS, found.currency, found.closed_at, _CONFIRMATIONS_MAX + 1)
    for row in rows[:_CONFIRMATIONS_MAX]:
        form_of = codec.JSON if row["body"].lstrip().startswith(b"{") else codec.XML
        _, responses = confirmations.read(row["body"], form_of)
        about = [(_about(response, visible, found.message_id), response) for response in responses]
        shown += [
            {
                "at": row["received_at"],
                "agent": row["agent"],
                "message": row["message"],
                "sha256": row["sha256"].hex(),
                "participant": name,
                "outcome": str(response.outcome),
                "amount": response.amount,
                "reason": response.reason,
            }
            for name, response in about
            if name is not None
        ]
    return shown, len(rows) > _CONFIRMATIONS_MAX


def _about(
    response: confirmations.AgentNotification, visible: Mapping[str, str], message_id: str | None
) -> str | None:
    """Participant whose line a response is about; empty for all lines, None for another window."""
    if response.uetr is not None:
        return visible.get(response.uetr)
    about_all = response.message_id is not None and response.message_id == message_id
    return "" if visible and about_all else None


def _digest(found: reads.Settlement, lines: Sequence[reads.SettlementLine]) -> str:
    """The hash of the positions as the page shows them."""
    amounts = {line.participant: (line.net_minor, line.carried_minor) for line in lines}
    return positions.digest(found.window, found.currency, amounts)


def _banks(lines: Sequence[reads.SettlementLine], changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Each country that must confirm, with its vote on the newest request that did not fail."""
    newest = next((c for c in changes if c.kind == _CONFIRM and c.state not in _FAILED), None)
    votes = {} if newest is None else {newest.seats[vote.seat].scope: vote for vote in newest.votes}
    return [{"country": country, "vote": votes.get(country)} for country in reads.countries(lines)]


_FAILED: Final = frozenset(
    {ChangeState.REFUSED, ChangeState.WITHDRAWN, ChangeState.EXPIRED, ChangeState.FAILED}
)


def _seat(person: Person, changes: Sequence[Change]) -> Change | None:
    """The confirmation request that awaits this person's vote."""
    return next((c for c in changes if c.kind == _CONFIRM and has_seat(person, c)), None)


def has_seat(person: Person, change: Change) -> bool:
    """Whether a change awaits the vote of this person."""
    return change.state is ChangeState.REQUESTED and approvals.may_vote(change, person)


def _offers(person: Person, found: reads.Settlement, changes: Sequence[Change]) -> list[tuple[str, str]]:
    """Kind and address of each form that applies to this window now, without kinds already requested."""
    waiting = {change.kind for change in changes if change.state is ChangeState.REQUESTED}
    offered: dict[SettlementState, tuple[tuple[str, dict[str, object]], ...]] = {
        SettlementState.OPEN: (("window.close", {"currency": found.currency, "window": found.window}),),
        SettlementState.CLOSED: (
            (_CONFIRM, {"window": found.window, "positions_sha256": found.positions_sha256}),
            ("settlement.abort", {"window": found.window}),
        ),
        SettlementState.CONFIRMED: (("settlement.abort", {"window": found.window}),),
    }
    return [
        (kind, link(kind, **known))
        for kind, known in offered.get(found.state, ())
        if kind not in waiting
        and may_request(person, kind)
        and (found.positions_sha256 or kind == "window.close")
    ]
