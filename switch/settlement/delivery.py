"""Handing instructions over to settlement agents that have a door: the wire way of a settlement day.

    DUE --handed over--> SENT --the door said 2xx--> TAKEN
    DUE <--nothing left us--  SENT <--silence, anything else--
    DUE <--enquiry: "I do not have it"--  SENT --enquiry: 2xx--> TAKEN

Rule 1: `SENT` is durable before the socket is touched; a crash after it looks like "perhaps sent".
Rule 2: what may have left us is asked about (pacs.028), never sent again until the agent says that it does
not have it; then the same bytes go again. An agent acts once on a message id.
Rule 3: nothing said at the door moves money. An agent's word is its signed camt.054 or pacs.002, which
comes in by `day.take_confirmation`; until then lines stay INSTRUCTED, however long.

A door is a URL. We post XML with the settlement key's detached JWS in `Payswitch-Signature`. The agent
answers 2xx (it has it), 404 (an enquiry about what it does not have), or anything else, which proves nothing.
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
from switch.settlement import instructions
from switch.settlement.files import SettlementFiles
from switch.writer.audit_notes import note
from switch.writer.desk import Desk
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
"""Until the next try where certainly nothing left us."""
_OK: Final = range(200, 300)
_NOT_FOUND: Final = 404

_DUE: Final = """
SELECT d.settlement_window
FROM switch.settlement_delivery AS d JOIN switch.settlement AS s USING (settlement_window)
WHERE s.state = 'SETTLING' AND d.due_at <= clock_timestamp() ORDER BY d.due_at
"""
_TAKE: Final = """
UPDATE switch.settlement_delivery AS d
SET state = CASE d.state WHEN 'DUE' THEN 'SENT' ELSE d.state END,
    due_at = clock_timestamp() + make_interval(secs => $2)
FROM switch.settlement AS s
JOIN switch.settlement_instruction AS i USING (settlement_window)
JOIN switch.settlement_delivery AS before USING (settlement_window)
WHERE d.settlement_window = $1 AND s.settlement_window = $1
  AND d.due_at <= clock_timestamp() AND s.state = 'SETTLING'
RETURNING before.state AS was, d.enquiries, d.door, s.message_id, s.agent, i.body
"""
"""Of two processes one gets the row: the other finds that it is no longer due."""
_NOTE_DOWN: Final = """
UPDATE switch.settlement_delivery SET state = $2, enquiries = $3, detail = $4,
    due_at = clock_timestamp() + make_interval(secs => $5)
WHERE settlement_window = $1 AND state <> 'DUE'
"""


async def begin(connection: asyncpg.Connection, window: int, door: str) -> None:
    """An instruction is to be handed over, in the transaction that writes it down."""
    await connection.execute(
        "INSERT INTO switch.settlement_delivery (settlement_window, door, state, due_at)"
        " VALUES ($1, $2, 'DUE', clock_timestamp())",
        window,
        door,
    )


async def deliver(desk: Desk) -> None:
    """Hand over what is due, and ask about what was handed over and is not heard of."""
    for row in await desk.pool.fetch(_DUE):
        await _step(desk, row["settlement_window"])


async def _step(desk: Desk, window: int) -> None:
    row = await desk.pool.fetchrow(_TAKE, window, TIMING.submit_s + TIMING.enquiry_first_s)
    if row is None:
        return
    if row["was"] == "DUE":
        await _hand_over(desk, window, row)
    else:
        await _enquire(desk, window, row)


async def _hand_over(desk: Desk, window: int, row: asyncpg.Record) -> None:
    match await _exchange(desk, row, row["body"]):
        case HttpReply(status=status) if status in _OK:
            await _note_down(desk, window, "TAKEN", 0, f"http {status}", TIMING.enquiry_first_s)
        case HttpFailure(sent=False, detail=detail):
            await _note_down(desk, window, "DUE", 0, detail, AGAIN_S)
        case reply:
            await _note_down(desk, window, "SENT", 0, _detail(reply), TIMING.enquiry_first_s)


async def _enquire(desk: Desk, window: int, row: asyncpg.Record) -> None:
    asked = row["enquiries"] + 1
    question = instructions.enquiry(row["message_id"], asked, datetime.now(UTC))
    match await _exchange(desk, row, question):
        case HttpReply(status=status) if status in _OK:
            await _note_down(desk, window, "TAKEN", asked, f"http {status}", _patience(asked))
        case HttpReply(status=status) if status == _NOT_FOUND and row["was"] == "SENT":
            await _note_down(desk, window, "DUE", asked, "the agent does not have it", 0.0)
        case HttpFailure(
            detail=detail
        ):  # no answer uses none up: an outage of the agent ends, and it is asked then
            await _note_down(desk, window, row["was"], row["enquiries"], detail, TIMING.enquiry_every_s)
            return
        case reply:  # also "I do not have it" of what it had taken: for people, and for its signed word
            await _note_down(desk, window, row["was"], asked, _detail(reply), _patience(asked))
    if asked == TIMING.enquiries_max:
        async with desk.pool.acquire() as connection, connection.transaction():
            await note(connection, EventKind.SETTLEMENT_UNANSWERED, window=window, enquiries=asked)


def _patience(asked: int) -> float | None:
    """Seconds until the next enquiry; None after the last: people, or the agent's own word."""
    return TIMING.enquiry_every_s if asked < TIMING.enquiries_max else None


async def _exchange(desk: Desk, row: asyncpg.Record, octets: bytes) -> HttpReply | HttpFailure:
    authorities = desk.data / "settlement" / "agents" / f"{row['agent']}.pem"
    client = HttpClient(RailConnection(row["door"], _if_there(authorities)), TIMING)
    try:
        return await client.request(
            "POST",
            "",
            octets,
            content_type=codec.XML,
            headers={SIGNATURE: jws.sign(SettlementFiles(desk.data).signing_key, octets)},
        )
    finally:
        await client.close()


def _if_there(file: Path) -> Path | None:
    """An agent's own certificate authority; without one, those that this machine trusts."""
    return file if file.exists() else None


def _detail(reply: HttpReply | HttpFailure) -> str:
    return reply.detail if isinstance(reply, HttpFailure) else f"http {reply.status}"


async def _note_down(  # noqa: PLR0917 - the columns
    desk: Desk, window: int, state: str, enquiries: int, detail: str, due_in_s: float | None
) -> None:
    await desk.pool.execute(_NOTE_DOWN, window, state, enquiries, detail, due_in_s)
