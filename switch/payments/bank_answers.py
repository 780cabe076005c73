"""What a bank states in its answer to an investigation, compared with what the books know.

    stated                                        refused where the books know that
    reason ARJT                                   the payment was not refused
    reason ARDT                                   nothing of it was returned
    reason NOOR                                   it was posted: its rail has confirmed the credit
    TxSts RJCT or CANC                            it was posted
    TxSts of a payment that goes on, Conf         it was refused, or, without ARDT, returned in full
    Conf: amount, UETR, day and sign              it has others

Whether and when the payee's account was credited, and the terms of a compensation, only the bank knows: what
it states of that is carried to the asker as the bank's statement. Of a payment without an outcome the books
know no more than the bank does, and all is carried.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from schemas import investigation
from schemas.errors import InvalidAmount, Refused
from schemas.investigation import InvestigationResponse
from schemas.money import Money
from schemas.parties import Content, first_of, read_date, read_instant
from schemas.reasons import Reason
from switch.payments.stated import MOMENT
from switch.writer.lifecycle import State

_OVER: Final = frozenset({"RJCT", "CANC"})
"""Statuses of a payment that does not arrive."""
_NO_MORE_THAN_A_DAY: Final = timedelta(hours=14)
"""The largest offset from UTC: a date may be that of any zone."""
_STATUS: Final = f"{investigation.RESPONSE}/{investigation.RESPONSE}/InvstgtnSts/StsRsn"
_RETURNED: Final = "Return the money by a pacs.004, or state what the payment has: GET /v1/payments/{uetr}."
_PRESENT: Final = "State what GET /v1/payments/{uetr} shows, or leave it out and explain by RspnNrrtv."


@dataclass(frozen=True, slots=True)
class _Books:
    """The payment of the question, as the bank that answers may know it."""

    payment: Mapping[str, Any]
    uetrs: Collection[str]
    of_debtor: bool
    """Whether its debtor agent answers."""

    @property
    def posted(self) -> bool:
        return bool(self.payment["state"] == State.COMMITTED)

    @property
    def refused(self) -> bool:
        return bool(self.payment["state"] == State.ABORTED)

    @property
    def returned(self) -> bool:
        return bool(self.payment["returned"])

    @property
    def amounts(self) -> set[Money]:
        """Of the booking: what the debtor agent was debited, or either side of the payment."""
        names = ["interbank_settlement_amount"] + ([] if self.of_debtor else ["credited_amount"])
        found = (self.payment.get(name) for name in names)
        return {Money.parse(one["amount"], one["currency"]) for one in found if one}

    @property
    def began_at(self) -> datetime | None:
        """None if the history of the payment is archived."""
        journey = self.payment["journey"]
        return datetime.fromisoformat(journey[0]["at"]) if journey else None


def check(
    said: InvestigationResponse, payment: Mapping[str, Any], uetrs: Collection[str], *, answerer: str
) -> None:
    """Refuse an answer that contradicts the books; the first contradiction is named.

    `payment` is as `journey.read_payment` describes it, `uetrs` are those by which its agents know it, and
    `answerer` is the participant that answers.

    Raises:
        Refused: with the place of the statement, what the books have, and a remedy.

    """
    books = _Books(payment, uetrs, payment.get("debtor_agent") == answerer)
    for refused in _contradictions(said, books):
        raise refused


def _contradictions(said: InvestigationResponse, books: _Books) -> Iterator[Refused]:
    yield from _of_reason(said.reason, books)
    for place, record in said.records:
        for tag, value in record["RspnData"].items():
            path = f"{place}/RspnData/{tag}"
            if tag == "TxSts":
                yield from _of_status(first_of(value["Sts"]) or "", said.reason, f"{path}/Sts", books)
            elif tag == "Conf":
                yield from _of_booking(value, said.reason, path, books)


def _of_reason(reason: str, books: _Books) -> Iterator[Refused]:
    if not books.payment["final"]:
        return
    if reason == investigation.PAYMENT_REJECTED and not books.refused:
        yield _contradiction("the payment was not refused: the books have posted it", _STATUS, _RETURNED)
    if reason == investigation.PAYMENT_RETURNED and not (books.returned or books.payment["part_returns"]):
        yield _contradiction("the books have no return of the payment", _STATUS, _RETURNED)
    if reason == investigation.NEVER_RECEIVED and books.posted:
        text = "the payment was posted, and confirmed by its rail"
        yield _contradiction(text, _STATUS, "Where the money is not at your bank, contact the operator.")


def _of_status(status: str, reason: str, path: str, books: _Books) -> Iterator[Refused]:
    if status in _OVER:
        if books.posted:
            yield _contradiction("the payment was not refused: the books have posted it", path, _RETURNED)
    else:
        yield from _of_arrival(reason, path, books)


def _of_arrival(reason: str, path: str, books: _Books) -> Iterator[Refused]:
    """Whether a payment that arrives, or arrived, is that of the books."""
    if books.refused:
        yield _contradiction("the payment was refused", path, _PRESENT)
    elif books.returned and reason != investigation.PAYMENT_RETURNED:
        text = "the payment was returned: the answer does not say so"
        yield _contradiction(text, path, "State the reason ARDT (StsRsn), or leave this out.")


def _of_booking(booked: Content, reason: str, path: str, books: _Books) -> Iterator[Refused]:
    """A booking of the payment; of its return, which has the other sign, only the bank knows more."""
    yield from _of_arrival(reason, path, books)
    refs = booked["Refs"]
    if "UETR" in refs and refs["UETR"] not in books.uetrs:
        yield _contradiction("is not the UETR of the payment", f"{path}/Refs/UETR", _PRESENT)
    rail = books.payment.get("rail_reference")
    if rail and refs.get("ClrSysRef", rail) != rail:
        yield _contradiction("is not the rail's reference of the payment", f"{path}/Refs/ClrSysRef", _PRESENT)
    if booked["CdtDbtInd"] != ("DBIT" if books.of_debtor else "CRDT"):
        if not books.returned:
            text = "is the sign of a return, and the books have none of the payment"
            yield _contradiction(text, f"{path}/CdtDbtInd", _RETURNED)
        return
    if not {"XchgRate", "Chrgs"} & booked.keys() and not _is_amount(booked["Amt"], books.amounts):
        text = "is not the amount of the payment"
        yield Refused(text, reason=Reason.WRONG_AMOUNT, path=f"{path}/Amt", remedy=_PRESENT)
    yield from _of_day(booked.get("BookgDt", {}), f"{path}/BookgDt", books)


def _is_amount(stated: Content, known: set[Money]) -> bool:
    try:
        return Money.parse(stated["Amt"], stated["Ccy"]) in known
    except InvalidAmount:
        return False


def _of_day(booked: Content, path: str, books: _Books) -> Iterator[Refused]:
    """A booking before the payment was made, or after now."""
    began, now = books.began_at, datetime.now(UTC)
    if "DtTm" in booked:
        at = read_instant(booked["DtTm"], f"{path}/DtTm")
        early, late = began is not None and at < began - MOMENT, at > now + MOMENT
    elif "Dt" in booked:
        day = read_date(booked["Dt"], f"{path}/Dt")
        early = began is not None and day < _day(began - _NO_MORE_THAN_A_DAY)
        late = day > _day(now + _NO_MORE_THAN_A_DAY)
    else:
        return
    if early or late:
        text = "is before the payment was made" if early else "is in the future"
        yield Refused(text, reason=Reason.INVALID_DATE, path=path, remedy=_PRESENT)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _contradiction(text: str, path: str, remedy: str) -> Refused:
    return Refused(
        f"contradicts the books: {text}", reason=Reason.CONTENT_INCORRECT, path=path, remedy=remedy
    )
