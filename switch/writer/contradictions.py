"""Contradictions: a rail's response that differs from a final payment. People decide; nothing is done.

A contradiction is an event of the payment and a reconciliation break. A rail that repeats its response must
not fill the log, so the same contradiction is recorded once.
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
"""Contradictions remembered, so that each is recorded once."""

_BREAKS: Final = {
    State.COMMITTED: ("credited_but_aborted", "the rail reports it as executed; aborted by the switch"),
    State.ABORTED: ("refused_but_committed", "the rail rejected it; committed by the switch"),
}
"""Kind and text of the reconciliation break, by the payment's final state."""


class Break(NamedTuple):
    """One reconciliation break."""

    number: int
    rail: str
    kind: str
    detail: str


class Contradictions(BatchPart):
    """The writer's memory of contradictions, and what a batch adds to it."""

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._noted: dict[tuple[bytes, str], None] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._breaks: list[Break] = []

    def note(self, number: int, command: Advance, reported: State, state: State, books: Books) -> bool:
        """Record that a rail reports `reported` for a payment in `state`; False if it is recorded already."""
        key = (command.uetr, command.event)
        fresh = key not in self._noted
        self._noted[key] = None
        while len(self._noted) > REMEMBERED_MAX:
            self._noted.pop(next(iter(self._noted)))
        if fresh:
            facts = {"said": reported, **answer_facts(command)}
            books.record(number, EventKind.CONTRADICTION, event_body(command.uetr, state, facts))
            kind, detail = _BREAKS[reported]
            self._breaks.append(Break(number, command.rail, kind, f"{detail} {command.rail_code}".strip()))
        return fresh

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_CONTRADICTIONS(self._breaks)] if self._breaks else ()


_COLUMNS: Final[Columns[Iterable[Break]]] = Columns(
    each("numbers", "bigint", lambda found: found.number),
    each("rails", "text", lambda found: found.rail),
    each("kinds", "text", lambda found: found.kind),
    each("details", "text", lambda found: found.detail),
)
RECORD_CONTRADICTIONS: Final = Function("switch.record_contradictions", _COLUMNS)
