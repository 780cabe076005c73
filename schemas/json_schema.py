"""JSON Schema (draft 2020-12, as in OpenAPI 3.1) for every message, generated from the catalogue.

Titles are the long names. What JSON Schema cannot express (digits of a decimal, days of a month, the order of
elements in XML) is also checked by the codec.
"""

from typing import Any, Final

from schemas import examples, lexical, wording
from schemas.catalogue import catalogue
from schemas.catalogue.model import (
    UNBOUNDED,
    Binary,
    Choice,
    Code,
    CurrencyAndAmount,
    Decimal,
    Foreign,
    Member,
    Scalar,
    Sequence,
    Text,
    Type,
)
from schemas.catalogue.patterns import expression
from schemas.codec import DEFAULT_HEADER
from schemas.names import long_name, message_name
from schemas.plan import places

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_BASE64: Final = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
_SCALARS: Final[dict[str, Schema]] = {
    "boolean": {
        "type": ["boolean", "integer"],
        "minimum": 0,
        "maximum": 1,
        "description": "true or false; 1 or 0 if the XML had that",
    },
    "date": {"type": "string", "description": "ISO 8601 date: 2026-11-23"},
    "dateTime": {"type": "string", "description": "ISO 8601 date and time with offset"},
    "time": {"type": "string", "description": "ISO 8601 time"},
    "gYear": {"type": "string", "description": "Year: 2026"},
    "gYearMonth": {"type": "string", "description": "Year and month: 2026-11"},
    "gMonth": {"type": "string", "description": "Month: --11"},
    "ID": {"type": "string", "description": "XML name without a colon"},
    "IDREF": {"type": "string", "description": "XML name without a colon, of another element"},
}


def schema(message: str, *, definitions: str = "#/$defs/") -> Schema:
    """The schema of a message in JSON, including the header if one may be sent.

    Args:
        message: `pacs.008.001.08`.
        definitions: The prefix of references; `#/components/schemas/` inside an OpenAPI document.

    """
    root = catalogue().messages[message]
    document = _object({root.tag: _reference(root.type, definitions)}, [root.tag])
    form = _object(
        {"$type": {"const": message}, "AppHdr": _header(definitions), "Document": document},
        ["Document"],
    )
    form["title"] = message_name(root.type)
    form["description"] = f"ISO 20022 {message}"
    example = _example(message)
    if example is not None:
        form["examples"] = [example]
    return form


def definitions(message: str, *, prefix: str = "#/$defs/") -> dict[str, Schema]:
    """The schemas of the types of a message and of all versions of its header, by name."""
    types = catalogue().reachable(message)
    for header in _headers():
        types |= catalogue().reachable(header)
    return {name: _type(kind, prefix) for name, kind in types.items()}


def headers(prefix: str) -> dict[str, Schema]:
    """The schema of each version of the header by name, the default first."""
    return {name: _one_header(name, prefix) | {"title": f"Header ({name})"} for name in _headers()}


def standalone(message: str) -> Schema:
    """One self-contained schema document."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:payswitch:{message}",
        **schema(message),
        "$defs": definitions(message),
    }


def _example(message: str) -> Schema | None:
    try:
        return {"$type": message, "Document": examples.document(message)}
    except examples.NoExample:
        return None


def _headers() -> list[str]:
    """Every version of the header, the default first."""
    known = sorted(name for name, root in catalogue().messages.items() if root.tag == "AppHdr")
    return [DEFAULT_HEADER, *(name for name in known if name != DEFAULT_HEADER)]


def _header(prefix: str) -> Schema:
    """The object of the header, with its version in JSON; without it, the default version."""
    return {"oneOf": [_one_header(name, prefix) for name in _headers()]}


def _one_header(name: str, prefix: str) -> Schema:
    found = _type(catalogue().types[catalogue().messages[name].type], prefix)
    version = {"const": name, "title": "Version of the header"}
    required = found["required"] if name == DEFAULT_HEADER else ["$type", *found["required"]]
    return {**found, "properties": {"$type": version, **found["properties"]}, "required": required}


def _reference(name: str, prefix: str) -> Schema:
    return {"$ref": f"{prefix}{name}"}


def _object(properties: Schema, required: list[str]) -> Schema:
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        found["required"] = required
    return found


def _type(kind: Type, prefix: str) -> Schema:
    match kind:
        case Sequence(members):
            properties = {member.tag: _member(member, prefix) for member in members}
            always = [member.tag for member in members if member.minimum and not member.choice]
            alternatives = [_alternatives(mates) for mates in places(kind) if mates[0].choice]
            return _object(properties, always) | ({"allOf": alternatives} if alternatives else {})
        case Choice(members):
            found = _object({member.tag: _member(member, prefix) for member in members}, [])
            return {**found, "minProperties": min(member.minimum for member in members), "maxProperties": 1}
        case CurrencyAndAmount(number, currency):
            parts = {"Ccy": _reference(currency, prefix), "Amt": _reference(number, prefix)}
            return _object(parts, ["Ccy", "Amt"])
        case Foreign():
            text = "One element of another schema, as canonical XML"
            return {"type": "string", "pattern": lexical.POSSIBLE, "description": text}
        case _:
            return _value(kind)


def _alternatives(members: tuple[Member, ...]) -> Schema:
    """Exactly one of these members is present, or none if one of them is optional."""
    each: list[Schema] = [{"required": [member.tag]} for member in members]
    if not all(member.minimum for member in members):
        each.append({"not": {"anyOf": list(each)}})
    return {"oneOf": each}


def _value(kind: Type) -> Schema:
    match kind:
        case Code(codes):
            return {"type": "string", "enum": list(codes)}
        case Text(minimum, maximum, pattern):
            bounds: Schema = {"type": "string", "minLength": minimum}
            if maximum is not None:
                bounds["maxLength"] = maximum
            form = lexical.POSSIBLE if pattern is None else f"^(?:{expression(pattern)})$"
            return {**bounds, "pattern": form}
        case Decimal():
            text = wording.expected(kind).capitalize()
            return {"type": "string", "pattern": _decimal(kind), "description": text}
        case Scalar(name):
            dated = {"pattern": lexical.EXPRESSIONS[name]} if name in lexical.EXPRESSIONS else {}
            return _SCALARS[name] | dated
        case Binary():
            return {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}
    raise AssertionError(kind)


def _decimal(kind: Decimal) -> str:
    """The form of a decimal: each number of decimals leaves so many digits before the point."""
    sign = r"\+?" if kind.minimum is not None and not kind.minimum.startswith("-") else "[+-]?"
    if kind.digits is None:
        return rf"^{sign}(?:\d+\.?\d*|\.\d+)$"
    if not kind.fraction:
        return rf"^{sign}0*\d{{1,{kind.digits}}}(?:\.0*)?$"
    forms = [rf"\d{{0,{kind.digits - places}}}\.\d{{{places}}}" for places in range(1, kind.fraction + 1)]
    return rf"^{sign}0*(?:\d{{1,{kind.digits}}}(?:\.0*)?|(?:{'|'.join(forms)})0*)$"


def _member(member: Member, prefix: str) -> Schema:
    item = {**_reference(member.type, prefix), "title": long_name(member.tag)}
    if not member.many:
        return item
    array: Schema = {
        "type": "array",
        "items": item,
        "minItems": max(member.minimum, 1),
        "title": item["title"],
    }
    if member.maximum != UNBOUNDED:
        array["maxItems"] = member.maximum
    return array
