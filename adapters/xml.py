"""Reading XML that strangers sent, and writing XML in its one canonical form."""

from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from schemas.errors import InvalidMessage, MessageTooLarge

MAX_BYTES: Final = 256 * 1024
"""Far above any single payment message; below anything that hurts."""


def parse(raw: bytes) -> Element:
    """The root of a document; nothing is fetched, expanded or dropped on the way.

    Comments and processing instructions are refused, since canonical XML leaves them out of a signature
    while they split the text that a reader sees.

    Raises:
        InvalidMessage: not well formed, or with a document type, comment or processing instruction.
        MessageTooLarge: more than `MAX_BYTES`.

    """
    if len(raw) > MAX_BYTES:
        raise MessageTooLarge
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise InvalidMessage("not well-formed XML") from None
    document = root.getroottree().docinfo
    if document.internalDTD is not None:
        raise InvalidMessage("a document type is not accepted")
    if (document.encoding or "UTF-8").upper() != "UTF-8":
        raise InvalidMessage("not UTF-8")
    if next(root.getroottree().iter(etree.Comment, etree.ProcessingInstruction), None) is not None:
        raise InvalidMessage("comments and processing instructions are not accepted")
    return root


def canonical(root: Element) -> bytes:
    """The document as canonical XML 1.0: the same tree is always the same bytes."""
    return etree.tostring(root, method="c14n")
