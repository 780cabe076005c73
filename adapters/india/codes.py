"""UPI response codes: what each means for an order, and the ISO reason it is said again with.

Public lists contradict each other (`U30` has three meanings), so this is a versioned table, and a code that
is not in it means UNKNOWN, never "refused". The first 46 are from public code lists; the classes of those
marked so in `docs/rails/IN.md` are ours. A gateway that answers a foreign participant may say an ISO code as
it stands where UPI has no word for it (`profile`): four characters, which no UPI code of this table has.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS

VERSION: Final = "NPCI error and response codes 2.5, public copies"


class Class(StrEnum):
    """What a code says about an order."""

    DONE = "FINAL_OK"
    REFUSED = "FINAL_REJECT"
    DEEMED = "DEEMED"
    """The beneficiary bank did not answer in time; the remitter's side is liable, the outcome will come."""
    NOT_FOUND = "NOT_FOUND"
    DUPLICATE = "DUPLICATE"
    """The rail knows this id: perhaps from our own first copy, so only an enquiry tells."""
    RETRY_LATER = "RETRY_LATER"
    """Not executed: something on the way is closed. Final for this order."""
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table."""

    meaning: str
    is_a: Class
    reason: str | None = None
    """ISO ExternalStatusReason1Code."""


# fmt: off
CODES: Final = {
    "00":  Code("approved", Class.DONE),
    "01":  Code("pending", Class.UNKNOWN),
    "U01": Code("duplicate request", Class.DUPLICATE, "AM05"),
    "U02": Code("amount cap exceeded", Class.REFUSED, "AM02"),
    "U03": Code("net debit cap exceeded", Class.REFUSED, "AM23"),
    "U04": Code("request not found", Class.NOT_FOUND),
    "U05": Code("formation not proper", Class.REFUSED, "FF01"),
    "U06": Code("transaction id mismatch", Class.REFUSED, "FF08"),
    "U07": Code("validation error", Class.REFUSED, "CH16"),
    "U08": Code("system exception", Class.UNKNOWN),
    "U09": Code("authorisation timeout for pay", Class.REFUSED, "AB05"),
    "U12": Code("amount or currency mismatch", Class.REFUSED, "AM09"),
    "U14": Code("encryption error", Class.REFUSED, "DS09"),
    "U15": Code("checksum failed", Class.REFUSED, "DS0B"),
    "U16": Code("risk threshold exceeded", Class.REFUSED, "SL03"),
    "U17": Code("payment service provider not registered", Class.REFUSED, "RC04"),
    "U18": Code("authorisation acknowledgement not received", Class.REFUSED, "AB08"),
    "U19": Code("authorisation declined", Class.REFUSED, "MS02"),
    "U20": Code("authorisation timeout", Class.REFUSED, "AB05"),
    "U22": Code("request declined", Class.REFUSED, "MS02"),
    "U23": Code("request timeout", Class.UNKNOWN),
    "U26": Code("credit acknowledgement not received", Class.UNKNOWN),
    "U30": Code("debit has failed", Class.REFUSED, "AM04"),
    "U31": Code("credit has failed", Class.REFUSED, "AB09"),
    "U66": Code("device fingerprint mismatch", Class.REFUSED, "AG08"),
    "U67": Code("debit timeout", Class.UNKNOWN),
    "U68": Code("credit timeout", Class.UNKNOWN),
    "U69": Code("request expired", Class.REFUSED, "AB03"),
    "BT":  Code("beneficiary timeout", Class.DEEMED, "AB05"),
    "RB":  Code("credit reversal timeout", Class.UNKNOWN),
    "RR":  Code("debit reversal timeout", Class.UNKNOWN),
    "OC":  Code("no original credit found", Class.NOT_FOUND),
    "OD":  Code("no original debit found", Class.NOT_FOUND),
    "ND":  Code("not debited", Class.NOT_FOUND),
    "NO":  Code("no original transaction found", Class.NOT_FOUND),
    "DF":  Code("duplicate reference number at beneficiary", Class.DUPLICATE, "AM05"),
    "DT":  Code("duplicate reference number at remitter", Class.DUPLICATE, "AM05"),
    "XT":  Code("cut-off in process at remitter", Class.RETRY_LATER, "TM01"),
    "XU":  Code("cut-off in process at beneficiary", Class.RETRY_LATER, "TM01"),
    "XY":  Code("remitter's system offline", Class.RETRY_LATER, "AB10"),
    "Y1":  Code("beneficiary's system offline", Class.RETRY_LATER, "AB08"),
    "XI":  Code("account does not exist at beneficiary", Class.REFUSED, "AC03"),
    "YD":  Code("do not honour, beneficiary", Class.REFUSED, "MS03"),
    "ZI":  Code("suspected fraud, beneficiary", Class.REFUSED, "FR01"),
    "PS":  Code("maximum balance exceeded, beneficiary", Class.REFUSED, "SL16"),
    "96":  Code("reversal failure", Class.UNKNOWN),
}
# fmt: on

_OUTCOMES: Final = {
    Class.DONE: Outcome.DONE,
    Class.REFUSED: Outcome.REFUSED,
    Class.RETRY_LATER: Outcome.REFUSED,
    Class.DEEMED: Outcome.PENDING,
    Class.NOT_FOUND: Outcome.NOT_FOUND,
}

_NATIVE: Final = {
    code.reason: name
    for name, code in reversed(CODES.items())
    if code.reason and code.is_a in {Class.REFUSED, Class.DEEMED}
}


def outcome_of(code: str, *, enquired: bool = False) -> tuple[Outcome, str | None]:
    """Outcome and ISO reason of a code; a code that nobody explained is UNKNOWN.

    `enquired`: the code answers an enquiry, so that even "duplicate" is a refusal of the order in question.
    """
    known = CODES.get(code)
    if known is not None:
        return _OUTCOMES.get(known.is_a, Outcome.UNKNOWN), known.reason
    if code in DUPLICATES and not enquired:
        return Outcome.UNKNOWN, code
    if code in ISO_REASONS:
        return Outcome.REFUSED, code
    return Outcome.UNKNOWN, None


def reason_of(code: str) -> str:
    """The ISO reason of an order that is refused for good."""
    return outcome_of(code, enquired=True)[1] or "MS03"


def native_of(reason: str) -> str:
    """How a refusal with an ISO reason is said here; the ISO code itself where UPI has no word for it."""
    return _NATIVE.get(reason, reason)


PURPOSES: Final = {
    "FAMI": ("P1301", "family maintenance"),
    "GIFT": ("P1302", "personal gift"),
    "CHAR": ("P1303", "donation"),
    "SALA": ("P1401", "compensation of employees"),
}
"""ISO purpose -> RBI purpose code for money that comes in; a person must check them before production."""
