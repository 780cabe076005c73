"""What a witness holds, in a folder: its key, the checkpoints that it cosigned, and evidence.

witness.key     the private key, readable by its owner alone
state.json      name, keys of the log, checkpoints and restores; always whole, on the disk before an answer
evidence/       signed notes that contradict each other, or that were not proved
lock            held while the state is read, judged and written: processes on one folder take turns
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.signing import BadNote, Cosigner, Note, content_of, epoch_of, name_of_log, text_of

FORMAT: Final = "payswitch-witness/1"
NEWEST_KEPT: Final = 100
"""The number of checkpoints that are kept, besides the last one of each day."""
EVIDENCE_MAX: Final = 1_000
"""Files of evidence of one kind; a flood of submissions must not fill the disk."""
_KEY: Final = "witness.key"
_STATE: Final = "state.json"


class NoWitness(Exception):
    """The folder is not that of a witness, or cannot be used; the text says why."""


class HeldCheckpoint(msgspec.Struct, frozen=True, dict=True):
    """A checkpoint that the witness cosigned, at a time in seconds since 1970."""

    note: str
    """With the signatures of the log and of the witness."""
    at: int

    @cached_property
    def content(self) -> Note:
        """Origin, size and root."""
        return content_of(self.note)


class SeenRestore(msgspec.Struct, frozen=True):
    """A restore of the log's database that was stated and proved to the witness."""

    epoch: int
    """The epoch of the log that it began."""
    kept: int
    """The last event that the restored log kept."""
    first: int
    """The event that states the restore; what was published between is left out."""
    published: str
    """The last published checkpoint that the log says it left out; empty if it knew none."""
    at: int
    """When the witness learned it, in seconds since 1970."""


class WitnessState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a witness knows of one log. It has no secrets."""

    format: str = FORMAT
    key: str
    """The witness's own verifier key."""
    log: tuple[str, ...]
    """The verifier keys of the log."""
    epoch: int = 0
    """The epoch of the newest checkpoint; 0: there is none yet."""
    checkpoints: tuple[HeldCheckpoint, ...] = ()
    """Oldest first."""
    restores: tuple[SeenRestore, ...] = ()
    untold: tuple[SeenRestore, ...] = ()
    """Restores whose alarm may not have been told yet."""

    @property
    def newest(self) -> HeldCheckpoint | None:
        """The newest checkpoint."""
        return self.checkpoints[-1] if self.checkpoints else None

    @property
    def size(self) -> int:
        """The events of the newest checkpoint; 0 if there is none."""
        return self.checkpoints[-1].content.size if self.checkpoints else 0

    def epoch_of(self, origin: str) -> int | None:
        """The epoch that this origin names; None if it is not an origin of the log."""
        names = {name_of_log(key) for key in self.log}
        return next((epoch for name in names if (epoch := epoch_of(origin, name))), None)

    def is_left_out(self, held: HeldCheckpoint) -> bool:
        """Whether a restore left out events of this checkpoint."""
        size = held.content.size
        return any(restore.kept < size < restore.first for restore in self.restores)

    def carried(self, kept: int) -> HeldCheckpoint | None:
        """The newest checkpoint of `kept` events or fewer that no restore left out."""
        return next(
            (
                held
                for held in reversed(self.checkpoints)
                if held.content.size <= kept and not self.is_left_out(held)
            ),
            None,
        )

    def find(self, content: Note) -> HeldCheckpoint | None:
        """The checkpoint of the same origin and size."""
        return next(
            (
                held
                for held in reversed(self.checkpoints)
                if (held.content.origin, held.content.size) == (content.origin, content.size)
            ),
            None,
        )

    def with_checkpoint(
        self, held: HeldCheckpoint, epoch: int, restores: Sequence[SeenRestore] = ()
    ) -> "WitnessState":
        """The state after another checkpoint; the same checkpoint once more replaces the one before."""
        before = self.checkpoints
        if before and before[-1].content == held.content:
            before = before[:-1]
        return msgspec.structs.replace(
            self,
            epoch=epoch,
            checkpoints=_thinned((*before, held)),
            restores=(*self.restores, *restores),
            untold=(*self.untold, *restores),
        )


def read_state(octets: bytes) -> WitnessState:
    """Read the state of a witness.

    Raises:
        NoWitness: it is not one.

    """
    try:
        state = msgspec.json.decode(octets, type=WitnessState)
        whole = state.format == FORMAT and all(held.content.size for held in state.checkpoints)
    except (msgspec.DecodeError, ValueError) as error:
        raise NoWitness(f"not the state of a witness: {error}") from None
    if not whole:
        raise NoWitness(f"not the state of a witness: the format is not {FORMAT}")
    return state


class WitnessFolder:
    """A witness's folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @classmethod
    def make(cls, directory: Path, name: str, log: Sequence[str]) -> "WitnessFolder":
        """Make a witness with a new key.

        Raises:
            NoWitness: there is one already, or it cannot be written.
            ValueError: the name has blanks, or a key is not the key of a log.

        """
        for key in log:
            name_of_log(key)
        made = Ed25519PrivateKey.generate()
        state = WitnessState(key=Cosigner(name, made).verifier_key, log=tuple(log))
        folder = cls(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with folder.locked():
                if (directory / _STATE).exists() or (directory / _KEY).exists():
                    raise NoWitness(f"{directory} has a witness already")
                pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                _write(directory / _KEY, pem)
                folder.write(state)
        except OSError as error:
            raise NoWitness(f"{directory}: {error.strerror}") from None
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only process that reads, judges and writes.

        Raises:
            NoWitness: the folder is not there, or not writable.

        """
        try:
            descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NoWitness(f"{self._directory}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def octets(self) -> bytes:
        """The state as it is stored.

        Raises:
            NoWitness: there is none.

        """
        try:
            return (self._directory / _STATE).read_bytes()
        except OSError as error:
            raise NoWitness(
                f"{self._directory} has no witness ({error.strerror}): make one with payswitch witness init"
            ) from None

    def read(self) -> WitnessState:
        """Read the state.

        Raises:
            NoWitness: there is none, or it is not whole.

        """
        return read_state(self.octets())

    def cosigner(self, state: WitnessState) -> Cosigner:
        """Load the key.

        Raises:
            NoWitness: it is not there, not the key in the state, or others can read it.

        """
        file = self._directory / _KEY
        try:
            if file.stat().st_mode & 0o077:
                raise NoWitness(f"others than its owner can read {file} (chmod 600)")
            key = load_pem_private_key(file.read_bytes(), password=None)
        except OSError as error:
            raise NoWitness(f"{file}: {error.strerror}") from None
        except ValueError:
            raise NoWitness(f"{file} is not a private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise NoWitness(f"{file} is not an Ed25519 key")
        cosigner = Cosigner(state.key.split("+")[0], key)
        if cosigner.verifier_key != state.key:
            raise NoWitness(f"{file} is not the key of this witness")
        return cosigner

    def trust(self, log: Sequence[str]) -> None:
        """Trust further keys of the log.

        Raises:
            NoWitness: there is no witness.
            BadNote: a key is not the key of a log, or of another log.

        """
        with self.locked():
            state = self.read()
            names = {name_of_log(key) for key in state.log}
            if any(name_of_log(key) not in names for key in log):
                raise BadNote("a key has the name of another log")
            fresh = tuple(key for key in dict.fromkeys(log) if key not in state.log)
            self.write(msgspec.structs.replace(state, log=(*state.log, *fresh)))

    def mark_told(self, restores: Sequence[SeenRestore]) -> None:
        """Remember that the alarms of these restores were told.

        Raises:
            NoWitness: there is no witness.

        """
        with self.locked():
            state = self.read()
            left = tuple(each for each in state.untold if each not in restores)
            self.write(msgspec.structs.replace(state, untold=left))

    def write(self, state: WitnessState) -> None:
        """Write the state; it is on the disk when this returns."""
        _write(self._directory / _STATE, msgspec.json.format(msgspec.json.encode(state)) + b"\n")

    def keep_evidence(self, kind: str, shown: str, facts: object) -> Path | None:
        """Keep evidence about a checkpoint, once; None if there is too much of this kind.

        Anybody can show a checkpoint with a wrong proof; a fork takes the key of the log. So they are counted
        apart, and a flood of the one leaves room for the other.
        """
        directory = self._directory / "evidence"
        directory.mkdir(exist_ok=True, mode=0o700)
        file = directory / f"{kind}-{sha256(text_of(shown).encode()).hexdigest()[:16]}.json"
        if not file.exists():
            if sum(1 for _ in directory.glob(f"{kind}-*")) >= EVIDENCE_MAX:
                return None
            _write(file, msgspec.json.format(msgspec.json.encode(facts)) + b"\n")
        return file


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def day(at: int) -> str:
    """The day of a time, UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _thinned(checkpoints: tuple[HeldCheckpoint, ...]) -> tuple[HeldCheckpoint, ...]:
    older, newest = checkpoints[:-NEWEST_KEPT], checkpoints[-NEWEST_KEPT:]
    last_of_day = {day(held.at): held for held in older}
    return (*last_of_day.values(), *newest)


def _write(file: Path, octets: bytes) -> None:
    """Put a durable file in the place of the one that there is."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".part-")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
