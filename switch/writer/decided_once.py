"""Commands of people for which the ledger has no id (caps, limits, new accounts), each decided once.

Such a command carries an id derived from its change. Its decision is stored in the command's own transaction
and returned to every repeat: a second attempt after a crash changes nothing, whatever other commands were
decided since.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import asyncpg

from ledger.columns import Columns, Function, each, uuid
from ledger.writer import BatchExtension
from switch.writer.commands import Command, Reply
from switch.writer.parts import BatchPart
from switch.writer.verdicts import Verdict

REMEMBERED_MAX: Final = 10_000
_READ: Final = "SELECT id, verdict, number FROM switch.decided_order WHERE id = ANY($1)"


class Orders(BatchPart):
    """The writer's memory of decisions, and what a batch adds to it."""

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._decided: dict[bytes, Reply] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._fresh: dict[bytes, Reply] = {}

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Load earlier decisions under the ids of `commands` that have one."""
        ids = {order for command in commands if (order := getattr(command, "order", b""))}
        wanted = [uuid(id_) for id_ in ids if id_ not in self._decided]
        for id_, verdict, number in await connection.fetch(_READ, wanted) if wanted else ():
            self._decided[id_.bytes] = Reply(Verdict(verdict), number)

    def once(self, id_: bytes, decide: Callable[[], Reply]) -> Reply:
        """Decide, or return the earlier decision under this id; without an id, decide."""
        if not id_:
            return decide()
        known = self._decided.get(id_)
        if known is None:
            known = self._decided[id_] = self._fresh[id_] = decide()
        return known

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_ORDERS(self._fresh.items())] if self._fresh else []

    def durable(self) -> None:
        """Drop the oldest: they are in the database, since no two batches decide so many."""
        while len(self._decided) > REMEMBERED_MAX:
            self._decided.pop(next(iter(self._decided)))


_ORDERS: Final[Columns[Iterable[tuple[bytes, Reply]]]] = Columns(
    each("ids", "uuid", lambda order: uuid(order[0])),
    each("verdicts", "text", lambda order: order[1].verdict),
    each("numbers", "bigint", lambda order: order[1].number),
)
RECORD_ORDERS: Final = Function("switch.record_orders", _ORDERS)
