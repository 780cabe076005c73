"""India's `upi://pay` links (NPCI linking specification 1.6): parameters of an address, no check.

`sign` is the payee's signature over the link. Its key is not public, so it is kept and a warning says that
nobody has checked it.
"""

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from adapters.identifiers import is_vpa
from adapters.profile import Basis
from adapters.qr.model import Bases, Kind, PaymentCode
from schemas.errors import InvalidMessage
from schemas.money import Money

NAME: Final = "UPI link"
PREFIX: Final = "upi://pay?"
BASES: Final[Bases] = dict.fromkeys(("layout", "payee", "amount"), Basis.PUBLISHED)
_CURRENCY: Final = "INR"
_MORE: Final = {
    "terminal": "tid", "note": "tn", "minimum_amount": "mam", "url": "url", "mode": "mode", "orgid": "orgid",
    "sign": "sign", "purpose": "purpose",
}  # fmt: skip
_PARAMETERS: Final = 20


def read(text: str) -> PaymentCode:
    """A link.

    Raises:
        InvalidMessage: a parameter twice, no payee, another currency, or an amount that is none.

    """
    said = _parameters(text[len(PREFIX) :])
    payee = said.get("pa", "")
    if not is_vpa(payee):
        raise InvalidMessage("no payment address", path="pa", rule="payee")
    if said.get("cu", _CURRENCY) != _CURRENCY:
        raise InvalidMessage("another currency", path="cu")
    return PaymentCode(
        country="IN",
        scheme=NAME,
        payee=payee,
        kind=Kind.VPA,
        currency=_CURRENCY,
        name=said.get("pn") or None,
        amount=Money.parse(said["am"], _CURRENCY) if said.get("am") else None,
        reference=said.get("tr") or None,
        dynamic=bool(said.get("tr")),
        category=said.get("mc") or None,
        more={name: said[key] for name, key in _MORE.items() if said.get(key)},
        warnings=("the payee's signature is not checked",) if said.get("sign") else (),
    )


def make(code: PaymentCode) -> str:
    """The link of a code; one with a reference is for one payment.

    Raises:
        ValueError: the scheme cannot say something of the code.

    """
    if not is_vpa(code.payee) or not set(code.more) <= set(_MORE) or code.city:
        raise ValueError("the scheme cannot say this")
    if code.dynamic is not bool(code.reference):
        raise ValueError("a link with a reference, and no other, is for one payment")
    if code.amount is not None and (code.amount.currency != _CURRENCY or code.amount.minor <= 0):
        raise ValueError("the scheme cannot say this amount")
    said = {
        "pa": code.payee,
        "pn": code.name,
        "mc": code.category,
        "tr": code.reference,
        "am": code.amount.text if code.amount else None,
        "cu": _CURRENCY,
        **{key: code.more.get(name) for name, key in _MORE.items()},
    }
    return PREFIX + urlencode({key: value for key, value in said.items() if value}, safe="@", quote_via=quote)


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_PARAMETERS
        )
    except ValueError:
        raise InvalidMessage("not a link's parameters") from None
    said = dict(pairs)
    if len(said) != len(pairs):
        raise InvalidMessage("a parameter is there twice", rule="duplicate-key")
    return said
