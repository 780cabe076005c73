"""Documents of changes that need two people, which both the API and the command line give."""

import json
from typing import Any

import asyncpg
import msgspec

from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity.model import Change
from switch.writer.context import ServiceContext


def change_document(change: Change) -> dict[str, Any]:
    """Describe a change in JSON types; the secret is included only for the person who just completed it."""
    document: dict[str, Any] = json.loads(msgspec.json.encode(change))
    document["content"] = json.loads(change.content)
    secret = document.pop("secret")
    return {**document, "checker_half": secret} if secret else document


async def foreseen_document(connection: asyncpg.Connection, change: Change) -> dict[str, Any]:
    """Add what the change affects (`links`) and, while it is requested, what it would do (`effect`)."""
    effect = await approvals.present_effect(connection, KINDS, change)
    return {
        **change_document(change),
        "effect": effect and effect.document(change.number),
        "links": [one.document() for one in await approvals.links(connection, KINDS, change)],
    }


async def full_document(services: ServiceContext, change: Change) -> dict[str, Any]:
    """Add `comparisons` while the change is requested: the values in force, and the factor to them."""
    async with services.pool.acquire() as connection:
        document = await foreseen_document(connection, change)
        compared = await approvals.compare(connection, services, KINDS, change)
    return {**document, "comparisons": [one.document() for one in compared]}
