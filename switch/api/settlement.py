"""Settlements: status, lines and instruction of each window, and confirmations of settlement agents."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from ledger.windows import BilateralNet
from schemas.errors import NotAllowed, Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.api import body as bodies
from switch.api import paging
from switch.api.authentication import SIGNED, authenticate
from switch.api.documents import line_document, settlement_document
from switch.api.models import BilateralNetDocument
from switch.api.paging import After, Before, Limit
from switch.api.participants import may_read
from switch.api.people import Caller, Services, answer, answer_page
from switch.api.queries import Day
from switch.api.runtime import Runtime
from switch.base import calendars
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, require
from switch.payments.directory import Participant
from switch.settlement import day, positions, reads
from switch.settlement.files import SettlementFiles
from switch.settlement.proofs import UNSIGNED, ConfirmationProof

router = APIRouter(prefix="/v1")
Window = Annotated[int, Path(ge=1, lt=2**63)]
_CURRENCY = "an ISO 4217 code: three capital letters"
Currency = Annotated[str, Path(pattern="^[A-Z]{3}$", description=_CURRENCY)]
_DAYS_MAX = 400


@router.get("/settlements", operation_id="listSettlements", tags=["settlement"])
async def list_settlements(  # noqa: PLR0917 - one a query parameter
    request: Request,
    services: Services,
    who: Caller,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description=_CURRENCY)] = None,
    before: Before = None,
    limit: Limit = 100,
) -> Response:
    """Get the settlement status of each window, newest first, and the lines that were not settled."""
    found = await reads.read(services.pool, currency=currency, before=before, limit=limit + 1)
    unpaid = await reads.unpaid(services.pool, [s.window for s in found])

    def document(s: reads.Settlement) -> dict[str, Any]:
        lines = unpaid_for(who, unpaid.get(s.window, ()))
        return {**settlement_document(s), "not_settled": [line.participant for line in lines]}

    return answer_page(request, "before", paging.cut(found, limit, lambda s: s.window), document)


@router.get("/settlements/{window:int}", operation_id="getSettlement", tags=["settlement"])
async def get_settlement(request: Request, services: Services, who: Caller, window: Window) -> Response:
    """Get a settlement with the lines that the caller may read."""
    found = await reads.find(services.pool, window)
    shown = lines_for(who, await reads.lines(services.pool, window))
    return answer(
        request,
        {**settlement_document(found), "lines": [line_document(found.currency, line) for line in shown]},
    )


@router.get("/settlements/{window}/bilateral", operation_id="getBilateralPositions", tags=["settlement"])
async def get_bilateral(  # noqa: PLR0917 - one a parameter
    request: Request,
    services: Services,
    who: Caller,
    window: Window,
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> Response:
    """Get the bilateral net positions of a window; only pairs that the caller may read."""
    found = await reads.find(services.pool, window)
    lines = await reads.lines(services.pool, window)
    shown = pairs_for(who, lines, await positions.pairs(services.pool, window))
    page = paging.within(shown, limit, lambda pair: f"{pair.first}/{pair.second}", after)
    return answer_page(request, "after", page, partial(_pair_document, found.currency))


@router.get("/settlements/{window}/instruction", operation_id="getInstruction", tags=["settlement"])
async def get_instruction(services: Services, who: Caller, window: Window) -> Response:
    """Get the signed instruction (pacs.009); the detached signature is in `Payswitch-Signature`."""
    found = await reads.find(services.pool, window)
    agent = await services.pool.fetchval(
        "SELECT agent FROM switch.settlement_agent WHERE currency = $1", found.currency
    )
    if isinstance(who, Participant):
        if who.id != agent:
            raise NotAllowed("only the settlement agent may read its instruction")
    elif not may_read_instruction(who):
        raise NotAllowed("your role may not do this")
    octets, token = await day.read_instruction(services, window)
    return Response(octets, media_type="application/xml", headers={"Payswitch-Signature": token})


@router.get("/settlement-key", operation_id="getSettlementKey", tags=["settlement"])
async def get_key(request: Request, services: Services) -> Response:
    """Get the public key that verifies instructions; compare it with the key received by another channel."""
    key = SettlementFiles(services.data).public_key
    return answer(request, {"keyid": key.keyid, "public_key": key.pem.decode()})


@router.post("/settlements/confirmations", operation_id="confirmSettlement", tags=["settlement"])
async def post_confirmation(request: Request, services: Services) -> Response:
    """Receive a camt.054 or pacs.002 signed by a settlement agent (RFC 9421); a repetition does nothing."""
    runtime: Runtime = request.app.state.runtime
    raw = await bodies.read(request, runtime.settings.body_limit)
    agent = await authenticate(request, raw)
    signed = request.scope[SIGNED]
    proof = (
        UNSIGNED if signed is None else ConfirmationProof(b64encode(signed.signature).decode(), signed.base)
    )
    taken = await day.confirm(services, agent.id, raw, bodies.media_type(request), proof)
    return answer(request, taken)


@router.get("/calendars/{currency}", operation_id="getCalendar", tags=["settlement"])
async def get_calendar(  # noqa: PLR0917 - one a query parameter
    request: Request,
    services: Services,
    who: Caller,  # noqa: ARG001 - must be known
    currency: Currency,
    since: Day,
    days: Annotated[int, Query(ge=1, le=_DAYS_MAX)] = 31,
) -> Response:
    """Get a currency's business days and holidays."""
    if (date.max - since).days < days:
        text = f"the calendar ends on {date.max}"
        raise Refused(
            text,
            reason=Reason.NARRATIVE,
            path="query.since",
            remedy="Ask for an earlier day as since, or for fewer days.",
        )
    calendar = await calendars.load(services.pool, currency)
    span = [since + timedelta(days=ahead) for ahead in range(days)]
    return answer(
        request,
        {
            "currency": currency,
            "country": calendar.country,
            "zone": calendar.zone,
            "days": [
                {"day": d, "business": calendar.is_business_day(d), "holiday": calendar.holiday(d)}
                for d in span
            ],
            "schedule": [s for s in await reads.schedules(services.pool) if s.currency == currency],
        },
    )


def lines_for(who: Person | Participant, lines: Sequence[reads.SettlementLine]) -> list[reads.SettlementLine]:
    """The lines of a window that the caller may read."""
    # A central bank confirms all positions, so it sees the whole of a window with a line of its country.
    concerned = isinstance(who, Person) and who.role is Role.REGULATOR and who.scope in reads.countries(lines)
    return [line for line in lines if concerned or may_read(who, line.participant, line.country)]


def unpaid_for(who: Person | Participant, lines: Sequence[reads.Unpaid]) -> list[reads.Unpaid]:
    """The unsettled lines of a window that the caller may read."""
    authority = who.scope if isinstance(who, Person) and who.role is Role.REGULATOR else None
    return [
        line for line in lines if authority in line.countries or may_read(who, line.participant, line.country)
    ]


def pairs_for(
    who: Person | Participant,
    lines: Sequence[reads.SettlementLine],
    pairs: Sequence[BilateralNet],
) -> list[BilateralNet]:
    """The pairs of a window that the caller may read: with itself, or with a participant of its country."""
    everything = isinstance(who, Person) and who.role not in {Role.PARTICIPANT, Role.REGULATOR}
    if isinstance(who, Person):
        require(who, Right.READ_POSITIONS)
    countries = {line.participant: line.country for line in lines}
    return [
        pair
        for pair in pairs
        if everything or any(may_read(who, p, countries.get(p, "??")) for p in (pair.first, pair.second))
    ]


def may_read_instruction(who: Person) -> bool:
    """Whether a person may read the signed instruction to the settlement agent."""
    return who.role not in {Role.PARTICIPANT, Role.REGULATOR}


def _pair_document(currency: str, pair: BilateralNet) -> BilateralNetDocument:
    return {
        "first": pair.first,
        "second": pair.second,
        "first_pays": Money(pair.first_pays, currency).text,
        "second_pays": Money(pair.second_pays, currency).text,
        "returned": Money(pair.returned, currency).text,
        "net": Money(pair.net, currency).text,
        "count": pair.count,
    }
