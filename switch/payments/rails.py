"""The rails that this process can reach: adapters, bulkheads, circuit breakers, and serials of orders."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

import asyncpg
import structlog

from adapters import accounting, registry
from adapters.originating import InboundRequest, OriginatingAdapter
from adapters.port import Answer, Native, NoticeAdapter, Order, Outcome, RailAdapter
from schemas.credit_transfer import ROOT
from schemas.errors import InvalidMessage, NotAllowed, NotFound, Refused, SwitchError, Unavailable
from schemas.reasons import Reason
from switch.base import logs, metrics, networks
from switch.base.quota import Quota
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments import rail_connection

_LEASE: Final = 500
"""Serials leased at a time; those unused when the process ends are never used, which is harmless."""

SILENT_MAX: Final = 20
"""Consecutive time-outs after which a rail counts as unavailable."""
BREAKER_REST_S: Final = 5.0
PACE_LASTS_S: Final = 60.0
"""How long an exchange tells how fast the rail is: one that is faster again must not stay unused."""

ENQUIRIES_MAX: Final = 16
"""Concurrent account enquiries of one worker to a rail: a quarter of its connections."""
ENQUIRIES_OF_ONE: Final = 4

T = TypeVar("T")
_log = structlog.get_logger()

_SERIALS: Final = statements("switch.payments")("lease_serials")
_TAKEN: Final = "SELECT next FROM switch.rail_serial WHERE rail = $1 AND period = $2"


class Serials:
    """Serials of a rail's orders, each used once in its period, leased in blocks from the database."""

    def __init__(self, pool: asyncpg.Pool, adapter: RailAdapter) -> None:
        self._pool = pool
        self._rail = adapter.profile.country
        self._ids = adapter.profile.ids
        self._period = ""
        self._second = 0
        """A second of Unix time in that period: most orders come in the second of another one."""
        self._next = 0
        self._end = 0
        self._lock = asyncio.Lock()

    async def take(self, at: datetime) -> int:
        """Take the next serial of the period of `at`.

        Raises:
            Unavailable: the period's id space is used up.

        """
        second = int(at.timestamp())
        if second == self._second and self._next != self._end:
            return self._take()
        async with self._lock:
            period = self._ids.period_at(at)
            if period != self._period or self._next == self._end:
                self._end = await self._pool.fetchval(_SERIALS, self._rail, period, _LEASE)
                self._next = self._end - _LEASE
                self._period = period
            self._second = second
            return self._take()

    def _take(self) -> int:
        if self._next >= self._ids.capacity:
            raise Unavailable("the rail's order ids of this period are used up")
        serial = self._next
        self._next += 1
        return serial

    async def used(self, at: datetime) -> float:
        """Share of the period's ids that is used, by all processes; at 1 no order can be made."""
        taken = await self._pool.fetchval(_TAKEN, self._rail, self._ids.period_at(at))
        return min(1.0, (taken or 0) / self._ids.capacity)


@dataclass(slots=True)
class Bulkhead(AbstractContextManager[None]):
    """Quota of concurrent payments at one rail. A slow rail uses up only its own."""

    places: int
    taken: int = field(default=0, init=False)

    def check(self) -> None:
        """Refuse a new payment, before its money is reserved, while the quota is used up.

        Raises:
            Unavailable: try again later.

        """
        if self.taken >= self.places:
            raise Unavailable(
                "too many payments are waiting for this rail", reason=Reason.OFFLINE_CREDITOR_AGENT
            )

    def __enter__(self) -> None:
        """Take a place in the quota; a payment whose money is reserved is never refused."""
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


@dataclass(slots=True)
class Breaker:
    """Circuit breaker of a rail. After several consecutive time-outs, new payments are refused.

    While it is open, one payment per `rest_s` is permitted, to test whether the rail responds again.
    """

    rail: str
    rest_s: float
    silent: int = field(default=0, init=False)
    """Consecutive time-outs."""
    listener: Callable[[bool], None] | None = field(default=None, init=False)
    """Receives the result of each exchange: whether the rail responded."""
    _retry_at: float = field(default=0.0, init=False)

    @property
    def open(self) -> bool:
        """Whether the rail counts as unavailable."""
        return self.silent >= SILENT_MAX

    def check(self) -> None:
        """Refuse a new payment, before its money is reserved, while the rail does not respond.

        Raises:
            Unavailable: try again later.

        """
        if not self.open:
            return
        if time.monotonic() < self._retry_at:
            raise _away()
        self._retry_at = time.monotonic() + self.rest_s

    def count_exchange(self, *, answered: bool) -> None:
        """Count the result of an exchange."""
        was_open = self.open
        self.silent = 0 if answered else self.silent + 1
        if self.open and not was_open:
            self._retry_at = time.monotonic() + self.rest_s
        if self.open is not was_open:
            metrics.CIRCUIT_OPEN.labels(self.rail).set(self.open)
        if self.listener is not None:
            self.listener(answered)


@dataclass(slots=True)
class AnswerPace:
    """How long a rail takes to answer, as TCP measures a round trip: a mean and its deviation (RFC 6298)."""

    now: Callable[[], float] = time.monotonic
    _mean_s: float = field(default=0.0, init=False)
    _deviation_s: float = field(default=0.0, init=False)
    _counted_at: float = field(default=-math.inf, init=False)

    @property
    def needed_s(self) -> float:
        """Seconds within which almost every exchange ends; 0 if none ended lately: then nothing is known."""
        if self.now() - self._counted_at > PACE_LASTS_S:
            return 0.0
        return self._mean_s + 4 * self._deviation_s

    def count(self, seconds: float) -> None:
        """Count an exchange that the rail answered."""
        if not self.needed_s:
            self._mean_s, self._deviation_s = seconds, 0.0
        else:
            self._deviation_s += (abs(seconds - self._mean_s) - self._deviation_s) / 4
            self._mean_s += (seconds - self._mean_s) / 8
        self._counted_at = self.now()


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
    """A separate quota: account enquiries do not reduce that of payments."""
    pace: AnswerPace = field(default_factory=AnswerPace)
    callback_networks: tuple[networks.Network, ...] = ()
    """The networks from which it sends callbacks; empty: from anywhere."""
    simulated: bool = False
    """Whether it is a simulated rail, by its connection file."""
    originating: OriginatingAdapter | None = field(init=False, default=None)
    """The adapter, if its rail can also originate payments: found out once, because the test is slow."""

    def __post_init__(self) -> None:
        """Find out what the adapter can do."""
        if isinstance(self.adapter, OriginatingAdapter):
            object.__setattr__(self, "originating", self.adapter)

    def check_source(self, address: str) -> None:
        """Refuse a callback from another network, before its body is read.

        Raises:
            NotAllowed: this address is not in the rail's networks.

        """
        if not self.callback_networks:
            return
        with suppress(ValueError):
            if networks.is_within(networks.read(address), self.callback_networks):
                return
        raise NotAllowed("callbacks of this rail come from other networks")

    def check(self) -> None:
        """Refuse a new payment while this rail cannot accept it.

        Raises:
            Unavailable: try again later.

        """
        self.breaker.check()
        self.bulkhead.check()

    def translate(self, order: Order) -> Native:
        """Translate an order to the rail's format.

        Raises:
            Refused: the rail cannot carry it, or its adapter failed; nothing is reserved yet.
        Unavailable: the token with our key does not sign now.

        """
        try:
            violation = next(iter(self.adapter.check(order)), None)
            if violation is None:
                return self.adapter.translate(order)
        except Unavailable:  # the token with our key does not sign now
            raise
        except Exception as error:  # noqa: BLE001 - an adapter is third-party code, which must not raise
            _log.error("translator_failed", rail=self.adapter.profile.country, detail=logs.where(error))
            raise Refused(
                "this rail's adapter cannot translate this payment", reason=Reason.TRANSACTION_NOT_SUPPORTED
            ) from None
        raise Refused(violation.text, reason=violation.reason, path=f"{ROOT}/{violation.path}")

    async def enquire(self, native: Native) -> Answer:
        """Ask the rail about an order; if the adapter raises, which it must not, there is no answer."""
        try:
            return await self.adapter.enquire(native)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like an answer
            _log.error("enquiry_failed", error=type(error).__name__, detail=logs.where(error))
            return Answer(native.ref, Outcome.UNKNOWN)

    def not_carried(self, order: Order) -> list[tuple[str, str]]:
        """Parts of the order's message that the rail does not carry: path and text, for the sender.

        Raises:
            Refused: a lost part would change the payment, or is not permitted in any payment.

        """
        notes = []
        for loss in accounting.losses(order, self.adapter.profile):
            if loss.reason:
                raise Refused(loss.text, reason=loss.reason, path=f"{ROOT}/{loss.path}")
            notes.append((loss.path, loss.text))
        return notes

    def read(self, raw: bytes) -> Sequence[Answer]:
        """Decode an unsolicited message of the rail.

        Raises:
            InvalidMessage: not its wire format, or its adapter failed.
            NotAuthentic: the rail did not sign it.

        """
        return self._decode(self.adapter.decode, raw)

    def request(self, raw: bytes) -> InboundRequest | None:
        """Decode what the rail asks of us, if the message asks for anything; its signature is verified.

        Raises:
            InvalidMessage: malformed, or it states what cannot be honoured, or its adapter failed.
            NotAuthentic: as `read`.

        """
        return None if self.originating is None else self._decode(self.originating.read_request, raw)

    def notice(self, raw: bytes) -> str | None:
        """Decode an operator notice of the rail, if the message is not about an order.

        Raises:
            InvalidMessage: as `read`.
            NotAuthentic: as `read`.

        """
        return self._decode(self.adapter.notice, raw) if isinstance(self.adapter, NoticeAdapter) else None

    def _decode(self, reader: Callable[[bytes], T], raw: bytes) -> T:
        try:
            return reader(raw)
        except SwitchError:
            raise
        except Exception as error:  # noqa: BLE001 - as above; a message on which it fails cannot be processed
            _log.error("decoder_failed", rail=self.adapter.profile.country, detail=logs.where(error))
            raise InvalidMessage("not this rail's wire format") from None

    @contextmanager
    def enquiry(self, participant: str) -> Iterator[None]:
        """Enquire at this rail for a participant. Only payments test whether an unavailable rail is back.

        Raises:
            TooManyRequests: the participant has too many enquiries at once.
            Unavailable: try again later.

        """
        if self.breaker.open:
            raise _away()
        with self.enquiries.take(participant):
            yield


def _away() -> Unavailable:
    return Unavailable("this rail does not respond now", reason=Reason.OFFLINE_CREDITOR_AGENT)


Rails = Mapping[str, Rail]
"""Rails by country."""


def connect(settings: Settings, pool: asyncpg.Pool) -> Rails:
    """Create the adapter of every rail in the settings, from its connection file."""
    return {country: connect_one(settings, pool, country) for country in settings.rails}


def connect_one(settings: Settings, pool: asyncpg.Pool, country: str) -> Rail:
    """Create the adapter of one rail.

    Raises:
        NotFound: no adapter for this country, or no connection file.
        InvalidConnection: its connection file cannot be used.

    """
    file = rail_connection.file_of(settings.rails_directory, country)
    if not file.is_file():
        raise NotFound(f"no connection of rail {country}: {file} is missing")
    connection = rail_connection.read(file, settings.time_scale)
    adapter = registry.load(country, connection)
    adapter.profile.hours.open_from(datetime.now(UTC))  # load its calendar now, not during a payment
    return Rail(
        adapter,
        Serials(pool, adapter),
        Bulkhead(settings.rail_in_flight_max),
        Breaker(country, BREAKER_REST_S * settings.time_scale),
        callback_networks=rail_connection.callback_networks(file),
        simulated=connection.simulated,
    )
