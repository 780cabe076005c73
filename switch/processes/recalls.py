"""The caretaker's work on recalls: ask payees' banks over their rails, and give each recall its end.

An adapter's recall has an id that follows from the order, so to send it again is to ask for its answer: a
crash changes nothing. What was decided is durable before the asker has an answer, and the camt.029 follows
from it.
"""

import asyncio
import json
import uuid
from typing import Final

import asyncpg
import structlog

from adapters.port import Answer, Native, Outcome, RecallingAdapter
from schemas import cancellation, codec
from schemas.cancellation import CancellationRequest
from schemas.errors import SwitchError
from switch.base import logs, metrics, personal_data
from switch.base.failpoints import failpoint
from switch.base.personal_data import Erased, KeyRing
from switch.base.sql import statements
from switch.payments import correspondence
from switch.payments.rails import Rail, Rails
from switch.payments.recalls import RecallState

AT_ONCE: Final = 16
"""Recalls of one round."""
_AGAIN_MAX_S: Final = 3600.0
_DOUBLINGS_MAX: Final = 12
_NAMESPACE: Final = uuid.UUID("b1c7a4de-7f3f-4a57-9a3c-2d3d6b0e5c11")
_statement: Final = statements("switch.processes")
_DUE: Final = _statement("due_recalls")
_MOVE: Final = _statement("move_recall")
_END: Final = _statement("end_recalls")
_UNTOLD: Final = _statement("untold_recalls")
_TOLD: Final = "UPDATE switch.recall SET told_at = clock_timestamp() WHERE id = $1"
_log = structlog.get_logger()


class Recalls:
    """Continues recalls. One per caretaker."""

    def __init__(self, pool: asyncpg.Pool, keys: KeyRing, known: Rails, time_scale: float) -> None:
        self._pool, self._keys, self._scale = pool, keys, time_scale
        self._rails = {country: rail for country, rail in known.items() if rail.adapter.profile.recalls}

    async def look(self) -> None:
        """One round."""
        rows = await self._pool.fetch(_DUE, list(self._rails), AT_ONCE)
        await asyncio.gather(*map(self._try, rows))
        await self._pool.execute(_END, cancellation.NO_ANSWER)
        for row in await self._pool.fetch(_UNTOLD, AT_ONCE):
            await self._tell(row)

    async def _try(self, row: asyncpg.Record) -> None:
        try:
            await self._ask(self._rails[row["rail"]], row)
        except SwitchError as error:  # a key's token is away: the next round does it
            _log.warning("recall_waits", rail=row["rail"], error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - one recall must not keep the others waiting
            _log.error(
                "recall_failed", rail=row["rail"], error=type(error).__name__, detail=logs.where(error)
            )

    async def _ask(self, rail: Rail, row: asyncpg.Record) -> None:
        """Ask the payee's bank; the pauses double, and the recall's own time bounds them."""
        every_s = rail.adapter.profile.timing.enquiry_every_s * 2 ** min(row["attempts"], _DOUBLINGS_MAX)
        again_s = min(every_s, _AGAIN_MAX_S) * self._scale
        try:
            body = self._keys.open(row["uetr"], personal_data.SENT, row["sealed_key"], row["native_body"])
        except Erased:  # the rail cannot be asked: its time ends it, or the money comes
            await self._pool.execute(_MOVE, row["id"], RecallState.ASKED, "", None)
            return
        failpoint("before_recall_asked")
        assert isinstance(rail.adapter, RecallingAdapter)
        answer = await rail.adapter.recall(Native(row["native_ref"], body), row["reason"])
        metrics.rail_request(row["rail"], "recall", answer.outcome, 0.0)
        failpoint("after_recall_asked")
        state, code, due_s = _learned(answer, again_s)
        await self._pool.execute(_MOVE, row["id"], state, code, due_s)

    async def _tell(self, row: asyncpg.Record) -> None:
        """Write the camt.029 of the switch, once: its id and its content follow from the recall."""
        request = CancellationRequest(**json.loads(row["request"]))
        id_ = uuid.uuid5(_NAMESPACE, row["id"].hex).hex
        document = cancellation.build_resolution(
            request,
            resolution_id=id_,
            created_at=row["ended_at"],
            confirmation=cancellation.REJECTED,
            reason=row["code"],
        )
        raw = codec.encode(cancellation.DEFAULT_RESOLUTION, document, media_type=codec.JSON)
        await correspondence.store(
            self._pool,
            self._keys,
            codec.decode(raw, media_type=codec.JSON),
            message_id=id_,
            sender=None,
            receiver=row["asker"],
            uetr=row["uetr"],
        )
        failpoint("before_recall_told")
        await self._pool.execute(_TOLD, row["id"])


def _learned(answer: Answer, again_s: float) -> tuple[RecallState, str, float | None]:
    """State, reason of a rejection, and seconds until the rail is asked again."""
    match answer.outcome:
        case Outcome.DONE:
            return RecallState.AGREED, "", None
        case Outcome.REFUSED:
            return RecallState.REJECTED, answer.reason or cancellation.NARRATIVE, None
        case _:
            return RecallState.ASKED, "", again_s
