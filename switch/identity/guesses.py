"""Guesses at a person's password and code: they delay whoever makes them, and never lock the person out.

Each name has a budget for each source, counted before anything is checked. A device from which the person
signed in before, which proves it by a cookie, is a source of its own: what strangers do does not concern it.
After `FREE` failures a source waits, twice as long each time. If strangers together fail `STRANGERS_MAX`
times in `WINDOW_S`, all of them wait. Beyond its budget an attempt is still right with a passkey or two
consecutive codes of the authenticator: nobody guesses these, and a person who has one can always sign in.
Everything else costs no hash of a password there, and gets the answer of every mistake. Names that nobody has
are counted alike.
"""

import hashlib
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

import asyncpg
from cryptography.fernet import InvalidToken

from switch.base.sql import statements
from switch.identity import secrets
from switch.writer.context import ServiceContext

FREE: Final = 10
"""Attempts of one source without a delay."""
DELAYS_S: Final = (30.0, 900.0)
"""The first delay of a source, and the longest."""
STRANGERS_MAX: Final = 20
WINDOW_S: Final = 3600.0
DEVICE_COOKIE: Final = "__Host-payswitch-device"
DEVICE_S: Final = 180 * 86_400
_PREFIXES: Final = {4: 24, 6: 64}

_statement: Final = statements("switch.identity")
_COUNT: Final = _statement("count_attempt")
_STRANGERS: Final = _statement("failures_of_strangers")
_RECENT: Final = _statement("recent_failures")
_FORGET: Final = _statement("forget_failures")


@dataclass(frozen=True, slots=True)
class SignInSource:
    """Where an attempt comes from; `is_known`: the person signed in from there before."""

    key: str
    is_known: bool = False


MACHINE: Final = SignInSource("machine", is_known=True)
"""The command line on the machine of the switch."""
CONFIRMATION: Final = SignInSource("confirmation", is_known=True)
"""A person who is signed in confirms with the second factor."""


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """An attempt that was counted. `is_last`: the next one of this source, or of all strangers, must wait."""

    is_admitted: bool
    is_last: bool


def source(context: ServiceContext, name: str, address: str, cookie: str) -> SignInSource:
    """The source of an attempt: the device whose cookie was made for this name, otherwise the network."""
    if cookie and _name_in(context, cookie) == name:
        return SignInSource(f"device {hashlib.sha256(cookie.encode()).hexdigest()[:32]}", is_known=True)
    return SignInSource(f"network {_network(address)}")


def device_cookie(context: ServiceContext, name: str) -> str:
    """Make the cookie of a device from which a person has just signed in."""
    return secrets.Seal(context.data).seal(name)


async def count(connection: asyncpg.Connection, name: str, at: SignInSource) -> SignInAttempt:
    """Count an attempt as a failure, until `forgive`."""
    hashed = _hash(name)
    strangers = 0 if at.is_known else await connection.fetchval(_STRANGERS, hashed, WINDOW_S)
    if strangers >= STRANGERS_MAX:
        return SignInAttempt(is_admitted=False, is_last=False)
    row = await connection.fetchrow(_COUNT, hashed, at.key, at.is_known, FREE, *DELAYS_S, WINDOW_S)
    is_last = row["failures"] >= FREE or strangers + 1 == STRANGERS_MAX
    return SignInAttempt(row["is_admitted"], row["is_admitted"] and is_last)


async def forgive(connection: asyncpg.Connection, name: str, at: SignInSource) -> None:
    """Forget the failures of a source from which the person has signed in."""
    await connection.execute(
        "DELETE FROM switch.sign_in_failure WHERE name = $1 AND source = $2", _hash(name), at.key
    )


async def recent(connection: asyncpg.Connection, names: list[str]) -> dict[str, int]:
    """Failures in the last hour by name, for those of `names` that have any."""
    found = {row["name"]: row["failures"] for row in await connection.fetch(_RECENT, WINDOW_S)}
    return {name: found[_hash(name)] for name in names if _hash(name) in found}


async def forget_old(connection: asyncpg.Connection) -> None:
    """Delete failures that count no more."""
    await connection.execute(_FORGET, 2 * WINDOW_S)


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


def _name_in(context: ServiceContext, cookie: str) -> str | None:
    try:
        return secrets.Seal(context.data).open(cookie, within_s=DEVICE_S)
    except (InvalidToken, FileNotFoundError, ValueError):
        return None


def _network(address: str) -> str:
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(ip_network((known, _PREFIXES[known.version]), strict=False))
