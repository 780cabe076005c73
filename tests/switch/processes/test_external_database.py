"""A switch on a PostgreSQL of somebody else: by URL, over TLS with `verify-full`, and no login is a superuser."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from ledger import backup
from ledger.backup import BackupError
from ledger.postgres import unprivileged_account
from ledger.roles import PROCESSES, Login
from switch.base.settings import Settings
from switch.cli import preflight
from switch.cli.database import app
from switch.cli.supervisor import StartError, Supervisor, running
from switch.clients.python import PaymentState
from tests.switch.stack import Stack

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
"""Servers of the distribution; the one that we bring was built without TLS."""


_LOGINS: Final = (
    "SELECT usename, usesuper, ssl FROM pg_stat_activity JOIN pg_user USING (usename) JOIN pg_stat_ssl USING (pid)"
    " WHERE datname = 'switch' AND usename NOT IN ('postgres', 'payswitch_owner')"
)


@dataclass(frozen=True)
class External:
    """The server: its directory with the files of TLS, and its port on the loopback interface."""

    directory: Path
    port: int

    @property
    def superuser(self) -> str:
        """The URL of its operator, at the machine itself."""
        return f"postgresql://postgres@/switch?host={self.directory}&port={self.port}"

    @property
    def owner(self) -> str:
        return f"postgresql://{Login.OWNER}@localhost:{self.port}/switch?sslmode=verify-full&sslrootcert={self.root}"

    @property
    def root(self) -> Path:
        return self.directory / "root.crt"


@pytest.fixture
def external(data_directory: Path) -> Iterator[External]:
    if not INSTALLED:
        pytest.skip("PostgreSQL of the distribution is not installed (Debian package postgresql)")
    programs, directory = INSTALLED[-1].parent, data_directory / "server"
    directory.mkdir()
    _write_certificates(directory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = External(directory, free.getsockname()[1])
    account = unprivileged_account()
    options = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    if account is not None:
        data_directory.chmod(0o711)
        for path in (directory, *directory.iterdir()):
            os.chown(path, account.uid, account.gid)
    data = directory / "data"
    _run(
        [programs / "initdb", "--auth=trust", "--username=postgres", "--locale=C.UTF-8", "-D", data],
        **options,
    )
    (data / "pg_hba.conf").write_text(
        "local   all postgres              trust\nhostssl all all      127.0.0.1/32 scram-sha-256\n"
    )
    settings = {
        "fsync": "off", "shared_buffers": "64MB", "port": str(server.port), "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(directory), "ssl": "on", "ssl_cert_file": str(directory / "server.crt"),
        "ssl_key_file": str(directory / "server.key"),
    }  # fmt: skip
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (data_directory / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *words], stderr=log, cwd="/", **options
        )
    try:
        _until_ready(programs, server)
        _run(
            [
                programs / "psql",
                server.superuser.replace("/switch", "/postgres"),
                "-qc",
                "CREATE DATABASE switch",
            ]
        )
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # without waiting for its clients
        process.wait(30)


def _run(words: list[object], **options: object) -> None:
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, check=False, cwd="/", **options
    )
    assert done.returncode == 0, done.stderr


def _until_ready(programs: Path, server: External) -> None:
    end = time.monotonic() + 60
    words = [programs / "pg_isready", "-q", "-h", server.directory, "-p", str(server.port)]
    while subprocess.run(words, check=False).returncode != 0:
        assert time.monotonic() < end, "the server is not ready"
        time.sleep(0.1)


def _write_certificates(directory: Path) -> None:
    """An authority of our own, and the server's certificate for `localhost`."""
    authority, authority_key = _certificate("Authority of the test", None, None)
    server, key = _certificate("localhost", authority, authority_key)
    (directory / "root.crt").write_bytes(authority.public_bytes(Encoding.PEM))
    (directory / "server.crt").write_bytes(server.public_bytes(Encoding.PEM))
    file = directory / "server.key"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)


def _certificate(
    name: str, issuer: x509.Certificate | None, signer: ec.EllipticCurvePrivateKey | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.2"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signer or key, hashes.SHA256())
    )
    return built, key


@pytest.mark.long
def test_a_payment_on_an_external_database(external: External, data_directory: Path) -> None:
    """The whole way: the printed script, run by the database's operator; then one URL, and a payment."""
    data = data_directory / "data"
    settings = Settings(
        data=data, database=external.owner, sandbox=True, rails=("IN", "PK"), port=0, time_scale=0.02,
        sandbox_latency_s=0.01, payment_expiry_s=30,
    )  # fmt: skip
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(preflight.reach(external.owner))
    printed = CliRunner().invoke(app, ["roles", "--data", str(data)]).output
    for _ in range(2):
        asyncio.run(_as_operator(external, "execute", printed))

    assert not any(password in printed for password in settings.passwords.make(PROCESSES).values())

    with running(settings, lambda _: None) as supervisor:
        paid = asyncio.run(_pay(Stack(supervisor)))
        rows = asyncio.run(_as_operator(external, "fetch", _LOGINS))

    assert paid.status == "ACCC"
    assert {row["usename"] for row in rows} == set(PROCESSES)
    assert all(row["ssl"] and not row["usesuper"] for row in rows)


async def _pay(switch: Stack) -> PaymentState:
    async with switch.client("asha-bank") as client:
        return await client.pay(switch.document("asha-bank", "indus-bank"), wait=20)


async def _as_operator(external: External, does: str, statement: str) -> Any:
    connection = await asyncpg.connect(external.superuser)
    try:
        return await getattr(connection, does)(statement)
    finally:
        await connection.close()


def test_a_wrong_password_is_one_line_of_a_start(external: External, tmp_path: Path) -> None:
    """Neither `up` nor `run` waits for a database that refuses the login, and neither shows the password."""
    asyncio.run(_as_operator(external, "execute", "CREATE ROLE payswitch_owner LOGIN PASSWORD 'another'"))
    url = external.owner.replace(f"{Login.OWNER}@", f"{Login.OWNER}:CANARY@")
    for words, cannot in ((("up", "--port", "0"), "be reached"), (("run", "writer"), "be used")):
        done = subprocess.run(
            [sys.executable, "-m", "switch.cli", *words],
            env={
                **os.environ,
                "PAYSWITCH_DATA": str(tmp_path),
                "PAYSWITCH_DATABASE": url,
                "PAYSWITCH_RAILS": "[]",
                "PAYSWITCH_AUTHORITY": "switch.example",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(
            f"payswitch: the database cannot {cannot}: the database refuses the connection: password"
            ' authentication failed for user "payswitch_owner"; run the script of `payswitch database roles`, or compare'
            " DATA/keys/database/payswitch_owner.pgpass; check PAYSWITCH_DATABASE"
        )
        assert "CANARY" not in done.stdout


@pytest.mark.long
def test_another_authority_or_name_is_refused(external: External, data_directory: Path) -> None:
    """`verify-full`: neither a certificate of another authority nor one of another host is believed."""
    _write_certificates(data_directory)
    other_root = external.owner.replace(str(external.root), str(data_directory / "root.crt"))
    other_name = external.owner.replace("localhost", "127.0.0.1")
    for url in (other_root, other_name):
        supervisor = Supervisor(
            Settings(
                data=data_directory / "data", database=url, rails=(), port=0, authority="switch.example"
            ),
            print,
        )
        try:
            with pytest.raises(StartError, match="the certificate of the database's server is not accepted"):
                supervisor.start(within_s=30)
        finally:
            supervisor.stop()


@pytest.mark.long
def test_a_backup_over_tls_is_made_by_the_program_of_the_machine(
    external: External, data_directory: Path, tmp_path: Path
) -> None:
    """The packaged program has no TLS: it could not copy a database by URL at all."""
    rules = external.directory / "data" / "pg_hba.conf"
    rules.write_text(f"{rules.read_text()}hostssl replication all 127.0.0.1/32 scram-sha-256\n")
    asyncio.run(_as_operator(external, "execute", "CREATE ROLE copier LOGIN REPLICATION PASSWORD 'copier'"))
    asyncio.run(_as_operator(external, "fetch", "SELECT pg_reload_conf()"))
    version = int(asyncio.run(_as_operator(external, "fetchval", "SHOW server_version_num"))) // 10_000
    url = external.owner.replace(f"{Login.OWNER}@", "copier:copier@")

    made = backup.make(url, data_directory / "backups", backup.program_for(version))

    assert backup.problems(made) == []
    with pytest.raises(BackupError, match="the packaged one has no TLS; install postgresql-client"):
        backup.make(url, tmp_path / "none")


def test_the_newest_program_that_is_not_older_than_the_server_is_chosen(tmp_path: Path) -> None:
    tools = []
    for version in (15, 98, 99):
        tools.append(tmp_path / f"tool-{version}")
        tools[-1].write_text(f"#!/bin/sh\necho 'pg_basebackup (PostgreSQL) {version}.3 (Debian)'\n")
        tools[-1].chmod(0o700)

    assert backup.program_for(98, tools) == tools[2]
    assert backup.program_for(98, tools[:2]) == tools[1]
    with pytest.raises(BackupError, match=r"no pg_basebackup of that version .*\(found: 15\): install post"):
        backup.program_for(98, tools[:1])
