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
from switch.sandbox.setup import SandboxSetup, new_key

FX: Final = "silkroad-fx"
"""The FX provider of the sandbox."""
SCHEME_BIC: Final = "PSWTKZKA"
_CLOSES_AT: Final = ("18:00",)
_statement: Final = statements("switch.sandbox")
_ADD: Final = _statement("add_person")
_ADD_BEARER: Final = (
    "INSERT INTO switch.bearer_key (sha256, participant) VALUES ($1, $2) ON CONFLICT DO NOTHING"
)
_IS_PARTICIPANT: Final = "SELECT true FROM switch.participant WHERE id = $1"
_HAS_AGENT: Final = "SELECT true FROM switch.settlement_agent WHERE currency = $1"
_HAS_SCHEDULE: Final = "SELECT true FROM switch.window_schedule WHERE currency = $1"


def people(countries: Sequence[str], participants: Sequence[str]) -> dict[str, tuple[Role, str]]:
    """People: name -> role and scope. The name of a participant's person is the participant's id.

    The FX provider has two, since two people set its rates.
    """
    return {
        "operator": (Role.OPERATOR, ""),
        "checker": (Role.CHECKER, ""),
        "auditor": (Role.AUDITOR, ""),
        "officer": (Role.OFFICER, ""),
        "second-officer": (Role.OFFICER, ""),
        "participant": (Role.PARTICIPANT, participants[0]),
        **{participant: (Role.PARTICIPANT, participant) for participant in participants},
        FX: (Role.PARTICIPANT, FX),
        f"{FX}-2": (Role.PARTICIPANT, FX),
        **{f"regulator-{country.lower()}": (Role.REGULATOR, country) for country in countries},
    }


async def populate(
    setup: SandboxSetup,
    settings: Settings,
    credentials: dict[str, Any],
    currencies: Mapping[str, str],
) -> None:
    """Create missing people, settlement agents and schedules; fill in `credentials`."""
    connection = setup.connection
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
        await _agent(setup, country, currency, agents[currency])
        if not await connection.fetchval(_HAS_SCHEDULE, currency):
            await _schedule(setup, currency)


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


async def _agent(setup: SandboxSetup, country: str, currency: str, entry: Mapping[str, str]) -> None:
    if not await setup.connection.fetchval(_IS_PARTICIPANT, entry["id"]):
        content = {
            "id": entry["id"],
            "name": f"Settlement agent of {currency}",
            "bic": entry["bic"],
            "country": country,
            "kind": "settlement_agent",
            "keys": [new_key(entry)],
        }
        await setup.make("participant.onboard", content)
    await setup.connection.execute(_ADD_BEARER, sha256(entry["bearer"].encode()).digest(), entry["id"])
    if not await setup.connection.fetchval(_HAS_AGENT, currency):
        content = {"currency": currency, "agent": entry["id"], "scheme_bic": SCHEME_BIC}
        await setup.make("settlement_agent.set", {**content, "account": f"SCHEME{currency}"})


async def _schedule(setup: SandboxSetup, currency: str) -> None:
    country, zone = home_of(currency)
    content = {"currency": currency, "country": country, "zone": zone, "closes_at": list(_CLOSES_AT)}
    await setup.make("schedule.set", content)
