"""Reports over HTTP: the list, one in a format, what was made, the key that signs, and the open data.

A participant gets its own, a regulator its country's, operators and auditors everything. Each read is an
event of the audited log. `ETag` is the SHA-256 of the bytes, `Payswitch-Signature` a detached JWS over them.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotAllowed, NotFound
from switch.api import paging
from switch.api.paging import After, Before, Limit
from switch.api.people import Caller, answer_page, set_cookie
from switch.api.runtime import Runtime
from switch.identity.model import Person
from switch.reports import catalogue, open_data, service
from switch.reports.artefacts import Artefact
from switch.reports.query import Scope
from switch.reports.readers import scope_of_participant, scope_of_person
from switch.reports.render import FORMATS
from switch.reports.service import ReportService
from switch.reports.wording import LANGUAGES

router = APIRouter(prefix="/v1")

_YEARS: Final = 5
"""Open data of so many years back."""
_KEEP_S: Final = 3600.0
_FORMAT: Final = "format"
_REVEAL: Final = "show personal data: a right of its own, and written down"
_LANGUAGE: Final = "lang"
_OURS: Final = frozenset({_FORMAT, _LANGUAGE, "reveal"})
"""Query parameters that are not the report's own."""
_PUBLIC: Final = Scope("public", everything=True)
"""Who reads the open data: anybody."""


def _office(request: Request) -> ReportService:
    """The office of this worker, opened at its first report."""
    runtime: Runtime = request.app.state.runtime
    found: ReportService | None = getattr(request.app.state, "report_office", None)
    if found is None:
        found = ReportService.open(runtime.settings, runtime.pool, runtime.link)
        request.app.state.report_office = found
    return found


def _scope(who: Caller, *, reveal: Annotated[bool, Query(description=_REVEAL)] = False) -> Scope:
    if isinstance(who, Person):
        return scope_of_person(who, reveal=reveal)
    if reveal:
        raise NotAllowed("personal data is shown to people only")
    return scope_of_participant(who)


Desk = Annotated[ReportService, Depends(_office)]
Reading = Annotated[Scope, Depends(_scope)]
Spoken = Annotated[
    str | None,
    Query(
        alias=_LANGUAGE,
        pattern=f"^({'|'.join(LANGUAGES)})$",
        description="of labels: en, ru or zh; for pdf, xlsx, csv",
    ),
]
Form = Annotated[str | None, Query(alias=_FORMAT, description="json, csv, xlsx, pdf, or the report's own")]


@router.get("/reports", operation_id="listReports", tags=["reports"])
async def list_reports(
    request: Request, scope: Reading, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get the reports that the caller may ask for, with their parameters and formats."""
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
    request: Request, office: Desk, scope: Reading, before: Before = None, limit: Limit = 200
) -> Response:
    """Get what was made for the caller, newest first: hashes, signatures, and by whom."""
    found = await service.made(office, scope, limit + 1, before=before)
    return answer_page(request, "before", paging.cut(found, limit, lambda made: made["number"]))


@router.get("/report-artefacts/{sha256}/signature", operation_id="getReportSignature", tags=["reports"])
async def get_signature(
    office: Desk,
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="of the file; its name has it")],
) -> Response:
    """Get the detached signature (JWS) of a report's file; for whoever holds the file, without a key."""
    report, token = await service.signature(office, sha256)
    headers = {"Content-Disposition": f'attachment; filename="{report}-{sha256}.jws"'}
    return Response(token, media_type="application/jose", headers=headers)


@router.get("/report-key", operation_id="getReportKey", tags=["reports"])
async def get_key(office: Desk) -> Response:
    """Get the public key that reports are signed with, PEM."""
    return Response(office.store.public_key.pem, media_type="application/x-pem-file")


@router.get("/reports/{name}", operation_id="getReport", tags=["reports"])
async def get_report(  # noqa: PLR0917
    request: Request, office: Desk, scope: Reading, name: str, form: Form = None, language: Spoken = None
) -> Response:
    """Get a report. Its parameters are query parameters; the format is `format`, or what `Accept` names.

    Labels are English, or in the language of `lang`. A CSV has names for programs unless `lang` is given.
    """
    given = _parameters(request)
    chosen = form or _accepted(request.headers.get("accept", ""), name)
    return _answer(request, await service.make(office, name, given, scope, chosen, language))


@router.get("/open-data", operation_id="getOpenData", tags=["reports"])
async def get_open_data(
    request: Request,
    office: Desk,
    quarter: Annotated[str, Query(pattern="^[0-9]{4}-Q[1-4]$", description="a quarter, as 2026-Q3")],
    form: Form = None,
    language: Spoken = None,
) -> Response:
    """Get a quarter's volumes, cost and speed by corridor; for everybody, without a key."""
    chosen = form or _accepted(request.headers.get("accept", ""), open_data.NAME)
    shelf: OpenDataCache = request.app.state.__dict__.setdefault("open_data_shelf", OpenDataCache())
    return _answer(request, await shelf.get(office, quarter, chosen, language))


class OpenDataCache:
    """Open data that was made lately: whoever asks again is not made to wait, and makes no work.

    Anybody may ask, so what is kept is bounded, and so is what is made: one at a time, recent quarters only.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, str | None], tuple[float, Artefact]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def get(self, office: ReportService, quarter: str, form: str, language: str | None) -> Artefact:
        """The open data of a quarter. Raises as `service.make` does, and NotFound for one long ago."""
        if int(quarter[:4]) < datetime.now(UTC).year - _YEARS:
            raise NotFound
        key = quarter, form, language
        async with self._one_at_a_time:
            expires, artefact = self._made.get(key, (0.0, None))
            if artefact is None or expires < time.monotonic():
                asked = {"quarter": quarter}
                artefact = await service.make(office, open_data.NAME, asked, _PUBLIC, form, language)
                self._made[key] = (time.monotonic() + _KEEP_S, artefact)
            return artefact


def _parameters(request: Request) -> Mapping[str, str]:
    """The report's own query parameters.

    Raises:
        InvalidMessage: one is there twice, or one of ours is.

    """
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) != len(pairs):
        raise InvalidMessage("a parameter is there twice", rule="parameter")
    return {name: value for name, value in given.items() if name not in _OURS}


def _accepted(accept: str, name: str) -> str:
    """The format whose media type `Accept` names first; JSON where it names none."""
    definition = catalogue.find(name)
    for part in accept.split(","):
        wanted = part.partition(";")[0].strip().lower()
        for form in definition.formats:
            if FORMATS[form].media_type.partition(";")[0] == wanted:
                return form
    return "json"


def _answer(request: Request, artefact: Artefact) -> Response:
    headers = {
        "ETag": f'"{artefact.sha256.hex()}"',
        "Content-Disposition": f'attachment; filename="{artefact.name}"',
        "Payswitch-Signature": artefact.signature,
        "Payswitch-As-Of": str(artefact.as_of),
    }
    response = Response(artefact.octets, headers=headers, media_type=artefact.media_type)
    token = getattr(request.state, "fresh_token", None)
    if token is not None:
        set_cookie(response, token)
    return response
