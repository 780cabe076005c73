"""China's QR scheme, UnionPay."""

import re
from typing import Final

from adapters.china.country import COUNTRY
from adapters.profile import Basis
from adapters.qr.model import PayeeKind
from adapters.qr.schemes import QrScheme

_ID = re.compile(r"[0-9A-Za-z]{8,31}", re.ASCII)

SCHEMES: Final = (
    QrScheme(
        country=COUNTRY.code,
        name="UnionPay",
        currency=COUNTRY.currency,
        kind=PayeeKind.MERCHANT,
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
