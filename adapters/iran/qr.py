"""Iran's QR codes: no layout is public, so one of our own."""

from typing import Final

from adapters.iran.country import COUNTRY, IBAN
from adapters.qr.schemes import own_layout

SCHEMES: Final = (own_layout(COUNTRY, IBAN.fits),)
