"""India's QR schemes: Bharat QR, and the links of UPI."""

from typing import Final

from adapters.identifiers import is_vpa
from adapters.india import upi
from adapters.india.country import COUNTRY
from adapters.profile import Basis
from adapters.qr.model import Kind
from adapters.qr.schemes import OwnForm, Scheme

SCHEMES: Final = (
    Scheme(
        country=COUNTRY.code,
        name="Bharat QR",
        currency=COUNTRY.currency,
        kind=Kind.VPA,
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
        kind=Kind.VPA,
        bases=upi.BASES,
        is_text=upi.is_link,
        read=upi.read,
        make=upi.make,
    ),
)
