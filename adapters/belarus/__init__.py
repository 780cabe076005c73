"""Belarus: the instant payment system. ISO 20022 over HTTPS, purpose mandatory."""

from adapters.belarus import sandbox
from adapters.belarus.client import adapter
from adapters.belarus.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
