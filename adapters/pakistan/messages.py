"""The specific requirements of Raast on a pacs.008, as observed in public test traffic.

The fixed codes (`RTNS`, `0100`, `PMCT`, `050`, `DEBT`) come from the observed messages, a payment to a
merchant; the codes for payments between persons are not public. `SttlmTmReq/RjctTm` and `RltdRmtInf` are our
own profile.
"""

from datetime import timedelta, timezone
from typing import Final

from adapters.iso20022.dialect import Content, EnvelopeFormat, IsoDialect, MessageVersions
from adapters.pakistan.codes import ACCEPTED, STATUSES
from adapters.pakistan.country import IBAN
from adapters.pakistan.profile import PROFILE
from adapters.port import Order

PKT: Final = timezone(timedelta(hours=5))
ENVELOPE: Final = EnvelopeFormat(
    namespace="urn:cma:stp:xsd:stp.1.0", tags=("DataPDU", "Body"), header="head.001.001.01", service="IPS"
)


def adapt(order: Order, transaction: Content) -> None:  # noqa: ARG001 - what every dialect is given
    """Set Raast's fixed codes. With its bearer, DEBT, charges would be read as prepaid: none are stated."""
    transaction["PmtTpInf"] = {
        "ClrChanl": "RTNS",
        "SvcLvl": [{"Prtry": "0100"}],
        "LclInstrm": {"Prtry": "PMCT"},
        "CtgyPurp": {"Prtry": "050"},
    }
    transaction["ChrgBr"] = "DEBT"
    transaction.pop("ChrgsInf", None)


DIALECT: Final = IsoDialect(
    profile=PROFILE,
    iban=IBAN,
    envelope=ENVELOPE,
    versions=MessageVersions(
        credit_transfer="pacs.008.001.08",
        status_report="pacs.002.001.10",
        status_request="pacs.028.001.03",
    ),
    path="/raast/ips",
    zone=PKT,
    statuses=STATUSES,
    accepted=ACCEPTED,
    adapt=adapt,
    originates=True,
)
