"""Answers of banks to questions about payments: camt.111, acknowledged by admi.007.

An answer goes to the bank that asked as it is. So what it states is compared here: what it repeats with the
question, what it says of the payment with the books. An agent that is to answer next, and reasons that only
the switch states, are refused.
"""

from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas import investigation
from schemas.errors import NotFound, Refused
from schemas.investigation import OF_SWITCH, InvestigationResponse
from schemas.parties import Content
from schemas.reasons import Reason
from switch.api import originals
from switch.api.acknowledgements import acknowledgement
from switch.api.receiving import IsoResponse, Received
from switch.base.failpoints import failpoint
from switch.payments import bank_answers, correspondence, investigations, own_uetrs, stated
from switch.payments.investigations import INTERIM_MAX, Investigation, InvestigationState
from switch.payments.journey import read_payment, read_received

_SAID: Final = f"{investigation.RESPONSE}/{investigation.RESPONSE}"
_ORIGINAL: Final = f"{investigation.RESPONSE}/{investigation.ORIGINAL}"
_STATUS: Final = f"{_SAID}/InvstgtnSts"
_STATES: Final = {
    investigation.CLOSED: InvestigationState.ANSWERED,
    investigation.REJECTED: InvestigationState.REJECTED,
}
"""What the status of an answer makes of an investigation; PDNG is an interim answer."""


async def answer(received: Received) -> IsoResponse:
    """camt.111 of the agent that was asked: store it for the asker, and acknowledge it by admi.007.

    Raises:
        NotFound: nothing was asked of the caller by such a message.
        Refused: it is not clear which question it answers, the question has ended, or the answer states what
            is not so, or what only the switch states.
        DuplicateUetr: the caller used this message id before, with other content.

    """
    said = investigation.read_response(received.message)
    _check_own(said)
    known = await _asked(received, said)
    payment = await _payment(received, known)
    await originals.check(received, payment)
    runtime, sender = received.runtime, received.sender.id
    if await correspondence.is_known(
        runtime.pool, runtime.keys, received.message, message_id=said.id, sender=sender
    ):
        return acknowledgement(said.id)
    if known.state not in investigations.OPEN:
        raise _ended()
    await _check_repeated(received, said, known)
    bank_answers.check(said, payment, {payment["uetr"], known.stated}, answerer=sender)
    if said.status not in _STATES:
        _check_interim(known)
    await _keep(received, said, known)
    return acknowledgement(said.id)


async def _keep(received: Received, said: InvestigationResponse, known: Investigation) -> None:
    """Store the answer for the asker, and what it makes of the question, in one transaction."""

    async def move(connection: asyncpg.Connection) -> None:
        failpoint("before_investigation_answered")
        state = _STATES.get(said.status)
        if state is None:
            if not await investigations.interim(connection, known.id, said.reason):
                raise _no_interim("takes no interim answer any more")
        elif not await investigations.answer(connection, known.id, state, said.reason, received.sender.id):
            raise _ended()

    await correspondence.store(
        received.runtime.pool,
        received.runtime.keys,
        received.message,
        message_id=said.id,
        sender=received.sender.id,
        receiver=known.asker,
        uetr=known.uetr,
        beside=move,
    )
    failpoint("after_investigation_answered")


async def _payment(received: Received, known: Investigation) -> dict[str, Any]:
    """The payment of the question: the caller may also have sent one under its UETR."""
    pool, sender = received.runtime.pool, received.sender.id
    payment = await read_payment(pool, known.uetr, [sender])
    return payment if payment["uetr"] == str(known.uetr) else await read_received(pool, known.uetr, sender)


# Which question


async def _asked(received: Received, said: InvestigationResponse) -> Investigation:
    """The question that a bank answers: by the id of its message, and by what else the answer repeats.

    Raises:
        NotFound: there is none.
        Refused: it is of another type; or banks used the same id, and the answer does not tell them apart.

    """
    found = await investigations.asked(received.runtime.pool, received.sender.id, said.original_id)
    if said.investigation is not None:
        found = [one for one in found if one.request.get("RqstrInvstgtnId") == said.investigation]
    if said.uetr is not None:
        uetr = UUID(said.uetr)
        own = await own_uetrs.find(received.runtime.pool, [received.sender.id], uetr)
        found = [one for one in found if one.uetr in {uetr, own}]
    if not found:
        raise NotFound(
            "nothing was asked of you by a message with these ids",
            path=f"{_ORIGINAL}/MsgId",
            remedy="Repeat MsgId, RqstrInvstgtnId and UETR of the camt.110 that GET /v1/messages has.",
        )
    if len(found) > 1:
        raise Refused(
            "is the id of questions of several banks",
            reason=Reason.CONTENT_INCORRECT,
            path=f"{_ORIGINAL}/MsgId",
            remedy="Repeat the UETR of the payment (Undrlyg/IntrBk/OrgnlUETR) and the RqstrInvstgtnId.",
        )
    (known,) = found
    if known.type != said.type:
        text = "is not the type of the question"
        raise Refused(text, reason=Reason.CONTENT_INCORRECT, path=f"{_ORIGINAL}/InvstgtnTp")
    return known


def _ended() -> Refused:
    return Refused(
        "answers an investigation that has ended",
        reason=Reason.CONTENT_INCORRECT,
        path=f"{_ORIGINAL}/MsgId",
        remedy="Nothing: it was answered or withdrawn. GET /v1/payments/{uetr} lists its investigations.",
    )


# What the answer states


def _check_own(said: InvestigationResponse) -> None:
    """Refuse what only the switch states: who is asked next, and what became of the question here."""
    if said.next_responder:
        raise Refused(
            "only the switch names the agent that is asked next",
            reason=Reason.ELEMENT_NOT_ALLOWED,
            path=f"{_SAID}/NxtRspndr",
            remedy="Leave it out: answer PDNG while you ask another bank, and state what it says yourself.",
        )
    if said.reason in OF_SWITCH:
        raise Refused(
            "is a reason that only the switch states",
            reason=Reason.CONTENT_INCORRECT,
            path=f"{_STATUS}/StsRsn",
            remedy="State another code of docs/integrate/investigations.md; PDNG may be without one.",
        )


async def _check_repeated(received: Received, said: InvestigationResponse, known: Investigation) -> None:
    """Refuse an answer that repeats the question otherwise than it was asked: other agents, ids, codes."""
    asked, reasons = await _question(received, said, known)
    for path in investigation.differences(said, asked, reasons):
        tag = path.rpartition("/")[2]
        if tag == "Agt":
            party = asked.get(path.split("/")[-2], {})
            bic = party.get("Agt", {}).get("FinInstnId", {}).get("BICFI")
            raise stated.wrong_agent("is not that of the question" + (f": {bic}" if bic else ""), path)
        raise Refused(
            "is not as the question states it",
            reason=Reason.CONTENT_INCORRECT,
            path=path,
            remedy="Repeat what the question states (GET /v1/messages), or leave it out.",
        )


async def _question(
    received: Received, said: InvestigationResponse, known: Investigation
) -> tuple[Content, list[Content] | None]:
    """The question as it was asked, and its reasons; if it was erased, only what is kept is compared."""
    id_ = correspondence.identity_of(known.asker, investigation.MESSAGE, known.message_id)
    document = await correspondence.document(received.runtime.pool, received.runtime.keys, id_)
    if document is None:
        return {**said.repeated, **known.request}, None
    content = document[investigation.REQUEST]
    return content[investigation.REQUEST], content["InvstgtnData"]


def _check_interim(known: Investigation) -> None:
    """Refuse an interim answer when there were enough, or when the time for the answer is over."""
    if known.state is not InvestigationState.ASKED:
        raise _no_interim("comes too late: people of the operator have the question")
    if known.interim >= INTERIM_MAX:
        raise _no_interim(f"follows {INTERIM_MAX} interim answers: there are no more")


def _no_interim(text: str) -> Refused:
    return Refused(
        text,
        reason=Reason.CONTENT_INCORRECT,
        path=f"{_STATUS}/Sts",
        remedy="Answer with CLSD or RJCT.",
    )
