"""Requests to pay: pain.013 of the creditor's agent, pain.014 of the debtor's. They move no money.

The debtor's agent reads the request among its messages, answers it, and, if its customer agrees, pays by a
pacs.008 of its own, with the request's end-to-end id.
"""

import uuid
from datetime import UTC, datetime
from typing import Final

from schemas.errors import NotFound, Refused
from schemas.parties import instant_text, read_agent
from schemas.reasons import Reason
from switch import correspondence
from switch.api.acknowledgements import acknowledgement
from switch.api.door import Answer, Entered

_REQUEST: Final = "CdtrPmtActvtnReq"
_REPORT: Final = "CdtrPmtActvtnReqStsRpt"
_DEFINITION: Final = "pain.014.001.07"
_RECEIVED: Final = "RCVD"


async def ask_to_pay(entered: Entered) -> Answer:
    """pain.013: kept for the debtor's agent; answered by a pain.014 that says it was received.

    Raises:
        Refused: it is not one request, or the debtor's agent takes no part.

    """
    content = entered.message.document[_REQUEST]
    payments = content["PmtInf"]
    if len(payments) != 1 or len(payments[0]["CdtTrfTx"]) != 1:
        raise Refused(
            "must hold one request", reason=Reason.ELEMENT_CONTENT_INCORRECT, path=f"{_REQUEST}/PmtInf"
        )
    agent = read_agent(payments[0]["DbtrAgt"])
    debtor_agent = entered.runtime.directory.now.by_bic.get(((agent and agent.bic) or "")[:8])
    if debtor_agent is None or debtor_agent.status != "active":
        raise Refused("the debtor agent takes no part", reason=Reason.INCORRECT_AGENT)
    message_id: str = content["GrpHdr"]["MsgId"]
    await correspondence.keep(
        entered.runtime.pool,
        entered.runtime.keys,
        entered.message,
        message_id=message_id,
        sender=entered.sender.id,
        receiver=debtor_agent.id,
        uetr=None,
    )
    header = {"MsgId": uuid.uuid4().hex, "CreDtTm": instant_text(datetime.now(UTC)), "InitgPty": {}}
    original = {"OrgnlMsgId": message_id, "OrgnlMsgNmId": entered.message.id, "GrpSts": _RECEIVED}
    return Answer(_DEFINITION, {_REPORT: {"GrpHdr": header, "OrgnlGrpInfAndSts": original}}, 202)


async def answer_request(entered: Entered) -> Answer:
    """pain.014 of the debtor's agent: kept for the one that asked; acknowledged by admi.007.

    Raises:
        NotFound: nobody sent the caller such a request.

    """
    content = entered.message.document[_REPORT]
    original: str = content["OrgnlGrpInfAndSts"]["OrgnlMsgId"]
    asker = await correspondence.sender_of(entered.runtime.pool, entered.sender.id, "pain.013", original)
    if asker is None:
        raise NotFound("no request of this id came to the caller")
    message_id: str = content["GrpHdr"]["MsgId"]
    await correspondence.keep(
        entered.runtime.pool,
        entered.runtime.keys,
        entered.message,
        message_id=message_id,
        sender=entered.sender.id,
        receiver=asker,
        uetr=None,
    )
    return acknowledgement(message_id)
