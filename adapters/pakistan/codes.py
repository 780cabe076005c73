"""Raast's statuses where they differ from the definitions of ISO 20022."""

from typing import Final

from adapters.iso20022.codes import STATUSES as DEFINED
from adapters.port import Outcome

ACCEPTED: Final = "ACSP"
STATUSES: Final = {**DEFINED, ACCEPTED: Outcome.DONE}
"""The only public pair of messages ends with the operator's `ACSP` and an account servicer's reference: it is
the final status there, and only a return undoes it (observed). Reasons are those of ISO; Raast's own are not
public.
"""
