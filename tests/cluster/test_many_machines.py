"""`docs/operate/many-machines.md`: a switch on seven machines, restarted and broken under payments.

Two API machines behind HAProxy with the configuration of the page, a writer and its standby that speak over
mutual TLS, a machine with caretaker and messenger, the database, and the rails. Payers keep a file of what
they were told; at the end it is held against the ledger and against the rails' own books.

`--machines-faults all` breaks the writer in every way; the default is a rolling restart and one kill -9.
"""

import asyncio
import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import pytest

from ledger import roles
from ledger.postgres import BIN, unprivileged_account
from ledger.roles import PROCESSES, Login
from switch.base import personal_data
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.cli import preflight
from switch.clients.python import AsyncClient, NoAnswer, PaymentState, RequestRefused
from switch.identity import secrets
from switch.sandbox import world
from switch.webhooks import signing
from tests.cluster.machines import Machine, Network, machines, require
from tests.docs.blocks import ROOT, of_page
from tests.switch.certificates import Authority

PAGE: Final = ROOT / "docs/operate/many-machines.md"
PARTS: Final = {
    "writer-1": "writer",
    "writer-2": "writer",
    "api-1": "api",
    "api-2": "api",
    "pages-1": "pages",
    "pages-2": "pages",
    "back": "caretaker",
    "messenger": "messenger",
}
"""Process -> what it is; each is on the machine of its name, the messenger beside the caretaker, pages beside the API."""
ROLLING: Final = ("writer-2", "writer-1", "back", "messenger", "pages-1", "api-1", "pages-2", "api-2")
RAILS: Final = ("IN", "PK")
ROUTES: Final = (("asha-bank", "noor-wallet"), ("noor-wallet", "asha-bank"))
PAYERS: Final = 6
PAUSE_S: Final = 0.2
READY_WITHIN_S: Final = 60.0
RESUMED_WITHIN_S: Final = 20.0
API_PORT: Final = 8320
PAGES_PORT: Final = 8322
HEALTH: Final = {"writer-1": 8321, "writer-2": 8321, "back": 8321, "messenger": 8322}
_OPEN: Final = "SELECT count(*) FROM switch.open_payment"
_KEPT: Final = """
SELECT p.uetr, r.outcome FROM switch.payment AS p LEFT JOIN ledger.resolution AS r USING (number)
"""


@dataclass(slots=True)
class Sent:
    """One payment as its sender sees it."""

    uetr: uuid.UUID
    errors: list[str] = field(default_factory=list)
    """What the client got instead of a status, once for each try."""
    told: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Figures:
    """What a run came to."""

    payments: int = 0
    errors_in_rolling_restart: list[str] = field(default_factory=list)
    restarts_s: dict[str, float] = field(default_factory=dict)
    """From SIGTERM until the new process is ready."""
    without_writer_s: dict[str, float] = field(default_factory=dict)
    """By fault of the writer: from the fault to the first payment that is accepted afterwards."""
    errors_after_faults: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    told_otherwise: list[str] = field(default_factory=list)


class Cluster:
    """The machines, and what runs on them."""

    def __init__(self, network: Network, directory: Path) -> None:
        self.network = network
        self.directory = directory
        self.authority = Authority(directory)
        self.url = f"http://{network['front'].address}:8080"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.database = f"postgresql://postgres@{network['db'].address}/postgres"
        self.settings = self._settings_of_operator()

    def machine(self, name: str) -> Machine:
        beside = {"messenger": "back", "pages-1": "api-1", "pages-2": "api-2"}
        return self.network[beside.get(name, name)]

    def _settings_of_operator(self) -> Settings:
        own = self.authority.certify("spiffe://switch.test/sandbox")
        return Settings(
            data=self.directory / "operator",
            database=self.database,
            sandbox=True,
            rails=RAILS,
            time_scale=0.02,
            sandbox_latency_s=0.01,
            writer=self.writers,
            writer_tls_certificate=own.certificate,
            writer_tls_key=own.key,
            writer_tls_ca=own.authority,
        )

    @property
    def writers(self) -> tuple[str, ...]:
        return tuple(f"tcp+tls://{self.network[name].address}:8330" for name in ("writer-1", "writer-2"))

    def start_database(self) -> None:
        account = unprivileged_account()
        assert account is not None
        data = self.directory / "postgres"
        data.mkdir()
        os.chown(data, account.uid, account.gid)
        db, user = self.network["db"], pwd.getpwuid(account.uid).pw_name
        db.run(
            [BIN / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust", "--no-sync"],
            user=user,
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all postgres samenet trust\nhost all all samenet scram-sha-256\n")
        options = {"listen_addresses": "*", "unix_socket_directories": "", "shared_buffers": "32MB"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        log = self.directory / "postgres.log"
        db.start([BIN / "postgres", "-D", data, *words], log=log, user=user)

    def make_files(self) -> list[list[str]]:
        """The keys, the certificates and the rails' connections, as they are copied to the machines."""
        data = self.settings.data
        personal_data.load(self.settings.personal_data_keys)
        signing.load(self.settings.webhook_key)
        secrets.Seal(data).seal("made before it is copied")
        commands = [world.prepare_rail(self.settings, country, self.url) for country in RAILS]
        for name in PARTS:
            place = self.directory / name
            place.mkdir()
            shutil.copytree(data / "keys", place / "keys")
            shutil.copytree(data / "people", place / "people")
            (place / "rails").symlink_to(data / "rails")
        return commands

    async def make_logins(self) -> None:
        """Run the script of `payswitch database roles` as the database's operator, and create the schema."""
        passwords = self.settings.passwords.make([*PROCESSES, Login.OWNER])
        verifiers = {login: roles.verifier(password) for login, password in passwords.items()}
        connection = await asyncpg.connect(self.database)
        for statement in roles.creation(verifiers):
            await connection.execute(statement)
        await connection.close()
        self.settings = self.settings.model_copy(update={"database": self.url_of(Login.OWNER)})
        await preflight.bring_up_to_date(self.settings)

    def url_of(self, login: Login) -> str:
        """The URL of the database with the password of a login."""
        password = self.settings.passwords.make([login])[login]
        return f"postgresql://{login}:{password}@{self.network['db'].address}/postgres"

    def logins_of(self, name: str) -> dict[str, str]:
        """The logins of a process: its own, and no other's."""
        found = {"PAYSWITCH_DATABASE": self.url_of(Login(f"payswitch_{PARTS[name]}"))}
        if PARTS[name] in {"api", "pages"}:
            found["PAYSWITCH_DATABASE_READER"] = self.url_of(Login.READER)
        return found

    def start_rails(self, commands: Sequence[Sequence[str]]) -> None:
        """The simulated rails, which listen on their own machine only: HAProxy carries them to the others."""
        rails = self.network["rails"]
        ports = []
        for command in commands:
            ports.append(int(command[command.index("--port") + 1]))
            rails.start(
                [sys.executable, "-m", "adapters.simulation", *command], log=self.directory / "rails.log"
            )
        self._forward(rails, dict.fromkeys(ports, (rails.address, "127.0.0.1")))
        for name in {"api-1", "api-2", "back"}.intersection(self.network.names):
            self._forward(self.network[name], dict.fromkeys(ports, ("127.0.0.1", rails.address)))

    def _forward(self, machine: Machine, ways: dict[int, tuple[str, str]]) -> None:
        lines = ["defaults", " mode tcp", " timeout connect 2s", " timeout client 60s", " timeout server 60s"]
        for port, (at, to) in ways.items():
            lines += [f"listen rail-{port}", f" bind {at}:{port}", f" server rail {to}:{port}"]
        file = self.directory / f"forward-{machine.name}.cfg"
        file.write_text("\n".join(lines) + "\n")
        machine.start(["haproxy", "-f", file], log=self.directory / "forward.log")

    def start_front(self) -> None:
        """HAProxy with the configuration of the page; the addresses and the certificate are ours."""
        (block,) = [block for block in of_page(PAGE) if block.language == "haproxy"]
        text = re.sub(r"bind :443 .*", "bind :8080", block.text)
        for printed, name in {"10.0.0.21": "api-1", "10.0.0.22": "api-2"}.items():
            assert printed in text
            text = text.replace(printed, self.network[name].address)
        file = self.directory / "haproxy.cfg"
        file.write_text(text)
        self.network["front"].start(["haproxy", "-f", file], log=self.directory / "haproxy.log")

    def start(self, name: str) -> None:
        """Start a process by its command."""
        self.processes[name] = self.machine(name).start(
            [sys.executable, "-m", "switch.cli", *self.words_of(name)],
            log=self.directory / f"{name}.log",
            environment=self.environment_of(name),
        )

    def words_of(self, name: str) -> list[str]:
        """The command line of a process, without the program."""
        return ["run", PARTS[name]]

    def environment_of(self, name: str) -> dict[str, str]:
        """The settings of a process."""
        machine = self.machine(name)
        if PARTS[name] == "writer":
            own = self.authority.certify(machine.address)
        else:
            own = self.authority.certify(f"spiffe://switch.test/{PARTS[name]}")
        environment = {
            **self.logins_of(name),
            "PAYSWITCH_DATA": str(self.directory / name),
            "PAYSWITCH_SANDBOX": "true",
            "PAYSWITCH_RAILS": json.dumps(RAILS),
            "PAYSWITCH_TIME_SCALE": "0.02",
            "PAYSWITCH_PAYMENT_EXPIRY_S": "10",
            "PAYSWITCH_WORKERS": "1",
            "PAYSWITCH_HOST": machine.address,
            "PAYSWITCH_PORT": str(API_PORT),
            "PAYSWITCH_PAGES_PORT": str(PAGES_PORT),
            "PAYSWITCH_DRAIN_S": "2",
            "PAYSWITCH_TRUSTED_PROXIES": json.dumps([self.network["front"].address]),
            "PAYSWITCH_HEALTH": f"{machine.address}:{HEALTH[name]}" if name in HEALTH else "",
            **own.settings(),
        }
        if PARTS[name] == "writer":
            environment["PAYSWITCH_WRITER_LISTEN"] = json.dumps([f"tcp+tls://{machine.address}:8330"])
            environment["PAYSWITCH_WRITER_PEERS"] = json.dumps(
                {
                    "spiffe://switch.test/api": ["api"],
                    "spiffe://switch.test/pages": ["pages"],
                    "spiffe://switch.test/caretaker": ["caretaker"],
                    "spiffe://switch.test/sandbox": ["sandbox"],
                }
            )
        else:
            environment["PAYSWITCH_WRITER"] = json.dumps(self.writers)
        return environment

    def port_of(self, name: str) -> int:
        """The port at which a process responds to `/readyz`."""
        return PAGES_PORT if PARTS[name] == "pages" else HEALTH.get(name, API_PORT)

    async def until_ready(self, name: str, url: str = "") -> None:
        """Wait until a process responds that it is ready; `url` for one that is no process of ours."""
        url = url or f"http://{self.machine(name).address}:{self.port_of(name)}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            end = time.monotonic() + READY_WITHIN_S
            while time.monotonic() < end:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise AssertionError(f"{name} is not ready: {self.log(name)}")

    def log(self, name: str) -> str:
        file = self.directory / f"{name}.log"
        return file.read_text()[-3000:] if file.exists() else ""

    async def restart(self, name: str) -> float:
        """Stop a process as its service manager does, and start it again; seconds until it is ready."""
        began = time.monotonic()
        process = self.processes[name]
        os.killpg(process.pid, signal.SIGTERM)
        code = await asyncio.to_thread(process.wait, 30)
        assert code == 0, f"{name} ended with {code}: {self.log(name)}"
        self.start(name)
        await self.until_ready(name)
        return time.monotonic() - began

    async def present_writer(self) -> str:
        """The process that is the writer: the other one is its standby."""
        async with aiohttp.ClientSession() as session:
            for name in ("writer-1", "writer-2"):
                url = f"http://{self.machine(name).address}:{HEALTH[name]}/readyz"
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url, timeout=aiohttp.ClientTimeout(total=1)) as answer:
                        if (await answer.text()).strip() == "works":
                            return name
        raise AssertionError("there is no writer")

    async def begin(self) -> None:
        """Start everything, from the database to HAProxy."""
        self.start_database()
        commands = self.make_files()
        self.start_rails(commands)
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                with contextlib.suppress(OSError, asyncpg.PostgresError):
                    await (await asyncpg.connect(self.database, timeout=2)).close()
                    break
                await asyncio.sleep(0.1)
        await self.make_logins()
        for name in ("writer-1", "writer-2"):
            self.start(name)
        await world.populate(self.settings, self.url, KINDS)
        for name in ("api-1", "api-2", "pages-1", "pages-2", "back", "messenger"):
            self.start(name)
        await asyncio.gather(*map(self.until_ready, PARTS))
        self.start_front()
        await self.until_ready("front", self.url)

    def credited(self) -> Counter[uuid.UUID]:
        """What the rails credited, by their own books."""
        found: Counter[uuid.UUID] = Counter()
        for book in (self.settings.data / "rails").glob("*/book.jsonl"):
            last = {entry["rail_ref"]: entry for entry in map(json.loads, book.read_text().splitlines())}
            found.update(uuid.UUID(entry["uetr"]) for entry in last.values() if entry["outcome"] == "done")
        return found


class Payers:
    """Banks that send payments all the time, and record each response."""

    def __init__(self, cluster: Cluster) -> None:
        self.sent: list[Sent] = []
        self._cluster = cluster
        self._file = cluster.directory / "told.jsonl"
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._accepted = 0
        credentials = json.loads(cluster.settings.credentials_file.read_text())
        self._banks = {bank["id"]: bank for bank in credentials["participants"]}

    def begin(self) -> None:
        self._tasks = [asyncio.create_task(self._pay_on(number)) for number in range(PAYERS)]

    async def end(self) -> None:
        self._stop.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*self._tasks)

    def errors(self) -> list[str]:
        return [error for one in self.sent for error in one.errors]

    async def until_accepted(self, more: int = 1) -> None:
        """Wait until so many more payments were accepted that are sent from now on."""
        known = len(self.sent)
        async with asyncio.timeout(RESUMED_WITHIN_S):
            while sum(bool(one.told) for one in self.sent[known:]) < more:
                await asyncio.sleep(0.02)

    async def _pay_on(self, number: int) -> None:
        payer, payee = (self._banks[name] for name in ROUTES[number % len(ROUTES)])
        wait = 5 if number % 2 else 0
        async with AsyncClient(self._cluster.url, bearer=payer["bearer"], tries=1) as client:
            while not self._stop.is_set():
                document = world.document(payer, payee, amount="10.00")
                text = json.dumps(document)
                one = Sent(uuid.UUID(re.findall(r'"UETR": "([^"]+)"', text)[0]))
                self.sent.append(one)
                state = await self._until_told(client, document, wait, one)
                one.told.append(state.status)
                with self._file.open("a") as told:
                    told.write(json.dumps({"uetr": str(one.uetr), "status": state.status}) + "\n")
                await asyncio.sleep(PAUSE_S)

    @staticmethod
    async def _until_told(client: AsyncClient, document: Any, wait: int, one: Sent) -> PaymentState:
        """Send the same message until there is a status."""
        while True:
            try:
                return await client.pay(document, wait=wait)
            except (NoAnswer, RequestRefused) as error:
                one.errors.append(str(error))
                await asyncio.sleep(0.1)


@pytest.fixture
def cluster(data_directory: Path) -> Iterator[Cluster]:
    require()
    if shutil.which("haproxy") is None:
        pytest.skip("there is no haproxy (Debian: haproxy)")
    data_directory.chmod(0o755)
    with machines("db", "writer-1", "writer-2", "api-1", "api-2", "back", "rails", "front") as network:
        yield Cluster(network, data_directory)


async def judge(cluster: Cluster, payers: Payers, figures: Figures) -> None:
    """Hold the payers' file, the ledger and the rails' books against each other."""
    connection = await asyncpg.connect(cluster.database)
    async with asyncio.timeout(60):
        while await connection.fetchval(_OPEN):
            await asyncio.sleep(0.2)
    kept = {row["uetr"]: row["outcome"] for row in await connection.fetch(_KEPT)}
    await connection.close()
    credited = cluster.credited()
    sent = {one.uetr: one for one in payers.sent}
    figures.payments = len(sent)
    figures.lost = [str(uetr) for uetr, one in sent.items() if one.told and uetr not in kept]
    figures.doubled = [str(uetr) for uetr, times in credited.items() if times > 1]
    figures.invented = [str(uetr) for uetr in {*kept, *credited} if uetr not in sent]
    figures.told_otherwise = [
        f"{uetr}: {one.told} {kept.get(uetr)} {credited[uetr]}"
        for uetr, one in sent.items()
        if ("ACCC" in one.told and kept.get(uetr) != "posted")
        or ("RJCT" in one.told)
        or (kept.get(uetr) == "posted") != bool(credited[uetr])
    ]


@contextlib.contextmanager
def fault_of(cluster: Cluster, writer: str, how: str) -> Iterator[None]:
    """Break the writer; at the end whatever can go on does."""
    machine = cluster.machine(writer)
    match how:
        case "kill -9":
            os.killpg(cluster.processes[writer].pid, signal.SIGKILL)
        case "frozen":
            machine.send(signal.SIGSTOP)
        case "cut off from the database":
            cluster.network.cut(writer, "db")
        case "power lost":
            machine.lose_power()
    yield
    if how == "frozen":
        machine.send(signal.SIGCONT)
    cluster.network.heal()


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_rolling_restart_of_everything_and_a_dead_writer_lose_nothing(
    cluster: Cluster, machines_faults: Sequence[str], machines_figures: Path | None
) -> None:
    figures = Figures()
    await cluster.begin()
    payers = Payers(cluster)
    payers.begin()
    await payers.until_accepted(10)
    for name in ROLLING:
        figures.restarts_s[name] = round(await cluster.restart(name), 1)
        await payers.until_accepted(PAYERS)
    figures.errors_in_rolling_restart = payers.errors()
    for how in machines_faults:
        before = len(payers.errors())
        writer = await cluster.present_writer()
        began = time.monotonic()
        with fault_of(cluster, writer, how):
            await payers.until_accepted()
            figures.without_writer_s[how] = round(time.monotonic() - began, 2)
        await asyncio.to_thread(cluster.processes[writer].wait, 30)  # whatever it was, it ends
        figures.errors_after_faults[how] = len(payers.errors()) - before
        cluster.start(writer)
        await cluster.until_ready(writer)
    await payers.end()
    await judge(cluster, payers, figures)
    if machines_figures is not None:
        machines_figures.write_text(json.dumps(asdict(figures), indent=2) + "\n")

    assert figures.errors_in_rolling_restart == []
    assert (figures.lost, figures.doubled, figures.invented, figures.told_otherwise) == ([], [], [], [])
    assert figures.payments > len(ROLLING) * PAYERS
