"""Signatures: who said it, provable over the bytes as they came."""
