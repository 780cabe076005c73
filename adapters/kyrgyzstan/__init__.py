"""Kyrgyzstan: ELQR payments by the IPC operator. JSON over HTTPS: check, create, execute, then a push."""

from adapters.kyrgyzstan import sandbox
from adapters.kyrgyzstan.client import adapter
from adapters.kyrgyzstan.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
