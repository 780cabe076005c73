"""The rates that an FX provider publishes by itself: their form, and what they become in the books.

Amounts are decimal texts in their currency; a rate is units of the target for one unit of the source. Tiers
are ascending by the least amount to convert; the first is for any amount, `from` 0. No tiers withdraw what
the provider offers for the pair. An improvement makes each rate better for payments of one participant.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from ledger.encoding import microseconds
from schemas.errors import InvalidAmount, Refused
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.writer.commands import (
    IMPROVED_MAX_BPS,
    IMPROVEMENTS_MAX,
    OFFERS_MAX,
    TIERS_MAX,
    Improvement,
    OfferOfPair,
)

LONGEST: Final = timedelta(days=7)
"""How long an offer may last: nobody forgets one for years."""
_QUANTUM: Final = Decimal("1e-10")
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", description="an ISO 4217 code")]
Amount = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,5})?$", description="a decimal number, as 1500.00"
    ),
]
Rate = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,10})?$",
        description="units of the target for one unit of the source, as 3.3412",
    ),
]


class AskedTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"least": "from"}):
    """A rate for amounts to convert of at least `from`, in the source currency."""

    least: Amount
    rate: Rate


class AskedImprovement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By how many basis points of the rate payments of a participant get more of the target currency."""

    participant: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=64, description="id of the debtor agent, as GET /v1/participants has it"
        ),
    ]
    basis_points: Annotated[int, msgspec.Meta(ge=1, le=IMPROVED_MAX_BPS)]


class AskedPair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is offered for a pair until an instant; `inventory` (target currency) limits what is sold."""

    source: Currency
    target: Currency
    tiers: Annotated[list[AskedTier], msgspec.Meta(max_length=TIERS_MAX)]
    until: Annotated[datetime, msgspec.Meta(tz=True)]
    inventory: Amount | None = None
    improvements: Annotated[list[AskedImprovement], msgspec.Meta(max_length=IMPROVEMENTS_MAX)] = []


class AskedRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Offers for some pairs; offers of the caller for other pairs stay."""

    pairs: Annotated[list[AskedPair], msgspec.Meta(min_length=1, max_length=OFFERS_MAX)]


def of(asked: AskedRates) -> list[OfferOfPair]:
    """The offers in the units of the books.

    Raises:
        Refused: a pair twice or of one currency, tiers that do not ascend from 0, a rate of zero, a
            participant twice among the improvements.
        InvalidAmount: an amount has too many decimals for its currency.

    """
    seen: set[tuple[str, str]] = set()
    found = []
    for place, pair in enumerate(asked.pairs):
        path = f"pairs[{place}]"
        if not {pair.source, pair.target} <= EXPONENTS.keys() or pair.source == pair.target:
            raise _refused(
                "an offer is between two different currencies of ISO 4217",
                path,
                remedy="State two different currency codes of ISO 4217, three capital letters each.",
            )
        if (pair.source, pair.target) in seen:
            raise _refused(
                "this pair is stated twice", path, remedy="State each pair once, with all its tiers."
            )
        seen.add((pair.source, pair.target))
        inventory = pair.inventory
        found.append(
            OfferOfPair(
                pair.source,
                pair.target,
                _tiers(pair, path),
                microseconds(pair.until.astimezone(UTC)),
                None if inventory is None else _minor(inventory, pair.target, f"{path}.inventory"),
                _improvements(pair, path),
            )
        )
    return found


def _tiers(pair: AskedPair, path: str) -> list[tuple[int, str]]:
    tiers: list[tuple[int, str]] = []
    for place, tier in enumerate(pair.tiers):
        least = _minor(tier.least, pair.source, f"{path}.tiers[{place}].from")
        if (least <= tiers[-1][0]) if tiers else least:
            raise _refused(
                "tiers begin at 0 and ascend",
                f"{path}.tiers[{place}].from",
                remedy="State the first tier from 0, and each further one from a larger amount.",
            )
        if not Decimal(tier.rate):
            raise _refused(
                "must be more than zero",
                f"{path}.tiers[{place}].rate",
                remedy="State how many units of the target one unit of the source buys, more than zero.",
            )
        tiers.append((least, format(Decimal(tier.rate).quantize(_QUANTUM), "f")))
    return tiers


def _improvements(pair: AskedPair, path: str) -> list[Improvement]:
    found: dict[str, int] = {}
    for place, each in enumerate(pair.improvements):
        if each.participant in found:
            raise _refused(
                "this participant is stated twice",
                f"{path}.improvements[{place}].participant",
                remedy="State one improvement for each participant.",
            )
        found[each.participant] = each.basis_points
    return list(found.items())


def _minor(amount: str, currency: str, path: str) -> int:
    """Minor units of an amount, which may be zero."""
    if not Decimal(amount):
        return 0
    try:
        return Money.parse(amount, currency).minor
    except InvalidAmount as error:
        raise InvalidAmount(error.detail, path=path, rule="amount") from None


def _refused(text: str, path: str, *, remedy: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, path=path, remedy=remedy)
