"""Pricing of a payment: the credited amount at the rate in force, the fee, and the legs that move the money.

Exact integers throughout. A conversion rounds down, so the FX provider never pays out more than the rate
requires and keeps the rest of a minor unit. The fee's percentage part rounds down too, so it is always below
the amount. If the flat part makes the fee reach the amount, the payment is refused.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Final

import msgspec

from schemas import elements
from schemas.credit_transfer import ROOT
from schemas.errors import Refused
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.payments.directory import Corridor, DirectorySnapshot, Participant
from switch.writer.commands import CommandLeg

POSITION = "position"
"""Purpose of the account that settles net in a window, later, under a cap."""
GROSS = "gross"
"""Purpose of the account with prefunded money: its postings are settled at once."""
FEES = "fees"
SCHEME = "payswitch"
"""Owner of the fee accounts."""
WHOLE_BPS: Final = 10_000
AMOUNT: Final = f"{ROOT}/{elements.TRANSACTION}/IntrBkSttlmAmt"
"""Path of the amount in a message that states it."""
DEBTOR_AGENT: Final = f"{ROOT}/{elements.TRANSACTION}/DbtrAgt"
CREDITOR_AGENT: Final = f"{ROOT}/{elements.TRANSACTION}/CdtrAgt"


class Price(msgspec.Struct, frozen=True):
    """The debtor agent pays the debit for the transfer itself; the fee is added to it."""

    debit: Money
    credit: Money
    fee: Money
    fx_provider: str
    rate: str


def convert(amount: Money, currency: str, rate: str, step: int = 1) -> Money:
    """Convert `amount` to `currency` at `rate` (target units per source unit), rounded down to a `step`."""
    numerator, denominator = _ratio(rate, EXPONENTS[currency] - EXPONENTS[amount.currency])
    minor = amount.minor * numerator // denominator
    return Money(minor - minor % step, currency)


@lru_cache(maxsize=1024)
def _ratio(rate: str, decimals: int) -> tuple[int, int]:
    """A rate between minor units, exactly; `decimals` is how many more the target currency has."""
    return (Fraction(rate) * Fraction(10) ** decimals).as_integer_ratio()


def fee(amount: Money, corridor: Corridor) -> Money:
    """Flat fee plus basis points of the amount, rounded down to a whole minor unit."""
    return Money(fee_of(amount.minor, corridor.fee_minor, corridor.fee_bps), amount.currency)


def fee_of(minor: int, fee_minor: int, fee_bps: int) -> int:
    """The same of an amount in minor units, by a tariff that may be of a moment ago."""
    return fee_minor + minor * fee_bps // WHOLE_BPS


def least(fee_minor: int, fee_bps: int) -> int | None:
    """The smallest amount, in minor units, that is larger than its own fee; None if there is none."""
    if fee_bps >= WHOLE_BPS:
        return None
    return fee_minor * WHOLE_BPS // (WHOLE_BPS - fee_bps) + 1


def price(
    amount: Money, currency: str, corridor: Corridor, directory: DirectorySnapshot, *, step: int = 1
) -> Price:
    """Price a debit of `amount` that is to arrive in `currency`, whose rail counts in `step` minor units.

    Raises:
        Refused: no rate for the pair (AM03), nothing would arrive (AM02), or the fee is not below the
            amount (AM06).

    """
    if amount.currency == currency:
        return Price(amount, amount, _fee_below(amount, corridor), "", "")
    quoted = directory.rate_by_pair.get((amount.currency, currency))
    provider = directory.by_id.get(quoted.provider) if quoted else None
    if quoted is None or provider is None or provider.status != "active":
        raise Refused(
            "there is no FX rate for this currency pair", reason=Reason.NOT_ALLOWED_CURRENCY, path=AMOUNT
        )
    credit = convert(amount, currency, quoted.rate, step)
    if credit.minor <= 0:
        raise Refused("the amount is too small to convert", reason=Reason.NOT_ALLOWED_AMOUNT, path=AMOUNT)
    return Price(amount, credit, _fee_below(amount, corridor), quoted.provider, quoted.rate)


def _fee_below(amount: Money, corridor: Corridor) -> Money:
    charged = fee(amount, corridor)
    if charged.minor < amount.minor:
        return charged
    smallest = least(corridor.fee_minor, corridor.fee_bps)
    says = (
        "no amount is large enough"
        if smallest is None
        else f"the smallest such amount is {Money(smallest, amount.currency)}"
    )
    text = f"the amount must be more than its fee of {charged}: {says}"
    raise Refused(text, reason=Reason.TOO_LOW_AMOUNT, path=AMOUNT)


def purpose_of(corridor: Corridor) -> str:
    """Purpose of the accounts of a corridor's payments, by settlement: deferred net or immediate gross."""
    return GROSS if corridor.settlement == "gross" else POSITION


def legs(
    terms: Price, debtor: Participant, creditor: Participant, corridor: Corridor, directory: DirectorySnapshot
) -> list[CommandLeg]:
    """Build the linked legs: the money through the FX provider in both currencies, and the fee.

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
        buys = account(terms.fx_provider, terms.debit.currency)
        sells = account(terms.fx_provider, terms.credit.currency)
        moves = [
            CommandLeg(payer, buys, terms.debit.minor, "conversion"),
            CommandLeg(sells, payee, terms.credit.minor, "conversion"),
        ]
    else:
        moves = [CommandLeg(payer, payee, terms.debit.minor, "principal")]
    if terms.fee.minor:
        collects = account(SCHEME, terms.fee.currency, FEES)
        moves.append(CommandLeg(payer, collects, terms.fee.minor, "fee"))
    return moves
