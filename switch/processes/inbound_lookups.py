"""The caretaker's work on look-ups of rails: a firm price for the order that may follow.

As with orders, the rail's signature is verified once more, and the writer takes a promise for a rail only
from here. Each look-up is decided once; a promise that nobody was told of, because somebody died between
the writer's reply and that, ends by itself.
"""

import asyncio
from collections.abc import Container
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import structlog

from adapters.originating import PayeeQuery
from schemas.errors import SwitchError, Unavailable
from schemas.money import Money
from switch.base import logs, metrics
from switch.base.decoding import decoded
from switch.base.failpoints import failpoint
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments import inbound_lookups, pricing, promising, quotes, rail_profile, routes
from switch.payments.directory import Directory, Participant
from switch.payments.inbound import InboundRail, InboundRails
from switch.payments.inbound_lookups import SEALED_AS
from switch.payments.pricing import Price
from switch.payments.promising import Charging
from switch.payments.quotes import AskedQuote
from switch.payments.rails import Rails
from switch.payments.routes import Route
from switch.payments.tariffs import SERVICE_LEVEL
from switch.writer.client import Link
from switch.writer.commands import OF_RAIL, Evidence
from switch.writer.verdicts import Verdict

AT_ONCE: Final = 32
"""Look-ups of one round of a rail."""
_statement: Final = statements("switch.processes")
_DUE: Final = _statement("due_inbound_lookups")
_DECIDE: Final = _statement("decide_inbound_lookup")
_log = structlog.get_logger()


class InboundLookUps:
    """Has prices promised to rails. One per caretaker."""

    def __init__(  # noqa: PLR0917 - what a caretaker has one of
        self,
        settings: Settings,
        pool: asyncpg.Pool,
        keys: KeyRing,
        known: Rails,
        directory: Directory,
        link: Link,
    ) -> None:
        self._settings, self._pool, self._keys = settings, pool, keys
        self._known, self._directory, self._link = known, directory, link
        self._rails = InboundRails(pool)

    async def look(self, country: str) -> None:
        """One round: decide what waits."""
        rows = await self._pool.fetch(_DUE, country, AT_ONCE)
        await asyncio.gather(*(self._decide(row) for row in rows))

    async def _decide(self, row: asyncpg.Record) -> None:
        quote = payee = None
        try:
            quote, payee = await self._promise(row)
        except SwitchError as error:  # the rail is told a forecast, or why its order would be refused
            _log.info("lookup_not_promised", rail=row["rail"], detail=error.detail)
        except Exception as error:  # noqa: BLE001 - one look-up must not keep the others waiting
            _log.error(
                "lookup_failed", rail=row["rail"], error=type(error).__name__, detail=logs.where(error)
            )
        failpoint("before_lookup_decided")
        await self._pool.execute(_DECIDE, row["id"], quote, payee)
        failpoint("after_lookup_decided")
        metrics.LOOKUP_PRICES.labels(row["rail"], "firm" if quote else "forecast").inc()

    async def _promise(self, row: asyncpg.Record) -> tuple[UUID, bytes]:
        """Have the writer promise the price of a look-up; the quote, and the payee for which it is.

        Raises:
            SwitchError: nothing is promised.

        """
        raw = self._keys.open_secret(SEALED_AS, row["id"], row["request"])
        asked = self._known[row["rail"]].request(raw)
        if not isinstance(asked, PayeeQuery) or asked.amount is None or not asked.quotable:
            raise Unavailable("what is stored is not this look-up")
        setting, gateway = await self._taken_by(row)
        charging = Charging(SERVICE_LEVEL, inbound_lookups.purpose_of(asked, setting))
        found = await promising.ask(
            self._link,
            self._directory,
            partial(self._priced, gateway, asked, asked.amount, charging),
            charging,
            _evidence(setting, asked, asked.amount, charging),
            self._settings.rail_quote_valid_s,
            promising.ENDED,
        )
        if found.reply.verdict is not Verdict.CREATED:
            raise Unavailable(found.reply.detail or found.reply.verdict.text)
        return UUID(found.reply.detail), quotes.payee_claim(self._keys, gateway.id, asked.account)

    async def _taken_by(self, row: asyncpg.Record) -> tuple[InboundRail, Participant]:
        """Who takes the orders of the rail of a look-up.

        Raises:
            Unavailable: nobody now, or not for firm prices.

        """
        setting = await self._rails.get(row["rail"])
        if not self._settings.rail_quote_valid_s:
            raise Unavailable("prices of look-ups are not firm here")
        if setting is None or not setting.open or setting.gateway != row["gateway"]:
            raise Unavailable("the orders of this rail are not taken, or by another gateway")
        if setting.gateway not in self._directory.now.by_id:  # it is new, or nothing was read yet
            await self._directory.refresh()
        gateway = self._directory.now.by_id.get(setting.gateway)
        if gateway is None or gateway.status != "active":
            raise Unavailable("the gateway is not active")
        return setting, gateway

    async def _priced(  # noqa: PLR0917 - what a price depends on
        self,
        gateway: Participant,
        asked: PayeeQuery,
        amount: Money,
        charging: Charging,
        now: datetime,
        without: Container[int],
    ) -> tuple[Route, Price]:
        """The route and the price of the order, as the intake would find them."""
        directory, expiry_s = self._directory.now, self._settings.payment_expiry_s
        route = await inbound_lookups.route_of(
            self._pool, directory, self._known, gateway, asked, now, expiry_s
        )
        price = routes.price(
            amount,
            route,
            directory,
            at=now,
            bearer=charging.bearer,
            purpose=charging.purpose,
            without=without,
        )
        pricing.legs(price, route.debtor, route.creditor, route.corridor, directory)  # an account is there
        rail_profile.check_limits(price.credit, route.rail.adapter.profile.limits)
        return route, price


def _evidence(setting: InboundRail, asked: PayeeQuery, amount: Money, charging: Charging) -> Evidence:
    """The quote that a look-up asks for, as a participant would ask for it.

    Raises:
        InvalidMessage: no quote can be asked for so.

    """
    wanted = AskedQuote(
        creditor_agent=asked.agent.bic,
        amount=amount.text,
        currency=amount.currency,
        charge_bearer=SERVICE_LEVEL,
        purpose=charging.purpose or None,
    )
    message = msgspec.json.encode(wanted)
    decoded(message, AskedQuote)
    return Evidence(f"{OF_RAIL}{setting.rail}", b"", b"", message)
