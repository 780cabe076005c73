"""Finished reports as files: named by their content, signed, written once and never changed.

A file is `DATA/reports/<report>-<sha256>.<suffix>`, with a `.jws` file beside it: a detached JWS (Ed25519,
RFC 7797) over its bytes, made with the installation's report key. Making the same report again gives the same
file. `switch.operations.retention` removes old files.
"""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.signing import jws
from schemas.signing.keys import PublicKey, SigningKey
from switch.base.files import write_once, write_whole

KEYID: Final = "payswitch-reports-1"
_READ_ONLY: Final = 0o440
_NAME: Final = re.compile(r".+-([0-9a-f]{64})\.[a-z]+", re.ASCII)
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A finished report in one format."""

    report: str
    format: str
    suffix: str
    media_type: str
    octets: bytes
    signature: str
    as_of: int
    """Sequence number up to which the ledger was read; 0 if the report does not read the log."""
    event: int
    """Event of the audited log that records the request."""
    content: bytes = b""
    """SHA-256 of the report as JSON."""

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the bytes, part of the name."""
        return hashlib.sha256(self.octets).digest()

    @property
    def name(self) -> str:
        """Name of the file."""
        return f"{self.report}-{self.sha256.hex()}.{self.suffix}"


class ReportStore:
    """The directory of finished reports, and the key that signs them."""

    def __init__(self, directory: Path, outside: Ed25519PrivateKey | None = None) -> None:
        self.directory = directory
        file = directory / "report.key"
        self._key = _load_key(file) if outside is None else _take_up(file, SigningKey(KEYID, outside))

    @property
    def public_key(self) -> PublicKey:
        """Key that verifies the signatures."""
        return self._key.public

    @property
    def public_keys(self) -> list[PublicKey]:
        """The key, and those of reports that were signed before it."""
        former = sorted(self.directory.glob("report.*.pub"))
        return [self.public_key, *(PublicKey.from_pem(KEYID, file.read_bytes()) for file in former)]

    def sign(self, octets: bytes) -> str:
        """Make a detached JWS over a file's bytes."""
        return jws.sign(self._key, octets)

    def keep(self, artefact: Artefact) -> Path:
        """Write a finished report and its signature; if the file exists, only its age is reset."""
        path = self.directory / artefact.name
        with _alone(self.directory):
            for file, octets in ((path, artefact.octets), (jws_beside(path), artefact.signature.encode())):
                write_once(file, octets, _READ_ONLY)
            os.utime(path)
        return path


def jws_beside(path: Path) -> Path:
    """Path of a file's signature."""
    return path.with_name(f"{path.name}.jws")


def older_than(directory: Path, before: datetime) -> Mapping[Path, bytes]:
    """Stored reports that were last made before an instant, with the hash in each name."""
    if not directory.is_dir():
        return {}
    named = ((path, _NAME.fullmatch(path.name)) for path in directory.iterdir())
    return {path: bytes.fromhex(name[1]) for path, name in named if name and _is_older(path, before)}


def remove(directory: Path, files: Iterable[Path], before: datetime) -> None:
    """Remove reports and their signatures, except those that were made again in the meantime."""
    for path in files:
        with _alone(directory):
            if _is_older(path, before):
                jws_beside(path).unlink(missing_ok=True)
                path.unlink()


def _is_older(path: Path, before: datetime) -> bool:
    return path.stat().st_mtime < before.timestamp()


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Lock out the other processes that write and remove reports."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _take_up(file: Path, key: SigningKey) -> SigningKey:
    """Use a key that is outside; the public key of the one before stays, for what it signed."""
    current = file.with_suffix(".pub")
    if current.exists() and current.read_bytes() != key.public.pem:
        former = hashlib.sha256(current.read_bytes()).hexdigest()[:16]
        write_once(current.with_name(f"report.{former}.pub"), current.read_bytes(), 0o444)
    write_whole(current, key.public.pem, 0o444)
    return key


def _load_key(file: Path) -> SigningKey:
    """Load the report key, or make it once in a file that only its owner can read, beside its public half."""
    if not file.exists():
        made = SigningKey.generate(KEYID)
        write_once(file, made.pem, 0o400)
    key = SigningKey.from_pem(KEYID, file.read_bytes())
    write_once(file.with_suffix(".pub"), key.public.pem, 0o444)
    return key
