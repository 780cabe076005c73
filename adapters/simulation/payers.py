"""RailPayers of a simulated rail who pay abroad: the rail orders, asks and reverses, and the switch answers.

The money is held before the order is sent, paid to the switch's account when the switch says that the payee
has it, and given back when it says that nothing will arrive. Until then the rail waits, sends the same order
again if it did not reach the switch, and enquires. After a restart it goes on.

How the rail behaves for a payment can be chosen, as magic words choose how it behaves as a destination.
"""

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, Protocol, runtime_checkable
from uuid import uuid4

from adapters.originating import uetr_of
from adapters.port import Outcome
from adapters.profile import RailProfile
from adapters.simulation.book import now
from adapters.simulation.debit_book import DebitBook, DebitEntry, DebitState
from schemas.money import Money

LIFETIME: Final = timedelta(seconds=90)
"""How long after it was made an order may be executed."""
_BACKDATED: Final = timedelta(minutes=5)
_PAUSE_S: Final = 0.3
_PAUSE_S_MAX: Final = 5.0
_DEAF_TIMES: Final = 2
_SERVER_ERROR: Final = 500
_OK: Final = 200
_CONFLICT: Final = 409
_UNAVAILABLE: Final = 503
_NOT_FOUND: Final = 404


class SourceBehaviour(StrEnum):
    """How the rail behaves for one payment abroad; every other payment is ordinary."""

    TWICE = "TWICE"
    OTHER = "OTHER"
    DAMAGED = "DAMAGED"
    EXPIRED = "EXPIRED"
    EARLY = "EARLY"
    REVERSE = "REVERSE"
    DEAF = "DEAF"
    GONE = "GONE"

    @property
    def meaning(self) -> str:
        """One line for the documentation."""
        return _MEANINGS[self]


# fmt: off
_MEANINGS: Final = {
    SourceBehaviour.TWICE:   "the order is sent twice at once",
    SourceBehaviour.OTHER:   "the order is sent again with another amount under the same id",
    SourceBehaviour.DAMAGED: "the signature of the order is damaged; the rail enquires and refunds",
    SourceBehaviour.EXPIRED: "the order has expired before it is sent",
    SourceBehaviour.EARLY:   "the rail enquires before the order arrives, which must not be executed then",
    SourceBehaviour.REVERSE: "the rail reverses the order at once, while its outcome may not be known",
    SourceBehaviour.DEAF:    "the rail fails twice when the outcome is reported",
    SourceBehaviour.GONE:    "the rail refunds at its own time-out, and contradicts a later done",
}
# fmt: on


def table() -> str:
    """The behaviours as a table in Markdown, for the docs."""
    rows = [f"| `{each}` | {each.meaning} |" for each in SourceBehaviour]
    return "\n".join(["| behaviour | what the rail does |", "|---|---|", *rows])


@dataclass(frozen=True, slots=True)
class PaymentAbroad:
    """What a payer wants."""

    amount: Money
    bank: str
    """BIC of the payee's bank."""
    member: str
    """Its id at its own rail; may be empty."""
    account: str
    payee: str
    """The payee's name."""
    made_at: datetime
    """Aware, UTC, whole seconds."""
    expires_at: datetime
    id: str = field(default_factory=lambda: uuid4().hex)
    """32 hexadecimal digits, of which the rail makes its own ids: the same wish is the same order."""
    quote: str = ""
    """The firm quote that the payer was shown in the answer to a look-up; empty without one."""


@dataclass(frozen=True, slots=True)
class SwitchSaid:
    """A message of the switch about a payment abroad."""

    ref: str
    outcome: Outcome
    code: str = ""
    reversal: bool = False


class OrderMessages(Protocol):
    """The native messages of a country's rail about payments abroad."""

    @property
    def payer(self) -> str:
        """The account that pays."""

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """A new order: its id at the rail, and the signed message."""

    def altered(self, order: bytes, amount: Money) -> bytes:
        """The order with another amount under the same id, signed."""

    def damaged(self, order: bytes) -> bytes:
        """The order with a wrong signature."""

    def enquiry(self, order: bytes) -> bytes:
        """A status query about an order."""

    def reversal(self, order: bytes) -> bytes:
        """A reversal of an order."""

    def read(self, raw: bytes) -> SwitchSaid | None:
        """A message of the switch; None if it is a mere receipt.

        Raises:
            InvalidMessage, NotAuthentic: it cannot be read.

        """

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """A query about the payee of a payment, signed: whose account it is and what would arrive."""

    def read_payee(self, status: int, raw: bytes) -> str | None:
        """The masked name in the response to a query about a payee; None if nobody has the account.

        Raises:
            InvalidMessage, NotAuthentic: it cannot be read.

        """


@runtime_checkable
class QuotingMessages(OrderMessages, Protocol):
    """Messages of a rail whose order can name the firm quote in our answer to its look-up."""

    def read_quote(self, raw: bytes) -> str:
        """The quote in the response to a query about a payee; empty if the price is a forecast.

        Raises:
            InvalidMessage, NotAuthentic: it cannot be read.

        """


@runtime_checkable
class PayingSimulator(Protocol):
    """A simulated rail whose customers can pay abroad; `payers` is None if this one's cannot."""

    payers: "RailPayers | None"


Ask = Callable[[bytes], Awaitable[tuple[int, bytes] | None]]
"""Posts a message to the switch: status and body of the response, or None if there was none."""


@dataclass(slots=True)
class RailPayers:
    """The payers of one simulated rail."""

    book: DebitBook
    profile: RailProfile
    messages: OrderMessages
    ask: Ask
    time_scale: float
    _changed: dict[str, asyncio.Event] = field(default_factory=dict, init=False)
    _deaf: dict[str, int] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def pay(
        self,
        amount: Money,
        *,
        bank: str,
        member: str,
        account: str,
        payee: str,
        behaviour: str = "",
        look_up: Literal["", "price"] = "",
        quote: str = "",
    ) -> DebitEntry:
        """Hold the money, and order the payment in the background; with `price`, at one that is looked up.

        `quote` is one that the payer was shown before.

        Raises:
            ValueError: the payer has not so much, or there is no such behaviour.

        """
        kind = SourceBehaviour(behaviour) if behaviour else None
        made_at = datetime.now(UTC).replace(microsecond=0)
        if kind is SourceBehaviour.EXPIRED:
            made_at -= _BACKDATED
        wish = PaymentAbroad(amount, bank, member, account, payee, made_at, made_at + LIFETIME, quote=quote)
        ref, order = self.messages.order(wish)
        entry = DebitEntry(
            ref=ref,
            uetr=uetr_of(self.profile.country, ref),
            amount_minor=amount.minor,
            currency=amount.currency,
            payer=self.messages.payer,
            payee=account,
            state=DebitState.HELD,
            code="",
            at=now(),
            order=base64.b64encode(order).decode(),
            behaviour=behaviour,
            quote=quote,
        )
        self.book.append(entry)
        looks = look_up and isinstance(self.messages, QuotingMessages)
        self._start(self._carry_at_price(entry, wish) if looks else self._carry(entry))
        return entry

    def resume(self) -> None:
        """After a restart: go on with every payment whose outcome is not known."""
        for entry in list(self.book.entries.values()):
            if entry.state is DebitState.HELD:
                self._start(self._carry(entry))

    def told(self, raw: bytes) -> int:
        """Process a message that the switch sends by itself; the HTTP status for it.

        Raises:
            InvalidMessage, NotAuthentic: it cannot be read.

        """
        said = self.messages.read(raw)
        if said is None or said.ref not in self.book.entries:
            return _NOT_FOUND
        entry = self.book.entries[said.ref]
        if entry.behaviour == SourceBehaviour.DEAF and self._deaf.get(said.ref, 0) < _DEAF_TIMES:
            self._deaf[said.ref] = self._deaf.get(said.ref, 0) + 1
            return _UNAVAILABLE
        return _OK if self._conclude(said) else _CONFLICT

    async def close(self) -> None:
        """Stop; a restart goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.book.close()

    def _conclude(self, said: SwitchSaid) -> bool:
        """Book what the switch says; False if the payment has ended otherwise."""
        entry = self.book.entries[said.ref]
        wanted = _state_after(said)
        if wanted is None or entry.state is wanted:
            return True
        if entry.state is not DebitState.HELD:
            return False
        self._end(entry, wanted, said.code)
        return True

    def _end(self, entry: DebitEntry, state: DebitState, code: str) -> None:
        self.book.append(replace(entry, state=state, code=code, at=now()))
        self._event(entry.ref).set()

    async def _carry_at_price(self, entry: DebitEntry, wish: PaymentAbroad) -> None:
        """Look up the payee, and order at the price in the answer, if it is firm.

        The order with the quote is in the book before it is sent: after a restart it is the one to send.
        """
        assert isinstance(self.messages, QuotingMessages)
        quote = ""
        reply = await self.ask(self.messages.payee_query(wish))
        if reply is not None:
            with contextlib.suppress(Exception):  # what cannot be read says nothing of a price
                quote = self.messages.read_quote(reply[1])
        if quote:
            _, order = self.messages.order(replace(wish, quote=quote))
            entry = replace(entry, order=base64.b64encode(order).decode(), quote=quote, at=now())
            self.book.append(entry)
        await self._carry(entry)

    async def _carry(self, entry: DebitEntry) -> None:
        order = base64.b64decode(entry.order)
        behaviour = entry.behaviour
        if behaviour == SourceBehaviour.EARLY:
            await self._enquire(order)
        sent = self.messages.damaged(order) if behaviour == SourceBehaviour.DAMAGED else order
        await self._deliver(sent, twice=behaviour == SourceBehaviour.TWICE)
        await self._more(entry, order)
        pause = max(_PAUSE_S, self.profile.timing.answer_s * self.time_scale)
        while self.book.entries[entry.ref].state is DebitState.HELD:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._event(entry.ref).wait(), pause)
            if self.book.entries[entry.ref].state is DebitState.HELD:
                await self._enquire(order)
                pause = min(pause * 1.5, max(_PAUSE_S_MAX, pause))

    async def _more(self, entry: DebitEntry, order: bytes) -> None:
        """What else the rail does for this payment."""
        match entry.behaviour:
            case SourceBehaviour.OTHER:
                other = Money(entry.amount_minor + 1, entry.currency)
                await self.ask(self.messages.altered(order, other))  # whatever it answers: no money is moved
            case SourceBehaviour.REVERSE:
                self._hear(await self.ask(self.messages.reversal(order)))
            case SourceBehaviour.GONE if self.book.entries[entry.ref].state is DebitState.HELD:
                self._end(entry, DebitState.REFUNDED, "GONE")

    async def _deliver(self, order: bytes, *, twice: bool) -> None:
        """Send an order until the switch has received it."""
        pause = _PAUSE_S
        while True:
            replies = await asyncio.gather(*(self.ask(order) for _ in range(1 + twice)))
            for reply in replies:
                self._hear(reply)
            if any(reply is not None and reply[0] < _SERVER_ERROR for reply in replies):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_S_MAX)

    async def _enquire(self, order: bytes) -> None:
        self._hear(await self.ask(self.messages.enquiry(order)))

    def _hear(self, reply: tuple[int, bytes] | None) -> None:
        """Book the outcome in a response; one that the switch did not sign says nothing."""
        if reply is None:
            return
        with contextlib.suppress(Exception):
            said = self.messages.read(reply[1])
            if said is not None and said.ref in self.book.entries:
                self._conclude(said)

    def _event(self, ref: str) -> asyncio.Event:
        return self._changed.setdefault(ref, asyncio.Event())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _state_after(said: SwitchSaid) -> DebitState | None:
    """The state that a message leads to; None if it leaves everything open."""
    if said.reversal:
        return DebitState.REFUNDED if said.outcome is Outcome.DONE else None
    return {
        Outcome.DONE: DebitState.DONE,
        Outcome.REFUSED: DebitState.REFUNDED,
        Outcome.NOT_FOUND: DebitState.REFUNDED,
    }.get(said.outcome)
