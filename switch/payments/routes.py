"""Parties, rail and price of a payment: the same functions for payments and for quotes.

Pure functions of a directory snapshot and the rails of this process. A quote states the price that a payment
at the same instant would have, and is refused if that payment would be refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from ledger.encoding import microseconds
from schemas.errors import Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.payments import pricing, rail_profile
from switch.payments.directory import Corridor, DirectorySnapshot, Participant, Tightening
from switch.payments.pricing import Price
from switch.payments.rails import Rail

_INSTITUTION: Final = 8


class Route(msgspec.Struct, frozen=True):
    """Debtor agent, creditor agent and rail of a payment."""

    debtor: Participant
    creditor: Participant
    corridor: Corridor
    rail: Rail
    tightening: Tightening
    open: bool
    opens_at: int
    """When the rail accepts orders, microseconds since 1970."""


def find(
    directory: DirectorySnapshot,
    rails: Mapping[str, Rail],
    debtor: Participant,
    creditor_bic: str,
    currency: str,
    *,
    now: datetime,
    expires_at: datetime,
) -> Route:
    """Route of a payment in `currency` to the bank of a BIC, which must be executed before `expires_at`.

    Raises:
        Refused: RC04 no such bank, AG01 the corridor is not open, AM03 not the debtor's country's currency,
            AG03 no rail, TM01 the rail is closed for longer.

    """
    creditor = directory.by_bic.get(creditor_bic[:_INSTITUTION])
    if creditor is None or creditor.status != "active" or creditor.kind != "direct":
        text = "the creditor agent is not a participant"
        raise Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path=pricing.CREDITOR_AGENT)
    corridor = directory.corridor_by_pair.get((debtor.country, creditor.country))
    if corridor is None or not corridor.enabled:
        text = "this corridor is not open"
        raise Refused(text, reason=Reason.TRANSACTION_FORBIDDEN, path=pricing.CREDITOR_AGENT)
    rail = rails.get(creditor.country)
    status = directory.rail_by_country.get(creditor.country)
    local = rails.get(debtor.country)
    if local and currency != local.adapter.profile.currency:
        text = f"must be in {local.adapter.profile.currency}, the currency of the debtor agent's country"
        raise Refused(text, reason=Reason.NOT_ALLOWED_CURRENCY, path=pricing.AMOUNT)
    if rail is None or status is None:
        text = "no rail reaches this country"
        raise Refused(text, reason=Reason.TRANSACTION_NOT_SUPPORTED, path=pricing.CREDITOR_AGENT)
    profile = rail.adapter.profile
    hours = rail_profile.hours(profile, status.tightening)
    opens = hours.open_from(now, directory.stated_by_currency.get(profile.currency, {}))
    if opens >= expires_at:
        text = f"the rail is closed beyond the payment's expiry: it opens at {opens.isoformat()}"
        raise Refused(text, reason=Reason.CUT_OFF_TIME, path=pricing.CREDITOR_AGENT)
    opens_at = max(status.opens_at or 0, microseconds(opens))
    return Route(debtor, creditor, corridor, rail, status.tightening, status.open and opens <= now, opens_at)


def price(amount: Money, route: Route, directory: DirectorySnapshot) -> Price:
    """Price of a payment of `amount` over a route.

    Raises:
        Refused: no rate for the pair (AM03), nothing would arrive or an amount outside the tightened limits
            of the rail (AM02), or the fee is not below the amount, or above the rail's largest fee (AM06).

    """
    profile = route.rail.adapter.profile
    step = profile.limits.step_minor
    found = pricing.price(amount, profile.currency, route.corridor, directory, step=step)
    rail_profile.check(found, profile, route.tightening)
    return found
