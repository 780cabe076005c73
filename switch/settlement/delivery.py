"""Delivery of instructions to settlement agents that have an endpoint.

    DUE --sent--> SENT --the endpoint responds 2xx--> TAKEN
    DUE <--nothing was sent--  SENT <--no response, or any other--
    DUE <--enquiry: 404, not received--  SENT --enquiry: 2xx--> TAKEN

Rule 1: `SENT` is durable before the connection is used; after a crash it means "perhaps sent".
Rule 2: the switch enquires about an instruction that may have been sent (pacs.028). It sends the instruction
again, with the same bytes, only after the agent responds that it does not have it. An agent acts once on a
message id.
Rule 3: a response of the endpoint never moves money. Only the agent's signed camt.054 or pacs.002 does, which
`day.confirm` stores; until then lines stay INSTRUCTED, without a time limit.

The endpoint is a URL. The switch posts XML, with a detached JWS by the settlement key in
`Payswitch-Signature`. The agent responds 2xx (received), 404 (to an enquiry about a message that it does not
have), or anything else, which proves nothing.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg

from adapters.http import HttpClient, HttpFailure, HttpReply
from adapters.port import RailConnection
from adapters.profile import Basis, Timing
from schemas import codec
from schemas.signing import jws
from switch.base.sql import statements
from switch.settlement import instructions
from switch.settlement.files import SettlementFiles
from switch.writer.audit_notes import note
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

SIGNATURE: Final = "Payswitch-Signature"
TIMING: Final = Timing(
    connect_s=5.0,
    submit_s=20.0,
    answer_s=20.0,
    enquiry_first_s=60.0,
    enquiry_every_s=300.0,
    enquiries_max=24,
    not_found_grace_s=0.0,
    give_up_s=7200.0,
    basis=Basis.PROFILE,
)
AGAIN_S: Final = 10.0
"""Delay before the next attempt if certainly nothing was sent."""
_OK: Final = range(200, 300)
_NOT_FOUND: Final = 404

_statement: Final = statements("switch.settlement")
_DUE: Final = _statement("due_deliveries")
_TAKE: Final = _statement("take_delivery")
_RECORD: Final = _statement("record_exchange")


async def deliver(context: ServiceContext) -> None:
    """Send instructions that are due, and enquire about sent ones that were not confirmed."""
    for row in await context.pool.fetch(_DUE):
        await _step(context, row["settlement_window"])


async def _step(context: ServiceContext, window: int) -> None:
    row = await context.pool.fetchrow(_TAKE, window, TIMING.submit_s + TIMING.enquiry_first_s)
    if row is None:
        return
    if row["was"] == "DUE":
        await _hand_over(context, window, row)
    else:
        await _enquire(context, window, row)


async def _hand_over(context: ServiceContext, window: int, row: asyncpg.Record) -> None:
    match await _exchange(context, row, row["body"]):
        case HttpReply(status=status) if status in _OK:
            await _record(context, window, "TAKEN", 0, f"http {status}", TIMING.enquiry_first_s)
        case HttpFailure(sent=False, detail=detail):
            await _record(context, window, "DUE", 0, detail, AGAIN_S)
        case reply:
            await _record(context, window, "SENT", 0, _detail(reply), TIMING.enquiry_first_s)


async def _enquire(context: ServiceContext, window: int, row: asyncpg.Record) -> None:
    asked = row["enquiries"] + 1
    question = instructions.enquiry(row["message_id"], asked, datetime.now(UTC))
    match await _exchange(context, row, question):
        case HttpReply(status=status) if status in _OK:
            await _record(context, window, "TAKEN", asked, f"http {status}", _patience(asked))
        case HttpReply(status=status) if status == _NOT_FOUND and row["was"] == "SENT":
            await _record(context, window, "DUE", asked, "the agent does not have it", 0.0)
        case HttpFailure(detail=detail):
            # A failed enquiry is not counted, so that enquiries remain after the agent's outage.
            await _record(context, window, row["was"], row["enquiries"], detail, TIMING.enquiry_every_s)
            return
        case reply:
            # Also 404 for an instruction that it had accepted: people or a signed notification resolve that.
            await _record(context, window, row["was"], asked, _detail(reply), _patience(asked))
    if asked == TIMING.enquiries_max:
        async with context.pool.acquire() as connection, connection.transaction():
            await note(connection, EventKind.SETTLEMENT_UNANSWERED, window=window, enquiries=asked)


def _patience(asked: int) -> float | None:
    """Seconds until the next enquiry; None after the last: people or the agent's notification resolve it."""
    return TIMING.enquiry_every_s if asked < TIMING.enquiries_max else None


async def _exchange(context: ServiceContext, row: asyncpg.Record, octets: bytes) -> HttpReply | HttpFailure:
    authorities = context.data / "settlement" / "agents" / f"{row['agent']}.pem"
    client = HttpClient(RailConnection(row["door"], _if_there(authorities)), TIMING)
    try:
        return await client.request(
            "POST",
            "",
            octets,
            content_type=codec.XML,
            headers={SIGNATURE: jws.sign(SettlementFiles(context.data).signing_key, octets)},
        )
    finally:
        await client.close()


def _if_there(file: Path) -> Path | None:
    """The agent's own certificate authority; without one, those that this machine trusts."""
    return file if file.exists() else None


def _detail(reply: HttpReply | HttpFailure) -> str:
    return reply.detail if isinstance(reply, HttpFailure) else f"http {reply.status}"


async def _record(  # noqa: PLR0917 - the columns
    context: ServiceContext, window: int, state: str, enquiries: int, detail: str, due_in_s: float | None
) -> None:
    await context.pool.execute(_RECORD, window, state, enquiries, detail, due_in_s)
