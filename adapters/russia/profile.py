"""SBP, the Faster Payments System of the Bank of Russia, as data.

Messages, text alphabet, amounts and number ranges come from the Bank of Russia's UFEBS schemas 2024.4.0
(published). The rules of the clearing centre for members are confidential, so procedures, limit and times are
our own profile, with the publicly known 15 seconds for a transfer. See `docs/rails/RU.md`.
"""

from typing import Final

from adapters.creditor import account_like, phone_of
from adapters.profile import (
    COUNTRY_OF_DEBTOR,
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
from adapters.russia.country import COUNTRY

ORDER_NUMBERS: Final = 899_999_999
"""EDNo has nine digits; numbers from 900 000 000 are for enquiries, probes and returns."""

ORIGINATES: Final = True
"""Customers of the rail can pay abroad: the adapter takes its orders."""

PROFILE: Final = RailProfile(
    country=COUNTRY.code,
    rail="SBP",
    currency=COUNTRY.currency,
    confirmation=Confirmation.CALLBACK,
    reservation=Reservation.NONE,
    undo=Undo.RETURN_ONLY,
    aliases=("phone",),
    timing=Timing(
        connect_s=3,
        submit_s=15,
        answer_s=15,
        enquiry_first_s=20,
        enquiry_every_s=30,
        enquiries_max=10,
        not_found_grace_s=60,
        give_up_s=7200,
        basis=Basis.PROFILE,
    ),
    absence=Absence(answers=3, expiry_on_wire=True, basis=Basis.PROFILE),
    amounts=AmountFormat.MINOR,
    limits=AmountLimits(minimum_minor=1, maximum_minor=1_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="windows-1251", name_max=140, remittance_max=210, basis=Basis.PUBLISHED),
    ids=Ids(period="%Y%m%d", capacity=ORDER_NUMBERS, basis=Basis.PUBLISHED, utc_offset_minutes=180),
    dedupes=True,
    purpose_required=False,
    basis=Basis.PROFILE,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.OBSERVED),
    creditor=(
        account_like(r"\d{5}[0-9ABCEHKMPTX]\d{14}", "an account of 20 digits whose key matches the bank"),
        phone_of("7", 10),
    ),
    carries=(
        "Dbtr/Nm",
        "Cdtr/Nm",
        "PmtId/EndToEndId",
        "DbtrAcct/Id/IBAN",
        "DbtrAcct/Id/Othr/Id",
        "DbtrAgt/FinInstnId/Nm",
        "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId",
        "Dbtr/CtctDtls/MobNb",
        "Cdtr/PstlAdr/Ctry",
        "Cdtr/CtryOfRes",
        "Purp",
        *COUNTRY_OF_DEBTOR,
        *REMITTANCE_AS_TEXT,
    ),
    clearing_system="RUCBC",
    member_id=r"\d{9}",
)
