"""Forms of what may be asked for, made from the very types that read the request: no second list of fields.

A kind of change whose content has parts within parts (accounts and keys of a new participant) has a page of
its own; `fields_of` says None of it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import inspect

from schemas.errors import InvalidMessage
from switch.approvals.kinds import Kind, hint_of
from switch.base.sql import statements
from switch.pages.language import Language

CONFIRMED: Final = "confirmed_factor"
"""Stands last in every form: it is filled in when the switch has named a factor."""
WORDS: Final = {"true": "yes", "false": "no"}
_HIDDEN: Final = frozenset({"maker_half"})
"""Made by us, never typed."""
_LONG: Final = frozenset({"public_key"})
_MINUTE: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}", re.ASCII)
_statement: Final = statements("switch.pages")
_CHOICES: Final = _statement("choices")
_BY_PATTERN: Final = {
    "^[A-Z]{2}$": "countries",
    "^[A-Z]{3}$": "currencies",
    "^[a-z0-9][a-z0-9-]{1,34}$": "participants",
}
_PEOPLE: Final = frozenset({"person.reset", "person.suspend", "person.resume", "person.remove"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `kind` is how it is typed; `options`, where there are any, all that it may be."""

    name: str
    kind: str
    required: bool
    options: tuple[str, ...] = ()
    pattern: str = ""
    length_max: int = 300
    default: str = ""
    hint: str = ""
    """What it must be, with an example."""
    label: str = ""
    """What people call it."""

    @property
    def html_pattern(self) -> str:
        """The pattern as browsers read it: a hyphen that ends a class is escaped there."""
        return self.pattern.replace("-]", r"\-]")


def fields_of(kind: Kind[Any]) -> tuple[Field, ...] | None:
    """The fields of a kind's form; None where its content is not flat."""
    content = inspect.type_info(kind.content)
    assert isinstance(content, inspect.StructType)
    visible = [field for field in content.fields if field.name not in _HIDDEN]
    made = [_field(field) for field in sorted(visible, key=lambda field: field.name == CONFIRMED)]
    found = tuple(replace(field, label=kind.labels[field.name]) for field in made if field is not None)
    return found if len(found) == len(made) else None


async def with_choices(
    connection: asyncpg.Connection | asyncpg.Pool, kind: Kind[Any], fields: Sequence[Field]
) -> tuple[Field, ...]:
    """Fields that name something of ours, with all that there is of it to choose from."""
    row = await connection.fetchrow(_CHOICES)

    def chosen(field: Field) -> Field:
        among = (
            "people" if kind.name in _PEOPLE and field.name == "name" else _BY_PATTERN.get(field.pattern, "")
        )
        return replace(field, options=tuple(row[among] or ())) if among else field

    return tuple(chosen(field) for field in fields)


def read(fields: Sequence[Field], said: Mapping[str, str]) -> dict[str, Any]:
    """A posted form as the content of a request; what is wrong with a value, the kind itself says.

    Raises:
        InvalidMessage: a number is none.

    """
    return {
        field.name: _value(field, said.get(field.name, "").strip()) for field in fields if _given(field, said)
    }


def problem(detail: str, kind: Kind[Any], spoken: Language) -> str:
    """What is wrong with a form, in the reader's language: the field by its label, then what it must be."""
    name, _, text = detail.partition(": ")
    if not text or name not in kind.labels:
        return spoken.detail(detail)
    return f"{spoken.text(kind.labels[name])}: {spoken.detail(text)}"


def _given(field: Field, said: Mapping[str, str]) -> bool:
    return field.required or field.kind == "optional" or bool(said.get(field.name, "").strip())


def _value(field: Field, text: str) -> Any:
    match field.kind:
        case "flag":
            return {"true": True, "false": False}.get(text, text)
        case "number":
            if re.fullmatch(r"\d{1,18}", text, re.ASCII) is None:
                raise InvalidMessage(f"{field.name} is a whole number", rule="content")
            return int(text)
        case "instant":
            # What browsers send has no seconds and no zone; the label says UTC.
            return f"{text}:00Z" if _MINUTE.fullmatch(text) else text
        case "list":
            return text.split()
        case "optional":
            return text or None
        case _:
            return text


def _field(field: inspect.Field) -> Field | None:
    kind, required = _untitled(field.type), field.required
    default = "" if field.default in {msgspec.NODEFAULT, None} else _text(field.default)
    if isinstance(kind, inspect.UnionType):
        rest = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        if len(rest) != 1:
            return None
        made = _typed(field.name, rest[0], required=False, default=default)
        # A text that must be given, but may be null: an empty field is null.
        return replace(made, kind="optional", required=False) if made and required else made
    return _typed(field.name, kind, required=required, default=default)


def _untitled(kind: inspect.Type) -> inspect.Type:
    """An optional type without what is said about it as a whole."""
    if isinstance(kind, inspect.Metadata) and isinstance(kind.type, inspect.UnionType):
        return kind.type
    return kind


def _typed(name: str, kind: inspect.Type, *, required: bool, default: str) -> Field | None:
    field = Field(name, "text", required, default=default)
    found: Field | None
    match kind:
        case inspect.Metadata():
            inner = _typed(name, kind.type, required=required, default=default)
            found = inner and replace(inner, hint=hint_of(kind))
        case inspect.BoolType():
            found = replace(field, kind="flag", options=("true", "false"))
        case inspect.LiteralType():
            found = replace(field, kind="choice", options=tuple(map(str, kind.values)))
        case inspect.EnumType():
            found = replace(field, kind="choice", options=tuple(one.value for one in kind.cls))
        case inspect.IntType():
            found = replace(field, kind="number")
        case inspect.DateTimeType():
            found = replace(field, kind="instant")
        case inspect.DateType():
            found = replace(field, kind="day")
        case inspect.StrType():
            how, longest = "long" if name in _LONG else "text", kind.max_length or field.length_max
            found = replace(field, kind=how, pattern=kind.pattern or "", length_max=longest)
        case inspect.ListType(item_type=inspect.StrType() | inspect.Metadata(type=inspect.StrType())):
            found = replace(field, kind="list", hint=hint_of(kind))
        case _:
            found = None
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
