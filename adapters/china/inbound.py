"""Orders, queries and cancellations that CNAPS sends us as the payee's bank, and our answers to them. Pure.

    ibps.101 -> ccms.990 at once, ibps.102 later      an order
    ibps.305 -> ibps.306 in the exchange              its status
    ibps.307 -> ccms.990 at once, ibps.308 later      the payer's bank does not want it any more
    ibps.309 -> ibps.310 in the exchange              whose account abroad it is

Observed: the messages, their fixed values and what answers what. `TxId` names the order. Profile: `CdtrAgt`
is us, `CdtrAcct` the account abroad, and coded lines of `Ustrd` have what the message has no element for:
`/BENB/` the BIC of the payee's bank abroad, `/BENM/` its id at its own rail, `/PURP/` the ISO purpose,
`/QTID/` the firm quote at whose price it is ordered. A query about an account has `/BENB/` in `RmkInf`, and
may have `/AMT/` and the `/PURP/` of the order; it is then answered with what arrives (`/AMT/`) and the rate
(`/RATE/`), and, if these are firm, with `/QTID/` and the instant until when (`/TILL/`). A large payment
(hvps.111) is settled before it comes to us: it is not taken.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from adapters.china import codes, messages
from adapters.china.messages import (
    CnapsParticipant,
    CnapsReport,
    Draft,
    own_group,
    read_amount,
    text_at,
    text_of,
)
from adapters.china.profile import PROFILE
from adapters.china.text import element, gbk_text
from adapters.china.wire import BEIJING, CnapsHeader, CnapsMessage, document
from adapters.originating import (
    InboundRequest,
    OrderVerdict,
    PayeeQuery,
    PayeeVerdict,
    PaymentOrder,
    ReturnOrder,
    StatusQuery,
    bank_abroad,
    message_id_of,
    order_of,
    ref_of,
)
from adapters.port import Outcome
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.parties import instant_text, named_account
from schemas.payment import Agent, Party, PartyAccount
from schemas.reasons import Reason

_ORDER: Final = "CdtTrfTxInf"
_LINES: Final = "RmtInf/Ustrd"
_CODED = re.compile(r"/(BENB|BENM|PURP|QTID)/(\S.*)")
_MEMBER: Final = ("FinInstnId/ClrSysMmbId/MmbId", "BrnchId/Id", "BrnchId/PstlAdr/CtrySubDvsn")
_ACCOUNT: Final = ("Id/Othr/Id", "Id/Othr/Issr", "Tp/Prtry")
_UNDERSTOOD: Final = frozenset({
    *(f"GrpHdr/{tag}" for tag in ("MsgId", "CreDtTm", "BtchBookg", "NbOfTxs", "IntrBkSttlmDt")),
    "GrpHdr/SttlmInf/SttlmMtd",
    *(f"{_ORDER}/{tag}" for tag in (
        *("PmtId/EndToEndId", "PmtId/TxId", "PmtTpInf/InstrPrty", "PmtTpInf/CtgyPurp/Prtry"),
        *("IntrBkSttlmAmt", "SttlmTmReq/RjctTm", "AccptncDtTm", "ChrgBr", "Purp/Prtry"),
        *("Dbtr/Nm", "Dbtr/CtctDtls/EmailAdr", "Cdtr/Nm", _LINES),
        *(f"{party}Agt/{tag}" for party in ("Dbtr", "Cdtr") for tag in _MEMBER),
        *(f"{party}Acct/{tag}" for party in ("Dbtr", "Cdtr") for tag in _ACCOUNT),
    )),
})  # fmt: skip
"""Elements of an order that are honoured, carried, or the rail's own fixed values."""
_FIXED: Final = {"GrpHdr/NbOfTxs": "1", "GrpHdr/SttlmInf/SttlmMtd": "CLRG", f"{_ORDER}/ChrgBr": "DEBT"}


def read(message: CnapsMessage, us: CnapsParticipant) -> InboundRequest | None:
    """A request of CNAPS to us; None if it is another message.

    Raises:
        InvalidMessage: a required part is missing or malformed, or we cannot honour it.

    """
    reader = _READERS.get(message.header.kind)
    return None if reader is None else reader(message.root, us)


def _read_order(root: Element, us: CnapsParticipant) -> PaymentOrder:
    _must_be_understood(root)
    if text_of(root, f"{_ORDER}/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId") != us.bank:
        raise InvalidMessage("is not us", path=f"{_ORDER}/CdtrAgt")
    coded, text = _lines(root)
    agent = bank_abroad(coded.get("BENB", ""), f"{_ORDER}/{_LINES}")
    return order_of(
        PROFILE.country,
        text_of(root, f"{_ORDER}/PmtId/TxId"),
        _amount(root),
        made_at=_instant(text_of(root, "GrpHdr/CreDtTm")),
        expires_at=messages.expiry(root) if text_at(root, f"{_ORDER}/SttlmTmReq/RjctTm") else None,
        end_to_end_id=text_of(root, f"{_ORDER}/PmtId/EndToEndId"),
        debtor=Party(name=text_of(root, f"{_ORDER}/Dbtr/Nm"), country=PROFILE.country),
        debtor_account=PartyAccount(other=text_of(root, f"{_ORDER}/DbtrAcct/Id/Othr/Id")),
        debtor_agent=Agent(member_id=text_of(root, f"{_ORDER}/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId")),
        creditor=Party(name=text_of(root, f"{_ORDER}/Cdtr/Nm"), country=(agent.bic or "")[4:6]),
        creditor_account=named_account(text_of(root, f"{_ORDER}/CdtrAcct/Id/Othr/Id")),
        creditor_agent=Agent(bic=agent.bic, member_id=coded.get("BENM")),
        purpose=coded.get("PURP"),
        remittance=" ".join(text) or None,
        quote=coded.get("QTID"),
    )


def _must_be_understood(root: Element) -> None:
    """Refuse what would be silently lost, and values that we cannot honour."""
    found = Counter(_leaves(root))
    for path, times in found.items():
        if path not in _UNDERSTOOD:
            raise InvalidMessage("is not taken from this rail", path=path)
        if times > 1 and path != f"{_ORDER}/{_LINES}":
            raise InvalidMessage("must be stated once", path=path)
    for path, value in _FIXED.items():
        if text_of(root, path) != value:
            raise InvalidMessage(f"must be {value}", path=path)


def _leaves(parent: Element, above: str = "") -> Iterator[str]:
    """Paths of the elements without parts, by local names."""
    for child in parent:
        path = above + etree.QName(child).localname
        if len(child):
            yield from _leaves(child, f"{path}/")
        else:
            yield path


def _lines(root: Element) -> tuple[dict[str, str], list[str]]:
    """The coded lines by their code, and the payer's own ones."""
    coded: dict[str, str] = {}
    text = []
    for line in root.findall(f"{{*}}{_ORDER}/{{*}}RmtInf/{{*}}Ustrd"):
        found = _CODED.fullmatch(line.text or "")
        if found is None:
            text.append(line.text or "")
        elif coded.setdefault(found[1], found[2]) != found[2]:
            raise InvalidMessage("must be stated once", path=f"{_ORDER}/{_LINES}")
    return coded, text


def _amount(root: Element) -> Money:
    path = f"{_ORDER}/IntrBkSttlmAmt"
    stated = root.find(f"{{*}}{_ORDER}/{{*}}IntrBkSttlmAmt")
    if stated is None or stated.get("Ccy") != PROFILE.currency:
        raise InvalidMessage(f"must be in {PROFILE.currency}", path=path)
    return read_amount(stated.text or "")


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=BEIJING)
    except ValueError:
        raise InvalidMessage("not a time", path="GrpHdr/CreDtTm") from None


def _read_status_query(root: Element, us: CnapsParticipant) -> StatusQuery:  # noqa: ARG001 - every reader
    original = ref_of(text_of(root, "OrgnlMsgInf/OrgnlMsgId"))
    return StatusQuery(ref_of(text_of(root, "GrpHdr/MsgId")), original)


def _read_cancellation(root: Element, us: CnapsParticipant) -> ReturnOrder:  # noqa: ARG001 - as above
    if len(root.findall("{*}Undrlyg/{*}TxInf")) != 1:
        raise InvalidMessage("must be about one order", path="Undrlyg")
    return ReturnOrder(ref_of(text_of(root, "Assgnmt/Id")), ref_of(text_of(root, "Undrlyg/TxInf/OrgnlTxId")))


def _read_payee_query(root: Element, us: CnapsParticipant) -> PayeeQuery:  # noqa: ARG001 - as above
    remarks = messages.remarks(text_of(root, "RmkInf"))
    amount = remarks.get("AMT")
    if amount is not None and not amount.startswith(PROFILE.currency):
        raise InvalidMessage(f"must be in {PROFILE.currency}", path="RmkInf")
    return PayeeQuery(
        ref_of(text_of(root, "GrpHdr/MsgId")),
        named_account(text_of(root, "QryInf/Acct")),
        bank_abroad(remarks.get("BENB", ""), "RmkInf"),
        None if amount is None else read_amount(amount.removeprefix(PROFILE.currency)),
        remarks.get("PURP"),
        quotable=True,
    )


_READERS: Final[dict[str, Callable[[Element, CnapsParticipant], InboundRequest]]] = {
    messages.ORDER: _read_order,
    messages.STATUS_REQUEST: _read_status_query,
    messages.CANCELLATION: _read_cancellation,
    messages.ACCOUNT_REQUEST: _read_payee_query,
}


def receipt(request: CnapsMessage, verdict: OrderVerdict, us: CnapsParticipant) -> Draft:
    """ccms.990: we have the message."""
    content = (
        f"<ComuCnfm>{messages.subject(request.header)}<MsgProCd>{codes.COMMUNICATED}</MsgProCd></ComuCnfm>"
    )
    return _answer(messages.COMMUNICATED, request, verdict, us, content)


def report(request: CnapsMessage, verdict: OrderVerdict, us: CnapsParticipant) -> Draft:
    """ibps.102 or ibps.308: what became of an order or of a cancellation."""
    root = request.root
    refused = verdict.outcome is not Outcome.DONE
    code = codes.native_of(verdict.reason or Reason.REASON_NOT_SPECIFIED) if refused else ""
    if request.header.kind == messages.ORDER:
        kind, done, place = messages.ANSWER, codes.PAID, _ORDER
        original, transaction = (text_of(root, path) for path in ("GrpHdr/MsgId", f"{place}/PmtId/TxId"))
        reference, amount = (
            text_of(root, f"{place}/{tag}") for tag in ("PmtId/EndToEndId", "IntrBkSttlmAmt")
        )
    else:
        kind, done, place = messages.CANCELLATION_ANSWER, codes.PROCESSED, "Undrlyg/TxInf"
        original, transaction = (text_of(root, path) for path in ("Assgnmt/Id", f"{place}/OrgnlTxId"))
        reference, amount = (
            text_at(root, f"{place}/{tag}") for tag in ("OrgnlEndToEndId", "OrgnlIntrBkSttlmAmt")
        )
    status = codes.REJECTED if refused else done
    said = CnapsReport(original, request.header.kind, transaction, reference, status, code, amount)
    content = messages.report(_identity(kind, request, verdict, us), verdict.at, said)
    return _answer(kind, request, verdict, us, content, messages.PACS_002)


def status(request: CnapsMessage, verdict: OrderVerdict, us: CnapsParticipant) -> Draft:
    """ibps.306: the state of an order."""
    root, asker = request.root, request.header.sender
    state, process, code = _state(verdict)
    identity = _identity(messages.STATUS_ANSWER, request, verdict, us)
    content = (
        f"<TxStsRspn>{own_group(identity, verdict.at)}<InstgPty>{us.bank}</InstgPty>"
        f"<InstdPty>{asker}</InstdPty><OrgnlGrpInf>"
        f"<OrgnlMsgId>{text_of(root, 'GrpHdr/MsgId')}</OrgnlMsgId><ProcSts>{codes.PROCESSED}</ProcSts>"
        f"</OrgnlGrpInf><RspsnInf><OrgnlMsgInf>"
        f"{element('OrgnlSndrId', text_at(root, 'OrgnlMsgInf/OrgnlSndrId'))}"
        f"<OrgnlMsgId>{text_of(root, 'OrgnlMsgInf/OrgnlMsgId')}</OrgnlMsgId></OrgnlMsgInf>"
        f"<ProcSts>{state}</ProcSts><ProcCd>{process}</ProcCd>{element('PtyProcCd', code)}</RspsnInf>"
        "<DgtSgntr></DgtSgntr></TxStsRspn>"
    )
    return _answer(messages.STATUS_ANSWER, request, verdict, us, content)


def _state(verdict: OrderVerdict) -> tuple[str, str, str]:
    """`ProcSts`, `ProcCd` and the reject code."""
    match verdict.outcome:
        case Outcome.DONE:
            return codes.PAID, codes.OK, ""
        case Outcome.REFUSED:
            return codes.REJECTED, codes.OK, codes.native_of(verdict.reason or Reason.REASON_NOT_SPECIFIED)
        case Outcome.NOT_FOUND:
            return codes.REJECTED, codes.NOT_FOUND, ""
        case _:
            return codes.FORWARDED, codes.OK, ""


def account_owner(request: CnapsMessage, verdict: PayeeVerdict, us: CnapsParticipant) -> Draft:
    """ibps.310: whose account it is and, for a stated amount, what arrives."""
    root = request.root
    account = text_of(root, "QryInf/Acct")
    identity = _identity(messages.ACCOUNT_ANSWER, request, verdict, us)
    result = f"<RspsnSts>{codes.REJECTED}</RspsnSts><RjctCd>{codes.UNKNOWN_ACCOUNT}</RjctCd></RspsnInf>"
    if verdict.payee is not None:
        result = (
            f"<RspsnSts>{codes.PROCESSED}</RspsnSts></RspsnInf>"
            f"<QryRslt>{element('Acct', account)}<AcctTp>{messages.PERSONAL}</AcctTp>"
            f"<AcctRslt><DbtAcct><Ntry>{element('Acct', account)}"
            f"{element('TpNm', gbk_text(verdict.payee.name, 60))}"
            "</Ntry></DbtAcct></AcctRslt></QryRslt>"
        )
    content = (
        f"<AthtctnAcctInfRspn>{own_group(identity, verdict.at)}<InstgPty>{us.bank}</InstgPty>"
        f"<InstdPty>{request.header.sender}</InstdPty>"
        f"<OrgnlGrpInf><OrgnlMsgId>{text_of(root, 'GrpHdr/MsgId')}</OrgnlMsgId></OrgnlGrpInf>"
        f"<RspsnInf>{result}{element('RmkInf', _arrives(verdict))}<DgtSgntr></DgtSgntr></AthtctnAcctInfRspn>"
    )
    return _answer(messages.ACCOUNT_ANSWER, request, verdict, us, content)


def _arrives(verdict: PayeeVerdict) -> str:
    if verdict.payee is None or verdict.credit is None:
        return ""
    rate = format(Decimal(verdict.rate or "1").normalize(), "f")
    firm = "" if verdict.until is None else f"/QTID/{verdict.quote}/TILL/{instant_text(verdict.until)}"
    return f"/AMT/{verdict.credit.currency}{verdict.credit.text}/RATE/{rate}{firm}"


def _answer(  # noqa: PLR0917 - what every answer is made of
    kind: str,
    request: CnapsMessage,
    verdict: OrderVerdict | PayeeVerdict,
    us: CnapsParticipant,
    content: str,
    namespace: str = "",
) -> Draft:
    """A message to the sender of a request. The header's id tells two of our answers apart."""
    asked = request.header
    identity = message_id_of(kind + asked.id, verdict)[:20]
    header = CnapsHeader(us.bank, asked.sender, verdict.at, kind, identity, asked.id, system=asked.system)
    return Draft(header, document(namespace or messages.OWN + kind, content))


def _identity(
    kind: str, request: CnapsMessage, verdict: OrderVerdict | PayeeVerdict, us: CnapsParticipant
) -> str:
    """`MsgId`: 28 digits, of which a service message has seven of its own."""
    return messages.service_id(us, verdict.at, int(message_id_of(kind + request.header.id, verdict), 16))
