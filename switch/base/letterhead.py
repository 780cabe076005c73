"""The operator's logo on reports: checked when the settings are read, so that no report fails at it later."""

import struct
import zlib
from pathlib import Path
from typing import Final

from lxml import etree

LOGO_BYTES_MAX: Final = 200_000
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PIXELS_MAX: Final = 4_000
_SVG: Final = "{http://www.w3.org/2000/svg}svg"


def read_logo(file: Path) -> bytes:
    """Read a logo.

    Raises:
        ValueError: it cannot be read, is too large, or is neither a PNG nor an SVG.

    """
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    if len(octets) > LOGO_BYTES_MAX:
        raise ValueError(f"the file has more than {LOGO_BYTES_MAX:,} bytes: make it smaller")
    if not (_is_png(octets) if is_png(octets) else _is_svg(octets)):
        raise ValueError(f"not a complete PNG of at most {_PIXELS_MAX} pixels a side, and not an SVG")
    return octets


def is_png(octets: bytes) -> bool:
    """Whether it begins as a PNG does."""
    return octets.startswith(_PNG)


def _is_png(octets: bytes) -> bool:
    """Whether every chunk has its checksum, up to the last one, and the pixels can be unpacked."""
    place, kinds, packed = len(_PNG), [], b""
    while place + 12 <= len(octets):
        length, kind = struct.unpack_from(">I4s", octets, place)
        body = octets[place + 8 : place + 8 + length]
        if octets[place + 8 + length : place + 12 + length] != struct.pack(">I", zlib.crc32(kind + body)):
            return False
        kinds.append(kind)
        packed += body if kind == b"IDAT" else b""
        place += 12 + length
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"] or place != len(octets):
        return False
    width, height = struct.unpack_from(">II", octets, len(_PNG) + 8)
    return max(width, height) <= _PIXELS_MAX and _is_packed(packed)


def _is_packed(octets: bytes) -> bool:
    unpacking = zlib.decompressobj()
    try:
        while octets and not unpacking.eof:
            unpacking.decompress(octets, 1 << 16)
            octets = unpacking.unconsumed_tail
    except zlib.error:
        return False
    return unpacking.eof


def _is_svg(octets: bytes) -> bool:
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        return etree.fromstring(octets, parser).tag == _SVG
    except etree.XMLSyntaxError:
        return False
