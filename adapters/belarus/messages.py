"""The specific requirements of SMP on a pacs.008.

The purpose is mandatory (published). The list of purposes was not available, so the ISO code is sent
unchanged. Envelope and signature are our own profile.
"""

from datetime import timedelta, timezone
from typing import Final

from adapters.belarus.codes import ACCEPTED, STATUSES
from adapters.belarus.country import IBAN
from adapters.belarus.profile import PROFILE
from adapters.iso20022.dialect import Content, EnvelopeFormat, IsoDialect, MessageVersions
from adapters.port import Order
from schemas.codec import ENVELOPE as COMMON

MINSK: Final = timezone(timedelta(hours=3))


def adapt(order: Order, transaction: Content) -> None:
    """SMP needs no changes beyond what all rails of this family have."""


DIALECT: Final = IsoDialect(
    profile=PROFILE,
    iban=IBAN,
    envelope=EnvelopeFormat(namespace=COMMON, tags=("Envelope",), header="head.001.001.02", service="SMP"),
    versions=MessageVersions(
        credit_transfer="pacs.008.001.08",
        status_report="pacs.002.001.10",
        status_request="pacs.028.001.03",
    ),
    path="/smp/v1/messages",
    zone=MINSK,
    statuses=STATUSES,
    accepted=ACCEPTED,
    adapt=adapt,
    originates=True,
)
