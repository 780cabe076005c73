"""The Tajik national processing as data.

No message specification is public: everything is our own profile based on ISO 8583, which national card
schemes use. The format of accounts and their key are observed on public identifiers. See `docs/rails/TJ.md`.
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
from adapters.tajikistan.country import COUNTRY

ORIGINATES: Final = True
"""Customers of the rail can pay abroad: the adapter takes its orders."""

PROFILE: Final = RailProfile(
    country=COUNTRY.code,
    rail="Korti Milli",
    currency=COUNTRY.currency,
    confirmation=Confirmation.SYNC,
    reservation=Reservation.NONE,
    undo=Undo.REVERSAL_ADVICE,
    aliases=("card", "phone"),
    timing=Timing(
        connect_s=3,
        submit_s=15,
        answer_s=15,
        enquiry_first_s=30,
        enquiry_every_s=30,
        enquiries_max=10,
        not_found_grace_s=60,
        give_up_s=7200,
        basis=Basis.PROFILE,
    ),
    absence=Absence(answers=3, expiry_on_wire=True, basis=Basis.PROFILE),
    amounts=AmountFormat.FIXED,
    limits=AmountLimits(minimum_minor=1, maximum_minor=1_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="ascii", name_max=40, remittance_max=140, basis=Basis.PROFILE),
    ids=Ids(period="%Y%j%H", capacity=10**6, basis=Basis.PROFILE),
    dedupes=True,
    purpose_required=False,
    basis=Basis.PROFILE,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PROFILE),
    creditor=(
        account_like(r"\d{20}|[1-9]\d{13}", "an account of 20 digits, or of 14 at the National Bank"),
        card_like(r"\d{16}", "a card of 16 digits", pays=False),
        phone_of("992", 9, pays=False),
    ),
    carries=(
        "Dbtr/Nm",
        "Cdtr/Nm",
        "PmtId/EndToEndId",
        "DbtrAcct/Id/IBAN",
        "DbtrAcct/Id/Othr/Id",
        "DbtrAgt/FinInstnId/ClrSysMmbId/MmbId",
        "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId",
        "Purp",
        *COUNTRY_OF_DEBTOR,
        *REMITTANCE_AS_TEXT,
    ),
)
