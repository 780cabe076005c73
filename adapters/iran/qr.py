"""Iran's QR codes, in our own layout because none is public."""

from typing import Final

from adapters.iran.country import COUNTRY, IBAN
from adapters.qr.schemes import own_layout

SCHEMES: Final = (own_layout(COUNTRY, IBAN.fits),)
