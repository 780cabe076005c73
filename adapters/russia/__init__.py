"""Russia: SBP, the Faster Payments System. UFEBS XML in windows-1251: ED701 and ED702, confirmed by ED706."""

from adapters.russia import sandbox
from adapters.russia.client import adapter
from adapters.russia.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
