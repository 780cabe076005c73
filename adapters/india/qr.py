"""India's QR schemes: Bharat QR, and the links of UPI."""

from typing import Final

from adapters.identifiers import is_vpa
from adapters.india import upi
from adapters.india.country import COUNTRY
from adapters.profile import Basis
from adapters.qr.model import PayeeKind
from adapters.qr.schemes import OwnForm, QrScheme

SCHEMES: Final = (
    QrScheme(
        country=COUNTRY.code,
        name="Bharat QR",
        currency=COUNTRY.currency,
        kind=PayeeKind.VPA,
        guid="A000000524",
        also=("upi.npci.org",),
        is_payee=is_vpa,
        facts={"minimum_amount": "02"},
        reference=("27", "01"),
        bases={
            "layout": Basis.OBSERVED,
            "payee": Basis.OBSERVED,
            "amount": Basis.PUBLISHED,
            "check": Basis.PUBLISHED,
        },
    ),
    OwnForm(
        country=COUNTRY.code,
        name=upi.NAME,
        currency=COUNTRY.currency,
        kind=PayeeKind.VPA,
        bases=upi.BASES,
        is_text=upi.is_link,
        read=upi.read,
        make=upi.make,
    ),
)
