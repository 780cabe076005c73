"""Pakistan's QR schemes: Raast for merchants, and Raast between persons."""

from typing import Final

from adapters.pakistan import raast
from adapters.pakistan.country import COUNTRY, IBAN
from adapters.profile import Basis
from adapters.qr.model import PayeeKind
from adapters.qr.schemes import OwnForm, QrScheme

SCHEMES: Final = (
    QrScheme(
        country=COUNTRY.code,
        name="Raast P2M",
        currency=COUNTRY.currency,
        kind=PayeeKind.ACCOUNT,
        guid="PK.RAAST.P2M",
        also=("pk.raast",),
        is_payee=IBAN.fits,
        facts={"merchant_id": "02"},
        bases={
            "layout": Basis.PUBLISHED,
            "payee": Basis.PROFILE,
            "amount": Basis.PUBLISHED,
            "check": Basis.PUBLISHED,
        },
    ),
    OwnForm(
        country=COUNTRY.code,
        name=raast.NAME,
        currency=COUNTRY.currency,
        kind=PayeeKind.ACCOUNT,
        bases=raast.BASES,
        is_text=raast.is_code,
        read=raast.read,
        make=raast.make,
    ),
)
