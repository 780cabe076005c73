"""Changes to the settlement day that need two people, or the central bank of every country concerned."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg
import msgspec

from schemas.errors import NotFound, Refused
from schemas.identifiers import COUNTRIES, is_bic
from schemas.money import Money
from schemas.reasons import Reason
from switch.approvals.content import Clock, Country, Currency, Id, Open, Participant, Text
from switch.approvals.effects import (
    IRREVERSIBLE,
    NOTHING,
    Effect,
    Foresee,
    Resource,
    Row,
    Subject,
    links_to,
    openness,
    term,
)
from switch.approvals.kinds import (
    CHECKER,
    ChangeKind,
    Confirmable,
    Content,
    Execution,
    are_locks_wanted,
)
from switch.base import calendars
from switch.base.plausibility import Bands, Comparison, Measure
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat
from switch.settlement import day, reads
from switch.settlement.states import (
    LineEvent,
    LineState,
    SettlementEvent,
    SettlementState,
    next_line,
    next_state,
)
from switch.writer.commands import CloseWindow

_statement: Final = statements("switch.settlement")
_STATE: Final = _statement("state_of_window")
_POSITIONS: Final = (
    "SELECT positions_sha256, currency::text FROM switch.settlement WHERE settlement_window = $1"
)
_SCHEDULE: Final = _statement("schedule")
_SET_SCHEDULE: Final = _statement("set_schedule")
_SET_DAY: Final = _statement("set_day")
_SET_AGENT: Final = _statement("set_agent")
_IS_OPEN: Final = _statement("is_open_window")
_CAN_BE_AGENT: Final = _statement("can_be_agent")
_HAS_CENTRAL_BANK: Final = _statement("has_central_bank")

Window = Annotated[int, msgspec.Meta(title="Settlement window", ge=1, le=2**63 - 1)]
Digest = Annotated[
    str,
    msgspec.Meta(
        title="SHA-256 of the positions",
        pattern="^[0-9a-f]{64}$",
        description="64 hexadecimal digits of a SHA-256, in lower case",
    ),
]


class CloseNow(Content, frozen=True, kw_only=True):
    """Close the open window. The window is named, so that it cannot be closed twice."""

    currency: Currency
    window: Window


class ConfirmPositions(Content, frozen=True, kw_only=True):
    """Confirm a closed window's positions by the hash that the central banks have compared."""

    window: Window
    positions_sha256: Digest


class OfWindow(Content, frozen=True, kw_only=True):
    """One window."""

    window: Window


class HoldLine(Content, frozen=True, kw_only=True):
    """Hold one participant's line of a window: the settlement no longer waits for it."""

    window: Window
    participant: Participant


class SetSchedule(Confirmable, frozen=True, kw_only=True):
    """Set when windows close, as HH:MM in an IANA time zone, and whose holidays count."""

    currency: Currency
    country: Country
    zone: Annotated[str, msgspec.Meta(title="Time zone")]
    closes_at: Annotated[
        list[Clock],
        msgspec.Meta(title="Windows close at (HH:MM, several with spaces)", min_length=1, max_length=24),
    ]
    enabled: Open = True


class SetDay(Confirmable, frozen=True, kw_only=True):
    """Override the calendar for one day."""

    currency: Currency
    day: Annotated[date, msgspec.Meta(title="Day")]
    business: Annotated[bool, msgspec.Meta(title="Business day")]
    reason: Annotated[Text, msgspec.Meta(title="Occasion")]


class SetAgent(Content, frozen=True, kw_only=True):
    """Appoint the settlement agent of a currency, with the scheme's BIC and account there.

    `door` is the URL that receives its instructions; without one, the agent collects them as signed files.
    """

    currency: Currency
    agent: Annotated[Id, msgspec.Meta(title="Settlement agent")]
    scheme_bic: Annotated[str, msgspec.Meta(title="BIC of the scheme")]
    account: Annotated[
        str,
        msgspec.Meta(
            title="Account",
            pattern="^[A-Za-z0-9]{1,34}$",
            description="1 to 34 letters and digits, such as SCHEME01",
        ),
    ]
    door: Annotated[
        str,
        msgspec.Meta(
            title="Endpoint URL (https; empty: files only)",
            pattern=r"^(https://\S{1,480})?$",
            description="an https address, or empty",
        ),
    ] = ""


def _refuse(text: str, *, remedy: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, remedy=remedy)


async def _settlement(connection: asyncpg.Connection, window: int) -> reads.Settlement:
    return await (day.lock if are_locks_wanted() else day.read)(connection, window)


async def _check_close(connection: asyncpg.Connection, content: CloseNow) -> None:
    if not await connection.fetchval(_IS_OPEN, content.window, content.currency):
        raise _refuse(
            "this window is not open", remedy="Use the number of the open window: GET /v1/windows lists them."
        )


async def _close(execution: Execution, content: CloseNow) -> None:
    await execution.link.ask(CloseWindow(content.currency, content.window))
    execution.outcome = f"window {content.window} is closed"


async def _check_confirm(connection: asyncpg.Connection, content: ConfirmPositions) -> None:
    settlement = await _settlement(connection, content.window)
    next_state(settlement.state, SettlementEvent.CONFIRM)
    if settlement.positions_sha256 != content.positions_sha256:
        raise _refuse(
            "these are not the positions of this window",
            remedy="Read them with GET /v1/settlements/{window}, and confirm the digest that is shown there.",
        )


async def _confirm_seats(
    connection: asyncpg.Connection, content: ConfirmPositions, _maker: Person
) -> tuple[Seat, ...]:
    """One seat for the central bank of each country that has a line in the window."""
    parts = await reads.lines(connection, content.window)
    return tuple(Seat(Role.REGULATOR, country) for country in reads.countries(parts))


async def _confirm(execution: Execution, content: ConfirmPositions) -> None:
    state = next_state(SettlementState.CLOSED, SettlementEvent.CONFIRM)
    await day.set_state(
        execution.connection,
        content.window,
        state,
        change=execution.number,
        positions=content.positions_sha256,
    )
    execution.outcome = f"window {content.window} is confirmed"


async def _check_abort(connection: asyncpg.Connection, content: OfWindow) -> None:
    next_state((await _settlement(connection, content.window)).state, SettlementEvent.ABORT)


async def _abort(execution: Execution, content: OfWindow) -> None:
    for line in await reads.lines(execution.connection, content.window):
        await day.hold_line(
            execution.link, execution.connection, content.window, line, "the window was aborted"
        )
    await day.set_state(
        execution.connection, content.window, SettlementState.ABORTED, change=execution.number
    )
    execution.outcome = f"window {content.window} is aborted; its lines are carried into the next"


async def _check_hold(connection: asyncpg.Connection, content: HoldLine) -> None:
    settlement = await _settlement(connection, content.window)
    find_line = reads.lock_line if are_locks_wanted() else reads.find_line
    line = await find_line(connection, content.window, content.participant)
    if settlement.state is not SettlementState.SETTLING or line.state is not LineState.INSTRUCTED:
        raise _refuse(
            "only an instructed line can be held",
            remedy="Read the line's state with GET /v1/settlements/{window}; hold it while it is instructed.",
        )
    next_line(line.state, LineEvent.HOLD)


async def _hold(execution: Execution, content: HoldLine) -> None:
    line = await reads.lock_line(execution.connection, content.window, content.participant)
    text = f"two people: change {execution.number}"
    await day.hold_line(execution.link, execution.connection, content.window, line, text)


async def _check_schedule(_connection: asyncpg.Connection, content: SetSchedule) -> None:
    if content.country not in COUNTRIES:
        raise _refuse(
            "this country does not exist", remedy="Use a country code of ISO 3166-1, two capital letters."
        )
    try:
        ZoneInfo(content.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _refuse(
            "unknown time zone", remedy="Use a name of the IANA database, such as Asia/Kolkata."
        ) from None


async def _compare_schedule(
    connection: asyncpg.Connection, content: SetSchedule, bands: Bands
) -> list[Comparison]:
    """Compare the number of cut-offs a day, and by how many hours the first cut-off moves."""
    row = await connection.fetchrow(
        "SELECT zone, closes_at, enabled FROM switch.window_schedule WHERE currency = $1", content.currency
    )
    home = calendars.zone_of(content.currency)
    zone, clocks = (home, []) if row is None else (row["zone"], list(row["closes_at"]))
    stated = [time.fromisoformat(clock) for clock in content.closes_at]
    found = []
    if row is not None and row["enabled"]:
        left = len(stated) if content.enabled else 0
        factor = Fraction(left, len(clocks))
        beyond = not bands.is_size(factor)
        found.append(Comparison(Measure.CUT_OFFS, str(len(clocks)), str(left), factor, beyond))
    hours = _hours_between((zone, min(clocks or stated)), (content.zone, min(stated)))
    if hours:
        beyond = abs(hours) >= _HOURS_MAX or zone != content.zone
        texts = f"{min(clocks or stated):%H:%M} {zone}", f"{min(stated):%H:%M} {content.zone}"
        found.append(Comparison(Measure.HOURS, *texts, abs(hours), beyond))
    return found


def _hours_between(now: tuple[str, time], then: tuple[str, time]) -> Fraction:
    """Hours between two times of day in two time zones, on an ordinary day."""
    day = datetime.now(UTC).date()
    first, second = (datetime.combine(day, clock, ZoneInfo(zone)) for zone, clock in (now, then))
    return Fraction(int((second - first).total_seconds()), 3600)


async def _set_schedule(execution: Execution, content: SetSchedule) -> None:
    await execution.connection.execute(
        _SET_SCHEDULE, content.currency, content.country, content.zone, content.closes_at, content.enabled
    )


async def _check_day(connection: asyncpg.Connection, content: SetDay) -> None:
    calendar = await calendars.load(connection, content.currency)
    if content.day < calendar.local_date(await _now(connection)):
        raise _refuse("this day is in the past and cannot be changed", remedy="Name a day from today on.")


async def _compare_day(connection: asyncpg.Connection, content: SetDay, _bands: Bands) -> list[Comparison]:
    """Compare a removed business day: the cut-offs left today, and the days until the next settlement."""
    calendar = await calendars.load(connection, content.currency)
    if content.business or not calendar.is_business_day(content.day):
        return []
    found = []
    now = await _now(connection)
    if content.day == calendar.local_date(now):
        left = await _cut_offs_left(connection, calendar, now)
        texts = f"{left} still to come", "0"
        found.append(Comparison(Measure.TODAY, *texts, Fraction(0), beyond=True))
    closed = replace(calendar, overrides={**calendar.overrides, content.day: False})
    try:
        days = (closed.next_business_day(content.day) - content.day).days
    except NotFound:
        raise _refuse(
            "no business day would be left within sixty days",
            remedy="Leave at least one business day within sixty days.",
        ) from None
    beyond = days > _DAYS_CLOSED_MAX
    texts = str(_DAYS_CLOSED_MAX), str(days)
    return [*found, Comparison(Measure.NO_SETTLEMENT, *texts, Fraction(days), beyond)]


async def _cut_offs_left(connection: asyncpg.Connection, calendar: calendars.Calendar, now: datetime) -> int:
    clocks = await connection.fetchval(
        "SELECT closes_at FROM switch.window_schedule WHERE currency = $1 AND enabled", calendar.currency
    )
    today = calendar.local_date(now)
    return sum(calendar.instant(today, clock) > now for clock in clocks or ())


async def _now(connection: asyncpg.Connection) -> datetime:
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def _set_day(execution: Execution, content: SetDay) -> None:
    await execution.connection.execute(
        _SET_DAY, content.currency, content.day, content.business, content.reason
    )


async def _check_agent(connection: asyncpg.Connection, content: SetAgent) -> None:
    if not is_bic(content.scheme_bic):
        raise _refuse(
            "the scheme's BIC is not valid",
            remedy="State a BIC of 8 or 11 capital letters and digits, such as PAYSINBB.",
        )
    if not await connection.fetchval(_CAN_BE_AGENT, content.agent):
        raise _refuse(
            "no such settlement agent",
            remedy="Use an id of GET /v1/participants whose kind is settlement agent.",
        )


async def _agent_seats(connection: asyncpg.Connection, content: SetAgent, _maker: Person) -> tuple[Seat, ...]:
    """A checker, and the central bank of the currency once one of its people has enrolled."""
    country, _ = calendars.home_of(content.currency)
    if not await connection.fetchval(_HAS_CENTRAL_BANK, country):
        return (CHECKER,)
    return (CHECKER, Seat(Role.REGULATOR, country))


async def _set_agent(execution: Execution, content: SetAgent) -> None:
    await execution.connection.execute(
        _SET_AGENT, content.currency, content.agent, content.scheme_bic, content.account, content.door
    )


_HOURS_MAX: Final = 6
"""A cut-off that moves by this many hours is probably a mistake."""
_DAYS_CLOSED_MAX: Final = 10
"""No country closes its banks for longer, so more days are probably a mistake."""
_BANKS_TAKE: Final = timedelta(hours=72)
# Effects.


async def _state(connection: asyncpg.Connection, window: int) -> str:
    state: str | None = await connection.fetchval(_STATE, window)
    return state or NOTHING


def _window_becomes(state: SettlementState, *warnings: str) -> Foresee:
    async def effect(connection: asyncpg.Connection, content: CloseNow | OfWindow) -> Effect:
        now = await _state(connection, content.window)
        return Effect((Row(str(content.window), now, state),), warnings)

    return effect


async def _effect_of_confirming(connection: asyncpg.Connection, content: ConfirmPositions) -> Effect:
    row = await connection.fetchrow(_POSITIONS, content.window)
    digest, currency = (NOTHING, "") if row is None else (row["positions_sha256"], row["currency"])
    lines = await reads.lines(connection, content.window)
    return Effect(
        (
            Row(str(content.window), await _state(connection, content.window), SettlementState.CONFIRMED),
            Row(term("SHA-256 of the positions"), digest, content.positions_sha256),
            *(_effect_of_line(line, currency) for line in lines if line.total_minor),
        )
    )


def _effect_of_line(line: reads.SettlementLine, currency: str) -> Row:
    """What a participant of the window pays or receives, with what was carried into it."""
    side = term("pays") if line.total_minor < 0 else term("receives")
    return Row(f"{line.participant}: {Money(abs(line.total_minor), currency)}", NOTHING, side)


async def _effect_of_holding(connection: asyncpg.Connection, content: HoldLine) -> Effect:
    now = await connection.fetchval(
        "SELECT state FROM switch.settlement_line WHERE settlement_window = $1 AND participant = $2",
        content.window,
        content.participant,
    )
    return Effect((Row(f"{content.window} {content.participant}", now or NOTHING, LineState.HELD),))


async def _effect_of_schedule(connection: asyncpg.Connection, content: SetSchedule) -> Effect:
    row = await connection.fetchrow(_SCHEDULE, content.currency)
    clocks, zone, country = (NOTHING,) * 3 if row is None else (row["closes_at"], row["zone"], row["country"])
    now = openness(is_open=row and row["enabled"])
    return Effect(
        (
            Row(term("Windows close at"), clocks, " ".join(content.closes_at)),
            Row(term("Time zone"), zone, content.zone),
            Row(term("Country"), country, content.country),
            Row(content.currency, now, openness(is_open=content.enabled)),
        )
    )


async def _effect_of_day(connection: asyncpg.Connection, content: SetDay) -> Effect:
    now = await connection.fetchval(
        "SELECT business FROM switch.calendar_override WHERE currency = $1 AND day = $2",
        content.currency,
        content.day,
    )
    said = {True: term("business day"), False: term("holiday"), None: term("as the calendar says")}
    return Effect((Row(f"{content.currency} {content.day}", said[now], said[content.business]),))


async def _effect_of_agent(connection: asyncpg.Connection, content: SetAgent) -> Effect:
    row = await connection.fetchrow(
        "SELECT agent, account, scheme_bic, door FROM switch.settlement_agent WHERE currency = $1",
        content.currency,
    )
    stated = (
        (term("Settlement agent"), "agent", content.agent),
        (term("Account"), "account", content.account),
        (term("BIC of the scheme"), "scheme_bic", content.scheme_bic),
        (term("Endpoint URL (https; empty: files only)"), "door", content.door),
    )
    return Effect(
        tuple(Row(what, (row and row[name]) or NOTHING, then or NOTHING) for what, name, then in stated)
    )


async def _links_of_agent(_connection: asyncpg.Connection, content: SetAgent) -> tuple[Resource, ...]:
    return (Resource(Subject.PARTICIPANT, content.agent), Resource(Subject.CALENDAR, content.currency))


async def _links_of_line(_connection: asyncpg.Connection, content: HoldLine) -> tuple[Resource, ...]:
    return (
        Resource(Subject.WINDOW, str(content.window)),
        Resource(Subject.PARTICIPANT, content.participant),
    )


_WINDOW: Final = links_to(Subject.WINDOW, "window")
_CALENDAR: Final = links_to(Subject.CALENDAR, "currency")
KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "window.close",
        "Close a settlement window now",
        CloseNow,
        _close,
        _check_close,
        effect=_window_becomes(SettlementState.CLOSED),
        links=_WINDOW,
        moves_books=True,
    ),
    ChangeKind(
        "settlement.confirm",
        "Confirm settlement positions",
        ConfirmPositions,
        _confirm,
        _check_confirm,
        effect=_effect_of_confirming,
        links=_WINDOW,
        seats=_confirm_seats,
        lasts=_BANKS_TAKE,
    ),
    ChangeKind(
        "settlement.abort",
        "Abort a settlement",
        OfWindow,
        _abort,
        _check_abort,
        effect=_window_becomes(SettlementState.ABORTED, IRREVERSIBLE),
        links=_WINDOW,
    ),
    ChangeKind(
        "settlement.hold",
        "Hold a settlement line",
        HoldLine,
        _hold,
        _check_hold,
        effect=_effect_of_holding,
        links=_links_of_line,
    ),
    ChangeKind(
        "schedule.set",
        "Set cut-off times",
        SetSchedule,
        _set_schedule,
        _check_schedule,
        effect=_effect_of_schedule,
        links=_CALENDAR,
        compare=_compare_schedule,
    ),
    ChangeKind(
        "calendar.set",
        "Override a calendar day",
        SetDay,
        _set_day,
        _check_day,
        effect=_effect_of_day,
        links=_CALENDAR,
        compare=_compare_day,
    ),
    ChangeKind(
        "settlement_agent.set",
        "Appoint a settlement agent",
        SetAgent,
        _set_agent,
        _check_agent,
        effect=_effect_of_agent,
        links=_links_of_agent,
        seats=_agent_seats,
    ),
)
