"""What Raast wants of a pacs.008, as observed in public test traffic, and what it can pay.

The fixed codes (`RTNS`, `0100`, `PMCT`, `050`, `DEBT`) are those of the observed pair, which is a payment to
a merchant; the codes between persons are not public. `SttlmTmReq/RjctTm` and `RltdRmtInf` are a profile.
"""

from collections.abc import Sequence
from datetime import timedelta, timezone
from typing import Final

from adapters.identifiers import is_iban
from adapters.iso20022.dialect import Content, Dialect, Envelope, Versions
from adapters.pakistan.codes import ACCEPTED, STATUSES
from adapters.pakistan.profile import PROFILE
from adapters.port import Order, Violation

PKT: Final = timezone(timedelta(hours=5))
ENVELOPE: Final = Envelope(
    namespace="urn:cma:stp:xsd:stp.1.0", tags=("DataPDU", "Body"), header="head.001.001.01", service="IPS"
)
_BIC: Final = (8, 11)


def check(order: Order) -> Sequence[Violation]:
    """An account of Pakistan at a bank with a BIC."""
    found = []
    account = order.payment.creditor_account
    if account is None or not is_iban(account.iban or "", "PK"):
        found.append(Violation("AC03", "CdtTrfTxInf/CdtrAcct/Id/IBAN", "not an IBAN of Pakistan"))
    if len(order.payment.creditor_agent.bic or "") not in _BIC:
        place = "CdtTrfTxInf/CdtrAgt/FinInstnId/BICFI"
        found.append(Violation("RC07", place, "the creditor's bank is needed by its BIC"))
    return found


def adapt(order: Order, transaction: Content) -> None:  # noqa: ARG001 - what every dialect is given
    """Raast's fixed codes."""
    transaction["PmtTpInf"] = {
        "ClrChanl": "RTNS",
        "SvcLvl": [{"Prtry": "0100"}],
        "LclInstrm": {"Prtry": "PMCT"},
        "CtgyPurp": {"Prtry": "050"},
    }
    transaction["ChrgBr"] = "DEBT"


DIALECT: Final = Dialect(
    profile=PROFILE,
    envelope=ENVELOPE,
    versions=Versions(
        credit_transfer="pacs.008.001.08",
        status_report="pacs.002.001.10",
        status_request="pacs.028.001.03",
    ),
    path="/raast/ips",
    zone=PKT,
    statuses=STATUSES,
    accepted=ACCEPTED,
    check=check,
    adapt=adapt,
)
