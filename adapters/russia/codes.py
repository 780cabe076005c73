"""Control codes and states of UFEBS, and what they mean for an order.

Published: the four states of ED705. Profile: the control codes, because the Bank of Russia's list is not
public; only their format, four digits, is. Code 9000 carries the ISO reason at the start of `Annotation`, for
reasons without a number in the table.
"""

from dataclasses import dataclass
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS

ACCEPTED: Final = "0000"
BY_ISO: Final = "9000"
ENDED: Final = "6004"
"""To our ED706 or ED705: the system has ended the order otherwise."""
NO_REASON: Final = "MS03"

STATES: Final = {
    "SETL": Outcome.DONE,
    "WAIT": Outcome.PENDING,
    "RJCT": Outcome.REFUSED,
    "NTEX": Outcome.NOT_FOUND,
}
"""`StatusStateCode` of ED705."""


@dataclass(frozen=True, slots=True)
class SbpCode:
    """One row of the table."""

    meaning: str
    reason: str | None
    """ISO ExternalStatusReason1Code; None where the code does not concern the order."""


# fmt: off
CODES: Final = {
    "0000": SbpCode("accepted", None),
    "1001": SbpCode("does not match the schema", "FF01"),
    "1002": SbpCode("invalid signature", "DS0B"),
    "1003": SbpCode("unknown author", "AG01"),
    "1004": SbpCode("another receiver", "RC12"),
    "1005": SbpCode("type of operation not allowed", "AG03"),
    "2001": SbpCode("the author has already used the number on this day", "DU03"),
    "2002": SbpCode("the transaction is known with different content", "DUPL"),
    "2003": SbpCode("duplicate", "AM05"),
    "3001": SbpCode("no such account, or wrong account key", "AC03"),
    "3002": SbpCode("no such bank", "RC04"),
    "3003": SbpCode("account closed", "AC04"),
    "3004": SbpCode("account blocked", "AC06"),
    "3005": SbpCode("payee and account do not match", "BE01"),
    "3006": SbpCode("unknown phone", "BE06"),
    "4001": SbpCode("insufficient funds", "AM04"),
    "4002": SbpCode("above the limit of one operation", "AM02"),
    "4003": SbpCode("above the limit of the day", "AM14"),
    "5001": SbpCode("the order has expired", "AB03"),
    "5002": SbpCode("no response from the payee's bank", "AB05"),
    "5003": SbpCode("the payee's bank is not available", "AB08"),
    "5004": SbpCode("outside the hours of the system", "TM01"),
    "6001": SbpCode("suspected fraud", "FR01"),
    "6002": SbpCode("forbidden by law or regulation", "RR04"),
    "6003": SbpCode("refused without a reason", "MS03"),
    "6004": SbpCode("the order has ended otherwise", None),
    "7001": SbpCode("system failure, outcome unknown", None),
}
# fmt: on

_NATIVE: Final = {code.reason: number for number, code in CODES.items() if code.reason}


def outcome_of(number: str, annotation: str = "", *, enquired: bool = False) -> tuple[Outcome, str | None]:
    """Outcome and ISO reason for a control code; a code that is not in the table is UNKNOWN.

    `enquired`: the code responds to an enquiry, so that even "duplicate" is a refusal of this order.
    """
    if number == BY_ISO:
        stated_reason = annotation[:4]
        reason = stated_reason if stated_reason in ISO_REASONS else None
    else:
        row = CODES.get(number)
        reason = row.reason if row else None
    if reason is None or (reason in DUPLICATES and not enquired):
        return Outcome.UNKNOWN, reason
    return Outcome.REFUSED, reason


def native_of(reason: str) -> str:
    """The code for an ISO reason: a number, or `9000` and the ISO code."""
    return _NATIVE.get(reason) or f"{BY_ISO} {reason}"


def reason_of(code: str) -> str:
    """The ISO reason of an order that is finally refused; `code` as in `native_of`."""
    number, _, stated_reason = code.partition(" ")
    return outcome_of(number, stated_reason, enquired=True)[1] or NO_REASON


def code_of(number: str, annotation: str) -> str:
    """A control code with its explanation, as in `native_of`."""
    return f"{BY_ISO} {annotation[:4]}" if number == BY_ISO else number
