"""China's QR scheme, UnionPay."""

import re
from typing import Final

from adapters.china.country import COUNTRY
from adapters.profile import Basis
from adapters.qr.model import Kind
from adapters.qr.schemes import Scheme

_ID = re.compile(r"[0-9A-Za-z]{8,31}", re.ASCII)

SCHEMES: Final = (
    Scheme(
        country=COUNTRY.code,
        name="UnionPay",
        currency=COUNTRY.currency,
        kind=Kind.MERCHANT,
        template="15",
        also=("D15600000000", "D15600000001"),
        is_payee=lambda text: _ID.fullmatch(text) is not None,
        bases={
            "layout": Basis.PUBLISHED,
            "payee": Basis.PROFILE,
            "amount": Basis.PUBLISHED,
            "check": Basis.PUBLISHED,
        },
    ),
)
