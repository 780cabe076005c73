"""A transfer of FSPIOP as a payment of the switch: its UETR, its accounts, and its pacs.008.001.13."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from switch.fspiop.errors import ErrorCode, FspiopProblem

DEFINITION: Final = "pacs.008.001.13"
"""The first version that states when a payment expires, which FSPIOP requires."""
_OWN_END: Final = "70617973"
"""The end of UETRs that the switch makes itself; nobody else may use it."""
ACCOUNTS: Final = {
    "IBAN": "`Id/IBAN`",
    "ACCOUNT_ID": "`Id/Othr/Id`",
    "MSISDN": "`Prxy`, type `MBNO`, with a plus sign",
    "EMAIL": "`Prxy`, type `EMAL`",
    "ALIAS": "`Id/Othr/Id` and `Prxy/Id`",
}
"""Type of a party identifier -> how it becomes an account. Others name no account, and are refused."""
RESOLVED: Final = frozenset({"MSISDN", "EMAIL"})
"""Types that are looked up when a quote is asked for, so that the payment names the account itself."""


def same_id(text: str) -> str:
    """An identifier in one writing, so that upper and lower case are the same transfer."""
    return text.lower() if "-" in text else text.upper()


def uetr_of(participant: str, transfer_id: str) -> str:
    """The UETR of a transfer, made of its id: whoever makes it again makes the same one.

    So a transfer that is sent again is the same payment at the switch, even if the bridge has forgotten it.
    """
    for attempt in range(256):
        text = f"fspiop\n{participant}\n{same_id(transfer_id)}\n{attempt}"
        octets = bytearray(hashlib.sha256(text.encode()).digest()[:16])
        octets[6] = octets[6] & 0x0F | 0x40
        octets[8] = octets[8] & 0x3F | 0x80
        made = str(uuid.UUID(bytes=bytes(octets)))
        if not made.endswith(_OWN_END):
            return made
    raise AssertionError("256 hashes with one end")


def account(kind: str, identifier: str, path: str) -> dict[str, Any]:
    """The account that a party identifier names.

    Raises:
        FspiopProblem: it names none.

    """
    match kind:
        case "IBAN":
            return {"Id": {"IBAN": identifier}}
        case "ACCOUNT_ID":
            return {"Id": {"Othr": {"Id": identifier}}}
        case "MSISDN":
            return {"Prxy": {"Tp": {"Cd": "MBNO"}, "Id": f"+{identifier.removeprefix('+')}"}}
        case "EMAIL":
            return {"Prxy": {"Tp": {"Cd": "EMAL"}, "Id": identifier}}
        case "ALIAS":
            return {"Id": {"Othr": {"Id": identifier}}, "Prxy": {"Id": identifier}}
        case _:
            raise FspiopProblem(ErrorCode.VALIDATION, f"{path}: must be one of {', '.join(ACCOUNTS)}")


@dataclass(frozen=True, slots=True)
class Agents:
    """Who pays and who is paid, as the switch knows them."""

    debtor_bic: str
    creditor_bic: str


def message(
    terms: Mapping[str, Any], agents: Agents, *, uetr: str, transfer_id: str, expires: str
) -> dict[str, Any]:
    """Make the pacs.008 of the terms of a quote; the same transfer always makes the same one.

    So a transfer that is sent again is the same message for the switch, even if the bridge has forgotten it.
    The amount that the payee receives is stated, too, so the switch refuses the payment if its price has
    changed since the quote.
    """
    receive = terms["payeeReceiveAmount"]
    transaction: dict[str, Any] = {
        "PmtId": {
            **_optional("InstrId", _short(terms.get("transactionRequestId"))),
            "EndToEndId": _short(terms.get("transactionId") or transfer_id),
            "TxId": _short(transfer_id),
            "UETR": uetr,
        },
        "IntrBkSttlmAmt": {"Ccy": terms["amount"]["currency"], "Amt": terms["amount"]["amount"]},
        "InstdAmt": {"Ccy": receive["currency"], "Amt": receive["amount"]},
        "ChrgBr": "SLEV",
        "Dbtr": terms["payer"]["party"],
        "DbtrAcct": terms["payer"]["account"],
        "DbtrAgt": _agent(agents.debtor_bic, terms["payer"]["partyIdInfo"].get("partySubIdOrType")),
        "CdtrAgt": _agent(agents.creditor_bic, terms["payee"]["partyIdInfo"].get("partySubIdOrType")),
        "Cdtr": terms["payee"]["party"],
        "CdtrAcct": terms["payee"]["account"],
        **_optional("Purp", {"Cd": terms["purpose"]} if terms.get("purpose") else None),
    }
    header = {
        "MsgId": uetr.replace("-", ""),
        "CreDtTm": terms["quotedAt"],
        "XpryDtTm": expires,
        "NbOfTxs": "1",
        "SttlmInf": {"SttlmMtd": "CLRG", "ClrSys": {"Prtry": "PAYSWITCH"}},
    }
    content = {"GrpHdr": header, "CdtTrfTxInf": [transaction]}
    return {"$type": DEFINITION, "Document": {"FIToFICstmrCdtTrf": content}}


def verification(acct: Mapping[str, Any], own_bic: str, bic: str, now: datetime) -> dict[str, Any]:
    """Make the acmt.023 that asks who holds an account."""
    content = {
        "Assgnmt": {
            "MsgId": uuid.uuid4().hex,
            "CreDtTm": instant_text(now),
            "Assgnr": {"Agt": _agent(own_bic)},
            "Assgne": {"Agt": _agent(bic)},
        },
        "Vrfctn": [{"Id": "1", "PtyAndAcctId": {"Acct": acct, "Agt": _agent(bic)}}],
    }
    return {"$type": "acmt.023.001.04", "Document": {"IdVrfctnReq": content}}


def instant_text(instant: datetime) -> str:
    """An instant as FSPIOP writes it: in UTC, with milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _agent(bic: str, member: str | None = None) -> dict[str, Any]:
    return {"FinInstnId": {"BICFI": bic, **_optional("ClrSysMmbId", {"MmbId": member} if member else None)}}


def _optional(tag: str, content: Any) -> dict[str, Any]:
    return {} if content is None else {tag: content}


def _short(text: str | None) -> str | None:
    """An identifier in at most 35 characters: a UUID without its hyphens."""
    return text if text is None else text.replace("-", "")
