"""India's `upi://pay` links (NPCI linking specification 1.6): parameters of an address, no checksum.

Codes in use differ from the specification, so a link is accepted whenever payee and amount are unambiguous:
an amount of zero means that the payer enters it, empty parts are ignored, and names of parameters are read in
any case. Every deviation gives a warning. Two values of one parameter are refused.

`sign` is the payee's signature of the link. Its key is not public, so it is kept, with a warning that it was
not verified.
"""

import re
from typing import Final
from urllib.parse import quote, unquote_plus, urlencode

from adapters.identifiers import is_vpa
from adapters.india.country import COUNTRY
from adapters.profile import Basis
from adapters.qr.model import Bases, PayeeKind, PaymentCode
from schemas.errors import InvalidAmount, InvalidMessage
from schemas.money import Money

NAME: Final = "UPI link"
PREFIX: Final = "upi://pay?"
BASES: Final[Bases] = dict.fromkeys(("layout", "payee", "amount"), Basis.PUBLISHED)
_CURRENCY: Final = COUNTRY.currency
_CURRENCIES: Final = {_CURRENCY, "356"}
"""The alphabetic and the numeric code of ISO 4217."""
_MORE: Final = {
    "terminal": "tid", "note": "tn", "minimum_amount": "mam", "url": "url", "mode": "mode", "orgid": "orgid",
    "sign": "sign", "purpose": "purpose", "merchant_id": "mid", "store": "msid", "merchant_terminal": "mtid",
    "tax_breakup": "gstBrkUp", "tax_number": "gstIn", "invoice": "invoiceNo", "invoice_date": "invoiceDate",
    "invoice_name": "invoiceName", "medium": "QRMedium", "expires_at": "QRexpire", "made_at": "QRts",
    "version": "ver",
}  # fmt: skip
_KNOWN: Final = {key.casefold(): key for key in ("pa", "pn", "mc", "tr", "am", "cu", *_MORE.values())}
_PARAMETERS: Final = 64
_BEGINS = re.compile(r"upi://pay/?\?", re.ASCII | re.IGNORECASE)
_AMOUNT = re.compile(r"(\d{0,12})(?:\.(\d*))?", re.ASCII)
_DECIMALS: Final = 2


def is_link(text: str) -> bool:
    """Whether a text begins like these links, in any case; some producers write `upi://pay/?`."""
    return _BEGINS.match(text) is not None


def read(text: str) -> PaymentCode:
    """Parse a link.

    Raises:
        InvalidMessage: two values of a parameter, no payee, another currency, or an invalid amount.

    """
    odd: list[str] = []
    parameters = _parameters(text.partition("?")[2], odd)
    payee = parameters.get("pa", "").strip()
    if not is_vpa(payee):
        raise InvalidMessage("no payment address", path="pa", rule="payee")
    _check_currency(parameters.get("cu"), odd)
    if parameters.get("sign"):
        odd.append("the payee's signature was not verified")
    return PaymentCode(
        country=COUNTRY.code,
        scheme=NAME,
        payee=payee,
        kind=PayeeKind.VPA,
        currency=_CURRENCY,
        name=parameters.get("pn") or None,
        amount=_amount(parameters.get("am", ""), odd),
        reference=parameters.get("tr") or None,
        dynamic=bool(parameters.get("tr")),
        category=parameters.get("mc") or None,
        more={name: parameters[key] for name, key in _MORE.items() if parameters.get(key)},
        warnings=tuple(odd),
    )


def make(code: PaymentCode) -> str:
    """The link for a code; a link with a reference is for one payment.

    Raises:
        ValueError: the scheme cannot express something in the code.

    """
    if not is_vpa(code.payee) or not set(code.more) <= set(_MORE) or code.city:
        raise ValueError("the scheme cannot express this")
    if code.dynamic is not bool(code.reference):
        raise ValueError("a link is for one payment if and only if it has a reference")
    if code.amount is not None and (code.amount.currency != _CURRENCY or code.amount.minor <= 0):
        raise ValueError("the scheme cannot express this amount")
    parameters = {
        "pa": code.payee,
        "pn": code.name,
        "mc": code.category,
        "tr": code.reference,
        "am": code.amount.text if code.amount else None,
        "cu": _CURRENCY,
        **{key: code.more.get(name) for name, key in _MORE.items()},
    }
    return PREFIX + urlencode(
        {key: value for key, value in parameters.items() if value}, safe="@", quote_via=quote
    )


def _check_currency(stated: str | None, odd: list[str]) -> None:
    """Rupees, in any case; without a currency the amount is in rupees, an empty currency gives a warning."""
    if stated is None or stated == _CURRENCY:
        return
    if stated.strip() and stated.strip().upper() not in _CURRENCIES:
        raise InvalidMessage("another currency", path="cu")
    odd.append("the currency is not written as INR")


def _amount(text: str, odd: list[str]) -> Money | None:
    """The amount; producers write zero if the payer enters it, and decimals in various ways."""
    found = _AMOUNT.fullmatch(text.strip())
    if not text.strip():
        return None
    if found is None or not (found[1] or found[2]):
        raise InvalidAmount("not an amount in rupees", path="am")
    whole, decimals = found[1].lstrip("0") or "0", (found[2] or "").rstrip("0")
    if len(decimals) > _DECIMALS:
        raise InvalidAmount("a rupee has a hundred paise: two decimals at most", path="am")
    minor = int(whole + decimals.ljust(_DECIMALS, "0"))
    if not minor:
        odd.append("the amount is zero: the payer enters it")
        return None
    return Money(minor, _CURRENCY)


def _parameters(query: str, odd: list[str]) -> dict[str, str]:
    """The parameters of a link under the names of the specification; others are ignored."""
    plain = query.replace("&amp;", "&")
    parts = plain.split("&")
    named = [part for part in parts if part.strip() and "=" in part]
    if plain != query or len(named) != len(parts):
        odd.append("a part without a name or a value was ignored")
    if len(named) > _PARAMETERS:
        raise InvalidMessage("too many parameters for a link")
    parameters: dict[str, str] = {}
    for part in named:
        name, _, value = part.partition("=")
        key = _KNOWN.get(name.strip().casefold())
        if key is None:
            _note(odd, "a parameter that the specification does not name was ignored")
            continue
        if key != name:
            _note(odd, "a parameter's name is not written as in the specification")
        text = _decoded(value, key)
        if parameters.get(key, text) != text:
            raise InvalidMessage("a parameter occurs with two values", path=key, rule="duplicate-key")
        if key in parameters:
            _note(odd, "a parameter occurs twice with the same value")
        parameters[key] = text
    return parameters


def _decoded(value: str, key: str) -> str:
    try:
        return unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        raise InvalidMessage("not percent-encoded UTF-8", path=key) from None


def _note(odd: list[str], text: str) -> None:
    if text not in odd:
        odd.append(text)
