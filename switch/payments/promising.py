"""Have the writer promise a price: a firm quote, for a participant or for the look-up of a rail."""

from collections.abc import Awaitable, Callable, Container
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from ledger.encoding import microseconds
from switch.payments.directory import Directory
from switch.payments.intake import OFFER_GONE, OFFERS_TRIED, charges_of, terms_of
from switch.payments.pricing import Price
from switch.payments.routes import Route
from switch.writer.client import Link
from switch.writer.commands import Evidence, Promise, Reply
from switch.writer.verdicts import Verdict

Pricing = Callable[[datetime, Container[int]], Awaitable[tuple[Route, Price]]]
"""Route and price at an instant, at the best offer that is not one of some."""
ENDED: Final = frozenset({Verdict.OFFER_ENDED})
"""Where the next offer, of a worse rate, is no answer to one whose inventory is too small."""


class Charging(NamedTuple):
    """By what a payment is charged, and must be stated by one that uses the quote."""

    bearer: str
    purpose: str
    """Its code; empty: none."""


class PromiseReply(NamedTuple):
    """The writer's reply, and what was to be promised."""

    reply: Reply
    route: Route
    price: Price
    expires_at: datetime


async def ask(  # noqa: PLR0917 - what a promise is made of
    link: Link,
    directory: Directory,
    priced: Pricing,
    charging: Charging,
    evidence: Evidence | None,
    valid_s: float,
    again: Container[Verdict] = OFFER_GONE,
) -> PromiseReply:
    """Ask for a promise of the present price; at the next offer after a verdict of `again`.

    Raises:
        SwitchError: as `priced`.
        Unavailable, OutcomeUnknown: the writer did not reply; what it may have promised ends by itself.

    """
    without: set[int] = set()
    for _ in range(OFFERS_TRIED):
        now = datetime.now(UTC)
        route, price = await priced(now, without)
        expires_at = now + timedelta(seconds=valid_s)
        reply = await link.ask(
            Promise(
                terms=terms_of(route, price),
                charges=charges_of(price),
                bearer=charging.bearer,
                purpose=charging.purpose,
                offer=price.offer,
                cross=price.cross,
                expires_at=microseconds(expires_at),
                lifetime=microseconds(expires_at) - microseconds(now),
                evidence=evidence,
                indirect=route.indirect_key,
            )
        )
        if reply.verdict not in again:
            break
        without |= price.offers
        if reply.verdict is Verdict.OFFER_ENDED:
            await directory.refresh()
    return PromiseReply(reply, route, price, expires_at)
