"""The QR scheme of Belarus, ERIP."""

from typing import Final

from adapters.belarus.country import COUNTRY
from adapters.profile import Basis
from adapters.qr.emvco import ChecksumKind
from adapters.qr.model import PayeeKind
from adapters.qr.schemes import QrScheme, is_any

SCHEMES: Final = (
    QrScheme(
        country=COUNTRY.code,
        name="ERIP",
        currency=COUNTRY.currency,
        kind=PayeeKind.MERCHANT,
        template="32",
        guid="by.raschet",
        payee="10",
        is_payee=is_any,
        facts={"service": "01", "amount_editable": "12"},
        needs=frozenset({"service"}),
        check=ChecksumKind.SHA4,
        also_checks=frozenset({ChecksumKind.CRC}),
        complete=False,
        link="https://pay.raschet.by/#",
        bases={
            "layout": Basis.OBSERVED,
            "payee": Basis.OBSERVED,
            "amount": Basis.OBSERVED,
            "check": Basis.OBSERVED,
        },
    ),
)
