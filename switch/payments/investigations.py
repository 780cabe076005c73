"""Investigations: a bank asks about a payment of its own in codes (camt.110), and each question has an end.

    waiting --the payment has an outcome----> answered     by the books
    asked   --the other bank answers--------> answered | rejected
      |  +----its time is over--------------> people
      +-------its asker closes it-----------> withdrawn    so end `waiting` and `people`, too
    people  --two people, or the other bank-> answered | rejected

Whether a payment was credited, and when, the books know: such a question is answered at once, or as soon as
the payment has an outcome. What only the agent on the other side knows is passed on to it as the asker wrote
it. Where a gateway stands for that agent, no rail has a message for the question: people of the operator have
it as a case, and the gateway has the message. An asker that objects to an answer of the books has the other
side asked; one that objects to an answer of the other side has people of the operator asked.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas import investigation
from schemas.errors import Refused
from schemas.investigation import InvestigationRequest
from schemas.parties import Content, code_or_proprietary
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.writer.lifecycle import State

OF_PAYMENT_MAX: Final = 20
"""Investigations of one bank about one payment."""
OBJECTIONS_MAX: Final = 3
INTERIM_MAX: Final = 5
"""Interim answers of a bank to one question: none gives it more time."""
BOOKS: Final = "books"
PEOPLE: Final = "people"
"""Who answered, beside participants."""
_REFERENCE_MAX: Final = 35
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_statement: Final = statements("switch.payments")
_ADD: Final = _statement("add_investigation")
_NAMED: Final = _statement("investigation_named")
_ASKED: Final = _statement("investigations_asked")
_COUNT: Final = _statement("count_investigations")
_QUESTIONS: Final = _statement("count_questions")
_ANSWER: Final = _statement("answer_investigation")
_INTERIM: Final = _statement("interim_answer")
_WITHDRAW: Final = _statement("withdraw_investigation")
_REOPEN: Final = _statement("reopen_investigation")
_OF_PAYMENT: Final = _statement("investigations_of_payment")


class InvestigationState(StrEnum):
    """State of an investigation."""

    WAITING = "waiting"
    ASKED = "asked"
    PEOPLE = "people"
    ANSWERED = "answered"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


OPEN: Final = frozenset({InvestigationState.WAITING, InvestigationState.ASKED, InvestigationState.PEOPLE})


@dataclass(frozen=True, slots=True)
class Investigation:
    """One investigation, as it is kept."""

    id: UUID
    uetr: UUID
    asker: str
    name: str
    """The asker's own id of it."""
    answerer: str
    """The agent on the other side."""
    type: str
    fingerprint: bytes
    message_id: str
    """Of the camt.110 to which an answer is due."""
    request: Content
    """What every answer repeats."""
    objections: int
    interim: int
    """Interim answers since it was last asked."""
    state: InvestigationState
    code: str
    answer: str
    """Of people."""
    answered_by: str

    @property
    def stated(self) -> str:
        """UETR of the payment, as the asker states it."""
        uetr: str = self.request["Undrlyg"]["IntrBk"]["OrgnlUETR"]
        return uetr

    @property
    def reference(self) -> str:
        """The switch's own id of it in messages."""
        return self.id.hex


@dataclass(frozen=True, slots=True)
class InvestigationAnswer:
    """The response to the asker: status and reason (of camt.111), and contents of `RspnData`."""

    status: str
    reason: str = ""
    data: tuple[Content, ...] = ()


def investigation_of(row: asyncpg.Record) -> Investigation:
    """The investigation of a row of the table."""
    found = {name: row[name] for name in Investigation.__slots__}
    return Investigation(
        **{**found, "request": json.loads(row["request"]), "state": InvestigationState(row["state"])}
    )


# What the books say


def of_books(payment: Mapping[str, Any], uetr: str) -> InvestigationAnswer | None:
    """Whether a payment was credited, and when; None while it has no outcome.

    `payment` is as `journey.read_payment` describes it, `uetr` is what the asker states.
    """
    if not payment["final"]:
        return None
    if payment["state"] == State.ABORTED:
        return InvestigationAnswer(
            investigation.CLOSED, investigation.PAYMENT_REJECTED, (status_of(payment),)
        )
    reason = investigation.PAYMENT_RETURNED if payment["returned"] else ""
    return InvestigationAnswer(investigation.CLOSED, reason, (status_of(payment), *_booking(payment, uetr)))


def status_of(payment: Mapping[str, Any]) -> Content:
    """The status of a payment, as data of an answer."""
    status: Content = {"Sts": {"Cd": payment["status"]}}
    if payment["reason"]:
        cause = code_or_proprietary(payment["reason"], "ExternalStatusReason1Code")
        status["StsRsnInf"] = [{"Rsn": cause}]
    return {"TxSts": status}


def _booking(payment: Mapping[str, Any], uetr: str) -> tuple[Content, ...]:
    """The credit; none if the history of the payment is archived."""
    posted = next((step["at"] for step in payment["journey"] if step["event"] == "posted"), None)
    if posted is None:
        return ()
    at = datetime.fromisoformat(posted)
    credit = payment["credited_amount"]
    references: Content = {"UETR": uetr}
    rail = payment["rail_reference"] or ""
    if 0 < len(rail) <= _REFERENCE_MAX:
        references["ClrSysRef"] = rail
    booked: Content = {
        "Amt": {"Ccy": credit["currency"], "Amt": credit["amount"]},
        "CdtDbtInd": "CRDT",
        "BookgDt": {"DtTm": at.isoformat(timespec="milliseconds")},
        "ValDt": {"Dt": at.date().isoformat()},
        "Refs": references,
    }
    return ({"Conf": booked},)


def now_said(case: Investigation, payment: Mapping[str, Any]) -> InvestigationAnswer:
    """The response to the asker of an investigation in its present state."""
    match case.state:
        case InvestigationState.WAITING:
            return InvestigationAnswer(
                investigation.PENDING, investigation.BEING_COLLATED, (status_of(payment),)
            )
        case InvestigationState.ASKED | InvestigationState.PEOPLE:
            return InvestigationAnswer(investigation.PENDING, case.code, (status_of(payment),))
        case InvestigationState.WITHDRAWN:
            return InvestigationAnswer(investigation.CLOSED, investigation.AS_REQUESTED)
        case InvestigationState.REJECTED:
            return InvestigationAnswer(investigation.REJECTED, case.code, _words(case))
        case InvestigationState.ANSWERED:
            known = of_books(payment, case.stated) if case.answered_by == BOOKS else None
            return known or InvestigationAnswer(investigation.CLOSED, case.code, _words(case))


def _words(case: Investigation) -> tuple[Content, ...]:
    return ({"RspnNrrtv": case.answer},) if case.answer else ()


# What is kept


async def named(pool: asyncpg.Pool, asker: str, name: str) -> Investigation | None:
    """The investigation of a bank by its own name for it; None if there is none."""
    row = await pool.fetchrow(_NAMED, asker, name)
    return None if row is None else investigation_of(row)


async def asked(pool: asyncpg.Pool, answerer: str, message_id: str) -> list[Investigation]:
    """What was asked of a bank by messages of this id: at most one investigation of each sender."""
    return [investigation_of(row) for row in await pool.fetch(_ASKED, answerer, message_id)]


async def count_waiting(pool: asyncpg.Pool, answerer: str) -> int:
    """Number of questions that await a participant's reply."""
    waiting: int = await pool.fetchval(_QUESTIONS, answerer)
    return waiting


async def add(
    connection: asyncpg.Connection,
    id_: UUID,
    request: InvestigationRequest,
    *,
    uetr: UUID,
    agents: tuple[str, str],
    fingerprint: bytes,
    state: InvestigationState,
    answer: InvestigationAnswer,
    within: timedelta | None,
) -> bool:
    """Keep a new investigation of the first agent, and the response to it; False if its id is in use.

    In a transaction: one question of a bank about a payment after the other is counted.

    Raises:
        Refused: the bank has asked `OF_PAYMENT_MAX` times about the payment.

    """
    await connection.execute(_LOCK, f"investigation/{uetr}/{agents[0]}")
    values = (id_, uetr, agents[0], request.investigation, agents[1], request.type, request.reason)
    by = BOOKS if state is InvestigationState.ANSWERED else ""
    kept = (fingerprint, request.id, json.dumps(request.repeated), state, answer.reason, by, within)
    if await connection.fetchval(_ADD, *values, *kept) is None:
        return False
    if await connection.fetchval(_COUNT, uetr, agents[0]) > OF_PAYMENT_MAX:
        raise Refused(
            f"there are {OF_PAYMENT_MAX} investigations of yours about this payment",
            reason=Reason.LIMIT_EXCEEDED,
            remedy="Go on with one of them: an action (ReqActn) names it by its RqstrInvstgtnId.",
        )
    return True


async def answer(
    connection: asyncpg.Connection, id_: UUID, state: InvestigationState, code: str, by: str
) -> bool:
    """Record the answer of the agent on the other side; False if the investigation has ended."""
    return await connection.fetchval(_ANSWER, id_, state, code, by) is not None


async def interim(connection: asyncpg.Connection, id_: UUID, code: str) -> bool:
    """Record an interim answer; False if its time is over, or there were `INTERIM_MAX`."""
    return await connection.fetchval(_INTERIM, id_, code, INTERIM_MAX) is not None


async def withdraw(connection: asyncpg.Connection, id_: UUID) -> bool:
    """End an open investigation for its asker; False if it has ended."""
    return await connection.fetchval(_WITHDRAW, id_, investigation.AS_REQUESTED) is not None


async def reopen(
    connection: asyncpg.Connection,
    id_: UUID,
    request: InvestigationRequest,
    *,
    state: InvestigationState,
    code: str,
    within: timedelta,
) -> bool:
    """Ask again after an objection to the answer; False if there is no answer, or there were too many."""
    values = (state, request.id, json.dumps(request.repeated), within, code, OBJECTIONS_MAX)
    return await connection.fetchval(_REOPEN, id_, *values) is not None


async def of_payment(
    pool: asyncpg.Pool, uetr: UUID, owners: Sequence[str] | None
) -> Sequence[dict[str, Any]]:
    """The investigations of a payment, as the API shows them to a reader of `owners`, oldest first."""
    return [_document(row) for row in await pool.fetch(_OF_PAYMENT, uetr, owners)]


def _document(row: asyncpg.Record) -> dict[str, Any]:
    def text(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "id": row["name"],
        "reference": row["id"].hex,
        "asker": row["asker"],
        "answerer": row["answerer"],
        "type": row["type"],
        "reason": row["reason"],
        "state": row["state"],
        "code": row["code"] or None,
        "answered_by": row["answered_by"] or None,
        "asked_at": text(row["asked_at"]),
        "until": text(row["until_at"]),
        "ended_at": text(row["ended_at"]),
    }
