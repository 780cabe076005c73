"""A UETR of a payment's own, where another sender has used the one that its message states.

It is derived from the sender and the stated UETR, so every resend finds the same. It ends in digits that no
message may state, so nobody can take it; the other 90 bits are of SHA-256, so it meets no other.
"""

import hashlib
from typing import Final
from uuid import UUID

ENDING: Final = "70617973"
"""The last eight digits of such a UETR; a message that states a UETR with them is refused."""


def derive(sender: str, stated: UUID) -> UUID:
    """The payment's own UETR, of version 4 in form."""
    digest = hashlib.sha256(b"own UETR\0" + stated.bytes + sender.encode()).digest()
    return UUID(bytes=digest[:12] + bytes.fromhex(ENDING), version=4)


def is_reserved(uetr: str) -> bool:
    """Whether no message may state this UETR."""
    return uetr.endswith(ENDING)
