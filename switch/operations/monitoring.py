"""Payments for an outside monitor: Tazama's Transaction Monitoring Service, by pacs.008 and pacs.002.

The source is the log, so no payment is left out: what was accepted, when it was accepted, and its end. One
message after another, in the order of the log, each at least once: the place in the log is stored after every
batch and at every failure. Nothing here delays a payment, and an outage of the monitor only makes the place
older: the sender tries again with pauses that double, for as long as it takes. A message that the monitor
refuses for what it contains is counted and left out with the end of its payment, so that it stops no others.
"""

import time
from time import monotonic
from typing import Final
from uuid import UUID

import aiohttp
import asyncpg
import structlog

from schemas import codec
from schemas.money import Money
from switch.base import metrics, outward, personal_data
from switch.base.personal_data import Erased
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.operations import tazama
from switch.writer.lifecycle import Event

AT_ONCE: Final = 100
"""Events of one batch."""
PAUSE_MAX_S: Final = 60.0
ANSWER_WITHIN_S: Final = 15.0
_BEGINNINGS: Final = (Event.RESERVE, Event.SEND)
_OK: Final = range(200, 300)
_REFUSED: Final = frozenset({400, 413, 415, 422})
"""Statuses that say that the message itself is not wanted: the same again would change nothing."""
_statement: Final = statements("switch.operations")
_PLACE: Final = _statement("monitor_place")
_KEEP: Final = _statement("keep_monitor_place")
_EVENTS: Final = _statement("monitored_events")
_LAST: Final = "SELECT next_seq - 1 FROM ledger.head"
_log = structlog.get_logger()


class MonitorAway(Exception):
    """The monitor did not take a message: the same one is sent again later. The text says how."""


class MonitorFeed:
    """Sends what is new. One per database, in the caretaker."""

    def __init__(self, pool: asyncpg.Pool, settings: Settings) -> None:
        self._pool = pool
        self._keys = personal_data.load(settings.personal_data_keys)
        self._address = settings.monitor_url.rstrip("/")
        self._token_file = settings.monitor_token_file
        self._tls = outward.trusting(settings.monitor_ca)
        self._session = outward.session(
            1,
            outward.permitted_networks(settings, settings.monitor_networks),
            ANSWER_WITHIN_S,
            media_type="application/json",
        )
        self._pause_s = 0.0
        self._next_at = 0.0
        self._waits_since: float | None = None
        """When the event was recorded that the monitor does not take."""
        self._left_out: set[UUID] = set()
        """Payments of which the monitor has no pacs.008: it gets no pacs.002 either."""
        for result in ("sent", "refused", "left_out", "failed"):
            metrics.MONITOR_MESSAGES.labels(result)

    async def tick(self) -> None:
        """Send everything that is new, unless the monitor is away and it is too early to try again."""
        more = True
        while more and monotonic() >= self._next_at:
            more = await self._send_batch()
        metrics.MONITOR_AGE.set(0 if self._waits_since is None else time.time() - self._waits_since)

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()

    async def _send_batch(self) -> bool:
        """Send one batch; whether there may be more now."""
        last = await self._pool.fetchval(_LAST)
        place = await self._pool.fetchval(_PLACE, last)
        rows = await self._pool.fetch(_EVENTS, place, last, _BEGINNINGS, list(tazama.ENDS), AT_ONCE)
        sent = place
        try:
            for row in rows:
                await self._send(row)
                sent = row["seq"]
        except MonitorAway as away:
            self._waits_since = row["at"].timestamp()
            metrics.MONITOR_MESSAGES.labels("failed").inc()
            self._pause_s = min(max(1.0, 2 * self._pause_s), PAUSE_MAX_S)
            self._next_at = monotonic() + self._pause_s
            _log.warning("monitor_away", cause=str(away), again_s=self._pause_s)
        else:
            self._pause_s, self._waits_since = 0.0, None
            sent = sent if len(rows) == AT_ONCE else last
        if sent != place:
            await self._pool.execute(_KEEP, sent)
        return len(rows) == AT_ONCE and self._pause_s == 0

    async def _send(self, row: asyncpg.Record) -> None:
        uetr, is_end = row["uetr"], row["kind"] in tazama.ENDS
        definition = tazama.STATUS if is_end else tazama.PAYMENT
        try:
            body = None if uetr in self._left_out else self._message(row)
        except Erased:
            body = None
        status = 0 if body is None else await self._post(definition, body)
        if body is None:
            result = "left_out"
        elif status in _OK:
            result = "sent"
        elif status in _REFUSED:
            _log.error("monitor_refused", status=status, definition=definition, uetr=str(uetr))
            result = "refused"
        else:
            raise MonitorAway(f"status {status}")
        metrics.MONITOR_MESSAGES.labels(result).inc()
        if is_end:
            self._left_out.discard(uetr)
        elif result != "sent":
            self._left_out.add(uetr)

    def _message(self, row: asyncpg.Record) -> bytes:
        """What an event is for the monitor.

        Raises:
            Erased: the data of the payment was erased.

        """
        uetr, fee = str(row["uetr"]), Money(row["fee_minor"], row["debit_currency"])
        agents = row["debtor_bic"] or "", row["creditor_bic"] or ""
        if row["kind"] in tazama.ENDS:
            return tazama.status(uetr, row["kind"], row["at"], fee, agents)
        if row["raw"] is None:
            raise Erased
        raw = self._keys.open(row["uetr"], personal_data.CAME, row["sealed"], row["raw"])
        content = codec.again(raw, row["message_name"]).content
        return tazama.payment(content, uetr, fee, agents)

    async def _post(self, definition: str, body: bytes) -> int:
        url = f"{self._address}{tazama.PATH}{definition}"
        try:
            # Read at each request: tokens of Tazama expire, and whoever renews them writes the file.
            token = outward.authorization(self._token_file)
            async with self._session.post(
                url, data=body, ssl=self._tls, headers=token, allow_redirects=False
            ) as answer:
                return answer.status
        except TimeoutError:
            raise MonitorAway("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise MonitorAway(outward.cause_of(error)) from None
