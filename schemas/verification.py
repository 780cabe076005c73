"""acmt.023 and acmt.024: whose an account or alias is, asked and answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.codec import Message
from schemas.errors import Refused
from schemas.parties import Content, code_or_proprietary, instant_text, read_account, read_agent
from schemas.payment import Account, Agent
from schemas.reasons import Reason

REQUEST: Final = "IdVrfctnReq"
REPORT: Final = "IdVrfctnRpt"
DEFAULT_REPORT: Final = "acmt.024.001.03"
ASKED_MAX: Final = 10
"""Accounts in one request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One account that is asked about."""

    id: str
    account: Account
    agent: Agent | None
    name: str | None
    """Of the holder, where the sender states it: it is compared with the known one."""
    content: Content
    """`PtyAndAcctId` as it came, to be told back."""


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """Accounts that are asked about, one or a few."""

    message_id: str
    created_at: str
    """As it was written: the answer repeats it."""
    assigner: Content
    assignee: Content
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of one account. Empty when it is not known: then `reason` says why."""

    id: str
    known: Content | None = None
    """`PtyAndAcctId` as the creditor's country knows it; the name may be masked."""
    reason: str | None = None
    """ExternalVerificationReason1Code, or another code: how the stated name compares with the known one."""
    confirmed: bool = True
    """False: the account is known, and the stated name is not its holder's."""


def read(message: Message) -> VerificationRequest:
    """The question in an acmt.023.

    Raises:
        Refused: it asks about too many accounts, about none that it names, or about two under one id.

    """
    content = message.document[REQUEST]
    assignment = content["Assgnmt"]
    requests = content["Vrfctn"]
    if len(requests) > ASKED_MAX:
        raise _wrong(f"asks about more than {ASKED_MAX} accounts", f"{REQUEST}/Vrfctn")
    if len({request["Id"] for request in requests}) != len(requests):
        raise _wrong("is there twice: the answer names each account by it", f"{REQUEST}/Vrfctn/Id")
    return VerificationRequest(
        message_id=assignment["MsgId"],
        created_at=assignment["CreDtTm"],
        assigner=assignment["Assgnr"],
        assignee=assignment["Assgne"],
        asked=tuple(_asked(request) for request in requests),
    )


def _asked(request: Content) -> Asked:
    content = request["PtyAndAcctId"]
    account = read_account(content.get("Acct"))
    if account is None or (account.id is None and account.proxy is None):
        raise Refused(
            "names no account",
            reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
            path=f"{REQUEST}/Vrfctn/PtyAndAcctId/Acct",
        )
    return Asked(request["Id"], account, read_agent(content.get("Agt")), _name(content), content)


def _name(content: Content) -> str | None:
    """The holder's name: of the party, or of the account."""
    party = content.get("Pty") or {}
    account = content.get("Acct") or {}
    name: str | None = party.get("Nm") or account.get("Nm")
    return name if name and name.strip() else None


def build(
    request: VerificationRequest, verified: list[Verified], *, message_id: str, created_at: datetime
) -> dict[str, Any]:
    """The document of an acmt.024 that answers `request`, in its order."""
    asked = {item.id: item for item in request.asked}
    return {
        REPORT: {
            "Assgnmt": {
                "MsgId": message_id,
                "CreDtTm": instant_text(created_at),
                "Assgnr": request.assignee,
                "Assgne": request.assigner,
            },
            "OrgnlAssgnmt": {"MsgId": request.message_id, "CreDtTm": request.created_at},
            "Rpt": [_report(asked[item.id], item) for item in verified],
        }
    }


def _report(asked: Asked, verified: Verified) -> Content:
    report: Content = {"OrgnlId": asked.id, "Vrfctn": verified.known is not None and verified.confirmed}
    if verified.reason:
        report["Rsn"] = code_or_proprietary(verified.reason, "ExternalVerificationReason1Code")
    report["OrgnlPtyAndAcctId"] = asked.content
    if verified.known is not None:
        report["UpdtdPtyAndAcctId"] = verified.known
    return report


def _wrong(text: str, path: str) -> Refused:
    return Refused(text, reason=Reason.CONTENT_INCORRECT, path=path)
