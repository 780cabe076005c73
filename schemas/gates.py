"""Checks that bytes must pass before they are parsed as a message.

The gates are before the schema and independent of it. XML: size, strict UTF-8, no NUL, an XML 1.0 declaration
without an encoding other than UTF-8, no document type, no processing instruction, no more elements than a
message of the size can need, well formed. Similar text in a CDATA section or a comment is allowed. JSON:
size, strict UTF-8 without byte order mark, the same limit of elements, no duplicate key, no number except the
indicators 1 and 0, no null, no character that XML does not allow. For any bytes the only exception is
`InvalidMessage`.
"""

import json
import re
from typing import Any, Final, NoReturn

from lxml import etree

from schemas import foreign, lexical
from schemas.errors import InvalidMessage, MessageTooLarge

MAX_BYTES: Final = 256 * 1024
"""Default limit in bytes: a hundred times an ordinary payment. For statements, callers set a higher limit."""

_BYTES_PER_ELEMENT: Final = 16
"""The most compact statements have an element in every 18 bytes. An element takes some 340 bytes of memory
while it is read (tree and dict, measured), so 64 MiB of them take at most 1.4 GB, and `MAX_BYTES`, which
allow 16384 elements, 6 MB. Bytes with more elements than that are not a message."""

_DECLARATION: Final = re.compile(
    rb"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')"""
    rb"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"[Uu][Tt][Ff]-8"|'[Uu][Tt][Ff]-8'))?"""
    rb"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>"""
)
_DECLARED: Final = tuple(b"<?xml" + after for after in (b" ", b"\t", b"\r", b"\n", b"?"))
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_WIDE_BYTE_ORDER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_FIRST_CHARACTER: Final = 4
"""Bytes of one character in UTF-32; if an ASCII character is wider than one byte, one of them is NUL."""
_PARSER: Final = foreign.new_parser(keep_blanks=True)
_FAST_PARSER: Final = foreign.new_parser(keep_blanks=False)
"""Drops white space between elements, which saves a quarter of the time. Values keep theirs."""


def xml(
    raw: bytes, max_bytes: int = MAX_BYTES, *, keep_blanks: bool = False, comments: bool = True
) -> etree._Element:
    """Parse XML that passes the gates, and get its root element.

    Args:
        raw: The document.
        max_bytes: Refuse what is larger.
        keep_blanks: Whether white space between elements is kept.
        comments: Whether comments are allowed.

    Raises:
        InvalidMessage: it does not pass.

    """
    octets = _text_octets(raw, max_bytes).removeprefix(_BYTE_ORDER_MARK)
    declared = octets.startswith(_DECLARED)
    if declared and _DECLARATION.match(octets) is None:
        raise InvalidMessage("must be XML 1.0 in UTF-8", rule="encoding")
    most = _most_elements(max_bytes)
    brackets = octets.count(b"<")
    is_many = brackets > most and brackets - octets.count(b"</") > most
    try:
        # Bytes are only a hint; the parser decides. The single characters are rare, and ten times faster to
        # search for than the pairs.
        if (
            is_many
            or (octets.count(b"?") > 2 * declared and octets.find(b"<?", 1 if declared else 0) >= 0)
            or (b"!" in octets and (b"<!DOCTYPE" in octets or (not comments and b"<!--" in octets)))
        ):
            foreign.check_events(octets, most, comments=comments)
        # Before a CDATA section the parser cannot tell white space of a value from that between elements.
        keep_blanks = keep_blanks or (b"!" in octets and b"<![CDATA[" in octets)
        root = etree.fromstring(octets, _PARSER if keep_blanks else _FAST_PARSER)
    except (etree.LxmlError, ValueError) as error:
        raise _not_well_formed(error) from None
    foreign.check_attributes(root, len(octets))
    return root


def json_object(raw: bytes, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Parse a JSON object of strings, booleans, arrays and objects. Raises InvalidMessage."""
    octets = _text_octets(raw, max_bytes)
    if octets.startswith(_BYTE_ORDER_MARK):
        raise InvalidMessage("begins with a byte order mark", rule="encoding")
    quotation_marks = octets.count(b'"') - octets.count(b'\\"')
    most = _most_elements(max_bytes)
    if quotation_marks // 4 > most:
        raise MessageTooLarge(
            f"has more than {most} elements", rule="elements", expected=f"at most {most} elements"
        )
    try:
        found = _DECODER.decode(octets.decode("utf-8"))
        # Only an escape, or these two characters themselves, can be a character that XML does not allow.
        if b"\\u" in octets or b"\xef\xbf" in octets:
            check_characters(found)
    except (json.JSONDecodeError, RecursionError):
        raise InvalidMessage("is not JSON, or nested too deeply", rule="well-formed") from None
    if type(found) is not dict:
        raise InvalidMessage("must be an object", rule="type")
    return found


def _text_octets(raw: bytes, max_bytes: int) -> bytes:
    if len(raw) > max_bytes:
        raise MessageTooLarge(
            f"is larger than {max_bytes} bytes", rule="size", expected=f"at most {max_bytes} bytes"
        )
    if b"\0" in raw:
        wide = b"\0" in raw[:_FIRST_CHARACTER] or raw.startswith(_WIDE_BYTE_ORDER_MARKS)
        text = "is UTF-16 or UTF-32: the encoding must be UTF-8" if wide else "contains a NUL"
        raise InvalidMessage(text, rule="encoding")
    if not raw.isascii():
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidMessage("is not UTF-8: the encoding must be UTF-8", rule="encoding") from None
    return raw


def _most_elements(max_bytes: int) -> int:
    """The largest number of elements in a message of this size: a name and a value, or two tags, each."""
    return max(max_bytes, MAX_BYTES) // _BYTES_PER_ELEMENT


def _not_well_formed(error: Exception) -> InvalidMessage:
    if getattr(error, "code", None) == etree.ErrorTypes.ERR_RESERVED_XML_NAME:
        return InvalidMessage("processing instructions are refused", rule="processing-instruction")
    line, column = getattr(error, "position", None) or (None, None)
    place = f" at line {line}" if line else ""
    found = InvalidMessage(f"is not well-formed XML{place}", rule="well-formed")
    found.line, found.column = line or None, column or None
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidMessage("has a repeated name in one object", rule="duplicate-key")
    return found


def _no_number(_text: str) -> NoReturn:
    raise InvalidMessage("contains a number: every value must be a string", rule="type")


def _indicator(text: str) -> int:
    """The only allowed number: an indicator that was 1 or 0 in XML; JSON does not tell 1.0 from 1."""
    return int(text[0]) if text in {"0", "1", "0.0", "1.0"} else _no_number(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_indicator, parse_int=_indicator, parse_constant=_no_number
)


def check_characters(found: Any) -> None:
    """Refuse a character that XML does not allow, anywhere in a JSON value."""
    match found:
        case str():
            if lexical.IMPOSSIBLE(found):
                raise InvalidMessage("contains a character that XML does not allow", rule="character")
        case list():
            for item in found:
                check_characters(item)
        case dict():
            for key, item in found.items():
                check_characters(key)
                check_characters(item)
