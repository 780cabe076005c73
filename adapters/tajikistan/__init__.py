"""Tajikistan: the national processing of Korti Milli. ISO 8583 over TCP, four ASCII digits of length."""

from adapters.tajikistan import sandbox
from adapters.tajikistan.client import adapter
from adapters.tajikistan.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
