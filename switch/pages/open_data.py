"""The open data as a public page without sign-in: one quarter as a table, charts and files."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotFound, Refused
from switch.api.reports import OpenDataCache, Reporting
from switch.pages import charts
from switch.pages.reports import ROWS_MAX
from switch.pages.shell import PREFIX, render
from switch.reports import catalogue, open_data
from switch.reports.service import ReportService

router = APIRouter(prefix=PREFIX, include_in_schema=False)

_QUARTERS: Final = 8
Quarter = Annotated[str, Query(pattern="^[0-9]{4}-Q[1-4]$")]


@router.get("/open-data")
async def get_page(
    request: Request,
    reporting: Reporting,
    quarter: Annotated[str, Query(pattern="^([0-9]{4}-Q[1-4])?$")] = "",
) -> Response:
    """Show a quarter: by default the last one that has ended."""
    quarters = past_quarters(datetime.now(UTC))
    shown = quarter or quarters[0]
    document, problem, status = None, "", 200
    try:
        document = await _read(request, reporting, shown)
    except (InvalidMessage, NotFound, Refused) as error:
        problem, status = error.detail, error.status
    return render(
        request,
        "open_data.html",
        None,
        status,
        quarters=quarters,
        quarter=shown,
        document=document,
        problem=problem,
        rows_max=ROWS_MAX,
        measures=charts.MEASURES[open_data.NAME],
        formats=[str(form) for form in catalogue.find(open_data.NAME).formats],
    )


@router.get("/open-data/{measure}.svg")
async def get_chart(
    request: Request, reporting: Reporting, quarter: Quarter, measure: charts.Measure
) -> Response:
    """Draw one column of a quarter's open data."""
    return charts.answer(request, await _read(request, reporting, quarter), measure)


def past_quarters(now: datetime) -> list[str]:
    """The last eight quarters that have ended, newest first: `2026-Q3`."""
    current = now.year * 4 + (now.month - 1) // 3
    return [f"{number // 4}-Q{number % 4 + 1}" for number in range(current - 1, current - 1 - _QUARTERS, -1)]


async def _read(request: Request, reporting: ReportService, quarter: str) -> dict[str, Any]:
    """JSON of a quarter, from the cache of the API. Raises as `OpenDataCache.get` does."""
    cache: OpenDataCache = request.app.state.__dict__.setdefault("open_data_cache", OpenDataCache())
    found: dict[str, Any] = json.loads((await cache.get(reporting, quarter, "json", None)).octets)
    return found
