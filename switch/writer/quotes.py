"""Firm quotes: promised terms of one payment, until an instant.

A bank asks for a quote, and the writer promises its terms: from then on exactly one payment of that bank may
be executed at them, whatever rates, fees and tariffs become. The writer decides, so two payments that name
one quote are never both accepted, and none after its end. A promise needs nothing to end: an instant that has
passed is enough. A payment that uses a quote and is refused by its rail has used it, too. One that screening
holds keeps its quote to itself; released after the end of the quote, it is refused.

`switch.quote` has every quote, `switch.quote_use` the payment of each used one and `switch.quote_wait` the
holds; rows are added, never changed. Memory has those that may still be used.
"""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Protocol

import asyncpg
import msgspec

from ledger.books import Books
from ledger.columns import Call, Columns, Function, each
from ledger.columns import uuid as uuid_of
from ledger.encoding import microseconds
from ledger.writer import BatchExtension
from schemas.credit_transfer import ROOT
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Accept, Cross, FeeCharge, Promise, Reply, Terms
from switch.writer.event_kinds import EventKind
from switch.writer.parts import BatchPart, Handler, Refusal
from switch.writer.payment_events import price_facts, signer_facts, terms_facts
from switch.writer.verdicts import Verdict

OPEN_MAX: Final = 1000
"""Quotes of one participant that may be open at once."""
LATENESS_US: Final = 5_000_000
"""Permitted difference of a worker's clock from ours, and delay of its message."""
_READ: Final = statements("switch.writer")("read_open_quotes")
_CHARGES: Final = msgspec.json.Decoder(list[FeeCharge])
_CROSS: Final = msgspec.json.Decoder(Cross | None)
_TX: Final = f"{ROOT}/CdtTrfTxInf"

GONE: Final = Refusal(
    Reason.ABORTED_SETTLEMENT, f"{_TX}: its quote has expired or was used, or is not one of the sender"
)
DIFFERENT: Final = Refusal(Reason.ABORTED_SETTLEMENT, f"{_TX}: differs from the terms of its quote")


@dataclass(frozen=True, slots=True)
class Promised:
    """A quote that may be used: terms, charges, by what they were found; its end in microseconds."""

    id: bytes
    terms: Terms
    charges: list[FeeCharge]
    bearer: str
    purpose: str
    offer: int
    expires: int
    improvement: int = 0
    """By how many basis points its provider made the rate better for this participant."""
    cross: Cross | None = None
    """How its rate is made of two, if it is a cross rate."""

    @property
    def participant(self) -> str:
        """The bank that may use it."""
        return self.terms.debtor_agent

    def is_of(self, payment: Accept) -> bool:
        """Whether a payment has exactly these terms and charges."""
        charging = payment.charges, payment.bearer, payment.purpose, payment.cross
        ours = self.charges, self.bearer, self.purpose, self.cross
        return self.terms == payment.terms and ours == charging


class OfferBook(Protocol):
    """What keeps count of what quotes promise of offers."""

    def promised(self, quote: Promised, sign: int) -> None:
        """Count (1) or no longer count (-1) what an open quote promises."""

    def improvement(self, offer: int, debtor_agent: str) -> int:
        """By how many basis points an offer's rates are better for a participant."""


class Quotes(BatchPart):
    """The writer's memory of open quotes, and what a batch adds to them."""

    offers: OfferBook

    def __init__(self) -> None:
        self.handlers = {Promise: Handler(self._promise)}
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._open: dict[bytes, Promised] = {}
        self._ends: list[tuple[int, bytes]] = []
        self._count: Counter[str] = Counter()
        self._waiting: dict[bytes, int] = {}
        """Quotes of payments that screening holds, and the holds' numbers."""

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._made: list[Promised] = []
        self._used: list[tuple[bytes, int]] = []
        self._waits: list[tuple[bytes, int]] = []

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read the quotes that are open."""
        for row in await connection.fetch(_READ):
            terms = Terms(
                row["participant"],
                row["creditor_agent"],
                row["rail"],
                row["debit_minor"],
                row["debit_currency"],
                row["credit_minor"],
                row["credit_currency"],
                row["fee_minor"],
                row["fx_provider"],
                row["rate"],
            )
            ends = microseconds(row["expires_at"])
            charges = _CHARGES.decode(row["charges"])
            of = row["bearer"], row["purpose"], row["offer"]
            more = row["improvement_bps"], _CROSS.decode(row["crossing"])
            self._keep(Promised(row["id"].bytes, terms, charges, *of, ends, *more))
            if row["waits"]:
                self._waiting[row["id"].bytes] = row["waits"]

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:
        """Refuse a payment whose quote does not permit it."""
        if not payment.quote:
            return None
        promised = self._open.get(payment.quote)
        if promised is None or now_us >= promised.expires or payment.quote in self._waiting:
            return GONE
        if promised.participant != payment.identity.sender:
            return GONE
        return None if promised.is_of(payment) else DIFFERENT

    def waits(self, number: int, payment: Accept, books: Books, now_us: int) -> None:  # noqa: ARG002
        """Keep a quote for the payment that screening holds: no other one gets it."""
        if payment.quote:
            self._waiting[payment.quote] = number
            self._waits.append((payment.quote, number))

    def waited(self, number: int) -> None:
        """Open the quote of a payment that waits no longer."""
        self._waiting = {quote: of for quote, of in self._waiting.items() if of != number}

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:  # noqa: ARG002
        """Record that a payment has used its quote."""
        if payment.quote and self._drop(payment.quote) is not None:
            self._used.append((payment.quote, number))

    def _promise(self, command: Promise, books: Books) -> Reply:
        """Promise the terms; the reply's detail is the id of the quote."""
        now = microseconds(books.now)
        if abs(command.expires_at - now - command.lifetime) > LATENESS_US:
            return Reply(Verdict.LATE)
        self.end(now)
        if self._count[command.terms.debtor_agent] >= OPEN_MAX:
            text = f"too many quotes are open: at most {OPEN_MAX}; use one, or wait until one ends"
            return Reply(Verdict.REFUSED, reason=Reason.AMOUNT_EXCEEDS_AGREED_LIMIT, detail=text)
        made = Promised(
            uuid.uuid4().bytes,
            command.terms,
            command.charges,
            command.bearer,
            command.purpose,
            command.offer,
            command.expires_at,
            0
            if command.cross is not None
            else self.offers.improvement(command.offer, command.terms.debtor_agent),
            command.cross,
        )
        self._keep(made)
        self._made.append(made)
        number = books.record(0, EventKind.QUOTED, event_bodies.encode(_facts(made, command)))
        return Reply(Verdict.CREATED, number, detail=str(uuid.UUID(bytes=made.id)))

    def _keep(self, promised: Promised) -> None:
        self._open[promised.id] = promised
        self._count[promised.participant] += 1
        self.offers.promised(promised, 1)
        heappush(self._ends, (promised.expires, promised.id))

    def _drop(self, id_: bytes) -> Promised | None:
        promised = self._open.pop(id_, None)
        if promised is not None:
            self._count[promised.participant] -= 1
            self.offers.promised(promised, -1)
        return promised

    def end(self, now_us: int) -> None:
        """Drop the quotes whose time is over."""
        while self._ends and self._ends[0][0] <= now_us:
            self._drop(heappop(self._ends)[1])

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        calls: list[Call] = []
        if self._made:
            calls.append(RECORD_QUOTES(self._made))
        if self._used:
            calls.append(RECORD_QUOTE_USES(self._used))
        if self._waits:
            calls.append(RECORD_QUOTE_WAITS(self._waits))
        return calls


def _facts(made: Promised, command: Promise) -> dict[str, object]:
    return {
        "quote": made.id.hex(),
        **terms_facts(made.terms),
        **({"charges": made.charges} if made.charges else {}),
        "bearer": made.bearer,
        "purpose": made.purpose,
        "expires_at": made.expires,
        **({"improvement_bps": made.improvement} if made.improvement else {}),
        **price_facts(command),
        **signer_facts(command.evidence),
    }


_MADE: Final[Columns[Iterable[Promised]]] = Columns(
    each("ids", "uuid", lambda quote: uuid_of(quote.id)),
    each("participants", "text", lambda quote: quote.participant),
    each("creditor_agents", "text", lambda quote: quote.terms.creditor_agent),
    each("rails", "text", lambda quote: quote.terms.rail),
    each("debit_minors", "bigint", lambda quote: quote.terms.debit_minor),
    each("debit_currencies", "text", lambda quote: quote.terms.debit_currency),
    each("credit_minors", "bigint", lambda quote: quote.terms.credit_minor),
    each("credit_currencies", "text", lambda quote: quote.terms.credit_currency),
    each("fee_minors", "bigint", lambda quote: quote.terms.fee_minor),
    each("charges", "text", lambda quote: msgspec.json.encode(quote.charges).decode()),
    each("bearers", "text", lambda quote: quote.bearer),
    each("fx_providers", "text", lambda quote: quote.terms.fx_provider),
    each("rates", "text", lambda quote: quote.terms.rate),
    each("purposes", "text", lambda quote: quote.purpose),
    each("offers", "bigint", lambda quote: quote.offer),
    each("expiries", "bigint", lambda quote: quote.expires),
    each("improvements", "bigint", lambda quote: quote.improvement),
    each("crossings", "text", lambda quote: msgspec.json.encode(quote.cross).decode()),
)
RECORD_QUOTES: Final = Function("switch.record_quotes", _MADE)

_USES: Final[Columns[Iterable[tuple[bytes, int]]]] = Columns(
    each("ids", "uuid", lambda use: uuid_of(use[0])),
    each("numbers", "bigint", lambda use: use[1]),
)
RECORD_QUOTE_USES: Final = Function("switch.record_quote_uses", _USES)
RECORD_QUOTE_WAITS: Final = Function("switch.record_quote_waits", _USES)
