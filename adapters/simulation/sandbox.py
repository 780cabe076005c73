"""Everything that a sandbox needs to connect to one simulated rail, made once and kept.

`prepare` makes, in `DIR`: an authority for TLS, a certificate for this machine, and signing keys for the rail
and for us. Only their owner can read private files. It returns the `RailConnection` for the adapter and the
command line that starts the rail.
"""

import ipaddress
import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters import registry
from adapters.port import RailConnection

LIFETIME: Final = timedelta(days=3650)
FRAMES: Final = "tls"
"""`SCHEME` in the sandbox module of a rail that uses frames over TLS with MACs."""
_PORTS: Final = range(20000, 32768)
"""Below the ports that Linux assigns to outgoing connections and to requests for any port."""
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def prepare(
    directory: Path,
    country: str,
    *,
    port: int,
    callback_url: str,
    time_scale: float = 1.0,
    latency_s: float = 0.05,
    callback_ca: Path | None = None,
    credentials: Path | None = None,
) -> tuple[RailConnection, list[str]]:
    """What the switch needs to connect to a simulated rail, and the command that starts the rail.

    Existing files are reused, so a restarted sandbox keeps its keys and its book.

    Raises:
        NotFound: no adapter for this country.

    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = registry.module(country, "sandbox")
    identity: Mapping[str, str] = place.IDENTITY
    scheme = getattr(place, "SCHEME", "https")
    _make_tls(directory)
    for name in ("rail", "participant"):
        (_make_mac_key if scheme == FRAMES else _make_signing_key)(directory, name)
    connection_file = directory / "connection.json"
    write_private(
        connection_file,
        json.dumps(
            {
                "rail_key": str(directory / "rail.key"),
                "participant_key": str(directory / "participant.pub"),
                "callback_ca": str(callback_ca) if callback_ca else None,
                "identity": dict(identity),
            },
            indent=2,
        ).encode(),
    )
    connection = RailConnection(
        base_url=f"{scheme}://127.0.0.1:{port}",
        ca_file=directory / "ca.crt",
        signing_key=(directory / "participant.key").read_bytes(),
        rail_key=(directory / "rail.pub").read_bytes(),
        identity=identity,
        time_scale=time_scale,
        simulated=True,
    )
    # fmt: off
    command = [
        sys.executable, "-m", "adapters.simulation", country,
        "--port", str(port),
        "--data", str(directory),
        "--callback", callback_url,
        "--certificate", str(directory / "server.crt"),
        "--key", str(directory / "server.key"),
        "--connection", str(connection_file),
        "--time-scale", str(time_scale),
        "--latency", str(latency_s),
        *(("--credentials", str(credentials)) if credentials else ()),
    ]
    # fmt: on
    return connection, command


def issue_client(directory: Path) -> None:
    """Make an authority for participants, `client-ca.crt`, and our certificate, `client.crt` with its key.

    Only once, because the authority's key is not kept. A rail with `--client-ca` refuses all other clients.
    """
    if (directory / "client-ca.crt").exists():
        return
    authority_key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "payswitch simulated participants")])
    client = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "payswitch")])
    write_private(directory / "client.key", _private_pem(client_key))
    certificate = _leaf(client, ExtendedKeyUsageOID.CLIENT_AUTH, client_key, authority, authority_key)
    write_private(
        directory / "client.crt", certificate.sign(authority_key, hashes.SHA256()).public_bytes(Encoding.PEM)
    )
    own = _authority(authority, authority_key).sign(authority_key, hashes.SHA256())
    write_private(directory / "client-ca.crt", own.public_bytes(Encoding.PEM))


def is_simulated(directory: Path) -> bool:
    """Whether `prepare` made the rail of this directory: only simulated rails store a certificate here."""
    return (directory / "server.crt").exists()


def is_paid(country: str, named: str, account: str) -> bool:
    """Whether a simulated rail pays an account or alias, in its own format, to `account`.

    An alias represents an account, and an account may be followed by `@` and its branch.
    """
    aliases: Mapping[str, str | None] = getattr(registry.module(country, "sandbox"), "ALIASES", {})
    return account in {named, aliases.get(named)} or account.partition("@")[0] == named


def free_port() -> int:
    """An unused port that the kernel does not assign to others while its server is stopped.

    It is this process's as long as it lives: no other one that asks here is given the same.
    """
    for _ in _PORTS:
        port = secrets.choice(_PORTS)
        if _is_unused(port) and _claim(port):
            return port
    raise OSError("no port is free")


def _is_unused(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _claim(port: int) -> bool:
    """Claim a port by a name that ends with this process, however it ends; False if it is claimed.

    Between the choice of a port and the start of its server another process could choose it too.
    """
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0payswitch port {port}")
    except OSError:
        claim.close()
        return False
    claim.detach()
    return True


def _make_tls(directory: Path) -> None:
    """An authority and a certificate for 127.0.0.1 and localhost; both or none are made."""
    if (directory / "server.crt").exists():
        return
    authority_key, server_key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "payswitch sandbox authority")])
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    authority_certificate = _authority(authority, authority_key).sign(authority_key, hashes.SHA256())
    certificate = (
        _leaf(server, ExtendedKeyUsageOID.SERVER_AUTH, server_key, authority, authority_key)
        .add_extension(names, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_private(directory / "server.key", _private_pem(server_key))
    write_private(directory / "ca.crt", authority_certificate.public_bytes(Encoding.PEM))
    # Last, because its presence shows that everything is complete. The authority's key is not kept.
    write_private(directory / "server.crt", certificate.public_bytes(Encoding.PEM))


def _authority(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        _certificate(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _leaf(
    name: x509.Name,
    purpose: x509.ObjectIdentifier,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Name,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    return (
        _certificate(name, authority, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _make_signing_key(directory: Path, name: str) -> None:
    """RSA key pair `NAME.key` and `NAME.pub`."""
    public_file = directory / f"{name}.pub"
    if public_file.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private(directory / f"{name}.key", _private_pem(key))
    write_private(public_file, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _make_mac_key(directory: Path, name: str) -> None:
    """An AES key that both sides know: `NAME.key` and `NAME.pub` contain the same hexadecimal digits."""
    if (directory / f"{name}.pub").exists():
        return
    key = secrets.token_hex(16).encode()
    write_private(directory / f"{name}.key", key)
    write_private(directory / f"{name}.pub", key)


def _private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; it appears complete or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    unfinished.replace(path)
