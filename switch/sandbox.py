"""The sandbox: made-up participants with keys, money and rates, so that the first payment is one curl.

Everything here is repeatable: starting again finds what there is. Test participants exist only in a
database that `--sandbox` filled; a switch without it takes no bearer keys and starts no simulated rail.
"""

import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import asyncpg

from adapters.simulation import sandbox as rail_sandbox
from adapters.simulation.magic import magic_account
from schemas.money import EXPONENTS
from schemas.signing.keys import Algorithm, SigningKey
from switch.commands import Fund, Leg, OpenAccount
from switch.pricing import FEES, POSITION, SCHEME
from switch.rails import CONNECTION, write_connection
from switch.settings import Settings
from switch.workers.link import Link

_NAMESPACE: Final = uuid.UUID("6e1f7a52-6a0b-4f55-9a54-6d5c3f0a6a11")
SETTLEMENT: Final = "settlement"
"""Purpose of the account, one a currency, that money comes in from and goes out to."""


@dataclass(frozen=True, slots=True)
class Made:
    """A made-up participant. Funds and cap in whole units of its currency."""

    id: str
    name: str
    bic: str
    country: str
    kind: str
    currencies: tuple[str, ...]
    funds: int
    cap: int = 0
    algorithm: Algorithm = "ed25519"


PARTICIPANTS: Final = (
    Made("asha-bank", "Asha Bank", "ASHAINBB", "IN", "direct", ("INR",), 50_000_000_000),
    Made(
        "ganga-bank",
        "Ganga Bank",
        "GANGINBB",
        "IN",
        "direct",
        ("INR",),
        50_000_000_000,
        0,
        "ecdsa-p256-sha256",
    ),
    Made("indus-bank", "Indus Bank", "INDUPKKA", "PK", "direct", ("PKR",), 50_000_000_000),
    Made(
        "noor-wallet",
        "Noor Wallet",
        "NOORPKKA",
        "PK",
        "direct",
        ("PKR",),
        50_000_000_000,
        0,
        "ecdsa-p256-sha256",
    ),
    Made("silkroad-fx", "Silk Road FX", "SILKKZKA", "KZ", "fx_provider", ("INR", "PKR"), 900_000_000_000),
)
CURRENCIES: Final = {"IN": "INR", "PK": "PKR"}
RATES: Final = {("INR", "PKR"): "3.2914", ("PKR", "INR"): "0.3031"}
FEES_BPS: Final = 10
FEE_MINOR: Final = 500


def prepare_rail(settings: Settings, country: str, url: str) -> list[str]:
    """Make the keys and certificates of a simulated rail, once, and the command that runs it."""
    place = settings.rails_directory / country
    connection, command = rail_sandbox.prepare(
        place,
        country,
        port=rail_sandbox.free_port(),
        callback_url=f"{url}/rails/{country}",
        time_scale=settings.time_scale,
        latency_s=settings.sandbox_latency_s,
    )
    write_connection(place / CONNECTION, connection)
    return command


async def populate(settings: Settings, url: str) -> None:
    """Make participants, accounts, money, corridors and rates where they are not there yet."""
    connection = await asyncpg.connect(settings.database)
    link = Link(settings.writer_socket)
    await link.start()
    try:
        await _names(connection, settings)
        await _money(link)
        credentials = _credentials(settings.credentials_file, settings, url)
        await _keys(connection, credentials["participants"])
    finally:
        await link.stop()
        await connection.close()


async def _names(connection: asyncpg.Connection, settings: Settings) -> None:
    await connection.executemany(
        "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (id) DO NOTHING",
        [(made.id, made.name, made.bic, made.country, made.kind) for made in PARTICIPANTS],
    )
    await connection.executemany(
        "INSERT INTO switch.rail (country) VALUES ($1) ON CONFLICT DO NOTHING", [(c,) for c in settings.rails]
    )
    await connection.executemany(
        "INSERT INTO switch.corridor (source, target, fee_minor, fee_bps) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        [(a, b, FEE_MINOR, FEES_BPS) for a in CURRENCIES for b in CURRENCIES if a != b],
    )
    await connection.executemany(
        "INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)"
        " VALUES ($1, $2, 'silkroad-fx', $3::text::numeric, '2026-01-01T00:00:00Z') ON CONFLICT DO NOTHING",
        [(source, target, rate) for (source, target), rate in RATES.items()],
    )


async def _money(link: Link) -> None:
    """Open the accounts, and pay the funds in under an id of their own, so once."""
    for currency in CURRENCIES.values():
        source = (await link.ask(OpenAccount(SCHEME, currency, SETTLEMENT, None))).number
        await link.ask(OpenAccount(SCHEME, currency, FEES, 0))
        for made in PARTICIPANTS:
            if currency not in made.currencies:
                continue
            unit = 10 ** EXPONENTS[currency]
            account = (await link.ask(OpenAccount(made.id, currency, POSITION, made.cap * unit))).number
            legs = [Leg(source, account, made.funds * unit, "funding")]
            fund = uuid.uuid5(_NAMESPACE, f"{made.id}/{currency}")
            await link.ask(Fund(fund.bytes, sha256(fund.bytes).digest(), legs, "sandbox funds in"))


def _credentials(file: Path, settings: Settings, url: str) -> dict[str, Any]:
    """Read the keys of the participants, or make them; the URL is always today's."""
    if file.exists():
        credentials: dict[str, Any] = json.loads(file.read_text())
    else:
        credentials = {"participants": [_key_of(made) for made in PARTICIPANTS if made.kind == "direct"]}
    credentials["url"] = url
    credentials["accounts"] = {country: magic_account(country, "") for country in settings.rails}
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    file.write_text(json.dumps(credentials, indent=2) + "\n")
    return credentials


def _key_of(made: Made) -> dict[str, str]:
    key = SigningKey.generate(f"{made.id}-1", made.algorithm)
    return {
        "id": made.id,
        "name": made.name,
        "bic": made.bic,
        "country": made.country,
        "currency": made.currencies[0],
        "bearer": f"sk_test_{secrets.token_urlsafe(24)}",
        "keyid": key.keyid,
        "algorithm": made.algorithm,
        "private_key": key.pem.decode(),
    }


async def _keys(connection: asyncpg.Connection, participants: Sequence[dict[str, str]]) -> None:
    await connection.executemany(
        "INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
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
