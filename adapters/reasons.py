"""The codes of ExternalStatusReason1Code, in which a rail's response is passed on.

A code outside this set is never passed on as an ISO reason; the rail's own code is kept beside it.
"""

from typing import Final

from schemas.codes import code_sets
from schemas.reasons import Reason

ISO_REASONS: Final = code_sets()["ExternalStatusReason1Code"]
"""All registered codes, as of the date in `schemas.codes`."""

DUPLICATES: Final = frozenset(
    {
        Reason.DUPLICATION,
        Reason.DUPLICATE_MESSAGE_ID,
        Reason.DUPLICATE_PAYMENT_INFORMATION_ID,
        Reason.DUPLICATE_TRANSACTION,
        Reason.DUPLICATE_END_TO_END_ID,
        Reason.DUPLICATE_INSTRUCTION_ID,
        Reason.DUPLICATE_PAYMENT,
    }
)
"""Reasons that mean "this order is already known". In response to a submission they are not a refusal: the
copy that the rail knows may be our own, and paid. Only an enquiry gives the outcome.
"""
