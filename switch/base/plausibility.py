"""Plausibility checks, in addition to the two-person rule: a new value is compared with the one in force.

Two people can overlook a rate that is wrong by a factor of a hundred. So every kind of change that moves or
limits money compares the new value with the one in force (`Kind.compare`). Within the band nothing more is
required. Beyond it the change is refused until its content states the factor of the departure as
`confirmed_factor`: a third confirmation that needs knowledge of the factor. The comparison is made at the
request, at each vote and in the executing transaction, each time with the value then in force.
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
"""The factor of a change from a limit to no limit; its text is `unlimited`."""
_UNLIMITED_TEXT: Final = "unlimited"
_TOLERANCE: Final = Fraction(2, 100)
"""Tolerance: a factor has three digits, and the value in force may change a little before the last vote."""
_THREE_DIGITS: Final = Context(prec=3, rounding=ROUND_HALF_EVEN)

Factor = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({_UNLIMITED_TEXT}|(0|[1-9]\d{{0,29}})(\.\d{{1,30}})?)$",
        description="the factor that the refusal states, as in 100.000, or unlimited",
    ),
]


@dataclass(frozen=True, slots=True)
class Bands:
    """The factors by which a value may depart without a third confirmation."""

    rate_percent: Decimal = Decimal(10)
    """Factor of an exchange rate, up or down."""
    rate_percents: Mapping[str, Decimal] = field(default_factory=dict)
    """Factor of a single currency pair, in its place: `{"INR-PKR": 5}`."""
    rate_period: timedelta = timedelta(hours=24)
    """A rate is also compared with earlier rates this far back, so that small steps cannot leave the band."""
    size_factor: Decimal = Decimal(10)
    """Factor of amounts: caps, limits, fees, movements of funds. `10` allows from a tenth to tenfold."""

    def is_rate(self, factor: Fraction, source: str, target: str) -> bool:
        """Whether a rate that departs by `factor` is within the band."""
        percent = self.rate_percents.get(f"{source}-{target}", self.rate_percent)
        return abs(factor - 1) <= Fraction(percent) / 100

    def is_size(self, factor: Fraction) -> bool:
        """Whether an amount that departs by `factor` is within the band."""
        widest = Fraction(self.size_factor)
        return 1 / widest <= factor <= widest


class Measure(StrEnum):
    """The reference of a comparison. Texts are for people, in English; the pages translate them."""

    RATE = "Rate in force"
    RATE_BEFORE = "Rate in force before"
    INVERSE = "Inverse of the rate back"
    CROSS = "Cross rate, median"
    CAP = "Net debit cap in force"
    FIRST_CAP = "Largest cap or movement of funds"
    FUNDS = "Largest movement of funds so far"
    BALANCE = "Balance"
    PER_PAYMENT = "Limit per payment in force"
    PER_DAY = "Limit per day in force"
    SMALLEST = "Smallest payment"
    FLAT_FEE = "Flat fee in force"
    FEE_BPS = "Fee in basis points in force"
    USUAL_FEE = "Usual fee"
    USUAL_BPS = "Usual fee in basis points"
    RAIL_CLOSED = "Days that the rail is closed"
    CUT_OFFS = "Cut-offs a day in force"
    HOURS = "Hours that the first cut-off moves"
    TODAY = "Cut-offs of today"
    NO_SETTLEMENT = "Days without settlement, at most"
    NOTHING = "Nothing to compare with"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A stated value and its reference."""

    what: Measure
    reference: str
    stated: str
    factor: Fraction | None
    """The stated value divided by the reference; None if there is no reference."""
    beyond: bool
    """Whether it is outside the band, so that the change needs a confirmation."""

    @property
    def factor_text(self) -> str:
        """The factor with three digits, as `confirmed_factor` must repeat it; empty if there is none."""
        return "" if self.factor is None else text_of(self.factor)

    def document(self) -> dict[str, Any]:
        """The comparison as the API and commands show it."""
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
    """A first value: there is no reference in force."""
    return Comparison(Measure.NOTHING, "none", stated, None, beyond=False)


def check(comparisons: Sequence[Comparison], confirmed: str | None) -> None:
    """Accept a change that is plausible, or whose largest departure is confirmed.

    Raises:
        Refused: a departure is not confirmed, or with another factor; or there is none to confirm.

    """
    beyond = [one for one in comparisons if one.beyond and one.factor is not None]
    if not beyond:
        if confirmed is not None:
            raise _refuse(
                "confirmed_factor is stated, but no value departs from what is in force",
                remedy="Leave confirmed_factor out: the value is plausible without it.",
            )
        return
    largest = max(_magnitude(one.factor or Fraction(0)) for one in beyond)
    # The value in force is the first comparison: it is named unless another departs clearly more.
    worst = next(one for one in beyond if _magnitude(one.factor or Fraction(0)) * (1 + _TOLERANCE) >= largest)
    if confirmed is None or not _names(confirmed, worst.factor or Fraction(0)):
        raise _refuse(
            _explain(worst),
            remedy=(
                "Correct the value; if it is meant, repeat the request with the factor of the text as"
                " confirmed_factor."
            ),
        )


def _explain(worst: Comparison) -> str:
    said = f"{worst.what}: {worst.reference}. Stated: {worst.stated}. The factor is {worst.factor_text}."
    return f'{said} If this is meant, ask again with confirmed_factor "{worst.factor_text}".'


def _magnitude(factor: Fraction) -> Fraction:
    """The distance of a factor from one, up or down; zero is the farthest."""
    return max(factor, 1 / factor) if factor else UNLIMITED**2


def _names(confirmed: str, factor: Fraction) -> bool:
    if _UNLIMITED_TEXT in {confirmed, text_of(factor)}:
        return confirmed == text_of(factor)
    named = Fraction(confirmed)
    return named == factor or (factor != 0 and abs(named / factor - 1) <= _TOLERANCE)


def _refuse(text: str, *, remedy: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, path="confirmed_factor", remedy=remedy)
