"""Audit evidence of one payment: its events, and the bundle that proves them offline.

`ledger/offline_verifier.py` checks the bundle without the switch. The bundle has events, inclusion proofs,
the newest signed checkpoint, and proofs that it extends the older ones.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import asyncpg

from ledger import audit
from ledger.encoding import EPOCH
from schemas.errors import InvalidMessage, NotFound, Unavailable
from switch.reports.query import ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn

NAME: Final = "evidence"
BUNDLE: Final = "bundle"
"""Format of the proof bundle; JSON."""
PROVED_MAX: Final = 2_000
"""Maximum payments of one list with proofs."""
_PAYMENT: Final = statement("visible_payment")

COLUMNS: Final = (
    ReportColumn("seq", ColumnKind.COUNT, "Event"),
    ReportColumn("at", ColumnKind.INSTANT),
    ReportColumn("kind", ours=True),
    ReportColumn("body"),
    ReportColumn("proof_length", ColumnKind.COUNT, "Hashes of its proof"),
)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the evidence of a payment, up to the newest checkpoint.

    Raises:
        NotFound: there is no such payment, or this reader may not see it.
        Unavailable: no checkpoint covers it yet.

    """
    assert query.uetr is not None
    number = await connection.fetchval(_PAYMENT, query.uetr, await scope.owners(connection))
    if number is None:
        raise NotFound
    newest = await audit.page(connection)
    if not newest or newest[0].size < number:
        raise Unavailable("no checkpoint covers this payment yet")
    return report(await audit.bundle(connection, [number]), query, scope, newest[0].size)


async def proved(connection: asyncpg.Connection, report: Report) -> Report:
    """A list of payments with proofs of all its lines, against the newest checkpoint; as the format `bundle`.

    Raises:
        InvalidMessage: there are too many lines.
        Unavailable: no checkpoint covers the newest of them yet.

    """
    if not report.numbers:
        return report
    if len(report.numbers) > PROVED_MAX:
        raise InvalidMessage(
            f"proofs are of at most {PROVED_MAX:,} payments: state a shorter period", rule="parameter"
        )
    newest = await audit.page(connection)
    if not newest or newest[0].size < max(report.numbers):
        raise Unavailable("no checkpoint covers the newest of these payments yet: try again in a minute")
    bundle = await audit.bundle(connection, report.numbers)
    return replace(report, attachments={**report.attachments, BUNDLE: _octets(bundle)})


def _octets(bundle: dict[str, Any]) -> bytes:
    return json.dumps(bundle, indent=1, sort_keys=True).encode() + b"\n"


def report(bundle: dict[str, Any], query: ReportQuery, scope: Scope, size: int) -> Report:
    """Build the report from a bundle; pure."""
    return Report(
        name=NAME,
        title="Audit evidence of a payment",
        parameters={"scope": scope.text, "uetr": str(query.uetr), "as_of": str(size)},
        columns=COLUMNS,
        rows=tuple(
            (
                event["seq"],
                EPOCH + timedelta(microseconds=event["at"]),
                event["kind"],
                bytes.fromhex(event["body"]).decode(errors="replace"),
                len(event["proof"]),
            )
            for event in bundle["events"]
        ),
        notes=(
            (
                "The format `bundle` contains the proofs. ledger/offline_verifier.py checks them without"
                " the switch."
            ),
        ),
        attachments={BUNDLE: _octets(bundle)},
    )
