"""Addresses of the writer, and the TLS of both sides.

    unix:///run/payswitch/writer.sock    a socket of this machine
    tcp+tls://writer-1.example:8330      another machine: TLS 1.3, both sides with a certificate

A client checks that the certificate of the writer names the host of its address. The writer checks that the
certificate of a client names a peer in PAYSWITCH_WRITER_PEERS, which also limits what it may send.
"""

import hashlib
import os
import pwd
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from switch.base.settings import Settings
from switch.writer.kinds import PRODUCTION, Kind

TLS_SCHEME: Final = "tcp+tls"
_UNIX: Final = "unix"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a writer listens: a socket file, or a host and a port with TLS."""

    path: Path | None = None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path is not None:
            return f"{_UNIX}://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{TLS_SCHEME}://{host}:{self.port}"


def parse(text: str) -> Address:
    """Read an address.

    Raises:
        ValueError: it is none; the text says why.

    """
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme == _UNIX and parts.path.startswith("/") and not parts.netloc:
        return Address(path=Path(parts.path))
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if parts.scheme == TLS_SCHEME and parts.hostname and port and plain:
        return Address(host=parts.hostname, port=port)
    raise ValueError(f"{text!r} is neither {TLS_SCHEME}://HOST:PORT nor {_UNIX}:///PATH")


def of(settings: Settings) -> tuple[Address, ...]:
    """The addresses at which clients look for the writer; by default the socket in the data directory."""
    return tuple(map(parse, settings.writer)) or (Address(path=settings.writer_socket),)


def client_context(settings: Settings) -> ssl.SSLContext:
    """TLS of a client of the writer.

    Raises:
        OSError: a file is missing, or not what it should be (`ssl.SSLError`).

    """
    return _context(settings, ssl.PROTOCOL_TLS_CLIENT)


def server_context(settings: Settings) -> ssl.SSLContext:
    """TLS of the writer: clients without a certificate of our authorities are not connected.

    Raises:
        OSError: a file is missing, or not what it should be (`ssl.SSLError`).

    """
    made = _context(settings, ssl.PROTOCOL_TLS_SERVER)
    made.num_tickets = 0  # no session is resumed: every connection shows its certificate
    return made


def _context(settings: Settings, side: int) -> ssl.SSLContext:
    made = ssl.SSLContext(side)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    made.options |= ssl.OP_NO_COMPRESSION
    made.load_verify_locations(cafile=settings.writer_tls_ca)
    assert settings.writer_tls_certificate is not None
    made.load_cert_chain(settings.writer_tls_certificate, settings.writer_tls_key, password=_no_password)
    return made


def _no_password() -> str:
    """Keys have no password: without this function OpenSSL would ask for one at the terminal."""
    return ""


def names_in(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """The names in the subject alternative name of a certificate, as `SSLSocket.getpeercert` returns it."""
    names = (certificate or {}).get("subjectAltName", ())
    return frozenset(name for sort, name in names if sort in {"DNS", "URI"})


def kinds_named(names: frozenset[str], peers: Mapping[str, Sequence[str]]) -> frozenset[Kind]:
    """The kinds of process that a peer with these names may be; none for a stranger."""
    return frozenset(
        Kind(kind)
        for pattern, kinds in peers.items()
        if any(_matches(pattern, name) for name in names)
        for kind in kinds
    )


def _matches(pattern: str, name: str) -> bool:
    """`*.example` is every name with one more label; any other pattern is the name itself."""
    if pattern.startswith("*."):
        label, _, rest = name.partition(".")
        return bool(label) and rest.lower() == pattern[2:].lower()
    return name == pattern


def token_of(settings: Settings, kinds: Collection[Kind]) -> str:
    """The token of this process: its own, or that of the commands on this machine."""
    if settings.writer_token or settings.writer or set(kinds) != {Kind.OPERATOR}:
        return settings.writer_token
    try:
        return settings.operator_token_file.read_text()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class LocalPeers:
    """What processes on the local socket may be: by their token if there are tokens, and by their user."""

    users: Mapping[str, Sequence[str]]
    tokens: Mapping[str, Sequence[str]]
    allowed: frozenset[Kind]
    """Kinds that this installation has at all."""

    @classmethod
    def of(cls, settings: Settings) -> "LocalPeers":
        """What the settings of the writer say."""
        allowed = frozenset(Kind) if settings.sandbox else PRODUCTION
        return cls(settings.writer_users, settings.writer_tokens, allowed)

    def kinds(self, user_id: int, token: str) -> frozenset[Kind]:
        """The kinds of process that are proved by the user, as the kernel states it, and the token."""
        proved = self.allowed
        if self.tokens:
            digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
            proved &= frozenset(map(Kind, self.tokens.get(digest, ())))
        if self.users:
            return proved & kinds_of_user(user_id, self.users)
        return proved if user_id == os.geteuid() else frozenset()


def kinds_of_user(user_id: int, users: Mapping[str, Sequence[str]]) -> frozenset[Kind]:
    """The kinds of process that a user of this machine may run; none for a stranger."""
    try:
        name = pwd.getpwuid(user_id).pw_name
    except KeyError:
        return frozenset()
    return frozenset(map(Kind, users.get(name, ())))


def faults(settings: Settings, *, writes: bool) -> Iterator[str]:
    """Everything that is wrong with the settings of this module; `writes`: for a writer, not its clients."""
    used = settings.writer_listen if writes else settings.writer
    variable = "PAYSWITCH_WRITER_LISTEN" if writes else "PAYSWITCH_WRITER"
    remote = False
    for text in used:
        try:
            remote |= parse(text).path is None
        except ValueError as error:
            yield f"{variable}: {error}"
    if remote:
        yield from _faults_of_files(settings, server_context if writes else client_context)
    if writes:
        if remote and not settings.writer_peers:
            yield "PAYSWITCH_WRITER_PEERS is missing: which names in certificates may be which processes"
        yield from _faults_of_kinds("PAYSWITCH_WRITER_PEERS", settings.writer_peers)
        yield from _faults_of_kinds("PAYSWITCH_WRITER_USERS", settings.writer_users)
        yield from _faults_of_kinds("PAYSWITCH_WRITER_TOKENS", settings.writer_tokens)
        yield from _faults_of_users(settings.writer_users)


def _faults_of_files(settings: Settings, context: Any) -> Iterator[str]:
    files = {
        "PAYSWITCH_WRITER_TLS_CERTIFICATE": settings.writer_tls_certificate,
        "PAYSWITCH_WRITER_TLS_KEY": settings.writer_tls_key,
        "PAYSWITCH_WRITER_TLS_CA": settings.writer_tls_ca,
    }
    absent = [name for name, file in files.items() if file is None or not file.is_file()]
    for name in absent:
        yield f"{name}: {files[name] or 'it is not set'}{' is not a file' if files[name] else ''}"
    key = settings.writer_tls_key
    if key is not None and key.is_file() and key.stat().st_mode & 0o007:
        yield f"{key} can be read by others: run `chmod o= {key}`"
    if not absent:
        try:
            context(settings)
        except OSError as error:
            yield f"the certificate, its key or the authorities cannot be used: {error}"


def _faults_of_kinds(variable: str, given: Mapping[str, Sequence[str]]) -> Iterator[str]:
    known = ", ".join(Kind)
    for name, kinds in given.items():
        for kind in kinds:
            if kind not in set(Kind):
                yield f"{variable}: {name} cannot be a {kind!r}; the kinds are {known}"


def _faults_of_users(given: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name in given:
        try:
            pwd.getpwnam(name)
        except KeyError:
            yield f"PAYSWITCH_WRITER_USERS: this machine has no user {name}"
