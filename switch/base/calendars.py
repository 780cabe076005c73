"""Business days and cut-offs: whether money of a currency can be settled on a day, and when windows close.

A country has one calendar, that of its record (`adapters/country.py`): windows, value dates and
the hours of rails agree. A table of the operator's own states where a day is otherwise. Cut-offs are on the
zone's clock.
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
LATEST: Final = datetime.max.replace(tzinfo=UTC)


def is_countable(instant: datetime) -> bool:
    """Whether every clock here can count with an aware instant: from 1970 to the end of 9999, in UTC."""
    return EARLIEST <= instant <= LATEST


def zone_of(currency: str) -> str:
    """The settlement zone of a currency; UTC for one that no central bank here settles."""
    found = registry.by_currency().get(currency)
    return "UTC" if found is None else found.zone


def zone_in(country: str) -> str:
    """The zone in which a country's central bank keeps its day; UTC for one without an adapter."""
    found = registry.find_country(country)
    return "UTC" if found is None else found.zone


def home_of(currency: str) -> tuple[str, str]:
    """Whose holidays and whose clock a currency keeps where its schedule does not say.

    Raises:
        NotFound: the currency of no country that has an adapter.

    """
    found = registry.by_currency().get(currency)
    if found is None:
        raise NotFound("no calendar of this currency")
    return found.code, found.zone


_LOOK_AHEAD_DAYS: Final = 60
"""No country closes its banks for longer."""


@cache
def business_days(country: str) -> BusinessCalendar:
    """The one calendar of a country: of its record, or, where it has no adapter, the usual weekend."""
    found = registry.find_country(country)
    return BusinessCalendar(country) if found is None else found.calendar


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business days of one currency; `overrides` say what a day is, whatever the holidays are."""

    currency: str
    country: str
    zone: str
    overrides: Mapping[date, bool] = field(default_factory=dict)

    def is_business_day(self, day: date) -> bool:
        """Whether money of the currency can be settled on `day`."""
        stated = self.overrides.get(day)
        return business_days(self.country).is_business_day(day) if stated is None else stated

    def holiday(self, day: date) -> str | None:
        """The name of the holiday that `day` is, if it is one."""
        return business_days(self.country).holiday(day)

    def next_business_day(self, day: date) -> date:
        """`day`, or the first business day after it.

        Raises:
            NotFound: none within sixty days: the overrides make no sense.

        """
        for ahead in range(_LOOK_AHEAD_DAYS):
            candidate = day + timedelta(days=ahead)
            if self.is_business_day(candidate):
                return candidate
        raise NotFound("no business day within sixty days")

    def local_date(self, instant: datetime) -> date:
        """The date that the zone's clocks show."""
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def instant(self, day: date, clock: time) -> datetime:
        """When the zone's clocks show `clock` on `day`, in UTC."""
        return datetime.combine(day, clock, ZoneInfo(self.zone)).astimezone(UTC)

    def next_close(self, closes_at: Sequence[time], after: datetime) -> datetime:
        """The first cut-off on a business day that is later than `after`.

        Raises:
            NotFound: none within sixty days.

        """
        day = self.next_business_day(self.local_date(after))
        while True:
            for clock in sorted(closes_at):
                instant = self.instant(day, clock)
                if instant > after:
                    return instant
            day = self.next_business_day(day + timedelta(days=1))

    def value_date(self, closed_at: datetime) -> date:
        """The day that a window which closed then is settled on: the same, or the next business day."""
        return self.next_business_day(self.local_date(closed_at))


async def load(connection: asyncpg.Connection | asyncpg.Pool, currency: str) -> Calendar:
    """The calendar of a currency: its schedule's country and zone if it has one, with the overrides.

    This year's holidays are worked out on the way, beside the event loop: for some countries that takes long.

    Raises:
        NotFound: not a currency of the scheme, and no schedule for it.

    """
    row = await connection.fetchrow(
        "SELECT country, zone FROM switch.window_schedule WHERE currency = $1", currency
    )
    country, zone = (row["country"], row["zone"]) if row else home_of(currency)
    rows = await connection.fetch(
        "SELECT day, business FROM switch.calendar_override WHERE currency = $1", currency
    )
    calendar = Calendar(currency, country, zone, {row["day"]: row["business"] for row in rows})
    await asyncio.to_thread(business_days(country).holidays_in, calendar.local_date(datetime.now(UTC)).year)
    return calendar
