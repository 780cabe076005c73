"""The directory: participants, keys, corridors and rates as one consistent snapshot in memory.

Every process has its own snapshot and reads it anew each second, so the suspension of a participant or the
closing of a rail takes effect within a second everywhere. Nothing here changes a balance.
"""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cached_property
from time import monotonic
from typing import Final

import asyncpg
import msgspec
import structlog

from schemas.signing.keys import PublicKey
from switch.base import calendars, logs
from switch.base.sql import statements

REFRESH_S: Final = 1.0
FRESH_S: Final = 30.0
_LOAD: Final = statements("switch.payments")("load_directory")
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
    """A corridor between two countries, and its fee in the source currency."""

    source: str
    target: str
    enabled: bool
    fee_minor: int
    fee_bps: int
    settlement: str = "net"
    """`net`: settled in the currency's window, later; `gross`: settled at once, from prefunded money."""


class Rate(msgspec.Struct, frozen=True):
    """Units of `target` for one unit of `source`, as a decimal text, and who provides it."""

    source: str
    target: str
    provider: str
    rate: str


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
    closed: bool = False
    """Whether the switch is closed after a restore of its database."""

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
    def rate_by_pair(self) -> Mapping[tuple[str, str], Rate]:
        """Rates in force by (source, target) currency."""
        return {(r.source, r.target): r for r in self.rates}

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


_decoder = msgspec.json.Decoder(DirectorySnapshot)


async def load(pool: asyncpg.Pool | asyncpg.Connection) -> DirectorySnapshot:
    """Read the directory once."""
    return _decoder.decode(await pool.fetchval(_LOAD))


class Directory:
    """The snapshot in force; `now` is replaced as a whole, so a reader never sees a mix of two snapshots."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.now = DirectorySnapshot()
        self._read_at = -FRESH_S

    async def refresh(self) -> None:
        """Read it again; an unchanged directory keeps its look-up tables."""
        fresh = await load(self._pool)
        if fresh != self.now:
            self.now = fresh
        self._read_at = monotonic()

    @property
    def fresh(self) -> bool:
        """Whether it is recent enough to accept payments: it states suspensions and valid keys."""
        return monotonic() - self._read_at < FRESH_S

    async def keep_fresh(self) -> None:
        """Refresh for ever. While the database is unavailable the last snapshot stays in force."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - the outermost loop must go on whatever happens
                _log.warning("directory_stale", error=type(error).__name__, detail=logs.where(error))
