"""A second line of defence behind two people: whether a value is plausible beside what is in force.

A rate that is wrong by a hundred passes two tired people. So every kind of change that moves money, or
bounds it, compares what it states with what is in force (`Kind.compare`). Within the band nothing more is
asked. Beyond it the change is refused until its content repeats, as `confirmed_factor`, by what factor it
departs: a third confirmation that only somebody who has seen the factor can give. The comparison is made at
the request, at each vote and again in the transaction that executes, against the value in force then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Final

import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason

UNLIMITED: Final = Fraction(10**30)
"""The factor by which no limit at all departs from one; its text is `unlimited`."""
_UNLIMITED_TEXT: Final = "unlimited"
_TOLERANCE: Final = Fraction(2, 100)
"""A factor is told with three digits, and what is in force may move a little before the last vote."""
_THREE_DIGITS: Final = Context(prec=3, rounding=ROUND_HALF_EVEN)

Factor = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({_UNLIMITED_TEXT}|(0|[1-9]\d{{0,29}})(\.\d{{1,30}})?)$",
        description="a factor as the refusal states it, as 100.000, or unlimited",
    ),
]


@dataclass(frozen=True, slots=True)
class Bands:
    """How far a value may depart without a third confirmation."""

    rate_percent: Decimal = Decimal(10)
    """Of an exchange rate, either way."""
    rate_percents: Mapping[str, Decimal] = field(default_factory=dict)
    """The same for one direction, instead: `{"INR-PKR": 5}`."""
    rate_period: timedelta = timedelta(hours=24)
    """How far back a rate is compared too: steps that are each within the band may not walk out of it."""
    size_factor: Decimal = Decimal(10)
    """Of amounts: caps, limits, fees, movements of funds. `10` lets a tenth and tenfold pass."""

    def is_rate(self, factor: Fraction, source: str, target: str) -> bool:
        """Whether a rate that departs by `factor` is within the band."""
        percent = self.rate_percents.get(f"{source}-{target}", self.rate_percent)
        return abs(factor - 1) <= Fraction(percent) / 100

    def is_size(self, factor: Fraction) -> bool:
        """Whether an amount that departs by `factor` is within the band."""
        widest = Fraction(self.size_factor)
        return 1 / widest <= factor <= widest


class Measure(StrEnum):
    """What a stated value is measured by. Texts are for people, in English; the pages translate them."""

    RATE = "Rate in force"
    RATE_BEFORE = "Rate in force before"
    INVERSE = "Inverse of the rate back"
    CROSS = "Cross rate, median"
    CAP = "Net debit cap in force"
    FIRST_CAP = "Largest cap or movement of funds"
    FUNDS = "Largest movement of funds so far"
    PER_PAYMENT = "Limit per payment in force"
    PER_DAY = "Limit per day in force"
    SMALLEST = "Smallest payment"
    FLAT_FEE = "Flat fee in force"
    FEE_BPS = "Fee in basis points in force"
    USUAL_FEE = "Usual fee"
    RAIL_CLOSED = "Days that the rail is closed"
    CUT_OFFS = "Cut-offs a day in force"
    HOURS = "Hours that the first cut-off moves"
    TODAY = "Cut-offs of today"
    NO_SETTLEMENT = "Days without settlement, at most"
    NOTHING = "Nothing to compare with"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One stated value beside what it is measured by."""

    what: Measure
    reference: str
    stated: str
    factor: Fraction | None
    """Stated in units of the reference; None where there is nothing to compare with."""
    beyond: bool
    """Outside the band: the change needs a confirmation."""

    @property
    def factor_text(self) -> str:
        """The factor with three digits, as `confirmed_factor` must repeat it; empty where there is none."""
        return "" if self.factor is None else text_of(self.factor)

    def document(self) -> dict[str, Any]:
        """As the API and commands show it."""
        return {
            "what": self.what,
            "reference": self.reference,
            "stated": self.stated,
            "factor": self.factor_text or None,
            "beyond": self.beyond,
        }


def text_of(factor: Fraction) -> str:
    """A factor as a plain decimal of three digits: `100`, `0.0927`, `1.12`."""
    if factor >= UNLIMITED:
        return _UNLIMITED_TEXT
    rounded = _THREE_DIGITS.divide(Decimal(factor.numerator), Decimal(factor.denominator))
    return format(rounded.normalize(), "f")


def by_size(what: Measure, reference: int, stated: int, texts: tuple[str, str], bands: Bands) -> Comparison:
    """Compare two amounts in minor units; the reference is more than zero."""
    factor = Fraction(stated, reference)
    return Comparison(what, *texts, factor, beyond=not bands.is_size(factor))


def incomparable(stated: str) -> Comparison:
    """A first value: nothing is in force that it could be measured by."""
    return Comparison(Measure.NOTHING, "none", stated, None, beyond=False)


def check(comparisons: Sequence[Comparison], confirmed: str | None) -> None:
    """Let a change pass that is plausible, or whose largest departure is named.

    Raises:
        Refused: a departure is not confirmed, or by another factor; or there is none to be confirmed.

    """
    beyond = [one for one in comparisons if one.beyond and one.factor is not None]
    if not beyond:
        if confirmed is not None:
            raise _refuse("confirmed_factor is stated, but no value departs from what is in force")
        return
    largest = max(_magnitude(one.factor or Fraction(0)) for one in beyond)
    # What is in force comes first in every comparison: it is named where another departs hardly more.
    worst = next(one for one in beyond if _magnitude(one.factor or Fraction(0)) * (1 + _TOLERANCE) >= largest)
    if confirmed is None or not _names(confirmed, worst.factor or Fraction(0)):
        raise _refuse(_explain(worst))


def _explain(worst: Comparison) -> str:
    said = f"{worst.what}: {worst.reference}. Stated: {worst.stated}. The factor is {worst.factor_text}."
    return f'{said} If this is meant, ask again with confirmed_factor "{worst.factor_text}".'


def _magnitude(factor: Fraction) -> Fraction:
    """How far a factor is from one, up or down; nought is farthest."""
    return max(factor, 1 / factor) if factor else UNLIMITED**2


def _names(confirmed: str, factor: Fraction) -> bool:
    if _UNLIMITED_TEXT in {confirmed, text_of(factor)}:
        return confirmed == text_of(factor)
    named = Fraction(confirmed)
    return named == factor or (factor != 0 and abs(named / factor - 1) <= _TOLERANCE)


def _refuse(text: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, path="confirmed_factor")
