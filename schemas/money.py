"""Money as an integer of minor units and a currency.

Amounts are only texts and integers, never floats. The exponent of a currency (the number of decimals of its
minor unit) is that of ISO 4217, read from the `iso4217` package.
"""

import re
from typing import Final, NamedTuple

import iso4217

from schemas.errors import InvalidAmount

EXPONENTS: Final[dict[str, int]] = {
    currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None
}
"""Currency code -> decimals. Codes without a minor unit (gold, test codes) are not accepted."""

_LIST_THREE: Final = """
    ADP AFA ALK ANG AOK AON AOR ARA ARP ARY ATS AYM AZM BAD BEC BEF BEL BGJ BGK BGL BGN BOP BRB BRC
    BRE BRN BRR BUK BYB BYR CHC CSD CSJ CSK CUC CYP DDM DEM ECS ECV EEK ESA ESB ESP FIM FRF GEK GHC
    GHP GNE GNS GQE GRD GWE GWP HRD HRK IEP ILP ILR ISJ ITL LAJ LSM LTL LTT LUC LUF LUL LVL LVR MGF
    MLF MRO MTL MTP MVQ MXP MZE MZM NIC NLG PEH PEI PES PLZ PTE RHD ROK ROL RUR SDD SDP SIT SKK SLL
    SRG STD SUR TJR TMM TPE TRL UAK UGS UGW USS UYN UYP VEB VEF VNC XEU XFO XFU XRE YDD YUD YUM YUN
    ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR
"""
HISTORIC: Final = frozenset(_LIST_THREE.split()) - EXPONENTS.keys()
"""Codes of currencies no longer in use (ISO 4217, list three). A statement may still contain them."""

ALL_CURRENCIES: Final[dict[str, int | None]] = {**dict.fromkeys(HISTORIC), **EXPONENTS}
"""As `EXPONENTS`, with former currencies, whose minor unit is not known here (None)."""

MAX_MINOR: Final = 10**17
"""Largest amount of one payment; far below 2**63 of the ledger's columns, so sums cannot overflow."""

_TEXT = re.compile(r"(0|[1-9]\d{0,13})(?:\.(\d{1,5}))?", re.ASCII)


class Money(NamedTuple):
    """An amount: `minor` units of `currency` (`Money(10050, "INR")` is 100.50 rupees)."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Parse `"100.5"` or `"100.50"`; a sign, exponent, blank, leading zero or excess decimal is refused.

        Raises:
            InvalidAmount: not a plain decimal, more decimals than the currency has, zero, or too large.

        """
        exponent = EXPONENTS.get(currency)
        if exponent is None:
            raise InvalidAmount("unknown currency")
        match = _TEXT.fullmatch(text)
        if match is None:
            raise InvalidAmount(
                "not a plain decimal number: digits and a point, without separators, as in 5000000.00"
            )
        whole, fraction = match[1], (match[2] or "").rstrip("0")
        if len(fraction) > exponent:
            raise InvalidAmount(f"more than {exponent} decimals")
        minor = int(whole) * 10**exponent + int(fraction.ljust(exponent, "0") or "0")
        if minor == 0:
            raise InvalidAmount("must be more than zero")
        if minor > MAX_MINOR:
            raise InvalidAmount("too large")
        return cls(minor, currency)

    @property
    def text(self) -> str:
        """The amount with all decimals of its currency: `"100.50"`, `"1000"` for yen."""
        exponent = EXPONENTS[self.currency]
        if exponent == 0:
            return str(self.minor)
        sign = "-" if self.minor < 0 else ""
        digits = str(abs(self.minor)).rjust(exponent + 1, "0")
        return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"
