"""The Uzbek rail as data.

Method names and the fields of a card's credit come from public clients of the card processing (observed). The
interbank layer is not public: the hold for an account, time-outs, limits and signing are our own profile. See
`docs/rails/UZ.md`.
"""

from typing import Final

from adapters.creditor import account_like, card_like, phone_of
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
from adapters.uzbekistan.country import COUNTRY

ORIGINATES: Final = True
"""Customers of the rail can pay abroad: the adapter takes its orders."""

PROFILE: Final = RailProfile(
    country=COUNTRY.code,
    rail="SVGate",
    currency=COUNTRY.currency,
    confirmation=Confirmation.SYNC,
    reservation=Reservation.TWO_PHASE,
    undo=Undo.REVERSAL_ADVICE,
    aliases=("card", "phone"),
    timing=Timing(
        connect_s=3,
        submit_s=10,
        answer_s=20,
        enquiry_first_s=30,
        enquiry_every_s=60,
        enquiries_max=10,
        not_found_grace_s=60,
        give_up_s=7200,
        basis=Basis.PROFILE,
    ),
    absence=Absence(answers=3, expiry_on_wire=True, basis=Basis.PROFILE),
    amounts=AmountFormat.MINOR,
    limits=AmountLimits(minimum_minor=100, maximum_minor=100_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="ascii", name_max=64, remittance_max=99, basis=Basis.PROFILE),
    ids=Ids(period="%Y%j%H", capacity=10**6, basis=Basis.OBSERVED, utc_offset_minutes=300),
    dedupes=True,
    purpose_required=False,
    basis=Basis.OBSERVED,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PUBLISHED),
    creditor=(
        account_like(r"[1-9]\d{4}000\d{12}", "an account in som of 20 digits"),
        card_like(r"(?:8600|5614|9860)\d{12}", "a card of Uzcard or Humo"),
        phone_of("998", 9),
    ),
    carries=(
        "Dbtr/Nm",
        "Cdtr/Nm",
        "PmtId/EndToEndId",
        "DbtrAcct/Id/IBAN",
        "DbtrAcct/Id/Othr/Id",
        "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId",
        "Purp",
        *COUNTRY_OF_DEBTOR,
        *REMITTANCE_AS_TEXT,
    ),
)
