"""Indirect participants: the banks that are reached over rails, and the upload of a rail's directory."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from adapters import registry
from schemas.errors import InvalidMessage, NotAllowed, Problem
from switch.api import indirect as api
from switch.api.people import check_same_origin
from switch.identity.model import Person
from switch.pages import audited, language, shell, uploads
from switch.pages.audited import read_only
from switch.pages.change_links import may_request
from switch.pages.shell import PREFIX, Context, Viewer, redirect, render
from switch.participants import indirect, indirect_file

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.PARTICIPANTS))]
Country = Annotated[str, Path(pattern="^[A-Z]{2}$")]
IMPORT: Final = "directory.import"
ROWS: Final = 100


@router.get("/indirect")
async def get_indirect(  # noqa: PLR0917 - one for each filter
    request: Request,
    context: Context,
    person: Reader,
    rail: Annotated[str, Query(pattern="^([A-Z]{2})?$")] = "",
    name: Annotated[str, Query(max_length=api.FIND_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")] = "",
    after: Annotated[str, Query(pattern="^([A-Z]{2}/[a-z0-9-]{2,35})?$")] = "",
) -> Response:
    """List banks that are reached over rails, by rail, name, code or BIC."""
    return await _page(request, context, person, rail=rail, name=name, after=after)


@router.post("/indirect/{country}/files")
async def post_file(request: Request, context: Context, person: Viewer, country: Country) -> Response:
    """Add the file of a rail's directory, and continue with the request to import it."""
    check_same_origin(request)
    if not may_request(person, IMPORT):
        raise NotAllowed("your role may not do this")
    try:
        file = await _uploaded(request)
        added = await indirect.add(context.pool, person, country, file.content)
    except InvalidMessage as error:
        return await _page(request, context, person, rail=country, problems=error.problems)
    return redirect(request, f"/changes/new/{IMPORT}?file={added.number}")


async def _uploaded(request: Request) -> uploads.UploadedFile:
    file = (await uploads.read(request, indirect_file.OCTETS_MAX)).get("file")
    if file is None:
        raise InvalidMessage("choose a file", path="file", rule="content")
    return file


async def _page(
    request: Request,
    context: Context,
    person: Person,
    *,
    rail: str,
    name: str = "",
    after: str = "",
    problems: Sequence[Problem] = (),
) -> Response:
    async with read_only(context.reading) as connection:
        found = await indirect.entries(
            connection, rail=rail, after=after, text=name, day=datetime.now(UTC).date(), limit=ROWS + 1
        )
    shown = [
        {
            **indirect.document(each, registry.profile(each.rail).currency),
            "since": each.since,
            "until": each.until,
        }
        for each in found[:ROWS]
    ]
    lang = language.of(request)
    return render(
        request,
        "indirect.html",
        person,
        400 if problems else 200,
        rows=shown,
        rail=rail,
        name=name,
        next=api.key(found[ROWS - 1]) if len(found) > ROWS else "",
        countries=registry.countries(),
        names={code: registry.country(code).names.in_language(lang.code) for code in registry.countries()},
        problems=problems,
        columns=", ".join(indirect_file.COLUMNS),
        may_import=may_request(person, IMPORT),
    )
