"""The caretaker's work on payments that screening holds: what people decided, what expired, and new lists.

It also asks the outside engine again about payments that wait for it; as long as it does not answer, with
pauses that double.

Each round reads what is due from the database, so what a crash interrupts is done in the next one. The writer
decides each payment once, under its UETR.
"""

import asyncio
from time import monotonic
from typing import Final

import asyncpg
import structlog

from schemas.errors import SwitchError
from schemas.reasons import Reason
from switch.base import logs, personal_data
from switch.base.personal_data import Erased
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments import held
from switch.payments.directory import Directory
from switch.payments.dispatch import Dispatcher
from switch.payments.held import HeldPayment
from switch.payments.intake import Intake
from switch.payments.rails import Rails
from switch.payments.screening import Screening
from switch.writer.client import Link
from switch.writer.screening_holds import REFUSE, RELEASE

_UNFILLED: Final = statements("switch.processes")("unfilled_clearances")
_FILL: Final = "UPDATE switch.screening_clearance SET party = $2, entry = $3 WHERE number = $1"
AT_ONCE: Final = 50
"""Payments of one round."""
ENGINE_AT_ONCE: Final = 16
"""Payments about which the outside engine is asked at a time."""
ENGINE_PAUSE_MAX_S: Final = 30.0
_log = structlog.get_logger()


class HeldPayments:
    """Continues payments that screening holds."""

    def __init__(
        self, settings: Settings, pool: asyncpg.Pool, link: Link, known: Rails, dispatcher: Dispatcher
    ) -> None:
        self._pool = pool
        self._keys = personal_data.load(settings.personal_data_keys)
        self.directory = Directory(pool, authenticates=False)
        self._screening = Screening(settings, pool, self.directory, self._keys, keeps_tables=True)
        self.intake = Intake(settings, self.directory, known, link, dispatcher, self._screening)
        self._lists = 0
        self._compared: set[int] = set()
        """Holds in which a comparison with the set `_lists` found nothing new."""
        self._up_to = 0
        """The hold about which the outside engine was asked last: the others come first."""
        self._pause_s = 0.0
        self._ask_at = float("-inf")

    async def look(self) -> None:
        """One round."""
        await self.directory.poll()
        await self._screening.prepare()
        await self._fill_clearances()
        lists = self._screening.in_force()
        if lists != self._lists:
            self._lists, self._compared = lists, set()
        due = await held.read_due(self._pool, self._keys, lists=lists, compared=self._compared, limit=AT_ONCE)
        for each in due:
            await self._is_continued(each)
        if monotonic() >= self._ask_at:
            await self._ask_engine_again()

    async def close(self) -> None:
        """Close the connections to the outside engine."""
        await self._screening.close()

    async def _ask_engine_again(self) -> None:
        """Continue what waits for the outside engine. The first one shows whether it answers."""
        waiting = await held.read_waiting_for_engine(self._pool, self._keys, self._up_to, AT_ONCE)
        starts = (0, *range(1, len(waiting), ENGINE_AT_ONCE))
        for some in filter(None, (waiting[at : at + (ENGINE_AT_ONCE if at else 1)] for at in starts)):
            self._up_to = some[-1].number
            if not any(await asyncio.gather(*map(self._is_continued, some))):
                self._pause_s = min(max(1.0, 2 * self._pause_s), ENGINE_PAUSE_MAX_S)
                self._ask_at = monotonic() + self._pause_s
                return
        self._pause_s = 0.0

    async def _is_continued(self, payment: HeldPayment) -> bool:
        """Do the next step of a held payment; False: a later round does it."""
        try:
            await self._continue(payment)
        except SwitchError as error:  # the writer or the outside engine is away
            _log.warning("held_payment_waits", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - one payment must not keep the others waiting
            _log.error("held_payment_failed", error=type(error).__name__, detail=logs.where(error))
        else:
            return True
        return False

    async def _fill_clearances(self) -> None:
        """State the party and the entry of each new clearance: only the hits of its payment have them."""
        for row in await self._pool.fetch(_UNFILLED):
            try:
                findings = held.open_findings(self._keys, row)
            except Erased:
                continue
            finding = findings[row["hit"] - 1]
            await self._pool.execute(_FILL, row["number"], finding.fingerprint, finding.entry)

    async def _continue(self, payment: HeldPayment) -> None:
        if payment.decision == REFUSE:
            await self.intake.end_held(payment, Reason.REGULATORY)
        elif payment.expired:
            await self.intake.end_held(payment, Reason.CUT_OFF_TIME)
        elif payment.decision == RELEASE or payment.waits_for_engine:
            await self.intake.take_held(payment)
        elif await self.intake.compare_again(payment) is None:
            self._compared.add(payment.number)
