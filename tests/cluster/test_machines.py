"""Machines made of namespaces: they reach one another, can be cut off without notice, and leave nothing."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.machines import HERE, Network, machines, require

ECHO = """
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(1024):
            self.request.sendall(data)
socketserver.ThreadingTCPServer((sys.argv[1], 7), Echo).serve_forever()
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    require()
    with machines("near", "far") as made:
        made["far"].start([sys.executable, "-c", ECHO, made["far"].address], log=tmp_path / "far.log")
        yield made


async def connected(network: Network) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of the test to the echo on `far`."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncio.open_connection(network["far"].address, 7)
            except OSError:
                await asyncio.sleep(0.05)


async def says_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, within_s: float) -> bool:
    writer.write(b"hello")
    try:
        async with asyncio.timeout(within_s):
            return await reader.readexactly(5) == b"hello"
    except TimeoutError:
        return False


async def test_a_cut_drops_packets_of_existing_connections_and_heals(network: Network) -> None:
    reader, writer = await connected(network)
    assert await says_back(reader, writer, within_s=5)
    network["far"].isolate()
    assert not await says_back(reader, writer, within_s=0.5)

    network.heal()

    async with asyncio.timeout(10):
        assert await reader.readexactly(5) == b"hello"  # TCP sends it again
    writer.close()


async def test_a_cut_between_two_machines_leaves_the_third_connected(network: Network) -> None:
    reader, writer = await connected(network)
    reach = ["timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{network['far'].address}/7"]
    network["near"].run(reach)
    network.cut("near", "far")

    with pytest.raises(subprocess.CalledProcessError):
        network["near"].run(reach)
    assert await says_back(reader, writer, within_s=5)

    network.cut(HERE, "far")
    assert not await says_back(reader, writer, within_s=0.5)
    writer.close()


async def test_a_machine_without_power_sends_no_last_packet(network: Network) -> None:
    reader, writer = await connected(network)
    network["far"].lose_power()

    assert network["far"].processes() == []
    assert not await says_back(reader, writer, within_s=0.5)
    writer.close()


async def test_a_paused_machine_goes_on_where_it_stopped(network: Network) -> None:
    reader, writer = await connected(network)
    assert await says_back(reader, writer, within_s=5)  # the echo has its process for this connection
    network["far"].send(signal.SIGSTOP)
    assert not await says_back(reader, writer, within_s=0.3)

    network["far"].send(signal.SIGCONT)

    async with asyncio.timeout(5):
        assert await reader.readexactly(5) == b"hello"
    writer.close()


def test_nothing_is_left_after_a_failure(tmp_path: Path) -> None:
    require()
    started = []

    def fail() -> None:
        with machines("one") as made:
            sleep = ["sh", "-c", "sleep 1000 & sleep 1000"]
            started.append((made["one"].start(sleep, log=tmp_path / "log"), made["one"].namespace))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    [(sleeper, namespace)] = started
    assert sleeper.poll() is not None
    left = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    assert namespace not in left
