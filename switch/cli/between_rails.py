"""The part of the demonstration that begins at a rail: people pay abroad over their own national system.

Two people of the sandbox onboard a gateway for each rail and take its orders, as operators do; then customers
of the simulated rails pay, each rail into the other's country.
"""

import asyncio
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import asyncpg

from adapters import registry
from adapters.simulation import debit_book
from adapters.simulation.debit_book import DebitEntry, DebitState
from ledger.roles import Login
from switch.base.settings import Settings
from switch.cli.as_person import CommandContext, open_services, request, vote

CAP: Final = "100000000.00"
"""What a gateway may owe: here nobody funds it."""
_READ_WITHIN_S: Final = 2.0
"""Every process has read who takes the orders of a rail by then."""
_WITHIN_S: Final = 60.0
_ACCEPTED: Final = 202
_KNOWN: Final = "SELECT EXISTS (SELECT FROM switch.participant WHERE id = $1)"
_TAKEN: Final = "SELECT coalesce((SELECT open FROM switch.rail_inbound WHERE rail = $1), false)"
_SEEN: Final = (
    "SELECT o.state, p.debit_minor, p.debit_currency, p.credit_minor, p.credit_currency"
    " FROM switch.inbound_order AS o LEFT JOIN switch.payment AS p ON p.uetr = o.uetr"
    " WHERE o.uetr = $1 AND o.kind = 'order'"
)


@dataclass(frozen=True, slots=True)
class PaidAbroad:
    """What became of a payment: at the payer's bank, and in the switch."""

    payer: DebitEntry
    state: str
    debited: int | None
    """None, as the credit: it was refused before it became a payment."""
    credited: int | None
    currency: str | None


def sources(settings: Settings) -> list[str]:
    """Countries of this installation whose rails order payments."""
    return [country for country in settings.rails if registry.originates(country)]


def gateway(country: str) -> dict[str, Any]:
    """The gateway of a country's rail, as it is onboarded."""
    name = registry.country(country).names.en.lower().replace(" ", "-")
    account = {"currency": registry.profile(country).currency, "net_debit_cap": CAP}
    return {
        "id": f"{name}-gateway",
        "name": f"Gateway to {registry.profile(country).rail}",
        "bic": f"GATE{country}22",
        "country": country,
        "kind": "gateway",
        "accounts": [account],
    }


async def take_orders(settings: Settings, connection: asyncpg.Connection, countries: Sequence[str]) -> None:
    """Have two people onboard the gateways and take the orders of these rails; what is so already stays."""
    async with open_services(settings, Login.PAGES) as services:
        context = CommandContext(services, settings)
        is_new = False
        for country in countries:
            found = gateway(country)
            if not await connection.fetchval(_KNOWN, found["id"]):
                await _agreed(context, "participant.onboard", found)
            if not await connection.fetchval(_TAKEN, country):
                content = {"country": country, "gateway": found["id"], "open": True}
                await _agreed(context, "rail.inbound", content)
                is_new = True
    if is_new:
        await asyncio.sleep(_READ_WITHIN_S)


async def _agreed(context: CommandContext, kind: str, content: dict[str, Any]) -> None:
    change = await request(context, "operator", kind, content=content, reason="demo")
    await vote(context, "checker", change["number"], decision="approve", reason="demo")


async def pay(
    settings: Settings, connection: asyncpg.Connection, source: str, target: str, amount: str
) -> PaidAbroad:
    """Have a customer of a rail pay abroad, and wait for the outcome there.

    Raises:
        RuntimeError: the rail orders nothing.
        TimeoutError: the payer's bank has not learned the outcome in time.

    """
    wish = {"creditor_country": target, "amount": amount, "via": "rail"}
    uetr = await _originate(settings, source, wish)
    file = settings.rails_directory / source / debit_book.FILE_NAME
    async with asyncio.timeout(_WITHIN_S):
        while True:
            entry = next(each for each in debit_book.last_states(file).values() if each.uetr == uetr)
            if entry.state is not DebitState.HELD:
                break
            await asyncio.sleep(0.1)
    row = await connection.fetchrow(_SEEN, uetr)
    return PaidAbroad(entry, row["state"], row["debit_minor"], row["credit_minor"], row["credit_currency"])


async def _originate(settings: Settings, source: str, wish: dict[str, str]) -> str:
    place = json.loads((settings.rails_directory / source / "switch.json").read_text())
    trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=place["ca_file"]))
    async with (
        aiohttp.ClientSession(connector=trusted, trust_env=False) as http,
        http.post(f"{place['endpoints'][0]}/originate", json=wish) as answer,
    ):
        if answer.status != _ACCEPTED:
            raise RuntimeError(f"the rail of {source} orders nothing: {await answer.text()}")
        (uetr,) = (await answer.json(content_type=None))["uetrs"]
    return str(uetr)
