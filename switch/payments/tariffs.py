"""Tariffs: which charges a payment has, by dated rows of data, and who bears them.

A row is for a corridor. It may also name a participant, a purpose code, a charge bearer and a band of
amounts, and is in force from an instant to another. Each charge of a payment is decided by one row, the most
specific one that fits:

    1. a row that names the participant   before one that does not
    2. a row that names the purpose code  before one that does not
    3. a row that names the charge bearer before one that does not
    4. a row with a band of amounts       before one without

Two rows that are alike in all four, with common amounts and a common time, would be ambiguous: they are
refused when they are entered (`switch.participants.tariffs`).

A payment has up to four charges: of the switch and of the rail, each in two directions. `out` is added to
what the debtor agent pays; its participant is the debtor agent. `in` is taken from the amount, before it is
converted; its participant is the creditor agent. The charge bearer of the message says which apply:

    DEBT, SLEV   out
    SHAR         out and in
    CRED         in: at least one row must fit, else the bearer is refused

Where no row fits the switch's charge `out`, the fee of the corridor applies: tariff 0. All amounts are minor
units of the source currency, and exact integers. Pure.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, get_args

import msgspec

from switch.writer.commands import FeeCharge

WHOLE_BPS: Final = 10_000
OF_CORRIDOR: Final = 0
"""Number of the tariff that is the corridor's own fee."""
_OWN: Final = ("switch", False)
"""What the corridor's own fee is: a charge of the switch, added to the amount."""
SERVICE_LEVEL: Final = "SLEV"
"""The charge bearer of a payment that is only asked about, without another one."""


class FeeDirection(StrEnum):
    """From what a charge is taken."""

    OUT = "out"
    """Added to what the debtor agent pays."""
    IN = "in"
    """Taken from the amount that the message states."""


BORNE: Final[Mapping[str, tuple[FeeDirection, ...]]] = MappingProxyType(
    {
        "DEBT": (FeeDirection.OUT,),
        "SLEV": (FeeDirection.OUT,),
        "SHAR": (FeeDirection.OUT, FeeDirection.IN),
        "CRED": (FeeDirection.IN,),
    }
)
"""Charge bearer (ChargeBearerType1Code) -> the directions in which a payment is charged."""
_Component = Literal["switch", "rail"]
"""For what a charge is: the switch, or the fee of the scheme that executes the payment, passed on."""
_PLACES: Final[Mapping[str, tuple[tuple[_Component, bool], ...]]] = MappingProxyType(
    {
        bearer: tuple(
            (component, direction is FeeDirection.IN)
            for direction in directions
            for component in get_args(_Component)
        )
        for bearer, directions in BORNE.items()
    }
)
"""Charge bearer -> each component that may be charged, and whether it is deducted. Plain, for speed."""


def bearer_of(direction: str) -> str:
    """A charge bearer with which a payment is charged in a direction, and in no other."""
    return next(bearer for bearer, found in BORNE.items() if found == (FeeDirection(direction),))


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Empty text: for any; `below_minor` and `valid_until` None: without an end."""

    number: int
    source: str
    target: str
    component: str
    direction: str
    participant: str = ""
    purpose: str = ""
    bearer: str = ""
    from_minor: int = 0
    """The smallest amount."""
    below_minor: int | None = None
    """The first amount that is too large."""
    flat_minor: int = 0
    bps: int = 0
    least_minor: int = 0
    most_minor: int | None = None
    valid_from: int
    """Microseconds since 1970, like `valid_until`, the first instant at which it is no longer valid."""
    valid_until: int | None = None

    @property
    def has_band(self) -> bool:
        """Whether it is for some amounts only."""
        return self.from_minor > 0 or self.below_minor is not None

    @property
    def shape(self) -> tuple[bool, bool, bool, bool]:
        """What the row names: the larger, the more specific."""
        return bool(self.participant), bool(self.purpose), bool(self.bearer), self.has_band

    def fits(self, minor: int, at: int) -> bool:
        """Whether the row is for this amount at this instant."""
        return (
            self.from_minor <= minor
            and (self.below_minor is None or minor < self.below_minor)
            and self.valid_from <= at
            and (self.valid_until is None or at < self.valid_until)
        )

    def charge(self, minor: int) -> int:
        """What an amount costs: flat plus basis points, rounded down, then within the least and the most."""
        charged = max(fee_of(minor, self.flat_minor, self.bps), self.least_minor)
        return charged if self.most_minor is None else min(charged, self.most_minor)


class Usage(msgspec.Struct, frozen=True):
    """What tariffs ask about a payment, beside its corridor and amount."""

    debtor_agent: str = ""
    creditor_agent: str = ""
    bearer: str = SERVICE_LEVEL
    purpose: str = ""
    """Code of its purpose (ExternalPurpose1Code); empty if it states none."""
    at: int = 0
    """When it is priced, microseconds since 1970."""


_Key = tuple[str, str, str]
_Rows = tuple[Sequence[int], Sequence[Tariff]]
"""Rows of one key by their smallest amounts."""


class TariffTable:
    """The rows of one corridor, to be looked up by dictionaries: one look for each shape that occurs."""

    def __init__(self, rows: Iterable[Tariff]) -> None:
        found: dict[tuple[str, bool], dict[tuple[bool, ...], dict[_Key, list[Tariff]]]] = {}
        for row in rows:
            place = row.component, row.direction == FeeDirection.IN
            of_shape = found.setdefault(place, {}).setdefault(row.shape, {})
            of_shape.setdefault((row.participant, row.purpose, row.bearer), []).append(row)
        self._looks: dict[tuple[str, bool], list[tuple[bool, bool, bool, dict[_Key, _Rows]]]] = {
            place: [
                (shape[0], shape[1], shape[2], {key: _by_amount(rows) for key, rows in shapes[shape].items()})
                for shape in sorted(shapes, reverse=True)
            ]
            for place, shapes in found.items()
        }

    def find(self, place: tuple[str, bool], minor: int, usage: Usage) -> Tariff | None:
        """The most specific row of a component, deducted or not, that fits; None if none does."""
        looks = self._looks.get(place)
        if looks is None:
            return None
        participant = usage.creditor_agent if place[1] else usage.debtor_agent
        for by_participant, by_purpose, by_bearer, keys in looks:
            rows = keys.get(
                (
                    participant if by_participant else "",
                    usage.purpose if by_purpose else "",
                    usage.bearer if by_bearer else "",
                )
            )
            if rows is not None:
                starts, tariffs = rows
                for index in range(bisect_right(starts, minor) - 1, -1, -1):
                    if tariffs[index].fits(minor, usage.at):
                        return tariffs[index]
        return None


def _by_amount(rows: Iterable[Tariff]) -> _Rows:
    ordered = sorted(rows, key=lambda row: (row.from_minor, row.valid_from))
    return [row.from_minor for row in ordered], ordered


def by_corridor(rows: Iterable[Tariff]) -> dict[tuple[str, str], TariffTable]:
    """Tables by (source, target) country."""
    found: dict[tuple[str, str], list[Tariff]] = {}
    for row in rows:
        found.setdefault((row.source, row.target), []).append(row)
    return {pair: TariffTable(of_pair) for pair, of_pair in found.items()}


def fee_of(minor: int, fee_minor: int, fee_bps: int) -> int:
    """Flat fee plus basis points of an amount in minor units, rounded down to a whole one."""
    return fee_minor + minor * fee_bps // WHOLE_BPS


def charges(
    minor: int, fee_minor: int, fee_bps: int, table: TariffTable | None, usage: Usage
) -> tuple[FeeCharge, ...]:
    """Every charge of a payment of `minor`; the corridor's own fee is `fee_minor` and `fee_bps`.

    Empty if the bearer cannot be honoured: the creditor bears the charges, and no tariff says what they are.
    """
    found = []
    for place in _PLACES.get(usage.bearer, ()):
        component, deducts = place
        row = None if table is None else table.find(place, minor, usage)
        if row is not None:
            found.append(FeeCharge(row.number, component, deducts, row.charge(minor)))
        elif place == _OWN:
            found.append(FeeCharge(OF_CORRIDOR, component, deducts, fee_of(minor, fee_minor, fee_bps)))
    return tuple(found)


def is_of_corridor(found: Sequence[FeeCharge]) -> bool:
    """Whether the corridor's own fee is the only charge: then no charges are recorded beside the fee."""
    return all(each.tariff == OF_CORRIDOR for each in found)


def of_corridor(minor: int) -> tuple[FeeCharge, ...]:
    """The charges of a payment beside whose fee none are recorded: the corridor's own fee."""
    return (FeeCharge(OF_CORRIDOR, *_OWN, minor),)


def deducted(found: Iterable[FeeCharge]) -> int:
    """The sum of the charges that are taken from the amount."""
    return sum(each.minor for each in found if each.deducted)


def alike(one: Tariff, other: Tariff) -> bool:
    """Whether two rows name the same, apart from their amounts and times."""
    return (one.source, one.target, one.component, one.direction, one.shape) == (
        other.source,
        other.target,
        other.component,
        other.direction,
        other.shape,
    ) and (one.participant, one.purpose, one.bearer) == (other.participant, other.purpose, other.bearer)


def ambiguous(one: Tariff, other: Tariff) -> bool:
    """Whether some amount at some instant would fit both of two rows, and neither is more specific."""
    return (
        alike(one, other)
        and _meet(one.from_minor, one.below_minor, other.from_minor, other.below_minor)
        and _meet(one.valid_from, one.valid_until, other.valid_from, other.valid_until)
    )


def _meet(first: int, end: int | None, other: int, other_end: int | None) -> bool:
    """Whether two ranges, each with its first value and the first one beyond it, have a common value."""
    own = max(first, other)
    return all(each is None or own < each for each in (end, other_end))
