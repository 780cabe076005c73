"""Iran: Shetab and Pol for small amounts, PAYA and SATNA above. ISO 8583 over TCP, two bytes of length."""

from adapters.iran import sandbox
from adapters.iran.client import adapter
from adapters.iran.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
