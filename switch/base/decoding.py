"""JSON bodies as structures of ours; what is wrong with one is said without its values."""

import re
from typing import Final, TypeVar

import msgspec

from schemas.errors import InvalidMessage

T = TypeVar("T")

_UNKNOWN: Final = "Object contains unknown field"
_VALUE: Final = re.compile(r"(?<=Invalid enum value) (['\"]).*?\1(?=$| - at `[^`]*`$)", re.DOTALL)


def decoded(raw: bytes, kind: type[T]) -> T:
    """Decode a JSON body strictly.

    Raises:
        InvalidMessage: not JSON, not in UTF-8, nested too deeply, or not of this structure. The text states
            the place and the rule, and repeats nothing that was sent.

    """
    try:
        return msgspec.json.decode(raw, type=kind, strict=True)
    except UnicodeDecodeError:
        raise InvalidMessage("the body is not valid UTF-8") from None
    except RecursionError:
        raise InvalidMessage("the body is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise InvalidMessage(without_values(str(error), kind)) from None


def without_values(text: str, kind: type) -> str:
    """A decoder's error without what was sent: a value, or the name of a field that `kind` does not have."""
    if text.startswith(_UNKNOWN):
        fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
        return f"unknown field; the fields are: {', '.join(fields)}" if fields else "unknown field"
    return _VALUE.sub("", text)
