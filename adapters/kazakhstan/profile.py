"""MSMP, the interbank mobile payment system of Kazakhstan, as data.

Message names, the `end-to-end-id` header and the rule that a repeat returns the first result are published;
versions other than pacs.028's are inferred from it. Time-outs and limits are a profile. See
`docs/rails/KZ.md`.
"""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.creditor import iban_of, phone_of
from adapters.iso20022.messages import CARRIES
from adapters.profile import (
    Absence,
    Basis,
    Characters,
    Confirmation,
    Hours,
    Ids,
    Limits,
    RailProfile,
    Rendering,
    Reservation,
    Timing,
    Undo,
)

CALENDAR: Final = BusinessCalendar("KZ")
"""Saturday and Sunday, but for days to which the government moves a working day."""

PROFILE: Final = RailProfile(
    country="KZ",
    rail="MSMP",
    currency="KZT",
    confirmation=Confirmation.SYNC,
    reservation=Reservation.NONE,
    undo=Undo.RETURN_ONLY,
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
    amounts=Rendering.DECIMAL,
    limits=Limits(minimum_minor=1, maximum_minor=10_000_000_00, basis=Basis.PROFILE),
    characters=Characters(encoding="utf-8", name_max=140, remittance_max=140, basis=Basis.PROFILE),
    ids=Ids(period="%Y%m%d", capacity=10**8, basis=Basis.PROFILE, utc_offset_minutes=300),
    dedupes=True,
    purpose_required=False,
    basis=Basis.PROFILE,
    hours=Hours(zone="Asia/Almaty", basis=Basis.PUBLISHED),
    creditor=(iban_of("KZ"), phone_of("7", 10, write="+{code}-{rest}", pays=False)),
    calendar=CALENDAR,
    carries=(*CARRIES, "MndtRltdInf"),
)
