"""A participant's signing keys: list them, and request to add, retire or revoke one.

A person of the participant requests, another person approves: see `switch.approvals.approvals`. What the
switch requests for the participant waits here for its approval. A key is revoked at once.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotFound, Refused
from switch.api import key_use
from switch.api.people import may_see
from switch.approvals import approvals
from switch.base.sql import statements
from switch.change_catalogue import KINDS
from switch.identity.model import Change, ChangeState, Person, Role
from switch.pages import own
from switch.pages.own import BASE, Member
from switch.pages.shell import PREFIX, Context, Switch, form, redirect, render
from switch.participants import reads

router = APIRouter(prefix=PREFIX + BASE, include_in_schema=False)

CHANGE_KINDS: Final = {"add": "key.add", "retire": "key.retire", "revoke": "key.revoke"}
"""Kinds of change by the action of the form."""
_SUBJECTS: Final = ("keyid", "name", "id")
"""Field of a content that says what it is about, the first that it has."""
_CHANGES_MAX: Final = 20
_statement: Final = statements("switch.pages")
_CHANGES: Final = _statement("own_key_changes")


@router.get("/keys")
async def get_keys(request: Request, switch: Switch, context: Context, person: Member) -> Response:
    """Show the keys, the change requests and the forms."""
    return await _show(request, switch, context, person)


@router.post("/keys/{action}")
async def post_keys(
    request: Request,
    switch: Switch,
    context: Context,
    person: Member,
    action: Annotated[str, Path(pattern="^(add|retire|revoke)$")],
) -> Response:
    """Request a change of the keys; another person must approve, except a revocation."""
    values = await form(request)
    try:
        content = _content(action, values, person)
        await approvals.request(
            context, KINDS, person, CHANGE_KINDS[action], content=content, reason=values.get("reason", "")
        )
    except (InvalidMessage, Refused) as error:
        return await _show(
            request, switch, context, person, action=action, problem=error.detail, values=values
        )
    return redirect(request, f"{BASE}/keys")


@router.post("/keys/changes/{number}/withdraw")
async def post_withdraw(
    request: Request, context: Context, person: Member, number: Annotated[int, Path(ge=1, lt=2**63)]
) -> Response:
    """Withdraw one's own request; a request of another person is reported as not found."""
    async with context.pool.acquire() as connection:
        change = await approvals.find(connection, number)
    if change.maker != person.name:
        raise NotFound
    await approvals.withdraw(context, person, number)
    return redirect(request, f"{BASE}/keys")


def _content(action: str, values: Mapping[str, str], person: Person) -> dict[str, Any]:
    content: dict[str, Any] = {"participant": person.scope, "keyid": values.get("keyid", "").strip()}
    if action == "add":
        content["request"] = values.get("request", "").replace("\r\n", "\n").strip() + "\n"
        content["valid_from"] = own.instant(values.get("valid_from", ""))
        content["valid_until"] = own.instant(values.get("valid_until", ""))
    if action == "retire":
        content["at"] = own.instant(values.get("at", ""))
    return {name: value for name, value in content.items() if value is not None}


async def _show(
    request: Request,
    switch: Switch,
    context: Context,
    person: Person,
    *,
    action: str = "",
    problem: str = "",
    values: Mapping[str, str] | None = None,
) -> Response:
    keys = await reads.keys(switch.pool, person.scope)
    changes = await _changes(context, person.scope)
    return render(
        request,
        "own_keys.html",
        person,
        422 if problem else 200,
        keys=keys,
        living=[key for key in keys if key.state in {"in force", "future"}],
        uses={use.keyid: use for use in await key_use.read(switch.pool, person.scope)},
        changes=changes[:_CHANGES_MAX],
        readable={change.number for change, _, _ in changes if may_see(person, change)},
        more_changes=len(changes) > _CHANGES_MAX,
        changes_max=_CHANGES_MAX,
        open=ChangeState.REQUESTED,
        action=action,
        problem=problem,
        values=values or {},
        base=PREFIX + BASE,
    )


async def _changes(context: Context, participant: str) -> list[tuple[Change, str, str]]:
    """Changes of a participant's keys or that it must approve, one more than are shown.

    Each with its title and its subject: a key id, a person's name, or the id of an identity provider.
    """
    async with context.pool.acquire() as connection:
        seat = json.dumps([{"role": str(Role.PARTICIPANT), "scope": participant}])
        rows = await connection.fetch(
            _CHANGES, list(CHANGE_KINDS.values()), participant, _CHANGES_MAX + 1, seat
        )
        found = [await approvals.find(connection, row["number"]) for row in rows]
    contents = [json.loads(change.content) for change in found]
    return [
        (change, KINDS[change.kind].title, next((content[name] for name in _SUBJECTS if name in content), ""))
        for change, content in zip(found, contents, strict=True)
    ]
