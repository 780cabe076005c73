"""acmt.023 and acmt.024: request and report of the verification of account holders."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.codec import Message
from schemas.errors import Refused
from schemas.parties import Content, code_or_proprietary, instant_text, read_account, read_agent
from schemas.payment import Agent, PartyAccount
from schemas.reasons import Reason

REQUEST: Final = "IdVrfctnReq"
REPORT: Final = "IdVrfctnRpt"
DEFAULT_REPORT: Final = "acmt.024.001.03"
ASKED_MAX: Final = 10
"""Largest number of accounts in one request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One account to verify."""

    id: str
    account: PartyAccount
    agent: Agent | None
    name: str | None
    """Name of the holder, if the sender states it: it is compared with the known one."""
    content: Content
    """`PtyAndAcctId` as received; the response repeats it."""


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """The accounts to verify, one or a few."""

    message_id: str
    created_at: str
    """The message id as received; the response repeats it."""
    assigner: Content
    assignee: Content
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """The result for one account. Empty if the account is not known: then `reason` states why."""

    id: str
    known: Content | None = None
    """`PtyAndAcctId` from the country of the creditor; the name may be masked."""
    reason: str | None = None
    """ExternalVerificationReason1Code, or another code: the result of the comparison of names."""
    confirmed: bool = True
    """False: the account is known, but the stated name is not that of its holder."""


def read(message: Message) -> VerificationRequest:
    """Read an acmt.023.

    Raises:
        Refused: it has too many accounts, a request without an account, or a repeated id.

    """
    content = message.document[REQUEST]
    assignment = content["Assgnmt"]
    requests = content["Vrfctn"]
    if len(requests) > ASKED_MAX:
        raise _wrong(f"has more than {ASKED_MAX} accounts", f"{REQUEST}/Vrfctn")
    if len({request["Id"] for request in requests}) != len(requests):
        raise _wrong("is repeated, but the response names each account by it", f"{REQUEST}/Vrfctn/Id")
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
            "must name an account",
            reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
            path=f"{REQUEST}/Vrfctn/PtyAndAcctId/Acct",
        )
    return Asked(request["Id"], account, read_agent(content.get("Agt")), _name(content), content)


def _name(content: Content) -> str | None:
    """The name of the holder: of the party, or of the account."""
    party = content.get("Pty") or {}
    account = content.get("Acct") or {}
    name: str | None = party.get("Nm") or account.get("Nm")
    return name if name and name.strip() else None


def build(
    request: VerificationRequest, verified: list[Verified], *, message_id: str, created_at: datetime
) -> dict[str, Any]:
    """Build the document of an acmt.024 in response to `request`, in its order."""
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
