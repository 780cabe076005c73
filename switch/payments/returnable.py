"""What bounds a participant's return of a payment: the time since its credit, and the rate.

A return is at the rate of the payment. The FX provider got the debit and paid the credit; by the return it
gets the credit and pays the debit, so it loses if a unit of the debit currency now buys more of the credit
currency than it did then. Whoever could choose when to return would have an option that the provider never
sold. Then the return is at the rate in force: the provider exchanges the returned amount as any other, and
the debtor bears the difference, up to `LOSS_MAX`. A bank asks for that by stating the rate; what a rail gives
back is booked so by rule. A part of a payment is returned like the whole, without the fee. As it is a new
exchange, what a central bank decided on the two currencies, in either direction, forbids it as it forbids
payments; a return at the rate of the payment exchanges nothing anew, and is not concerned.

The API asks here, to answer with a reason, and the writer asks again, because it believes no API worker. Two
people are not bound by it, and return at the rate of the payment.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from ledger.encoding import microseconds
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.payments.stated import is_rate
from switch.writer.pairs import BLOCKED, PairControl

LOSS_MAX: Final = Fraction(1, 20)
"""Of what the debtor would get at the rate of the payment: more is not lost by rule. A rate may be wrong."""
_RETURNED: Final = statements("switch.payments")("creditor_agents")
_REMEDY: Final = (
    "send a new payment (pacs.008), or have two people of the operator return it (payment.return; "
    "what its rail gave back: break.return)"
)


class Returnable(NamedTuple):
    """A payment that is to be returned, as the books and the rates are now."""

    creditor_agent: str
    fx_provider: str
    """Empty if the payment was not converted; so is `rate`."""
    debit: Money
    """Without the fee."""
    credit: Money
    rate: str
    posted: bool
    credited_at: datetime | None
    """None also if the payment is so old that its history was detached."""
    returned: bool
    rate_in_force: str | None
    """Units of the credit currency for one of the debit currency; None if its provider quotes none now."""
    parts_minor: int = 0
    """Of the credit, what parts have returned."""
    providers: int = 1
    """How many FX providers exchanged it: two for some cross rates."""
    controls: tuple[PairControl, ...] = ()
    """What central banks decided on its two currencies, in both directions."""

    def gain_minor(self) -> int | None:
        """What the FX provider gains by a return at the rate in force, in minor units of the debit currency.

        Rounded down; negative for a loss; None if the payment was not converted, or no rate is in force.
        """
        if not self.fx_provider or self.rate_in_force is None:
            return None
        scale = Fraction(10) ** (EXPONENTS[self.debit.currency] - EXPONENTS[self.credit.currency])
        return floor(self.credit.minor * scale / Fraction(self.rate_in_force)) - self.debit.minor


class RateInForce(NamedTuple):
    """The terms of a return that is not at the rate of the payment."""

    rate: str
    debit_minor: int
    """What the debtor agent gets."""


class ReturnRefusal(NamedTuple):
    """Why a participant may not return a payment."""

    reason: Reason
    text: str
    element: str = ""
    """Of the pacs.004, if what it states is wrong."""


async def read(
    connection: asyncpg.Connection | asyncpg.Pool, uetrs: Sequence[UUID]
) -> dict[UUID, Returnable]:
    """The payments of these UETRs that the books have."""
    return {row["uetr"]: _returnable(row) for row in await connection.fetch(_RETURNED, uetrs)}


def _returnable(row: asyncpg.Record) -> Returnable:
    return Returnable(
        row["creditor_agent"],
        row["fx_provider"],
        Money(row["debit_minor"], row["debit_currency"]),
        Money(row["credit_minor"], row["credit_currency"]),
        row["rate"],
        row["posted"],
        row["credited_at"],
        row["returned"],
        row["rate_in_force"],
        row["parts_minor"],
        row["providers"],
        tuple(PairControl(*control) for control in json.loads(row["controls"])),
    )


def share_of(whole_minor: int, credit_minor: int, *, before: int, minor: int) -> int:
    """What `minor` of the credit is of an amount of the payment, if `before` was returned already.

    Rounded down, as a difference of sums: parts that add up to the credit add up to the whole amount.
    """
    return whole_minor * (before + minor) // credit_minor - whole_minor * before // credit_minor


def refusal(payment: Returnable, now: datetime, within: timedelta) -> ReturnRefusal | None:
    """Why the creditor agent may not return a payment at its rate; None if it may.

    A payment that is returned already is not refused here: the ledger knows a repetition.
    """
    return None if payment.returned else _late(payment, now, within) or _at_its_rate(payment)


def terms(
    payment: Returnable, minor: int, now: datetime, within: timedelta, *, rate: str
) -> RateInForce | ReturnRefusal | None:
    """The terms on which a part of the credit, or all of it, may be returned; None: at the payment's rate.

    Args:
        payment: What parts have returned before is in it.
        minor: What is returned of the credit; it is left.
        now: Late returns are refused.
        within: How long a payment may be returned.
        rate: As the creditor agent states it, in either direction; empty: that of the payment.

    """
    if payment.returned:
        return None
    late = _late(payment, now, within)
    if late is not None or not payment.fx_provider:
        return late
    if not rate or is_rate(rate, Fraction(payment.rate)):
        return _at_its_rate(payment)
    if payment.rate_in_force is None or not is_rate(rate, Fraction(payment.rate_in_force)):
        text = f"is neither the rate of the payment, {payment.rate}, nor the rate in force"
        text = f"{text}: {payment.rate_in_force or 'there is none'}"
        return ReturnRefusal(Reason.WRONG_AMOUNT, text, "XchgRate")
    if _at_its_rate(payment) is None:
        text = (
            f"a return at the rate in force is more than was paid: the rate of the payment is {payment.rate}"
        )
        return ReturnRefusal(Reason.WRONG_AMOUNT, text, "XchgRate")
    return _at_rate_in_force(payment, minor, now)


def terms_by_rule(
    payment: Returnable, minor: int, now: datetime, within: timedelta
) -> RateInForce | ReturnRefusal | None:
    """The terms of what a rail gave back: the payment's rate, or that in force if its provider would lose."""
    found = terms(payment, minor, now, within, rate="")
    if found is None or payment.rate_in_force is None or _late(payment, now, within) is not None:
        return found
    return _at_rate_in_force(payment, minor, now)


def _at_rate_in_force(payment: Returnable, minor: int, now: datetime) -> RateInForce | ReturnRefusal:
    """Exchange it back at the rate in force, rounded down; the debtor never gets more than it paid for it."""
    assert payment.rate_in_force is not None
    if payment.providers > 1:
        text = f"two FX providers exchanged the payment, and no rate in force is of both: {_REMEDY}"
        return ReturnRefusal(Reason.NOT_ALLOWED_CURRENCY, text)
    forbidden = _forbidden(payment, now)
    if forbidden:
        return ReturnRefusal(Reason.REGULATORY, f"{forbidden}: {_REMEDY}")
    scale = Fraction(10) ** (EXPONENTS[payment.debit.currency] - EXPONENTS[payment.credit.currency])
    share = share_of(payment.debit.minor, payment.credit.minor, before=payment.parts_minor, minor=minor)
    debit_minor = min(share, floor(minor * scale / Fraction(payment.rate_in_force)))
    if share - debit_minor > share * LOSS_MAX:
        text = (
            f"at the rate in force, {payment.rate_in_force}, the debtor would lose more than a "
            f"{LOSS_MAX.denominator}th of what was paid: {_REMEDY}"
        )
        return ReturnRefusal(Reason.NARRATIVE, text)
    return RateInForce(payment.rate_in_force, debit_minor)


def _forbidden(payment: Returnable, now: datetime) -> str:
    """Why a central bank forbids to exchange a return at the rate in force; empty if none does.

    A decision is on one direction; a return exchanges back, so that of the other one has the inverse rate.
    """
    assert payment.rate_in_force is not None
    rate = Decimal(payment.rate_in_force)
    for control in payment.controls:
        same = control.source == payment.debit.currency
        found = control.refusal(str(rate if same else 1 / rate), microseconds(now))
        if found is BLOCKED:
            return "a central bank has blocked this currency pair, in which the return would be exchanged"
        if found is not None:
            return f"the rate in force, {payment.rate_in_force}, is outside the bounds of a central bank"
    return ""


def _late(payment: Returnable, now: datetime, within: timedelta) -> ReturnRefusal | None:
    if payment.posted and (payment.credited_at is None or now - payment.credited_at > within):
        days = f"{within / timedelta(days=1):g}"
        text = f"the payment was credited more than {days} days ago, and is no longer returned: {_REMEDY}"
        return ReturnRefusal(Reason.CUT_OFF_TIME, text)
    return None


def _at_its_rate(payment: Returnable) -> ReturnRefusal | None:
    """Why a return at the rate of the payment costs its FX provider money; None if it does not."""
    if not payment.fx_provider:
        return None
    if payment.rate_in_force is None:
        text = f"the FX provider of the payment quotes no rate for its currencies now: {_REMEDY}"
        return ReturnRefusal(Reason.NOT_ALLOWED_CURRENCY, text)
    if Fraction(payment.rate_in_force) > Fraction(payment.rate):
        text = (
            f"a return is at the rate of the payment, {payment.rate}, and the FX provider would lose by it: "
            f"the rate in force is {payment.rate_in_force}. State that rate (XchgRate) to return at it, "
            f"at the debtor's cost, or {_REMEDY}"
        )
        return ReturnRefusal(Reason.NARRATIVE, text)
    return None
