"""Compares the terms that a pacs.004 states for the return with the actual terms, and refuses a difference.

A return moves money at once, in full, and at the rate of the payment.

    times       CreDtTm, AppHdr/CreDt     DT02
    day         IntrBkSttlmDt             DT01
    method      SttlmMtd, ClrSys          CH16
    rate        XchgRate                  AM09
    more money  CompstnAmt                AG03

Other details are for the debtor agent, which gets the message as received. `originals` checks the details of
the payment.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from schemas.errors import NotFound, Refused
from schemas.parties import Content, read_date
from schemas.payment_return import ROOT, PaymentReturn
from schemas.reasons import Reason
from switch.api.receiving import Received
from switch.payments import returnable, stated

_GROUP: Final = f"{ROOT}/GrpHdr"
_TX: Final = f"{ROOT}/TxInf"


async def check(received: Received, asked: PaymentReturn, payment: Mapping[str, Any]) -> None:
    """Refuse a return that states other terms than the actual ones.

    Raises:
        Refused: the path names the element.

    """
    now, settings = datetime.now(UTC), received.runtime.settings
    group, (transaction,) = received.message.content["GrpHdr"], received.message.content["TxInf"]
    stated.check_creation(asked.created_at, f"{_GROUP}/CreDtTm", now, settings)
    stated.check_header(received.message.header, now, settings)
    if "SttlmInf" in group:
        stated.check_settlement(group["SttlmInf"], f"{_GROUP}/SttlmInf")
    if "CompstnAmt" in transaction:
        text = "no compensation is moved with a return"
        raise Refused(text, reason=Reason.TRANSACTION_NOT_SUPPORTED, path=f"{_TX}/CompstnAmt")
    _check_rate(transaction, payment)
    for day, path in _days(group, transaction):
        await _check_day(received, payment, asked.amount.currency, day, path, now)


async def refusal(received: Received, uetr: UUID) -> returnable.ReturnRefusal | None:
    """Why the payment may not be returned any more, or not at its rate; None if it may."""
    runtime = received.runtime
    payment = (await returnable.read(runtime.pool, [uetr])).get(uetr)
    if payment is None:  # for the writer to refuse
        return None
    return returnable.refusal(payment, datetime.now(UTC), runtime.settings.return_within)


def _check_rate(transaction: Content, payment: Mapping[str, Any]) -> None:
    rate, was = transaction.get("XchgRate"), payment.get("exchange_rate")
    if rate is not None and not (was and stated.is_rate(rate, Fraction(was))):
        text = "is not the rate of the payment, which a return has too"
        raise Refused(text, reason=Reason.WRONG_AMOUNT, path=f"{_TX}/XchgRate")


def _days(group: Content, transaction: Content) -> Iterator[tuple[date, str]]:
    for content, place in ((group, _GROUP), (transaction, _TX)):
        if "IntrBkSttlmDt" in content:
            path = f"{place}/IntrBkSttlmDt"
            yield read_date(content["IntrBkSttlmDt"], path), path


async def _check_day(  # noqa: PLR0917 - the inputs of the comparison
    received: Received, payment: Mapping[str, Any], currency: str, day: date, path: str, now: datetime
) -> None:
    """Refuse a settlement date that is neither today at either end nor that of a return made now."""
    directory = received.runtime.directory.now
    agents = (directory.by_id.get(payment[name]) for name in ("debtor_agent", "creditor_agent"))
    if day in stated.days_of(now, *(agent.country for agent in agents if agent)):
        return
    try:
        settled = await asyncio.to_thread(directory.settlement_day, currency, now)
    except NotFound:
        settled = None
    if day != settled:
        text = "is not the day on which this return would settle"
        raise Refused(text, reason=Reason.INVALID_DATE, path=path)
