"""Statuses and reasons of ISO 20022 as rails use them."""

from typing import Final

from adapters.port import Outcome
from adapters.reasons import ISO_REASONS

NOT_RECEIVED: Final = "AG09"
"""In response to an enquiry: the original payment was never received (ExternalStatusReason1Code)."""

NO_SUCH_ACCOUNT: Final = "AC01"
"""In response to a verification: the account is not known (ExternalVerificationReason1Code)."""

# fmt: off
STATUSES: Final = {
    "ACCC": Outcome.DONE,       # credited to the creditor
    "ACSC": Outcome.DONE,       # settled
    "ACWC": Outcome.UNKNOWN,    # accepted with change: not what was ordered
    "ACSP": Outcome.PENDING,
    "ACCP": Outcome.PENDING,
    "ACTC": Outcome.PENDING,
    "ACFC": Outcome.PENDING,
    "ACWP": Outcome.PENDING,    # accepted, not yet posted
    "PDNG": Outcome.PENDING,
    "RCVD": Outcome.PENDING,
    "RJCT": Outcome.REFUSED,
}
# fmt: on
"""ExternalPaymentTransactionStatus1Code with its standard meanings; a rail with other meanings overrides
them."""


def reason_of(code: str | None) -> str | None:
    """The ISO reason in a status report; None for a proprietary code of the rail."""
    if code is None:
        return None
    return code if code in ISO_REASONS else "MS03"
