"""SMP, the instant payment system of Belarus, as data.

Published: ISO 20022 on domestic rails since August 2022, credit transfers by standard SPR 3.03-8, persons by
phone since January 2024, a mandatory purpose. The exact versions are not public: the 2019 set is a profile,
as are time-outs and limits. See `docs/rails/BY.md`.
"""

from typing import Final

from adapters.belarus.country import COUNTRY, IBAN
from adapters.creditor import iban_of, phone_of
from adapters.iso20022.messages import CARRIES
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
    rail="SMP",
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
    limits=AmountLimits(minimum_minor=1, maximum_minor=1_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="utf-8", name_max=140, remittance_max=140, basis=Basis.PUBLISHED),
    ids=Ids(period="%Y%m%d", capacity=10**8, basis=Basis.PROFILE, utc_offset_minutes=180),
    dedupes=True,
    needs_bic=True,
    purpose_required=True,
    basis=Basis.PROFILE,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PUBLISHED),
    creditor=(iban_of(IBAN), phone_of("375", 9, write="+{code}-{rest}", pays=False)),
    carries=CARRIES,
)
