"""The place of a report in the audited log: the root over everything that it was read from.

The root is that of the events up to `as_of`. The checkpoint is the newest one that was signed before that
event: a later one could not be stated, because the same report must stay the same bytes. Whoever kept any
checkpoint can verify by a consistency proof that the log behind the report was not rewritten.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import asyncpg

from ledger import audit
from switch.reports.sql import statement
from switch.reports.table import Report, ReportSeal

_BEFORE: Final = statement("checkpoint_before")
_MARGIN: Final = timedelta(seconds=10)
"""A checkpoint is visible to every reader this long after it was signed."""


async def sealed(connection: asyncpg.Connection, report: Report) -> Report:
    """The report with its seal; without one if it was not read from the log."""
    as_of = int(report.parameters.get("as_of", 0))
    if not as_of:
        return report
    root = await audit.root(connection, as_of)
    row = await connection.fetchrow(_BEFORE, as_of, _MARGIN)
    size, before = (0, b"") if row is None else row
    return replace(report, seal=ReportSeal(as_of, root.hex(), size, before.hex()))
