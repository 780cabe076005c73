"""Signed settlement files: instructions as DATA/settlement/WINDOW/NAME.xml, with NAME.xml.jws beside them.

The signature is a detached JWS over the file's bytes. Its key is made once, in the data directory; the agent
must get the public key by another channel than the files. Files are written atomically, and the same window
always gives the same bytes.
"""

import hashlib
from pathlib import Path
from typing import Final

from schemas.signing import jws
from schemas.signing.keys import PublicKey, SigningKey
from switch.base.files import write_once

_KEY: Final = "signing.key"


class SettlementFiles:
    """The directory of one installation's settlement files."""

    def __init__(self, data: Path) -> None:
        self._root = data / "settlement"

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies the signatures; its key id is derived from the key."""
        return self.signing_key.public

    @staticmethod
    def path(window: int, message_id: str) -> str:
        """Path of an instruction, relative to the data directory."""
        return f"settlement/{window}/{message_id}.xml"

    def has(self, file: str) -> bool:
        """Whether the file exists and is signed."""
        return (self._root.parent / file).exists()

    def write(self, file: str, octets: bytes) -> None:
        """Write and sign an instruction; the signature is written first."""
        path = self._root.parent / file
        token = jws.sign(self.signing_key, octets)
        write_once(path.with_name(f"{path.name}.jws"), token.encode())
        write_once(path, octets)

    def read(self, file: str) -> tuple[bytes, str]:
        """Read an instruction and its signature, verified.

        Raises:
            NotAuthentic: the file is not what was signed.

        """
        path = self._root.parent / file
        octets, token = path.read_bytes(), path.with_name(f"{path.name}.jws").read_text()
        jws.verify(token, octets, key=self.public_key)
        return octets, token

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs instructions, in files and on the wire; created at first use."""
        file = self._root / _KEY
        if not file.exists():
            write_once(file, SigningKey.generate("draft").pem)
        pem = file.read_bytes()
        fingerprint = hashlib.sha256(SigningKey.from_pem("draft", pem).public.pem).hexdigest()[:16]
        return SigningKey.from_pem(f"settlement-{fingerprint}", pem)
