"""Changes that need two people: requested, approved, and executed exactly once.

    requested --every seat approves--> approved --the caretaker executes--> executed | failed
    requested --refuse--> refused    requested --withdraw--> withdrawn    requested --time--> expired

Every step is one transaction that locks the change's row and writes an audit note. The maker never takes a
seat, and no person takes two; the tables refuse both as well. The last vote only makes the change approved,
and waits a moment for the caretaker, which looks for approved changes all the time. So the processes that
people and strangers reach need no right to what changes are about.

The final step includes the execution: its changes to these tables are committed with the step or not at all.
Its commands to the ledger have ids derived from this change: a second attempt after a crash finds them done.
Only a change that creates a secret is executed in the step of the last vote itself, so that the person who
completed it gets the secret: it lets a person enrol.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import structlog

from schemas.errors import (
    TRY_AGAIN,
    EffectChanged,
    InvalidMessage,
    NotAllowed,
    NotFound,
    Refused,
    SwitchError,
)
from schemas.reasons import Reason
from switch.approvals.effects import Effect, Resource
from switch.approvals.kinds import (
    ChangeKind,
    Confirmable,
    Content,
    Execution,
    Kinds,
    encode_content,
    locking_what_is_checked,
)
from switch.base import logs, metrics, plausibility
from switch.base.plausibility import Comparison
from switch.base.sql import statements
from switch.identity.model import Change, ChangeState, Person, Role, Seat, Status, Vote
from switch.identity.permissions import Right, require
from switch.identity.sessions import person_of
from switch.writer.audit_notes import note
from switch.writer.commands import (
    Command,
    DecideScreening,
    Fund,
    OpenAccount,
    Ping,
    Publish,
    Return,
    SetCap,
    SetLimit,
    SetPair,
    SetVelocity,
    SetWatch,
)
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

REASON_MAX: Final = 500
LEFT_S: Final = 5.0
"""When an interrupted execution is tried again: after a crash, or if the writer was unavailable."""
OUTCOME_WITHIN_S: Final = 5.0
"""How long the last vote waits for the execution; then the change is shown as approved."""
_FIRST_POLL_S: Final = 0.005
_POLL_S: Final = 0.08
_SELECT: Final = "SELECT * FROM switch.change WHERE number = $1"
_MAKER: Final = "SELECT name, display_name, role, scope, status FROM switch.person WHERE name = $1"
_statement: Final = statements("switch.approvals")
_INSERT: Final = _statement("add_change")
_ADD_VOTE: Final = _statement("add_vote")
_DUE: Final = _statement("due_changes")
_APPROVED: Final = _statement("approved_changes")
_BEGIN: Final = _statement("begin_execution")
_IS_RECORDED: Final = _statement("is_recorded")
_NUMBERS: Final = _statement("numbers_of_changes")
_SET_STATE: Final = _statement("set_state_of_change")
_log = structlog.get_logger()


async def request(
    context: ServiceContext,
    kinds: Kinds,
    person: Person,
    kind: str,
    *,
    content: dict[str, Any],
    reason: str,
    within_s: float = OUTCOME_WITHIN_S,
) -> Change:
    """Request a change; one that needs nobody else is approved at once, and executed as after a last vote.

    Raises:
        NotFound: no such kind.
        NotAllowed: this person may not request it.
        InvalidMessage: the content cannot be read.
        Refused: the change is not possible now.

    """
    known = kinds.get(kind)
    if known is None:
        raise NotFound("no such kind of change")
    read = known.read(content)
    require(person, known.right, participant=known.participant(read))
    _check_reason(reason)
    await known.judge(context, read)
    async with context.pool.acquire() as connection, connection.transaction():
        await _check_active(connection, person)
        await known.admit(connection, read, person)
        await known.check(connection, read)
        await _check_plausible(connection, context, known, read)
        seats = await known.seats(connection, read, person)
        text = encode_content(read).decode()
        number = await _insert(connection, kind, text, person.name, reason, _seats_text(seats), known.lasts)
        await note(
            connection,
            EventKind.CHANGE_REQUESTED,
            change=number,
            change_kind=kind,
            content=json.loads(text),
            maker=person.name,
            reason=reason,
            seats=[[seat.role, seat.scope] for seat in seats],
        )
        if seats:
            return await _find(connection, number)
        await _end(connection, number, ChangeState.APPROVED, "")
    return await _outcome(context, number, within_s)


async def vote(
    context: ServiceContext,
    kinds: Kinds,
    person: Person,
    number: int,
    *,
    decision: str,
    reason: str,
    seen: str | None = None,
    within_s: float = OUTCOME_WITHIN_S,
) -> Change:
    """Approve (`approve`) or `refuse` a change; after the last approval, wait `within_s` for the execution.

    `seen` is the digest of the effect that was shown to the person. If it is stated, the vote counts only for
    that effect; the last vote's digest is compared again in the transaction that executes.

    Raises:
        NotFound: no such change.
        NotAllowed: no free seat for this person, or it is the person's own request.
        EffectChanged: the effect of the change is no longer the one that was shown.
        Refused: it is no longer open, or no longer possible.

    """
    require(person, Right.VOTE)
    _check_reason(reason)
    async with context.pool.acquire() as connection, connection.transaction():
        await _check_active(connection, person)
        change = await _lock(connection, number)
        await _check_open(connection, change)
        seat = _free_seat(change, person)
        await _check_seen(connection, kinds, change, seen)
        await connection.execute(_ADD_VOTE, number, seat, person.name, change.maker, decision, reason)
        await note(
            connection,
            EventKind.CHANGE_VOTE,
            change=number,
            person=person.name,
            decision=decision,
            reason=reason,
            **({} if seen is None else {"seen": seen}),
        )
        if decision == "refuse":
            await _end(connection, number, ChangeState.REFUSED, f"refused by {person.name}")
            return await _find(connection, number)
        await _check_still(connection, context, kinds, change)
        if len(change.votes) + 1 < len(change.seats):
            return await _find(connection, number)
        await _end(connection, number, ChangeState.APPROVED, "", seen=seen)
        if kinds[change.kind].returns_secret:
            return await _execute(connection, context, kinds, change, again=False, seen=seen)
    return await _outcome(context, number, within_s)


async def _outcome(context: ServiceContext, number: int, within_s: float) -> Change:
    """The change as soon as it has ended, or as it is after `within_s`."""
    until = asyncio.get_running_loop().time() + within_s
    pause = _FIRST_POLL_S
    while True:
        async with context.pool.acquire() as connection:
            change = await _find(connection, number)
        if change.state is not ChangeState.APPROVED or asyncio.get_running_loop().time() >= until:
            return change
        await asyncio.sleep(pause)
        pause = min(2 * pause, _POLL_S)


async def withdraw(context: ServiceContext, person: Person, number: int) -> Change:
    """Withdraw one's own request.

    Raises:
        NotFound: no such change.
        NotAllowed: another person's request, or this person may no longer act.
        Refused: too late.

    """
    async with context.pool.acquire() as connection, connection.transaction():
        await _check_active(connection, person)
        change = await _lock(connection, number)
        if change.maker != person.name:
            raise NotAllowed("only the person who requested a change can withdraw it")
        await _check_open(connection, change)
        await _end(connection, number, ChangeState.WITHDRAWN, "")
        return await _find(connection, number)


async def execute(context: ServiceContext, kinds: Kinds, number: int) -> Change:
    """Execute an approved change; one that has ended, or that another process executes, is returned as it is.

    That an attempt began is recorded first: a second one does not decide again what the ledger has decided,
    and is checked like the first if the first did not reach the ledger.

    Raises:
        Unavailable: the ledger's writer is unavailable; `run_due` tries again.
        OutcomeUnknown: the writer stopped responding meanwhile; `run_due` tries again.

    """
    async with context.pool.acquire() as connection:
        begun = await connection.fetchrow(_BEGIN, number)
        async with connection.transaction():
            change = await (_lock if begun else _find)(connection, number)
            if begun is None or change.state is not ChangeState.APPROVED:
                return change
            change = await _execute(
                connection, context, kinds, change, again=begun["again"], seen=begun["seen"]
            )
    if change.state is ChangeState.EXECUTED:
        metrics.CHANGED_AT.labels(change.kind).set_to_current_time()
    return change


async def _execute(
    connection: asyncpg.Connection,
    context: ServiceContext,
    kinds: Kinds,
    change: Change,
    *,
    again: bool,
    seen: str | None = None,
) -> Change:
    kind, number = kinds[change.kind], change.number
    execution = Execution(connection, context.link, number)
    try:
        async with connection.transaction():  # a failed execution leaves nothing but the failure
            content = kind.read(change.content.encode())
            if not (again and kind.moves_books and await _is_decided(execution, kind, content)):
                # One execution of a kind at a time: the next is compared with the result of this one.
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", change.kind)
                await _check_seen(connection, kinds, change, seen)
                with locking_what_is_checked():
                    await _check_still(connection, context, kinds, change)
            # From here on the change is made.
            await kind.execute(execution, content)
    except TRY_AGAIN:  # neither is a failure of the change
        raise
    except SwitchError as error:
        await _end(connection, number, ChangeState.FAILED, error.detail)
    else:
        await _end(connection, number, ChangeState.EXECUTED, execution.outcome)
    return await _find(connection, number, secret=execution.secret)


async def _is_decided(execution: Execution, kind: ChangeKind[Any], content: Content) -> bool:
    """Whether the ledger may have decided what an earlier attempt sent, so that no check may fail it now.

    Commands without ids are not recorded: the books alone decide those, from their present state.
    """
    ids = [
        id_
        for one in await kind.commands(execution.connection, execution.ids, content)
        if (id_ := _id_of(one))
    ]
    if not ids:
        return True
    # The writer decides in order: after this reply, whatever the earlier attempt sent it is recorded.
    await execution.link.ask(Ping())
    return bool(await execution.connection.fetchval(_IS_RECORDED, [uuid.UUID(bytes=id_) for id_ in ids]))


def _id_of(command: Command) -> bytes:
    """The id under which the writer records its decision; empty if it records none."""
    match command:
        case Fund() | Return():
            return command.id
        case (
            DecideScreening()
            | OpenAccount()
            | Publish()
            | SetCap()
            | SetLimit()
            | SetPair()
            | SetVelocity()
            | SetWatch()
        ):
            return command.order
        case _:
            return b""


async def execute_approved(context: ServiceContext, kinds: Kinds, *, after_s: float = LEFT_S) -> int:
    """Execute approved changes: new ones at once, interrupted ones `after_s` later; return how many."""
    rows = await context.pool.fetch(_APPROVED, float(after_s))
    for row in rows:
        await _apart(row["number"], execute(context, kinds, row["number"]))
    return len(rows)


async def run_due(context: ServiceContext, kinds: Kinds, *, after_s: float = LEFT_S) -> int:
    """Expire undecided changes, and execute approved ones; return how many."""
    rows = await context.pool.fetch(_DUE)
    for row in rows:
        await _apart(row["number"], _expire(context, row["number"]))
    return len(rows) + await execute_approved(context, kinds, after_s=after_s)


async def _apart(number: int, step: Awaitable[object]) -> None:
    """Make a step of one change, which must not delay the others."""
    try:
        await step
    except Exception as error:  # noqa: BLE001 - whatever it is, the next change is next
        _log.warning("change_waits", change=number, error=type(error).__name__, detail=logs.where(error))


async def _expire(context: ServiceContext, number: int) -> None:
    async with context.pool.acquire() as connection, connection.transaction():
        change = await _lock(connection, number)
        if change.state is ChangeState.REQUESTED:
            await _end(connection, number, ChangeState.EXPIRED, "")


# Queries.


async def find(connection: asyncpg.Connection, number: int) -> Change:
    """Find one change with its votes.

    Raises:
        NotFound: there is none.

    """
    return await _find(connection, number)


async def read(
    connection: asyncpg.Connection,
    *,
    state: str | None = None,
    concerning: Person | None = None,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[Change]:
    """Changes, newest first, older than `before`, requested from `since` and before `until`.

    With `concerning`, only those that this person requested, or that have a seat for its role and scope.
    """
    maker, seat = (
        (None, None) if concerning is None else (concerning.name, _seats_text((_seat_of(concerning),)))
    )
    numbers = await connection.fetch(_NUMBERS, state, before, limit, maker, seat, since, until)
    return [await _find(connection, row["number"]) for row in numbers]


def may_vote(change: Change, person: Person) -> bool:
    """Whether there is a free seat for this person, if the change is still open."""
    try:
        _free_seat(change, person)
    except NotAllowed:
        return False
    return True


async def present_effect(connection: asyncpg.Connection, kinds: Kinds, change: Change) -> Effect | None:
    """Effect of an open change at present; None if the change has ended."""
    if change.state is not ChangeState.REQUESTED:
        return None
    return await _effect(connection, kinds, change)


async def links(connection: asyncpg.Connection, kinds: Kinds, change: Change) -> tuple[Resource, ...]:
    """Resources that a change concerns."""
    kind = kinds[change.kind]
    try:
        return await kind.links(connection, kind.read(change.content.encode()))
    except InvalidMessage:  # it was requested when the form of its content was different
        return ()


async def compare(
    connection: asyncpg.Connection, context: ServiceContext, kinds: Kinds, change: Change
) -> Sequence[Comparison]:
    """Comparisons of an open change with the present values; none if it has ended."""
    if change.state is not ChangeState.REQUESTED:
        return ()
    kind = kinds[change.kind]
    try:
        return await kind.compare(connection, kind.read(change.content.encode()), context.bands)
    except SwitchError:  # what it concerns no longer exists: the check reports that
        return ()


async def obstacle(
    connection: asyncpg.Connection, context: ServiceContext, kinds: Kinds, change: Change
) -> str:
    """Why an open change is not possible now; empty if it is possible. Changes nothing.

    Raises:
        asyncpg.LockNotAvailableError: what it reads is being changed at this moment.

    """
    trial = connection.transaction()
    await trial.start()  # a check may lock what it reads: the lock is released at once
    try:
        await connection.execute("SET LOCAL lock_timeout = '1s'")
        await _check_still(connection, context, kinds, change)
    except SwitchError as error:
        return error.detail
    finally:
        await trial.rollback()
    return ""


# Steps.


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_MAX:
        raise Refused(
            "a reason of at most 500 characters is required",
            reason=Reason.NARRATIVE,
            remedy="Say why in 1 to 500 characters; others read it before they vote.",
        )


async def _check_active(connection: asyncpg.Connection, person: Person) -> None:
    """The person may have been suspended since the session began."""
    row = await connection.fetchrow("SELECT * FROM switch.person WHERE name = $1 FOR SHARE", person.name)
    if row is None or person_of(row) != person or person.status is not Status.ACTIVE:
        raise NotAllowed("this person may not act")


async def _check_open(connection: asyncpg.Connection, change: Change) -> None:
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    if change.state is not ChangeState.REQUESTED or now >= change.expires_at:
        raise Refused(
            "this change is no longer open",
            reason=Reason.NARRATIVE,
            remedy=(
                "Read it with GET /v1/changes/{number}: if it was rejected, withdrawn or expired,"
                " request it again."
            ),
        )


async def _check_seen(connection: asyncpg.Connection, kinds: Kinds, change: Change, seen: str | None) -> None:
    if seen is None:
        return
    effect = await _effect(connection, kinds, change)
    if effect is None or effect.digest(change.number) != seen:
        raise EffectChanged(None if effect is None else effect.document(change.number))


async def _effect(connection: asyncpg.Connection, kinds: Kinds, change: Change) -> Effect | None:
    kind = kinds[change.kind]
    try:
        return await kind.effect(connection, kind.read(change.content.encode()))
    except (
        InvalidMessage
    ):  # it was requested when the form of its content was different; its check refuses it
        return None


async def _check_still(
    connection: asyncpg.Connection, context: ServiceContext, kinds: Kinds, change: Change
) -> None:
    kind = kinds[change.kind]
    content = kind.read(change.content.encode())
    await kind.check(connection, content)
    await _check_plausible(connection, context, kind, content)
    maker = await connection.fetchrow(_MAKER, change.maker)
    if not set(await kind.seats(connection, content, person_of(maker))) <= set(change.seats):
        raise Refused(
            "others must agree to this by now: request it again",
            reason=Reason.NARRATIVE,
            remedy="Request the change again: the new request names those who must agree now.",
        )


async def _check_plausible(
    connection: asyncpg.Connection, context: ServiceContext, kind: ChangeKind[Any], content: Content
) -> None:
    """Compare what moves or limits money with present values; beyond the band a factor must be confirmed."""
    if isinstance(content, Confirmable):
        compared = await kind.compare(connection, content, context.bands)
        plausibility.check(compared, content.confirmed_factor)


async def _insert(connection: asyncpg.Connection, *row: object) -> int:
    """Insert the request; return its number."""
    try:
        number: int = await connection.fetchval(_INSERT, *row)
    except asyncpg.UniqueViolationError:
        raise Refused(
            "the agent's reference is booked already, or is in another request",
            reason=Reason.DUPLICATE_PAYMENT,
        ) from None
    return number


def _free_seat(change: Change, person: Person) -> int:
    """Find a seat that this person may take."""
    if person.name == change.maker:
        raise NotAllowed("you cannot approve your own request")
    if any(said.person == person.name for said in change.votes):
        raise NotAllowed("you have already voted on this change")
    taken = {said.seat for said in change.votes}
    for index, seat in enumerate(change.seats):
        if index not in taken and seat.admits(person):
            return index
    raise NotAllowed("this change has no free seat for your role")


async def _end(
    connection: asyncpg.Connection, number: int, state: ChangeState, outcome: str, *, seen: str | None = None
) -> None:
    await connection.execute(_SET_STATE, number, str(state), outcome, seen)
    await note(connection, EventKind(f"CHANGE_{state.upper()}"), change=number, outcome=outcome)


async def _lock(connection: asyncpg.Connection, number: int) -> Change:
    await connection.execute("SELECT FROM switch.change WHERE number = $1 FOR UPDATE", number)
    return await _find(connection, number)


async def _find(connection: asyncpg.Connection, number: int, *, secret: str = "") -> Change:
    row = await connection.fetchrow(_SELECT, number)
    if row is None:
        raise NotFound("no such change")
    votes = await connection.fetch(
        "SELECT seat, person, decision, reason, at FROM switch.change_vote WHERE change = $1 ORDER BY at",
        number,
    )
    return Change(
        number=row["number"],
        kind=row["kind"],
        content=row["content"],
        maker=row["maker"],
        reason=row["reason"],
        seats=tuple(Seat(Role(s["role"]), s["scope"]) for s in json.loads(row["seats"])),
        state=ChangeState(row["state"]),
        requested_at=row["requested_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        outcome=row["outcome"],
        votes=tuple(Vote(*vote) for vote in votes),
        secret=secret,
    )


def _seat_of(person: Person) -> Seat:
    return Seat(person.role, person.scope)


def _seats_text(seats: tuple[Seat, ...]) -> str:
    return json.dumps([{"role": seat.role, "scope": seat.scope} for seat in seats])
