"""Changes that need two people: list, request, show with their effect, vote, and withdraw.

Forms use `approvals/approvals.py`, like the API: permissions are checked there, not in the page.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidAmount, InvalidMessage, NotAllowed, NotFound, SwitchError
from switch.api.people import check_same_origin, may_see
from switch.api.reports import Reporting
from switch.approvals import approvals
from switch.approvals.effects import Resource, Subject
from switch.approvals.kinds import ChangeKind
from switch.cases import reading as cases
from switch.change_catalogue import KINDS
from switch.identity.enrolment import with_maker_half
from switch.identity.model import Change, ChangeState, Person
from switch.identity.permissions import Right, may
from switch.pages import audited, exports, filters, forms, language, shell, views
from switch.pages.language import Language
from switch.pages.shell import PREFIX, Context, Viewer, form, redirect, render
from switch.writer.context import ServiceContext

router = APIRouter(prefix=PREFIX, include_in_schema=False)

GROUPS: Final = {
    "payment": "Payments",
    "break": "Payments",
    "reversal": "Payments",
    "investigation": "Payments",
    "order": "Payments",
    "recall": "Payments",
    "books": "Payments",
    "restore": "Payments",
    "screening": "Payments",
    "watch": "Payments",
    "rail": "Rails and corridors",
    "corridor": "Rails and corridors",
    "tariff": "Rails and corridors",
    "rate": "Rails and corridors",
    "pair": "Rails and corridors",
    "fx": "Rails and corridors",
    "participant": "Participants",
    "directory": "Participants",
    "webhook_key": "Participants",
    "witness": "Participants",
    "certification": "Participants",
    "account": "Participants",
    "cap": "Participants",
    "funds": "Participants",
    "limit": "Participants",
    "velocity": "Participants",
    "key": "Participants",
    "window": "Settlement",
    "settlement": "Settlement",
    "confirmation": "Settlement",
    "schedule": "Settlement",
    "calendar": "Settlement",
    "settlement_agent": "Settlement",
    "report_destination": "Reports",
    "report_schedule": "Reports",
    "person": "People",
    "identity_provider": "People",
}
"""Group of a kind of change in the list, by the first part of its name."""
_ABOUT: Final = ("participant", "provider", "name", "uetr", "window", "country", "currency", "keyid")
"""Fields of a change that say what it is about, the most telling first."""
OWN_PAGES: Final = {"participant.onboard": "/participants/new"}
"""Kinds whose content does not fit a flat form: name -> path of the page with their form."""
PAGES: Final[Mapping[Subject, tuple[shell.NavigationEntry, str]]] = {
    Subject.PARTICIPANT: (shell.PARTICIPANTS, "/participants/{id}"),
    Subject.PERSON: (shell.PEOPLE, "/people"),
    Subject.IDENTITY_PROVIDER: (shell.PEOPLE, "/people"),
    Subject.PAYMENT: (shell.QUEUES, "/payments/{id}"),  # a regulator may see payments of its country only
    Subject.WINDOW: (shell.WINDOWS, "/windows/{id}"),
    Subject.CORRIDOR: (shell.RAILS, "/rails"),
    Subject.RAIL: (shell.RAILS, "/rails"),
    Subject.CALENDAR: (shell.WINDOWS, "/windows"),
    Subject.RECONCILIATION_BREAK: (shell.BREAKS, "/breaks"),
    Subject.CONFIRMATION: (shell.WINDOWS, "/windows"),
    Subject.BOOKS: (shell.QUEUES, "/queues"),
    Subject.CERTIFICATION: (shell.PARTICIPANTS, "/participants"),
    Subject.SCREENING_HOLD: (shell.CASES, "/cases"),
    Subject.WATCH_ALARM: (shell.CASES, "/cases"),
    Subject.INVESTIGATION: (shell.CASES, "/cases"),
    Subject.SCREENING_LISTS: (shell.SCREENING, "/screening"),
}
"""Page of each subject of a change, and the navigation entry whose readers may see it."""
CORRIDOR_HINT: Final = (
    "A checker must approve. If a corridor opens or changes its settlement method,"
    " both central banks must approve too."
)
OWN_HINT: Final = (
    "A checker must approve, and for a participant or a central bank one of its own people"
    " (for a person: instead of the checker)."
)
LAST_HINT: Final = (
    "A checker must approve, and for the last active person of a participant or a central bank,"
    " this person or whoever can agree for it."
)
AGENT_HINT: Final = (
    "A checker must approve, and the central bank of the currency once one of its people has enrolled."
)
SCREENING_HINT: Final = (
    "A checker must approve what an operator requests, and another officer what an officer requests."
)
CHECKER_HINT: Final = "A checker must approve."
_HINTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("key.add", "person.add", "person.reset", "person.resume"), OWN_HINT),
    **dict.fromkeys(("corridor.switch", "corridor.settlement"), CORRIDOR_HINT),
    **dict.fromkeys(
        ("pair.control", "fx.fixing", "fx.offer"), "Another person of the same institution must approve."
    ),
    "person.remove": LAST_HINT,
    "settlement_agent.set": AGENT_HINT,
    "settlement.confirm": "The central bank of every country in the window must approve.",
    "key.revoke": "A checker must approve, unless the participant itself requests it.",
    "identity_provider.set": (
        "A checker must approve, and for people of a participant or a central bank one of its own people too."
    ),
}
"""Who must approve a kind of change, if not one checker and not as for all that is about screening."""
_OF_OFFICERS: Final = frozenset({Right.DECIDE_SCREENING, Right.MANAGE_LISTS})
WHY: Final = "why"
"""Form field of the reason of a request; `reason` is a field of some contents."""
ROWS: Final = 50

Number = Annotated[int, Path(ge=1, lt=2**63)]
Reader = Annotated[Person, Depends(audited.reader(shell.APPROVALS))]


@router.get("/changes")
async def get_changes(  # noqa: PLR0917 - one per filter
    request: Request,
    context: Context,
    reporting: Reporting,
    person: Reader,
    state: Annotated[str, Query(pattern="^[a-z]{0,20}$")] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    since: filters.Day = "",
    until: filters.Day = "",
    format_: Annotated[exports.Format, Query(alias="format")] = "",
) -> Response:
    """List changes, newest first."""
    since_at, until_at = filters.period(since, until)
    async with context.pool.acquire() as connection:
        found = await approvals.read(
            connection, state=state or None, before=before, since=since_at, until=until_at, limit=ROWS + 1
        )
    shown = [change for change in found[:ROWS] if may_see(person, change)]
    if format_:
        rows = exports.changes(shown)
        return await exports.respond(request, reporting, person, format_, columns=exports.CHANGES, rows=rows)
    lang = language.of(request)
    return render(
        request,
        "changes.html",
        person,
        changes=shown,
        states_of=filters.states(request, ChangeState, lang),
        ranges=filters.ranges(request, lang),
        views=await views.read(context.pool, request, person),
        exports=exports.links(request),
        older=filters.older(request, found[ROWS - 1].number) if len(found) > ROWS else "",
        subjects={change.number: _about(change, lang) for change in shown},
        kinds=KINDS,
        groups=_groups(person),
    )


def _said(content: dict[str, Any]) -> dict[str, Any]:
    """The content without the factor that nobody was asked to confirm."""
    return {name: value for name, value in content.items() if name != forms.CONFIRMED or value is not None}


def _about(change: Change, lang: Language) -> str:
    """What a change is about, in a line of a list: `asha-bank, INR`, `IN → PK`, `Window 7`."""
    content = json.loads(change.content)
    known = {name: str(content[name]) for name in _ABOUT if content.get(name) not in {None, ""}}
    known = {name: lang.text("All others") if value == "*" else value for name, value in known.items()}
    if "uetr" in known:
        known["uetr"] = f"{known['uetr'][:8]}…"
    if "window" in known:
        known["window"] = f"{lang.text('Window')} {known['window']}"
    if content.get("source") and content.get("target"):
        known["corridor"] = f"{content['source']} → {content['target']}"
    return ", ".join(known.values())


@router.get("/changes/new/{kind}")
async def get_new(request: Request, context: Context, person: Viewer, kind: str) -> Response:
    """Show the form of a kind, filled in from the query string."""
    return await _form(request, context, person, _kind(person, kind), values=dict(request.query_params))


@router.post("/changes/new/{kind}")
async def post_new(request: Request, context: Context, person: Viewer, kind: str) -> Response:
    """Request a change. An invalid form is shown again with the error."""
    check_same_origin(request)
    known = _kind(person, kind)
    values = await form(request)
    try:
        content, half = with_maker_half(
            kind, forms.read(forms.fields_of(known) or (), values, language.of(request))
        )
        change = await approvals.request(
            context, KINDS, person, kind, content=content, reason=values.get(WHY, "")
        )
    except SwitchError as error:
        return await _form(request, context, person, known, values=values, problem=error)
    if half:  # shown once only, so no redirect
        return await _page(request, context, person, change, half=half)
    return redirect(request, f"/changes/{change.number}")


@router.get("/changes/{number}")
async def get_change(request: Request, context: Context, person: Viewer, number: Number) -> Response:
    """Show a change: its effect, its votes, and what the reader may do."""
    return await _page(request, context, person, await _find(context, person, number))


@router.post("/changes/{number}/votes")
async def post_vote(request: Request, context: Context, person: Viewer, number: Number) -> Response:
    """Approve or refuse. The last approval of a new person shows half of the enrolment code, once."""
    check_same_origin(request)
    values = await form(request)
    decision = values.get("decision", "")
    try:
        if decision not in {"approve", "refuse"}:
            raise InvalidMessage("the decision is neither approve nor refuse")
        change = await approvals.vote(
            context,
            KINDS,
            person,
            number,
            decision=decision,
            reason=values.get(WHY, ""),
            seen=values.get("seen"),
        )
    except NotFound:
        raise
    except SwitchError as error:
        return await _page(request, context, person, await _find(context, person, number), problem=error)
    if change.secret:
        return await _page(request, context, person, change, half=change.secret)
    return redirect(request, f"/changes/{number}")


@router.post("/changes/{number}/withdraw")
async def post_withdraw(request: Request, context: Context, person: Viewer, number: Number) -> Response:
    """Withdraw one's own request."""
    check_same_origin(request)
    try:
        await approvals.withdraw(context, person, number)
    except NotFound:
        raise
    except SwitchError as error:
        return await _page(request, context, person, await _find(context, person, number), problem=error)
    return redirect(request, f"/changes/{number}")


def may_request(person: Person, kind: ChangeKind[Any]) -> bool:
    """Whether this person may request changes of a kind, for any subject in its scope."""
    return may(person, kind.right)


def _kind(person: Person, name: str) -> ChangeKind[Any]:
    kind = KINDS.get(name)
    if kind is None or forms.fields_of(kind) is None:
        raise NotFound("no such kind of change")
    if not may_request(person, kind):
        raise NotAllowed("your role may not do this")
    return kind


def _groups(person: Person) -> list[tuple[str, list[tuple[str, str]]]]:
    """Kinds that this person may request: heading, and path and title of each kind."""
    found = [
        (
            GROUPS.get(kind.name.partition(".")[0], "Payments"),
            (OWN_PAGES.get(kind.name, f"/changes/new/{kind.name}"), kind.title),
        )
        for kind in KINDS.values()
        if may_request(person, kind) and (kind.name in OWN_PAGES or forms.fields_of(kind) is not None)
    ]
    ordered = sorted(found, key=lambda one: list(GROUPS.values()).index(one[0]))
    return [(name, [entry for _, entry in group]) for name, group in groupby(ordered, key=lambda one: one[0])]


async def _find(context: ServiceContext, person: Person, number: int) -> Change:
    async with context.pool.acquire() as connection:
        change = await approvals.find(connection, number)
    if not may_see(person, change):
        raise NotAllowed("your role may not do this")
    return change


async def _form(
    request: Request,
    context: ServiceContext,
    person: Person,
    kind: ChangeKind[Any],
    *,
    values: Mapping[str, str],
    problem: SwitchError | None = None,
) -> Response:
    lang = language.of(request)
    fields = await forms.with_choices(context.pool, kind, forms.fields_of(kind) or (), lang)
    return render(
        request,
        "change_form.html",
        person,
        200 if problem is None else problem.status,
        kind=kind,
        fields=fields,
        words=forms.WORDS,
        values=values,
        why=WHY,
        problem=problem and forms.problem(problem.detail, kind, lang),
        wrong=forms.field_of(problem.detail, fields, amount=isinstance(problem, InvalidAmount))
        if problem
        else "",
        seats_hint=_hint(kind),
        may_list=shell.APPROVALS.admits(person),
    )


def _hint(kind: ChangeKind[Any]) -> str:
    """Who must approve, as far as the kind determines it."""
    usual = SCREENING_HINT if kind.right in _OF_OFFICERS else CHECKER_HINT
    return _HINTS.get(kind.name, usual)


async def _page(
    request: Request,
    context: ServiceContext,
    person: Person,
    change: Change,
    *,
    half: str = "",
    problem: SwitchError | None = None,
) -> Response:
    pending = change.state is ChangeState.REQUESTED
    async with context.pool.acquire() as connection:
        effect = await approvals.present_effect(connection, KINDS, change)
        links = await approvals.links(connection, KINDS, change)
        about = await cases.of_resources(connection, links, person) if shell.CASES.admits(person) else []
        stands_against = await _obstacle(connection, context, change) if pending else ""
        compared = await approvals.compare(connection, context, KINDS, change)
    return render(
        request,
        "change.html",
        person,
        200 if problem is None else problem.status,
        change=change,
        kind=KINDS[change.kind],
        content=KINDS[change.kind].rows(_said(json.loads(change.content))),
        effect=effect,
        digest=effect and effect.digest(change.number),
        links=_links(person, links),
        cases=about,
        obstacle=stands_against,
        compared=compared,
        seats=_seats(change),
        may_vote=pending and approvals.may_vote(change, person),
        own=pending and change.maker == person.name,
        why=WHY,
        half=half,
        problem=problem and problem.detail,
        may_list=shell.APPROVALS.admits(person),
    )


def _links(person: Person, touched: Sequence[Resource]) -> list[tuple[Subject, str, str]]:
    """Subjects of a change: kind, id, and the path of the page if this person may see it."""
    found = []
    for one in touched:
        entry, path = PAGES.get(one.subject, (None, ""))
        seen = entry is not None and entry.admits(person)
        if one.id or seen:
            found.append((one.subject, one.id, path.format(id=one.id) if seen else ""))
    return found


async def _obstacle(connection: asyncpg.Connection, context: ServiceContext, change: Change) -> str:
    """Why the change cannot be executed now; empty if its rows are locked by another transaction."""
    try:
        return await approvals.obstacle(connection, context, KINDS, change)
    except asyncpg.LockNotAvailableError:
        return ""


def _seats(change: Change) -> list[dict[str, Any]]:
    """Each seat with its vote, if any."""
    votes = {vote.seat: vote for vote in change.votes}
    return [{"seat": seat, "vote": votes.get(index)} for index, seat in enumerate(change.seats)]
