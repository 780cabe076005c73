"""Changes to the register of rails: a rail is registered closed, and retired when nothing is open there.

Opening and closing is `rail.switch`, see `corridors`.
"""

from typing import Any, Final

import asyncpg

from adapters import registry
from switch.approvals.content import Country, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, openness, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.payments import rail_register

_RAIL: Final = statements("switch.participants")("rail_state")


class OfRail(Content, frozen=True, kw_only=True):
    """The rail of one country."""

    country: Country


async def _check_register(connection: asyncpg.Connection, content: OfRail) -> None:
    if content.country not in registry.countries():
        raise refuse("no adapter for this country is installed")
    if await rail_register.is_registered(connection, content.country):
        raise refuse("this rail is registered already")


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
        raise refuse("no such rail")
    if row["open"]:
        raise refuse("the rail is open: close it first")
    if await rail_register.open_payments(connection, content.country):
        raise refuse("payments over this rail are not final: wait until they are")


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
        "rail.retire",
        "Retire a rail",
        OfRail,
        _retire,
        _check_retire,
        effect=_effect_of_retiring,
        links=_LINKS,
    ),
)
