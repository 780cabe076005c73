"""Sign-in with an identity provider: from the redirect to the session, and its end by the provider.

What is compared with the provider's answer travels in a sealed ticket in a cookie of the browser that began,
so an answer that was started elsewhere is refused, and each answer works once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from schemas.errors import NotAuthentic
from switch.identity import factors, openid, providers, sessions, sign_in, tickets
from switch.identity.devices import Device
from switch.identity.model import Person, Status
from switch.identity.providers import IdentityProvider
from switch.writer.audit_notes import note
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

BEGUN: Final = "sign-in with a provider"
SECOND: Final = "second factor after a provider"
_REFUSED: Final = "the identity provider's answer gives no access here"


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the ticket that it keeps until it returns."""

    address: str
    ticket: str


@dataclass(frozen=True, slots=True)
class SignInOutcome:
    """The outcome of an answer: the token of a session, or the ticket of one that lacks a second factor.

    Both are empty after a person was bound to the provider.
    """

    next: str
    token: str = ""
    second: str = ""


async def begin(context: ServiceContext, id_: str, redirect: str, next_: str, person: str = "") -> Begun:
    """Begin a sign-in, or for a signed-in `person` the binding to the provider.

    Raises:
        NotAuthentic: no such provider.
        Unavailable: it does not answer.

    """
    provider = await providers.find(context.pool, id_)
    if provider is None:
        raise NotAuthentic("no such identity provider")
    request = await openid.begin(provider, redirect, reach=context.reach)
    ticket = tickets.issue(
        context.data,
        BEGUN,
        provider=id_,
        state=request.state,
        nonce=request.nonce,
        verifier=request.verifier,
        next=next_,
        person=person,
    )
    return Begun(request.address, ticket)


async def finish(
    context: ServiceContext, ticket_text: str, answer: Mapping[str, str], *, redirect: str, device: Device
) -> SignInOutcome:
    """Take a provider's answer.

    Raises:
        NotAuthentic: it is not valid, was used before, or gives no access.
        Unavailable: the provider does not answer.

    """
    ticket = tickets.read(context.data, BEGUN, ticket_text)
    begun = ticket.content
    provider = await providers.find(context.pool, begun["provider"])
    if provider is None:
        raise NotAuthentic(_REFUSED)
    async with context.pool.acquire() as connection:
        if not await tickets.use(connection, ticket):
            raise NotAuthentic("this form has expired: open it again")
    request = openid.ProviderRequest("", begun["state"], begun["nonce"], begun["verifier"])
    claims = await openid.finish(
        provider, request, answer, redirect=redirect, data=context.data, reach=context.reach
    )
    if begun["person"]:
        await _bind(context, provider, claims, begun["person"])
        return SignInOutcome(begun["next"])
    return await _enter(context, provider, claims, begun["next"], device)


async def _bind(
    context: ServiceContext, provider: IdentityProvider, claims: Mapping[str, Any], name: str
) -> None:
    async with context.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow("SELECT * FROM switch.person WHERE name = $1 FOR UPDATE", name)
        person: Person | None = row and sessions.person_of(row)
        if person is None or person.status is not Status.ACTIVE:
            raise NotAuthentic(_REFUSED)
        await providers.bind(connection, provider, claims, person)


async def _enter(
    context: ServiceContext,
    provider: IdentityProvider,
    claims: Mapping[str, Any],
    next_: str,
    device: Device,
) -> SignInOutcome:
    at = sessions.AtProvider(provider.issuer, claims.get("sid", ""))
    async with context.pool.acquire() as connection, connection.transaction():
        name = await providers.person_of(connection, provider, claims)
        if name and provider.has_second_factor(claims):
            await note(connection, EventKind.SIGNED_IN, person=name, provider=provider.id)
            return SignInOutcome(next_, await sessions.begin(connection, name, device, at))
    if not name:
        raise NotAuthentic(_REFUSED)
    second = tickets.issue(
        context.data, SECOND, person=name, provider=provider.id, issuer=at.issuer, sid=at.sid, next=next_
    )
    return SignInOutcome(next_, second=second)


async def prove(
    context: ServiceContext, ticket_text: str, proof: factors.FactorProof, device: Device
) -> SignInOutcome:
    """Prove the second factor after a provider's answer; errors count as at any sign-in.

    Raises:
        NotAuthentic: it is wrong, or the ticket has expired.

    """
    ticket = tickets.read(context.data, SECOND, ticket_text)
    content = ticket.content
    name, at = content["person"], sessions.AtProvider(content["issuer"], content["sid"])

    async def begin(connection: asyncpg.Connection) -> str:
        if not await tickets.use(connection, ticket):
            return ""
        await note(connection, EventKind.SIGNED_IN, person=name, provider=content["provider"])
        return await sessions.begin(connection, name, device, at)

    token = await sign_in.with_factor(context, name, proof, begin)
    return SignInOutcome(content["next"], token)


async def log_out(context: ServiceContext, token: str) -> None:
    """End sessions at the request of a provider (back-channel logout).

    Raises:
        NotAuthentic: the token is not of a provider of ours, or was used before.

    """
    issuer = openid.issuer_of(token)
    known = await providers.everyone(context.pool)
    provider = next((one for one in known if one.issuer == issuer), None)
    if provider is None:
        raise NotAuthentic(_REFUSED)
    claims = await openid.logout_claims(provider, token, reach=context.reach)
    async with context.pool.acquire() as connection, connection.transaction():
        if not await tickets.use(
            connection, tickets.of_token(issuer, claims["jti"], openid.ISSUED_WITHIN_S * 2)
        ):
            raise NotAuthentic("this token was used before")
        ended = await providers.end_sessions(connection, issuer, claims.get("sid"), claims.get("sub"))
        for name, count in ended:
            await note(connection, EventKind.SESSION_ENDED, person=name, provider=provider.id, sessions=count)
