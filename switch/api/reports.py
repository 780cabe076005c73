"""Reports over HTTP: the list, a report in a format, generated files, the signing key, and open data.

A participant gets its own data, a regulator that of its country, operators and auditors all. Each read is an
event of the audit log. `ETag` is the SHA-256 of the bytes, `Payswitch-Signature` a detached JWS over them.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotAllowed, NotFound
from switch.api import paging
from switch.api.paging import After, Before, Limit
from switch.api.people import Caller, answer_page, set_cookie, signed_in
from switch.api.runtime import Runtime
from switch.identity.model import Person
from switch.reports import catalogue, open_data, service
from switch.reports import package as packages
from switch.reports.artefacts import Artefact
from switch.reports.delivery import receipts
from switch.reports.query import Scope
from switch.reports.readers import scope_of_participant, scope_of_person
from switch.reports.render import FORMATS
from switch.reports.service import ReportService
from switch.reports.wording import LANGUAGES

router = APIRouter(prefix="/v1")

_YEARS: Final = 5
"""Open data goes back this many years."""
_KEEP_S: Final = 3600.0
_FORMAT: Final = "format"
_REVEAL: Final = "show personal data: needs a permission of its own, and is logged"
_LANGUAGE: Final = "lang"
_OURS: Final = frozenset({_FORMAT, _LANGUAGE, "reveal", "package"})
"""Query parameters that are common to all reports."""
_PUBLIC: Final = Scope("public", everything=True)
"""The reader of open data: the public."""


def _report_service(request: Request) -> ReportService:
    """The report service of this worker, created at its first report."""
    runtime: Runtime = request.app.state.runtime
    found: ReportService | None = getattr(request.app.state, "report_service", None)
    if found is None:
        found = ReportService.open(runtime.settings, runtime.pool, runtime.reading, runtime.link)
        request.app.state.report_service = found
    return found


def _scope(who: Caller, *, reveal: Annotated[bool, Query(description=_REVEAL)] = False) -> Scope:
    if isinstance(who, Person):
        return scope_of_person(who, reveal=reveal)
    if reveal:
        raise NotAllowed("personal data is shown only to people")
    return scope_of_participant(who)


Reporting = Annotated[ReportService, Depends(_report_service)]
Reading = Annotated[Scope, Depends(_scope)]


def _overseer(person: Annotated[Person, Depends(signed_in)]) -> None:
    if not scope_of_person(person).everything:
        raise NotAllowed("deliveries of reports are shown to the operator's people")


Overseer = Annotated[None, Depends(_overseer)]
Spoken = Annotated[
    str | None,
    Query(
        alias=_LANGUAGE,
        pattern=f"^({'|'.join(LANGUAGES)})$",
        description="language of labels: en, ru or zh; for pdf, xlsx, csv",
    ),
]
Form = Annotated[
    str | None, Query(alias=_FORMAT, description="json, csv, xlsx, pdf, or a format specific to the report")
]

Packed = Annotated[
    bool, Query(description="a ZIP file of the report, its signature, the public key and how to check it")
]


@router.get("/reports", operation_id="listReports", tags=["reports"])
async def list_reports(
    request: Request, scope: Reading, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get the reports that the caller may request, with their parameters and formats."""
    audience = catalogue.audience_of(scope)
    found = [report for report in catalogue.CATALOGUE.values() if audience in report.audience]
    return answer_page(
        request, "after", paging.within(found, limit, lambda report: report.name, after), _describe
    )


def _describe(found: catalogue.Definition) -> dict[str, Any]:
    return {
        "name": found.name,
        "title": found.title,
        "takes": list(found.takes),
        "may_take": list(found.may_take),
        "formats": [str(name) for name in found.formats],
    }


@router.get("/report-artefacts", operation_id="listReportArtefacts", tags=["reports"])
async def list_artefacts(
    request: Request, reporting: Reporting, scope: Reading, before: Before = None, limit: Limit = 200
) -> Response:
    """Get the files generated for the caller, newest first: hashes, signatures, and who requested them."""
    found = await service.made(reporting, scope, limit + 1, before=before)
    return answer_page(request, "before", paging.cut(found, limit, lambda made: made["number"]))


@router.get("/report-artefacts/{sha256}/signature", operation_id="getReportSignature", tags=["reports"])
async def get_signature(
    reporting: Reporting,
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, as in its name")],
) -> Response:
    """Get the detached signature (JWS) of a report file; public, for anyone who has the file."""
    report, token = await service.signature(reporting, sha256)
    headers = {"Content-Disposition": f'attachment; filename="{report}-{sha256}.jws"'}
    return Response(token, media_type="application/jose", headers=headers)


@router.get("/report-destinations", operation_id="listReportDestinations", tags=["reports"])
async def list_destinations(
    request: Request, reporting: Reporting, _: Overseer, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get the destinations to which reports may be delivered: two people allowed each."""
    found = await receipts.destinations(reporting.reading)
    return answer_page(request, "after", paging.within(found, limit, lambda each: each["name"], after))


@router.get("/report-schedules", operation_id="listReportSchedules", tags=["reports"])
async def list_schedules(
    request: Request, reporting: Reporting, _: Overseer, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get the reports that are made after each period, and why the last one could not be made, if so."""
    found = await receipts.schedules(reporting.reading)
    return answer_page(request, "after", paging.within(found, limit, lambda each: each["name"], after))


@router.get("/report-key", operation_id="getReportKey", tags=["reports"])
async def get_key(reporting: Reporting) -> Response:
    """Get the public key of the report signatures, in PEM format."""
    return Response(reporting.store.public_key.pem, media_type="application/x-pem-file")


@router.get("/reports/{name}", operation_id="getReport", tags=["reports"])
async def get_report(  # noqa: PLR0917
    request: Request,
    reporting: Reporting,
    scope: Reading,
    name: str,
    form: Form = None,
    language: Spoken = None,
    *,
    package: Packed = False,
) -> Response:
    """Get a report. Its parameters are query parameters; the format is that of `format` or `Accept`.

    Labels are English, or in the language of `lang`. A CSV has machine-readable names unless `lang` is given.
    """
    given = _parameters(request)
    chosen = form or _accepted(request.headers.get("accept", ""), name)
    artefact = await service.make(reporting, name, given, scope, chosen, language)
    packed = await asyncio.to_thread(service.package, reporting, artefact, language) if package else None
    return _answer(request, artefact, packed)


@router.get("/open-data", operation_id="getOpenData", tags=["reports"])
async def get_open_data(
    request: Request,
    reporting: Reporting,
    quarter: Annotated[str, Query(pattern="^[0-9]{4}-Q[1-4]$", description="a quarter, as 2026-Q3")],
    form: Form = None,
    language: Spoken = None,
) -> Response:
    """Get the volumes, cost and speed of a quarter by corridor; public, without a key."""
    chosen = form or _accepted(request.headers.get("accept", ""), open_data.NAME)
    cache: OpenDataCache = request.app.state.__dict__.setdefault("open_data_cache", OpenDataCache())
    return _answer(request, await cache.get(reporting, quarter, chosen, language))


class OpenDataCache:
    """Recently generated open data, so that a repeated request is answered at once and causes no work.

    The data is public, so the cache is bounded, and so is the work: one file at a time, recent quarters only.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, str | None], tuple[float, Artefact]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def get(self, reporting: ReportService, quarter: str, form: str, language: str | None) -> Artefact:
        """Get the open data of a quarter. Raises as `service.make`, and NotFound if it is too long ago."""
        if int(quarter[:4]) < datetime.now(UTC).year - _YEARS:
            raise NotFound
        key = quarter, form, language
        async with self._one_at_a_time:
            expires, artefact = self._made.get(key, (0.0, None))
            if artefact is None or expires < time.monotonic():
                asked = {"quarter": quarter}
                artefact = await service.make(reporting, open_data.NAME, asked, _PUBLIC, form, language)
                self._made[key] = (time.monotonic() + _KEEP_S, artefact)
            return artefact


def _parameters(request: Request) -> Mapping[str, str]:
    """The query parameters of the report itself.

    Raises:
        InvalidMessage: a parameter is repeated, or is one common to all reports.

    """
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) != len(pairs):
        raise InvalidMessage("a parameter is repeated", rule="parameter")
    return {name: value for name, value in given.items() if name not in _OURS}


def _accepted(accept: str, name: str) -> str:
    """The format whose media type `Accept` names first; JSON if it names none."""
    definition = catalogue.find(name)
    for part in accept.split(","):
        wanted = part.partition(";")[0].strip().lower()
        for form in definition.formats:
            if FORMATS[form].media_type.partition(";")[0] == wanted:
                return form
    return "json"


def _answer(request: Request, artefact: Artefact, package: bytes | None = None) -> Response:
    octets = artefact.octets if package is None else package
    name = artefact.name if package is None else f"{artefact.name}.zip"
    headers = {
        "ETag": f'"{hashlib.sha256(octets).hexdigest()}"',
        "Content-Disposition": f'attachment; filename="{name}"',
        "Payswitch-Signature": artefact.signature,
        "Payswitch-As-Of": str(artefact.as_of),
    }
    media_type = artefact.media_type if package is None else packages.MEDIA_TYPE
    response = Response(octets, headers=headers, media_type=media_type)
    token = getattr(request.state, "fresh_token", None)
    if token is not None:
        set_cookie(response, token)
    return response
