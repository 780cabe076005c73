"""Changes that take two people: asked for, agreed to, executed exactly once.

    requested --every seat agrees--> approved --executed--> executed | failed
    requested --refuse--> refused    requested --withdraw--> withdrawn    requested --time--> expired

Every step is one transaction that locks the change's row, and writes an audit note with it. The maker never
sits in a seat, nobody sits in two, and the tables refuse both as well. Execution runs in the step that ends
it: what it changes in these tables happens with that step or not at all; what it asks of the ledger has
ids of this change, so a second try after a crash finds it done. `tend` finishes what a crash left approved.
What makes a secret is executed in the step of the last vote itself, so that who completed it is told.
"""

import json
from collections.abc import Sequence
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
from switch.approvals.kinds import Confirmable, Content, Execution, Kind, Kinds, encode_content
from switch.base import logs, plausibility
from switch.base.plausibility import Comparison
from switch.base.sql import statements
from switch.identity.model import Change, ChangeState, Person, Role, Seat, Status, Vote
from switch.identity.permissions import Right, require
from switch.identity.sessions import person_of
from switch.writer.audit_notes import note
from switch.writer.desk import Desk
from switch.writer.event_kinds import EventKind

REASON_MAX: Final = 500
LEFT_S: Final = 30.0
"""An execution that takes longer has been left: by a crash, or because the writer was away."""
_SELECT: Final = "SELECT * FROM switch.change WHERE number = $1"
_statement: Final = statements("switch.approvals")
_INSERT: Final = _statement("add_change")
_log = structlog.get_logger()


async def request(
    desk: Desk, kinds: Kinds, person: Person, kind: str, *, content: dict[str, Any], reason: str
) -> Change:
    """Ask for a change.

    Raises:
        NotFound: no such kind.
        NotAllowed: not this person's to ask for.
        InvalidMessage: the content cannot be read.
        Refused: it could not be done, so nobody is asked.

    """
    known = kinds.get(kind)
    if known is None:
        raise NotFound("no such kind of change")
    read = known.read(content)
    require(person, known.right, participant=known.participant(read))
    _check_reason(reason)
    async with desk.pool.acquire() as connection, connection.transaction():
        await _check_active(connection, person)
        await known.check(connection, read)
        await _check_plausible(connection, desk, known, read)
        seats = await known.seats(connection, read)
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
        return await _find(connection, number)


async def vote(
    desk: Desk,
    kinds: Kinds,
    person: Person,
    number: int,
    *,
    decision: str,
    reason: str,
    seen: str | None = None,
) -> Change:
    """Agree to a change (`approve`) or `refuse` it; the last to agree has it executed.

    `seen` is the digest of the effect that the person was shown. Where it is stated, the vote counts for
    that effect alone; the last vote's is compared once more in the transaction that executes.

    Raises:
        NotFound: no such change.
        NotAllowed: no free seat for this person, or it is the person's own request.
        EffectChanged: the change would now do something else than what was seen.
        Refused: it is no longer asked for, or could no longer be done.

    """
    require(person, Right.VOTE)
    _check_reason(reason)
    async with desk.pool.acquire() as connection, connection.transaction():
        await _check_active(connection, person)
        change = await _lock(connection, number)
        await _check_open(connection, change)
        seat = _free_seat(change, person)
        await _check_seen(connection, kinds, change, seen)
        await connection.execute(
            "INSERT INTO switch.change_vote (change, seat, person, maker, decision, reason)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            number,
            seat,
            person.name,
            change.maker,
            decision,
            reason,
        )
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
        await _check_still(connection, desk, kinds, change)
        if len(change.votes) + 1 < len(change.seats):
            return await _find(connection, number)
        await _end(connection, number, ChangeState.APPROVED, "")
        if kinds[change.kind].tells_secret:
            return await _execute(connection, desk, kinds, change, again=False, seen=seen)
    try:
        return await execute(desk, kinds, number, again=False, seen=seen)
    except TRY_AGAIN:  # the word is given; `tend` executes it when the writer is back
        async with desk.pool.acquire() as connection:
            return await _find(connection, number)


async def withdraw(desk: Desk, person: Person, number: int) -> Change:
    """Take one's own request back.

    Raises:
        NotFound: no such change.
        NotAllowed: somebody else's, or this person may no longer act.
        Refused: too late.

    """
    async with desk.pool.acquire() as connection, connection.transaction():
        await _check_active(connection, person)
        change = await _lock(connection, number)
        if change.maker != person.name:
            raise NotAllowed("only who asked for it can take it back")
        await _check_open(connection, change)
        await _end(connection, number, ChangeState.WITHDRAWN, "")
        return await _find(connection, number)


async def execute(
    desk: Desk, kinds: Kinds, number: int, *, again: bool = True, seen: str | None = None
) -> Change:
    """Execute an approved change; one that has ended is told as it is. `again`: the ledger may know of it.

    `seen`: the digest of the effect that the last vote was given for, if it was stated.

    Raises:
        Unavailable: the ledger's writer is away; `tend` tries again.
        OutcomeUnknown: it went away meanwhile; `tend` tries again.

    """
    async with desk.pool.acquire() as connection, connection.transaction():
        change = await _lock(connection, number)
        if change.state is not ChangeState.APPROVED:
            return change
        return await _execute(connection, desk, kinds, change, again=again, seen=seen)


async def _execute(
    connection: asyncpg.Connection,
    desk: Desk,
    kinds: Kinds,
    change: Change,
    *,
    again: bool,
    seen: str | None = None,
) -> Change:
    kind, number = kinds[change.kind], change.number
    execution = Execution(connection, desk.link, number)
    try:
        async with connection.transaction():  # a failure leaves no trace but itself
            if not (again and kind.moves_books):
                # One execution of a kind at a time: the next is compared with what this one puts in force.
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", change.kind)
                await _check_seen(connection, kinds, change, seen)
                await _check_still(connection, desk, kinds, change)
            # Past this line the change is made.
            await kind.execute(execution, kind.read(change.content.encode()))
    except TRY_AGAIN:  # neither is a failure of the change
        raise
    except SwitchError as error:
        await _end(connection, number, ChangeState.FAILED, error.detail)
    else:
        await _end(connection, number, ChangeState.EXECUTED, execution.outcome)
    return await _find(connection, number, secret=execution.secret)


async def tend(desk: Desk, kinds: Kinds, *, after_s: float = LEFT_S) -> int:
    """End what nobody decided in time, and execute what a crash left approved `after_s` ago; how many."""
    async with desk.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT number, state FROM switch.change WHERE (state = 'approved'"
            " AND coalesce(tried_at, requested_at) < clock_timestamp() - make_interval(secs => $1))"
            " OR (state = 'requested' AND expires_at <= clock_timestamp()) ORDER BY number",
            float(after_s),
        )
    for row in rows:
        try:
            if row["state"] == ChangeState.APPROVED:
                await execute(desk, kinds, row["number"])
            else:
                await _expire(desk, row["number"])
        except Exception as error:  # noqa: BLE001 - one change must not keep the others waiting
            _log.warning(
                "change_waits", change=row["number"], error=type(error).__name__, detail=logs.where(error)
            )
    return len(rows)


async def _expire(desk: Desk, number: int) -> None:
    async with desk.pool.acquire() as connection, connection.transaction():
        change = await _lock(connection, number)
        if change.state is ChangeState.REQUESTED:
            await _end(connection, number, ChangeState.EXPIRED, "")


# Reading.


async def find(connection: asyncpg.Connection, number: int) -> Change:
    """One change with its votes.

    Raises:
        NotFound: there is none.

    """
    return await _find(connection, number)


async def read(
    connection: asyncpg.Connection,
    *,
    state: str | None = None,
    maker: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Change]:
    """Changes, newest first, older than `before`; with `maker`, those that this person asked for."""
    numbers = await connection.fetch(
        "SELECT number FROM switch.change WHERE ($1::text IS NULL OR state = $1)"
        " AND ($2::bigint IS NULL OR number < $2) AND ($4::text IS NULL OR maker = $4)"
        " ORDER BY number DESC LIMIT $3",
        state,
        before,
        limit,
        maker,
    )
    return [await _find(connection, row["number"]) for row in numbers]


def may_vote(change: Change, person: Person) -> bool:
    """Whether there is a free seat for this person, should the change still be asked for."""
    try:
        _free_seat(change, person)
    except NotAllowed:
        return False
    return True


async def foresee(connection: asyncpg.Connection, kinds: Kinds, change: Change) -> Effect | None:
    """What a change that is asked for would do, as things are now; None once it has ended."""
    if change.state is not ChangeState.REQUESTED:
        return None
    return await _effect(connection, kinds, change)


async def links(connection: asyncpg.Connection, kinds: Kinds, change: Change) -> tuple[Resource, ...]:
    """What a change touches, or touched."""
    kind = kinds[change.kind]
    try:
        return await kind.links(connection, kind.read(change.content.encode()))
    except InvalidMessage:  # it was asked for when its content was another
        return ()


async def compare(
    connection: asyncpg.Connection, desk: Desk, kinds: Kinds, change: Change
) -> Sequence[Comparison]:
    """What a change that is asked for is measured by, as things are now; nothing once it has ended."""
    if change.state is not ChangeState.REQUESTED:
        return ()
    kind = kinds[change.kind]
    try:
        return await kind.compare(connection, kind.read(change.content.encode()), desk.bands)
    except SwitchError:  # what it is about is gone: the check says so
        return ()


async def obstacle(connection: asyncpg.Connection, desk: Desk, kinds: Kinds, change: Change) -> str:
    """Why a change that is asked for could not be done now; empty where it could. Changes nothing.

    Raises:
        asyncpg.LockNotAvailableError: what it looks at is being changed at this very moment.

    """
    trial = connection.transaction()
    await trial.start()  # a check may lock what it looks at: it is let go at once
    try:
        await connection.execute("SET LOCAL lock_timeout = '1s'")
        await _check_still(connection, desk, kinds, change)
    except SwitchError as error:
        return error.detail
    finally:
        await trial.rollback()
    return ""


# Steps.


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_MAX:
        raise Refused("a reason is needed, of 500 characters at most", reason=Reason.NARRATIVE)


async def _check_active(connection: asyncpg.Connection, person: Person) -> None:
    """The session may be older than the person's suspension."""
    row = await connection.fetchrow("SELECT * FROM switch.person WHERE name = $1 FOR SHARE", person.name)
    if row is None or person_of(row) != person or person.status is not Status.ACTIVE:
        raise NotAllowed("this person may not act")


async def _check_open(connection: asyncpg.Connection, change: Change) -> None:
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    if change.state is not ChangeState.REQUESTED or now >= change.expires_at:
        raise Refused("this change is no longer asked for", reason=Reason.NARRATIVE)


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
    except InvalidMessage:  # it was asked for when its content was another; its check refuses it
        return None


async def _check_still(connection: asyncpg.Connection, desk: Desk, kinds: Kinds, change: Change) -> None:
    kind = kinds[change.kind]
    content = kind.read(change.content.encode())
    await kind.check(connection, content)
    await _check_plausible(connection, desk, kind, content)


async def _check_plausible(
    connection: asyncpg.Connection, desk: Desk, kind: Kind[Any], content: Content
) -> None:
    """Compare what moves or bounds money with what is in force; beyond the band its factor must be named."""
    if isinstance(content, Confirmable):
        compared = await kind.compare(connection, content, desk.bands)
        plausibility.check(compared, content.confirmed_factor)


async def _insert(connection: asyncpg.Connection, *row: object) -> int:
    """Write the request down; its number."""
    try:
        number: int = await connection.fetchval(_INSERT, *row)
    except asyncpg.UniqueViolationError:
        raise Refused(
            "the agent's reference is booked already, or somebody asks for it",
            reason=Reason.DUPLICATE_PAYMENT,
        ) from None
    return number


def _free_seat(change: Change, person: Person) -> int:
    """Find a seat that is this person's to take."""
    if person.name == change.maker:
        raise NotAllowed("nobody agrees to their own request")
    if any(said.person == person.name for said in change.votes):
        raise NotAllowed("you have said your word to this change")
    taken = {said.seat for said in change.votes}
    for index, seat in enumerate(change.seats):
        if index not in taken and seat.role is person.role and seat.scope in {"", person.scope}:
            return index
    raise NotAllowed("this change has no free seat for your role")


async def _end(connection: asyncpg.Connection, number: int, state: ChangeState, outcome: str) -> None:
    await connection.execute(
        "UPDATE switch.change SET state = $2, outcome = $3,"
        " tried_at = CASE WHEN $2 = 'approved' THEN clock_timestamp() ELSE tried_at END,"
        " ended_at = CASE WHEN $2 <> 'approved' THEN clock_timestamp() END WHERE number = $1",
        number,
        str(state),
        outcome,
    )
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


def _seats_text(seats: tuple[Seat, ...]) -> str:
    return json.dumps([{"role": seat.role, "scope": seat.scope} for seat in seats])
