"""Incremental check of the invariants while payments run: new events of the log, and current balances.

A check begins where the last one ended, so its cost depends on what happened since, up to a bound. A fault
that it finds freezes the books. It holds nothing in memory: the position up to which the log was verified,
and the sums at that position, are in `switch.invariant_look`. After a fault that position stays, so each
further check finds what is still wrong, and a check without faults shows that it was corrected. `payswitch
verify` checks everything from the first event on: only it finds old events that were changed without changing
the sums.
"""

import asyncio
import json
from collections import Counter
from typing import Final

import asyncpg
import structlog

from ledger import verify as ledger
from schemas.errors import TRY_AGAIN
from switch.base import metrics
from switch.base.sql import statements
from switch.operations.verify import verify_further
from switch.writer.client import Link
from switch.writer.commands import Freeze

CHECKS: Final = (*ledger.CHECKS, "I7 legal history", "terms")
"""Names of the checks; the first ones are the ledger's own."""

_HASH_BYTES: Final = 32
_DETAIL_MAX: Final = 300
_FAULTS_MAX: Final = 100
_PATIENCE_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Delay between attempts to freeze the books through the writer."""

_READ: Final = "SELECT seq, state, tree FROM switch.invariant_look"
_KEEP: Final = statements("switch.operations")("keep_look")
_START: Final = ledger.Mark(0, b"", ())
_log = structlog.get_logger()

Fault = tuple[str, str]
"""A check, and its fault."""


class Invariants:
    """Checks the invariants, and freezes the books after a fault."""

    def __init__(self, pool: asyncpg.Pool, link: Link, events_max: int) -> None:
        self._pool = pool
        self._link = link
        self._events_max = events_max

    async def check(self) -> tuple[Fault, ...]:
        """Check what is new; return the fault, if any, after the books are frozen.

        Raises:
            Unavailable, OutcomeUnknown: there is a fault, and the writer did not respond; the next check
                tries again.

        """
        async with self._pool.acquire() as connection:
            mark = await _mark(connection)
            found = await ledger.verify_further(connection, mark, self._events_max)
            after = mark.seq if mark is not None else 0
            payments = await verify_further(connection, after, found.mark.seq)
            faults = _faults(found, payments)
            await _keep(connection, (mark or _START) if faults else found.mark, faults)
        _state(found, faults)
        if faults:
            await self._freeze(*faults[0])
        return faults

    async def _freeze(self, check: str, detail: str) -> None:
        _log.error("invariant_broken", check=check, detail=detail)
        for pause in (*_PATIENCE_S, None):
            try:
                await self._link.ask(Freeze(check, detail))
            except TRY_AGAIN:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return


async def _mark(connection: asyncpg.Connection) -> ledger.Mark | None:
    """Read where the last check ended; None if there was none, or if it had no starting point."""
    row = await connection.fetchrow(_READ)
    if row is None or row["seq"] == 0:
        return None
    tree: bytes = row["tree"]
    roots = tuple(tree[n : n + _HASH_BYTES] for n in range(0, len(tree), _HASH_BYTES))
    return ledger.Mark(row["seq"], row["state"], roots)


async def _keep(connection: asyncpg.Connection, mark: ledger.Mark, faults: tuple[Fault, ...]) -> None:
    await connection.execute(_KEEP, mark.seq, mark.state, b"".join(mark.tree), json.dumps(faults))


def _faults(found: ledger.VerifyProgress, payments: list[ledger.CheckResult]) -> tuple[Fault, ...]:
    faults = [(fault.check, f"at {fault.seq}: {fault.text}"[:_DETAIL_MAX]) for fault in found.faults]
    faults += [(result.name, result.detail[:_DETAIL_MAX]) for result in payments if not result.ok]
    return tuple(faults[:_FAULTS_MAX])


def _state(found: ledger.VerifyProgress, faults: tuple[Fault, ...]) -> None:
    counts = Counter(check for check, _ in faults)
    for check in CHECKS:
        metrics.INVARIANT_FAULTS.labels(check).set(counts[check])
    metrics.INVARIANTS_BEHIND.set(max(0, found.head - found.mark.seq))
    metrics.INVARIANTS_AT.set_to_current_time()
