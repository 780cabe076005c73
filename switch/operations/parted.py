"""`payswitch verify`: returns of parts move exactly their shares, and never more than the payment."""

import json
from typing import Final

import asyncpg

from ledger.model import Leg
from ledger.verify import CheckResult
from switch.base.sql import statements
from switch.writer.event_kinds import EventKind
from switch.writer.part_returns import legs_back

NAME: Final = "parts"
_TEXT: Final = (
    "every part that was returned moved its share of the payment, and no payment was returned twice"
)
_EXAMPLES: Final = 5
_PARTS: Final = statements("switch.operations")("part_returns")


async def check_parts(connection: asyncpg.Connection) -> CheckResult:
    """Compute every part again, in the snapshot of the caller."""
    rows = await connection.fetch(_PARTS, EventKind.RETURN_PART)
    faults = [f"set {row['number']}: {fault}" for row in rows if (fault := fault_of(row))]
    detail = f"{len(faults)} faults: {'; '.join(faults[:_EXAMPLES])}" if faults else _TEXT
    return CheckResult(name=NAME, ok=not faults, detail=detail, checked=len(rows))


def fault_of(row: asyncpg.Record) -> str:
    """What is wrong with a part; empty if nothing is."""
    if row["unknown"]:
        return "it returns a part of no payment"
    if row["corrected"]:
        return "its payment was returned in full, too"
    legs, back = ([Leg(*leg) for leg in json.loads(row[name])] for name in ("legs", "back"))
    whole = [leg for leg in legs if leg.purpose != "fee"][-1].amount
    if row["before"] + row["credit_minor"] > whole:
        return "more was returned than was credited"
    minor, before = row["credit_minor"], row["before"]
    at_its_rate = legs_back(legs, minor, before=before)
    wanted = legs_back(legs, minor, before=before, debit_minor=row["debit_minor"] if row["rate"] else None)
    if wanted is None or at_its_rate is None or back != wanted:
        return "its legs are not its share of the payment"
    stated = row["debit_minor"], row["share_minor"]
    return "" if stated == (back[-1].amount, at_its_rate[-1].amount) else "its amounts are not its legs"
