"""`payswitch up`: start every process on one machine, keep it running, and stop it in order.

The processes are children that the kernel ends with the supervisor, so a killed supervisor leaves no writer
running. The supervisor stores nothing: after a kill -9 of everything, a new start is the whole recovery. If
only the supervisor was killed, its parent makes this start (`switch/cli/watchdog.py`).

Temporary failures (a full disk, an unavailable database) are reported and waited for without limit. A failure
that needs a person's action ends a first start at once, with every reason, one line each; one that resumes
after a kill ran before, so it waits for the person.
"""

import asyncio
import contextlib
import errno
import json
import os
import re
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final, TypeVar

import asyncpg
import structlog

from ledger import backup
from ledger.migrate import Phase
from ledger.postgres import EmbeddedPostgres, NotInstalled, PostgresError
from ledger.roles import Login
from schemas.errors import TRY_AGAIN
from switch.base import answer_keys, causes, files, lifeline, logs, metrics, private
from switch.base.database import embedded
from switch.base.settings import Settings
from switch.cli import preflight, watchdog
from switch.cli.ownership import DataLock, InUse
from switch.processes.fork_server import Forked, ForkServer
from switch.sandbox import world
from switch.writer.kinds import Kind

_OPEN_FILES: Final = 65_536
READY_WITHIN_S: Final = 240.0
"""How long `running` waits; `payswitch up` waits without limit, and prints for what."""
_POLL_S: Final = 0.05
_BACKOFF_S: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0)
_BACKOFF_REFUSED_S: Final = 30.0
"""Seconds between restarts of a process that needs a person's action."""
_STOP_WITHIN_S: Final = 25.0
_HEALTHY_AFTER_S: Final = 10.0
_TELL_AFTER_S: Final = 3.0
_TELL_EVERY_S: Final = 30.0
_CHECK_MAX_S: Final = 1.0
"""The most that one check adds to a child's silence: a stopped supervisor must not blame its children."""
_SILENT_MAX_S: Final[Mapping[str, float]] = MappingProxyType(
    {"api": 20.0, "pages": 20.0, "writer": 40.0, "caretaker": 40.0, "messenger": 40.0}
)
"""Seconds without progress after which a process is replaced. The loop of a worker that serves always runs;
the others sometimes wait for a database statement, which may take thirty seconds."""
_LOGINS: Final[Mapping[str, Sequence[Login]]] = MappingProxyType(
    {
        "writer": (Login.WRITER,),
        "api": (Login.API, Login.READER),
        "pages": (Login.PAGES, Login.READER),
        "caretaker": (Login.CARETAKER,),
        "messenger": (Login.MESSENGER,),
    }
)
"""The database users of each kind of process, its own first."""
_KINDS: Final[Mapping[str, Sequence[Kind]]] = MappingProxyType(
    {
        "api": (Kind.API,),
        "pages": (Kind.PAGES,),
        "caretaker": (Kind.CARETAKER,),
        "messenger": (Kind.MESSENGER,),
        "operator": (Kind.OPERATOR,),
        "sandbox": (Kind.SANDBOX,),
    }
)
"""What each of our processes may be to the writer; `operator` are commands, `sandbox` is this process."""
_WAIT_FOR_PORT_S: Final = 3.0
_BACKLOG: Final = 2048
_READY_WITHIN_S: Final = 5.0
_NO_ROOM: Final = "No space left on device"
_LOG_TAIL_BYTES: Final = 4096
_PASSING: Final = (
    OSError,
    TimeoutError,
    *TRY_AGAIN,
    PostgresError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Of these failures, those not known to be permanent may be temporary."""
_log = structlog.get_logger()

T = TypeVar("T")
Say = Callable[[str], None]


class StartError(RuntimeError):
    """The switch could not start; each line of the text is a reason."""


@dataclass(slots=True)
class Child:
    """One process, and how to restart it."""

    name: str
    server: ForkServer
    """The fork server that starts it."""
    module: str
    arguments: Sequence[str]
    environment: dict[str, str]
    log: Path
    files: tuple[int, ...] = ()
    """Open files that it inherits, with the same descriptor numbers."""
    process: Forked | None = None
    started: float = 0.0
    restarts: int = 0
    """Consecutive restarts, each soon after the one before."""
    reason: str = ""
    """Why it ended last, as it reported or as its exit code shows."""
    refused: bool = False
    """It reported that it needs a person's action."""
    ended_by: str = ""
    """The reason of its last end."""
    stuck: list[int] = field(default_factory=list)
    """Backends of the database that block it and do not end, as it reported since the last check."""
    waits: str = ""
    """What it waits for before it can work, as it reported."""
    line: lifeline.Reader = field(default_factory=lifeline.Reader)
    _without_progress_s: float | None = None
    """Seconds since its last report of progress; None before the first."""
    _noticed: bool = False
    _told: tuple[str, float] = ("", 0.0)

    @property
    def kind(self) -> str:
        """`api` of `api-0`."""
        return self.name.partition("-")[0]

    def start(self) -> None:
        """Start it, with its output in its log file."""
        self.started = time.monotonic()
        self._without_progress_s, self._noticed = None, False
        self.reason, self.refused, self.waits = "", False, ""
        with self._open_log() as log:
            self.process = self.server.start(
                self.name,
                self.module,
                self.arguments,
                environment={**self.environment, lifeline.FILE: str(self.line.writing)},
                log=log,
                files=(*self.files, self.line.writing),
            )

    def _open_log(self) -> IO[bytes]:
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            return self.log.open("ab")
        except OSError:  # a full disk: it must run anyway
            return Path(os.devnull).open("ab")

    def keep(self, elapsed_s: float, say: Say) -> None:
        """Restart it if it ended or makes no progress, with growing pauses while it keeps failing."""
        assert self.process is not None
        self._listen(elapsed_s)
        if self.process.poll() is None:
            if self._makes_no_progress():
                self.reason = f"it made no progress for {self._without_progress_s:.0f} s"
                self.process.kill()
            return
        self._report_end(say)
        if time.monotonic() - self.started >= self._pause_s():
            self.start()

    def _listen(self, elapsed_s: float) -> None:
        beaten = False

        def beat() -> None:
            nonlocal beaten
            beaten, self.refused, self.reason = True, False, ""

        def end(reason: str, refused: bool) -> None:  # noqa: FBT001 - as the line calls it
            self.reason, self.refused = reason, refused

        def wait(reason: str) -> None:
            self.waits = reason

        self.stuck = []
        self.line.read(beat, end, self.stuck.extend, wait)
        if beaten:
            self._without_progress_s = 0.0
        elif self._without_progress_s is not None:
            self._without_progress_s += elapsed_s

    @property
    def is_failing(self) -> bool:
        """Whether it ended again soon after a restart, and has not run for long since."""
        runs = self.process is not None and self.process.poll() is None
        recovered = runs and time.monotonic() - self.started > _HEALTHY_AFTER_S
        return bool(self.ended_by) and not recovered and (self.refused or self.restarts > 1)

    def _makes_no_progress(self) -> bool:
        return self._without_progress_s is not None and self._without_progress_s > _SILENT_MAX_S.get(
            self.kind, float("inf")
        )

    def _report_end(self, say: Say) -> None:
        """Count each end once and print its reason; of many ends in a row, print only some."""
        if self._noticed or self.process is None:
            return
        self._noticed = True
        now = time.monotonic()
        self.restarts = 0 if now - self.started > _HEALTHY_AFTER_S else self.restarts + 1
        self.reason = self.ended_by = self.reason or self._reason()
        same = _without_numbers(self.reason)
        if self._told[0] != same or now - self._told[1] > _TELL_EVERY_S:
            self._told = same, now
            _log.warning("restarting", name=self.name, exit_code=self.process.returncode, reason=self.reason)
            again = f" ({self.restarts} times in a row)" if self.restarts > 1 else ""
            say(f"restarting {self.name}{again}: {self.reason}")

    def _reason(self) -> str:
        """The reason of an end without a report."""
        assert self.process is not None
        code = self.process.returncode or 0
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        last = _last_line(self.log) if self.kind == "rail" else ""  # a simulator has no lifeline
        return last or f"exit code {code}; see {self.log}"

    def _pause_s(self) -> float:
        if self.refused:
            return _BACKOFF_REFUSED_S
        return _BACKOFF_S[min(self.restarts, len(_BACKOFF_S) - 1)]

    def stop(self) -> None:
        """Ask it to end, and kill it if it does not."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.line.close()


class Supervisor:
    """The whole switch on one machine."""

    def __init__(
        self,
        settings: Settings,
        say: Say,
        *,
        resumed: bool = False,
        waits: Say | None = None,
        server: ForkServer | None = None,
    ) -> None:
        """`resumed`: it replaces one that was killed. `waits` is told often what the start waits for.

        `server` is opened and closed here; by default it is one of its own.
        """
        # The API responds for all processes of this machine, so none of them does for itself.
        settings = settings.model_copy(update={"data": settings.data.resolve(), "health": ""})
        self.settings = settings.model_copy(update={"database": settings.database_of(Login.OWNER)})
        self._say = say
        self._resumed = resumed
        self._waits = waits or (lambda _: None)
        self._postgres: EmbeddedPostgres | None = None
        self._database = _Pace()
        self._children: list[Child] = []
        self._listener: socket.socket | None = None
        self._of_pages: list[socket.socket] = []
        self._lock = DataLock(self.settings.data)
        self._server = server or ForkServer()
        self._kept_at = time.monotonic()
        self._failing: dict[str, str] = {}
        self._tokens = {name: secrets.token_urlsafe(32) for name in _KINDS}

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://{self.settings.host}:{self.settings.port}"

    def start(self, *, within_s: float | None = None) -> None:
        """Start everything, until `/readyz` returns 200; wait for temporary failures `within_s`, or for ever.

        Raises:
            StartError: something needs a person's action, or was not ready in time.

        """
        deadline = _Deadline(within_s)
        allow_open_files()
        if problems := preflight.examine(self.settings):  # nothing is created then, not even the directory
            self._raise_if([*problems, *self._bind()])
        self._lock_data()
        self._raise_if(self._bind())
        self._prepare_data()
        self._server.open()
        simulators = self._start_database(deadline)
        self._say("starting the writer, the caretaker, the messenger and the rails")
        self._run("writer", "switch.processes.writer")
        for country, arguments in simulators.items():
            self._run(f"rail-{country}", "adapters.simulation.__main__", arguments)
        self._run("caretaker", "switch.processes.caretaker")
        self._run("messenger", "switch.processes.messenger")
        if self.settings.sandbox:
            self._say("filling the sandbox: participants, people, money, rates")
            asyncio.run(self._populate(deadline))
        self._say("starting the API workers and the pages")
        assert self._listener is not None
        fileno = self._listener.fileno()
        for number in range(self.settings.workers):
            self._run(f"api-{number}", "switch.processes.api", [str(fileno)], files=(fileno,))
        of_pages = tuple(listener.fileno() for listener in self._of_pages)
        self._run("pages", "switch.processes.pages", [str(number) for number in of_pages], files=of_pages)
        self._wait_until_ready(deadline)

    def _lock_data(self) -> None:
        try:
            self._lock.take(self._say)
        except InUse as error:
            raise StartError(str(error)) from None
        except OSError as error:
            raise StartError(causes.of(error).text) from None

    def _prepare_data(self) -> None:
        """Remove what the last supervisor of this directory left, and describe this one."""
        try:
            self._lock.describe(self.url)
            self.settings.failing_file.unlink(missing_ok=True)
            self.settings.sandbox_mark.unlink(missing_ok=True)
            if self.settings.sandbox:
                self.settings.sandbox_mark.touch()
            shutil.rmtree(self.settings.metrics_directory, ignore_errors=True)
            self.settings.metrics_directory.mkdir(parents=True, exist_ok=True)
            runs = {"host": self.settings.host, "port": self.settings.port, "rails": self.settings.rails}
            self.settings.running_file.write_text(json.dumps(runs))
            files.write_whole(self.settings.operator_token_file, self._tokens["operator"].encode())
            self._of_pages += pages_listeners(self.settings)
            answer_keys.make(self.settings.answer_key)
        except (OSError, causes.Impossible) as error:
            raise StartError(causes.of(error).text) from None

    def _bind(self) -> list[str]:
        """Bind the port; the workers of a supervisor that was just killed may hold it for a moment."""
        end = time.monotonic() + _WAIT_FOR_PORT_S
        while True:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.settings.host, self.settings.port))
                break
            except OSError as error:
                listener.close()
                if time.monotonic() > end or error.errno != errno.EADDRINUSE:
                    taken = f"port {self.settings.port} is not available ({error.strerror})"
                    return [f"{taken}: set another with --port or PAYSWITCH_PORT"]
                time.sleep(_POLL_S)
        self._listener = listener
        self.settings = self.settings.model_copy(update={"port": listener.getsockname()[1]})
        return []

    def _start_database(self, deadline: "_Deadline") -> dict[str, list[str]]:
        """Start the database, create the keys of the rails meanwhile, and apply migrations."""
        if not self.settings.database:
            is_new = not (self.settings.data / "postgres" / "PG_VERSION").exists()
            self._say("creating the database files" if is_new else "starting PostgreSQL")
            archiving = backup.archive_settings(self.settings.backups) if self.settings.backups else None
            self._postgres = embedded(self.settings, archiving)
            simulators = self._begin_database(deadline)
        else:
            self._reach_database(deadline)
            simulators = self._prepare_rails()
        self._say("applying schema migrations")
        # Older processes may use a database by URL until an operator applies the `post` phase.
        phase = None if self._postgres else Phase.PRE
        self._patiently(lambda: asyncio.run(preflight.bring_up_to_date(self.settings, phase)), deadline)
        return simulators

    def _reach_database(self, deadline: "_Deadline") -> None:
        """Connect to an external database for the first time: if it is unavailable, the URL may be wrong."""
        if self._resumed:
            self._patiently(lambda: asyncio.run(preflight.reach(self.settings.database)), deadline)
            return
        try:
            asyncio.run(preflight.reach(self.settings.database))
        except Exception as error:  # noqa: BLE001 - every failure becomes a reason
            text = f"the database cannot be reached: {causes.of(error).text}"
            raise StartError(f"{text}; check PAYSWITCH_DATABASE or --database") from None

    def _begin_database(self, deadline: "_Deadline") -> dict[str, list[str]]:
        postgres = self._postgres
        assert postgres is not None
        url = self._patiently(postgres.begin, deadline)
        self.settings = self.settings.model_copy(update={"database": url})
        simulators = self._prepare_rails()

        def wait() -> None:
            if not postgres.running:
                reason = postgres.why_ended()
                postgres.begin()  # the next try checks it
                raise PostgresError(f"PostgreSQL ended: {reason}")
            if not postgres.ready:
                raise _NotYet

        self._patiently(wait, deadline)
        return simulators

    def _patiently(self, step: Callable[[], T], deadline: "_Deadline") -> T:
        """Run a step of the start; repeat it after temporary failures.

        Raises:
            StartError: it cannot succeed, or did not succeed in time.

        """
        pace = _Pace()
        while True:
            try:
                return step()
            except _NotYet:
                deadline.check("PostgreSQL is not ready")
                self._waits("PostgreSQL is not ready")
                time.sleep(_POLL_S)
            except Exception as error:  # noqa: BLE001 - every failure becomes a reason
                cause = self._cause(error)
                if cause.lasting or not isinstance(error, _PASSING):
                    raise StartError(cause.text) from None
                deadline.check(cause.text)
                if pace.should_print(cause.text):
                    self._say(f"waiting: {cause.text}")
                time.sleep(pace.pause_s())

    def _cause(self, error: Exception) -> causes.Cause:
        """The cause of a step's failure. At a first start, PostgreSQL waits only for a full disk."""
        cause = causes.of(error)
        if isinstance(error, PostgresError):
            if _NO_ROOM in cause.text:
                return causes.Cause(f"PostgreSQL cannot start: {_NO_ROOM}", lasting=False)
            return causes.Cause(cause.text, lasting=not self._resumed or isinstance(error, NotInstalled))
        return cause

    async def _populate(self, deadline: "_Deadline") -> None:
        """Fill the sandbox as soon as the writer responds."""
        from switch.change_catalogue import KINDS  # noqa: PLC0415 - slow to import; only a sandbox needs it

        pace = _Pace()
        while True:
            task = asyncio.create_task(world.populate(self.as_sandbox(), self.url, KINDS))
            while not task.done():
                await asyncio.wait({task}, timeout=_POLL_S)
                self._waits("")
                self.keep()
                self._raise_refusals()
            error = task.exception()
            if error is None:
                return
            cause = causes.of(error)
            if cause.lasting or not isinstance(error, _PASSING):
                raise error
            deadline.check(cause.text)
            if pace.should_print(cause.text):
                self._say(f"waiting: {cause.text}")

    def _raise_refusals(self) -> None:
        """End a start that cannot succeed, with the reason of every child."""
        if self._resumed:
            return
        self._raise_if([f"{child.name}: {child.reason}" for child in self._children if child.refused])

    def _raise_if(self, reasons: Sequence[str]) -> None:
        if reasons:
            raise StartError("\n".join(dict.fromkeys(reasons)))

    def _prepare_rails(self) -> dict[str, list[str]]:
        if not self.settings.sandbox:
            return {}
        return {
            country: world.prepare_rail(self.settings, country, self.url) for country in self.settings.rails
        }

    def _run(
        self, name: str, module: str, arguments: Sequence[str] = (), *, files: tuple[int, ...] = ()
    ) -> None:
        environment = self.environment_of(name)
        if module.startswith("switch."):  # a simulated rail has no metrics
            environment[metrics.PLACE] = name
        log = self.settings.data / "logs" / f"{name}.log"
        child = Child(name, self._server, module, arguments, environment, log, files)
        child.start()
        self._children.append(child)

    def environment_of(self, name: str) -> dict[str, str]:
        """The environment of a child: these settings, and no login or token but its own."""
        settings = self.settings
        if name == "pages":
            settings = settings.model_copy(update={"workers": 1})  # by which limits of rates are divided
        return {**environment_of(settings), **self._databases(name), **self._of_writer(name)}

    def as_sandbox(self) -> Settings:
        """The settings with which this process is the sandbox to its writer."""
        return self.settings.model_copy(update={"writer_token": self._tokens["sandbox"]})

    def _of_writer(self, name: str) -> dict[str, str]:
        """What a child proves to the writer, or the writer is to believe."""
        if name == "writer":
            believed = {
                sha256(token.encode()).hexdigest(): _KINDS[who] for who, token in self._tokens.items()
            }
            return {"PAYSWITCH_WRITER_TOKENS": json.dumps(believed), "PAYSWITCH_WRITER_TOKEN": ""}
        own = self._tokens.get(name.partition("-")[0], "")
        return {"PAYSWITCH_WRITER_TOKENS": "{}", "PAYSWITCH_WRITER_TOKEN": own}

    def _databases(self, name: str) -> dict[str, str]:
        """The URLs that a child gets: its own user's, and no other's."""
        logins = _LOGINS.get(name.partition("-")[0], ())
        own = {f"database_{login.name.lower()}": self.settings.database_of(login) for login in logins}
        fields = [field for field in Settings.model_fields if field.startswith("database")]
        urls = {**dict.fromkeys(fields, ""), **own, "database": next(iter(own.values()), "")}
        return {f"PAYSWITCH_{field.upper()}": url for field, url in urls.items()}

    def _wait_until_ready(self, deadline: "_Deadline") -> None:
        pace = _Pace()
        while missing := self._missing():
            self.keep()
            self._raise_refusals()
            missing = next((child.waits for child in self._children if child.waits), missing)
            deadline.check(f"{missing}; see {self.settings.data / 'logs'}")
            self._waits(missing)
            if pace.should_print(missing, after_s=_TELL_AFTER_S):
                self._say(f"waiting: {missing}")
            time.sleep(_POLL_S)

    def is_ready(self) -> bool:
        """Whether `/readyz` returns 200."""
        return not self._missing()

    def _missing(self) -> str:
        """What `/readyz` reports as missing; empty if it returns 200."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310 - our own address
                return "" if is_serving(self.settings.pages_socket) else "the pages do not respond yet"
        except urllib.error.HTTPError as error:
            with contextlib.suppress(ValueError, OSError):
                return str(json.loads(error.read()).get("detail", "not ready"))
            return "not ready"
        except (urllib.error.URLError, OSError):
            return "no API worker responds yet"

    def is_abandoned(self) -> bool:
        """Whether the parent was killed and the data directory removed: nobody needs this switch any more."""
        return watchdog.watched.is_orphan() and not self.settings.data.exists()

    def keep(self) -> None:
        """Restart processes that ended or make no progress; called periodically."""
        now = time.monotonic()
        elapsed_s, self._kept_at = min(now - self._kept_at, _CHECK_MAX_S), now
        self._keep_database()
        for child in self._children:
            try:
                child.keep(elapsed_s, self._say)
            except OSError as error:  # no memory or no process left to start it: the next check may succeed
                _log.error("not_started", name=child.name, reason=causes.of(error).text)
            self._end_backends(child.stuck)
        self._note_failing()

    def _note_failing(self) -> None:
        """Write the file for `payswitch doctor`."""
        failing = {child.name: child.ended_by for child in self._children if child.is_failing}
        if failing != self._failing:
            with contextlib.suppress(OSError):  # a full disk: the next change is written
                self.settings.failing_file.write_text(json.dumps(failing))
                self._failing = failing

    def _end_backends(self, stuck: Sequence[int]) -> None:
        """End backends that ignore requests to end, if they are of the embedded server."""
        for pid in stuck:
            ended = self._postgres is not None and self._postgres.end_backend(pid)
            text = "ending it, and PostgreSQL recovers" if ended else "end it on the server of the database"
            _log.error("stuck_backend", pid=pid, ended=ended)
            self._say(f"the database process {pid} holds locks of the switch and does not respond: {text}")

    def _keep_database(self) -> None:
        """Restart PostgreSQL, with growing pauses while it keeps ending; never give up."""
        postgres = self._postgres
        if postgres is None or postgres.running or not self._database.due():
            return
        reason = postgres.why_ended()
        try:
            postgres.begin()
        except (PostgresError, OSError) as error:
            reason = str(error)
        if self._database.should_print(reason):
            _log.error("restarting", name="postgres", reason=reason)
            self._say(f"restarting PostgreSQL: {reason}")

    def stop(self) -> None:
        """Stop in a safe order: the API first, the writer and the database last."""
        for listener in filter(None, (self._listener, *self._of_pages)):
            listener.close()
        order = ("api", "pages", "messenger", "caretaker", "rail", "writer")
        for child in sorted(self._children, key=lambda c: order.index(c.kind)):
            child.stop()
        self._children = []
        self._server.close()
        if self._postgres is not None:
            self._postgres.stop()
        self._lock.release()

    def pid(self, name: str) -> int:
        """Process id of a child, for fault tests."""
        child = next(c for c in self._children if c.name == name)
        assert child.process is not None
        return child.process.pid


class _NotYet(Exception):
    """Not ready yet; this is not a failure."""


@dataclass(slots=True)
class _Deadline:
    """When a start gives up; without `within_s`, never."""

    within_s: float | None
    _began: float = field(default_factory=time.monotonic)

    def check(self, reason: str) -> None:
        """Raise StartError with `reason` after the deadline."""
        if self.within_s is not None and time.monotonic() - self._began > self.within_s:
            raise StartError(f"not ready after {self.within_s:.0f} s: {reason}")


@dataclass(slots=True)
class _Pace:
    """Tries with growing pauses, and reasons that are printed when they change and at times again."""

    _tries: int = 0
    _at: float = field(default_factory=time.monotonic)
    _told: str = ""
    _told_at: float = 0.0

    def pause_s(self) -> float:
        """Seconds until the next try."""
        self._tries += 1
        return _BACKOFF_S[min(self._tries, len(_BACKOFF_S) - 1)]

    def due(self) -> bool:
        """Whether the next try may be made now; if so, it is counted."""
        now = time.monotonic()
        if now - self._at > _HEALTHY_AFTER_S:
            self._tries = 0
        if self._tries and now - self._at < _BACKOFF_S[min(self._tries, len(_BACKOFF_S) - 1)]:
            return False
        self._at = now
        self._tries += 1
        return True

    def should_print(self, reason: str, *, after_s: float = 0.0) -> bool:
        """Whether to print a reason now: it is new, or was printed long ago."""
        now, same = time.monotonic(), _without_numbers(reason)
        if now - self._at < after_s or (same == self._told and now - self._told_at < _TELL_EVERY_S):
            return False
        self._told, self._told_at = same, now
        return True


def _without_numbers(reason: str) -> str:
    """Reduce a reason for comparison: names of temporary files and process ids change at every try."""
    return re.sub(r"\d+", "", reason)


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def pages_listeners(settings: Settings) -> list[socket.socket]:
    """Listen for pages: on the local socket, which API workers use, and on a port if the settings state one.

    They listen before pages are served: requests wait while a worker is replaced.

    Raises:
        OSError: an address is not available, or the directory of the socket is not ours.

    """
    path = settings.pages_socket
    private.make(path.parent)
    path.unlink(missing_ok=True)
    local = socket.socket(socket.AF_UNIX)
    local.bind(str(path))
    path.chmod(0o600)
    listeners = [local]
    if settings.pages_port:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listeners.append(socket.create_server((settings.host, settings.pages_port), family=family))
    for listener in listeners:
        listener.listen(_BACKLOG)
    return listeners


def is_serving(path: Path) -> bool:
    """Whether a worker behind a local socket responds to requests."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_READY_WITHIN_S)
        line.connect(str(path))
        line.sendall(b"GET /livez HTTP/1.1\r\nHost: pages\r\nConnection: close\r\n\r\n")
        return line.recv(64).startswith(b"HTTP/1.1 200")
    return False


def allow_open_files() -> None:
    """Raise the limit of open files to what the machine allows: each connection is a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def environment_of(settings: Settings) -> dict[str, str]:
    """Get the environment of a child: that of this process, with these settings."""
    given = {
        f"PAYSWITCH_{name.upper()}": _text(value)
        for name, value in settings.model_dump(mode="json", exclude_none=True).items()
    }
    return {**os.environ, **given, "PROMETHEUS_MULTIPROC_DIR": str(settings.metrics_directory)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@contextlib.contextmanager
def running(
    settings: Settings, say: Say, waits: Say | None = None, server: ForkServer | None = None
) -> Iterator[Supervisor]:
    """Run the switch for the duration of a `with`; processes that end meanwhile are not restarted."""
    supervisor = Supervisor(settings, say, waits=waits, server=server)
    try:
        supervisor.start(within_s=READY_WITHIN_S)
        yield supervisor
    finally:
        supervisor.stop()


def run_until_stopped(supervisor: Supervisor) -> None:
    """Keep everything running until SIGTERM, SIGINT or SIGHUP."""
    stopping: list[int] = []
    for number in watchdog.STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda got, _frame: stopping.append(got))
    while not stopping and not supervisor.is_abandoned():
        try:
            supervisor.keep()
        except Exception as error:  # noqa: BLE001 - whatever it was, the processes must be kept
            _log.error("keeping_failed", error=type(error).__name__, detail=logs.where(error))
        time.sleep(_POLL_S * 2)
