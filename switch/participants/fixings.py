"""Fixings: the rate of a pair that no FX provider offers, as two people of a central bank set it for a time.

A central bank fixes pairs with its own currency, each direction separately, and names the provider that
converts at the fixing from its accounts: it agrees with this provider before. An offer of the pair, whoever
makes it, has precedence. A newer fixing of the pair replaces one; each ends by itself.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from adapters import registry
from schemas.money import EXPONENTS
from switch.approvals.content import Country, Currency, Id, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeKind, Confirmable, Execution
from switch.base.plausibility import Bands, Comparison
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right
from switch.participants import comparisons
from switch.participants.corridors import Rate, check_provider
from switch.participants.instants import check_ahead, instant_text

_statement: Final = statements("switch.participants")
_IN_FORCE: Final = _statement("fixing_in_force")
_ADD: Final = _statement("add_fixing")
LONGEST: Final = timedelta(days=7)
"""As long as an offer of a provider: a longer need is decided again, with the market in view."""


class SetFixing(Confirmable, frozen=True, kw_only=True):
    """Units of `target` for one unit of `source`, between two instants; no first one is at once."""

    country: Annotated[Country, msgspec.Meta(title="Central bank of")]
    source: Annotated[Currency, msgspec.Meta(title="From currency")]
    target: Annotated[Currency, msgspec.Meta(title="To currency")]
    provider: Annotated[Id, msgspec.Meta(title="FX provider")]
    rate: Rate
    valid_from: Annotated[datetime | None, msgspec.Meta(title="Valid from (UTC)")] = None
    until: Annotated[datetime, msgspec.Meta(title="Until (UTC)")]


async def _seats(_connection: asyncpg.Connection, content: SetFixing, maker: Person) -> tuple[Seat, ...]:
    """A second person of the same central bank."""
    if (maker.role, maker.scope) != (Role.REGULATOR, content.country):
        raise refuse(
            "only people of this central bank may decide this",
            remedy="Ask a person of the central bank whose currency it is.",
        )
    return (Seat(Role.REGULATOR, content.country),)


async def _check(connection: asyncpg.Connection, content: SetFixing) -> None:
    pair = {content.source, content.target}
    if len(pair) != 2 or not pair <= EXPONENTS.keys():  # noqa: PLR2004
        raise refuse(
            "a pair has two different currencies", remedy="Name two different currencies of ISO 4217."
        )
    known = content.country in registry.countries()
    if not known or registry.profile(content.country).currency not in pair:
        raise refuse(
            "a central bank decides on pairs with its own currency",
            remedy="Name your own currency as one of the two.",
        )
    if content.rate.strip("0.") == "":
        raise refuse(
            "a rate must be more than zero",
            remedy="State how many units of the target one unit of the source buys, more than zero.",
        )
    await _check_times(connection, content)
    await check_provider(connection, content.provider, content.source, content.target)


async def _check_times(connection: asyncpg.Connection, content: SetFixing) -> None:
    instants = [each for each in (content.valid_from, content.until) if each is not None]
    if any(each.tzinfo is None for each in instants):
        raise refuse(
            "an instant needs its offset from UTC", remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z."
        )
    await check_ahead(connection, content.valid_from, "valid_from")
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    begins = max(now, content.valid_from or now)
    if not begins < content.until <= begins + LONGEST:
        raise refuse(
            "the end is after the beginning, and at most seven days later",
            remedy="State an end after the beginning, at most seven days later.",
        )


async def _compare(connection: asyncpg.Connection, content: SetFixing, bands: Bands) -> list[Comparison]:
    return await comparisons.of_rate(
        connection,
        content.source,
        content.target,
        rate=content.rate,
        valid_from=content.valid_from,
        bands=bands,
    )


async def _effect(connection: asyncpg.Connection, content: SetFixing) -> Effect:
    row = await connection.fetchrow(_IN_FORCE, content.source, content.target)
    rate, provider, until = (NOTHING, NOTHING, NOTHING)
    if row is not None:
        rate, provider, until = row["rate"], row["provider"], instant_text(row["valid_until"])
    rows = [
        Row(f"{content.source} → {content.target}", rate, content.rate, f"{content.target}/{content.source}"),
        Row(term("FX provider"), provider, content.provider),
        Row(term("Until (UTC)"), until, instant_text(content.until)),
    ]
    if content.valid_from is not None:
        rows.append(Row(term("Valid from (UTC)"), NOTHING, instant_text(content.valid_from)))
    return Effect(tuple(rows))


async def _set(execution: Execution, content: SetFixing) -> None:
    await execution.connection.execute(
        _ADD,
        execution.ids.number,
        content.country,
        content.source,
        content.target,
        content.provider,
        content.rate,
        None if content.valid_from is None else content.valid_from.astimezone(UTC),
        content.until.astimezone(UTC),
    )


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "fx.fixing",
        "Fix the rate of a currency pair",
        SetFixing,
        _set,
        _check,
        effect=_effect,
        links=links_to(Subject.PARTICIPANT, "provider"),
        compare=_compare,
        seats=_seats,
        right=Right.CONTROL_PAIRS,
    ),
)
