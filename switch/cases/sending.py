"""The messenger sends notices of cases: one message for all that a recipient is to be told at the moment.

Notices are rows that the messenger ends when the mail server or the receiver has accepted the message; after
a crash in between the message is sent again, with the same id. One of a case that has ended, or of a person
without an address, is ended without a message.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

import aiohttp
import asyncpg
import structlog

from switch.base import mail, metrics, outward
from switch.base.mail import Mail
from switch.base.one_each import OneEach
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.cases import notices
from switch.cases.notices import EMAIL, ROLE, WEBHOOK
from switch.reports import wording
from switch.webhooks.signing import SigningKeys

SCHEDULE_S: Final = (10, 60, 300, 900, 3600, 3600, 3600)
"""Seconds between consecutive attempts: about four hours in all."""
AT_ONCE: Final = 50
"""Cases in one message; more are in the next one."""
ANSWER_WITHIN_S: Final = 15.0
_OK: Final = range(200, 300)
_statement: Final = statements("switch.cases")
_RECIPIENTS: Final = _statement("due_recipients")
_DUE: Final = _statement("due_notices")
_END: Final = _statement("end_notices")
_RETRY: Final = _statement("retry_notices")
_log = structlog.get_logger()


class NoticeSender:
    """Sends what is due. One per database: the messenger holds a lock."""

    def __init__(self, pool: asyncpg.Pool, keys: SigningKeys, settings: Settings) -> None:
        self._pool = pool
        self._keys = keys
        self._settings = settings
        self._served = OneEach("notice_failed")
        beside = outward.permitted_networks(settings, settings.notice_networks)
        self._session = outward.session(AT_ONCE, beside, ANSWER_WITHIN_S, "application/json")

    async def tick(self) -> None:
        """One round: start a message to each recipient that is to be told something now."""
        for row in await self._pool.fetch(_RECIPIENTS, [EMAIL, WEBHOOK], self._settings.notice_every_s):
            key = row["channel"], row["recipient"]
            self._served.start(key, partial(self._serve, *key))

    async def close(self) -> None:
        """Stop all messages; the next messenger sends them again."""
        await self._served.close()
        await self._session.close()

    async def _serve(self, channel: str, recipient: str) -> None:
        found = await self._pool.fetch(_DUE, channel, recipient, AT_ONCE)
        await self._end([row for row in found if row["is_over"]], "the case has ended", sent=False)
        rows = [row for row in found if not row["is_over"]]
        if not rows:
            return
        address = self._address(channel, recipient, rows[0])
        if not address:
            await self._end(rows, "there is no address", sent=False)
            return
        try:
            await (self._mail if channel == EMAIL else self._post)(address, rows)
        except (OSError, TimeoutError, ValueError, aiohttp.ClientError, ssl.SSLError) as error:
            await self._later(channel, rows, type(error).__name__)
        else:
            metrics.NOTICES.labels(channel, "sent").inc()
            await self._end(rows, "", sent=True)

    def _address(self, channel: str, recipient: str, row: asyncpg.Record) -> str:
        if channel == EMAIL and not self._settings.smtp_host:
            return ""
        if not recipient.startswith(ROLE):
            return row["email" if channel == EMAIL else "webhook"] or ""
        of_roles = self._settings.notice_emails if channel == EMAIL else self._settings.notice_webhooks
        return dict(of_roles).get(recipient.removeprefix(ROLE), "")  # type: ignore[call-overload, no-any-return]

    async def _mail(self, address: str, rows: Sequence[asyncpg.Record]) -> None:
        language = rows[0]["language"] or wording.ENGLISH
        sentences = [notices.sentence(language, row["file"], row["why"], row["kind"]) for row in rows]
        lines = [f"{said}\n{self._link(row['file'])}\n" for said, row in zip(sentences, rows, strict=True)]
        subject = sentences[0] if len(rows) == 1 else f"{sentences[0]} (+{len(rows) - 1})"
        message = Mail(f"notice-{rows[0]['number']}", address, f"payswitch: {subject}", "\n".join(lines))
        await asyncio.to_thread(mail.send, self._settings, message)

    async def _post(self, address: str, rows: Sequence[asyncpg.Record]) -> None:
        """Post one signed message, as webhooks of participants are.

        Raises:
            OSError: the receiver did not accept it.

        """
        body = json.dumps(
            {"type": "cases", "data": {"cases": [self._document(row) for row in rows]}}
        ).encode()
        headers = self._keys.headers(f"notice.{rows[0]['number']}", int(time.time()), body)
        async with self._session.post(address, data=body, headers=headers, allow_redirects=False) as answer:
            if answer.status not in _OK:
                raise OSError(f"http {answer.status}")

    def _document(self, row: asyncpg.Record) -> dict[str, object]:
        return {
            "case": row["file"],
            "kind": row["kind"],
            "why": row["why"],
            "since": row["since"].isoformat(),
            "due_at": row["deadline"].isoformat(),
            "href": self._link(row["file"]),
        }

    def _link(self, case: int) -> str:
        settings = self._settings
        authority = settings.authority or f"{settings.host}:{settings.port}"
        return f"{'http' if settings.sandbox else 'https'}://{authority}/console/cases/{case}"

    async def _end(self, rows: Sequence[asyncpg.Record], detail: str, *, sent: bool) -> None:
        if rows:
            await self._pool.execute(_END, [row["number"] for row in rows], sent, detail)

    async def _later(self, channel: str, rows: Sequence[asyncpg.Record], detail: str) -> None:
        metrics.NOTICES.labels(channel, "failed").inc()
        _log.warning("notice_not_sent", channel=channel, cases=len(rows), error=detail)
        for row in rows:
            attempts = row["attempts"]
            pause = SCHEDULE_S[attempts] if attempts < len(SCHEDULE_S) else None
            scaled = None if pause is None else pause * self._settings.time_scale
            await self._pool.execute(_RETRY, [row["number"]], detail, scaled)
