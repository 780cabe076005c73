"""Response codes of the Tajik rail: those of ISO 8583:1987, none of its own being public."""

from adapters.iso8583.codes import CODES, native_code, outcome_of

__all__ = ["CODES", "native_code", "outcome_of"]
