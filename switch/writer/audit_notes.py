"""Audit notes of people's actions: written with the action, then copied into the ledger's log, each once.

A note is a row in the same transaction as its action, so neither can exist without the other. The relay sends
rows to the writer in order and stores the sequence number that each gets. After a crash in between, it finds
its own event in the log again; if an event were in the log twice, both would have the same `id`.

The database refuses a note of a kind that its process may not write. A note that the writer refuses all the
same does not keep later notes out of the log: the writer counts it, which alarms, and it is tried again.
"""

import asyncio
import uuid
from typing import Any, Final

import asyncpg
import structlog

from schemas.errors import SwitchError
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Record
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

AT_ONCE: Final = 200
"""Notes per round of the relay."""

_LOCK: Final = 7_266_337_020
"""Advisory lock: one relay per database."""

_statement = statements("switch.writer")
_NOTE: Final = _statement("add_note")
_WAITING: Final = _statement("waiting_notes")
_RECORDED: Final = _statement("set_recorded")
_log = structlog.get_logger()


async def note(connection: asyncpg.Connection, kind: EventKind, **facts: Any) -> None:
    """Write a note in the running transaction; no secrets, and no personal data but names of people."""
    id_ = uuid.uuid4()
    await connection.execute(_NOTE, id_, kind, event_bodies.encode({"id": id_.hex, **facts}))


async def relay(context: ServiceContext) -> int:
    """Copy waiting notes into the log, in order; return how many were waiting.

    Raises:
        Unavailable: the writer is unavailable; what was not copied waits.
        OutcomeUnknown: the writer stopped responding meanwhile; the next round finds what it has recorded.

    """
    async with context.pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return 0
        rows = await connection.fetch(_WAITING, AT_ONCE)
        seqs = await asyncio.gather(*(_seq(context, row) for row in rows))
        await connection.executemany(
            _RECORDED, [(row["number"], seq) for row, seq in zip(rows, seqs, strict=True)]
        )
        return len(rows)


async def _seq(context: ServiceContext, row: asyncpg.Record) -> int | None:
    """The number of a note in the log; None if the writer refuses it.

    Raises:
        SwitchError: the writer does not decide now.

    """
    known: int | None = row["seq"]
    body: bytes = row["body"]
    if event_bodies.fault(body):  # the writer would refuse it, and every later note would wait
        body = event_bodies.acceptable(body)
    try:
        return known or (await context.link.ask(Record(row["kind"], body))).number
    except SwitchError as error:
        if error.retryable:
            raise
        _log.error("note_refused", note=row["number"], kind=row["kind"], detail=error.detail)
        return None
