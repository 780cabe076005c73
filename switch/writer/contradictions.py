"""Contradictions: what a rail says against a payment that is final. People decide; nothing is done.

One is an event of the payment, and a row in the list of reconciliation breaks. A rail that repeats itself
must not fill the log, so the same one is written down once.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ledger.books import Books
from ledger.columns import Columns, Function, each
from ledger.writer import BatchExtension
from switch.writer.commands import Advance
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import State
from switch.writer.parts import BatchPart
from switch.writer.payment_events import answer_facts, event_body

REMEMBERED_MAX: Final = 10_000
"""Contradictions remembered, so that the same is written down once."""

_BREAKS: Final = {
    State.COMMITTED: ("credited_but_aborted", "the rail says done; aborted here"),
    State.ABORTED: ("refused_but_committed", "the rail says refused, or gave it back; committed here"),
}
"""What a rail's word against a final payment is in the list of breaks."""


class Break(NamedTuple):
    """One reconciliation break."""

    number: int
    rail: str
    kind: str
    detail: str


class Contradictions(BatchPart):
    """The writer's memory of contradictions, and what of them a batch adds."""

    def forget(self) -> None:
        """Drop everything: what memory holds may not have happened."""
        self._noted: dict[tuple[bytes, str], None] = {}

    def start_batch(self) -> None:
        """Begin to collect what the next batch adds."""
        self._breaks: list[Break] = []

    def note(self, number: int, command: Advance, said: State, state: State, books: Books) -> bool:
        """Write down that a rail says `said` of a payment that is `state`; False if it was just said."""
        key = (command.uetr, command.event)
        fresh = key not in self._noted
        self._noted[key] = None
        while len(self._noted) > REMEMBERED_MAX:
            self._noted.pop(next(iter(self._noted)))
        if fresh:
            facts = {"said": said, **answer_facts(command)}
            books.record(number, EventKind.CONTRADICTION, event_body(command.uetr, state, facts))
            kind, detail = _BREAKS[said]
            self._breaks.append(Break(number, command.rail, kind, f"{detail} {command.rail_code}".strip()))
        return fresh

    def extension(self) -> BatchExtension:
        """What the batch writes."""
        return [RECORD_CONTRADICTIONS(self._breaks)] if self._breaks else ()


_COLUMNS: Final[Columns[Iterable[Break]]] = Columns(
    each("numbers", "bigint", lambda found: found.number),
    each("rails", "text", lambda found: found.rail),
    each("kinds", "text", lambda found: found.kind),
    each("details", "text", lambda found: found.detail),
)
RECORD_CONTRADICTIONS: Final = Function("switch.record_contradictions", _COLUMNS)
