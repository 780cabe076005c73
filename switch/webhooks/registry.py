"""Participants' webhooks, and the deliveries to them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from ledger.sql import statement
from schemas.errors import Changed, InvalidMessage, NotFound, Refused
from schemas.reasons import Reason
from switch.base.sql import statements

PER_PARTICIPANT: Final = 10
TEST: Final = 0
"""Sequence number of test deliveries, which no event has. A webhook has one, the last, tried once."""
_SEQ_AT: Final = statement("seq_at")
_TAKE_UP: Final = "UPDATE switch.webhook SET disabled = '', cursor = least(cursor, $2) WHERE id = $1"
"""LEAST of a number and NULL is the number."""
_statement: Final = statements("switch.webhooks")
_ADD: Final = _statement("add_webhook")
_DELIVERIES: Final = _statement("deliveries")
_LAST_ATTEMPT: Final = _statement("last_attempt")
_REPLAY: Final = _statement("replay_delivery")
_AGAIN: Final = _statement("deliver_again")
_TEST: Final = _statement("send_test")
_CHANGE: Final = _statement("change_webhook")
_LOCK: Final = "SELECT * FROM switch.webhook WHERE id = $1 AND participant = $2 FOR UPDATE"
_NO_WEBHOOK: Final = "no such webhook"
PAUSED: Final = "paused by its owner"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of a participant."""

    id: UUID
    participant: str
    url: str
    types: tuple[str, ...]
    cursor: int
    disabled: str

    def document(self) -> dict[str, Any]:
        """The webhook as its owner sees it."""
        return {
            "id": str(self.id),
            "url": self.url,
            "types": list(self.types),
            "cursor": self.cursor,
            "disabled": self.disabled or None,
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of one event to one webhook."""

    seq: int
    attempts: int
    status: int
    detail: str
    due_at: datetime | None
    done_at: datetime | None
    made_at: datetime
    micros: int
    """Duration until the response to the last attempt."""

    def document(self) -> dict[str, Any]:
        """The delivery as its receiver sees it."""
        return {
            "event": self.seq,
            "attempts": self.attempts,
            "status": self.status or None,
            "took_ms": self.micros // 1000 if self.attempts else None,
            "detail": self.detail or None,
            "next_at": self.due_at.isoformat() if self.due_at else None,
            "delivered_at": self.done_at.isoformat() if self.done_at else None,
        }


async def add(pool: asyncpg.Pool, participant: str, url: str, types: Sequence[str]) -> Webhook:
    """Deliver the participant's events to `url` from now on.

    Raises:
        Refused: the participant has too many webhooks already.

    """
    row = await pool.fetchrow(_ADD, participant, url, list(types), PER_PARTICIPANT)
    if row is None:
        raise Refused(
            f"at most {PER_PARTICIPANT} webhooks",
            reason=Reason.NARRATIVE,
            remedy=(
                "Remove a webhook that you no longer need (DELETE /v1/webhooks/{id}), or widen the types"
                " of one."
            ),
        )
    return _webhook(row)


async def of(pool: asyncpg.Pool, participant: str) -> list[Webhook]:
    """The participant's webhooks."""
    rows = await pool.fetch(
        "SELECT * FROM switch.webhook WHERE participant = $1 ORDER BY created_at, id", participant
    )
    return [_webhook(row) for row in rows]


async def get(pool: asyncpg.Pool, participant: str, id_: UUID) -> Webhook:
    """One webhook of a participant.

    Raises:
        NotFound: the participant has none of this id.

    """
    row = await pool.fetchrow(
        "SELECT * FROM switch.webhook WHERE id = $1 AND participant = $2", id_, participant
    )
    if row is None:
        raise NotFound(_NO_WEBHOOK)
    return _webhook(row)


async def change(
    pool: asyncpg.Pool,
    participant: str,
    id_: UUID,
    *,
    url: str | None,
    types: Sequence[str] | None,
    enabled: bool | None,
    seen: Callable[[Webhook], bool],
) -> Webhook:
    """Change what is given of a webhook. What waits for delivery goes to the new address, too.

    `seen` says whether the caller knows the present state; otherwise nothing is changed.

    Raises:
        NotFound: the participant has none of this id.
        Changed: the caller has not seen the present state.

    """
    disabled = None if enabled is None else "" if enabled else PAUSED
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, id_, participant)
        if row is None:
            raise NotFound(_NO_WEBHOOK)
        if not seen(_webhook(row)):
            raise Changed
        wanted = None if types is None else list(types)
        return _webhook(await connection.fetchrow(_CHANGE, id_, url, wanted, disabled))


async def remove(pool: asyncpg.Pool, participant: str, id_: UUID) -> None:
    """Delete a webhook and its deliveries.

    Raises:
        NotFound: the participant has none of this id.

    """
    await _check_owner(pool, participant, id_)
    await pool.execute("DELETE FROM switch.webhook WHERE id = $1", id_)


async def deliveries(
    pool: asyncpg.Pool,
    participant: str,
    id_: UUID,
    *,
    undelivered: bool,
    before: int | None = None,
    limit: int = 200,
) -> list[Delivery]:
    """Deliveries of a webhook, newest first, of events before `before`; or only undelivered ones.

    Raises:
        NotFound: the participant has none of this id.

    """
    await _check_owner(pool, participant, id_)
    rows = await pool.fetch(_DELIVERIES, id_, undelivered, limit, before)
    return [_delivery(row) for row in rows]


async def last_attempt(pool: asyncpg.Pool, id_: UUID) -> Delivery | None:
    """The newest delivery that was attempted; None if there is none."""
    row = await pool.fetchrow(_LAST_ATTEMPT, id_)
    return None if row is None else _delivery(row)


async def test(pool: asyncpg.Pool, participant: str, id_: UUID) -> None:
    """Send a test event to a webhook, once, soon; this does not re-enable a disabled webhook.

    Raises:
        NotFound: the participant has none of this id.
        Refused: the webhook is disabled.

    """
    await _check_owner(pool, participant, id_)
    if await pool.fetchval("SELECT disabled FROM switch.webhook WHERE id = $1", id_):
        raise Refused(
            "this webhook is disabled: replay a delivery first",
            reason=Reason.NARRATIVE,
            remedy="Enable it: PATCH /v1/webhooks/{id}, or replay a delivery once your endpoint answers 2xx.",
        )
    event = {
        "specversion": "1.0",
        "id": str(TEST),
        "source": "/v1/events",
        "type": "webhook.test",
        "subject": participant,
        "time": datetime.now(UTC).isoformat(),
        "data": {},
    }
    await pool.execute(_TEST, id_, TEST, json.dumps(event).encode())


async def replay(pool: asyncpg.Pool, participant: str, id_: UUID, seq: int) -> None:
    """Deliver an event again, and re-enable a disabled webhook.

    Raises:
        NotFound: the participant has no such delivery.

    """
    await _check_owner(pool, participant, id_)
    again = await pool.fetchval(_REPLAY, id_, seq)
    if again is None:
        raise NotFound("no such delivery")
    await pool.execute("UPDATE switch.webhook SET disabled = '' WHERE id = $1", id_)


async def replay_since(
    pool: asyncpg.Pool, participant: str, id_: UUID, *, since: datetime, undelivered: bool, keep: timedelta
) -> int:
    """Deliver all events since an instant again, or only undelivered ones; return the last event before it.

    Deliveries are created anew for events whose deliveries were deleted, or that are older than the webhook.
    Not so if only undelivered events are requested, because it is unknown whether these were delivered.

    Raises:
        NotFound: the participant has none of this id.
        InvalidMessage: the instant is in the future, or longer ago than deliveries are kept (`keep`).

    """
    await _check_owner(pool, participant, id_)
    now = datetime.now(UTC)
    if not now - keep <= since <= now:
        text = f"since must be an instant in the last {keep.days} days"
        raise InvalidMessage(text, path="since", rule="since")
    async with pool.acquire() as connection, connection.transaction():
        last: int = await connection.fetchval(_SEQ_AT, since - timedelta(microseconds=1)) or 0
        await connection.execute(_TAKE_UP, id_, None if undelivered else last)
        await connection.execute(_AGAIN, id_, last, undelivered)
    return last


async def _check_owner(pool: asyncpg.Pool, participant: str, id_: UUID) -> None:
    owner = await pool.fetchval("SELECT participant FROM switch.webhook WHERE id = $1", id_)
    if owner != participant:
        raise NotFound(_NO_WEBHOOK)


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        seq=row["seq"],
        attempts=row["attempts"],
        status=row["status"],
        detail=row["detail"],
        due_at=row["due_at"],
        done_at=row["done_at"],
        made_at=row["made_at"],
        micros=row["micros"],
    )


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook(
        row["id"], row["participant"], row["url"], tuple(row["types"]), row["cursor"], row["disabled"]
    )
