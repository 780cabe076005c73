"""Statistics of a period as charts, drawn from reports that are generated for the reader."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage
from switch.api.reports import Reporting
from switch.identity.model import Person
from switch.pages import charts, reports, shell
from switch.pages.shell import PREFIX, render
from switch.reports import catalogue, corridors, costs, service
from switch.reports.readers import scope_of_person

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(shell.STATISTICS.viewer)]

OF: Final = (corridors.NAME, costs.NAME)
"""Reports that are shown as charts, with all their measures."""


@router.get("/statistics")
async def get_statistics(request: Request, reporting: Reporting, person: Reader) -> Response:
    """Show a period: by default the last seven days."""
    values = {**reports.usual(), **dict(request.query_params)}
    scope = scope_of_person(person)
    made, problem = [], None
    try:
        for name in OF:
            artefact = await service.make(reporting, name, reports.parameters(values), scope)
            made.append(_made(name, artefact.sha256.hex(), json.loads(artefact.octets)))
    except InvalidMessage as error:
        problem = error
    return render(
        request,
        "statistics.html",
        person,
        200 if problem is None else problem.status,
        values=values,
        made=made,
        problem="" if problem is None else problem.detail,
    )


def _made(name: str, sha256: str, document: dict[str, Any]) -> dict[str, Any]:
    headings = {column["name"]: column["title"] for column in document["columns"]}
    return {
        "name": name,
        "title": catalogue.find(name).title,
        "sha256": sha256,
        "rows": len(document["rows"]),
        "charts": [(measure, headings[measure]) for measure in charts.MEASURES[name]],
    }
