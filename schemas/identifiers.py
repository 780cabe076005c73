"""International identifiers: IBAN (ISO 13616), BIC (ISO 9362), LEI (ISO 17442), countries, UETR.

The schema checks their format; here are the check digits and the lists. National identifiers are in the
adapters.
"""

import re
from functools import lru_cache
from typing import Final

_IBAN_LENGTHS: Final = """
    AD24 AE23 AL28 AO25 AT20 AX18 AZ28 BA20 BE16 BF28 BG22 BH22 BI27 BJ28 BL27 BR29 BY28 CF27 CG27 CH21
    CI28 CM27 CR22 CV25 CY28 CZ24 DE22 DJ27 DK18 DO28 DZ26 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GA27 GB22
    GE22 GF27 GG22 GI23 GL18 GP27 GQ27 GR27 GT28 GW25 HN28 HR21 HU28 IE22 IL23 IM22 IQ23 IR26 IS26 IT27
    JE22 JO30 KM27 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MA28 MC27 MD24 ME22 MF27 MG27 MK19 ML28
    MN20 MQ27 MR27 MT31 MU30 MZ25 NC27 NE28 NI28 NL18 NO15 OM23 PF27 PK24 PL28 PM27 PS29 PT25 QA29 RE27
    RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SN28 SO23 ST25 SV28 TD27 TF27 TG28 TL23 TN24 TR26
    UA29 VA22 VG24 WF27 XK20 YE30 YT27
"""
IBAN_LENGTHS: Final[dict[str, int]] = {entry[:2]: int(entry[2:]) for entry in _IBAN_LENGTHS.split()}
"""Country -> length of its IBANs. Other countries have no IBAN."""

_COUNTRIES: Final = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
    UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_COUNTRIES.split())
"""ISO 3166-1 alpha-2, and XK, which the BIC and IBAN registries use for Kosovo."""

_DIGITS: Final = {ord(letter): str(value) for value, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}
_UETR: Final = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
_BIC: Final = re.compile(r"[A-Z0-9]{4}([A-Z]{2})[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
_LEI: Final = re.compile(r"[A-Z0-9]{18}[0-9]{2}")
_MODULUS: Final = 97


@lru_cache(maxsize=4096)
def is_iban(text: str) -> bool:
    """Whether this is an IBAN: known country, length and check digits are right. Only upper case."""
    if _IBAN.fullmatch(text) is None or IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    # 00, 01 and 99 also give the right remainder, but are never issued.
    return "02" <= text[2:4] <= "98" and _remainder(text[4:] + text[:4]) == 1


@lru_cache(maxsize=4096)
def is_lei(text: str) -> bool:
    """Whether this is a legal entity identifier with right check digits."""
    return _LEI.fullmatch(text) is not None and _remainder(text) == 1


@lru_cache(maxsize=4096)
def is_bic(text: str) -> bool:
    """Whether this is a BIC of a known country. Only a directory can tell whether it is assigned."""
    found = _BIC.fullmatch(text)
    return found is not None and found[1] in COUNTRIES


def is_uetr(text: str) -> bool:
    """Whether this is a UETR: a version 4 UUID in lower case."""
    return _UETR.fullmatch(text) is not None


def _remainder(text: str) -> int:
    return int(text.translate(_DIGITS)) % _MODULUS
