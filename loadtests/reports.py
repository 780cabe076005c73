"""A day of payments, written into the tables by SQL, and how long every report of it takes.

The rows have the shape and the size that the switch writes: three events a payment (held, sent, posted or
voided), three legs, terms, counters and one window a currency, opened before the day and closed after it.
Nothing but the generator differs from a day that was lived through, so the figures are the reports' own.

    python -m loadtests reports --json [--payments N] [--publish]
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from adapters import registry
from ledger import audit
from ledger.encoding import encode_account
from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres
from loadtests import keeping
from loadtests.measure import cpu_by_part
from switch.reports import render
from switch.reports.catalogue import CATALOGUE, Definition
from switch.reports.query import ReportQuery, Scope
from switch.reports.reading import reading

DAY: Final = datetime(2026, 11, 2, tzinfo=UTC)
COUNTRIES: Final = {country: registry.country(country).currency for country in registry.countries()}
BANKS: Final = 2
"""Of each country."""
CAP: Final = 10**15
READERS: Final = 2
"""Processes that make reports at the same time: as many as a small switch has API workers."""
_HEAVY: Final = (
    "liquidity",
    "corridors",
    "costs",
    "patterns",
    "account-statement",
)
_DURING_THE_DAY: Final = ("account-report", "notifications")
"""Asked for while a day lasts; the statement has the same entries once it is over. Made after the others."""
_WRITE_DAY: Final = (Path(__file__).parent / "reports_day.sql").read_text()
_SETTLEMENT: Final = """
INSERT INTO switch.settlement (settlement_window, currency, state, positions_sha256, value_date, changed_at)
VALUES ($1, $2, 'CLOSED', '', $3::timestamptz::date, $3)
"""
_LINES: Final = """
INSERT INTO switch.settlement_line (settlement_window, participant, account, net_minor, state, id, changed_at)
SELECT $1, a.owner, a.number, a.credits_posted - a.debits_posted, 'DUE', md5(a.number::text)::uuid, $3
FROM ledger.account AS a
WHERE a.currency = $2 AND a.purpose = 'position' AND a.credits_posted <> a.debits_posted
"""
"""What the caretaker writes of a window that it finds closed; this day began with nothing on its accounts."""
SCOPE: Final = Scope("benchmark", everything=True)


async def write_day(connection: asyncpg.Connection, payments: int) -> int:
    """Write the day and close its windows; the number of the rupee's window."""
    seq = await _write_accounts(connection)
    for name, value in (("payments", payments), ("seq", seq), ("day", DAY.isoformat())):
        await connection.execute("SELECT set_config('bench.' || $1, $2, false)", name, str(value))
    await connection.execute(_WRITE_DAY)
    window = await _close_windows(connection, seq + 3 * payments)
    await connection.execute("DROP TABLE made, bank")
    await connection.execute("ANALYZE")
    return window


async def _write_accounts(connection: asyncpg.Connection) -> int:
    """Participants, accounts, corridors' rates and one open window a currency; the next sequence number."""
    owners = [
        (f"{c.lower()}-bank-{n}", c, currency) for c, currency in COUNTRIES.items() for n in range(BANKS)
    ]
    for place, (owner, country, _) in enumerate([*owners, ("fx", "KZ", "")]):
        bic = f"{chr(65 + place // 26)}{chr(65 + place % 26)}XX{country}22"
        kind = "fx_provider" if owner == "fx" else "direct"
        await connection.execute(
            "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $1, $2, $3, $4)",
            owner, bic, country, kind,
        )  # fmt: skip
    rates = [(a, b) for a in COUNTRIES.values() for b in COUNTRIES.values() if a != b]
    await connection.executemany(
        "INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)"
        " VALUES ($1, $2, 'fx', $3::text::numeric, '2026-01-01T00:00:00Z')",
        [(a, b, "2" if a < b else "0.49") for a, b in rates],
    )
    accounts = [(owner, currency, "position") for owner, _, currency in owners]
    accounts += [("fx", currency, "position") for currency in COUNTRIES.values()]
    accounts += [("payswitch", currency, "fees") for currency in COUNTRIES.values()]
    before = DAY - timedelta(hours=1)
    for seq, (owner, currency, purpose) in enumerate(accounts, 1):
        await _event(connection, seq, before, encode_account(owner, currency, purpose, CAP))
        await connection.execute(
            "INSERT INTO ledger.account (number, owner, currency, purpose, net_debit_cap)"
            " VALUES ($1, $2, $3, $4, $5)",
            seq, owner, currency, purpose, CAP,
        )  # fmt: skip
    await connection.execute(
        "CREATE TEMPORARY TABLE bank AS"
        " SELECT row_number() OVER (ORDER BY p.id) - 1 AS place, p.id, p.country, a.currency,"
        " a.number AS account,"
        " (SELECT number FROM ledger.account AS f"
        " WHERE f.owner = 'fx' AND f.currency = a.currency) AS fx,"
        " (SELECT number FROM ledger.account AS f"
        " WHERE f.purpose = 'fees' AND f.currency = a.currency) AS fees"
        " FROM switch.participant AS p JOIN ledger.account AS a ON a.owner = p.id"
        " WHERE p.id <> 'fx'"
    )
    seq = len(accounts) + 1
    for currency in COUNTRIES.values():
        await _event(connection, seq, before, b"W")
        await connection.execute(
            "INSERT INTO ledger.settlement_window (number, currency, opened_at) VALUES ($1, $2, $3)",
            seq, currency, before,
        )  # fmt: skip
        seq += 1
    return seq


async def _event(connection: asyncpg.Connection, seq: int, at: datetime, change: bytes) -> None:
    await connection.execute(
        "INSERT INTO ledger.event (seq, number, at, kind, change, body, leaf)"
        " VALUES ($1, $1, $2, 'made', $3, '', $4)",
        seq, at, change, hashlib.sha256(seq.to_bytes(8)).digest(),
    )  # fmt: skip


async def _close_windows(connection: asyncpg.Connection, seq: int) -> int:
    after = DAY + timedelta(days=1)
    windows = await connection.fetch("SELECT number, currency FROM ledger.settlement_window ORDER BY number")
    for window in windows:
        await _event(connection, seq, after, b"w")
        await connection.execute(
            "UPDATE ledger.settlement_window SET closing_seq = $1, closed_at = $2 WHERE number = $3",
            seq, after, window["number"],
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO ledger.window_balance SELECT $1, number, debits_posted, credits_posted, entries"
            " FROM ledger.account WHERE currency = $2",
            window["number"], window["currency"],
        )  # fmt: skip
        await connection.execute(_SETTLEMENT, window["number"], window["currency"], after)
        await connection.execute(_LINES, window["number"], window["currency"], after)
        seq += 1
    await connection.execute("UPDATE ledger.head SET next_seq = $1, at = $2", seq, after)
    return next(int(window["number"]) for window in windows if window["currency"] == "INR")


def query_of(definition: Definition, window: int) -> ReportQuery:
    """The day, as a report asks for it."""
    return ReportQuery(
        window=window if "window" in definition.takes else None,
        since=DAY if "since" in definition.takes else None,
        until=DAY + timedelta(days=1) if "since" in definition.takes else None,
        participant="in-bank-0" if "participant" in definition.takes else None,
        currency="INR" if "currency" in definition.takes else None,
    )


async def measure(url: str, server: psutil.Process, payments: int) -> dict[str, Any]:
    """Write the day and make every report of it once, in every format that it has."""
    connection = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        window = await write_day(connection, payments)
        figures: dict[str, Any] = {"payments": payments, "writing_the_day_s": _since(began)}
        began = time.perf_counter()
        await audit.grow(connection)
        figures["audit_tree_s"] = _since(began)
    finally:
        await connection.close()
    spent = sum(cpu_by_part([server]).values())
    figures |= _make_all(url, window)
    figures["database_cpu_s"] = round(sum(cpu_by_part([server]).values()) - spent, 2)
    return figures


def _make_all(url: str, window: int) -> dict[str, Any]:
    """Make every report of the day, in every format, by `READERS` processes; the heaviest ones first."""
    names = [d.name for d in CATALOGUE.values() if d.of_a_day and d.name not in _DURING_THE_DAY]
    names.sort(key=lambda name: _HEAVY.index(name) if name in _HEAVY else len(_HEAVY))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(READERS, mp_context=context) as readers:
        list(readers.map(_ready, range(READERS)))  # a switch's workers are there before anybody asks
        began = time.perf_counter()
        made = list(readers.map(_make, itertools.repeat(url), itertools.repeat(window), names))
        ready = _since(began)
        names += _DURING_THE_DAY
        made += readers.map(_make, itertools.repeat(url), itertools.repeat(window), _DURING_THE_DAY)
    return {"ready_s": ready, "reports": dict(zip(names, made, strict=True))}


def _ready(number: int) -> int:
    time.sleep(0.5)  # so that each of the readers has one of these, and is there
    return number


def _make(url: str, window: int, name: str) -> dict[str, float]:
    """One report: seconds by the clock, and of the reader's own CPU; rows, and octets of every format."""
    return asyncio.run(_read_and_render(url, window, CATALOGUE[name]))


async def _read_and_render(url: str, window: int, definition: Definition) -> dict[str, float]:
    began, spent = time.perf_counter(), time.process_time()
    connection = await asyncpg.connect(url)
    try:
        async with reading(connection):
            report = await definition.read(connection, query_of(definition, window), SCOPE)
    finally:
        await connection.close()
    octets = sum(len(render.render(report, form)) for form in definition.formats)
    return {
        "s": _since(began),
        "reader_cpu_s": round(time.process_time() - spent, 2),
        "rows": len(report.rows),
        "octets": octets,
    }


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 2)


def settings() -> dict[str, object]:
    """What figures were measured on."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests reports")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--payments", type=int, default=1_000_000)
    keeping.add_options(parser)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        # Only the writing of the day is helped by these; the reports read.
        server = EmbeddedPostgres(
            Path(directory) / "postgres", {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "8GB"}
        )
        url = server.start()
        try:
            asyncio.run(migrate(url))
            figures = asyncio.run(measure(url, psutil.Process(server.pid), options.payments))
        finally:
            server.stop()
    figures["settings"] = settings() | {"readers": READERS}
    for name, value in figures.items():
        print(f"{name}: {value}")
    keeping.keep(options.results, "reports", figures)
    if options.json:
        print(json.dumps(figures))
    return 0
