"""Russia's QR scheme: the links of the SBP."""

from typing import Final

from adapters.qr.model import PayeeKind
from adapters.qr.schemes import OwnForm
from adapters.russia import nspk
from adapters.russia.country import COUNTRY

SCHEMES: Final = (
    OwnForm(
        country=COUNTRY.code,
        name=nspk.NAME,
        currency=COUNTRY.currency,
        kind=PayeeKind.MERCHANT,
        bases=nspk.BASES,
        is_text=nspk.is_link,
        read=nspk.read,
        make=nspk.make,
    ),
)
