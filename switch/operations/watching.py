"""Watch rules: how two people set them, and how they end an alarm after they examined it.

The writer applies the rules (`switch.writer.watching`). An alarm is a case until people have said what came
of it; who that is, is set as for held payments.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, cast
from uuid import UUID

import asyncpg
import msgspec

from adapters import registry
from ledger.encoding import microseconds
from schemas.errors import Refused
from schemas.money import EXPONENTS, Money
from switch.approvals.content import Currency, Uetr, cap_of, refuse
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, minor_of, term
from switch.approvals.kinds import CHECKER, ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.cases import officers
from switch.identity.model import Person, Seat
from switch.identity.permissions import Right
from switch.writer.commands import SetWatch, WatchActionName, WatchKindName
from switch.writer.velocity import EVERYBODY
from switch.writer.verdicts import Verdict
from switch.writer.watching import COUNT_MAX, WatchAction, WatchKind

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_statement: Final = statements("switch.operations")
_ALL: Final = _statement("watch_rules_in_force")
_ALARMS: Final = _statement("watch_alarms")
_EXAMINED: Final = (
    "UPDATE switch.watch_alarm SET examined = $3, outcome = $4"
    " WHERE uetr = $1 AND participant = $2 AND examined IS NULL"
)
_OPEN: Final = (
    "SELECT count(*) FROM switch.watch_alarm WHERE uetr = $1 AND participant = $2 AND examined IS NULL"
)
_KNOWN: Final = "SELECT true FROM switch.participant WHERE id = $1 AND status <> 'removed'"
Country = Annotated[
    str,
    msgspec.Meta(pattern="^([A-Z]{2})?$", description="country code of two letters, such as IN, or empty"),
]
Hour = Annotated[int, msgspec.Meta(ge=0, le=23, description="an hour from 0 to 23")]


class SetWatchRule(Content, frozen=True, kw_only=True):
    """A pattern that holds payments or raises an alarm, from an instant on."""

    pattern: Annotated[WatchKind, msgspec.Meta(title="Pattern")]
    action: Annotated[WatchAction, msgspec.Meta(title="What happens to a payment")]
    participant: Annotated[
        str,
        msgspec.Meta(
            title="Participant (empty: all)",
            pattern="^([a-z0-9][a-z0-9-]{1,34})?$",
            description="id of the participant whose accounts are watched, or empty",
        ),
    ] = ""
    source: Annotated[Country, msgspec.Meta(title="From country (empty: all)")] = ""
    target: Annotated[Country, msgspec.Meta(title="To country (empty: all)")] = ""
    currency: Currency
    amount: Annotated[str, msgspec.Meta(title="Amount", description="an amount, such as 50000.00")]
    near_percent: Annotated[
        int,
        msgspec.Meta(title="Structuring: from this part of the amount on, in percent", ge=1, le=99),
    ] = 80
    count: Annotated[
        int,
        msgspec.Meta(title="Structuring: payments; fan-in: payers, in a day", ge=2, le=COUNT_MAX),
    ] = 3
    hour_from: Annotated[Hour, msgspec.Meta(title="Out of hours: from hour")] = 22
    hour_until: Annotated[Hour, msgspec.Meta(title="Out of hours: until hour")] = 6
    valid_from: Annotated[datetime | None, msgspec.Meta(title="Valid from (UTC)")] = None
    valid_until: Annotated[datetime | None, msgspec.Meta(title="Valid until (UTC)")] = None


class ExamineOutcome(StrEnum):
    """What came of an alarm."""

    NO_CONCERN = "no_concern"
    REPORTED = "reported"
    """To the authority of the country."""


class ExaminedAlarm(Content, frozen=True, kw_only=True):
    """An alarm that people have examined."""

    uetr: Uetr
    participant: Annotated[
        str,
        msgspec.Meta(
            title="Participant", pattern="^[a-z0-9][a-z0-9-]{1,34}$", description="as the case states it"
        ),
    ]
    outcome: Annotated[ExamineOutcome, msgspec.Meta(title="Outcome")]


async def _check(connection: asyncpg.Connection, content: SetWatchRule) -> None:
    if content.currency not in EXPONENTS:
        raise refuse("unknown currency", remedy="Use a currency code of ISO 4217, three capital letters.")
    if content.pattern is WatchKind.OUT_OF_HOURS and content.currency not in registry.by_currency():
        raise refuse(
            "this currency has no hours here: it is at home in no country of a rail",
            remedy="Use the currency of a country of GET /v1/rails, or another pattern.",
        )
    if not cap_of(content.amount, content.currency):
        raise refuse(
            "the amount must be positive",
            remedy="State an amount above zero: the smallest of the currency is every payment.",
        )
    if content.participant and not await connection.fetchval(_KNOWN, content.participant):
        raise refuse(
            "no such participant",
            remedy="Use an id of GET /v1/participants, or leave the participant out for all.",
        )
    if any(at is not None and at.tzinfo is None for at in (content.valid_from, content.valid_until)):
        raise refuse(
            "an instant with its time zone is required, such as 2027-01-01T00:00:00Z",
            remedy="Add the offset: 2027-01-01T00:00:00+05:30, or Z.",
        )
    now = datetime.now(UTC)
    if content.valid_until is not None and content.valid_until <= max(now, content.valid_from or now):
        raise refuse(
            "the end must be later than the beginning, and than now",
            remedy="State an end after the beginning and after now, or none.",
        )


def _key(content: SetWatchRule) -> tuple[str, str, str, str, str]:
    whose = content.participant or EVERYBODY
    return str(content.pattern), whose, content.source, content.target, content.currency


async def _effect(connection: asyncpg.Connection, content: SetWatchRule) -> Effect:
    now = next((row for row in await connection.fetch(_ALL) if tuple(row)[:5] == _key(content)), None)
    known = content.currency if content.currency in EXPONENTS else "XXX"
    before = Money(now["minor"], known).text if now else NOTHING
    amount = Money(minor_of(content.amount, content.currency), known).text
    rows = [
        Row(TITLES[content.pattern], ACTIONS[now["action"]] if now else NOTHING, ACTIONS[content.action]),
        Row(term("Amount"), before, amount, known),
    ]
    if content.pattern in {WatchKind.STRUCTURING, WatchKind.FAN_IN}:
        rows.append(
            Row(
                term("Payments or payers in a day"), str(now["count"]) if now else NOTHING, str(content.count)
            )
        )
    if content.pattern is WatchKind.STRUCTURING:
        percent = str(now["percent"]) if now else NOTHING
        rows.append(Row(term("From this part of the amount on"), percent, str(content.near_percent), "%"))
    if content.pattern is WatchKind.OUT_OF_HOURS:
        hours = f"{content.hour_from}:00-{content.hour_until}:00"
        past = f"{now['hour_from']}:00-{now['hour_until']}:00" if now else NOTHING
        rows.append(Row(term("Hours of the night"), past, hours))
    return Effect(tuple(rows))


TITLES: Final[Mapping[str, str]] = {
    WatchKind.STRUCTURING: term("Structuring"),
    WatchKind.FAN_IN: term("Fan-in to one account"),
    WatchKind.FIRST_LARGE: term("First large payment of an account"),
    WatchKind.OUT_OF_HOURS: term("Payment out of hours"),
}
ACTIONS: Final[Mapping[str, str]] = {
    WatchAction.ALARM: term("alarm"),
    WatchAction.HOLD: term("hold"),
    WatchAction.NONE: NOTHING,
}


async def _links(_: asyncpg.Connection, content: SetWatchRule) -> tuple[Resource, ...]:
    return (Resource(Subject.PARTICIPANT, content.participant),) if content.participant else ()


def _instant(value: datetime | None) -> int:
    return microseconds(value) if value is not None else 0


def _command(ids: ChangeIds, content: SetWatchRule) -> SetWatch:
    kind, whose, source, target, currency = _key(content)
    return SetWatch(
        kind=cast("WatchKindName", kind),
        participant=whose,
        source=source,
        target=target,
        currency=currency,
        minor=cap_of(content.amount, currency),
        percent=content.near_percent,
        count=content.count,
        hour_from=content.hour_from,
        hour_until=content.hour_until,
        action=cast("WatchActionName", str(content.action)),
        since=_instant(content.valid_from),
        until=_instant(content.valid_until),
        order=ids.id(),
        change=ids.number,
    )


def facts(ids: ChangeIds, content: SetWatchRule) -> dict[str, Any]:
    """What the log says of a rule that a change set."""
    command = _command(ids, content)
    return {name: getattr(command, name) for name in command.__struct_fields__ if name != "order"}


async def _commands(_: asyncpg.Connection, ids: ChangeIds, content: SetWatchRule) -> list[SetWatch]:
    return [_command(ids, content)]


async def _set(execution: Execution, content: SetWatchRule) -> None:
    reply = await execution.link.ask(_command(execution.ids, content))
    if reply.verdict is not Verdict.WATCH_SET:
        raise refuse(
            "the rule cannot be set now", remedy="Request it again: the books have not taken the rule."
        )
    execution.outcome = f"the watch rule of {content.participant or 'all'} in {content.currency} is set"


async def _check_alarm(connection: asyncpg.Connection, content: ExaminedAlarm) -> None:
    if not await connection.fetchval(_OPEN, UUID(content.uetr), content.participant):
        raise _no_alarm()


_NO_ALARM: Final = term("no alarm about this payment is open")


def _no_alarm() -> Refused:
    return officers.unknown_to_officer(_NO_ALARM, "uetr")


async def _seats(connection: asyncpg.Connection, content: ExaminedAlarm, maker: Person) -> tuple[Seat, ...]:
    if not await connection.fetchval(_OPEN, UUID(content.uetr), content.participant):
        return (CHECKER,)  # the check has refused it
    return await officers.seats(connection, content.participant, maker, _no_alarm())


async def _effect_of_examination(_: asyncpg.Connection, content: ExaminedAlarm) -> Effect:
    return Effect((Row(content.uetr, term("alarm"), OUTCOMES[content.outcome]),))


OUTCOMES: Final[Mapping[str, str]] = {
    ExamineOutcome.NO_CONCERN: term("examined: no concern"),
    ExamineOutcome.REPORTED: term("examined: reported to the authority"),
}


async def _links_of_alarm(_: asyncpg.Connection, content: ExaminedAlarm) -> tuple[Resource, ...]:
    alarm = Resource(Subject.WATCH_ALARM, f"{content.uetr}/{content.participant}")
    return (Resource(Subject.PAYMENT, content.uetr), alarm)


async def _examine(execution: Execution, content: ExaminedAlarm) -> None:
    values = (UUID(content.uetr), content.participant, execution.number, str(content.outcome))
    await execution.connection.execute(_EXAMINED, *values)
    execution.outcome = f"the alarm of {content.uetr} is examined"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "watch.set",
        "Set a watch rule",
        SetWatchRule,
        _set,
        _check,
        effect=_effect,
        links=_links,
        commands=_commands,
        moves_books=True,
    ),
    ChangeKind(
        "watch.examine",
        "End an alarm after it was examined",
        ExaminedAlarm,
        _examine,
        _check_alarm,
        effect=_effect_of_examination,
        links=_links_of_alarm,
        seats=_seats,
        right=Right.DECIDE_SCREENING,
    ),
)


async def read(connection: asyncpg.Pool | asyncpg.Connection) -> list[dict[str, Any]]:
    """The newest version of every rule, as commands show it."""
    return [
        {
            "number": row["number"],
            "pattern": row["kind"],
            "action": row["action"],
            "participant": None if row["participant"] == EVERYBODY else row["participant"],
            "source": row["source"] or None,
            "target": row["target"] or None,
            "amount": {"currency": row["currency"], "amount": Money(row["minor"], row["currency"]).text},
            "near_percent": row["percent"],
            "count": row["count"],
            "hours": [row["hour_from"], row["hour_until"]],
            "valid_from": _text(row["since"]),
            "valid_until": _text(row["until"]) if row["until"] else None,
            "change": row["change"],
        }
        for row in await connection.fetch(_ALL)
    ]


def _text(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).isoformat()


async def alarms(connection: asyncpg.Connection, uetr: UUID, participant: str) -> list[asyncpg.Record]:
    """The alarms about a payment that concern accounts of a participant."""
    found: list[asyncpg.Record] = await connection.fetch(_ALARMS, uetr, participant)
    return found
