"""JSON bodies as structures of ours; what is wrong with one is said without its values."""

import re
from typing import Final, TypeVar

import msgspec

from schemas.errors import InvalidMessage

T = TypeVar("T")

_UNKNOWN: Final = "Object contains unknown field"
_MISSING: Final = re.compile("missing required field `([a-z0-9_]+)`")
_AT: Final = re.compile(r" - at `\$\.([a-z0-9_.\[\]]+)`$")
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
        text = without_values(str(error), kind)
        raise InvalidMessage(text, path=_place(text), rule="content", expected=_fields(kind)) from None


def _place(text: str) -> str:
    """The place in the body that a decoder's error names, such as `types[0]`."""
    missing, at = _MISSING.search(text), _AT.search(text)
    place = at[1] if at else "body"
    if missing is None:
        return place
    return missing[1] if at is None else f"{place}.{missing[1]}"


def _fields(kind: type) -> str | None:
    fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    return f"an object with {', '.join(fields)}" if fields else None


def without_values(text: str, kind: type) -> str:
    """A decoder's error without what was sent: a value, or the name of a field that `kind` does not have."""
    if text.startswith(_UNKNOWN):
        fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
        return f"unknown field; the fields are: {', '.join(fields)}" if fields else "unknown field"
    return _VALUE.sub("", text)
