"""Results of FX providers equal the movements of their accounts, and are compared with the right rate."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from ledger import statements
from schemas.money import Money
from switch.reports.fx_result import result_minor
from switch.reports.query import Scope
from switch.reports.table import Report
from switch.reports.wording import LANGUAGES, Wording
from switch.writer.commands import Accept, Advance
from tests.switch.payments.test_signatures import World, world
from tests.switch.reports.conftest import make
from tests.switch.writer.test_offers import market, paid, published, through_two, two_providers

__all__ = ["market", "world"]
PAIR = ("fx", datetime.now(UTC).date().isoformat(), "INR", "PKR")


def test_a_result_is_what_was_bought_at_the_reference_less_what_was_sold() -> None:
    bought = Money(100_00, "INR")
    for sold, rate, expected in ((330_00, "3.31", 1_00), (330_00, "3.2999", -1), (330_00, "3.3", 0)):
        assert result_minor(bought, Money(sold, "PKR"), rate) == expected
    assert result_minor(Money(1, "JPY"), Money(2, "KWD"), "0.0021") == 0  # 2.1 thousandths, down
    assert result_minor(Money(-100_00, "INR"), Money(-330_00, "PKR"), "3.31") == -1_00  # a return


async def ended(market: World, payment: Accept, event: str = "CONFIRM") -> bytes:
    assert (await market.link.ask(payment)).verdict == "created"
    reason = "" if event == "CONFIRM" else "AC03"
    await market.link.ask(Advance(payment.identity.uetr, event, rail="PK", reason=reason))
    return payment.identity.uetr


async def read(market: World, scope: Scope | None = None) -> Report:
    now = datetime.now(UTC)
    period = {"since": now - timedelta(hours=1), "until": now + timedelta(minutes=1)}
    async with market.services.pool.acquire() as connection:
        scopes = () if scope is None else (scope,)
        return await make(connection, "fx-result", *scopes, **period)


async def moved(market: World, currency: str) -> int:
    """What the provider's account in a currency received less what it paid."""
    pool = market.services.pool
    number = await pool.fetchval(
        "SELECT number FROM ledger.account WHERE owner = 'fx' AND currency = $1 AND purpose = 'position'",
        currency,
    )
    found = await statements.read_between(pool, number, 0, 1 << 62)
    return sum(entry.amount for entry in found.entries)


async def test_the_amounts_are_the_movements_of_the_providers_accounts(market: World) -> None:
    offer = await published(market)
    await ended(market, paid(market, offer))
    await ended(market, paid(market, offer))
    await ended(market, paid(market, offer), "REJECT")  # moves nothing
    assert (await market.link.ask(paid(market, offer))).verdict == "created"  # is held

    report = await read(market)

    (row,) = report.rows
    assert (row[:4], row[4:6]) == (PAIR, (2, 0))
    assert row[6:8] == (Money(200_00, "INR"), Money(658_00, "PKR"))
    assert (await moved(market, "INR"), await moved(market, "PKR")) == (200_00, -658_00)
    assert row[8:] == (Decimal("3.29"), "closing offer", Decimal("3.29"), "PKR", Money(0, "PKR"))
    shown = {code: Wording(code).cells(report, row) for code in LANGUAGES}
    assert {code: (cells[8], cells[10]) for code, cells in shown.items()} == {
        "en": ("3.29", "3.29"),
        "ru": ("3,29", "3,29"),
        "zh": ("3.29", "3.29"),
    }
    await published(market, tiers=[{"from": "0", "rate": "3.31"}])  # the market has moved: a gain
    (row,) = (await read(market)).rows
    assert row[10:] == (Decimal("3.31"), "PKR", Money(4_00, "PKR"))
    await market.services.pool.execute(
        "INSERT INTO switch.fx_fixing SELECT 1, 'IN', 'INR', 'PKR', 'fx', 3.28, clock_timestamp(),"
        " clock_timestamp() + interval '1 hour'"
    )
    (row,) = (report := await read(market)).rows
    assert row[9:] == ("fixing", Decimal("3.28"), "PKR", Money(-2_00, "PKR"))
    assert report.totals[0][-1] == Money(-2_00, "PKR")
    assert (await read(market, Scope("t", participant="fx"))).rows == report.rows
    assert (await read(market, Scope("t", participant="asha-bank"))).rows == ()


async def test_a_return_takes_back_what_its_payment_moved(market: World) -> None:
    offer = await published(market)
    uetr = await ended(market, paid(market, offer))
    await ended(market, paid(market, offer))

    assert (await market.link.ask(market.give_back(uetr, "indus-bank", "329.00 PKR"))).verdict == "created"

    (row,) = (await read(market)).rows
    assert row[4:8] == (2, 1, Money(100_00, "INR"), Money(329_00, "PKR"))
    assert (await moved(market, "INR"), await moved(market, "PKR")) == (100_00, -329_00)


async def test_a_part_takes_back_its_share(market: World) -> None:
    offer = await published(market)
    uetr = await ended(market, paid(market, offer))
    for amount, minor in (("100.00 PKR", 100_00), ("229.00 PKR", 229_00)):
        part = replace(market.give_back(uetr, "indus-bank", amount), minor=minor)
        assert (await market.link.ask(part)).verdict == "created"
        (row,) = (await read(market)).rows
        assert (row[6].minor, -row[7].minor) == (await moved(market, "INR"), await moved(market, "PKR"))

    assert row[4:8] == (1, 2, Money(0, "INR"), Money(0, "PKR"))


async def test_without_an_offer_the_set_rate_is_the_reference(market: World) -> None:
    await ended(market, market.payment("indus-bank"))

    (row,) = (await read(market)).rows

    assert row[8:] == (Decimal("3.2835"), "set rate", Decimal("3.2835"), "PKR", Money(0, "PKR"))


async def test_each_of_two_providers_has_what_it_bought_and_sold(market: World) -> None:
    cross, offer = await two_providers(market)
    await ended(market, through_two(market, cross, offer))

    rows = [tuple(row[:4]) + tuple(map(str, row[4:8])) for row in (await read(market)).rows]

    assert [row[0] for row in rows] == ["first", "second"]
    assert rows[0][2:4] == ("INR", "KZT")
    assert rows[1][2:4] == ("KZT", "PKR")
