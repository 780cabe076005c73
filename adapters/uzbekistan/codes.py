"""Error codes and states of the rail, and what they mean for an order.

Observed: the codes from -200 to -317 and those of JSON-RPC 2.0 itself. Profile: the codes from -1000, the
states, and `reason`, an ISO reason beside code -1000.
"""

from enum import IntEnum, StrEnum
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS


class SvGateCode(IntEnum):
    """The code of a JSON-RPC error; it comes with HTTP 200."""

    NOT_JSON = -32700
    NO_REQUEST = -32600
    NO_METHOD = -32601
    BAD_PARAMS = -32602
    INTERNAL = -32603
    NO_CARD = -200
    CARD_BLOCKED = -261
    OTP_WRONG = -269
    OTP_EXPIRED = -270
    OTP_NEEDED = -314
    OTP_SPENT = -317
    REFUSED = -1000
    """The ISO reason is beside it."""
    NO_ORDER = -1001
    OTHER_CONTENT = -1002
    """The `ext` is known with different content."""
    EXPIRED = -1003
    """The order, or the hold to be confirmed, has expired."""
    CLOSED = -1004
    """`openFrom` beside it states when the rail opens."""
    DISMISSED = -1005
    NOTHING_CREDITED = -1006
    """There is nothing to reverse."""
    ENDED = -1007
    """To our `trans.notify`: the order has ended otherwise, and its payer is not debited any more."""


class SvGateState(StrEnum):
    """The state of an order."""

    HELD = "HELD"
    DISMISSED = "DISMISSED"
    PENDING = "PENDING"
    OK = "OK"
    REFUSED = "REFUSED"
    REVERSED = "REVERSED"
    NOT_REVERSED = "NOT_REVERSED"
    """Of a reversal that is refused."""


# fmt: off
REASONS: Final[dict[int, str]] = {
    SvGateCode.NO_CARD:       "AC03",
    SvGateCode.CARD_BLOCKED:  "AC06",
    SvGateCode.OTP_WRONG:     "MS02",
    SvGateCode.OTP_EXPIRED:   "MS02",
    SvGateCode.OTP_NEEDED:    "MS02",
    SvGateCode.OTP_SPENT:     "MS02",
    SvGateCode.EXPIRED:       "AB03",
    SvGateCode.DISMISSED:     "CUST",
    SvGateCode.NO_REQUEST:    "FF01",
    SvGateCode.NO_METHOD:     "AG03",
    SvGateCode.BAD_PARAMS:    "FF01",
}
# fmt: on
"""Codes that prove that the order is not and will not be executed, as ISO reasons; others prove nothing."""

STATES: Final[dict[str, Outcome]] = {
    SvGateState.OK: Outcome.DONE,
    SvGateState.REVERSED: Outcome.DONE,
    SvGateState.PENDING: Outcome.PENDING,
    SvGateState.HELD: Outcome.NOT_FOUND,
    SvGateState.DISMISSED: Outcome.NOT_FOUND,
}
"""A reversal is another order: its credit remains done. An order with only a hold is not accepted yet."""

NO_REASON: Final = "MS03"
_NATIVE: Final = {"AC03": SvGateCode.NO_CARD, "AC06": SvGateCode.CARD_BLOCKED, "AB03": SvGateCode.EXPIRED}


def native_of(reason: str) -> str:
    """The code for an ISO reason, followed by the reason if the code alone does not state it."""
    code = _NATIVE.get(reason)
    return str(int(code)) if code is not None else f"{int(SvGateCode.REFUSED)}/{reason}"


def reason_of(native: str) -> str:
    """The ISO reason of an order that is finally refused."""
    code, _, named = native.partition("/")
    known = REASONS.get(int(code)) if _is_code(code) else None
    return known or (named if named in ISO_REASONS else NO_REASON)


def outcome_of(native: str, *, enquired: bool) -> tuple[Outcome, str | None]:
    """The outcome for an error; a code that is not in the table is UNKNOWN.

    In response to a submission "already known" is not a refusal: the copy that the rail knows may be ours.
    """
    code, _, named = native.partition("/")
    reason = REASONS.get(int(code)) if _is_code(code) else None
    if code == str(int(SvGateCode.REFUSED)) and named in ISO_REASONS:
        reason = named
    if reason is None or (reason in DUPLICATES and not enquired):
        return Outcome.UNKNOWN, reason
    return Outcome.REFUSED, reason


def _is_code(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii()
