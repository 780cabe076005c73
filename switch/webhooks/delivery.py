"""Create deliveries from events and deliver them at least once, with retries for about three days.

A slow receiver delays only its own deliveries: each endpoint with due deliveries has a task of its own with a
few deliveries at once, and each participant has a limit for all of its endpoints together.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

import aiohttp
import asyncpg
import structlog

from schemas.errors import CursorAhead
from switch.base import metrics, outward, personal_data
from switch.base.one_each import OneEach
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments import events
from switch.webhooks import secrets
from switch.webhooks.registry import TEST
from switch.webhooks.signing import SigningKeys

SCHEDULE_S: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds between consecutive attempts: about three days in all."""
ANSWER_WITHIN_S: Final = 15.0
AT_ONCE: Final = 512
OF_PARTICIPANT: Final = 16
OF_ENDPOINT: Final = 4
"""Limits of concurrent deliveries: in total, per participant, and per endpoint."""
_GONE: Final = 410
_OK: Final = range(200, 300)
_PAGE: Final = 200
_statement: Final = statements("switch.webhooks")
_CREATE: Final = _statement("add_delivery_of_event")
_END: Final = _statement("end_delivery")
_RETRY: Final = _statement("retry_later")
_MOVE: Final = "UPDATE switch.webhook SET cursor = $2 WHERE id = $1 AND cursor = $3"
"""A replay may have moved the cursor back meanwhile: then it stays there."""
_WAITING: Final = _statement("waiting_webhooks")
_DUE: Final = _statement("due_deliveries_of_webhook")

_log = structlog.get_logger()


class Attempt(NamedTuple):
    """Result of one attempt; a status of 0 means no response."""

    status: int
    detail: str
    micros: int


class Messenger:
    """Delivers webhooks. One per database: the process holds a lock."""

    def __init__(self, pool: asyncpg.Pool, keys: SigningKeys, settings: Settings) -> None:
        self._pool = pool
        self._keys = keys
        self._sealing = personal_data.load(settings.personal_data_keys)
        self._scale = settings.time_scale
        self._served = OneEach("delivery_failed")
        self._all = asyncio.Semaphore(AT_ONCE)
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(partial(asyncio.Semaphore, OF_PARTICIPANT))
        beside = outward.permitted_networks(settings, settings.webhook_networks)
        self._session = outward.session(AT_ONCE, beside, ANSWER_WITHIN_S, "application/json")

    async def tick(self) -> None:
        """One round: create deliveries of new events, and start a task for each endpoint with due ones."""
        await self._keys.refresh(self._pool)
        for row in await self._pool.fetch("SELECT * FROM switch.webhook WHERE disabled = ''"):
            try:
                await self._fan_out(row)
            except asyncpg.ForeignKeyViolationError:
                continue  # its owner has just removed it
            except CursorAhead as error:  # one webhook must not stop the others
                _log.error("webhook_cursor_ahead", webhook=str(row["id"]), detail=str(error))
                await self._pool.execute(_MOVE, row["id"], error.resume, row["cursor"])
        for row in await self._pool.fetch(_WAITING):
            self._served.start(row["id"], partial(self._serve, row["id"], row["participant"]))

    async def close(self) -> None:
        """Stop all tasks. Deliveries in progress stay due, and the next messenger delivers them again."""
        await self._served.close()
        await self._session.close()

    async def _serve(self, webhook: UUID, participant: str) -> None:
        """Deliver to one endpoint until nothing is due."""
        while due := await self._pool.fetch(_DUE, webhook, OF_ENDPOINT):
            await asyncio.gather(*(self._in_turn(row, participant) for row in due))

    async def _in_turn(self, row: asyncpg.Record, participant: str) -> None:
        async with self._turns[participant], self._all:
            await self._deliver(row)

    async def _fan_out(self, webhook: asyncpg.Record) -> None:
        """Create deliveries of the events after a webhook's cursor, and move it, in one transaction."""
        page = await events.read(self._pool, webhook["participant"], after=webhook["cursor"], limit=_PAGE)
        if page.next == webhook["cursor"]:
            return
        wanted = _wanted(page.events, webhook["types"])
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.executemany(
                _CREATE,
                [
                    (webhook["id"], event.seq, json.dumps(event.document()).encode(), event.subject)
                    for event in wanted
                ],
            )
            await connection.execute(_MOVE, webhook["id"], page.next, webhook["cursor"])

    async def _deliver(self, row: asyncpg.Record) -> None:
        id_ = f"{row['webhook']}.{row['seq']}"
        shared = secrets.opened(self._sealing, row["webhook"], row["secrets"])
        headers = self._keys.headers(id_, int(time.time()), row["body"], shared)
        started = time.perf_counter()
        status, detail = await self._post(row["url"], row["body"], headers)
        attempt = Attempt(status, detail, int((time.perf_counter() - started) * 1e6))
        if status in _OK:
            await self._ended(row, attempt, delivered=True)
        elif status == _GONE:
            await self._pool.execute(
                "UPDATE switch.webhook SET disabled = 'the receiver responded 410 Gone' WHERE id = $1",
                row["webhook"],
            )
            await self._ended(row, attempt, delivered=False)
        elif row["seq"] == TEST or row["attempts"] >= len(SCHEDULE_S):
            await self._ended(row, attempt, delivered=False)
        else:
            await self._later(row, attempt)
        metrics.WEBHOOKS.labels(_result(status)).inc()

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Return the status and a detail; a status of 0 means no response."""
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status, ""
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            return 0, type(error).__name__

    async def _ended(self, row: asyncpg.Record, attempt: Attempt, *, delivered: bool) -> None:
        await self._pool.execute(_END, row["webhook"], row["seq"], *attempt, delivered)

    async def _later(self, row: asyncpg.Record, attempt: Attempt) -> None:
        pause = timedelta(seconds=SCHEDULE_S[row["attempts"]] * self._scale)
        await self._pool.execute(_RETRY, row["webhook"], row["seq"], *attempt, pause)


def _wanted(found: Sequence[events.PaymentEvent], types: Sequence[str]) -> list[events.PaymentEvent]:
    return [event for event in found if not types or event.document()["type"] in types]


def _result(status: int) -> str:
    if status in _OK:
        return "delivered"
    return "gone" if status == _GONE else "failed"
