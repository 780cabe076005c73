"""Raast as data.

The 20 seconds for a credit are the State Bank's rule. There has been no central cap since April 2022, so the
maximum here comes from an agreement, not from the rail. Formats are observed in public test traffic;
`docs/rails/PK.md` states how certain each fact is.
"""

from typing import Final

from adapters.creditor import iban_of, phone_of
from adapters.iso20022.messages import CARRIES
from adapters.pakistan.country import COUNTRY, IBAN
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
    rail="Raast",
    currency=COUNTRY.currency,
    confirmation=Confirmation.SYNC,
    reservation=Reservation.NONE,
    undo=Undo.RETURN_ONLY,
    gives_back=True,
    recalls=Basis.PROFILE,
    aliases=("phone", "iban"),
    timing=Timing(
        connect_s=3,
        submit_s=20,
        answer_s=20,
        enquiry_first_s=25,
        enquiry_every_s=30,
        enquiries_max=10,
        not_found_grace_s=60,
        give_up_s=7200,
        basis=Basis.PROFILE,
    ),
    absence=Absence(answers=3, expiry_on_wire=True, basis=Basis.PROFILE),
    amounts=AmountFormat.DECIMAL,
    limits=AmountLimits(minimum_minor=1, maximum_minor=100_000_000_00, basis=Basis.PROFILE),
    characters=TextLimits(encoding="utf-8", name_max=140, remittance_max=140, basis=Basis.OBSERVED),
    ids=Ids(period="%Y%m%d", capacity=10**8, basis=Basis.PROFILE, utc_offset_minutes=300),
    dedupes=True,
    needs_bic=True,
    purpose_required=False,
    basis=Basis.OBSERVED,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PUBLISHED),
    creditor=(iban_of(IBAN), phone_of("92", 10, write="+{code}-{rest}", pays=False)),
    carries=tuple(path for path in CARRIES if not path.startswith(("PmtTpInf", "ChrgsInf"))),
)
