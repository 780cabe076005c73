"""MSMP, the interbank mobile payment system of Kazakhstan, as data.

Message names, the `end-to-end-id` header and the rule that a repeat returns the first result are published.
Versions other than that of pacs.028 are inferred from it. Time-outs and limits are our own profile. See
`docs/rails/KZ.md`.
"""

from typing import Final

from adapters.creditor import iban_of, phone_of
from adapters.iso20022.messages import CARRIES
from adapters.kazakhstan.country import COUNTRY, IBAN
from adapters.profile import (
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
    rail="MSMP",
    currency=COUNTRY.currency,
    confirmation=Confirmation.SYNC,
    reservation=Reservation.NONE,
    undo=Undo.RETURN_ONLY,
    gives_back=True,
    aliases=("phone", "iban"),
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
    amounts=AmountFormat.DECIMAL,
    limits=AmountLimits(minimum_minor=1, maximum_minor=10_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="utf-8", name_max=140, remittance_max=140, basis=Basis.PROFILE),
    ids=Ids(period="%Y%m%d", capacity=10**8, basis=Basis.PROFILE, utc_offset_minutes=300),
    dedupes=True,
    needs_bic=True,
    purpose_required=False,
    basis=Basis.PROFILE,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PUBLISHED),
    creditor=(iban_of(IBAN), phone_of("7", 10, write="+{code}-{rest}", pays=False)),
    carries=(*CARRIES, "MndtRltdInf"),
)
