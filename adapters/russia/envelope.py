"""The envelope of UFEBS messages: SOAP 1.2 in windows-1251, with service headers and a signature.

Published (the Bank of Russia's schemas): SOAP envelope, `MessageInfo` and `DocInfo`, the place of documents
in the body, `MACValue` for a signature. Profile: the header `Expires`, after which the rail must not execute
the order, and the signature itself, RSA PKCS#1 v1.5 with SHA-256 over all octets of the message except
`MACValue`. In production messages are signed with GOST R 34.10 by certified tools.

The signed octets are the octets that are parsed: the message without its signature.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml import etree
from lxml.etree import _Element as Element

from schemas import gates
from schemas.errors import InvalidMessage, NotAuthentic

NAMESPACE: Final = "urn:cbr-ru:ed:v2.0"
NAMESPACE_701: Final = "urn:cbr-ru:ed701:v2.0"
SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
PROPS: Final = "urn:cbr-ru:msg:props:v1.3"
DSIG: Final = "urn:cbr-ru:dsig:v1.1"
PROFILE: Final = "urn:payswitch:ufebs:v1"
CHARSET: Final = "cp1251"

_DECLARATION: Final = '<?xml version="1.0" encoding="windows-1251"?>'
_DECLARED = re.compile(
    rb'<\?xml version="1\.0" encoding="[Ww]indows-1251"\s?\?>|' + _DECLARATION.upper().encode()
)
MAC_BEGIN: Final = f'<sig:MACValue xmlns:sig="{DSIG}">'.encode()
_MAC_END: Final = b"</sig:MACValue>"
_OWN_ID = re.compile(rb"<props:MessageID>([0-9-]+)</props:MessageID>")
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class EdId:
    """The identification of an electronic message: its number on a day of its author."""

    number: int
    date: str
    author: str

    @property
    def attributes(self) -> dict[str, str]:
        """As attributes of `EDRefID` and of every message."""
        return {"EDNo": str(self.number), "EDDate": self.date, "EDAuthor": self.author}

    @property
    def text(self) -> str:
        """As one word, for the envelope."""
        return f"{self.author}-{self.date}-{self.number}"

    @classmethod
    def of(cls, element: Element) -> "EdId":
        """Build from the attributes of an element.

        Raises:
            InvalidMessage: one is missing or malformed.

        """
        number, date, author = (element.get(name, "") for name in ("EDNo", "EDDate", "EDAuthor"))
        if (
            _NUMBER.fullmatch(number) is None
            or _DATE.fullmatch(date) is None
            or _UID.fullmatch(author) is None
        ):
            raise InvalidMessage("not the id of a message")
        return cls(int(number), date, author)


_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UID = re.compile(r"\d{10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class UfebsMessage:
    """An envelope with its documents."""

    sender: str
    """UIS, as `From`."""
    receiver: str
    id: str
    about: str
    """`AppMessageID`: the transaction of the message, if it is about one."""
    created_at: datetime
    documents: Sequence[Element | str]
    """Elements in a parsed message; XML text in an order that we write."""
    expires_at: datetime | None = None
    correlation: str | None = None
    """Id of the message that this one answers."""

    @property
    def document(self) -> Element:
        """The only document.

        Raises:
            InvalidMessage: there are several.

        """
        (document, *others) = self.elements
        if others:
            raise InvalidMessage("not one document")
        return document

    @property
    def elements(self) -> list[Element]:
        """The documents of a parsed message."""
        return [document for document in self.documents if not isinstance(document, str)]


def seal(message: UfebsMessage, key: RSAPrivateKey) -> bytes:
    """The message as signed octets; the same message always gives the same octets."""
    head, tail = write(message)
    signature = key.sign(head + tail, padding.PKCS1v15(), hashes.SHA256())
    return head + MAC_BEGIN + base64.b64encode(signature) + _MAC_END + tail


def write(message: UfebsMessage) -> tuple[bytes, bytes]:
    """The octets before and after the signature."""
    documents = "".join(map(_written, message.documents))
    correlation = _element("CorrelationMessageID", message.correlation) if message.correlation else ""
    at = instant(message.created_at)
    expires = (
        f'<x:Expires xmlns:x="{PROFILE}">{instant(message.expires_at)}</x:Expires>'
        if message.expires_at
        else ""
    )
    head = (
        f'{_DECLARATION}\n<env:Envelope xmlns:env="{SOAP}"><env:Header>'
        f'<props:MessageInfo xmlns:props="{PROPS}">{_element("To", message.receiver)}'
        f"{_element('From', message.sender)}{_element('AppMessageID', message.about or message.id)}"
        f"{_element('MessageID', message.id)}{correlation}{_element('MessageType', '1')}"
        f"{_element('Priority', '5')}{_element('CreateTime', at)}</props:MessageInfo>"
        f'<props:DocInfo xmlns:props="{PROPS}">{_element("DocFormat", "1")}</props:DocInfo>{expires}'
    )
    tail = f"</env:Header><env:Body>{documents}</env:Body></env:Envelope>"
    return head.encode(CHARSET), tail.encode(CHARSET)


def open_sealed(raw: bytes, key: RSAPublicKey, max_bytes: int = gates.MAX_BYTES) -> UfebsMessage:
    """Parse a signed message and verify its signature.

    Raises:
        InvalidMessage: not an envelope in windows-1251.
        NotAuthentic: not signed by `key`.

    """
    if len(raw) > max_bytes:
        raise InvalidMessage("too large")
    head, begin, rest = raw.partition(MAC_BEGIN)
    signature, end, tail = rest.partition(_MAC_END)
    if not begin or not end:
        raise NotAuthentic("no signature in its place")
    signed = head + tail
    try:
        value = base64.b64decode(signature, validate=True)
        if base64.b64encode(value) != signature:
            raise NotAuthentic("not canonical base64")
        key.verify(value, signed, padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature):
        raise NotAuthentic("not signed by the expected key") from None
    return _read(parse(signed, max_bytes))


def open_own(raw: bytes) -> UfebsMessage:
    """Parse a message that we wrote and stored.

    Raises:
        InvalidMessage: not an envelope in windows-1251.

    """
    head, _, rest = raw.partition(MAC_BEGIN)
    return _read(parse(head + rest.partition(_MAC_END)[2]))


def own_id(raw: bytes) -> str:
    """`MessageID` of a message that we wrote and stored; it is not parsed as a whole.

    Raises:
        InvalidMessage: it states none.

    """
    found = _OWN_ID.search(raw)
    if found is None:
        raise InvalidMessage("no MessageID")
    return found[1].decode("ascii")


def root(namespace: str, tag: str, attributes: dict[str, str]) -> Element:
    """The root of a new document, with its own default namespace."""
    return etree.Element(f"{{{namespace}}}{tag}", attributes, nsmap={None: namespace})  # type: ignore[dict-item]


def parse(raw: bytes, max_bytes: int = gates.MAX_BYTES) -> Element:
    """Parse a windows-1251 document.

    Raises:
        InvalidMessage: another encoding, not XML, or content that no message of the rail has.

    """
    declared = _DECLARED.match(raw)
    if declared is None:
        raise InvalidMessage("must be XML in windows-1251", rule="encoding")
    try:
        text = raw[declared.end() :].decode(CHARSET)
    except UnicodeDecodeError:
        raise InvalidMessage("is not windows-1251", rule="encoding") from None
    # The parser's checks use UTF-8, in which letters take more octets than in windows-1251.
    return gates.xml(text.strip().encode(), max_bytes * 3, comments=False)


def instant(at: datetime) -> str:
    """UTC in whole seconds, rounded down, so that an expiry is never later than the original."""
    return at.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def read_instant(text: str | None) -> datetime:
    """Parse an instant.

    Raises:
        InvalidMessage: not UTC in whole seconds.

    """
    try:
        return datetime.strptime(text or "", _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidMessage("not an instant in UTC") from None


def _read(root: Element) -> UfebsMessage:
    if root.tag != f"{{{SOAP}}}Envelope" or [child.tag for child in root] != [
        f"{{{SOAP}}}Header",
        f"{{{SOAP}}}Body",
    ]:
        raise InvalidMessage("not a SOAP envelope")
    header, body = root
    info = header.find(f"{{{PROPS}}}MessageInfo")
    if info is None or not len(body):
        raise InvalidMessage("no header or no document")
    expires = header.findtext(f"{{{PROFILE}}}Expires")
    return UfebsMessage(
        sender=_text(info, "From"),
        receiver=_text(info, "To"),
        id=_text(info, "MessageID"),
        about=_text(info, "AppMessageID"),
        created_at=read_instant(_text(info, "CreateTime")),
        documents=list(body),
        expires_at=read_instant(expires) if expires else None,
        correlation=info.findtext(f"{{{PROPS}}}CorrelationMessageID"),
    )


def _written(document: Element | str) -> str:
    if isinstance(document, str):
        return document
    return etree.tostring(document, encoding="unicode", with_tail=False)


def _element(tag: str, text: str) -> str:
    return f"<props:{tag}>{text}</props:{tag}>"


def _text(parent: Element, tag: str) -> str:
    found = parent.findtext(f"{{{PROPS}}}{tag}")
    if not found:
        raise InvalidMessage(f"no {tag}")
    return str(found)
