"""Business days and cut-offs of the ten currencies, held against days that anybody can look up."""

from datetime import UTC, date, datetime, time

import asyncpg
import pytest

from schemas.errors import NotFound
from switch import calendars
from switch.calendars import COUNTRIES, Calendar

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
]


def calendar(currency: str, **overrides: bool) -> Calendar:
    country, zone = COUNTRIES[currency]
    return Calendar(
        currency,
        country,
        zone,
        {date.fromisoformat(d.replace("_", "-")[1:]): b for d, b in overrides.items()},
    )


@pytest.mark.parametrize(("currency", "day", "business"), DAYS)
def test_days_are_what_the_countrys_calendar_says(currency: str, day: date, business: bool) -> None:
    assert calendar(currency).is_business_day(day) is business


def test_the_operators_own_table_has_the_last_word() -> None:
    found = calendar("INR", d2026_11_23=False, d2026_11_22=True)

    assert not found.is_business_day(date(2026, 11, 23))
    assert found.is_business_day(date(2026, 11, 22))


CLOSES = [
    # opened                               the cut-off it closes at, 18:00 in Delhi
    (datetime(2026, 11, 16, 3, 0, tzinfo=UTC), datetime(2026, 11, 16, 12, 30, tzinfo=UTC)),
    (datetime(2026, 11, 16, 12, 29, 59, tzinfo=UTC), datetime(2026, 11, 16, 12, 30, tzinfo=UTC)),
    (datetime(2026, 11, 16, 12, 30, tzinfo=UTC), datetime(2026, 11, 17, 12, 30, tzinfo=UTC)),
    (
        datetime(2026, 11, 20, 13, 0, tzinfo=UTC),
        datetime(2026, 11, 23, 12, 30, tzinfo=UTC),
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


@pytest.mark.parametrize("currency", sorted(COUNTRIES))
def test_every_currency_of_the_scheme_has_a_calendar_and_a_clock(currency: str) -> None:
    found = calendar(currency)
    days = [found.is_business_day(date(2026, 11, n)) for n in range(1, 31)]

    assert 15 <= sum(days) <= 27
    assert found.instant(date(2026, 11, 23), time(12)).tzinfo is UTC


async def test_a_country_whose_holidays_take_long_does_not_time_a_transaction_out(database_url: str) -> None:
    """They are worked out when the calendar is loaded, not inside the transaction that asks for a day."""
    connection = await asyncpg.connect(database_url)
    calendars._year.cache_clear()
    found = await calendars.load(connection, "INR")
    await connection.close()
    loaded = calendars._year.cache_info().misses
    found.is_business_day(found.local_date(datetime.now(UTC)))

    assert loaded == calendars._year.cache_info().misses == 1
