"""The business days of a country, for settlement windows, value dates and the hours of its rails.

Public holidays and weekend days that are worked instead (in China, Russia, Kazakhstan, Uzbekistan, Belarus,
Kyrgyzstan) come from the `holidays` package. The weekend comes from the country's record, because the package
has the weekend of offices, not of banks. Sources: `docs/rails/calendars.md`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from holidays import HolidayBase

SATURDAY, SUNDAY, THURSDAY, FRIDAY = 5, 6, 3, 4
"""Numbers of `date.weekday`."""
SATURDAY_SUNDAY: Final = frozenset({SATURDAY, SUNDAY})
CLOSING: Final = "Closing of bank accounts"
"""The name of the bank holiday on which banks close their books."""
_DAYS_A_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The working days of the banks and the gross settlement system of a country."""

    country: str
    weekend: frozenset[int] = SATURDAY_SUNDAY
    """Weekdays that are always days off; Monday is 0."""
    saturdays_off: frozenset[int] = frozenset()
    """For countries where only some Saturdays are days off: their numbers in the month, `{2, 4}` in India."""
    closings: tuple[tuple[int, int], ...] = ()
    """Days when banks close their books, as (month, day): banks are closed on the first working day from
    then."""

    def is_business_day(self, day: date) -> bool:
        """Whether payments can be settled on `day`. A worked weekend day counts, a holiday does not."""
        return self._is_worked(day) and not self.is_closing(day)

    def is_closing(self, day: date) -> bool:
        """Whether banks work on `day` only to close their books."""
        return self._is_worked(day) and any(
            self._is_first_worked(day, since=date(day.year, *closing)) for closing in self.closings
        )

    def _is_first_worked(self, day: date, *, since: date) -> bool:
        before = (since + timedelta(days=n) for n in range((day - since).days))
        return since <= day and not any(map(self._is_worked, before))

    def _is_worked(self, day: date) -> bool:
        year = _year(self.country, day.year)
        return day not in year and (not self.is_weekend(day) or day in year.weekend_workdays)

    def is_weekend(self, day: date) -> bool:
        """Whether `day` is a day off by the rule for weekends alone."""
        if day.weekday() == SATURDAY and (day.day - 1) // _DAYS_A_WEEK + 1 in self.saturdays_off:
            return True
        return day.weekday() in self.weekend

    def holiday(self, day: date) -> str | None:
        """The name of the public holiday or bank holiday on `day`, if it is one."""
        name = _year(self.country, day.year).get(day)
        if name is None:
            return CLOSING if self.is_closing(day) else None
        return str(name)

    def holidays_in(self, year: int) -> int:
        """How many public holidays of a year are known.

        Raises:
            NotImplementedError: the package does not know this country.

        """
        return len(_year(self.country, year))


@lru_cache(maxsize=256)
def _year(country: str, year: int) -> "HolidayBase":
    import holidays  # noqa: PLC0415 - it takes long to load, and most processes never ask for a day

    return holidays.country_holidays(country, years=[year])
