"""A signing key of the switch that is not in its data directory: in a PKCS#11 token or in the environment."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from switch.base.tokens import TokenReference

if TYPE_CHECKING:
    from switch.base.settings import Settings


class UnusableKey(ValueError):
    """A key outside cannot be used; the text says which, and why, without the key."""


@dataclass(frozen=True, slots=True)
class OutsideKey:
    """Where a key is, by the settings; nowhere outside if neither is stated."""

    name: str
    """Of the settings: `CHECKPOINT_KEY`."""
    reference: TokenReference | None
    variable: str | None
    directory: Path
    """Paths of the reference are relative to it."""

    @property
    def stated(self) -> bool:
        """Whether the key is outside."""
        return self.reference is not None or self.variable is not None

    def faults(self) -> Iterator[str]:
        """Everything that is wrong with it."""
        if self.reference is not None and self.variable is not None:
            yield f"state either PAYSWITCH_{self.name}_PKCS11 or PAYSWITCH_{self.name}_ENVIRONMENT"
            return
        found = [] if self.reference is None else list(self.reference.faults(self.directory))
        if self.stated and not found:
            try:
                self.open()
            except (ValueError, OSError) as error:
                found = [str(error)]
        where = "PKCS11" if self.reference is not None else "ENVIRONMENT"
        for fault in found:
            yield f"PAYSWITCH_{self.name}_{where}: {fault}"

    def open(self) -> Ed25519PrivateKey | None:
        """The key; None if it is not outside.

        Raises:
            UnusableKey: it cannot be used.
            TokenError: the key in the token cannot be used.
            OSError: the file of the PIN cannot be read.

        """
        if self.reference is not None:
            return _of_token(self.reference, self.directory)
        return None if self.variable is None else _of_environment(self.variable)


def of_checkpoints(settings: "Settings") -> OutsideKey:
    """The key of checkpoints."""
    return OutsideKey(
        "CHECKPOINT_KEY",
        settings.checkpoint_key_pkcs11,
        settings.checkpoint_key_environment,
        settings.data,
    )


def of_reports(settings: "Settings") -> OutsideKey:
    """The key of reports."""
    return OutsideKey(
        "REPORT_KEY", settings.report_key_pkcs11, settings.report_key_environment, settings.data
    )


@cache
def _of_token(reference: TokenReference, directory: Path) -> Ed25519PrivateKey:
    """Open it once a process: a checkpoint is signed every minute."""
    from schemas.signing.token import open_key  # noqa: PLC0415 - most installations have no token

    key = open_key(reference.key(directory))
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(f"the key {reference.label} in the token {reference.token} is not an Ed25519 key")
    return key


def _of_environment(variable: str) -> Ed25519PrivateKey:
    text = os.environ.get(variable, "")
    if not text:
        raise UnusableKey(f"there is no {variable} in the environment")
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKey(f"{variable} is not an unencrypted private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(f"{variable} is not an Ed25519 key")
    return key
