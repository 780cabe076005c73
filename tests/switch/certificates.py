"""Certificates as tests use them: an authority, and what it certifies."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_LASTS = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """The files of one process: its certificate, its key, and whom it believes."""

    certificate: Path
    key: Path
    authority: Path

    def settings(self) -> dict[str, str]:
        """The environment of a process with this identity."""
        return {
            "PAYSWITCH_WRITER_TLS_CERTIFICATE": str(self.certificate),
            "PAYSWITCH_WRITER_TLS_KEY": str(self.key),
            "PAYSWITCH_WRITER_TLS_CA": str(self.authority),
        }


class Authority:
    """Certifies names: `spiffe://...`, DNS names and IP addresses."""

    def __init__(self, directory: Path, name: str = "test authority") -> None:
        self._directory = directory
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = directory / f"{name.replace(' ', '-')}.pem"
        own = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def certify(
        self, name: str, *also: str, authority: Path | None = None, lasts: timedelta = _LASTS
    ) -> Identity:
        """Certify a process by its names; it believes this authority, or that of the file `authority`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a process")])
        made = (
            self._builder(subject, key.public_key(), lasts)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([_general(one) for one in (name, *also)]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        stem = "".join(c if c.isalnum() else "-" for c in name)
        files = Identity(
            self._directory / f"{self.file.stem}-{stem}.crt",
            self._directory / f"{self.file.stem}-{stem}.key",
            authority or self.file,
        )
        files.certificate.write_bytes(made.public_bytes(Encoding.PEM))
        files.key.touch(mode=0o600)
        files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta = _LASTS
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + lasts)
        )


def _general(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
