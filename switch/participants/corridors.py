"""Changes to corridors and their fees, to exchange rates, and to rails."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from adapters import registry
from schemas.identifiers import COUNTRIES
from schemas.money import EXPONENTS
from switch.approvals.content import Country, Currency, Id, Open, account_number, refuse
from switch.approvals.effects import (
    NOTHING,
    Effect,
    Row,
    Subject,
    amount,
    links_to,
    openness,
    term,
)
from switch.approvals.kinds import CHECKER, ChangeKind, Confirmable, Content, Execution
from switch.base.plausibility import Bands, Comparison, Measure
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat
from switch.participants import comparisons
from switch.participants.instants import check_ahead, instant_text
from switch.payments import rail_profile, rail_register

_statement: Final = statements("switch.participants")
_IS_PROVIDER: Final = (
    "SELECT true FROM switch.participant WHERE id = $1 AND kind = 'fx_provider' AND status = 'active'"
)
_RATE: Final = _statement("rate_in_force")
_RAIL: Final = _statement("rail_state")
_CORRIDOR: Final = _statement("corridor")
_SET_CORRIDOR: Final = _statement("set_corridor")
_OPEN_CORRIDORS: Final = _statement("open_corridors")
_CLOSE_CORRIDORS: Final = _statement("close_corridors")
_ADD_RATE: Final = _statement("add_rate")
_DAY_S: Final = 86_400
_CLOSED_DAYS_MAX: Final = 7
"""A closure longer than this is probably a mistake."""
Minor = Annotated[int, msgspec.Meta(title="Fee in minor units", ge=0, le=2**62 - 1)]
BasisPoints = Annotated[int, msgspec.Meta(title="Fee in basis points", ge=0, le=10_000)]
Rate = Annotated[
    str,
    msgspec.Meta(
        title="Exchange rate",
        pattern=r"^(0|[1-9]\d{0,9})(\.\d{1,10})?$",
        description="a decimal number with a point and no separators, such as 3.3412",
    ),
]


FromCountry = Annotated[Country, msgspec.Meta(title="From")]
ToCountry = Annotated[Country, msgspec.Meta(title="To")]


class SwitchCorridor(Content, frozen=True, kw_only=True):
    """A corridor, open or closed."""

    source: FromCountry
    target: ToCountry
    enabled: Open


class CloseCorridors(Content, frozen=True, kw_only=True):
    """Every open corridor into a country, out of it, or both. Each is opened again on its own."""

    country: Country
    direction: Annotated[Literal["into", "out_of", "both_ways"], msgspec.Meta(title="Direction")]

    @property
    def sides(self) -> tuple[str, bool, bool]:
        """The country, and whether corridors into it and out of it are meant."""
        return self.country, self.direction != "out_of", self.direction != "into"


class CorridorFees(Confirmable, frozen=True, kw_only=True):
    """What a payment costs: minor units of the source currency, and basis points."""

    source: FromCountry
    target: ToCountry
    fee_minor: Minor
    fee_bps: BasisPoints


class CorridorSettlement(Content, frozen=True, kw_only=True):
    """Settlement of a corridor's payments: `net` in windows, or `gross`, each at once."""

    source: FromCountry
    target: ToCountry
    settlement: Annotated[Literal["net", "gross"], msgspec.Meta(title="Settlement")]


class SetRate(Confirmable, frozen=True, kw_only=True):
    """Units of `target` for one unit of `source`, from an instant on; None is at once."""

    source: Annotated[Currency, msgspec.Meta(title="From currency")]
    target: Annotated[Currency, msgspec.Meta(title="To currency")]
    provider: Annotated[Id, msgspec.Meta(title="FX provider")]
    rate: Rate
    valid_from: Annotated[datetime | None, msgspec.Meta(title="Valid from (UTC)")] = None


class SwitchRail(Confirmable, frozen=True, kw_only=True):
    """A rail, open or closed; a closed one may have an instant at which it opens again."""

    country: Country
    open: Open
    opens_at: Annotated[datetime | None, msgspec.Meta(title="Open again from (UTC)")] = None


async def _corridor_seats(
    connection: asyncpg.Connection, content: SwitchCorridor, maker: Person
) -> tuple[Seat, ...]:
    """Both central banks must approve the opening of a corridor; closing it must not wait for them."""
    return await _both_central_banks(connection, content, maker) if content.enabled else (CHECKER,)


async def _both_central_banks(
    _connection: asyncpg.Connection, content: SwitchCorridor | CorridorSettlement, _maker: Person
) -> tuple[Seat, ...]:
    """A checker, and the central bank of either country, because it is their money that moves."""
    countries = dict.fromkeys((content.source, content.target))
    return (CHECKER, *(Seat(Role.REGULATOR, country) for country in countries))


async def _check_corridor(_connection: asyncpg.Connection, content: SwitchCorridor) -> None:
    if content.source == content.target or not {content.source, content.target} <= COUNTRIES:
        raise refuse(
            "the source and the target of a corridor are different countries",
            remedy="Name two different countries as source and target.",
        )


def _direction(content: SwitchCorridor | CorridorFees | CorridorSettlement | SetRate) -> str:
    return f"{content.source} → {content.target}"


async def _corridor(
    connection: asyncpg.Connection, content: SwitchCorridor | CorridorFees | CorridorSettlement
) -> asyncpg.Record | None:
    found: asyncpg.Record | None = await connection.fetchrow(_CORRIDOR, content.source, content.target)
    return found


async def _effect_of_switching(connection: asyncpg.Connection, content: SwitchCorridor) -> Effect:
    row = await _corridor(connection, content)
    now = openness(is_open=row and row["enabled"])
    return Effect((Row(_direction(content), now, openness(is_open=content.enabled)),))


async def _effect_of_fees(connection: asyncpg.Connection, content: CorridorFees) -> Effect:
    row = await _corridor(connection, content)
    flat, bps = (None, NOTHING) if row is None else (row["fee_minor"], str(row["fee_bps"]))
    return Effect(
        (
            _flat_fee(content.source, flat, content.fee_minor),
            Row(term("Fee in basis points"), bps, str(content.fee_bps)),
        )
    )


def _flat_fee(source: str, now: int | None, then: int) -> Row:
    """In the currency of the source country's rail; in minor units if there is no such rail."""
    if source not in registry.countries():
        return Row(term("Fee in minor units"), NOTHING if now is None else str(now), str(then))
    return amount(term("Flat fee"), now, then, registry.profile(source).currency)


async def _effect_of_settlement(connection: asyncpg.Connection, content: CorridorSettlement) -> Effect:
    row = await _corridor(connection, content)
    now = NOTHING if row is None else row["settlement"]
    return Effect((Row(_direction(content), now, content.settlement),))


async def _switch_corridor(execution: Execution, content: SwitchCorridor) -> None:
    await execution.connection.execute(_SET_CORRIDOR, content.source, content.target, content.enabled)


async def _check_open(connection: asyncpg.Connection, content: CloseCorridors) -> None:
    if not await connection.fetch(_OPEN_CORRIDORS, *content.sides):
        raise refuse("no such corridor is open", remedy="Use an enabled corridor of GET /v1/corridors.")


async def _effect_of_closing(connection: asyncpg.Connection, content: CloseCorridors) -> Effect:
    found = await connection.fetch(_OPEN_CORRIDORS, *content.sides)
    now, then = openness(is_open=True), openness(is_open=False)
    rows = tuple(Row(f"{row['source']} → {row['target']}", now, then) for row in found)
    return Effect(rows or (Row(content.country, then, then),))


async def _close_corridors(execution: Execution, content: CloseCorridors) -> None:
    await execution.connection.execute(_CLOSE_CORRIDORS, *content.sides)


async def _check_there(connection: asyncpg.Connection, content: CorridorFees | CorridorSettlement) -> None:
    if not await connection.fetchval(
        "SELECT true FROM switch.corridor WHERE source = $1 AND target = $2", content.source, content.target
    ):
        raise refuse(
            "no such corridor",
            remedy="Use a corridor of GET /v1/corridors, or open it first (corridor.switch).",
        )


async def _check_fees(connection: asyncpg.Connection, content: CorridorFees) -> None:
    await _check_there(connection, content)
    tightening = await rail_register.tightening(connection, content.target)
    if not rail_profile.permits_fee(tightening, content.fee_minor, content.fee_bps):
        raise refuse(
            f"fees of the rail of {content.target} are at most {tightening.fee_max_bps} basis points:"
            " change rail.profile first",
            remedy="State a fee within the rail's bound, or loosen the bound first (rail.profile).",
        )


async def _compare_fees(
    connection: asyncpg.Connection, content: CorridorFees, bands: Bands
) -> list[Comparison]:
    return await comparisons.of_fees(
        connection, content.source, content.target, minor=content.fee_minor, bps=content.fee_bps, bands=bands
    )


async def _corridor_fees(execution: Execution, content: CorridorFees) -> None:
    await execution.connection.execute(
        "UPDATE switch.corridor SET fee_minor = $3, fee_bps = $4 WHERE source = $1 AND target = $2",
        content.source,
        content.target,
        content.fee_minor,
        content.fee_bps,
    )


async def _corridor_settlement(execution: Execution, content: CorridorSettlement) -> None:
    await execution.connection.execute(
        "UPDATE switch.corridor SET settlement = $3 WHERE source = $1 AND target = $2",
        content.source,
        content.target,
        content.settlement,
    )


async def _check_rate(connection: asyncpg.Connection, content: SetRate) -> None:
    if content.source == content.target or not {content.source, content.target} <= set(EXPONENTS):
        raise refuse("a rate is between two different currencies", remedy="Name two different currencies.")
    if content.rate.strip("0.") == "":
        raise refuse(
            "a rate must be more than zero",
            remedy="State how many units of the target one unit of the source buys, more than zero.",
        )
    if content.valid_from is not None and content.valid_from.tzinfo is None:
        raise refuse(
            "an instant needs its offset from UTC", remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z."
        )
    await check_ahead(connection, content.valid_from, "valid_from")
    await check_provider(connection, content.provider, content.source, content.target)


async def check_provider(connection: asyncpg.Connection, provider: str, *currencies: str) -> None:
    """Check that an FX provider is active and has an account in each currency.

    Raises:
        Refused: it is not, or has none.

    """
    if not await connection.fetchval(_IS_PROVIDER, provider):
        raise refuse("no such FX provider", remedy="Use the id of an FX provider of GET /v1/participants.")
    for currency in currencies:
        await account_number(connection, provider, currency)


async def _compare_rate(connection: asyncpg.Connection, content: SetRate, bands: Bands) -> list[Comparison]:
    return await comparisons.of_rate(
        connection,
        content.source,
        content.target,
        rate=content.rate,
        valid_from=content.valid_from,
        bands=bands,
    )


async def _effect_of_rate(connection: asyncpg.Connection, content: SetRate) -> Effect:
    row = await connection.fetchrow(_RATE, content.source, content.target)
    rate, provider = (NOTHING, NOTHING) if row is None else (row["rate"], row["provider"])
    rows = [
        Row(_direction(content), rate, content.rate, f"{content.target}/{content.source}"),
        Row(term("FX provider"), provider, content.provider),
    ]
    if content.valid_from is not None:
        rows.append(Row(term("Valid from (UTC)"), NOTHING, instant_text(content.valid_from)))
    return Effect(tuple(rows))


async def _set_rate(execution: Execution, content: SetRate) -> None:
    await execution.connection.execute(
        _ADD_RATE, content.source, content.target, content.provider, content.rate, content.valid_from
    )


async def _check_rail(connection: asyncpg.Connection, content: SwitchRail) -> None:
    if content.opens_at is not None and (content.open or content.opens_at.tzinfo is None):
        raise refuse(
            "only a closed rail has an opening time, as an instant with its offset from UTC",
            remedy="Leave the opening time out, or close the rail; write it as 2026-11-23T14:05:07+05:30.",
        )
    await check_ahead(connection, content.opens_at, "opens_at")
    if not await connection.fetchval("SELECT true FROM switch.rail WHERE country = $1", content.country):
        raise refuse("no such rail", remedy="Use a country of GET /v1/rails.")


async def _compare_rail(
    connection: asyncpg.Connection, content: SwitchRail, _bands: Bands
) -> list[Comparison]:
    """Compare the closure of a rail for more than a week: the factor is the number of days."""
    if content.opens_at is None:
        return []
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    days = -(-(content.opens_at - now).total_seconds() // _DAY_S)
    beyond = days > _CLOSED_DAYS_MAX
    opens = content.opens_at.astimezone(UTC).isoformat(timespec="minutes")
    return [Comparison(Measure.RAIL_CLOSED, str(_CLOSED_DAYS_MAX), opens, Fraction(int(days)), beyond)]


async def _effect_of_rail(connection: asyncpg.Connection, content: SwitchRail) -> Effect:
    row = await connection.fetchrow(_RAIL, content.country)
    now, opens_at = (None, None) if row is None else (row["open"], row["opens_at"])
    rows = [Row(content.country, openness(is_open=now), openness(is_open=content.open))]
    if opens_at is not None or content.opens_at is not None:
        rows.append(
            Row(term("Open again from (UTC)"), instant_text(opens_at), instant_text(content.opens_at))
        )
    return Effect(tuple(rows))


async def _switch_rail(execution: Execution, content: SwitchRail) -> None:
    await execution.connection.execute(
        "UPDATE switch.rail SET open = $2, opens_at = $3 WHERE country = $1",
        content.country,
        content.open,
        content.opens_at,
    )


_LINKS: Final = links_to(Subject.CORRIDOR, "source", "target")
KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "corridor.switch",
        "Open or close a corridor",
        SwitchCorridor,
        _switch_corridor,
        _check_corridor,
        effect=_effect_of_switching,
        links=_LINKS,
        seats=_corridor_seats,
    ),
    ChangeKind(
        "corridor.close_all",
        "Close all corridors of a country",
        CloseCorridors,
        _close_corridors,
        _check_open,
        effect=_effect_of_closing,
        links=links_to(Subject.CORRIDOR, "country"),
    ),
    ChangeKind(
        "corridor.fees",
        "Set a corridor's fees",
        CorridorFees,
        _corridor_fees,
        _check_fees,
        effect=_effect_of_fees,
        links=_LINKS,
        compare=_compare_fees,
    ),
    ChangeKind(
        "corridor.settlement",
        "Set a corridor's settlement method",
        CorridorSettlement,
        _corridor_settlement,
        _check_there,
        effect=_effect_of_settlement,
        links=_LINKS,
        seats=_both_central_banks,
    ),
    ChangeKind(
        "rate.set",
        "Set an exchange rate",
        SetRate,
        _set_rate,
        _check_rate,
        effect=_effect_of_rate,
        links=links_to(Subject.PARTICIPANT, "provider"),
        compare=_compare_rate,
    ),
    ChangeKind(
        "rail.switch",
        "Open or close a rail",
        SwitchRail,
        _switch_rail,
        _check_rail,
        effect=_effect_of_rail,
        links=links_to(Subject.RAIL, "country"),
        compare=_compare_rail,
    ),
)
