"""Why a process could not start or continue, in one line for people: what is wrong, and what to do.

The texts of exceptions are not shown, as they may contain data of a client or a password, except those that
are ours or that can only contain names of files, roles and hosts.
"""

import errno
import socket
import ssl
from dataclasses import dataclass
from typing import Final

import asyncpg
from pydantic import ValidationError

from ledger.high_water import AnotherLog, Damaged
from ledger.migrate import MigrationError
from ledger.postgres import PostgresError
from ledger.roles import RolesMissing
from schemas.errors import NotFound, SwitchError
from switch.base import logs, settings

_REFUSED_BY_DATABASE: Final = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_NO_ROLE: Final = (
    "; run the script of `payswitch database roles`, or compare DATA/keys/database/payswitch_owner.pgpass"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason in one line; `lasting`: a person must act, so a retry alone cannot help."""

    text: str
    lasting: bool


class Impossible(RuntimeError):
    """A person must fix something before a start can succeed; the text states what."""


def of(error: BaseException) -> Cause:
    """The cause of an exception."""
    known = _of_database(error) or _of_system(error) or _of_ours(error)
    return known or Cause(f"{type(error).__name__} at {logs.where(error)}", lasting=False)


def _of_database(error: BaseException) -> Cause | None:
    if isinstance(error, _REFUSED_BY_DATABASE):
        roles = "" if isinstance(error, asyncpg.InvalidCatalogNameError) else _NO_ROLE
        return Cause(f"the database refuses the connection: {error}{roles}", lasting=True)
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return Cause(
            f"the database user may not do this: {error}; as a user who may create roles, run the script that"
            " `payswitch database roles` prints",
            lasting=True,
        )
    if isinstance(error, (asyncpg.ClientConfigurationError, asyncpg.InterfaceError)) and _is_url(error):
        return Cause("it is not a PostgreSQL URL, as in postgresql://user@host/database", lasting=True)
    if isinstance(error, asyncpg.DiskFullError):
        return Cause("the disk of the database is full: free space", lasting=False)
    if isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return Cause(f"the database is unavailable: {type(error).__name__}", lasting=False)
    return None


def _is_url(error: BaseException) -> bool:
    """Whether asyncpg could not parse the URL; it has no exception class for most of these failures."""
    return isinstance(error, asyncpg.ClientConfigurationError) or "invalid DSN" in str(error)


def _of_system(error: BaseException) -> Cause | None:
    if not isinstance(error, OSError):
        return None
    text, lasting = error.strerror or type(error).__name__, False
    if isinstance(error, ssl.SSLCertVerificationError):
        lasting = True
        text = f"the certificate of the database's server is not accepted: {error.verify_message}"
    elif isinstance(error, socket.gaierror):
        lasting = error.errno != socket.EAI_AGAIN
        text = f"the host of the database is not known: {error.strerror}"
    elif isinstance(error, PermissionError) and error.filename:
        text, lasting = (
            f"{error.filename} cannot be used: {error.strerror}; give the switch's user access",
            True,
        )
    elif error.errno == errno.ENOSPC:
        text = f"a disk is full{f': {error.filename}' if error.filename else ''}"
    elif isinstance(error, (ConnectionError, TimeoutError)):
        text = "the database or the writer does not respond"
    elif error.filename:
        text = f"{error.filename}: {text}"
    return Cause(text, lasting)


def _of_ours(error: BaseException) -> Cause | None:
    if isinstance(error, ValidationError):
        return Cause("; ".join(settings.faults(error)), lasting=True)
    if isinstance(error, (MigrationError, RolesMissing, AnotherLog, Damaged, Impossible)):
        return Cause(str(error), lasting=True)
    if isinstance(error, NotFound):
        return Cause(error.detail, lasting=True)
    if isinstance(error, SwitchError):
        return Cause(error.detail, lasting=False)
    if isinstance(error, PostgresError):
        return Cause(str(error), lasting=False)
    return None
