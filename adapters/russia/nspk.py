"""Russia's payment links: `https://qr.nspk.ru/ID?type=02&bank=...&sum=...&cur=RUB&crc=XXXX`.

Observed. Whom a link pays is known to the scheme alone: the payee here is the link's id. `crc` is
CRC-16/CCITT-FALSE of the link before it; it fits three of five public links, so a misfit warns and does not
refuse. Amounts are whole kopecks.
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
    """Whether a text begins as these links do, in any case."""
    return text[: len(PREFIX)].lower() == PREFIX


def read(text: str) -> PaymentCode:
    """A link.

    Raises:
        InvalidMessage: not of this form, another currency, or something behind the check.

    """
    found = _LINK.fullmatch(text)
    if found is None:
        raise InvalidMessage("not a payment link in roubles")
    odd: list[str] = []
    said = _parameters(found[2], odd)
    minor = int(said.get("sum", "0"))
    if "sum" in said and not minor:
        odd.append("the amount is zero: the payer enters it")
    if said.get("cur", _CURRENCY) != _CURRENCY:
        odd.append("the currency is not written as RUB")
    if "crc" not in said:
        odd.append("the link has no check")
    elif not is_nspk_link(text):
        odd.append("the link's check does not fit")
    return PaymentCode(
        country=COUNTRY.code,
        scheme=NAME,
        payee=found[1].upper(),
        kind=PayeeKind.MERCHANT,
        currency=_CURRENCY,
        amount=Money(minor, _CURRENCY) if minor else None,
        dynamic=said["type"] == _DYNAMIC,
        more={"bank": said["bank"]},
        warnings=tuple(odd),
    )


def _parameters(query: str, odd: list[str]) -> dict[str, str]:
    """The parameters in any order, but that the check is the last: it covers what precedes it."""
    parts = [part for part in query.split("&") if part]
    pairs = [part.partition("=")[::2] for part in parts]
    said: dict[str, str] = {}
    for name, value in pairs:
        if "crc" in said or name in said:
            raise InvalidMessage("something stands behind the check, or is there twice", path=name[:8])
        known = _VALUES.get(name)
        if known is None:
            odd.append("a parameter that is not known was passed over")
        elif known.fullmatch(value) is None:
            raise InvalidMessage("not a payment link in roubles", path=name)
        else:
            said[name] = value
    if not {"type", "bank"} <= said.keys():
        raise InvalidMessage("a payment link names its type and its bank")
    return said


def make(code: PaymentCode) -> str:
    """The link of a code.

    Raises:
        ValueError: the scheme cannot say something of the code.

    """
    if not _ID.fullmatch(code.payee) or not _BANK.fullmatch(code.more.get("bank", "")):
        raise ValueError("a link has an id of 32 characters and a bank of 12 digits")
    if set(code.more) != {"bank"} or code.name or code.city or code.reference or code.category:
        raise ValueError("the scheme has no word for more")
    if code.amount is not None and (code.amount.currency != _CURRENCY or code.amount.minor <= 0):
        raise ValueError("the scheme cannot say this amount")
    said = f"&sum={code.amount.minor}" if code.amount else ""
    kind = _DYNAMIC if code.dynamic else _STATIC
    link = f"{PREFIX}{code.payee}?type={kind}&bank={code.more['bank']}{said}&cur={_CURRENCY}"
    return f"{link}&crc={emvco.crc(link)}"
