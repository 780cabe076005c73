"""Files that people attach to cases: of few types, bounded, and sealed like messages of payments."""

from collections.abc import Iterable
from typing import Final

from schemas.errors import InvalidMessage, MessageTooLarge, UnsupportedRepresentation

OCTETS_MAX: Final = 2 * 1024 * 1024
"""The largest file."""
FILES_MAX: Final = 20
OF_CASE_MAX: Final = 10 * OCTETS_MAX
"""Files of one case, and their size together."""
NAME_MAX: Final = 120
_TODO: Final = "Convert the file to a type that is listed, and make its name, its type and its content agree."
_TEXT: Final = frozenset({"text/plain", "text/csv", "application/xml", "application/json", "message/rfc822"})
_BEGIN_WITH: Final = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}
TYPES: Final = tuple(sorted({*_TEXT, *_BEGIN_WITH}))
"""Media types that are accepted."""
BY_ENDING: Final = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
    "csv": "text/csv",
    "xml": "application/xml",
    "json": "application/json",
    "eml": "message/rfc822",
}
"""The media type of a file by the end of its name."""


def type_of(name: str) -> str:
    """The media type that the name of a file states.

    Raises:
        UnsupportedRepresentation: none that is accepted.

    """
    found = BY_ENDING.get(name.rpartition(".")[2].lower())
    if found is None:
        raise _unsupported("the name of the file must end with", "name", sorted(BY_ENDING))
    return found


def _unsupported(text: str, path: str, allowed: Iterable[str]) -> UnsupportedRepresentation:
    listed = ", ".join(allowed)
    return UnsupportedRepresentation(
        f"{text} {listed}", path=path, rule="representation", expected=listed, remedy=_TODO
    )


def check(name: str, media_type: str, content: bytes) -> None:
    """Check that a file may be attached.

    Raises:
        InvalidMessage: its name is empty, too long or no plain name, or it is empty.
        MessageTooLarge: it is too large.
        UnsupportedRepresentation: its type is not accepted, or it is not what the type states.

    """
    if not 0 < len(name) <= NAME_MAX or not name.isprintable() or "/" in name or "\\" in name:
        text = f"the name of the file must have 1 to {NAME_MAX} printable characters and no path"
        raise InvalidMessage(text, path="name", rule="content")
    if media_type not in TYPES:
        raise _unsupported("the type of the file must be one of", "media_type", TYPES)
    if not content:
        raise InvalidMessage("the file is empty", path="content", rule="content")
    if len(content) > OCTETS_MAX:
        raise MessageTooLarge(
            f"a file has at most {OCTETS_MAX} bytes", rule="size", expected=f"at most {OCTETS_MAX} bytes"
        )
    if not _is_what_it_states(media_type, content):
        raise _unsupported("the file is not", "content", [media_type])


def _is_what_it_states(media_type: str, content: bytes) -> bool:
    if media_type in _BEGIN_WITH:
        return content.startswith(_BEGIN_WITH[media_type])
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False
