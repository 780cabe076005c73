"""Uzbekistan: card and account credits, JSON-RPC 2.0 over HTTPS: hold, confirm or dismiss, query."""

from adapters.uzbekistan import sandbox
from adapters.uzbekistan.client import adapter
from adapters.uzbekistan.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
