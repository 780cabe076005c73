"""The UETR inside a rail's own ids: 32 hexadecimal digits."""

import re
from typing import Final
from uuid import UUID

_HEX: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


def to_hex(uetr: str) -> str:
    """The UETR without hyphens."""
    return uetr.replace("-", "").lower()


def from_hex(text: str) -> str | None:
    """The UETR in a rail's id; None if the id is not one of ours."""
    return str(UUID(text)) if _HEX.fullmatch(text) else None
