"""The caretaker's work on reversals: send each to its rail, and have the writer record what was learned.

An attempt is durable before it is sent (`sending`), so after a crash it counts, and a refusal of the next one
is not believed. The writer decides what an answer means (`switch.writer.reversals`).
"""

import asyncio
from datetime import timedelta
from typing import Final

import asyncpg
import structlog

from adapters.port import Acceptance, Native, Outcome, Receipt
from ledger.encoding import microseconds
from schemas.errors import SwitchError
from switch.base import logs, metrics, personal_data
from switch.base.failpoints import failpoint
from switch.base.personal_data import Erased, KeyRing
from switch.base.sql import statements
from switch.payments.rails import Rail, Rails
from switch.writer.client import Link
from switch.writer.commands import ReversalAnswered
from switch.writer.verdicts import Verdict

AT_ONCE: Final = 16
"""Reversals of one round."""
_DUE: Final = statements("switch.processes")("due_reversals")
_log = structlog.get_logger()


class ReversalDispatch:
    """Sends reversals."""

    def __init__(
        self, pool: asyncpg.Pool, keys: KeyRing, known: Rails, link: Link, time_scale: float
    ) -> None:
        self._pool, self._keys, self._rails, self._link = pool, keys, known, link
        self._scale = time_scale

    async def look(self) -> None:
        """One round."""
        rows = await self._pool.fetch(_DUE, list(self._rails), AT_ONCE)
        await asyncio.gather(*map(self._try, rows))

    async def _try(self, row: asyncpg.Record) -> None:
        try:
            await self._continue(row)
        except SwitchError as error:  # the writer is away: the next round does it
            _log.warning("reversal_waits", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - one reversal must not keep the others waiting
            _log.error("reversal_failed", error=type(error).__name__, detail=logs.where(error))

    async def _continue(self, row: asyncpg.Record) -> None:
        if row["returned"]:  # its rail has given it back meanwhile: nobody else may
            outcome = "done" if row["attempts"] else "refused"
            await self._link.ask(_step(row, outcome, detail="given back by the rail"))
            return
        rail = self._rails[row["rail"]]
        again = rail.adapter.profile.timing.enquiry_every_s * self._scale
        soon = microseconds(row["now"] + timedelta(seconds=again))
        try:
            body = self._keys.open(row["uetr"], personal_data.SENT, row["sealed_key"], row["native_body"])
        except Erased:
            await self._link.ask(_step(row, "unknown", detail="the order was erased"))
            return
        reply = await self._link.ask(_step(row, "sending", due=soon))
        if reply.verdict is not Verdict.ADVANCED:
            return
        failpoint("before_reversal")
        receipt = await _undo(rail, Native(row["native_ref"], body), row["reason"])
        failpoint("after_reversal")
        metrics.rail_request(row["rail"], "undo", receipt.acceptance, 0.0)
        await self._link.ask(self._learned(row, receipt, 0 if self._is_long(rail, row) else soon))

    def _is_long(self, rail: Rail, row: asyncpg.Record) -> bool:
        """Whether it is time for people if there is no clear answer now."""
        timing = rail.adapter.profile.timing
        lasts = timedelta(seconds=timing.give_up_s * self._scale)
        too_often = row["attempts"] >= timing.enquiries_max
        return bool(too_often or row["now"] - row["ordered_at"] > lasts)

    @staticmethod
    def _learned(row: asyncpg.Record, receipt: Receipt, due: int) -> ReversalAnswered:
        """What the exchange means: only the rail's own answer ends a reversal."""
        answer = receipt.answer
        code = (answer.rail_code or "") if answer else ""
        detail = receipt.detail or code
        if answer is not None and answer.outcome is Outcome.DONE:
            return _step(row, "done", detail=detail, code=code)
        if answer is not None and answer.outcome is Outcome.REFUSED:
            return _step(row, "refused", detail=detail, code=code)
        if answer is None and receipt.acceptance in {Acceptance.REFUSED, Acceptance.LATER}:
            return _step(row, "not_sent", detail=detail, due=due)
        return _step(row, "unknown", detail=detail or "no answer", code=code, due=due)


def _step(
    row: asyncpg.Record, outcome: str, *, detail: str = "", code: str = "", due: int = 0
) -> ReversalAnswered:
    return ReversalAnswered(row["id"].bytes, row["uetr"].bytes, outcome, detail, code, due)  # type: ignore[arg-type]


async def _undo(rail: Rail, native: Native, reason: str) -> Receipt:
    """Send it; if an adapter raises, which it must not, nothing is known."""
    try:
        return await rail.adapter.undo(native, reason)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like an answer
        _log.error("undo_failed", error=type(error).__name__, detail=logs.where(error))
        return Receipt(Acceptance.UNKNOWN, detail=type(error).__name__)
