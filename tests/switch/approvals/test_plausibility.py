"""What moves money is measured by what is in force; beyond the band its factor must be named."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import pytest_asyncio

from schemas.errors import InvalidMessage, Refused
from switch.api.change_documents import full_document
from switch.approvals import approvals
from switch.approvals.kinds import Confirmable
from switch.base import calendars
from switch.base.plausibility import UNLIMITED, Bands, Comparison, Measure, check, text_of
from switch.change_catalogue import KINDS
from switch.identity.model import ChangeState
from switch.participants import comparisons
from switch.payments import directory
from switch.writer.context import ServiceContext
from tests.switch.services import agree, done, onboarding, open_services, person
from tests.tiers import some

RATE = {"source": "INR", "target": "PKR", "provider": "fx", "rate": "3.25"}
CAP = {"participant": "asha-bank", "currency": "INR", "net_debit_cap": "1000.00"}
FUNDS = {"participant": "asha-bank", "currency": "INR", "amount": "1000.00", "reference": "R1"}
LIMITS = {"participant": "asha-bank", "currency": "INR", "per_payment": "50.00", "per_day": "120.00"}
FEES = {"source": "IN", "target": "PK", "fee_minor": 500, "fee_bps": 10}
SCHEDULE = {
    "currency": "INR",
    "country": "IN",
    "zone": "Asia/Kolkata",
    "closes_at": ["11:00", "17:00"],
}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    """A services with a bank, an FX provider of three currencies, two rails and a corridor."""
    async with open_services(database_url) as opened:
        await done(opened, "participant.onboard", onboarding("asha-bank", cap="1000.00"))
        await opened.pool.execute(
            "INSERT INTO switch.participant (id, name, bic, country, kind)"
            " VALUES ('fx', 'FX', 'SILKKZKA', 'KZ', 'fx_provider')"
        )
        for currency in ("INR", "PKR", "KZT"):
            content = {"participant": "fx", "currency": currency, "net_debit_cap": "0"}
            await done(opened, "account.open", content)
        await opened.pool.execute("INSERT INTO switch.rail (country) VALUES ('IN'), ('PK'), ('KG')")
        await opened.pool.execute("INSERT INTO switch.corridor (source, target) VALUES ('IN', 'PK')")
        yield opened


async def refused(services: ServiceContext, kind: str, content: dict[str, Any], factor: str) -> None:
    """Refused with the factor; done when the factor is repeated."""
    with pytest.raises(Refused, match=f'confirmed_factor "{factor}"'):
        await agree(services, kind, content)
    with pytest.raises(Refused, match="confirmed_factor"):
        await agree(services, kind, {**content, "confirmed_factor": "3.3"})
    await done(services, kind, {**content, "confirmed_factor": factor})


@pytest.mark.parametrize(
    ("rate", "factor"), [("325.0", "100"), ("0.0325", "0.01"), ("0.3076923", "0.0947"), ("3.6", "1.11")]
)
async def test_an_exchange_rate_mistyped_by_a_factor_of_100_needs_a_third_confirmation(
    services: ServiceContext, rate: str, factor: str
) -> None:
    await done(services, "rate.set", RATE)

    await refused(services, "rate.set", {**RATE, "rate": rate}, factor)


async def test_the_inverse_of_a_rate_near_one_was_within_the_band(services: ServiceContext) -> None:
    """0.959297 and its inverse are nine per cent apart, so that two tired people could turn a rate round."""
    await done(services, "rate.set", {**RATE, "rate": "0.959297"})

    await refused(services, "rate.set", {**RATE, "rate": "1.0424"}, "1.09")


async def test_a_small_step_of_a_rate_near_one_is_no_inverse(services: ServiceContext) -> None:
    await done(services, "rate.set", {**RATE, "rate": "1.004"})
    await done(services, "rate.set", {**RATE, "rate": "0.996"})


async def test_a_rate_within_ten_per_cent_needs_none(services: ServiceContext) -> None:
    await done(services, "rate.set", RATE)
    await done(services, "rate.set", {**RATE, "rate": "3.5"})
    with pytest.raises(Refused, match="no value departs"):
        await agree(services, "rate.set", {**RATE, "rate": "3.55", "confirmed_factor": "100"})


async def test_steps_within_the_band_do_not_walk_a_rate_away_within_a_day(services: ServiceContext) -> None:
    """Ten times ten per cent is 2.6-fold; what was in force a day ago, or first since, is compared too."""
    await done(services, "rate.set", RATE)
    await done(services, "rate.set", {**RATE, "rate": "3.5"})

    await refused(services, "rate.set", {**RATE, "rate": "3.8"}, "1.17")


async def test_a_rate_that_moved_for_days_is_compared_with_the_rate_of_a_day_ago(
    services: ServiceContext,
) -> None:
    for rate, age in (("2.0", 72), ("3.0", 48), ("3.2", 25), ("3.4", 1)):
        await services.pool.execute(
            "INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)"
            " VALUES ('INR', 'PKR', 'fx', $1::text::numeric, clock_timestamp() - make_interval(hours => $2))",
            rate,
            age,
        )

    await refused(services, "rate.set", {**RATE, "rate": "3.6"}, "1.12")
    longer = replace(services, bands=Bands(rate_period=dt.timedelta(hours=50)))
    with pytest.raises(Refused, match="Rate in force before: 2"):
        await agree(longer, "rate.set", {**RATE, "rate": "3.65"})
    await done(
        replace(services, bands=Bands(rate_period=dt.timedelta(0))), "rate.set", {**RATE, "rate": "3.9"}
    )


async def test_a_rate_is_not_set_in_the_past(services: ServiceContext) -> None:
    """Else a step could rewrite what was in force a day ago."""
    earlier = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=25)).isoformat()
    with pytest.raises(Refused, match="valid_from is in the past"):
        await agree(services, "rate.set", {**RATE, "valid_from": earlier})


async def test_a_first_rate_is_measured_by_the_rate_back(services: ServiceContext) -> None:
    await done(services, "rate.set", {**RATE, "source": "PKR", "target": "INR", "rate": "0.3"})

    await refused(services, "rate.set", {**RATE, "rate": "0.3"}, "0.09")


async def test_a_first_rate_is_measured_by_the_ways_through_other_currencies(
    services: ServiceContext,
) -> None:
    await done(services, "rate.set", {**RATE, "target": "KZT", "rate": "6.0"})
    await done(services, "rate.set", {**RATE, "source": "KZT", "rate": "0.5"})

    await refused(services, "rate.set", {**RATE, "rate": "300"}, "100")


async def test_a_first_rate_without_a_comparison_is_marked(services: ServiceContext) -> None:
    change = await agree(services, "rate.set", RATE, checkers=())
    document = await full_document(services, change)

    assert [one["what"] for one in document["comparisons"]] == [Measure.NOTHING]


async def test_a_rate_that_begins_later_is_measured_by_what_is_in_force_then(
    services: ServiceContext,
) -> None:
    await done(services, "rate.set", RATE)
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    scheduled = {**RATE, "rate": "3.5", "valid_from": tomorrow.isoformat()}
    await done(services, "rate.set", scheduled)
    later = (tomorrow + dt.timedelta(days=1)).isoformat()

    await done(services, "rate.set", {**RATE, "rate": "3.8", "valid_from": later})  # 17 % above today's


async def test_a_factor_is_checked_again_against_what_is_in_force_at_the_vote(
    services: ServiceContext,
) -> None:
    """Ten per cent on ten per cent: the second request was within the band when it was made."""
    await done(services, "rate.set", RATE)
    first = await agree(services, "rate.set", {**RATE, "rate": "3.55"}, checkers=())
    await done(services, "rate.set", {**RATE, "rate": "2.95"}, maker="omar", checkers=("cyrus",))
    with pytest.raises(Refused, match=r'confirmed_factor "1\.2"'):
        await approvals.vote(services, KINDS, person("chen"), first.number, decision="approve", reason="seen")
    async with services.pool.acquire() as connection:
        obstacle = await approvals.obstacle(connection, services, KINDS, first)

    assert "1.2" in obstacle


async def test_the_band_of_rates_is_a_setting_of_the_installation_and_of_a_direction(
    services: ServiceContext,
) -> None:
    await done(services, "rate.set", RATE)
    narrow = replace(services, bands=Bands(rate_percents={"INR-PKR": Decimal(1)}))
    with pytest.raises(Refused, match=r'confirmed_factor "1\.05"'):
        await agree(narrow, "rate.set", {**RATE, "rate": "3.4"})

    await done(replace(services, bands=Bands(rate_percent=Decimal(50))), "rate.set", {**RATE, "rate": "4.5"})


@pytest.mark.parametrize(("cap", "factor"), [("0", "0"), ("100000.00", "100"), ("99.00", "0.099")])
async def test_a_cap_of_nought_or_off_by_ten_needs_a_third_confirmation(
    services: ServiceContext, cap: str, factor: str
) -> None:
    await refused(services, "cap.set", {**CAP, "net_debit_cap": cap}, factor)


async def test_a_first_cap_is_measured_by_others_when_an_account_is_opened_or_somebody_onboards(
    services: ServiceContext,
) -> None:
    with pytest.raises(Refused, match='confirmed_factor "1000"'):
        await agree(services, "participant.onboard", onboarding("ganga-bank", cap="1000000.00"))
    await done(services, "participant.onboard", onboarding("indus-bank", "PKR", cap="1000.00"))
    content = {"participant": "asha-bank", "currency": "PKR", "net_debit_cap": "200000.00"}

    await refused(services, "account.open", content, "200")


async def test_funds_of_absurd_size_need_a_third_confirmation(services: ServiceContext) -> None:
    await done(services, "funds.in", FUNDS)
    absurd = {**FUNDS, "amount": "100000000.00", "reference": "R2"}

    await refused(services, "funds.in", absurd, "100000")


async def test_a_movement_of_funds_names_what_it_is_compared_with(services: ServiceContext) -> None:
    """The cap before any funds moved; then the largest movement, and the balance of several."""

    async def compared(amount: str) -> tuple[str, str]:
        stated = await comparisons.of_funds(
            services.pool, "asha-bank", "INR", amount=amount, account="position", bands=services.bands
        )
        return stated[0].what, stated[0].reference

    first = await compared("4000.00")
    await done(services, "funds.in", {**FUNDS, "amount": "4000.00"})
    second = await compared("100.00")
    await done(services, "funds.in", {**FUNDS, "amount": "100.00", "reference": "R2"})
    third = await compared("100.00")

    assert first == (Measure.CAP, "1000.00 INR")
    assert second == (Measure.FUNDS, "4000.00 INR")
    assert third == (Measure.BALANCE, "4100.00 INR")


async def test_funds_out_of_absurd_size_need_a_third_confirmation(services: ServiceContext) -> None:
    await done(services, "funds.in", FUNDS)

    with pytest.raises(Refused, match='confirmed_factor "100000"'):
        await agree(services, "funds.out", {**FUNDS, "amount": "100000000.00"})


@pytest.mark.parametrize(
    ("stated", "factor"),
    [
        ({"per_payment": "0.50", "per_day": "12.00"}, "0.01"),
        ({"per_payment": "0"}, "0"),
        ({"per_payment": None}, "unlimited"),
        ({"per_day": "120000.00"}, "1000"),
    ],
)
async def test_limits_off_by_ten_or_gone_need_a_third_confirmation(
    services: ServiceContext, stated: dict[str, Any], factor: str
) -> None:
    await done(services, "limit.set", LIMITS)

    await refused(services, "limit.set", {**LIMITS, **stated}, factor)


async def test_a_limit_below_the_smallest_payment_needs_a_third_confirmation(
    services: ServiceContext,
) -> None:
    """A som is the least that Kyrgyzstan's rail credits: a limit below it stops every payment there."""
    await services.pool.execute("DELETE FROM switch.rail WHERE country <> 'KG'")
    await done(services, "account.open", {"participant": "fx", "currency": "KGS", "net_debit_cap": "0"})
    await done(services, "rate.set", {**RATE, "target": "KGS", "rate": "1.04"})

    await refused(services, "limit.set", {**LIMITS, "per_payment": "0.50"}, "0.515")


@pytest.mark.parametrize(
    ("stated", "factor"),
    [({"fee_minor": 50_000}, "100"), ({"fee_bps": 1000}, "100"), ({"fee_minor": 0}, "0")],
)
async def test_a_fee_off_by_ten_needs_a_third_confirmation(
    services: ServiceContext, stated: dict[str, Any], factor: str
) -> None:
    await done(services, "corridor.fees", {**FEES, "confirmed_factor": "501"})

    await refused(services, "corridor.fees", {**FEES, **stated}, factor)


async def test_a_flat_fee_that_shuts_small_payments_out_needs_a_third_confirmation(
    services: ServiceContext,
) -> None:
    """Payments of 0.01 INR reach Pakistan; with a flat fee of 5.00 the smallest is 5.01."""
    with pytest.raises(Refused, match=r"Smallest payment: 0\.01 INR\. Stated: 5\.01 INR"):
        await agree(services, "corridor.fees", FEES)

    await refused(services, "corridor.fees", FEES, "501")


@pytest.mark.parametrize("stated", [{"fee_minor": 10**12}, {"fee_bps": 10_000}])
async def test_a_first_fee_above_the_amount_is_noticed(
    services: ServiceContext, stated: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="confirmed_factor"):
        await agree(services, "corridor.fees", {**FEES, **stated})


async def test_a_day_that_closes_today_needs_a_third_confirmation(services: ServiceContext) -> None:
    calendar = await calendars.load(services.pool, "INR")
    today = calendar.local_date(dt.datetime.now(dt.UTC))
    content = {"currency": "INR", "day": today.isoformat(), "business": True, "reason": "test"}
    await done(services, "calendar.set", content)

    await refused(services, "calendar.set", {**content, "business": False}, "0")


async def test_a_day_that_is_over_is_refused(services: ServiceContext) -> None:
    content = {"currency": "INR", "day": "2026-01-02", "business": False, "reason": "test"}
    with pytest.raises(Refused, match="this day is in the past"):
        await agree(services, "calendar.set", content)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("calendar.set", {"currency": "INR", "day": "9999-12-31", "business": True, "reason": "test"}),
        ("rate.set", {**RATE, "valid_from": "9999-12-31T23:59:59.999999Z"}),
        ("rail.switch", {"country": "PK", "open": False, "opens_at": "9999-12-31T23:59:59.999999Z"}),
    ],
)
async def test_the_last_day_of_the_calendar_stopped_every_payment(
    services: ServiceContext, kind: str, content: dict[str, Any]
) -> None:
    """The driver stores it as infinity, which the directory could not read: no payment was accepted any more."""
    with pytest.raises(InvalidMessage, match="9999"):
        await agree(services, kind, content)

    await directory.load(services.pool)


async def test_the_directory_is_read_beside_a_day_at_infinity(services: ServiceContext) -> None:
    await services.pool.execute(
        "INSERT INTO switch.calendar_override (currency, day, business, reason)"
        " VALUES ('INR', 'infinity', true, 'test')"
    )

    assert (await directory.load(services.pool)).stated_days == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE switch.participant_key SET valid_from = $1::text::timestamptz",
        "UPDATE switch.participant_key SET valid_until = greatest($1::text::timestamptz, valid_from + '1 day')",
        "UPDATE switch.rail SET open = false, opens_at = $1::text::timestamptz",
        "INSERT INTO switch.fx_rate VALUES ('INR', 'PKR', 'fx', 3, $1::text::timestamptz)",
    ],
)
@pytest.mark.parametrize(
    "instant", some(("infinity", "-infinity", "20000-01-01", "0044-03-15 BC"), "infinity", "0044-03-15 BC")
)
async def test_the_directory_is_read_beside_an_instant_at_infinity(
    services: ServiceContext, statement: str, instant: str
) -> None:
    """One such value of a key or a rail made the directory unreadable: 503 for every payment."""
    await services.pool.execute(statement, instant)

    found = await directory.load(services.pool)
    ahead = not instant.startswith("-") and "BC" not in instant
    (key,) = found.keys
    assert (key.valid_from > 2_000_000_000_000_000) == (ahead and "SET valid_from" in statement)
    for rail in found.rails:
        if "switch.rail" in statement:
            assert rail.open != ahead
        assert rail.opens_at is None or datetime_of(rail.opens_at).year in {1, 9999}


def datetime_of(microseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(microseconds / 1_000_000, dt.UTC)


@pytest.mark.parametrize(
    ("stated", "factor"),
    [
        ({"enabled": False}, "0"),
        ({"closes_at": ["03:00", "17:00"]}, "8"),
        ({"zone": "Europe/London", "closes_at": ["11:00"]}, r"[45]\.5"),
    ],
)
async def test_hours_that_move_by_a_slip_need_a_third_confirmation(
    services: ServiceContext, stated: dict[str, Any], factor: str
) -> None:
    await done(services, "schedule.set", SCHEDULE)
    content = {**SCHEDULE, **stated}
    with pytest.raises(Refused, match="confirmed_factor") as told:
        await agree(services, "schedule.set", content)
    named = str(told.value.detail).rpartition("confirmed_factor ")[2].strip('".')

    assert re.fullmatch(factor, named)

    await done(services, "schedule.set", {**content, "confirmed_factor": named})


async def test_a_rail_that_is_closed_for_years_needs_a_third_confirmation(services: ServiceContext) -> None:
    opens = dt.datetime.now(dt.UTC) + dt.timedelta(days=29, hours=12)
    content = {"country": "PK", "open": False, "opens_at": opens.isoformat()}

    await refused(services, "rail.switch", content, "30")


async def test_a_rail_does_not_open_in_the_past(services: ServiceContext) -> None:
    earlier = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)).isoformat()
    with pytest.raises(Refused, match="opens_at is in the past"):
        await agree(services, "rail.switch", {"country": "PK", "open": False, "opens_at": earlier})


async def test_api_and_commands_show_what_a_change_is_measured_by(services: ServiceContext) -> None:
    await done(services, "rate.set", RATE)
    change = await agree(
        services, "rate.set", {**RATE, "rate": "325", "confirmed_factor": "100"}, checkers=()
    )
    document = await full_document(services, change)
    ended = await approvals.vote(
        services, KINDS, person("chen"), change.number, decision="approve", reason="seen"
    )

    assert document["comparisons"] == [
        {"what": "Rate in force", "reference": "3.25", "stated": "325", "factor": "100", "beyond": True}
    ]
    assert ended.state is ChangeState.EXECUTED


@pytest.mark.parametrize("factor", ["1e2", "-1", "100,0", "", " 100", "one hundred", "1" * 40])
async def test_a_factor_is_a_plain_decimal(services: ServiceContext, factor: str) -> None:
    with pytest.raises(InvalidMessage):
        await agree(services, "rate.set", {**RATE, "confirmed_factor": factor})


def test_every_kind_with_a_confirmation_is_measured_and_no_other() -> None:
    confirmable = {name for name, kind in KINDS.items() if issubclass(kind.content, Confirmable)}
    measured = {name for name, kind in KINDS.items() if kind.compare.__name__ != "no_comparison"}

    assert confirmable == measured
    assert measured == {
        *("participant.onboard", "account.open", "cap.set", "funds.in", "funds.out", "limit.set"),
        *("corridor.fees", "tariff.set", "rate.set", "rail.switch", "schedule.set", "calendar.set"),
        *("fx.fixing", "fx.offer"),
    }


def test_the_largest_departure_is_the_one_to_be_named() -> None:
    found = [
        Comparison(Measure.RATE, "1", "2", Fraction(2), beyond=True),
        Comparison(Measure.CROSS, "10", "2", Fraction(1, 5), beyond=True),
        Comparison(Measure.INVERSE, "1", "9", Fraction(9), beyond=False),
    ]
    check(found, "0.2")
    with pytest.raises(Refused, match=r'"0\.2"'):
        check(found, "2")


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (Fraction(100), "100"),
        (Fraction(1, 3), "0.333"),
        (Fraction(0), "0"),
        (Fraction(123_456), "123000"),
        (Fraction(1, 10**9), "0.000000001"),
        (UNLIMITED, "unlimited"),
    ],
)
def test_a_factor_is_shown_with_three_digits(factor: Fraction, text: str) -> None:
    assert text_of(factor) == text
