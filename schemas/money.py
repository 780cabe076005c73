"""Money as an integer of minor units and a currency.

Amounts are only texts and integers, never floats. The exponent of a currency (the number of decimals of its
minor unit) is that of ISO 4217. Its list one is written out here, as of 1 January 2026: every process needs
it, and reading the published file takes long. A test compares it with the package `iso4217`.
"""

import re
from typing import Final, NamedTuple

from schemas.errors import InvalidAmount

_LIST_ONE: Final = {
    0: """
        BIF=108 CLP=152 DJF=262 GNF=324 ISK=352 JPY=392 KMF=174 KRW=410 PYG=600 RWF=646 UGX=800 UYI=940
        VND=704 VUV=548 XAF=950 XOF=952 XPF=953
    """,
    2: """
        AED=784 AFN=971 ALL=008 AMD=051 AOA=973 ARS=032 AUD=036 AWG=533 AZN=944 BAM=977 BBD=052 BDT=050
        BMD=060 BND=096 BOB=068 BOV=984 BRL=986 BSD=044 BTN=064 BWP=072 BYN=933 BZD=084 CAD=124 CDF=976
        CHE=947 CHF=756 CHW=948 CNY=156 COP=170 COU=970 CRC=188 CUP=192 CVE=132 CZK=203 DKK=208 DOP=214
        DZD=012 EGP=818 ERN=232 ETB=230 EUR=978 FJD=242 FKP=238 GBP=826 GEL=981 GHS=936 GIP=292 GMD=270
        GTQ=320 GYD=328 HKD=344 HNL=340 HTG=332 HUF=348 IDR=360 ILS=376 INR=356 IRR=364 JMD=388 KES=404
        KGS=417 KHR=116 KPW=408 KYD=136 KZT=398 LAK=418 LBP=422 LKR=144 LRD=430 LSL=426 MAD=504 MDL=498
        MGA=969 MKD=807 MMK=104 MNT=496 MOP=446 MRU=929 MUR=480 MVR=462 MWK=454 MXN=484 MXV=979 MYR=458
        MZN=943 NAD=516 NGN=566 NIO=558 NOK=578 NPR=524 NZD=554 PAB=590 PEN=604 PGK=598 PHP=608 PKR=586
        PLN=985 QAR=634 RON=946 RSD=941 RUB=643 SAR=682 SBD=090 SCR=690 SDG=938 SEK=752 SGD=702 SHP=654
        SLE=925 SOS=706 SRD=968 SSP=728 STN=930 SVC=222 SYP=760 SZL=748 THB=764 TJS=972 TMT=934 TOP=776
        TRY=949 TTD=780 TWD=901 TZS=834 UAH=980 USD=840 USN=997 UYU=858 UZS=860 VED=926 VES=928 WST=882
        XAD=396 XCD=951 XCG=532 YER=886 ZAR=710 ZMW=967 ZWG=924
    """,
    3: """
        BHD=048 IQD=368 JOD=400 KWD=414 LYD=434 OMR=512 TND=788
    """,
    4: """
        CLF=990 UYW=927
    """,
}
_CODES: Final = [
    (word.split("="), decimals) for decimals, words in _LIST_ONE.items() for word in words.split()
]

EXPONENTS: Final[dict[str, int]] = {code: decimals for (code, _), decimals in _CODES}
"""Currency code -> decimals. Codes without a minor unit (gold, test codes) are not accepted."""

NUMBERS: Final[dict[str, str]] = {code: number for (code, number), _ in _CODES}
"""Currency code -> its three digits."""

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
