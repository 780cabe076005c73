"""Investigations: camt.110, a question about a payment, answered by camt.111 of the switch or of a bank.

A question that nobody here may answer to this caller, because it knows no such payment, is answered like one
about a payment that does not exist. What the books know is answered at once. What only the other side knows
is stored for it in one transaction with the investigation, and closed by its camt.111
(`investigation_answers`).
"""

import contextlib
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from schemas import investigation
from schemas.codec import digest
from schemas.errors import DuplicateUetr, NotAllowed, NotFound, Refused
from schemas.investigation import (
    CLOSE,
    CREDITOR_AGENT,
    DEBTOR_AGENT,
    OBJECT,
    TYPES,
    InvestigationRequest,
)
from schemas.reasons import Reason
from switch.api import originals
from switch.api.receiving import IsoResponse, Received
from switch.base.failpoints import failpoint
from switch.payments import correspondence, investigations
from switch.payments.investigations import BOOKS, Investigation, InvestigationAnswer, InvestigationState
from switch.payments.journey import read_payment, read_received
from switch.writer.lifecycle import State

_UNSENT = frozenset({State.RECEIVED, State.RESERVED})
_NAME = f"{investigation.REQUEST}/{investigation.REQUEST}/RqstrInvstgtnId"
_ANSWERED = frozenset({InvestigationState.ANSWERED, InvestigationState.REJECTED})
"""States in which a question has an answer, to which its asker may object."""


class _Ended(Exception):
    """A question has ended since it was read."""


async def ask(received: Received) -> IsoResponse:
    """camt.110 of an agent of the payment, answered by camt.111: closed, pending, or rejected.

    Raises:
        NotAllowed: the caller is no agent of the payment, or not the one that asks such a question.
        NotFound: an action names no investigation of the caller.
        DuplicateUetr: the message id is already used with other content.
        Refused: a detail does not belong to the payment of the UETR, or the id is that of another question.

    """
    request = investigation.read_request(received.message)
    try:
        payment = await _payment(received, request)
    except NotFound:
        nothing = InvestigationAnswer(investigation.REJECTED, investigation.NEVER_RECEIVED)
        return _response(request, nothing)
    other = _other_side(received, request, payment)
    await originals.check(received, payment)
    known = await investigations.named(received.runtime.pool, received.sender.id, request.investigation)
    if request.action:
        return await _act(received, request, _of_action(request, payment, known), payment)
    if known is None:
        return await _begin(received, request, payment, other)
    _check_repetition(received, request, known)
    return _standing(received, request, known, payment)


async def _payment(received: Received, request: InvestigationRequest) -> dict[str, Any]:
    """The payment of the question, as the caller knows it: an agent may send and receive under one UETR."""
    pool, uetr, sender = received.runtime.pool, UUID(request.uetr), received.sender.id
    if DEBTOR_AGENT in TYPES[request.type].asked_by:
        return await read_payment(pool, uetr, [sender])
    try:
        return await read_received(pool, uetr, sender)
    except NotAllowed:
        raise NotAllowed("only the creditor agent asks a question of this type") from None


def _other_side(received: Received, request: InvestigationRequest, payment: dict[str, Any]) -> str:
    """The agent on the other side of the payment; empty if the payment was refused before it had one."""
    debtor, creditor = (payment.get(tag, "") for tag in (DEBTOR_AGENT, CREDITOR_AGENT))
    sides = {debtor or received.sender.id: DEBTOR_AGENT, creditor: CREDITOR_AGENT}
    side = sides.get(received.sender.id)
    if side is None:
        raise NotAllowed("only an agent of the payment may ask about it")
    if side not in TYPES[request.type].asked_by:
        raise NotAllowed(f"only the {'creditor' if side == DEBTOR_AGENT else 'debtor'} agent asks this")
    other: str = creditor if side == DEBTOR_AGENT else debtor
    return other


def _of_action(
    request: InvestigationRequest, payment: dict[str, Any], known: Investigation | None
) -> Investigation:
    """The investigation that an action names.

    Raises:
        NotFound: the caller has none of this name.
        Refused: it is of another type, or about another payment.

    """
    if known is None:
        raise NotFound(
            "you have no investigation with this id",
            path=_NAME,
            remedy="Name one of yours: `investigations` of GET /v1/payments/{uetr} lists them.",
        )
    if known.type != request.type or known.uetr != UUID(payment["uetr"]):
        text = "names an investigation of another type, or about another payment"
        raise Refused(text, reason=Reason.CONTENT_INCORRECT, path=_NAME)
    return known


def _check_repetition(received: Received, request: InvestigationRequest, known: Investigation) -> None:
    """Refuse a new question under a name that is in use."""
    if known.id != correspondence.identity(received.sender.id, received.message, request.id):
        raise Refused(
            "is in use for another question",
            reason=Reason.CONTENT_INCORRECT,
            path=_NAME,
            remedy="Use a new RqstrInvstgtnId for a new question; an action (ReqActn) continues the old one.",
        )
    if known.fingerprint != _fingerprint(received):
        raise DuplicateUetr("you have sent this message id before, with different content")


def _fingerprint(received: Received) -> bytes:
    return received.runtime.keys.fingerprint(received.sender.id, digest(received.message))


# A new question


async def _begin(
    received: Received, request: InvestigationRequest, payment: dict[str, Any], other: str
) -> IsoResponse:
    if TYPES[request.type].by_switch:
        known = investigations.of_books(payment, request.uetr)
        state = InvestigationState.WAITING if known is None else InvestigationState.ANSWERED
        said = known or InvestigationAnswer(
            investigation.PENDING, investigation.BEING_COLLATED, (investigations.status_of(payment),)
        )
        await _keep(received, request, payment, other, state=state, said=said)
        return _response(request, said, _id(received, request).hex)
    refused = _not_asked(request, payment)
    if refused is not None:
        return _response(request, refused)
    state, said = _passed_on(received, payment, other)
    await _keep(received, request, payment, other, state=state, said=said)
    return _response(request, said, _id(received, request).hex, _bic(received, other))


def _not_asked(request: InvestigationRequest, payment: dict[str, Any]) -> InvestigationAnswer | None:
    """Why the other side is not asked; None if it is."""
    status = (investigations.status_of(payment),)
    if payment["state"] == State.ABORTED:
        return InvestigationAnswer(investigation.REJECTED, investigation.PAYMENT_REJECTED, status)
    if payment["returned"] and request.type == "UTAP":
        return InvestigationAnswer(investigation.REJECTED, investigation.PAYMENT_RETURNED, status)
    if payment["state"] in _UNSENT:
        text = "The payment has not been sent to the other side yet: ask again once it has."
        return InvestigationAnswer(
            investigation.REJECTED, investigation.NARRATIVE, (*status, {"RspnNrrtv": text})
        )
    return None


def _passed_on(
    received: Received, payment: dict[str, Any], other: str
) -> tuple[InvestigationState, InvestigationAnswer]:
    """The state of a question that the other side answers, and the response to its asker."""
    answers = _may_answer(received, other)
    reason = investigation.FORWARDED if answers else investigation.ESCALATED
    said = InvestigationAnswer(investigation.PENDING, reason, (investigations.status_of(payment),))
    return (InvestigationState.ASKED if answers else InvestigationState.PEOPLE), said


def _may_answer(received: Received, other: str) -> bool:
    """Whether a participant answers: a gateway has no message for it, a suspended bank may send none."""
    bank = received.runtime.directory.now.by_id.get(other)
    return bank is not None and bank.kind != "gateway" and bank.status == "active"


async def _keep(
    received: Received,
    request: InvestigationRequest,
    payment: dict[str, Any],
    other: str,
    *,
    state: InvestigationState,
    said: InvestigationAnswer,
) -> None:
    """Keep a question; one that the other side answers in one transaction with its message."""
    is_passed_on = state in {InvestigationState.ASKED, InvestigationState.PEOPLE}

    async def add(connection: asyncpg.Connection) -> None:
        failpoint("before_investigation_kept")
        if not await investigations.add(
            connection,
            _id(received, request),
            request,
            uetr=UUID(payment["uetr"]),
            agents=(received.sender.id, other),
            fingerprint=_fingerprint(received),
            state=state,
            answer=said,
            within=_within(received, request) if is_passed_on else None,
        ):
            raise DuplicateUetr("you have sent this message id, or this id of an investigation, before")

    if is_passed_on:
        await _send(received, request.id, other, UUID(payment["uetr"]), add)
    else:
        await _add_once(received, request, add)
    failpoint("after_investigation_kept")


async def _add_once(received: Received, request: InvestigationRequest, add: correspondence.Beside) -> None:
    """Keep a question that the books answer; the same one at the same time is no other."""
    pool = received.runtime.pool
    try:
        async with pool.acquire() as connection, connection.transaction():
            await add(connection)
    except DuplicateUetr:
        known = await investigations.named(pool, received.sender.id, request.investigation)
        if known is None:
            raise
        _check_repetition(received, request, known)


def _id(received: Received, request: InvestigationRequest) -> UUID:
    return correspondence.identity(received.sender.id, received.message, request.id)


def _within(received: Received, request: InvestigationRequest) -> timedelta:
    days = received.runtime.settings.investigation_answer_within_days
    return timedelta(days=days if request.within_days is None else min(days, request.within_days))


async def _send(
    received: Received,
    message_id: str,
    receiver: str,
    uetr: UUID,
    beside: correspondence.Beside,
) -> bool:
    return await correspondence.store(
        received.runtime.pool,
        received.runtime.keys,
        received.message,
        message_id=message_id,
        sender=received.sender.id,
        receiver=receiver,
        uetr=uetr,
        beside=beside,
    )


# An action about an earlier question


async def _act(
    received: Received, request: InvestigationRequest, known: Investigation, payment: dict[str, Any]
) -> IsoResponse:
    """Tell the state of an investigation (RQST), close it (RQCL), or have it answered by others (RQOB)."""
    if request.action == CLOSE and known.state in investigations.OPEN:
        await _close(received, request, known)
    elif request.action == OBJECT:
        await _object(received, request, known)
    again = await investigations.named(received.runtime.pool, received.sender.id, request.investigation)
    assert again is not None
    return _standing(received, request, again, payment)


async def _close(received: Received, request: InvestigationRequest, known: Investigation) -> None:
    """Withdraw a question; whoever was asked has the message. Nothing happens if it has just ended."""

    async def end(connection: asyncpg.Connection) -> None:
        if not await investigations.withdraw(connection, known.id):
            raise _Ended

    with contextlib.suppress(_Ended):
        if known.state is InvestigationState.WAITING:
            async with received.runtime.pool.acquire() as connection:
                await end(connection)
        else:
            await _send(received, request.id, known.answerer, known.uetr, end)


async def _object(received: Received, request: InvestigationRequest, known: Investigation) -> None:
    """Have the other side answer in place of the books, or people in place of the other side.

    Raises:
        Refused: there is no answer yet, or too many were objected to.

    """
    runtime, sender = received.runtime, received.sender.id
    if await correspondence.is_known(
        runtime.pool, runtime.keys, received.message, message_id=request.id, sender=sender
    ):
        return
    if known.state not in _ANSWERED:
        raise _no_objection("there is no answer to which to object", "Wait for the answer.")
    if known.objections >= investigations.OBJECTIONS_MAX:
        raise _no_objection("too many answers were objected to", "Ask the operator.")
    to_bank = known.answered_by == BOOKS and _may_answer(received, known.answerer)
    state = InvestigationState.ASKED if to_bank else InvestigationState.PEOPLE

    async def again(connection: asyncpg.Connection) -> None:
        code = investigation.FORWARDED if to_bank else investigation.ESCALATED
        within = _within(received, request)
        if not await investigations.reopen(
            connection, known.id, request, state=state, code=code, within=within
        ):
            raise _no_objection("there is no answer to which to object", "Wait for the answer.")

    await _send(received, request.id, known.answerer, known.uetr, again)


def _no_objection(text: str, remedy: str) -> Refused:
    path = f"{investigation.REQUEST}/{investigation.REQUEST}/ReqActn"
    return Refused(text, reason=Reason.CONTENT_INCORRECT, path=path, remedy=remedy)


# Answers


def _standing(
    received: Received, request: InvestigationRequest, known: Investigation, payment: dict[str, Any]
) -> IsoResponse:
    said = investigations.now_said(known, payment)
    asked = known.state in {InvestigationState.ASKED, InvestigationState.PEOPLE}
    return _response(request, said, known.reference, _bic(received, known.answerer) if asked else None)


def _bic(received: Received, participant: str) -> str | None:
    known = received.runtime.directory.now.by_id.get(participant)
    return known.bic if known else None


def _response(
    request: InvestigationRequest,
    said: InvestigationAnswer,
    reference: str | None = None,
    next_responder: str | None = None,
) -> IsoResponse:
    document = investigation.build_response(
        request.repeated,
        response_id=uuid.uuid4().hex,
        investigation_id=reference,
        status=said.status,
        reason=said.reason,
        data=said.data,
        next_responder=next_responder,
    )
    status = 202 if said.status == investigation.PENDING else 200
    return IsoResponse(investigation.DEFAULT_RESPONSE, document, status)
