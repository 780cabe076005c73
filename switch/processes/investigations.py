"""The caretaker's work on investigations: answer those that waited for an outcome, and end the time of banks.

What the switch says to an asker is a camt.111 whose id follows from the investigation and its state. It is
stored in one transaction with what it says, so a crash neither loses nor doubles it.
"""

import contextlib
import uuid
from typing import Final

import asyncpg
import structlog

from schemas import codec, investigation
from schemas.errors import NotFound, SwitchError
from switch.base import logs
from switch.base.failpoints import failpoint
from switch.base.personal_data import KeyRing
from switch.base.sql import statements
from switch.payments import correspondence, investigations
from switch.payments.investigations import Investigation, InvestigationAnswer, InvestigationState
from switch.payments.journey import read_payment

AT_ONCE: Final = 16
"""Investigations of one round."""
_NAMESPACE: Final = uuid.UUID("5d6c4f7b-3c52-4f0e-9c3a-7a0f1f4b8e26")
_statement: Final = statements("switch.processes")
_ESCALATE: Final = _statement("escalate_investigations")
_UNTOLD: Final = _statement("untold_investigations")
_TELL: Final = _statement("tell_investigation")
_log = structlog.get_logger()


class _Moved(Exception):
    """An investigation is no longer in the state in which it was read."""


class Investigations:
    """Continues investigations. One per caretaker."""

    def __init__(self, pool: asyncpg.Pool, keys: KeyRing) -> None:
        self._pool, self._keys = pool, keys

    async def look(self) -> None:
        """One round."""
        await self._pool.execute(_ESCALATE, investigation.ESCALATED)
        for row in await self._pool.fetch(_UNTOLD, AT_ONCE):
            await self._try(investigations.investigation_of(row))

    async def _try(self, case: Investigation) -> None:
        try:
            await self._tell(case)
        except SwitchError as error:  # a key's token is away: the next round does it
            _log.warning("investigation_waits", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - one investigation must not keep the others waiting
            _log.error("investigation_failed", error=type(error).__name__, detail=logs.where(error))

    async def _tell(self, case: Investigation) -> None:
        """Tell the asker what there is to say, once."""
        said = await self._said(case)
        if said is None:
            return
        id_ = uuid.uuid5(_NAMESPACE, f"{case.id.hex}/{case.objections}/{case.state}").hex
        document = investigation.build_response(
            case.request,
            response_id=id_,
            investigation_id=case.reference,
            status=said.status,
            reason=said.reason,
            data=said.data,
        )
        raw = codec.encode(investigation.DEFAULT_RESPONSE, document, media_type=codec.JSON)
        is_answer = case.state is InvestigationState.WAITING

        async def told(connection: asyncpg.Connection) -> None:
            if await connection.fetchval(_TELL, case.id, case.state, is_answer, said.reason) is None:
                raise _Moved
            failpoint("before_investigation_told")

        with contextlib.suppress(_Moved):  # the bank answered, or the asker closed it: nothing is said
            await correspondence.store(
                self._pool,
                self._keys,
                codec.decode(raw, media_type=codec.JSON),
                message_id=id_,
                sender=None,
                receiver=case.asker,
                uetr=case.uetr,
                beside=told,
            )

    async def _said(self, case: Investigation) -> InvestigationAnswer | None:
        """What there is to say now; None if the payment has no outcome yet."""
        try:
            payment = await read_payment(self._pool, case.uetr, [case.asker])
        except NotFound:  # it was refused before the books had it
            return InvestigationAnswer(investigation.REJECTED, investigation.NEVER_RECEIVED)
        if case.state is InvestigationState.WAITING:
            return investigations.of_books(payment, case.stated)
        return investigations.now_said(case, payment)
