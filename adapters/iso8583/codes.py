"""Response codes (DE39) of ISO 8583:1987: the meaning of each for an order, and the ISO 20022 reason.

The list is that of the standard. Which codes prove that nothing was credited is our own interpretation, on
the safe side: a code that can follow an attempt (06, 22, 68, 91, 96 and similar) is unknown, never "refused",
and so is a code that is not in the table. DE44 contains the ISO 20022 reason itself (profile), because two
digits are too few.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS


class ResponseCodeClass(StrEnum):
    """What a code means for an order."""

    DONE = "done"
    REFUSED = "refused"
    PENDING = "pending"
    NOT_FOUND = "not found"
    DUPLICATE = "duplicate"
    """The rail knows this order, perhaps from our own first copy: only an enquiry gives the outcome."""
    CLOSED = "closed"
    """Not accepted; send again later."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ResponseCode:
    """One row of the table."""

    meaning: str
    code_class: ResponseCodeClass
    reason: str | None = None
    """ISO ExternalStatusReason1Code."""


APPROVED: Final = "00"
IN_PROGRESS: Final = "09"
ENDED: Final = "21"
"""No action taken: the sender has ended this order otherwise, or its payee has the money (profile)."""
NOT_FOUND: Final = "25"
FORMAT_ERROR: Final = "30"
NOT_SIGNED_ON: Final = "58"
SECURITY: Final = "63"
CUT_OFF: Final = "90"
DUPLICATE: Final = "94"
NO_REASON: Final = "MS03"

# fmt: off
CODES: Final = {
    "00": ResponseCode("approved", ResponseCodeClass.DONE),
    "01": ResponseCode("refer to the account's bank", ResponseCodeClass.REFUSED, "MS02"),
    "02": ResponseCode("refer to the account's bank, special condition", ResponseCodeClass.REFUSED, "MS02"),
    "03": ResponseCode("invalid acceptor", ResponseCodeClass.REFUSED, "AG01"),
    "04": ResponseCode("pick up", ResponseCodeClass.REFUSED, "AC06"),
    "05": ResponseCode("do not honour", ResponseCodeClass.REFUSED, "MS03"),
    "06": ResponseCode("error", ResponseCodeClass.UNKNOWN),
    "07": ResponseCode("pick up, special condition", ResponseCodeClass.REFUSED, "AC06"),
    "08": ResponseCode("honour with identification", ResponseCodeClass.UNKNOWN),
    "09": ResponseCode("request in progress", ResponseCodeClass.PENDING, "AB05"),
    "10": ResponseCode("approved for a partial amount", ResponseCodeClass.UNKNOWN),
    "11": ResponseCode("approved, important customer", ResponseCodeClass.DONE),
    "12": ResponseCode("invalid transaction", ResponseCodeClass.REFUSED, "AG03"),
    "13": ResponseCode("invalid amount", ResponseCodeClass.REFUSED, "AM12"),
    "14": ResponseCode("invalid account number", ResponseCodeClass.REFUSED, "AC03"),
    "15": ResponseCode("no such bank", ResponseCodeClass.REFUSED, "RC04"),
    "16": ResponseCode("approved, update track 3", ResponseCodeClass.DONE),
    "17": ResponseCode("customer cancellation", ResponseCodeClass.REFUSED, "MS02"),
    "18": ResponseCode("customer dispute", ResponseCodeClass.REFUSED, "MS02"),
    "19": ResponseCode("enter again", ResponseCodeClass.UNKNOWN),
    "20": ResponseCode("invalid response", ResponseCodeClass.UNKNOWN),
    "21": ResponseCode("no action taken", ResponseCodeClass.UNKNOWN),
    "22": ResponseCode("suspected malfunction", ResponseCodeClass.UNKNOWN),
    "23": ResponseCode("unacceptable fee", ResponseCodeClass.REFUSED, "MS03"),
    "24": ResponseCode("file update not supported", ResponseCodeClass.UNKNOWN),
    "25": ResponseCode("unable to locate the record", ResponseCodeClass.NOT_FOUND),
    "26": ResponseCode("duplicate record", ResponseCodeClass.UNKNOWN),
    "27": ResponseCode("error in a field of the file", ResponseCodeClass.UNKNOWN),
    "28": ResponseCode("file locked", ResponseCodeClass.UNKNOWN),
    "29": ResponseCode("file update failed", ResponseCodeClass.UNKNOWN),
    "30": ResponseCode("format error", ResponseCodeClass.REFUSED, "FF01"),
    "31": ResponseCode("bank not supported", ResponseCodeClass.REFUSED, "RC04"),
    "32": ResponseCode("completed partially", ResponseCodeClass.UNKNOWN),
    "33": ResponseCode("expired card, pick up", ResponseCodeClass.REFUSED, "AC06"),
    "34": ResponseCode("suspected fraud, pick up", ResponseCodeClass.REFUSED, "FR01"),
    "35": ResponseCode("contact the acquirer, pick up", ResponseCodeClass.REFUSED, "AC06"),
    "36": ResponseCode("restricted card, pick up", ResponseCodeClass.REFUSED, "AC06"),
    "37": ResponseCode("call security, pick up", ResponseCodeClass.REFUSED, "FR01"),
    "38": ResponseCode("PIN tries exceeded, pick up", ResponseCodeClass.REFUSED, "MS03"),
    "39": ResponseCode("no credit account", ResponseCodeClass.REFUSED, "AC14"),
    "40": ResponseCode("function not supported", ResponseCodeClass.REFUSED, "AG03"),
    "41": ResponseCode("lost card", ResponseCodeClass.REFUSED, "AC06"),
    "42": ResponseCode("no universal account", ResponseCodeClass.REFUSED, "AC14"),
    "43": ResponseCode("stolen card", ResponseCodeClass.REFUSED, "AC06"),
    "44": ResponseCode("no investment account", ResponseCodeClass.REFUSED, "AC14"),
    "51": ResponseCode("not sufficient funds", ResponseCodeClass.REFUSED, "AM04"),
    "52": ResponseCode("no cheque account", ResponseCodeClass.REFUSED, "AC14"),
    "53": ResponseCode("no savings account", ResponseCodeClass.REFUSED, "AC14"),
    "54": ResponseCode("expired card", ResponseCodeClass.REFUSED, "AC06"),
    "55": ResponseCode("incorrect PIN", ResponseCodeClass.REFUSED, "MS03"),
    "56": ResponseCode("no card record", ResponseCodeClass.REFUSED, "AC03"),
    "57": ResponseCode("not permitted to the customer", ResponseCodeClass.REFUSED, "AG01"),
    "58": ResponseCode("not permitted to the terminal", ResponseCodeClass.REFUSED, "AG01"),
    "59": ResponseCode("suspected fraud", ResponseCodeClass.REFUSED, "FR01"),
    "60": ResponseCode("contact the acquirer", ResponseCodeClass.REFUSED, "MS02"),
    "61": ResponseCode("exceeds the amount limit", ResponseCodeClass.REFUSED, "AM02"),
    "62": ResponseCode("restricted account", ResponseCodeClass.REFUSED, "AC06"),
    "63": ResponseCode("security violation", ResponseCodeClass.REFUSED, "DS0B"),
    "64": ResponseCode("original amount incorrect", ResponseCodeClass.REFUSED, "AM09"),
    "65": ResponseCode("exceeds the frequency limit", ResponseCodeClass.REFUSED, "AM14"),
    "66": ResponseCode("call security", ResponseCodeClass.REFUSED, "FR01"),
    "67": ResponseCode("hard capture", ResponseCodeClass.REFUSED, "AC06"),
    "68": ResponseCode("response received too late", ResponseCodeClass.UNKNOWN),
    "75": ResponseCode("PIN tries exceeded", ResponseCodeClass.REFUSED, "MS03"),
    "90": ResponseCode("cut-off in process", ResponseCodeClass.CLOSED, "TM01"),
    "91": ResponseCode("bank or switch inoperative", ResponseCodeClass.UNKNOWN),
    "92": ResponseCode("no route to the bank", ResponseCodeClass.REFUSED, "RC04"),
    "93": ResponseCode("violation of law", ResponseCodeClass.REFUSED, "RR04"),
    "94": ResponseCode("duplicate transmission", ResponseCodeClass.DUPLICATE),
    "95": ResponseCode("reconcile error", ResponseCodeClass.UNKNOWN),
    "96": ResponseCode("system malfunction", ResponseCodeClass.UNKNOWN),
}
# fmt: on

_FIRST_WITH: Final = {
    row.reason: code
    for code, row in reversed(CODES.items())
    if row.code_class is ResponseCodeClass.REFUSED and row.reason
}


def native_code(reason: str) -> str:
    """DE39 and the content of DE44 for an ISO reason."""
    code = DUPLICATE if reason in DUPLICATES else _FIRST_WITH.get(reason, "05")
    return code + reason


def outcome_of(code: str, stated_reason: str, *, enquired: bool) -> tuple[Outcome, str | None]:
    """Outcome and ISO reason for DE39 and DE44.

    A duplicate is a refusal only in response to an enquiry that names it as the reason of the order. A bare
    94 may mean our own first copy, which may be paid.
    """
    row = CODES.get(code)
    named = stated_reason if stated_reason in ISO_REASONS else None
    match row.code_class if row else ResponseCodeClass.UNKNOWN:
        case ResponseCodeClass.DONE:
            return Outcome.DONE, None
        case ResponseCodeClass.PENDING:
            return Outcome.PENDING, named or "AB05"
        case ResponseCodeClass.NOT_FOUND if enquired:
            return Outcome.NOT_FOUND, None
        case ResponseCodeClass.REFUSED | ResponseCodeClass.DUPLICATE:
            return _refused(row, named, enquired=enquired)
        case _:
            return Outcome.UNKNOWN, None


def _refused(row: ResponseCode | None, named: str | None, *, enquired: bool) -> tuple[Outcome, str | None]:
    assert row is not None, "only a code of the table refuses"
    reason = named or row.reason
    if reason is None or (reason in DUPLICATES and not enquired):
        return Outcome.UNKNOWN, reason
    return Outcome.REFUSED, reason
