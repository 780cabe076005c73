"""Strict parsing of JSON from a rail: ambiguous texts are refused."""

import json
from typing import Any, Final, NoReturn

from schemas.errors import InvalidMessage, MessageTooLarge

MAX_BYTES: Final = 256 * 1024


def parse(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        InvalidMessage: not UTF-8, not JSON, not an object, a repeated member, or a number with a fraction.

    """
    found = _load(raw)
    if not isinstance(found, dict):
        raise InvalidMessage("not a JSON object")
    return found


def parse_list(raw: bytes) -> list[dict[str, Any]]:
    """Parse a list of JSON objects.

    Raises:
        InvalidMessage: as `parse`, or not a list of objects.

    """
    found = _load(raw)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise InvalidMessage("not a JSON list of objects")
    return found


def write(content: dict[str, Any]) -> bytes:
    """The object as JSON: the same content in the same order always gives the same bytes."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def write_list(content: list[dict[str, Any]]) -> bytes:
    """The objects as a JSON list."""
    return b"[" + b",".join(map(write, content)) + b"]"


def text_of(content: dict[str, Any], name: str) -> str:
    """A member that is text.

    Raises:
        InvalidMessage: missing, empty or not text.

    """
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidMessage(f"{name} is not text", path=name)
    return value


def integer_of(content: dict[str, Any], name: str) -> int:
    """A member that is a whole number.

    Raises:
        InvalidMessage: missing or not a whole number.

    """
    value = content.get(name)
    if type(value) is not int:
        raise InvalidMessage(f"{name} is not a whole number", path=name)
    return value


def _load(raw: bytes) -> Any:
    if len(raw) > MAX_BYTES:
        raise MessageTooLarge
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members_once,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        raise InvalidMessage("not unambiguous JSON") from None


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def _refuse(_: str) -> NoReturn:
    raise ValueError("a number with a fraction")
