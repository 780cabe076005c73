"""Status numbers and HTTP refusals of the operator, and what they mean for an order.

Observed: the numbers and HTTP codes. Profile: `reason`, an ISO reason beside status 30; the operator's own
reasons are not public.
"""

from enum import IntEnum
from typing import Final

from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS


class ElqrStatus(IntEnum):
    """State of a transaction at the operator."""

    CREATED = 10
    IN_PROCESS = 20
    ERROR = 30
    CANCELED = 40
    SUCCESS = 50


OUTCOMES: Final[dict[int, Outcome]] = {
    ElqrStatus.CREATED: Outcome.NOT_FOUND,
    ElqrStatus.IN_PROCESS: Outcome.PENDING,
    ElqrStatus.ERROR: Outcome.REFUSED,
    ElqrStatus.CANCELED: Outcome.REFUSED,
    ElqrStatus.SUCCESS: Outcome.DONE,
}
"""CREATED is not accepted yet: without `execute` no money moves, and none after the expiry."""

# fmt: off
REFUSALS: Final = {
    452: "AC03",    # invalid recipient
    453: "AG01",    # access denied
    454: "FF01",    # invalid data
    455: "AM06",    # below the minimum
    456: "AM02",    # above the maximum
    523: "AB08",    # supplier unavailable
    524: "AB09",    # external system unavailable
}
# fmt: on
"""HTTP status -> ISO reason for checks and `create`: before `execute` a refusal is certain."""

NO_REASON: Final = "MS03"


def outcome_of(status: int, reason: str, *, enquired: bool) -> tuple[Outcome, str | None]:
    """Outcome and ISO reason; a status that is not in the table is UNKNOWN."""
    outcome = OUTCOMES.get(status, Outcome.UNKNOWN)
    if outcome is not Outcome.REFUSED:
        return outcome, None
    stated_reason = reason if reason in ISO_REASONS else NO_REASON
    if stated_reason in DUPLICATES and not enquired:
        return Outcome.UNKNOWN, stated_reason
    return outcome, stated_reason


def reason_of(code: str) -> str:
    """The ISO reason of an order that is finally refused."""
    return code if code in ISO_REASONS else NO_REASON
