"""`payswitch verify`: every price is that of its quote, of an offer, or of a rate that people set.

The log is read once, in its order. What it says of a payment when its money was reserved is compared with

* the quote that it names: all terms, charges and offers, before its end, and for no other payment; or
* the provider's newest offer of the pair: a tier that the amount reaches, the improvement of the debtor
  agent, the end; of a cross rate both offers, and their product, or the amount between two providers; or
* where there is no offer, the rates that two people set, and fixings.

What quotes promised is compared with the offers in the same way. That the legs are as the terms is checked by
`terms`; that offers are signed, and rates set by two people, by `causes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import asyncpg

from ledger.verify import CheckResult
from schemas.money import Money
from switch.base.sql import statements
from switch.payments.pricing import convert, to_get
from switch.payments.signatures import LARGEST_STEP
from switch.writer.event_bodies import read_facts
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import Event
from switch.writer.offers import crossed, improved

NAME: Final = "prices"
_TEXT: Final = "every price is that of its quote, of an offer in force, or of a rate that people set"
_EXAMPLES: Final = 5
_FAULTS_MAX: Final = 10_000
_SLACK_US: Final = 60_000_000
"""How much later than the worker priced, with the rates that it had read, the writer may have decided."""
_PRUNE_EVERY: Final = 10_000
_OF_ONE: Final = 4
"""What an event states of a cross rate of one provider; of two, the first one and the amount between, too."""
_statement: Final = statements("switch.operations")
_EVENTS: Final = _statement("priced_events")
_SET: Final = _statement("rates_set")
_SAME: Final = (
    "debtor_agent",
    "creditor_agent",
    "rail",
    "debit",
    "credit",
    "fee",
    "fx",
    "charges",
    "offer",
    "cross",
)
Facts = Mapping[str, Any]
Pair = tuple[str, str, str]
"""Provider, source and target currency."""


@dataclass(slots=True)
class PricesSoFar:
    """What the log has said so far, and what was found."""

    set_rates: Mapping[tuple[Pair, Fraction], list[tuple[int, int]]]
    """When people's rates and fixings begin and end, microseconds."""
    newest: dict[Pair, tuple[int, Facts]] = field(default_factory=dict)
    quotes: dict[str, Facts] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    is_whole: bool = True
    """Whether the log begins with its first event: older offers and quotes may be detached otherwise."""
    checked: int = 0
    older: int = 0
    faults: list[str] = field(default_factory=list)

    def result(self) -> CheckResult:
        """Return the verdict."""
        faults = self.faults
        text = f"{len(faults)} faults: {'; '.join(faults[:_EXAMPLES])}" if faults else _TEXT
        older = f"; not compared: {self.older} prices whose offers are not in the log" if self.older else ""
        return CheckResult(name=NAME, ok=not faults, detail=text + older, checked=self.checked)

    def read(self, number: int, kind: str, at: int, body: bytes) -> None:
        """Read an event of an offer, of a quote or of a payment whose money is reserved, in their order."""
        facts = read_facts(body)
        match kind:
            case EventKind.FX_OFFER:
                pair = facts["provider"], facts["source"], facts["target"]
                self.newest[pair] = number, facts
            case EventKind.QUOTED:
                self.quotes[facts["quote"]] = facts
                self._count(number, "quote", _of_offers(facts, at, self))
            case _ if "recovered" not in facts:  # what a rail executed before a restore has its own amount
                self._count(number, "payment", _of_payment(facts, at, self))

    def forget(self, at: int) -> None:
        """Drop the quotes that ended before an instant: no payment uses them any more."""
        self.quotes = {id_: each for id_, each in self.quotes.items() if each["expires_at"] > at}

    def _count(self, number: int, what: str, lacks: str | None) -> None:
        """Count a price; `lacks` is what is wrong with it, None if it cannot be compared."""
        if lacks is None:
            self.older += 1
            return
        self.checked += 1
        if lacks and len(self.faults) < _FAULTS_MAX:
            self.faults.append(f"{what} of event {number}: {lacks}")


async def check_prices(connection: asyncpg.Connection) -> CheckResult:
    """Check all prices, in the snapshot of the caller."""
    rates: dict[tuple[Pair, Fraction], list[tuple[int, int]]] = {}
    for row in await connection.fetch(_SET):
        pair = row["provider"], row["source"], row["target"]
        rates.setdefault((pair, Fraction(row["rate"])), []).append((row["since"], row["until"]))
    found = PricesSoFar(rates)
    first = await connection.fetchval("SELECT min(seq) FROM ledger.event")
    found.is_whole = first in {None, 1}
    kinds = [EventKind.FX_OFFER, EventKind.QUOTED, Event.RESERVE]
    count = 0
    async for row in connection.cursor(_EVENTS, kinds):
        found.read(row["seq"], row["kind"], row["at"], row["body"])
        count += 1
        if count % _PRUNE_EVERY == 0:
            found.forget(row["at"])
    return found.result()


def _of_payment(facts: Facts, at: int, found: PricesSoFar) -> str | None:
    """What is wrong with the price of a payment; None if it cannot be compared."""
    id_ = facts.get("quote")
    if id_ is None:
        return _of_offers(facts, at, found)
    quote = found.quotes.get(id_)
    if quote is None:
        return None if not found.is_whole else "its quote was never promised"
    if id_ in found.used:
        return "another payment used its quote"
    found.used.add(id_)
    if at >= quote["expires_at"]:
        return "its quote had ended"
    other = [name for name in _SAME if facts.get(name) != quote.get(name)]
    return f"it is not what its quote says: {', '.join(other)}" if other else ""


def _of_offers(facts: Facts, at: int, found: PricesSoFar) -> str | None:
    """What is wrong with a price that offers or people's rates must explain."""
    provider, rate = facts["fx"]
    if not provider:
        return "" if facts["debit"] == facts["credit"] else "it converts without a rate"
    if "offer" not in facts:
        return None
    cross = facts.get("cross")
    lacks = _of_both(facts, *cross) if cross and len(cross) > _OF_ONE else _of_amounts(facts, rate)
    (debit, source), (_, target) = facts["debit"], facts["credit"]
    if cross is None:
        agent = facts["debtor_agent"]
        return lacks or _of_rate((provider, source, target), rate, debit, facts["offer"], at, found, agent)
    via, first, first_rate, second_rate, *of_two = cross
    if rate != crossed(first_rate, second_rate):
        return "its cross rate is not the product of its rates"
    first_provider, between = of_two or (provider, convert(Money(debit, source), via, first_rate).minor)
    return (
        lacks
        or _of_rate((first_provider, source, via), first_rate, debit, first, at, found)
        or _of_rate((provider, via, target), second_rate, between, facts["offer"], at, found)
    )


def _of_amounts(facts: Facts, rate: str) -> str:
    """Whether one amount follows from the other at the rate: the credit, or the least debit for it."""
    debit, credit = (Money(*facts[name]) for name in ("debit", "credit"))
    most = convert(debit, credit.currency, rate).minor
    is_of_source = max(0, most - LARGEST_STEP) < credit.minor <= most
    is_of_credit = credit.minor <= most and debit == to_get(credit, debit.currency, rate)
    return "" if is_of_source or is_of_credit else "its amounts are not at its rate"


def _of_both(facts: Facts, via: str, _: int, first_rate: str, second_rate: str, __: str, minor: int) -> str:
    """Whether both providers of a cross rate convert the amount of the other one at their rates."""
    debit, credit = (Money(*facts[name]) for name in ("debit", "credit"))
    between = Money(minor, via)
    most = convert(between, credit.currency, second_rate).minor
    of_source = (
        between == convert(debit, via, first_rate) and max(0, most - LARGEST_STEP) < credit.minor <= most
    )
    of_credit = between == to_get(credit, via, second_rate) and debit == to_get(
        between, debit.currency, first_rate
    )
    return "" if of_source or of_credit else "its amounts are not at the rates of its two providers"


def _of_rate(  # noqa: PLR0917 - what a rate depends on
    pair: Pair, rate: str, minor: int, offer: int, at: int, found: PricesSoFar, debtor_agent: str = ""
) -> str | None:
    """What is wrong with a rate: of an offer by its number, or without one of those that people set."""
    if not offer:
        spans = found.set_rates.get((pair, Fraction(rate)), ())
        fits = any(since - _SLACK_US <= at < until + _SLACK_US for since, until in spans)
        return "" if fits else "nobody set its rate"
    number, facts = found.newest.get(pair, (0, {}))
    if number != offer:
        return None if not found.is_whole and not number else "its offer was not in force"
    bps = next((bps for name, bps in facts.get("improvements", ()) if name == debtor_agent), 0)
    if at >= facts["until"]:
        return "its offer had ended"
    rates = {improved(stated, bps) for least, stated in facts["tiers"] if least <= minor}
    return "" if rate in rates else "its rate is not of its offer"
