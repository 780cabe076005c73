"""Deliveries of reports by schedule: their receipts, and once more if a person asks. Pages serve it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from switch.api import paging
from switch.api.paging import Before, Limit
from switch.api.people import Number, Services, SignedIn, answer_page
from switch.api.reports import Overseer, Reporting
from switch.reports.delivery import receipts, repeating

router = APIRouter(prefix="/v1")


@router.get("/report-deliveries", operation_id="listReportDeliveries", tags=["reports"])
async def list_deliveries(
    request: Request, reporting: Reporting, _: Overseer, before: Before = None, limit: Limit = 200
) -> Response:
    """Get the reports that were made by schedule, newest first, with the receipt of each delivery."""
    found = await receipts.deliveries(reporting.reading, limit + 1, before=before)
    return answer_page(request, "before", paging.cut(found, limit, lambda made: made["number"]))


@router.post(
    "/report-deliveries/{number}/replay",
    operation_id="replayReportDelivery",
    tags=["reports"],
    status_code=202,
)
async def replay_delivery(services: Services, person: SignedIn, number: Number) -> Response:
    """Deliver a report again: the same file to the same destination, in a new delivery if that one ended."""
    await repeating.repeat(services.pool, person, number)
    return Response(status_code=202)
