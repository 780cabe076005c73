"""A rail's profile as two people have tightened it: narrower limits and hours, and a largest fee.

The adapter's profile states what the rail accepts. An operator may permit less, never more: `faults` lists
what would be looser. Pure functions; the directory brings the tightening in force to every process.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from typing import Final

from adapters.profile import AmountLimits, Hours, RailProfile
from schemas.errors import Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.payments import pricing, tariffs
from switch.payments.directory import Tightening
from switch.payments.pricing import Price

_DAY_MINUTES: Final = 24 * 60


def limits(profile: RailProfile, tightening: Tightening) -> AmountLimits:
    """The limits in force."""
    own = profile.limits
    return replace(
        own,
        minimum_minor=own.minimum_minor if tightening.minimum_minor is None else tightening.minimum_minor,
        maximum_minor=own.maximum_minor if tightening.maximum_minor is None else tightening.maximum_minor,
    )


def hours(profile: RailProfile, tightening: Tightening) -> Hours:
    """The hours in force."""
    own = profile.hours
    if tightening.hours_from is None and tightening.hours_to is None:
        return own
    return replace(
        own,
        opens=own.opens if tightening.hours_from is None else tightening.hours_from,
        closes=own.closes if tightening.hours_to is None else tightening.hours_to,
    )


def faults(profile: RailProfile, tightening: Tightening) -> Iterator[str]:
    """Every value that is looser than the adapter's own, or contradicts another, with its bound."""
    yield from _faults_of_limits(profile, limits(profile, tightening))
    yield from _faults_of_hours(profile.hours, hours(profile, tightening))


def _faults_of_limits(profile: RailProfile, then: AmountLimits) -> Iterator[str]:
    low, high = (
        Money(minor, profile.currency)
        for minor in (profile.limits.minimum_minor, profile.limits.maximum_minor)
    )
    if then.minimum_minor < low.minor:
        yield f"minimum: the rail itself accepts no less than {low}"
    if then.maximum_minor > high.minor:
        yield f"maximum: the rail itself accepts no more than {high}"
    if then.minimum_minor > then.maximum_minor:
        yield "minimum: it may not exceed the maximum"


def _faults_of_hours(own: Hours, then: Hours) -> Iterator[str]:
    if then.opens < own.opens:
        yield f"hours_from: the rail itself opens at {own.opens:%H:%M} ({own.zone})"
    if _end(then.closes) > _end(own.closes):
        yield f"hours_to: the rail itself closes at {own.closes:%H:%M} ({own.zone})"
    if _end(then.closes) <= _minutes(then.opens):
        yield "hours_to: it must be later than hours_from"


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _end(clock: time) -> int:
    """The end of a day's hours in minutes; midnight is the end of the day."""
    return _minutes(clock) or _DAY_MINUTES


def permits_fee(tightening: Tightening, fee_minor: int, fee_bps: int) -> bool:
    """Whether some amount is large enough for a corridor's fee to stay within the largest fee."""
    most = tightening.fee_max_bps
    return most is None or fee_bps < most or (fee_bps == most and fee_minor == 0)


def check(price: Price, profile: RailProfile, tightening: Tightening) -> None:
    """Refuse a price outside the tightened limits or above the largest fee.

    Raises:
        Refused: AM02 the credited amount, AM06 the fee.

    """
    if tightening.minimum_minor is not None or tightening.maximum_minor is not None:
        check_limits(price.credit, limits(profile, tightening))
    most = tightening.fee_max_bps
    if most is not None and price.fee.minor * tariffs.WHOLE_BPS > most * price.stated.minor:
        text = f"the fee of {price.fee} is more than {most} basis points of the amount, the most at this rail"
        raise Refused(f"{text}: send a larger amount", reason=Reason.TOO_LOW_AMOUNT, path=pricing.AMOUNT)


def check_limits(credit: Money, within: AmountLimits) -> None:
    """Refuse a credited amount that a rail does not accept.

    Raises:
        Refused: AM02, with both limits.

    """
    if not within.minimum_minor <= credit.minor <= within.maximum_minor:
        least, most = (Money(m, credit.currency) for m in (within.minimum_minor, within.maximum_minor))
        text = f"the credited amount would be {credit}; this rail accepts {least} to {most}"
        raise Refused(text, reason=Reason.NOT_ALLOWED_AMOUNT, path=pricing.AMOUNT)
