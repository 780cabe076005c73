"""A kind of change: what may be asked for, by whom, who must agree, and what is then done.

A kind is data and functions. `effect` states what it would do, for whoever is to agree; `links` what it
touches. `check` says whether it could be done now, and is asked at the request,
at every vote and again in the transaction that executes. `execute` does it, in that transaction; what it
asks of the ledger's writer goes under ids made from the change's number, so doing it again does nothing.
"""

import hashlib
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Generic, TypeVar

import asyncpg
import msgspec
from msgspec import inspect

from schemas.errors import InvalidMessage
from switch.approvals.effects import Effect, Resource
from switch.base.calendars import is_countable
from switch.base.plausibility import Bands, Comparison, Factor
from switch.identity.model import Role, Seat
from switch.identity.permissions import Right
from switch.writer.client import Link

_NAMESPACE: Final = uuid.UUID("0c5b9c0e-53c1-4c2a-9d1e-8a3a4f1f7b11")
CHECKER: Final = Seat(Role.CHECKER)
LASTS: Final = timedelta(hours=24)


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a change is about. Texts and whole numbers only: amounts are decimal text."""


class Confirmable(Content, frozen=True, kw_only=True):
    """Content that is compared with what is in force, and may have to name the factor by which it departs."""

    confirmed_factor: Annotated[
        Factor | None, msgspec.Meta(title="Confirmed factor (only where the switch asks for it)")
    ] = None


C = TypeVar("C", bound=Content)
encode_content: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Execution:
    """What `execute` works with: its transaction, the writer, and ids that belong to this change alone."""

    connection: asyncpg.Connection
    link: Link
    number: int
    outcome: str = "done"
    """For people: what came of it."""
    secret: str = ""
    """Told once to the person whose vote completed the change."""

    def id(self, part: str = "") -> bytes:
        """An id for the ledger, the same whenever this change is executed."""
        return uuid.uuid5(_NAMESPACE, f"{self.number}/{part}").bytes

    def fingerprint(self, part: str = "") -> bytes:
        """What the ledger remembers the id by."""
        return hashlib.sha256(self.id(part)).digest()


async def one_checker(_connection: asyncpg.Connection, _content: Any) -> tuple[Seat, ...]:
    """The seat that most changes have."""
    return (CHECKER,)


async def always(_connection: asyncpg.Connection, _content: Any) -> None:
    """Nothing stands against it."""


async def beside_nothing(
    _connection: asyncpg.Connection, _content: Any, _bands: Bands
) -> Sequence[Comparison]:
    """It moves no money and bounds none."""
    return ()


def of_nobody(_content: Any) -> str:
    """It belongs to no participant in particular."""
    return ""


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """One kind of change."""

    name: str
    title: str
    content: type[C]
    execute: Callable[[Execution, C], Awaitable[None]]
    check: Callable[[asyncpg.Connection, C], Awaitable[None]] = always
    effect: Callable[[asyncpg.Connection, C], Awaitable[Effect]] = field(kw_only=True)
    """What is, and what would be. It decides nothing, and fails for no content that was accepted."""
    links: Callable[[asyncpg.Connection, C], Awaitable[tuple[Resource, ...]]] = field(kw_only=True)
    """What the change touches."""
    compare: Callable[[asyncpg.Connection, C, Bands], Awaitable[Sequence[Comparison]]] = beside_nothing
    """What the content is measured by; it is `Confirmable` where this is stated."""
    seats: Callable[[asyncpg.Connection, C], Awaitable[tuple[Seat, ...]]] = one_checker
    participant: Callable[[C], str] = of_nobody
    """Whose affair it is: a participant's person may ask for its own only."""
    right: Right = Right.REQUEST_CHANGE
    moves_books: bool = False
    """What it does is the ledger's to decide and to remember: a second try after a crash asks nobody else."""
    tells_secret: bool = False
    """What it makes is told once to the person whose vote completes it; it asks nothing of the ledger."""
    lasts: timedelta = field(default=LASTS)

    @property
    def labels(self) -> Mapping[str, str]:
        """What people call each field of the content, and of the parts in it. In English."""
        return labels_of(self.content)

    def read(self, content: Mapping[str, Any] | bytes) -> C:
        """Read content, strictly.

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
    """Refuse instants that the database or a zone's clock cannot hold."""
    for name in content.__struct_fields__:
        value = getattr(content, name)
        if isinstance(value, datetime) and value.tzinfo and not is_countable(value):
            text = f"{name}: an instant from 1970 to the end of 9999, UTC, is needed"
            raise InvalidMessage(text, rule="content")


_AT: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_NAMED: Final = re.compile(r"(missing required|contains unknown) field `([^`]*)`")


def hint_of(kind: inspect.Type) -> str:
    """What a field must be, for people, with an example; empty where its type does not say."""
    if isinstance(kind, inspect.Metadata):
        said = (kind.extra_json_schema or {}).get("description")
        return str(said) if said else hint_of(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next(filter(None, map(hint_of, kind.types)), "")
    return hint_of(kind.item_type) if isinstance(kind, inspect.ListType) else ""


@cache
def labels_of(content: type[Content]) -> Mapping[str, str]:
    """The titles of a content's fields by name, with those of the parts within it."""
    known = inspect.type_info(content)
    assert isinstance(known, inspect.StructType)
    return MappingProxyType(dict(_labels(known)))


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
    """A type's complaint as a person reads it: which field, and what it must be. No pattern, no value."""
    at = _AT.search(error)
    place = at[1] if at else ""
    named = _NAMED.search(error)
    if named is not None:
        field = ".".join(filter(None, (place, named[2])))
        return (
            f"{field}: it is missing"
            if named[1].startswith("missing")
            else f"{field}: there is no such field"
        )
    known = inspect.type_info(content)
    assert isinstance(known, inspect.StructType)
    name = re.split(r"[.\[]", place)[0]
    hint = next((hint_of(field.type) for field in known.fields if field.encode_name == name), "")
    if hint:
        return f"{place}: {hint}"
    return f"{place}: {error[: at.start()].replace('`', '')}" if at else error.replace("`", "")


Kinds = Mapping[str, Kind[Any]]
