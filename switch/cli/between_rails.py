"""Payments that begin at a simulated rail: a customer pays abroad, and both books show it."""

import asyncio
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg

from adapters import registry
from adapters.simulation import book as rail_book
from adapters.simulation import debit_book, sandbox, tcp
from adapters.simulation.book import BookEntry, EntryStatus
from adapters.simulation.debit_book import DebitEntry, DebitState
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments import rail_connection

WITHIN_S: Final = 60.0
"""How long the outcome is waited for."""
_LOOK_EVERY_S: Final = 0.1
_ACCEPTED: Final = 202
_ORDER: Final = statements("switch.cli")("order_of_rail")


class NothingOrdered(Exception):
    """The rail orders nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class OrderAbroad:
    """What a customer of a rail wants."""

    source: str
    target: str
    """Countries of the payer and of the payee."""
    amount: str
    """In the currency of the source."""
    word: str = ""
    """How the payee's rail behaves (`adapters.simulation.magic`)."""
    behaviour: str = ""
    """How the payer's rail behaves (`adapters.simulation.payers`)."""


@dataclass(frozen=True, slots=True)
class PaidAbroad:
    """What became of a payment: at the payer's bank, in the switch, and at the payee's bank."""

    payer: DebitEntry
    order: Mapping[str, Any] | None
    """What the switch has of it: state, reason, gateway, amounts; None if it has nothing."""
    payee: BookEntry | None
    """None: nothing was credited."""


def sources(settings: Settings) -> list[str]:
    """Countries of this installation whose rails order payments and are simulated here."""
    return [country for country in settings.rails if registry.originates(country) and runs(settings, country)]


def runs(settings: Settings, country: str) -> bool:
    """Whether this installation simulates the rail of a country."""
    return country in settings.rails and sandbox.is_simulated(_place(settings, country))


async def pay(settings: Settings, connection: asyncpg.Connection, wish: OrderAbroad) -> PaidAbroad:
    """Have a customer pay, and wait for the outcome at the payer's bank as long as `WITHIN_S`.

    Raises:
        NothingOrdered: the rail does not order it, or does not respond.

    """
    (uetr,) = await _originate(settings, wish)
    ends = asyncio.get_running_loop().time() + WITHIN_S
    while True:
        entry = _debit(settings, wish.source, uetr)
        if entry.state is not DebitState.HELD or asyncio.get_running_loop().time() > ends:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    row = await connection.fetchrow(_ORDER, uetr)
    return PaidAbroad(entry, None if row is None else dict(row), _credit(settings, wish.target, uetr))


async def _originate(settings: Settings, wish: OrderAbroad) -> list[str]:
    place = json.loads((_place(settings, wish.source) / rail_connection.CONNECTION).read_text())
    trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=place["ca_file"]))
    url = _control_url(settings, wish.source, place)
    body = {
        "via": "rail",
        "creditor_country": wish.target,
        "amount": wish.amount,
        "word": wish.word,
        "behaviour": wish.behaviour,
        "look_up": "price",
    }
    try:
        async with (
            aiohttp.ClientSession(connector=trusted, trust_env=False) as http,
            http.post(f"{url}/originate", json=body) as answer,
        ):
            content = await answer.json(content_type=None)
            if answer.status != _ACCEPTED:
                raise NothingOrdered(str(content.get("error", content)))
            return list(content["uetrs"])
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise NothingOrdered(f"its simulator does not respond ({type(error).__name__})") from None


def _control_url(settings: Settings, country: str, place: Mapping[str, Any]) -> str:
    """The rail's own address, or that of its control port if the rail does not use HTTP."""
    file = _place(settings, country) / tcp.CONTROL
    return file.read_text() if file.exists() else str(place["endpoints"][0])


def _place(settings: Settings, country: str) -> Path:
    return settings.rails_directory / country


def _debit(settings: Settings, country: str, uetr: str) -> DebitEntry:
    entries = debit_book.last_states(_place(settings, country) / debit_book.FILE_NAME).values()
    return next(entry for entry in entries if entry.uetr == uetr)


def _credit(settings: Settings, country: str, uetr: str) -> BookEntry | None:
    """The last state of a credit, in the book of the payee's rail."""
    last: BookEntry | None = None
    for entry in _entries(settings, country):
        if entry.uetr == uetr and entry.outcome in {EntryStatus.DONE, EntryStatus.REVERSED}:
            last = entry
    return last if last is not None and last.outcome is EntryStatus.DONE else None


def _entries(settings: Settings, country: str) -> Iterator[BookEntry]:
    file = _place(settings, country) / rail_book.FILE_NAME
    return rail_book.read(file) if file.exists() else iter(())
