"""Pakistan's Raast codes between persons, in EMVCo's object format but with other tags.

Observed. 00 is `02`, 01 distinguishes codes for one payment from those for many, 02 is `00`, 04 the IBAN, 05
whole rupees, 07 the expiry as ddMMyyyyHHmm in Pakistani time, 10 the CRC. A valid CRC does not make a valid
IBAN: both are checked.
"""

import re
from datetime import datetime
from typing import Final

from adapters import amounts
from adapters.identifiers import is_emv_crc
from adapters.pakistan.country import COUNTRY, IBAN
from adapters.profile import AmountFormat, Basis
from adapters.qr import emvco
from adapters.qr.model import Bases, PayeeKind, PaymentCode
from schemas.errors import InvalidMessage
from schemas.money import Money

NAME: Final = "Raast P2P"
PREFIX: Final = "000202"
BASES: Final[Bases] = dict.fromkeys(("layout", "payee", "amount", "check"), Basis.OBSERVED)
_CURRENCY: Final = COUNTRY.currency
_PER_RUPEE: Final = 100
_STATIC, _DYNAMIC = "11", "12"
_RUPEES = re.compile(r"\d{1,11}", re.ASCII)
_EXPIRY: Final = "%d%m%Y%H%M"
_CHECK: Final = "10"
_TAGS: Final = {"00", "01", "02", "04", "05", "07", _CHECK}


def is_code(text: str) -> bool:
    """Whether a text begins like these payloads."""
    return text.startswith(PREFIX)


def read(text: str) -> PaymentCode:
    """Parse a payload.

    Raises:
        InvalidMessage: malformed, an unknown object, or a wrong checksum or IBAN.

    """
    found = emvco.objects(text)
    if not is_emv_crc(text) or list(found)[-1:] != [_CHECK]:
        raise InvalidMessage("the checksum is wrong", path=_CHECK, rule="check")
    if not set(found) <= _TAGS or found.get("01") not in {_STATIC, _DYNAMIC} or found.get("02") != "00":
        raise InvalidMessage("not a code between persons")
    if not IBAN.fits(found.get("04", "")):
        raise InvalidMessage("not an IBAN of Pakistan", path="04", rule="payee")
    rupees = found.get("05", "")
    if rupees and not _RUPEES.fullmatch(rupees):
        raise InvalidMessage("not whole rupees", path="05")
    return PaymentCode(
        country=COUNTRY.code,
        scheme=NAME,
        payee=found["04"],
        kind=PayeeKind.ACCOUNT,
        currency=_CURRENCY,
        amount=Money(int(rupees) * _PER_RUPEE, _CURRENCY) if rupees.strip("0") else None,
        dynamic=found["01"] == _DYNAMIC,
        more={"expires_at": _expiry(found["07"])} if found.get("07") else {},
    )


def make(code: PaymentCode) -> str:
    """The payload for a code.

    Raises:
        ValueError: the scheme cannot express something in the code.

    """
    if not IBAN.fits(code.payee):
        raise ValueError("not an IBAN of Pakistan")
    if not set(code.more) <= {"expires_at"} or code.name or code.city or code.reference or code.category:
        raise ValueError("the scheme has no further fields")
    expires_at = code.more.get("expires_at")
    payload = emvco.write(
        [
            ("00", "02"),
            ("01", _DYNAMIC if code.dynamic else _STATIC),
            ("02", "00"),
            ("04", code.payee),
            ("05", _rupees(code.amount)),
            ("07", datetime.fromisoformat(expires_at).strftime(_EXPIRY) if expires_at else None),
        ]
    )
    head = f"{payload}{_CHECK}04"
    return head + emvco.crc(head)


def _rupees(amount: Money | None) -> str | None:
    if amount is None:
        return None
    if amount.currency == _CURRENCY and amount.minor > 0 and amount.minor % _PER_RUPEE == 0:
        rupees = amounts.write(amount, AmountFormat.WHOLE)
        if _RUPEES.fullmatch(rupees):
            return rupees
    raise ValueError("the scheme has whole rupees only")


def _expiry(text: str) -> str:
    """Local time of Pakistan without an offset, ISO 8601, as in the code."""
    try:
        at = datetime.strptime(text, _EXPIRY)  # noqa: DTZ007 - the code has no offset
    except ValueError:
        raise InvalidMessage("not an expiry", path="07") from None
    return at.isoformat(timespec="minutes")
