"""Central banks' control of currency pairs: a block, or bounds of the rate until an instant.

Each central bank decides for itself; what any of them forbids, is forbidden. The writer decides, so a block
acts on every payment and quote that is decided after it, whatever an API worker has read before. A quote that
was promised before is refused, too: it is a new payment that uses it. A cross rate uses three pairs: its own,
and the two of which it is made.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import asyncpg

from ledger.books import Books
from ledger.columns import Columns, Function, each
from ledger.encoding import microseconds
from ledger.writer import BatchExtension
from schemas.credit_transfer import ROOT
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Accept, Command, Promise, Reply, SetPair
from switch.writer.decided_once import Orders
from switch.writer.event_kinds import EventKind
from switch.writer.parts import BatchPart, Handler, Refusal
from switch.writer.verdicts import Verdict

_READ: Final = statements("switch.writer")("read_pair_controls")
_AMOUNT: Final = f"{ROOT}/CdtTrfTxInf/IntrBkSttlmAmt"
BLOCKED: Final = Refusal(Reason.REGULATORY, f"{_AMOUNT}: a central bank has blocked this currency pair")
OUTSIDE: Final = Refusal(Reason.REGULATORY, f"{_AMOUNT}: the rate is outside the bounds of a central bank")

Pair = tuple[str, str, str]
"""Source and target currency, and the country of the central bank."""


@dataclass(frozen=True, slots=True)
class PairControl:
    """What a central bank decided on a pair; empty bounds are none. `until` 0 is without an end."""

    source: str
    target: str
    country: str
    blocked: bool
    lowest: str
    highest: str
    until: int
    change: int

    def refusal(self, rate: str, now_us: int) -> Refusal | None:
        """Why a conversion at a rate is refused; None if it is permitted, or the control is over."""
        if self.until and now_us >= self.until:
            return None
        if self.blocked:
            return BLOCKED
        stated = Decimal(rate)
        low = self.lowest and stated < Decimal(self.lowest)
        return OUTSIDE if low or (self.highest and stated > Decimal(self.highest)) else None


class Pairs(BatchPart):
    """The writer's memory of controls, and what a batch changes in it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.handlers = {SetPair: Handler(self._set)}
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._controls: dict[tuple[str, str], dict[str, PairControl]] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._made: dict[Pair, PairControl] = {}

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read the controls."""
        for row in await connection.fetch(_READ):
            self._keep(PairControl(*row))

    def _keep(self, control: PairControl) -> None:
        self._controls.setdefault((control.source, control.target), {})[control.country] = control

    def between(self, first: str, second: str) -> tuple[PairControl, ...]:
        """What central banks decided on two currencies, in both directions."""
        pairs = ((first, second), (second, first))
        return tuple(control for pair in pairs for control in self._controls.get(pair, {}).values())

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:
        """Refuse a payment of a blocked pair, or at a rate outside the bounds."""
        return self._of(payment, now_us)

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Promise nothing of such a pair."""
        if not isinstance(command, Promise):
            return None
        found = self._of(command, microseconds(books.now))
        return Reply(Verdict.REFUSED, reason=found.reason, detail=found.detail) if found else None

    def _of(self, command: Accept | Promise, now_us: int) -> Refusal | None:
        terms, cross = command.terms, command.cross
        if not self._controls or not terms.fx_provider:
            return None
        source, target = terms.debit_currency, terms.credit_currency
        used = [(source, target, terms.rate)]
        if cross is not None:
            used += [(source, cross.via, cross.first_rate), (cross.via, target, cross.second_rate)]
        found = (
            control.refusal(rate, now_us)
            for *pair, rate in used
            for control in self._controls.get((pair[0], pair[1]), {}).values()
        )
        return next(filter(None, found), None)

    def _set(self, command: SetPair, books: Books) -> Reply:
        def decide() -> Reply:
            control = PairControl(
                command.source,
                command.target,
                command.country,
                command.blocked,
                command.lowest,
                command.highest,
                command.until,
                command.change,
            )
            self._keep(control)
            self._made[control.source, control.target, control.country] = control
            body = event_bodies.encode(facts_of(control))
            return Reply(Verdict.PAIR_SET, books.record(0, EventKind.PAIR_CONTROL, body))

        return self._orders.once(command.order, decide)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_PAIRS(self._made.values())] if self._made else []


def facts_of(control: PairControl) -> dict[str, object]:
    """What the log says of a control."""
    return {
        "source": control.source,
        "target": control.target,
        "country": control.country,
        "blocked": control.blocked,
        "lowest": control.lowest,
        "highest": control.highest,
        "until": control.until,
        "change": control.change,
    }


_MADE: Final[Columns[Iterable[PairControl]]] = Columns(
    each("sources", "text", lambda control: control.source),
    each("targets", "text", lambda control: control.target),
    each("countries", "text", lambda control: control.country),
    each("blocks", "boolean", lambda control: control.blocked),
    each("lowests", "text", lambda control: control.lowest),
    each("highests", "text", lambda control: control.highest),
    each("untils", "bigint", lambda control: control.until),
    each("changes", "bigint", lambda control: control.change),
)
RECORD_PAIRS: Final = Function("switch.record_pairs", _MADE)
