"""Parts of the writer's batches.

The ledger decides about money; each part adds one concern of the switch: limits, the freeze, duplicates. A
part keeps its data in memory, checks commands, collects what it has to write, and hands that over with the
batch, as calls that are applied in the ledger's own statement: either the whole batch is durable, or nothing
of it.

Life cycle of a part

    begin           read permanent data, once             first, and after every `forget`
    load            read what these commands need         before each batch
    stop            answer a command without deciding it  for each command
    refusal         refuse a new payment                  before its money is reserved
    return_terms    state the terms of a return           before it is booked
    held, ended     record what happened to a payment     after it
    waits, waited   count a payment that screening holds  while it does
    extension       hand over what the batch writes       once a batch, in the order of the parts
    start_batch     collect for the next batch            after all parts have handed over
    durable         the oldest handed-over batch is safe  once a batch, in the same order
    forget          memory may be wrong                   a batch failed: all are decided again

While one batch is applied the next is loaded, decided and handed over on top of it. So data that was handed
over and is not durable yet exists only in memory: `load` must not fetch it, and `forget` drops it.

`PaymentBook` has the table of parts. Each method here does nothing, so a part overrides those that it needs.
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
    """The command needs no transfer of the ledger in memory."""
    return NOTHING


class Handler(NamedTuple):
    """How one kind of command is decided, and what the ledger must have in memory for it."""

    decide: Callable[[Any, Books], Reply]
    footprint: Callable[[Any], Footprint] = no_footprint


class Refusal(NamedTuple):
    """Why a new payment is refused."""

    reason: str
    detail: str


class AskedReturn(NamedTuple):
    """A return that a participant or a rail asks for."""

    uetr: bytes
    minor: int
    """Of the credit, in minor units."""
    before: int
    """What parts have returned before."""
    rate: str = ""
    """That the participant states; empty: that of the payment."""
    of_rail: bool = False
    """Whether a rail gave it back: the rule chooses the rate."""


ReturnTerms = tuple[str, int] | str | None
"""A rate in force and what the debtor agent gets; why it is refused; or None: the rate of the payment."""


class BatchPart:
    """One concern of the writer's batches."""

    handlers: Mapping[type, Handler] = MappingProxyType({})
    """Handlers of the commands that this part decides."""

    def __init__(self) -> None:
        self.forget()
        self.start_batch()

    def meet(self, parts: Sequence["BatchPart"]) -> None:
        """Receive all parts; once, before anything else."""

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read permanent data; nothing is in flight then."""

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read what these commands need and memory does not have."""

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Answer a command that must not be decided; None permits it."""

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:
        """State why a new payment must be refused; None permits it. Changes nothing."""

    def return_terms(self, asked: AskedReturn, books: Books) -> ReturnTerms:
        """State why a return is not booked, or its rate; None permits it at the rate of the payment."""

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:
        """Record that a payment's money was reserved."""

    def waits(self, number: int, payment: Accept, books: Books, now_us: int) -> None:
        """Count a payment that screening holds, so that what comes after it is refused as after any other.

        `number` is that of its hold.
        """

    def waited(self, number: int) -> None:
        """Record that a payment waits no longer: it is asked as one that comes now, or has ended."""

    def ended(self, number: int, *, voided: bool) -> None:
        """Record that a payment whose money was reserved is final."""

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return ()

    def start_batch(self) -> None:
        """Start to collect for the next batch."""

    def durable(self) -> None:
        """Record that the oldest handed-over batch is durable."""

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""


def overridden(parts: Iterable[BatchPart], hook: Callable[..., Any]) -> list[Any]:
    """A hook's methods, in the order of the parts, from the parts that override it."""
    name = hook.__name__
    return [getattr(part, name) for part in parts if getattr(type(part), name) is not hook]
