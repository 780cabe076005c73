"""What bounds a participant's return of a payment: the time since its credit, and the rate.

A return is at the rate of the payment. The FX provider got the debit and paid the credit; by the return it
gets the credit and pays the debit, so it loses if a unit of the debit currency now buys more of the credit
currency than it did then. Whoever could choose when to return would have an option that the provider never
sold. The API asks here, to answer with a reason, and the writer asks again, because it believes no API
worker. Two people are not bound by it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.base.sql import statements

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

    def gain_minor(self) -> int | None:
        """What the FX provider gains by a return at the rate in force, in minor units of the debit currency.

        Rounded down; negative for a loss; None if the payment was not converted, or no rate is in force.
        """
        if not self.fx_provider or self.rate_in_force is None:
            return None
        scale = Fraction(10) ** (EXPONENTS[self.debit.currency] - EXPONENTS[self.credit.currency])
        return floor(self.credit.minor * scale / Fraction(self.rate_in_force)) - self.debit.minor


class ReturnRefusal(NamedTuple):
    """Why a participant may not return a payment."""

    reason: Reason
    text: str


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
    )


def refusal(payment: Returnable, now: datetime, within: timedelta) -> ReturnRefusal | None:
    """Why the creditor agent may not return a payment; None if it may.

    A payment that is returned already is not refused here: the ledger knows a repetition.
    """
    if payment.returned:
        return None
    if payment.posted and (payment.credited_at is None or now - payment.credited_at > within):
        days = f"{within / timedelta(days=1):g}"
        text = f"the payment was credited more than {days} days ago, and is no longer returned: {_REMEDY}"
        return ReturnRefusal(Reason.CUT_OFF_TIME, text)
    if not payment.fx_provider:
        return None
    if payment.rate_in_force is None:
        text = f"the FX provider of the payment quotes no rate for its currencies now: {_REMEDY}"
        return ReturnRefusal(Reason.NOT_ALLOWED_CURRENCY, text)
    if Fraction(payment.rate_in_force) > Fraction(payment.rate):
        text = (
            f"a return is at the rate of the payment, {payment.rate}, and the FX provider would lose by it: "
            f"the rate in force is {payment.rate_in_force}: {_REMEDY}"
        )
        return ReturnRefusal(Reason.NARRATIVE, text)
    return None
