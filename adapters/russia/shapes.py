"""The shapes of the UFEBS messages that a participant sends, as the simulated system checks them.

Our own notation of what the Bank of Russia's schemas 2024.4.0 say of these messages (a test holds the two
against each other). Organisations as payer or payee, and parts that nobody here sends, are left out: the
simulated system refuses them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from adapters.russia.envelope import NAMESPACE, NAMESPACE_701
from adapters.russia.text import ALPHABET
from schemas.errors import InvalidMessage


@dataclass(frozen=True, slots=True)
class Shape:
    """What an element may hold: attributes and parts, each with `?` where optional; or text."""

    attributes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    parts: Sequence[tuple[str, "Shape"]] = ()
    text: re.Pattern[str] | None = None


def _like(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | re.DOTALL)


def _text(most: int) -> re.Pattern[str]:
    """TextCategory of at most `most` characters, not blank."""
    return _like(f"(?=.{{1,{most}}}$)(?! *$)[{ALPHABET}]+")


_DATE = _like(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
_TIME = _like(_DATE.pattern + r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
_NUMBER = _like(r"[1-9]\d{0,8}")
_UID = _like(r"\d{10}")
_SUM = _like(r"[1-9]\d{0,17}")
_BIK = _like(r"\d{9}")
_ACCOUNT = _like(r"\d{5}[0-9ABCEHKMPTX]\d{14}")
_CURRENCY = _like(r"[A-Z]{3}")
_REFERENCE: Final = {"EDNo": _NUMBER, "EDDate": _DATE, "EDAuthor": _UID}
_HEAD: Final = {**_REFERENCE, "EDReceiver": _UID}

_id = Shape(_REFERENCE)
_amount = Shape({"Amount": _SUM, "Currency": _CURRENCY})
_person = Shape(parts=[("PersonName", Shape(text=_text(140)))])
_phone = Shape(text=_text(15))
_purpose = Shape(text=_text(210))
_agent = Shape(
    {
        "BIC?": _BIK,
        "CorrespAcc?": _text(35),
        "SwiftBIC?": _like(r"[A-Z]{6}[0-9A-Z]{2}(?:[0-9A-Z]{3})?"),
        "ClrSysMmbId": _text(12),
    },
    [("BankName?", Shape(text=_text(140)))],
)
_bank = Shape({"BIC": _BIK, "CorrespAcc": _ACCOUNT})

_order: Final = {
    **_HEAD,
    "TransactionID": _text(32),
    "Sum": _SUM,
    "TransKind": _like("01"),
    "TransDateTime": _TIME,
    "PaymentID?": _text(35),
    "PaymentCategory?": _like("FREE|PAID"),
    "CodePurpose?": _text(35),
}
_party_702 = Shape(
    parts=[
        ("PersonInfo", _person),
        ("AccountInfo", Shape({"AccountType": _like("BBAN|ORID|IBAN|EPID"), "AccountValue": _text(35)})),
        ("CountryOfResidence?", Shape(text=_text(2))),
        ("PhoneNumber?", _phone),
        ("Bank", _agent),
    ]
)
_party_701 = Shape(
    parts=[
        ("PersonInfo", _person),
        ("AccountInfo", Shape({"AccountType": _like("BBAN|EPID|ORID|TRSA|OTHA"), "AccountValue": _text(20)})),
        ("PhoneNumber?", _phone),
        ("Bank", _bank),
    ]
)
_ED702 = Shape(
    {
        **_order,
        "OperationType": _like("CTPH|CTRB|CTRT|CTRD|CTND"),
        "ChargeBearer": _like("SLEV"),
        "ExchangeRate?": _like(r"(?=(?:\D*\d){1,11}\D*$)\d{1,11}(?:\.\d{0,10})?"),
        "TransactionIDPSP?": _text(35),
        "TransDateTimePSP?": _TIME,
        "TransOptionCode?": _like("XTIP|XTFP"),
    },
    [
        ("Payer", _party_702),
        ("Payee", _party_702),
        ("Purpose?", _purpose),
        ("PrvsInstgAgt1?", _agent),
        ("InstructedAmount?", _amount),
        ("DuePayableAmount?", _amount),
        ("EDRefID?", _id),
    ],
)
_ED701 = Shape(
    {**_order, "OperationType": _like("CCPH|CCRT")},
    [("Payer", _party_701), ("Payee", _party_701), ("Purpose?", _purpose), ("EDRefID?", _id)],
)
_ED243 = Shape(
    {**_HEAD, "EDDefineRequestCode": _like(r"\d{2}")},
    [
        ("OriginalEPD", _id),
        (
            "EDDefineRequestInfo?",
            Shape(
                {"PayeeAcc?": _ACCOUNT},
                [
                    (
                        "EDFieldList?",
                        Shape(
                            parts=[
                                ("FieldNo", Shape(text=_text(70))),
                                ("FieldValue?", Shape(text=_text(210))),
                            ]
                        ),
                    )
                ],
            ),
        ),
    ],
)

SHAPES: Final = {
    f"{{{NAMESPACE_701}}}ED701": _ED701,
    f"{{{NAMESPACE}}}ED702": _ED702,
    f"{{{NAMESPACE}}}ED202": Shape({**_HEAD, "EDInquiryCode": _like("RSTS|RCPY|RSPC")}, [("EDRefID", _id)]),
    f"{{{NAMESPACE}}}ED243": _ED243,
    f"{{{NAMESPACE}}}ED999": Shape({**_HEAD, "CreationDateTime?": _TIME}),
}


def check(document: Element) -> None:
    """Refuse a document that has not its message's shape.

    Raises:
        InvalidMessage: another message, or a part that is missing, foreign, out of order or malformed.

    """
    shape = SHAPES.get(str(document.tag))
    if shape is None:
        raise InvalidMessage("not a message that participants send")
    _check(document, shape)


def _check(element: Element, shape: Shape) -> None:
    _check_attributes(element, shape)
    if shape.text is None:
        if (element.text or "").strip():
            raise InvalidMessage("text where none belongs")
    elif shape.text.fullmatch(element.text or "") is None:
        raise InvalidMessage("text that its type does not allow", path=etree.QName(element).localname)
    children = list(element)
    namespace = etree.QName(element).namespace
    for name, part in shape.parts:
        tag = f"{{{namespace}}}{name.removesuffix('?')}"
        if children and children[0].tag == tag:
            _check(children.pop(0), part)
        elif not name.endswith("?"):
            raise InvalidMessage(f"no {name}")
    if children:
        raise InvalidMessage("a part that does not belong, or not there")


def _check_attributes(element: Element, shape: Shape) -> None:
    left = {str(name): str(value) for name, value in element.attrib.items()}
    for name, pattern in shape.attributes.items():
        value = left.pop(name.removesuffix("?"), None)
        if value is None:
            if not name.endswith("?"):
                raise InvalidMessage(f"no {name}")
        elif pattern.fullmatch(value) is None:
            raise InvalidMessage("a value that its type does not allow", path=name.removesuffix("?"))
    if left:
        raise InvalidMessage("an attribute that does not belong")
