"""Changes to the register of identity providers: whose people sign in with OpenID Connect, and as what."""

from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.content import refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import CHECKER, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.identity import openid, providers
from switch.identity.model import Person, Role, Seat
from switch.identity.providers import IdentityProvider
from switch.participants import agreement
from switch.writer.audit_notes import note
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

Id = Annotated[
    str,
    msgspec.Meta(
        title="Id of the provider",
        pattern="^[a-z][a-z0-9-]{1,30}$",
        description="2 to 31 lower-case letters, digits and hyphens, such as asha-login",
    ),
]
Grant = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\s=]{1,200}=(participant|operator|checker|regulator|auditor|officer)$",
        description="a group of the provider and a role, such as payswitch-checkers=checker",
    ),
]
Factor = Annotated[
    str, msgspec.Meta(pattern=r"^\S{1,200}$", description="values of acr or amr, such as mfa or otp")
]
_statement: Final = statements("switch.participants")
_SET: Final = _statement("set_identity_provider")


class SetProvider(Content, frozen=True, kw_only=True):
    """A provider whose people may sign in. Its client secret is a file, never part of a change."""

    id: Id
    title: Annotated[str, msgspec.Meta(title="Display name", min_length=1, max_length=60)]
    issuer: Annotated[
        str,
        msgspec.Meta(
            title="Issuer",
            pattern=r"^https?://\S+$",
            max_length=300,
            description="the https address of the provider, such as https://login.bank.example",
        ),
    ]
    client_id: Annotated[
        str,
        msgspec.Meta(
            title="Client id",
            pattern=r"^[!-~]{1,200}$",
            description="1 to 200 visible ASCII characters, such as payswitch",
        ),
    ]
    scope: Annotated[str, msgspec.Meta(title="Country or participant", max_length=35)] = ""
    claim: Annotated[
        str,
        msgspec.Meta(
            title="Claim with groups",
            pattern="^[A-Za-z0-9_.:/-]{1,100}$",
            description="the name of a claim, such as groups",
        ),
    ] = "groups"
    grants: Annotated[list[Grant], msgspec.Meta(title="Groups and roles", min_length=1, max_length=50)]
    just_in_time: Annotated[bool, msgspec.Meta(title="Add people at their first sign-in")] = False
    second_factors: Annotated[
        list[Factor], msgspec.Meta(title="Second factors of the provider", max_length=20)
    ] = msgspec.field(default_factory=list)


class RemoveProvider(Content, frozen=True, kw_only=True):
    """One provider."""

    id: Id


async def _judge(context: ServiceContext, content: SetProvider) -> None:
    """Judge the issuer as it will be judged when somebody signs in: host, TLS, metadata and keys.

    Raises:
        Refused: nobody could sign in with it.

    """
    fault = await openid.fault_of(content.issuer, reach=context.reach)
    if fault:
        raise Refused(
            fault,
            reason=Reason.NARRATIVE,
            path="issuer",
            remedy="Correct the issuer, or mend the provider's metadata and keys, and request it again.",
        )


async def _check_set(connection: asyncpg.Connection, content: SetProvider) -> None:
    if not openid.is_address(content.issuer, sandbox=True):
        raise refuse(
            "the issuer must be an https address without user, query or fragment",
            remedy="State the issuer as the provider's metadata has it, such as https://login.example.",
        )
    known = await providers.everyone(connection)
    if any((one.id == content.id) != (one.issuer == content.issuer) for one in known):
        raise refuse(
            "an issuer has one id, and an id keeps its issuer: remove the provider first",
            remedy=(
                "Remove the provider first, or use the id that GET /v1/identity-providers shows for this"
                " issuer."
            ),
        )
    if any(one.id == content.id and one.scope != content.scope for one in known):
        raise refuse(
            "a provider keeps its country or participant: remove it first",
            remedy="Remove the provider first, and add it with the new scope.",
        )
    roles = _roles(content)
    if len({grant.rsplit("=", 1)[0] for grant in content.grants}) != len(content.grants):
        raise refuse("a group grants one role", remedy="Name each group once, with one role.")
    fault = providers.faults(
        content.scope, roles, just_in_time=content.just_in_time, second_factors=content.second_factors
    )
    if fault:
        raise refuse(fault, remedy="Correct the groups and roles by the text, and request it again.")
    if content.scope and not await connection.fetchval(
        "SELECT true FROM switch.participant WHERE (id = $1 AND status <> 'removed') OR country = $1 LIMIT 1",
        content.scope,
    ):
        raise refuse(
            "no such participant, and no participants from such a country",
            remedy="Use an id of GET /v1/participants, or the country code of one of them.",
        )
    if content.scope and not await agreement.has_joined(connection, _role(content.scope), content.scope):
        raise refuse(
            "an identity provider comes after the first key in force and the first enrolled person of a"
            " participant, and after the first enrolled person of a central bank",
            remedy=(
                "Have a key put in force and a person enrolled there first (payswitch keys, payswitch"
                " people)."
            ),
        )


def _role(scope: str) -> Role:
    return Role.REGULATOR if len(scope) == 2 else Role.PARTICIPANT  # noqa: PLR2004 - a country


def _roles(content: SetProvider) -> list[Role]:
    return [Role(grant.rsplit("=", 1)[1]) for grant in content.grants]


async def _set(execution: Execution, content: SetProvider) -> None:
    await execution.connection.execute(
        _SET,
        content.id,
        content.title,
        content.issuer,
        content.client_id,
        content.scope,
        content.claim,
        content.grants,
        content.just_in_time,
        content.second_factors,
    )
    execution.outcome = f"people of {content.id} may sign in"


async def _check_remove(connection: asyncpg.Connection, content: RemoveProvider) -> None:
    if await providers.find(connection, content.id) is None:
        raise refuse("no such identity provider", remedy="Use an id of GET /v1/identity-providers.")


async def _remove(execution: Execution, content: RemoveProvider) -> None:
    connection = execution.connection
    provider = await providers.find(connection, content.id)
    assert provider is not None  # checked in this transaction
    await connection.execute("DELETE FROM switch.identity_provider WHERE id = $1", content.id)
    for name, count in await providers.end_sessions(connection, provider.issuer):
        await note(connection, EventKind.SESSION_ENDED, person=name, provider=content.id, sessions=count)
    execution.outcome = f"people of {content.id} may no longer sign in"


async def _effect_of_setting(connection: asyncpg.Connection, content: SetProvider) -> Effect:
    old = await providers.find(connection, content.id)
    before = _values(old) if old else {}
    after = {
        "Issuer": content.issuer,
        "Client id": content.client_id,
        "Country or participant": content.scope or NOTHING,
        "Groups and roles": f"{content.claim}: {' '.join(sorted(content.grants))}",
        "Add people at their first sign-in": "yes" if content.just_in_time else "no",
        "Second factors of the provider": " ".join(sorted(content.second_factors)) or NOTHING,
    }
    return Effect(tuple(Row(_TERMS[name], before.get(name, NOTHING), value) for name, value in after.items()))


_TERMS: Final = {
    "Issuer": term("Issuer"),
    "Client id": term("Client id"),
    "Country or participant": term("Country or participant"),
    "Groups and roles": term("Groups and roles"),
    "Add people at their first sign-in": term("Add people at their first sign-in"),
    "Second factors of the provider": term("Second factors of the provider"),
}


def _values(provider: IdentityProvider) -> dict[str, str]:
    grants = sorted(f"{group}={role}" for group, role in provider.grants.items())
    return {
        "Issuer": provider.issuer,
        "Client id": provider.client_id,
        "Country or participant": provider.scope or NOTHING,
        "Groups and roles": f"{provider.claim}: {' '.join(grants)}",
        "Add people at their first sign-in": "yes" if provider.just_in_time else "no",
        "Second factors of the provider": " ".join(sorted(provider.second_factors)) or NOTHING,
    }


async def _effect_of_removing(connection: asyncpg.Connection, content: RemoveProvider) -> Effect:
    old = await providers.find(connection, content.id)
    rows = _values(old).items() if old else ()
    removed = Row(term("Id of the provider"), content.id, NOTHING)
    return Effect((removed, *(Row(_TERMS[name], value, NOTHING) for name, value in rows)))


async def _seats(connection: asyncpg.Connection, content: SetProvider, _maker: Person) -> tuple[Seat, ...]:
    """A checker; and the participant or the central bank in whose name the people will act."""
    if not content.scope:
        return (CHECKER,)
    return (CHECKER, *await agreement.own_seats(connection, _role(content.scope), content.scope))


_LINKS: Final = links_to(Subject.IDENTITY_PROVIDER, "id")
KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "identity_provider.set",
        "Register or change an identity provider",
        SetProvider,
        _set,
        _check_set,
        judge=_judge,
        effect=_effect_of_setting,
        links=_LINKS,
        seats=_seats,
    ),
    ChangeKind(
        "identity_provider.remove",
        "Remove an identity provider",
        RemoveProvider,
        _remove,
        _check_remove,
        effect=_effect_of_removing,
        links=_LINKS,
    ),
)
