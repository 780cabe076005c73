"""Orders of people that the ledger itself has no id for: caps, limits, new accounts. Each is decided once.

Such an order carries an id made from its change. What was decided under it is written down in the order's own
transaction, and told again to whoever asks again: a second try after a crash changes nothing, whatever
other orders have been decided since.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final
from uuid import UUID

import asyncpg

from ledger.columns import Columns, Function, each, uuid
from ledger.writer import BatchExtension
from switch.writer.commands import Reply

REMEMBERED_MAX: Final = 10_000
_READ: Final = "SELECT id, verdict, number FROM switch.decided_order WHERE id = ANY($1)"


class Orders:
    """The writer's memory of what was decided, and what of it a batch adds."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop everything: what memory holds may not have happened."""
        self._decided: dict[bytes, Reply] = {}
        self.start_batch()

    def start_batch(self) -> None:
        """Begin to collect what the next batch decides."""
        self._fresh: dict[bytes, Reply] = {}

    async def load(self, connection: asyncpg.Connection, ids: Collection[bytes]) -> None:
        """Look up what was decided under `ids` before; memory has what the database may not have yet."""
        wanted = [UUID(bytes=id_) for id_ in ids if id_ not in self._decided]
        for id_, verdict, number in await connection.fetch(_READ, wanted) if wanted else ():
            self._decided[id_.bytes] = Reply(verdict, number)

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

    def keep_bounded(self) -> None:
        """Forget the oldest once nothing is in flight: they are in the database then."""
        while len(self._decided) > REMEMBERED_MAX:
            self._decided.pop(next(iter(self._decided)))


_ORDERS: Final[Columns[Iterable[tuple[bytes, Reply]]]] = Columns(
    each("ids", "uuid", lambda order: uuid(order[0])),
    each("verdicts", "text", lambda order: order[1].verdict),
    each("numbers", "bigint", lambda order: order[1].number),
)
RECORD_ORDERS: Final = Function("switch.record_orders", _ORDERS)
