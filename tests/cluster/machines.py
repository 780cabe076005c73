"""Network namespaces as machines: addresses of their own on one network, which can be cut and healed.

    with machines("db1", "db2", "app") as network:
        network["db1"].start(["postgres", ...], log=file, user="postgres")
        network.cut("db1", "db2")        # packets between the two are dropped silently
        network["db1"].isolate()         # the same, to and from everybody
        network.heal()

The test itself is on the network as well, with the address `network.here`: it reaches each machine by its
address, and can be cut off like a machine, as `HERE`. Files and users are those of the one real machine.

A cut needs no packet filter: both ends get a permanent neighbour entry with a hardware address that no
interface has, so packets are dropped silently, also those of connections that exist.
"""

import contextlib
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

HERE: Final = "here"
"""The name of the test itself on the network."""

_PREFIX: Final = "payswitch"
_NOBODY: Final = "02:00:00:00:00:00"
_NETWORKS_MAX: Final = 200
_PLUG: Final = "eth0"
_STILL: Final = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)


def require() -> None:
    """Skip the test, with the reason, where no namespaces can be made."""
    if reason := _missing():
        pytest.skip(reason)


@functools.cache
def _missing() -> str:
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the program `ip` (Debian: iproute2)"
    try:
        with machines("probe"):
            return ""
    except subprocess.CalledProcessError as error:
        return f"network namespaces cannot be made here: {error.stderr.strip()}"


@dataclass(slots=True)
class Machine:
    """One namespace with one address. A program in it reaches the others by their addresses."""

    name: str
    address: str
    network: "Network"
    namespace: str
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, command: Sequence[str | Path], *, user: str = "") -> list[str]:
        """The command that runs `command` here; `user` is the name of a system user."""
        inside = ["ip", "netns", "exec", self.namespace]
        if user:
            inside += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return [*inside, *map(str, command)]

    def start(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        user: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program; it leads a process group of its own, and its output is added to `log`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(command, user=user),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd="/",
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def run(self, command: Sequence[str | Path], *, user: str = "", **options: Any) -> str:
        """Run a program to its end; its output. Raises CalledProcessError."""
        done = subprocess.run(
            self.command(command, user=user), check=True, capture_output=True, text=True, **options
        )
        return done.stdout

    def processes(self) -> list[psutil.Process]:
        """Every process that runs here."""
        found = []
        for pid in map(int, _ip("netns", "pids", self.namespace).split()):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
        return found

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process here: SIGSTOP pauses the machine, SIGCONT lets it go on.

        A paused machine is still when this returns: a process stops some time after its signal.
        """
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
                while number == signal.SIGSTOP and process.status() not in _STILL:
                    time.sleep(0.005)

    def isolate(self) -> None:
        """Drop every packet to and from this machine."""
        for other in self.network.names:
            if other != self.name:
                self.network.cut(self.name, other)

    def lose_power(self) -> None:
        """End everything at once, without a last packet: neither FIN nor RST reaches the others."""
        self.isolate()
        self.kill()

    def kill(self) -> None:
        """SIGKILL for everything that runs here, and for what has just been started and is not here yet."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self._started.clear()
        _kill(self.namespace)


@dataclass(slots=True)
class Network:
    """Machines on one bridge, and the test itself."""

    number: int
    here: str
    """The address of the test."""
    machines: dict[str, Machine] = field(default_factory=dict)
    _cuts: set[frozenset[str]] = field(default_factory=set)

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    @property
    def names(self) -> list[str]:
        """The names of all machines, and of the test."""
        return [HERE, *self.machines]

    def cut(self, one: str, *others: str) -> None:
        """Drop all packets between `one` and each of the others, in both directions."""
        for other in others:
            self._cuts.add(frozenset((one, other)))
            self._at(one, "neigh", "replace", self._address(other), "lladdr", _NOBODY, "nud", "permanent")
            self._at(other, "neigh", "replace", self._address(one), "lladdr", _NOBODY, "nud", "permanent")

    def heal(self) -> None:
        """Undo every cut."""
        while self._cuts:
            one, other = self._cuts.pop()
            self._at(one, "neigh", "del", self._address(other))
            self._at(other, "neigh", "del", self._address(one))

    def _address(self, name: str) -> str:
        return self.here if name == HERE else self.machines[name].address

    def _at(self, name: str, *arguments: str) -> None:
        """Run `ip` at one end, for its interface of this network."""
        if name == HERE:
            _ip(*arguments, "dev", _host_end(self.number))
        else:
            _ip("-n", self.machines[name].namespace, *arguments, "dev", _PLUG)


@contextlib.contextmanager
def machines(*names: str) -> Iterator[Network]:
    """Make a network of machines with these names; at the end nothing of it is left, also after a failure.

    Raises CalledProcessError if this machine cannot do that; tests call `require` first.
    """
    assert HERE not in names, f"{HERE} is the test itself"
    _remove_orphans()
    with contextlib.ExitStack() as undo:
        bridge = _namespace("bridge")
        _ip("netns", "add", bridge)
        undo.callback(_remove, bridge)
        _ip("-n", bridge, "link", "add", "bridge", "type", "bridge")
        _ip("-n", bridge, "link", "set", "bridge", "up")
        network = _join_here(bridge, undo)
        for place, name in enumerate(names, 2):
            machine = Machine(name, f"198.18.{network.number}.{place}", network, _namespace(name))
            _ip("netns", "add", machine.namespace)
            undo.callback(_remove, machine.namespace)
            _join(machine, bridge, f"port{place}")
            undo.callback(machine.kill)
            network.machines[name] = machine
        yield network


_numbers = itertools.count()


def _namespace(name: str) -> str:
    """A name that nobody else uses; it says which process takes the namespace away."""
    return f"{_PREFIX}-{os.getpid()}-{next(_numbers)}-{name}"


def _host_end(number: int) -> str:
    return f"psw{number}"


def _join_here(bridge: str, undo: contextlib.ExitStack) -> Network:
    """Connect the test itself; the name of its interface reserves the network's range of addresses."""
    for number in range(_NETWORKS_MAX):
        end = _host_end(number)
        try:
            _ip("link", "add", end, "type", "veth", "peer", "name", "here", "netns", bridge)
        except subprocess.CalledProcessError as error:
            if "exists" in error.stderr:  # of another test
                continue
            raise
        undo.callback(_ip, "link", "delete", end)
        _ip("-n", bridge, "link", "set", "here", "master", "bridge", "up")
        _ip("address", "add", f"198.18.{number}.1/24", "dev", end)
        _ip("link", "set", end, "up")
        return Network(number, f"198.18.{number}.1")
    raise AssertionError(f"{_NETWORKS_MAX} networks exist: remove what other runs left (`ip netns`)")


def _join(machine: Machine, bridge: str, port: str) -> None:
    own = machine.namespace
    _ip("-n", own, "link", "add", _PLUG, "type", "veth", "peer", "name", port, "netns", bridge)
    _ip("-n", bridge, "link", "set", port, "master", "bridge", "up")
    _ip("-n", own, "address", "add", f"{machine.address}/24", "dev", _PLUG)
    _ip("-n", own, "link", "set", _PLUG, "up")
    _ip("-n", own, "link", "set", "lo", "up")


def _remove(namespace: str) -> None:
    """Remove a namespace with its interfaces, whose other ends go with them."""
    _kill(namespace)
    _ip("netns", "delete", namespace)


def _kill(namespace: str) -> None:
    while pids := _ip("netns", "pids", namespace).split():  # also what a dying process has just started
        killed = []
        for pid in map(int, pids):
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                process.kill()
                killed.append(process)
        psutil.wait_procs(killed, timeout=10)


def _remove_orphans() -> None:
    """Remove what killed test runs left."""
    for namespace in _namespaces():
        prefix, _, rest = namespace.partition("-")
        if prefix == _PREFIX and not psutil.pid_exists(int(rest.partition("-")[0])):
            with contextlib.suppress(subprocess.CalledProcessError):  # another test removes it now
                _remove(namespace)


def _namespaces() -> list[str]:
    found = json.loads(_ip("-json", "netns", "list") or "[]")
    return [entry["name"] for entry in found]


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    return done.stdout
