"""Signatures: proof of the sender over the bytes as received."""
