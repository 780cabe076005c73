"""Changes to the register of rails: a rail is registered closed, and retired when nothing is open there.

Between the two, `rail.profile` narrows its limits, hours and fees, and gives them back. Opening
and closing is `rail.switch`, see `corridors`.
"""

from datetime import time
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from adapters import registry
from adapters.profile import RailProfile
from schemas.errors import InvalidAmount
from schemas.money import Money
from switch.approvals.content import Clock, Country, money_of, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, amount, links_to, openness, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.payments import rail_profile, rail_register
from switch.payments.directory import Tightening

_statement: Final = statements("switch.participants")
_RAIL: Final = _statement("rail_state")
_CORRIDORS_TO: Final = _statement("corridors_to")
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class OfRail(Content, frozen=True, kw_only=True):
    """The rail of one country."""

    country: Country


class SetProfile(Content, frozen=True, kw_only=True):
    """Narrower limits, hours and fees of a rail; what is left out is as the rail's own profile states it."""

    country: Country
    minimum: Annotated[str | None, msgspec.Meta(title="Smallest amount (empty: the rail's own)")] = None
    maximum: Annotated[str | None, msgspec.Meta(title="Largest amount (empty: the rail's own)")] = None
    hours_from: Annotated[Clock | None, msgspec.Meta(title="Sends from (empty: the rail's own hours)")] = None
    hours_to: Annotated[Clock | None, msgspec.Meta(title="Sends until (empty: the rail's own hours)")] = None
    fee_max_bps: Annotated[
        BasisPoints | None, msgspec.Meta(title="Largest fee in basis points (empty: no limit)")
    ] = None


async def _check_register(connection: asyncpg.Connection, content: OfRail) -> None:
    if content.country not in registry.countries():
        raise refuse(
            "no adapter for this country is installed",
            remedy="Install the adapter of this country first (docs/adapters/tutorial.md).",
        )
    if await rail_register.is_registered(connection, content.country):
        raise refuse(
            "this rail is registered already", remedy="Nothing is left to do: GET /v1/rails shows it."
        )


async def _effect_of_registering(connection: asyncpg.Connection, content: OfRail) -> Effect:
    rows = [Row(content.country, await _state(connection, content.country), openness(is_open=False))]
    if content.country in registry.countries():
        profile = registry.profile(content.country)
        rows += [Row(term("Rail"), NOTHING, profile.rail), Row(term("Currency"), NOTHING, profile.currency)]
    return Effect(tuple(rows))


async def _register(execution: Execution, content: OfRail) -> None:
    await rail_register.register(execution.connection, content.country, is_open=False)
    execution.outcome = f"the rail of {content.country} is registered, and closed"


async def _check_retire(connection: asyncpg.Connection, content: OfRail) -> None:
    row = await connection.fetchrow(_RAIL, content.country)
    if row is None:
        raise refuse("no such rail", remedy="Use a country of GET /v1/rails.")
    if row["open"]:
        raise refuse(
            "the rail is open: close it first",
            remedy="Close the rail first (rail.switch), and request it again.",
        )
    if await rail_register.open_payments(connection, content.country):
        raise refuse(
            "payments over this rail are not final: wait until they are",
            remedy="Wait until they are final, and resolve those in doubt (payment.resolve).",
        )


async def _effect_of_retiring(connection: asyncpg.Connection, content: OfRail) -> Effect:
    open_payments = await rail_register.open_payments(connection, content.country)
    return Effect(
        (
            Row(content.country, await _state(connection, content.country), NOTHING),
            Row(term("Open payments"), str(open_payments), "0", moving=True),
        )
    )


async def _state(connection: asyncpg.Connection, country: str) -> str:
    row = await connection.fetchrow(_RAIL, country)
    return openness(is_open=None if row is None else row["open"])


async def _retire(execution: Execution, content: OfRail) -> None:
    await rail_register.retire(execution.connection, content.country)
    execution.outcome = f"the rail of {content.country} is retired"


async def _check_profile(connection: asyncpg.Connection, content: SetProfile) -> None:
    if not await rail_register.is_registered(connection, content.country):
        raise refuse("no such rail", remedy="Use a country of GET /v1/rails.")
    if content.country not in registry.countries():
        raise refuse(
            "no adapter for this country is installed",
            remedy="Install the adapter of this country first (docs/adapters/tutorial.md).",
        )
    profile = registry.profile(content.country)
    wanted = _tightening(content, profile.currency)
    looser = list(rail_profile.faults(profile, wanted))
    if looser:
        raise refuse(
            "; ".join(looser),
            remedy="State values at most as wide as the rail's own: GET /v1/rails/{country} has them.",
        )
    dearer = [
        row["source"]
        for row in await connection.fetch(_CORRIDORS_TO, content.country)
        if not rail_profile.permits_fee(wanted, row["fee_minor"], row["fee_bps"])
    ]
    if dearer:
        raise refuse(
            f"fee_max_bps: lower the fees of the corridors from {', '.join(dearer)} first",
            remedy="Lower the fees of those corridors first (corridor.fees).",
        )


def _tightening(content: SetProfile, currency: str) -> Tightening:
    """The content in minor units.

    Raises:
        InvalidAmount: an amount is not a plain decimal of the currency, or zero.

    """
    low, high = (
        None if text is None else money_of(text, currency).minor
        for text in (content.minimum, content.maximum)
    )
    first, last = (
        None if text is None else time.fromisoformat(text) for text in (content.hours_from, content.hours_to)
    )
    return Tightening(
        minimum_minor=low,
        maximum_minor=high,
        hours_from=first,
        hours_to=last,
        fee_max_bps=content.fee_max_bps,
    )


async def _effect_of_profile(connection: asyncpg.Connection, content: SetProfile) -> Effect:
    if content.country not in registry.countries():
        return Effect((Row(content.country, NOTHING, NOTHING),))
    profile = registry.profile(content.country)
    now = await rail_register.tightening(connection, content.country)
    try:
        then = _tightening(content, profile.currency)
    except InvalidAmount:  # the check reports it
        then = now
    before, after = (rail_profile.limits(profile, one) for one in (now, then))
    return Effect(
        (
            amount(term("Smallest amount"), before.minimum_minor, after.minimum_minor, profile.currency),
            amount(term("Largest amount"), before.maximum_minor, after.maximum_minor, profile.currency),
            Row(term("Hours"), _clock(profile, now), _clock(profile, then)),
            Row(term("Largest fee in basis points"), _most(now.fee_max_bps), _most(then.fee_max_bps)),
        )
    )


def _clock(profile: RailProfile, tightening: Tightening) -> str:
    hours = rail_profile.hours(profile, tightening)
    return f"{hours.opens:%H:%M}-{hours.closes:%H:%M} {hours.zone}"


def _most(bps: int | None) -> str:
    return NOTHING if bps is None else str(bps)


async def _set_profile(execution: Execution, content: SetProfile) -> None:
    profile = registry.profile(content.country)
    wanted = _tightening(content, profile.currency)
    await rail_register.tighten(execution.connection, content.country, wanted)
    execution.outcome = f"the profile of the rail of {content.country}: {_said(profile, wanted)}"


def _said(profile: RailProfile, wanted: Tightening) -> str:
    if wanted == Tightening():
        return "the rail's own"
    limits = rail_profile.limits(profile, wanted)
    low, high = (
        Money(minor, profile.currency).text for minor in (limits.minimum_minor, limits.maximum_minor)
    )
    fee = "" if wanted.fee_max_bps is None else f", fees to {wanted.fee_max_bps} basis points"
    return f"{low} to {high} {profile.currency}, {_clock(profile, wanted)}{fee}"


_LINKS: Final = links_to(Subject.RAIL, "country")
KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "rail.register",
        "Register a rail",
        OfRail,
        _register,
        _check_register,
        effect=_effect_of_registering,
        links=_LINKS,
    ),
    ChangeKind(
        "rail.profile",
        "Tighten a rail's profile",
        SetProfile,
        _set_profile,
        _check_profile,
        effect=_effect_of_profile,
        links=_LINKS,
    ),
    ChangeKind(
        "rail.retire",
        "Retire a rail",
        OfRail,
        _retire,
        _check_retire,
        effect=_effect_of_retiring,
        links=_LINKS,
    ),
)
