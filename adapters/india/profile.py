"""UPI as data.

Sources: publications of NPCI and RBI and third parties' clients; `docs/rails/IN.md` states how certain each
fact is. The enquiry schedule follows NPCI's rule after the outage of April 2025: the first status check after
at least 90 seconds, at most three within two hours, then the end-of-cycle file. The other times are our own.
"""

from typing import Final

from adapters.creditor import ADDRESS, account_like
from adapters.india.country import COUNTRY
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
    rail="UPI",
    currency=COUNTRY.currency,
    confirmation=Confirmation.CALLBACK,
    reservation=Reservation.NONE,
    undo=Undo.REVERSAL_ADVICE,
    aliases=("vpa",),
    timing=Timing(
        connect_s=3,
        submit_s=10,
        answer_s=30,
        enquiry_first_s=90,
        enquiry_every_s=600,
        enquiries_max=3,
        not_found_grace_s=60,
        give_up_s=7200,
        basis=Basis.OBSERVED,
        enquiries_ruled=True,
    ),
    # UPI allows three enquiries. All three must count, so an order that was enquired about before its expiry
    # is never ended by absence: it waits for the end-of-cycle file or for people.
    absence=Absence(answers=3, expiry_on_wire=True, basis=Basis.PROFILE),
    amounts=AmountFormat.DECIMAL,
    limits=AmountLimits(minimum_minor=1, maximum_minor=100_000_00, basis=Basis.OBSERVED),
    characters=TextLimits(encoding="ascii", name_max=99, remittance_max=50, basis=Basis.OBSERVED),
    # custRef is YDDDHHnnnnnn: a million numbers in an hour of Indian time, which starts at half past UTC
    # hours.
    ids=Ids(period="%Y%j%H", capacity=10**6, basis=Basis.OBSERVED, utc_offset_minutes=330),
    dedupes=True,
    purpose_required=False,
    basis=Basis.OBSERVED,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PUBLISHED),
    creditor=(ADDRESS, account_like(r"[A-Za-z0-9]{1,30}", "an account number with the IFSC of its branch")),
    carries=(
        "Dbtr/Nm",
        "Cdtr/Nm",
        "PmtId/EndToEndId",
        "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId",
        "Purp",
        *COUNTRY_OF_DEBTOR,
        *REMITTANCE_AS_TEXT,
    ),
    clearing_system="INFSC",
)
