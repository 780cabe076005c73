"""Changes to the witnesses of the audit log: two people register or remove one."""

from typing import Annotated, Any, Final

import asyncpg
import msgspec
from yarl import URL

from ledger.signing import BadNote, name_of
from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements

_statement: Final = statements("switch.operations")
_ADD: Final = _statement("add_witness")
_REMOVE: Final = (
    "UPDATE switch.witness SET removed_at = clock_timestamp() WHERE name = $1 AND removed_at IS NULL"
)
_FIND: Final = "SELECT key, url FROM switch.witness WHERE name = $1 AND removed_at IS NULL"
_FETCHES: Final = term("fetches checkpoints itself")

Address = Annotated[
    str,
    msgspec.Meta(
        title="Address (empty: it fetches)",
        description="an https address to which /add-checkpoint is added, or nothing",
        max_length=500,
    ),
]


class AddWitness(Content, frozen=True, kw_only=True):
    """A witness: the key that `payswitch witness init` printed, and where checkpoints are sent."""

    key: Annotated[
        str, msgspec.Meta(title="Verifier key", description="name+id+base64", min_length=1, max_length=400)
    ]
    url: Address = ""


class RemoveWitness(Content, frozen=True, kw_only=True):
    """A witness that no longer counts; what it cosigned stays."""

    name: Annotated[str, msgspec.Meta(title="Name", min_length=1, max_length=300)]


def _refuse(text: str, *, remedy: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, remedy=remedy)


async def _check_add(connection: asyncpg.Connection, content: AddWitness) -> None:
    try:
        name = name_of(content.key)
    except BadNote:
        raise _refuse(
            "the key is not the verifier key of a witness: name+id+base64",
            remedy="Copy the whole line that payswitch witness init printed.",
        ) from None
    if content.url:
        _check_address(content.url)
    known = await connection.fetchrow(_FIND, name)
    if known is not None and known["key"] != content.key:
        raise _refuse(
            "a witness of this name has another key: remove it first",
            remedy=(
                "Remove the witness of this name first (witness.remove), or check that the key is the"
                " right one."
            ),
        )
    if known is not None and known["url"] == content.url:
        raise _refuse(
            "this witness is registered already",
            remedy="Nothing is left to do; to move it, remove it first (witness.remove).",
        )


def _check_address(url: str) -> None:
    """Check its form; whether the network is permitted is decided by the settings, at each connection."""
    try:
        parts = URL(url)
    except ValueError:
        raise _refuse(
            "the address is not a URL", remedy="State an address such as https://witness.example/."
        ) from None
    if parts.scheme not in {"https", "http"} or not parts.host or parts.user or parts.password:
        raise _refuse(
            "the address must be an https URL without credentials",
            remedy="State an https address without user and password.",
        )
    if parts.query_string or parts.fragment:
        raise _refuse(
            "the address must have neither a query nor a fragment",
            remedy="Cut the address before its first ? or #.",
        )


async def _add(execution: Execution, content: AddWitness) -> None:
    name = name_of(content.key)
    await execution.connection.execute(_ADD, content.key, name, content.url.rstrip("/"))
    execution.outcome = f"{name} is a witness of the audit log"


async def _check_remove(connection: asyncpg.Connection, content: RemoveWitness) -> None:
    if await connection.fetchrow(_FIND, content.name) is None:
        raise _refuse(
            "there is no witness of this name", remedy="Use a name that GET /v1/audit/witnesses lists."
        )


async def _remove(execution: Execution, content: RemoveWitness) -> None:
    await execution.connection.execute(_REMOVE, content.name)
    execution.outcome = f"{content.name} is no longer a witness"


async def _effect_of_adding(connection: asyncpg.Connection, content: AddWitness) -> Effect:
    try:
        name = name_of(content.key)
    except BadNote:
        name = content.key
    known = await connection.fetchrow(_FIND, name)
    now = NOTHING if known is None else known["url"] or _FETCHES
    return Effect((Row(name, now, content.url or _FETCHES),))


async def _effect_of_removing(connection: asyncpg.Connection, content: RemoveWitness) -> Effect:
    known = await connection.fetchrow(_FIND, content.name)
    now = NOTHING if known is None else known["url"] or _FETCHES
    return Effect((Row(content.name, now, NOTHING),))


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "witness.add",
        "Register a witness of the audit log",
        AddWitness,
        _add,
        _check_add,
        effect=_effect_of_adding,
        links=links_to(Subject.WITNESS),
    ),
    ChangeKind(
        "witness.remove",
        "Remove a witness of the audit log",
        RemoveWitness,
        _remove,
        _check_remove,
        effect=_effect_of_removing,
        links=links_to(Subject.WITNESS, "name"),
    ),
)
