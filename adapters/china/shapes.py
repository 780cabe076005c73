"""The structure of the CNAPS messages that participants send, as the simulated system checks it."""

import re
from typing import Final

from lxml.etree import _Element as Element

from adapters.china import messages
from adapters.simulation.shape import ElementShape, like
from adapters.simulation.shape import check as shape_check
from schemas.errors import InvalidMessage

_ID = ElementShape(text=like(r"\d{28}"))
_TIME = ElementShape(text=like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"))
_DATE = ElementShape(text=like(r"\d{4}-\d\d-\d\d"))
_BANK = ElementShape(text=like(r"\d{12}"))
_CENTRE = ElementShape(text=like("0000"))
_REFERENCE = ElementShape(text=like(r"[0-9a-f]{32}"))
_AMOUNT = ElementShape({"Ccy": like("CNY")}, text=like(r"\d{1,15}\.\d{2}"))
_NAME = ElementShape(text=like(r"\S(?:.{0,138}\S)?"))
_ACCOUNT = ElementShape(text=like(r"\S(?:.{0,30}\S)?"))
_EMPTY = ElementShape(text=like(""))


def _fixed(text: str) -> ElementShape:
    return ElementShape(text=like(text))


def _of(*parts: tuple[str, ElementShape]) -> ElementShape:
    return ElementShape(parts=parts)


def _code(pattern: str) -> ElementShape:
    return _of(("Prtry", _fixed(pattern)))


_MEMBER = _of(("FinInstnId", _of(("ClrSysMmbId", _of(("MmbId", _BANK))))))
_SIGNATURE = _of(("EmailAdr", _EMPTY))
_BRANCH = _of(("Id", _BANK), ("PstlAdr?", _of(("CtrySubDvsn", _fixed(r"\d{6}")))))
_AGENT = _of(("FinInstnId", _of(("ClrSysMmbId", _of(("MmbId", _BANK))))), ("BrnchId", _BRANCH))
_HOLDER = _of(("Id", _of(("Othr", _of(("Id", _ACCOUNT), ("Issr?", _NAME))))), ("Tp?", _code("AT0[0-2]")))
_GROUP = _of(("MsgId", _ID), ("CreDtTm", _TIME))


def _order(*, large: bool) -> ElementShape:
    day = () if large else (("IntrBkSttlmDt", _DATE),)
    return _of(
        (
            "GrpHdr",
            _of(
                ("MsgId", _ID),
                ("CreDtTm", _TIME),
                *(() if large else (("BtchBookg", _fixed("false")),)),
                ("NbOfTxs", _fixed("1")),
                *day,
                ("SttlmInf", _of(("SttlmMtd", _fixed("CLRG")))),
            ),
        ),
        (
            "CdtTrfTxInf",
            _of(
                ("PmtId", _of(("EndToEndId", _REFERENCE), ("TxId", _ID))),
                ("PmtTpInf", _of(("InstrPrty", _fixed("NORM")), ("CtgyPurp", _code("[A-Z][0-9]{3}")))),
                ("IntrBkSttlmAmt", _AMOUNT),
                *((("IntrBkSttlmDt", _DATE),) if large else ()),
                ("SttlmTmReq", _of(("RjctTm", _fixed(r"\d\d:\d\d:\d\d\.\d{3}")))),
                ("AccptncDtTm", _TIME),
                ("ChrgBr", _fixed("DEBT")),
                ("Dbtr", _of(("Nm", _NAME), ("CtctDtls", _SIGNATURE))),
                ("DbtrAcct", _HOLDER),
                ("DbtrAgt", _AGENT),
                ("CdtrAgt", _AGENT),
                ("Cdtr", _of(("Nm", _NAME))),
                ("CdtrAcct", _HOLDER),
                ("Purp", _code(r"\d{5}")),
                ("RmtInf?", _of(("Ustrd", _NAME), *[("Ustrd?", _NAME)] * 4)),
            ),
        ),
    )


_CANCELLATION = _of(
    (
        "Assgnmt",
        _of(
            ("Id", _ID),
            ("Assgnr", _of(("Agt", _MEMBER))),
            ("Assgne", _of(("Agt", _MEMBER))),
            ("CreDtTm", _TIME),
        ),
    ),
    ("Case", _of(("Id", _ID), ("Cretr", _of(("Pty", _of(("Nm", _NAME), ("CtctDtls", _SIGNATURE))))))),
    (
        "Undrlyg",
        _of(
            (
                "TxInf",
                _of(
                    ("CxlId", _ID),
                    ("OrgnlGrpInf", _of(("OrgnlMsgId", _ID), ("OrgnlMsgNmId", _NAME))),
                    ("OrgnlEndToEndId", _REFERENCE),
                    ("OrgnlTxId", _ID),
                    ("OrgnlIntrBkSttlmAmt", _AMOUNT),
                    ("CxlRsnInf", _of(("Rsn", _of(("Prtry", _NAME))))),
                ),
            )
        ),
    ),
)
_STATUS = _of(
    ("GrpHdr", _GROUP),
    ("InstgPty", _BANK),
    ("InstdPty", _CENTRE),
    ("OrgnlMsgInf", _of(("OrgnlSndrId", _BANK), ("OrgnlMsgId", _ID))),
    ("RmkInf", _NAME),
    ("DgtSgntr", _EMPTY),
)
_WHOSE = _of(
    ("GrpHdr", _GROUP),
    ("InstgPty", _BANK),
    ("InstdPty", _CENTRE),
    ("QryInf", _of(("Acct", _ACCOUNT), ("AcctTp", _fixed("AT0[0-2]")))),
    ("DgtSgntr", _EMPTY),
)
_LOGIN = _of(
    (
        "GrpHdr",
        _of(
            ("MsgId", _ID),
            ("CreDtTm", _TIME),
            ("InstgPty", _BANK),
            ("InstdPty", _CENTRE),
            ("SysCd", _fixed("IBPS")),
        ),
    ),
    ("LoginInf", _of(("LoginOprTp", _fixed("OT0[01]")))),
)


def _report(kind: str, status: str) -> ElementShape:
    """ibps.102 or ibps.308 in answer to a message of this kind."""
    return _of(
        ("GrpHdr", _GROUP),
        ("OrgnlGrpInfAndSts", _of(("OrgnlMsgId", _ID), ("OrgnlMsgNmId", _fixed(re.escape(kind))))),
        (
            "TxInfAndSts",
            _of(
                ("StsId", _fixed(status)),
                ("OrgnlEndToEndId", _NAME),
                ("OrgnlTxId", _ID),
                ("StsRsnInf?", _of(("Rsn", _code("[A-Z0-9]{4}")))),
                (
                    "OrgnlTxRef",
                    _of(
                        ("IntrBkSttlmAmt", _AMOUNT),
                        ("Cdtr", _of(("CtctDtls", _SIGNATURE))),
                    ),
                ),
            ),
        ),
    )


SHAPES: Final = {
    messages.ORDER: (messages.PACS_008, "FIToFICstmrCdtTrf", _order(large=False)),
    messages.LARGE_ORDER: (messages.PACS_008, "FIToFICstmrCdtTrf", _order(large=True)),
    messages.CANCELLATION: (messages.CAMT_056, "FIToFIPmtCxlReq", _CANCELLATION),
    messages.ANSWER: (messages.PACS_002, "FIToFIPmtStsRpt", _report(messages.ORDER, "PR0[29]")),
    messages.CANCELLATION_ANSWER: (
        messages.PACS_002,
        "FIToFIPmtStsRpt",
        _report(messages.CANCELLATION, "PR0[79]"),
    ),
    messages.STATUS_REQUEST: (messages.OWN + messages.STATUS_REQUEST, "TxStsReq", _STATUS),
    messages.ACCOUNT_REQUEST: (messages.OWN + messages.ACCOUNT_REQUEST, "AthtctnAcctInfReq", _WHOSE),
    messages.LOGIN: (messages.OWN + messages.LOGIN, "LoginReq", _LOGIN),
}
"""Message -> namespace, root element and its structure."""


def check(kind: str, root: Element) -> None:
    """Refuse a message with another structure.

    Raises:
        InvalidMessage: another message, or a part is missing, unexpected, out of order or malformed.

    """
    namespace, tag, shape = SHAPES.get(kind, ("", "", ElementShape()))
    if root.tag != f"{{{namespace}}}{tag}":
        raise InvalidMessage("not a message that participants send")
    shape_check(root, shape)
