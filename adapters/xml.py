"""Reading XML that a rail sent, and writing XML in its one canonical form."""

from lxml import etree
from lxml.etree import _Element as Element

from schemas import gates


def parse(raw: bytes) -> Element:
    """The root of a document that passed the gates.

    Comments are refused too, since canonical XML leaves them out of a signature while they split the text
    that a reader sees.

    Raises:
        InvalidMessage: not XML, or with a document type, comment or processing instruction.

    """
    return gates.xml(raw, comments=False)


def canonical(root: Element) -> bytes:
    """The document as canonical XML 1.0: the same tree is always the same bytes."""
    return etree.tostring(root, method="c14n")
