"""Changes to the destinations and schedules of reports: two people allow where data leaves the switch."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from schemas.errors import NotFound, Refused, SwitchError
from schemas.reasons import Reason
from switch.approvals.content import Id
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base import calendars
from switch.base.sql import statements
from switch.reports import catalogue
from switch.reports.delivery import address
from switch.reports.delivery.address import InvalidAddress, Transport
from switch.reports.delivery.periods import Rhythm
from switch.reports.query import Scope, read_query
from switch.reports.wording import LANGUAGES

_statement: Final = statements("switch.reports.delivery")
_ADD_DESTINATION: Final = _statement("add_destination")
_ADD_SCHEDULE: Final = _statement("add_schedule")
_DESTINATION: Final = "SELECT address FROM switch.report_destination WHERE name = $1 AND removed_at IS NULL"
_SCHEDULE: Final = "SELECT report, rhythm FROM switch.report_schedule WHERE name = $1 AND removed_at IS NULL"
_USED: Final = (
    "SELECT name FROM switch.report_schedule WHERE destination = $1 AND removed_at IS NULL ORDER BY name"
)
_REMOVE_DESTINATION: Final = (
    "UPDATE switch.report_destination SET removed_at = clock_timestamp() WHERE name = $1"
)
_REMOVE_SCHEDULE: Final = "UPDATE switch.report_schedule SET removed_at = clock_timestamp() WHERE name = $1"
_EXISTS: Final = "SELECT EXISTS (SELECT FROM switch.participant WHERE id = $1)"
_PERIODS: Final = frozenset({"since", "until", "window", "as_of"})
"""Parameters that the schedule states for each period."""

Name = Annotated[Id, msgspec.Meta(title="Name")]


class AddDestination(Content, frozen=True, kw_only=True):
    """A place to which reports may be delivered. Its secret is a file, not part of the change."""

    name: Name
    address: Annotated[
        str,
        msgspec.Meta(
            title="Address",
            description="https://, s3+https://, sftp:// or mailto: and the receiver",
            max_length=500,
        ),
    ]
    host_key: Annotated[
        str,
        msgspec.Meta(
            title="SFTP: public key of the host", max_length=1100, description="ssh-ed25519 AAAA..."
        ),
    ] = ""
    access_key: Annotated[
        str,
        msgspec.Meta(
            title="S3: access key id", max_length=128, pattern="^[!-~]*$", description="of the store"
        ),
    ] = ""
    region: Annotated[
        str,
        msgspec.Meta(
            title="S3: region", max_length=40, pattern="^[a-z0-9-]*$", description="such as us-east-1"
        ),
    ] = ""


class RemoveDestination(Content, frozen=True, kw_only=True):
    """A destination that no schedule uses any more."""

    name: Name


class AddSchedule(Content, frozen=True, kw_only=True):
    """A report that is made after each period, and delivered."""

    name: Name
    report: Annotated[Id, msgspec.Meta(title="Report")]
    rhythm: Annotated[
        Literal["day", "week", "month", "business day", "window"], msgspec.Meta(title="After each")
    ]
    destination: Annotated[Id, msgspec.Meta(title="Destination")]
    format: Annotated[
        str, msgspec.Meta(title="Format", pattern="^[a-z0-9.-]{1,20}$", description="json, csv, xlsx, pdf")
    ] = "pdf"
    language: Annotated[Literal["en", "ru", "zh"], msgspec.Meta(title="Language")] = "en"
    scope: Annotated[
        str,
        msgspec.Meta(
            title="Whose data",
            pattern="^(all|[A-Z]{2}|[a-z0-9][a-z0-9-]{1,34})$",
            description="all, a country (IN), or a participant",
        ),
    ] = "all"
    currency: Annotated[
        str,
        msgspec.Meta(
            title="Currency", pattern="^([A-Z]{3})?$", description="of the business days or windows"
        ),
    ] = ""
    addressee: Annotated[
        str,
        msgspec.Meta(
            title="Addressee", max_length=120, pattern="^[^\\x00-\\x1f\\x7f]*$", description="a name"
        ),
    ] = ""
    parameters: Annotated[
        str,
        msgspec.Meta(
            title="Further parameters", max_length=300, description="such as above=5000000&currency=INR"
        ),
    ] = ""


class RemoveSchedule(Content, frozen=True, kw_only=True):
    """A schedule that makes no further reports; what it made is still delivered."""

    name: Name


def scope_of(name: str, text: str) -> Scope:
    """The scope of a schedule: everything, a country, or a participant."""
    caller = f"schedule:{name}"
    if text == "all":
        return Scope(caller, everything=True)
    return Scope(caller, country=text) if text.isupper() else Scope(caller, participant=text)


def further(text: str) -> dict[str, str]:
    """Further parameters of a schedule's report: `above=5000000&currency=INR`."""
    pairs = [part.partition("=") for part in text.split("&") if part]
    return {name: value for name, _, value in pairs}


def _refuse(text: str, *, remedy: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, remedy=remedy)


async def _check_destination(connection: asyncpg.Connection, content: AddDestination) -> None:
    try:
        parsed = address.parse(content.address)
    except InvalidAddress as error:
        raise _refuse(
            str(error),
            remedy="State an address of one of the forms in docs/operate/reports.md: sftp, s3 or a folder.",
        ) from None
    if parsed.transport is Transport.SFTP and not address.is_host_key(content.host_key):
        raise _refuse(
            "an SFTP server needs the public key of its host: ssh-ed25519 AAAA...",
            remedy=(
                "Copy the host's public key: ssh-keyscan -t ed25519 HOST prints it; compare it with the"
                " server's owner."
            ),
        )
    if parsed.transport is Transport.S3 and not (content.access_key and content.region):
        raise _refuse(
            "an object store needs an access key id and a region",
            remedy="State access_key and region as the owner of the bucket gave them.",
        )
    if await connection.fetchval(_DESTINATION, content.name) is not None:
        raise _refuse(
            "there is a destination of this name: remove it first",
            remedy="Choose another name, or remove the destination first.",
        )


async def _add_destination(execution: Execution, content: AddDestination) -> None:
    await execution.connection.execute(
        _ADD_DESTINATION,
        *(content.name, content.address, content.host_key, content.access_key, content.region),
    )
    execution.outcome = f"reports may be delivered to {content.name}"


async def _check_remove_destination(connection: asyncpg.Connection, content: RemoveDestination) -> None:
    if await connection.fetchval(_DESTINATION, content.name) is None:
        raise _refuse(
            "there is no destination of this name", remedy="Use a name of GET /v1/report-destinations."
        )
    if await connection.fetchval(_USED, content.name) is not None:
        raise _refuse(
            "a schedule uses this destination: remove the schedule first",
            remedy="Remove the schedules that use it first: GET /v1/report-schedules lists them.",
        )


async def _remove_destination(execution: Execution, content: RemoveDestination) -> None:
    await execution.connection.execute(_REMOVE_DESTINATION, content.name)
    execution.outcome = f"nothing is delivered to {content.name} any more"


async def _check_schedule(connection: asyncpg.Connection, content: AddSchedule) -> None:
    if await connection.fetchrow(_SCHEDULE, content.name) is not None:
        raise _refuse(
            "there is a schedule of this name: remove it first",
            remedy="Choose another name, or remove the schedule first.",
        )
    if await connection.fetchval(_DESTINATION, content.destination) is None:
        raise _refuse(
            "there is no destination of this name", remedy="Use a name of GET /v1/report-destinations."
        )
    _check_report(content)
    if (
        content.scope.islower()
        and content.scope != "all"
        and not await connection.fetchval(_EXISTS, content.scope)
    ):
        raise _refuse(
            "there is no participant of this name",
            remedy="Use an id of GET /v1/participants, a country such as IN, or all.",
        )
    if Rhythm(content.rhythm) in {Rhythm.BUSINESS_DAY, Rhythm.WINDOW}:
        try:
            await calendars.load(connection, content.currency)
        except NotFound:
            raise _refuse(
                "business days and windows are those of a currency: state it",
                remedy="State the currency, such as INR.",
            ) from None


def _check_report(content: AddSchedule) -> None:
    """Check that the report can be made of every period as it is asked."""
    assert content.language in LANGUAGES
    now = datetime.now(UTC).isoformat()
    of_window = Rhythm(content.rhythm) is Rhythm.WINDOW
    given = {"window": "1"} if of_window else {"since": now, "until": now}
    more = further(content.parameters)
    if _PERIODS & more.keys():
        raise _refuse(
            "the schedule states the period: leave it out of the parameters",
            remedy="Leave since, until and as_of out of the parameters.",
        )
    try:
        found = catalogue.find(content.report)
        found.check(read_query({**more, **given}), scope_of(content.name, content.scope))
    except SwitchError as error:
        raise _refuse(
            error.detail, remedy="Correct the parameters: GET /v1/reports lists those of each report."
        ) from None
    if content.format not in found.formats:
        raise _refuse(
            f"the formats of this report are {', '.join(found.formats)}",
            remedy="Choose a format that the text lists.",
        )


async def _add_schedule(execution: Execution, content: AddSchedule) -> None:
    await execution.connection.execute(
        _ADD_SCHEDULE,
        *(content.name, content.report, content.format, content.language, content.scope, content.rhythm),
        *(content.currency, content.destination, content.addressee),
        json.dumps(further(content.parameters), sort_keys=True),
    )
    execution.outcome = f"{content.report} is delivered to {content.destination} after each {content.rhythm}"


async def _check_remove_schedule(connection: asyncpg.Connection, content: RemoveSchedule) -> None:
    if await connection.fetchrow(_SCHEDULE, content.name) is None:
        raise _refuse("there is no schedule of this name", remedy="Use a name of GET /v1/report-schedules.")


async def _remove_schedule(execution: Execution, content: RemoveSchedule) -> None:
    await execution.connection.execute(_REMOVE_SCHEDULE, content.name)
    execution.outcome = f"the schedule {content.name} makes no further reports"


async def _effect_of_destination(connection: asyncpg.Connection, content: AddDestination) -> Effect:
    now = await connection.fetchval(_DESTINATION, content.name)
    return Effect((Row(content.name, now or NOTHING, content.address),))


async def _effect_of_removing_destination(
    connection: asyncpg.Connection, content: RemoveDestination
) -> Effect:
    now = await connection.fetchval(_DESTINATION, content.name)
    return Effect((Row(content.name, now or NOTHING, NOTHING),))


async def _effect_of_schedule(connection: asyncpg.Connection, content: AddSchedule) -> Effect:
    to = await connection.fetchval(_DESTINATION, content.destination)
    then = f"{content.report} ({content.scope}) -> {to or content.destination}"
    return Effect((Row(content.name, _said(await connection.fetchrow(_SCHEDULE, content.name)), then),))


async def _effect_of_removing_schedule(connection: asyncpg.Connection, content: RemoveSchedule) -> Effect:
    return Effect((Row(content.name, _said(await connection.fetchrow(_SCHEDULE, content.name)), NOTHING),))


def _said(row: Mapping[str, Any] | None) -> str:
    return NOTHING if row is None else f"{row['report']}, {row['rhythm']}"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "report_destination.add",
        "Allow a destination of reports",
        AddDestination,
        _add_destination,
        _check_destination,
        effect=_effect_of_destination,
        links=links_to(Subject.REPORT_DESTINATION, "name"),
    ),
    ChangeKind(
        "report_destination.remove",
        "Remove a destination of reports",
        RemoveDestination,
        _remove_destination,
        _check_remove_destination,
        effect=_effect_of_removing_destination,
        links=links_to(Subject.REPORT_DESTINATION, "name"),
    ),
    ChangeKind(
        "report_schedule.add",
        "Deliver a report by schedule",
        AddSchedule,
        _add_schedule,
        _check_schedule,
        effect=_effect_of_schedule,
        links=links_to(Subject.REPORT_SCHEDULE, "name"),
    ),
    ChangeKind(
        "report_schedule.remove",
        "End a schedule of reports",
        RemoveSchedule,
        _remove_schedule,
        _check_remove_schedule,
        effect=_effect_of_removing_schedule,
        links=links_to(Subject.REPORT_SCHEDULE, "name"),
    ),
)
