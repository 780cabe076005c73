"""Offers of FX providers: their own rates by pair and amount, until an instant, and within an inventory.

A provider publishes an offer for a pair of currencies; the newest one replaces the one before, the rate that
two people set before it, and a fixing; one without tiers withdraws it. The writer decides, so no payment is
converted at an offer that has ended or is replaced, and an inventory is never passed, under any concurrency:
it counts what payments have taken since the offer was published, and what open quotes promise. A payment that
is voided gives back what it took; so does the end of a quote that nobody used.

A payment that comes too late for an offer is not refused: nothing is decided, and the worker looks for the
next best offer within the terms that the payment states.

Its machine signs an offer, or two of its people decide on it. A provider may give payments of named
participants a better rate: the rate of the tier and some basis points of it, rounded down to ten decimals.

A cross rate is made of two rates. One provider buys the debited currency and sells the credited one: its
position in the third currency would not change, so none is posted and no inventory of it is taken. Of two
providers the first one sells the third currency to the second one; its offer has no inventory, which is for
payers only.

    OFFER_ENDED        replaced, withdrawn, or past its end
    OFFER_EXHAUSTED    the rest of its inventory is less than the payment needs, or half of it than a look-up
                       of a rail, which may never become a payment
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from ledger.books import Books
from ledger.columns import Call, Columns, Function, each, one
from ledger.encoding import microseconds
from ledger.writer import BatchExtension
from schemas.money import EXPONENTS
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import (
    Accept,
    Command,
    Cross,
    Improvement,
    OfferOfPair,
    Promise,
    Publish,
    Reply,
    Terms,
    Tier,
    rail_of,
)
from switch.writer.decided_once import Orders
from switch.writer.event_kinds import EventKind
from switch.writer.parts import BatchPart, Handler
from switch.writer.payment_events import signer_facts
from switch.writer.quotes import Promised, Quotes
from switch.writer.verdicts import Verdict

_statement: Final = statements("switch.writer")
_OFFERS: Final = _statement("read_offers")
_RATES_SET: Final = _statement("rates_set")
_COUNTED: Final = "SELECT number, offer, minor FROM switch.fx_counted"
_tiers = msgspec.json.Decoder(list[tuple[int, str]])
_improvements = msgspec.json.Decoder(list[tuple[str, int]])
_SCALE: Final = 10**10
_WHOLE_BPS: Final = 10_000

OF_LOOKUPS: Final = 2
"""A look-up of a rail is promised a price while the promises of the pair are at most one in so many parts of
what is left of the inventory: people who only look must not use it up."""

Pair = tuple[str, str, str]
"""Provider, source and target currency."""


@dataclass(slots=True)
class Offer:
    """An offer in memory, in force since `since`, in microseconds.

    `used` is what payments have taken, in minor units of the target currency.
    """

    number: int
    provider: str
    source: str
    target: str
    tiers: Sequence[Tier]
    until: int
    inventory: int | None
    since: int
    used: int = 0
    improvements: Sequence[Improvement] = ()

    @property
    def pair(self) -> Pair:
        """What it replaces the offer of."""
        return self.provider, self.source, self.target

    def improvement(self, debtor_agent: str) -> int:
        """By how many basis points the rates of a participant are better."""
        return next((bps for name, bps in self.improvements if name == debtor_agent), 0)

    def rates(self, terms: Terms) -> list[str]:
        """The rates for which an amount to convert is large enough, the one of its own tier last."""
        bps = self.improvement(terms.debtor_agent)
        return [improved(rate, bps) for rate in self.rates_of(terms.debit_minor)]

    def rates_of(self, minor: int) -> list[str]:
        """The same for an amount of anybody: a cross rate is made of rates without improvements."""
        return [rate for least, rate in self.tiers if least <= minor]


def improved(rate: str, bps: int) -> str:
    """A rate that is better by some basis points, rounded down to ten decimals."""
    if not bps:
        return rate
    return _text(scaled(rate) * (_WHOLE_BPS + bps) // _WHOLE_BPS)


def crossed(first: str, second: str) -> str:
    """The product of two rates, rounded down to ten decimals."""
    return _text(scaled(first) * scaled(second) // _SCALE)


def scaled(rate: str) -> int:
    """A rate in ten-billionths, exactly: rates have at most ten decimals."""
    whole, _, decimals = rate.partition(".")
    return int(whole) * _SCALE + int(decimals.ljust(10, "0"))


def converted(minor: int, source: str, target: str, rate: str) -> int:
    """An amount at a rate, rounded down, in minor units."""
    shift = EXPONENTS[target] - EXPONENTS[source]
    up: int = 10 ** max(shift, 0)
    down: int = 10 ** max(-shift, 0)
    return minor * scaled(rate) * up // (_SCALE * down)


def _text(scaled_: int) -> str:
    whole, rest = divmod(scaled_, _SCALE)
    return f"{whole}.{rest:010d}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What an open payment has taken of an inventory."""

    offer: int
    minor: int


class Offers(BatchPart):
    """The writer's memory of offers and their use, and what a batch changes in it."""

    def __init__(self, quotes: Quotes, orders: Orders) -> None:
        self._quotes = quotes
        self._orders = orders
        quotes.offers = self
        self.handlers = {Publish: Handler(self._publish)}
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self.by_number: dict[int, Offer] = {}
        self._newest: dict[Pair, Offer] = {}
        self._taken: dict[int, Taken] = {}
        self._promised: dict[Pair, int] = {}
        self._set_since: dict[tuple[Pair, str], int] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._made: dict[Pair, Offer] = {}
        self._used: set[int] = set()
        self._begun: dict[int, Taken] = {}
        self._ended: list[int] = []

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read the offers, and what open payments have taken of them."""
        for row in await connection.fetch(_OFFERS):
            self._keep(
                Offer(
                    row["number"],
                    row["provider"],
                    row["source"],
                    row["target"],
                    _tiers.decode(row["tiers"]),
                    microseconds(row["valid_until"]),
                    row["inventory_minor"],
                    microseconds(row["published_at"]),
                    row["used_minor"],
                    _improvements.decode(row["improvements"]),
                )
            )
        for number, offer, minor in await connection.fetch(_COUNTED):
            self._taken[number] = Taken(offer, minor)

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read the age of rates that people set for pairs of which their provider has an offer, too.

        Fixings are older than every offer.
        """
        new = {
            (command.provider, each.source, each.target)
            for command in commands
            if isinstance(command, Publish)
            for each in command.offers
        }
        if not (self._newest or new):
            return
        stated = {
            (*pair, rate)
            for command in commands
            if isinstance(command, Accept | Promise)
            for number, pair, rate, _ in _legs(command)
            if not number and (pair in self._newest or pair in new)
        }
        if stated:
            rows = await connection.fetch(_RATES_SET, *map(list, zip(*stated, strict=True)))
            self._set_since = {(tuple(row[:3]), row[3]): microseconds(row[4]) for row in rows}

    def _keep(self, offer: Offer) -> None:
        replaced = self._newest.get(offer.pair)
        if replaced is not None:
            self.by_number.pop(replaced.number, None)
        self._newest[offer.pair] = self.by_number[offer.number] = offer

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Decide nothing about a new payment or quote at an offer that is over, or too small for it."""
        if not isinstance(command, Accept | Promise) or not command.terms.fx_provider:
            return None
        if isinstance(command, Accept):
            identity = command.identity.uetr
            if command.quote or command.recovered or books.find(UUID(bytes=identity)) is not None:
                return None
        now = microseconds(books.now)
        if not all(self._is_open(*leg, now) for leg in _legs(command)):
            return Reply(Verdict.OFFER_ENDED)
        cross = command.cross
        if cross is not None and cross.first_provider and self._is_limited(cross.first):
            return Reply(Verdict.OFFER_EXHAUSTED)
        offer = self.by_number.get(command.offer)
        if offer is None:
            return None
        share = OF_LOOKUPS if isinstance(command, Promise) and rail_of(command.evidence) else 1
        has = self._has(offer, command.terms.credit_minor, now, share)
        return None if has else Reply(Verdict.OFFER_EXHAUSTED)

    def _is_open(self, number: int, pair: Pair, rate: str, terms: Terms | int, now_us: int) -> bool:
        """Whether a rate is one of an open offer for an amount; 0 is a rate that people set, or a fixing."""
        if not number:
            return not self._is_replaced(pair, rate, now_us)
        offer = self.by_number.get(number)
        if offer is None or now_us >= offer.until or offer.pair != pair:
            return False
        return rate in (offer.rates_of(terms) if isinstance(terms, int) else offer.rates(terms))

    def _is_replaced(self, pair: Pair, rate: str, now_us: int) -> bool:
        """Whether people set or fixed this rate of a pair, and its provider has a newer open offer.

        `Signatures` refuses a rate that nobody set.
        """
        offer, since = self._newest.get(pair), self._set_since.get((pair, rate))
        if offer is None or since is None:
            return False
        return bool(offer.tiers) and now_us < offer.until and since <= offer.since

    def _is_limited(self, number: int) -> bool:
        """Whether an offer has an inventory, of which another provider gets nothing."""
        offer = self.by_number.get(number)
        return offer is not None and offer.inventory is not None

    def _has(self, offer: Offer, minor: int, now_us: int, share: int) -> bool:
        """Whether so much more, times `share`, is left beside what open quotes promise, times the same."""
        if offer.inventory is None:
            return True
        self._quotes.end(now_us)
        return offer.used + share * (self._promised.get(offer.pair, 0) + minor) <= offer.inventory

    def promised(self, quote: Promised, sign: int) -> None:
        """Count (1) or no longer count (-1) what an open quote promises of its provider's inventory."""
        if quote.terms.fx_provider:
            pair = _pair(quote.terms, quote.cross)
            total = self._promised.get(pair, 0) + sign * quote.terms.credit_minor
            self._promised[pair] = total
            if not total:
                del self._promised[pair]

    def improvement(self, offer: int, debtor_agent: str) -> int:
        """By how many basis points an offer's rates are better for a participant."""
        found = self.by_number.get(offer)
        return found.improvement(debtor_agent) if found is not None else 0

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:  # noqa: ARG002
        """Count what a payment takes of an inventory; at a quote, of the present one of its provider."""
        offer = self.by_number.get(payment.offer) if payment.offer else None
        if payment.quote:
            offer = self._newest.get(_pair(payment.terms, payment.cross))
        if offer is None or offer.inventory is None:
            return
        minor = payment.terms.credit_minor
        self._taken[number] = self._begun[number] = Taken(offer.number, minor)
        self._use(offer, minor)

    def ended(self, number: int, *, voided: bool) -> None:
        """Record that a payment has ended; a voided one gives back what it took."""
        taken = self._taken.pop(number, None)
        if taken is None:
            return
        if self._begun.pop(number, None) is None:
            self._ended.append(number)
        offer = self.by_number.get(taken.offer)
        if voided and offer is not None:
            self._use(offer, -taken.minor)

    def _use(self, offer: Offer, minor: int) -> None:
        offer.used += minor
        self._used.add(offer.number)

    def _publish(self, command: Publish, books: Books) -> Reply:
        """Replace the provider's offers for the stated pairs; the others stay."""
        if command.order:  # of two people: a repetition changes nothing
            return self._orders.once(command.order, lambda: self._replace(command, books))
        return self._replace(command, books)

    def _replace(self, command: Publish, books: Books) -> Reply:
        number = 0
        for stated in command.offers:
            number = books.record(0, EventKind.FX_OFFER, event_bodies.encode(_facts(stated, command)))
            offer = Offer(
                number,
                command.provider,
                stated.source,
                stated.target,
                stated.tiers,
                stated.until,
                stated.inventory,
                microseconds(books.now),
                improvements=stated.improvements,
            )
            self._keep(offer)
            self._made[offer.pair] = offer
        return Reply(Verdict.CREATED, number)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes: offers, then their use."""
        calls: list[Call] = []
        if self._made:
            calls.append(RECORD_OFFERS(self._made.values()))
        used = [offer for each_ in sorted(self._used) if (offer := self.by_number.get(each_)) is not None]
        if used or self._begun or self._ended:
            calls.append(RECORD_OFFER_USE(used, self._begun.items(), self._ended))
        return calls


def _legs(command: Accept | Promise) -> list[tuple[int, Pair, str, Terms | int]]:
    """The rates that make the one of a command: offer, pair, rate, and the terms or the amount to convert."""
    terms, cross = command.terms, command.cross
    pair = _pair(terms, cross)
    if cross is None:
        return [(command.offer, pair, terms.rate, terms)]
    provider, debit, minor = (
        cross.first_provider or terms.fx_provider,
        terms.debit_currency,
        terms.debit_minor,
    )
    between = converted(minor, debit, cross.via, cross.first_rate)
    if cross.first_provider:
        between = cross.via_minor
    first = cross.first, (provider, debit, cross.via), cross.first_rate, minor
    return [first, (command.offer, pair, cross.second_rate, between)]


def _pair(terms: Terms, cross: Cross | None) -> Pair:
    """The pair whose inventory is taken: of a cross rate the second one."""
    source = terms.debit_currency if cross is None else cross.via
    return terms.fx_provider, source, terms.credit_currency


def _facts(stated: OfferOfPair, command: Publish) -> dict[str, object]:
    return {
        "provider": command.provider,
        "source": stated.source,
        "target": stated.target,
        "tiers": [list(tier) for tier in stated.tiers],
        "until": stated.until,
        "inventory": stated.inventory,
        **({"improvements": [list(each_) for each_ in stated.improvements]} if stated.improvements else {}),
        **signer_facts(command.evidence),
        **({"change": command.change} if command.change else {}),
    }


_MADE: Final[Columns[Iterable[Offer]]] = Columns(
    each("numbers", "bigint", lambda offer: offer.number),
    each("providers", "text", lambda offer: offer.provider),
    each("sources", "text", lambda offer: offer.source),
    each("targets", "text", lambda offer: offer.target),
    each("tiers", "text", lambda offer: msgspec.json.encode(offer.tiers).decode()),
    each("untils", "bigint", lambda offer: offer.until),
    each("inventories", "bigint", lambda offer: -1 if offer.inventory is None else offer.inventory),
    each("improvements", "text", lambda offer: msgspec.json.encode(offer.improvements).decode()),
)
RECORD_OFFERS: Final = Function("switch.record_offers", _MADE)

_USE: Final[Columns[Iterable[Offer]]] = Columns(
    each("numbers", "bigint", lambda offer: offer.number),
    each("used_minors", "bigint", lambda offer: offer.used),
)
_BEGUN: Final[Columns[Iterable[tuple[int, Taken]]]] = Columns(
    each("payments", "bigint", lambda row: row[0]),
    each("offers", "bigint", lambda row: row[1].offer),
    each("minors", "bigint", lambda row: row[1].minor),
)
_ENDED: Final[Columns[list[int]]] = Columns(one("ended", "bigint[]", lambda numbers: numbers))
RECORD_OFFER_USE: Final = Function("switch.record_offer_use", _USE, _BEGUN, _ENDED)
