"""The steps of the settlement day: close due windows, open settlements, instruct, post confirmed lines.

Each step is one transaction that locks the settlement's row, and each may be repeated: windows close by their
number, ids of holds and transfers are derived from the line, and files have the same bytes. So the caretaker
takes every possible step, again and again, and a crash needs no recovery of its own.
"""

import asyncio
import hashlib
import uuid
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Final

import asyncpg
import msgspec
import structlog

from ledger import windows
from ledger.books import TransferState
from schemas.errors import NotAllowed, NotAuthentic, NotFound, OutcomeUnknown, Refused, SwitchError
from schemas.money import Money
from schemas.reasons import Reason
from switch.base import calendars, logs, metrics
from switch.base.sql import statements
from switch.payments.pricing import POSITION, SCHEME
from switch.settlement import confirmations, instructions, positions, proofs, reads
from switch.settlement.confirmations import AgentNotification, LineOutcome
from switch.settlement.files import SettlementFiles
from switch.settlement.proofs import ConfirmationProof
from switch.settlement.reads import SettlementLine
from switch.settlement.states import (
    ENDED,
    LineEvent,
    LineState,
    SettlementEvent,
    SettlementState,
    next_line,
    next_state,
)
from switch.writer.audit_notes import note
from switch.writer.client import Link
from switch.writer.commands import CloseWindow, CommandLeg, Fund, Hold, Release, Reply
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind
from switch.writer.verdicts import Verdict

SETTLEMENT: Final = "settlement"
_RESULT_WITHIN_S: Final = 10.0
_POLL_S: Final = 0.05
_NAMESPACE: Final = uuid.UUID("5d0a3a0e-8f6e-4b43-9d8e-6f0c2f8c2a77")
_MADE: Final = frozenset({Verdict.CREATED, Verdict.EXISTS})
_FREE: Final = frozenset({Verdict.VOIDED, Verdict.ALREADY_VOIDED, Verdict.FAILED, Verdict.TRANSFER_FAILED})

_statement: Final = statements("switch.settlement")
_UNSETTLED: Final = _statement("unsettled_windows")
_CARRY: Final = _statement("carry_lines")
_LINE: Final = _statement("add_line")
_BEING_ABORTED: Final = _statement("is_being_aborted")
_IS_AGENT: Final = _statement("is_agent")
_UNFINISHED: Final = _statement("unfinished_settlements")
_OPEN_WINDOWS: Final = _statement("open_windows")
_ADD: Final = _statement("add_settlement")
_ADD_DELIVERY: Final = _statement("add_delivery")
_SET_INSTRUCTED: Final = _statement("set_instructed")
_ADD_CONFIRMATION: Final = _statement("add_confirmation")
_UNPROCESSED: Final = _statement("unprocessed_confirmations")
_RESULT: Final = _statement("result_of_confirmation")
_SET_PROCESSED: Final = _statement("set_processed")
_LINES_OF: Final = _statement("lines_of_notification")
_SET_STATE: Final = _statement("set_state")
_MOVE_LINE: Final = _statement("move_line")
_AGENT: Final = _statement("agent_of_currency")
_RESTORES: Final = _statement("restores_of_window")
_TAKE_BEFORE: Final = _statement("take_settled_before")
_log = structlog.get_logger()


def line_id(window: int, participant: str, restores: int = 0) -> uuid.UUID:
    """UETR of a line's instruction, which is also the ledger's id of its hold; always the same for a line.

    `restores`: how many restores took back the close of the window, as its former ids may have been used.
    """
    text = f"payswitch/settlement/{window}/{participant}{f'/{restores}' if restores else ''}"
    seed = hashlib.sha256(text.encode()).digest()
    return uuid.UUID(bytes=seed[:16], version=4)


# Steps of the caretaker.


async def run_due(context: ServiceContext) -> None:
    """Take every step that is possible now."""
    await close_due(context)
    for row in await context.pool.fetch(_UNSETTLED):
        await _guarded(open_settlement(context, row["number"]), row["number"])
    rows = await context.pool.fetch(_UNFINISHED)
    for row in rows:
        step = instruct if row["state"] == SettlementState.CONFIRMED else finish
        await _guarded(step(context, row["settlement_window"]), row["settlement_window"])


async def _guarded(step: Awaitable[object], window: int) -> None:
    """Keep a failure in one window from stopping the others."""
    try:
        await step
    except SwitchError as error:
        _log.warning("settlement_waits", window=window, error=type(error).__name__, detail=error.detail)
    except Exception as error:  # noqa: BLE001 - whatever the error is, other windows go on
        _log.error("settlement_failed", window=window, error=type(error).__name__, detail=logs.where(error))


async def close_due(context: ServiceContext) -> list[int]:
    """Close every window whose cut-off has passed; return their numbers."""
    closed = []
    for row in await context.pool.fetch(_OPEN_WINDOWS):  # one statement a second, not three for each currency
        overrides = dict.fromkeys(row["worked"], True) | dict.fromkeys(row["free"], False)
        calendar = calendars.Calendar(row["currency"], row["country"], row["zone"], overrides)
        await calendars.prepare(calendar)
        if row["now"] >= calendar.next_close(row["closes_at"], row["opened_at"]):
            reply = await context.link.ask(CloseWindow(row["currency"], row["number"]))
            if reply.verdict is Verdict.CLOSED:
                closed.append(row["number"])
    return closed


async def open_settlement(context: ServiceContext, window: int) -> None:
    """Record the positions of a closed window, with lines carried from earlier ones; once.

    Raises:
        Unbalanced: its nets do not sum to zero.

    """
    found = await windows.find(context.pool, window)
    if found is None or found.closed_at is None:
        raise NotFound("no such closed window")
    calendar = await calendars.load(context.pool, found.currency)
    value_date = calendar.value_date(found.closed_at)
    nets = positions.of_participants(await positions.payment_nets(context.pool, window))
    async with context.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE switch.settlement IN SHARE ROW EXCLUSIVE MODE")
        if await connection.fetchval(
            "SELECT true FROM switch.settlement WHERE settlement_window = $1", window
        ):
            return
        carried: Counter[str] = Counter()
        for row in await connection.fetch(_CARRY, found.currency, window):
            carried[row["participant"]] += row["minor"]
        for row in await connection.fetch(_TAKE_BEFORE, found.currency, window):
            carried[row["participant"]] += row["minor"]
        lines = {name: (nets.get(name, 0), carried[name]) for name in sorted(nets.keys() | carried.keys())}
        state = next_state(SettlementState.OPEN, SettlementEvent.CLOSE)
        if not lines:
            state = next_state(state, SettlementEvent.NOTHING)
        digest = positions.digest(window, found.currency, lines)
        await connection.execute(_ADD, window, found.currency, str(state), digest, value_date)
        restores = await connection.fetchval(_RESTORES, window)
        for name, (net, brought) in lines.items():
            await connection.execute(
                _LINE, window, name, net, brought, line_id(window, name, restores), found.currency, POSITION
            )
        await note(
            connection,
            EventKind(f"SETTLEMENT_{state}"),
            window=window,
            currency=found.currency,
            positions=digest,
        )


async def instruct(context: ServiceContext, window: int) -> None:
    """Reserve the money of every line, store the instruction for the agent, and then send it.

    Raises:
        Refused: the settlement is not confirmed.
        NotFound: the currency has no settlement agent.

    """
    async with context.pool.acquire() as connection, connection.transaction():
        settlement = await lock(connection, window)
        state = next_state(settlement.state, SettlementEvent.INSTRUCT)
        if await connection.fetchval(_BEING_ABORTED, window):
            raise Refused(
                "the settlement is being aborted",
                reason=Reason.NARRATIVE,
                remedy=(
                    "Read its state with GET /v1/settlements/{window}; the window's lines are settled"
                    " anew after the abort."
                ),
            )
        scheme = await _scheme_account(connection, settlement.currency)
        agent = await _agent(connection, settlement.currency)
        for line in await reads.lines(connection, window):
            if line.state is LineState.DUE:
                await _instruct_line(context, connection, window, line, scheme)
        at = await connection.fetchval("SELECT clock_timestamp()")
        restores = await connection.fetchval(_RESTORES, window)
        id_ = instructions.message_id(window, settlement.currency, restores)
        octets = await _instruction(connection, agent, replace(settlement, changed_at=at), id_)
        digest = octets and hashlib.sha256(octets).hexdigest()
        message_id = octets and id_
        await connection.execute(
            _SET_INSTRUCTED,
            window,
            str(state),
            message_id,
            message_id and SettlementFiles.path(window, message_id),
            digest,
            at,
            agent["agent"],
        )
        if octets:
            await connection.execute(
                "INSERT INTO switch.settlement_instruction (settlement_window, body) VALUES ($1, $2)",
                window,
                octets,
            )
            if agent["door"]:
                await connection.execute(_ADD_DELIVERY, window, agent["door"])
        await note(
            connection, EventKind(f"SETTLEMENT_{state}"), window=window, message=message_id, sha256=digest
        )
    await write_instruction(context, window)


async def write_instruction(context: ServiceContext, window: int) -> None:
    """Write and sign the instruction of a settlement, unless it is there; the bytes are always the same."""
    settlement = await reads.find(context.pool, window)
    files = SettlementFiles(context.data)
    if settlement.state is not SettlementState.SETTLING or settlement.message_id is None:
        return
    assert settlement.file is not None
    if files.has(settlement.file):
        return
    octets = await context.pool.fetchval(
        "SELECT body FROM switch.settlement_instruction WHERE settlement_window = $1", window
    )
    assert hashlib.sha256(octets).hexdigest() == settlement.file_sha256, "the instruction has changed"
    files.write(settlement.file, octets)


async def read_instruction(context: ServiceContext, window: int) -> tuple[bytes, str]:
    """Get the instruction of a settlement and its detached signature, verified.

    SETTLING is committed before the file is written: if the file is missing, it is written here.

    Raises:
        NotFound: the window does not exist, or has no instruction.
        NotAuthentic: the file is not what was signed.

    """
    await write_instruction(context, window)
    settlement = await reads.find(context.pool, window)
    files = SettlementFiles(context.data)
    if settlement.file is None or not files.has(settlement.file):
        raise NotFound("this window has no settlement instruction")
    return files.read(settlement.file)


async def _instruction(
    connection: asyncpg.Connection, agent: asyncpg.Record, settlement: reads.Settlement, message_id: str
) -> bytes | None:
    """The instruction for the agent: every line whose money is reserved. None if there is no such line."""
    lines = [line for line in await reads.lines(connection, settlement.window) if line.transfer is not None]
    if not lines:
        return None
    assert settlement.value_date is not None
    assert settlement.changed_at is not None
    return instructions.build(
        instructions.Instruction(
            message_id=message_id,
            created_at=settlement.changed_at,
            currency=settlement.currency,
            value_date=settlement.value_date,
            scheme_bic=agent["scheme_bic"],
            agent_bic=agent["bic"],
            account=agent["account"],
            parts=[
                instructions.Part(line.id, line.bic, line.total_minor, f"W{settlement.window}-{number}")
                for number, line in enumerate(lines, 1)
            ],
        )
    )


async def _instruct_line(
    context: ServiceContext, connection: asyncpg.Connection, window: int, line: SettlementLine, scheme: int
) -> None:
    """Reserve one line's money; it can be gone from the position if a later window has spent it."""
    if line.total_minor == 0:
        await _move_line(connection, window, line, LineEvent.CONFIRM, reason="nothing to settle")
        return
    leg = leg_of(line.account, scheme, line.total_minor)
    reply = await context.link.ask(hold_of(window, line.participant, line.id, leg))
    if reply.verdict in _MADE and reply.state == TransferState.PENDING:
        await _move_line(connection, window, line, LineEvent.INSTRUCT, transfer=reply.number)
    else:
        why = "it was released before" if reply.verdict in _MADE else reply.verdict.text
        text = f"the money cannot be reserved: {why}"
        await _move_line(connection, window, line, LineEvent.HOLD, reason=text)


def leg_of(account: int, scheme: int, minor: int) -> CommandLeg:
    """The position of a participant that owes is credited from the scheme's account; others are debited."""
    if minor < 0:
        return CommandLeg(scheme, account, -minor, SETTLEMENT)
    return CommandLeg(account, scheme, minor, SETTLEMENT)


def hold_of(window: int, participant: str, line: uuid.UUID, leg: CommandLeg) -> Hold:
    """Reserve the money of a line."""
    text = f"settlement of window {window}: {participant}"
    return Hold(line.bytes, hashlib.sha256(line.bytes).digest(), [leg], text)


def late_of(window: int, participant: str, line: uuid.UUID, leg: CommandLeg) -> Fund:
    """Move the money of a line in one step, once, after its hold was released."""
    id_ = uuid.uuid5(_NAMESPACE, f"{window}/{participant}")
    text = f"late settlement of window {window}: {participant}"
    return Fund(id_.bytes, hashlib.sha256(id_.bytes).digest(), [leg], text, line=line.bytes)


async def finish(context: ServiceContext, window: int) -> bool:
    """Finish a settlement that waits for none of its lines; return whether it is finished."""
    await write_instruction(context, window)
    async with context.pool.acquire() as connection, connection.transaction():
        settlement = await lock(connection, window)
        if settlement.state is not SettlementState.SETTLING:
            return False
        found = await reads.lines(connection, window)
        if any(line.state not in ENDED for line in found):
            return False
        held = [line.participant for line in found if line.state is not LineState.SETTLED]
        await set_state(connection, window, next_state(settlement.state, SettlementEvent.FINISH), held=held)
        return True


# Confirmations of agents.


@dataclass(frozen=True, slots=True)
class Processed:
    """Result of a confirmation: lines by what was done, and contradictions that people must examine."""

    settled: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    unmatched: int = 0
    """Notifications that match no instruction to this agent."""

    @property
    def repeated(self) -> "Processed":
        """The result of the same confirmation again: nothing is done twice."""
        return replace(self, settled=(), held=(), known=(*self.settled, *self.held, *self.known))


async def confirm(
    context: ServiceContext, agent: str, raw: bytes, media_type: str, proof: ConfirmationProof
) -> Processed:
    """Store the settlement agent's confirmation, and wait for the caretaker to process it.

    The `proof` of its origin is stored with it. What a repetition states again is `known`.

    Raises:
        InvalidMessage: not a confirmation that can be read.
        NotAllowed: not a settlement agent.
        NotAuthentic: the caretaker does not believe the proof.
        OutcomeUnknown: it is stored, and not processed yet.

    """
    message, _ = confirmations.read(raw, media_type)
    sha256 = hashlib.sha256(raw).digest()
    async with context.pool.acquire() as connection:
        if not await connection.fetchval(_IS_AGENT, agent):
            raise NotAllowed("only a settlement agent confirms settlements")
        row = (sha256, agent, message.id, raw, media_type, *proof)
        is_new = await connection.fetchval(_ADD_CONFIRMATION, *row)
    until = asyncio.get_running_loop().time() + _RESULT_WITHIN_S
    while (found := await context.pool.fetchrow(_RESULT, sha256, agent, proof.signature))["taken_at"] is None:
        if asyncio.get_running_loop().time() >= until:
            raise OutcomeUnknown("the confirmation is stored, and will be processed")
        await asyncio.sleep(_POLL_S)
    result = msgspec.json.decode(found["result"] or "{}", type=Processed | None)
    if result is None:
        raise NotAuthentic("the signature of the confirmation is not one of its agent's keys")
    return result if is_new else result.repeated


async def process_confirmations(context: ServiceContext) -> None:
    """Process confirmations that wait, the oldest first; each notification takes effect only once.

    One that its agent did not sign has no effect, alarms, and is in the log as `SETTLEMENT_FORGED`.
    """
    for row in await context.pool.fetch(_UNPROCESSED):
        proof = ConfirmationProof(row["signature"], row["base"])
        try:
            await proofs.verify(context, row["agent"], row["body"], proof, row["received_at"])
            _, notifications = confirmations.read(row["body"], row["media_type"])
        except NotAuthentic as error:
            await _refuse_forged(context, row, error.detail)
        except SwitchError as error:  # `confirm` reads before it stores: another hand wrote this row
            _log.error("confirmation_not_readable", sha256=row["sha256"].hex(), detail=error.detail)
            await context.pool.fetchval(_SET_PROCESSED, *_key(row), "{}")
        else:
            await _process(context, row, notifications)


def _key(row: asyncpg.Record) -> tuple[bytes, str, str]:
    return row["sha256"], row["agent"], row["signature"]


async def _refuse_forged(context: ServiceContext, row: asyncpg.Record, detail: str) -> None:
    """Keep a confirmation that its agent did not sign as evidence, and alarm."""
    sha256, agent = row["sha256"].hex(), row["agent"]
    async with context.pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(_SET_PROCESSED, *_key(row), "null"):
            await note(connection, EventKind.SETTLEMENT_FORGED, agent=agent, sha256=sha256, detail=detail)
    metrics.CONFIRMATIONS_FORGED.inc()
    _log.error("confirmation_forged", agent=agent, sha256=sha256, detail=detail)


async def _process(
    context: ServiceContext, row: asyncpg.Record, notifications: list[AgentNotification]
) -> None:
    agent = row["agent"]
    taken: dict[str, list[str]] = {"settled": [], "held": [], "known": [], "contradiction": []}
    unmatched = 0
    for notification in notifications:
        found = await _lines_of(context, agent, notification)
        unmatched += not found
        for window, participant in found:
            taken[await _process_one(context, window, participant, notification)].append(participant)
    result = Processed(
        settled=tuple(taken["settled"]),
        held=tuple(taken["held"]),
        known=tuple(taken["known"]),
        contradictions=tuple(taken["contradiction"]),
        unmatched=unmatched,
    )
    async with context.pool.acquire() as connection, connection.transaction():
        text = msgspec.json.encode(result).decode()
        first = await connection.fetchval(_SET_PROCESSED, *_key(row), text)
        if first and unmatched:
            sha256 = row["sha256"].hex()
            await note(
                connection, EventKind.SETTLEMENT_UNMATCHED, agent=agent, sha256=sha256, words=unmatched
            )


async def _lines_of(
    context: ServiceContext, agent: str, notification: AgentNotification
) -> list[tuple[int, str]]:
    """Find the lines that a notification is about, among those that this agent was instructed to settle."""
    rows = await context.pool.fetch(
        _LINES_OF,
        agent,
        None if notification.uetr is None else uuid.UUID(notification.uetr),
        notification.message_id,
    )
    return [(row["window"], row["participant"]) for row in rows]


async def _process_one(
    context: ServiceContext, window: int, participant: str, notification: AgentNotification
) -> str:
    """Post or release one line; return `settled`, `held`, `known` or (nothing changed) `contradiction`."""
    async with context.pool.acquire() as connection, connection.transaction():
        settlement = await lock(connection, window)
        line = await reads.lock_line(connection, window, participant)
        if notification.amount is not None and notification.amount != Money(
            -line.total_minor, settlement.currency
        ):
            return await _contradict(connection, window, line, notification, "a different amount")
        if notification.stated is not None and notification.stated != Money(
            abs(line.total_minor), settlement.currency
        ):
            return await _contradict(connection, window, line, notification, "a different amount")
        if notification.outcome is LineOutcome.UNDONE:
            return await _contradict(
                connection, window, line, notification, "booked back, or without an amount"
            )
        if notification.outcome is LineOutcome.DONE:
            return await _done(context, connection, settlement, line, notification)
        return await _refused(context, connection, window, line, notification)


async def _done(
    context: ServiceContext,
    connection: asyncpg.Connection,
    settlement: reads.Settlement,
    line: SettlementLine,
    notification: AgentNotification,
) -> str:
    window = settlement.window
    match line.state:
        case LineState.SETTLED:
            return "known"
        case LineState.INSTRUCTED:
            text = f"settlement of window {window}: {line.participant}"
            reply = await context.link.ask(Release(line.id.bytes, "post", text))
            done = reply.verdict in {Verdict.POSTED, Verdict.ALREADY_POSTED}
            if reply.verdict is Verdict.ALREADY_VOIDED:  # a crash happened between the ledger's void and ours
                reply = await _move_late(context, connection, settlement, line)
                done = reply.verdict in _MADE
        case LineState.HELD if line.transfer is not None:
            reply = await _move_late(context, connection, settlement, line)
            done = reply.verdict in _MADE
        case _:
            return await _contradict(connection, window, line, notification, f"the line is {line.state}")
    if not done:
        return await _contradict(connection, window, line, notification, reply.verdict.text)
    await _move_line(connection, window, line, LineEvent.CONFIRM)
    return "settled"


async def _move_late(
    context: ServiceContext,
    connection: asyncpg.Connection,
    settlement: reads.Settlement,
    line: SettlementLine,
) -> Reply:
    """Move the money in one step, once, if the agent settled a line after its hold was released."""
    scheme = await _scheme_account(connection, settlement.currency)
    leg = leg_of(line.account, scheme, line.total_minor)
    return await context.link.ask(late_of(settlement.window, line.participant, line.id, leg))


async def _refused(
    context: ServiceContext,
    connection: asyncpg.Connection,
    window: int,
    line: SettlementLine,
    notification: AgentNotification,
) -> str:
    if line.state is LineState.INSTRUCTED:
        await hold_line(
            context.link,
            connection,
            window,
            line,
            f"the agent rejected it: {notification.reason or 'no reason'}",
        )
        return "held"
    if line.state in {LineState.HELD, LineState.CARRIED}:
        return "known"
    return await _contradict(connection, window, line, notification, f"the line is {line.state}")


async def hold_line(
    link: Link, connection: asyncpg.Connection, window: int, line: SettlementLine, reason: str
) -> None:
    """Hold a line, in the running transaction; its reserved money is released.

    Raises:
        Refused: the line is final.

    """
    line = await reads.lock_line(connection, window, line.participant)
    next_line(line.state, LineEvent.HOLD)
    reply = await link.ask(Release(line.id.bytes, "void", f"settlement of window {window} is held"))
    if reply.verdict not in _FREE:
        raise Refused(
            f"the reserved money cannot be released: {reply.verdict.text}",
            reason=Reason.NARRATIVE,
            remedy=(
                "Read the line with GET /v1/settlements/{window}: if it settled meanwhile, nothing is"
                " left to do."
            ),
        )
    await _move_line(connection, window, line, LineEvent.HOLD, reason=reason, transfer=line.transfer)


async def _contradict(
    connection: asyncpg.Connection,
    window: int,
    line: SettlementLine,
    notification: AgentNotification,
    text: str,
) -> str:
    """Record a contradiction: it changes nothing, and people must examine it."""
    await note(
        connection,
        EventKind.SETTLEMENT_CONTRADICTION,
        window=window,
        participant=line.participant,
        said=str(notification.outcome),
        detail=text,
    )
    return "contradiction"


# Steps.


async def set_state(
    connection: asyncpg.Connection, window: int, state: SettlementState, **facts: object
) -> None:
    """Set a settlement's state, in the running transaction."""
    await connection.execute(_SET_STATE, window, str(state))
    await note(connection, EventKind(f"SETTLEMENT_{state}"), window=window, **facts)


async def _move_line(
    connection: asyncpg.Connection,
    window: int,
    line: SettlementLine,
    event: LineEvent,
    *,
    reason: str = "",
    transfer: int | None = None,
) -> None:
    state = next_line(line.state, event)
    moved = await connection.fetchval(
        _MOVE_LINE, window, line.participant, str(line.state), str(state), reason, transfer
    )
    if not moved:
        raise Refused(
            f"the line is no longer {line.state}",
            reason=Reason.NARRATIVE,
            remedy=(
                "Nothing is left to do if that state is right: GET /v1/settlements/{window} shows how it"
                " came about."
            ),
        )
    await note(
        connection,
        EventKind(f"SETTLEMENT_LINE_{state}"),
        window=window,
        participant=line.participant,
        minor=line.total_minor,
        reason=reason,
    )


async def lock(connection: asyncpg.Connection, window: int) -> reads.Settlement:
    """Lock a settlement for the running transaction.

    Raises:
        NotFound: the window has none yet.

    """
    await connection.execute("SELECT FROM switch.settlement WHERE settlement_window = $1 FOR UPDATE", window)
    return await read(connection, window)


async def read(connection: asyncpg.Connection, window: int) -> reads.Settlement:
    """The settlement of a closed window.

    Raises:
        NotFound: the window has none yet.

    """
    if not await connection.fetchval(
        "SELECT true FROM switch.settlement WHERE settlement_window = $1", window
    ):
        raise NotFound("this window has no settlement yet")
    return await reads.find(connection, window)


async def _agent(connection: asyncpg.Connection, currency: str) -> asyncpg.Record:
    row = await connection.fetchrow(_AGENT, currency)
    if row is None:
        raise NotFound("the currency has no settlement agent")
    return row


async def _scheme_account(connection: asyncpg.Connection, currency: str) -> int:
    number: int = await connection.fetchval(
        "SELECT number FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = $3",
        SCHEME,
        currency,
        SETTLEMENT,
    )
    return number
