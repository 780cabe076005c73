"""Changes to the keys that sign webhooks: two people add or retire a key."""

from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import IRREVERSIBLE, NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.webhooks import signing

_COUNT: Final = term("Keys that sign webhooks")
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('switch.webhook_key'))"


class NewWebhookKey(Content, frozen=True, kw_only=True):
    """A further key; the delivering process makes the key pair."""


class OldKey(Content, frozen=True, kw_only=True):
    """A key to retire."""

    number: Annotated[int, msgspec.Meta(title="Number", ge=1)]


async def _check_add(connection: asyncpg.Connection, _: NewWebhookKey) -> None:
    in_force = [key for key in await signing.published(connection) if key.retired_at is None]
    if len(in_force) >= signing.IN_FORCE_MAX:
        raise Refused(
            f"{len(in_force)} keys sign webhooks already: retire one first",
            reason=Reason.NARRATIVE,
            remedy="Retire the oldest key first (webhook_key.retire): GET /v1/webhook-keys lists them.",
        )


async def _add(execution: Execution, content: NewWebhookKey) -> None:
    await execution.connection.execute(_LOCK)
    await _check_add(execution.connection, content)
    number = await execution.connection.fetchval(
        "INSERT INTO switch.webhook_key DEFAULT VALUES RETURNING number"
    )
    execution.outcome = f"key {number} signs from now on, in addition to the previous one"


async def _check_retire(connection: asyncpg.Connection, content: OldKey) -> None:
    keys = await signing.published(connection)
    old = next((key for key in keys if key.number == content.number), None)
    if old is None or old.retired_at is not None:
        raise Refused(
            "no key of this number signs webhooks",
            reason=Reason.NARRATIVE,
            remedy="Use the number of a key in force: GET /v1/webhook-keys lists them.",
        )
    if not any(key.in_force for key in keys if key.number != content.number):
        raise Refused(
            "no other key would sign webhooks: add one first",
            reason=Reason.NARRATIVE,
            remedy=(
                "Add a key first (webhook_key.add), wait until receivers trust it, and retire this one then."
            ),
        )


async def _retire(execution: Execution, content: OldKey) -> None:
    await execution.connection.execute(_LOCK)
    await _check_retire(execution.connection, content)
    await execution.connection.execute(
        "UPDATE switch.webhook_key SET retired_at = clock_timestamp() WHERE number = $1", content.number
    )
    execution.outcome = f"key {content.number} no longer signs"


async def _effect_of_adding(connection: asyncpg.Connection, _: NewWebhookKey) -> Effect:
    count = sum(key.retired_at is None for key in await signing.published(connection))
    return Effect((Row(_COUNT, str(count), str(count + 1)),))


async def _effect_of_retiring(connection: asyncpg.Connection, content: OldKey) -> Effect:
    keys = await signing.published(connection)
    old = next((key for key in keys if key.number == content.number), None)
    retired = term("retired")
    now = NOTHING if old is None else retired if old.retired_at else term("in force")
    count = sum(key.retired_at is None for key in keys)
    left = sum(key.retired_at is None for key in keys if key.number != content.number)
    rows = Row(str(content.number), now, retired), Row(_COUNT, str(count), str(left))
    return Effect(rows, (IRREVERSIBLE,))


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "webhook_key.add",
        "Add a webhook signing key",
        NewWebhookKey,
        _add,
        _check_add,
        effect=_effect_of_adding,
        links=links_to(Subject.WEBHOOK_KEY),
    ),
    ChangeKind(
        "webhook_key.retire",
        "Retire a webhook signing key",
        OldKey,
        _retire,
        _check_retire,
        effect=_effect_of_retiring,
        links=links_to(Subject.WEBHOOK_KEY, "number"),
    ),
)
