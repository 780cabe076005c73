"""The CNAPS wire format: a fixed-width header, a signature inside the message, and XML.

Observed in public samples: the 126 characters of the header (version 01), CRLF after it, the signature of ISO
messages in `CtctDtls/EmailAdr` and of CNAPS's own messages in `DgtSgntr`; in a later version a `{S:` block
after the header, used here for messages that have no signature element. Profile: RSA PKCS#1 v1.5 with
SHA-256, in base64, over all octets except the signature.

The signed octets are the octets that are parsed: the message without its signature.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml.etree import _Element as Element

from schemas import gates
from schemas.errors import InvalidMessage, NotAuthentic

BEIJING: Final = timezone(timedelta(hours=8))
NPC: Final = "0000"
"""The national processing centre, as sender and as receiver."""
HEADER_LENGTH: Final = 126

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_DECLARED = re.compile(
    rb'<\?xml version="1\.0" encoding="([A-Za-z0-9-]+)"(?: standalone="(?:yes|no)")? ?\?>\s*'
)
_CHARSETS: Final = {"UTF-8": "utf-8", "GB18030": "gb18030", "GBK": "gbk"}
_HEADER = re.compile(
    r"\{H:01(.{12})(IBPS|HVPS)(.{12})(IBPS|HVPS)(\d{14})XML(.{20})(.{20})(.{20})3([UD]) {9}\}", re.ASCII
)
_FIELD = re.compile(r"[0-9A-Za-z.]+ *", re.ASCII)
_CRLF: Final = b"\r\n"
_BLOCK: Final = (b"{S:", b"}\r\n")
_OWN: Final = (b"<DgtSgntr>", b"</DgtSgntr>")
_CONTACT: Final = (b"<EmailAdr>", b"</EmailAdr>")
_PLACES: Final = {
    "ibps.101": _CONTACT,
    "ibps.102": _CONTACT,
    "hvps.111": _CONTACT,
    "ibps.307": _CONTACT,
    "ibps.308": _CONTACT,
    "ibps.305": _OWN,
    "ibps.306": _OWN,
    "ibps.309": _OWN,
    "ibps.310": _OWN,
}
"""Message -> the element of its signature; all other messages have a block after the header."""


@dataclass(frozen=True, slots=True)
class CnapsHeader:
    """The header, version 01."""

    sender: str
    """CNAPS code of twelve digits, or the code of the processing centre."""
    receiver: str
    at: datetime
    kind: str
    """`ibps.101.001.01`"""
    id: str
    """At most 20 characters."""
    ref: str
    """Id of the message that this one answers, otherwise its own id."""
    direction: str = "U"
    """`U` to the processing centre, `D` from it."""
    system: str = "IBPS"

    @property
    def text(self) -> str:
        """The header in wire format."""
        at = self.at.astimezone(BEIJING).strftime("%Y%m%d%H%M%S")
        return (
            f"{{H:01{self.sender:<12}{self.system}{self.receiver:<12}{self.system}{at}XML"
            f"{self.kind:<20}{self.id:<20}{self.ref:<20}3{self.direction}{'':9}}}"
        )

    @classmethod
    def of(cls, octets: bytes) -> "CnapsHeader":
        """Parse a header in wire format.

        Raises:
            InvalidMessage: not a header of this version.

        """
        found = _HEADER.fullmatch(octets.decode("ascii", "replace"))
        if found is None:
            raise InvalidMessage("not a header of version 01", rule="header")
        sender, system, receiver, target, at, kind, identity, ref, direction = found.groups()
        fields = (sender, receiver, kind, identity, ref)
        if system != target or not all(map(_FIELD.fullmatch, fields)):
            raise InvalidMessage("a field of the header is malformed", rule="header")
        try:
            made = datetime.strptime(at, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
        except ValueError:
            raise InvalidMessage("not a time", rule="header") from None
        sender, receiver, kind, identity, ref = (text.rstrip() for text in fields)
        return cls(sender, receiver, made, kind, identity, ref, direction, system)


@dataclass(frozen=True, slots=True)
class CnapsMessage:
    """A parsed message."""

    header: CnapsHeader
    root: Element
    """The content of `Document`."""


def document(namespace: str, content: str) -> str:
    """A document around its content."""
    return f'{_DECLARATION}<Document xmlns="{namespace}">{content}</Document>'


def write(header: CnapsHeader, body: str) -> bytes:
    """Header and body, unsigned: the signature element in the body is empty."""
    return header.text.encode() + _CRLF + body.encode()


def seal(header: CnapsHeader, body: str, key: RSAPrivateKey) -> bytes:
    """A signed message; the same content always gives the same octets."""
    unsigned = write(header, body)
    signature = base64.b64encode(key.sign(unsigned, padding.PKCS1v15(), hashes.SHA256()))
    begin, end = _place(header.kind)
    if begin == _BLOCK[0]:
        split = HEADER_LENGTH + len(_CRLF)
        return unsigned[:split] + begin + signature + end + unsigned[split:]
    before, place, after = unsigned.partition(begin + end)
    assert place, "the body has no element for its signature"
    return before + begin + signature + end + after


def open_sealed(raw: bytes, key: RSAPublicKey) -> CnapsMessage:
    """Parse a signed message and verify its signature.

    Raises:
        InvalidMessage: not a header, or no XML after it.
        NotAuthentic: not signed by `key`.

    """
    if len(raw) > gates.MAX_BYTES:
        raise InvalidMessage("too large")
    header = CnapsHeader.of(raw[:HEADER_LENGTH])
    unsigned, signature = _split(raw, header.kind)
    try:
        value = base64.b64decode(signature, validate=True)
        if base64.b64encode(value) != signature:
            raise NotAuthentic("not canonical base64")
        key.verify(value, unsigned, padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature):
        raise NotAuthentic("not signed by the expected key") from None
    return _read(header, unsigned)


def open_own(raw: bytes) -> CnapsMessage:
    """Parse a message that we wrote and stored.

    Raises:
        InvalidMessage: not a header, or no XML after it.

    """
    header = header_of(raw)
    return _read(header, _split(raw, header.kind)[0])


def header_of(raw: bytes) -> CnapsHeader:
    """The header of a message, which alone proves nothing: the signature covers it with the body.

    Raises:
        InvalidMessage: not a header.

    """
    return CnapsHeader.of(raw[:HEADER_LENGTH])


def with_broken_signature(raw: bytes) -> bytes:
    """The same message with one character of its signature changed."""
    begin, _ = _place(CnapsHeader.of(raw[:HEADER_LENGTH]).kind)
    before, place, after = raw.partition(begin)
    return before + place + (b"A" if after[:1] != b"A" else b"B") + after[1:]


def _place(kind: str) -> tuple[bytes, bytes]:
    return _PLACES.get(kind[:8], _BLOCK)


def _split(raw: bytes, kind: str) -> tuple[bytes, bytes]:
    """The octets that are signed, and the signature."""
    begin, end = _place(kind)
    before, found, rest = raw.partition(begin)
    signature, closed, after = rest.partition(end)
    if not found or not closed or begin in after:
        raise NotAuthentic("no signature in its place")
    if begin != _BLOCK[0]:
        return before + begin + end + after, signature
    if len(before) != HEADER_LENGTH + len(_CRLF):
        raise NotAuthentic("no signature in its place")
    return before + after, signature


def _read(header: CnapsHeader, unsigned: bytes) -> CnapsMessage:
    split = HEADER_LENGTH + len(_CRLF)
    if unsigned[HEADER_LENGTH:split] != _CRLF:
        raise InvalidMessage("no line end after the header", rule="header")
    body = unsigned[split:]
    declared = _DECLARED.match(body)
    charset = _CHARSETS.get(declared[1].decode().upper()) if declared else None
    if declared is None or charset is None:
        raise InvalidMessage("must be XML in UTF-8 or GB18030", rule="encoding")
    try:
        text = body[declared.end() :].decode(charset)
    except UnicodeDecodeError:
        raise InvalidMessage("is not in the encoding that it states", rule="encoding") from None
    root = gates.xml(text.encode(), gates.MAX_BYTES * 2, comments=False)
    if not str(root.tag).endswith("}Document") or len(root) != 1:
        raise InvalidMessage("not a document")
    return CnapsMessage(header, root[0])
