"""The best of competing offers, and sums that are exact over all corridors."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import registry
from schemas.errors import Refused
from schemas.money import EXPONENTS, Money
from switch.payments import pricing
from switch.payments.directory import (
    AccountRow,
    Corridor,
    DirectorySnapshot,
    FxOffer,
    Inventory,
    PairBound,
    Participant,
    Rate,
)
from switch.payments.tariffs import Tariff, Usage
from switch.writer.commands import Cross
from switch.writer.offers import improved

CORRIDOR = Corridor("IN", "PK", enabled=True, fee_minor=0, fee_bps=0)


def provider(name: str, status: str = "active") -> Participant:
    return Participant(name, name, "SILKKZKA", "KZ", "fx_provider", status)


def offer(
    number: int, name: str, *tiers: tuple[int, str], ended: bool = False, limited: bool = False
) -> FxOffer:
    full = [(least, f"{rate}0000000000"[: rate.index(".") + 11]) for least, rate in tiers]
    return FxOffer(number, name, "INR", "PKR", full, number, ended, limited)


def best(minor: int, *offers: FxOffer, left: tuple[Inventory, ...] = (), **more: object) -> tuple[str, str]:
    names = sorted({each.provider for each in offers} | {"people"})
    snapshot = DirectorySnapshot(
        participants=[provider(name) for name in names],
        offers=list(offers),
        inventories=list(left),
        **more,  # type: ignore[arg-type]
    )
    found = pricing.price(Money(minor, "INR"), "PKR", CORRIDOR, snapshot)
    return found.fx_provider, found.rate.rstrip("0")


def test_the_best_rate_wins_then_the_larger_inventory_then_the_name() -> None:
    assert best(100, offer(1, "b", (0, "3.1")), offer(2, "a", (0, "3.2"))) == ("a", "3.2")
    assert best(100, offer(1, "b", (0, "3.1")), offer(2, "a", (0, "3.1"))) == ("a", "3.1")
    two = offer(1, "b", (0, "3.1"), limited=True), offer(2, "a", (0, "3.1"), limited=True)
    assert best(100, *two, left=(Inventory(1, 9000), Inventory(2, 8000))) == ("b", "3.1")
    assert best(100, two[0], offer(3, "c", (0, "3.1")), left=(Inventory(1, 9000),)) == ("c", "3.1")


def test_an_improvement_counts_for_its_participant_and_for_nobody_else() -> None:
    """By the best offer as by its rate, with the source or the destination fixed."""
    better = FxOffer(
        1, "a", "INR", "PKR", [(0, "3.1000000000")], 1, ended=False, improvements=[("asha", 500)]
    )
    snapshot = DirectorySnapshot(
        participants=[provider("a"), provider("b")], offers=[better, offer(2, "b", (0, "3.2"))]
    )
    for debtor, expected in (("asha", ("a", "3.2550000000", 500)), ("other", ("b", "3.2000000000", 0))):
        usage = Usage(debtor_agent=debtor)
        source = pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, snapshot, usage=usage)
        fixed = pricing.price_of_credit(Money(320_00, "PKR"), "INR", CORRIDOR, snapshot, usage=usage)
        for price in (source, fixed):
            assert (price.fx_provider, price.rate, price.improvement_bps) == expected


@given(scaled=st.integers(1, 10**14), bps=st.integers(0, 500))
def test_an_improved_rate_is_rounded_down_to_ten_decimals(scaled: int, bps: int) -> None:
    rate = f"{scaled // 10**10}.{scaled % 10**10:010d}"
    exact = Fraction(scaled, 10**10) * Fraction(10_000 + bps, 10_000)

    remainder = exact - Fraction(improved(rate, bps))

    assert 0 <= remainder < Fraction(1, 10**10)


def test_a_tier_is_for_amounts_from_its_least_on() -> None:
    tiers = offer(1, "a", (0, "3.1"), (10_000, "3.3"))
    other = offer(2, "b", (0, "3.2"))
    assert best(9_999, tiers, other) == ("b", "3.2")
    assert best(10_000, tiers, other) == ("a", "3.3")


def test_the_tier_is_that_of_what_is_left_after_charges_of_the_creditor() -> None:
    row = {"source": "IN", "target": "PK", "component": "switch", "valid_from": 0}
    taken = Tariff(number=1, direction="in", flat_minor=1, **row)
    snapshot = DirectorySnapshot(
        participants=[provider("a")],
        offers=[offer(1, "a", (0, "3.0"), (10_000, "3.3"))],
        tariffs=[taken],
    )
    for stated, debit, credit in ((10_000, 9_999, 29_997), (10_001, 10_000, 33_000)):
        usage = Usage(bearer="CRED")
        found = pricing.price(Money(stated, "INR"), "PKR", CORRIDOR, snapshot, usage=usage)
        assert (found.stated.minor, found.debit.minor, found.credit.minor) == (stated, debit, credit)
        assert (found.fee.minor, found.paid.minor) == (1, stated)


def test_a_fixed_credit_has_added_charges_and_none_that_are_taken_from_it() -> None:
    row = {"source": "IN", "target": "PK", "component": "rail", "valid_from": 0}
    rows = [Tariff(number=n, direction=way, flat_minor=7, **row) for n, way in ((1, "out"), (2, "in"))]
    snapshot = DirectorySnapshot(
        participants=[provider("a")], offers=[offer(1, "a", (0, "3.0"))], tariffs=rows
    )
    wanted = Money(300_01, "PKR")
    found = pricing.price_of_credit(wanted, "INR", CORRIDOR, snapshot, usage=Usage(bearer="DEBT"))
    assert (found.credit, found.debit.minor, found.fee.minor, found.paid.minor) == (wanted, 100_01, 7, 100_08)
    for bearer in ("SHAR", "CRED"):
        with pytest.raises(Refused, match="must be DEBT or SLEV") as refused:
            pricing.price_of_credit(wanted, "INR", CORRIDOR, snapshot, usage=Usage(bearer=bearer))
        assert refused.value.reason == "BE19"


def test_an_inventory_that_is_too_small_and_an_offer_that_has_ended_do_not_count() -> None:
    better, worse = offer(1, "a", (0, "3.3"), limited=True), offer(2, "b", (0, "3.1"))
    assert best(100, better, worse, left=(Inventory(1, 330),)) == ("a", "3.3")
    assert best(100, better, worse, left=(Inventory(1, 329),)) == ("b", "3.1")
    assert best(100, offer(1, "a", (0, "3.3"), ended=True), worse) == ("b", "3.1")


def test_the_newest_statement_of_a_provider_counts_its_own_or_that_of_two_people() -> None:
    own = offer(5, "people", (0, "3.3"))
    for since, expected in ((4, "3.3"), (6, "3.0")):
        rates = [Rate("INR", "PKR", "people", "3.0000000000", since)]
        assert best(100, own, rates=rates) == ("people", expected.rstrip("0"))
    withdrawn = offer(5, "people", ended=True)
    with pytest.raises(Refused, match="no FX rate"):
        best(100, withdrawn, rates=[Rate("INR", "PKR", "people", "3.0000000000", 4)])


def test_a_suspended_provider_offers_nothing() -> None:
    snapshot = DirectorySnapshot(
        participants=[provider("a", "suspended")], offers=[offer(1, "a", (0, "3.3"))]
    )
    with pytest.raises(Refused, match="no FX rate"):
        pricing.price(Money(100, "INR"), "PKR", CORRIDOR, snapshot)


def test_a_fixed_credit_is_bought_at_the_tier_that_its_debit_reaches() -> None:
    snapshot = DirectorySnapshot(
        participants=[provider("a")], offers=[offer(1, "a", (0, "3.0"), (10_000, "3.3"))]
    )
    for credit, debit, rate in ((29_999, 10_000, "3.0"), (33_000, 10_000, "3.3"), (32_999, 10_000, "3.3")):
        found = pricing.price_of_credit(Money(credit, "PKR"), "INR", CORRIDOR, snapshot)
        assert (found.debit.minor, found.rate[:3]) == (debit, rate), credit


def test_tables_are_kept_while_only_inventories_move() -> None:
    """They move with every payment; keys and tables of a whole directory must not be read again for them."""
    offers = [offer(1, "a", (0, "3.3"), limited=True)]
    known = DirectorySnapshot(participants=[provider("a")], offers=offers, inventories=[Inventory(1, 500)])
    table, left = known.choices_by_pair, known.left_by_offer

    kept = known.with_inventories([Inventory(1, 400)])

    assert kept.choices_by_pair is table
    assert (left[1], kept.left_by_offer[1]) == (500, 400)


def between(number: int, source: str, target: str, *tiers: tuple[int, str], **more: object) -> FxOffer:
    name = str(more.pop("name", "fx"))
    return FxOffer(number, name, source, target, list(tiers), number, ended=False, **more)  # type: ignore[arg-type]


def snapshot_of(*offers: FxOffer, **more: object) -> DirectorySnapshot:
    names = {"fx", *(each.provider for each in offers)}
    return DirectorySnapshot(
        participants=[provider(name) for name in sorted(names)],
        offers=list(offers),
        **more,  # type: ignore[arg-type]
    )


def crossing(snapshot: DirectorySnapshot, minor: int = 100_00) -> tuple[str, str, str, str]:
    """Provider, rate, third currency and both rates of the price of an amount."""
    found = pricing.price(Money(minor, "INR"), "PKR", CORRIDOR, snapshot)
    assert found.cross is not None
    cross = found.cross
    return found.fx_provider, found.rate, cross.via, f"{cross.first_rate[:6]} {cross.second_rate[:6]}"


def test_a_pair_that_nobody_offers_has_the_best_cross_rate() -> None:
    to, out = between(1, "INR", "KZT", (0, "5.3333333333")), between(2, "KZT", "PKR", (0, "0.6666666666"))
    assert crossing(snapshot_of(to, out)) == ("fx", "3.5555555551", "KZT", "5.3333 0.6666")  # rounded down
    better = between(3, "INR", "CNY", (0, "0.1000000000")), between(4, "CNY", "PKR", (0, "40.0000000000"))
    assert crossing(snapshot_of(to, out, *better))[2] == "CNY"
    direct = between(5, "INR", "PKR", (0, "3.1000000000"), name="other")
    found = pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, snapshot_of(to, out, direct))
    assert (found.fx_provider, found.cross) == ("other", None)  # an offer of the pair has precedence
    used_up = between(5, "INR", "PKR", (0, "3.1000000000"), name="other", limited=True)
    with pytest.raises(Refused, match="no FX rate") as refused:
        pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, snapshot_of(to, out, used_up))
    assert "smaller amount, or try again later" in refused.value.remedy
    for lacking in (
        snapshot_of(to, between(2, "KZT", "PKR", (0, "0.6666666666"), name="other")),  # no account in KZT
        snapshot_of(to),
    ):
        with pytest.raises(Refused, match="no FX rate"):
            pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, lacking)


def tenge(*names: str) -> list[AccountRow]:
    """Accounts in which providers pay each other."""
    return [AccountRow(number, name, "KZT", "position") for number, name in enumerate(names, 20)]


def test_a_cross_rate_may_be_of_two_providers_of_which_the_first_pays_the_second() -> None:
    to = between(1, "INR", "KZT", (0, "5.3333333333"), name="first")
    out = between(2, "KZT", "PKR", (0, "0.6666666666"), name="second")
    snapshot = snapshot_of(to, out, accounts=tenge("first", "second"))
    found = pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, snapshot)
    cross = Cross("KZT", 1, "5.3333333333", "0.6666666666", "first", 533_33)
    assert (found.fx_provider, found.offer, found.cross) == ("second", 2, cross)
    assert found.credit.minor == 355_55  # of 533.33 KZT
    fixed = pricing.price_of_credit(Money(355_55, "PKR"), "INR", CORRIDOR, snapshot)
    assert (fixed.debit.minor, fixed.cross) == (100_00, msgspec.structs.replace(cross, via_minor=533_33))
    for lacking in (
        snapshot_of(to, out, accounts=tenge("first")),
        snapshot_of(
            between(1, "INR", "KZT", (0, "5.0000000000"), name="first", limited=True),
            out,
            accounts=tenge("first", "second"),
            inventories=[Inventory(1, 10**9)],
        ),
    ):
        with pytest.raises(Refused, match="no FX rate"):
            pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, lacking)


def test_of_cross_rates_the_one_that_credits_most_counts_whoever_makes_it() -> None:
    to = between(1, "INR", "KZT", (0, "5.0000000000"), name="first")
    out = between(2, "KZT", "PKR", (0, "0.6000000000"), name="second")
    alone = [between(3, "INR", "KZT", (0, "4.9000000000")), between(4, "KZT", "PKR", (0, "0.6000000000"))]
    accounts = tenge("first", "second", "fx")
    found = pricing.price(
        Money(100_00, "INR"), "PKR", CORRIDOR, snapshot_of(to, out, *alone, accounts=accounts)
    )
    assert (found.credit.minor, found.cross and found.cross.first_provider) == (300_00, "first")
    one = snapshot_of(
        between(1, "INR", "KZT", (0, "0.0150000000"), name="first"),
        between(2, "KZT", "PKR", (0, "100.0000000000"), name="second"),
        between(3, "INR", "KZT", (0, "0.0149000000")),
        between(4, "KZT", "PKR", (0, "99.0000000000")),
        accounts=accounts,
    )
    found = pricing.price(Money(1_00, "INR"), "PKR", CORRIDOR, one)  # 0.015 KZT are 0.01 between two
    assert (found.fx_provider, found.credit.minor, found.cross and found.cross.first_provider) == (
        "fx",
        147,
        "",
    )


def test_each_rate_of_a_cross_is_of_the_tier_of_its_own_amount() -> None:
    to = between(1, "INR", "KZT", (0, "5.0000000000"), (200_00, "5.5000000000"))
    out = between(2, "KZT", "PKR", (0, "0.6000000000"), (600_00, "0.7000000000"))
    snapshot = snapshot_of(to, out)
    for minor, expected in ((100_00, "3.0000"), (120_00, "3.5000"), (200_00, "3.8500")):
        assert crossing(snapshot, minor)[1][:6] == expected
    for credit, debit, rate in ((300_00, 100_00, "3.0"), (419_99, 119_98, "3.5"), (420_00, 120_00, "3.5")):
        found = pricing.price_of_credit(Money(credit, "PKR"), "INR", CORRIDOR, snapshot)
        assert found.credit.minor == credit
        if found.rate[:3] == rate:
            assert found.debit.minor >= debit


def test_a_cross_takes_of_the_inventory_of_what_is_sold_and_stays_within_all_bounds() -> None:
    to = between(1, "INR", "KZT", (0, "5.0000000000"), limited=True)
    out = between(2, "KZT", "PKR", (0, "0.6000000000"), limited=True)
    left = [Inventory(1, 0), Inventory(2, 300_00)]
    assert crossing(snapshot_of(to, out, inventories=left))[1][:3] == "3.0"
    with pytest.raises(Refused, match="no FX rate"):
        crossing(snapshot_of(to, out, inventories=[Inventory(1, 10**9), Inventory(2, 299_99)]))
    for source, target, highest in (("INR", "PKR", "2.9"), ("INR", "KZT", "4.9"), ("KZT", "PKR", "0.5")):
        bound = PairBound(source, target, blocked=False, lowest="", highest=highest)
        with pytest.raises(Refused, match="within the bounds") as refused:
            crossing(snapshot_of(to, out, inventories=left, pairs=[bound]))
        assert refused.value.reason == "RR04"
        block = PairBound(source, target, blocked=True, lowest="", highest="")
        with pytest.raises(Refused) as refused:
            crossing(snapshot_of(to, out, inventories=left, pairs=[block]))
        assert refused.value.reason == "RR04"


def test_a_fixing_counts_where_nobody_offers_the_pair_and_in_cross_rates() -> None:
    fixing = Rate("KZT", "PKR", "fx", "0.6000000000", 9)
    to = between(1, "INR", "KZT", (0, "5.0000000000"))
    found = pricing.price(Money(100_00, "KZT"), "PKR", CORRIDOR, snapshot_of(fixings=[fixing]))
    assert (found.rate, found.offer, found.cross) == ("0.6000000000", 0, None)
    offered = between(2, "KZT", "PKR", (0, "0.5000000000"), name="other")
    found = pricing.price(Money(100_00, "KZT"), "PKR", CORRIDOR, snapshot_of(offered, fixings=[fixing]))
    assert found.fx_provider == "other"
    assert crossing(snapshot_of(to, fixings=[fixing]))[1][:3] == "3.0"


PROFILES = {country: registry.profile(country) for country in registry.countries()}
CORRIDORS = [(a, b) for a in sorted(PROFILES) for b in sorted(PROFILES) if a != b]


def ways(bought: str, sold: str, drawn: tuple[str, str, int], crosses: str) -> list[FxOffer]:
    """Offers of a provider for a pair, or through a third currency, at drawn rates and an improvement."""
    rate, second, bps = drawn
    if crosses == "two":
        return [between(1, bought, "USD", (0, rate), name="first"), between(2, "USD", sold, (0, second))]
    if crosses:
        return [between(1, bought, "USD", (0, rate)), between(2, "USD", sold, (0, second))]
    return [between(1, bought, sold, (0, rate), improvements=[("payer", bps)] if bps else [])]


RATES = st.decimals("0.0001", "10000", places=10, allow_nan=False).map("{:f}".format)


@pytest.mark.parametrize("crosses", ["", "one", "two"])
@pytest.mark.parametrize("destination", [False, True])
@given(
    minor=st.integers(1, 10**15),
    drawn=st.tuples(RATES, RATES, st.integers(0, 500)),
    flat=st.integers(0, 10**6),
    bps=st.integers(0, 500),
)
@settings(max_examples=25, deadline=None)
def test_legs_fees_and_remainders_are_exact_over_all_corridors(  # noqa: PLR0917 - what is drawn
    minor, drawn, flat, bps, destination, crosses
) -> None:
    """In each currency what is debited is credited; at the rate, only less than one unit stays with the provider.

    At a cross rate and an improved one, too: the third currency is in no leg of one provider, and in one of two,
    of which each keeps less than one unit of what it sells.
    """
    assert len(CORRIDORS) == 90
    for source, target in CORRIDORS:
        bought, sold = PROFILES[source].currency, PROFILES[target].currency
        step = PROFILES[target].limits.step_minor
        corridor = Corridor(source, target, enabled=True, fee_minor=flat, fee_bps=bps)
        payer = Participant("payer", "P", "AAAAAAAA", source, "direct", "active")
        payee = Participant("payee", "P", "BBBBBBBB", target, "direct", "active")
        owners = [("payer", bought), ("payee", sold), ("fx", bought), ("fx", sold)]
        owners += [("first", bought), ("first", "USD"), ("fx", "USD")]
        accounts = [AccountRow(n, owner, c, "position") for n, (owner, c) in enumerate(owners, 1)]
        snapshot = DirectorySnapshot(
            participants=[provider("first"), provider("fx")],
            offers=ways(bought, sold, drawn, crosses),
            accounts=[*accounts, AccountRow(9, "payswitch", bought, "fees")],
        )
        usage = Usage(debtor_agent="payer")
        try:
            if destination:
                credit = Money(minor - minor % step or step, sold)
                price = pricing.price_of_credit(credit, bought, corridor, snapshot, step=step, usage=usage)
                assert price.credit == credit
            else:
                price = pricing.price(Money(minor, bought), sold, corridor, snapshot, step=step, usage=usage)
        except Refused:  # nothing would arrive, or the fee is not below the amount
            continue
        legs = pricing.legs(price, payer, payee, corridor, snapshot)
        balance = dict.fromkeys(range(1, 10), 0)
        for leg in legs:
            balance[leg.debit] -= leg.amount
            balance[leg.credit] += leg.amount
        fees = price.fee.minor
        assert (balance[1], balance[9]) == (-price.debit.minor - fees, fees)
        buyer, other = (5, 3) if crosses == "two" else (3, 5)
        assert (balance[buyer], balance[other]) == (price.debit.minor, 0)
        assert (-balance[4], balance[2]) == (price.credit.minor, price.credit.minor)
        passed = price.cross.via_minor if price.cross is not None else 0
        assert (-balance[6], balance[7], bool(passed)) == (passed, passed, crosses == "two")
        assert price.credit.minor % step == 0
        rate, second, improvement = drawn
        more = Fraction(second) if crosses else Fraction(10_000 + improvement, 10_000)
        assert 0 <= Fraction(rate) * more - Fraction(price.rate) < Fraction(1, 10**10)
        if crosses == "two":
            middle = Fraction(rate) * Fraction(10) ** (EXPONENTS["USD"] - EXPONENTS[bought])
            last = Fraction(second) * Fraction(10) ** (EXPONENTS[sold] - EXPONENTS["USD"])
            assert 0 <= price.debit.minor * middle - passed < (max(1, middle) if destination else 1)
            assert 0 <= passed * last - price.credit.minor < (max(1, last) if destination else step)
            continue
        scale = Fraction(price.rate) * Fraction(10) ** (EXPONENTS[sold] - EXPONENTS[bought])
        remainder = price.debit.minor * scale - price.credit.minor
        assert 0 <= remainder < (scale if destination else step)
