"""MSMP's statuses, as ISO 20022 defines them. The rail's own reasons are not public."""

from typing import Final

from adapters.iso20022.codes import STATUSES

__all__ = ["ACCEPTED", "STATUSES"]

ACCEPTED: Final = "ACSC"
"""The status for "done" at this rail (profile)."""
