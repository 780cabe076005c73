"""Reads an official ISO 20022 schema file (XSD) into the catalogue.

Only the constructs that ISO's generator writes are understood; anything else is refused by name, because a
schema that is half understood would accept or refuse the wrong messages.
"""

import re
from pathlib import Path

from lxml import etree

from schemas.catalogue.model import (
    UNBOUNDED,
    Amount,
    Binary,
    Catalogue,
    Choice,
    Code,
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

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
_XS = "{http://www.w3.org/2001/XMLSchema}"
_SHARED_SYNTAX = re.compile(r"(?:[A-Za-z0-9(){},?*+|\-]|\[[A-Za-z0-9()+\-\\]+\]|\\[+\-.])+")
"""Patterns that mean the same to XML Schema and to Python's `re.fullmatch`."""


class UnsupportedSchema(ValueError):
    """The schema uses something that ISO 20022's own schemas do not."""


def read_xsd(path: Path) -> Catalogue:
    """One schema file as a catalogue of one message.

    Raises:
        UnsupportedSchema: not an ISO 20022 schema, or a construct that is not understood.

    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    schema = etree.parse(path, parser).getroot()
    namespace = schema.get("targetNamespace", "")
    if schema.tag != f"{_XS}schema" or not namespace.startswith(NAMESPACE):
        raise UnsupportedSchema(f"{path.name} is not an ISO 20022 schema")
    types = {node.get("name", ""): _type(node) for node in schema if node.tag != f"{_XS}element"}
    (root,) = (node for node in schema if node.tag == f"{_XS}element")
    start = Root(root.get("name", ""), root.get("type", ""))
    if start.tag == "Document":
        start = _document_content(types.pop("Document"))
    return Catalogue({namespace.removeprefix(NAMESPACE): start}, types)


def _document_content(document: Type) -> Root:
    match document:
        case Sequence((Member(tag, kind, 1, 1),)):
            return Root(tag, kind)
    raise UnsupportedSchema("Document must hold exactly one element")


def _type(node: etree._Element) -> Type:
    (body,) = node
    if body.keys() not in ([], ["base"]):
        raise UnsupportedSchema(f"{node.get('name')}: repeated group")
    match node.tag.removeprefix(_XS), body.tag.removeprefix(_XS):
        case "complexType", "sequence" if len(body) == 1 and body[0].tag == f"{_XS}any":
            return _foreign(body[0])
        case "complexType", "sequence":
            return Sequence(tuple(_member(child) for child in body))
        case "complexType", "choice":
            return Choice(tuple(_member(child) for child in body))
        case "complexType", "simpleContent":
            return _amount(body)
        case "simpleType", "restriction":
            return _value(body)
    raise UnsupportedSchema(f"{node.get('name')}: {body.tag}")


def _foreign(node: etree._Element) -> Part:
    namespace = node.get("namespace")
    return Foreign(node.get("processContents", "strict"), None if namespace == "##any" else namespace)


def _amount(content: etree._Element) -> Part:
    (extension,) = content
    (attribute,) = extension
    if attribute.get("use") != "required" or attribute.get("name") != "Ccy":
        raise UnsupportedSchema(f"attribute {attribute.get('name')}")
    return Amount(extension.get("base", ""), attribute.get("type", ""))


def _member(node: etree._Element) -> Member:
    if node.tag != f"{_XS}element" or node.get("ref") is not None:
        raise UnsupportedSchema(f"{node.tag} inside a sequence or choice")
    maximum = node.get("maxOccurs", "1")
    if node.get("minOccurs", "1") not in {"0", "1"}:
        raise UnsupportedSchema(f"{node.get('name')}: more than one demanded")
    return Member(
        tag=node.get("name", ""),
        type=node.get("type", ""),
        minimum=int(node.get("minOccurs", "1")),
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
    if base == "string" and codes and not facets:
        return Code(codes)
    if base == "string" and not codes and facets.keys() <= {"minLength", "maxLength", "pattern"}:
        maximum = facets.get("maxLength")
        return Text(
            int(facets.get("minLength", "0")), None if maximum is None else int(maximum), _pattern(facets)
        )
    if base == "decimal" and facets.keys() - {"minInclusive"} == {"totalDigits", "fractionDigits"}:
        minimum = facets.get("minInclusive")
        if minimum not in {None, "0"}:
            raise UnsupportedSchema(f"minimum of {minimum}")
        return Decimal(
            int(facets["totalDigits"]),
            int(facets["fractionDigits"]),
            None if minimum is None else int(minimum),
        )
    if base == "base64Binary" and facets.keys() == {"minLength", "maxLength"}:
        return Binary(int(facets["minLength"]), int(facets["maxLength"]))
    if base in SCALARS and not facets and not codes:
        return Scalar(base)
    raise UnsupportedSchema(f"restriction of {base} by {sorted(facets)}")


def _pattern(facets: dict[str, str]) -> str | None:
    pattern = facets.get("pattern")
    if pattern is not None and _SHARED_SYNTAX.fullmatch(pattern) is None:
        raise UnsupportedSchema(f"pattern {pattern}")
    return pattern
