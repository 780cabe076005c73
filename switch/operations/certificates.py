"""The certificates that this installation keeps in files, with their ends; read without a running switch.

One list for the metrics and for `payswitch doctor`. A certificate that is added to the installation is added
to `_files`. Certificates of the rails' servers are not in files; `payswitch rails test` and doctor read them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from switch.base.settings import Settings
from switch.payments import rail_connection

_PEM_END: Final = b"-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """One certificate of a file; of a chain or a bundle there are several."""

    owner: str
    """`rail IN`, or `writer`: whose connection it belongs to."""
    kind: str
    """`client`: ours, with its chain; `authority`: what we trust."""
    file: Path
    until: datetime


def read(settings: Settings) -> list[KeptCertificate]:
    """Every certificate that can be read; a file that cannot be used is another check's finding."""
    return [
        KeptCertificate(owner, kind, file, certificate.not_valid_after_utc)
        for owner, kind, file in _files(settings)
        for certificate in _certificates(file)
    ]


def _files(settings: Settings) -> Iterator[tuple[str, str, Path]]:
    for country in settings.rails:
        connection = rail_connection.file_of(settings.rails_directory, country)
        for kind, file in rail_connection.certificate_files(connection).items():
            yield f"rail {country}", kind, file
    own = {"client": settings.writer_tls_certificate, "authority": settings.writer_tls_ca}
    for kind, named in own.items():
        if named is not None:
            yield "writer", kind, named


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return of_pem(file.read_bytes())
    except (OSError, ValueError):
        return []


def of_pem(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a text in PEM, none if it has none.

    Raises:
        ValueError: one of them is broken.

    """
    return x509.load_pem_x509_certificates(pem) if _PEM_END in pem else []
