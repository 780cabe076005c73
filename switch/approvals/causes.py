"""The cause of a command: what moves money or raises a limit follows from a change that people approved.

The writer reads the change and its votes itself, as a user of the database who cannot write them. It computes
the commands that its content allows: `ChangeKind.commands`, the same function with which the change is
executed. It refuses every other command, so a process that executes changes can only do what people decided,
and only while the change is approved and not executed yet. The ids of commands follow from the change, so a
repetition moves nothing.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import asyncpg
import structlog

from ledger.books import Books
from schemas.errors import SwitchError
from switch.approvals.kinds import ChangeIds, Kinds
from switch.base import logs, metrics
from switch.base.sql import statements
from switch.identity.model import ChangeState, Person, Role, Seat, Status
from switch.identity.permissions import may
from switch.writer.commands import (
    Advance,
    CloseAccounts,
    Command,
    DecideScreening,
    Fund,
    OpenAccount,
    Publish,
    Reopen,
    Reply,
    Return,
    ReversalAnswered,
    Reverse,
    SetCap,
    SetLimit,
    SetPair,
    SetVelocity,
    SetWatch,
    Unfreeze,
)
from switch.writer.parts import BatchPart
from switch.writer.verdicts import Verdict

_DECIDED: Final = (
    Fund,
    SetCap,
    SetLimit,
    SetPair,
    SetVelocity,
    SetWatch,
    OpenAccount,
    CloseAccounts,
    Unfreeze,
    Reopen,
    DecideScreening,
    Reverse,
)
_CHANGE: Final = statements("switch.approvals")("change_with_votes")
_AWAY: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
"""The database is away: the batch is decided again."""
_log = structlog.get_logger()


def needs_change(command: Command) -> bool:
    """Whether only people can decide a command."""
    if isinstance(command, Advance):
        return command.only_in_doubt
    if isinstance(command, Return):
        return not command.sender
    if isinstance(command, ReversalAnswered):
        return command.change != 0
    if isinstance(command, Fund) and command.line and not command.change:
        return False  # `switch.settlement.causes` decides
    if isinstance(command, Publish):
        return command.change != 0  # else its provider signed it
    return isinstance(command, _DECIDED)


class Causes(BatchPart):
    """Refuses commands of people that no approved change allows."""

    def __init__(self, kinds: Kinds, *, sandbox: bool) -> None:
        """`sandbox`: changes with a number below 1 need no people; only a sandbox has those."""
        self._kinds = kinds
        self._sandbox = sandbox
        super().__init__()

    def forget(self) -> None:
        """Drop what was read."""
        self._allowed: dict[int, Sequence[Command]] = {}
        self._missing: dict[int, str] = {}

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read the changes that these commands name, as they are now."""
        named = {_change_of(command) for command in commands if needs_change(command)}
        self._allowed, self._missing = {}, {}
        for number in named:
            if number > 0:
                try:
                    self._allowed[number] = await self._commands(connection, number)
                except _AWAY:
                    raise
                except SwitchError as error:
                    self._missing[number] = error.detail
                except _Lacking as error:
                    self._missing[number] = str(error)
                except Exception as error:  # noqa: BLE001 - a defect in one kind of change stops no payment
                    _log.error("cause_unreadable", change=number, detail=logs.where(error))
                    self._missing[number] = "it cannot be read"

    def stop(self, command: Command, books: Books) -> Reply | None:  # noqa: ARG002
        """Refuse a command that its change does not allow."""
        if not needs_change(command):
            return None
        number = _change_of(command)
        if number < 1 and self._sandbox:
            return None
        if command in self._allowed.get(number, ()):
            return None
        lacks = self._missing.get(number, "its change says something else" if number > 0 else "no change")
        return refusal(command, f"change {number}: {lacks}")

    async def _commands(self, connection: asyncpg.Connection, number: int) -> Sequence[Command]:
        """The commands that an approved change allows.

        Raises:
            _Lacking: it is not approved as its kind requires.
            SwitchError: its content cannot be read, or concerns what does not exist.

        """
        row = await connection.fetchrow(_CHANGE, number)
        kind = self._kinds.get(row["kind"]) if row is not None else None
        if row is None or kind is None:
            raise _Lacking("there is none")
        if row["state"] != ChangeState.APPROVED:
            raise _Lacking(f"it is {row['state']}")
        content = kind.read(row["content"].encode())
        maker = _person(json.loads(row["maker"]))
        if not may(maker, kind.right, participant=kind.participant(content)):
            raise _Lacking("its maker may not request it")
        _check_votes(maker, await kind.seats(connection, content, maker), json.loads(row["votes"]))
        return await kind.commands(connection, ChangeIds(number), content)


class _Lacking(Exception):
    """Why a change causes nothing."""


def _check_votes(maker: Person, seats: Iterable[Seat], votes: Sequence[dict[str, Any]]) -> None:
    """Check who approved a change.

    Raises:
        _Lacking: a person of the role of a seat did not take it, or one person counts twice.

    """
    people = {vote["person"]["name"] for vote in votes}
    if len(people) != len(votes) or maker.name in people:
        raise _Lacking("one person counts twice")
    taken = {vote["seat"]: vote for vote in votes if vote["decision"] == "approve"}
    for number, seat in enumerate(seats):
        vote = taken.get(number)
        person = _person(vote["person"]) if vote else None
        if person is None or not seat.admits(person):
            raise _Lacking(f"no {seat.role} approved it")


def refusal(command: Command, lacks: str) -> Reply:
    """Count and log a command without a cause, and refuse it."""
    metrics.WRITER_REFUSED.labels("cause").inc()
    _log.error("cause_refused", command=type(command).__name__, lacks=lacks)
    if _change_of(command) == 0:  # an older process states none, and does not know the verdict either
        return Reply(Verdict.FAILED_TO_DECIDE, reason=f"{Verdict.NO_CAUSE.text}: {lacks}")
    return Reply(Verdict.NO_CAUSE, detail=lacks)


def _change_of(command: Command) -> int:
    number: int = getattr(command, "change", 0)
    return number


def _person(row: dict[str, str]) -> Person:
    return Person(row["name"], row["name"], Role(row["role"]), row["scope"], Status(row["status"]))
