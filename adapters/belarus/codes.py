"""SMP's statuses: as ISO 20022 defines them. No list of the rail's own reasons is public."""

from typing import Final

from adapters.iso20022.codes import STATUSES

__all__ = ["ACCEPTED", "STATUSES"]

ACCEPTED: Final = "ACSC"
"""How the rail says "done" (profile)."""
