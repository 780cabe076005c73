"""Payments: search, and the details of one with its lifecycle. Personal data is masked.

Names and accounts are shown on request to readers with the right, and each access is recorded.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from schemas.errors import NotAllowed
from switch.api.people import check_same_origin
from switch.api.reports import Reporting
from switch.base import personal_data
from switch.cases import reading as cases
from switch.cases.model import TITLES
from switch.change_catalogue import KINDS
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, may
from switch.operations import oversight
from switch.pages import audited, exports, filters, finding, journey, language, shell, views
from switch.pages.shell import PREFIX, Switch, render
from switch.participants import inbound, investigations, payment_returns, resolution
from switch.participants.investigation_reasons import QUESTION_REASONS
from switch.payments import dossier, own_uetrs, search
from switch.reports import patterns, service
from switch.reports.readers import scope_of_person
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import FINAL, State

router = APIRouter(prefix=PREFIX, include_in_schema=False)

SHOWN: Final = [str(state) for state in State if state is not State.RECEIVED]
"""States that a search can filter by."""

_ROWS: Final = 50
_UETR: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Reader = Annotated[Person, Depends(audited.reader(shell.PAYMENTS))]
UnknownReader = Annotated[Person, Depends(audited.reader(shell.UNKNOWN))]
HeldReader = Annotated[Person, Depends(audited.reader(shell.HELD))]
Uetr = Annotated[str, Path(pattern=f"^{_UETR}$")]
Country = Annotated[str, Query(pattern="^([A-Z]{2})?$")]
Before = Annotated[int | None, Query(ge=1, lt=2**62)]


@router.get("/payments")
async def get_payments(  # noqa: PLR0917 - one per field of the form
    request: Request,
    switch: Switch,
    reporting: Reporting,
    person: Reader,
    q: Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
    state: Annotated[str, Query(pattern=f"^({'|'.join(SHOWN)})?$")] = "",
    rail: Country = "",
    source: Country = "",
    target: Country = "",
    direction: Annotated[str, Query(pattern="^(sent|received)?$")] = "",
    since: filters.Day = "",
    until: filters.Day = "",
    before: Before = None,
    participant: Annotated[str, Query(pattern="^([a-z0-9][a-z0-9-]{1,34})?$")] = "",
    amount: Annotated[str, Query(max_length=40)] = "",
    currency: Annotated[str, Query(pattern="^([A-Z]{3})?$")] = "",
    format_: Annotated[exports.Format, Query(alias="format")] = "",
) -> Response:
    """Search payments, newest first, by UETR, by a reference of the sender or the rail, or by amount.

    With `format`, the list is a file.
    """
    lang = language.of(request)
    values = {
        "q": q.strip(),
        "state": state,
        "rail": rail,
        "source": source,
        "target": target,
        "direction": direction,
        "participant": participant,
        "amount": amount.strip(),
        "currency": currency,
    }
    days = {"since": since, "until": until}
    since_at, until_at = filters.period(since, until)
    wanted = search.Wanted(
        uetr=search.typed_uetr(values["q"]),
        state=State(state) if state else None,
        rail=rail,
        source=source,
        target=target,
        reference=values["q"],
        end_to_end=switch.keys.reference(values["q"]),
        direction=direction,
        since=since_at,
        until=until_at,
        participant=participant,
        amounts=finding.amounts(lang.plain(amount), currency, _currencies(switch)),
        currency=currency,
    )
    owners = await _owners(switch, person)
    limit = exports.ROWS_MAX if format_ else _ROWS
    wrong = bool(amount.strip()) and not wanted.amounts
    page = search.SearchPage((), None)
    if not wrong:
        page = await search.find(switch.pool, wanted, owners, before=before, limit=limit)
    if format_:
        rows = exports.payments(await _as_stated(switch, person, page.payments))
        return await exports.respond(request, reporting, person, format_, columns=exports.PAYMENTS, rows=rows)
    given = {name: value for name, value in {**values, **days}.items() if value}
    return render(
        request,
        "payments.html",
        person,
        page=replace(page, payments=await _as_stated(switch, person, page.payments)),
        values={**values, **days},
        states=SHOWN,
        countries=sorted(switch.directory.now.rail_by_country),
        currencies=_currencies(switch),
        wrong=wrong,
        participants=sorted(switch.directory.now.by_id) if shell.PARTICIPANTS.admits(person) else [],
        states_of=filters.states(request, SHOWN, lang),
        ranges=filters.ranges(request, lang),
        views=await views.read(switch.pool, request, person),
        exports=exports.links(request),
        older=page.next and f"{PREFIX}/payments?{urlencode({**given, 'before': page.next})}",
    )


@router.get("/payments/{uetr}")
async def get_payment(request: Request, switch: Switch, person: Reader, uetr: Uetr) -> Response:
    """Show a payment: its lifecycle, its ledger entries, and related messages, breaks and changes."""
    return await _page(request, switch, person, UUID(uetr))


@router.post("/payments/{uetr}/people")
async def post_people(
    request: Request, switch: Switch, reporting: Reporting, person: Reader, uetr: Uetr
) -> Response:
    """Show the debtor and the creditor to a reader with the right; the access is recorded first."""
    check_same_origin(request)
    if not may(person, Right.READ_PERSONAL_DATA):
        raise NotAllowed("your role may not see personal data")
    scope = scope_of_person(person, reveal=True)
    found = await dossier.read(switch.pool, UUID(uetr), await _owners(switch, person))
    kept = found.payment["uetr"]
    await service.note(reporting, EventKind.PERSONAL_DATA, caller=scope.caller, scope=scope.text, uetr=kept)
    return await _page(request, switch, person, UUID(uetr), people=await _people(switch, UUID(kept)))


@router.get("/doubt")
async def get_doubt(request: Request, switch: Switch, person: UnknownReader) -> Response:
    """List payments with an unknown outcome, oldest first."""
    return await _waiting(request, switch, person, State.UNKNOWN)


@router.get("/held")
async def get_held(request: Request, switch: Switch, person: HeldReader) -> Response:
    """List held payments: reserved and not yet sent, oldest first."""
    return await _waiting(request, switch, person, State.RESERVED)


async def _waiting(request: Request, switch: Switch, person: Person, state: State) -> Response:
    found = await search.oldest(switch.pool, state, await _owners(switch, person))
    found = await _as_stated(switch, person, found)
    return render(
        request,
        "waiting.html",
        person,
        payments=found,
        state=state,
        now=datetime.now(UTC),
        rails={rail.country: rail for rail in await oversight.rails(switch.pool, switch.rails)},
        may_request=may(person, Right.REQUEST_CHANGE),
    )


async def _page(
    request: Request,
    switch: Switch,
    person: Person,
    uetr: UUID,
    *,
    people: patterns.People | None = None,
) -> Response:
    found = await dossier.read(switch.pool, uetr, await _owners(switch, person))
    about = []
    if shell.CASES.admits(person):
        about = await cases.of_payment(switch.pool, UUID(found.payment["uetr"]))
    sender, stated = found.stated or ("", None)
    is_own = person.role is Role.PARTICIPANT and person.scope == sender
    return render(
        request,
        "payment.html",
        person,
        payment={**found.payment, "uetr": str(stated)} if is_own else found.payment,
        stated=None if is_own else stated,
        found=found,
        refunds=inbound.REFUNDS,
        recalls=payment_returns.RECALLS,
        questions=investigations,
        question_reasons=QUESTION_REASONS,
        journey=journey.draw(found.path),
        way=[str(State.RECEIVED), *(str(move.then) for move in found.path)],
        sizes=(journey.WIDTH, journey.HEIGHT),
        people=people,
        may_reveal=may(person, Right.READ_PERSONAL_DATA),
        may_request=may(person, Right.REQUEST_CHANGE),
        may_list=shell.APPROVALS.admits(person),
        may_prove=shell.PROOFS.admits(person),
        kinds=KINDS,
        cases=about,
        titles=TITLES,
        breaks=resolution.BREAKS,
        final=found.payment["state"] in FINAL,
    )


async def _as_stated(
    switch: Switch, person: Person, payments: Sequence[search.FoundPayment]
) -> tuple[search.FoundPayment, ...]:
    """Payments with the UETRs that a participant knows: of its own payments those that it stated."""
    if person.role is not Role.PARTICIPANT:
        return tuple(payments)
    stated = await own_uetrs.stated(switch.pool, person.scope, [each.uetr for each in payments])
    return tuple(replace(each, uetr=stated.get(each.uetr, each.uetr)) for each in payments)


def _currencies(switch: Switch) -> list[str]:
    """Currencies of the accounts."""
    return sorted({account.currency for account in switch.directory.now.accounts})


async def _owners(switch: Switch, person: Person) -> list[str] | None:
    async with switch.pool.acquire() as connection:
        return await scope_of_person(person).owners(connection)


async def _people(switch: Switch, uetr: UUID) -> patterns.People:
    try:
        raw = await personal_data.read(switch.pool, switch.keys, uetr, personal_data.CAME)
    except personal_data.Erased:
        return patterns.People("(erased)", "(erased)")
    return patterns.people_of(raw)
