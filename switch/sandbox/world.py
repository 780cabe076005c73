"""The sandbox: test participants with keys, money and rates, so that the first payment is one curl command.

Everything here is repeatable: another start finds what exists. Test participants exist only in a database
that `--sandbox` filled; a switch without this option accepts no bearer keys and starts no simulated rail.
"""

import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from functools import cache
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import asyncpg

from adapters import registry
from adapters.simulation import sandbox as rail_sandbox
from adapters.simulation.magic import magic_account
from schemas.money import EXPONENTS
from schemas.signing.keys import Algorithm, SigningKey
from switch.base import files
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.client import credit_transfer
from switch.payments import rail_connection, rail_register
from switch.payments.pricing import FEES, POSITION, SCHEME
from switch.sandbox import people
from switch.writer.client import Link
from switch.writer.commands import CommandLeg, Fund, OpenAccount

_NAMESPACE: Final = uuid.UUID("6e1f7a52-6a0b-4f55-9a54-6d5c3f0a6a11")
SETTLEMENT: Final = "settlement"
"""Purpose of the account, one per currency, from which money comes in and to which it goes out."""
_statement: Final = statements("switch.sandbox")
_ADD_PARTICIPANT: Final = _statement("add_participant")
_ADD_CORRIDOR: Final = _statement("add_corridor")
_ADD_RATE: Final = _statement("add_sandbox_rate")
_ADD_KEY: Final = _statement("add_key_of_participant")


@dataclass(frozen=True, slots=True)
class Made:
    """A test participant. Funds and cap in whole units of its currency."""

    id: str
    name: str
    bic: str
    country: str
    kind: str
    currencies: tuple[str, ...]
    funds: int
    cap: int = 0
    algorithm: Algorithm = "ed25519"


def participants() -> list[Made]:
    """The banks of every country that has an adapter, and the FX provider."""
    banks = [
        Made(bank.id, bank.name, bank.bic, country.code, "direct", (country.currency,), bank.funds,
             algorithm=bank.algorithm)
        for country in map(registry.country, registry.countries())
        for bank in country.banks
    ]  # fmt: skip
    currencies = tuple(registry.by_currency())
    return [
        *banks,
        Made("silkroad-fx", "Silk Road FX", "SILKKZKA", "KZ", "fx_provider", currencies, 900_000_000_000),
    ]


_SPREAD: Final = Decimal("0.0024")
"""Margin that the FX provider keeps of a conversion."""


def currency_of(country: str) -> str:
    """The currency of a country's participants and rail."""
    return registry.country(country).currency


@cache
def rate(source: str, target: str) -> str:
    """The sandbox's rate: units of `target` for one unit of `source`, six significant digits."""
    known = registry.by_currency()
    mid = Decimal(known[target].per_sdr) / Decimal(known[source].per_sdr)
    return format(Context(prec=6, rounding=ROUND_DOWN).create_decimal(mid * (1 - _SPREAD)), "f")


FEES_BPS: Final = 10
FEE_MINOR: Final = 0
"""No flat fee: a sandbox accepts payments of one minor unit, and a fee must be below the amount."""


def document(
    payer: Mapping[str, str],
    payee: Mapping[str, str],
    *,
    amount: str,
    word: str = "",
    account: str = "",
    debtor: str = "Asha Rao",
    creditor: str = "Bilal Khan",
) -> dict[str, Any]:
    """A pacs.008 between two participants of the credentials file, to the account of a magic word."""
    return credit_transfer(
        debtor_agent=payer["bic"],
        debtor=debtor,
        debtor_account=magic_account(payer["country"], ""),
        creditor_agent=payee["bic"],
        creditor_agent_member=payee["member_id"],
        creditor=creditor,
        creditor_account=account or magic_account(payee["country"], word),
        amount=amount,
        currency=payer["currency"],
        purpose="FAMI",
    )


def prepare_rail(settings: Settings, country: str, url: str) -> list[str]:
    """Create the keys and certificates of a simulated rail, once; return the rail's arguments."""
    place = settings.rails_directory / country
    connection, command = rail_sandbox.prepare(
        place,
        country,
        port=rail_sandbox.free_port(),
        callback_url=f"{url}/rails/{country}",
        time_scale=settings.time_scale,
        latency_s=settings.sandbox_latency_s,
        credentials=settings.credentials_file,
    )
    rail_connection.write(place / rail_connection.CONNECTION, connection)
    return command[command.index("adapters.simulation") + 1 :]


async def populate(settings: Settings, url: str) -> None:
    """Create missing participants, accounts, money, corridors and rates."""
    connection = await asyncpg.connect(settings.database)
    link = Link(settings.writer_socket)
    await link.start()
    try:
        await _names(connection, settings)
        await _money(link, settings)
        credentials = _credentials(settings.credentials_file, settings, url)
        await _keys(connection, credentials["participants"])
        currencies = {country: currency_of(country) for country in settings.rails}
        await people.populate(connection, settings, credentials, currencies)
        _write(settings.credentials_file, credentials)
    finally:
        await link.stop()
        await connection.close()


async def _names(connection: asyncpg.Connection, settings: Settings) -> None:
    countries = settings.rails
    await connection.executemany(
        _ADD_PARTICIPANT,
        [(made.id, made.name, made.bic, made.country, made.kind) for made in _present(settings)],
    )
    for country in countries:
        await rail_register.register(connection, country, is_open=True)
    await connection.executemany(
        _ADD_CORRIDOR, [(a, b, FEE_MINOR, FEES_BPS) for a, b in permutations(countries, 2)]
    )
    await connection.executemany(
        _ADD_RATE, [(a, b, rate(a, b)) for a, b in permutations(map(currency_of, countries), 2)]
    )


def _present(settings: Settings) -> list[Made]:
    """Participants whose country's rail runs, and the FX provider."""
    return [made for made in participants() if made.country in settings.rails or made.kind == "fx_provider"]


async def _money(link: Link, settings: Settings) -> None:
    """Open the accounts, and book the funds with a fixed id, so only once."""
    for currency in map(currency_of, settings.rails):
        source = (await link.ask(OpenAccount(SCHEME, currency, SETTLEMENT, None))).number
        await link.ask(OpenAccount(SCHEME, currency, FEES, 0))
        for made in _present(settings):
            if currency not in made.currencies:
                continue
            unit = 10 ** EXPONENTS[currency]
            account = (await link.ask(OpenAccount(made.id, currency, POSITION, made.cap * unit))).number
            legs = [CommandLeg(source, account, made.funds * unit, "funding")]
            fund = uuid.uuid5(_NAMESPACE, f"{made.id}/{currency}")
            await link.ask(Fund(fund.bytes, sha256(fund.bytes).digest(), legs, "sandbox funds in"))


def _credentials(file: Path, settings: Settings, url: str) -> dict[str, Any]:
    """Read the keys of the participants, or create them; the URL is always the current one."""
    credentials: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"participants": []}
    known = {entry["id"] for entry in credentials["participants"]}
    credentials["participants"] += [
        _key_of(made) for made in _present(settings) if made.kind == "direct" and made.id not in known
    ]
    credentials["url"] = url
    credentials["accounts"] = {country: magic_account(country, "") for country in settings.rails}
    return credentials


def _write(file: Path, credentials: Mapping[str, Any]) -> None:
    files.write_whole(file, (json.dumps(credentials, indent=2) + "\n").encode())


def _key_of(made: Made) -> dict[str, str]:
    key = SigningKey.generate(f"{made.id}-1", made.algorithm)
    return {
        "id": made.id,
        "name": made.name,
        "bic": made.bic,
        "country": made.country,
        "member_id": registry.module(made.country, "sandbox").CREDITOR_AGENT.member_id or "",
        "currency": made.currencies[0],
        "bearer": f"sk_test_{secrets.token_urlsafe(24)}",
        "keyid": key.keyid,
        "algorithm": made.algorithm,
        "private_key": key.pem.decode(),
    }


async def _keys(connection: asyncpg.Connection, participants: Sequence[dict[str, str]]) -> None:
    await connection.executemany(
        _ADD_KEY,
        [
            (
                p["keyid"],
                p["id"],
                p["algorithm"],
                SigningKey.from_pem(p["keyid"], p["private_key"].encode()).public.pem.decode(),
            )
            for p in participants
        ],
    )
    await connection.executemany(
        "INSERT INTO switch.bearer_key (sha256, participant) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(sha256(p["bearer"].encode()).digest(), p["id"]) for p in participants],
    )
