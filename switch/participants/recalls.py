"""The end of recalls that were agreed and not paid, by two people.

A payee's bank that agrees to a recall has until the recall's own time to give the money back. Then the recall
is a case: it ends when the money comes after all, or when people have learnt that it will not (`recall.end`).
It moves no money, and forbids no return: what still comes is booked as always.
"""

from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import msgspec

from schemas import cancellation
from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.content import Uetr
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.participants.payment_returns import RECALLS
from switch.payments.recalls import RecallState

_statement: Final = statements("switch.participants")
_UNPAID: Final = _statement("unpaid_recalls")
_END: Final = _statement("end_unpaid_recalls")


class EndRecall(Content, frozen=True, kw_only=True):
    """End the recalls of a payment that were agreed and not paid in time, by evidence from outside."""

    uetr: Uetr
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


async def _check(connection: asyncpg.Connection, content: EndRecall) -> None:
    if not await connection.fetchval(_UNPAID, UUID(content.uetr)):
        raise _none()


def _none() -> Refused:
    return Refused(
        "no recall of this payment was agreed and is not paid after its time",
        reason=Reason.NARRATIVE,
        path="uetr",
        remedy=(
            "Read `recalls` of GET /v1/payments/{uetr}: a recall that is not agreed, or whose time is not"
            " over, ends by itself."
        ),
    )


async def _effect(connection: asyncpg.Connection, content: EndRecall) -> Effect:
    now = RECALLS[RecallState.AGREED]
    count = await connection.fetchval(_UNPAID, UUID(content.uetr))
    return Effect((Row(term("Recall"), now if count else NOTHING, RECALLS[RecallState.UNPAID]),))


async def _end(execution: Execution, content: EndRecall) -> None:
    ended = await execution.connection.fetchval(
        _END, UUID(content.uetr), cancellation.NARRATIVE, execution.number
    )
    if not ended:
        raise _none()
    execution.outcome = f"recalls of {content.uetr} are ended"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "recall.end",
        "End a recall that was agreed and not paid",
        EndRecall,
        _end,
        _check,
        effect=_effect,
        links=links_to(Subject.PAYMENT, "uetr"),
    ),
)
