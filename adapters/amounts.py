"""Money as a rail's wire says it: five renderings of one integer, and what every rail refuses of an amount.

Inside the switch an amount is minor units of ISO 4217. A wire counts in units of its own: `step` minor units
are one of them (100 where Iran counts whole rials), and says their number as `profile.amounts` tells. What is
read must be exactly what would be written: no sign, no leading zero, no other number of decimals.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from adapters.port import Order, Violation
from adapters.profile import AmountFormat, RailProfile
from schemas.errors import InvalidAmount, InvalidMessage
from schemas.money import EXPONENTS, MAX_MINOR, Money
from schemas.reasons import Reason

PLACE: Final = "CdtTrfTxInf/IntrBkSttlmAmt"
_FIXED_DIGITS: Final = 12


def check(order: Order, profile: RailProfile) -> list[Violation]:
    """Why the rail cannot carry this amount: currency, limits, or a fraction that its wire cannot say."""
    amount, limits = order.amount, profile.limits
    if amount.currency != profile.currency:
        return [Violation(Reason.NOT_ALLOWED_CURRENCY, PLACE, f"the rail pays in {profile.currency} only")]
    if amount.minor > limits.maximum_minor:
        return [Violation(Reason.NOT_ALLOWED_AMOUNT, PLACE, "more than the rail carries in one payment")]
    if amount.minor < limits.minimum_minor:
        return [Violation(Reason.TOO_LOW_AMOUNT, PLACE, "less than the rail carries")]
    if amount.minor % limits.step_minor:
        return [Violation(Reason.INVALID_AMOUNT, PLACE, "a fraction that the rail's wire cannot say")]
    return []


def units(amount: Money, step: int = 1) -> int:
    """How many of the wire's units an amount is, for wires that say a number and not a text.

    Raises:
        ValueError: no whole number of them; an order is checked before it is translated.

    """
    count, rest = divmod(amount.minor, step)
    if rest:
        raise ValueError("a fraction that the wire cannot say")
    return count


def of_units(count: int, currency: str, step: int = 1, *, path: str = "") -> Money:
    """The amount that a number of the wire's units is.

    Raises:
        InvalidMessage: zero, less, or more than any payment.

    """
    if not 0 < count * step <= MAX_MINOR:
        raise InvalidMessage("not an amount", path=path)
    return Money(count * step, currency)


def write(amount: Money, rendering: AmountFormat, step: int = 1) -> str:
    """The amount as the wire says it.

    Raises:
        ValueError: the wire cannot say it; an order is checked before it is translated.

    """
    return _WRITERS[rendering](amount, step)


def read(text: str, currency: str, rendering: AmountFormat, step: int = 1, *, path: str = "") -> Money:
    """The amount that the wire says.

    Raises:
        InvalidMessage: not an amount in this rendering, zero, or more than any payment.

    """
    try:
        if rendering in _POINTS:
            amount = Money.parse(text.replace(_POINTS[rendering], "."), currency)
        else:
            unit = _whole(currency) if rendering is AmountFormat.WHOLE else step
            amount = of_units(int(text) if text.isascii() and text.isdecimal() else 0, currency, unit)
        if write(amount, rendering, step) == text:
            return amount
    except (InvalidAmount, InvalidMessage, ValueError):
        pass
    raise InvalidMessage("not an amount as the rail writes it", path=path)


def _whole(currency: str) -> int:
    return int(10 ** EXPONENTS[currency])


def _fixed(amount: Money, step: int) -> str:
    text = str(units(amount, step)).zfill(_FIXED_DIGITS)
    if len(text) > _FIXED_DIGITS:
        raise ValueError("more digits than the wire has")
    return text


_POINTS: Final[Mapping[AmountFormat, str]] = MappingProxyType(
    {AmountFormat.DECIMAL: ".", AmountFormat.COMMA: ","}
)
_WRITERS: Final[Mapping[AmountFormat, Callable[[Money, int], str]]] = MappingProxyType(
    {
        AmountFormat.DECIMAL: lambda amount, _: amount.text,
        AmountFormat.COMMA: lambda amount, _: amount.text.replace(".", ","),
        AmountFormat.MINOR: lambda amount, step: str(units(amount, step)),
        AmountFormat.FIXED: _fixed,
        AmountFormat.WHOLE: lambda amount, _: str(units(amount, _whole(amount.currency))),
    }
)
