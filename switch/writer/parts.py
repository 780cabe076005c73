"""Parts of the writer's batches.

The ledger decides money; each part adds one concern of the switch: limits, the freeze, duplicates. A part
keeps what it knows in memory, judges commands, collects what it has to write, and gives that out with the
batch, as calls that are applied in the ledger's own statement: all of a batch is durable, or nothing is.

In the life of a part

    begin           read what always holds, once          first, and after every `forget`
    load            read what these commands need         before each batch
    stop            answer a command without deciding it  of each command
    refusal         refuse a new payment                  before its money is held
    held, ended     take in what became of a payment      after it
    extension       what the batch writes                 once a batch, in the order of the parts
    start_batch     collect for the next batch            after all of them have been asked
    durable         the oldest batch given out is safe    once a batch, in the same order
    forget          what memory holds may not be true     a batch failed: all are decided again

While one batch is applied the next is loaded, decided and given out on top of it. So what was given out and
is not durable yet is in memory only: `load` must not fetch it, and `forget` drops it.

`PaymentBook` has the table of parts. Each method here does nothing, so a part has those it needs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import asyncpg

from ledger.books import Books
from ledger.writer import BatchExtension, Footprint
from switch.writer.commands import Accept, Command, Reply

NOTHING: Final = Footprint()


def no_footprint(_: Any) -> Footprint:
    """Need no transfer of the ledger in memory."""
    return NOTHING


class Handler(NamedTuple):
    """How one kind of command is decided, and what the ledger must have in memory for it."""

    decide: Callable[[Any, Books], Reply]
    footprint: Callable[[Any], Footprint] = no_footprint


class Refusal(NamedTuple):
    """Why a new payment is refused."""

    reason: str
    detail: str


class BatchPart:
    """One concern of the writer's batches."""

    handlers: Mapping[type, Handler] = MappingProxyType({})
    """The commands that are this part's to decide."""

    def __init__(self) -> None:
        self.forget()
        self.start_batch()

    def meet(self, parts: Sequence["BatchPart"]) -> None:
        """Get to know all parts; once, before anything else."""

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read what always holds; nothing is in flight then."""

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read what these commands need and memory does not have."""

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Answer a command that must not be decided; None lets it pass."""

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:
        """Say why a new payment must be refused; None lets it pass. It changes nothing."""

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:
        """Take in that a payment's money was held."""

    def ended(self, number: int, *, voided: bool) -> None:
        """Take in that a payment whose money was held is final."""

    def extension(self) -> BatchExtension:
        """What the batch writes."""
        return ()

    def start_batch(self) -> None:
        """Begin to collect what the next batch writes."""

    def durable(self) -> None:
        """Take in that the oldest batch that was given out is durable."""

    def forget(self) -> None:
        """Drop everything: what memory holds may not have happened."""


def overridden(parts: Iterable[BatchPart], hook: Callable[..., Any]) -> list[Any]:
    """A hook's methods, in the order of the parts: those of parts that do something in it."""
    name = hook.__name__
    return [getattr(part, name) for part in parts if getattr(type(part), name) is not hook]
