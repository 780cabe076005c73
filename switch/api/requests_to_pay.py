"""Requests to pay: pain.013 of the creditor agent, pain.014 of the debtor agent. They move no money.

The debtor agent reads the request among its messages, answers it, and, if its customer agrees, sends a
pacs.008 of its own with the end-to-end id of the request. What becomes of a request, and the payment that
answers it, is in `GET /v1/requests-to-pay` (`switch.payments.payment_requests`).

An answer names a request by its message id, which is unique only for its sender. If two banks have sent the
same id to one debtor agent, an answer must name its addressee (`GrpHdr/CdtrAgt`) or is refused. Both banks
are notified at once, so that they can send the request again under another id.
"""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse

from schemas import codec
from schemas.errors import NotAllowed, NotFound, Refused
from schemas.money import Money
from schemas.parties import instant_text, read_agent, read_instant
from schemas.payment import NOT_PROVIDED
from schemas.reasons import Reason
from switch.api import paging
from switch.api.acknowledgements import acknowledgement
from switch.api.paging import Before, Limit
from switch.api.reads import Context, Reader
from switch.api.receiving import IsoResponse, Received
from switch.base.settings import Settings
from switch.payments import correspondence, payment_requests, stated
from switch.payments.correspondence import OpenRequest
from switch.payments.directory import Participant
from switch.payments.payment_requests import PaymentRequest

router = APIRouter(prefix="/v1")
_NAME: Final = "pain.013"
_REQUEST: Final = "CdtrPmtActvtnReq"
_REPORT: Final = "CdtrPmtActvtnReqStsRpt"
_DEFINITION: Final = "pain.014.001.07"
_DEBTOR_AGENT: Final = f"{_REQUEST}/PmtInf/DbtrAgt"
_RECEIVED: Final = "RCVD"
_PENDING: Final = "PDNG"
_DUPLICATE_ID: Final = Reason.DUPLICATE_MESSAGE_ID
_DIFFERENT: Final = {
    "OrgnlCtrlSum": Reason.WRONG_SUM,
    "Amt": Reason.WRONG_AMOUNT,
    "ReqdExctnDt": Reason.INVALID_DATE,
    "XpryDt": Reason.INVALID_DATE,
    "DbtrAgt": Reason.INCORRECT_AGENT,
    "CdtrAgt": Reason.INCORRECT_AGENT,
}
"""Element -> the reason code when it differs from the request; for all others it is CH16."""
_BANK: Final = "direct"
_SHARED = (
    "Another bank has sent this message id to the debtor agent. The answer must name you; or use another id."
)


async def request_payment(received: Received) -> IsoResponse:
    """pain.013: store it for the debtor agent, and respond with a pain.014 that confirms receipt.

    Raises:
        NotAllowed: the sender is not a bank that may send payments now.
        Refused: it is not exactly one request, the debtor agent is not another participant, or no payment
            can fulfil it: too late, for no money, or addressed to another bank.
        DuplicateUetr: the sender used this message id before, with other content.

    """
    content = received.message.document[_REQUEST]
    if received.sender.kind != _BANK or received.sender.status != "active":
        raise NotAllowed("only a participant bank may send requests to pay")
    debtor_agent = _debtor_agent(received, content["PmtInf"])
    message_id: str = content["GrpHdr"]["MsgId"]
    pool, keys, sender = received.runtime.pool, received.runtime.keys, received.sender
    if not await correspondence.is_known(
        pool, keys, received.message, message_id=message_id, sender=sender.id
    ):
        check_request(received.message, sender, debtor_agent, received.runtime.settings, datetime.now(UTC))
    await correspondence.store(
        pool,
        keys,
        received.message,
        message_id=message_id,
        sender=sender.id,
        receiver=debtor_agent.id,
        uetr=None,
    )
    id_ = correspondence.identity(sender.id, received.message, message_id)
    await payment_requests.keep(
        pool,
        keys,
        id_,
        received.message.id,
        content,
        asker=sender.id,
        debtor_agent=debtor_agent.id,
        now=datetime.now(UTC),
    )
    requests = await correspondence.of_id(received.runtime.pool, debtor_agent.id, _NAME, message_id)
    if len(requests) > 1:
        for request in requests:
            await _notify_of_shared_id(received, request, message_id)
    document = _report(message_id, received.message.id, _RECEIVED)
    return IsoResponse(_DEFINITION, document, 202, {"Location": f"/v1/requests-to-pay/{id_}"})


def _debtor_agent(received: Received, payments: list[dict[str, Any]]) -> Participant:
    if len(payments) != 1 or len(payments[0]["CdtTrfTx"]) != 1:
        raise Refused(
            "must contain exactly one request", reason=Reason.CONTENT_INCORRECT, path=f"{_REQUEST}/PmtInf"
        )
    agent = read_agent(payments[0]["DbtrAgt"])
    found = received.runtime.directory.now.by_bic.get(((agent and agent.bic) or "")[:8])
    if found is None or found.status != "active" or found.kind != _BANK:
        raise stated.wrong_agent("is not a participant that pays", _DEBTOR_AGENT)
    if found.id == received.sender.id:
        raise stated.wrong_agent("is the sender itself, who needs no request", _DEBTOR_AGENT)
    return found


def check_request(
    message: codec.Message, sender: Participant, debtor_agent: Participant, settings: Settings, now: datetime
) -> None:
    """Refuse a request that no payment can fulfil, or whose header names another receiver.

    Raises:
        Refused: DT02 created too long ago or in the future, TM01 expired, DT01 to be executed in the past,
            AM01 for no money, AGNT for another bank.

    """
    content, header = message.document[_REQUEST], message.header
    stated.check_header(header, now, settings)
    path = f"{_REQUEST}/GrpHdr/CreDtTm"
    stated.check_creation(read_instant(content["GrpHdr"]["CreDtTm"], path), path, now, settings)
    (payment,) = content["PmtInf"]
    if header is not None:
        receiver = stated.agent_of_header(header["To"])
        is_ours = bool(settings.bic) and stated.is_agent(receiver, settings.bic, None)
        if not is_ours and not stated.is_agent(receiver, debtor_agent.bic, read_agent(payment["DbtrAgt"])):
            raise stated.wrong_agent("is neither the debtor agent nor this switch", "AppHdr/To")
    countries, path = (sender.country, debtor_agent.country), f"{_REQUEST}/PmtInf/XpryDt"
    if "XpryDt" in payment and stated.has_passed(payment["XpryDt"], path, now, *countries):
        raise Refused("has passed", reason=Reason.CUT_OFF_TIME, path=path)
    path = f"{_REQUEST}/PmtInf/ReqdExctnDt"
    if stated.has_passed(payment["ReqdExctnDt"], path, now, *countries, tolerance=stated.MOMENT):
        raise Refused("has passed", reason=Reason.INVALID_DATE, path=path)
    (transfer,) = payment["CdtTrfTx"]
    ((kind, amount),) = transfer["Amt"].items()
    if not Decimal((amount["Amt"] if kind == "EqvtAmt" else amount)["Amt"]):
        path = f"{_REQUEST}/PmtInf/CdtTrfTx/Amt/{kind}"
        raise Refused("must be greater than zero", reason=Reason.ZERO_AMOUNT, path=path)
    payment_requests.amount_of(transfer)


async def _notify_of_shared_id(received: Received, request: OpenRequest, message_id: str) -> None:
    """Notify a bank, once, that its request has the same id as that of another bank."""
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
    await correspondence.store(
        received.runtime.pool,
        received.runtime.keys,
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
    """Build the document of a pain.014 of the switch about a request."""
    header = {
        "MsgId": id_ or uuid.uuid4().hex,
        "CreDtTm": instant_text(at or datetime.now(UTC)),
        "InitgPty": {},
    }
    group: dict[str, Any] = {"OrgnlMsgId": original, "OrgnlMsgNmId": definition, "GrpSts": status}
    if cause:
        group["StsRsnInf"] = [cause]
    return {_REPORT: {"GrpHdr": header, "OrgnlGrpInfAndSts": group}}


async def answer_request(received: Received) -> IsoResponse:
    """pain.014 of the debtor agent: store it for the requesting bank, and acknowledge it by admi.007.

    Raises:
        NotFound: no such request was sent to the caller.
        Refused: several banks sent one and the answer does not name its addressee, or a detail belongs to
            another message or payment.
        DuplicateUetr: the caller used this message id before, with other content.

    """
    content = received.message.document[_REPORT]
    group = content["OrgnlGrpInfAndSts"]
    if not group["OrgnlMsgNmId"].startswith(_NAME):
        raise Refused(
            f"must name a {_NAME}",
            reason=Reason.CONTENT_INCORRECT,
            path=f"{_REPORT}/OrgnlGrpInfAndSts/OrgnlMsgNmId",
        )
    original: str = group["OrgnlMsgId"]
    requests = await correspondence.of_id(received.runtime.pool, received.sender.id, _NAME, original)
    request = _answered(received, requests, content["GrpHdr"].get("CdtrAgt"))
    asked = await correspondence.document(received.runtime.pool, received.runtime.keys, request.id)
    if asked is not None:
        _check_original(content, asked[_REQUEST])
    message_id: str = content["GrpHdr"]["MsgId"]
    await correspondence.store(
        received.runtime.pool,
        received.runtime.keys,
        received.message,
        message_id=message_id,
        sender=received.sender.id,
        receiver=request.sender,
        uetr=None,
    )
    await payment_requests.answer(received.runtime.pool, request.id, content)
    return acknowledgement(message_id)


def _check_original(content: dict[str, Any], asked: dict[str, Any]) -> None:
    """Compare the details of an answer with the request: ids, times, counts, amounts and agents.

    Raises:
        Refused: a detail belongs to another request.

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
            if "UETR" in ids:  # a request without a UETR is paid under one of the payer
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
    """Refuse the first element that differs from the request."""
    for tag, value in asked.items():
        said = stated.get(tag, NOT_PROVIDED)
        if said != NOT_PROVIDED and _meaning(tag, said) != _meaning(tag, value):
            reason, path = _DIFFERENT.get(tag, Reason.CONTENT_INCORRECT), f"{place}/{tag}"
            raise Refused("does not belong to the request of this message id", reason=reason, path=path)


def _meaning(tag: str, value: Any) -> Any:
    """The normalised value of an element."""
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
    """An amount as a number with its currency, also inside an equivalent amount."""
    if "Ccy" in content:
        return content["Ccy"], Decimal(content["Amt"])
    return {name: _money(part) if isinstance(part, dict) else part for name, part in content.items()}


def _answered(received: Received, requests: list[OpenRequest], named: dict[str, Any] | None) -> OpenRequest:
    """The request that an answer belongs to."""
    path = f"{_REPORT}/GrpHdr/CdtrAgt"
    if named is not None:
        agent = read_agent(named)
        asker = received.runtime.directory.now.by_bic.get(((agent and agent.bic) or "")[:8])
        requests = [request for request in requests if asker is not None and request.sender == asker.id]
    if not requests:
        raise NotFound("the named bank sent the caller no request with this id", path=path)
    if len(requests) > 1:
        raise Refused(
            "several banks sent a request with this id: name the addressee by its BIC",
            reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
            path=path,
        )
    return requests[0]


@router.get("/requests-to-pay", operation_id="listRequestsToPay", tags=["payments"])
async def list_requests_to_pay(
    request: Request, context: Context, reader: Reader, before: Before = None, limit: Limit = 50
) -> JSONResponse:
    """List requests to pay that the caller made, and that were made to it, newest first."""
    before = before or payment_requests.NEWEST
    found = await payment_requests.newest(context.pool, reader.id, before=before, limit=limit + 1)
    page = paging.cut(found, limit, lambda each: each.number)
    headers = paging.link(request, "before", page)
    return JSONResponse([_document(each) for each in page.entries], headers=headers)


@router.get("/requests-to-pay/{id}", operation_id="getRequestToPay", tags=["payments"])
async def get_request_to_pay(
    context: Context,
    reader: Reader,
    id: Annotated[uuid.UUID, Path(description="an id, from the Location of the answer to the pain.013")],  # noqa: A002
) -> JSONResponse:
    """Get what became of a request to pay, and the payment that answered it."""
    return JSONResponse(_document(await payment_requests.find(context.pool, reader.id, id)))


def _document(found: PaymentRequest) -> dict[str, Any]:
    payment = str(found.payment) if found.payment else None
    return {
        "id": str(found.id),
        "state": found.state.value,
        "creditor_agent": found.asker,
        "debtor_agent": found.debtor_agent,
        "message_id": found.message_id,
        "amount": {"currency": found.currency, "amount": Money(found.minor, found.currency).text},
        "asked_at": found.asked_at.isoformat(),
        "expires_at": found.expires_at.isoformat(),
        "ended_at": found.ended_at and found.ended_at.isoformat(),
        "payment": payment,
        "reason": found.reason or None,
        "links": {"payment": f"/v1/payments/{payment}"} if payment else {},
    }
