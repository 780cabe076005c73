"""Outages of real processes under a mix of payments, and what the rails' own books say afterwards.

One run: start the switch with four simulated rails, pay with accounts of every awkward kind, take something
away for longer than an order's expiry and the rail's grace, give it back, and judge. The judge reads the
files of the rails and the tables of the switch and uses nothing of the switch's own checks, except that
`payswitch verify` is run once more and must agree.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import asyncpg
import psutil
import pytest

from ledger.postgres import EmbeddedPostgres
from ledger.roles import Login
from switch.base.database import embedded
from switch.base.settings import Settings
from tests.chaos.proxy import Proxy
from tests.chaos.switch_process import SwitchProcess, uetr_of

EXPIRY_S: Final = 3.0
TIME_SCALE: Final = 0.02
GRACE_S: Final = 60 * TIME_SCALE
"""Of all four rails, after expiry: `not_found_grace_s` of their profiles."""
OUTAGE_S: Final = EXPIRY_S + GRACE_S + 2.5
"""How long a fault lasts: whatever was under way has expired, and the grace of its rail is over."""
READY_WITHIN_S: Final = 15.0
"""From the end of a fault until `/readyz` is 200, where the switch mends itself."""
STARTED_WITHIN_S: Final = 60.0
"""The same where nothing of it runs any more, by itself or by hand: it reads its programs. An idle machine needs a
tenth of that, and one that is as busy as in a run of all tests needs it."""
FOUND_WITHIN_S: Final = 10.0
"""From the moment at which connections to the database become silent until `/readyz` is 200."""
LONG_S: Final = 45.0
"""Longer than every time-out of a statement and of a supervisor that watches for progress."""
SETTLED_WITHIN_S: Final = 90.0
"""In which at least one more payment becomes final, or waits for what only a rail's file or people can tell."""

ROUTES: Final = (
    ("asha-bank", "noor-wallet"),
    ("noor-wallet", "asha-bank"),
    ("asha-bank", "volga-bank"),
    ("asha-bank", "alborz-bank"),
)
"""To PK, IN, RU and IR."""
WORDS: Final = ("", "", "UNKFND", "UNKFND", "UNKFND2", "LATE", "LOST", "SLOW50")
"""Accounts that the payments go to: an order's script at its rail."""
_SELDOM_ASKED: Final = "asha-bank"
"""India's rail is asked three times in all, minutes apart: what it never got would decide how long a run is."""
PAYERS: Final = 8
PAUSE_S: Final = 0.15
UNANSWERED_PAUSE_S: Final = 0.6
"""While there is no answer: a long outage needs no more payments than a short one."""
REPEATS: Final = 10
"""Tries of each message after the outage, a second apart: a rail that had no time to answer is tested by one
payment every few seconds, and meanwhile a payment that the switch has never accepted gets 503."""
BURST: Final = 24
"""Payments that are sent together just before the fault, so that they are anywhere on their way in it."""

ENVIRONMENT: Final = {
    "PAYSWITCH_PAYMENT_EXPIRY_S": str(EXPIRY_S),
    "PAYSWITCH_TIME_SCALE": str(TIME_SCALE),
    "PAYSWITCH_RAILS": '["IN", "IR", "PK", "RU"]',
    "PAYSWITCH_BODY_LIMIT": "262144",
}
_KEPT: Final = """
SELECT p.uetr, p.rail, o.state AS open, o.due_at, r.outcome
FROM switch.payment AS p LEFT JOIN switch.open_payment AS o USING (number)
LEFT JOIN ledger.resolution AS r USING (number)
"""
_WRITERS_BACKENDS: Final = """
SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name LIKE 'payswitch writer%'
"""
_HOLDS_LOCKS: Final = "SELECT count(*) > 0 FROM pg_locks WHERE pid = $1 AND locktype = 'transactionid'"


@dataclass(slots=True)
class Sent:
    """One payment as its sender sees it."""

    debtor: str
    word: str
    document: dict[str, Any]
    statuses: list[int] = field(default_factory=list)
    """HTTP statuses of every try; 0 where there was no answer."""
    told: list[str] = field(default_factory=list)
    """ISO statuses that the sender was told, in order."""
    problem: str = ""
    """The detail of the last problem that it got instead."""

    @property
    def uetr(self) -> uuid.UUID:
        return uuid.UUID(uetr_of(self.document))

    @property
    def acknowledged(self) -> bool:
        return any(status in {"ACSP", "PDNG", "ACCC", "ACTC", "ACSC"} for status in self.told)


@dataclass(slots=True)
class Findings:
    """What a run came to. Everything but the counts must be empty."""

    fault: str
    seed: int
    payments: int = 0
    acknowledged: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    """Tries during the fault and just after it that got 5xx or nothing: that it was felt at all."""
    ready_s: float = 0.0
    """From the end of the fault to ready; restarts by hand are part of the faults that end the supervisor."""
    load: float = 0.0
    """The load average of the machine in the last minute, when it was ready: times depend on it."""
    waited_for: dict[str, float] = field(default_factory=dict)
    """What `/readyz` named until then, or the failure to reach it, and for how many seconds."""
    aborted_and_credited: list[str] = field(default_factory=list)
    committed_and_not_credited: list[str] = field(default_factory=list)
    credited_twice: list[str] = field(default_factory=list)
    credited_and_unknown_here: list[str] = field(default_factory=list)
    acknowledged_and_lost: list[str] = field(default_factory=list)
    told_otherwise: list[str] = field(default_factory=list)
    """The sender was told one end, and the books have another."""
    without_end: list[str] = field(default_factory=list)
    """Neither final nor waiting for a rail's file or people, long after."""
    repeats_refused: list[str] = field(default_factory=list)
    """The same bytes again, once the switch was ready, got neither a state nor a refusal of the payment."""
    verify: list[str] = field(default_factory=list)
    """Checks of `payswitch verify` that fail."""

    def wrong(self) -> dict[str, list[str]]:
        """What must be empty and is not."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, list) and value}


class OutageSwitch(SwitchProcess):
    """A switch on disks of its own, to be hurt. The rails' books stay on a disk that no fault touches."""

    resuming: asyncio.Task[None] | None = None
    server: EmbeddedPostgres | None = None
    """A database of its own, if it is reached through a proxy."""
    proxy: Proxy | None = None

    def prepare(self, *, data_disk: str = "", log_disk: str = "", proxied: bool = False) -> None:
        """Make its directories; with sizes, on small file systems that can be filled."""
        self.data.mkdir(parents=True)
        if data_disk:
            mount(self.data, data_disk)
        rails = self.data.parent / "rails"
        rails.mkdir()
        (self.data / "rails").symlink_to(rails)
        if log_disk:
            self._put_log_on(mount(self.data.parent / "log", log_disk))
        if proxied:
            self.server = EmbeddedPostgres(self.data.parent / "postgres")
            self.server.start()
            self.proxy = Proxy(self.server.data / ".s.PGSQL.5432")
            url = f"postgresql://postgres@127.0.0.1:{self.proxy.port}/postgres"
            self.environment = {**self.environment, "PAYSWITCH_DATABASE": url}

    def give_back(self) -> None:
        """End what it was given."""
        if self.proxy is not None:
            self.proxy.close()
        if self.server is not None:
            self.server.stop()

    def _put_log_on(self, disk: Path) -> None:
        server = embedded(Settings(data=self.data))
        server.start()
        server.stop()
        log = server.data / "pg_wal"
        owner = log.stat()
        shutil.copytree(log, disk / "pg_wal")
        for path in (disk / "pg_wal", *(disk / "pg_wal").rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o700 if path.is_dir() else 0o600)
        shutil.rmtree(log)
        log.symlink_to(disk / "pg_wal")

    @property
    def database(self) -> str:
        if self.server is not None:
            return f"postgresql://postgres@/postgres?host={self.server.data}"
        directory = (self.data / "postgres").resolve()
        passwords = Settings(data=self.data).passwords
        return passwords.url(f"postgresql:///postgres?host={directory}", Login.OWNER)

    def supervisor(self) -> psutil.Process:
        """The child of the process that was started."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children()[0]

    def processes(self) -> list[psutil.Process]:
        """Everything of the switch, the one that was started first; the rails are other people's machines."""
        assert self.process is not None
        first = psutil.Process(self.process.pid)
        found = [first, *first.children(recursive=True)]
        return [process for process in found if "adapters." not in command_of(process)]

    def named(self, part: str) -> list[psutil.Process]:
        """Processes of one part: `switch.processes.writer`, `postgres`."""
        return [process for process in self.processes() if part in command_of(process)]

    def database_processes(self) -> list[psutil.Process]:
        """The postmaster first, then its children."""
        return sorted(self.named("postgres"), key=lambda process: "bin/postgres" not in command_of(process))


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def mount(place: Path, size: str) -> Path:
    """A small file system in memory; the test is skipped where only root may."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    return place


def unmount(place: Path) -> None:
    """Give it back, if it is one."""
    if place.is_mount():
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take every last byte of a disk."""
    filler = place / "filler"
    size = 1 << 20
    with filler.open("ab", buffering=0) as file:
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return filler


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────


Fault = Callable[[OutageSwitch], contextlib.AbstractAsyncContextManager[None]]
"""Lasts as long as its `with`; what it took away is back after it."""


def stopped(choose: Callable[[OutageSwitch], Sequence[psutil.Process]]) -> Fault:
    """SIGSTOP, and SIGCONT after the outage."""

    @contextlib.asynccontextmanager
    async def fault(switch: OutageSwitch) -> AsyncIterator[None]:
        victims = list(choose(switch))
        assert victims
        for process in victims:
            process.suspend()
        yield
        for process in reversed(victims):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    return fault


def killed(part: str) -> Fault:
    """SIGKILL, again and again: whatever is started anew in the outage dies as well."""

    @contextlib.asynccontextmanager
    async def fault(switch: OutageSwitch) -> AsyncIterator[None]:
        async def keep_dead() -> None:
            while True:
                for process in switch.named(part):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
                await asyncio.sleep(0.1)

        task = asyncio.create_task(keep_dead())
        yield
        task.cancel()

    return fault


@contextlib.asynccontextmanager
async def killed_supervisor(switch: OutageSwitch) -> AsyncIterator[None]:
    """SIGKILL for the supervisor; nothing of it may linger, and its parent starts another."""
    supervisor = switch.supervisor()
    orphans = [one for one in supervisor.children(recursive=True) if "postgres" not in command_of(one)]
    supervisor.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, orphans, 3)
    assert not alive, f"children of a killed supervisor linger: {alive}"
    yield


@contextlib.asynccontextmanager
async def killed_supervisor_of_stopped_postgres(switch: OutageSwitch) -> AsyncIterator[None]:
    """SIGKILL for the supervisor while PostgreSQL is stopped, which then cannot even end."""
    for process in switch.database_processes():
        process.suspend()
    switch.supervisor().kill()
    yield


@contextlib.asynccontextmanager
async def killed_parent(switch: OutageSwitch) -> AsyncIterator[None]:
    """SIGKILL for the parent of the supervisor: the switch goes on, and a new start replaces it."""
    assert switch.process is not None
    supervisor = switch.supervisor()
    switch.process.kill()
    switch.process.wait()
    yield
    assert supervisor.is_running()
    switch.start()
    await asyncio.to_thread(supervisor.wait, STARTED_WITHIN_S)


@contextlib.asynccontextmanager
async def frozen_backend(switch: OutageSwitch) -> AsyncIterator[None]:
    """SIGSTOP for the writer's backend in the middle of a batch, for ever: it holds the locks of the writer."""
    connection = await asyncpg.connect(switch.database)
    try:
        async with asyncio.timeout(60):
            while not await _freeze(connection):
                await asyncio.sleep(0.01)
    finally:
        await connection.close()
    yield


async def _freeze(connection: asyncpg.Connection) -> bool:
    """Stop a backend of the writer that has a transaction; False if none was met in one."""
    for pid in await connection.fetchval(_WRITERS_BACKENDS):
        backend = psutil.Process(pid)
        backend.suspend()
        if await connection.fetchval(_HOLDS_LOCKS, pid):
            return True
        backend.resume()
    return False


@contextlib.asynccontextmanager
async def silent_connections(switch: OutageSwitch) -> AsyncIterator[None]:
    """Every open connection to the database becomes silent, and stays open; new ones work."""
    assert switch.proxy is not None
    switch.proxy.silence()
    yield


@contextlib.asynccontextmanager
async def killed_group(switch: OutageSwitch) -> AsyncIterator[None]:
    """SIGKILL for everything: power that fails."""
    everything = switch.processes()
    switch.kill()
    for process in everything:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    yield
    switch.start()


@contextlib.asynccontextmanager
async def stuck_backend(switch: OutageSwitch) -> AsyncIterator[None]:
    """SIGKILL for the postmaster while one of its backends hangs: the backend holds the shared memory."""
    postmaster, *others = switch.database_processes()
    backend = next(
        process
        for process in others
        if "payswitch writer" in command_of(process) or "[local]" in command_of(process)
    )
    backend.suspend()
    postmaster.kill()
    yield


@contextlib.asynccontextmanager
async def full_data_disk(switch: OutageSwitch) -> AsyncIterator[None]:
    """Not a byte left on the disk of the data directory: database, logs, metrics, sockets."""
    filler = fill(switch.data)
    await _use_up_segments(switch)
    yield
    filler.unlink()


@contextlib.asynccontextmanager
async def full_log_disk(switch: OutageSwitch) -> AsyncIterator[None]:
    """Not a byte left for the write-ahead log: PostgreSQL ends, and cannot come back before there is room."""
    filler = fill(switch.data.parent / "log")
    await _use_up_segments(switch)
    yield
    filler.unlink()


async def _use_up_segments(switch: OutageSwitch) -> None:
    """Come at once to where the log needs a new file; ordinary traffic takes minutes for it."""
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        connection = await asyncpg.connect(switch.database, timeout=3)
        for _ in range(40):
            segment = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 16777216))"
            await connection.execute(segment, timeout=3)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, and what the switch needs for it."""

    fault: Fault
    data_disk: str = ""
    log_disk: str = ""
    failpoints: str = ""
    proxied: bool = False
    """Its database is reached over TCP, through a proxy."""
    lasts_s: float = OUTAGE_S
    ready_within_s: float = READY_WITHIN_S


@contextlib.asynccontextmanager
async def stopped_before_socket(switch: OutageSwitch) -> AsyncIterator[None]:
    """API workers stop themselves between their durable intent and the socket, and go on after the outage."""
    assert await asyncio.to_thread(_stopped_at_failpoint, switch)
    yield

    async def resume() -> None:
        while True:  # a process that comes to the point only now stops as well
            for process in switch.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.status() == psutil.STATUS_STOPPED:
                        process.resume()
            await asyncio.sleep(0.5)

    switch.resuming = asyncio.create_task(resume())


def _stopped_at_failpoint(switch: OutageSwitch) -> list[psutil.Process]:
    """API workers that stand between their durable intent and the socket: they have stopped themselves."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = [p for p in switch.named("processes.api") if p.status() == psutil.STATUS_STOPPED]
        if found:
            return found
        time.sleep(0.05)
    return []


SCENARIOS: Final[dict[str, Scenario]] = {
    "stop-everything": Scenario(stopped(OutageSwitch.processes)),
    "stop-writer": Scenario(stopped(lambda switch: switch.named("processes.writer"))),
    "stop-caretaker": Scenario(stopped(lambda switch: switch.named("processes.caretaker"))),
    "stop-api": Scenario(stopped(lambda switch: switch.named("processes.api"))),
    "stop-api-before-socket": Scenario(stopped_before_socket, failpoints="before_rail_send:stop@0.05"),
    "stop-postgres": Scenario(stopped(OutageSwitch.database_processes)),
    "stop-postgres-and-writer": Scenario(
        stopped(lambda switch: [*switch.database_processes(), *switch.named("processes.writer")])
    ),
    "kill-writer": Scenario(killed("processes.writer")),
    "kill-caretaker": Scenario(killed("processes.caretaker")),
    "kill-api": Scenario(killed("processes.api")),
    "kill-messenger": Scenario(killed("processes.messenger")),
    "kill-postgres": Scenario(killed("bin/postgres")),
    "kill-supervisor": Scenario(killed_supervisor, ready_within_s=STARTED_WITHIN_S),
    "kill-supervisor-and-stop-postgres": Scenario(
        killed_supervisor_of_stopped_postgres, ready_within_s=STARTED_WITHIN_S
    ),
    "kill-parent": Scenario(killed_parent, ready_within_s=STARTED_WITHIN_S),
    "kill-everything": Scenario(killed_group, ready_within_s=STARTED_WITHIN_S),
    "stop-postgres-for-long": Scenario(stopped(OutageSwitch.database_processes), lasts_s=LONG_S),
    "stop-writer-for-long": Scenario(
        stopped(lambda switch: switch.named("processes.writer")), lasts_s=LONG_S
    ),
    "stuck-backend": Scenario(stuck_backend),
    "frozen-backend": Scenario(frozen_backend),
    "silent-connections": Scenario(
        silent_connections, proxied=True, lasts_s=0, ready_within_s=FOUND_WITHIN_S
    ),
    "data-disk-full": Scenario(full_data_disk, data_disk="1200M"),
    "log-disk-full": Scenario(full_log_disk, log_disk="400M"),
}


# ── a run ────────────────────────────────────────────────────────────────────────────────────────────────


class Payers:
    """Banks that pay, note what they are told, and after an outage send the same bytes again."""

    def __init__(self, switch: OutageSwitch, seed: int) -> None:
        self.switch = switch
        self.sent: list[Sent] = []
        self._chance = random.Random(seed)
        self._answered = True
        self._session: aiohttp.ClientSession | None = None
        self._bearers = {
            p["id"]: p["bearer"] for p in json.loads(switch.credentials_file.read_text())["participants"]
        }

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=40))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    def new(self) -> Sent:
        """A payment that nobody has sent yet."""
        (debtor, creditor), word = self._chance.choice(ROUTES), self._chance.choice(WORDS)
        if word == "LOST" and creditor == _SELDOM_ASKED:
            word = ""
        one = Sent(debtor, word, self.switch.document(debtor, creditor, word))
        self.sent.append(one)
        return one

    async def pay(self, one: Sent, *, wait: int = 0) -> None:
        """Send it, or send it again: the same bytes."""
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._bearers[one.debtor]}", "Accept": "application/json"}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        try:
            async with self._session.post(
                f"{self.switch.url}/v1/iso20022/pacs.008", json=one.document, headers=headers
            ) as answer:
                content = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            one.statuses.append(0)
            self._answered = False
            return
        one.statuses.append(answer.status)
        self._answered = answer.status < 500
        if "Document" in content:
            report = content["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"][0]
            one.told.append(report["TxSts"])
        else:
            one.problem = str(content.get("detail", ""))

    async def go_on(self, stop: asyncio.Event) -> None:
        """Pay until told to stop, whatever comes back."""
        under_way: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            task = asyncio.create_task(self.pay(self.new()))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            pause_s = PAUSE_S if self._answered else UNANSWERED_PAUSE_S
            await asyncio.sleep(pause_s * self._chance.uniform(0.5, 1.5))
        await asyncio.gather(*under_way)

    async def burst(self) -> list[asyncio.Task[None]]:
        """Many at once; their senders wait."""
        return [asyncio.create_task(self.pay(self.new(), wait=5)) for _ in range(BURST)]

    async def repeat_all(self) -> list[str]:
        """Send every message again, now that the switch is ready; those that get no state."""
        gate = asyncio.Semaphore(16)
        refused: list[str] = []

        async def one(payment: Sent) -> None:
            async with gate:
                told = len(payment.told)
                for _ in range(REPEATS):  # a try may meet a limit of rates, or the pause of a rail
                    await self.pay(payment)
                    if len(payment.told) > told:
                        return
                    await asyncio.sleep(1)
                statuses = payment.statuses[-REPEATS:]
                refused.append(f"{payment.uetr} {payment.word} {statuses} {payment.problem}")

        await asyncio.gather(*(one(payment) for payment in list(self.sent)))
        return refused


async def run(switch: OutageSwitch, name: str, seed: int) -> Findings:
    """One outage, from the first payment to the judgement; the switch is ready before and after it."""
    scenario = SCENARIOS[name]
    findings = Findings(name, seed)
    async with Payers(switch, seed) as payers:
        stop = asyncio.Event()
        paying = [asyncio.create_task(payers.go_on(stop)) for _ in range(PAYERS // 2)]
        await asyncio.sleep(1.5)
        bursting = await payers.burst()
        await asyncio.sleep(0.15)
        async with scenario.fault(switch):
            await asyncio.sleep(scenario.lasts_s)
        ended = time.monotonic()
        findings.waited_for = await until_ready(switch)
        findings.ready_s, findings.load = round(time.monotonic() - ended, 1), round(os.getloadavg()[0], 1)
        await asyncio.sleep(1.0)
        stop.set()
        await asyncio.gather(*paying, *bursting)
        await until_ready(switch)
        findings.repeats_refused = await payers.repeat_all()
        await until_settled(switch)
        findings.repeats_refused += await payers.repeat_all()
        await judge(switch, payers.sent, findings)
    return findings


async def until_ready(switch: OutageSwitch, *, within_s: float = 90.0) -> dict[str, float]:
    """Wait for three answers of 200 in a row: every worker is asked. What was missing, and for how long."""
    end, good = time.monotonic() + within_s, 0
    missing: Counter[str] = Counter()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        while good < 3:
            if time.monotonic() > end:
                assert switch.process is not None
                log = (switch.data.parent / "up.log").read_text()[-3000:]
                raise AssertionError(f"not ready; supervisor: {switch.process.poll()}\n{log}")
            began, reason = time.monotonic(), ""
            try:
                async with session.get(f"{switch.url}/readyz", headers={"Connection": "close"}) as answer:
                    if answer.status != 200:
                        reason = str((await answer.json(content_type=None))["detail"])
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = type(error).__name__
            good = 0 if reason else good + 1
            await asyncio.sleep(0.1)
            if reason:
                missing[reason] += time.monotonic() - began
    return {reason: round(seconds, 1) for reason, seconds in missing.items()}


async def until_settled(switch: OutageSwitch) -> None:
    """Wait until nothing is open that the switch itself will look at again, or none of it ends for long."""
    fewest, end = sys.maxsize, time.monotonic() + SETTLED_WITHIN_S
    while time.monotonic() < end:
        credited = read_books(switch)
        moving = sum(_moves(row, credited) for row in await kept(switch))
        if not moving:
            return
        if moving < fewest:  # a busy machine may take longer for all of them
            fewest, end = moving, time.monotonic() + SETTLED_WITHIN_S
        await asyncio.sleep(0.5)


def _moves(row: asyncpg.Record, credited: Counter[uuid.UUID]) -> bool:
    """Whether a payment is open though its end can be learned: it was credited, or will be asked about."""
    if row["open"] is None:
        return False
    return bool(row["open"] != "UNKNOWN" or credited[row["uetr"]] or row["due_at"] is not None)


async def kept(switch: OutageSwitch) -> list[asyncpg.Record]:
    """Every payment as the switch's tables have it."""
    connection = await asyncpg.connect(switch.database)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(_KEPT)
        return rows
    finally:
        await connection.close()


def read_books(switch: OutageSwitch) -> Counter[uuid.UUID]:
    """What the rails credited, by UETR, from their own files: each order's last line counts."""
    credited: Counter[uuid.UUID] = Counter()
    for book in (switch.data.parent / "rails").glob("*/book.jsonl"):
        last: dict[str, dict[str, Any]] = {}
        for line in book.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                entry = json.loads(line)
                last[entry["rail_ref"]] = entry
        credited.update(uuid.UUID(entry["uetr"]) for entry in last.values() if entry["outcome"] == "done")
    return credited


async def judge(switch: OutageSwitch, sent: Sequence[Sent], findings: Findings) -> None:
    """Hold the rails' books, the switch's tables and what senders were told against each other."""
    credited = read_books(switch)
    rows = {row["uetr"]: row for row in await kept(switch)}
    findings.payments = len(sent)
    findings.acknowledged = sum(one.acknowledged for one in sent)
    findings.unanswered = sum(status == 0 or status >= 500 for one in sent for status in one.statuses)
    findings.ends = dict(Counter(str(row["outcome"] or row["open"] or "refused") for row in rows.values()))
    findings.credited_twice = [str(uetr) for uetr, times in credited.items() if times > 1]
    findings.credited_and_unknown_here = [str(uetr) for uetr in credited if uetr not in rows]
    words = {one.uetr: one.word for one in sent}
    for uetr, row in rows.items():
        described = f"{uetr} {row['rail']} {words.get(uetr)}"
        if row["open"] is not None:
            if _moves(row, credited):
                findings.without_end.append(f"{described} {row['open']} due {row['due_at']}")
        elif row["outcome"] == "posted" and not credited[uetr]:
            findings.committed_and_not_credited.append(described)
        elif row["outcome"] != "posted" and credited[uetr]:
            findings.aborted_and_credited.append(described)
    for one in sent:
        row = rows.get(one.uetr)
        if one.acknowledged and row is None:
            findings.acknowledged_and_lost.append(f"{one.uetr} {one.word} {one.told}")
        elif row is not None and _told_otherwise(one, row):
            findings.told_otherwise.append(f"{one.uetr} {one.word} {one.told} {row['outcome']}")
    verified = await asyncio.to_thread(switch.verify)
    findings.verify = [f"{c['check']}: {c['detail']}" for c in verified["checks"] if not c["ok"]]


def _told_otherwise(one: Sent, row: asyncpg.Record) -> bool:
    done, refused = "ACCC" in one.told, "RJCT" in one.told
    committed = row["outcome"] == "posted"
    return (done and not committed) or (refused and (committed or row["open"] is not None))


@contextlib.contextmanager
def prepared(directory: Path, name: str) -> Iterator[OutageSwitch]:
    """A switch that runs, ready for one outage."""
    scenario = SCENARIOS[name]
    switch = OutageSwitch(directory / "data", environment=ENVIRONMENT)
    disks = (directory / "data", directory / "log")
    try:
        switch.prepare(data_disk=scenario.data_disk, log_disk=scenario.log_disk, proxied=scenario.proxied)
        switch.start(failpoints=scenario.failpoints)
        switch.wait_until_ready()
        yield switch
    finally:
        switch.end()
        switch.give_back()
        for disk in disks:
            unmount(disk)
