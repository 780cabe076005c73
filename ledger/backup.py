"""Backups of the embedded server, and restores to an instant.

A backup directory has two parts. `wal/` gets every finished segment of the write-ahead log, at the latest
after `ARCHIVE_TIMEOUT_S` (`archive_settings` configures the server). `base-TIME/` is a copy of all files,
made by `pg_basebackup` during operation. With a copy and the later log, a database can be restored to any
instant since: `restore` starts a server that replays the log up to the instant and then stops.

Replaced files are never deleted; they are moved aside.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ledger.postgres import (
    BIN,
    EmbeddedPostgres,
    PostgresError,
    allow_traversal,
    is_held,
    program,
    unprivileged_account,
)

ARCHIVE_TIMEOUT_S: Final = 60
"""Seconds: the largest loss of data if a machine is lost with all its disks."""

RESTORE_TIMEOUT_S: Final = 4 * 3600.0

_WAL: Final = "wal"
_BASE: Final = "base-"
_RECORD: Final = "payswitch-backup.json"
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_COPY: Final = "pg_basebackup"
_INSTALLED: Final = ("lib/postgresql/*", "pgsql-*")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_NO_TLS: Final = "SSL support is not compiled in"
_RECOVERY: Final = "# payswitch restore"


class BackupError(RuntimeError):
    """A backup could not be made, is damaged, or does not cover the instant."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One copy of all files. It can be restored to any instant from `ended_at`."""

    directory: Path
    started_at: datetime
    ended_at: datetime

    @property
    def first_segment(self) -> str:
        """The oldest log segment that this copy needs."""
        label = (self.directory / "backup_label").read_text(encoding="utf-8")
        start = next(line for line in label.splitlines() if line.startswith("START WAL LOCATION"))
        return start.rpartition("file ")[2].rstrip(")")


def archive_settings(directory: Path) -> Mapping[str, str]:
    """Settings of a server that archives its log in `directory`, which is created if missing."""
    wal = directory.absolute() / _WAL
    wal.mkdir(parents=True, exist_ok=True, mode=0o700)
    account = unprivileged_account()
    if account is not None:
        allow_traversal(wal)
        os.chown(wal, account.uid, account.gid)
    place = shlex.quote(str(wal)).replace("%", "%%")
    # An existing segment with the same content was archived before a crash; other content is an error.
    command = (
        f"if test -f {place}/%f; then cmp -s %p {place}/%f; else"
        f" cp %p {place}/%f.part && sync {place}/%f.part && mv {place}/%f.part {place}/%f && sync {place}; fi"
    )
    return {
        "archive_mode": "on",
        "archive_command": command,
        "archive_timeout": str(ARCHIVE_TIMEOUT_S),
    }


def program_for(server: int, places: Iterable[Path] | None = None) -> Path:
    """Find the newest `pg_basebackup` of this machine that can copy a server of this major version.

    One of the system is preferred to the packaged one, which has no TLS. Without `places`, it is looked for
    on PATH and where Debian and Red Hat install it.

    Raises:
        BackupError: every one is older than the server, or there is none.

    """
    found = [(each, _major(each)) for each in (_of_system() if places is None else places)]
    usable = [(version, each) for each, version in found if version >= server]
    if usable:
        return max(usable)[1]
    packaged = BIN / _COPY
    if packaged.is_file() and _major(packaged) >= server:
        return packaged
    seen = ", ".join(sorted({str(version) for _, version in found if version})) or "none"
    raise BackupError(
        f"the server is PostgreSQL {server}, and this machine has no {_COPY} of that version or later"
        f" (found: {seen}): install postgresql-client-{server}, or back the server up by other means"
    )


def _of_system() -> list[Path]:
    on_path = shutil.which(_COPY)
    installed = [each for pattern in _INSTALLED for each in Path("/usr").glob(f"{pattern}/bin/{_COPY}")]
    return [*([Path(on_path)] if on_path else []), *installed]


def _major(tool: Path) -> int:
    """The major version of a program; 0 if it does not say one."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system
            [tool, "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    said = _VERSION.search(done.stdout)
    return int(said[1]) if said else 0


def make(url: str, directory: Path, tool: Path | None = None) -> Backup:
    """Copy all files of the running server with this `pg_basebackup`; without one, with the packaged one.

    Raises:
        BackupError: `pg_basebackup` failed.
        NotInstalled: it is not installed.

    """
    started = datetime.now(UTC)
    part = directory.absolute() / f"{_BASE}{started.strftime(_STAMP)}.part"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    done = subprocess.run(  # noqa: S603 - our own binary and arguments
        [
            tool or program(_COPY),
            f"--dbname={url}",
            f"--pgdata={part}",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--manifest-checksums=SHA256",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(part, ignore_errors=True)
        said = done.stderr.strip()
        remedy = ": the packaged one has no TLS; install postgresql-client" if _NO_TLS in said else ""
        raise BackupError(f"{_COPY}: {said}{remedy}")
    backup = Backup(part.with_suffix(""), started, datetime.now(UTC))
    record = {"started_at": started.isoformat(), "ended_at": backup.ended_at.isoformat()}
    (part / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    part.rename(backup.directory)
    return backup


def read(directory: Path) -> list[Backup]:
    """Read all complete backups, oldest first."""
    found = []
    for base in sorted(directory.glob(f"{_BASE}*")):
        if (base / _RECORD).exists() and base.suffix != ".part":
            record = json.loads((base / _RECORD).read_text(encoding="utf-8"))
            found.append(
                Backup(base, *(datetime.fromisoformat(record[n]) for n in ("started_at", "ended_at")))
            )
    return found


def problems(backup: Backup) -> list[str]:
    """Compare the files of a backup with its manifest; return the problems, if any."""
    manifest: dict[str, Any] = json.loads((backup.directory / "backup_manifest").read_text(encoding="utf-8"))
    return [text for entry in manifest["Files"] for text in _problem(backup.directory, entry)]


def _problem(directory: Path, entry: dict[str, Any]) -> list[str]:
    name = entry.get("Path") or bytes.fromhex(entry["Encoded-Path"]).decode("utf-8", "surrogateescape")
    file = directory / name
    if not file.exists():
        return [f"{name} is missing"]
    if entry["Checksum-Algorithm"] != "SHA256":
        return [f"{name} has no SHA-256"]
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return [] if digest == entry["Checksum"] else [f"{name} was changed"]


def prune(directory: Path, keep: int) -> list[Backup]:
    """Remove all but the newest backups, and log segments that only those need; return the removed."""
    assert keep > 0
    every = read(directory)
    removed, kept = every[:-keep], every[-keep:]
    for backup in removed:
        shutil.rmtree(backup.directory)
    if removed and (directory / _WAL).is_dir():  # a server of one's own archives its log elsewhere
        subprocess.run(  # noqa: S603 - our own binary and arguments
            [program("pg_archivecleanup"), directory / _WAL, kept[0].first_segment], check=True
        )
    return removed


def restore(directory: Path, data: Path, at: datetime | None = None) -> Path | None:
    """Restore the server's files in `data` to an instant; without one, to the end of the log.

    The server is stopped afterwards. Returns the directory of the replaced files, if there were any.

    Raises:
        BackupError: there is no such backup, it is damaged, or the log does not cover the instant.

        NotInstalled: there is no server to replay the log.

    """
    program("postgres")
    if is_held(data):
        raise BackupError(f"a server is using {data}")
    backup = _newest_before(directory, at)
    wrong = problems(backup)
    if wrong:
        raise BackupError(f"{backup.directory}: {'; '.join(wrong[:5])}")
    restoring = data.with_name(f"{data.name}.restoring")
    shutil.rmtree(restoring, ignore_errors=True)
    shutil.copytree(backup.directory, restoring)
    _prepare(restoring, directory, at)
    replaced = _put_in_place(restoring, data)
    # Without hot standby the server is not ready before it has reached the instant.
    server = EmbeddedPostgres(data, {**archive_settings(directory), "hot_standby": "off"})
    try:
        server.start(timeout_s=RESTORE_TIMEOUT_S)
    except PostgresError as error:
        raise BackupError(f"the log does not cover the instant, or is damaged: {error}") from error
    server.stop()
    _forget_recovery(data)
    return replaced


def _newest_before(directory: Path, at: datetime | None) -> Backup:
    usable = [backup for backup in read(directory) if at is None or backup.ended_at <= at]
    if not usable:
        raise BackupError(f"{directory} has no backup that ended before {at or 'now'}")
    return usable[-1]


def _prepare(restoring: Path, directory: Path, at: datetime | None) -> None:
    """Configure the recovery: the source and the target instant."""
    wal = shlex.quote(str(directory.absolute() / _WAL)).replace("%", "%%")
    lines = [f"restore_command = {_quoted(f'cp {wal}/%f %p')}", "recovery_target_action = 'promote'"]
    if at is not None:
        lines.append(f"recovery_target_time = {_quoted(at.astimezone(UTC).isoformat(sep=' '))}")
    with (restoring / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.writelines(f"{line} {_RECOVERY}\n" for line in lines)
    (restoring / "recovery.signal").touch()
    (restoring / _RECORD).unlink()
    account = unprivileged_account()
    if account is not None:
        for place in (restoring, *restoring.rglob("*")):
            os.chown(place, account.uid, account.gid, follow_symlinks=False)
    restoring.chmod(0o700)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _put_in_place(restoring: Path, data: Path) -> Path | None:
    replaced = None
    if data.exists():
        replaced = data.with_name(f"{data.name}.replaced-{datetime.now(UTC).strftime(_STAMP)}")
        data.rename(replaced)
    restoring.rename(data)
    return replaced


def _forget_recovery(data: Path) -> None:
    settings = data / "postgresql.auto.conf"
    lines = settings.read_text(encoding="utf-8").splitlines(keepends=True)
    settings.write_text("".join(line for line in lines if _RECOVERY not in line), encoding="utf-8")
