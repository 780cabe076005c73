"""Response codes (DE39) of ISO 8583:1987: what each means for an order, and the ISO 20022 reason.

The list is the standard's; which codes prove that nothing was credited is our reading, on the safe side: a
code that can follow an attempt (06, 22, 68, 91, 96 and the like) is unknown, never "refused", and so is a
code that is not in the table. DE44 names the ISO 20022 reason itself (profile): two digits are too few.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS


class Class(StrEnum):
    """What a code says about an order."""

    DONE = "done"
    REFUSED = "refused"
    PENDING = "pending"
    NOT_FOUND = "not found"
    DUPLICATE = "duplicate"
    """The rail knows this one: perhaps from our own first copy, so only an enquiry tells."""
    CLOSED = "closed"
    """Not taken, to be sent again later."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table."""

    meaning: str
    is_a: Class
    reason: str | None = None
    """ISO ExternalStatusReason1Code."""


APPROVED: Final = "00"
IN_PROGRESS: Final = "09"
NOT_FOUND: Final = "25"
FORMAT_ERROR: Final = "30"
NOT_SIGNED_ON: Final = "58"
SECURITY: Final = "63"
CUT_OFF: Final = "90"
DUPLICATE: Final = "94"
NO_REASON: Final = "MS03"

# fmt: off
CODES: Final = {
    "00": Code("approved", Class.DONE),
    "01": Code("refer to the account's bank", Class.REFUSED, "MS02"),
    "02": Code("refer to the account's bank, special condition", Class.REFUSED, "MS02"),
    "03": Code("invalid acceptor", Class.REFUSED, "AG01"),
    "04": Code("pick up", Class.REFUSED, "AC06"),
    "05": Code("do not honour", Class.REFUSED, "MS03"),
    "06": Code("error", Class.UNKNOWN),
    "07": Code("pick up, special condition", Class.REFUSED, "AC06"),
    "08": Code("honour with identification", Class.UNKNOWN),
    "09": Code("request in progress", Class.PENDING, "AB05"),
    "10": Code("approved for a partial amount", Class.UNKNOWN),
    "11": Code("approved, important customer", Class.DONE),
    "12": Code("invalid transaction", Class.REFUSED, "AG03"),
    "13": Code("invalid amount", Class.REFUSED, "AM12"),
    "14": Code("invalid account number", Class.REFUSED, "AC03"),
    "15": Code("no such bank", Class.REFUSED, "RC04"),
    "16": Code("approved, update track 3", Class.DONE),
    "17": Code("customer cancellation", Class.REFUSED, "MS02"),
    "18": Code("customer dispute", Class.REFUSED, "MS02"),
    "19": Code("enter again", Class.UNKNOWN),
    "20": Code("invalid response", Class.UNKNOWN),
    "21": Code("no action taken", Class.UNKNOWN),
    "22": Code("suspected malfunction", Class.UNKNOWN),
    "23": Code("unacceptable fee", Class.REFUSED, "MS03"),
    "24": Code("file update not supported", Class.UNKNOWN),
    "25": Code("unable to locate the record", Class.NOT_FOUND),
    "26": Code("duplicate record", Class.UNKNOWN),
    "27": Code("error in a field of the file", Class.UNKNOWN),
    "28": Code("file locked", Class.UNKNOWN),
    "29": Code("file update failed", Class.UNKNOWN),
    "30": Code("format error", Class.REFUSED, "FF01"),
    "31": Code("bank not supported", Class.REFUSED, "RC04"),
    "32": Code("completed partially", Class.UNKNOWN),
    "33": Code("expired card, pick up", Class.REFUSED, "AC06"),
    "34": Code("suspected fraud, pick up", Class.REFUSED, "FR01"),
    "35": Code("contact the acquirer, pick up", Class.REFUSED, "AC06"),
    "36": Code("restricted card, pick up", Class.REFUSED, "AC06"),
    "37": Code("call security, pick up", Class.REFUSED, "FR01"),
    "38": Code("PIN tries exceeded, pick up", Class.REFUSED, "MS03"),
    "39": Code("no credit account", Class.REFUSED, "AC14"),
    "40": Code("function not supported", Class.REFUSED, "AG03"),
    "41": Code("lost card", Class.REFUSED, "AC06"),
    "42": Code("no universal account", Class.REFUSED, "AC14"),
    "43": Code("stolen card", Class.REFUSED, "AC06"),
    "44": Code("no investment account", Class.REFUSED, "AC14"),
    "51": Code("not sufficient funds", Class.REFUSED, "AM04"),
    "52": Code("no cheque account", Class.REFUSED, "AC14"),
    "53": Code("no savings account", Class.REFUSED, "AC14"),
    "54": Code("expired card", Class.REFUSED, "AC06"),
    "55": Code("incorrect PIN", Class.REFUSED, "MS03"),
    "56": Code("no card record", Class.REFUSED, "AC03"),
    "57": Code("not permitted to the customer", Class.REFUSED, "AG01"),
    "58": Code("not permitted to the terminal", Class.REFUSED, "AG01"),
    "59": Code("suspected fraud", Class.REFUSED, "FR01"),
    "60": Code("contact the acquirer", Class.REFUSED, "MS02"),
    "61": Code("exceeds the amount limit", Class.REFUSED, "AM02"),
    "62": Code("restricted account", Class.REFUSED, "AC06"),
    "63": Code("security violation", Class.REFUSED, "DS0B"),
    "64": Code("original amount incorrect", Class.REFUSED, "AM09"),
    "65": Code("exceeds the frequency limit", Class.REFUSED, "AM14"),
    "66": Code("call security", Class.REFUSED, "FR01"),
    "67": Code("hard capture", Class.REFUSED, "AC06"),
    "68": Code("response received too late", Class.UNKNOWN),
    "75": Code("PIN tries exceeded", Class.REFUSED, "MS03"),
    "90": Code("cut-off in process", Class.CLOSED, "TM01"),
    "91": Code("bank or switch inoperative", Class.UNKNOWN),
    "92": Code("no route to the bank", Class.REFUSED, "RC04"),
    "93": Code("violation of law", Class.REFUSED, "RR04"),
    "94": Code("duplicate transmission", Class.DUPLICATE),
    "95": Code("reconcile error", Class.UNKNOWN),
    "96": Code("system malfunction", Class.UNKNOWN),
}
# fmt: on

_FIRST_WITH: Final = {
    row.reason: code for code, row in reversed(CODES.items()) if row.is_a is Class.REFUSED and row.reason
}


def native_code(reason: str) -> str:
    """An ISO reason in the rail's words: DE39, then what DE44 says."""
    code = DUPLICATE if reason in DUPLICATES else _FIRST_WITH.get(reason, "05")
    return code + reason


def outcome_of(code: str, said: str, *, enquired: bool) -> tuple[Outcome, str | None]:
    """Outcome and ISO reason of DE39 and DE44.

    A duplicate refuses only in answer to an enquiry that names it as the order's own reason: a bare 94 may
    mean our first copy, and that may be paid.
    """
    row = CODES.get(code)
    named = said if said in ISO_REASONS else None
    match row.is_a if row else Class.UNKNOWN:
        case Class.DONE:
            return Outcome.DONE, None
        case Class.PENDING:
            return Outcome.PENDING, named or "AB05"
        case Class.NOT_FOUND if enquired:
            return Outcome.NOT_FOUND, None
        case Class.REFUSED | Class.DUPLICATE:
            return _refused(row, named, enquired=enquired)
        case _:
            return Outcome.UNKNOWN, None


def _refused(row: Code | None, named: str | None, *, enquired: bool) -> tuple[Outcome, str | None]:
    assert row is not None, "only a code of the table refuses"
    reason = named or row.reason
    if reason is None or (reason in DUPLICATES and not enquired):
        return Outcome.UNKNOWN, reason
    return Outcome.REFUSED, reason
