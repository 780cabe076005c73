"""Files of payments (pain.001) that participants handed in: how far each is, and the state of its lines.

Overseers see the files of all participants, people of a participant its own. Both can stop the rest of one.
No page shows what a file contains: a line leads to its payment by its UETR.
"""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from switch.api.people import check_same_origin
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, may, require
from switch.pages import audited, filters, language, shell
from switch.pages.shell import PREFIX, Switch, Viewer, form, redirect, render
from switch.payments import payment_files
from switch.payments.payment_files import FileState, PaymentFile
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.FILES))]
FileId = Annotated[UUID, Path()]

STATES: Final = {
    "received": ("received", "warn"),
    "sending": ("being sent", "warn"),
    "ended": ("completed", "good"),
    "refused": ("refused", "bad"),
}
"""State of a file -> its text and its tone."""
LINE_STATES: Final = {
    "RCVD": ("not sent yet", "idle"),
    "PDNG": ("sent, not final", "warn"),
    "ACCC": ("credited", "good"),
    "RJCT": ("refused", "bad"),
    "CANC": ("cancelled before it was sent", "idle"),
}
"""Status of a line -> its text and its tone."""
OPEN_ONLY: Final = "open"
FILES: Final = 50
LINES: Final = 200


@router.get("/payment-files")
async def get_files(  # noqa: PLR0917 - one per filter
    request: Request,
    switch: Switch,
    person: Reader,
    participant: Annotated[str, Query(pattern="^([a-z0-9][a-z0-9-]{1,34})?$")] = "",
    state: Annotated[str, Query(pattern="^(open|received|sending|ended|refused)?$")] = "",
    before: Annotated[int, Query(ge=1, le=payment_files.NEWEST)] = payment_files.NEWEST,
) -> Response:
    """List files, newest first, with their progress and the age of those that have not ended."""
    states = payment_files.OPEN if state == OPEN_ONLY else [FileState(state)] if state else None
    found = await payment_files.newest(
        switch.pool, _owner(person) or participant or None, before=before, limit=FILES + 1, states=states
    )
    lang = language.of(request)
    titles = {"": "all", OPEN_ONLY: "not ended", **{name: text for name, (text, _) in STATES.items()}}
    return render(
        request,
        "payment_files.html",
        person,
        files=found[:FILES],
        states=STATES,
        line_states=LINE_STATES,
        now=datetime.now(UTC),
        states_of=filters.choices(request, "state", titles, lang),
        state=state,
        participant=participant,
        participants=() if _owner(person) else sorted(switch.directory.now.by_id),
        older=filters.older(request, found[FILES - 1].number) if len(found) > FILES else "",
    )


@router.get("/payment-files/{file}")
async def get_file(  # noqa: PLR0917 - one per filter
    request: Request,
    switch: Switch,
    person: Reader,
    file: FileId,
    status: Annotated[str, Query(pattern="^(RCVD|PDNG|ACCC|RJCT|CANC)?$")] = "",
    after: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Response:
    """Show how far a file is, and its lines in their order, by status."""
    known = await payment_files.find(switch.pool, _owner(person), file)
    found = await payment_files.lines(switch.pool, file, after=after, limit=LINES + 1, status=status)
    titles = {"": "all", **{code: text for code, (text, _) in LINE_STATES.items() if code in known.by_status}}
    return render(
        request,
        "payment_file.html",
        person,
        file=known,
        group_status=payment_files.group_status(known),
        states=STATES,
        now=datetime.now(UTC),
        lines=found[:LINES],
        line_states=LINE_STATES,
        statuses=filters.choices(request, "status", titles, language.of(request)),
        more=filters.after(request, found[LINES - 1].number) if len(found) > LINES else "",
        may_stop=may_stop(person, known),
    )


@router.post("/payment-files/{file}/stop")
async def post_stop(request: Request, switch: Switch, person: Viewer, file: FileId) -> Response:
    """Have nothing more of a file sent; nothing is recalled, and what has ended stays so."""
    check_same_origin(request)
    await form(request)
    require(person, Right.STOP_FILES)
    known = await payment_files.find(switch.pool, _owner(person), file)
    why = "" if _owner(person) else payment_files.STOPPED
    async with switch.pool.acquire() as connection, connection.transaction():
        if await payment_files.cancel(connection, known.sender, known.id, why=why):
            await note(
                connection,
                EventKind.PAYMENT_FILE_STOPPED,
                file=known.id.hex,
                person=person.name,
                participant=known.sender,
            )
    return redirect(request, f"/payment-files/{known.id}")


def may_stop(person: Person, file: PaymentFile) -> bool:
    """Whether this person can stop the rest of this file now."""
    is_open = file.state in payment_files.OPEN and file.cancelled_at is None
    return is_open and may(person, Right.STOP_FILES, participant=file.sender)


def _owner(person: Person) -> str | None:
    """The participant whose files alone this person sees; None for those who see all."""
    return person.scope if person.role is Role.PARTICIPANT else None
