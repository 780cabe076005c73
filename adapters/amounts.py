"""Amounts in the formats of rails: five formats, and the checks that all rails share.

Inside the switch an amount is in minor units of ISO 4217. A rail may count in other units: one unit of the
wire is `step` minor units (100 where Iran counts whole rials), written in the format `profile.amounts`. A
received amount must be exactly what would be written: no sign, no leading zeros, no other number of decimals.
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
    """Why the rail cannot carry this amount: its currency, the limits, or an unsupported fraction."""
    amount, limits = order.amount, profile.limits
    if amount.currency != profile.currency:
        return [Violation(Reason.NOT_ALLOWED_CURRENCY, PLACE, f"the rail accepts only {profile.currency}")]
    if amount.minor > limits.maximum_minor:
        most = Money(limits.maximum_minor, profile.currency)
        return [Violation(Reason.NOT_ALLOWED_AMOUNT, PLACE, f"above the maximum amount of the rail, {most}")]
    if amount.minor < limits.minimum_minor:
        least = Money(limits.minimum_minor, profile.currency)
        return [Violation(Reason.TOO_LOW_AMOUNT, PLACE, f"below the minimum amount of the rail, {least}")]
    if amount.minor % limits.step_minor:
        return [Violation(Reason.INVALID_AMOUNT, PLACE, "the rail cannot carry this fraction")]
    return []


def units(amount: Money, step: int = 1) -> int:
    """The number of wire units in an amount, for rails that send a number and not a text.

    Raises:
        ValueError: the amount is not a multiple of the unit. Orders are checked before they are translated.

    """
    count, rest = divmod(amount.minor, step)
    if rest:
        raise ValueError("a fraction that the rail cannot carry")
    return count


def of_units(count: int, currency: str, step: int = 1, *, path: str = "") -> Money:
    """The amount for a number of wire units.

    Raises:
        InvalidMessage: zero, negative, or above the maximum of any payment.

    """
    if not 0 < count * step <= MAX_MINOR:
        raise InvalidMessage("not an amount", path=path)
    return Money(count * step, currency)


def write(amount: Money, rendering: AmountFormat, step: int = 1) -> str:
    """The amount in the format of the rail.

    Raises:
        ValueError: the format cannot express it. Orders are checked before they are translated.

    """
    return _WRITERS[rendering](amount, step)


def read(text: str, currency: str, rendering: AmountFormat, step: int = 1, *, path: str = "") -> Money:
    """Parse an amount in the format of the rail.

    Raises:
        InvalidMessage: not an amount in this format, zero, or above the maximum of any payment.

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
    raise InvalidMessage("not an amount in the format of the rail", path=path)


def _whole(currency: str) -> int:
    return int(10 ** EXPONENTS[currency])


def _fixed(amount: Money, step: int) -> str:
    text = str(units(amount, step)).zfill(_FIXED_DIGITS)
    if len(text) > _FIXED_DIGITS:
        raise ValueError("too many digits for the field")
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
