"""Exports of lists: what a page shows, as CSV or XLSX, with the same filters and for the same reader.

The page's own address with `format=csv` is its file. Each export is recorded in the event log.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Query, Request
from starlette.responses import Response

from ledger.positions import Position
from schemas.money import Money
from switch.cases.model import TITLES, Case
from switch.change_catalogue import KINDS
from switch.identity.model import Change, Person
from switch.pages import audited, language
from switch.pages.shell import finish
from switch.participants import resolution
from switch.payments.search import FoundPayment
from switch.reports import render, service
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn
from switch.settlement.reads import Settlement
from switch.writer.lifecycle import State

ROWS_MAX: Final = 1000
"""Rows of an export of payments; a page shows fewer at once."""
_FORMATS: Final = ("csv", "xlsx")
Format = Annotated[str, Query(pattern=f"^({'|'.join(_FORMATS)})?$")]
"""The parameter `format` of a page: empty for the page itself."""

_AMOUNT, _INSTANT, _COUNT = ColumnKind.AMOUNT, ColumnKind.INSTANT, ColumnKind.COUNT
PAYMENTS: Final = (
    ReportColumn("uetr", title="UETR"),
    ReportColumn("state", title="State", ours=True),
    ReportColumn("reason", title="Reason"),
    ReportColumn("source", title="From"),
    ReportColumn("debtor_agent", title="Debtor agent"),
    ReportColumn("target", title="To"),
    ReportColumn("creditor_agent", title="Creditor agent"),
    ReportColumn("amount", _AMOUNT, "Amount"),
    ReportColumn("currency", title="Currency"),
    ReportColumn("credited", _AMOUNT, "Credited"),
    ReportColumn("credited_currency", title="Currency"),
    ReportColumn("rail", title="Rail"),
    ReportColumn("rail_reference", title="Rail reference"),
    ReportColumn("accepted_at", _INSTANT, "Accepted at"),
)
POSITIONS: Final = (
    ReportColumn("participant", title="Participant"),
    ReportColumn("currency", title="Currency"),
    ReportColumn("account", title="Account", ours=True),
    ReportColumn("posted", _AMOUNT, "Posted"),
    ReportColumn("pending_debits", _AMOUNT, "Pending debits"),
    ReportColumn("pending_credits", _AMOUNT, "Pending credits"),
    ReportColumn("net_debit_cap", _AMOUNT, "Net debit cap"),
    ReportColumn("headroom", _AMOUNT, "Headroom"),
)
CHANGES: Final = (
    ReportColumn("number", _COUNT, "Number"),
    ReportColumn("kind", title="Change", ours=True),
    ReportColumn("state", title="State", ours=True),
    ReportColumn("maker", title="Requested by"),
    ReportColumn("requested_at", _INSTANT, "Requested at"),
    ReportColumn("reason", title="Reason"),
)
WINDOWS: Final = (
    ReportColumn("window", _COUNT, "Window"),
    ReportColumn("currency", title="Currency"),
    ReportColumn("state", title="State", ours=True),
    ReportColumn("opened_at", _INSTANT, "Opened"),
    ReportColumn("closed_at", _INSTANT, "Closed"),
    ReportColumn("value_date", title="Value date"),
)
BREAKS: Final = (
    ReportColumn("rail", title="Rail"),
    ReportColumn("rail_reference", title="Rail reference"),
    ReportColumn("file_date", title="File date"),
    ReportColumn("difference", title="Difference", ours=True),
    ReportColumn("detail", title="Detail"),
    ReportColumn("uetr", title="UETR"),
    ReportColumn("resolution", title="Resolution"),
)

CASES: Final = (
    ReportColumn("number", _COUNT, "Number"),
    ReportColumn("kind", title="Case", ours=True),
    ReportColumn("subject", title="About"),
    ReportColumn("state", title="State", ours=True),
    ReportColumn("rail", title="Rail"),
    ReportColumn("participant", title="Participant"),
    ReportColumn("uetr", title="UETR"),
    ReportColumn("owner", title="Owner"),
    ReportColumn("since", _INSTANT, "Since"),
    ReportColumn("due_at", _INSTANT, "Deadline"),
    ReportColumn("closed_at", _INSTANT, "Closed"),
)


def links(request: Request) -> list[tuple[str, str]]:
    """Name and address of each file of this page, with the filters that it has now."""
    given = [
        (name, value) for name, value in request.query_params.multi_items() if value and name != "format"
    ]
    return [
        (form.upper(), f"{request.url.path}?{urlencode([*given, ('format', form)])}") for form in _FORMATS
    ]


async def respond(
    request: Request,
    reporting: service.ReportService,
    person: Person,
    form: str,
    *,
    columns: tuple[ReportColumn, ...],
    rows: Iterable[Sequence[Cell]],
) -> Response:
    """The file, after its export was recorded."""
    if person.role not in audited.WATCHED:  # for others, the page has recorded it already
        await audited.note(request, reporting, person)
    now = datetime.now(UTC)
    name = request.url.path.rpartition("/")[2]
    made = Report(
        name=name,
        title=_TITLES[name],
        parameters={"as_of": f"{now:%Y-%m-%dT%H:%M:%SZ}"},
        columns=columns,
        rows=tuple(tuple(row) for row in rows),
    )
    code = language.of(request).code
    written = render.render(made, form, code if code != "en" else None)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{now:%Y%m%dT%H%M%SZ}.{form}"'}
    return finish(request, Response(written, media_type=render.FORMATS[form].media_type, headers=headers))


_TITLES: Final = {
    "payments": "Payments",
    "positions": "Positions",
    "changes": "Changes",
    "windows": "Settlement windows",
    "breaks": "Reconciliation breaks",
    "cases": "Cases",
}


def payments(found: Iterable[FoundPayment]) -> Iterable[Sequence[Cell]]:
    """Rows of `PAYMENTS`."""
    return (
        (
            *(str(one.uetr), str(one.state), one.reason, one.source, one.debtor_agent, one.target),
            *(one.creditor_agent, one.debit, one.debit and one.debit.currency),
            *(_credited(one), one.credit and one.credit.currency, one.rail, one.rail_reference, one.at),
        )
        for one in found
    )


def _credited(payment: FoundPayment) -> Money | None:
    return payment.credit if payment.state is State.COMMITTED else None


def positions(found: Iterable[Position]) -> Iterable[Sequence[Cell]]:
    """Rows of `POSITIONS`."""

    def money(minor: int | None, currency: str) -> Money | None:
        return None if minor is None else Money(minor, currency)

    return (
        (
            *(at.owner, at.currency, at.purpose),
            *(money(minor, at.currency) for minor in (at.net, at.debits_pending, at.credits_pending)),
            *(money(minor, at.currency) for minor in (at.net_debit_cap, at.headroom)),
        )
        for at in found
    )


def changes(found: Iterable[Change]) -> Iterable[Sequence[Cell]]:
    """Rows of `CHANGES`."""
    return (
        (one.number, KINDS[one.kind].title, str(one.state), one.maker, one.requested_at, one.reason)
        for one in found
    )


def windows(found: Iterable[Settlement]) -> Iterable[Sequence[Cell]]:
    """Rows of `WINDOWS`."""
    return (
        (
            *(one.window, one.currency, str(one.state), one.opened_at, one.closed_at),
            str(one.value_date) if one.value_date else None,
        )
        for one in found
    )


def breaks(found: Iterable[Mapping[str, object]]) -> Iterable[Sequence[Cell]]:
    """Rows of `BREAKS`."""
    return (
        (
            *(str(row["rail"]), str(row["ref"]), str(row["cycle"]), resolution.BREAKS[str(row["kind"])]),
            *(str(row["detail"] or ""), str(row["uetr"] or ""), str(row["resolution"] or "")),
        )
        for row in found
    )


def cases(found: Iterable[Case]) -> Iterable[Sequence[Cell]]:
    """Rows of `CASES`."""
    return (
        (
            *(one.number, TITLES[one.kind], one.subject, one.state, one.rail, one.participant),
            *(str(one.uetr) if one.uetr else "", one.owner or "", one.since, one.due_at, one.closed_at),
        )
        for one in found
    )
