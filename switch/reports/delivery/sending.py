"""The messenger delivers the outbox of reports, each destination on its own, and keeps the receipts."""

import asyncio
import hashlib
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg
import structlog

from switch.base import metrics
from switch.base.one_each import OneEach
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.reports.delivery import address as addresses
from switch.reports.delivery.address import InvalidAddress
from switch.reports.delivery.making import package_file
from switch.reports.delivery.transports import DeliveryFailed, Parcel, Transports
from switch.webhooks.signing import SigningKeys

SCHEDULE_S: Final = (10, 60, 300, 1800, 7200, 21_600)
"""Seconds between consecutive attempts; the last one is repeated."""
GIVEN_UP_AFTER: Final = timedelta(days=14)
_ANSWER_MAX: Final = 300
_statement: Final = statements("switch.reports.delivery")
_REPEAT: Final = _statement("repeat_report_deliveries")
_DUE: Final = _statement("due_report_deliveries")
_END: Final = _statement("end_report_delivery")
_RETRY: Final = _statement("retry_report_delivery")
_log = structlog.get_logger()


class ReportSender:
    """Delivers what is due. One per database: the messenger holds a lock."""

    def __init__(self, pool: asyncpg.Pool, keys: SigningKeys, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._transports = Transports(settings, keys)
        self._served = OneEach("report_delivery_failed")

    async def tick(self) -> None:
        """One round: start a delivery to each destination that has one due."""
        await self._pool.execute(_REPEAT)
        for row in await self._pool.fetch(_DUE):
            self._served.start(row["destination"], partial(self._deliver, row))

    async def close(self) -> None:
        """Stop all deliveries; what is under way stays due."""
        await self._served.close()
        await self._transports.close()

    async def _deliver(self, row: asyncpg.Record) -> None:
        try:
            to = addresses.parse(row["address"])
            answer = await self._transports.send(to, await asyncio.to_thread(self._parcel, row))
        except (DeliveryFailed, InvalidAddress) as error:
            metrics.REPORT_ATTEMPTS.labels("failed").inc()
            await self._later(row, str(error))
        else:
            metrics.REPORT_ATTEMPTS.labels("delivered").inc()
            await self._pool.execute(_END, row["number"], answer[:_ANSWER_MAX], row["address"])

    def _parcel(self, row: asyncpg.Record) -> Parcel:
        file = package_file(self._settings.data / "reports", row["sha256"])
        octets = file.read_bytes() if file.is_file() else b""
        if hashlib.sha256(octets).digest() != row["sha256"]:
            raise DeliveryFailed(f"{file} is not on this machine, or was changed")
        return Parcel(
            id=f"report.{row['number']}",
            name=row["name"],
            octets=octets,
            sha256=row["sha256"].hex(),
            destination=row["destination"],
            host_key=row["host_key"],
            access_key=row["access_key"],
            region=row["region"],
        )

    async def _later(self, row: asyncpg.Record, why: str) -> None:
        pause = SCHEDULE_S[min(row["attempts"], len(SCHEDULE_S) - 1)] * self._settings.time_scale
        gives_up = row["now"] - row["made_at"] > GIVEN_UP_AFTER
        _log.warning("report_not_delivered", number=row["number"], destination=row["destination"])
        await self._pool.execute(_RETRY, row["number"], why[:_ANSWER_MAX], timedelta(seconds=pause), gives_up)
