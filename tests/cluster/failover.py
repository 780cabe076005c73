"""Faults of the database under payments, and what the client's own file of acknowledgements says afterwards.

One run: a cluster of three databases, a switch that reaches it through HAProxy, and banks that pay and write
each acknowledgement to a file. One fault; the longest time without an acknowledgement is measured. During the
fault, a second writer tries to work on the old primary, and must not be able to. Then the fault ends, the
cluster becomes whole, and the judge of the outages compares the file, the rails' books and the new primary.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from ledger.writer import Writer
from tests.chaos import outages
from tests.chaos.outages import Findings, OutageSwitch, Payers, Sent
from tests.cluster import databases
from tests.cluster.databases import Database, Databases
from tests.cluster.machines import Machine
from tests.ledger.hosts import PlainHost

PORT: Final = 8320
ENVIRONMENT: Final = {
    "PAYSWITCH_DATABASE": databases.URL,
    "PAYSWITCH_SYNCHRONOUS_STANDBY": "true",
    "PAYSWITCH_RAILS": '["IN", "PK"]',
    "PAYSWITCH_PAYMENT_EXPIRY_S": "5",
    "PAYSWITCH_SANDBOX_LATENCY_S": "0.01",
    "PAYSWITCH_TIME_SCALE": "0.02",
    "PAYSWITCH_WORKERS": "1",
}
ROUTES: Final = itertools.cycle((("asha-bank", "noor-wallet"), ("noor-wallet", "asha-bank")))
WORDS: Final = itertools.cycle(("", "", "", "UNKFND", ""))
PAYERS: Final = 4
PAUSE_S: Final = 0.1
BEFORE_S: Final = 2.0
AFTER_S: Final = 3.0
ROGUE_S: Final = 4.0


class ClusterSwitch(OutageSwitch):
    """A switch on a machine of its own, whose database is the cluster."""

    machine: Machine
    cluster: Databases

    @property
    def url(self) -> str:
        return f"http://{self.machine.address}:{PORT}"

    @property
    def database(self) -> str:
        """The primary, as the test reaches it."""
        return direct(self.cluster.primary())

    def start(self, *, failpoints: str = "") -> None:
        options = ["--sandbox", "--port", PORT, "--data", self.data]
        self.process = self.machine.start(
            [sys.executable, "-m", "switch.cli", "up", *map(str, options)],
            log=self.data.parent / "up.log",
            environment={**self._settings(), "PAYSWITCH_FAILPOINTS": failpoints},
        )

    def verify(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "switch.cli", "verify", "--data", self.data]
        done = subprocess.run(
            self.machine.command(command),
            env={**os.environ, **self._settings()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def _settings(self) -> dict[str, str]:
        return {**ENVIRONMENT, "PAYSWITCH_HOST": self.machine.address}


def direct(member: Database) -> str:
    """The URL of one database machine, past HAProxy."""
    return databases.URL.replace("127.0.0.1", member.machine.address)


class BanksWithFile(Payers):
    """Banks that write each acknowledgement to a file as soon as they have it."""

    def __init__(self, switch: ClusterSwitch, file: Path) -> None:
        super().__init__(switch, seed=0)
        self._file = file

    def new(self) -> Sent:
        (debtor, creditor), word = next(ROUTES), next(WORDS)
        one = Sent(debtor, word, self.switch.document(debtor, creditor, word))
        self.sent.append(one)
        return one

    async def pay(self, one: Sent, *, wait: int = 0) -> None:
        known = len(one.told)
        await super().pay(one, wait=wait)
        if len(one.told) > known:
            with self._file.open("a") as file:
                file.write(f"{one.uetr} {one.told[-1]} {time.monotonic():.3f}\n")

    async def pay_until(self, stop: asyncio.Event) -> None:
        """Pay one after the other; a payment without an answer is sent again, the same bytes."""
        while not stop.is_set():
            one = self.new()
            await self.pay(one)
            while not one.told and one.statuses[-1] not in {400, 422} and not stop.is_set():
                await asyncio.sleep(0.3)
                await self.pay(one)
            await asyncio.sleep(PAUSE_S)


@dataclass(slots=True)
class FailoverFindings(Findings):
    """What a run came to. Everything but the counts must be empty."""

    gap_s: float = 0.0
    """The longest time between two acknowledgements, as the clients saw it."""
    promoted_s: float = 0.0
    """From the fault until Patroni has another primary."""
    promoted: str = ""
    """The new primary; empty if it is the old one."""
    of_the_file: int = 0
    """Acknowledgements in the clients' own file."""
    missing_here: list[str] = field(default_factory=list)
    """Acknowledged in the clients' file, and not in the new primary."""
    done_by_old: list[str] = field(default_factory=list)
    """What a writer could do on the old primary after it was replaced."""


@dataclass(slots=True)
class Run:
    """The parts of one run."""

    cluster: Databases
    switch: ClusterSwitch
    findings: FailoverFindings
    old: Database


Fault = Callable[[Run], contextlib.AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def killed(run: Run) -> AsyncIterator[None]:
    """SIGKILL for every process of the primary's PostgreSQL; its Patroni lives."""
    for process in run.old.postgres():
        with contextlib.suppress(Exception):
            process.kill()
    yield


@contextlib.asynccontextmanager
async def without_power(run: Run) -> AsyncIterator[None]:
    """The machine of the primary ends without a last packet, and is started again after the failover."""
    await asyncio.to_thread(run.old.machine.lose_power)
    yield
    run.cluster.network.heal()
    run.old.start_etcd()
    run.old.start_patroni()


@contextlib.asynccontextmanager
async def partitioned(run: Run) -> AsyncIterator[None]:
    """The primary loses etcd and the standbys; the switch still reaches it."""
    others = [member.machine.name for member in run.cluster.others(run.old)]
    run.cluster.network.cut(run.old.machine.name, *others)
    rogue = asyncio.create_task(try_to_write(run))
    yield
    await rogue
    run.cluster.network.heal()


@contextlib.asynccontextmanager
async def paused(run: Run) -> AsyncIterator[None]:
    """The machine of the primary stops (SIGSTOP), and goes on after the failover as if nothing had been."""
    run.old.machine.send(signal.SIGSTOP)
    yield
    run.old.machine.send(signal.SIGCONT)
    await try_to_write(run)


@contextlib.asynccontextmanager
async def postgres_paused(run: Run) -> AsyncIterator[None]:
    """Only PostgreSQL stops: its kernel still acknowledges packets, and Patroni waits for it."""
    for process in run.old.postgres():
        process.suspend()
    yield
    for process in run.old.postgres():
        process.resume()
    await try_to_write(run)


@contextlib.asynccontextmanager
async def standby_lost(run: Run) -> AsyncIterator[None]:
    """The synchronous standby loses power: commits wait until the other standby takes its place."""
    standby = run.cluster.synchronous()
    await asyncio.to_thread(standby.machine.lose_power)
    yield
    run.cluster.network.heal()
    standby.start_etcd()
    standby.start_patroni()


@contextlib.asynccontextmanager
async def etcd_lost(run: Run) -> AsyncIterator[None]:
    """Every etcd stops; the machines reach each other, so the primary continues."""
    found = [p for m in run.cluster.members.values() for p in m.machine.processes() if p.name() == "etcd"]
    for process in found:
        process.suspend()
    yield
    await asyncio.sleep(30)  # longer than the primary's lease in etcd
    for process in found:
        process.resume()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, and whether another machine becomes the primary."""

    fault: Fault
    fails_over: bool = True


SCENARIOS: Final[dict[str, Scenario]] = {
    "kill": Scenario(killed),
    "power": Scenario(without_power),
    "partition": Scenario(partitioned),
    "pause": Scenario(paused),
    "pause-postgres": Scenario(postgres_paused),
    "standby": Scenario(standby_lost, fails_over=False),
    "etcd": Scenario(etcd_lost, fails_over=False),
}


async def try_to_write(run: Run) -> None:
    """Take over as a second writer on the old primary itself; whatever it can commit there is noted."""
    rogue = Writer(direct(run.old), PlainHost())
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        async with asyncio.timeout(ROGUE_S):
            await rogue.start()
            run.findings.done_by_old.append(f"began epoch {rogue.epoch}")
            await rogue.submit(("open", "nobody"))
            run.findings.done_by_old.append("opened an account")
    await rogue.stop(timeout_s=1)


async def run(cluster: Databases, switch: ClusterSwitch, name: str, file: Path) -> FailoverFindings:
    """One fault, from the first payment to the judgement."""
    scenario, old = SCENARIOS[name], cluster.primary()
    findings = FailoverFindings(name, seed=0)
    async with BanksWithFile(switch, file) as banks:
        stop = asyncio.Event()
        paying = [asyncio.create_task(banks.pay_until(stop)) for _ in range(PAYERS)]
        await asyncio.sleep(BEFORE_S)
        began = time.monotonic()
        async with scenario.fault(Run(cluster, switch, findings, old)):
            if scenario.fails_over:
                await asyncio.to_thread(until_another, cluster, old)
                findings.promoted_s = round(time.monotonic() - began, 1)
            await until_acknowledged(file, after=began)
            findings.ready_s, findings.load = round(time.monotonic() - began, 1), round(os.getloadavg()[0], 1)
            await asyncio.sleep(AFTER_S)
        stop.set()
        await asyncio.gather(*paying)
        await asyncio.to_thread(cluster.until_whole)
        primary = cluster.primary()
        findings.promoted = "" if primary is old else primary.machine.name
        await judge_file(switch, file, findings)  # before anybody sends a payment again
        await outages.until_ready(switch)
        findings.repeats_refused = await banks.repeat_all()
        await outages.until_settled(switch)
        await outages.judge(switch, banks.sent, findings)
    return findings


def until_another(cluster: Databases, old: Database) -> None:
    """Wait until another machine is the primary."""
    databases.until(
        lambda: any(member.status().get("role") in databases.PRIMARY for member in cluster.others(old)),
        "another machine is the primary",
        within_s=90,
    )


async def until_acknowledged(file: Path, *, after: float) -> None:
    """Wait until payments are acknowledged again: three, a second or more after `after`."""
    async with asyncio.timeout(120):
        while sum(at > after + 1 for _, _, at in read_file(file)) < 3:
            await asyncio.sleep(0.1)


def read_file(file: Path) -> list[tuple[UUID, str, float]]:
    """The clients' file: UETR, status, time of each acknowledgement."""
    lines = [line.split() for line in file.read_text().splitlines()]
    return [(UUID(uetr), status, float(at)) for uetr, status, at in lines]


async def judge_file(switch: ClusterSwitch, file: Path, findings: FailoverFindings) -> None:
    """Compare the clients' file with the new primary."""
    acknowledged = read_file(file)
    there = {row["uetr"] for row in await outages.kept(switch)}
    findings.of_the_file = len({uetr for uetr, _, _ in acknowledged})
    findings.missing_here = [
        f"{uetr} {status}" for uetr, status, _ in acknowledged if status != "RJCT" and uetr not in there
    ]
    times = sorted(at for _, _, at in acknowledged)
    findings.gap_s = round(max(b - a for a, b in itertools.pairwise(times)), 1)


def line(findings: FailoverFindings) -> str:
    """One JSON line of figures."""
    return json.dumps(asdict(findings))
