"""Russia's payment links: `https://qr.nspk.ru/ID?type=02&bank=...&sum=...&cur=RUB&crc=XXXX`.

Observed. Only the scheme knows whom a link pays: the payee here is the link's id. `crc` is CRC-16/CCITT-FALSE
of the link before it. It is right in three of five public links, so a wrong one gives a warning and no
refusal. Amounts are whole kopecks.
"""

import re
from typing import Final

from adapters.identifiers import is_nspk_link
from adapters.profile import Basis
from adapters.qr import emvco
from adapters.qr.model import Bases, PayeeKind, PaymentCode
from adapters.russia.country import COUNTRY
from schemas.errors import InvalidMessage
from schemas.money import Money

NAME: Final = "SBP link"
PREFIX: Final = "https://qr.nspk.ru/"
BASES: Final[Bases] = dict.fromkeys(("layout", "payee", "amount", "check"), Basis.OBSERVED)
_CURRENCY: Final = COUNTRY.currency
_STATIC, _DYNAMIC = "01", "02"
_ID = re.compile(r"[AB][SD][0-9A-Z]{30}", re.ASCII)
_BANK = re.compile(r"\d{12}", re.ASCII)
_LINK = re.compile(r"https://qr\.nspk\.ru/([AB][SD][0-9A-Z]{30})/?\?([!-~]{1,300})", re.ASCII | re.IGNORECASE)
_VALUES: Final = {
    "type": re.compile("0[12]", re.ASCII),
    "bank": _BANK,
    "sum": re.compile(r"\d{1,13}", re.ASCII),
    "cur": re.compile("RUB|643", re.ASCII | re.IGNORECASE),
    "crc": re.compile("[0-9A-F]{4}", re.ASCII | re.IGNORECASE),
}


def is_link(text: str) -> bool:
    """Whether a text begins like these links, in upper or lower case."""
    return text[: len(PREFIX)].lower() == PREFIX


def read(text: str) -> PaymentCode:
    """Parse a link.

    Raises:
        InvalidMessage: not of this form, another currency, or text after the checksum.

    """
    found = _LINK.fullmatch(text)
    if found is None:
        raise InvalidMessage("not a payment link in roubles")
    odd: list[str] = []
    parameters = _parameters(found[2], odd)
    minor = int(parameters.get("sum", "0"))
    if "sum" in parameters and not minor:
        odd.append("the amount is zero: the payer enters it")
    if parameters.get("cur", _CURRENCY) != _CURRENCY:
        odd.append("the currency is not written as RUB")
    if "crc" not in parameters:
        odd.append("the link has no checksum")
    elif not is_nspk_link(text):
        odd.append("the checksum of the link is wrong")
    return PaymentCode(
        country=COUNTRY.code,
        scheme=NAME,
        payee=found[1].upper(),
        kind=PayeeKind.MERCHANT,
        currency=_CURRENCY,
        amount=Money(minor, _CURRENCY) if minor else None,
        dynamic=parameters["type"] == _DYNAMIC,
        more={"bank": parameters["bank"]},
        warnings=tuple(odd),
    )


def _parameters(query: str, odd: list[str]) -> dict[str, str]:
    """The parameters in any order, except that the checksum is the last: it covers everything before it."""
    parts = [part for part in query.split("&") if part]
    pairs = [part.partition("=")[::2] for part in parts]
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if "crc" in parameters or name in parameters:
            raise InvalidMessage("text after the checksum, or a repeated parameter", path=name[:8])
        known = _VALUES.get(name)
        if known is None:
            odd.append("an unknown parameter was ignored")
        elif known.fullmatch(value) is None:
            raise InvalidMessage("not a payment link in roubles", path=name)
        else:
            parameters[name] = value
    if not {"type", "bank"} <= parameters.keys():
        raise InvalidMessage("a payment link states its type and its bank")
    return parameters


def make(code: PaymentCode) -> str:
    """The link for a code.

    Raises:
        ValueError: the scheme cannot express something in the code.

    """
    if not _ID.fullmatch(code.payee) or not _BANK.fullmatch(code.more.get("bank", "")):
        raise ValueError("a link requires an id of 32 characters and a bank of 12 digits")
    if set(code.more) != {"bank"} or code.name or code.city or code.reference or code.category:
        raise ValueError("the scheme has no further fields")
    if code.amount is not None and (code.amount.currency != _CURRENCY or code.amount.minor <= 0):
        raise ValueError("the scheme cannot express this amount")
    parameters = f"&sum={code.amount.minor}" if code.amount else ""
    kind = _DYNAMIC if code.dynamic else _STATIC
    link = f"{PREFIX}{code.payee}?type={kind}&bank={code.more['bank']}{parameters}&cur={_CURRENCY}"
    return f"{link}&crc={emvco.crc(link)}"
