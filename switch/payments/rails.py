"""The rails this process can reach: adapters, their bulkheads, and numbers for their orders."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

import asyncpg
import structlog

from adapters import accounting, registry
from adapters.port import Answer, Native, NoticeAdapter, Order, RailAdapter
from schemas.credit_transfer import ROOT
from schemas.errors import InvalidMessage, NotFound, Refused, SwitchError, Unavailable
from schemas.reasons import Reason
from switch.base import logs, metrics
from switch.base.quota import Quota
from switch.base.settings import Settings
from switch.payments import rail_connection

_LEASE: Final = 500
"""Serials that a process takes at once; those unused when it ends are never used, which harms nobody."""

SILENT_MAX: Final = 20
"""Exchanges in a row without a word, after which a rail is taken to be away."""
BREAKER_REST_S: Final = 5.0

ENQUIRIES_MAX: Final = 16
"""Accounts that one worker asks a rail about at once: a quarter of its connections."""
ENQUIRIES_OF_ONE: Final = 4

T = TypeVar("T")
_log = structlog.get_logger()

_SERIALS: Final = """
INSERT INTO switch.rail_serial AS s (rail, period, next) VALUES ($1, $2, $3)
ON CONFLICT (rail, period) DO UPDATE SET next = s.next + $3
RETURNING s.next
"""
_TAKEN: Final = "SELECT next FROM switch.rail_serial WHERE rail = $1 AND period = $2"


class Serials:
    """Numbers for a rail's orders, each used once in its period, leased in blocks from the database."""

    def __init__(self, pool: asyncpg.Pool, adapter: RailAdapter) -> None:
        self._pool = pool
        self._rail = adapter.profile.country
        self._ids = adapter.profile.ids
        self._period = ""
        self._next = 0
        self._end = 0
        self._lock = asyncio.Lock()

    async def take(self, at: datetime) -> int:
        """Take the next serial of the period that `at` is in.

        Raises:
            Unavailable: the period's id space is used up.

        """
        async with self._lock:
            period = self._ids.period_at(at)
            if period != self._period or self._next == self._end:
                self._end = await self._pool.fetchval(_SERIALS, self._rail, period, _LEASE)
                self._next = self._end - _LEASE
                self._period = period
            if self._next >= self._ids.capacity:
                raise Unavailable("the rail's ids of this period are used up")
            serial = self._next
            self._next += 1
            return serial

    async def used(self, at: datetime) -> float:
        """What part of the ids of this period is taken, by every process; at 1 no order can be made."""
        taken = await self._pool.fetchval(_TAKEN, self._rail, self._ids.period_at(at))
        return min(1.0, (taken or 0) / self._ids.capacity)


@dataclass(slots=True)
class Bulkhead(AbstractContextManager[None]):
    """Places at one rail. A slow rail fills its own and nobody else's."""

    places: int
    taken: int = field(default=0, init=False)

    def check(self) -> None:
        """Turn a new payment away, before its money is held, while every place is taken.

        Raises:
            Unavailable: come back later.

        """
        if self.taken >= self.places:
            raise Unavailable("too many payments wait for this rail", reason=Reason.OFFLINE_CREDITOR_AGENT)

    def __enter__(self) -> None:
        """Take a place; a payment whose money is held is never turned away."""
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


@dataclass(slots=True)
class Breaker:
    """Whether a rail answers. After many exchanges in a row without a word, new payments are turned away.

    While it is open, one payment a `rest_s` is let through to see whether the rail is back.
    """

    rail: str
    rest_s: float
    silent: int = field(default=0, init=False)
    """Exchanges in a row that brought no word."""
    listener: Callable[[bool], None] | None = field(default=None, init=False)
    """Is told of each exchange whether the rail answered."""
    _retry_at: float = field(default=0.0, init=False)

    @property
    def open(self) -> bool:
        """Whether the rail is taken to be away."""
        return self.silent >= SILENT_MAX

    def check(self) -> None:
        """Turn a new payment away, before its money is held, while the rail says nothing.

        Raises:
            Unavailable: come back later.

        """
        if not self.open:
            return
        if time.monotonic() < self._retry_at:
            raise _away()
        self._retry_at = time.monotonic() + self.rest_s

    def heard(self, *, answered: bool) -> None:
        """Count an exchange that ended."""
        was_open = self.open
        self.silent = 0 if answered else self.silent + 1
        if self.open and not was_open:
            self._retry_at = time.monotonic() + self.rest_s
        if self.open is not was_open:
            metrics.CIRCUIT_OPEN.labels(self.rail).set(self.open)
        if self.listener is not None:
            self.listener(answered)


@dataclass(frozen=True, slots=True)
class Rail:
    """One rail as this process uses it."""

    adapter: RailAdapter
    serials: Serials
    bulkhead: Bulkhead
    breaker: Breaker
    enquiries: Quota = field(
        default_factory=lambda: Quota(ENQUIRIES_MAX, ENQUIRIES_OF_ONE, "account enquiries")
    )
    """Places of their own: whoever asks about accounts takes no payment's."""

    def check(self) -> None:
        """Turn a new payment away while this rail cannot take it.

        Raises:
            Unavailable: come back later.

        """
        self.breaker.check()
        self.bulkhead.check()

    def say(self, order: Order) -> Native:
        """An order in the rail's words.

        Raises:
            Refused: the rail cannot carry it, or its adapter failed at it; nothing is held yet.

        """
        try:
            violation = next(iter(self.adapter.check(order)), None)
            if violation is None:
                return self.adapter.translate(order)
        except Exception as error:  # noqa: BLE001 - an adapter is a third party's code, and promises not to
            _log.error("translator_failed", rail=self.adapter.profile.country, detail=logs.where(error))
            raise Refused(
                "this rail's adapter cannot say this payment", reason=Reason.TRANSACTION_NOT_SUPPORTED
            ) from None
        raise Refused(violation.text, reason=violation.reason, path=violation.path)

    def account_for(self, order: Order) -> list[tuple[str, str]]:
        """What of the order's message the rail does not carry: path and text, for the sender.

        Raises:
            Refused: what is not carried would change the payment, or may be in none.

        """
        notes = []
        for loss in accounting.losses(order, self.adapter.profile):
            if loss.reason:
                raise Refused(loss.text, reason=loss.reason, path=f"{ROOT}/{loss.path}")
            notes.append((loss.path, loss.text))
        return notes

    def read(self, raw: bytes) -> Sequence[Answer]:
        """What the rail says of its own accord.

        Raises:
            InvalidMessage: not its wire format, or its adapter failed at it.
            NotAuthentic: the rail did not sign it.

        """
        return self._understood(self.adapter.decode, raw)

    def notice(self, raw: bytes) -> str | None:
        """What the rail says to people, where it says nothing of an order.

        Raises:
            InvalidMessage: as `read`.
            NotAuthentic: as `read`.

        """
        return self._understood(self.adapter.notice, raw) if isinstance(self.adapter, NoticeAdapter) else None

    def _understood(self, reader: Callable[[bytes], T], raw: bytes) -> T:
        try:
            return reader(raw)
        except SwitchError:
            raise
        except Exception as error:  # noqa: BLE001 - as above; what it stumbled over is no message to us
            _log.error("decoder_failed", rail=self.adapter.profile.country, detail=logs.where(error))
            raise InvalidMessage("not this rail's wire format") from None

    @contextmanager
    def enquiry(self, participant: str) -> Iterator[None]:
        """Ask this rail something for a participant. It is a payment's to see whether a silent rail is back.

        Raises:
            TooManyRequests: the participant asks too much at once.
            Unavailable: come back later.

        """
        if self.breaker.open:
            raise _away()
        with self.enquiries.take(participant):
            yield


def _away() -> Unavailable:
    return Unavailable("this rail does not answer now", reason=Reason.OFFLINE_CREDITOR_AGENT)


Rails = Mapping[str, Rail]
"""Rails by country."""


def connect(settings: Settings, pool: asyncpg.Pool) -> Rails:
    """Make the adapter of every rail that the settings name, from its connection file."""
    return {country: connect_one(settings, pool, country) for country in settings.rails}


def connect_one(settings: Settings, pool: asyncpg.Pool, country: str) -> Rail:
    """Make the adapter of one rail.

    Raises:
        NotFound: no adapter for this country, or nothing says where its rail is.
        InvalidConnection: its connection file cannot be used.

    """
    file = rail_connection.file_of(settings.rails_directory, country)
    if not file.is_file():
        raise NotFound(f"no connection of rail {country}: {file} is missing")
    adapter = registry.load(country, rail_connection.read(file, settings.time_scale))
    adapter.profile.hours.open_from(datetime.now(UTC))  # reads its calendar now, not under a payment
    return Rail(
        adapter,
        Serials(pool, adapter),
        Bulkhead(settings.rail_in_flight_max),
        Breaker(country, BREAKER_REST_S * settings.time_scale),
    )
