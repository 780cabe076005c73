"""Business days and cut-offs of the ten currencies, held against days that anybody can look up."""

from datetime import UTC, date, datetime, time, timedelta

import asyncpg
import pytest

from adapters import business_days, registry
from adapters.business_days import CLOSING
from adapters.china.profile import HVPS_HOURS
from adapters.iran.profile import SATNA_HOURS
from adapters.profile import Hours
from schemas.errors import NotFound
from switch.base import calendars
from switch.base.calendars import Calendar, home_of

DAYS = [
    # currency  day              business
    ("INR", date(2026, 1, 26), False),  # Republic Day
    ("INR", date(2026, 8, 15), False),  # Independence Day, a Saturday
    ("INR", date(2026, 11, 23), True),
    ("INR", date(2026, 11, 24), False),  # Guru Nanak's birthday
    ("CNY", date(2026, 10, 1), False),  # National Day
    ("RUB", date(2026, 5, 9), False),  # Victory Day
    ("RUB", date(2026, 1, 5), False),  # New Year holidays
    ("KZT", date(2026, 3, 23), False),  # Nauryz
    ("UZS", date(2026, 9, 1), False),  # Independence Day
    ("TJS", date(2026, 9, 9), False),  # Independence Day
    ("KGS", date(2026, 8, 31), False),  # Independence Day
    ("BYN", date(2026, 7, 3), False),  # Independence Day
    ("PKR", date(2026, 8, 14), False),  # Independence Day
    ("IRR", date(2026, 3, 21), False),  # Nowruz
    ("IRR", date(2026, 11, 27), False),  # a Friday
    ("IRR", date(2026, 12, 3), False),  # a Thursday
    ("IRR", date(2026, 12, 5), True),  # a Saturday
    ("INR", date(2026, 12, 5), True),  # the first Saturday of a month
    ("INR", date(2026, 12, 12), False),  # the second
    ("INR", date(2026, 12, 19), True),  # the third
    ("INR", date(2026, 11, 28), False),  # the fourth
    ("INR", date(2026, 10, 31), True),  # the fifth
    ("INR", date(2026, 12, 6), False),  # a Sunday
    ("CNY", date(2026, 9, 20), True),  # a Sunday that is worked before National Day
    ("CNY", date(2026, 10, 10), True),  # a Saturday that is worked after it
    ("CNY", date(2026, 10, 17), False),
    ("PKR", date(2026, 11, 27), True),  # a Friday
    ("PKR", date(2026, 11, 28), False),  # a Saturday
    ("RUB", date(2025, 11, 1), True),  # a Saturday to which a working day was moved
    ("RUB", date(2025, 11, 3), False),  # and from where
    ("KZT", date(2025, 1, 5), True),  # a Sunday to which a working day was moved
    ("UZS", date(2026, 12, 12), True),  # a Saturday to which a working day was moved
    ("BYN", date(2026, 4, 25), True),  # a Saturday to which a working day was moved
    ("KGS", date(2024, 3, 2), True),  # a Saturday to which a working day was moved
    ("TJS", date(2026, 11, 28), False),  # a Saturday
    ("INR", date(2026, 4, 1), False),  # annual closing of accounts
    ("INR", date(2026, 4, 2), True),
    ("INR", date(2018, 4, 2), False),  # 1 April was a Sunday
    ("INR", date(2017, 4, 1), False),  # a first Saturday
    ("INR", date(2027, 1, 1), True),
    ("PKR", date(2026, 1, 1), False),  # bank holiday
    ("PKR", date(2026, 1, 2), True),
    ("PKR", date(2022, 1, 3), False),  # 1 January was a Saturday
    ("PKR", date(2023, 1, 2), False),  # and a Sunday
    ("PKR", date(2023, 7, 3), False),  # 1 July was a Saturday, and a holiday
    ("PKR", date(2024, 7, 1), False),
    ("PKR", date(2024, 7, 2), True),
    ("KGS", date(2024, 2, 23), False),  # a holiday until the Labour Code of 2025
    ("KGS", date(2026, 2, 23), True),
    ("KGS", date(2026, 4, 7), True),
    ("KGS", date(2025, 11, 7), True),
]


def calendar(currency: str, **overrides: bool) -> Calendar:
    country, zone = home_of(currency)
    return Calendar(
        currency,
        country,
        zone,
        {date.fromisoformat(d.replace("_", "-")[1:]): b for d, b in overrides.items()},
    )


@pytest.mark.parametrize(("currency", "day", "business"), DAYS)
def test_days_follow_the_countrys_calendar(currency: str, day: date, business: bool) -> None:
    assert calendar(currency).is_business_day(day) is business


@pytest.mark.parametrize("currency", sorted(registry.by_currency()))
def test_a_closing_of_accounts_takes_one_day_and_is_named(currency: str) -> None:
    found = calendar(currency)
    days = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    closed = [day for day in days if found.holiday(day) == CLOSING]

    assert len(closed) == {"INR": 1, "PKR": 2}.get(currency, 0)
    assert not any(map(found.is_business_day, closed))


YEARS = range(2024, 2029)


@pytest.mark.parametrize("country", registry.countries())
def test_windows_and_rails_of_a_country_have_one_calendar(country: str) -> None:
    """Two lists disagreed on Iran's Thursdays and on India's Saturdays: each day of five years is asked of both."""
    profile = registry.profile(country)
    windows = calendar(profile.currency)
    office = Hours(windows.zone, time(9), time(17), registry.country(country).calendar)
    day = date(YEARS.start, 1, 1)
    while day.year in YEARS:
        noon = windows.instant(day, time(12))
        assert windows.is_business_day(day) is (office.open_from(noon) == noon), day
        assert (windows.value_date(noon) == day) is windows.is_business_day(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize("hours", [HVPS_HOURS, SATNA_HOURS])
def test_a_gross_settlement_system_keeps_the_calendar_of_its_country(hours: Hours) -> None:
    assert hours.calendar is not None
    assert hours.calendar is registry.country(hours.calendar.country).calendar


@pytest.mark.parametrize("country", registry.countries())
def test_a_rail_keeps_the_clock_and_the_currency_of_its_country(country: str) -> None:
    profile, record = registry.profile(country), registry.country(country)

    assert record.code == profile.country == record.calendar.country == country
    assert home_of(profile.currency) == (country, profile.hours.zone)


def test_an_operators_day_holds_for_a_rail_too() -> None:
    noon = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)  # a Tuesday in Tehran
    opens = SATNA_HOURS.open_from(noon, {date(2026, 12, 1): False})

    assert opens == datetime(2026, 12, 2, 4, 30, tzinfo=UTC)


def test_the_operators_own_table_has_precedence() -> None:
    found = calendar("INR", d2026_11_23=False, d2026_11_22=True)

    assert not found.is_business_day(date(2026, 11, 23))
    assert found.is_business_day(date(2026, 11, 22))


CLOSES = [
    # opened                               the cut-off it closes at, 18:00 in Delhi
    (datetime(2026, 11, 16, 3, 0, tzinfo=UTC), datetime(2026, 11, 16, 12, 30, tzinfo=UTC)),
    (datetime(2026, 11, 16, 12, 29, 59, tzinfo=UTC), datetime(2026, 11, 16, 12, 30, tzinfo=UTC)),
    (datetime(2026, 11, 16, 12, 30, tzinfo=UTC), datetime(2026, 11, 17, 12, 30, tzinfo=UTC)),
    (
        datetime(2026, 11, 13, 13, 0, tzinfo=UTC),
        datetime(2026, 11, 16, 12, 30, tzinfo=UTC),
    ),  # over a week-end
    (datetime(2026, 11, 16, 20, 0, tzinfo=UTC), datetime(2026, 11, 17, 12, 30, tzinfo=UTC)),  # Tuesday there
]


@pytest.mark.parametrize(("opened", "closes"), CLOSES)
def test_a_window_closes_at_the_first_cut_off_after_it_opened(opened: datetime, closes: datetime) -> None:
    assert calendar("INR").next_close([time(18)], opened) == closes


def test_several_cut_offs_a_day_are_taken_in_order() -> None:
    closes_at = [time(18), time(12)]
    first = calendar("INR").next_close(closes_at, datetime(2026, 11, 16, 3, tzinfo=UTC))
    second = calendar("INR").next_close(closes_at, first)

    assert (first, second) == (
        datetime(2026, 11, 16, 6, 30, tzinfo=UTC),
        datetime(2026, 11, 16, 12, 30, tzinfo=UTC),
    )


def test_what_closes_on_a_holiday_is_settled_on_the_next_business_day() -> None:
    assert calendar("INR").value_date(datetime(2026, 11, 14, 10, tzinfo=UTC)) == date(2026, 11, 16)
    assert calendar("INR").value_date(datetime(2026, 11, 16, 20, tzinfo=UTC)) == date(2026, 11, 17)


def test_a_calendar_without_business_days_is_an_error_not_a_loop() -> None:
    never = Calendar(
        "INR", "IN", "Asia/Kolkata", {date.fromordinal(n): False for n in range(739_000, 741_000)}
    )

    with pytest.raises(NotFound):
        never.next_business_day(date(2026, 11, 23))


@pytest.mark.parametrize("currency", sorted(registry.by_currency()))
def test_every_currency_of_the_scheme_has_a_calendar_and_a_clock(currency: str) -> None:
    found = calendar(currency)
    days = [found.is_business_day(date(2026, 11, n)) for n in range(1, 31)]

    assert 15 <= sum(days) <= 27
    assert found.instant(date(2026, 11, 23), time(12)).tzinfo is UTC


async def test_a_country_whose_holidays_take_long_does_not_time_a_transaction_out(database_url: str) -> None:
    """They are worked out when the calendar is loaded, not inside the transaction that asks for a day."""
    connection = await asyncpg.connect(database_url)
    business_days._year.cache_clear()
    calendars._computed.clear()
    found = await calendars.load(connection, "INR")
    await connection.close()
    loaded = business_days._year.cache_info().misses
    found.is_business_day(found.local_date(datetime.now(UTC)))

    assert loaded == business_days._year.cache_info().misses == 1
