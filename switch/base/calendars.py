"""Business days and cut-offs: whether a currency can be settled on a day, and when windows close.

A country has one calendar, in its record (`adapters/country.py`), so windows, value dates and the hours of
rails agree. The operator's table overrides single days. Cut-offs are in the time zone of the calendar.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg

from adapters import registry
from adapters.business_days import BusinessCalendar
from schemas.errors import NotFound

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1)
LAST_DAY: Final = date.max - timedelta(days=1)
"""The database driver stores the last instant and the last day of Python's calendar as infinity."""


def is_countable(instant: datetime) -> bool:
    """Whether an aware instant is in the supported range: from 1970 to the end of 9999, in UTC."""
    return EARLIEST <= instant <= LATEST


def is_countable_day(day: date) -> bool:
    """Whether a day is in the supported range: from 1970 to 30 December 9999."""
    return EARLIEST.date() <= day <= LAST_DAY


def zone_of(currency: str) -> str:
    """The settlement time zone of a currency; UTC for one that no known central bank settles."""
    found = registry.by_currency().get(currency)
    return "UTC" if found is None else found.zone


def zone_in(country: str) -> str:
    """The time zone of a country's central bank; UTC for a country without an adapter."""
    found = registry.find_country(country)
    return "UTC" if found is None else found.zone


def home_of(currency: str) -> tuple[str, str]:
    """The country and time zone of a currency whose schedule does not state them.

    Raises:
        NotFound: no country with an adapter has this currency.

    """
    found = registry.by_currency().get(currency)
    if found is None:
        raise NotFound("there is no calendar for this currency")
    return found.code, found.zone


_LOOK_AHEAD_DAYS: Final = 60
"""Days; no country closes its banks for longer."""


@cache
def business_days(country: str) -> BusinessCalendar:
    """The calendar of a country: that of its record or, without an adapter, the usual weekend."""
    found = registry.find_country(country)
    return BusinessCalendar(country) if found is None else found.calendar


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business days of one currency; `overrides` take precedence over holidays."""

    currency: str
    country: str
    zone: str
    overrides: Mapping[date, bool] = field(default_factory=dict)

    def is_business_day(self, day: date) -> bool:
        """Whether the currency can be settled on `day`."""
        stated = self.overrides.get(day)
        return business_days(self.country).is_business_day(day) if stated is None else stated

    def holiday(self, day: date) -> str | None:
        """The name of the holiday on `day`, if there is one."""
        return business_days(self.country).holiday(day)

    def next_business_day(self, day: date) -> date:
        """`day`, or the first business day after it.

        Raises:
            NotFound: there is none within sixty days, so the overrides are wrong.

        """
        for ahead in range(_LOOK_AHEAD_DAYS):
            candidate = day + timedelta(days=ahead)
            if self.is_business_day(candidate):
                return candidate
        raise NotFound("no business day within sixty days")

    def local_date(self, instant: datetime) -> date:
        """The local date in the time zone."""
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def instant(self, day: date, clock: time) -> datetime:
        """The instant, in UTC, of local time `clock` on `day`."""
        return datetime.combine(day, clock, ZoneInfo(self.zone)).astimezone(UTC)

    def next_close(self, closes_at: Sequence[time], after: datetime) -> datetime:
        """The first cut-off on a business day after the instant `after`.

        Raises:
            NotFound: there is none within sixty days.

        """
        day = self.next_business_day(self.local_date(after))
        while True:
            for clock in sorted(closes_at):
                instant = self.instant(day, clock)
                if instant > after:
                    return instant
            day = self.next_business_day(day + timedelta(days=1))

    def value_date(self, closed_at: datetime) -> date:
        """The settlement day of a window that closed at an instant: that day, or the next business day."""
        return self.next_business_day(self.local_date(closed_at))


async def load(connection: asyncpg.Connection | asyncpg.Pool, currency: str) -> Calendar:
    """Load the calendar of a currency: country and time zone of its schedule if it has one, and overrides.

    Raises:
        NotFound: the currency is not of the scheme, and there is no schedule for it.

    """
    row = await connection.fetchrow(
        "SELECT country, zone FROM switch.window_schedule WHERE currency = $1", currency
    )
    country, zone = (row["country"], row["zone"]) if row else home_of(currency)
    rows = await connection.fetch(
        "SELECT day, business FROM switch.calendar_override WHERE currency = $1", currency
    )
    calendar = Calendar(currency, country, zone, {row["day"]: row["business"] for row in rows})
    await prepare(calendar)
    return calendar


async def prepare(calendar: Calendar) -> None:
    """Compute the holidays of this year in a thread, once in a process: for some countries it takes long."""
    known = calendar.country, calendar.local_date(datetime.now(UTC)).year
    if known not in _computed:
        await asyncio.to_thread(business_days(calendar.country).holidays_in, known[1])
        _computed.add(known)


_computed: Final[set[tuple[str, int]]] = set()
