"""Compares the terms that a pacs.004 states for the return with the actual terms, and refuses a difference.

A return moves money at once, at the rate of the payment or, if its FX provider would lose by that, at the
rate in force (`switch.payments.returnable`).

    times       CreDtTm, AppHdr/CreDt     DT02
    day         IntrBkSttlmDt             DT01
    method      SttlmMtd, ClrSys          CH16
    rate        XchgRate                  AM09 NARR AM03
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
from schemas.money import Money
from schemas.parties import Content, read_date
from schemas.payment_return import ROOT, PaymentReturn
from schemas.reasons import Reason
from switch.api.receiving import Received
from switch.payments import returnable, stated
from switch.writer.part_returns import left_to_return

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
    if asked.rate and not payment.get("exchange_rate"):
        text = "the payment was not converted"
        raise Refused(text, reason=Reason.WRONG_AMOUNT, path=f"{_TX}/XchgRate")
    if "RtrdInstdAmt" in transaction and not is_whole(asked, payment):
        text = "is not stated of a part: what the debtor agent receives follows from the rate"
        raise Refused(text, reason=Reason.WRONG_AMOUNT, path=f"{_TX}/RtrdInstdAmt")
    for day, path in _days(group, transaction):
        await _check_day(received, payment, asked.amount.currency, day, path, now)


async def refusal(received: Received, asked: PaymentReturn, uetr: UUID) -> returnable.ReturnRefusal | None:
    """Why so much may not be returned any more, or not at this rate; None if it may.

    Raises:
        Refused: the amount or the rate that it states is wrong; the path names it.

    """
    runtime = received.runtime
    payment = (await returnable.read(runtime.pool, [uetr])).get(uetr)
    if payment is None:  # for the writer to refuse
        return None
    left = payment.credit.minor - payment.parts_minor
    if asked.amount.minor > left:
        text = left_to_return(Money(left, payment.credit.currency))
        raise Refused(text, reason=Reason.WRONG_AMOUNT, path=f"{_TX}/RtrdIntrBkSttlmAmt")
    within = runtime.settings.return_within
    found = returnable.terms(payment, asked.amount.minor, datetime.now(UTC), within, rate=asked.rate)
    if not isinstance(found, returnable.ReturnRefusal):
        return None
    if found.element:
        raise Refused(found.text, reason=found.reason, path=f"{_TX}/{found.element}")
    return found


def is_whole(asked: PaymentReturn, payment: Mapping[str, Any]) -> bool:
    """Whether a return is of the whole payment, with its fee: at its rate, and nothing came back before."""
    credited, was = payment["credited_amount"], payment.get("exchange_rate")
    whole = asked.amount == Money.parse(credited["amount"], credited["currency"])
    same_rate = not asked.rate or (was is not None and stated.is_rate(asked.rate, Fraction(was)))
    return whole and same_rate and not payment.get("part_returns")


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
