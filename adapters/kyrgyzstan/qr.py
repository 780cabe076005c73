"""Kyrgyzstan's QR scheme, ELQR."""

from typing import Final

from adapters.kyrgyzstan.country import COUNTRY
from adapters.profile import Basis, Rendering
from adapters.qr.emvco import Check
from adapters.qr.model import Kind
from adapters.qr.schemes import Scheme, is_any

ELQR: Final = Scheme(
    country=COUNTRY.code,
    name="ELQR",
    currency=COUNTRY.currency,
    kind=Kind.ACCOUNT,
    template="32",
    payee="10",
    is_payee=is_any,
    facts={"provider": "00", "service": "01", "amount_editable": "12", "payee_editable": "13"},
    needs=frozenset({"provider"}),
    reference=("32", "11"),
    check=Check.SHA4,
    amounts=Rendering.MINOR,
    complete=False,
    bases={
        "layout": Basis.PUBLISHED,
        "payee": Basis.PUBLISHED,
        "amount": Basis.PUBLISHED,
        "check": Basis.OBSERVED,
    },
)

SCHEMES: Final = (ELQR,)
