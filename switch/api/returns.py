"""Recalls and returns: camt.056 (request), camt.029 (negative answer), pacs.004 (return of the money).

A payment that has not left the switch is cancelled at once. One that may have left it can only be returned by
the creditor agent: the cancellation request is stored for it, answered as pending, and closed by its camt.029
or pacs.004. A payment is returned in full and once: every leg moves the other way, in one set of entries that
refers to the payment. Or it is returned by parts, or at the rate in force, which the pacs.004 then states:
each is a set of its own, without the fee. `switch.payments.returnable` states how long, and at which rates.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from schemas import cancellation, payment_return, remedies, status_report
from schemas.cancellation import CancellationRequest
from schemas.codec import digest
from schemas.errors import DuplicateUetr, NotAllowed, NotFound, Refused
from schemas.money import Money
from schemas.payment_return import PaymentReturn
from schemas.reasons import Reason
from switch.api import originals, return_terms
from switch.api.acknowledgements import acknowledgement
from switch.api.receiving import STATUS_REPORT, IsoResponse, Received
from switch.payments import correspondence, recalls, returnable
from switch.payments.held import read as read_held
from switch.payments.journey import read_payment, read_received
from switch.payments.recalls import RecallState
from switch.writer.commands import Advance, Return
from switch.writer.lifecycle import Event, State
from switch.writer.part_returns import left_to_return
from switch.writer.verdicts import Verdict

_GIVEN: Final = "ACSC"
_ANSWERS: Final = {
    cancellation.REJECTED: RecallState.REJECTED,
    cancellation.CANCELLED: RecallState.AGREED,
}
"""What the creditor agent's camt.029 means for a recall; others change nothing."""
_IS_PART: Final = "SELECT EXISTS (SELECT FROM switch.part_return WHERE id = $1)"
_REFUSALS: Final = {
    Verdict.CAP_EXCEEDED: Reason.AMOUNT_EXCEEDS_SETTLEMENT_LIMIT,
    Verdict.ALREADY_CORRECTED: Reason.DUPLICATION,
    Verdict.PART_RETURNED: Reason.WRONG_AMOUNT,
    Verdict.MORE_THAN_LEFT: Reason.WRONG_AMOUNT,
    Verdict.AMOUNT_MUST_BE_POSITIVE: Reason.WRONG_AMOUNT,
}
"""Refusals of the ledger as status reasons; the others are MS03."""


async def return_payment(received: Received) -> IsoResponse:
    """pacs.004 of the creditor agent, answered by pacs.002.

    Raises:
        NotFound: the caller has no such payment.
        NotAllowed: the caller is not its creditor agent.
        Refused: it was not credited, or the amount is more than was credited.
        DuplicateUetr: the id of this return is already used with other content.

    """
    asked = payment_return.read(received.message)
    payment = await read_received(received.runtime.pool, UUID(asked.uetr), received.sender.id)
    _check_return(asked, payment)
    await originals.check(received, payment)
    message_id = asked.id or asked.message_id
    id_ = correspondence.identity(received.sender.id, received.message, message_id)
    kept = await received.runtime.pool.fetchval(_IS_PART, id_)
    if not payment.get("returned") and not kept:
        await return_terms.check(received, asked, payment)
        refused = await return_terms.refusal(received, asked, UUID(payment["uetr"]))
        if refused:
            return _report(received, asked, payment, "RJCT", refused.reason, refused.text)
    reply = await received.runtime.link.ask(
        Return(
            id=id_.bytes,
            fingerprint=received.runtime.keys.fingerprint(received.sender.id, digest(received.message)),
            uetr=UUID(payment["uetr"]).bytes,
            sender=received.sender.id,
            message_id=message_id,
            reason=asked.reason or "",
            evidence=received.evidence,
            minor=0 if return_terms.is_whole(asked, payment) and not kept else asked.amount.minor,
            rate=asked.rate,
        )
    )
    if reply.verdict is Verdict.EXISTS_WITH_DIFFERENT_CONTENT:
        raise DuplicateUetr("the id of this return is already used with other content")
    if reply.verdict in {Verdict.CREATED, Verdict.EXISTS}:
        await _notify_debtor_agent(received, asked, payment)
        return _report(received, asked, payment, _GIVEN, None)
    reason = _REFUSALS.get(reply.verdict, Reason.REASON_NOT_SPECIFIED)
    return _report(received, asked, payment, "RJCT", reason, reply.detail or reply.verdict.text)


def _check_return(asked: PaymentReturn, payment: dict[str, Any]) -> None:
    if payment["state"] != State.COMMITTED:
        raise Refused("this payment was not credited", reason=Reason.REASON_NOT_SPECIFIED)
    credited = payment["credited_amount"]
    whole = Money.parse(credited["amount"], credited["currency"])
    parts = (Money.parse(each["amount"]["amount"], whole.currency) for each in payment["part_returns"])
    left = 0 if payment.get("returned") else whole.minor - sum(part.minor for part in parts)
    if asked.amount.currency != whole.currency or asked.amount.minor > whole.minor:
        wrong = asked.amount.currency != whole.currency
        text = f"is not in the credited currency, {whole.currency}; " if wrong else ""
        raise Refused(
            text + left_to_return(Money(left, whole.currency)),
            reason=Reason.WRONG_AMOUNT,
            path=f"{payment_return.ROOT}/TxInf/RtrdIntrBkSttlmAmt",
        )


async def _notify_debtor_agent(received: Received, asked: PaymentReturn, payment: dict[str, Any]) -> None:
    await correspondence.store(
        received.runtime.pool,
        received.runtime.keys,
        received.message,
        message_id=asked.id or asked.message_id,
        sender=received.sender.id,
        receiver=payment["debtor_agent"],
        uetr=UUID(payment["uetr"]),
    )


def _report(  # noqa: PLR0917 - what a status report states
    received: Received,
    asked: PaymentReturn,
    payment: dict[str, Any],
    status: str,
    reason: str | None,
    detail: str | None = None,
) -> IsoResponse:
    document = status_report.build(
        message_id=uuid.uuid4().hex,
        created_at=datetime.now(UTC),
        original=asked,
        original_message_id=asked.message_id,
        original_message_name=received.message.id,
        status=status,
        reason=reason,
        additional=detail,
        remedy=remedies.of_status(status, reason, detail),
    )
    headers = {"Location": f"/v1/payments/{payment['uetr']}"}
    return IsoResponse(STATUS_REPORT, document, 200 if status == _GIVEN else 422, headers)


async def recall(received: Received) -> IsoResponse:
    """camt.056 of the debtor agent, answered by camt.029: cancelled, pending, or rejected.

    Raises:
        NotAllowed: the caller is not the payment's debtor agent.
        Refused: a detail does not belong to the payment of the UETR, or the addressee is wrong.

    """
    request = cancellation.read(received.message)
    uetr = UUID(request.uetr)
    try:
        payment = await read_payment(received.runtime.pool, uetr, [received.sender.id])
    except NotFound:
        return _resolution(request, cancellation.REJECTED, cancellation.NO_ORIGINAL)
    if payment.get("debtor_agent") != received.sender.id:
        raise NotAllowed("only the debtor agent may recall a payment")
    uetr = UUID(payment["uetr"])
    await originals.check(received, payment)
    returned = payment["returned"] or any(step["event"] == "returned" for step in payment["journey"])
    if payment["state"] == State.ABORTED or returned:
        return _resolution(request, cancellation.REJECTED, cancellation.ALREADY_RETURNED)
    if payment["state"] == State.RECEIVED:
        return await _cancel_pending(received, request, uetr)
    if payment["state"] == State.RESERVED and received.sender.status == "active":
        step = Advance(uetr.bytes, Event.CANCEL, reason=Reason.NARRATIVE, detail="cancelled by its sender")
        reply = await received.runtime.link.ask(step)
        if reply.verdict is Verdict.ADVANCED:
            return _resolution(request, cancellation.CANCELLED)
    late = await _late(received, request, uetr)
    if late:
        return _resolution(request, cancellation.REJECTED, cancellation.NARRATIVE, late)
    await correspondence.store(
        received.runtime.pool,
        received.runtime.keys,
        received.message,
        message_id=request.id,
        sender=received.sender.id,
        receiver=payment["creditor_agent"],
        uetr=uetr,
    )
    await recalls.add(
        received.runtime.pool,
        correspondence.identity(received.sender.id, received.message, request.id),
        uetr,
        request,
        agents=(received.sender.id, payment["creditor_agent"]),
        over_rail=_is_asked_over_rail(received, payment),
        within=timedelta(days=received.runtime.settings.recall_answer_within_days),
    )
    return _resolution(request, cancellation.PENDING)


async def _late(received: Received, request: CancellationRequest, uetr: UUID) -> str:
    """Why a payment is too old to be recalled for this reason; empty if it is not, or known already."""
    pool, keys = received.runtime.pool, received.runtime.keys
    known = await correspondence.is_known(
        pool, keys, received.message, message_id=request.id, sender=received.sender.id
    )
    payment = None if known else (await returnable.read(pool, [uetr])).get(uetr)
    if payment is None or not payment.posted:
        return ""
    now = datetime.now(UTC)
    return recalls.late(request.reason or "", now - (payment.credited_at or datetime.min.replace(tzinfo=UTC)))


def _is_asked_over_rail(received: Received, payment: dict[str, Any]) -> bool:
    """Whether the payee's bank is no participant, and its rail passes recalls on."""
    bank = received.runtime.directory.now.by_id.get(payment["creditor_agent"])
    rail = received.runtime.rails.get(payment["rail"])
    is_gateway = bank is not None and bank.kind == "gateway"
    return is_gateway and rail is not None and rail.adapter.profile.recalls is not None


async def _cancel_pending(received: Received, request: CancellationRequest, uetr: UUID) -> IsoResponse:
    """Cancel a payment that is not in the books yet. The creditor agent receives no message about it."""
    runtime = received.runtime
    for held in await read_held(runtime.pool, runtime.keys, [uetr]):
        status = await runtime.intake.end_held(held, Reason.NARRATIVE)
        if status.refused_here:
            return _resolution(request, cancellation.CANCELLED)
    return _resolution(request, cancellation.PENDING)


def _resolution(
    request: CancellationRequest, confirmation: str, reason: str | None = None, information: str = ""
) -> IsoResponse:
    document = cancellation.build_resolution(
        request,
        resolution_id=uuid.uuid4().hex,
        created_at=datetime.now(UTC),
        confirmation=confirmation,
        reason=reason,
        information=information,
    )
    status = 202 if confirmation == cancellation.PENDING else 200
    return IsoResponse(cancellation.DEFAULT_RESOLUTION, document, status)


async def answer_recall(received: Received) -> IsoResponse:
    """camt.029 of the creditor agent: store it for the debtor agent, and acknowledge it by admi.007.

    Raises:
        NotFound: the caller has no such payment, or no cancellation request for it.
        NotAllowed: the caller is not its creditor agent.
        Refused: a detail does not belong to the payment of the UETR, or the addressee is wrong.

    """
    resolution = cancellation.read_resolution(received.message)
    payment = await read_received(received.runtime.pool, UUID(resolution.uetr), received.sender.id)
    uetr = UUID(payment["uetr"])
    asker = await correspondence.recalled_by(received.runtime.pool, uetr, received.sender.id)
    if asker is None:
        raise NotFound("there is no cancellation request for this payment")
    await originals.check(received, payment)
    await correspondence.store(
        received.runtime.pool,
        received.runtime.keys,
        received.message,
        message_id=resolution.id,
        sender=received.sender.id,
        receiver=asker,
        uetr=uetr,
    )
    state = _ANSWERS.get(resolution.confirmation)
    if state is not None:
        code = resolution.reason or ""
        await recalls.answered(received.runtime.pool, uetr, received.sender.id, state, code)
    return acknowledgement(resolution.id)
