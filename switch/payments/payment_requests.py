"""Requests to pay, and what became of each: paid, refused, or expired. None stays open without an end.

    open --answer--> accepted --+--> paid      a payment of the debtor agent to the asker has its id
     |                          +--> expired   its time is over, and no payment of it is on its way, or held
     +--> paid, refused, expired

A payment answers a request if the debtor agent sent it to the asker after the request, with the end-to-end id
of the request; if the request states a UETR, the payment must have it. The oldest request of an id gets it.
The payment needs no request, and a request moves no money: the caretaker ties the two together
(`switch.processes.payment_requests`) and notifies the asker by a pain.014.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import InvalidAmount, NotFound, Refused
from schemas.money import EXPONENTS, Money
from schemas.parties import read_date, read_instant
from schemas.payment import NOT_PROVIDED
from schemas.reasons import Reason
from switch.base.personal_data import KeyRing
from switch.base.sql import statements

_statement: Final = statements("switch.payments")
_ADD: Final = _statement("add_payment_request")
_ANSWER: Final = _statement("answer_payment_request")
_LIST: Final = _statement("payment_requests")
_LASTS: Final = timedelta(days=30)
"""After the day of execution, if the request states no expiry."""
_LASTS_MAX: Final = timedelta(days=366)
NEWEST: Final = 2**62


class RequestState(StrEnum):
    """State of a request to pay."""

    OPEN = "open"
    ACCEPTED = "accepted"
    PAID = "paid"
    REFUSED = "refused"
    EXPIRED = "expired"


class PaymentRequest(msgspec.Struct, frozen=True):
    """What is known of a request to pay."""

    number: int
    id: UUID
    asker: str
    debtor_agent: str
    message_id: str
    uetr: UUID | None
    currency: str
    minor: int
    asked_at: datetime
    expires_at: datetime
    state: RequestState
    payment: UUID | None
    reason: str
    ended_at: datetime | None


async def keep(
    pool: asyncpg.Pool,
    keys: KeyRing,
    id_: UUID,
    definition: str,
    content: Mapping[str, Any],
    *,
    asker: str,
    debtor_agent: str,
    now: datetime,
) -> None:
    """Know a request from its `CdtrPmtActvtnReq`; one that is known stays as it is."""
    (payment,) = content["PmtInf"]
    (transfer,) = payment["CdtTrfTx"]
    ids, amount = transfer["PmtId"], amount_of(transfer)
    end_to_end = ids["EndToEndId"]
    await pool.execute(
        _ADD,
        id_,
        asker,
        debtor_agent,
        content["GrpHdr"]["MsgId"],
        definition,
        0 if end_to_end == NOT_PROVIDED else keys.reference(end_to_end),
        UUID(ids["UETR"]) if "UETR" in ids else None,
        amount.currency,
        amount.minor,
        _expiry(payment, now),
    )


def amount_of(transfer: Mapping[str, Any]) -> Money:
    """What a `CdtTrfTx` asks for.

    Raises:
        Refused: it is no amount of its currency.

    """
    ((kind, stated),) = transfer["Amt"].items()
    amount = stated["Amt"] if kind == "EqvtAmt" else stated
    path = f"CdtrPmtActvtnReq/PmtInf/CdtTrfTx/Amt/{kind}"
    if amount["Ccy"] not in EXPONENTS:
        text = "is no active currency of ISO 4217"
        raise Refused(text, reason=Reason.INVALID_TRANSACTION_CURRENCY, path=path)
    try:
        return Money.parse(amount["Amt"], amount["Ccy"])
    except InvalidAmount as error:
        raise Refused(error.detail, reason=Reason(error.reason), path=path) from None


def _expiry(payment: Mapping[str, Any], now: datetime) -> datetime:
    """When a request ends: as it states, or some time after the day of execution."""
    if "XpryDt" in payment:
        ends = _end_of(payment["XpryDt"], "XpryDt")
    else:
        ends = _end_of(payment["ReqdExctnDt"], "ReqdExctnDt") + _LASTS
    return min(ends, now + _LASTS_MAX)


def _end_of(choice: Mapping[str, Any], path: str) -> datetime:
    """An instant, or the end of a date: midnight in UTC is later than in every country of ours."""
    if "DtTm" in choice:
        return read_instant(choice["DtTm"], path)
    return datetime.combine(read_date(choice["Dt"], path) + timedelta(days=1), time(), UTC)


async def answer(pool: asyncpg.Pool, id_: UUID, report: Mapping[str, Any]) -> None:
    """Learn from the debtor agent's `CdtrPmtActvtnReqStsRpt` whether it agrees or refuses."""
    status, reasons = report["OrgnlGrpInfAndSts"].get("GrpSts"), report["OrgnlGrpInfAndSts"]
    for part in report.get("OrgnlPmtInfAndSts", []):
        for each in (part, *part.get("TxInfAndSts", [])):
            found = each.get("TxSts") or each.get("PmtInfSts")
            if found:
                status, reasons = found, each
    if status is None:
        return
    refused = status == "RJCT"
    causes = [cause.get("Rsn", {}).get("Cd", "") for cause in reasons.get("StsRsnInf", [])]
    state = RequestState.REFUSED if refused else RequestState.ACCEPTED
    await pool.execute(_ANSWER, id_, state, next(filter(None, causes), "") if refused else "")


async def newest(
    pool: asyncpg.Pool, participant: str, *, before: int = NEWEST, limit: int = 50
) -> list[PaymentRequest]:
    """Requests that a participant made or that were made to it, newest first."""
    return [_request(row) for row in await pool.fetch(_LIST, participant, None, before, limit)]


async def find(pool: asyncpg.Pool, participant: str, id_: UUID) -> PaymentRequest:
    """One request that a participant made, or that was made to it.

    Raises:
        NotFound: there is none; the answer for that of others is the same.

    """
    rows = await pool.fetch(_LIST, participant, id_, NEWEST, 1)
    if not rows:
        raise NotFound
    return _request(rows[0])


def _request(row: asyncpg.Record) -> PaymentRequest:
    return PaymentRequest(**{**dict(row), "state": RequestState(row["state"])})
