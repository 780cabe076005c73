"""Envelopes: find header and document inside any enclosing elements.

Every network has its own envelope. Only two elements matter here: one document, and at most one header. They
are found at any place and in any order; an ambiguous envelope is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from lxml import etree

from schemas.catalogue import catalogue
from schemas.catalogue.model import NAMESPACE, OLDER_NAMESPACES
from schemas.errors import InvalidMessage
from schemas.plan import is_comment, namespace

_DEPTH: Final = 3
"""Largest number of levels below the outermost element."""
_MOST_BESIDE: Final = 10
_APP_HDR: Final = "AppHdr"
_HEADERS: Final = "head.001."


@dataclass(frozen=True, slots=True)
class Opened:
    """The content of an envelope."""

    message: str
    """The message named by the namespace of the document."""
    document: etree._Element
    """The `Document`, or the root element of the message if there is no `Document`."""
    header_id: str = ""
    header: etree._Element | None = None
    """The `AppHdr`, in the namespace of its version."""
    beside: tuple[str, ...] = ()
    """Paths of the first few elements with a value outside header and document."""


def opened(root: etree._Element) -> Opened:
    """Find document and header below an element that is not a document of the catalogue.

    Raises:
        InvalidMessage: there is no document, several, two headers, or a header without a version.

    """
    usual = _usual(root)
    if usual is not None:
        return usual
    if _is_document(root):
        return Opened(definition(root), root)
    known = catalogue().messages.get(definition(root))
    if known is not None and not (known.is_bare and known.tag != _APP_HDR):
        raise InvalidMessage("is not a document of its namespace", rule="envelope", path="Document")
    documents: list[etree._Element] = []
    headers: list[etree._Element] = []
    beside: list[str] = []
    for path, element in _parts(root):
        if _is_document(element):
            documents.append(element)
        elif _local(element) == _APP_HDR and not _is_blank_form(element):
            headers.append(element)
        else:
            beside.append(path)
    if len(documents) != 1:
        text = "must contain one document" if documents else "contains no ISO 20022 document"
        raise InvalidMessage(text, rule="envelope", path="Document")
    if len(headers) > 1:
        error = InvalidMessage("must contain at most one header", rule="envelope", path=_APP_HDR)
        error.elements = (headers[1],)
        raise error
    (document,) = documents
    message = definition(document)
    if not headers:
        return Opened(message, document, beside=tuple(beside[:_MOST_BESIDE]))
    header = _in_its_namespace(headers[0])
    return Opened(message, document, definition(header), header, tuple(beside[:_MOST_BESIDE]))


def _usual(root: etree._Element) -> Opened | None:
    """The content of the most common envelopes, without a search: a header and a document."""
    children = root[:]  # type: ignore[index]  # a slice costs half of an iterator
    if len(children) != len(("header", "document")) or definition(root) in catalogue().messages:
        return None
    header, document = children
    header_id, message = _headers().get(header.tag), documents().get(document.tag)
    if header_id is None or message is None:
        return None
    return Opened(message, document, header_id, header)


@cache
def documents() -> dict[Any, str]:
    """Tag of a document element, with its namespace -> the message."""
    return {
        f"{{{namespace(message)}}}Document": message
        for message, root in catalogue().messages.items()
        if not root.is_bare
    }


@cache
def _headers() -> dict[Any, str]:
    """Tag of a header, with its namespace -> its version."""
    return {
        f"{{{namespace(message)}}}{_APP_HDR}": message
        for message, root in catalogue().messages.items()
        if root.tag == _APP_HDR
    }


def tops(root: etree._Element) -> dict[str, etree._Element]:
    """The elements in which the paths of a valid message begin: its root element, `Document`, `AppHdr`."""
    found = opened(root)
    document = found.document
    tops = {} if found.header is None else {_APP_HDR: found.header}
    if _local(document) == "Document":
        tops["Document"] = document
        document = next(child for child in document if not is_comment(child))
    return {**tops, _local(document): document}


def definition(element: etree._Element) -> str:
    """The message named by an element's namespace: the part after the last colon."""
    return str(element.tag)[1:].partition("}")[0].rpartition(":")[2]


def _parts(root: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """Yield documents, headers and elements with a value, with their paths, at any depth."""
    waiting = [(child, _local(child), 1) for child in reversed(root) if not is_comment(child)]
    while waiting:
        element, path, depth = waiting.pop()
        if _is_document(element) or _local(element) == _APP_HDR:
            if depth > _DEPTH:
                raise InvalidMessage(f"is more than {_DEPTH} levels deep", rule="envelope", path=path)
            yield path, element
            continue
        children = [child for child in element if not is_comment(child)]
        if not children and (element.text or "").strip():
            yield path, element
        waiting += [(child, f"{path}/{_local(child)}", depth + 1) for child in reversed(children)]


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _is_document(element: etree._Element) -> bool:
    """Whether this is a `Document`, or a message's root element without one, in an ISO 20022 namespace."""
    space, _, name = str(element.tag)[1:].partition("}")
    if name == _APP_HDR or not space.startswith((NAMESPACE, *OLDER_NAMESPACES[:1], *_other_namespaces())):
        return False
    root = catalogue().messages.get(definition(element))
    if root is None:
        return name == "Document"
    return not root.is_bare and name in {"Document", root.tag}


@cache
def _other_namespaces() -> tuple[str, ...]:
    """Namespaces of an older kind of messages in the catalogue."""
    return tuple(
        namespace(message) for message, root in catalogue().messages.items() if root.space != NAMESPACE
    )


def _is_blank_form(header: etree._Element) -> bool:
    """Whether an envelope's own header is empty: programs write at most a time into it."""
    if definition(header).startswith(_HEADERS):
        return False
    return not any((leaf.text or "").strip() for leaf in header.iter() if _local(leaf) != "CreDt")


def _in_its_namespace(header: etree._Element) -> etree._Element:
    """The header in the namespace of its version.

    Some envelopes declare their own `AppHdr` with the content of the standard: then its children show the
    version.
    """
    if definition(header).startswith(_HEADERS):
        return header
    versions = {definition(child) for child in header if not is_comment(child)}
    if len(versions) != 1 or not (version := versions.pop()).startswith(_HEADERS):
        text = "is in a namespace that is not of a version of the business application header"
        error = InvalidMessage(text, rule="version", path=_APP_HDR, expected=f"{NAMESPACE}head.001.001.02")
        error.elements = (header,)
        raise error
    header.tag = f"{{{NAMESPACE}{version}}}{_APP_HDR}"
    return header
