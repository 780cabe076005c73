"""The structure of XML messages in our own notation, with which a simulated rail refuses other messages.

For rails whose official schemas cannot be distributed with the project; tests compare the structures with
those schemas.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree
from lxml.etree import _Element as Element

from schemas.errors import InvalidMessage


@dataclass(frozen=True, slots=True)
class ElementShape:
    """The allowed content of an element: attributes and parts, with `?` if optional; or text."""

    attributes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    parts: Sequence[tuple[str, "ElementShape"]] = ()
    """In order, each part at most once. All are in the element's own namespace."""
    text: re.Pattern[str] | None = None


def like(pattern: str) -> re.Pattern[str]:
    """A pattern for a whole value; its digits and letters are ASCII."""
    return re.compile(pattern, re.ASCII | re.DOTALL)


def check(element: Element, shape: ElementShape) -> None:
    """Refuse an element with another structure.

    Raises:
        InvalidMessage: a part is missing, unexpected, out of order or malformed.

    """
    _check_attributes(element, shape)
    name = etree.QName(element)
    if shape.text is None:
        if (element.text or "").strip():
            raise InvalidMessage("text where none is allowed", path=name.localname)
    elif shape.text.fullmatch(element.text or "") is None:
        raise InvalidMessage("text that its type does not allow", path=name.localname)
    children = list(element)
    for part, inner in shape.parts:
        if children and children[0].tag == f"{{{name.namespace}}}{part.removesuffix('?')}":
            check(children.pop(0), inner)
        elif not part.endswith("?"):
            raise InvalidMessage(f"{part} is missing", path=name.localname)
    if children:
        raise InvalidMessage("a part that is not allowed, or not in this place", path=name.localname)


def _check_attributes(element: Element, shape: ElementShape) -> None:
    left = {str(name): str(value) for name, value in element.attrib.items()}
    for name, pattern in shape.attributes.items():
        value = left.pop(name.removesuffix("?"), None)
        if value is None:
            if not name.endswith("?"):
                raise InvalidMessage(f"{name} is missing")
        elif pattern.fullmatch(value) is None:
            raise InvalidMessage("a value that its type does not allow", path=name.removesuffix("?"))
    if left:
        raise InvalidMessage("an attribute that is not allowed")
