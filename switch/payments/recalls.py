"""Recalls: a debtor agent asks for a credited payment back (camt.056), and each has an end.

    asked --the payee's bank agrees--> agreed --its money comes--> returned
      |  +--its money comes------------------------------------------^
      +--the payee's bank refuses--> rejected
      +--nothing until `until_at`--> unanswered     after it, `agreed` is a case: its money comes, or two
                                                    people end it as `unpaid` (`recall.end`)

Whether one may be asked at all follows from its reason and the age of the credit (`WITHIN_DAYS`). The
payee's bank is asked over the switch, where it is a participant. Where a gateway stands for it, it is asked
over its rail, if the rail has a message for that (`RailProfile.recalls`), and the gateway has the message,
too. A recall moves no money: what comes back is booked as a return, and its pacs.004 is the positive answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.cancellation import CancellationRequest
from switch.base.sql import statements

_statement: Final = statements("switch.payments")
_ADD: Final = _statement("add_recall")
_ANSWER: Final = _statement("answer_recall")
_OF_PAYMENT: Final = _statement("recalls_of_payment")
_ERROR, _CUSTOMER, _FRAUD = 14.0, 30.0, 395.0
WITHIN_DAYS: Final[Mapping[str, float]] = MappingProxyType(
    {
        **dict.fromkeys(("AGNT", "COVR", "CURR", "DS24", "DT01", "DUPL", "TECH"), _ERROR),
        **dict.fromkeys(("FRAD", "UAPA"), _FRAUD),
    }
)
"""Days since the credit in which a payment is recalled for a reason of ExternalCancellationReason1Code:
errors of banks, and what its payer did not authorise. All other reasons have `OTHER_DAYS`."""
OTHER_DAYS: Final = _CUSTOMER


class RecallState(StrEnum):
    """State of a recall."""

    ASKED = "asked"
    AGREED = "agreed"
    RETURNED = "returned"
    REJECTED = "rejected"
    UNANSWERED = "unanswered"
    UNPAID = "unpaid"


OPEN: Final = frozenset({RecallState.ASKED, RecallState.AGREED})


def late(reason: str, age: timedelta) -> str:
    """Why a payment of this age is not recalled for this reason any more; empty if it is."""
    days = WITHIN_DAYS.get(reason, OTHER_DAYS)
    if age <= timedelta(days=days):
        return ""
    return f"for this reason a payment is recalled within {days:g} days of its credit"


async def add(
    pool: asyncpg.Pool,
    id_: UUID,
    uetr: UUID,
    request: CancellationRequest,
    *,
    agents: tuple[str, str],
    over_rail: bool,
    within: timedelta,
) -> None:
    """Keep a recall, once: the debtor agent asks the creditor agent, which has so long to answer."""
    kept = json.dumps(asdict(request))
    await pool.execute(_ADD, id_, uetr, *agents, request.reason or "", kept, over_rail, within)


async def answered(pool: asyncpg.Pool, uetr: UUID, answerer: str, state: RecallState, code: str) -> None:
    """Record the camt.029 of a creditor agent about a payment, which its asker has got."""
    await pool.execute(_ANSWER, uetr, answerer, state, code)


async def of_payment(pool: asyncpg.Pool, payment: int) -> Sequence[dict[str, Any]]:
    """The recalls of a payment, as the API shows them, oldest first."""
    return [_document(row) for row in await pool.fetch(_OF_PAYMENT, payment)]


def _document(row: asyncpg.Record) -> dict[str, Any]:
    def text(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "id": row["message_id"],
        "reason": row["reason"] or None,
        "state": row["state"],
        "code": row["code"] or None,
        "over_rail": row["over_rail"],
        "asked_at": text(row["asked_at"]),
        "until": text(row["until_at"]),
        "ended_at": text(row["ended_at"]),
    }
