"""The cause of settlement's movements: a line of a closed window.

Money is held, or moved late, exactly as the line says, which the caretaker wrote when the window closed: its
participant, its amount, the scheme's account. The writer reads the line itself. What it does not check is the
agent's confirmation, after which a hold is posted.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from ledger.books import Books
from switch.approvals.causes import refusal
from switch.base.sql import statements
from switch.settlement import day
from switch.writer.commands import Command, Fund, Hold, Reply
from switch.writer.parts import BatchPart

_LINES: Final = statements("switch.settlement")("movements_of_lines")


class SettlementCauses(BatchPart):
    """Refuses holds and late movements that no line of a settlement allows."""

    def __init__(self, *, sandbox: bool) -> None:
        """`sandbox`: whoever fills it may hold money without a line."""
        self._sandbox = sandbox
        super().__init__()

    def forget(self) -> None:
        """Drop what was read."""
        self._allowed: dict[bytes, tuple[Command, ...]] = {}

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read the lines that these commands name."""
        named = {line for command in commands if (line := _line_of(command))}
        self._allowed = {}
        if not named:
            return
        for row in await connection.fetch(_LINES, [UUID(bytes=line) for line in named if len(line) == 16]):  # noqa: PLR2004
            window, participant, id_ = row["settlement_window"], row["participant"], row["id"]
            leg = day.leg_of(row["account"], row["scheme"], row["minor"])
            late = (day.late_of(window, participant, id_, leg),) if row["transfer"] is not None else ()
            self._allowed[id_.bytes] = (day.hold_of(window, participant, id_, leg), *late)

    def stop(self, command: Command, books: Books) -> Reply | None:  # noqa: ARG002
        """Refuse what its line does not say."""
        line = _line_of(command)
        if not line:
            return None
        allowed = self._allowed.get(line)
        if command in (allowed or ()) or (allowed is None and self._sandbox and isinstance(command, Hold)):
            return None
        return refusal(command, "its line of a settlement says something else, or there is none")


def _line_of(command: Command) -> bytes:
    if isinstance(command, Hold):
        return command.id
    return command.line if isinstance(command, Fund) else b""
