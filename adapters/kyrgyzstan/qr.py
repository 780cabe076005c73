"""Kyrgyzstan's QR scheme, ELQR."""

from typing import Final

from adapters.kyrgyzstan.country import COUNTRY
from adapters.profile import AmountFormat, Basis
from adapters.qr.emvco import ChecksumKind
from adapters.qr.model import PayeeKind
from adapters.qr.schemes import QrScheme, is_any

ELQR: Final = QrScheme(
    country=COUNTRY.code,
    name="ELQR",
    currency=COUNTRY.currency,
    kind=PayeeKind.ACCOUNT,
    template="32",
    payee="10",
    is_payee=is_any,
    facts={"provider": "00", "service": "01", "amount_editable": "12", "payee_editable": "13"},
    needs=frozenset({"provider"}),
    reference=("32", "11"),
    check=ChecksumKind.SHA4,
    amounts=AmountFormat.MINOR,
    complete=False,
    bases={
        "layout": Basis.PUBLISHED,
        "payee": Basis.PUBLISHED,
        "amount": Basis.PUBLISHED,
        "check": Basis.OBSERVED,
    },
)

SCHEMES: Final = (ELQR,)
