"""Messages received for a participant: cancellation requests, replies, returns, requests to pay.

Beside them are what became of requests to pay, in both directions, and how far its files of payments are.

The list shows no personal data. A message contains it: opening one needs its own right and is recorded in the
event log.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas import files
from schemas.money import Money
from switch.identity.permissions import Right, require
from switch.pages import filters, language
from switch.pages.own import BASE, Member
from switch.pages.shell import PREFIX, Switch, render
from switch.payments import correspondence, payment_files, payment_requests
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

router = APIRouter(prefix=PREFIX + BASE, include_in_schema=False)

NAMES: Final = {
    "camt.056": "requests the cancellation of a payment",
    "camt.029": "replies to a cancellation request",
    "pacs.004": "returns a payment",
    "pain.013": "requests a payment",
    "pain.014": "replies to a request to pay",
    "pain.002": "reports the end of a payment file",
}
"""Meaning of each kind of message."""
REQUEST_STATES: Final = {
    "open": ("open", "warn"),
    "accepted": ("accepted", "warn"),
    "paid": ("paid", "good"),
    "refused": ("refused", "bad"),
    "expired": ("expired", "bad"),
}
"""State of a request to pay -> its text and its tone."""
FILE_STATES: Final = {
    "received": ("received", "warn"),
    "sending": ("being sent", "warn"),
    "ended": ("completed", "good"),
    "refused": ("refused", "bad"),
}
"""State of a file of payments -> its text and its tone."""
_PAGE: Final = 50
_NEWEST: Final = 20
"""Requests to pay and files that are shown."""


@router.get("/messages")
async def get_messages(
    request: Request,
    switch: Switch,
    person: Member,
    within: filters.Period,
    before: Annotated[int, Query(ge=1, le=2**62)] = 2**62,
) -> Response:
    """List received messages, newest first."""
    since, until = within
    found = await correspondence.latest(
        switch.pool, person.scope, before=before, limit=_PAGE, since=since, until=until
    )
    return render(
        request,
        "own_messages.html",
        person,
        found=found,
        names=NAMES,
        requests=await payment_requests.newest(switch.pool, person.scope, limit=_NEWEST),
        request_states=REQUEST_STATES,
        money=Money,
        files=await payment_files.newest(
            switch.pool, person.scope, before=payment_files.NEWEST, limit=_NEWEST
        ),
        file_states=FILE_STATES,
        older=filters.older(request, found[-1].seq) if len(found) == _PAGE else "",
        ranges=filters.ranges(request, language.of(request)),
        base=PREFIX + BASE,
    )


@router.get("/messages/{seq}")
async def get_message(
    request: Request, switch: Switch, person: Member, seq: Annotated[int, Path(ge=1, lt=2**62)]
) -> Response:
    """Show one message as JSON, in whatever format it was received."""
    require(person, Right.READ_PERSONAL_DATA, participant=person.scope)
    message = await correspondence.find(switch.pool, switch.keys, person.scope, seq)
    async with switch.pool.acquire() as connection, connection.transaction():
        await note(
            connection,
            EventKind.MESSAGE_READ,
            person=person.name,
            participant=person.scope,
            message=message.seq,
        )
    return render(
        request,
        "own_message.html",
        person,
        message=message,
        does=NAMES.get(message.definition[:8], ""),
        text=None if message.content is None else files.indented(message.content),
        base=PREFIX + BASE,
    )
