"""Uzbekistan's QR codes, in our own layout because none is public."""

import re
from typing import Final

from adapters.qr.schemes import own_layout
from adapters.uzbekistan.country import COUNTRY

_ACCOUNT = re.compile(r"[1-9]\d{4}000\d{12}", re.ASCII)

SCHEMES: Final = (own_layout(COUNTRY, lambda text: _ACCOUNT.fullmatch(text) is not None, bank="02"),)
