"""People of the sandbox: of each role, and of each participant; settlement agents and schedules.

Everything is repeatable. Passwords, authenticator secrets and bearer keys are in the credentials file; an
installation with real money never reads it.
"""

import secrets as random
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import asyncpg
from argon2 import PasswordHasher

from schemas.signing.keys import SigningKey
from switch.base.calendars import home_of
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.identity import secrets
from switch.identity.model import Role

SCHEME_BIC: Final = "PSWTKZKA"
_CLOSES_AT: Final = ("18:00",)
_statement: Final = statements("switch.sandbox")
_ADD: Final = _statement("add_person")
_ADD_AGENT: Final = _statement("add_agent")
_ADD_KEY: Final = _statement("add_key_of_participant")
_ADD_AGENT_OF_CURRENCY: Final = _statement("add_agent_of_currency")
_ADD_SCHEDULE: Final = _statement("add_schedule")


def people(countries: Sequence[str], participants: Sequence[str]) -> dict[str, tuple[Role, str]]:
    """People: name -> role and scope. The name of a participant's person is the participant's id."""
    return {
        "operator": (Role.OPERATOR, ""),
        "checker": (Role.CHECKER, ""),
        "auditor": (Role.AUDITOR, ""),
        "participant": (Role.PARTICIPANT, participants[0]),
        **{participant: (Role.PARTICIPANT, participant) for participant in participants},
        **{f"regulator-{country.lower()}": (Role.REGULATOR, country) for country in countries},
    }


async def populate(
    connection: asyncpg.Connection,
    settings: Settings,
    credentials: dict[str, Any],
    currencies: Mapping[str, str],
) -> None:
    """Create missing people, settlement agents and schedules; fill in `credentials`."""
    countries = sorted(
        row["country"] for row in await connection.fetch("SELECT DISTINCT country FROM switch.participant")
    )
    participants = sorted(entry["id"] for entry in credentials["participants"])
    made = credentials.setdefault("people", {})
    for name, (role, scope) in people(countries, participants).items():
        entry = made.setdefault(name, _credentials(role, scope))
        await _person(connection, settings, name, entry)
    agents = credentials.setdefault("settlement_agents", {})
    for country, currency in currencies.items():
        agents.setdefault(currency, _agent_credentials(country))
        await _agent(connection, country, currency, agents[currency])
        await _schedule(connection, currency)


def _credentials(role: Role, scope: str) -> dict[str, str]:
    return {
        "role": str(role),
        "scope": scope,
        "password": random.token_urlsafe(12),
        "totp_secret": secrets.new_totp(),
        "bearer": f"sk_test_{random.token_urlsafe(24)}",
    }


async def _person(
    connection: asyncpg.Connection, settings: Settings, name: str, entry: Mapping[str, str]
) -> None:
    if await connection.fetchval("SELECT true FROM switch.person WHERE name = $1", name):
        return
    await connection.execute(
        _ADD,
        name,
        f"Sandbox {name}",
        entry["role"],
        entry["scope"],
        _hash(entry["password"]),
        secrets.Seal(settings.data).seal(entry["totp_secret"]),
    )
    await connection.execute(
        "INSERT INTO switch.person_bearer_key (sha256, person) VALUES ($1, $2)",
        sha256(entry["bearer"].encode()).digest(),
        name,
    )


def _hash(password: str) -> str:
    """A cheap hash: the password is random, and the sandbox must start quickly."""
    return PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(password)


def _agent_credentials(country: str) -> dict[str, str]:
    name = f"settlement-{country.lower()}"
    return {
        "id": name,
        "bic": f"SETL{country}AA",
        "bearer": f"sk_test_{random.token_urlsafe(24)}",
        "keyid": f"{name}-1",
        "private_key": SigningKey.generate(f"{name}-1").pem.decode(),
    }


async def _agent(
    connection: asyncpg.Connection, country: str, currency: str, entry: Mapping[str, str]
) -> None:
    key = SigningKey.from_pem(entry["keyid"], entry["private_key"].encode()).public
    await connection.execute(
        _ADD_AGENT, entry["id"], f"Settlement agent of {currency}", entry["bic"], country
    )
    await connection.execute(_ADD_KEY, key.keyid, entry["id"], key.algorithm, key.pem.decode())
    await connection.execute(
        "INSERT INTO switch.bearer_key (sha256, participant) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        sha256(entry["bearer"].encode()).digest(),
        entry["id"],
    )
    await connection.execute(_ADD_AGENT_OF_CURRENCY, currency, entry["id"], SCHEME_BIC, f"SCHEME{currency}")


async def _schedule(connection: asyncpg.Connection, currency: str) -> None:
    country, zone = home_of(currency)
    await connection.execute(_ADD_SCHEDULE, currency, country, zone, list(_CLOSES_AT))
