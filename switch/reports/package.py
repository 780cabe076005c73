"""A report as it is handed over: a ZIP file with its signature, the public key, and how to check it.

The same report gives the same bytes. Whoever opens a package trusts none of it: the sizes are bounded, and
the key must come from somewhere else.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from schemas.errors import NotAuthentic
from schemas.signing import jws
from schemas.signing.keys import PublicKey
from switch.reports.artefacts import Artefact
from switch.reports.wording import ENGLISH

MEDIA_TYPE: Final = "application/zip"
KEY_NAME: Final = "report-key.pem"
TEXT_NAME: Final = "HOW-TO-CHECK.txt"
JWS: Final = ".jws"
FILE_BYTES_MAX: Final = 512 * 1024 * 1024
"""Maximum size of a report in a package that is opened."""
_MEMBERS_MAX: Final = 16
_SIGNATURE_BYTES_MAX: Final = 4096
_MADE: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644 << 16
_TEXTS: Final = files("switch.reports").joinpath("texts")
COMMANDS: Final = """\
  {{ cut -d. -f1 '{name}.jws' | tr -d '\\n'; printf .; cat '{name}'; }} > signed
  {{ cut -d. -f3 '{name}.jws' | tr -d '\\n' | tr '_-' '/+'; printf ==; }} | base64 -d > signature
  openssl pkeyutl -verify -pubin -inkey report-key.pem -rawin -in signed -sigfile signature"""
"""Commands that verify a file with OpenSSL; `name` is that of the file."""


class InvalidPackage(ValueError):
    """Not a package of a report and its signature."""


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A report file and its signature, neither checked."""

    name: str
    octets: bytes
    signature: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.octets).hexdigest()

    def verify(self, key: PublicKey) -> None:
        """Verify the signature and, if the name has a hash, that it is that of the bytes.

        Raises:
            NotAuthentic: another key, other bytes than were signed, or a name of other bytes.

        """
        jws.verify(self.signature.strip(), self.octets, key=key)
        named = self.name.partition(".")[0].rpartition("-")[2]
        if len(named) == len(self.sha256) and named != self.sha256:
            raise NotAuthentic("the name has not the hash of the content in it")


def pack(artefact: Artefact, key: PublicKey, language: str | None, address: str) -> bytes:
    """Make the package of a report; `address` is that of the page that verifies files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, octets in (
            (artefact.name, artefact.octets),
            (artefact.name + JWS, artefact.signature.encode()),
            (KEY_NAME, key.pem),
            (TEXT_NAME, how_to_check(artefact, key, language, address).encode()),
        ):
            member = zipfile.ZipInfo(name, _MADE)
            member.external_attr = _MODE
            member.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(member, octets)
    return out.getvalue()


def how_to_check(artefact: Artefact, key: PublicKey, language: str | None, address: str) -> str:
    """How to check a report, in a language."""
    text = _TEXTS.joinpath(f"how_to_check.{language or ENGLISH}.txt").read_text(encoding="utf-8")
    return text.format(
        name=artefact.name,
        sha256=artefact.sha256.hex(),
        fingerprint=key.fingerprint,
        address=address or "/verify",
        commands=COMMANDS.format(name=artefact.name),
    )


def unpack(octets: bytes) -> SignedFile:
    """Open a package.

    Raises:
        InvalidPackage: not a ZIP file with one report and its signature, or too large.

    """
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as package:
            members = {member.filename: member for member in package.infolist()[: _MEMBERS_MAX + 1]}
            name = next((name for name in members if name + JWS in members), None)
            if name is None or len(members) > _MEMBERS_MAX:
                raise InvalidPackage("there is no report with its signature in it")
            return SignedFile(
                name,
                _read(package, members[name], FILE_BYTES_MAX),
                _read(package, members[name + JWS], _SIGNATURE_BYTES_MAX).decode("ascii"),
            )
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidPackage(f"not a ZIP file that can be read: {error}") from None


def _read(package: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    with package.open(member) as stream:
        octets = stream.read(most + 1)
    if len(octets) > most:
        raise InvalidPackage(f"a file in it has more than {most:,} bytes")
    return octets
