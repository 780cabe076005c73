"""The settlement instruction: one signed pacs.009 per window, to the currency's settlement agent.

Pure: the same window gives the same bytes. A participant that owes pays to the scheme's account at the agent,
and one that is to receive is paid from it. The agent's customer is the scheme, so the method is INDA.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from schemas import codec, rules
from schemas.errors import Refused
from schemas.money import Money

MESSAGE: Final = "pacs.009.001.08"
ENQUIRY: Final = "pacs.028.001.03"
ROOT: Final = "FICdtTrf"
BYTES_MAX: Final = 16 * 1024 * 1024
"""Maximum payments of one message: a window has one line per participant, so thousands at most."""
_NOT_HERE: Final = "single-transaction"
"""The API accepts one payment per message; an instruction is one whole message under one signature."""


@dataclass(frozen=True, slots=True)
class Part:
    """One participant's line: a positive `minor` is paid to it."""

    uetr: UUID
    bic: str
    minor: int
    end_to_end_id: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """The content of the message."""

    message_id: str
    created_at: datetime
    currency: str
    value_date: date
    scheme_bic: str
    agent_bic: str
    account: str
    parts: Sequence[Part]


def message_id(window: int, currency: str, restores: int = 0) -> str:
    """The instruction's id; a window has one. `restores`: how many restores took back its close."""
    return f"SETTLE-{currency}-{window}{f'-R{restores}' if restores else ''}"


def build(instruction: Instruction) -> bytes:
    """Write the message as XML.

    Raises:
        Refused: it breaks a rule of the scheme, for example because a BIC is wrong.

    """
    total = Money(sum(abs(part.minor) for part in instruction.parts), instruction.currency)
    document = {
        ROOT: {
            "GrpHdr": {
                "MsgId": instruction.message_id,
                "CreDtTm": instruction.created_at.isoformat(timespec="milliseconds"),
                "NbOfTxs": str(len(instruction.parts)),
                "TtlIntrBkSttlmAmt": {"Ccy": total.currency, "Amt": total.text},
                "IntrBkSttlmDt": instruction.value_date.isoformat(),
                "SttlmInf": {"SttlmMtd": "INDA", "SttlmAcct": _account(instruction.account)},
                "InstgAgt": _agent(instruction.scheme_bic),
                "InstdAgt": _agent(instruction.agent_bic),
            },
            "CdtTrfTxInf": [_transaction(instruction, part) for part in instruction.parts],
        }
    }
    octets = codec.encode(MESSAGE, document, media_type=codec.XML)
    message = codec.decode(octets, media_type=codec.XML, expect="pacs.009", max_bytes=BYTES_MAX)
    for finding in rules.refusals(rules.check(message)):
        if finding.code == _NOT_HERE:
            continue
        raise Refused(f"the instruction: {finding.text}", path=finding.path, reason=finding.reason)
    return octets


def enquiry(message_id: str, number: int, at: datetime) -> bytes:
    """Write an enquiry about the outcome of an instruction as XML; `number` counts the enquiries about it."""
    created_at = at.isoformat(timespec="milliseconds")
    document = {
        "FIToFIPmtStsReq": {
            "GrpHdr": {"MsgId": f"{message_id}-Q{number}", "CreDtTm": created_at},
            "OrgnlGrpInf": [{"OrgnlMsgId": message_id, "OrgnlMsgNmId": MESSAGE}],
        }
    }
    return codec.encode(ENQUIRY, document, media_type=codec.XML)


def _transaction(instruction: Instruction, part: Part) -> dict[str, Any]:
    amount = Money(abs(part.minor), instruction.currency)
    scheme = {"Agt": _agent(instruction.scheme_bic), "Acct": _account(instruction.account)}
    bank = {"Agt": _agent(part.bic)}
    debtor, creditor = (bank, scheme) if part.minor < 0 else (scheme, bank)
    content = {
        "PmtId": {
            "InstrId": part.end_to_end_id,
            "EndToEndId": part.end_to_end_id,
            "UETR": str(part.uetr),
        },
        "IntrBkSttlmAmt": {"Ccy": amount.currency, "Amt": amount.text},
        "Dbtr": debtor["Agt"],
        "DbtrAcct": debtor.get("Acct"),
        "DbtrAgt": _agent(instruction.agent_bic),
        "CdtrAgt": _agent(instruction.agent_bic),
        "Cdtr": creditor["Agt"],
        "CdtrAcct": creditor.get("Acct"),
    }
    return {tag: value for tag, value in content.items() if value is not None}


def _agent(bic: str) -> dict[str, Any]:
    return {"FinInstnId": {"BICFI": bic}}


def _account(number: str) -> dict[str, Any]:
    return {"Id": {"Othr": {"Id": number}}}
