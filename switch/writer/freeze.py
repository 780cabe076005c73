"""The freeze: a fault in the books stops new movements of money until two people have examined it.

During a freeze, the writer refuses commands that would start to move money: payments, returns, funds, holds,
the close of a window. Work in progress still ends: a rail's answer is recorded, a settlement hold is posted
or voided. Freeze and unfreeze are events of the log; `switch.freeze` has a row during a freeze, written in
the event's own transaction.
"""

from operator import itemgetter
from typing import Final
from uuid import UUID

import asyncpg
from msgspec.structs import asdict

from ledger.books import Books
from ledger.columns import Columns, Function, one
from ledger.writer import BatchExtension
from switch.writer import event_bodies
from switch.writer.commands import (
    Accept,
    BookReturn,
    CloseAccounts,
    CloseWindow,
    Command,
    Freeze,
    Fund,
    Hold,
    HoldAgain,
    Reply,
    Return,
    Reverse,
    Unfreeze,
)
from switch.writer.event_kinds import EventKind
from switch.writer.parts import BatchPart, Handler
from switch.writer.verdicts import Verdict


class Freezing(BatchPart):
    """The writer's memory of the freeze, and what a batch changes in it."""

    def __init__(self) -> None:
        self.handlers = {Freeze: Handler(self.freeze), Unfreeze: Handler(self.unfreeze)}
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._since = 0

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._written: tuple[int, str, str] | None = None

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read whether the books are frozen, and since which event."""
        self._since = await connection.fetchval("SELECT seq FROM switch.freeze") or 0

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Refuse a command that would start to move money; a known one gets its earlier reply."""
        return Reply(Verdict.BOOKS_FROZEN) if self._since and _moves_money(command, books) else None

    def freeze(self, command: Freeze, books: Books) -> Reply:
        """Freeze; an existing freeze is not changed."""
        if self._since:
            return Reply(Verdict.FROZEN_ALREADY, self._since)
        self._since = books.record(0, EventKind.FREEZE, event_bodies.encode(asdict(command)))
        self._written = self._since, command.check, command.detail
        return Reply(Verdict.FROZEN, self._since)

    def unfreeze(self, command: Unfreeze, books: Books) -> Reply:
        """End the freeze."""
        if not self._since:
            return Reply(Verdict.NOT_FROZEN)
        self._since = 0
        self._written = 0, "", ""
        return Reply(
            Verdict.UNFROZEN, books.record(0, EventKind.UNFREEZE, event_bodies.encode(asdict(command)))
        )

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_FREEZE(self._written)] if self._written is not None else []


def _moves_money(command: Command, books: Books) -> bool:
    match command:
        case Accept(identity=identity) | HoldAgain(identity=identity):
            return books.find(UUID(bytes=identity.uetr)) is None
        case Fund(id=id_) | Hold(id=id_) | Return(id=id_):
            return books.find(UUID(bytes=id_)) is None
        case _:
            return isinstance(command, BookReturn | Reverse | CloseWindow | CloseAccounts)


_WRITTEN: Final[Columns[tuple[int, str, str]]] = Columns(
    one("number", "bigint", itemgetter(0)),
    one("reason", "text", itemgetter(1)),
    one("detail", "text", itemgetter(2)),
)
RECORD_FREEZE: Final = Function("switch.record_freeze", _WRITTEN)
