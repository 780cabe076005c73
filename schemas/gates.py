"""What bytes must pass before anything is believed of them.

The gates stand before the schema and know nothing of it. XML: size, strict UTF-8, no NUL, an XML 1.0
declaration that says UTF-8 if anything, no document type, no processing instruction, no more elements than a
message of the size can use, well formed. JSON: size, strict UTF-8 without byte order mark, the same number of
elements, no duplicate key, no number, no null, no character that XML cannot carry. Whatever the bytes are,
the only exception is `InvalidMessage`.
"""

import json
import re
from typing import Any, Final, NoReturn

from lxml import etree

from schemas import foreign, lexical
from schemas.errors import InvalidMessage, MessageTooLarge

MAX_BYTES: Final = 256 * 1024
"""Default limit: a hundred times an ordinary payment. Statements need more; callers say how much."""

_BYTES_PER_ELEMENT: Final = 64
"""Messages have an element in every 30 bytes, and are far below the limit of size. What is all elements up
to that limit costs many times what text does, and is no message: `MAX_BYTES` allow 4096 elements."""

_DECLARATION: Final = re.compile(
    rb"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')"""
    rb"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"[Uu][Tt][Ff]-8"|'[Uu][Tt][Ff]-8'))?"""
    rb"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>"""
)
_DECLARED: Final = tuple(b"<?xml" + after for after in (b" ", b"\t", b"\r", b"\n", b"?"))
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PARSER: Final = foreign.new_parser(keep_blanks=True)
_FAST_PARSER: Final = foreign.new_parser(keep_blanks=False)
"""Leaves out the blanks between elements: a quarter of the time. Values keep theirs."""


def xml(raw: bytes, max_bytes: int = MAX_BYTES, *, keep_blanks: bool = False) -> etree._Element:
    """The root element of an XML document that passed the gates. Raises InvalidMessage."""
    octets = _text_octets(raw, max_bytes).removeprefix(_BYTE_ORDER_MARK)
    declared = octets.startswith(_DECLARED)
    if declared and _DECLARATION.match(octets) is None:
        raise InvalidMessage("must be XML 1.0 in UTF-8", rule="encoding")
    # The single characters are rare, and ten times faster to look for than the pairs.
    if octets.count(b"?") > 2 * declared and octets.find(b"<?", 1 if declared else 0) >= 0:
        raise InvalidMessage("processing instructions are refused", rule="processing-instruction")
    if b"!" in octets and b"<!" in octets:
        if b"<!DOCTYPE" in octets:
            raise InvalidMessage("document types are refused", rule="doctype")
        # Before a CDATA section the parser cannot tell a value's blanks from those between elements.
        keep_blanks = keep_blanks or b"<![CDATA[" in octets
    _check_elements(octets.count(b"<") // 2, max_bytes)
    parser = _PARSER if keep_blanks else _FAST_PARSER
    try:
        root = etree.fromstring(octets, parser)
    except (etree.LxmlError, ValueError) as error:
        raise InvalidMessage(f"is not well-formed XML{_position(error)}", rule="well-formed") from None
    foreign.check_attributes(root, len(octets))
    return root


def json_object(raw: bytes, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The object that a JSON text holds: strings, booleans, arrays, objects. Raises InvalidMessage."""
    octets = _text_octets(raw, max_bytes)
    if octets.startswith(_BYTE_ORDER_MARK):
        raise InvalidMessage("begins with a byte order mark", rule="encoding")
    _check_elements(octets.count(b'"') // 4, max_bytes)
    try:
        found = _DECODER.decode(octets.decode("utf-8"))
        # Only an escape, or these two characters themselves, can bring in what XML cannot carry.
        if b"\\u" in octets or b"\xef\xbf" in octets:
            check_characters(found)
    except (json.JSONDecodeError, RecursionError):
        raise InvalidMessage("is not JSON, or nested too deeply", rule="well-formed") from None
    if type(found) is not dict:
        raise InvalidMessage("must be an object", rule="type")
    return found


def _text_octets(raw: bytes, max_bytes: int) -> bytes:
    if len(raw) > max_bytes:
        raise MessageTooLarge(f"is larger than {max_bytes} bytes", rule="size")
    if b"\0" in raw:
        raise InvalidMessage("holds a NUL", rule="encoding")
    if not raw.isascii():
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidMessage("is not UTF-8", rule="encoding") from None
    return raw


def _check_elements(number: int, max_bytes: int) -> None:
    """Hold a message to the elements that one of this size can use: a name and a value, or two tags, each."""
    most = max(max_bytes, MAX_BYTES) // _BYTES_PER_ELEMENT
    if number > most:
        raise MessageTooLarge(f"has more than {most} elements", rule="elements")


def _position(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    return f" at line {line}" if line else ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidMessage("has the same name twice in one object", rule="duplicate-key")
    return found


def _no_number(_text: str) -> NoReturn:
    raise InvalidMessage("holds a number: every value is a string", rule="type")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_no_number, parse_int=_no_number, parse_constant=_no_number
)


def check_characters(found: Any) -> None:
    """Refuse, anywhere in a JSON value, a character that XML has no way to write."""
    match found:
        case str():
            if lexical.IMPOSSIBLE(found):
                raise InvalidMessage("holds a character that no message can carry", rule="character")
        case list():
            for item in found:
                check_characters(item)
        case dict():
            for key, item in found.items():
                check_characters(key)
                check_characters(item)
