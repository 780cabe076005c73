"""Money back: camt.056 (the sender's wish), camt.029 (the receiver's no), pacs.004 (the receiver's yes).

A payment that has not left us is cancelled at once. One that may have left us is the creditor agent's to
give back: the wish is kept for it, answered as pending, and ended by its camt.029 or pacs.004. A return is
whole and once: every leg of the payment moves the other way, in one set that points at it.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from schemas import cancellation, payment_return, status_report
from schemas.cancellation import CancellationRequest
from schemas.codec import digest
from schemas.errors import DuplicateUetr, NotAllowed, NotFound, Refused
from schemas.money import Money
from schemas.payment_return import PaymentReturn
from schemas.reasons import Reason
from switch.api import originals
from switch.api.acknowledgements import acknowledgement
from switch.api.door import STATUS_REPORT, Answer, Entered
from switch.payments import correspondence
from switch.payments.journey import read_payment
from switch.writer.commands import Advance, Return
from switch.writer.lifecycle import Event, State
from switch.writer.verdicts import Verdict

_GIVEN: Final = "ACSC"
_REFUSALS: Final = {
    Verdict.CAP_EXCEEDED: Reason.AMOUNT_EXCEEDS_SETTLEMENT_LIMIT,
    Verdict.ALREADY_CORRECTED: Reason.DUPLICATION,
}
"""The ledger's refusals as status reasons; the others are MS03."""


async def give_back(entered: Entered) -> Answer:
    """pacs.004 of the creditor agent, answered by pacs.002.

    Raises:
        NotFound: there is no such payment of the caller's.
        NotAllowed: the caller is not its creditor agent.
        Refused: it was not credited, or the amount is not the whole of what was.
        DuplicateUetr: this return's id is known with other content.

    """
    asked = payment_return.read(entered.message)
    payment = await read_payment(entered.runtime.pool, UUID(asked.uetr), [entered.sender.id])
    _check_return(asked, payment, entered.sender.id)
    await originals.check(entered, payment)
    message_id = asked.id or asked.message_id
    reply = await entered.runtime.link.ask(
        Return(
            id=correspondence.identity(entered.sender.id, entered.message, message_id).bytes,
            fingerprint=entered.runtime.keys.fingerprint(entered.sender.id, digest(entered.message)),
            uetr=UUID(asked.uetr).bytes,
            sender=entered.sender.id,
            message_id=message_id,
            reason=asked.reason or "",
        )
    )
    if reply.verdict is Verdict.EXISTS_WITH_DIFFERENT_CONTENT:
        raise DuplicateUetr("this return's id is known with other content")
    if reply.verdict in {Verdict.CREATED, Verdict.EXISTS}:
        await _tell_the_debtor_agent(entered, asked, payment)
        return _report(entered, asked, payment, _GIVEN, None)
    reason = _REFUSALS.get(reply.verdict, Reason.REASON_NOT_SPECIFIED)
    return _report(entered, asked, payment, "RJCT", reason, reply.verdict.text)


def _check_return(asked: PaymentReturn, payment: dict[str, Any], sender: str) -> None:
    if payment.get("creditor_agent") != sender:
        raise NotAllowed("only the creditor agent gives a payment back")
    if payment["state"] != State.COMMITTED:
        raise Refused("this payment was not credited", reason=Reason.REASON_NOT_SPECIFIED)
    credited = payment["credited_amount"]
    if asked.amount != Money.parse(credited["amount"], credited["currency"]):
        raise Refused(
            "a return is of the whole amount that was credited",
            reason=Reason.WRONG_AMOUNT,
            path=f"{payment_return.ROOT}/TxInf/RtrdIntrBkSttlmAmt",
        )


async def _tell_the_debtor_agent(entered: Entered, asked: PaymentReturn, payment: dict[str, Any]) -> None:
    await correspondence.keep(
        entered.runtime.pool,
        entered.runtime.keys,
        entered.message,
        message_id=asked.id or asked.message_id,
        sender=entered.sender.id,
        receiver=payment["debtor_agent"],
        uetr=UUID(asked.uetr),
    )


def _report(  # noqa: PLR0917 - what a status report states
    entered: Entered,
    asked: PaymentReturn,
    payment: dict[str, Any],
    status: str,
    reason: str | None,
    detail: str | None = None,
) -> Answer:
    document = status_report.build(
        message_id=uuid.uuid4().hex,
        created_at=datetime.now(UTC),
        original=asked,
        original_message_id=asked.message_id,
        original_message_name=entered.message.id,
        status=status,
        reason=reason,
        additional=detail,
    )
    headers = {"Location": f"/v1/payments/{payment['uetr']}"}
    return Answer(STATUS_REPORT, document, 200 if status == _GIVEN else 422, headers)


async def ask_back(entered: Entered) -> Answer:
    """camt.056 of the debtor agent, answered by camt.029: cancelled, pending, or rejected.

    Raises:
        NotAllowed: the caller is not the payment's debtor agent.
        Refused: it says something of another payment than the UETR's, or is addressed to somebody else.

    """
    wish = cancellation.read(entered.message)
    uetr = UUID(wish.uetr)
    try:
        payment = await read_payment(entered.runtime.pool, uetr, [entered.sender.id])
    except NotFound:
        return _resolution(wish, cancellation.REJECTED, cancellation.NO_ORIGINAL)
    if payment.get("debtor_agent") != entered.sender.id:
        raise NotAllowed("only the debtor agent asks for a payment back")
    await originals.check(entered, payment)
    returned = any(step["event"] == "returned" for step in payment["journey"])
    if payment["state"] == State.ABORTED or returned:
        return _resolution(wish, cancellation.REJECTED, cancellation.ALREADY_RETURNED)
    if payment["state"] == State.RESERVED and entered.sender.status == "active":
        step = Advance(uetr.bytes, Event.CANCEL, reason=Reason.NARRATIVE, detail="cancelled by its sender")
        reply = await entered.runtime.link.ask(step)
        if reply.verdict is Verdict.ADVANCED:
            return _resolution(wish, cancellation.CANCELLED)
    await correspondence.keep(
        entered.runtime.pool,
        entered.runtime.keys,
        entered.message,
        message_id=wish.id,
        sender=entered.sender.id,
        receiver=payment["creditor_agent"],
        uetr=uetr,
    )
    return _resolution(wish, cancellation.PENDING)


def _resolution(wish: CancellationRequest, confirmation: str, reason: str | None = None) -> Answer:
    document = cancellation.build_resolution(
        wish,
        resolution_id=uuid.uuid4().hex,
        created_at=datetime.now(UTC),
        confirmation=confirmation,
        reason=reason,
    )
    status = 202 if confirmation == cancellation.PENDING else 200
    return Answer(cancellation.DEFAULT_RESOLUTION, document, status)


async def answer_wish(entered: Entered) -> Answer:
    """camt.029 of the creditor agent: kept for the debtor agent that asked; acknowledged by admi.007.

    Raises:
        NotFound: nobody asked the caller for this payment.
        Refused: it says something of another payment than the UETR's, or is addressed to somebody else.

    """
    resolution = cancellation.read_resolution(entered.message)
    uetr = UUID(resolution.uetr)
    asker = await correspondence.asked_back(entered.runtime.pool, uetr, entered.sender.id)
    if asker is None:
        raise NotFound("nobody asked for this payment back")
    payment = await read_payment(entered.runtime.pool, uetr, [entered.sender.id])
    await originals.check(entered, payment)
    await correspondence.keep(
        entered.runtime.pool,
        entered.runtime.keys,
        entered.message,
        message_id=resolution.id,
        sender=entered.sender.id,
        receiver=asker,
        uetr=uetr,
    )
    return acknowledgement(resolution.id)
