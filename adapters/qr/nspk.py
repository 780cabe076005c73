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
from adapters.qr.model import Bases, Kind, PaymentCode
from schemas.errors import InvalidMessage
from schemas.money import Money

NAME: Final = "SBP link"
PREFIX: Final = "https://qr.nspk.ru/"
BASES: Final[Bases] = dict.fromkeys(("layout", "payee", "amount", "check"), Basis.OBSERVED)
_CURRENCY: Final = "RUB"
_STATIC, _DYNAMIC = "01", "02"
_ID = re.compile(r"[AB][SD][0-9A-Z]{30}", re.ASCII)
_BANK = re.compile(r"\d{12}", re.ASCII)
_LINK = re.compile(
    r"https://qr\.nspk\.ru/(?P<id>[AB][SD][0-9A-Z]{30})\?type=(?P<type>0[12])&bank=(?P<bank>\d{12})"
    r"(?:&sum=(?P<sum>\d{1,13}))?&cur=(?P<cur>[A-Z]{3})&crc=(?P<crc>[0-9A-Fa-f]{4})",
    re.ASCII,
)


def read(text: str) -> PaymentCode:
    """A link.

    Raises:
        InvalidMessage: not of this form, or another currency.

    """
    found = _LINK.fullmatch(text)
    if found is None or found["cur"] != _CURRENCY:
        raise InvalidMessage("not a payment link in roubles")
    minor = int(found["sum"] or 0)
    return PaymentCode(
        country="RU",
        scheme=NAME,
        payee=found["id"],
        kind=Kind.MERCHANT,
        currency=_CURRENCY,
        amount=Money(minor, _CURRENCY) if minor else None,
        dynamic=found["type"] == _DYNAMIC,
        more={"bank": found["bank"]},
        warnings=() if is_nspk_link(text) else ("the link's check does not fit",),
    )


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
