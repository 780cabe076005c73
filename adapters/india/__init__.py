"""India: UPI. Signed XML over HTTPS, acknowledged at once, answered later by a callback."""

from adapters.india import sandbox
from adapters.india.client import adapter
from adapters.india.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
