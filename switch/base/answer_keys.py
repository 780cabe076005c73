"""The key that signs answers, and the public keys that verify them.

The key is a file in the data directory, the same on every machine with API workers. Public keys in files
beside it (`answers-NAME.pub`) are published, too: former keys, for what they signed, and the next one.
"""

import hashlib
from pathlib import Path
from typing import Final

from schemas.signing.keys import PublicKey, SigningKey
from switch.base.files import write_once

_OTHERS: Final = "{}-*.pub"
_DIGITS: Final = 16


def load(file: Path) -> SigningKey | None:
    """The key that signs answers; None if this installation has none.

    Raises:
        ValueError: the file is not a key.

    """
    return _read(file) if file.exists() else None


def make(file: Path) -> SigningKey:
    """The key that signs answers, made if it is missing; raises as `load`."""
    if not file.exists():
        write_once(file, SigningKey.generate("draft").pem)
    return _read(file)


def published(file: Path) -> list[PublicKey]:
    """The public keys that verify answers: the one that signs now first."""
    key = load(file)
    others = [
        PublicKey.from_pem("draft", other.read_bytes())
        for other in sorted(file.parent.glob(_OTHERS.format(file.stem)))
    ]
    found = [*([key.public] if key is not None else []), *others]
    return [PublicKey.from_pem(_keyid(public), public.pem) for public in found]


def _read(file: Path) -> SigningKey:
    pem = file.read_bytes()
    return SigningKey.from_pem(_keyid(SigningKey.from_pem("draft", pem).public), pem)


def _keyid(public: PublicKey) -> str:
    return f"answers-{hashlib.sha256(public.pem).hexdigest()[:_DIGITS]}"
