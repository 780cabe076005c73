"""camt.110 and camt.111: a question about a payment in codes, and its answer.

    InvestigationRequest   what a bank asks: a type, reasons, and the payment by its UETR
    InvestigationResponse  what the other bank answers: a status, a reason, structured data
    TYPES                  which types this switch takes, who asks them, who answers, with what

The rules of both messages are here, too (`request_faults`, `response_faults`), for `schemas.rules`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from schemas.codec import Message
from schemas.findings import Content, Finding
from schemas.parties import read_agent, read_instant
from schemas.reasons import Reason

MESSAGE: Final = "camt.110"
REQUEST: Final = "InvstgtnReq"
RESPONSE: Final = "InvstgtnRspn"
ORIGINAL: Final = "OrgnlInvstgtnReq"
DEFAULT_RESPONSE: Final = "camt.111.001.02"
UNDERLYING: Final = "Undrlyg/IntrBk"

CLOSED, PENDING, REJECTED = "CLSD", "PDNG", "RJCT"
"""Statuses of an investigation: ExternalInvestigationStatus1Code."""
STATUS_OF, CLOSE, OBJECT = "RQST", "RQCL", "RQOB"
"""Actions about an earlier question: ExternalInvestigationAction1Code."""

NEVER_RECEIVED: Final = "NOOR"
PAYMENT_REJECTED: Final = "ARJT"
PAYMENT_RETURNED: Final = "ARDT"
FORWARDED: Final = "FTNA"
BEING_COLLATED: Final = "INPO"
ESCALATED: Final = "ESCA"
AS_REQUESTED: Final = "CAPR"
NARRATIVE: Final = Reason.NARRATIVE.value
"""Reasons of a status that the switch itself states: ExternalInvestigationStatusReason1Code."""
OF_SWITCH: Final = frozenset({AS_REQUESTED, BEING_COLLATED, ESCALATED, FORWARDED})
"""Those that only the switch states: they say what it does with a question, or what its asker did."""

DEBTOR_AGENT: Final = "debtor_agent"
CREDITOR_AGENT: Final = "creditor_agent"
_EITHER: Final = frozenset({DEBTOR_AGENT, CREDITOR_AGENT})
_OF_REASON: Final = MappingProxyType(
    {"OrgnlInvstgtnSeq": "Seq", "OrgnlInvstgtnRsn": "Rsn", "OrgnlInvstgtnRsnSubTp": "RsnSubTp"}
)
"""What an answer repeats of a reason of its question, and what it is there."""
_INSTITUTION: Final = 8
"""Characters of a BIC that name the institution; the others name a branch."""
_REFERENCES: Final = ("OrgnlGrpInf", "OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId", "OrgnlUETR")
_TEXT: Final = "ReqNrrtv"
_MISSING: Final = Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING
_WRONG: Final = Reason.CONTENT_INCORRECT
_DAYS: Final = MappingProxyType({"R01D": 1, "R03D": 3, "R05D": 5, "R10D": 10, "R15D": 15})
"""ExternalInvestigationServiceLevel1Code: within how many days an answer is wanted."""


@dataclass(frozen=True, slots=True)
class InvestigationType:
    """One type of question (ExternalInvestigationType1Code)."""

    asked_by: frozenset[str]
    """Which agents of the payment ask it."""
    by_switch: bool
    """Whether the books answer it; otherwise the agent on the other side does."""
    asks: frozenset[str]
    """What `AddtlReqData` may state."""
    answers: frozenset[str]
    """What `RspnData` of the answer may state."""


def _type(*asked_by: str, by_switch: bool = False, asks: str = _TEXT, answers: str = "") -> InvestigationType:
    every = {"TxSts", "RspnNrrtv"}
    return InvestigationType(
        frozenset(asked_by), by_switch, frozenset(asks.split()), frozenset(answers.split()) | every
    )


TYPES: Final[Mapping[str, InvestigationType]] = MappingProxyType(
    {
        "CCNR": _type(DEBTOR_AGENT, by_switch=True, answers="Conf TxData"),
        "CONR": _type(CREDITOR_AGENT, by_switch=True, answers="Conf TxData"),
        "UTAP": _type(CREDITOR_AGENT, answers="TxData"),
        "RQFI": _type(*_EITHER, answers="TxData"),
        "RQCH": _type(*_EITHER, asks="ReqdCompstn ReqNrrtv", answers="Compstn TxData"),
        "RQUF": _type(*_EITHER, asks="ReqdCompstn ReqNrrtv", answers="Compstn"),
        "RQVA": _type(*_EITHER, asks="ReqdValtn ReqNrrtv", answers="Valtn"),
        "OTHR": _type(*_EITHER, answers="Conf TxData"),
    }
)
"""The types that the switch takes. The others of the code set are refused with what helps instead."""


@dataclass(frozen=True, slots=True)
class InvestigationRequest:
    """One question about one payment, or an action about an earlier question."""

    id: str
    """Of this message."""
    investigation: str
    """The requester's own id of the investigation; without one that of the message."""
    type: str
    action: str
    """Empty: a new question."""
    reason: str
    """The first reason; the others are in the message."""
    uetr: str
    within_days: int | None
    """Within how many days an answer is wanted."""
    repeated: Content
    """What every answer repeats: ids, codes and agents, no party and no text."""


@dataclass(frozen=True, slots=True)
class InvestigationResponse:
    """The answer of a bank."""

    id: str
    original_id: str
    """Message id of the question."""
    investigation: str | None
    """The requester's id of the investigation, if it is repeated."""
    type: str
    uetr: str | None
    """Of the payment, if it is repeated."""
    status: str
    reason: str
    records: tuple[tuple[str, Content], ...]
    """The data that answer: place and content of each `InvstgtnData`."""
    repeated: Content
    """What the bank repeats of the question."""
    next_responder: bool
    """Whether the bank names another agent, who is to answer."""

    @property
    def data(self) -> frozenset[str]:
        """Kinds of data that answer: tags of `RspnData`."""
        return frozenset(tag for _, one in self.records for tag in one["RspnData"])


def read_request(message: Message) -> InvestigationRequest:
    """Read a camt.110 that follows the rules (`request_faults`)."""
    content = message.document[REQUEST]
    asked = content[REQUEST]
    underlying = asked["Undrlyg"]["IntrBk"]
    days = [_DAYS[level["Cd"]] for level in asked.get("SvcLvl", ()) if level.get("Cd") in _DAYS]
    return InvestigationRequest(
        id=asked["MsgId"],
        investigation=asked.get("RqstrInvstgtnId", asked["MsgId"]),
        type=asked["InvstgtnTp"]["Cd"],
        action=asked.get("ReqActn", {}).get("Actn", {}).get("Cd", ""),
        reason=content["InvstgtnData"][0]["Rsn"]["Cd"],
        uetr=underlying["OrgnlUETR"],
        within_days=min(days) if days else None,
        repeated=_repeated(asked, underlying),
    )


def _repeated(asked: Content, underlying: Content) -> Content:
    ids: Content = {tag: asked[tag] for tag in ("MsgId", "RqstrInvstgtnId", "EIR") if tag in asked}
    references = {tag: underlying[tag] for tag in _REFERENCES if tag in underlying}
    parties = {tag: {"Agt": _institution(asked[tag]["Agt"])} for tag in ("Rqstr", "Rspndr")}
    return {**ids, "InvstgtnTp": asked["InvstgtnTp"], "Undrlyg": {"IntrBk": references}, **parties}


def _institution(agent: Content) -> Content:
    known = agent["FinInstnId"]
    return {"FinInstnId": {tag: known[tag] for tag in ("BICFI", "ClrSysMmbId") if tag in known}}


def read_response(message: Message) -> InvestigationResponse:
    """Read a camt.111 that follows the rules (`response_faults`)."""
    content = message.document[RESPONSE]
    said, original = content[RESPONSE], content[ORIGINAL]
    status = said["InvstgtnSts"]
    return InvestigationResponse(
        id=said["MsgId"],
        original_id=original["MsgId"],
        investigation=original.get("RqstrInvstgtnId"),
        type=original["InvstgtnTp"]["Cd"],
        uetr=original.get("Undrlyg", {}).get("IntrBk", {}).get("OrgnlUETR"),
        status=status["Sts"],
        reason=status.get("StsRsn", {}).get("Cd", ""),
        records=tuple(_numbered(said.get("InvstgtnData", ()), f"{RESPONSE}/{RESPONSE}/InvstgtnData")),
        repeated=original,
        next_responder="NxtRspndr" in said,
    )


def build_response(
    repeated: Content,
    *,
    response_id: str,
    investigation_id: str | None,
    status: str,
    reason: str = "",
    data: tuple[Content, ...] = (),
    next_responder: str | None = None,
) -> dict[str, Any]:
    """Build the document of a camt.111.

    `repeated` is that of the question; `investigation_id` the switch's own id of it; `data` are contents of
    `RspnData`; `next_responder` is the BIC of the agent to which the question was forwarded.
    """
    said: Content = {"MsgId": response_id}
    if investigation_id:
        said["RspndrInvstgtnId"] = investigation_id
    said["InvstgtnSts"] = {"Sts": status, **({"StsRsn": {"Cd": reason}} if reason else {})}
    if next_responder:
        said["NxtRspndr"] = {"Agt": {"FinInstnId": {"BICFI": next_responder}}}
    if data:
        said["InvstgtnData"] = [{"RspnData": one} for one in data]
    return {RESPONSE: {RESPONSE: said, ORIGINAL: repeated}}


# What an answer repeats


def differences(
    said: InvestigationResponse, asked: Content, reasons: Sequence[Content] | None
) -> Iterator[str]:
    """Paths of what an answer repeats otherwise than its question states it.

    The UETR is left out: a bank may know the payment by another one. `asked` is the question, `reasons` its
    `InvstgtnData`, of which an answer may name one; None if they are not known any more.
    """
    yield from _different(said.repeated, asked, f"{RESPONSE}/{ORIGINAL}")
    for place, one in said.records if reasons is not None else ():
        for tag, original in _OF_REASON.items():
            if tag in one and one[tag] not in [reason.get(original) for reason in reasons or ()]:
                yield f"{place}/{tag}"


def _different(repeated: Content, asked: Content, place: str) -> Iterator[str]:
    for tag, value in repeated.items():
        path = f"{place}/{tag}"
        if tag == "OrgnlUETR":
            continue
        if tag == "Agt" and tag in asked:
            if not _is_institution(value, asked[tag]):
                yield path
        elif isinstance(value, dict) and isinstance(asked.get(tag), dict):
            yield from _different(value, asked[tag], path)
        elif tag not in asked or not _is_equal(tag, value, asked[tag]):
            yield path


def _is_institution(repeated: Content, asked: Content) -> bool:
    one, other = read_agent(repeated), read_agent(asked)
    assert one is not None
    assert other is not None
    if one.bic and other.bic:
        return one.bic[:_INSTITUTION] == other.bic[:_INSTITUTION]
    return (one.bic, one.member_id) == (other.bic, other.member_id)


def _is_equal(tag: str, one: Any, other: Any) -> bool:
    if one == other:
        return True
    if tag == "Amt" and isinstance(one, str) and isinstance(other, str):
        return Decimal(one) == Decimal(other)
    return tag.endswith("DtTm") and read_instant(one, tag) == read_instant(other, tag)


# Rules


def request_faults(content: Content) -> Iterator[Finding]:
    """Find what keeps a camt.110 from being asked; paths are relative to its root element."""
    asked = content[REQUEST]
    type_ = TYPES.get(asked["InvstgtnTp"].get("Cd", ""))
    if type_ is None:
        text = "is not a type that this switch takes: they are " + ", ".join(TYPES)
        yield Finding("investigation-type", f"{REQUEST}/InvstgtnTp", _WRONG, text)
    yield from _payment_faults(asked)
    for tag in ("Rqstr", "Rspndr"):
        if "Agt" not in asked[tag]:
            yield Finding(
                "investigation-party", f"{REQUEST}/{tag}", _WRONG, "must be an agent of the payment"
            )
    if "ReqActn" in asked:
        yield from _action_faults(asked)
    for place, one in _numbered(content["InvstgtnData"], "InvstgtnData"):
        yield from _question_faults(one, place, type_)


def _payment_faults(asked: Content) -> Iterator[Finding]:
    place = f"{REQUEST}/Undrlyg"
    if "IntrBk" not in asked["Undrlyg"]:
        yield Finding("investigation-payment", place, _WRONG, "must be a payment between banks (IntrBk)")
    elif "OrgnlUETR" not in asked["Undrlyg"]["IntrBk"]:
        yield Finding("uetr", f"{place}/IntrBk/OrgnlUETR", _MISSING, "is missing")


def _action_faults(asked: Content) -> Iterator[Finding]:
    if "Cd" not in asked["ReqActn"]["Actn"]:
        yield Finding("investigation-action", f"{REQUEST}/ReqActn/Actn", _WRONG, "must be a code")
    if "RqstrInvstgtnId" not in asked:
        text = "is missing: it names the investigation of the action"
        yield Finding("investigation-action", f"{REQUEST}/RqstrInvstgtnId", _MISSING, text)


def _question_faults(one: Content, place: str, type_: InvestigationType | None) -> Iterator[Finding]:
    if "Cd" not in one["Rsn"]:
        yield Finding("investigation-reason", f"{place}/Rsn", _WRONG, "must be a code")
    stated = one.get("AddtlReqData", {})
    if one["Rsn"].get("Cd") == NARRATIVE and _TEXT not in stated:
        yield Finding("investigation-reason", f"{place}/AddtlReqData/{_TEXT}", _MISSING, "is missing")
    if type_ is not None:
        yield from _data_faults(stated, f"{place}/AddtlReqData", type_.asks)


def response_faults(content: Content) -> Iterator[Finding]:
    """Find what keeps a camt.111 from being an answer; paths are relative to its root element."""
    said, original = content[RESPONSE], content[ORIGINAL]
    status, place = said["InvstgtnSts"], f"{RESPONSE}/InvstgtnSts"
    if status["Sts"] != PENDING and "StsRsn" not in status:
        if status["Sts"] == REJECTED:
            yield Finding("investigation-status", f"{place}/StsRsn", _MISSING, "is missing with status RJCT")
        elif "InvstgtnData" not in said:
            text = "states no answer: a closed investigation has data or a reason"
            yield Finding("investigation-status", place, _WRONG, text)
    if "Prtry" in status.get("StsRsn", {}):
        yield Finding("investigation-status", f"{place}/StsRsn", _WRONG, "must be a code")
    type_ = TYPES.get(original["InvstgtnTp"].get("Cd", ""))
    if type_ is None:
        yield Finding(
            "investigation-type", f"{ORIGINAL}/InvstgtnTp", _WRONG, "is not the type of a question here"
        )
        return
    for step, one in _numbered(said.get("InvstgtnData", ()), f"{RESPONSE}/InvstgtnData"):
        yield from _data_faults(one["RspnData"], f"{step}/RspnData", type_.answers)


def _data_faults(stated: Content, place: str, allowed: frozenset[str]) -> Iterator[Finding]:
    for tag in stated:
        if tag not in allowed:
            text = "does not fit the type of the investigation: " + ", ".join(sorted(allowed)) + " do"
            yield Finding("investigation-data", f"{place}/{tag}", Reason.ELEMENT_NOT_ALLOWED, text)


def _numbered(found: Any, tag: str) -> Iterator[tuple[str, Content]]:
    for number, one in enumerate(found, 1):
        yield (tag if number == 1 else f"{tag}[{number}]"), one
