"""Kazakhstan: the interbank mobile payment system. ISO 20022 over HTTPS, answered in the same exchange."""

from adapters.kazakhstan import sandbox
from adapters.kazakhstan.client import adapter
from adapters.kazakhstan.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
