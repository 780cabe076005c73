"""The caretaker's work on what rails give back: verify, have it booked, and tell the debtor agent.

An API worker passes on that a rail gave money back; it is the process that an intruder takes first. So the
caretaker opens the rail's message again, whose signature the adapter verifies, and only then has the return
booked. The writer applies the rule (`switch.writer.rail_returns`). Each round reads what is due from the
database: what a crash interrupts is done in the next one, and nothing is done twice.
"""

from typing import Final

import asyncpg
import structlog

from adapters.port import Answer, Outcome
from schemas import codec, payment_return
from schemas.errors import SwitchError
from schemas.money import Money
from switch.base import logs, personal_data
from switch.base.failpoints import failpoint
from switch.base.personal_data import Erased, KeyRing
from switch.base.sql import statements
from switch.payments import correspondence
from switch.payments.rails import Rails
from switch.writer.client import Link
from switch.writer.commands import BookReturn
from switch.writer.rail_returns import return_id
from switch.writer.verdicts import Verdict

DEFINITION: Final = "pacs.004.001.09"
AT_ONCE: Final = 50
"""Returns of one round."""
_DUE: Final = statements("switch.payments")("due_rail_returns")
_NOTIFIED: Final = (
    "UPDATE switch.rail_return SET notified_at = clock_timestamp() WHERE number = $1 AND reference = $2"
)
_PART: Final = statements("switch.payments")("part_of_rail_return")
_BOOKED: Final = frozenset({Verdict.CREATED, Verdict.EXISTS})
_log = structlog.get_logger()


class RailReturnBooking:
    """Continues what rails gave back of credited payments."""

    def __init__(self, pool: asyncpg.Pool, keys: KeyRing, known: Rails, link: Link) -> None:
        self._pool, self._keys, self._rails, self._link = pool, keys, known, link

    async def look(self) -> None:
        """One round."""
        for row in await self._pool.fetch(_DUE, list(self._rails), AT_ONCE):
            try:
                await self._continue(row)
            except SwitchError as error:  # the writer is away: the next round does it
                _log.warning("rail_return_waits", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - one return must not keep the others waiting
                _log.error("rail_return_failed", error=type(error).__name__, detail=logs.where(error))

    async def _continue(self, row: asyncpg.Record) -> None:
        if row["returned"] or await self._is_booked(row):
            failpoint("after_return_booked")
            await self._tell(row)

    async def _is_booked(self, row: asyncpg.Record) -> bool:
        """Have the writer decide; whether the return is booked."""
        failpoint("before_return_booked")
        doubt = self._doubt(row)
        reply = await self._link.ask(BookReturn(row["uetr"].bytes, row["reference"], doubt))
        if reply.verdict is Verdict.LEFT_TO_PEOPLE:
            _log.error("rail_return_left_to_people", uetr=str(row["uetr"]), detail=reply.detail)
        return reply.verdict in _BOOKED

    def _doubt(self, row: asyncpg.Record) -> str:
        """Why the rail's message is not what is recorded of it; empty if it is."""
        id_ = return_id(row["uetr"].bytes, row["reference"])
        try:
            raw = self._keys.open(id_, personal_data.CAME, row["sealed_key"], row["message"])
            answers = self._rails[row["rail"]].read(raw)
        except Erased:
            return "the rail's message was erased"
        except (SwitchError, ValueError) as error:
            _log.error("rail_return_not_verified", uetr=str(row["uetr"]), error=type(error).__name__)
            return "the rail's message cannot be verified"
        same = any(_is_of(answer, row) for answer in answers)
        return "" if same else "the rail's message says something else"

    async def _tell(self, row: asyncpg.Record) -> None:
        """Write the debtor agent's pacs.004, once: its id and its content follow from the return."""
        booked = row
        if row["part_minor"] is None:  # booked at this moment, or the whole
            booked = await self._pool.fetchrow(_PART, row["number"], row["reference"]) or row
        original = Money(row["debit_minor"], row["debit_currency"])
        part, rate = booked["part_minor"], booked["part_rate"] or ""
        document = payment_return.build(
            id_=return_id(row["uetr"].bytes, row["reference"]).hex,
            created_at=row["received_at"],
            uetr=str(row["uetr"]),
            original_message_id=row["message_id"],
            original_message_name=row["message_name"],
            original=original,
            returned=original if part is None else Money(part, original.currency),
            given_back=Money(row["minor"], row["currency"]),
            reason=row["reason"],
            rate=rate,
            information=_difference(Money(booked["share_minor"] - part, original.currency)) if rate else (),
        )
        raw = codec.encode(DEFINITION, document, media_type=codec.JSON)
        await correspondence.store(
            self._pool,
            self._keys,
            codec.decode(raw, media_type=codec.JSON),
            message_id=document[payment_return.ROOT]["GrpHdr"]["MsgId"],
            sender=None,
            receiver=row["debtor_agent"],
            uetr=row["uetr"],
        )
        await self._pool.execute(_NOTIFIED, row["number"], row["reference"])


def _difference(less: Money) -> tuple[str, ...]:
    return "At the rate in force: the debtor bears the difference", f"of {less} to the rate of the payment"


def _is_of(answer: Answer, row: asyncpg.Record) -> bool:
    return (answer.outcome, answer.uetr, answer.rail_reference, answer.amount) == (
        Outcome.RETURNED,
        str(row["uetr"]),
        row["reference"],
        Money(row["minor"], row["currency"]),
    )
