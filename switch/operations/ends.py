"""`payswitch verify`: what is not final has an end: a process continues it at an instant, or it is a case.

`docs/operate/ends.md` lists every state with its owner, its deadline and its end.
"""

from typing import Final

import asyncpg

from ledger.verify import CheckResult
from switch.base.sql import statements
from switch.cases.opening import SUBJECTS

NAME: Final = "ends"
_TEXT: Final = "whatever is not final is continued by a process, or is a case of people"
_EXAMPLES: Final = 5
WAITS: Final = statements("switch.operations")("endless").format(subjects=SUBJECTS)


async def check_ends(connection: asyncpg.Connection) -> CheckResult:
    """Look at everything that waits, in the snapshot of the caller."""
    rows = await connection.fetch(WAITS)
    faults = [f"{row['what']} is {row['state']}, and nobody continues it" for row in rows if not row["ends"]]
    detail = f"{len(faults)} faults: {'; '.join(faults[:_EXAMPLES])}" if faults else _TEXT
    return CheckResult(name=NAME, ok=not faults, detail=detail, checked=len(rows))
