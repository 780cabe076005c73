"""Header and document in the rail's envelope, with a signature over both.

The signature is XAdES-like with three references, in `Sgntr` of the header; see `schemas.signing.xmldsig`.
The dialect defines the envelope.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml import etree
from lxml.etree import _Element as Element

from adapters.iso20022.dialect import Content, EnvelopeFormat
from adapters.xml import parse
from schemas import codec
from schemas.codec import XML, Message
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.plan import NAMESPACE
from schemas.signing.xmldsig import sign_xades, verify_xades


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
    outer, *inner = envelope.tags
    opening = f'<{outer} xmlns="{envelope.namespace}">' + "".join(f"<{tag}>" for tag in inner)
    closing = "".join(f"</{tag}>" for tag in reversed(envelope.tags))
    return f"{opening}{_header(envelope, header)}{body}{closing}".encode()


def seal(unsigned: bytes, key: RSAPrivateKey, signed_at: datetime) -> bytes:
    """Sign what `write` returned, in `Sgntr` of its header."""
    root = parse(unsigned)
    head = _find(root, "AppHdr")
    place = etree.SubElement(head, f"{{{_namespace(head)}}}Sgntr")
    return sign_xades(root, place, key, signed_at)


def open_sealed(envelope: EnvelopeFormat, raw: bytes, key: RSAPublicKey) -> Sealed:
    """Parse a signed message and verify its signature.

    Raises:
        InvalidMessage: another envelope or header, or a document that is not valid by its schema.
        NotAuthentic: not signed by `key`.

    """
    root = parse(raw)
    head, document = _parts(envelope, root)
    place = head[-1] if len(head) else None
    if place is None or place.tag != f"{{{_namespace(head)}}}Sgntr":
        raise NotAuthentic("no signature in its place")
    verify_xades(root, place, key)
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
    created = header.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f'<AppHdr xmlns="{NAMESPACE}{envelope.header}">'
        f"<Fr>{_member(header.sender)}</Fr><To>{_member(header.receiver)}</To>"
        f"<BizMsgIdr>{escape(header.id)}</BizMsgIdr><MsgDefIdr>{header.definition}</MsgDefIdr>"
        f"<BizSvc>{envelope.service}</BizSvc><CreDt>{created}</CreDt></AppHdr>"
    )


def _member(member: str) -> str:
    return f"<FIId><FinInstnId><ClrSysMmbId><MmbId>{escape(member)}</MmbId></ClrSysMmbId></FinInstnId></FIId>"


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


def _find(root: Element, tag: str) -> Element:
    return next(element for element in root.iter() if etree.QName(element).localname == tag)


def _namespace(element: Element) -> str:
    return str(etree.QName(element).namespace)
