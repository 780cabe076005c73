"""Cases: the list, one case with its history, what people do with it, and how they want to be told."""

from collections.abc import Awaitable
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotAllowed, NotFound, SwitchError
from schemas.money import Money
from switch.api.cases import file_of, goaml_file, hits
from switch.api.people import check_same_origin, services_of
from switch.api.reports import Reporting
from switch.cases import acts, attachments, notices, reading
from switch.cases.model import ACTS, ANSWERS, LADDER, OF_OFFICERS, SUBJECTS, TITLES, Case, CaseKind
from switch.cases.notices import CHANNELS, NoticeProfile
from switch.change_catalogue import KINDS
from switch.identity import sessions
from switch.identity.model import Person, Role, Status
from switch.identity.permissions import Right, may
from switch.operations import watching
from switch.operations.watching import TITLES as WATCHES
from switch.pages import audited, exports, filters, language, shell, uploads, views
from switch.pages.change_links import link, may_request
from switch.pages.language import Language
from switch.pages.shell import PREFIX, Switch, form, redirect, render
from switch.participants import investigations as participants_investigations
from switch.participants.investigation_reasons import QUESTION_REASONS
from switch.payments import dossier, investigations
from switch.payments.screening import WATCH

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.CASES))]
Number = Annotated[int, Path(ge=1, lt=2**63)]
_ROWS: Final = 100
NOTICES: Final = "/cases/notices"


@router.get("/cases")
async def get_cases(  # noqa: PLR0917 - one per filter
    request: Request,
    switch: Switch,
    reporting: Reporting,
    person: Reader,
    state: Annotated[str, Query(pattern="^(open|overdue|closed|every)?$")] = "",
    kind: Annotated[str, Query(pattern=f"^({'|'.join(CaseKind)})?$")] = "",
    owner: Annotated[str, Query(pattern="^(-|[a-z][a-z0-9._-]{1,63})?$")] = "",
    rail: Annotated[str, Query(pattern="^([A-Z]{2})?$")] = "",
    since: filters.Day = "",
    until: filters.Day = "",
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    format_: Annotated[exports.Format, Query(alias="format")] = "",
) -> Response:
    """List cases, the most urgent first; without a filter, those that are open."""
    lang = language.of(request)
    limit = exports.ROWS_MAX if format_ else _ROWS + 1
    wanted = "" if state == "every" else state or "open"
    since_at, until_at = filters.period(since, until)
    found = await reading.find(
        switch.pool,
        reader=person,
        state=wanted,
        kind=kind,
        owner=owner,
        rail=rail,
        since=since_at,
        until=until_at,
        skip=skip,
        limit=limit,
    )
    if format_:
        rows = exports.cases(found)
        return await exports.respond(request, reporting, person, format_, columns=exports.CASES, rows=rows)
    return render(
        request,
        "cases.html",
        person,
        cases=[(case, _about(case, lang)) for case in found[:_ROWS]],
        titles=TITLES,
        sees_payments=may(person, Right.READ_POSITIONS),
        kinds_of=filters.choices(request, "kind", {"": "all", **TITLES}, lang),
        states_of=filters.choices(request, "state", _STATES, lang),
        owners_of=filters.choices(
            request, "owner", {"": "all", person.name: "mine", "-": "without an owner"}, lang
        ),
        rails_of=filters.rails(request, switch.rails, lang),
        ranges=filters.ranges(request, lang),
        views=await views.read(switch.pool, request, person),
        exports=exports.links(request),
        more=filters.skipped(request, skip + _ROWS) if len(found) > _ROWS else "",
        works=may(person, Right.WORK_ON_CASES),
        notices=PREFIX + NOTICES,
    )


_STATES: Final = {"": "unresolved", "overdue": "overdue", "closed": "closed", "every": "all"}


@router.get(NOTICES)
async def get_notices(request: Request, switch: Switch, person: Reader) -> Response:
    """Show how one is told of cases."""
    return await _notices(request, switch, person, await notices.profile(switch.pool, person))


@router.post(NOTICES)
async def post_notices(request: Request, switch: Switch, person: Reader) -> Response:
    """Choose kinds and channels."""
    check_same_origin(request)
    values = await form(request)
    pairs = {(kind, channel) for kind in CaseKind for channel in CHANNELS}
    chosen = frozenset((str(kind), channel) for kind, channel in pairs if f"{kind}:{channel}" in values)
    wanted = NoticeProfile(
        values.get("email", "").strip(),
        values.get("webhook", "").strip(),
        values.get("language", "en"),
        chosen,
    )
    try:
        await notices.choose(switch.pool, switch.settings, person, wanted)
    except NotAllowed:
        raise
    except SwitchError as error:
        return await _notices(request, switch, person, wanted, error)
    return redirect(request, NOTICES)


async def _notices(
    request: Request,
    switch: Switch,
    person: Person,
    profile: NoticeProfile,
    problem: SwitchError | None = None,
) -> Response:
    if not may(person, Right.WORK_ON_CASES):
        raise NotAllowed("this page is not available for your role")
    return render(
        request,
        "notices.html",
        person,
        200 if problem is None else problem.status,
        profile=profile,
        titles=TITLES,
        channels=CHANNELS,
        mails=bool(switch.settings.smtp_host),
        problem=problem and problem.detail,
        wrong=problem.path if problem else "",
        base=PREFIX + NOTICES,
    )


@router.get("/cases/{number}")
async def get_case(request: Request, switch: Switch, person: Reader, number: Number) -> Response:
    """Show a case: what it is about, its history, the enquiries, and the changes about it."""
    return await _page(request, switch, person, number)


@router.post("/cases/{number}/owner")
async def post_owner(request: Request, switch: Switch, person: Reader, number: Number) -> Response:
    """Take, assign or release a case."""
    check_same_origin(request)
    owner = (await form(request)).get("owner", "") or None
    return await _done(
        request, switch, person, number, acts.assign(switch.pool, switch.settings, person, number, owner)
    )


@router.post("/cases/{number}/notes")
async def post_note(request: Request, switch: Switch, person: Reader, number: Number) -> Response:
    """Write a note."""
    check_same_origin(request)
    text = (await form(request)).get("text", "")
    return await _done(request, switch, person, number, acts.write(switch.pool, person, number, text))


@router.post("/cases/{number}/attachments")
async def post_attachment(request: Request, switch: Switch, person: Reader, number: Number) -> Response:
    """Attach a file."""
    check_same_origin(request)
    if not may(person, Right.WORK_ON_CASES):
        raise NotAllowed("your role may not do this")
    found = (await uploads.read(request, attachments.OCTETS_MAX)).get("file")

    async def attach() -> None:
        if found is None:
            raise InvalidMessage("choose a file", path="file", rule="content")
        stated = (found.name, attachments.type_of(found.name), found.content)
        await acts.attach(switch.pool, switch.keys, person, number, *stated)

    return await _done(request, switch, person, number, attach())


@router.get("/cases/{number}/attachments/{act}")
async def get_attachment(
    switch: Switch, person: Reader, number: Number, act: Number, request: Request
) -> Response:
    """Hand an attached file out; that it was read is recorded."""
    return shell.finish(
        request, file_of(*await acts.open_attachment(switch.pool, switch.keys, person, number, act))
    )


@router.post("/cases/{number}/questions")
async def post_question(request: Request, switch: Switch, person: Reader, number: Number) -> Response:
    """Have the rail asked again."""
    check_same_origin(request)
    return await _done(
        request, switch, person, number, acts.ask(switch.pool, switch.settings, person, number)
    )


@router.post("/cases/{number}/hits")
async def post_hits(request: Request, switch: Switch, person: Reader, number: Number) -> Response:
    """Show what screening found in the payment, with names; that a person saw it is recorded first."""
    check_same_origin(request)
    found = await hits(services_of(request), switch.keys, person, number)
    return await _page(request, switch, person, number, found=found)


@router.post("/cases/{number}/goaml")
async def post_goaml(request: Request, switch: Switch, person: Reader, number: Number) -> Response:
    """Hand out the draft of a report to the authority; that a person read it is recorded first."""
    check_same_origin(request)
    return shell.finish(request, await goaml_file(services_of(request), switch.keys, person, number))


async def _done(
    request: Request, switch: Switch, person: Person, number: int, act: Awaitable[object]
) -> Response:
    """Do something with a case, and show it; what is refused is shown with the reason."""
    try:
        await act
    except (NotAllowed, NotFound):
        raise
    except SwitchError as error:
        return await _page(request, switch, person, number, error)
    return redirect(request, f"/cases/{number}")


async def _page(
    request: Request,
    switch: Switch,
    person: Person,
    number: int,
    problem: SwitchError | None = None,
    *,
    found: dict[str, Any] | None = None,
) -> Response:
    lang = language.of(request)
    async with switch.pool.acquire() as connection:
        case = await reading.one(connection, number, person)
        history = await reading.history(connection, number)
        changes = await reading.changes(connection, case)
        alarms = await _alarms(connection, case)
    asked = await _asked(switch, case) if may(person, Right.READ_POSITIONS) else []
    people = [one for one in await sessions.everybody(switch.pool) if _are_colleagues(person, one)]
    return render(
        request,
        "case.html",
        person,
        200 if problem is None else problem.status,
        case=case,
        title=TITLES[case.kind],
        matter=_about(case, lang) if may(person, Right.READ_POSITIONS) else ("", ""),
        sees_payments=may(person, Right.READ_POSITIONS),
        subject_title=SUBJECTS[case.parts[0]],
        history=history,
        acts=ACTS,
        answers=ANSWERS,
        steps=await _steps(switch, case) if may(person, Right.READ_POSITIONS) else [],
        changes=changes,
        kinds=KINDS,
        requests=_requests(person, case),
        works=may(person, Right.WORK_ON_CASES),
        watches=WATCHES,
        asked=asked,
        questions=participants_investigations,
        question_reasons=QUESTION_REASONS,
        alarms=[
            (row, WATCHES[row["kind"]], lang.money(Money(row["minor"], row["currency"]))) for row in alarms
        ],
        drafts=case.kind in OF_OFFICERS and may(person, Right.SCREEN_PAYMENTS),
        screens=case.kind is CaseKind.SCREENING and may(person, Right.SCREEN_PAYMENTS),
        found=found,
        decisions=_decisions(person, found),
        clearances=_clearances(person, found),
        asks=case.kind is CaseKind.UNKNOWN and case.closed_at is None,
        colleagues=[one for one in people if one.status is Status.ACTIVE and one.name != person.name],
        endings=",".join(f".{ending}" for ending in sorted(attachments.BY_ENDING)),
        note_max=acts.NOTE_MAX,
        problem=problem and problem.detail,
    )


async def _alarms(connection: asyncpg.Connection, case: Case) -> list[asyncpg.Record]:
    """The alarms that a case is about."""
    if case.kind is not CaseKind.WATCH or case.uetr is None:
        return []
    return await watching.alarms(connection, case.uetr, case.participant)


async def _asked(switch: Switch, case: Case) -> list[dict[str, Any]]:
    """The investigation that a case is about."""
    if case.kind is not CaseKind.INVESTIGATION or case.uetr is None:
        return []
    found = await investigations.of_payment(switch.pool, case.uetr, None)
    return [one for one in found if one["reference"] == case.parts[1]]


def _are_colleagues(person: Person, other: Person) -> bool:
    """Whether a person may assign a case to another one: officers to officers of the same participant."""
    if person.role is Role.OFFICER:
        return (other.role, other.scope) == (person.role, person.scope)
    return other.role in LADDER


async def _steps(switch: Switch, case: Case) -> list[dict[str, Any]]:
    """The journey of the payment of a case, with each question to the rail and its answer."""
    if case.uetr is None:
        return []
    try:
        return (await dossier.read(switch.pool, case.uetr, None)).steps
    except NotFound:
        return []  # a payment that only the rail knows


def _decisions(person: Person, found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Decisions about a payment that screening holds, for who has seen the hits: titles and addresses."""
    if found is None or found["ended_at"] or found["decision"]:
        return []
    known = {"uetr": found["uetr"], "screening": found["screening"]}
    kinds = ("screening.release", "screening.refuse")
    return [(KINDS[kind].title, link(kind, **known)) for kind in kinds if may_request(person, kind)]


def _clearances(person: Person, found: dict[str, Any] | None) -> list[tuple[int, str]]:
    """Hits whose party can be cleared, for who has seen them: their places and addresses of forms."""
    if found is None or not may_request(person, "screening.clear"):
        return []
    known = {"uetr": found["uetr"], "screening": found["screening"]}
    hits_ = enumerate(found["hits"], start=1)
    places = [place for place, hit in hits_ if hit["kind"] != WATCH]
    return [(place, link("screening.clear", **known, hit=place)) for place in places]


def _requests(person: Person, case: Case) -> list[tuple[str, str]]:
    """Changes that can end the case, for who may request them: titles and addresses."""
    if case.closed_at is not None:
        return []
    type_, *ids = case.parts
    known: dict[str, dict[str, dict[str, str]]] = {
        "payment": {"payment.resolve": {"uetr": ids[0]}},
        "break": {"break.resolve": {"number": ids[0]}, "break.return": {"number": ids[0]}},
        "reversal": {"reversal.resolve": {"uetr": ids[0]}},
        "order": {"order.settle": {"uetr": ids[0]}},
        "investigation": {"investigation.answer": {"investigation": ids[0]}},
        "recall": {"recall.end": {"uetr": ids[0]}},
        "confirmation": {"confirmation.resolve": {"sha256": ids[0], "agent": ids[-1]}},
        "freeze": {"books.unfreeze": {}},
        "watch": {"watch.examine": {"uetr": ids[0], "participant": ids[-1]}},
    }
    return [
        (KINDS[kind].title, link(kind, **fields))
        for kind, fields in known.get(type_, {}).items()
        if may_request(person, kind)
    ]


def _about(case: Case, lang: Language) -> tuple[str, str]:
    """What a case is about, in words, and the address of its page."""
    type_, *ids = case.parts
    window = lang.text("Window {n}", n=ids[0])
    known = {
        "payment": (ids[0], f"/payments/{ids[0]}"),
        "break": (lang.text("Break {n}", n=ids[0]), f"/breaks?rail={case.rail}"),
        "line": (f"{window}, {ids[-1]}", f"/windows/{ids[0]}"),
        "instruction": (window, f"/windows/{ids[0]}"),
        "confirmation": (f"{ids[-1]} {ids[0][:16]}", "/windows"),
        "note": (ids[0], "/queues"),
        "screening": (ids[0], f"/payments/{ids[0]}"),
        "order": (ids[0], f"/payments/{ids[0]}"),
        "investigation": (ids[0], f"/payments/{case.uetr}"),
        "recall": (ids[0], f"/payments/{ids[0]}"),
        "watch": (ids[0], f"/payments/{ids[0]}"),
    }
    text, path = known.get(type_, (ids[0], "/log"))
    return text, PREFIX + path
