"""Events become deliveries, and deliveries arrive: at least once, patiently, within about three days."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import aiohttp
import asyncpg

from switch import events, metrics
from switch.webhooks.addresses import PublicResolver
from switch.webhooks.signing import WebhookKey

SCHEDULE_S: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds from one attempt to the next: about three days in all."""
ANSWER_WITHIN_S: Final = 15.0
AT_ONCE: Final = 32
_GONE: Final = 410
_OK: Final = range(200, 300)
_PAGE: Final = 200
_DUE: Final = """
SELECT d.webhook, d.seq, d.body, d.attempts, w.url
FROM switch.webhook_delivery AS d JOIN switch.webhook AS w ON w.id = d.webhook
WHERE d.due_at <= clock_timestamp() AND w.disabled = ''
ORDER BY d.due_at LIMIT $1
"""


class Messenger:
    """Delivers webhooks. One a database: the process holds a lock."""

    def __init__(self, pool: asyncpg.Pool, key: WebhookKey, *, sandbox: bool, time_scale: float) -> None:
        self._pool = pool
        self._key = key
        self._scale = time_scale
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE, resolver=None if sandbox else PublicResolver()),
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers={"User-Agent": "payswitch", "Content-Type": "application/json"},
        )

    async def tick(self) -> None:
        """One round: new events become deliveries, and what is due is tried."""
        for row in await self._pool.fetch("SELECT * FROM switch.webhook WHERE disabled = ''"):
            await self._fan_out(row)
        due = await self._pool.fetch(_DUE, AT_ONCE)
        await asyncio.gather(*(self._deliver(row) for row in due))

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def _fan_out(self, webhook: asyncpg.Record) -> None:
        """Make the deliveries of the events behind the webhook's cursor, and move it, in one transaction."""
        page = await events.read(self._pool, webhook["participant"], after=webhook["cursor"], limit=_PAGE)
        if page.next == webhook["cursor"]:
            return
        wanted = _wanted(page.events, webhook["types"])
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.executemany(
                "INSERT INTO switch.webhook_delivery (webhook, seq, body) VALUES ($1, $2, $3)"
                " ON CONFLICT DO NOTHING",
                [(webhook["id"], event.seq, json.dumps(event.document()).encode()) for event in wanted],
            )
            await connection.execute(
                "UPDATE switch.webhook SET cursor = $2 WHERE id = $1", webhook["id"], page.next
            )

    async def _deliver(self, row: asyncpg.Record) -> None:
        id_ = f"{row['webhook']}.{row['seq']}"
        headers = self._key.headers(id_, int(time.time()), row["body"])
        status, detail = await self._post(row["url"], row["body"], headers)
        if status in _OK:
            await self._ended(row, status, detail, delivered=True)
        elif status == _GONE:
            await self._pool.execute(
                "UPDATE switch.webhook SET disabled = 'the receiver said that it is gone' WHERE id = $1",
                row["webhook"],
            )
            await self._ended(row, status, detail, delivered=False)
        elif row["attempts"] >= len(SCHEDULE_S):
            await self._ended(row, status, detail, delivered=False)
        else:
            await self._later(row, status, detail)
        metrics.WEBHOOKS.labels(_result(status)).inc()

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Status and what happened; a status of 0 is no answer at all."""
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status, ""
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            return 0, type(error).__name__

    async def _ended(self, row: asyncpg.Record, status: int, detail: str, *, delivered: bool) -> None:
        await self._pool.execute(
            "UPDATE switch.webhook_delivery SET attempts = attempts + 1, status = $3, detail = $4,"
            " due_at = NULL, done_at = CASE WHEN $5 THEN clock_timestamp() END"
            " WHERE webhook = $1 AND seq = $2",
            row["webhook"],
            row["seq"],
            status,
            detail,
            delivered,
        )

    async def _later(self, row: asyncpg.Record, status: int, detail: str) -> None:
        pause = timedelta(seconds=SCHEDULE_S[row["attempts"]] * self._scale)
        await self._pool.execute(
            "UPDATE switch.webhook_delivery SET attempts = attempts + 1, status = $3, detail = $4,"
            " due_at = clock_timestamp() + $5 WHERE webhook = $1 AND seq = $2",
            row["webhook"],
            row["seq"],
            status,
            detail,
            pause,
        )


def _wanted(found: Sequence[events.Event], types: Sequence[str]) -> list[events.Event]:
    return [event for event in found if not types or event.document()["type"] in types]


def _result(status: int) -> str:
    if status in _OK:
        return "delivered"
    return "gone" if status == _GONE else "failed"
