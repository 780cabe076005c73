"""Tajikistan's QR codes, in our own layout because none is public."""

import re
from typing import Final

from adapters.qr.schemes import own_layout
from adapters.tajikistan.country import COUNTRY

_ACCOUNT = re.compile(r"\d{20}", re.ASCII)

SCHEMES: Final = (own_layout(COUNTRY, lambda text: _ACCOUNT.fullmatch(text) is not None, bank="02"),)
