"""Parties, rail and price of a payment: the same functions for payments and for quotes.

Pure functions of a directory snapshot and the rails of this process. A quote states the price that a payment
at the same instant would have, and is refused if that payment would be refused.
"""

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Final

import msgspec

from ledger.encoding import microseconds
from schemas.errors import Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.payments import pricing, rail_profile
from switch.payments.directory import Corridor, DirectorySnapshot, Participant, Tightening
from switch.payments.indirect import IndirectParticipant
from switch.payments.pricing import Price
from switch.payments.rails import Rail
from switch.payments.tariffs import SERVICE_LEVEL, Usage

_INSTITUTION: Final = 8


class Route(msgspec.Struct, frozen=True):
    """Debtor agent, creditor agent and rail of a payment."""

    debtor: Participant
    creditor: Participant
    """The participant that is credited: the creditor agent, or the gateway of an indirect one."""
    corridor: Corridor
    rail: Rail
    tightening: Tightening
    open: bool
    opens_at: int
    """When the rail accepts orders, microseconds since 1970."""
    indirect: IndirectParticipant | None = None
    """The creditor agent, if it is reached over the rail and is no participant."""

    @property
    def bank(self) -> Participant | IndirectParticipant:
        """The creditor agent."""
        return self.creditor if self.indirect is None else self.indirect

    @property
    def indirect_key(self) -> str:
        """Name of the indirect participant for the writer; empty without one."""
        return "" if self.indirect is None else self.indirect.key

    def check(self, price: Price) -> None:
        """Refuse a price outside the limits of the rail as tightened, or of an indirect participant.

        Raises:
            Refused: AM02 the credited amount, AM06 the fee.

        """
        rail_profile.check(price, self.rail.adapter.profile, self.tightening)
        if self.indirect is not None:
            self.indirect.check(price.credit)


def find(
    directory: DirectorySnapshot,
    rails: Mapping[str, Rail],
    debtor: Participant,
    creditor_bic: str,
    currency: str,
    *,
    now: datetime,
    expires_at: datetime,
    indirect: IndirectParticipant | None = None,
) -> Route:
    """Route of a payment in `currency` to the bank of a BIC, which must be executed before `expires_at`.

    `indirect` is the bank, if it is reached over a rail and is no participant.

    Raises:
        Refused: RC04 no such bank, AG01 the corridor is not open, AM03 not the debtor's country's currency,
            AG03 no rail, TM01 the rail is closed for longer.

    """
    creditor = _credited(directory, creditor_bic, indirect)
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
    is_open = status.open and opens <= now
    return Route(debtor, creditor, corridor, rail, status.tightening, is_open, opens_at, indirect)


def _credited(
    directory: DirectorySnapshot, creditor_bic: str, indirect: IndirectParticipant | None
) -> Participant:
    """The participant that is credited: that of the BIC, or the gateway of an indirect participant."""
    if indirect is None:
        creditor, kind = directory.by_bic.get(creditor_bic[:_INSTITUTION]), "direct"
    else:
        creditor, kind = directory.by_id.get(indirect.gateway), "gateway"
    if creditor is None or creditor.status != "active" or creditor.kind != kind:
        text = "the creditor agent is not a participant"
        if indirect is not None:
            text = "the creditor agent is not reached now: its gateway is not active"
        raise Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path=pricing.CREDITOR_AGENT)
    return creditor


def price(
    amount: Money,
    route: Route,
    directory: DirectorySnapshot,
    *,
    at: datetime,
    bearer: str = SERVICE_LEVEL,
    purpose: str = "",
    without: Container[int] = (),
) -> Price:
    """Price of a payment of `amount` over a route, by the tariffs in force `at` an instant.

    It is converted at the best offer that is not one of `without`.

    Raises:
        Refused: no rate for the pair (AM03), nothing would arrive or an amount outside the tightened limits
            of the rail (AM02), the fee is not below the amount, or above the rail's largest fee (AM06), or
            no tariff says what the creditor bears (BE19).

    """
    profile = route.rail.adapter.profile
    step = profile.limits.step_minor
    usage = Usage(route.debtor.id, route.creditor.id, bearer, purpose, microseconds(at))
    found = pricing.price(
        amount, profile.currency, route.corridor, directory, step=step, usage=usage, without=without
    )
    route.check(found)
    return found


def price_of_credit(
    amount: Money,
    currency: str,
    route: Route,
    directory: DirectorySnapshot,
    *,
    at: datetime,
    bearer: str = SERVICE_LEVEL,
    purpose: str = "",
    without: Container[int] = (),
) -> Price:
    """Price of a payment over a route that credits exactly `amount`, debited in `currency`.

    Raises:
        Refused: as `price`; another currency than the rail's (AM03), an amount that it cannot carry (AM12), a
            charge bearer with which charges are taken from the amount (BE19).

    """
    profile = route.rail.adapter.profile
    if amount.currency != profile.currency:
        text = f"must be in {profile.currency}, the currency of the creditor agent's rail"
        remedy = "State what is credited, in that currency; or fix the amount that is debited (source)."
        raise Refused(text, reason=Reason.NOT_ALLOWED_CURRENCY, path=pricing.AMOUNT, remedy=remedy)
    step = profile.limits.step_minor
    usage = Usage(route.debtor.id, route.creditor.id, bearer, purpose, microseconds(at))
    found = pricing.price_of_credit(
        amount, currency, route.corridor, directory, step=step, usage=usage, without=without
    )
    route.check(found)
    return found
