"""Read and write the messages of the table.

An element that is not in the table is refused by its path, so nothing that a DFSP states is passed over. No
error repeats a value.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from switch.fspiop.errors import ErrorCode, FspiopProblem
from switch.fspiop.forms import ERROR_CODE, Unreadable
from switch.fspiop.messages import FspiopElement, FspiopMessage

Values = dict[str, str]
Body = dict[str, Any]
Leaf = str | bool

DEPTH_MAX: Final = 16
PERSON: Final = "PrvtId"
ORGANISATION: Final = "OrgId"
ORGANISATIONS: Final = frozenset({"BUSINESS", "ALIAS", "DEVICE"})
"""Types of party identifiers that are written as those of an organisation; all others are of a person."""
_NAMES: Final = (
    "personalInfo.complexName.firstName",
    "personalInfo.complexName.middleName",
    "personalInfo.complexName.lastName",
    "name",
)


def parse(content: bytes) -> Body:
    """Read JSON: an object, in UTF-8, without a repeated name and without a number that is not whole.

    Raises:
        FspiopProblem: it is not.

    """
    try:
        document = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_refuse,
            parse_constant=_refuse,
            parse_int=_Number,
        )
        dump(document)  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        raise FspiopProblem(
            ErrorCode.MALFORMED,
            "the body must be a JSON object in UTF-8, with every name once, and amounts as text",
        ) from None
    if not isinstance(document, dict):
        raise FspiopProblem(ErrorCode.MALFORMED, "the body must be a JSON object")
    return document


def dump(body: Body) -> bytes:
    """Write JSON as Mojaloop signs it: names in order, no spaces."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read(message: FspiopMessage, body: Body) -> Values:
    """Get the values of a body, by their names in FSPIOP.

    Raises:
        FspiopProblem: elements are missing, malformed, repeated, or cannot be carried; all are named.

    """
    mistakes: list[tuple[ErrorCode, str, str]] = []
    leaves: dict[str, Leaf] = {}
    for path, value in _leaves(body):
        if isinstance(value, _Many):
            mistakes.append((ErrorCode.TOO_MANY_ELEMENTS, path, "must occur once"))
        elif value is None:
            mistakes.append((ErrorCode.MALFORMED, path, "must be text"))
        else:
            leaves[path] = value
    values: Values = {}
    for field in message.fields:
        found = _take(field, leaves, mistakes)
        if found is None:
            if field.required and not any(path.startswith(field.path) for _, path, _ in mistakes):
                mistakes.append((ErrorCode.MISSING, _shown(field.path), "is missing"))
            continue
        try:
            values |= _values(field, found)
        except Unreadable as error:
            mistakes.append((ErrorCode.MALFORMED, _shown(field.path), str(error)))
    mistakes += [(ErrorCode.VALIDATION, path, "is an element that cannot be carried") for path in leaves]
    if mistakes:
        code, path, text = mistakes[0]
        raise FspiopProblem(
            code, f"{path}: {text}", more=[(_tail(path), f"{path}: {text}") for _, path, text in mistakes[1:]]
        )
    return values


def write(message: FspiopMessage, values: Mapping[str, str]) -> Body:
    """Make a body of values; a value without an element in this message is an error of the caller."""
    body: Body = {}
    left = dict(values)
    for field in message.fields:
        text = _text_of(field, left)
        if text is not None:
            _put(body, _path_for(field, values), text)
    if left:
        raise KeyError(f"{message.title} has no {', '.join(sorted(left))}")
    return body


def nested(values: Mapping[str, str], message: FspiopMessage) -> Body:
    """The values as FSPIOP nests them, without the elements that only ISO 20022 has."""
    body: Body = {}
    lists = {field.name for field in message.fields if field.kind == "list"}
    for name, value in values.items():
        if name[0].isupper():
            continue
        _put(body, name, [value] if name in lists else value)
    return body


def display_name(values: Mapping[str, str], party: str) -> str | None:
    """The name of a party for people: the display name, or the parts of the name in their order."""
    parts = [values.get(f"{party}.{name}", "") for name in _NAMES]
    return parts[3] or " ".join(part for part in parts[:3] if part) or None


# Reading


class _Many(list[Any]):
    """More than one element where one is allowed."""


class _Number(str):
    """A number of JSON, which captured messages have as a number of transactions or an error code."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("repeated name")
    return made


def _refuse(_: str) -> Any:
    raise ValueError("not a whole number")


def _leaves(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > DEPTH_MAX:
        raise FspiopProblem(ErrorCode.MALFORMED, f"{path}: is nested too deeply")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(below, f"{path}.{_safe(name)}" if path else _safe(name), depth + 1)
    elif isinstance(value, list):
        yield path, _Many(value)
    else:
        yield path, value


def _safe(name: str) -> str:
    """A name as an error may repeat it: a tag, and nothing that could be data of a person."""
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,34}", name) else "(unknown)"


def _tail(path: str) -> str:
    return path.rpartition(".")[2] or path


def _shown(path: str) -> str:
    return path.replace(".*.", f".{PERSON}.")


def _candidates(field: FspiopElement) -> Iterator[str]:
    for path in (field.path, *field.aliases):
        if field.kind == "party":
            yield path.replace("*", PERSON)
            yield path.replace("*", ORGANISATION)
        else:
            yield path


def _take(
    field: FspiopElement, leaves: dict[str, Leaf], mistakes: list[tuple[ErrorCode, str, str]]
) -> Leaf | None:
    found = [path for path in _candidates(field) if path in leaves]
    values = [leaves.pop(path) for path in found]
    if len(found) > 1:
        mistakes.append((ErrorCode.TOO_MANY_ELEMENTS, found[1], f"is stated beside {found[0]}"))
    if not found:
        return None
    value = values[0]
    is_number = isinstance(value, _Number) and field.form is not ERROR_CODE
    if field.fixed is None and (isinstance(value, bool) or is_number):
        mistakes.append((ErrorCode.MALFORMED, found[0], "must be text"))
        return None
    if field.fixed is not None and value != field.fixed:
        fixed = json.dumps(field.fixed) if isinstance(field.fixed, bool) else field.fixed
        mistakes.append((ErrorCode.VALIDATION, found[0], f"must be {fixed}"))
        return None
    return value


def _values(field: FspiopElement, value: Leaf) -> Values:
    if isinstance(value, bool) or field.fixed is not None:
        return {}
    text = field.form.read(value)
    if field.kind != "name":
        return {field.name: text}
    parts = [part.strip() for part in text.split(";")]
    if len(parts) > len(_NAMES):
        raise Unreadable("must have at most three semicolons: first;middle;last;display")
    return {f"{field.name}.{name}": part for name, part in zip(_NAMES, parts, strict=False) if part}


# Writing


def _text_of(field: FspiopElement, left: dict[str, str]) -> Leaf | None:
    if field.fixed is not None:
        return field.fixed
    if field.kind == "name":
        parts = [left.pop(f"{field.name}.{name}", "").replace(";", ",") for name in _NAMES]
        return ";".join(parts) if any(parts) else None
    value = left.pop(field.name, None)
    return None if value is None else field.form.write(value)


def _path_for(field: FspiopElement, values: Mapping[str, str]) -> str:
    if field.kind != "party":
        return field.path
    prefix = field.name.rpartition(".")[0]
    kind = values.get(f"{prefix}.partyIdType", "")
    return field.path.replace("*", ORGANISATION if kind in ORGANISATIONS else PERSON)


def _put(body: Body, path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        body = body.setdefault(name, {})
    body[last] = value
