"""Rails of one nursery are processes of their own, and all end with it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from adapters.simulation import sandbox
from adapters.simulation.nursery import Fostered, Nursery
from ledger.postgres import die_with_parent


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery(die_with_parent(signal.SIGKILL), dict(os.environ))
    made.open()
    yield made
    made.close()


def start(nursery: Nursery, directory: Path, country: str, port: int) -> Fostered:
    _, command = sandbox.prepare(directory, country, port=port, callback_url="http://127.0.0.1:1/")
    with (directory / "log").open("ab") as log:
        return nursery.start(command[command.index("adapters.simulation") + 1 :], log)


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_rails_are_killed_and_started_again_one_by_one(nursery: Nursery, tmp_path: Path) -> None:
    ports = {country: sandbox.free_port() for country in ("IN", "PK")}
    rails = {c: start(nursery, tmp_path / c, c, port) for c, port in ports.items()}
    until(lambda: all(map(answers, ports.values())))

    rails["PK"].kill()
    rails["PK"].wait(20)
    assert answers(ports["IN"])
    assert rails["IN"].poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        rails["IN"].wait(0.1)

    rails["PK"] = start(nursery, tmp_path / "PK", "PK", ports["PK"])
    until(lambda: answers(ports["PK"]))
    nursery.close()
    until(lambda: not any(psutil.pid_exists(rail.pid) for rail in rails.values()))


def test_a_rail_that_cannot_have_its_port_ends_and_says_why(nursery: Nursery, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        rail = start(nursery, tmp_path / "PK", "PK", other.getsockname()[1])
        rail.wait(30)

    assert "address already in use" in (tmp_path / "PK" / "log").read_text()


def test_a_nursery_that_was_killed_is_opened_again(nursery: Nursery, tmp_path: Path) -> None:
    port = sandbox.free_port()
    first = start(nursery, tmp_path / "PK", "PK", port)
    until(lambda: answers(port))
    process = nursery._process
    assert process is not None
    process.kill()
    process.wait()
    first.wait(20)

    second = start(nursery, tmp_path / "PK", "PK", port)

    assert second.pid != first.pid
    until(lambda: answers(port))
