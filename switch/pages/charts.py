"""Charts of reports that were made: SVG drawn here, from the very file that the table beside it shows.

A chart is an image of its own address. It is read from a kept report by its hash: drawing it reads no ledger,
and shows nobody more than the table did.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from schemas.errors import NotFound
from switch.api.reports import Desk
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
"""Columns that people would rather look at, by report. Amounts of several currencies share no axis."""

POLICY: Final = "default-src 'none'; sandbox"
"""Of a chart alone, which needs nothing but itself."""

_BARS_MAX: Final = 40
_statement: Final = statements("switch.pages")
_KEPT: Final = _statement("report_of_chart")

Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Measure = Annotated[str, Path(max_length=40)]


@router.get("/charts/{sha256}/{measure}.svg")
async def get_chart(
    request: Request, office: Desk, person: Viewer, sha256: Hash, measure: Measure
) -> Response:
    """Draw one column of a report that was made for this reader."""
    document = await kept(office, scope_of_person(person), sha256)
    return answer(request, document, measure)


def answer(request: Request, document: Mapping[str, Any], measure: str) -> Response:
    """A chart as an answer, in the reader's language. Raises NotFound where the column has no chart."""
    if measure not in MEASURES.get(document["report"], ()):
        raise NotFound
    response = Response(draw(document, measure, language.of(request)), media_type="image/svg+xml")
    response.headers["Content-Security-Policy"] = POLICY
    return finish(request, response)


async def kept(office: ReportService, scope: Scope, sha256: str) -> dict[str, Any]:
    """A kept report's JSON. Raises NotFound where there is none, or it was made for somebody else."""
    wanted = None if scope.everything else scope.text
    report = await office.pool.fetchval(_KEPT, bytes.fromhex(sha256), wanted)
    if report is None:
        raise NotFound
    path = office.store.directory / f"{report}-{sha256}.json"
    found: dict[str, Any] = json.loads(await asyncio.to_thread(path.read_bytes))
    return found


def points(document: Mapping[str, Any], measure: str) -> Sequence[tuple[str, str]]:
    """What is drawn: a corridor and the text of its value, the rows that have one, at most forty."""
    found = [
        (f"{row['source']} → {row['target']}", str(row[measure]))
        for row in document["rows"]
        if row.get(measure) is not None and row["source"] and row["target"]
    ]
    return found[:_BARS_MAX]


def draw(document: Mapping[str, Any], measure: str, spoken: language.Language) -> bytes:
    """The SVG of one column: one bar a corridor."""
    heading = next(column["title"] for column in document["columns"] if column["name"] == measure)
    return drawing.bars(spoken.text(heading), spoken.text("No data for the chart"), points(document, measure))
