"""The directory: participants, keys, corridors and rates as one consistent snapshot in memory.

Every process has its own snapshot and asks each second whether it has changed, so the suspension of a
participant or the closing of a rail takes effect within a second everywhere. Triggers note each transaction
that changes a table of it; what begins or ends by itself has an instant. Nothing here changes a balance.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import cached_property
from time import monotonic
from typing import Final, Literal

import asyncpg
import msgspec
import structlog
from msgspec import structs

from schemas.signing.keys import PublicKey
from switch.base import calendars, logs
from switch.base.sql import statements
from switch.payments import tariffs
from switch.payments.tariffs import Tariff, TariffTable
from switch.writer.offers import improved, scaled

REFRESH_S: Final = 1.0
FRESH_S: Final = 30.0
RELOAD_S: Final = 10.0
"""It is read again after this time, whether anything seems changed or not."""
_statement: Final = statements("switch.payments")
_INVENTORIES: Final = _statement("directory_inventories")
_WHOLE: Final = _statement("load_directory").replace("{inventories}", _INVENTORIES)
_LOAD: Final = _WHOLE.replace("{bearers}", _statement("bearers"))
_LOAD_UNKEYED: Final = _WHOLE.replace("{bearers}", "'[]'::jsonb")
_POLL: Final = _statement("poll_directory").replace("{inventories}", _INVENTORIES)
_log = structlog.get_logger()


class Participant(msgspec.Struct, frozen=True):
    """A bank, wallet, FX provider, settlement agent or central bank."""

    id: str
    name: str
    bic: str
    country: str
    kind: str
    status: str
    member_ids: tuple[str, ...] = ()
    """Its ids in clearing systems, each whole or as the beginning that all ids of the institution have."""

    def has_member_id(self, stated: str) -> bool:
        """Whether an id in a clearing system, or what an account says of its bank, is one of its own."""
        key = stated.strip().upper()
        return key in self.member_ids if key.startswith("@") else key.startswith(self.member_ids)

    def registers(self, kind: str) -> bool:
        """Whether it has registered an id of a kind: `@`, payment addresses; `PK`, IBANs of a country."""
        return any(each.startswith(kind) for each in self.member_ids)


class Key(msgspec.Struct, frozen=True):
    """A participant's signing key; `public_key` is PEM, the validity in microseconds since 1970."""

    keyid: str
    participant: str
    algorithm: str
    public_key: str
    valid_from: int
    valid_until: int | None


class Bearer(msgspec.Struct, frozen=True):
    """A sandbox key, by its hash."""

    sha256: str
    participant: str


class Corridor(msgspec.Struct, frozen=True):
    """A corridor between two countries, and its fee in the source currency, where no tariff applies."""

    source: str
    target: str
    enabled: bool
    fee_minor: int
    fee_bps: int
    settlement: str = "net"
    """`net`: settled in the currency's window, later; `gross`: settled at once, from prefunded money."""


class CorridorRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a corridor requires of a message from an instant on, as two people have set it.

    `switch.payments.corridor_rules` makes the scheme of it.
    """

    source: str
    target: str
    valid_from: int
    """Microseconds since 1970."""
    addresses: str | None
    """None: as the installation requires."""
    full_above_minor: int | None
    """Above this amount, minor units of `currency`, both parties must be known in full; None: never."""
    currency: str
    """The source country's."""
    originator: tuple[str, ...]
    beneficiary: tuple[str, ...]
    purpose_list: str | None
    """None: no purpose is required."""
    purpose_codes: tuple[str, ...]
    regulatory_list: str | None
    regulatory_codes: tuple[str, ...]


class Rate(msgspec.Struct, frozen=True):
    """Units of `target` for one unit of `source`, as a decimal text, and who provides it."""

    source: str
    target: str
    provider: str
    rate: str
    since: int = 0
    """When it came into force, microseconds since 1970."""


class FxOffer(msgspec.Struct, frozen=True):
    """The newest offer of an FX provider for a pair; `ended` if it is over or withdrawn.

    A tier is the least amount to convert, in minor units, and its rate.
    """

    number: int
    provider: str
    source: str
    target: str
    tiers: list[tuple[int, str]]
    since: int
    ended: bool
    limited: bool = False
    """Whether there is an inventory: `Inventory` has what is left of it."""
    improvements: list[tuple[str, int]] = []
    """Debtor agents whose rate is better, by how many basis points."""


class Inventory(msgspec.Struct, frozen=True):
    """What is left of the inventory of an offer, in minor units of the target currency."""

    offer: int
    minor: int


class PairBound(msgspec.Struct, frozen=True):
    """What a central bank decided on a pair and is in force: blocked, or bounds of the rate (empty: none)."""

    source: str
    target: str
    blocked: bool
    lowest: str
    highest: str

    def permits(self, rate: int) -> bool:
        """Whether a rate in ten-billionths is permitted."""
        low = not self.lowest or rate >= scaled(self.lowest)
        return not self.blocked and low and (not self.highest or rate <= scaled(self.highest))


class FxChoice(msgspec.Struct, frozen=True):
    """What one provider offers for a pair: its tiers as amount, rate as text, and rate in ten-billionths."""

    provider: str
    offer: int
    """0 is a rate that two people set."""
    tiers: tuple[tuple[int, str, int], ...]
    limited: bool = False
    improvements: tuple[tuple[str, int], ...] = ()

    def improvement(self, debtor_agent: str) -> int:
        """By how many basis points the rates are better for payments of a participant."""
        return next((bps for name, bps in self.improvements if name == debtor_agent), 0)

    def tiers_for(self, debtor_agent: str) -> tuple[tuple[int, str, int], ...]:
        """The tiers for payments of a participant."""
        bps = self.improvement(debtor_agent)
        if not bps:
            return self.tiers
        better = ((least, improved(rate, bps)) for least, rate, _ in self.tiers)
        return tuple((least, rate, scaled(rate)) for least, rate in better)


class Tightening(msgspec.Struct, frozen=True, kw_only=True):
    """What two people made narrower than the adapter's own profile; None: as the adapter states it."""

    minimum_minor: int | None = None
    """Smallest credited amount, minor units of the rail's currency."""
    maximum_minor: int | None = None
    hours_from: time | None = None
    """First minute of the day when orders are sent, by the rail's clock."""
    hours_to: time | None = None
    """The minute after the last one; midnight is the end of the day."""
    fee_max_bps: int | None = None
    """Largest fee of a payment over this rail, in basis points of the debited amount."""


class RailAvailability(msgspec.Struct, frozen=True):
    """Whether a rail is open now; if not, when it opens, if that is known (microseconds)."""

    country: str
    open: bool
    opens_at: int | None
    tightening: Tightening = Tightening()


class StatedDay(msgspec.Struct, frozen=True):
    """A day of a currency that the operator has declared a business day, or not."""

    currency: str
    day: date
    business: bool


class AccountRow(msgspec.Struct, frozen=True):
    """Owner, currency and purpose of a ledger account."""

    id: int
    owner: str
    currency: str
    purpose: str


class WindowSchedule(msgspec.Struct, frozen=True):
    """When windows of a currency close, in its time zone, and whose holidays count."""

    currency: str
    country: str
    zone: str
    closes_at: list[time]


class ScreeningEngine(msgspec.Struct, frozen=True):
    """The outside engine that is asked about payments from an instant on; of the form `none`, nobody."""

    number: int
    form: Literal["watchman", "json", "none"]
    address: str
    threshold: int
    """The least score of a hit, in percent."""
    within_ms: int
    since: int
    """Microseconds since 1970."""


class ScreeningSet(msgspec.Struct, frozen=True):
    """Sanctions lists that payments are compared with from an instant on; without lists, with none."""

    number: int
    lists: list[int]
    threshold: int
    """The least score of a hit, in percent."""
    since: int
    """Microseconds since 1970."""


class DirectorySnapshot(msgspec.Struct, frozen=True, dict=True):
    """The directory at one instant."""

    participants: list[Participant] = []
    keys: list[Key] = []
    bearers: list[Bearer] = []
    corridors: list[Corridor] = []
    rates: list[Rate] = []
    rails: list[RailAvailability] = []
    accounts: list[AccountRow] = []
    stated_days: list[StatedDay] = []
    schedules: list[WindowSchedule] = []
    screening: list[ScreeningSet] = []
    """The set in force and those that follow, in order of their instants; while nobody has kept its tables,
    also those before, from the last one on that has any."""
    screening_engines: list[ScreeningEngine] = []
    """The same for the outside engine."""
    watched: bool = False
    """Whether there are watch rules: then payments state hashes of both accounts."""
    velocity_limits: list[tuple[str, str, str]] = []
    """Scope, participant (`*`: every other one) and currency of each velocity limit in force."""
    corridor_rules: list[CorridorRules] = []
    """Of each corridor those in force, and those that begin later; in the order in which they begin."""
    offers: list[FxOffer] = []
    inventories: list[Inventory] = []
    fixings: list[Rate] = []
    """The newest fixing in force of each pair."""
    pairs: list[PairBound] = []
    closed: bool = False
    """Whether the switch is closed after a restore of its database."""
    tariffs: list[Tariff] = []
    """Those in force, and those to come."""

    def with_inventories(self, inventories: list[Inventory]) -> "DirectorySnapshot":
        """The same with other inventories, which move with every payment; its look-up tables stay."""
        fresh = structs.replace(self, inventories=inventories)
        kept = {name: table for name, table in vars(self).items() if name != "left_by_offer"}
        vars(fresh).update(kept)
        return fresh

    @cached_property
    def by_id(self) -> Mapping[str, Participant]:
        """Participants by id."""
        return {p.id: p for p in self.participants}

    @cached_property
    def by_bic(self) -> Mapping[str, Participant]:
        """Participants by the first eight characters of their BIC."""
        return {p.bic[:8]: p for p in self.participants}

    @cached_property
    def key_by_id(self) -> Mapping[str, tuple[Key, PublicKey]]:
        """Signing keys by key id, parsed for verification."""
        found = {}
        for key in self.keys:
            try:
                found[key.keyid] = (key, PublicKey.from_pem(key.keyid, key.public_key.encode()))
            except ValueError:  # one invalid row must not block all participants
                _log.error("unusable_key", participant=key.participant)
        return found

    @cached_property
    def bearer_by_hash(self) -> Mapping[str, str]:
        """Participant id by the hex SHA-256 of a bearer key."""
        return {b.sha256: b.participant for b in self.bearers}

    @cached_property
    def corridor_by_pair(self) -> Mapping[tuple[str, str], Corridor]:
        """Corridors by (source, target) country."""
        return {(c.source, c.target): c for c in self.corridors}

    @cached_property
    def tariffs_by_corridor(self) -> Mapping[tuple[str, str], TariffTable]:
        """Tables of tariffs by (source, target) country; most corridors have none."""
        return tariffs.by_corridor(self.tariffs)

    @cached_property
    def limited(self) -> frozenset[tuple[str, str, str]]:
        """The velocity limits in force, by scope, participant and currency."""
        return frozenset(self.velocity_limits)

    @cached_property
    def rules_by_pair(self) -> Mapping[tuple[str, str], Sequence[CorridorRules]]:
        """Rules for data by (source, target) country, those that begin last first."""
        found: dict[tuple[str, str], list[CorridorRules]] = {}
        for rules in self.corridor_rules:
            found.setdefault((rules.source, rules.target), []).insert(0, rules)
        return found

    @cached_property
    def rate_by_pair(self) -> Mapping[tuple[str, str], Rate]:
        """Rates in force by (source, target) currency."""
        return {(r.source, r.target): r for r in self.rates}

    @cached_property
    def choices_by_pair(self) -> Mapping[tuple[str, str], tuple[FxChoice, ...]]:
        """What active FX providers offer for each pair (source, target).

        The newest statement about a provider's pair counts: its own offer, or the rate that two people set.
        A pair that nobody offers has its fixing.
        """
        found: dict[tuple[str, str], list[FxChoice]] = {}
        set_by_people = {(r.provider, r.source, r.target): r for r in self.rates}
        for offer in self.offers:
            key = offer.provider, offer.source, offer.target
            rate = set_by_people.get(key)
            if rate is not None and rate.since > offer.since:
                continue
            set_by_people.pop(key, None)
            if not offer.ended:
                tiers = tuple((least, text, scaled(text)) for least, text in offer.tiers)
                better = tuple(offer.improvements)
                choice = FxChoice(offer.provider, offer.number, tiers, offer.limited, better)
                found.setdefault((offer.source, offer.target), []).append(choice)
        for rate in set_by_people.values():
            choice = FxChoice(rate.provider, 0, ((0, rate.rate, scaled(rate.rate)),))
            found.setdefault((rate.source, rate.target), []).append(choice)
        active = {p.id for p in self.participants if p.status == "active"}
        offered = {pair: tuple(c for c in each if c.provider in active) for pair, each in found.items()}
        for fixing in self.fixings:
            pair = fixing.source, fixing.target
            if not offered.get(pair) and fixing.provider in active:
                tier = 0, fixing.rate, scaled(fixing.rate)
                offered[pair] = (FxChoice(fixing.provider, 0, (tier,)),)
        return offered

    @cached_property
    def targets_by_source(self) -> Mapping[str, tuple[str, ...]]:
        """The currencies that are offered for each currency, in the order of their codes."""
        found: dict[str, list[str]] = {}
        for source, target in sorted(pair for pair, each in self.choices_by_pair.items() if each):
            found.setdefault(source, []).append(target)
        return {source: tuple(targets) for source, targets in found.items()}

    @cached_property
    def bounds_by_pair(self) -> Mapping[tuple[str, str], tuple[PairBound, ...]]:
        """What central banks decided on each pair (source, target)."""
        found: dict[tuple[str, str], list[PairBound]] = {}
        for bound in self.pairs:
            found.setdefault((bound.source, bound.target), []).append(bound)
        return {pair: tuple(bounds) for pair, bounds in found.items()}

    @cached_property
    def left_by_offer(self) -> Mapping[int, int]:
        """What is left of the inventory of each offer that has one."""
        return {i.offer: i.minor for i in self.inventories}

    @cached_property
    def rail_by_country(self) -> Mapping[str, RailAvailability]:
        """Rails by country."""
        return {r.country: r for r in self.rails}

    @cached_property
    def stated_by_currency(self) -> Mapping[str, Mapping[date, bool]]:
        """Overrides of coming days, which apply to rails as well as to windows."""
        found: dict[str, dict[date, bool]] = {}
        for stated in self.stated_days:
            found.setdefault(stated.currency, {})[stated.day] = stated.business
        return found

    @cached_property
    def schedule_by_currency(self) -> Mapping[str, WindowSchedule]:
        """Schedules by currency."""
        return {s.currency: s for s in self.schedules}

    def settlement_day(self, currency: str, now: datetime) -> date:
        """Settlement day of a payment at `now`: the day of its window, if windows close by a schedule.

        It may compute a year's holidays, which takes long for some countries: do not call it on the event
        loop.

        Raises:
            NotFound: the business days of this currency are unknown.

        """
        schedule = self.schedule_by_currency.get(currency)
        country, zone = (schedule.country, schedule.zone) if schedule else calendars.home_of(currency)
        calendar = calendars.Calendar(currency, country, zone, self.stated_by_currency.get(currency, {}))
        closes = calendar.next_close(schedule.closes_at, now) if schedule else now
        return calendar.value_date(closes)

    @cached_property
    def account_id(self) -> Mapping[tuple[str, str, str], int]:
        """Ledger account ids by (owner, currency, purpose)."""
        return {(a.owner, a.currency, a.purpose): a.id for a in self.accounts}


class Version(msgspec.Struct, frozen=True):
    """What a later poll needs of a snapshot of the directory."""

    snapshot: str = ""
    """Of the database, in which it was read."""
    account: int = 0
    """The newest account."""
    next: int | None = None
    """The next instant at which something in it begins or ends, in microseconds since 1970."""


_decoder = msgspec.json.Decoder(DirectorySnapshot)
_versions = msgspec.json.Decoder(Version)
_inventories = msgspec.json.Decoder(list[Inventory])


async def load(pool: asyncpg.Pool | asyncpg.Connection, *, authenticates: bool = True) -> DirectorySnapshot:
    """Read the directory once; a process that authenticates nobody has no bearer keys in it."""
    return _decoder.decode(await pool.fetchval(_LOAD if authenticates else _LOAD_UNKEYED))


class Directory:
    """The snapshot in force; `now` is replaced as a whole, so a reader never sees a mix of two snapshots."""

    def __init__(self, pool: asyncpg.Pool, *, authenticates: bool = True) -> None:
        self.pool = pool
        self._authenticates = authenticates
        self.now = DirectorySnapshot()
        self._version = Version()
        self._read_at = self._loaded_at = float("-inf")

    async def refresh(self) -> None:
        """Read it again; an unchanged directory keeps its look-up tables."""
        raw = await self.pool.fetchval(_LOAD if self._authenticates else _LOAD_UNKEYED)
        fresh = _decoder.decode(raw)
        if structs.replace(fresh, inventories=self.now.inventories) != self.now:
            self.now = fresh
        elif fresh.inventories != self.now.inventories:
            self.now = self.now.with_inventories(fresh.inventories)
        self._version = _versions.decode(raw)
        self._read_at = self._loaded_at = monotonic()

    async def poll(self) -> None:
        """Read it again if it may have changed, or was not read for a while; else only its inventories."""
        known, self._version = self._version, Version()  # after a failure all of it is read
        if not known.snapshot or monotonic() - self._loaded_at > RELOAD_S:
            await self.refresh()
            return
        changed, inventories = await self.pool.fetchrow(_POLL, known.snapshot, known.next, known.account)
        if changed:
            await self.refresh()
            return
        left = _inventories.decode(inventories)
        if left != self.now.inventories:
            self.now = self.now.with_inventories(left)
        self._version, self._read_at = known, monotonic()

    @property
    def fresh(self) -> bool:
        """Whether it is recent enough to accept payments: it states suspensions and valid keys."""
        return monotonic() - self._read_at < FRESH_S

    async def keep_fresh(self) -> None:
        """Keep it fresh for ever. While the database is unavailable the last snapshot stays in force."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.poll()
            except Exception as error:  # noqa: BLE001 - the outermost loop must go on whatever happens
                _log.warning("directory_stale", error=type(error).__name__, detail=logs.where(error))
