"""Messages received for a participant: cancellation requests, replies, returns, requests to pay.

Beside them is what became of requests to pay, in both directions.

The list shows no personal data. A message contains it: opening one needs its own right and is recorded in the
event log.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas import files, investigation
from schemas.money import EXPONENTS, Money
from switch.identity.permissions import Right, require
from switch.pages import filters, language
from switch.pages.language import Language
from switch.pages.own import BASE, Member
from switch.pages.shell import PREFIX, Switch, render
from switch.participants import investigations
from switch.participants.investigation_reasons import QUESTION_REASONS
from switch.payments import correspondence, payment_requests
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

router = APIRouter(prefix=PREFIX + BASE, include_in_schema=False)

NAMES: Final = {
    "camt.056": "requests the cancellation of a payment",
    "camt.029": "replies to a cancellation request",
    "camt.110": "asks about a payment",
    "camt.111": "replies to a question about a payment",
    "pacs.004": "returns a payment",
    "pain.013": "requests a payment",
    "pain.014": "replies to a request to pay",
    "pain.002": "reports the end of a payment file",
}
"""Meaning of each kind of message."""
REQUEST_STATES: Final = {
    "open": ("unanswered", "warn"),
    "accepted": ("accepted", "warn"),
    "paid": ("paid", "good"),
    "refused": ("refused", "bad"),
    "expired": ("expired", "bad"),
}
"""State of a request to pay -> its text and its tone."""
_FACTS: Final = {
    "Amount": frozenset({"InstdAmt", "RtrdIntrBkSttlmAmt", "IntrBkSttlmAmt"}),
    "Requested execution date": frozenset({"ReqdExctnDt"}),
    "End-to-end id": frozenset({"EndToEndId", "OrgnlEndToEndId"}),
    "Question": frozenset({"InvstgtnTp"}),
    "Status of the answer": frozenset({"InvstgtnSts"}),
    "Reason of the answer": frozenset({"StsRsn"}),
    "Reason": frozenset({"Rsn"}),
}
"""Elements of a message that its page shows in words, with their labels."""
_CODES: Final[Mapping[str, Mapping[str, str]]] = {
    "Question": investigations.TYPES,
    "Status of the answer": {**investigations.STATUSES, investigation.PENDING: investigations.PENDING},
    "Reason of the answer": investigations.STATUS_REASONS,
    "Reason": QUESTION_REASONS,
}
"""The words of the codes of investigations, by label."""
_ABOUT: Final = ("camt.110", "camt.111")
_PAGE: Final = 50
_NEWEST: Final = 20
"""Requests to pay that are shown."""


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
        facts=_facts(message.definition, message.content, language.of(request)),
        text=None if message.content is None else files.indented(message.content),
        base=PREFIX + BASE,
    )


def _facts(definition: str, content: dict[str, Any] | None, lang: Language) -> list[tuple[str, str]]:
    """What a person asks first of a message: how much, by when, under which reference and why."""
    found = [(label, _first(content, tags)) for label, tags in _FACTS.items()]
    codes = _CODES if definition.startswith(_ABOUT) else {}
    return [(label, _said(value, lang, codes.get(label, {}))) for label, value in found if value is not None]


def _first(part: object, tags: frozenset[str]) -> object:
    """The first value of one of these elements, in the order of the message; None if there is none."""
    if isinstance(part, list):
        return next((value for each in part if (value := _first(each, tags)) is not None), None)
    if not isinstance(part, dict):
        return None
    own = next((value for tag, value in part.items() if tag in tags), None)
    return own if own is not None else _first(list(part.values()), tags)


def _said(value: object, lang: Language, codes: Mapping[str, str]) -> str:
    match value:
        case {"Cd": str() as code} | {"Sts": str() as code} if code in codes:
            return lang.text(codes[code])
        case {"Amt": str() as amount, "Ccy": str() as currency} if currency in EXPONENTS:
            return lang.amount(amount, currency)
        case {"Cd": str() as code}:
            return lang.reason(code)
        case {"Dt": str() as day}:
            return lang.day(date.fromisoformat(day))
        case str():
            return value
        case _:
            return ""
