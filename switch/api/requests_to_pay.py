"""Requests to pay: pain.013 of the creditor's agent, pain.014 of the debtor's. They move no money.

The debtor's agent reads the request among its messages, answers it, and, if its customer agrees, pays by a
pacs.008 of its own, with the request's end-to-end id.

An answer names a request by its message id, which is unique for its sender alone. Where two banks have sent
the same id to one debtor agent, an answer must name the bank that it is for (`GrpHdr/CdtrAgt`) or is refused,
and both banks are told at once, so that they can ask again under another id.
"""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from schemas import codec
from schemas.errors import NotAllowed, NotFound, Refused
from schemas.parties import instant_text, read_agent, read_instant
from schemas.reasons import Reason
from switch.api.acknowledgements import acknowledgement
from switch.api.door import Answer, Entered
from switch.payments import correspondence
from switch.payments.correspondence import Request
from switch.payments.directory import Participant

_NAME: Final = "pain.013"
_REQUEST: Final = "CdtrPmtActvtnReq"
_REPORT: Final = "CdtrPmtActvtnReqStsRpt"
_DEFINITION: Final = "pain.014.001.07"
_RECEIVED: Final = "RCVD"
_PENDING: Final = "PDNG"
_DUPLICATE_ID: Final = Reason.DUPLICATE_MESSAGE_ID
_NOT_PROVIDED: Final = "NOTPROVIDED"
_DIFFERENT: Final = {
    "OrgnlCtrlSum": Reason.WRONG_SUM,
    "Amt": Reason.WRONG_AMOUNT,
    "ReqdExctnDt": Reason.INVALID_DATE,
    "XpryDt": Reason.INVALID_DATE,
    "DbtrAgt": Reason.INCORRECT_AGENT,
    "CdtrAgt": Reason.INCORRECT_AGENT,
}
"""Element -> the reason for refusing another one than was asked for; the others are CH16."""
_BANK: Final = "direct"
_SHARED = (
    "Another bank has sent your debtor agent this message id. Its answer must name you; or use another id."
)


async def ask_to_pay(entered: Entered) -> Answer:
    """pain.013: kept for the debtor's agent; answered by a pain.014 that says it was received.

    Raises:
        NotAllowed: the sender is no bank that may send payments now.
        Refused: it is not one request, or the debtor's agent takes no part.
        DuplicateUetr: the sender used this message id before, with other content.

    """
    content = entered.message.document[_REQUEST]
    if entered.sender.kind != _BANK or entered.sender.status != "active":
        raise NotAllowed("only a bank that takes part asks for payments")
    debtor_agent = _debtor_agent(entered, content["PmtInf"])
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
    requests = await correspondence.of_id(entered.runtime.pool, debtor_agent.id, _NAME, message_id)
    if len(requests) > 1:
        for request in requests:
            await _tell_of_shared_id(entered, request, message_id)
    return Answer(_DEFINITION, _report(message_id, entered.message.id, _RECEIVED), 202)


def _debtor_agent(entered: Entered, payments: list[dict[str, Any]]) -> Participant:
    if len(payments) != 1 or len(payments[0]["CdtTrfTx"]) != 1:
        raise Refused("must hold one request", reason=Reason.CONTENT_INCORRECT, path=f"{_REQUEST}/PmtInf")
    agent = read_agent(payments[0]["DbtrAgt"])
    found = entered.runtime.directory.now.by_bic.get(((agent and agent.bic) or "")[:8])
    if found is None or found.status != "active" or found.kind != _BANK:
        raise Refused("the debtor agent takes no part", reason=Reason.INCORRECT_AGENT)
    return found


async def _tell_of_shared_id(entered: Entered, request: Request, message_id: str) -> None:
    """Tell a bank, once, that its request shares its id with another bank's."""
    document = _report(
        message_id,
        request.definition,
        _PENDING,
        id_=uuid.uuid5(request.id, _DEFINITION).hex,
        at=request.at,
        cause={"Rsn": {"Cd": _DUPLICATE_ID}, "AddtlInf": [_SHARED]},
    )
    raw = codec.encode(_DEFINITION, document, media_type=codec.JSON)
    notice = codec.decode(raw, media_type=codec.JSON)
    await correspondence.keep(
        entered.runtime.pool,
        entered.runtime.keys,
        notice,
        message_id=document[_REPORT]["GrpHdr"]["MsgId"],
        sender=None,
        receiver=request.sender,
        uetr=None,
    )


def _report(
    original: str,
    definition: str,
    status: str,
    *,
    id_: str | None = None,
    at: datetime | None = None,
    cause: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of a pain.014 of the switch about a request."""
    header = {
        "MsgId": id_ or uuid.uuid4().hex,
        "CreDtTm": instant_text(at or datetime.now(UTC)),
        "InitgPty": {},
    }
    group: dict[str, Any] = {"OrgnlMsgId": original, "OrgnlMsgNmId": definition, "GrpSts": status}
    if cause:
        group["StsRsnInf"] = [cause]
    return {_REPORT: {"GrpHdr": header, "OrgnlGrpInfAndSts": group}}


async def answer_request(entered: Entered) -> Answer:
    """pain.014 of the debtor's agent: kept for the one that asked; acknowledged by admi.007.

    Raises:
        NotFound: nobody sent the caller such a request.
        Refused: several banks did, and the answer does not say which one it is for; or what it names is
            of another message or payment.
        DuplicateUetr: the caller used this message id before, with other content.

    """
    content = entered.message.document[_REPORT]
    group = content["OrgnlGrpInfAndSts"]
    if not group["OrgnlMsgNmId"].startswith(_NAME):
        raise Refused(
            f"only a {_NAME} is answered so",
            reason=Reason.CONTENT_INCORRECT,
            path=f"{_REPORT}/OrgnlGrpInfAndSts/OrgnlMsgNmId",
        )
    original: str = group["OrgnlMsgId"]
    requests = await correspondence.of_id(entered.runtime.pool, entered.sender.id, _NAME, original)
    request = _answered(entered, requests, content["GrpHdr"].get("CdtrAgt"))
    asked = await correspondence.document(entered.runtime.pool, entered.runtime.keys, request.id)
    if asked is not None:
        _check_original(content, asked[_REQUEST])
    message_id: str = content["GrpHdr"]["MsgId"]
    await correspondence.keep(
        entered.runtime.pool,
        entered.runtime.keys,
        entered.message,
        message_id=message_id,
        sender=entered.sender.id,
        receiver=request.sender,
        uetr=None,
    )
    return acknowledgement(message_id)


def _check_original(content: dict[str, Any], asked: dict[str, Any]) -> None:
    """Hold what an answer says of its request against the request: ids, times, counts, amounts and agents.

    Raises:
        Refused: it is of another one.

    """
    (payment,) = asked["PmtInf"]
    (transfer,) = payment["CdtTrfTx"]
    group, ids, amount = asked["GrpHdr"], transfer["PmtId"], transfer["Amt"]
    counted = {"NbOfTxs": "1", "CtrlSum": group.get("CtrlSum", amount.get("InstdAmt", {}).get("Amt"))}
    counts = {f"Orgnl{tag}": value for tag, value in counted.items() if value is not None}
    place = f"{_REPORT}/OrgnlGrpInfAndSts"
    _compare(content["OrgnlGrpInfAndSts"], {"OrgnlCreDtTm": group["CreDtTm"], **counts}, place)
    for part in content.get("OrgnlPmtInfAndSts", []):
        place = f"{_REPORT}/OrgnlPmtInfAndSts"
        _compare(part, {"OrgnlPmtInfId": payment.get("PmtInfId"), **counts}, place)
        for named in part.get("TxInfAndSts", []):
            known = {f"Orgnl{tag}": ids.get(tag) for tag in ("InstrId", "EndToEndId")}
            if "UETR" in ids:  # a request without one is paid under the payer's own
                known["OrgnlUETR"] = ids["UETR"]
            _compare(named, known, f"{place}/TxInfAndSts")
            original = {
                "Amt": amount,
                "ReqdExctnDt": payment["ReqdExctnDt"],
                "XpryDt": payment.get("XpryDt"),
                "DbtrAgt": payment["DbtrAgt"],
                "CdtrAgt": transfer["CdtrAgt"],
            }
            _compare(named.get("OrgnlTxRef", {}), original, f"{place}/TxInfAndSts/OrgnlTxRef")


def _compare(stated: dict[str, Any], asked: dict[str, Any], place: str) -> None:
    """Refuse the first element that says something else than was asked for."""
    for tag, value in asked.items():
        said = stated.get(tag, _NOT_PROVIDED)
        if said != _NOT_PROVIDED and _meaning(tag, said) != _meaning(tag, value):
            reason, path = _DIFFERENT.get(tag, Reason.CONTENT_INCORRECT), f"{place}/{tag}"
            raise Refused("is of another request than the message id", reason=reason, path=path)


def _meaning(tag: str, value: Any) -> Any:
    """What an element says, however it is written."""
    if value is None:
        return None
    if tag.endswith("Agt"):
        agent = read_agent(value)
        return agent and (agent.bic[:8] if agent.bic else agent.member_id)
    if tag == "OrgnlCreDtTm":
        return read_instant(value, tag)
    if tag in {"OrgnlNbOfTxs", "OrgnlCtrlSum"}:
        return Decimal(value)
    if tag == "Amt":
        return {name: _money(content) for name, content in value.items()}
    return value


def _money(content: dict[str, Any]) -> Any:
    """An amount as a number with its currency, also inside of an equivalent amount."""
    if "Ccy" in content:
        return content["Ccy"], Decimal(content["Amt"])
    return {name: _money(part) if isinstance(part, dict) else part for name, part in content.items()}


def _answered(entered: Entered, requests: list[Request], named: dict[str, Any] | None) -> Request:
    """The one request that an answer is for."""
    path = f"{_REPORT}/GrpHdr/CdtrAgt"
    if named is not None:
        agent = read_agent(named)
        asker = entered.runtime.directory.now.by_bic.get(((agent and agent.bic) or "")[:8])
        requests = [request for request in requests if asker is not None and request.sender == asker.id]
    if not requests:
        raise NotFound("no request of this id came to the caller from the bank that is named", path=path)
    if len(requests) > 1:
        raise Refused(
            "several banks sent a request of this id: name the one that is answered by its BIC",
            reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
            path=path,
        )
    return requests[0]
