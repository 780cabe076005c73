"""Reports: the list, a form for each, a preview as a table with charts, and files in every format.

A preview is the report's JSON, generated as through the API: recorded in the event log, hashed, signed and
stored.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotAcceptable, NotAllowed, Refused, SwitchError
from switch.api.people import check_same_origin
from switch.api.reports import Reporting
from switch.api.runtime import Runtime
from switch.identity.model import Person
from switch.identity.permissions import Right, may
from switch.pages import filters, language
from switch.pages.charts import MEASURES
from switch.pages.shell import PARTICIPANTS, PREFIX, Switch, Viewer, form, redirect, render
from switch.reports import catalogue, patterns, service, wording
from switch.reports.delivery import receipts, repeating
from switch.reports.readers import scope_of_person
from switch.reports.render import TABLE

router = APIRouter(prefix=PREFIX, include_in_schema=False)

ROWS_MAX: Final = 500
"""Rows of a preview; the files contain all rows."""

_DAYS: Final = ("since", "until")
LABELS: Final = {
    "window": "Settlement window",
    "since": "From (day, UTC)",
    "until": "Until (day, UTC, not included)",
    "as_of": "As of event",
    "page": "Page",
    "participant": "Participant",
    "currency": "Currency",
    "account": "Account",
    "uetr": "UETR",
    "rules": "Rules version",
    "quarter": "Quarter (2026-Q3)",
    "above": "More than (amount)",
    "corridor": "Corridor (IN-PK)",
    "payer": "Payer (p-..., as in the report of patterns)",
}
"""Labels of the parameters of reports."""

GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "Settlement and accounts": frozenset(
        {
            *("window-statement", "settlement-instruction", "account-statement", "account-report"),
            *("notifications", "liquidity"),
        }
    ),
    "Volumes, costs and charges": frozenset({"corridors", "costs", "invoice", "fx-result", "open-data"}),
    "Payments and exceptions": frozenset(
        {
            *("open-payments", "rejects", "exceptions", "reconciliation", "patterns"),
            *("payments-above", "payments-of-payer", "payments-of-corridor"),
        }
    ),
    "Operation and evidence": frozenset({"availability", "access-log", "evidence"}),
}
"""Reports by what they are for, in the order of the list; a test finds one that is in none."""
_SHOW: Final = "show"
_REVEAL: Final = "reveal"
_WEEK: Final = timedelta(days=7)
_MADE_MAX: Final = 50


@router.get("/reports")
async def get_reports(
    request: Request,
    reporting: Reporting,
    person: Viewer,
    within: filters.Period,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """List the reports that this person may request, and those generated before."""
    scope = scope_of_person(person)
    audience = catalogue.audience_of(scope)
    found = [report for report in catalogue.CATALOGUE.values() if audience in report.audience]
    since, until = within
    read = await service.made(reporting, scope, _MADE_MAX + 1, before=before, since=since, until=until)
    made = [{**row, "made_at": datetime.fromisoformat(row["made_at"])} for row in read[:_MADE_MAX]]
    return render(
        request,
        "reports.html",
        person,
        groups=[
            (title, members)
            for title, names in GROUPS.items()
            if (members := [one for one in found if one.name in names])
        ],
        made=made,
        older=filters.older(request, made[-1]["number"]) if len(read) > _MADE_MAX else "",
        ranges=filters.ranges(request, language.of(request)),
        delivers=scope.everything,
        titles=_titles(),
    )


@router.get("/report-deliveries")
async def get_deliveries(
    request: Request,
    reporting: Reporting,
    person: Viewer,
    within: filters.Period,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """Show the schedules and destinations of reports, and the receipts of their deliveries."""
    if not scope_of_person(person).everything:
        raise NotAllowed("this page is not available for your role")
    return await _deliveries(request, reporting, person, before=before, within=within)


@router.post("/report-deliveries/{number}/again")
async def post_again(
    request: Request,
    reporting: Reporting,
    switch: Switch,
    person: Viewer,
    number: Annotated[int, Path(ge=1, lt=2**63)],
) -> Response:
    """Have a report delivered again."""
    check_same_origin(request)
    await form(request)
    try:
        await repeating.repeat(switch.pool, person, number)
    except Refused as error:
        return await _deliveries(request, reporting, person, problem=error)
    return redirect(request, "/report-deliveries")


async def _deliveries(
    request: Request,
    reporting: service.ReportService,
    person: Person,
    *,
    before: int | None = None,
    within: tuple[datetime | None, datetime | None] = (None, None),
    problem: SwitchError | None = None,
) -> Response:
    since, until = within
    read = await receipts.deliveries(
        reporting.reading, _MADE_MAX + 1, before=before, since=since, until=until
    )
    return render(
        request,
        "report_deliveries.html",
        person,
        200 if problem is None else problem.status,
        problem=problem and problem.detail,
        titles=_titles(),
        may_repeat=may(person, Right.DELIVER_REPORTS),
        may_request=may(person, Right.REQUEST_CHANGE),
        schedules=await receipts.schedules(reporting.reading),
        destinations=await receipts.destinations(reporting.reading),
        deliveries=read[:_MADE_MAX],
        older=filters.older(request, read[_MADE_MAX - 1]["number"]) if len(read) > _MADE_MAX else "",
        ranges=() if problem else filters.ranges(request, language.of(request)),
    )


@router.get("/reports/{name}")
async def get_report(
    request: Request, reporting: Reporting, switch: Switch, person: Viewer, name: str
) -> Response:
    """Show the form of a report and, once it is submitted, the report."""
    definition = catalogue.find(name)
    if catalogue.audience_of(scope_of_person(person)) not in definition.audience:
        raise NotAllowed("this reader may not request this report")
    values = _values(request)
    shown: dict[str, Any] = {"document": None, "problem": "", "status": 200}
    if _SHOW in values:
        shown = await _shown(reporting, person, definition, values)
    return render(
        request,
        "report.html",
        person,
        shown.pop("status"),
        report=definition,
        values=values or usual(),
        days=_DAYS,
        choices=_choices(switch, person),
        labels=LABELS,
        signed=wording.SIGNED,
        may_reveal=name == patterns.NAME and may(person, Right.READ_PERSONAL_DATA),
        rows_max=ROWS_MAX,
        measures=MEASURES.get(name, ()),
        downloads=_downloads(definition, values, language.of(request).code),
        **{"sha256": "", "signature": "", **shown},
    )


async def _shown(
    reporting: service.ReportService,
    person: Viewer,
    definition: catalogue.Definition,
    values: Mapping[str, str],
) -> dict[str, Any]:
    scope = scope_of_person(person, reveal=_REVEAL in values)
    try:
        artefact = await service.make(reporting, definition.name, parameters(values), scope)
    except (InvalidMessage, NotAcceptable, Refused) as error:
        return _failed(error)
    return {
        "document": json.loads(artefact.octets),
        "sha256": artefact.sha256.hex(),
        "signature": artefact.signature,
        "problem": "",
        "status": 200,
    }


def _failed(error: SwitchError) -> dict[str, Any]:
    return {"document": None, "problem": error.detail, "status": error.status}


def _titles() -> dict[str, str]:
    return {name: found.title for name, found in catalogue.CATALOGUE.items()}


def _choices(switch: Runtime, person: Person) -> Mapping[str, Sequence[str]]:
    """What a parameter may be, as far as this person may know it."""
    now = switch.directory.now
    found = {
        "currency": sorted({account.currency for account in now.accounts}),
        "account": ("position", "gross"),
    }
    return {**found, "participant": sorted(now.by_id)} if PARTICIPANTS.admits(person) else found


def _values(request: Request) -> dict[str, str]:
    pairs = request.query_params.multi_items()
    values = dict(pairs)
    if len(values) != len(pairs):
        raise InvalidMessage("a field occurs twice")
    return values


def parameters(values: Mapping[str, str]) -> dict[str, str]:
    """Form fields as parameters of the report: empty fields are left out, a day begins at midnight UTC."""
    given = {name: value for name, value in values.items() if value and name not in {_SHOW, _REVEAL}}
    return {name: _instant(value) if name in _DAYS else value for name, value in given.items()}


def _instant(value: str) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return value  # an instant, or invalid: the report validates it
    return datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()


def usual() -> dict[str, str]:
    """The last seven days including today."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return {"since": str(tomorrow - _WEEK), "until": str(tomorrow)}


def _downloads(
    definition: catalogue.Definition, values: Mapping[str, str], language: str
) -> list[tuple[str, str]]:
    """Name and address of each format for the values of the form, with `reveal` if it is set."""
    given = parameters(values) | ({_REVEAL: "true"} if _REVEAL in values else {})
    return files(definition.name, given, language)


def files(name: str, given: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    """Name and address of each format of a report, for a reader of this language."""
    return [(str(form), file(name, given, str(form), language)) for form in catalogue.find(name).formats]


def file(name: str, given: Mapping[str, str], form: str, language: str) -> str:
    """Address of one file. For English there is no `lang`, so that a CSV keeps its names for programs."""
    chosen = {"lang": language} if form in TABLE and form != "json" and language != wording.ENGLISH else {}
    return f"/v1/reports/{name}?{urlencode({**given, 'format': form, **chosen})}"
