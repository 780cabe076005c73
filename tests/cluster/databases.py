"""PostgreSQL under Patroni on three machines, with etcd on each and HAProxy on the machine of the switch.

The files of docs/operate/patroni are used as they stand, except that addresses, directories and the version
of PostgreSQL are those of the test.
"""

import contextlib
import json
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.cluster.machines import Machine, Network, machines, require
from tests.docs.blocks import ROOT, of_page
from tests.switch.certificates import Authority, Identity

PAGE: Final = ROOT / "docs/operate/failover.md"
FILES: Final = ROOT / "docs/operate/patroni"
NAMES: Final = ("db1", "db2", "db3")
SWITCH: Final = "switch"
PRIMARY: Final = ("primary", "master")
"""What Patroni calls a primary, by its version."""
_ROLES: Final = {"primary": PRIMARY, "replica": ("replica",)}
_PROGRAMS: Final = {"patroni": "patroni", "etcd": "etcd-server", "haproxy": "haproxy"}
_USER: Final = "postgres"
_LIBRARY: Final = Path("/usr/lib/postgresql")
_DOCUMENTED: Final = {name: f"10.0.0.1{place}" for place, name in enumerate(NAMES, 1)}
_PASSWORD: Final = "another-secret"
_TLS: Final = "/etc/payswitch/database"
"""The directory of the certificates in the documented files."""
URL: Final = f"postgresql://payswitch:{_PASSWORD}@127.0.0.1:5432/payswitch"
"""As the switch has it, on its machine: HAProxy's."""
READ_URL: Final = URL.replace(":5432", ":5433")


def require_programs() -> None:
    """Skip the test, with the reason, where the programs are not installed."""
    require()
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if not _versions():
        missing.append("postgresql")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian packages; .ci/run installs them)")


def _versions() -> list[Path]:
    """The installed versions of PostgreSQL, the newest first."""
    found = [place for place in _LIBRARY.glob("*/bin") if (place / "postgres").exists()]
    return sorted(found, key=lambda place: int(place.parent.name), reverse=True)


@dataclass(slots=True)
class Database:
    """One database machine: etcd, Patroni, and the PostgreSQL that Patroni starts."""

    machine: Machine
    directory: Path
    environment: dict[str, str]

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def start_etcd(self) -> None:
        self.machine.start(["etcd"], log=self.directory / "etcd.log", environment=self.environment)

    def start_patroni(self) -> None:
        command = ["patroni", self.directory / "patroni"]
        environment = {**self.environment, "PYTHONPATH": "", "HOME": str(self.directory)}
        self.machine.start(command, log=self.directory / "patroni.log", user=_USER, environment=environment)

    def status(self) -> dict[str, Any]:
        """What Patroni says of this machine; empty if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.machine.address}:8008/patroni", timeout=1) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except (OSError, ValueError):
            return {}

    def postgres(self) -> list[psutil.Process]:
        """The processes of PostgreSQL, the postmaster first."""
        found = [p for p in self.machine.processes() if _name(p) == "postgres"]
        return sorted(found, key=lambda process: not process.cmdline()[0].endswith("bin/postgres"))

    def sql(self, statement: str, *, database: str = "payswitch", within_s: float = 20) -> str:
        """The unadorned output of a statement, as the superuser on the machine itself."""
        bin_directory = self.environment["PATRONI_POSTGRESQL_BIN_DIR"]
        command = [f"{bin_directory}/psql", "-h", self.directory, "-d", database, "-qAtX"]
        return self.machine.run(
            [*command, "-v", "ON_ERROR_STOP=1", "-c", statement], user=_USER, timeout=within_s
        ).strip()


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess):
        return str(process.name())
    return ""


@dataclass(slots=True)
class Databases:
    """The cluster, and the machine of the switch."""

    network: Network
    directory: Path
    members: dict[str, Database] = field(default_factory=dict)

    @property
    def switch(self) -> Machine:
        """The machine of the switch, on which HAProxy runs."""
        return self.network[SWITCH]

    def primary(self) -> Database:
        """The one that Patroni has as the primary; fails if there are two."""
        until(lambda: len(self._with("primary")) == 1, "there is one primary")
        return self._with("primary")[0]

    def synchronous(self) -> Database:
        """The synchronous standby of the primary."""
        until(lambda: any(self._synchronous()), "there is a synchronous standby")
        return self._synchronous()[0]

    def _synchronous(self) -> list[Database]:
        return [member for member in self._with("replica") if member.status().get("sync_standby")]

    def others(self, one: Database) -> list[Database]:
        """The members but one."""
        return [member for member in self.members.values() if member is not one]

    def _with(self, role: str) -> list[Database]:
        return [
            member
            for member in self.members.values()
            if (status := member.status()).get("role") in _ROLES[role] and status.get("state") == "running"
        ]

    def until_whole(self, *, within_s: float = 90) -> None:
        """Wait until there are one primary and two standbys that stream from it, one synchronous."""

        def whole() -> bool:
            primaries, standbys = self._with("primary"), self._with("replica")
            if (len(primaries), len(standbys)) != (1, len(NAMES) - 1):
                return False
            streams = primaries[0].status().get("replication", [])
            return len(streams) == len(standbys) and any(s.status().get("sync_standby") for s in standbys)

        until(whole, "one primary and two standbys run", within_s=within_s)

    def logs(self) -> str:
        """The last lines of every log, for a failure."""
        return "\n".join(
            f"== {log}\n{log.read_text(errors='replace')[-3000:]}"
            for log in sorted(self.directory.glob("**/*.log"))
        )


@contextlib.contextmanager
def running(*, tls: bool = False) -> Iterator[Databases]:
    """Three database machines with one primary, and a machine for the switch with HAProxy.

    `tls`: between the database machines, with the documented files for it.
    """
    require_programs()
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory, machines(*NAMES, SWITCH) as network:
        found = Databases(network, Path(directory))
        found.directory.chmod(0o755)
        for name in NAMES:
            found.members[name] = _prepare(found, name)
        if tls:
            authority = Authority(found.directory)
            for member in found.members.values():
                _encrypt(found, member, authority.certify(member.machine.address))
        try:
            _start(found)
            yield found
        except BaseException:
            print(found.logs())  # noqa: T201 - shown when the test fails
            raise


def _start(cluster: Databases) -> None:
    for member in cluster.members.values():
        member.start_etcd()
    for member in cluster.members.values():
        member.start_patroni()
    haproxy = cluster.directory / "haproxy.cfg"
    haproxy.write_text(_own((FILES / "haproxy.cfg").read_text(), cluster))
    cluster.switch.start(["haproxy", "-db", "-f", haproxy], log=cluster.directory / "haproxy.log")
    cluster.until_whole()
    for statement in documented_sql():
        cluster.primary().sql(statement, database="postgres")


def documented_sql() -> list[str]:
    """The statements with which the page makes the roles and the database."""
    [block] = [block for block in of_page(PAGE) if block.language == "sql"]
    return block.commands()


def _prepare(cluster: Databases, name: str) -> Database:
    """The directory and the environment of one machine, from the documented files."""
    directory = cluster.directory / name
    directory.mkdir()
    shutil.chown(directory, _USER)
    environment = _environment("machine.env", cluster, name) | {
        "ETCD_DATA_DIR": str(directory / "etcd"),
        "PATRONI_POSTGRESQL_DATA_DIR": str(directory / "data"),
        "PATRONI_POSTGRESQL_BIN_DIR": str(_versions()[0]),
        "PATRONI_POSTGRESQL_PGPASS": str(directory / "pgpass"),
    }
    settings = (FILES / "patroni.yml").read_text()
    # The sockets of three servers on one real machine need directories of their own.
    settings = settings.replace("  use_unix_socket: true\n", f"{_SOCKETS.format(directory)}", 1)
    (directory / "patroni").mkdir()
    (directory / "patroni" / "patroni.yml").write_text(settings)
    return Database(cluster.network[name], directory, environment)


def _environment(file: str, cluster: Databases, name: str) -> dict[str, str]:
    """The variables of one machine, from a documented file."""
    lines = _own((FILES / file).read_text(), cluster).splitlines()
    environment = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    first, own = cluster.network[NAMES[0]].address, cluster.network[name].address
    for key, value in environment.items():
        if key not in {"ETCD_INITIAL_CLUSTER", "PATRONI_ETCD_HOSTS"}:
            environment[key] = name if value == NAMES[0] else value.replace(first, own)
    return environment


def _encrypt(cluster: Databases, member: Database, own: Identity) -> None:
    """Give a machine its certificate and the documented files of TLS."""
    place = member.directory / "tls"
    place.mkdir()
    for source, name in (
        (own.certificate, "machine.crt"),
        (own.key, "machine.key"),
        (own.authority, "ca.crt"),
    ):
        shutil.copy(source, place / name)
    shutil.chown(place / "machine.key", "root", _USER)
    (place / "machine.key").chmod(0o640)
    variables = _environment("tls.env", cluster, member.machine.name)
    member.environment |= {key: value.replace(_TLS, str(place)) for key, value in variables.items()}
    settings = (FILES / "tls.yml").read_text().replace(_TLS, str(place))
    (member.directory / "patroni" / "tls.yml").write_text(settings)


_SOCKETS: Final = (
    "  use_unix_socket: true\n  parameters:\n    unix_socket_directories: {}\n    fsync: 'off'\n"
)


def _own(text: str, cluster: Databases) -> str:
    """A documented file with the addresses of the test."""
    for name, address in _DOCUMENTED.items():
        text = text.replace(address, cluster.network[name].address)
    return text


def until(holds: Callable[[], bool], what: str, *, within_s: float = 60) -> float:
    """Wait until something holds; the seconds that it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"after {within_s:.0f} s not yet: {what}")
        time.sleep(0.1)
    return time.monotonic() - began
