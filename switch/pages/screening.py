"""Screening: what an officer needs. Held payments, decisions that await a second person, and the lists."""

from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotAllowed
from switch.api.people import check_same_origin
from switch.approvals import approvals
from switch.cases import reading
from switch.cases.model import TITLES as CASES
from switch.cases.model import CaseKind
from switch.cases.officers import TITLES, DecidedBy
from switch.change_catalogue import KINDS
from switch.identity.model import Change, ChangeState, Person, Role
from switch.identity.permissions import Right, may
from switch.operations import screening_lists, screening_officers
from switch.pages import audited, shell, tour, uploads
from switch.pages.change_links import link, may_request
from switch.pages.shell import PREFIX, Switch, redirect, render
from switch.screening.list_files import OWN

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.SCREENING))]
_ROWS: Final = 50
UPLOAD_MAX: Final = 64 * 1024 * 1024
"""Octets of a file that a page takes; `payswitch screening add` takes larger ones."""


@router.get("/screening")
async def get_screening(request: Request, switch: Switch, person: Reader) -> Response:
    """Show held payments that this person decides about, open decisions, and the lists."""
    return await show(request, switch, person)


@router.post("/screening/lists")
async def post_list(request: Request, switch: Switch, person: Reader) -> Response:
    """Add the file of a list, and continue with the request to put it in force."""
    check_same_origin(request)
    if not may(person, Right.MANAGE_LISTS):
        raise NotAllowed("your role may not do this")
    try:
        file, source = await _uploaded(request)
        added = await screening_lists.add(switch.pool, person, file.content, source)
    except InvalidMessage as error:
        return await show(request, switch, person, error)
    known = await screening_lists.read(switch.pool, limit=_ROWS)
    return redirect(request, link("screening.lists", lists=_with(known, added)).removeprefix(PREFIX))


async def _uploaded(request: Request) -> tuple[uploads.UploadedFile, str]:
    found, texts = await uploads.read_all(request, UPLOAD_MAX)
    if "file" not in found:
        raise InvalidMessage("choose a file", path="file", rule="content")
    return found["file"], texts.get("source", "")


async def show(
    request: Request, switch: Switch, person: Person, problem: InvalidMessage | None = None
) -> Response:
    """The page; for an officer it is the first one, too."""
    async with switch.pool.acquire() as connection:
        waiting = await _waiting(connection, person)
        held = [
            case
            for kind in (CaseKind.SCREENING, CaseKind.WATCH)
            for case in await reading.find(connection, reader=person, state="open", kind=kind, limit=_ROWS)
        ]
        lists = await screening_lists.read(connection, limit=_ROWS)
        settings = await screening_officers.read(connection)
    return render(
        request,
        "screening.html",
        person,
        400 if problem else 200,
        first_steps=tour.steps(request, person) if person.role is Role.OFFICER else (),
        held=held,
        titles=CASES,
        waiting=[(change, KINDS[change.kind].title) for change in waiting],
        lists=lists,
        manages=may(person, Right.MANAGE_LISTS),
        problem=problem and problem.detail,
        source_max=screening_lists.SOURCE_MAX,
        use=link("screening.lists", lists=_in_force(lists)) if may_request(person, "screening.lists") else "",
        deciders=[(row["participant"], TITLES[DecidedBy(row["decided_by"])]) for row in settings],
        set_officers=link("screening.officers") if may_request(person, "screening.officers") else "",
        sees_settings=shell.APPROVALS.admits(person),
    )


async def _waiting(connection: asyncpg.Connection, person: Person) -> list[Change]:
    """Open changes about screening for which this person can take a seat."""
    found = await approvals.read(connection, state=ChangeState.REQUESTED, concerning=person, limit=10 * _ROWS)
    return [
        change
        for change in found
        if change.kind.startswith(("screening.", "watch.")) and approvals.may_vote(change, person)
    ][:_ROWS]


def _with(lists: list[dict[str, Any]], added: dict[str, Any]) -> str:
    """The lists in force with an added one, in place of the older list of the same publisher.

    Two lists of one's own (CSV) may be of two publishers, so none is replaced: the person leaves it out.
    """
    kept = [
        one["number"]
        for one in reversed(lists)
        if one["in_force"]
        and one["number"] != added["number"]
        and (added["publisher"] == OWN or one["publisher"] != added["publisher"])
    ]
    return " ".join(str(number) for number in (*kept, added["number"]))


def _in_force(lists: list[dict[str, Any]]) -> str:
    """The numbers of the lists in force, as the form takes them."""
    return " ".join(str(one["number"]) for one in reversed(lists) if one["in_force"])
