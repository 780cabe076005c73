"""Passwords and second factors: argon2id hashes, TOTP secrets sealed with a key outside the database."""

import asyncio
import hmac
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from cryptography.fernet import Fernet

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.base.files import write_once

PASSWORD_LENGTHS: Final = range(12, 129)
STEP_S: Final = 30
_DRIFT_STEPS: Final = (0, -1, 1)
"""A code of the step before or after counts: clocks differ, people are slow."""
_ISSUER: Final = "payswitch"
_AT_ONCE: Final = 2
"""Each hash takes 64 MiB: more at once would let strangers fill the memory."""

_hasher: Final = PasswordHasher()
_threads: Final = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")


@cache
def _nobody() -> str:
    """Hash of a password nobody has: checking it takes as long as checking somebody's."""
    return _hasher.hash(os.urandom(16).hex())


async def hash_password(name: str, password: str) -> str:
    """Hash a new password.

    Raises:
        Refused: too short, too long, or the person's own name.

    """
    if len(password) not in PASSWORD_LENGTHS or name in password.lower():
        raise Refused(
            "a password has 12 to 128 characters and does not hold the name", reason=Reason.NARRATIVE
        )
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def check_password(stored: str | None, password: str) -> bool:
    """Whether this is the password; as slow for nobody's (`stored` None) as for somebody's."""
    if len(password) >= PASSWORD_LENGTHS.stop:
        return False
    right = await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, password)
    return right and stored is not None


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _nobody(), password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


def new_totp() -> str:
    """Make the secret of an authenticator, base32."""
    return pyotp.random_base32()


def totp_uri(name: str, secret: str) -> str:
    """What an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def totp_code(secret: str, at_s: int) -> str:
    """The code of an instant, in seconds since 1970."""
    return pyotp.TOTP(secret).at(at_s)


def totp_step(secret: str, code: str, at_s: int, after: int) -> int | None:
    """The time step that `code` belongs to, if it is near `at_s` and later than `after`; else None."""
    found = None
    for drift in _DRIFT_STEPS:
        step = at_s // STEP_S + drift
        if hmac.compare_digest(totp_code(secret, step * STEP_S), code) and step > after:
            found = step
    return found


class Seal:
    """Seals secrets with a key that lies in the data directory, not in the database."""

    def __init__(self, data: Path) -> None:
        self._file = data / "people" / "seal.key"

    def seal(self, secret: str) -> str:
        """Seal a secret; the key is made on first use."""
        return self._key(made_if_missing=True).encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Open what `seal` made.

        Raises:
            FileNotFoundError: the key is gone.
            cryptography.fernet.InvalidToken: another key.

        """
        return self._key(made_if_missing=False).decrypt(sealed.encode()).decode()

    def _key(self, *, made_if_missing: bool) -> Fernet:
        if made_if_missing and not self._file.exists():
            write_once(self._file, Fernet.generate_key())
        return Fernet(self._file.read_bytes())
