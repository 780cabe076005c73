"""XML that is carried but not interpreted: supplementary data and signatures, as canonical text."""

from typing import Any, Final, NoReturn

from lxml import etree

from schemas import lexical
from schemas.errors import InvalidMessage, MessageTooLarge

MAX_DEPTH: Final = 200
"""Nesting limit, below that of libxml2 (256), so that a part can be read again inside a message."""

MAX_ELEMENTS: Final = 4096
MAX_ATTRIBUTES: Final = 64
"""Attributes of one element. Sorting them takes libxml2 time quadratic in their number."""
_HARMLESS: Final = 8192
"""Bytes that cannot contain enough attributes to be slow."""


class _Events:
    """Refuses parser events that no message may have, and more elements than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> NoReturn:
        raise InvalidMessage("document types are refused", rule="doctype")

    def pi(self, _target: str, _data: str | None = None) -> NoReturn:
        raise InvalidMessage("processing instructions are refused", rule="processing-instruction")

    def start(self, _tag: str, _attributes: object) -> None:
        self._number += 1
        if self._number > self._most:
            raise MessageTooLarge(f"has more than {self._most} elements", rule="elements")

    def comment(self, text: str) -> None:
        self.start(text, None)  # it costs as much as an element

    def close(self) -> None:
        """Return nothing."""


class _EventsAndComments(_Events):
    def comment(self, _text: str) -> NoReturn:
        raise InvalidMessage("comments are refused", rule="comment")


def check_events(octets: bytes, most: int, *, comments: bool = True) -> None:
    """Refuse document types and processing instructions, as the parser finds them, and too many elements.

    Comments are also refused if `comments` is False.

    Similar text in a CDATA section or a comment is allowed. The parser stops at the first one, before it
    reads the declarations of a document type.

    Raises:
        InvalidMessage: there is one.
        etree.LxmlError: it is not well formed.

    """
    etree.fromstring(octets, new_parser(target=_Events(most) if comments else _EventsAndComments(most)))


def new_parser(*, keep_blanks: bool = True, target: Any = None) -> etree.XMLParser:
    """Make a parser that resolves nothing, fetches nothing and repairs nothing."""
    return etree.XMLParser(
        target=target,
        remove_blank_text=not keep_blanks,
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        strip_cdata=True,
        remove_comments=False,
        remove_pis=False,
    )


_PARSER: Final = new_parser()


def canonical(element: etree._Element) -> str:
    """Exclusive canonical XML (without comments) of one element.

    Raises:
        InvalidMessage: a namespace is a relative reference, which has no canonical form.

    """
    try:
        octets: bytes = etree.tostring(
            element, method="c14n", exclusive=True, with_comments=False, with_tail=False
        )
    except etree.C14NError:
        raise InvalidMessage("must have absolute namespaces", rule="foreign") from None
    return octets.decode("utf-8")


def parse(text: str) -> etree._Element:
    """Parse one element. Raises only InvalidMessage, for any text."""
    if text.startswith("<?") or lexical.IMPOSSIBLE(text):
        raise InvalidMessage("must be one plain XML element", rule="foreign")
    octets = text.encode("utf-8")
    try:
        if "<!" in text or "<?" in text:
            check_events(octets, MAX_ELEMENTS, comments=False)
        element = etree.fromstring(octets, _PARSER)
    except (etree.LxmlError, InvalidMessage, ValueError):
        raise InvalidMessage("must be one XML element", rule="foreign") from None
    check_attributes(element, len(text))
    return element


def check_attributes(root: etree._Element, octets: int) -> None:
    """Refuse too many attributes in an element that was read from `octets` bytes."""
    if octets > _HARMLESS and any(len(element.attrib) > MAX_ATTRIBUTES for element in root.iter("*")):
        raise InvalidMessage(f"has an element with more than {MAX_ATTRIBUTES} attributes", rule="attribute")


def check(element: etree._Element, namespace: str | None) -> None:
    """Refuse an element that is nested too deeply, too large, or not in the allowed namespace."""
    level = number = 0
    for event, _ in etree.iterwalk(element, events=("start", "end")):
        number += event == "start"
        level += 1 if event == "start" else -1
        if level > MAX_DEPTH:
            raise InvalidMessage(
                f"is nested more than {MAX_DEPTH} levels deep",
                rule="depth",
                expected=f"at most {MAX_DEPTH} levels",
            )
        if number > MAX_ELEMENTS:
            raise InvalidMessage(
                f"has more than {MAX_ELEMENTS} elements",
                rule="elements",
                expected=f"at most {MAX_ELEMENTS} elements",
            )
    if namespace is not None and etree.QName(element).namespace != namespace:
        raise InvalidMessage("must be in another namespace", rule="foreign")


def embeddable(text: str) -> str:
    """Make canonical text keep its meaning inside an element with its own default namespace."""
    name_ends = min(index for index in (text.find(mark) for mark in (" ", ">")) if index > 0)
    name, rest = text[:name_ends], text[name_ends:]
    # Canonical XML writes a default namespace first.
    return text if rest.startswith(' xmlns="') else f'{name} xmlns=""{rest}'


def escape(text: str) -> str:
    """Escape text as XML content.

    Raises:
        InvalidMessage: it has a character that XML cannot represent.

    """
    if text.isprintable():
        if "&" not in text and "<" not in text and ">" not in text:
            return text
    elif lexical.IMPOSSIBLE(text):
        raise InvalidMessage("contains a character that XML does not allow", rule="character")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")
