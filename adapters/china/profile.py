"""CNAPS of the People's Bank of China as data: IBPS, and HVPS for amounts above the IBPS cap.

Header, messages, ids and the position of the signature are observed in public schemas and samples of 2010 to
2012. The cap and the 24-hour service of IBPS are general knowledge. Limits of HVPS, time-outs and text
lengths are our own profile. See `docs/rails/CN.md`.
"""

import re
from datetime import time
from typing import Final

from adapters.china.country import COUNTRY
from adapters.creditor import account_like
from adapters.identifiers import is_luhn
from adapters.profile import (
    REMITTANCE_AS_TEXT,
    Absence,
    AmountFormat,
    AmountLimits,
    Basis,
    Confirmation,
    Hours,
    Ids,
    RailProfile,
    Reservation,
    TextLimits,
    Timing,
    Undo,
)

ORDER_NUMBERS: Final = 90_000_000
"""Ids end in eight digits; numbers from 90 000 000 are for enquiries and other service messages."""

IBPS_CAP_MINOR: Final = 1_000_000_00
"""Orders above this amount are sent to HVPS."""

_UNIONPAY = re.compile(r"62\d{14,17}", re.ASCII)


def is_card_right(text: str) -> bool:
    """Whether a number is not a UnionPay card, or is one with a valid check digit."""
    return _UNIONPAY.fullmatch(text) is None or is_luhn(text)


HVPS_HOURS: Final = Hours(
    zone=COUNTRY.zone,
    opens=time(8, 30),
    closes=time(17, 15),
    calendar=COUNTRY.calendar,
    basis=Basis.PROFILE,
)
"""For operators. Outside these hours HVPS itself responds "not before"; IBPS is open 24 hours a day."""

ORIGINATES: Final = True
"""Customers of the rail can pay abroad: the adapter takes its orders."""

PROFILE: Final = RailProfile(
    country=COUNTRY.code,
    rail="IBPS",
    currency=COUNTRY.currency,
    confirmation=Confirmation.THREE_STEP,
    reservation=Reservation.NONE,
    undo=Undo.CANCEL_BEFORE_FINAL,
    aliases=("account",),
    timing=Timing(
        connect_s=3,
        submit_s=20,
        answer_s=20,
        enquiry_first_s=30,
        enquiry_every_s=60,
        enquiries_max=10,
        not_found_grace_s=60,
        give_up_s=7200,
        basis=Basis.PROFILE,
    ),
    absence=Absence(answers=3, expiry_on_wire=True, basis=Basis.PROFILE),
    amounts=AmountFormat.DECIMAL,
    limits=AmountLimits(minimum_minor=1, maximum_minor=100_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="utf-8", name_max=60, remittance_max=140, basis=Basis.PROFILE),
    ids=Ids(period="%Y%m%d", capacity=ORDER_NUMBERS, basis=Basis.OBSERVED, utc_offset_minutes=480),
    dedupes=True,
    purpose_required=False,
    basis=Basis.OBSERVED,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.OBSERVED),
    creditor=(account_like(r"[0-9A-Za-z]{1,32}", "an account or a card number", is_card_right),),
    carries=(
        "Dbtr/Nm",
        "Cdtr/Nm",
        "PmtId/EndToEndId",
        "DbtrAcct/Id/IBAN",
        "DbtrAcct/Id/Othr/Id",
        "DbtrAgt/FinInstnId/Nm",
        "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId",
        "CdtrAgt/FinInstnId/Nm",
        "Purp",
        *REMITTANCE_AS_TEXT,
    ),
    clearing_system="CNAPS",
    member_id=r"\d{12}",
)
