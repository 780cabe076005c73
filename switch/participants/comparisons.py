"""Reference values for a new rate, fee, cap, limit or movement of funds: see `base/plausibility.py`."""

from collections.abc import Collection
from datetime import datetime
from fractions import Fraction
from operator import itemgetter
from statistics import median_low
from typing import Final

import asyncpg

from adapters import registry
from schemas.money import EXPONENTS, Money
from switch.approvals.content import cap_of, money_of
from switch.base.plausibility import UNLIMITED, Bands, Comparison, Measure, by_size, incomparable
from switch.base.sql import statements
from switch.payments import pricing

_BPS_REFERENCE: Final = 100
"""A first fee of more than ten times one per cent is probably a mistake."""
_SHARE_OF_LARGEST: Final = 100
"""A first flat fee is compared with one per cent of the largest payment of the source country's rail."""

_FEE_MEASURES: Final = {
    "fee_minor": (Measure.FLAT_FEE, Measure.USUAL_FEE),
    "fee_bps": (Measure.FEE_BPS, Measure.USUAL_BPS),
}
"""What a part of a fee is compared with: the one in force, or what is usual."""

_SAME_RATE: Final = Fraction(2, 1000)
"""A rate that differs less from an inverse is that inverse."""
_OTHER_RATE: Final = Fraction(2, 100)
"""A rate that differs less from the one in force is an ordinary step, also if it is near the inverse."""

_statement: Final = statements("switch.participants")
_RATES: Final = _statement("rates_in_force")
_RATE_BEFORE: Final = _statement("rate_before")
_CAP: Final = _statement("caps")
_FUNDED: Final = _statement("largest_fundings")
_LIMITS: Final = _statement("limits_of")
_RAILS: Final = "SELECT country::text FROM switch.rail"
_FEES: Final = _statement("corridor_fees")


async def of_rate(
    connection: asyncpg.Connection,
    source: str,
    target: str,
    *,
    rate: str,
    valid_from: datetime | None,
    bands: Bands,
) -> list[Comparison]:
    """Compare a rate with the present and the previous one, the inverse pair, and cross rates."""
    rows = await connection.fetch(_RATES, valid_from)
    known = {(row["source"], row["target"]): Fraction(row["rate"]) for row in rows}
    stated = Fraction(rate)
    found = [(Measure.RATE, known.get((source, target)))]
    if bands.rate_period:
        before = await connection.fetchval(_RATE_BEFORE, source, target, valid_from, bands.rate_period)
        moved = before is not None and Fraction(before) != known[source, target]
        found.append((Measure.RATE_BEFORE, Fraction(before) if moved else None))
    inverse = known.get((target, source))
    found.append((Measure.INVERSE, inverse and 1 / inverse))
    crosses = [
        first * known[through, target]
        for (of, through), first in known.items()
        if of == source and through != target and (through, target) in known
    ]
    found.append((Measure.CROSS, median_low(crosses) if crosses else None))
    return [
        Comparison(
            what=what,
            reference=text_of_rate(reference),
            stated=rate,
            factor=stated / reference,
            beyond=not bands.is_rate(stated / reference, source, target)
            or (what is Measure.RATE and _is_inverse(stated, reference)),
        )
        for what, reference in found
        if reference
    ] or [incomparable(rate)]


def _is_inverse(stated: Fraction, in_force: Fraction) -> bool:
    """Whether a rate is the one in force the other way round; near one the band alone would accept that."""
    return abs(stated * in_force - 1) <= _SAME_RATE and abs(stated / in_force - 1) > _OTHER_RATE


def text_of_rate(rate: Fraction) -> str:
    """A rate with six digits, for people."""
    return f"{rate.numerator / rate.denominator:.6g}"


async def of_cap(
    connection: asyncpg.Connection, participant: str, currency: str, *, cap: str, account: str, bands: Bands
) -> list[Comparison]:
    """Compare a net debit cap with the present one; a first one with others' caps and the largest funding."""
    minor = cap_of(cap, currency)
    row = await connection.fetchrow(_CAP, participant, currency, account)
    if row["own"] == minor or (not row["own"] and not minor):
        return []
    if row["own"]:
        texts = _texts(row["own"], minor, currency)
        return [by_size(Measure.CAP, row["own"], minor, texts, bands)]
    funded = await connection.fetchrow(_FUNDED, participant, currency, account)
    reference = max(row["others"] or 0, funded["anybody"] or 0)
    if not reference:
        return [incomparable(Money(minor, currency).text)]
    return [_at_most(Measure.FIRST_CAP, reference, minor, currency, bands)]


async def of_funds(
    connection: asyncpg.Connection,
    participant: str,
    currency: str,
    *,
    amount: str,
    account: str,
    bands: Bands,
) -> list[Comparison]:
    """Compare a movement with the largest of the account's earlier ones, its balance and its cap.

    If the account has had none, those of others count.
    """
    minor = money_of(amount, currency).minor
    row = await connection.fetchrow(_FUNDED, participant, currency, account)
    references = {
        Measure.FUNDS: row["own"] or row["anybody"] or 0,
        Measure.BALANCE: row["balance"] or 0,
        Measure.CAP: row["cap"] or 0,
    }
    what, reference = max(references.items(), key=itemgetter(1))
    if not reference:
        return [incomparable(amount)]
    return [_at_most(what, reference, minor, currency, bands)]


async def of_limits(
    connection: asyncpg.Connection,
    participant: str,
    currency: str,
    *,
    per_payment: str | None,
    per_day: str | None,
    bands: Bands,
) -> list[Comparison]:
    """Compare limits with those in force, and with the smallest payment that any rail would credit."""
    row = await connection.fetchrow(_LIMITS, participant, currency) or {"per_payment": None, "per_day": None}
    found: list[Comparison] = []
    smallest = await smallest_payment(connection, currency)
    stated = (("per_payment", per_payment), ("per_day", per_day))
    for what, (name, text) in zip((Measure.PER_PAYMENT, Measure.PER_DAY), stated, strict=True):
        now, then = row[name], None if text is None else cap_of(text, currency)
        if then is None:
            if now is not None:
                reference = f"{Money(now, currency).text} {currency}"
                found.append(Comparison(what, reference, "no limit", UNLIMITED, beyond=True))
            continue
        if now:
            found.append(by_size(what, now, then, _texts(now, then, currency), bands))
        if then < smallest and then != now:
            texts = _texts(smallest, then, currency)
            found.append(Comparison(Measure.SMALLEST, *texts, Fraction(then, smallest), beyond=True))
    return found


async def smallest_payment(
    connection: asyncpg.Connection, currency: str, countries: Collection[str] | None = None
) -> int:
    """Least amount to debit, in minor units, so that the rail of one of the countries can credit the payment.

    None means every country that has a rail.
    """
    rates = await connection.fetch(_RATES, None)
    into = {row["target"]: Fraction(row["rate"]) for row in rates if row["source"] == currency}
    least = []
    for country in [row["country"] for row in await connection.fetch(_RAILS)]:
        if countries is not None and country not in countries:
            continue
        profile = registry.profile(country)
        rate = Fraction(1) if profile.currency == currency else into.get(profile.currency)
        if rate:
            scaled = rate * Fraction(10) ** (EXPONENTS[profile.currency] - EXPONENTS[currency])
            least.append(-(-profile.limits.minimum_minor // scaled))
    return max(1, int(min(least, default=1)))


async def of_fees(
    connection: asyncpg.Connection, source: str, target: str, *, minor: int, bps: int, bands: Bands
) -> list[Comparison]:
    """Compare fees with those in force; first ones with the source country's other corridors.

    Also compare the smallest payment that the fees permit with the smallest one at present.
    """
    rows = await connection.fetch(_FEES, source, target)
    known = registry.profile(source) if source in registry.countries() else None
    largest = known.limits.maximum_minor if known else 0
    currency = known.currency if known else ""
    return [
        *_of_fee(rows, "fee_minor", (minor, largest // _SHARE_OF_LARGEST), bands, currency),
        *_of_fee(rows, "fee_bps", (bps, _BPS_REFERENCE), bands),
        *await _of_smallest(connection, rows, source, target, minor=minor, bps=bps, bands=bands),
    ]


async def _of_smallest(
    connection: asyncpg.Connection,
    rows: list[asyncpg.Record],
    source: str,
    target: str,
    *,
    minor: int,
    bps: int,
    bands: Bands,
) -> list[Comparison]:
    """Smallest payment under the stated fees: a fee must not exclude small payments unnoticed."""
    if source not in registry.countries():
        return []
    currency = registry.profile(source).currency
    credited = await smallest_payment(connection, currency, (target,))
    now = max([pricing.least(row["fee_minor"], row["fee_bps"]) or 0 for row in rows if row["own"]], default=0)
    reference, least = max(credited, now), pricing.least(minor, bps)
    if least is None:
        texts = f"{Money(reference, currency).text} {currency}", "no payment is larger than its fee"
        return [Comparison(Measure.SMALLEST, *texts, UNLIMITED, beyond=True)]
    if least <= reference:
        return []
    return [_at_most(Measure.SMALLEST, reference, least, currency, bands)]


def _of_fee(
    rows: list[asyncpg.Record], name: str, stated: tuple[int, int], bands: Bands, currency: str = ""
) -> list[Comparison]:
    """Compare one part of a fee; without another reference, a first fee is compared with `stated`."""
    then, fallback = stated
    in_force, usual = _FEE_MEASURES[name]
    now = next((row[name] for row in rows if row["own"]), 0)
    if then == now:
        return []
    if now:
        return [by_size(in_force, now, then, (_fee_text(now, currency), _fee_text(then, currency)), bands)]
    reference = max((row[name] for row in rows), default=0) or fallback
    if not reference:
        return [incomparable(_fee_text(then, currency))]
    factor = Fraction(then, reference)
    beyond = factor > Fraction(bands.size_factor)
    return [Comparison(usual, _fee_text(reference, currency), _fee_text(then, currency), factor, beyond)]


def _fee_text(fee: int, currency: str) -> str:
    """A flat fee as an amount of its currency; basis points, which have none, as a number."""
    return f"{Money(fee, currency).text} {currency}" if currency else str(fee)


def _at_most(what: Measure, reference: int, stated: int, currency: str, bands: Bands) -> Comparison:
    """Compare a first value, or a single movement: only a large one is unusual."""
    factor = Fraction(stated, reference)
    beyond = factor > Fraction(bands.size_factor)
    return Comparison(what, *_texts(reference, stated, currency), factor, beyond)


def _texts(reference: int, stated: int, currency: str) -> tuple[str, str]:
    return f"{Money(reference, currency).text} {currency}", f"{Money(stated, currency).text} {currency}"
