"""An FX provider's offer by two of its people, as its machine publishes it by `PUT /v1/fx/rates`.

The same form, bounds and band; up to two tiers, as a person would type them. The writer publishes it when the
second person has approved, and it replaces the provider's offer of the pair like any other.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import SwitchError
from schemas.money import Money
from switch.approvals.content import Amount, Currency, Id, account_number, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, amount, links_to, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Confirmable, Execution
from switch.base.plausibility import Bands, Comparison
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right
from switch.participants import comparisons
from switch.participants.corridors import Rate, check_provider
from switch.participants.instants import instant_text
from switch.payments import fx_offers
from switch.payments.fx_offers import AskedRates
from switch.writer.commands import OfferOfPair, Publish
from switch.writer.offers import improved
from switch.writer.verdicts import Verdict

_statement: Final = statements("switch.participants")
_NOW: Final = _statement("offer_of_pair")
_HAS_REFERENCE: Final = "SELECT EXISTS (SELECT FROM switch.fx_rate WHERE source = $1 AND target = $2)"
_PAYERS: Final = (
    "SELECT count(*) FROM switch.participant WHERE id = ANY($1) AND kind IN ('direct', 'gateway')"
)
Better = Annotated[
    str,
    msgspec.Meta(
        max_length=2000,
        pattern=r"^(\S+=[1-9][0-9]{0,2}( \S+=[1-9][0-9]{0,2})*)?$",
        description="such as asha-bank=5 noor-bank=10",
    ),
]


class SetOffer(Confirmable, frozen=True, kw_only=True):
    """An offer for a pair until an instant; without a rate, the provider's offer is withdrawn."""

    provider: Annotated[Id, msgspec.Meta(title="FX provider")]
    source: Annotated[Currency, msgspec.Meta(title="From currency")]
    target: Annotated[Currency, msgspec.Meta(title="To currency")]
    until: Annotated[datetime, msgspec.Meta(title="Until (UTC)")]
    rate: Annotated[Rate | None, msgspec.Meta(title="Rate (empty: withdraw)")] = None
    large_from: Annotated[Amount | None, msgspec.Meta(title="Another rate from this amount on")] = None
    large_rate: Annotated[Rate | None, msgspec.Meta(title="Rate of large amounts")] = None
    inventory: Annotated[Amount | None, msgspec.Meta(title="Inventory (empty: no limit)")] = None
    improvements: Annotated[
        Better | None, msgspec.Meta(title="Better rates, as asha-bank=5 (basis points)")
    ] = None


def offer_of(content: SetOffer) -> OfferOfPair:
    """The offer in the units of the books.

    Raises:
        Refused, InvalidAmount: as `fx_offers.of`.

    """
    tiers = [] if content.rate is None else [{"from": "0", "rate": content.rate}]
    if content.large_from is not None and content.large_rate is not None:
        tiers.append({"from": content.large_from, "rate": content.large_rate})
    pair = {
        "source": content.source,
        "target": content.target,
        "tiers": tiers,
        "until": content.until.astimezone(UTC),
        "inventory": content.inventory,
        "improvements": [
            {"participant": name, "basis_points": int(bps)} for name, bps in _improvements(content)
        ],
    }
    try:
        (found,) = fx_offers.of(msgspec.convert({"pairs": [pair]}, AskedRates))
    except msgspec.ValidationError:
        raise refuse(
            "this is no offer: see docs/integrate/fx-providers.md",
            remedy="Write the offer as docs/integrate/fx-providers.md shows it.",
        ) from None
    return found


def _improvements(content: SetOffer) -> list[tuple[str, str]]:
    found = (each.rpartition("=") for each in (content.improvements or "").split())
    return [(name, bps) for name, _, bps in found]


async def _seats(_connection: asyncpg.Connection, content: SetOffer, maker: Person) -> tuple[Seat, ...]:
    """A second person of the same provider."""
    if (maker.role, maker.scope) != (Role.PARTICIPANT, content.provider):
        raise refuse(
            "only people of this FX provider may decide this",
            remedy="Ask a person of the FX provider whose rates they are.",
        )
    return (Seat(Role.PARTICIPANT, content.provider),)


async def _check(connection: asyncpg.Connection, content: SetOffer) -> None:
    await check_provider(connection, content.provider)
    if (content.large_from is None) != (content.large_rate is None):
        raise refuse(
            "a second rate and the amount from which it counts are stated together",
            remedy="State both the second rate and its amount, or neither.",
        )
    if content.rate is None and content.large_rate is not None:
        raise refuse("a second rate needs a first one", remedy="State the rate from 0 first.")
    if content.until.tzinfo is None:
        raise refuse(
            "an instant needs its offset from UTC", remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z."
        )
    try:
        offer = offer_of(content)
    except SwitchError as error:
        raise refuse(
            f"this is no offer: {error.detail}",
            remedy="Correct what the text names; docs/integrate/fx-providers.md has an example.",
        ) from None
    for currency in (content.source, content.target):
        await account_number(connection, content.provider, currency)
    names = [name for name, _ in offer.improvements]
    if await connection.fetchval(_PAYERS, names) != len(names):
        raise refuse(
            "a better rate is for no bank or wallet that pays through this switch",
            remedy="Name banks or wallets of GET /v1/participants.",
        )
    if offer.tiers:
        await _check_published(connection, content)


async def _check_published(connection: asyncpg.Connection, content: SetOffer) -> None:
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    if not now < content.until <= now + fx_offers.LONGEST:
        raise refuse(
            "the end is in the future, and at most seven days away",
            remedy="State an end in the future, at most seven days away.",
        )
    if not await connection.fetchval(_HAS_REFERENCE, content.source, content.target):
        raise refuse(
            "this pair has no rate to compare with: the operator sets the first",
            remedy="Ask the operator to set the pair's first rate, and request this again.",
        )


async def _compare(connection: asyncpg.Connection, content: SetOffer, bands: Bands) -> Sequence[Comparison]:
    """Compare the rates with the reference. Beyond the band, no factor that people confirm is enough.

    Raises:
        Refused: a rate is beyond the band.

    """
    offer = offer_of(content)
    most = max((bps for _, bps in offer.improvements), default=0)
    found: list[Comparison] = []
    rates = [each for _, stated in offer.tiers for each in (stated, improved(stated, most))]
    for rate in dict.fromkeys(rates):
        found += await comparisons.of_rate(
            connection, content.source, content.target, rate=rate, valid_from=None, bands=bands
        )
    if any(each.beyond for each in found):
        raise refuse(
            "a rate is beyond the band around the rate that two people of the operator set",
            remedy="Correct the rate, or ask the operator, whose two people move the reference (rate.set).",
        )
    return found


async def _effect(connection: asyncpg.Connection, content: SetOffer) -> Effect:
    row = await connection.fetchrow(_NOW, content.provider, content.source, content.target)
    offer, unit = offer_of(content), f"{content.target}/{content.source}"
    before = [] if row is None else msgspec.json.decode(row["tiers"], type=list[tuple[int, str]])
    now, then = dict(before), dict(offer.tiers)
    name = f"{content.source} → {content.target}"
    rows = [
        Row(
            f"{name} ≥ {Money(least, content.source).text}" if least else name,
            now.get(least, NOTHING),
            then.get(least, NOTHING),
            unit,
        )
        for least in sorted({*now, *then})
    ]
    until = NOTHING if row is None else instant_text(row["valid_until"])
    rows.append(Row(term("Until (UTC)"), until, instant_text(content.until)))
    inventory = None if row is None else row["inventory_minor"]
    if inventory is not None or offer.inventory is not None:
        rows.append(amount(term("Inventory"), inventory, offer.inventory, content.target))
    return Effect(tuple(rows))


def _command(ids: ChangeIds, content: SetOffer) -> Publish:
    return Publish(content.provider, [offer_of(content)], None, ids.id(), ids.number)


async def _commands(_: asyncpg.Connection, ids: ChangeIds, content: SetOffer) -> list[Publish]:
    return [_command(ids, content)]


async def _set(execution: Execution, content: SetOffer) -> None:
    reply = await execution.link.ask(_command(execution.ids, content))
    if reply.verdict is not Verdict.CREATED:
        raise refuse(
            f"the offer cannot be published: {reply.verdict.text}",
            remedy="Read your present offer, correct what the text names, and request it again.",
        )


def provider_of(content: SetOffer) -> str:
    """The participant that the change concerns."""
    return content.provider


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "fx.offer",
        "Set a rate as an FX provider",
        SetOffer,
        _set,
        _check,
        effect=_effect,
        links=links_to(Subject.PARTICIPANT, "provider"),
        compare=_compare,
        seats=_seats,
        participant=provider_of,
        right=Right.SET_OFFERS,
        commands=_commands,
        moves_books=True,
    ),
)
