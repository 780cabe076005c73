"""Statistics over time as data: what the pages draw, by step of time, corridor and rail, and by service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidParameter, Refused
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.api import paging
from switch.api.paging import After, Limit
from switch.api.people import Caller, Services, answer_page
from switch.api.queries import Instant
from switch.base.calendars import is_countable
from switch.identity.model import Person
from switch.payments.directory import Participant
from switch.reports.query import Scope
from switch.reports.readers import scope_of_participant, scope_of_person
from switch.reports.reading import reading as as_reader
from switch.statistics import reading
from switch.statistics.reading import By, FactQuery, FactSum, LiquiditySum, ServiceSum, Step
from switch.writer.context import ServiceContext

router = APIRouter(prefix="/v1")
_LONGEST: Final = MappingProxyType(
    {Step.HOUR: timedelta(days=32), Step.DAY: timedelta(days=400), Step.MONTH: timedelta(days=20 * 366)}
)
_USUAL: Final = timedelta(days=30)
_COUNTRY: Final = "an ISO 3166 code: two capital letters"
_SINCE: Final = "an instant, as 2026-11-23T00:00:00Z; 30 days before `until` if it is missing"
_UNTIL: Final = "an instant, as 2026-11-24T00:00:00Z, not included; now if it is missing"

Country = Annotated[str, Query(pattern="^([A-Z]{2})?$", description=_COUNTRY)]


async def _asked(  # noqa: PLR0917 - one a query parameter
    since: Annotated[Instant | None, Query(description=_SINCE)] = None,
    until: Annotated[Instant | None, Query(description=_UNTIL)] = None,
    step: Step = Step.DAY,
    source: Country = "",
    target: Country = "",
    rail: Country = "",
) -> FactQuery:
    """The question of a request.

    Raises:
        InvalidParameter: an instant has no offset.
        Refused: the period is too long, or has no length, or is beyond the calendar.

    """
    end = _instant(until, "until") or datetime.now(UTC)
    begin = _instant(since, "since") or end - _USUAL
    if end <= begin:
        raise _refused(
            "until must be after since",
            "since",
            remedy="Name the earlier instant as since and the later one as until.",
        )
    if end - begin > _LONGEST[step]:
        days = _LONGEST[step].days
        raise _refused(
            f"with this step the period is at most {days} days",
            "since",
            remedy="Ask for a shorter period, or choose a longer step.",
        )
    return FactQuery(reading.begin(begin, step), end, step, source, target, rail)


def _instant(at: datetime | None, name: str) -> datetime | None:
    if at is not None and at.tzinfo is None:
        text = "an instant must have its offset from UTC"
        raise InvalidParameter(
            text, path=f"query.{name}", rule="parameter", expected="an instant such as 2026-11-23T00:00:00Z"
        )
    if at is not None and not is_countable(at):
        raise _refused(
            "an instant must be between 1970 and the end of 9999, UTC",
            name,
            remedy="State an instant of the years 1970 to 9999, with its offset from UTC.",
        )
    return at


def _refused(text: str, name: str, *, remedy: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, path=f"query.{name}", remedy=remedy)


FactsAsked = Annotated[FactQuery, Depends(_asked)]


@router.get("/statistics", operation_id="listStatistics", tags=["reports"])
async def list_statistics(  # noqa: PLR0917 - one a query parameter
    request: Request,
    services: Services,
    who: Caller,
    asked: FactsAsked,
    after: After = "",
    limit: Limit = 100,
) -> Response:
    """Get sums of the payments that the caller may read, by step of time, corridor, rail and currencies.

    A payment counts in the step in which it was accepted, once it has an outcome. Steps are in UTC. Times are
    at most a tenth above the exact percentiles. Amounts are of committed payments.
    """
    async with _reading(services) as connection:
        found = await reading.read(
            connection,
            asked,
            scope_of(who),
            [By.TIME, By.CORRIDOR, By.RAIL],
            after=after,
            limit=limit + 1,
        )
    return answer_page(request, "after", paging.cut(found, limit, lambda each: each.key), _document)


@router.get("/statistics/services", operation_id="listServiceStatistics", tags=["reports"])
async def list_service_statistics(  # noqa: PLR0917 - one a query parameter
    request: Request,
    services: Services,
    who: Caller,
    asked: FactsAsked,
    after: After = "",
    limit: Limit = 100,
) -> Response:
    """Get the availability of services and rails by step of time, as probes found it."""
    async with _reading(services) as connection:
        found = await reading.availability(connection, asked, scope_of(who))
    page = paging.within(found, limit, _service_key, after)
    return answer_page(request, "after", page, _service_document)


@router.get("/statistics/liquidity", operation_id="listLiquidityStatistics", tags=["reports"])
async def list_liquidity_statistics(  # noqa: PLR0917 - one a query parameter
    request: Request,
    services: Services,
    who: Caller,
    asked: FactsAsked,
    after: After = "",
    limit: Limit = 100,
) -> Response:
    """Get the least headroom of the accounts that the caller may read, by step of time with postings.

    The least headroom is what could still be debited at the peak of the use.
    """
    async with _reading(services) as connection:
        found = await reading.liquidity(connection, asked, scope_of(who), after=after, limit=limit + 1)
    page = paging.cut(found, limit, lambda each: each.key)
    return answer_page(request, "after", page, _liquidity_document)


@asynccontextmanager
async def _reading(services: ServiceContext) -> AsyncIterator[asyncpg.Connection]:
    async with services.reading.acquire() as connection, as_reader(connection):
        yield connection


def scope_of(who: Person | Participant) -> Scope:
    """What a caller may read. Raises NotAllowed: it may not read reports."""
    return scope_of_person(who) if isinstance(who, Person) else scope_of_participant(who)


def _document(each: FactSum) -> dict[str, Any]:
    figures = each.figures

    def amount(minor: int, currency: str) -> str | None:
        return Money(minor, currency).text if currency in EXPONENTS else None

    return {
        "at": each.at,
        "source": each.source or None,
        "target": each.target or None,
        "rail": each.rail or None,
        "debit_currency": each.debit_currency or None,
        "credit_currency": each.credit_currency or None,
        "payments": figures.payments,
        "committed": figures.committed,
        "rejected": figures.rejected,
        "refused": figures.refused,
        "returned": figures.returned,
        "success_percent": _text(figures.success),
        "debited": amount(figures.debit_minor, each.debit_currency),
        "credited": amount(figures.credit_minor, each.credit_currency),
        "fees": amount(figures.fee_minor, each.debit_currency),
        "debits_returned": amount(figures.returned_minor, each.debit_currency),
        "within_10_s_percent": _text(figures.within_10_s),
        "within_60_s_percent": _text(figures.within_60_s),
        "within_1_h_percent": _text(figures.within_1_h),
        "p50_us": figures.p50_us,
        "p95_us": figures.p95_us,
        "p99_us": figures.p99_us,
        "cost_percent": _text(figures.cost_percent),
        "cost_up_to_3_percent": _text(figures.within_3_percent),
        "cost_up_to_5_percent": _text(figures.within_5_percent),
    }


def _service_key(each: ServiceSum) -> str:
    return f"{each.at.astimezone(UTC):%Y-%m-%dT%H:%MZ}/{each.service}"


def _service_document(each: ServiceSum) -> dict[str, Any]:
    return {
        "at": each.at,
        "service": each.service,
        "probes": each.probes,
        "failed": each.failed,
        "observed_s": each.observed.total_seconds(),
        "down_s": each.down.total_seconds(),
        "availability_percent": _text(each.availability),
    }


def _liquidity_document(each: LiquiditySum) -> dict[str, Any]:
    def amount(minor: int | None) -> str | None:
        return None if minor is None else Money(minor, each.currency).text

    return {
        "at": each.at,
        "participant": each.owner,
        "currency": each.currency,
        "purpose": each.purpose,
        "least_headroom": amount(each.least),
        "least_at": each.least_at,
        "headroom": amount(each.left),
        "net_debit_cap": amount(each.cap),
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
