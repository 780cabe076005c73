"""Raast's statuses, where they differ from the definitions of ISO 20022."""

from typing import Final

from adapters.iso20022.codes import STATUSES as DEFINED
from adapters.port import Outcome

ACCEPTED: Final = "ACSP"
STATUSES: Final = {**DEFINED, ACCEPTED: Outcome.DONE}
"""The one public pair of messages ends with the operator's `ACSP` and an account servicer's reference: it is
the last word there, undone only by a return (observed). Reasons are ISO's; no list of Raast's own is public.
"""
