"""Orders of people that the ledger itself has no id for: caps, limits, new accounts. Each is decided once.

Such an order carries an id made from its change. What was decided under it is written down in the order's own
transaction, and told again to whoever asks again: a second try after a crash changes nothing, whatever
other orders have been decided since.
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
    """The writer's memory of what was decided, and what of it a batch adds."""

    def forget(self) -> None:
        """Drop everything: what memory holds may not have happened."""
        self._decided: dict[bytes, Reply] = {}

    def start_batch(self) -> None:
        """Begin to collect what the next batch decides."""
        self._fresh: dict[bytes, Reply] = {}

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Look up what was decided before under the ids of `commands`, where they are orders."""
        ids = {order for command in commands if (order := getattr(command, "order", b""))}
        wanted = [uuid(id_) for id_ in ids if id_ not in self._decided]
        for id_, verdict, number in await connection.fetch(_READ, wanted) if wanted else ():
            self._decided[id_.bytes] = Reply(Verdict(verdict), number)

    def once(self, id_: bytes, decide: Callable[[], Reply]) -> Reply:
        """Decide, or tell what was decided under this id before; without an id, decide."""
        if not id_:
            return decide()
        known = self._decided.get(id_)
        if known is None:
            known = self._decided[id_] = self._fresh[id_] = decide()
        return known

    def extension(self) -> BatchExtension:
        """What the batch writes."""
        return [RECORD_ORDERS(self._fresh.items())] if self._fresh else []

    def durable(self) -> None:
        """Forget the oldest: they are in the database, since no two batches decide so many."""
        while len(self._decided) > REMEMBERED_MAX:
            self._decided.pop(next(iter(self._decided)))


_ORDERS: Final[Columns[Iterable[tuple[bytes, Reply]]]] = Columns(
    each("ids", "uuid", lambda order: uuid(order[0])),
    each("verdicts", "text", lambda order: order[1].verdict),
    each("numbers", "bigint", lambda order: order[1].number),
)
RECORD_ORDERS: Final = Function("switch.record_orders", _ORDERS)
