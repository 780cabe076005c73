"""Kinds of changes: what can be requested, by whom, who must approve, and what the execution does.

A kind is data and functions. `effect` states the effect for the people who approve, and `links` the resources
concerned. `check` decides whether the change is possible; it runs at the request, at every vote, and again in
the transaction that executes, where alone it locks what it reads. `execute` makes the change in that
transaction. Its commands to the ledger's writer have ids derived from the change's number, so repeating them
changes nothing.
"""

import contextlib
import hashlib
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Generic, TypeVar

import asyncpg
import msgspec
from msgspec import inspect

from schemas.errors import InvalidMessage
from switch.approvals.effects import Effect, Resource
from switch.base.calendars import is_countable, is_countable_day
from switch.base.decoding import without_values
from switch.base.plausibility import Bands, Comparison, Factor
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right
from switch.writer.client import Link
from switch.writer.commands import Command
from switch.writer.context import ServiceContext

_NAMESPACE: Final = uuid.UUID("0c5b9c0e-53c1-4c2a-9d1e-8a3a4f1f7b11")
_EXECUTING: Final = ContextVar("executing", default=False)
CHECKER: Final = Seat(Role.CHECKER)
LASTS: Final = timedelta(hours=24)


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of a change. Texts and whole numbers only: amounts are decimal text."""


class Confirmable(Content, frozen=True, kw_only=True):
    """Content that is compared with present values; it may have to confirm the factor of the difference."""

    confirmed_factor: Annotated[
        Factor | None, msgspec.Meta(title="Confirmed factor (only if the switch requests it)")
    ] = None


C = TypeVar("C", bound=Content)
encode_content: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class ChangeIds:
    """ChangeIds that belong to one change only, the same for every execution of it."""

    number: int

    def id(self, part: str = "") -> bytes:
        """An id for the ledger."""
        return uuid.uuid5(_NAMESPACE, f"{self.number}/{part}").bytes

    def fingerprint(self, part: str = "") -> bytes:
        """Fingerprint that the ledger stores for the id."""
        return hashlib.sha256(self.id(part)).digest()


@dataclass(slots=True)
class Execution:
    """Context of `execute`: its transaction, the writer, and the number of the change."""

    connection: asyncpg.Connection
    link: Link
    number: int
    outcome: str = "done"
    """Result of the execution, for people."""
    secret: str = ""
    """Secret that is returned once to the person whose vote completed the change."""

    @property
    def ids(self) -> ChangeIds:
        """ChangeIds for the commands of this execution."""
        return ChangeIds(self.number)


@contextlib.contextmanager
def locking_what_is_checked() -> Iterator[None]:
    """Within it, checks lock what they read: it must be as checked when it is changed."""
    token = _EXECUTING.set(True)
    try:
        yield
    finally:
        _EXECUTING.reset(token)


def are_locks_wanted() -> bool:
    """Whether a check is part of an execution; at a request or a vote it only reads."""
    return _EXECUTING.get()


def locked(statement: str, strength: str = "UPDATE") -> str:
    """A statement of a check that locks its row, if locks are wanted."""
    return f"{statement} FOR {strength}" if are_locks_wanted() else statement


async def one_checker(_connection: asyncpg.Connection, _content: Any, _maker: Person) -> tuple[Seat, ...]:
    """The seat of most changes: one checker."""
    return (CHECKER,)


async def always(_connection: asyncpg.Connection, _content: Any) -> None:
    """A check that always passes."""


async def admit_all(_connection: asyncpg.Connection, _content: Any, _maker: Person) -> None:
    """Whoever has the right may learn whether what the change is about exists."""


async def no_comparison(
    _connection: asyncpg.Connection, _content: Any, _bands: Bands
) -> Sequence[Comparison]:
    """No comparison: the change neither moves nor limits money."""
    return ()


async def no_commands(_connection: asyncpg.Connection, _ids: ChangeIds, _content: Any) -> Sequence[Command]:
    """The execution sends nothing to the writer that needs a cause."""
    return ()


async def no_judgement(_context: ServiceContext, _content: Any) -> None:
    """Nothing outside the switch is judged."""


def no_participant(_content: Any) -> str:
    """No participant: the change does not concern a particular one."""
    return ""


@dataclass(frozen=True, slots=True)
class ChangeKind(Generic[C]):
    """One kind of change."""

    name: str
    title: str
    content: type[C]
    execute: Callable[[Execution, C], Awaitable[None]]
    check: Callable[[asyncpg.Connection, C], Awaitable[None]] = always
    admit: Callable[[asyncpg.Connection, C, Person], Awaitable[None]] = field(default=admit_all, kw_only=True)
    """Refuses what this person must not know of as if it did not exist, before a check says more of it."""
    judge: Callable[[ServiceContext, C], Awaitable[None]] = field(default=no_judgement, kw_only=True)
    """A look at what is outside the switch, such as an address; once, at the request, in no transaction."""
    effect: Callable[[asyncpg.Connection, C], Awaitable[Effect]] = field(kw_only=True)
    """Present and future values. It decides nothing, and works for all content that was accepted."""
    links: Callable[[asyncpg.Connection, C], Awaitable[tuple[Resource, ...]]] = field(kw_only=True)
    """Resources that the change concerns."""
    compare: Callable[[asyncpg.Connection, C, Bands], Awaitable[Sequence[Comparison]]] = no_comparison
    """Comparisons of the content with present values; a kind with comparisons has `Confirmable` content."""
    seats: Callable[[asyncpg.Connection, C, Person], Awaitable[tuple[Seat, ...]]] = one_checker
    """Who must approve what this person requests. Without a seat, the request is executed at once."""
    participant: Callable[[C], str] = no_participant
    """Participant concerned: a participant's person may only request changes for its own."""
    right: Right = Right.REQUEST_CHANGE
    commands: Callable[[asyncpg.Connection, ChangeIds, C], Awaitable[Sequence[Command]]] = no_commands
    """The commands that the execution may send; the writer computes them itself, and refuses all others."""
    moves_books: bool = False
    """The ledger decides and remembers the execution: what it has decided is not checked again."""
    returns_secret: bool = False
    """A secret is returned once to the person whose vote completes the change; the ledger gets no command."""
    lasts: timedelta = field(default=LASTS)

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the content's fields and of nested fields. In English."""
        return labels_of(self.content)

    def rows(self, content: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Content in JSON types as rows for people: label and value; nested parts are flattened."""
        return list(_rows(content, self.labels))

    def read(self, content: Mapping[str, Any] | bytes) -> C:
        """Decode content strictly.

        Raises:
            InvalidMessage: a field is missing, unknown, or of another type.

        """
        try:
            if isinstance(content, bytes):
                return msgspec.json.decode(content, type=self.content, strict=True)
            read = msgspec.convert(content, type=self.content, strict=True)
        except msgspec.ValidationError as error:
            raise InvalidMessage(_plain(self.content, str(error)), rule="content") from None
        _check_instants(read)
        return read


def _check_instants(content: Content) -> None:
    """Refuse instants and days that are outside the range of the database or of time zones."""
    for name in content.__struct_fields__:
        value = getattr(content, name)
        if isinstance(value, datetime) and value.tzinfo and not is_countable(value):
            text = f"{name}: an instant between 1970 and the end of 9999, UTC, is required"
            raise InvalidMessage(text, rule="content")
        if type(value) is date and not is_countable_day(value):
            text = f"{name}: a day between 1970 and 30 December 9999 is required"
            raise InvalidMessage(text, rule="content")


_AT: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_MISSING: Final = re.compile(r"missing required field `([^`]*)`")


def hint_of(kind: inspect.Type) -> str:
    """Format of a field for people, with an example; empty if its type does not state it."""
    if isinstance(kind, inspect.Metadata):
        said = (kind.extra_json_schema or {}).get("description")
        return str(said) if said else hint_of(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next(filter(None, map(hint_of, kind.types)), "")
    return hint_of(kind.item_type) if isinstance(kind, inspect.ListType) else ""


@cache
def labels_of(content: type[Content]) -> Mapping[str, str]:
    """Titles of a content's fields by name, with nested fields."""
    known = inspect.type_info(content)
    assert isinstance(known, inspect.StructType)
    return MappingProxyType(dict(_labels(known)))


def _rows(content: Any, labels: Mapping[str, str], name: str = "") -> Iterator[tuple[str, str]]:
    match content:
        case dict():
            for key, value in content.items():
                yield from _rows(value, labels, key)
        case list() if not all(isinstance(one, str) for one in content):
            for one in content:
                yield from _rows(one, labels, name)
        case _:
            yield labels.get(name, name), _cell(content)


def _cell(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(value)
        case _:
            return str(value)


def _labels(content: inspect.StructType) -> Iterator[tuple[str, str]]:
    for one in content.fields:
        kind = one.type
        if isinstance(kind, inspect.Metadata):
            yield one.encode_name, str((kind.extra_json_schema or {}).get("title", ""))
        part = kind.type if isinstance(kind, inspect.Metadata) else kind
        item = getattr(part, "item_type", None)
        if isinstance(item, inspect.StructType):
            yield from _labels(item)


def _plain(content: type[Content], error: str) -> str:
    """A type's error for people: the field, and its format. No pattern, no value."""
    error = without_values(error, content)
    at = _AT.search(error)
    place = at[1] if at else ""
    named = _MISSING.search(error)
    if named is not None:
        field = ".".join(filter(None, (place, named[1])))
        return f"{field}: missing"
    known = inspect.type_info(content)
    assert isinstance(known, inspect.StructType)
    name = re.split(r"[.\[]", place)[0]
    hint = next((hint_of(field.type) for field in known.fields if field.encode_name == name), "")
    if hint:
        return f"{place}: {hint}"
    return f"{place}: {error[: at.start()].replace('`', '')}" if at else error.replace("`", "")


Kinds = Mapping[str, ChangeKind[Any]]
