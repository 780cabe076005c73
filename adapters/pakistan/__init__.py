"""Pakistan: Raast. ISO 20022 in a `DataPDU`, signed in its header, answered in the same exchange."""

from adapters.pakistan.client import adapter
from adapters.pakistan.profile import PROFILE, SANDBOX_IDENTITY

__all__ = ["PROFILE", "SANDBOX_IDENTITY", "adapter"]
