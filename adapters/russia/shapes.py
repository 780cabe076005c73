"""The structure of the UFEBS messages that participants send, as the simulated system checks it.

Our own notation of the Bank of Russia's schemas 2024.4.0 for these messages (a test compares the two).
Organisations as payer or payee, and parts that nobody here sends, are left out: the simulated system refuses
them.
"""

import re
from typing import Final

from lxml.etree import _Element as Element

from adapters.russia.envelope import NAMESPACE, NAMESPACE_701
from adapters.russia.text import ALPHABET
from adapters.simulation.shape import ElementShape, like
from adapters.simulation.shape import check as shape_check
from schemas.errors import InvalidMessage


def _text(most: int) -> re.Pattern[str]:
    """TextCategory of at most `most` characters, not blank."""
    return like(f"(?=.{{1,{most}}}$)(?! *$)[{ALPHABET}]+")


_DATE = like(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
_TIME = like(_DATE.pattern + r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
_NUMBER = like(r"[1-9]\d{0,8}")
_UID = like(r"\d{10}")
_SUM = like(r"[1-9]\d{0,17}")
_BIK = like(r"\d{9}")
_ACCOUNT = like(r"\d{5}[0-9ABCEHKMPTX]\d{14}")
_CURRENCY = like(r"[A-Z]{3}")
_REFERENCE: Final = {"EDNo": _NUMBER, "EDDate": _DATE, "EDAuthor": _UID}
_HEAD: Final = {**_REFERENCE, "EDReceiver": _UID}

_id = ElementShape(_REFERENCE)
_amount = ElementShape({"Amount": _SUM, "Currency": _CURRENCY})
_person = ElementShape(parts=[("PersonName", ElementShape(text=_text(140)))])
_phone = ElementShape(text=_text(15))
_purpose = ElementShape(text=_text(210))
_agent = ElementShape(
    {
        "BIC?": _BIK,
        "CorrespAcc?": _text(35),
        "SwiftBIC?": like(r"[A-Z]{6}[0-9A-Z]{2}(?:[0-9A-Z]{3})?"),
        "ClrSysMmbId": _text(12),
    },
    [("BankName?", ElementShape(text=_text(140)))],
)
_bank = ElementShape({"BIC": _BIK, "CorrespAcc": _ACCOUNT})

_order: Final = {
    **_HEAD,
    "TransactionID": _text(32),
    "Sum": _SUM,
    "TransKind": like("01"),
    "TransDateTime": _TIME,
    "PaymentID?": _text(35),
    "PaymentCategory?": like("FREE|PAID"),
    "CodePurpose?": _text(35),
}


def _party_702(person: str) -> ElementShape:
    return ElementShape(
        parts=[
            (person, _person),
            (
                "AccountInfo",
                ElementShape({"AccountType": like("BBAN|ORID|IBAN|EPID"), "AccountValue": _text(35)}),
            ),
            ("CountryOfResidence?", ElementShape(text=_text(2))),
            ("PhoneNumber?", _phone),
            ("Bank", _agent),
        ]
    )


_party_701 = ElementShape(
    parts=[
        ("PersonInfo", _person),
        (
            "AccountInfo",
            ElementShape({"AccountType": like("BBAN|EPID|ORID|TRSA|OTHA"), "AccountValue": _text(20)}),
        ),
        ("PhoneNumber?", _phone),
        ("Bank", _bank),
    ]
)
_ED702 = ElementShape(
    {
        **_order,
        "OperationType": like("CTPH|CTRB|CTRT|CTRD|CTND"),
        "ChargeBearer": like("SLEV"),
        "ExchangeRate?": like(r"(?=(?:\D*\d){1,11}\D*$)\d{1,11}(?:\.\d{0,10})?"),
        "TransactionIDPSP?": _text(35),
        "TransDateTimePSP?": _TIME,
        "TransOptionCode?": like("XTIP|XTFP"),
    },
    [
        ("Payer", _party_702("PersonInfo")),
        ("Payee", _party_702("PersonInfo?")),
        ("Purpose?", _purpose),
        ("PrvsInstgAgt1?", _agent),
        ("InstructedAmount?", _amount),
        ("DuePayableAmount?", _amount),
        ("EDRefID?", _id),
    ],
)
_ED701 = ElementShape(
    {**_order, "OperationType": like("CCPH|CCRT")},
    [("Payer", _party_701), ("Payee", _party_701), ("Purpose?", _purpose), ("EDRefID?", _id)],
)
_ED243 = ElementShape(
    {**_HEAD, "EDDefineRequestCode": like(r"\d{2}")},
    [
        ("OriginalEPD", _id),
        (
            "EDDefineRequestInfo?",
            ElementShape(
                {"PayeeAcc?": _ACCOUNT},
                [
                    (
                        "EDFieldList?",
                        ElementShape(
                            parts=[
                                ("FieldNo", ElementShape(text=_text(70))),
                                ("FieldValue?", ElementShape(text=_text(210))),
                            ]
                        ),
                    )
                ],
            ),
        ),
    ],
)

_ED742 = ElementShape(
    _HEAD,
    [
        (
            "RequestInfo",
            ElementShape(
                {"BIC": _BIK, "CorrespAcc?": _ACCOUNT},
                [("BusinessDay", ElementShape({"AbstractDate": _DATE}))],
            ),
        )
    ],
)

SHAPES: Final = {
    f"{{{NAMESPACE_701}}}ED701": _ED701,
    f"{{{NAMESPACE}}}ED702": _ED702,
    f"{{{NAMESPACE}}}ED202": ElementShape(
        {**_REFERENCE, "EDReceiver?": _UID, "EDInquiryCode": like("RSTS|RCPY|RSPC")}, [("EDRefID", _id)]
    ),
    f"{{{NAMESPACE}}}ED243": _ED243,
    f"{{{NAMESPACE}}}ED742": _ED742,
    f"{{{NAMESPACE}}}ED999": ElementShape({**_REFERENCE, "EDReceiver?": _UID, "CreationDateTime?": _TIME}),
}


def check(document: Element) -> None:
    """Refuse a document whose structure is not that of its message.

    Raises:
        InvalidMessage: another message, or a part is missing, unexpected, out of order or malformed.

    """
    shape = SHAPES.get(str(document.tag))
    if shape is None:
        raise InvalidMessage("not a message that participants send")
    shape_check(document, shape)
