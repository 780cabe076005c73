"""The sandbox: made-up participants with keys, money and rates, so that the first payment is one curl.

Everything here is repeatable: starting again finds what there is. Test participants exist only in a
database that `--sandbox` filled; a switch without it takes no bearer keys and starts no simulated rail.
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
from switch.base.settings import Settings
from switch.client import credit_transfer
from switch.payments.pricing import FEES, POSITION, SCHEME
from switch.payments.rails import CONNECTION, write_connection
from switch.sandbox import people
from switch.writer.client import Link
from switch.writer.commands import Fund, Leg, OpenAccount

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


_FUNDS: Final = 50_000_000_000
_ES256: Final = "ecdsa-p256-sha256"
CURRENCIES: Final = {
    "BY": "BYN",
    "CN": "CNY",
    "IN": "INR",
    "IR": "IRR",
    "KG": "KGS",
    "KZ": "KZT",
    "PK": "PKR",
    "RU": "RUB",
    "TJ": "TJS",
    "UZ": "UZS",
}
"""The country's currency: what its participants hold and its rail credits."""

PARTICIPANTS: Final = (
    Made("neman-bank", "Neman Bank", "NEMABY2X", "BY", "direct", ("BYN",), _FUNDS),
    Made("jade-bank", "Jade River Bank", "JADECNBJ", "CN", "direct", ("CNY",), _FUNDS),
    Made("asha-bank", "Asha Bank", "ASHAINBB", "IN", "direct", ("INR",), _FUNDS),
    Made("ganga-bank", "Ganga Bank", "GANGINBB", "IN", "direct", ("INR",), _FUNDS, algorithm=_ES256),
    Made("alborz-bank", "Alborz Bank", "ALBOIRTH", "IR", "direct", ("IRR",), _FUNDS * 1000),
    Made("naryn-bank", "Naryn Bank", "NARYKG22", "KG", "direct", ("KGS",), _FUNDS),
    Made("steppe-bank", "Steppe Bank", "STEPKZKA", "KZ", "direct", ("KZT",), _FUNDS),
    Made("indus-bank", "Indus Bank", "INDUPKKA", "PK", "direct", ("PKR",), _FUNDS),
    Made("noor-wallet", "Noor Wallet", "NOORPKKA", "PK", "direct", ("PKR",), _FUNDS, algorithm=_ES256),
    Made("volga-bank", "Volga Bank", "VOLGRUMM", "RU", "direct", ("RUB",), _FUNDS),
    Made("pamir-bank", "Pamir Bank", "PAMITJ22", "TJ", "direct", ("TJS",), _FUNDS),
    Made("registan-bank", "Registan Bank", "REGIUZ22", "UZ", "direct", ("UZS",), _FUNDS * 100),
    Made(
        "silkroad-fx",
        "Silk Road FX",
        "SILKKZKA",
        "KZ",
        "fx_provider",
        tuple(CURRENCIES.values()),
        900_000_000_000,
    ),
)

_PER_SDR: Final = {
    "BYN": "4.47",
    "CNY": "9.72",
    "INR": "114.6",
    "IRR": "57400",
    "KGS": "119.1",
    "KZT": "712.4",
    "PKR": "377.19444",
    "RUB": "110.2",
    "TJS": "14.71",
    "UZS": "17320",
}
"""Units of a currency that a made-up basket costs: plausible numbers for tests, nobody's quotation."""
_SPREAD: Final = Decimal("0.0024")
"""What the FX provider keeps of a conversion."""


@cache
def rate(source: str, target: str) -> str:
    """The sandbox's rate: units of `target` for one unit of `source`, six significant digits."""
    mid = Decimal(_PER_SDR[target]) / Decimal(_PER_SDR[source])
    return format(Context(prec=6, rounding=ROUND_DOWN).create_decimal(mid * (1 - _SPREAD)), "f")


FEES_BPS: Final = 10
FEE_MINOR: Final = 500


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
    """Make the keys and certificates of a simulated rail, once, and the arguments that it runs with."""
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
    write_connection(place / CONNECTION, connection)
    return command[command.index("adapters.simulation") + 1 :]


async def populate(settings: Settings, url: str) -> None:
    """Make participants, accounts, money, corridors and rates where they are not there yet."""
    connection = await asyncpg.connect(settings.database)
    link = Link(settings.writer_socket)
    await link.start()
    try:
        await _names(connection, settings)
        await _money(link, settings)
        credentials = _credentials(settings.credentials_file, settings, url)
        await _keys(connection, credentials["participants"])
        currencies = {country: CURRENCIES[country] for country in settings.rails}
        await people.populate(connection, settings, credentials, currencies)
        _write(settings.credentials_file, credentials)
    finally:
        await link.stop()
        await connection.close()


async def _names(connection: asyncpg.Connection, settings: Settings) -> None:
    countries = settings.rails
    await connection.executemany(
        "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (id) DO NOTHING",
        [(made.id, made.name, made.bic, made.country, made.kind) for made in _present(settings)],
    )
    await connection.executemany(
        "INSERT INTO switch.rail (country) VALUES ($1) ON CONFLICT DO NOTHING", [(c,) for c in countries]
    )
    await connection.executemany(
        "INSERT INTO switch.corridor (source, target, fee_minor, fee_bps) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        [(a, b, FEE_MINOR, FEES_BPS) for a, b in permutations(countries, 2)],
    )
    await connection.executemany(
        "INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)"
        " VALUES ($1, $2, 'silkroad-fx', $3::text::numeric, '2026-01-01T00:00:00Z') ON CONFLICT DO NOTHING",
        [(a, b, rate(a, b)) for a, b in permutations(map(CURRENCIES.__getitem__, countries), 2)],
    )


def _present(settings: Settings) -> list[Made]:
    """Those whose country's rail runs, and the FX provider."""
    return [made for made in PARTICIPANTS if made.country in settings.rails or made.kind == "fx_provider"]


async def _money(link: Link, settings: Settings) -> None:
    """Open the accounts, and pay the funds in under an id of their own, so once."""
    for currency in map(CURRENCIES.__getitem__, settings.rails):
        source = (await link.ask(OpenAccount(SCHEME, currency, SETTLEMENT, None))).number
        await link.ask(OpenAccount(SCHEME, currency, FEES, 0))
        for made in _present(settings):
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
        credentials = {
            "participants": [_key_of(made) for made in _present(settings) if made.kind == "direct"]
        }
    credentials["url"] = url
    credentials["accounts"] = {country: magic_account(country, "") for country in settings.rails}
    return credentials


def _write(file: Path, credentials: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    file.write_text(json.dumps(credentials, indent=2) + "\n")


def _key_of(made: Made) -> dict[str, str]:
    key = SigningKey.generate(f"{made.id}-1", made.algorithm)
    return {
        "id": made.id,
        "name": made.name,
        "bic": made.bic,
        "country": made.country,
        "member_id": registry.package(made.country).sandbox.CREDITOR_AGENT.member_id or "",
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
