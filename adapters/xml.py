"""Strict parsing of XML from a rail, and writing XML in its only canonical form."""

from lxml import etree
from lxml.etree import _Element as Element

from schemas import gates


def parse(raw: bytes) -> Element:
    """The root of a document that passed all checks.

    Comments are refused too: canonical XML leaves them out of a signature, but they split the text that a
    reader sees.

    Raises:
        InvalidMessage: not XML, or it contains a document type, comment or processing instruction.

    """
    return gates.xml(raw, comments=False)


def canonical(root: Element, *, exclusive: bool = False) -> bytes:
    """The document as canonical XML 1.0: the same tree always gives the same bytes."""
    return etree.tostring(root, method="c14n", exclusive=exclusive)
