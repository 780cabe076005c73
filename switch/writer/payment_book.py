"""The switch's decisions in the writer, stored in the ledger's own durable statement.

This is the host of the ledger writer. Commands are decided in order of arrival, in memory, against the books,
by the parts of the batch: `parts` is the table of them, and `BatchPart` defines what a part may do and when.
To add one, see CONTRIBUTING.md.
"""

from collections.abc import Callable, Sequence

import asyncpg

from ledger.books import Books
from ledger.writer import BatchExtension, Footprint
from switch.writer.absence import Rules
from switch.writer.charges import Charges
from switch.writer.commands import Command, PaymentChange, Reply
from switch.writer.contradictions import Contradictions
from switch.writer.decided_once import Orders
from switch.writer.duplicates import Duplicates
from switch.writer.enquiries import Enquiries
from switch.writer.freeze import Freezing
from switch.writer.indirect import IndirectParticipants
from switch.writer.limits import Limits
from switch.writer.offers import Offers
from switch.writer.pairs import Pairs
from switch.writer.part_returns import PartReturns
from switch.writer.parts import BatchPart, Handler, overridden
from switch.writer.payment_records import PaymentRecords
from switch.writer.payments import Payments
from switch.writer.quotes import Quotes
from switch.writer.rail_returns import RailReturns
from switch.writer.restoring import RestoreGate
from switch.writer.reversals import Reversals
from switch.writer.screening_holds import ScreeningHolds
from switch.writer.settlement_book import SettlementBook
from switch.writer.velocity import Velocities
from switch.writer.watching import Watches


def parts(announce: Callable[[Sequence[PaymentChange]], None], rules: Rules) -> tuple[BatchPart, ...]:
    """All parts of a batch. They check in this order, and write in this order."""
    records, orders, contradictions = PaymentRecords(announce), Orders(), Contradictions()
    quotes = Quotes()
    part_returns = PartReturns()
    payments = Payments(records, contradictions, part_returns)
    returns = RailReturns(records, payments, part_returns)
    return (
        records,  # payments themselves: all later parts may refer to them
        Enquiries(rules, records),
        Freezing(),
        RestoreGate(records, payments),
        orders,
        ScreeningHolds(records, orders, payments),
        Limits(orders),
        Charges(),
        IndirectParticipants(),
        Velocities(orders),
        Watches(orders),
        Pairs(orders),
        Duplicates(),
        Offers(quotes, orders),
        quotes,
        contradictions,
        part_returns,
        payments,
        returns,
        Reversals(returns, part_returns),
        SettlementBook(orders),
    )


class PaymentBook:
    """The `ledger.writer.Host` of the switch."""

    def __init__(
        self,
        announce: Callable[[Sequence[PaymentChange]], None],
        rules: Rules | None = None,
        more: Sequence[BatchPart] = (),
    ) -> None:
        self.parts = (*parts(announce, rules if rules is not None else {}), *more)
        for part in self.parts:
            part.meet(self.parts)
        handlers = _handlers(self.parts)
        self._decide = {kind: handler.decide for kind, handler in handlers.items()}
        self._footprints = {kind: handler.footprint for kind, handler in handlers.items()}
        self._loads = overridden(self.parts, BatchPart.load)
        self._stops = overridden(self.parts, BatchPart.stop)
        self._extensions = overridden(self.parts, BatchPart.extension)
        self._starts = overridden(self.parts, BatchPart.start_batch)
        self._durables = overridden(self.parts, BatchPart.durable)
        self._begun = False

    def footprint(self, command: Command) -> Footprint:
        """Transfers that must be in memory before `command` is decided, and the size of its bytes."""
        return self._footprints[type(command)](command)

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Load what `commands` need into memory; the first time, also permanent data."""
        if not self._begun:
            for part in self.parts:
                await part.begin(connection)
            self._begun = True
        for load in self._loads:
            await load(connection, commands)

    def decide(self, command: Command, books: Books) -> Reply:
        """Decide one command against the books and this batch so far."""
        for stop in self._stops:
            reply: Reply | None = stop(command, books)
            if reply is not None:
                return reply
        return self._decide[type(command)](command, books)

    def extension(self) -> BatchExtension:
        """The rows of this batch in the switch's own tables; the next batch starts."""
        calls = [call for extension in self._extensions for call in extension()]
        for start_batch in self._starts:
            start_batch()
        return calls

    def committed(self) -> None:
        """The oldest handed-over batch is durable."""
        for durable in self._durables:
            durable()

    def abandoned(self) -> None:
        """Batches that are not durable may be lost: drop everything in memory."""
        self._begun = False
        for part in self.parts:
            part.forget()
            part.start_batch()


def _handlers(parts: Sequence[BatchPart]) -> dict[type, Handler]:
    """How each kind of command is decided, by exactly one part."""
    found: dict[type, Handler] = {}
    for part in parts:
        twice = found.keys() & part.handlers.keys()
        assert not twice, f"two parts decide {sorted(kind.__name__ for kind in twice)}"
        found |= part.handlers
    return found
