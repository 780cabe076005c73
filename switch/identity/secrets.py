"""Passwords and second factors: argon2id hashes, TOTP secrets encrypted with a key outside the database."""

import asyncio
import hmac
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from cryptography.fernet import Fernet

from schemas.errors import Refused, Unavailable
from schemas.reasons import Reason
from switch.base.files import write_once

T = TypeVar("T")

PASSWORD_LENGTHS: Final = range(12, 129)
STEP_S: Final = 30
CODE_DIGITS: Final = 6
_DRIFT_STEPS: Final = (0, -1, 1)
"""The codes of the previous and the next step are accepted: clocks differ, people are slow."""
_ISSUER: Final = "payswitch"
_AT_ONCE: Final = 2
"""Each hash takes 64 MiB: without a limit, strangers could exhaust the memory."""
_WAITING_MAX: Final = 16
"""Passwords that wait for their turn: more would wait for longer than a person does."""

_hasher: Final = PasswordHasher()


class _Turns:
    """A few threads for hashes, and a bounded queue in front of them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")
        self._begun = 0

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function in a thread.

        Raises:
            Unavailable: too many wait.

        """
        if self._begun >= _AT_ONCE + _WAITING_MAX:
            raise Unavailable("too many passwords are being checked: try again in some seconds")
        self._begun += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        finally:
            self._begun -= 1


_turns: Final = _Turns()


@cache
def _hash_of_unknown() -> str:
    """A hash for unknown people, so that checking their password takes as long as a known person's."""
    return _hasher.hash(os.urandom(16).hex())


async def hash_password(name: str, password: str) -> str:
    """Hash a new password.

    Raises:
        Refused: too short, too long, or it contains the person's name.
        Unavailable: too many passwords are being checked.

    """
    if len(password) not in PASSWORD_LENGTHS or name in password.lower():
        raise Refused(
            "a password has 12 to 128 characters and does not contain the name",
            reason=Reason.NARRATIVE,
            remedy="Choose 12 to 128 characters, without your name; several words are good.",
        )
    return await _turns.run(_hasher.hash, password)


async def check_password(stored: str | None, password: str) -> bool:
    """Whether this is the password; takes the same time for an unknown person (`stored` None).

    Raises:
        Unavailable: too many passwords are being checked.

    """
    if len(password) >= PASSWORD_LENGTHS.stop:
        return False
    right = await _turns.run(_verify, stored, password)
    return right and stored is not None


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _hash_of_unknown(), password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


def new_totp() -> str:
    """Make the secret of an authenticator, base32."""
    return pyotp.random_base32()


def totp_uri(name: str, secret: str) -> str:
    """The URI that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def totp_code(secret: str, at_s: int) -> str:
    """The code of an instant, in seconds since 1970."""
    return pyotp.TOTP(secret).at(at_s)


def totp_step(secret: str, code: str, at_s: int, after: int) -> int | None:
    """The time step of `code`, if it is near `at_s` and later than `after`; else None."""
    found = None
    said = code.encode(errors="replace")  # texts with other digits than 0 to 9 cannot be compared
    for drift in _DRIFT_STEPS:
        step = at_s // STEP_S + drift
        if hmac.compare_digest(totp_code(secret, step * STEP_S).encode(), said) and step > after:
            found = step
    return found


def totp_pair_step(secret: str, pair: str, at_s: int, after: int) -> int | None:
    """The step of the second of two consecutive codes, written as one text; else None as `totp_step`."""
    if len(pair) != 2 * CODE_DIGITS:
        return None
    second = totp_step(secret, pair[CODE_DIGITS:], at_s, after)
    if second is None:
        return None
    first = totp_code(secret, (second - 1) * STEP_S)
    return (
        second if hmac.compare_digest(first.encode(), pair[:CODE_DIGITS].encode(errors="replace")) else None
    )


class Seal:
    """Encrypts secrets with a key in the data directory, not in the database."""

    def __init__(self, data: Path) -> None:
        self.file = data / "people" / "seal.key"

    def seal(self, secret: str) -> str:
        """Encrypt a secret; the key is made on first use."""
        return self._key(made_if_missing=True).encrypt(secret.encode()).decode()

    def open(self, sealed: str, within_s: int | None = None) -> str:
        """Decrypt the result of `seal`, if it was made within this time.

        Raises:
            FileNotFoundError: the key is missing.
            cryptography.fernet.InvalidToken: another key, or too old.

        """
        return self._key(made_if_missing=False).decrypt(sealed.encode(), within_s).decode()

    def _key(self, *, made_if_missing: bool) -> Fernet:
        if made_if_missing and not self.file.exists():
            write_once(self.file, Fernet.generate_key())
        return Fernet(self.file.read_bytes())
