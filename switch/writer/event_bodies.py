"""Bodies of the events that processes have recorded: canonical JSON, which every reader of the log can read.

The log is permanent: what it once has, every report of the period meets. So the writer records only an object
of JSON in the one way that `encode` writes it, and readers use `read`, which also reads what is none.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

BODY_MAX: Final = 1 << 20
"""Bytes."""
LEVELS_MAX: Final = 32
"""How deep values may be nested."""
_SHOWN_MAX: Final = 200
_NUL: Final = b"\\u0000"
_encode: Final = msgspec.json.Encoder(order="sorted").encode


def encode(facts: Mapping[str, Any]) -> bytes:
    """Write a body. NUL, which no text of a database may have, becomes a replacement character."""
    body = _encode(facts)
    return _encode(_without_nul(msgspec.json.decode(body))) if _NUL in body else body


def fault(body: bytes) -> str:
    """Why the log must not have this body; empty if it may."""
    if len(body) > BODY_MAX:
        return f"it has more than {BODY_MAX} bytes"
    value = _decoded(body)
    if not isinstance(value, dict):
        return f"it is no JSON object in UTF-8 of at most {LEVELS_MAX} levels"
    return "" if encode(value) == body else "its JSON is not canonical, or has NUL"


def acceptable(body: bytes) -> bytes:
    """The body in the form that the log may have, `unreadable` if it has none."""
    value = _decoded(body)
    written = encode(value) if isinstance(value, dict) else b""
    return written if written and not fault(written) else encode(unreadable(body))


def read(body: bytes) -> Any:
    """The value of a body in the log; {} of none, and `unreadable` with its first bytes of what is no JSON.

    Old logs, written before the values had names, have lists of values.
    """
    value = _decoded(body) if body else {}
    return unreadable(body) if value is None else value


def unreadable(body: bytes) -> dict[str, Any]:
    """What is shown in place of a body that cannot be read: its first bytes, hexadecimal."""
    return {"unreadable": body[:_SHOWN_MAX].hex()}


def read_facts(body: bytes) -> dict[str, Any]:
    """As `read`, for readers of named values: {} of what has none."""
    value = read(body)
    return value if isinstance(value, dict) else {}


def _decoded(body: bytes) -> Any:
    """None if it is not JSON, not UTF-8, or nested too deeply."""
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return value if _is_flat(value, LEVELS_MAX) else None


def _is_flat(value: Any, levels: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flat(part, levels - 1) for part in parts)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(part) for part in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(part) for name, part in value.items()}
    return value
