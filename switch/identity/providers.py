"""Identity providers: organisations whose people sign in with OpenID Connect, as two people allowed it.

A person is bound to a provider's subject (`iss` and `sub`), never to an e-mail address. A provider grants no
role that it was not given here, and none outside its scope: a participant's provider has people of that
participant, a regulator's provider of that country, and the switch's own provider operators, checkers and
auditors. Operators and checkers are always added by two people; others may be added at their first sign-in.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from schemas.errors import NotAuthentic
from switch.base.sql import statements
from switch.identity import notices
from switch.identity.model import Person, Role, Status
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

OF_SWITCH: Final = frozenset({Role.OPERATOR, Role.CHECKER, Role.AUDITOR, Role.OFFICER})
"""Roles that the switch's own provider may grant."""
_BOTH: Final = frozenset({Role.OPERATOR, Role.CHECKER})
ADDED_BY_TWO: Final = _BOTH | {Role.OFFICER}
"""Roles that request and approve: nobody gets one at a first sign-in."""
_OF_PARTICIPANT: Final = frozenset({Role.PARTICIPANT, Role.OFFICER})
_GROUPS_MAX: Final = 1000
_NAME_MAX: Final = 140
_REFUSED: Final = "the identity provider's answer gives no access here"

_statement: Final = statements("switch.identity")
_ALL: Final = _statement("identity_providers")
_BOUND: Final = _statement("person_of_subject")
_PROVISION: Final = _statement("provision_person")
_BIND: Final = _statement("bind_subject")
_END: Final = _statement("end_sessions_of_issuer")


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """A provider as two people registered it. `grants` maps groups of the provider to our roles."""

    id: str
    title: str
    issuer: str
    client_id: str
    scope: str
    """A participant's id, a regulator's country, or empty: the switch itself."""
    claim: str
    """The claim of the ID token with the person's groups: a text or a list of texts."""
    grants: Mapping[str, Role]
    just_in_time: bool
    """Whether people are added at their first sign-in."""
    second_factors: frozenset[str]
    """Values of `acr` or `amr` that state a second factor; empty: ours is always required."""

    def roles(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        """The roles that the groups of an ID token grant."""
        found = claims.get(self.claim)
        groups = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return frozenset(
            self.grants[group]
            for group in groups[:_GROUPS_MAX]
            if isinstance(group, str) and group in self.grants
        )

    def may_have(self, person: Person) -> bool:
        """Whether a person is of this provider's scope and of a role that it grants."""
        return person.scope == self.scope and person.role in self.grants.values()

    def has_second_factor(self, claims: Mapping[str, Any]) -> bool:
        """Whether an ID token states a second factor that counts here."""
        methods = claims.get("amr")
        stated = (
            {value for value in methods if isinstance(value, str)} if isinstance(methods, list) else set()
        )
        if isinstance(claims.get("acr"), str):
            stated.add(claims["acr"])
        return bool(stated & self.second_factors)


def faults(
    scope: str, roles: Sequence[Role], *, just_in_time: bool, second_factors: Sequence[str]
) -> str | None:
    """What forbids a registration, if anything."""
    country = len(scope) == 2 and scope.isupper()  # noqa: PLR2004 - an ISO 3166 code
    allowed = OF_SWITCH if not scope else ({Role.REGULATOR} if country else _OF_PARTICIPANT)
    if not set(roles) <= allowed:
        return (
            "a provider of a participant grants participant and officer, one of a country regulator, and one"
            " of the switch operator, checker, auditor and officer"
        )
    if just_in_time and set(roles) & ADDED_BY_TWO:
        return "operators, checkers and officers are added by two people, never at a first sign-in"
    if just_in_time and not second_factors:
        return "people added at a first sign-in have no second factor here: the provider must state its own"
    if second_factors and (set(roles) >= _BOTH or Role.OFFICER in roles):
        return (
            "a provider of both operators and checkers, or of officers, cannot replace the second factor: one"
            " of its administrators could act as two people"
        )
    return None


def provider_of(row: asyncpg.Record) -> IdentityProvider:
    """The provider in a row."""
    grants = dict(grant.rsplit("=", 1) for grant in row["grants"])
    return IdentityProvider(
        row["id"],
        row["title"],
        row["issuer"],
        row["client_id"],
        row["scope"],
        row["claim"],
        {group: Role(role) for group, role in grants.items()},
        row["just_in_time"],
        frozenset(row["second_factors"]),
    )


async def everyone(connection: asyncpg.Connection | asyncpg.Pool) -> list[IdentityProvider]:
    """The registered providers, by id."""
    return [provider_of(row) for row in await connection.fetch(_ALL)]


async def find(connection: asyncpg.Connection | asyncpg.Pool, id_: str) -> IdentityProvider | None:
    """A provider by its id; None if there is none."""
    return next((one for one in await everyone(connection) if one.id == id_), None)


async def person_of(
    connection: asyncpg.Connection, provider: IdentityProvider, claims: Mapping[str, Any]
) -> str:
    """The name of the person of a verified ID token, whom the provider may be allowed to add now.

    Raises:
        NotAuthentic: bound to nobody; or the groups no longer grant the role, which ends the sessions.

    """
    subject, roles = claims["sub"], provider.roles(claims)
    row = await connection.fetchrow(_BOUND, provider.issuer, subject)
    if row is None:
        return await _provision(connection, provider, subject, roles, claims)
    if row["status"] != Status.ACTIVE or row["scope"] != provider.scope or Role(row["role"]) not in roles:
        await connection.execute("DELETE FROM switch.session WHERE person = $1", row["name"])
        await note(connection, EventKind.SIGN_IN_FAILED, person=row["name"], provider=provider.id)
        return ""
    name: str = row["name"]
    return name


async def _provision(
    connection: asyncpg.Connection,
    provider: IdentityProvider,
    subject: str,
    roles: frozenset[Role],
    claims: Mapping[str, Any],
) -> str:
    allowed = roles - ADDED_BY_TWO
    if not provider.just_in_time or len(allowed) != 1 or not provider.has_second_factor(claims):
        return ""
    (role,) = allowed
    # No part of the name is of the person: it stands in the log for ever.
    name = f"{provider.id}.{hashlib.sha256(f'{provider.issuer} {subject}'.encode()).hexdigest()[:16]}"
    shown = claims.get("name")
    display = shown.strip()[:_NAME_MAX] if isinstance(shown, str) and shown.isprintable() else ""
    if not await connection.fetchval(_PROVISION, name, display or name, str(role), provider.scope):
        return ""
    await connection.execute(_BIND, provider.issuer, subject, name)
    await note(connection, EventKind.PERSON_PROVISIONED, person=name, provider=provider.id, role=str(role))
    return name


async def bind(
    connection: asyncpg.Connection, provider: IdentityProvider, claims: Mapping[str, Any], person: Person
) -> None:
    """Bind a signed-in person to the subject of a verified ID token; the password ends with it.

    Raises:
        NotAuthentic: the provider does not grant the person's role, or the subject is another person's.

    """
    if person.scope != provider.scope or person.role not in provider.roles(claims):
        raise NotAuthentic(_REFUSED)
    if not await connection.fetchval(_BIND, provider.issuer, claims["sub"], person.name):
        raise NotAuthentic(_REFUSED)
    await connection.execute("UPDATE switch.person SET password_hash = NULL WHERE name = $1", person.name)
    await note(connection, EventKind.PERSON_BOUND, person=person.name, provider=provider.id)
    await notices.add(connection, person.name, notices.PROVIDER_CONNECTED)


async def end_sessions(
    connection: asyncpg.Connection, issuer: str, sid: str | None = None, subject: str | None = None
) -> list[tuple[str, int]]:
    """End sessions that a provider began, all or those of its session id and subject; people and numbers."""
    rows = await connection.fetch(_END, issuer, sid, subject)
    return [(row["person"], row["sessions"]) for row in rows]


async def of_person(connection: asyncpg.Connection | asyncpg.Pool, name: str) -> str:
    """The issuer that a person is bound to; empty if none."""
    found: str | None = await connection.fetchval(
        "SELECT issuer FROM switch.person_subject WHERE person = $1", name
    )
    return found or ""


async def unbind(connection: asyncpg.Connection, name: str) -> None:
    """Forget a person's subject: two people have invited the person again."""
    await connection.execute("DELETE FROM switch.person_subject WHERE person = $1", name)
