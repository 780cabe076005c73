"""Payments that a rail executed and that a restore of the database lost: how their money is found again.

The sender's own signed message, sent again, states who pays and how much. The rail's file states what was
credited, and that counts: if another rate is in force by now, the rate follows from the two amounts.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec
from msgspec import structs

from schemas.errors import Unavailable
from schemas.money import EXPONENTS, Money
from switch.payments.pricing import Price

_RATE_DIGITS: Final = 10


class KnownLine(msgspec.Struct, frozen=True):
    """A line of a rail's file about a payment that the switch no longer knows."""

    rail: str
    ref: str
    done: bool
    code: str
    minor: int | None


class KnownAtRail(Exception):
    """The rail executed or refused this payment before the restore."""

    def __init__(self, line: KnownLine) -> None:
        super().__init__(line.ref)
        self.line = line


def known_line(detail: str) -> KnownLine:
    """Read the line in the writer's reply."""
    return msgspec.json.decode(detail, type=KnownLine)


def price_of(price: Price, line: KnownLine) -> Price:
    """Price with the amount that the rail credited.

    Raises:
        Unavailable: the amounts cannot belong together; people must resolve it.

    """
    if line.minor is None or line.minor == price.credit.minor:
        return price
    credit = Money(line.minor, price.credit.currency)
    if not price.fx_provider:
        raise Unavailable(
            f"the rail credited {credit}, and the message is about {price.debit}: the operator resolves it"
        )
    return structs.replace(price, credit=credit, rate=_rate(price.debit, credit))


def _rate(debit: Money, credit: Money) -> str:
    scale = Fraction(10) ** (EXPONENTS[debit.currency] - EXPONENTS[credit.currency])
    exact = Fraction(credit.minor, debit.minor) * scale
    rounded = Decimal(round(exact * 10**_RATE_DIGITS)).scaleb(-_RATE_DIGITS)
    return format(rounded.normalize(), "f")
