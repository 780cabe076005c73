"""Periodic maintenance of the ledger's history by the caretaker: new partitions, signed checkpoints."""

from pathlib import Path
from typing import Final

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger import audit, partitions
from ledger.detach import Companion
from ledger.signing import Signer
from switch.base import metrics, outside_keys
from switch.base.files import write_once
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.operations import restored

PARTITIONS_EVERY_S: Final = 60.0

MESSAGES: Final = Companion("switch.message", statements("switch.operations")("messages_of_partition"))
"""The switch's table that is partitioned in the same way as the event log."""

TABLES: Final = (partitions.EVENTS, MESSAGES.table)

_KEY: Final = "checkpoint.key"
_PREVIOUS: Final = "checkpoint.previous.key"
_LINES: Final = "verifier-keys.txt"


def signer(settings: Settings) -> Signer:
    """The operator's signer: the key, made once, and also the previous key during a rotation.

    If the key is outside, in a token or in the environment, a key in a file signs beside it until it is
    retired.

    Raises:
        TypeError: a file is not an Ed25519 key.
        UnusableKey: the key in the environment cannot be used.
        TokenError: the key in the token cannot be used.

    """
    directory = settings.data / "audit"
    outside = outside_keys.of_checkpoints(settings).open()
    if outside is None and not (directory / _KEY).exists():
        _make_key(directory)
    files = [directory / _KEY, directory / _PREVIOUS]
    keys = [] if outside is None else [outside]
    made = Signer(settings.log_origin, *keys, *(_load(file) for file in files if file.exists()))
    _remember(directory / _LINES, made)
    return made


def rotate_key(settings: Settings) -> Signer:
    """Begin a rotation: from now on the old key and a new one both sign.

    Raises:
        ValueError: the last rotation has not ended, or the key is not in a file.

    """
    if settings.checkpoint_key_pkcs11 is not None:
        raise ValueError(
            "the key is in a token: make another one there, and name it in PAYSWITCH_CHECKPOINT_KEY_PKCS11"
        )
    if settings.checkpoint_key_environment is not None:
        raise ValueError(
            f"the key is in the environment: put another one into {settings.checkpoint_key_environment}"
        )
    directory = settings.data / "audit"
    signer(settings)
    if (directory / _PREVIOUS).exists():
        raise ValueError("the last rotation has not ended: retire its key first")
    (directory / _KEY).rename(directory / _PREVIOUS)
    return signer(settings)


def retire_key(settings: Settings) -> Signer:
    """End a rotation: the old key is destroyed; its verifier line stays in `verifier-keys.txt`.

    If the key is outside, every key in a file is an old one.
    """
    old = [_PREVIOUS, _KEY] if outside_keys.of_checkpoints(settings).stated else [_PREVIOUS]
    for name in old:
        (settings.data / "audit" / name).unlink(missing_ok=True)
    return signer(settings)


def verifier_lines(settings: Settings) -> list[str]:
    """The verifier lines of every key that ever signed, oldest first."""
    signer(settings)
    return (settings.data / "audit" / _LINES).read_text(encoding="utf-8").split()


def _make_key(directory: Path) -> None:
    """Make a key in a file that only its owner can read; an existing key is kept."""
    made = Ed25519PrivateKey.generate()
    write_once(directory / _KEY, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _load(file: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{file} is not an Ed25519 key")
    return key


def _remember(lines: Path, made: Signer) -> None:
    known = lines.read_text(encoding="utf-8").split() if lines.exists() else []
    fresh = [line for line in reversed(made.verifier_keys) if line not in known]
    if fresh:
        with lines.open("a", encoding="utf-8") as out:
            out.writelines(f"{line}\n" for line in fresh)


async def publish(connection: asyncpg.Connection, settings: Settings) -> None:
    """Sign a checkpoint of new events in the log, and keep it beside the database too.

    Not before the new epoch of a restored log has begun: until then its tree is not stated to be another one.
    """
    if await connection.fetchval("SELECT EXISTS (SELECT FROM switch.closed WHERE NOT begun)"):
        return
    published = await audit.checkpoint(connection, signer(settings))
    if published is not None:
        restored.keep_published(settings.published_file, published.note)


class Housekeeper:
    """Maintains the ledger's history, through a role that cannot change it."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool) -> None:
        self._settings = settings
        self._pool = pool

    async def publish(self) -> None:
        """Sign a checkpoint of new events in the log."""
        async with self._pool.acquire() as connection:
            await publish(connection, self._settings)

    async def make_room(self) -> None:
        """Create partitions ahead, and export how far they reach."""
        for table in TABLES:
            await partitions.add_ahead(self._pool, table)
            metrics.PARTITION_ROOM.labels(table).set(await partitions.room(self._pool, table))
