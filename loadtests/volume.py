"""Disk and write-ahead log of a payment: `python -m loadtests volume [--json] [--payments N] [--publish]`.

Payments go through the writer in batches, on an embedded PostgreSQL of its own. Each has the bytes of a real
one: a message of 2,861 bytes and an order of 1,500 (encrypted, so they do not compress), three legs in two
currencies, three claims. PostgreSQL itself counts: sizes of tables and indexes, and positions of its log.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import psutil

from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres
from ledger.writer import Writer
from loadtests import keeping
from switch.operations import export
from switch.writer.commands import Accept, Advance, Claim, CommandLeg, Fund, Identity, OpenAccount, Terms
from switch.writer.lifecycle import Event
from switch.writer.payment_book import PaymentBook

MESSAGE_BYTES: Final = 2_861
ORDER_BYTES: Final = 1_500
BATCH: Final = 64
_HOUR_US: Final = 3_600_000_000
_DAYS_US: Final = 35 * 24 * _HOUR_US
_TERMS: Final = Terms("asha-bank", "noor-bank", "PK", 10_000, "INR", 32_835, "PKR", 50, "fx", "3.2835")
_SIZES: Final = """
SELECT coalesce(parent.oid::regclass, child.oid::regclass)::text AS name,
       sum(pg_table_size(child.oid))::bigint AS rows, sum(pg_indexes_size(child.oid))::bigint AS indexes
  FROM pg_class AS child
  JOIN pg_namespace AS n ON n.oid = child.relnamespace AND n.nspname IN ('ledger', 'switch')
  LEFT JOIN pg_inherits ON inhrelid = child.oid
  LEFT JOIN pg_class AS parent ON parent.oid = inhparent
 WHERE child.relkind = 'r'
 GROUP BY 1
"""
_LOG: Final = "SELECT (pg_current_wal_lsn() - '0/0')::bigint"
_SET_RATE: Final = """
INSERT INTO switch.participant (id, name, bic, country, kind)
VALUES ('fx', 'fx', 'FXPRKZKA', 'KZ', 'fx_provider') ON CONFLICT DO NOTHING;
INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)
VALUES ('INR', 'PKR', 'fx', 3.2835, '2020-01-01Z') ON CONFLICT DO NOTHING
"""


_PAGE: Final = """# Benchmark: disk and log of a payment

`python -m loadtests volume --json`, {at}: {payments:,} payments through the writer in batches of {batch},
with an encrypted message of {message:,} bytes, an order of {order:,}, three legs in two currencies and three
claims. Bytes for one payment, by PostgreSQL's own counts; the same figure is megabytes for a million.

| | bytes |
|---|---|
| write-ahead log | {log_bytes_per_payment:,} |
| tables and indexes | {disk_bytes_per_payment:,} |
| exported as Parquet (`payswitch export parquet`, {export_s} s, checked) | {parquet_bytes_per_payment:,} |

| table | rows | indexes |
|---|---|---|
{rows}

Sizes do not depend on the speed of the machine. The log has few images of whole pages, because the tables are
small and there was one checkpoint. With a large index of random ids and a checkpoint every five minutes, add
up to one page image (8 KB, less with `wal_compression`) for each new id of an index.
"""


class VolumeBank:
    """The writer, with a payer that has money."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.writer = Writer(url, PaymentBook(lambda _: None))

    async def open(self) -> None:
        """Start it, set the rate, open the accounts and pay money in."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(_SET_RATE)
        finally:
            await connection.close()
        await self.writer.start()
        wanted = [
            *(
                (owner, currency, "position", None)
                for owner in ("asha-bank", "noor-bank", "fx")
                for currency in ("INR", "PKR")
            ),
            ("payswitch", "INR", "fees", None),
            ("payswitch", "INR", "settlement", None),
        ]
        replies = await self.writer.submit_many([OpenAccount(*account) for account in wanted])
        payer, _, _, payee, fx_in, fx_out, fees, settlement = [reply.number for reply in replies]
        self.legs = [
            CommandLeg(payer, fx_in, 10_000, "conversion"),
            CommandLeg(fx_out, payee, 32_835, "conversion"),
            CommandLeg(payer, fees, 50, "fee"),
        ]
        funds = [CommandLeg(settlement, payer, 10**15, "funding")]
        await self.writer.submit(Fund(uuid4().bytes, b"f" * 32, funds, "statement"))

    def payment(self) -> Accept:
        """A payment as a worker sends it to the writer."""
        uetr = uuid4()
        now = time.time_ns() // 1_000
        identity = Identity(
            *(uetr.bytes, os.urandom(32), "asha-bank", "pacs.008.001.08", uetr.hex),
            *(os.urandom(MESSAGE_BYTES + 28), now, os.urandom(60)),
        )
        claims = [
            Claim(kind, os.urandom(16), _DAYS_US) for kind in ("message_id", "transaction_id", "look_alike")
        ]
        order = os.urandom(ORDER_BYTES + 28)
        ends = now + _HOUR_US
        return Accept(identity, _TERMS, self.legs, uetr.hex, order, ends, _HOUR_US, 0, False, claims=claims)

    async def pay(self, count: int) -> None:
        """Accept and confirm so many payments."""
        for _ in range(count // BATCH):
            payments = [self.payment() for _ in range(BATCH)]
            replies = await self.writer.submit_many(payments)
            assert all(reply.verdict == "created" for reply in replies), replies[0]
            ends = [Advance(payment.identity.uetr, Event.CONFIRM, rail="PK") for payment in payments]
            await self.writer.submit_many(ends)


async def measure(url: str, payments: int) -> dict[str, Any]:
    """Pay, and see what grew."""
    await migrate(url)
    bank, connection = VolumeBank(url), await asyncpg.connect(url)
    await bank.open()
    await bank.pay(20 * BATCH)  # plans, first pages
    await connection.execute("VACUUM")
    await connection.execute("CHECKPOINT")
    sizes, log = await _sizes(connection), await connection.fetchval(_LOG)
    spent, began = psutil.Process().cpu_times(), time.perf_counter()
    await bank.pay(payments)
    paid = payments // BATCH * BATCH
    seconds, cpu = time.perf_counter() - began, psutil.Process().cpu_times()
    log = await connection.fetchval(_LOG) - log
    grown = {
        name: (rows - sizes[name][0], indexes - sizes[name][1])
        for name, (rows, indexes) in (await _sizes(connection)).items()
    }
    await bank.writer.stop()
    exported, export_s = await _export(connection)
    await connection.close()
    disk = sum(map(sum, grown.values()))
    return {
        "payments": paid,
        "seconds": round(seconds, 1),
        "writer_cpu_us": round((sum(cpu[:2]) - sum(spent[:2])) / paid * 1e6, 1),
        "log_bytes_per_payment": round(log / paid),
        "disk_bytes_per_payment": round(disk / paid),
        "parquet_bytes_per_payment": round(exported / paid),
        "export_s": round(export_s, 1),
        "by_table": {
            name: {"rows": round(rows / paid), "indexes": round(indexes / paid)}
            for name, (rows, indexes) in sorted(grown.items(), key=lambda item: -sum(item[1]))
            if rows + indexes > paid
        },
    }


async def _sizes(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    return {row["name"]: (row["rows"], row["indexes"]) for row in await connection.fetch(_SIZES)}


async def _export(connection: asyncpg.Connection) -> tuple[int, float]:
    """Export everything as the day before; bytes of the files, and seconds."""
    await connection.execute("SET session_replication_role = replica")  # history is guarded by triggers
    await connection.execute("UPDATE ledger.event SET at = at - interval '1 day'")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        for day in {datetime.now(UTC).date() - timedelta(days=days) for days in (1, 2)}:
            await export.export_day(connection, Path(directory), day)
        bytes_ = sum(file.stat().st_size for file in Path(directory).rglob("*.parquet"))
    return bytes_, time.perf_counter() - began


def _table(figures: dict[str, Any]) -> str:
    rows = "\n".join(
        f"| `{name}` | {of['rows']:,} | {of['indexes']:,} |" for name, of in figures["by_table"].items()
    )
    return _PAGE.format(**figures, message=MESSAGE_BYTES, order=ORDER_BYTES, batch=BATCH, rows=rows)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests volume")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--payments", type=int, default=100_000)
    keeping.add_options(parser)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        server = EmbeddedPostgres(
            Path(directory) / "postgres", {"shared_buffers": "512MB", "max_wal_size": "20GB"}
        )
        try:
            figures = asyncio.run(measure(server.start(), options.payments))
        finally:
            server.stop()
    figures["at"] = datetime.now(UTC).date().isoformat()
    keeping.keep(options.results, "volume", figures, _table(figures))
    print(json.dumps(figures) if options.json else _table(figures))
