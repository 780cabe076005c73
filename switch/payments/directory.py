"""Who takes part, by what keys, over which corridors, at what rate: one consistent snapshot in memory.

Every process keeps its own and reads it anew each second, so a suspended participant or a closed rail is
felt within a second everywhere. Nothing here changes a balance.
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


class Key(msgspec.Struct, frozen=True):
    """A participant's signature key; `public_key` is PEM, the validity in microseconds since 1970."""

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
    """A direction of payment between two countries, and its fee in the source currency."""

    source: str
    target: str
    enabled: bool
    fee_minor: int
    fee_bps: int
    settlement: str = "net"
    """`net`: in the currency's window, later; `gross`: at once, from money paid in before."""


class Rate(msgspec.Struct, frozen=True):
    """Units of `target` for one unit of `source`, as a decimal text, and who provides it."""

    source: str
    target: str
    provider: str
    rate: str


class Rail(msgspec.Struct, frozen=True):
    """Whether a rail takes orders now; if not, perhaps from when (microseconds)."""

    country: str
    open: bool
    opens_at: int | None


class StatedDay(msgspec.Struct, frozen=True):
    """A day of a currency that the operator has stated to be a business day, or not."""

    currency: str
    day: date
    business: bool


class AccountRow(msgspec.Struct, frozen=True):
    """A ledger account's names."""

    id: int
    owner: str
    currency: str
    purpose: str


class Schedule(msgspec.Struct, frozen=True):
    """When windows of a currency close, by the clock of its zone, and whose holidays count."""

    currency: str
    country: str
    zone: str
    closes_at: list[time]


class Snapshot(msgspec.Struct, frozen=True, dict=True):
    """The directory at one instant."""

    participants: list[Participant] = []
    keys: list[Key] = []
    bearers: list[Bearer] = []
    corridors: list[Corridor] = []
    rates: list[Rate] = []
    rails: list[Rail] = []
    accounts: list[AccountRow] = []
    stated_days: list[StatedDay] = []
    schedules: list[Schedule] = []

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
        """Signature keys by key id, ready to verify with."""
        found = {}
        for key in self.keys:
            try:
                found[key.keyid] = (key, PublicKey.from_pem(key.keyid, key.public_key.encode()))
            except ValueError:  # one bad row must not shut out everybody
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
    def rail_by_country(self) -> Mapping[str, Rail]:
        """Rails by country."""
        return {r.country: r for r in self.rails}

    @cached_property
    def stated_by_currency(self) -> Mapping[str, Mapping[date, bool]]:
        """What the operator has stated of days to come: a rail keeps them as windows do."""
        found: dict[str, dict[date, bool]] = {}
        for stated in self.stated_days:
            found.setdefault(stated.currency, {})[stated.day] = stated.business
        return found

    @cached_property
    def schedule_by_currency(self) -> Mapping[str, Schedule]:
        """Schedules by currency."""
        return {s.currency: s for s in self.schedules}

    def settlement_day(self, currency: str, now: datetime) -> date:
        """The day on which a payment of `now` settles: that of its window, where windows close by a schedule.

        It may work out a year's holidays, which takes long for some countries: not for the event loop.

        Raises:
            NotFound: nobody here knows the business days of this currency.

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


_decoder = msgspec.json.Decoder(Snapshot)


async def load(pool: asyncpg.Pool) -> Snapshot:
    """Read the directory once."""
    return _decoder.decode(await pool.fetchval(_LOAD))


class Directory:
    """The snapshot in force; `now` is replaced whole, so a reader sees one or the other, never a mix."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.now = Snapshot()
        self._read_at = -FRESH_S

    async def refresh(self) -> None:
        """Read it again; an unchanged directory keeps its look-up tables."""
        fresh = await load(self._pool)
        if fresh != self.now:
            self.now = fresh
        self._read_at = monotonic()

    @property
    def fresh(self) -> bool:
        """Whether it is young enough to take payments by: it says who is suspended and which keys hold."""
        return monotonic() - self._read_at < FRESH_S

    async def keep_fresh(self) -> None:
        """Refresh for ever. With the database away the last snapshot stays: nothing can be written then."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - the outermost loop: it must turn whatever happens
                _log.warning("directory_stale", error=type(error).__name__, detail=logs.where(error))
