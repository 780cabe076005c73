"""Reads an official ISO 20022 schema file (XSD) into the catalogue.

Only the constructs that ISO's generator writes are supported; anything else is refused by name, because a
partly understood schema would accept or refuse the wrong messages.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from lxml import etree

from schemas.catalogue import patterns
from schemas.catalogue.model import (
    NAMESPACE,
    OLDER_NAMESPACES,
    UNBOUNDED,
    Binary,
    Catalogue,
    Choice,
    Code,
    CurrencyAndAmount,
    Decimal,
    Foreign,
    Member,
    Part,
    Root,
    Scalar,
    Sequence,
    Text,
    Type,
    Value,
)
from schemas.catalogue.notation import SCALARS

_XS = "{http://www.w3.org/2001/XMLSchema}"
_BUILT_IN_NAMES: Final = {
    "xs:boolean": "XmlBoolean",
    "xs:ID": "XmlId",
    "xs:IDREF": "XmlIdref",
    "xs:positiveInteger": "XmlPositiveInteger",
}
"""Types of XML Schema to which a few schemas refer directly -> their names here."""
_BUILT_IN: Final[dict[str, Type]] = {
    "XmlBoolean": Scalar("boolean"),
    "XmlId": Scalar("ID"),
    "XmlIdref": Scalar("IDREF"),
    "XmlPositiveInteger": Decimal(minimum="1", pattern=r"[+\-]?[0-9]+"),
}


class UnsupportedSchema(ValueError):
    """The schema uses a construct that ISO 20022 schemas do not."""


def read_xsd(path: Path) -> Catalogue:
    """Read one schema file as a catalogue of one message.

    Raises:
        UnsupportedSchema: it is not an ISO 20022 schema, or has an unsupported construct.

    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        schema = etree.parse(path, parser).getroot()
    except etree.XMLSyntaxError as error:
        raise UnsupportedSchema(f"is not XML: line {error.lineno}") from None
    space, _, message = schema.get("targetNamespace", "").rpartition(":")
    space += ":"
    if schema.tag != f"{_XS}schema" or space not in {NAMESPACE, *OLDER_NAMESPACES}:
        raise UnsupportedSchema(f"{path.name} is not an ISO 20022 schema")
    for note in list(schema.iter(f"{_XS}annotation")):
        _drop(note)
    types = {node.get("name", ""): _type(node) for node in schema if node.tag != f"{_XS}element"}
    types |= _BUILT_IN
    roots = [node for node in schema if node.tag == f"{_XS}element"]
    if len(roots) != 1:
        raise UnsupportedSchema("must contain one element")
    start = Root(roots[0].get("name", ""), roots[0].get("type", ""))
    if start.tag == "Document":
        start = _document_content(types.pop(start.type))
    elif not start.is_bare:
        raise UnsupportedSchema(f"root element {start.tag}")
    return _whole(message, replace(start, space=space), types)


def _whole(message: str, start: Root, types: dict[str, Type]) -> Catalogue:
    """The message with the types that it uses; XML Schema allows others in the file."""
    try:
        return Catalogue({message: start}, Catalogue({message: start}, types).reachable(message))
    except KeyError as error:
        raise UnsupportedSchema(f"type {error.args[0]}") from None


def _drop(node: etree._Element) -> None:
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)


def _document_content(document: Type) -> Root:
    match document:
        case Sequence((Member(tag, kind, 1, 1, 0),)):
            return Root(tag, kind)
    raise UnsupportedSchema("Document must contain exactly one element")


def _type(node: etree._Element) -> Type:
    name = node.get("name")
    if len(node) != 1 or node.keys() != ["name"]:
        raise UnsupportedSchema(f"{name}: {' '.join(child.tag for child in node)}")
    (body,) = node
    if body.keys() not in ([], ["base"]):
        raise UnsupportedSchema(f"{name}: repeated group")
    try:
        return _body(node, body)
    except UnsupportedSchema as error:
        raise UnsupportedSchema(f"{name}: {error}") from None


def _body(node: etree._Element, body: etree._Element) -> Type:
    match node.tag.removeprefix(_XS), body.tag.removeprefix(_XS):
        case "complexType", "sequence" if len(body) == 1 and body[0].tag == f"{_XS}any":
            return _foreign(body[0])
        case "complexType", "sequence" if len(body) == 1 and body[0].tag == f"{_XS}choice":
            return Choice(_alternatives(body[0], 0))
        case "complexType", "sequence":
            return Sequence(tuple(_members(body)))
        case "complexType", "choice":
            return Choice(_alternatives(body, 0))
        case "complexType", "simpleContent":
            return _amount(body)
        case "simpleType", "restriction":
            return _value(body)
    raise UnsupportedSchema(str(body.tag))


def _members(body: etree._Element) -> Iterator[Member]:
    """Yield the members of a sequence, including those of its choices."""
    tags: set[str] = set()
    choice = 0
    for child in body:
        if child.tag == f"{_XS}choice":
            choice += 1
            found = _alternatives(child, choice)
        else:
            found = (_member(child),)
        for member in found:
            if member.tag in tags:
                raise UnsupportedSchema(f"two elements {member.tag} in a sequence")
            tags.add(member.tag)
        yield from found


def _alternatives(node: etree._Element, choice: int) -> tuple[Member, ...]:
    if node.keys() or not len(node):
        raise UnsupportedSchema("repeated or empty choice")
    return tuple(replace(_member(child), choice=choice) for child in node)


def _foreign(node: etree._Element) -> Part:
    namespace = node.get("namespace")
    if set(node.keys()) - {"namespace", "processContents"} or namespace in {"##other", "##local"}:
        raise UnsupportedSchema("foreign content")
    return Foreign(node.get("processContents", "strict"), None if namespace == "##any" else namespace)


def _amount(content: etree._Element) -> Part:
    (extension,) = content
    attributes = [dict(attribute.attrib) for attribute in extension]
    match attributes:
        case [{"name": "Ccy", "use": "required", "type": currency}] if extension.tag == f"{_XS}extension":
            return CurrencyAndAmount(extension.get("base", ""), str(currency))
    raise UnsupportedSchema(f"attributes {attributes}")


def _member(node: etree._Element) -> Member:
    if node.tag != f"{_XS}element" or set(node.keys()) - {"name", "type", "minOccurs", "maxOccurs"}:
        raise UnsupportedSchema(f"{node.tag} inside a sequence or choice")
    minimum, maximum = int(node.get("minOccurs", "1")), node.get("maxOccurs", "1")
    if maximum == "0":
        raise UnsupportedSchema(f"{node.get('name')}: may never occur")
    return Member(
        tag=node.get("name", ""),
        type=_BUILT_IN_NAMES.get(node.get("type", ""), node.get("type", "")),
        minimum=minimum,
        maximum=UNBOUNDED if maximum == "unbounded" else int(maximum),
    )


def _value(restriction: etree._Element) -> Value:
    base = restriction.get("base", "").removeprefix("xs:")
    facets: dict[str, str] = {}
    codes: list[str] = []
    for facet in restriction:
        name, value = facet.tag.removeprefix(_XS), facet.get("value", "")
        if name == "enumeration":
            codes.append(value)
        elif name in facets:
            raise UnsupportedSchema(f"two {name} facets")
        else:
            facets[name] = value
    return _known_value(base, facets, tuple(codes))


def _known_value(base: str, facets: dict[str, str], codes: tuple[str, ...]) -> Value:
    if "length" in facets:
        length = facets.pop("length")
        facets |= {"minLength": length, "maxLength": length}
    pattern = _pattern(facets)
    lengths = int(facets.get("minLength", "0")), int(facets["maxLength"]) if "maxLength" in facets else None
    low, high = facets.get("minInclusive"), facets.get("maxInclusive")
    match base, bool(codes):
        case "string", True if facets.keys() <= _LENGTHS and not any(map(_has_blank, codes)):
            return Code(codes, *lengths)
        case "string", False if facets.keys() <= _LENGTHS | {"pattern"}:
            return Text(*lengths, pattern)
        case "base64Binary", False if facets.keys() <= _LENGTHS:
            return Binary(*lengths)
        case "decimal", False if facets.keys() - _RANGE - {"pattern"} in _DIGITS:
            digits = facets.get("totalDigits")
            fraction = int(facets.get("fractionDigits", "0"))
            return Decimal(None if digits is None else int(digits), fraction, low, high, pattern)
        case "gYear", False if facets.keys() <= _RANGE:
            return Scalar(base, None, low, high)
        case kind, False if kind in SCALARS and facets.keys() <= {"pattern"}:
            return Scalar(base, pattern)
    raise UnsupportedSchema(f"restriction of {base} by {sorted(facets)}")


_LENGTHS: Final = frozenset({"minLength", "maxLength"})
_DIGITS: Final = (frozenset({"totalDigits", "fractionDigits"}), frozenset[str]())
_RANGE: Final = frozenset({"minInclusive", "maxInclusive"})


def _has_blank(code: str) -> bool:
    return not code or any(map(str.isspace, code))


def _pattern(facets: dict[str, str]) -> str | None:
    pattern = facets.get("pattern")
    if pattern is None:
        return None
    try:
        patterns.matcher(pattern)
    except patterns.UnsupportedPattern as error:
        raise UnsupportedSchema(str(error)) from None
    return pattern
