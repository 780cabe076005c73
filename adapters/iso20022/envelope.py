"""Header and document in the rail's envelope, with a signature over both.

The signature is XAdES-like with three references, in `Sgntr` of the header; see `schemas.signing.xmldsig`.
The dialect defines the envelope.
"""

import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml import etree
from lxml.etree import _Element as Element

from adapters.iso20022.dialect import Content, EnvelopeFormat
from adapters.xml import canonical, parse
from schemas import codec, gates
from schemas.codec import XML, Message
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.plan import NAMESPACE
from schemas.signing.xmldsig import are_octets_xades, sign_xades, verify_xades


@dataclass(frozen=True, slots=True)
class IsoHeader:
    """The elements of the business application header that rails use."""

    sender: str
    receiver: str
    id: str
    definition: str
    """Version of the message below this header."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message whose envelope, header and signature are valid."""

    header: IsoHeader
    message: Message

    @property
    def content(self) -> dict[str, Any]:
        """The content of the message's root element."""
        return self.message.content


def write(envelope: EnvelopeFormat, header: IsoHeader, document: Content) -> bytes:
    """Envelope, header and document, unsigned; the same content always gives the same bytes.

    Raises:
        InvalidMessage: the document is not valid by its schema.

    """
    encoded = codec.encode(header.definition, document, media_type=XML).decode()
    body = encoded.partition("\n")[2]  # after the XML declaration
    opening, closing = _around(envelope)
    return f"{opening}{_header(envelope, header)}{body}{closing}".encode()


def seal(unsigned: bytes, key: RSAPrivateKey, signed_at: datetime) -> bytes:
    """Sign what `write` returned, in `Sgntr` of its header."""
    before, end, after = unsigned.partition(_HEADER_END)
    before, after = before + _PLACE, _PLACE_END + end + after
    if not _is_canonical(unsigned):
        before, _, after = canonical(parse(before + after), exclusive=True).partition(_PLACE)
        before += _PLACE
    return sign_xades(before, after, key, signed_at)


def open_sealed(envelope: EnvelopeFormat, raw: bytes, key: RSAPublicKey) -> Sealed:
    """Parse a signed message and verify its signature.

    Raises:
        InvalidMessage: another envelope or header, or a document that is not valid by its schema.
        NotAuthentic: not signed by `key`.

    """
    return _open_octets(envelope, raw, key) or _open_tree(envelope, raw, key)


def _open_octets(envelope: EnvelopeFormat, raw: bytes, key: RSAPublicKey) -> Sealed | None:
    """Read a message that is written as `write` and `seal` write; None if only the tree can tell.

    Its header and envelope are compared as text, and only its document is parsed.
    """
    before, place, rest = raw.partition(_PLACE)
    signature, end, after = rest.partition(_PLACE_END + _HEADER_END)
    head = _written_head(envelope).fullmatch(before)
    closing = _around(envelope)[1].encode()
    if (
        head is None
        or not (after.startswith(_DOCUMENT) and after.endswith(_DOCUMENT_END + closing))
        or len(raw) > gates.MAX_BYTES
        or any(mark in raw for mark in _UNUSUAL)
        or not are_octets_xades(before + place, signature, end + after, key)
    ):
        return None
    sender, receiver, identifier, definition, created = map(bytes.decode, head.groups())
    header = IsoHeader(sender, receiver, identifier, definition, _read_time(created))
    message = codec.decode(after.removesuffix(closing), media_type=XML, expect=definition)
    return Sealed(header, message)


def _open_tree(envelope: EnvelopeFormat, raw: bytes, key: RSAPublicKey) -> Sealed:
    root = parse(raw)
    head, document = _parts(envelope, root)
    place = head[-1] if len(head) else None
    if place is None or place.tag != f"{{{_namespace(head)}}}Sgntr":
        raise NotAuthentic("no signature in its place")
    verify_xades(root, place, key)
    return _opened(head, place, document)


def open_stored(envelope: EnvelopeFormat, raw: bytes) -> Sealed:
    """A message whose signature was verified when it came.

    Raises:
        InvalidMessage: another envelope or header, or a document that is not valid by its schema.

    """
    head, document = _parts(envelope, parse(raw))
    if not len(head):
        raise InvalidMessage("a header of another structure", rule="header")
    return _opened(head, head[-1], document)


def _opened(head: Element, place: Element, document: Element) -> Sealed:
    head.remove(place)
    header = _read_header(head)
    message = codec.decode(
        etree.tostring(document, with_tail=False), media_type=XML, expect=header.definition
    )
    return Sealed(header, message)


def open_own(envelope: EnvelopeFormat, raw: bytes) -> Message:
    """The document of a message that we wrote and stored."""
    _, document = _parts(envelope, parse(raw))
    return codec.decode(etree.tostring(document, with_tail=False), media_type=XML)


def _header(envelope: EnvelopeFormat, header: IsoHeader) -> str:
    created = header.created_at.astimezone(UTC).isoformat(timespec="seconds")[:19]
    return _HEADER_FORM % (
        NAMESPACE + envelope.header,
        escape(header.sender),
        escape(header.receiver),
        escape(header.id),
        header.definition,
        envelope.service,
        f"{created}Z",
    )


_MEMBER_FORM: Final = "<FIId><FinInstnId><ClrSysMmbId><MmbId>%s</MmbId></ClrSysMmbId></FinInstnId></FIId>"
_HEADER_FORM: Final = (
    f'<AppHdr xmlns="%s"><Fr>{_MEMBER_FORM}</Fr><To>{_MEMBER_FORM}</To><BizMsgIdr>%s</BizMsgIdr>'
    "<MsgDefIdr>%s</MsgDefIdr><BizSvc>%s</BizSvc><CreDt>%s</CreDt></AppHdr>"
)
_HEADER_END: Final = b"</AppHdr>"
_PLACE: Final = b"<Sgntr>"
_PLACE_END: Final = b"</Sgntr>"
_DOCUMENT: Final = b"<Document "
_DOCUMENT_END: Final = b"</Document>"
_DECLARATIONS: Final = 3
"""Namespaces of envelope, header and document. What is foreign in a document declares others."""
_UNUSUAL: Final = (b"<!", b"<?", b"\0")
_WORD: Final = r"[!-%'-;=?-~]+"
"""Printable ASCII without a blank and without the characters that XML escapes."""


def _is_canonical(written: bytes) -> bool:
    """Whether what `write` returned is canonical XML already: nothing foreign, no unusual character.

    A carriage return is the only character that the codec writes in another way.
    """
    return written.count(b"xmlns") == _DECLARATIONS and b"\r" not in written and b"&#" not in written


@functools.cache
def _around(envelope: EnvelopeFormat) -> tuple[str, str]:
    """The tags before and after header and document."""
    outer, *inner = envelope.tags
    opening = f'<{outer} xmlns="{envelope.namespace}">' + "".join(f"<{tag}>" for tag in inner)
    return opening, "".join(f"</{tag}>" for tag in reversed(envelope.tags))


@functools.cache
def _written_head(envelope: EnvelopeFormat) -> re.Pattern[bytes]:
    """What is before a signature: the envelope, and a header with these five values."""
    values = (f"({_WORD})", f"({_WORD})", f"({_WORD})", f"({_WORD})", _WORD, f"({_TIME.pattern})")
    header = re.escape(_HEADER_FORM.removesuffix("</AppHdr>"))
    form = re.escape(_around(envelope)[0]) + header % (re.escape(NAMESPACE + envelope.header), *values)
    return re.compile(form.encode(), re.ASCII)


def _parts(envelope: EnvelopeFormat, root: Element) -> tuple[Element, Element]:
    """Header and document: exactly these two, in exactly this envelope."""
    level = [root]
    for tag in envelope.tags:
        if len(level) != 1 or level[0].tag != f"{{{envelope.namespace}}}{tag}":
            raise InvalidMessage("another envelope", rule="envelope")
        level = list(level[0])
    if len(level) != 2:  # noqa: PLR2004 - header and document
        raise InvalidMessage("not a header and a document", rule="envelope")
    head, document = level
    if head.tag != f"{{{NAMESPACE}{envelope.header}}}AppHdr":
        raise InvalidMessage("another header", rule="envelope")
    return head, document


def _read_header(head: Element) -> IsoHeader:
    if [etree.QName(child).localname for child in head] != _HEADER:
        raise InvalidMessage("a header of another structure", rule="header")
    sender, receiver, identifier, definition, _, created = head
    return IsoHeader(
        sender=_read_member(sender),
        receiver=_read_member(receiver),
        id=_text(identifier),
        definition=_text(definition),
        created_at=_read_time(_text(created)),
    )


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_HEADER: Final = ["Fr", "To", "BizMsgIdr", "MsgDefIdr", "BizSvc", "CreDt"]
_MEMBER: Final = ["FIId", "FinInstnId", "ClrSysMmbId", "MmbId"]


def _read_member(element: Element) -> str:
    for tag in _MEMBER:
        if len(element) != 1 or etree.QName(element[0]).localname != tag:
            raise InvalidMessage("a member in the header has another name", rule="header")
        element = element[0]
    return _text(element)


def _text(element: Element) -> str:
    if len(element) or not element.text:
        raise InvalidMessage("a header's element is empty", rule="header")
    return str(element.text)


def _read_time(text: str) -> datetime:
    if _TIME.fullmatch(text) is None:
        raise InvalidMessage("the time in the header is not in UTC and whole seconds", rule="header")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidMessage("the time in the header does not exist", rule="header") from None


def _namespace(element: Element) -> str:
    return str(etree.QName(element).namespace)
