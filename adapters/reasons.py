"""The codes of ExternalStatusReason1Code, by which a rail's answer is said again in ISO words.

A code outside this set is never passed on as an ISO reason: the rail's own code stands beside it.
"""

from typing import Final

from schemas.codes import code_sets
from schemas.reasons import Reason

ISO_REASONS: Final = code_sets()["ExternalStatusReason1Code"]
"""All registered codes, of the date that `schemas.codes` says."""

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
"""Reasons that say "I know this one". In answer to a send they refuse nothing: the copy that the rail knows
may be our own, and paid. Only an enquiry tells.
"""
