"""Roles of the database: each process logs in as its own, which has exactly the rights that it needs.

`grants.sql` of each package states the rights of every role; `migrate` applies it. The owner applies
migrations and owns the schema. None is a superuser. Passwords are in files that only their owner can read,
one for each role, in the format of libpq's password file, so that no URL contains one.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg


class Login(StrEnum):
    """A role that logs in."""

    OWNER = "payswitch_owner"
    """Owns the schema, applies migrations, and erases and detaches on an operator's command."""
    WRITER = "payswitch_writer"
    API = "payswitch_api"
    """API workers, which strangers, participants and rails reach."""
    PAGES = "payswitch_pages"
    """Workers of pages and of the API for people, and commands of people."""
    CARETAKER = "payswitch_caretaker"
    MESSENGER = "payswitch_messenger"
    READER = "payswitch_reader"
    """Reports, pages that only read, and commands that only read."""
    BACKUP = "payswitch_backup"
    """Copies the files of the embedded server."""


REGULATOR: Final = "payswitch_regulator"
"""The rights of central banks' logins; nobody logs in as this role."""

PROCESSES: Final = (
    Login.WRITER,
    Login.API,
    Login.PAGES,
    Login.CARETAKER,
    Login.MESSENGER,
    Login.READER,
)
"""The roles whose rights `grants.sql` states, with `REGULATOR`."""

GRANTED: Final = (*PROCESSES, REGULATOR)

_CREDENTIALS: Final = frozenset({"user", "password", "passfile"})
_ITERATIONS: Final = 4096
_EXISTING: Final = "SELECT rolname FROM pg_roles WHERE rolname = ANY($1)"


class RolesMissing(RuntimeError):
    """Roles do not exist, and the database user may not create them; the text states what to do."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of the logins, one file each in `directory`."""

    directory: Path

    def file(self, login: Login) -> Path:
        """The password file of a login."""
        return self.directory.absolute() / f"{login}.pgpass"

    def make(self, logins: Sequence[Login]) -> dict[Login, str]:
        """Read the passwords of logins; a missing one is created."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return {login: self._read(login) or self._create(login) for login in logins}

    def has(self, login: Login) -> bool:
        """Whether this process can read the password of a login."""
        return os.access(self.file(login), os.R_OK)

    def url(self, url: str, login: Login) -> str:
        """The URL with another user, whose password is in its file."""
        return _with_user(url, login, ("passfile", str(self.file(login))))

    def _read(self, login: Login) -> str:
        try:
            return self.file(login).read_text(encoding="utf-8").strip().rpartition(":")[2]
        except FileNotFoundError:
            return ""

    def _create(self, login: Login) -> str:
        """Create the file whole or not at all; of two processes that do, the second reads the first's."""
        password, file = secrets.token_urlsafe(32), self.file(login)
        part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(f"*:*:*:{login}:{password}\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(part, file)
        except FileExistsError:
            return self._read(login)
        finally:
            part.unlink()
        return password


def url_of(url: str, login: Login, password: str) -> str:
    """The URL with another user and its password."""
    return _with_user(url, f"{login}:{quote(password, safe='')}")


def _with_user(url: str, user: str, *also: tuple[str, str]) -> str:
    """The URL with another user, without the credentials of the one before, and with `also` as parameters."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in _CREDENTIALS]
    text = urlencode([*query, *also], safe="/")
    return urlunsplit(parts._replace(netloc=f"{user}@{host}", query=text))


def verifier(password: str) -> str:
    """The form in which PostgreSQL stores a password (SCRAM-SHA-256), so that no statement contains it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{text[0]}${text[1]}:{text[2]}"


def creation(passwords: Mapping[Login, str], owner: str = Login.OWNER) -> list[str]:
    """The statements that create the roles, for whoever may: each in one line, repeatable.

    `passwords`: the logins to create, with the text or the verifier of their passwords. `owner` may be
    another login, which exists.
    """
    logins = [
        statement
        for login, password in passwords.items()
        for statement in (_create(login), f"ALTER ROLE {login} LOGIN NOINHERIT PASSWORD '{password}'")
    ]
    named = _quoted(owner)
    return [
        *logins,
        _create(REGULATOR),
        f"GRANT {REGULATOR} TO {Login.READER}",
        _on_database("REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC"),
        _on_database(f"GRANT CONNECT, CREATE ON DATABASE %I TO {named}"),
    ]


def for_embedded(passwords: Mapping[Login, str]) -> list[str]:
    """`creation` for a server of our own, which has no administrator that could log in.

    Its owner also adds logins of regulators, and sees and ends sessions. The writer ends sessions that block
    it. Backups have a login.
    """
    return [
        *creation(passwords),
        f"ALTER ROLE {Login.OWNER} CREATEROLE",
        f"GRANT pg_monitor, pg_signal_backend TO {Login.OWNER} WITH INHERIT TRUE",
        f"GRANT pg_signal_backend TO {Login.WRITER} WITH INHERIT TRUE",
        f"GRANT {REGULATOR} TO {Login.OWNER} WITH ADMIN OPTION",
        f"ALTER ROLE {Login.BACKUP} REPLICATION",
    ]


def user_of(url: str) -> str:
    """The user that a URL names; empty if none."""
    parts = urlsplit(url)
    named = dict(parse_qsl(parts.query)).get("user", "")
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    return unquote(user) or named


async def missing(connection: asyncpg.Connection) -> list[str]:
    """The names of roles that this version needs and the database does not have."""
    rows = await connection.fetch(_EXISTING, list(GRANTED))
    return [name for name in GRANTED if name not in {row["rolname"] for row in rows}]


async def ensure(connection: asyncpg.Connection) -> None:
    """Create roles that do not exist, without a login.

    Raises:
        RolesMissing: the user of the connection may not create roles.

    """
    absent = await missing(connection)
    try:
        for name in absent:
            await connection.execute(_create(name))
        if absent:
            await connection.execute(f"GRANT {REGULATOR} TO {Login.READER}")
    except asyncpg.InsufficientPrivilegeError:
        raise RolesMissing(
            f"the database has no role {', '.join(absent)}: as a user who may create roles, run the script"
            " that `payswitch database roles` prints"
        ) from None


def _create(name: str) -> str:
    """Ask before: a server in single-user mode ends with an error, also with one that is caught here."""
    missing = f"NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}')"
    existing = "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL"
    return f"DO $$ BEGIN IF {missing} THEN CREATE ROLE {name}; END IF; {existing}; END $$"


def _on_database(statement: str) -> str:
    """A statement about the database of the session, whose name a script cannot know."""
    escaped = statement.replace("'", "''")
    return f"DO $$ BEGIN EXECUTE format('{escaped}', current_database()); END $$"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
