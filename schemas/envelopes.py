"""Envelopes: where header and document stand, whatever element is around them.

There are as many envelopes as networks. What counts here are two elements: one document, and one header at
most. They are found wherever they stand, and in whatever order; what cannot be told for certain is refused.
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
"""Levels under the outermost element."""
_MOST_BESIDE: Final = 10
_APP_HDR: Final = "AppHdr"
_HEADERS: Final = "head.001."


@dataclass(frozen=True, slots=True)
class Opened:
    """What an envelope holds."""

    message: str
    """The message that the document's namespace names."""
    document: etree._Element
    """The `Document`, or the message's own element where it stands without one."""
    header_id: str = ""
    header: etree._Element | None = None
    """The `AppHdr`, in the namespace of its version."""
    beside: tuple[str, ...] = ()
    """Paths of the first few elements with a value that are part of neither."""


def opened(root: etree._Element) -> Opened:
    """The document and the header under an element that is no document that the catalogue has.

    Raises:
        InvalidMessage: no document, several, two headers, or a header of which nothing says the version.

    """
    usual = _usual(root)
    if usual is not None:
        return usual
    if _is_document(root):
        return Opened(definition(root), root)
    known = catalogue().messages.get(definition(root))
    if known is not None and not (known.is_bare and known.tag != _APP_HDR):
        raise InvalidMessage("is no document of its namespace", rule="envelope", path="Document")
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
        text = "must hold one document" if documents else "holds no ISO 20022 document"
        raise InvalidMessage(text, rule="envelope", path="Document")
    if len(headers) > 1:
        error = InvalidMessage("must hold one header at most", rule="envelope", path=_APP_HDR)
        error.elements = (headers[1],)
        raise error
    (document,) = documents
    message = definition(document)
    if not headers:
        return Opened(message, document, beside=tuple(beside[:_MOST_BESIDE]))
    header = _in_its_namespace(headers[0])
    return Opened(message, document, definition(header), header, tuple(beside[:_MOST_BESIDE]))


def _usual(root: etree._Element) -> Opened | None:
    """What most envelopes hold, without a search: a header and a document, and nothing else."""
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
    """Tag of a document element, namespace and all -> the message that it is."""
    return {
        f"{{{namespace(message)}}}Document": message
        for message, root in catalogue().messages.items()
        if not root.is_bare
    }


@cache
def _headers() -> dict[Any, str]:
    """Tag of a header, namespace and all -> its version."""
    return {
        f"{{{namespace(message)}}}{_APP_HDR}": message
        for message, root in catalogue().messages.items()
        if root.tag == _APP_HDR
    }


def tops(root: etree._Element) -> dict[str, etree._Element]:
    """The elements in which the paths of a valid message begin: its own element, `Document`, `AppHdr`."""
    found = opened(root)
    document = found.document
    tops = {} if found.header is None else {_APP_HDR: found.header}
    if _local(document) == "Document":
        tops["Document"] = document
        document = next(child for child in document if not is_comment(child))
    return {**tops, _local(document): document}


def definition(element: etree._Element) -> str:
    """The message that an element's namespace names: what stands after the last colon."""
    return str(element.tag)[1:].partition("}")[0].rpartition(":")[2]


def _parts(root: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """Documents, headers and elements with a value, with their paths, at whatever depth."""
    waiting = [(child, _local(child), 1) for child in reversed(root) if not is_comment(child)]
    while waiting:
        element, path, depth = waiting.pop()
        if _is_document(element) or _local(element) == _APP_HDR:
            if depth > _DEPTH:
                raise InvalidMessage(f"stands more than {_DEPTH} levels deep", rule="envelope", path=path)
            yield path, element
            continue
        children = [child for child in element if not is_comment(child)]
        if not children and (element.text or "").strip():
            yield path, element
        waiting += [(child, f"{path}/{_local(child)}", depth + 1) for child in reversed(children)]


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _is_document(element: etree._Element) -> bool:
    """Whether this is a `Document`, or a message's own element without one, in an ISO 20022 namespace."""
    space, _, name = str(element.tag)[1:].partition("}")
    if name == _APP_HDR or not space.startswith((NAMESPACE, *OLDER_NAMESPACES[:1], *_other_namespaces())):
        return False
    root = catalogue().messages.get(definition(element))
    if root is None:
        return name == "Document"
    return not root.is_bare and name in {"Document", root.tag}


@cache
def _other_namespaces() -> tuple[str, ...]:
    """Of the messages of the catalogue that have a namespace of an older kind."""
    return tuple(
        namespace(message) for message, root in catalogue().messages.items() if root.space != NAMESPACE
    )


def _is_blank_form(header: etree._Element) -> bool:
    """Whether an envelope's own header says nothing: programs leave it empty, but for a time."""
    if definition(header).startswith(_HEADERS):
        return False
    return not any((leaf.text or "").strip() for leaf in header.iter() if _local(leaf) != "CreDt")


def _in_its_namespace(header: etree._Element) -> etree._Element:
    """The header in the namespace of its version.

    Some envelopes declare an `AppHdr` of their own that has the standard's content: then its children say
    which version it is.
    """
    if definition(header).startswith(_HEADERS):
        return header
    versions = {definition(child) for child in header if not is_comment(child)}
    if len(versions) != 1 or not (version := versions.pop()).startswith(_HEADERS):
        text = "is in a namespace that names no version of the business application header"
        error = InvalidMessage(text, rule="version", path=_APP_HDR, expected=f"{NAMESPACE}head.001.001.02")
        error.elements = (header,)
        raise error
    header.tag = f"{{{NAMESPACE}{version}}}{_APP_HDR}"
    return header
