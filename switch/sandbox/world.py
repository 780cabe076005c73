"""The sandbox: test participants with keys, money and rates, so that the first payment is one curl command.

Everything here is repeatable: another start finds what exists. Test participants exist only in a database
that `--sandbox` filled; a switch without this option accepts no bearer keys and starts no simulated rail.
"""

import json
import secrets
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
from adapters.creditor import IdentifierKind, bank_of, find
from adapters.simulation import sandbox as rail_sandbox
from adapters.simulation.magic import magic_account
from schemas.money import EXPONENTS, Money
from schemas.signing.keys import Algorithm, SigningKey
from switch.approvals.kinds import Kinds
from switch.base import files
from switch.base.settings import Settings
from switch.clients.python import credit_transfer
from switch.payments import directory, rail_connection
from switch.payments.directory import DirectorySnapshot
from switch.payments.pricing import POSITION
from switch.sandbox import gateways, people
from switch.sandbox.setup import SandboxSetup, new_key
from switch.writer.client import Link
from switch.writer.kinds import Kind

FX: Final = people.FX
"""The FX provider."""
_ADD_BEARER: Final = (
    "INSERT INTO switch.bearer_key (sha256, participant) VALUES ($1, $2) ON CONFLICT DO NOTHING"
)


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
    member_ids: tuple[str, ...] = ()


def participants() -> list[Made]:
    """The banks of every country that has an adapter, and the FX provider."""
    banks = [
        Made(bank.id, bank.name, bank.bic, country.code, "direct", (country.currency,), bank.funds,
             algorithm=bank.algorithm, member_ids=_member_ids(country.code))
        for country in map(registry.country, registry.countries())
        for bank in country.banks
    ]  # fmt: skip
    currencies = tuple(registry.by_currency())
    return [
        *banks,
        Made(FX, "Silk Road FX", "SILKKZKA", "KZ", "fx_provider", currencies, 900_000_000_000),
    ]


def _member_ids(country: str) -> tuple[str, ...]:
    """The ids at a country's rail of the sandbox's bank, through which its participants are paid."""
    found = find(registry.module(country, "sandbox").account(""), registry.profile(country).creditor)
    if found is not None and found.kind is IdentifierKind.ACCOUNT:  # the sandbox's are at several banks
        found = None
    bank = None if found is None else bank_of(found)
    iban = registry.country(country).iban
    longest = len(country) + iban.bank_length if iban else None
    ids = (_member_id(country), bank.id[:longest] if bank else "")
    return tuple(each for each in ids if each)


def _member_id(country: str) -> str:
    """The id that a message states beside the BIC; empty if the rail has none."""
    return registry.module(country, "sandbox").CREDITOR_AGENT.member_id or ""


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


async def populate(settings: Settings, url: str, kinds: Kinds) -> None:
    """Create what is missing: participants with keys, accounts and money, rails, corridors, rates, people."""
    connection = await asyncpg.connect(settings.database)
    link = Link.of(settings, Kind.SANDBOX)
    await link.start()
    try:
        async with connection.transaction():
            setup = SandboxSetup(connection, link, kinds)
            there = await directory.load(connection)
            credentials = _credentials(settings.credentials_file, settings, url)
            await _participants(setup, there, settings, credentials)
            await _directions(setup, there, settings.rails)
            await gateways.populate(setup, settings.rails)
            await _bearers(connection, credentials["participants"])
            currencies = {country: currency_of(country) for country in settings.rails}
            await people.populate(setup, settings, credentials, currencies)
            _write(settings.credentials_file, credentials)  # keys are kept before the database knows them
    finally:
        await link.stop()
        await connection.close()


async def _participants(
    setup: SandboxSetup, there: DirectorySnapshot, settings: Settings, credentials: Mapping[str, Any]
) -> None:
    """Onboard participants with their keys, open accounts of further currencies, and book the funds."""
    keys = {entry["id"]: entry for entry in credentials["participants"]}
    running = [currency_of(country) for country in settings.rails]
    for made in _present(settings):
        currencies = [currency for currency in made.currencies if currency in running]
        if made.id not in there.by_id:
            await setup.make("participant.onboard", _onboarding(made, currencies, keys.get(made.id)))
        elif not set(made.member_ids) <= set(there.by_id[made.id].member_ids):  # of a version with fewer
            ids = {"participant": made.id, "member_ids": made.member_ids}
            await setup.make("participant.member_ids", ids)
        for currency in currencies:
            account = {"participant": made.id, "currency": currency}
            if made.id in there.by_id and (made.id, currency, POSITION) not in there.account_id:
                await setup.make("account.open", {**account, "net_debit_cap": str(made.cap)})
            amount = Money(made.funds * 10 ** EXPONENTS[currency], currency).text
            await setup.make("funds.in", {**account, "amount": amount, "reference": "sandbox funds in"})


def _onboarding(made: Made, currencies: Sequence[str], key: Mapping[str, str] | None) -> dict[str, Any]:
    return {
        "id": made.id,
        "name": made.name,
        "bic": made.bic,
        "country": made.country,
        "kind": made.kind,
        "member_ids": made.member_ids,
        "accounts": [{"currency": currency, "net_debit_cap": str(made.cap)} for currency in currencies],
        "keys": [] if key is None else [new_key(key)],
    }


async def _directions(setup: SandboxSetup, there: DirectorySnapshot, countries: Sequence[str]) -> None:
    """Register and open rails; open corridors with fees; set rates. What exists is not changed."""
    for country in countries:
        if country not in there.rail_by_country:
            await setup.make("rail.register", {"country": country})
            await setup.make("rail.switch", {"country": country, "open": True})
    for source, target in permutations(countries, 2):
        pair = {"source": source, "target": target}
        if (source, target) not in there.corridor_by_pair:
            await setup.make("corridor.switch", {**pair, "enabled": True})
            await setup.make("corridor.fees", {**pair, "fee_minor": FEE_MINOR, "fee_bps": FEES_BPS})
    for source, target in permutations(map(currency_of, countries), 2):
        if (source, target) not in there.rate_by_pair:
            content = {"source": source, "target": target, "provider": FX, "rate": rate(source, target)}
            await setup.make("rate.set", content)


def _present(settings: Settings) -> list[Made]:
    """Participants whose country's rail runs, and the FX provider."""
    return [made for made in participants() if made.country in settings.rails or made.kind == "fx_provider"]


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
        "member_id": _member_id(made.country),
        "currency": made.currencies[0],
        "bearer": f"sk_test_{secrets.token_urlsafe(24)}",
        "keyid": key.keyid,
        "algorithm": made.algorithm,
        "private_key": key.pem.decode(),
    }


async def _bearers(connection: asyncpg.Connection, participants: Sequence[dict[str, str]]) -> None:
    """Bearer keys, which only a sandbox has."""
    await connection.executemany(
        _ADD_BEARER, [(sha256(p["bearer"].encode()).digest(), p["id"]) for p in participants]
    )
