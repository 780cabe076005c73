"""Forms with a file: `multipart/form-data` as browsers send it (HTML standard, RFC 7578), within a limit."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from schemas.errors import InvalidMessage
from switch.api import body as bodies

_PARTS_MAX: Final = 8
_AROUND: Final = 8 * 1024
"""Room for what is around the file: other fields, boundaries, headers of the parts."""
_BOUNDARY: Final = re.compile(r'(?ia)multipart/form-data\s*;\s*boundary="?([!-~]{1,70}?)"?\s*')
_FILE: Final = re.compile(r'(?i)content-disposition:\s*form-data;\s*name="([^"]*)";\s*filename="([^"]*)"')
_TEXT: Final = re.compile(r'(?im)^content-disposition:\s*form-data;\s*name="([^"\r\n]*)"\s*$')
_NO_FORM: Final = "the request is not a form with a file"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a form, with the name that it has on the reader's machine."""

    name: str
    content: bytes


async def read(request: Request, octets_max: int) -> Mapping[str, UploadedFile]:
    """The files of a posted form by the names of their fields.

    Raises:
        InvalidMessage: it is not such a form.
        MessageTooLarge: it is larger than a file may be.

    """
    found, _ = await read_all(request, octets_max)
    return found


async def read_all(request: Request, octets_max: int) -> tuple[Mapping[str, UploadedFile], Mapping[str, str]]:
    """The files and the texts of a posted form by the names of their fields.

    Raises:
        InvalidMessage: it is not such a form.
        MessageTooLarge: it is larger than a file may be.

    """
    found = _BOUNDARY.fullmatch(request.headers.get("content-type", ""))
    if found is None:
        raise InvalidMessage(_NO_FORM)
    parts = _parts(await bodies.read(request, octets_max + _AROUND), found[1].encode("ascii"))
    return dict(filter(None, map(_file, parts))), dict(filter(None, map(_text, parts)))


def files(raw: bytes, boundary: bytes) -> Mapping[str, UploadedFile]:
    """The files in the body of a form.

    Raises:
        InvalidMessage: the body is not a complete form of few parts.

    """
    return dict(filter(None, map(_file, _parts(raw, boundary))))


def _parts(raw: bytes, boundary: bytes) -> Sequence[bytes]:
    start, *parts = (b"\r\n" + raw).split(b"\r\n--" + boundary, _PARTS_MAX + 2)
    if start or len(parts) > _PARTS_MAX + 1 or not parts or not parts[-1].startswith(b"--"):
        raise InvalidMessage(_NO_FORM)
    return parts[:-1]


def _text(part: bytes) -> tuple[str, str] | None:
    """The name of the field and its text; None if the part is a file."""
    head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    try:
        found = _TEXT.search(head.decode("utf-8"))
        return (found[1], content.decode("utf-8")) if found else None
    except UnicodeDecodeError:
        raise InvalidMessage(_NO_FORM) from None


def _file(part: bytes) -> tuple[str, UploadedFile] | None:
    """The name of the field and its file; None if the part is no file."""
    head, between, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not between:
        raise InvalidMessage(_NO_FORM)
    try:
        found = _FILE.search(head.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidMessage(_NO_FORM) from None
    return (found[1], UploadedFile(found[2], content)) if found else None
