"""Build the messages that a participant sends, as ISO 20022 in JSON; and read a payment's status.

Each function makes new ids. Keep the message until you have its answer: a repetition must be the same bytes.
`$type` names the message and its version; every amount is decimal text.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final

Message = dict[str, Any]
Content = dict[str, Any]

FINAL: Final = frozenset({"ACCC", "RJCT"})
"""Final statuses (ExternalPaymentTransactionStatus1Code)."""
_AMOUNT: Final = re.compile(r"(?=.*[1-9])\d{1,15}(\.\d{1,3})?", re.ASCII)
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
_CODE: Final = re.compile(r"[A-Z0-9]{4}", re.ASCII)
_LINE_MAX: Final = 140
_SETTLEMENT: Final = {"SttlmMtd": "CLRG", "ClrSys": {"Prtry": "PAYSWITCH"}}


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as decimal text."""

    currency: str
    amount: str


@dataclass(frozen=True, slots=True)
class PaymentState:
    """The status of a payment. Only `Client.payment` sets the fields after `reason`, but for `detail`."""

    uetr: str
    status: str
    """ISO status: `ACSP` and `PDNG` are in progress, `ACCC` is credited, `RJCT` is rejected."""
    reason: str | None = None
    """ISO reason of a rejection or a delay."""
    state: str = ""
    """The internal state, as in the lifecycle table."""
    interbank_settlement_amount: Amount | None = None
    credited_amount: Amount | None = None
    fee: Amount | None = None
    exchange_rate: str | None = None
    rail: str | None = None
    """The country whose rail credits it; `rail_name` is the name of that rail."""
    rail_name: str | None = None
    detail: str | None = None
    returned: bool = False
    """It was credited, and later returned."""
    journey: list[dict[str, Any]] = field(default_factory=list)

    @property
    def final(self) -> bool:
        """Whether the status is final."""
        return self.status in FINAL

    @classmethod
    def of_resource(cls, document: Mapping[str, Any]) -> "PaymentState":
        """Read `GET /v1/payments/{uetr}`. Members that this version does not know are left out."""
        known = {each.name: document[each.name] for each in fields(cls) if each.name in document}
        for name in ("interbank_settlement_amount", "credited_amount", "fee"):
            if stated := known.get(name):
                known[name] = Amount(stated["currency"], stated["amount"])
        return cls(**known)

    @classmethod
    def of_report(cls, message: Mapping[str, Any]) -> "PaymentState":
        """Read a pacs.002."""
        (transaction,) = message["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"]
        cause: Mapping[str, Any] = next(iter(transaction.get("StsRsnInf", ())), {})
        reason = cause.get("Rsn", {}).get("Cd")
        text = "".join(cause.get("AddtlInf", ())).replace("To do: ", " To do: ").strip()
        return cls(transaction["OrgnlUETR"], transaction["TxSts"], reason, detail=text or None)


def credit_transfer(
    *,
    debtor_agent: str,
    debtor: str,
    debtor_account: str,
    creditor_agent: str,
    creditor_agent_member: str = "",
    creditor: str,
    creditor_account: str,
    amount: str,
    currency: str,
    purpose: str | None = None,
    remittance: str | None = None,
    quote: str | None = None,
    uetr: str | None = None,
) -> Message:
    """Make a pacs.008: one customer credit transfer.

    Agents are BICs. `creditor_agent_member` is the agent's id in the clearing system of its country, which
    some rails also need; `purpose` is an ISO purpose code, which some countries require. An account is an
    IBAN, another number, or a proxy such as `asha@okbank`. `amount` is decimal text in `currency`, debited
    from the debtor agent. `quote` is the id of a firm quote (`POST /v1/quotes`), at whose terms the payment
    is executed: `amount` is its `interbank_settlement_amount`, `purpose` its purpose. Keep the document until
    the payment is final: a retry needs the same ids.

    Raises:
        ValueError: `amount` is not a plain decimal number above zero.

    """
    now = datetime.now(UTC)
    uetr = uetr or str(uuid.uuid4())
    reference = uetr.replace("-", "")
    transaction: Content = {
        "PmtId": {"EndToEndId": reference, "TxId": reference, "UETR": uetr},
        "IntrBkSttlmAmt": _amount(amount, currency),
        "IntrBkSttlmDt": now.date().isoformat(),
        "AccptncDtTm": _instant(now),
        "ChrgBr": "SLEV",
        "Dbtr": {"Nm": debtor},
        "DbtrAcct": _account(debtor_account),
        "DbtrAgt": _agent(debtor_agent),
        "CdtrAgt": _agent(creditor_agent, creditor_agent_member),
        "Cdtr": {"Nm": creditor},
        "CdtrAcct": _account(creditor_account),
    }
    if purpose:
        transaction["Purp"] = _code(purpose)
    if remittance:
        lines = [remittance[at : at + _LINE_MAX] for at in range(0, len(remittance), _LINE_MAX)]
        transaction["RmtInf"] = {"Ustrd": lines}
    if quote:
        transaction["InstrForNxtAgt"] = [{"InstrInf": f"/QTID/{quote}"}]
    content = {"GrpHdr": _header(reference, now), "CdtTrfTxInf": [transaction]}
    return _message("pacs.008.001.08", "FIToFICstmrCdtTrf", content)


def status_request(uetr: str) -> Message:
    """Make a pacs.028: request the status of a payment. The answer is a pacs.002."""
    header = {"MsgId": _reference(), "CreDtTm": _instant()}
    content = {"GrpHdr": header, "TxInf": [{"OrgnlUETR": uetr}]}
    return _message("pacs.028.001.03", "FIToFIPmtStsReq", content)


def payment_return(uetr: str, *, amount: str, currency: str, reason: str) -> Message:
    """Make a pacs.004: return a payment that was credited to a customer of yours, or a part of it.

    `amount` and `currency` are what was credited, or less; `reason` is an ISO return reason, such as `AC04`.
    The answer is a pacs.002.
    """
    now = datetime.now(UTC)
    transaction = {
        "RtrId": _reference(),
        "OrgnlUETR": uetr,
        "RtrdIntrBkSttlmAmt": _amount(amount, currency),
        "IntrBkSttlmDt": now.date().isoformat(),
        "RtrRsnInf": [{"Rsn": _code(reason)}],
    }
    content = {"GrpHdr": _header(_reference(), now), "TxInf": [transaction]}
    return _message("pacs.004.001.09", "PmtRtr", content)


def recall(uetr: str, *, from_agent: str, to_agent: str, reason: str = "CUST") -> Message:
    """Make a camt.056: request the cancellation of a payment of yours. The answer is a camt.029."""
    underlying = {"TxInf": [{"OrgnlUETR": uetr, "CxlRsnInf": [{"Rsn": _code(reason)}]}]}
    content = {"Assgnmt": _assignment("Id", from_agent, to_agent), "Undrlyg": [underlying]}
    return _message("camt.056.001.08", "FIToFIPmtCxlReq", content)


def recall_refusal(uetr: str, *, from_agent: str, to_agent: str, reason: str) -> Message:
    """Make a camt.029: refuse a request for cancellation. To agree, send a `payment_return`."""
    details = {"OrgnlUETR": uetr, "CxlStsRsnInf": [{"Rsn": _code(reason)}]}
    content = {
        "Assgnmt": _assignment("Id", from_agent, to_agent),
        "Sts": {"Conf": "RJCR"},
        "CxlDtls": [{"TxInfAndSts": [details]}],
    }
    return _message("camt.029.001.09", "RsltnOfInvstgtn", content)


def investigation(
    uetr: str, *, type_: str, reason: str, from_agent: str, to_agent: str, text: str = ""
) -> Message:
    """Make a camt.110: ask about a payment of yours, such as `RQFI` with `PURP`. The answer is a camt.111.

    Of reason `NARR`, `text` is the question.
    """
    id_ = _reference()
    asked = {
        "MsgId": id_,
        "RqstrInvstgtnId": id_,
        "InvstgtnTp": {"Cd": type_},
        "Undrlyg": {"IntrBk": {"OrgnlUETR": uetr}},
        "Rqstr": {"Agt": _agent(from_agent)},
        "Rspndr": {"Agt": _agent(to_agent)},
    }
    data = {"AddtlReqData": {"ReqNrrtv": text}} if text else {}
    content = {"InvstgtnReq": asked, "InvstgtnData": [{"Rsn": {"Cd": reason}, **data}]}
    return _message("camt.110.001.01", "InvstgtnReq", content)


def investigation_answer(
    question: Message, *, status: str = "CLSD", reason: str = "", text: str = ""
) -> Message:
    """Make a camt.111: answer a camt.110 that you have received, by a text, a reason (`NOAD`), or both."""
    original = question["Document"]["InvstgtnReq"]["InvstgtnReq"]
    tags = ("MsgId", "RqstrInvstgtnId", "InvstgtnTp", "Undrlyg", "Rqstr", "Rspndr")
    said: Content = {"MsgId": _reference(), "InvstgtnSts": {"Sts": status}}
    if reason:
        said["InvstgtnSts"]["StsRsn"] = {"Cd": reason}
    if text:
        said["InvstgtnData"] = [{"RspnData": {"RspnNrrtv": text}}]
    content = {
        "InvstgtnRspn": said,
        "OrgnlInvstgtnReq": {tag: original[tag] for tag in tags if tag in original},
    }
    return _message("camt.111.001.02", "InvstgtnRspn", content)


def verification(account: str, name: str, *, from_agent: str, to_agent: str) -> Message:
    """Make an acmt.023: verify the holder of an account or alias. The answer is an acmt.024."""
    subject = {"Pty": {"Nm": name}, "Acct": _account(account), "Agt": _agent(to_agent)}
    content = {
        "Assgnmt": _assignment("MsgId", from_agent, to_agent),
        "Vrfctn": [{"Id": "1", "PtyAndAcctId": subject}],
    }
    return _message("acmt.023.001.03", "IdVrfctnReq", content)


def request_to_pay(
    *,
    creditor_agent: str,
    creditor: str,
    creditor_account: str,
    debtor_agent: str,
    debtor: str,
    amount: str,
    currency: str,
    end_to_end_id: str,
) -> Message:
    """Make a pain.013: request a payment from a customer of another bank. The answer is a pain.014."""
    now = datetime.now(UTC)
    transaction = {
        "PmtId": {"EndToEndId": end_to_end_id},
        "Amt": {"InstdAmt": _amount(amount, currency)},
        "ChrgBr": "SLEV",
        "CdtrAgt": _agent(creditor_agent),
        "Cdtr": {"Nm": creditor},
        "CdtrAcct": _account(creditor_account),
    }
    instruction = {
        "PmtMtd": "TRF",
        "ReqdExctnDt": {"Dt": now.date().isoformat()},
        "Dbtr": {"Nm": debtor},
        "DbtrAgt": _agent(debtor_agent),
        "CdtTrfTx": [transaction],
    }
    header = {
        # Begins with the BIC: the id of a request is unique only for its sender.
        "MsgId": f"{creditor_agent}-{uuid.uuid4().hex}"[:35],
        "CreDtTm": _instant(now),
        "NbOfTxs": "1",
        "InitgPty": {"Nm": creditor},
    }
    return _message("pain.013.001.07", "CdtrPmtActvtnReq", {"GrpHdr": header, "PmtInf": [instruction]})


def request_to_pay_answer(
    message_id: str, *, status: str, responder: str, creditor_agent: str | None = None
) -> Message:
    """Make a pain.014: accept (`ACCP`) or refuse (`RJCT`) the request to pay with this message id."""
    header = {"MsgId": _reference(), "CreDtTm": _instant(), "InitgPty": {"Nm": responder}}
    if creditor_agent:
        header["CdtrAgt"] = _agent(creditor_agent)
    original = {"OrgnlMsgId": message_id, "OrgnlMsgNmId": "pain.013.001.07", "GrpSts": status}
    content = {"GrpHdr": header, "OrgnlGrpInfAndSts": original}
    return _message("pain.014.001.07", "CdtrPmtActvtnReqStsRpt", content)


def accounts_request() -> Message:
    """Make a camt.003: request the balances of your own accounts. The answer is a camt.004."""
    return _message("camt.003.001.08", "GetAcct", {"MsgHdr": {"MsgId": _reference()}})


def _message(kind: str, root: str, content: Content) -> Message:
    return {"$type": kind, "Document": {root: content}}


def _header(message_id: str, now: datetime) -> Content:
    return {"MsgId": message_id, "CreDtTm": _instant(now), "NbOfTxs": "1", "SttlmInf": _SETTLEMENT}


def _assignment(id_tag: str, from_agent: str, to_agent: str) -> Content:
    return {
        id_tag: _reference(),
        "Assgnr": {"Agt": _agent(from_agent)},
        "Assgne": {"Agt": _agent(to_agent)},
        "CreDtTm": _instant(),
    }


def _reference() -> str:
    return uuid.uuid4().hex


def _instant(now: datetime | None = None) -> str:
    return (now or datetime.now(UTC)).isoformat(timespec="milliseconds")


def _amount(text: str, currency: str) -> Content:
    if not _AMOUNT.fullmatch(text):
        raise ValueError("an amount is a plain decimal number above zero, such as 1500.00")
    return {"Ccy": currency, "Amt": text}


def _code(text: str) -> Content:
    return {"Cd" if _CODE.fullmatch(text) else "Prtry": text}


def _agent(bic: str, member: str = "") -> Content:
    return {"FinInstnId": {"BICFI": bic, **({"ClrSysMmbId": {"MmbId": member}} if member else {})}}


def _account(text: str) -> Content:
    if _IBAN.fullmatch(text):
        return {"Id": {"IBAN": text}}
    # Version .08 requires an identification with every proxy.
    return {"Id": {"Othr": {"Id": text}}, **({"Prxy": {"Id": text}} if "@" in text else {})}
