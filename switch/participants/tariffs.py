"""Changes to tariffs: dated rows that say what payments of a corridor cost, see `switch.payments.tariffs`.

A row is added, and ended; nothing else of it changes, so that what a payment cost can always be explained. A
row with the same conditions and band that is in force ends where its successor begins. Any other row that
would be ambiguous with the new one is a refusal.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from adapters import registry
from ledger.encoding import microseconds
from schemas.errors import Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.approvals.content import Id, cap_of, status_of
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, amount, links_to, term
from switch.approvals.kinds import ChangeKind, Confirmable, Content, Execution, locked
from switch.base.plausibility import Bands, Comparison
from switch.base.sql import statements
from switch.participants import comparisons
from switch.participants.corridors import BasisPoints, FromCountry, ToCountry
from switch.payments import rail_profile, rail_register, tariffs
from switch.payments.tariffs import FeeDirection, Tariff, TariffTable, Usage

_statement: Final = statements("switch.participants")
_OF_CORRIDOR: Final = _statement("tariffs_of_corridor")
_ONE: Final = _statement("tariff")
_ADD: Final = _statement("add_tariff")
_END: Final = "UPDATE switch.tariff SET valid_until = $2 WHERE number = $1"
_CORRIDOR: Final = "SELECT fee_minor, fee_bps FROM switch.corridor WHERE source = $1 AND target = $2"
_PARTY: Final = "SELECT kind, country::text FROM switch.participant WHERE id = $1"
_NOW: Final = "SELECT clock_timestamp()"
_SAMPLE: Final = 1000
"""Whole units of the currency whose charge an effect shows."""
Decimal = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(0|[1-9]\d{0,13})(\.\d{1,5})?$",
        description="a decimal number with a point and no separators, such as 2.50",
    ),
]


PurposeCode = Annotated[
    str,
    msgspec.Meta(pattern="^[A-Z0-9]{1,4}$", description="a purpose code of ISO 20022, such as SALA"),
]


class SetTariff(Confirmable, frozen=True, kw_only=True):
    """A row. What is left out is for any payment; amounts are decimal text of the source's currency."""

    source: FromCountry
    target: ToCountry
    component: Annotated[Literal["switch", "rail"], msgspec.Meta(title="Charge of")]
    direction: Annotated[
        Literal["out", "in"],
        msgspec.Meta(title="How it is charged"),
    ]
    participant: Annotated[Id | None, msgspec.Meta(title="Participant charged (empty: any)")] = None
    purpose: Annotated[PurposeCode | None, msgspec.Meta(title="Purpose code (empty: any)")] = None
    bearer: Annotated[
        Literal["DEBT", "CRED", "SHAR", "SLEV"] | None, msgspec.Meta(title="Charge bearer (empty: any)")
    ] = None
    from_amount: Annotated[Decimal | None, msgspec.Meta(title="Smallest amount (empty: any)")] = None
    below_amount: Annotated[Decimal | None, msgspec.Meta(title="Below this amount (empty: any)")] = None
    flat: Annotated[Decimal, msgspec.Meta(title="Flat fee")]
    bps: BasisPoints
    least: Annotated[Decimal | None, msgspec.Meta(title="Smallest charge (empty: none)")] = None
    most: Annotated[Decimal | None, msgspec.Meta(title="Largest charge (empty: none)")] = None
    valid_from: Annotated[datetime | None, msgspec.Meta(title="Valid from (UTC)")] = None
    valid_until: Annotated[datetime | None, msgspec.Meta(title="Valid until (UTC)")] = None


class EndTariff(Content, frozen=True, kw_only=True):
    """The end of a row; without an instant at once. One that has not begun is never valid then."""

    tariff: Annotated[int, msgspec.Meta(title="Number of the tariff", ge=1, le=2**63 - 1)]
    valid_until: Annotated[datetime | None, msgspec.Meta(title="Valid until (UTC)")] = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """A new row, the one that it succeeds, and those of its corridor."""

    row: Tariff
    currency: str
    ends: Tariff | None
    rows: tuple[Tariff, ...]


def _wrong(path: str, text: str, *, remedy: str) -> Refused:
    return Refused(f"{path}: {text}", reason=Reason.NARRATIVE, path=path, remedy=remedy)


def currency_of(country: str) -> str:
    """The currency in which tariffs of a source country are stated.

    Raises:
        Refused: no adapter knows it.

    """
    if country not in registry.countries():
        raise _wrong(
            "source",
            "no adapter for this country is installed, so its currency is not known",
            remedy="Use a country of GET /v1/rails, or install its adapter first.",
        )
    return registry.profile(country).currency


def _row(content: SetTariff, currency: str, now: datetime) -> Tariff:
    """The content as a row that begins `now` if it states no beginning.

    Raises:
        InvalidAmount: an amount is not a plain decimal of the currency.

    """

    def minor(text: str | None) -> int | None:
        return None if text is None else cap_of(text, currency)

    until = content.valid_until
    return Tariff(
        number=0,
        source=content.source,
        target=content.target,
        component=content.component,
        direction=content.direction,
        participant=content.participant or "",
        purpose=content.purpose or "",
        bearer=content.bearer or "",
        from_minor=minor(content.from_amount) or 0,
        below_minor=minor(content.below_amount),
        flat_minor=minor(content.flat) or 0,
        bps=content.bps,
        least_minor=minor(content.least) or 0,
        most_minor=minor(content.most),
        valid_from=microseconds(content.valid_from or now),
        valid_until=None if until is None else microseconds(until),
    )


async def _plan(connection: asyncpg.Connection, content: SetTariff) -> _Plan:
    """The row, and what becomes of those before it.

    Raises:
        Refused: it would be ambiguous with another row.
        InvalidAmount: as `_row`.

    """
    currency = currency_of(content.source)
    now: datetime = await connection.fetchval(_NOW)
    row = _row(content, currency, now)
    rows = tuple(await of_corridor(connection, content.source, content.target))
    ends = None
    for other in rows:
        if tariffs.ambiguous(row, other):
            if not _succeeds(row, other):
                raise _ambiguous(row, other, currency)
            ends = other
    return _Plan(row, currency, ends, rows)


def _succeeds(row: Tariff, other: Tariff) -> bool:
    """Whether a row takes the place of another one: for the same amounts, later, and until no earlier end."""
    return (
        (row.from_minor, row.below_minor) == (other.from_minor, other.below_minor)
        and other.valid_from < row.valid_from
        and (
            row.valid_until is None
            or (other.valid_until is not None and other.valid_until <= row.valid_until)
        )
    )


def _ambiguous(row: Tariff, other: Tariff, currency: str) -> Refused:
    """The place, the rule, and what to do."""
    rule = f"tariff {other.number} has the same conditions, and some amounts and times in common with it"
    if (row.from_minor, row.below_minor) != (other.from_minor, other.below_minor):
        band = band_text(other, currency)
        return _wrong(
            "from_amount",
            f"{rule} ({band}): state other amounts, or end that tariff (tariff.end)",
            remedy="State other amounts, or end that tariff first (tariff.end).",
        )
    begins = instant(other.valid_from)
    if other.valid_from >= row.valid_from:
        return _wrong(
            "valid_until",
            f"{rule} (from {begins}): state an end not after that, or end that tariff first",
            remedy="State an end before that tariff begins, or end that tariff first (tariff.end).",
        )
    ends = instant(other.valid_until)
    return _wrong(
        "valid_until",
        f"{rule} (until {ends}): state no earlier end, or end that tariff first (tariff.end)",
        remedy="Begin after that tariff ends, or end that tariff first (tariff.end).",
    )


def band_text(row: Tariff, currency: str) -> str:
    """The amounts of a row, for people."""
    least = Money(row.from_minor, currency).text
    most = "" if row.below_minor is None else Money(row.below_minor, currency).text
    return f"{least} {currency} to below {most}" if most else f"{least} {currency} and more"


def instant(micros: int | None) -> str:
    """An instant of a row, for people."""
    if micros is None:
        return NOTHING
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat(timespec="seconds")


async def of_corridor(
    connection: asyncpg.Connection | asyncpg.Pool, source: str, target: str
) -> list[Tariff]:
    """The rows of a corridor that are in force, or will be."""
    return [Tariff(**row) for row in await connection.fetch(_OF_CORRIDOR, source, target)]


async def _check(connection: asyncpg.Connection, content: SetTariff) -> None:
    await _check_corridor(connection, content)
    await _check_instants(connection, content)
    plan = await _plan(connection, content)
    _check_amounts(plan.row)
    await _check_bearer(connection, content)
    tightening = await rail_register.tightening(connection, content.target)
    flat = max(plan.row.flat_minor, plan.row.least_minor)
    if plan.row.most_minor is None and not rail_profile.permits_fee(tightening, flat, content.bps):
        most = tightening.fee_max_bps
        raise _wrong(
            "bps",
            f"fees of the rail of {content.target} are at most {most} basis points: change rail.profile",
            remedy="State a fee within the rail's bound, or loosen the bound first (rail.profile).",
        )


async def _check_corridor(connection: asyncpg.Connection, content: SetTariff) -> None:
    """An execution locks the corridor's row, so that two changes do not make each other ambiguous."""
    if await connection.fetchrow(locked(_CORRIDOR), content.source, content.target) is None:
        raise _wrong(
            "target",
            "no such corridor: open it first (corridor.switch)",
            remedy="Open the corridor first (corridor.switch), or use one of GET /v1/corridors.",
        )


async def _check_instants(connection: asyncpg.Connection, content: SetTariff | EndTariff) -> None:
    now: datetime = await connection.fetchval(_NOW)
    begins = content.valid_from if isinstance(content, SetTariff) else None
    for path, at in (("valid_from", begins), ("valid_until", content.valid_until)):
        if at is not None and at.tzinfo is None:
            raise _wrong(
                path,
                "an instant needs its offset from UTC",
                remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z.",
            )
        if at is not None and at <= now:
            raise _wrong(
                path,
                "is in the past: state an instant in the future, or none",
                remedy="State an instant in the future, or leave it out for now.",
            )
    until = content.valid_until
    if until is not None and until <= (begins or now):
        raise _wrong(
            "valid_until",
            "must be later than valid_from",
            remedy="State an end after the beginning, or no end.",
        )


def _check_amounts(row: Tariff) -> None:
    if row.below_minor is not None and row.below_minor <= row.from_minor:
        raise _wrong(
            "below_amount",
            "must be more than from_amount",
            remedy="State a below_amount above from_amount, or none.",
        )
    if row.most_minor is not None and row.most_minor < row.least_minor:
        raise _wrong(
            "most", "must not be less than least", remedy="State a most that is at least least, or none."
        )
    if row.bps >= tariffs.WHOLE_BPS and row.most_minor is None:
        raise _wrong(
            "bps",
            "no amount would be more than its fee: state less, or the largest charge (most)",
            remedy="State fewer basis points, or the largest charge as most.",
        )


async def _check_bearer(connection: asyncpg.Connection, content: SetTariff) -> None:
    direction = FeeDirection(content.direction)
    if content.bearer is not None and direction not in tariffs.BORNE[content.bearer]:
        other = next(each for each in FeeDirection if each is not direction)
        raise _wrong(
            "bearer",
            f"with {content.bearer} nothing is charged this way: state direction {other}",
            remedy="State the direction that the text names, or another bearer.",
        )
    if content.participant is None:
        return
    if await status_of(connection, content.participant) == "removed":
        raise _wrong(
            "participant",
            "this participant is offboarded",
            remedy="Use the id of a participant that is not removed: GET /v1/participants shows the status.",
        )
    party = await connection.fetchrow(_PARTY, content.participant)
    country = content.source if direction is FeeDirection.OUT else content.target
    if party["kind"] not in {"direct", "gateway"} or party["country"] != country:
        raise _wrong(
            "participant",
            f"the one charged this way is a bank or wallet of {country}",
            remedy="Name a bank or wallet of the country that the text states, or nobody for all.",
        )


async def _compare(connection: asyncpg.Connection, content: SetTariff, bands: Bands) -> list[Comparison]:
    """Compare with the corridor's own fee, and the smallest payment that remains possible."""
    row = _row(content, currency_of(content.source), await connection.fetchval(_NOW))
    flat = max(row.flat_minor, row.least_minor)
    return await comparisons.of_fees(
        connection, content.source, content.target, minor=flat, bps=content.bps, bands=bands
    )


async def _effect(connection: asyncpg.Connection, content: SetTariff) -> Effect:
    """The row and the one that it succeeds, and what a payment costs before and after it."""
    try:
        plan = await _plan(connection, content)
    except Refused as refusal:  # the check reports it
        return Effect((Row(f"{content.source} → {content.target}", NOTHING, refusal.detail),))
    row, before, currency = plan.row, plan.ends, plan.currency
    begins = NOTHING if content.valid_from is None else instant(row.valid_from)
    rows = [
        Row(term("Tariff"), NOTHING if before is None else conditions(before), conditions(row)),
        Row(
            term("Amounts"),
            NOTHING if before is None else band_text(before, currency),
            band_text(row, currency),
        ),
        amount(term("Flat fee"), before.flat_minor if before else None, row.flat_minor, currency),
        Row(term("Fee in basis points"), NOTHING if before is None else str(before.bps), str(row.bps)),
        amount(term("Smallest charge"), before.least_minor if before else None, row.least_minor, currency),
        amount(term("Largest charge"), before.most_minor if before else None, row.most_minor, currency),
        Row(term("Valid from (UTC)"), NOTHING if before is None else instant(before.valid_from), begins),
        Row(
            term("Valid until (UTC)"),
            NOTHING if before is None else instant(before.valid_until),
            instant(row.valid_until),
        ),
        await _example(connection, plan),
    ]
    return Effect(tuple(rows))


async def _example(connection: asyncpg.Connection, plan: _Plan) -> Row:
    """What a payment to which the row applies is charged in its direction: now, and once it is in force."""
    row = plan.row
    sample = max(row.from_minor, Money.parse(str(_SAMPLE), plan.currency).minor)
    if row.below_minor is not None:
        sample = min(sample, row.below_minor - 1)
    after = [each for each in plan.rows if plan.ends is None or each.number != plan.ends.number]
    what = f"{row.component} {row.direction}: {Money(sample, plan.currency)}"
    fee = await connection.fetchrow(_CORRIDOR, row.source, row.target)
    now = _charged(row, sample, plan.rows, fee)
    then = _charged(row, sample, (*after, row), fee)
    return amount(what, now, then, plan.currency)


def _charged(row: Tariff, minor: int, rows: tuple[Tariff, ...], fee: asyncpg.Record | None) -> int | None:
    """What a payment like those of a row is charged for its component and direction when the row begins."""
    bearer = row.bearer or tariffs.bearer_of(row.direction)
    usage = Usage(row.participant, row.participant, bearer, row.purpose, row.valid_from)
    flat, bps = (0, 0) if fee is None else (fee["fee_minor"], fee["fee_bps"])
    found = tariffs.charges(minor, flat, bps, TariffTable(rows), usage)
    deducted = row.direction == FeeDirection.IN
    return next(
        (each.minor for each in found if (each.component, each.deducted) == (row.component, deducted)), None
    )


def conditions(row: Tariff) -> str:
    """What a row is for, apart from amounts and times."""
    named = (row.participant, row.purpose, row.bearer)
    return " ".join((f"{row.source} → {row.target}", row.component, row.direction, *filter(None, named)))


async def _set(execution: Execution, content: SetTariff) -> None:
    plan = await _plan(execution.connection, content)
    row = plan.row
    begins = datetime.fromtimestamp(row.valid_from / 1_000_000, UTC)
    if plan.ends is not None:
        await execution.connection.execute(_END, plan.ends.number, begins)
    number = await execution.connection.fetchval(
        _ADD,
        row.source,
        row.target,
        row.component,
        row.direction,
        content.participant,
        content.purpose,
        content.bearer,
        row.from_minor,
        row.below_minor,
        row.flat_minor,
        row.bps,
        row.least_minor,
        row.most_minor,
        begins,
        content.valid_until,
        execution.number,
    )
    ended = "" if plan.ends is None else f"; tariff {plan.ends.number} ends then"
    execution.outcome = f"tariff {number}, valid from {instant(row.valid_from)}{ended}"


async def _find(connection: asyncpg.Connection, number: int) -> Tariff | None:
    found = await connection.fetchrow(_ONE, number)
    return None if found is None else Tariff(**found)


async def _check_end(connection: asyncpg.Connection, content: EndTariff) -> None:
    await _check_instants(connection, content)
    row = await _find(connection, content.tariff)
    if row is None:
        raise _wrong(
            "tariff",
            "there is no tariff of this number: GET /v1/tariffs lists them",
            remedy="Use a number of GET /v1/tariffs.",
        )
    await connection.fetchrow(locked(_CORRIDOR), row.source, row.target)
    until = content.valid_until
    ends = microseconds(until or await connection.fetchval(_NOW))
    if row.valid_until is not None and row.valid_until <= ends:
        raise _wrong(
            "valid_until",
            f"the tariff ends at {instant(row.valid_until)} already",
            remedy="State an earlier end, or leave it as it is.",
        )


async def _effect_of_end(connection: asyncpg.Connection, content: EndTariff) -> Effect:
    row = await _find(connection, content.tariff)
    if row is None:
        return Effect((Row(str(content.tariff), NOTHING, NOTHING),))
    then = term("at once") if content.valid_until is None else instant(microseconds(content.valid_until))
    return Effect(
        (
            Row(term("Tariff"), conditions(row), conditions(row)),
            Row(term("Valid until (UTC)"), instant(row.valid_until), then),
        )
    )


async def _end(execution: Execution, content: EndTariff) -> None:
    row = await _find(execution.connection, content.tariff)
    assert row is not None, "it was checked in this transaction"
    now: datetime = await execution.connection.fetchval(_NOW)
    begins = datetime.fromtimestamp(row.valid_from / 1_000_000, UTC)
    until = max(content.valid_until or now, begins)
    await execution.connection.execute(_END, row.number, until)
    execution.outcome = f"tariff {row.number} ends at {instant(microseconds(until))}"


async def _links_of_end(connection: asyncpg.Connection, content: EndTariff) -> tuple[Resource, ...]:
    row = await _find(connection, content.tariff)
    return () if row is None else (Resource(Subject.CORRIDOR, f"{row.source} {row.target}"),)


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "tariff.set",
        "Set a tariff",
        SetTariff,
        _set,
        _check,
        effect=_effect,
        links=links_to(Subject.CORRIDOR, "source", "target"),
        compare=_compare,
    ),
    ChangeKind(
        "tariff.end",
        "End a tariff",
        EndTariff,
        _end,
        _check_end,
        effect=_effect_of_end,
        links=_links_of_end,
    ),
)
