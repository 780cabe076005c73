"""The Kyrgyz operator's rail as data.

Steps, paths and status numbers come from a third party's notes on the operator's interface (observed).
Time-outs, limits and signing are our own profile, because the notes contradict each other. See
`docs/rails/KG.md`.
"""

from typing import Final

from adapters.creditor import account_like, phone_of
from adapters.identifiers import is_kyrgyz_account
from adapters.kyrgyzstan.country import COUNTRY
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

ORIGINATES: Final = True
"""Customers of the rail can pay abroad: the adapter takes its orders."""

PROFILE: Final = RailProfile(
    country=COUNTRY.code,
    rail="ELQR",
    currency=COUNTRY.currency,
    confirmation=Confirmation.PUSH_AFTER_EXECUTE,
    reservation=Reservation.TWO_PHASE,
    undo=Undo.NONE,
    aliases=("phone", "account"),
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
    limits=AmountLimits(minimum_minor=100, maximum_minor=1_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="utf-8", name_max=25, remittance_max=32, basis=Basis.OBSERVED),
    ids=Ids(period="%Y%m%d", capacity=10**8, basis=Basis.PROFILE, utc_offset_minutes=360),
    dedupes=True,
    purpose_required=False,
    basis=Basis.OBSERVED,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PUBLISHED),
    creditor=(
        account_like(
            r"\d{16}", "an account of 16 digits", is_kyrgyz_account, lambda account: f"KG{account[:6]}"
        ),
        phone_of("996", 9),
    ),
    carries=(
        "Dbtr/Nm",
        "Cdtr/Nm",
        "PmtId/EndToEndId",
        "DbtrAcct/Id/IBAN",
        "DbtrAcct/Id/Othr/Id",
        "Purp",
        *COUNTRY_OF_DEBTOR,
        *REMITTANCE_AS_TEXT,
    ),
)
