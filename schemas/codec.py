"""Messages as bytes and as dicts: XML and JSON are two representations of one message.

`decode` checks bytes by the gates, finds the header and the document in any envelope, validates both by their
schemas, and makes sure that the route, the media type, the header's `MsgDefIdr` and the namespace (or
`$type`) name the same message. `encode` writes either representation, deterministically, and validates the
result by the same schema. Both use the fast path through `memory` for a known arrangement of elements, and
otherwise the slow path through `plan`; the results are the same.

XML with a header has an envelope element; a document without a header has none. JSON is
`{"AppHdr": {...}, "Document": {...}}`, where `$type` next to `Document` names the message and `$type` inside
`AppHdr` names the version of the header.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, Final

import msgspec
from lxml import etree

from schemas import diagnosis, envelopes, gates, lexical, memory
from schemas.catalogue import catalogue
from schemas.catalogue.model import Choice, Foreign, Sequence
from schemas.errors import MOST_PROBLEMS, InvalidMessage, UnsupportedRepresentation
from schemas.plan import document_type, part, plan, written
from schemas.value_rules import ValueFault

XML: Final = "application/xml"
JSON: Final = "application/json"

DEFAULT_HEADER: Final = "head.001.001.02"
ENVELOPE: Final = "urn:swift:xsd:envelope"
"""The most common envelope; any other is also read."""

_MEDIA_TYPE: Final = re.compile(
    r"(?:application|text)/(?:vnd\.iso20022\.(?P<id>[a-z]{4}\.\d{3}\.\d{3}\.\d{2})\+)?(?P<form>xml|json)"
    r"""(?:\s*;\s*charset\s*=\s*"?utf-8"?)?""",
    re.ASCII | re.IGNORECASE,
)
_APP_HDR: Final = "AppHdr"


class Message(msgspec.Struct, frozen=True, eq=False):
    """One message, decoded and valid by its schema."""

    id: str
    """Message definition: `pacs.008.001.08`."""
    document: dict[str, Any]
    """The content of `Document`: `{"FIToFICstmrCdtTrf": {...}}`."""
    header: dict[str, Any] | None = None
    """The business application header's content, if there was one."""
    raw: bytes = b""
    """The bytes as received, kept as evidence and never parsed again."""
    sha256: bytes = b""
    """SHA-256 of `raw`."""
    header_id: str | None = None
    """The header's own definition: `head.001.001.02`."""
    beside: tuple[str, ...] = ()
    """Paths of other content of the envelope, which is not part of the message."""
    ordinary: dict[str, Any] | None = None
    """The document, if reading it showed which rules its values break: those in `unlisted`, and no other."""
    unlisted: tuple[ValueFault, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Whether it is the same message; how it was read and what came with it do not count."""
        if not isinstance(other, Message):
            return NotImplemented
        ours, theirs = (
            (each.id, each.document, each.header, each.raw, each.sha256, each.header_id)
            for each in (self, other)
        )
        return ours == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Message({self.id!r})"  # the content is personal data

    @property
    def content(self) -> dict[str, Any]:
        """The content of the root element of the message: `GrpHdr` and others."""
        (content,) = self.document.values()
        assert isinstance(content, dict)
        return content

    @property
    def name(self) -> str:
        """The message without variant and version: `pacs.008`."""
        return self.id[:8]


class _Parts(msgspec.Struct, frozen=True):
    """Header and document as received, and the message that they name."""

    id: str
    header_id: str | None
    header: dict[str, Any] | None
    document: dict[str, Any]
    ordinary: bool = False
    beside: tuple[str, ...] = ()
    unlisted: tuple[ValueFault, ...] = ()


def decode(
    raw: bytes, *, media_type: str, expect: str | None = None, max_bytes: int = gates.MAX_BYTES
) -> Message:
    """Read a message.

    Args:
        raw: The bytes as received.
        media_type: `application/xml`, `application/json`, or `application/vnd.iso20022.<id>+xml` (`+json`).
        expect: The message that the endpoint accepts, with or without version: `pacs.008`, `pacs.008.001.08`.
        max_bytes: Refuse what is larger.

    Raises:
        InvalidMessage: the bytes are wrong in any way; `rule` and `path` state what and where.

    """
    message = inspect(raw, media_type=media_type, max_bytes=max_bytes)
    check_agreement(message, media_type=media_type, expect=expect)
    return message


def inspect(raw: bytes, *, media_type: str, max_bytes: int = gates.MAX_BYTES) -> Message:
    """Read a message that is valid by its schema, even if its header names another; only for tools.

    Raises:
        InvalidMessage: as `decode`, except for the agreement of names.

    """
    form, pinned = _read_media_type(media_type)
    parts = _from_xml(raw, max_bytes) if form == "xml" else _from_json(raw, max_bytes, pinned)
    return Message(
        id=parts.id,
        document=parts.document,
        header=parts.header,
        raw=raw,
        sha256=hashlib.sha256(raw).digest(),
        header_id=parts.header_id,
        beside=parts.beside,
        ordinary=parts.document if parts.ordinary else None,
        unlisted=parts.unlisted,
    )


def again(raw: bytes, id: str) -> Message:  # noqa: A002 - as in `encode`
    """Read stored bytes that were accepted before as the message `id`; their media type was not stored.

    JSON may have been named only by the media type.

    Raises:
        InvalidMessage: as `decode`; the bytes are not such a message.

    """
    form = representation(raw).removeprefix("application/")
    return decode(raw, media_type=f"application/vnd.iso20022.{id}+{form}")


def representation(raw: bytes) -> str:
    """The media type, detected by the first character."""
    return JSON if raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["} else XML


def check_agreement(message: Message, *, media_type: str, expect: str | None = None) -> None:
    """Raise InvalidMessage unless route, media type and header name the message of the namespace."""
    _, pinned = _read_media_type(media_type)
    if pinned is not None and pinned != message.id:
        raise InvalidMessage("the media type names another message", rule="agreement")
    if expect is not None and message.id != expect and not message.id.startswith(f"{expect}."):
        raise InvalidMessage(f"must be a {expect} at this endpoint", rule="agreement", path="Document")
    if message.header is not None and message.header["MsgDefIdr"] != message.id:
        raise InvalidMessage(
            "names another message than the document", rule="agreement", path="AppHdr/MsgDefIdr"
        )


def encode(
    id: str,  # noqa: A002 - the standard's word, and only ever a keyword here
    document: dict[str, Any],
    *,
    media_type: str,
    header: dict[str, Any] | None = None,
    header_id: str | None = None,
) -> bytes:
    """Write a message: one line, UTF-8, schema order, no prefixes; the same content gives the same bytes.

    Raises:
        InvalidMessage: the content is not valid by its schema; nothing is written.

    """
    form, _ = _read_media_type(media_type)
    header_id = header_id or DEFAULT_HEADER
    known = memory.known(id, document)
    if form == "json":
        if known is not None and header is None:
            return f'{{"$type":"{id}","Document":{known.json}}}'.encode()
        if header is not None:
            header = {"$type": header_id, **_accept(header_id, header, _APP_HDR)}
        return _to_json(id, _accept(id, document, "Document"), header)
    text = element(id, "Document", document) if known is None else known.xml
    if header is not None:
        text = f'<Envelope xmlns="{ENVELOPE}">{element(header_id, _APP_HDR, header)}{text}</Envelope>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def element(definition: str, tag: str, content: dict[str, Any]) -> str:
    """Write only a header (`AppHdr`) or document (`Document`) as XML in its namespace, validated."""
    _check_supported(definition, tag)
    try:
        return written(definition, tag, content)
    except InvalidMessage as error:
        raise _placed(error, tag) from None


def _placed(error: InvalidMessage, name: str) -> InvalidMessage:
    """Paths begin with the root element of the message, below Document, or with AppHdr."""
    is_whole = name != "Document"
    error.problems = tuple(
        replace(found, path="/".join(filter(None, (name, found.path))))
        if is_whole or not found.path
        else found
        for found in error.problems
    )
    return error.within(name) if is_whole or not error.path else error


def digest(message: Message) -> bytes:
    """SHA-256 of the canonical form of the document: the same for its XML and its JSON representation.

    The header is not part of it: a sender may repeat a message under a new header.
    """
    form = {"$type": message.id, "Document": message.document}
    return hashlib.sha256(_CANONICAL.encode(form)).digest()


_CANONICAL: Final = msgspec.json.Encoder(order="sorted")


def warm() -> None:
    """Compile every message's plan now (a twentieth of a second) instead of each at its first use."""
    for message in catalogue().messages:
        plan(message)


@lru_cache(maxsize=256)
def _read_media_type(media_type: str) -> tuple[str, str | None]:
    found = _MEDIA_TYPE.fullmatch(media_type.strip())
    if found is None:
        raise UnsupportedRepresentation(rule="media-type")
    return found["form"].lower(), found["id"] and found["id"].lower()


# XML


def _from_xml(raw: bytes, max_bytes: int) -> _Parts:
    sight = memory.sight(raw) if len(raw) <= min(max_bytes, memory.LONGEST) else None
    known = sight.read() if sight is not None else None
    if known is not None:
        return _Parts(known.message, None, None, known.document, ordinary=True, unlisted=known.unlisted)
    parts = _parsed(raw, max_bytes)
    if sight is not None and parts.header_id is None and not parts.beside:
        sight.learn(parts.id, parts.document)
    return parts


def _parsed(raw: bytes, max_bytes: int) -> _Parts:
    keep_blanks = any(tag in raw for tag in _foreign_tags())
    root = gates.xml(raw, max_bytes, keep_blanks=keep_blanks)
    try:
        return _understood(root)
    except InvalidMessage as error:
        diagnosis.add_places(error, raw, root)
        raise


def _understood(root: etree._Element) -> _Parts:
    message = envelopes.documents().get(root.tag)
    if message is not None:
        odd: list[ValueFault] = []
        document = _read(message, root, odd)
        return _Parts(message, None, None, document, ordinary=not odd)
    found = envelopes.opened(root)
    errors: list[InvalidMessage] = []
    header = None
    if found.header is not None:
        header = _attempted(errors, _read_supported, found.header_id, _APP_HDR, found.header, [])
    odd = []
    document = _attempted(errors, _read_supported, found.message, "Document", found.document, odd)
    _raise_all(errors)
    return _Parts(
        id=found.message,
        header_id=None if found.header is None else found.header_id,
        header=header,
        document=document,
        ordinary=not odd,
        beside=found.beside,
    )


def _attempted(
    errors: list[InvalidMessage], reader: Callable[..., dict[str, Any]], *arguments: Any
) -> dict[str, Any]:
    """Read, and collect an error: errors of header and document are reported together."""
    try:
        return reader(*arguments)
    except InvalidMessage as error:
        errors.append(error)
        return {}


def _raise_all(errors: list[InvalidMessage]) -> None:
    if not errors:
        return
    first = errors[0]
    problems = [problem for error in errors for problem in error.problems]
    elements = [element for error in errors for element in error.elements or (None,)]
    first.problems, first.elements = tuple(problems[:MOST_PROBLEMS]), tuple(elements[:MOST_PROBLEMS])
    raise first


def _read_supported(
    message: str, place: str, element: etree._Element, odd: list[ValueFault]
) -> dict[str, Any]:
    _check_supported(message, place, element)
    return _read(message, element, odd)


@cache
def _foreign_tags() -> tuple[bytes, ...]:
    """Elements with foreign content, in which white space must be preserved."""
    types = catalogue().types
    tags = {
        member.tag
        for kind in types.values()
        if isinstance(kind, Sequence | Choice)
        for member in kind.members
        if isinstance(types[member.type], Foreign)
    }
    return tuple(sorted(tag.encode() for tag in tags))


def _read(message: str, element: etree._Element, odd: list[ValueFault]) -> dict[str, Any]:
    """The content of a `Document`, of an `AppHdr`, or of a message's root element without a `Document`."""
    name, root = etree.QName(element).localname, catalogue().messages[message]
    is_whole = name == "Document"
    shape = plan(message) if is_whole else part(message, root.type)
    try:
        content: dict[str, Any] = shape.read(element, odd)
    except InvalidMessage as error:
        kind = document_type(message) if is_whole else catalogue().types[root.type]
        diagnosis.add_problems(error, message, kind, element)
        raise _placed(error, name) from None
    return {name: content} if name not in {"Document", _APP_HDR} else content


def _check_supported(message: str, place: str, element: etree._Element | None = None) -> None:
    """Refuse a message that is not in the catalogue, or not allowed at this place."""
    root = catalogue().messages.get(message)
    if root is None or (root.tag == _APP_HDR) != (place == _APP_HDR):
        known = sorted(name for name in catalogue().messages if name.startswith(message[:9]))
        error = InvalidMessage(
            "is not a supported message or version",
            rule="version",
            path=place,
            expected=", ".join(known) or None,
        )
        error.elements = (element,)
        raise error


# JSON


def _from_json(raw: bytes, max_bytes: int, pinned: str | None) -> _Parts:
    sight = memory.sight_of_json(raw) if len(raw) <= min(max_bytes, memory.LONGEST) else None
    known = sight.read() if sight is not None else None
    if known is not None:
        return _Parts(known.message, None, None, known.document, ordinary=True, unlisted=known.unlisted)
    parts = _accepted(raw, max_bytes, pinned)
    if sight is not None and parts.header_id is None:
        sight.learn(parts.id, parts.document)
    return parts


def _accepted(raw: bytes, max_bytes: int, pinned: str | None) -> _Parts:
    found = gates.json_object(raw, max_bytes)
    if found.keys() - {"$type", _APP_HDR, "Document"}:
        raise InvalidMessage("may only have $type, AppHdr and Document", rule="element")
    header, header_id = _header_of(found)
    message = _message_of(found, header, pinned)
    errors: list[InvalidMessage] = []
    if header_id is not None:
        header = _attempted(errors, _accept, header_id, header, _APP_HDR)
    document = _attempted(errors, _accept, message, found.get("Document"), "Document")
    _raise_all(errors)
    return _Parts(id=message, header_id=header_id, header=header, document=document)


def _accept(message: str, content: Any, name: str) -> dict[str, Any]:
    _check_supported(message, name)
    try:
        checked: dict[str, Any] = plan(message).accept(content)
    except InvalidMessage as error:
        root = catalogue().messages[message]
        kind = catalogue().types[root.type] if name == _APP_HDR else document_type(message)
        diagnosis.add_problems_of_json(error, message, kind, content)
        raise _placed(error, name) from None
    return checked


def _header_of(found: dict[str, Any]) -> tuple[Any, str | None]:
    if _APP_HDR not in found:
        return None, None
    header = found[_APP_HDR]
    if type(header) is not dict:
        raise InvalidMessage("must be an object", rule="type", path=_APP_HDR)
    header_id = header.get("$type", DEFAULT_HEADER)
    if type(header_id) is not str or not header_id.startswith("head.001."):
        raise InvalidMessage("must name a header", rule="version", path=f"{_APP_HDR}/$type")
    return {tag: value for tag, value in header.items() if tag != "$type"}, header_id


def _message_of(found: dict[str, Any], header: Any, pinned: str | None) -> str:
    """The name of the message: from `$type`, otherwise the header's `MsgDefIdr`, otherwise the media type."""
    message = found.get("$type") or (header or {}).get("MsgDefIdr") or pinned
    if type(message) is not str:
        raise InvalidMessage("the message is not named: $type is missing", rule="version", path="$type")
    if message.startswith("head."):
        raise InvalidMessage("a header is not a message", rule="version", path="$type")
    return message


def _to_json(message: str, document: dict[str, Any], header: dict[str, Any] | None) -> bytes:
    form = {"$type": message, **({} if header is None else {_APP_HDR: header}), "Document": document}
    text = json.dumps(form, ensure_ascii=False, separators=(",", ":"))
    if "\\u" in text or lexical.IMPOSSIBLE(text):
        gates.check_characters(form)
    return text.encode()
