"""Statuses and codes of CNAPS, and what they mean for an order.

Observed: the formats, `PR02` on responses, `PR05`, `PR07` and `PR09` on confirmations, `IB1I0000`,
`IB1O0007`, and `0000` of a communication confirmation. The schemas do not define the statuses: their
meanings, the other process codes and the reject codes are our own profile. The reject code of a bank has four
characters, so an ISO reason without a CNAPS code is sent as the ISO code.
"""

from dataclasses import dataclass
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS

COMMUNICATED: Final = "0000"
"""ccms.990: the system has received the message."""
OK: Final = "IB1I0000"
NOT_FOUND: Final = "IB1O0010"
NOT_SIGNED_ON: Final = "IB1O0004"
"""The system executed nothing: it requires ccms.805 first."""
ENDED: Final = "IB1O0015"
"""The payer is not debited any more: the system has ended its order otherwise."""
UNKNOWN_ACCOUNT: Final = "RJ01"
NO_REASON: Final = "MS03"

FORWARDED: Final = "PR00"
PAID: Final = "PR02"
SETTLED: Final = "PR05"
PROCESSED: Final = "PR07"
REJECTED: Final = "PR09"

# fmt: off
STATUSES: Final = {
    "PR00": Outcome.PENDING,    # forwarded
    "PR01": Outcome.PENDING,    # queued
    "PR02": Outcome.DONE,       # paid
    "PR03": Outcome.DONE,       # netted
    "PR04": Outcome.DONE,       # settled
    "PR05": Outcome.DONE,       # succeeded
    "PR07": Outcome.DONE,       # processed
    "PR08": Outcome.REFUSED,    # cancelled
    "PR09": Outcome.REFUSED,    # rejected
    "PR10": Outcome.PENDING,    # confirmed: observed once beside "success", which is not enough evidence
}
# fmt: on
"""`StsId` of an answer, `ProcSts` of a confirmation."""


@dataclass(frozen=True, slots=True)
class CnapsCode:
    """One row of a table."""

    meaning: str
    reason: str | None
    """ISO ExternalStatusReason1Code; None where the code does not concern the order."""


# fmt: off
PROCESS: Final = {
    "IB1I0000": CnapsCode("done", None),
    "IB1O0001": CnapsCode("header malformed", "FF01"),
    "IB1O0002": CnapsCode("body does not match the schema", "FF01"),
    "IB1O0003": CnapsCode("invalid signature", "DS0B"),
    "IB1O0004": CnapsCode("sender not signed on", "AG01"),
    "IB1O0005": CnapsCode("system failure, outcome unknown", None),
    "IB1O0006": CnapsCode("message id known with different content", "DUPL"),
    "IB1O0007": CnapsCode("sender of header and body differ", "RC01"),
    "IB1O0008": CnapsCode("message id does not match sender and day", "FF08"),
    "IB1O0009": CnapsCode("unknown receiver", "RC04"),
    "IB1O0010": CnapsCode("original message not found", None),
    "IB1O0011": CnapsCode("business type not allowed", "AG03"),
    "IB1O0012": CnapsCode("amount above the cap of the system", "AM02"),
    "IB1O0013": CnapsCode("account number malformed", "AC03"),
    "IB1O0014": CnapsCode("outside the hours of the system", "TM01"),
    "IB1O0015": CnapsCode("the order has ended otherwise", None),
}
"""Process codes: why the system discards a message (ccms.911), or the state of it (ibps.306, ccms.900)."""

REJECTS: Final = {
    "RJ01": CnapsCode("account number wrong", "AC01"),
    "RJ02": CnapsCode("name and account do not match", "BE01"),
    "RJ03": CnapsCode("insufficient funds", "AM04"),
    "RJ04": CnapsCode("account closed", "AC04"),
    "RJ05": CnapsCode("account frozen", "AC06"),
    "RJ06": CnapsCode("account not allowed for this business type", "AG01"),
    "RJ07": CnapsCode("above the limit of the account", "AM14"),
    "RJ08": CnapsCode("suspected fraud", "FR01"),
    "RJ09": CnapsCode("forbidden by regulation", "RR04"),
    "RJ10": CnapsCode("the order has expired", "AB03"),
    "RJ11": CnapsCode("no response from the receiver", "AB05"),
    "RJ90": CnapsCode("other", "MS03"),
}
# fmt: on
"""Reject codes of the receiving bank."""

_NATIVE: Final = {code.reason: name for name, code in REJECTS.items() if code.reason}


def outcome_of(code: str, *, enquired: bool = False) -> tuple[Outcome, str | None]:
    """Outcome and ISO reason for the code of a refusal; a code that is not in the table is UNKNOWN.

    `enquired`: the code responds to an enquiry, so that even "duplicate" is a refusal of this order.
    """
    row = REJECTS.get(code) or PROCESS.get(code)
    reason = row.reason if row else code if code in ISO_REASONS else None
    if reason is None or (reason in DUPLICATES and not enquired):
        return Outcome.UNKNOWN, reason
    return Outcome.REFUSED, reason


def native_of(reason: str) -> str:
    """The reject code for an ISO reason; the ISO code itself where CNAPS has none."""
    return _NATIVE.get(reason, reason)


def reason_of(code: str) -> str:
    """The ISO reason of an order that is finally refused."""
    return outcome_of(code, enquired=True)[1] or NO_REASON
