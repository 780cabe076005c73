"""Changes to people: add, reset, suspend, resume, remove."""

from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import (
    IRREVERSIBLE,
    NOTHING,
    Effect,
    Foresee,
    Row,
    Subject,
    links_to,
    status_of_row,
    term,
)
from switch.approvals.kinds import CHECKER, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.identity import enrolment, sessions
from switch.identity.model import Person, Role, Seat, Status
from switch.participants import agreement
from switch.participants.agreement import Agreed
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

Name = Annotated[
    str,
    msgspec.Meta(
        title="Name",
        pattern="^[a-z][a-z0-9._-]{1,63}$",
        description="2 to 64 lower-case letters, digits, points and hyphens, such as olga.petrova",
    ),
]
Half = Annotated[str, msgspec.Meta(title="Code", pattern="^[0-9a-f]{64}$")]
DisplayName = Annotated[str, msgspec.Meta(title="Display name", min_length=1, max_length=140)]
_SCOPED: Final = frozenset({Role.PARTICIPANT, Role.REGULATOR})
_PERSON: Final = "SELECT name, display_name, role, scope, status FROM switch.person WHERE name = $1"
_ADD: Final = statements("switch.participants")("add_invited")


class Add(Agreed, frozen=True, kw_only=True):
    """A new person. `maker_half` is the SHA-256 of the maker's half of the enrolment code.

    For whom a participant signs (`signature`), it makes this half itself, and nobody of the switch has both.
    """

    name: Name
    display_name: DisplayName
    role: Annotated[Role, msgspec.Meta(title="Role")]
    scope: Annotated[str, msgspec.Meta(title="Country or participant")] = ""
    maker_half: Half


class Reset(Agreed, frozen=True, kw_only=True):
    """A new password and a new authenticator for a person who lost theirs."""

    name: Name
    maker_half: Half


class Named(Content, frozen=True, kw_only=True):
    """One person."""

    name: Name


class Agreeable(Agreed, frozen=True, kw_only=True):
    """One person, for whom the participant may have to agree."""

    name: Name


async def _status(connection: asyncpg.Connection, name: str) -> Status | None:
    row = await connection.fetchrow("SELECT status FROM switch.person WHERE name = $1 FOR SHARE", name)
    return None if row is None else Status(row["status"])


async def _check_add(connection: asyncpg.Connection, content: Add) -> None:
    if await _status(connection, content.name) is not None:
        raise Refused(
            "this name is in use", reason=Reason.NARRATIVE, remedy="Choose another name to sign in with."
        )
    if content.role is not Role.OFFICER and (content.role in _SCOPED) != bool(content.scope):
        raise Refused(
            "a participant's person and a regulator need a scope, other roles have none",
            reason=Reason.NARRATIVE,
            remedy=(
                "State the participant's id or the country as scope for these two roles, and leave it"
                " out for others."
            ),
        )
    if _agrees(content.role, content.scope) is Role.PARTICIPANT and not await connection.fetchval(
        "SELECT true FROM switch.participant WHERE id = $1 AND status <> 'removed'", content.scope
    ):
        raise Refused(
            "no such participant", reason=Reason.NARRATIVE, remedy="Use an id of GET /v1/participants."
        )
    if content.role is Role.REGULATOR and not await connection.fetchval(
        "SELECT true FROM switch.participant WHERE country = $1 LIMIT 1", content.scope
    ):
        raise Refused(
            "there are no participants from this country",
            reason=Reason.NARRATIVE,
            remedy="Use a country that GET /v1/participants has.",
        )
    await _check_signature(connection, "person.add", content, content.role, content.scope)


async def _check_signature(
    connection: asyncpg.Connection, kind: str, content: Agreed, role: Role, scope: str
) -> None:
    if content.signature is not None and _agrees(role, scope) is not Role.PARTICIPANT:
        raise Refused(
            "only a participant's person is agreed to by a signature",
            reason=Reason.NARRATIVE,
            remedy="Leave the signature out, or state the role participant.",
        )
    await agreement.check_signature(connection, scope, kind, content)


async def _seats_of_new(connection: asyncpg.Connection, content: Add, _maker: Person) -> tuple[Seat, ...]:
    return await _seats(connection, content.role, content.scope, signed=content.signature is not None)


async def _seats_of_known(
    connection: asyncpg.Connection, content: Reset | Agreeable, _maker: Person
) -> tuple[Seat, ...]:
    role, scope = await _scope(connection, content.name)
    signed = content.signature is not None
    return await _seats(connection, role, scope, signed=signed, without=content.name)


async def _seats_of_removal(
    connection: asyncpg.Connection, content: Agreeable, _maker: Person
) -> tuple[Seat, ...]:
    """A checker; and for the last active person of a participant or a central bank, one who agrees for it."""
    row = await connection.fetchrow(_PERSON, content.name)
    person = sessions.person_of(row)
    if content.signature is not None or person.role not in _SCOPED:
        return (CHECKER,)
    own = await agreement.seats_of_removal(connection, person.role, person.scope, person)
    return (CHECKER, *own)


async def _seats(
    connection: asyncpg.Connection, role: Role, scope: str, *, signed: bool, without: str = ""
) -> tuple[Seat, ...]:
    """A checker; for a person of a participant or a central bank one of theirs, who gets half of the code."""
    own = _agrees(role, scope)
    if signed or own is None:
        return (CHECKER,)
    return await agreement.own_seats(connection, own, scope, without=without) or (CHECKER,)


def _agrees(role: Role, scope: str) -> Role | None:
    """The role of those who agree to a person of this role; None if the switch alone decides.

    An officer of a participant acts in its name, so its people agree to one.
    """
    if role is Role.OFFICER:
        return Role.PARTICIPANT if scope else None
    return role if role in _SCOPED else None


async def _scope(connection: asyncpg.Connection, name: str) -> tuple[Role, str]:
    row = await connection.fetchrow("SELECT role, scope FROM switch.person WHERE name = $1", name)
    return Role(row["role"]), row["scope"]


async def _invited(execution: Execution, name: str) -> None:
    """Tell the participant in whose name the person will act."""
    role, scope = await _scope(execution.connection, name)
    whose = {"participant": scope} if _agrees(role, scope) is Role.PARTICIPANT else {}
    await note(
        execution.connection,
        EventKind.PERSON_INVITED,
        person=name,
        role=str(role),
        change=execution.number,
        **whose,
    )


async def _add(execution: Execution, content: Add) -> None:
    await execution.connection.execute(
        _ADD, content.name, content.display_name, str(content.role), content.scope
    )
    execution.secret = await enrolment.invite(execution.connection, content.name, content.maker_half)
    await _invited(execution, content.name)
    execution.outcome = f"{content.name} is invited"


async def _check_reset(connection: asyncpg.Connection, content: Reset) -> None:
    await _check_there(connection, "person.reset", content)


async def _check_there(connection: asyncpg.Connection, kind: str, content: Reset | Agreeable) -> None:
    if await _status(connection, content.name) in {None, Status.REMOVED}:
        raise Refused("no such person", reason=Reason.NARRATIVE, remedy="Use a name of GET /v1/people.")
    role, scope = await _scope(connection, content.name)
    await _check_signature(connection, kind, content, role, scope)


async def _reset(execution: Execution, content: Reset) -> None:
    execution.secret = await enrolment.invite(execution.connection, content.name, content.maker_half)
    await _invited(execution, content.name)
    execution.outcome = f"{content.name} is invited again"


async def _check_suspended(connection: asyncpg.Connection, content: Agreeable) -> None:
    await _check_there(connection, "person.resume", content)
    if await _status(connection, content.name) is not Status.SUSPENDED:
        raise Refused(
            "this person is not suspended",
            reason=Reason.NARRATIVE,
            remedy="Nothing is left to do: GET /v1/people shows the status.",
        )


async def _check_remove(connection: asyncpg.Connection, content: Agreeable) -> None:
    await _check_there(connection, "person.remove", content)
    role, scope = await _scope(connection, content.name)
    if role in _SCOPED and not await agreement.has_had_people(connection, role, scope):
        raise Refused(
            "nobody of theirs has enrolled yet: add the right person, and remove this one afterwards",
            reason=Reason.NARRATIVE,
            remedy="Add the right person first (person.add) and let that one enrol; then remove this one.",
        )


async def _check_active(connection: asyncpg.Connection, content: Named) -> None:
    if await _status(connection, content.name) is not Status.ACTIVE:
        raise Refused(
            "this person is not active",
            reason=Reason.NARRATIVE,
            remedy=(
                "Read the status with GET /v1/people: one who was removed is added again under another name."
            ),
        )


async def _set_status(execution: Execution, name: str, status: Status) -> None:
    await execution.connection.execute(
        "UPDATE switch.person SET status = $2 WHERE name = $1", name, str(status)
    )
    await sessions.end_all(execution.connection, name)
    execution.outcome = f"{name} is {status}"


async def _suspend(execution: Execution, content: Named) -> None:
    await _set_status(execution, content.name, Status.SUSPENDED)


async def _resume(execution: Execution, content: Agreeable) -> None:
    await _set_status(execution, content.name, Status.ACTIVE)


async def _remove(execution: Execution, content: Agreeable) -> None:
    await execution.connection.execute("DELETE FROM switch.person_bearer_key WHERE person = $1", content.name)
    await _set_status(execution, content.name, Status.REMOVED)


def _becomes(status: str, *warnings: str) -> Foresee:
    return status_of_row("switch.person", "name", "name", status, *warnings)


async def _effect_of_adding(connection: asyncpg.Connection, content: Add) -> Effect:
    status = await _becomes(term("invited"))(connection, content)
    role = Row(term("Role"), NOTHING, str(content.role))
    scope = (Row(term("Country or participant"), NOTHING, content.scope),) if content.scope else ()
    return Effect((*status.rows, role, *scope))


_LINKS: Final = links_to(Subject.PERSON, "name")
KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "person.add",
        "Add a person",
        Add,
        _add,
        _check_add,
        effect=_effect_of_adding,
        links=_LINKS,
        seats=_seats_of_new,
        returns_secret=True,
    ),
    ChangeKind(
        "person.reset",
        "Reset a person's password and authenticator",
        Reset,
        _reset,
        _check_reset,
        effect=_becomes(term("invited")),
        links=_LINKS,
        seats=_seats_of_known,
        returns_secret=True,
    ),
    ChangeKind(
        "person.suspend",
        "Suspend a person",
        Named,
        _suspend,
        _check_active,
        effect=_becomes(term("suspended")),
        links=_LINKS,
    ),
    ChangeKind(
        "person.resume",
        "Restore a person's access",
        Agreeable,
        _resume,
        _check_suspended,
        effect=_becomes(term("active")),
        links=_LINKS,
        seats=_seats_of_known,
    ),
    ChangeKind(
        "person.remove",
        "Remove a person permanently",
        Agreeable,
        _remove,
        _check_remove,
        effect=_becomes(term("removed"), IRREVERSIBLE),
        links=_LINKS,
        seats=_seats_of_removal,
    ),
)
