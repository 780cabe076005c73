"""Periods of schedules: which of them are over at an instant, each with a name that never changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from switch.base.calendars import Calendar
from switch.reports.cells import utc_text

AFTER: Final = timedelta(minutes=5)
"""How long after its end a period is reported: payments at its end have their outcome by then."""
_DAY: Final = timedelta(days=1)


class Rhythm(StrEnum):
    """How often a report is made."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    BUSINESS_DAY = "business day"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class SchedulePeriod:
    """One period: its name, its end, and the parameters of its report."""

    name: str
    ends: datetime
    parameters: Mapping[str, str]


def of_time(
    rhythm: Rhythm, since: datetime, until: datetime, calendar: Calendar | None
) -> Iterator[SchedulePeriod]:
    """The periods that end after `since`, and long enough before `until`, in order.

    Days, weeks and months are those of UTC; business days are those of the calendar, in its time zone. A
    business day begins at the end of the one before it, so that no payment of a holiday is left out.
    """
    day = (since - timedelta(days=40)).date().replace(day=1)
    while (first := _instant(day, calendar)) < until:
        last = _next(rhythm, day)
        ends = _instant(last, calendar)
        starts_here = rhythm is not Rhythm.WEEK or day.weekday() == 0
        is_reported = calendar is None or rhythm is not Rhythm.BUSINESS_DAY or calendar.is_business_day(day)
        if starts_here and is_reported and since < ends <= until - AFTER:
            begins = _after_business_day(day, calendar) if calendar is not None else first
            given = {"since": utc_text(begins), "until": utc_text(ends)}
            yield SchedulePeriod(_name(rhythm, day), ends, given)
        day = last if starts_here else day + _DAY


def _after_business_day(day: date, calendar: Calendar) -> datetime:
    """The end of the business day before a day."""
    while not calendar.is_business_day(day - _DAY):
        day -= _DAY
    return calendar.instant(day, time.min)


def _next(rhythm: Rhythm, day: date) -> date:
    match rhythm:
        case Rhythm.WEEK:
            return day + timedelta(days=7)
        case Rhythm.MONTH:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case _:
            return day + _DAY


def _instant(day: date, calendar: Calendar | None) -> datetime:
    return datetime.combine(day, time.min, UTC) if calendar is None else calendar.instant(day, time.min)


def _name(rhythm: Rhythm, day: date) -> str:
    if rhythm is Rhythm.WEEK:
        return f"{day:%G-W%V}"
    return f"{day:%Y-%m}" if rhythm is Rhythm.MONTH else day.isoformat()
