"""The Iranian rails as data.

Published: the smallest SATNA order of a customer, the largest PAYA order, and that PAYA runs in cycles.
Everything else is our own profile, based on ISO 8583, which Shetab uses. See `docs/rails/IR.md`.
"""

from datetime import time
from typing import Final

from adapters.creditor import card_like, iban_of
from adapters.iran.country import COUNTRY, IBAN
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

RIAL: Final = 100
"""Minor units of ISO 4217 in one rial; the wire counts rials, never toman."""

SATNA_MINIMUM: Final = 1_000_000_000 * RIAL
"""Published: the smallest order of a customer. Orders below it are paid at once by Pol."""
PAYA_MAXIMUM: Final = 2_000_000_000 * RIAL
"""Published: the largest order. Orders above it are sent by SATNA."""

SATNA_HOURS: Final = Hours(
    zone=COUNTRY.zone,
    opens=time(8),
    closes=time(14),
    calendar=COUNTRY.calendar,
    basis=Basis.PROFILE,
)
"""When SATNA settles; an order outside this window waits for the next one."""

ORIGINATES: Final = True
"""Customers of the rail can pay abroad: the adapter takes its orders."""

PROFILE: Final = RailProfile(
    country=COUNTRY.code,
    rail="Shetab",
    currency=COUNTRY.currency,
    confirmation=Confirmation.SYNC,
    reservation=Reservation.NONE,
    undo=Undo.REVERSAL_ADVICE,
    aliases=("iban", "card"),
    timing=Timing(
        connect_s=3,
        submit_s=15,
        answer_s=15,
        enquiry_first_s=30,
        enquiry_every_s=30,
        enquiries_max=10,
        not_found_grace_s=60,
        give_up_s=172_800,
        basis=Basis.PROFILE,
    ),
    absence=Absence(answers=3, expiry_on_wire=True, basis=Basis.PROFILE),
    amounts=AmountFormat.FIXED,
    limits=AmountLimits(
        minimum_minor=RIAL, maximum_minor=50_000_000_000 * RIAL, basis=Basis.PROFILE, step_minor=RIAL
    ),
    characters=TextLimits(encoding="ascii", name_max=40, remittance_max=140, basis=Basis.PROFILE),
    ids=Ids(period="%Y%j%H", capacity=10**6, basis=Basis.PROFILE),
    dedupes=True,
    purpose_required=False,
    basis=Basis.PROFILE,
    hours=Hours(zone=COUNTRY.zone, basis=Basis.PROFILE),
    creditor=(iban_of(IBAN), card_like(r"\d{16}", "a card of 16 digits", pays=False)),
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
