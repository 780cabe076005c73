"""Pakistan: Raast. ISO 20022 in a `DataPDU`, signed in its header, answered in the same exchange."""

from adapters.pakistan import sandbox
from adapters.pakistan.client import adapter
from adapters.pakistan.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
