"""Finished reports as files: named by their content, signed, written once and never changed.

A file is `DATA/reports/<report>-<sha256>.<suffix>`, and beside it `.jws`: a detached JWS (Ed25519, RFC 7797)
over its bytes by the installation's report key. The same report made again is the same file.
`switch.operations.retention` removes it when it is old.
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

from schemas.signing import jws
from schemas.signing.keys import PublicKey, SigningKey
from switch.base.files import write_once

KEYID: Final = "payswitch-reports-1"
_READ_ONLY: Final = 0o440
_NAME: Final = re.compile(r".+-([0-9a-f]{64})\.[a-z]+", re.ASCII)
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A report in one format, finished."""

    report: str
    format: str
    suffix: str
    media_type: str
    octets: bytes
    signature: str
    as_of: int
    """Sequence number up to which the ledger was read; 0 where a report reads no part of the log."""
    event: int
    """Of the audited log: that it was asked for."""

    @property
    def sha256(self) -> bytes:
        """What it is named by."""
        return hashlib.sha256(self.octets).digest()

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.report}-{self.sha256.hex()}.{self.suffix}"


class Store:
    """The directory of finished reports, and the key that signs them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._key = _load_key(directory / "report.key")

    @property
    def public_key(self) -> PublicKey:
        """What signatures are verified with."""
        return self._key.public

    def sign(self, octets: bytes) -> str:
        """A detached JWS over a file's bytes."""
        return jws.sign(self._key, octets)

    def keep(self, artefact: Artefact) -> Path:
        """Write a finished report and its signature; one that is there is as young as if it were new."""
        path = self.directory / artefact.name
        with _alone(self.directory):
            for file, octets in ((path, artefact.octets), (jws_beside(path), artefact.signature.encode())):
                write_once(file, octets, _READ_ONLY)
            os.utime(path)
        return path


def jws_beside(path: Path) -> Path:
    """Where the signature of a file is."""
    return path.with_name(f"{path.name}.jws")


def older_than(directory: Path, before: datetime) -> Mapping[Path, bytes]:
    """The kept reports that were made last before an instant, and the hash that each is named by."""
    if not directory.is_dir():
        return {}
    named = ((path, _NAME.fullmatch(path.name)) for path in directory.iterdir())
    return {path: bytes.fromhex(name[1]) for path, name in named if name and _is_older(path, before)}


def remove(directory: Path, files: Iterable[Path], before: datetime) -> None:
    """Remove reports with their signatures, but for those that were made again in the meantime."""
    for path in files:
        with _alone(directory):
            if _is_older(path, before):
                jws_beside(path).unlink(missing_ok=True)
                path.unlink()


def _is_older(path: Path, before: datetime) -> bool:
    return path.stat().st_mtime < before.timestamp()


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep the other processes from writing and removing reports."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def verify(path: Path, key: PublicKey) -> None:
    """Prove that a file is what its signature says, and its name, where that has a hash.

    Raises:
        NotAuthentic: another key, or other bytes than were signed.
        ValueError: its name does not have the hash of its bytes.
        OSError: the file or its signature cannot be read.

    """
    octets = path.read_bytes()
    jws.verify(jws_beside(path).read_text().strip(), octets, key=key)
    named = _NAME.fullmatch(path.name)
    if named and named[1] != hashlib.sha256(octets).hexdigest():
        raise ValueError(f"{path.name} is not named by its content")


def _load_key(file: Path) -> SigningKey:
    """The report key; made once, in a file that only its owner can read, its public half beside it."""
    if not file.exists():
        made = SigningKey.generate(KEYID)
        write_once(file, made.pem, 0o400)
    key = SigningKey.from_pem(KEYID, file.read_bytes())
    write_once(file.with_suffix(".pub"), key.public.pem, 0o444)
    return key
