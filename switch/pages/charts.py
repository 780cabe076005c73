"""Charts of stored reports as SVG, drawn from the same file as the table beside them.

A chart is an image with its own address. It is drawn from a stored report, found by its hash: the ledger is
not read, and the reader sees no more than in the table.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from schemas.errors import NotFound
from switch.api.reports import Reporting
from switch.base.sql import statements
from switch.pages import drawing, language
from switch.pages.shell import PREFIX, Viewer, finish
from switch.reports import corridors, costs, open_data
from switch.reports.query import Scope
from switch.reports.readers import scope_of_person
from switch.reports.service import ReportService

router = APIRouter(prefix=PREFIX, include_in_schema=False)

MEASURES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        corridors.NAME: ("payments", "success", "within_10_s"),
        costs.NAME: ("cost_percent", "within_3_percent"),
        open_data.NAME: ("payments", "cost_percent", "within_60_s"),
    }
)
"""Columns that have a chart, by report. Amounts are left out: currencies cannot share an axis."""

POLICY: Final = "default-src 'none'; sandbox"
"""Content security policy of a chart, which loads nothing."""

_BARS_MAX: Final = 40
_statement: Final = statements("switch.pages")
_KEPT: Final = _statement("report_of_chart")

Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Measure = Annotated[str, Path(max_length=40)]


@router.get("/charts/{sha256}/{measure}.svg")
async def get_chart(
    request: Request, reporting: Reporting, person: Viewer, sha256: Hash, measure: Measure
) -> Response:
    """Draw one column of a report that was generated for this reader."""
    document = await kept(reporting, scope_of_person(person), sha256)
    return answer(request, document, measure)


def answer(request: Request, document: Mapping[str, Any], measure: str) -> Response:
    """A chart as a response, in the reader's language; for a phone with the parameter `narrow`.

    Raises:
        NotFound: the column has no chart.

    """
    if measure not in MEASURES.get(document["report"], ()):
        raise NotFound
    width = drawing.NARROW if "narrow" in request.query_params else drawing.WIDTH
    response = Response(draw(document, measure, language.of(request), width), media_type="image/svg+xml")
    response.headers["Content-Security-Policy"] = POLICY
    return finish(request, response)


async def kept(reporting: ReportService, scope: Scope, sha256: str) -> dict[str, Any]:
    """JSON of a stored report. Raises NotFound if it does not exist or is out of the scope."""
    wanted = None if scope.everything else scope.text
    report = await reporting.pool.fetchval(_KEPT, bytes.fromhex(sha256), wanted)
    if report is None:
        raise NotFound
    path = reporting.store.directory / f"{report}-{sha256}.json"
    found: dict[str, Any] = json.loads(await asyncio.to_thread(path.read_bytes))
    return found


def points(document: Mapping[str, Any], measure: str) -> Sequence[tuple[str, str]]:
    """Points of the chart: corridor and text of its value, for rows with a value, at most forty."""
    found = [
        (f"{row['source']} → {row['target']}", str(row[measure]))
        for row in document["rows"]
        if row.get(measure) is not None and row["source"] and row["target"]
    ]
    return found[:_BARS_MAX]


def draw(document: Mapping[str, Any], measure: str, lang: language.Language, width: int) -> bytes:
    """SVG of one column, with one bar per corridor."""
    heading = next(column["title"] for column in document["columns"] if column["name"] == measure)
    empty = lang.text("No data for the chart")
    return drawing.bars(lang.text(heading), empty, points(document, measure), lang.decimal, width)
