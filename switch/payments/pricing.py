"""Pricing of a payment: the credited amount at the rate in force, the fee, and the legs that move the money.

Exact integers throughout. A conversion rounds down, so the FX provider never pays out more than the rate
requires and keeps the rest of a minor unit. The fee is the sum of the charges that `tariffs` finds; charges
that the creditor bears are taken from the amount before it is converted. The fee is always below the amount:
if it reaches the amount, the payment is refused.

Where nobody offers a pair, a cross rate is made of an offer of the first currency for a third one, and one of
the third one for the second: the product of both, rounded down to ten decimals. The tier of the second rate
is that of the amount in the third currency, rounded down. One provider converts at the cross rate, once. Of
two providers each converts at its own rate: the first one sells the rounded amount in the third currency to
the second one. Of several cross rates the one counts that is best for the payer, then as of offers; equal
ones by the code of the third currency. Cross rates have no improvements, and are not made of cross rates.
"""

from collections.abc import Container, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from schemas import elements
from schemas.credit_transfer import ROOT
from schemas.errors import Refused
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.payments import tariffs
from switch.payments.directory import Corridor, DirectorySnapshot, FxChoice, PairBound, Participant
from switch.payments.tariffs import WHOLE_BPS, FeeDirection, Usage, fee_of
from switch.writer.commands import CommandLeg, Cross, FeeCharge
from switch.writer.offers import crossed, scaled

POSITION = "position"
"""Purpose of the account that settles net in a window, later, under a cap."""
GROSS = "gross"
"""Purpose of the account with prefunded money: its postings are settled at once."""
FEES = "fees"
SCHEME = "payswitch"
"""Owner of the fee accounts."""
AMOUNT: Final = f"{ROOT}/{elements.TRANSACTION}/IntrBkSttlmAmt"
"""Path of the amount in a message that states it."""
DEBTOR_AGENT: Final = f"{ROOT}/{elements.TRANSACTION}/DbtrAgt"
CREDITOR_AGENT: Final = f"{ROOT}/{elements.TRANSACTION}/CdtrAgt"
CHARGE_BEARER: Final = f"{ROOT}/{elements.TRANSACTION}/ChrgBr"


class Price(msgspec.Struct, frozen=True):
    """The debtor agent pays the debit and the fee: together the stated amount and the charges on top of it.

    The debit is what is converted or passed on: the stated amount less the charges that the creditor bears.
    """

    debit: Money
    credit: Money
    fee: Money
    fx_provider: str
    rate: str
    charges: tuple[FeeCharge, ...] = ()
    """The parts of the fee, one for each tariff."""
    offer: int = 0
    """Number of the provider's offer; 0 is a rate that two people set."""
    improvement_bps: int = 0
    """By how much the provider made the rate better for the debtor agent; the rate includes it."""
    cross: Cross | None = None
    """How the rate is made of two, if it is a cross rate; the second one is of the `offer`."""

    @property
    def offers(self) -> set[int]:
        """Numbers of the offers of which the rate is made."""
        return {self.offer} if self.cross is None else {self.offer, self.cross.first}

    @property
    def deducted(self) -> Money:
        """The part of the fee that is taken from the amount."""
        return Money(tariffs.deducted(self.charges), self.debit.currency)

    @property
    def stated(self) -> Money:
        """The amount that the message states."""
        return Money(self.debit.minor + self.deducted.minor, self.debit.currency)

    @property
    def paid(self) -> Money:
        """Everything that the debtor agent pays."""
        return Money(self.debit.minor + self.fee.minor, self.debit.currency)


def convert(amount: Money, currency: str, rate: str, step: int = 1) -> Money:
    """Convert `amount` to `currency` at `rate` (target units per source unit), rounded down to a `step`."""
    numerator, denominator = _ratio(rate, EXPONENTS[currency] - EXPONENTS[amount.currency])
    minor = amount.minor * numerator // denominator
    return Money(minor - minor % step, currency)


def to_get(credit: Money, currency: str, rate: str) -> Money:
    """The smallest amount in `currency` that, converted at `rate`, is at least `credit`."""
    numerator, denominator = _ratio(rate, EXPONENTS[credit.currency] - EXPONENTS[currency])
    return Money(-(-credit.minor * denominator // numerator), currency)


@lru_cache(maxsize=1024)
def _ratio(rate: str, decimals: int) -> tuple[int, int]:
    """A rate between minor units, exactly; `decimals` is how many more the target currency has."""
    return (Fraction(rate) * Fraction(10) ** decimals).as_integer_ratio()


def fee(amount: Money, corridor: Corridor) -> Money:
    """The corridor's own fee of an amount, where no tariff applies."""
    return Money(fee_of(amount.minor, corridor.fee_minor, corridor.fee_bps), amount.currency)


def least(fee_minor: int, fee_bps: int) -> int | None:
    """The smallest amount, in minor units, that is larger than its own fee; None if there is none."""
    if fee_bps >= WHOLE_BPS:
        return None
    return fee_minor * WHOLE_BPS // (WHOLE_BPS - fee_bps) + 1


def price(
    amount: Money,
    currency: str,
    corridor: Corridor,
    directory: DirectorySnapshot,
    *,
    step: int = 1,
    usage: Usage = Usage(),  # noqa: B008 - a frozen struct
    without: Container[int] = (),
) -> Price:
    """Price a payment of `amount` that is to arrive in `currency`, whose rail counts in `step` minor units.

    It is converted at the best offer (`_better`) that is not one of `without`, by number.

    Raises:
        Refused: no rate for the pair (AM03), nothing would arrive (AM02), the fee is not below the amount
            (AM06), or no tariff says what the creditor bears (BE19).

    """
    if amount.currency == currency:
        charged = _charges_below(amount, corridor, directory, usage)
        debit = Money(amount.minor - tariffs.deducted(charged), currency)
        return Price(debit, debit, _sum(charged, currency), "", "", charged)
    best = _best(amount, currency, directory, step, without, usage.debtor_agent)
    charged = _charges_below(amount, corridor, directory, usage)
    taken = tariffs.deducted(charged)
    if taken:  # what is left is converted, and may be of another tier
        debit = Money(amount.minor - taken, amount.currency)
        best = _best(debit, currency, directory, step, without, usage.debtor_agent)
    return _price_at(best, charged)


def _best(  # noqa: PLR0917 - what an offer depends on
    amount: Money,
    currency: str,
    directory: DirectorySnapshot,
    step: int,
    without: Container[int],
    debtor_agent: str,
) -> "Offered":
    """The best offer for an amount that a debtor agent has converted.

    Raises:
        Refused: no offer (AM03), none that central banks permit (RR04), or nothing would arrive (AM02).

    """
    best: Offered | None = None
    bounds = _bounds(amount.currency, currency, directory)
    for choice in _choices(amount.currency, currency, directory, without):
        tier = _tier(choice.tiers_for(debtor_agent), amount.minor)
        if tier is None or not all(bound.permits(tier[2]) for bound in bounds):
            continue
        credit = convert(amount, currency, tier[1], step)
        left = _left(choice, directory)
        if left is None or credit.minor <= left:
            bps = choice.improvement(debtor_agent)
            best = _better(best, Offered(amount, credit, choice, tier, left, bps))
    if not directory.choices_by_pair.get((amount.currency, currency)):
        best = _best_cross_of(amount, currency, directory, step, without)
    if best is None:
        raise _no_offer(_all_bounds(amount.currency, currency, directory))
    if best.credit.minor <= 0:
        raise _too_small()
    return best


def price_of_credit(
    credit: Money,
    currency: str,
    corridor: Corridor,
    directory: DirectorySnapshot,
    *,
    step: int = 1,
    usage: Usage = Usage(),  # noqa: B008 - a frozen struct
    without: Container[int] = (),
) -> Price:
    """Price a payment that is to credit exactly `credit`: the least debit in `currency` that buys it.

    The FX provider keeps what that debit is worth beyond the credit: less than one minor unit of the debit.
    Charges are only added: those that are taken from the amount would depend on the amount that is sought.

    Raises:
        Refused: as `price`, the rail cannot carry the amount (AM12), or the creditor bears charges (BE19).

    """
    if FeeDirection.IN in tariffs.BORNE[usage.bearer]:
        text = "must be DEBT or SLEV where the credited amount is fixed: nothing may be taken from it"
        raise Refused(text, reason=Reason.INVALID_CHARGE_BEARER, path=CHARGE_BEARER)
    if credit.minor % step:
        text = f"must be a multiple of {Money(step, credit.currency)}: the rail carries no smaller amounts"
        raise Refused(text, reason=Reason.INVALID_AMOUNT, path=AMOUNT)
    if credit.currency == currency:
        charged = _charges_below(credit, corridor, directory, usage)
        return Price(credit, credit, _sum(charged, currency), "", "", charged)
    best: Offered | None = None
    bounds = _bounds(currency, credit.currency, directory)
    for choice in _choices(currency, credit.currency, directory, without):
        left = _left(choice, directory)
        if left is not None and credit.minor > left:
            continue
        for tier in choice.tiers_for(usage.debtor_agent):
            debit = to_get(credit, currency, tier[1])
            if debit.minor >= tier[0] and all(bound.permits(tier[2]) for bound in bounds):
                bps = choice.improvement(usage.debtor_agent)
                best = _better(best, Offered(debit, credit, choice, tier, left, bps))
    if not directory.choices_by_pair.get((currency, credit.currency)):
        best = _best_cross_to(credit, currency, directory, without)
    if best is None:
        raise _no_offer(_all_bounds(currency, credit.currency, directory))
    return _price_at(best, _charges_below(best.debit, corridor, directory, usage))


class Crossing(NamedTuple):
    """Offers of a first currency for a third one, and of this one for the second."""

    source: str
    via: str
    target: str
    first: FxChoice
    second: FxChoice

    @property
    def first_provider(self) -> str:
        """The provider of the first offer, if it is another one than that of the second."""
        return "" if self.first.provider == self.second.provider else self.first.provider

    def credited(self, between: Money, amount: Money, rates: tuple[str, str], step: int) -> Money:
        """What is credited for an amount, which is `between` in the third currency, at both rates."""
        if self.first_provider:
            return convert(between, self.target, rates[1], step)
        return convert(amount, self.target, crossed(*rates), step)

    def needed(self, credit: Money, rates: tuple[str, str]) -> tuple[Money, Money]:
        """The least amount for a credit, and what it is in the third currency."""
        if self.first_provider:
            between = to_get(credit, self.via, rates[1])
            return to_get(between, self.source, rates[0]), between
        debit = to_get(credit, self.source, crossed(*rates))
        return debit, convert(debit, self.via, rates[0])


def _best_cross_of(
    amount: Money, currency: str, directory: DirectorySnapshot, step: int, without: Container[int]
) -> "Offered | None":
    """The best cross rate for an amount to convert; None if there is none."""
    best: Offered | None = None
    for crossing in _crossings(amount.currency, currency, directory, without):
        first = _tier(crossing.first.tiers, amount.minor)
        if first is None:
            continue
        between = convert(amount, crossing.via, first[1])
        second = _tier(crossing.second.tiers, between.minor)
        if second is not None:
            credit = crossing.credited(between, amount, (first[1], second[1]), step)
            best = _better_cross(best, crossing, (first, second), (amount, between, credit), directory)
    return best


def _best_cross_to(
    credit: Money, currency: str, directory: DirectorySnapshot, without: Container[int]
) -> "Offered | None":
    """The best cross rate for a credit to buy; None if there is none."""
    best: Offered | None = None
    for crossing in _crossings(currency, credit.currency, directory, without):
        for first, second in product(crossing.first.tiers, crossing.second.tiers):
            if not scaled(crossed(first[1], second[1])):
                continue
            debit, between = crossing.needed(credit, (first[1], second[1]))
            if debit.minor >= first[0] and between.minor >= second[0]:
                best = _better_cross(best, crossing, (first, second), (debit, between, credit), directory)
    return best


def _better_cross(
    best: "Offered | None",
    crossing: Crossing,
    tiers: tuple[tuple[int, str, int], tuple[int, str, int]],
    amounts: tuple[Money, Money, Money],
    directory: DirectorySnapshot,
) -> "Offered | None":
    """The better of the best so far and a crossing, if central banks and its inventory permit this one."""
    first, second = tiers
    debit, between, credit = amounts
    rate = crossed(first[1], second[1])
    if crossing.first_provider and not (between.minor and credit.minor and scaled(rate)):
        return best  # nothing would pass between the two
    pairs = (
        (crossing.source, crossing.target, scaled(rate)),
        (crossing.source, crossing.via, first[2]),
        (crossing.via, crossing.target, second[2]),
    )
    for source, target, at in pairs:
        if not all(bound.permits(at) for bound in directory.bounds_by_pair.get((source, target), ())):
            return best
    left = _left(crossing.second, directory)
    if left is not None and credit.minor > left:
        return best
    moved = between.minor if crossing.first_provider else 0
    cross = Cross(crossing.via, crossing.first.offer, first[1], second[1], crossing.first_provider, moved)
    tier = (first[0], rate, scaled(rate))
    other = Offered(debit, credit, crossing.second, tier, left, 0, cross)
    if best is None or (best.credit, best.debit) == (credit, debit):
        return _better(best, other)
    # Of two providers, the amount between is rounded too: the better rate may credit less.
    return max(best, other, key=lambda each: (each.credit.minor, -each.debit.minor))


def _crossings(
    source: str, target: str, directory: DirectorySnapshot, without: Container[int]
) -> Iterator[Crossing]:
    """Every crossing of a pair, in the order of the codes of the third currencies."""
    for via in directory.targets_by_source.get(source, ()):
        seconds = _choices(via, target, directory, without)
        for first in _choices(source, via, directory, without) if seconds else ():
            for second in seconds:
                if first.provider == second.provider or _may_sell_to(first, second, via, directory):
                    yield Crossing(source, via, target, first, second)


def _may_sell_to(first: FxChoice, second: FxChoice, via: str, directory: DirectorySnapshot) -> bool:
    """Whether one provider may sell another one a currency: an inventory is sold to payers only."""
    known = directory.account_id
    return not first.limited and all(
        any((each.provider, via, purpose) in known for purpose in (POSITION, GROSS))
        for each in (first, second)
    )


def _all_bounds(source: str, target: str, directory: DirectorySnapshot) -> list[PairBound]:
    """What central banks decided on a pair, and on the pairs of which its cross rates are made."""
    found = list(directory.bounds_by_pair.get((source, target), ()))
    for crossing in _crossings(source, target, directory, ()) if directory.pairs else ():
        for pair in ((source, crossing.via), (crossing.via, target)):
            found += directory.bounds_by_pair.get(pair, ())
    return found


def best_of_pair(source: str, target: str, directory: DirectorySnapshot) -> str | None:
    """The best rate of a pair for small amounts; None if nobody offers it."""
    first = [
        choice.tiers[0] for choice in directory.choices_by_pair.get((source, target), ()) if choice.tiers
    ]
    return max(first, key=itemgetter(2))[1] if first else None


class Offered(NamedTuple):
    """A conversion that an offer makes possible: its tier, and what is left of its inventory, if limited."""

    debit: Money
    credit: Money
    choice: FxChoice
    tier: tuple[int, str, int]
    left: int | None
    improvement_bps: int = 0
    """By how much the tier's rate is better for the debtor agent."""
    cross: Cross | None = None


def _better(best: Offered | None, other: Offered) -> Offered:
    """The better of two offers: the better rate, then the larger remaining inventory, then the name."""
    if best is None or other.tier[2] != best.tier[2]:
        return other if best is None or other.tier[2] > best.tier[2] else best
    ranks = [(each.left is None, each.left or 0) for each in (best, other)]
    if ranks[0] != ranks[1]:
        return best if ranks[0] > ranks[1] else other
    return best if best.choice.provider <= other.choice.provider else other


def _choices(
    source: str, target: str, directory: DirectorySnapshot, without: Container[int]
) -> Sequence[FxChoice]:
    found = directory.choices_by_pair.get((source, target), ())
    return [c for c in found if not c.offer or c.offer not in without] if without else found


def _bounds(source: str, target: str, directory: DirectorySnapshot) -> Sequence[PairBound]:
    """What central banks decided on a pair; mostly nothing.

    Raises:
        Refused: RR04 the pair is blocked.

    """
    if not directory.pairs:
        return ()
    found = directory.bounds_by_pair.get((source, target), ())
    if any(bound.blocked for bound in found):
        text = "a central bank has blocked this currency pair"
        raise Refused(text, reason=Reason.REGULATORY, path=AMOUNT)
    return found


def _tier(tiers: Sequence[tuple[int, str, int]], minor: int) -> tuple[int, str, int] | None:
    """The tier of an amount to convert: the last whose least amount it reaches."""
    found = None
    for tier in tiers:
        if tier[0] > minor:
            break
        found = tier
    return found


def _left(choice: FxChoice, directory: DirectorySnapshot) -> int | None:
    """What is left of the inventory; None if it is not limited."""
    return directory.left_by_offer.get(choice.offer, 0) if choice.limited else None


def _price_at(best: Offered, charged: tuple[FeeCharge, ...]) -> Price:
    fee_ = _sum(charged, best.debit.currency)
    provider, rate = best.choice.provider, best.tier[1]
    offer, bps = best.choice.offer, best.improvement_bps
    return Price(best.debit, best.credit, fee_, provider, rate, charged, offer, bps, best.cross)


def _no_offer(bounds: Sequence[PairBound]) -> Refused:
    if bounds:
        text = "no rate is within the bounds of the central banks"
        return Refused(text, reason=Reason.REGULATORY, path=AMOUNT)
    text = "there is no FX rate for this currency pair"
    remedy = "Send a smaller amount, or try again later: no FX provider sells so much of this pair now."
    return Refused(text, reason=Reason.NOT_ALLOWED_CURRENCY, path=AMOUNT, remedy=remedy)


def _too_small() -> Refused:
    return Refused("the amount is too small to convert", reason=Reason.NOT_ALLOWED_AMOUNT, path=AMOUNT)


def _sum(charged: tuple[FeeCharge, ...], currency: str) -> Money:
    return Money(sum(each.minor for each in charged), currency)


def _charges_below(
    amount: Money, corridor: Corridor, directory: DirectorySnapshot, usage: Usage
) -> tuple[FeeCharge, ...]:
    table = directory.tariffs_by_corridor.get((corridor.source, corridor.target))
    charged = tariffs.charges(amount.minor, corridor.fee_minor, corridor.fee_bps, table, usage)
    if not charged:
        text = (
            "no tariff of this corridor says what the creditor bears: send DEBT, SHAR or SLEV, or have the"
            " operator set such a tariff"
        )
        raise Refused(text, reason=Reason.INVALID_CHARGE_BEARER, path=CHARGE_BEARER)
    whole = _sum(charged, amount.currency)
    if whole.minor < amount.minor:
        return charged
    text = f"the amount must be more than its fee of {whole}: {_remedy(amount, corridor, charged)}"
    raise Refused(text, reason=Reason.TOO_LOW_AMOUNT, path=AMOUNT)


def _remedy(amount: Money, corridor: Corridor, charged: tuple[FeeCharge, ...]) -> str:
    if not tariffs.is_of_corridor(charged):
        return "send a larger amount"
    smallest = least(corridor.fee_minor, corridor.fee_bps)
    if smallest is None:
        return "no amount is large enough"
    return f"the smallest such amount is {Money(smallest, amount.currency)}"


def purpose_of(corridor: Corridor) -> str:
    """Purpose of the accounts of a corridor's payments, by settlement: deferred net or immediate gross."""
    return GROSS if corridor.settlement == "gross" else POSITION


def legs(
    terms: Price, debtor: Participant, creditor: Participant, corridor: Corridor, directory: DirectorySnapshot
) -> list[CommandLeg]:
    """Build the linked legs: the money through the FX provider in both currencies, and the fee.

    Of a cross rate of two providers, the first one pays the second one in the third currency.

    In a corridor with gross settlement, all accounts hold prefunded money without a cap: both currencies and
    the fee are final at the same instant, and no window nets them.

    Raises:
        Refused: a party has no account in the currency (AG03).

    """
    ours = purpose_of(corridor)

    def account(owner: str, currency: str, purpose: str = ours) -> int:
        found = directory.account_id.get((owner, currency, purpose))
        if found is None:
            raise Refused("no account in this currency", reason=Reason.TRANSACTION_NOT_SUPPORTED, path=AMOUNT)
        return found

    payer = account(debtor.id, terms.debit.currency)
    payee = account(creditor.id, terms.credit.currency)
    if terms.fx_provider:
        cross, second = terms.cross, terms.fx_provider
        first = cross.first_provider if cross is not None and cross.first_provider else second
        moves = [
            CommandLeg(payer, account(first, terms.debit.currency), terms.debit.minor, "conversion"),
            CommandLeg(account(second, terms.credit.currency), payee, terms.credit.minor, "conversion"),
        ]
        if cross is not None and cross.first_provider:
            between = account(first, cross.via), account(second, cross.via)
            moves.insert(1, CommandLeg(*between, cross.via_minor, "conversion"))
    else:
        moves = [CommandLeg(payer, payee, terms.debit.minor, "principal")]
    if terms.fee.minor:
        collects = account(SCHEME, terms.fee.currency, FEES)
        moves.append(CommandLeg(payer, collects, terms.fee.minor, "fee"))
    return moves
