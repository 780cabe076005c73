"""The fork server starts programs as children of the one who asks: each ends alone, and all end with it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from adapters.simulation import sandbox
from switch.processes.fork_server import Forked, ForkServer

TEXT = "tests.switch.processes.run_text"


@pytest.fixture
def server() -> Iterator[ForkServer]:
    made = ForkServer()
    made.open()
    yield made
    made.close()


def run(server: ForkServer, text: str, log: Path, *, files: tuple[int, ...] = ()) -> Forked:
    with log.open("ab") as opened:
        return server.start(
            "one", TEXT, [text], environment={**os.environ, "WORD": "heard"}, log=opened, files=files
        )


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_a_program_has_its_name_environment_arguments_files_and_log(
    server: ForkServer, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    text = f"import os, sys; print(os.environ['WORD'], flush=True); os.write({writing}, b'told'); sys.exit(7)"

    process = run(server, text, tmp_path / "log", files=(writing,))

    assert process.wait(60) == 7
    assert process.poll() == 7
    assert os.read(reading, 100) == b"told"
    assert (tmp_path / "log").read_text() == "heard\n"
    os.close(reading)
    os.close(writing)


def test_what_a_program_dies_of_is_in_its_log_and_in_its_exit_code(
    server: ForkServer, tmp_path: Path
) -> None:
    failed = run(server, "raise ValueError('its reason')", tmp_path / "log")
    refused = run(server, "import sys; sys.exit('nothing to do')", tmp_path / "other")

    assert (failed.wait(60), refused.wait(60)) == (1, 1)
    assert "ValueError: its reason" in (tmp_path / "log").read_text()
    assert (tmp_path / "other").read_text() == "nothing to do\n"


def test_a_program_is_our_child_by_its_own_name_and_outlives_the_fork_server(
    server: ForkServer, tmp_path: Path
) -> None:
    process = run(server, "import time; time.sleep(600)", tmp_path / "log")
    until(lambda: "payswitch one" in " ".join(psutil.Process(process.pid).cmdline()))
    server.close()

    assert psutil.Process(process.pid).ppid() == os.getpid()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL


def test_a_fork_server_that_was_killed_is_opened_again(server: ForkServer, tmp_path: Path) -> None:
    first = run(server, "pass", tmp_path / "log")
    assert server._process is not None
    server._process.kill()
    server._process.wait()
    second = run(server, "pass", tmp_path / "log")

    assert (first.wait(60), second.wait(60)) == (0, 0)


def test_programs_end_with_their_parent(tmp_path: Path) -> None:
    text = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from switch.processes.fork_server import ForkServer\n"
        "server = ForkServer()\n"
        f"log = Path({str(tmp_path / 'log')!r}).open('ab')\n"
        f"made = server.start('one', {TEXT!r}, ['import time; time.sleep(600)'], environment=os.environ, log=log)\n"
        "print(made.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    asking = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert asking.stdout is not None
    pid = int(asking.stdout.readline())
    assert psutil.pid_exists(pid)
    asking.kill()
    asking.communicate()

    until(lambda: not psutil.pid_exists(pid))


def test_orphans_of_others_are_not_adopted(server: ForkServer, tmp_path: Path) -> None:
    run(server, "pass", tmp_path / "log").wait(60)
    orphan = (
        "import os\nif os.fork():\n os._exit(0)\nimport time; print(os.getpid(), flush=True); time.sleep(600)"
    )
    done = subprocess.Popen([sys.executable, "-c", orphan], stdout=subprocess.PIPE, text=True)
    assert done.stdout is not None
    pid = int(done.stdout.readline())
    done.wait(60)

    try:
        assert psutil.Process(pid).ppid() != os.getpid()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        done.stdout.close()


def rail(server: ForkServer, directory: Path, country: str, port: int) -> Forked:
    _, command = sandbox.prepare(directory, country, port=port, callback_url="http://127.0.0.1:1/")
    arguments = command[command.index("adapters.simulation") + 1 :]
    with (directory / "log").open("ab") as log:
        return server.start(
            f"rail-{country}", "adapters.simulation.__main__", arguments, environment=os.environ, log=log
        )


@pytest.mark.long
def test_rails_are_killed_and_started_again_one_by_one(server: ForkServer, tmp_path: Path) -> None:
    ports = {country: sandbox.free_port() for country in ("IN", "PK")}
    rails = {country: rail(server, tmp_path / country, country, port) for country, port in ports.items()}
    until(lambda: all(map(answers, ports.values())))

    rails["PK"].kill()
    rails["PK"].wait(20)
    assert answers(ports["IN"])
    assert rails["IN"].poll() is None

    rails["PK"] = rail(server, tmp_path / "PK", "PK", ports["PK"])
    until(lambda: answers(ports["PK"]))
    for one in rails.values():
        one.kill()
        one.wait(20)


def test_a_rail_without_its_port_ends_with_the_reason(server: ForkServer, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert rail(server, tmp_path / "PK", "PK", other.getsockname()[1]).wait(30) > 0

    assert "address already in use" in (tmp_path / "PK" / "log").read_text()
