"""UPI response codes: their meaning for an order, and the ISO reason of each.

Public lists contradict each other (`U30` has three meanings), so this is a versioned table. A code that is
not in it is UNKNOWN, never "refused". The first 46 codes are from public lists; the classes marked in
`docs/rails/IN.md` are our own. A gateway may send an ISO code to a foreign participant where UPI has no code
(profile): it has four characters, unlike every UPI code of this table.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS

VERSION: Final = "NPCI error and response codes 2.5, public copies"


class UpiCodeClass(StrEnum):
    """What a code means for an order."""

    DONE = "FINAL_OK"
    REFUSED = "FINAL_REJECT"
    DEEMED = "DEEMED"
    """The beneficiary bank did not respond in time; the remitter's side is liable, and the outcome will
    follow."""
    NOT_FOUND = "NOT_FOUND"
    DUPLICATE = "DUPLICATE"
    """The rail knows this id, perhaps from our own first copy: only an enquiry gives the outcome."""
    RETRY_LATER = "RETRY_LATER"
    """Not executed because a system on the way is closed. Final for this order."""
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class UpiCode:
    """One row of the table."""

    meaning: str
    code_class: UpiCodeClass
    reason: str | None = None
    """ISO ExternalStatusReason1Code."""


# fmt: off
CODES: Final = {
    "00":  UpiCode("approved", UpiCodeClass.DONE),
    "01":  UpiCode("pending", UpiCodeClass.UNKNOWN),
    "U01": UpiCode("duplicate request", UpiCodeClass.DUPLICATE, "AM05"),
    "U02": UpiCode("amount cap exceeded", UpiCodeClass.REFUSED, "AM02"),
    "U03": UpiCode("net debit cap exceeded", UpiCodeClass.REFUSED, "AM23"),
    "U04": UpiCode("request not found", UpiCodeClass.NOT_FOUND),
    "U05": UpiCode("formation not proper", UpiCodeClass.REFUSED, "FF01"),
    "U06": UpiCode("transaction id mismatch", UpiCodeClass.REFUSED, "FF08"),
    "U07": UpiCode("validation error", UpiCodeClass.REFUSED, "CH16"),
    "U08": UpiCode("system exception", UpiCodeClass.UNKNOWN),
    "U09": UpiCode("authorisation timeout for pay", UpiCodeClass.REFUSED, "AB05"),
    "U12": UpiCode("amount or currency mismatch", UpiCodeClass.REFUSED, "AM09"),
    "U14": UpiCode("encryption error", UpiCodeClass.REFUSED, "DS09"),
    "U15": UpiCode("checksum failed", UpiCodeClass.REFUSED, "DS0B"),
    "U16": UpiCode("risk threshold exceeded", UpiCodeClass.REFUSED, "SL03"),
    "U17": UpiCode("payment service provider not registered", UpiCodeClass.REFUSED, "RC04"),
    "U18": UpiCode("authorisation acknowledgement not received", UpiCodeClass.REFUSED, "AB08"),
    "U19": UpiCode("authorisation declined", UpiCodeClass.REFUSED, "MS02"),
    "U20": UpiCode("authorisation timeout", UpiCodeClass.REFUSED, "AB05"),
    "U22": UpiCode("request declined", UpiCodeClass.REFUSED, "MS02"),
    "U23": UpiCode("request timeout", UpiCodeClass.UNKNOWN),
    "U26": UpiCode("credit acknowledgement not received", UpiCodeClass.UNKNOWN),
    "U30": UpiCode("debit has failed", UpiCodeClass.REFUSED, "AM04"),
    "U31": UpiCode("credit has failed", UpiCodeClass.REFUSED, "AB09"),
    "U66": UpiCode("device fingerprint mismatch", UpiCodeClass.REFUSED, "AG08"),
    "U67": UpiCode("debit timeout", UpiCodeClass.UNKNOWN),
    "U68": UpiCode("credit timeout", UpiCodeClass.UNKNOWN),
    "U69": UpiCode("request expired", UpiCodeClass.REFUSED, "AB03"),
    "BT":  UpiCode("beneficiary timeout", UpiCodeClass.DEEMED, "AB05"),
    "RB":  UpiCode("credit reversal timeout", UpiCodeClass.UNKNOWN),
    "RR":  UpiCode("debit reversal timeout", UpiCodeClass.UNKNOWN),
    "OC":  UpiCode("no original credit found", UpiCodeClass.NOT_FOUND),
    "OD":  UpiCode("no original debit found", UpiCodeClass.NOT_FOUND),
    "ND":  UpiCode("not debited", UpiCodeClass.NOT_FOUND),
    "NO":  UpiCode("no original transaction found", UpiCodeClass.NOT_FOUND),
    "DF":  UpiCode("duplicate reference number at beneficiary", UpiCodeClass.DUPLICATE, "AM05"),
    "DT":  UpiCode("duplicate reference number at remitter", UpiCodeClass.DUPLICATE, "AM05"),
    "XT":  UpiCode("cut-off in process at remitter", UpiCodeClass.RETRY_LATER, "TM01"),
    "XU":  UpiCode("cut-off in process at beneficiary", UpiCodeClass.RETRY_LATER, "TM01"),
    "XY":  UpiCode("remitter's system offline", UpiCodeClass.RETRY_LATER, "AB10"),
    "Y1":  UpiCode("beneficiary's system offline", UpiCodeClass.RETRY_LATER, "AB08"),
    "XI":  UpiCode("account does not exist at beneficiary", UpiCodeClass.REFUSED, "AC03"),
    "YD":  UpiCode("do not honour, beneficiary", UpiCodeClass.REFUSED, "MS03"),
    "ZI":  UpiCode("suspected fraud, beneficiary", UpiCodeClass.REFUSED, "FR01"),
    "PS":  UpiCode("maximum balance exceeded, beneficiary", UpiCodeClass.REFUSED, "SL16"),
    "96":  UpiCode("reversal failure", UpiCodeClass.UNKNOWN),
}
# fmt: on

_OUTCOMES: Final = {
    UpiCodeClass.DONE: Outcome.DONE,
    UpiCodeClass.REFUSED: Outcome.REFUSED,
    UpiCodeClass.RETRY_LATER: Outcome.REFUSED,
    UpiCodeClass.DEEMED: Outcome.PENDING,
    UpiCodeClass.NOT_FOUND: Outcome.NOT_FOUND,
}

_NATIVE: Final = {
    code.reason: name
    for name, code in reversed(CODES.items())
    if code.reason and code.code_class in {UpiCodeClass.REFUSED, UpiCodeClass.DEEMED}
}


def outcome_of(code: str, *, enquired: bool = False) -> tuple[Outcome, str | None]:
    """Outcome and ISO reason for a code; a code that is not in the table is UNKNOWN.

    `enquired`: the code responds to an enquiry, so that even "duplicate" is a refusal of this order.
    """
    known = CODES.get(code)
    if known is not None:
        return _OUTCOMES.get(known.code_class, Outcome.UNKNOWN), known.reason
    if code in DUPLICATES and not enquired:
        return Outcome.UNKNOWN, code
    if code in ISO_REASONS:
        return Outcome.REFUSED, code
    return Outcome.UNKNOWN, None


def reason_of(code: str) -> str:
    """The ISO reason of an order that is finally refused."""
    return outcome_of(code, enquired=True)[1] or "MS03"


def native_of(reason: str) -> str:
    """The code for an ISO reason; the ISO code itself where UPI has none."""
    return _NATIVE.get(reason, reason)


PURPOSES: Final = {
    "FAMI": ("P1301", "family maintenance"),
    "GIFT": ("P1302", "personal gift"),
    "CHAR": ("P1303", "donation"),
    "SALA": ("P1401", "compensation of employees"),
}
"""ISO purpose -> RBI purpose code for inward payments; experts must check them before production."""
