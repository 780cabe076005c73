"""India: UPI. Signed XML over HTTPS, acknowledged at once, answered later by a callback."""

from adapters.india.client import adapter
from adapters.india.profile import PROFILE, SANDBOX_IDENTITY

__all__ = ["PROFILE", "SANDBOX_IDENTITY", "adapter"]
