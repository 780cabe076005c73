"""A participant's webhooks: addresses, secrets, undelivered events, a test delivery, and redelivery.

The actions are those of the API, and are recorded in the event log.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, Refused
from switch.api.runtime import Runtime
from switch.identity.model import Person
from switch.identity.permissions import Right, require
from switch.pages.own import BASE, Member
from switch.pages.shell import PREFIX, Switch, form, redirect, render
from switch.payments.events import TYPES
from switch.webhooks import addresses, registry, secrets, signing
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

router = APIRouter(prefix=PREFIX + BASE + "/webhooks", include_in_schema=False)

Id = Annotated[UUID, Path()]
_ROWS: Final = 100
Before = Annotated[int | None, Query(ge=1, lt=2**62)]
Seq = Annotated[int, Path(ge=1, lt=2**62)]


@router.get("")
async def get_webhooks(request: Request, switch: Switch, person: Member) -> Response:
    """Show the addresses, and the form to add one."""
    return await _show(request, switch, person)


@router.post("")
async def post_webhook(request: Request, switch: Switch, person: Member) -> Response:
    """Add an address."""
    require(person, Right.MANAGE_WEBHOOKS, participant=person.scope)
    values = await form(request)
    url = values.get("url", "").strip()
    try:
        addresses.check(url, switch.settings)
        types = [name for name in TYPES if name in values]
        added = await registry.add(switch.pool, person.scope, url, types)
    except (InvalidMessage, Refused) as error:
        return await _show(request, switch, person, problem=error.detail, values=values)
    await _note(switch.pool, EventKind.WEBHOOK_ADDED, person, added.id)
    return redirect(request, f"{BASE}/webhooks/{added.id}")


@router.get("/{webhook}")
async def get_webhook(  # noqa: PLR0917 - one per parameter
    request: Request,
    switch: Switch,
    person: Member,
    webhook: Id,
    before: Before = None,
    missed_before: Before = None,
) -> Response:
    """Show one address and its deliveries, newest first."""
    return await _show_one(request, switch, person, webhook, before=before, missed_before=missed_before)


@router.post("/{webhook}/remove")
async def post_remove(request: Request, switch: Switch, person: Member, webhook: Id) -> Response:
    """Remove an address."""
    require(person, Right.MANAGE_WEBHOOKS, participant=person.scope)
    await registry.remove(switch.pool, person.scope, webhook)
    await _note(switch.pool, EventKind.WEBHOOK_REMOVED, person, webhook)
    return redirect(request, f"{BASE}/webhooks")


@router.post("/{webhook}/test")
async def post_test(request: Request, switch: Switch, person: Member, webhook: Id) -> Response:
    """Send a test event to the address, once."""
    require(person, Right.MANAGE_WEBHOOKS, participant=person.scope)
    try:
        await registry.test(switch.pool, person.scope, webhook)
    except Refused as error:
        return await _show_one(request, switch, person, webhook, problem=error.detail)
    return redirect(request, f"{BASE}/webhooks/{webhook}")


@router.post("/{webhook}/secret")
async def post_secret(request: Request, switch: Switch, person: Member, webhook: Id) -> Response:
    """Make a new secret, and show it: only now, so there is no redirect."""
    require(person, Right.MANAGE_WEBHOOKS, participant=person.scope)
    found = await registry.get(switch.pool, person.scope, webhook)
    secret = await secrets.renew(switch.pool, switch.keys, found.id)
    await _note(switch.pool, EventKind.WEBHOOK_SECRET, person, found.id)
    return await _show_one(request, switch, person, found.id, secret=secret)


@router.post("/{webhook}/deliveries/{seq}/replay")
async def post_replay(
    request: Request,
    switch: Switch,
    person: Member,
    webhook: Id,
    seq: Seq,
) -> Response:
    """Deliver an event again immediately."""
    require(person, Right.MANAGE_WEBHOOKS, participant=person.scope)
    await registry.replay(switch.pool, person.scope, webhook, seq)
    return redirect(request, f"{BASE}/webhooks/{webhook}")


async def _show(
    request: Request,
    switch: Switch,
    person: Person,
    *,
    problem: str = "",
    values: Mapping[str, str] | None = None,
) -> Response:
    return render(
        request,
        "own_webhooks.html",
        person,
        422 if problem else 200,
        webhooks=await registry.of(switch.pool, person.scope),
        most=registry.PER_PARTICIPANT,
        public_keys=await signing.public_keys(switch.pool),
        types=TYPES,
        problem=problem,
        values=values or {},
        base=PREFIX + BASE,
    )


async def _show_one(
    request: Request,
    switch: Switch,
    person: Person,
    id_: UUID,
    *,
    problem: str = "",
    secret: str = "",
    before: int | None = None,
    missed_before: int | None = None,
) -> Response:
    found = await registry.get(switch.pool, person.scope, id_)
    last, older = await _deliveries(switch, person, id_, undelivered=False, before=before)
    missed, older_missed = await _deliveries(switch, person, id_, undelivered=True, before=missed_before)
    tests = await registry.deliveries(
        switch.pool, person.scope, id_, undelivered=False, before=registry.TEST + 1, limit=1
    )
    return render(
        request,
        "own_webhook.html",
        person,
        422 if problem else 200,
        webhook=found,
        secret=secret,
        secrets=await secrets.of(switch.pool, id_),
        test=next(iter(tests), None),
        missed=missed,
        last=last,
        older=older,
        older_missed=older_missed,
        problem=problem,
        now=datetime.now(UTC),
        base=PREFIX + BASE,
    )


async def _deliveries(
    switch: Runtime, person: Person, id_: UUID, *, undelivered: bool, before: int | None
) -> tuple[list[registry.Delivery], int | None]:
    """A page of deliveries without the test delivery, and where the next page begins."""
    found = await registry.deliveries(
        switch.pool, person.scope, id_, undelivered=undelivered, before=before, limit=_ROWS + 1
    )
    rows = [delivery for delivery in found if delivery.seq != registry.TEST]
    return rows[:_ROWS], rows[_ROWS - 1].seq if len(rows) > _ROWS else None


async def _note(pool: asyncpg.Pool, kind: EventKind, person: Person, webhook: UUID) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await note(connection, kind, person=person.name, participant=person.scope, webhook=str(webhook))
