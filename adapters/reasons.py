"""The codes of ExternalStatusReason1Code, by which a rail's answer is said again in ISO words.

A code outside this set is never passed on as an ISO reason: the rail's own code stands beside it.
"""

from typing import Final

from schemas.codes import code_sets

ISO_REASONS: Final = code_sets()["ExternalStatusReason1Code"]
"""All registered codes, of the date that `schemas.codes` says."""

DUPLICATES: Final = frozenset({"AM05", "DU01", "DU02", "DU03", "DU04", "DU05", "DUPL"})
"""Reasons that say "I know this one". In answer to a send they refuse nothing: the copy that the rail knows
may be our own, and paid. Only an enquiry tells.
"""
