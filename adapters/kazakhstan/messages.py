"""The specific requirements of MSMP on a pacs.008.

Published: the message names, the HTTP header `end-to-end-id` with the value of the body, KNP (three digits),
and the residency and sector codes KOd and KBe (NBK resolution No 203 of 31 August 2016). Their positions in a
pacs.008 are our own profile: KNP as `Purp/Prtry`, KOd and KBe as `RgltryRptg/Dtls`. So are envelope and
signature.
"""

from datetime import timedelta, timezone
from typing import Final

from adapters.iso20022.dialect import Content, EnvelopeFormat, IsoDialect, MessageVersions
from adapters.kazakhstan.codes import ACCEPTED, STATUSES
from adapters.kazakhstan.country import IBAN
from adapters.kazakhstan.profile import PROFILE
from adapters.port import Order
from schemas.code_lists import LISTS
from schemas.codec import ENVELOPE as COMMON

ALMATY: Final = timezone(timedelta(hours=5))
KNP_DEFAULT: Final = "119"
"""Other gratuitous transfers; an agreement may set another code for a purpose."""
KNP: Final = {"FAMI": "119", "GIFT": "119", "CHAR": "119"}
"""ISO purpose -> KNP; experts must check them before production."""
KOD_NON_RESIDENT_PERSON: Final = "29"
KBE_RESIDENT_PERSON: Final = "19"
_INFORMATION_MAX: Final = 35


def adapt(order: Order, transaction: Content) -> None:
    """Set KNP, KOd and KBe; the sender's ISO purpose is kept beside them."""
    purpose = order.payment.purpose or ""
    national = LISTS["KZ-KNP"].has(purpose)
    # A purpose in the sender's own words may fill the whole line.
    details = {"Inf": [f"ISO purpose {purpose}"[-_INFORMATION_MAX:]]} if purpose and not national else {}
    transaction["Purp"] = {"Prtry": purpose if national else KNP.get(purpose, KNP_DEFAULT)}
    ours = {
        "Dtls": [
            {"Tp": "KOD", "Cd": KOD_NON_RESIDENT_PERSON, **details},
            {"Tp": "KBE", "Cd": KBE_RESIDENT_PERSON},
        ]
    }
    transaction["RgltryRptg"] = [ours, *transaction.get("RgltryRptg", ())]


DIALECT: Final = IsoDialect(
    profile=PROFILE,
    iban=IBAN,
    envelope=EnvelopeFormat(namespace=COMMON, tags=("Envelope",), header="head.001.001.02", service="MSMP"),
    versions=MessageVersions(
        credit_transfer="pacs.008.001.10",
        status_report="pacs.002.001.12",
        status_request="pacs.028.001.05",
    ),
    path="/msmp/v1/messages",
    zone=ALMATY,
    statuses=STATUSES,
    accepted=ACCEPTED,
    adapt=adapt,
    originates=True,
    headers=lambda end_to_end: {"end-to-end-id": end_to_end},
)
