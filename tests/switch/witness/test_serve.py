"""`payswitch witness` as its people and its callers meet it: real processes, sockets and files."""

import contextlib
import http.client
import json
import re
import selectors
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from ledger.signing import cosigned_at
from switch.witness import bodies, crowd
from switch.witness.judging import Submission
from tests.switch.certificates import Authority
from tests.switch.witness.log_in_memory import LogInMemory
from tests.switch.witness.serving import ServedWitness, served, witness_command


@pytest.fixture
def log() -> LogInMemory:
    return LogInMemory(5)


@pytest.fixture
def witness(tmp_path: Path, log: LogInMemory) -> Iterator[ServedWitness]:
    with served(tmp_path / "w", log.keys) as running:
        yield running


def call(
    witness: ServedWitness, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return found


def add(witness: ServedWitness, log: LogInMemory, old: int, note: str | None = None) -> tuple[int, str, str]:
    proof = log.proof(old) if old else ()
    return call(witness, "POST", "/add-checkpoint", bodies.encode(Submission(old, proof, note or log.note())))


def test_the_wire_form_of_the_protocol(witness: ServedWitness, log: LogInMemory) -> None:
    status, _, line = add(witness, log, 0)
    assert status == 200
    assert re.fullmatch(r"\u2014 witness\.test/w1 [A-Za-z0-9+/]+=*\n", line)
    assert abs(cosigned_at(log.note(), line, witness.key) - time.time()) < 60

    log.add(7)
    assert add(witness, log, 0) == (409, "text/x.tlog.size", "5\n")
    assert add(witness, log, 5)[0] == 200
    assert add(witness, log, 12, LogInMemory(5).note())[0] == 400
    forged = LogInMemory(12, text="forged")
    assert add(witness, forged, 12) == (409, "text/x.tlog.size", "12\n")
    forged.add(1)
    assert add(witness, forged, 12)[0] == 422
    assert add(witness, LogInMemory(13, key=2), 12)[0] == 403
    assert add(witness, log, 12, log.note().replace("payswitch.test", "other.test"))[0] == 404
    assert call(witness, "POST", "/add-checkpoint", b"nonsense")[0] == 400
    assert [each["event"] for each in witness.told] == [
        "serving", "cosigned", "refused", "cosigned", "refused", "ALARM_FORK", "WARNING_UNPROVED", "refused", "refused", "refused",
    ]  # fmt: skip


def test_a_killed_witness_remembers(tmp_path: Path, log: LogInMemory) -> None:
    with served(tmp_path / "w", log.keys) as first:
        assert add(first, log, 0)[0] == 200
    log.add(2)
    with served(tmp_path / "w", log.keys) as second:
        assert add(second, log, 0) == (409, "text/x.tlog.size", "5\n")
        assert add(second, log, 5)[0] == 200
        state = json.loads(call(second, "GET", "/state")[2])

    assert (state["format"], len(state["checkpoints"])) == ("payswitch-witness/1", 2)
    assert "PRIVATE" not in json.dumps(state)


def test_a_new_epoch_over_http(witness: ServedWitness, log: LogInMemory) -> None:
    add(witness, log, 0)
    log.restore(kept=5, lost=4)
    assert add(witness, log, 0)[0] == 404
    assert call(witness, "POST", "/add-epoch", log.note().encode())[0] == 422
    asked = call(witness, "POST", "/add-epoch", json.dumps(log.bundle()).encode())
    assert asked == (409, "text/x.tlog.size", "5\n")
    status, _, line = call(witness, "POST", "/add-epoch", json.dumps(log.bundle(5)).encode())

    assert status == 200
    assert cosigned_at(log.note(), line, witness.key)
    assert [each["kept"] for each in witness.told if each["event"] == "ALARM_RESTORE"] == [5]


def test_what_strangers_send_does_no_harm(witness: ServedWitness, log: LogInMemory) -> None:
    for method, path, body, headers, status in (
        ("GET", "/", b"", {}, 404),
        ("GET", "/../witness.key", b"", {}, 404),
        ("POST", "/witness.key", b"x", {}, 404),
        ("POST", "/add-epoch", b"{" * 100_000, {}, 400),
        ("POST", "/add-epoch", b"5", {}, 400),
        ("POST", "/add-checkpoint", b"", {"Content-Length": "9" * 4000}, 413),
        ("POST", "/add-checkpoint", b"", {"Content-Length": "-1"}, 411),
        ("POST", "/add-checkpoint", b"", {"Content-Length": "2000000"}, 413),
        ("POST", "/add-checkpoint", b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}, 411),
        ("DELETE", "/state", b"", {}, 501),
    ):
        assert call(witness, method, path, body, headers)[0] == status, (method, path, headers)

    idle = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(200)]
    for each in idle:
        each.close()
    assert add(witness, log, 0)[0] == 200


@contextmanager
def idle_strangers(port: int, addresses: Sequence[str], *, sent: bytes = b"") -> Iterator[list[int]]:
    """A connection from each address that sends no request, opened again as it ends; yields how many there were."""
    opened, ends = [0], threading.Event()

    def hold() -> None:
        with selectors.DefaultSelector() as selector:
            for address in addresses:
                connect(selector, address)
            while not ends.is_set():
                for key, _ in selector.select(0.2):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    connect(selector, key.data)
            for key in list(selector.get_map().values()):
                key.fileobj.close()

    def connect(selector: selectors.BaseSelector, address: str) -> None:
        connection = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
        with contextlib.suppress(OSError):
            connection.sendall(sent)
        selector.register(connection, selectors.EVENT_READ, address)
        opened[0] += 1

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        time.sleep(1)
        yield opened
    finally:
        ends.set()
        thread.join()


def answered(witness: ServedWitness, times: int) -> int:
    """How many of some requests for the state were answered."""
    found = 0
    for _ in range(times):
        with contextlib.suppress(OSError, http.client.HTTPException):
            found += call(witness, "GET", "/state")[0] == 200
        time.sleep(0.1)
    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("addresses", "sent"),
    [
        (["127.0.1.1"] * 70, b""),
        ([f"127.0.1.{number}" for number in range(1, 71)], b""),
        ([f"127.0.{number}.1" for number in range(1, 141)], b""),
        ([f"127.0.{number}.1" for number in range(1, 141)], b"GET /state HTTP/1.1\r\nHost: w\r\n"),
        (
            [f"127.0.{number}.1" for number in range(1, 141)],
            b"POST /add-epoch HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        ),
    ],
    ids=[
        "one address",
        "one network",
        "many networks",
        "a head that does not end",
        "a body that does not come",
    ],
)
def test_idle_connections_of_strangers_silence_a_witness(
    witness: ServedWitness, addresses: Sequence[str], sent: bytes
) -> None:
    """70 idle connections, opened again as they ended, and nothing was answered for as long as they liked."""
    with idle_strangers(witness.port, addresses, sent=sent):
        found = answered(witness, 30)

    assert found == 30


def drip(connection: socket.socket) -> None:
    """Send a byte now and then, for 12 seconds."""
    for _ in range(40):
        connection.sendall(b"x")
        time.sleep(0.3)


@pytest.mark.long
def test_a_silent_connection_ends_soon(tmp_path: Path, log: LogInMemory) -> None:
    """Before the first byte, within the headers, and within the handshake of TLS."""
    made = Authority(tmp_path).certify("localhost")
    options = ("--certificate", str(made.certificate), "--certificate-key", str(made.key))
    begun = time.monotonic()
    with served(tmp_path / "w", log.keys) as plain, served(tmp_path / "tls", log.keys, *options) as tls:
        held = [
            socket.create_connection(("127.0.0.1", each.port), timeout=20) for each in (plain, plain, tls)
        ]
        held[1].sendall(b"GET /state HTTP/1.1\r\nHost:")
        for each in held:
            assert each.recv(1) == b""
            each.close()
        slow = socket.create_connection(("127.0.0.1", plain.port), timeout=20)
        with pytest.raises(OSError):  # a byte now and then does not make the head longer
            drip(slow)
        slow.close()

    assert time.monotonic() - begun < 25


def test_the_reserve_has_room_when_strangers_use_all_of_theirs() -> None:
    guests = crowd.Crowd([ip_network("192.0.2.0/24"), ip_network("2001:db8::/64")])
    with contextlib.ExitStack() as stack:

        def admit(address: str, *, asks: bool = True) -> bool:
            ours, theirs = socket.socketpair()
            stack.callback(ours.close)
            stack.callback(theirs.close)
            is_admitted = guests.admit(ours, address)
            if asks:
                guests.request_arrived(ours)
            return is_admitted

        assert [admit("198.51.100.1") for _ in range(9)].count(True) == crowd.OF_ADDRESS_MAX
        assert [admit(f"::ffff:198.51.100.{n}") for n in range(2, 20)].count(True) == 8
        assert [admit(f"2001:db8:1::{n}") for n in range(1, 20)].count(True) == crowd.OF_NETWORK_MAX
        assert [admit(f"10.0.{n}.1") for n in range(64)].count(True) == 64 - 32
        assert not admit("203.0.113.1")
        assert [admit(f"192.0.2.{n % 3}") for n in range(40)].count(True) == crowd.RESERVED_MAX
        assert not admit("2001:db8::5")


def test_tls(tmp_path: Path, log: LogInMemory) -> None:
    made = Authority(tmp_path).certify("localhost")
    options = ("--certificate", str(made.certificate), "--certificate-key", str(made.key))
    with served(tmp_path / "w", log.keys, *options) as running:
        plain = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        plain.sendall(b"POST /add-checkpoint HTTP/1.1\r\n\r\n")
        context = ssl.create_default_context(cafile=made.authority)
        connection = http.client.HTTPSConnection("localhost", running.port, context=context, timeout=30)
        connection.request("POST", "/add-checkpoint", bodies.encode(Submission(0, (), log.note())))

        assert connection.getresponse().status == 200
        connection.close()
        plain.close()


def test_check_works_with_files_alone(tmp_path: Path, log: LogInMemory) -> None:
    """On a machine without a network: a bundle on a stick in, a line of text out."""
    folder, file = tmp_path / "w", tmp_path / "bundle.json"
    key = witness_command("init", str(folder), *log.keys, "--name", "w.test").strip()
    file.write_text(json.dumps(log.bundle()))
    line = witness_command("check", str(folder), str(file))
    assert cosigned_at(log.note(), line, key)

    old = log.note()
    log.add(4)
    file.write_text(log.note())
    witness_command("check", str(folder), str(file), code=1)
    file.write_text(json.dumps(log.bundle(5)))
    witness_command("check", str(folder), str(file))
    file.write_text(LogInMemory(9, text="forged").note())
    witness_command("check", str(folder), str(file), code=4)
    log.restore(kept=9, lost=3)
    file.write_text(json.dumps(log.bundle(9)))
    witness_command("check", str(folder), str(file), code=3)
    shown = witness_command("show", str(folder))

    assert key in shown
    assert "RESTORE  events after 9 and before 13 are left out; epoch 2" in shown
    assert old not in shown
    assert len(list((folder / "evidence").iterdir())) == 2


def test_a_new_key_of_the_log_is_trusted_by_command(tmp_path: Path) -> None:
    log, rotated = LogInMemory(5), LogInMemory(5, key=3)
    rotated.add(1)
    folder, file = tmp_path / "w", tmp_path / "bundle.json"
    witness_command("init", str(folder), *log.keys, "--name", "w.test")
    file.write_text(json.dumps(log.bundle()))
    witness_command("check", str(folder), str(file))
    file.write_text(json.dumps(rotated.bundle(5)))
    witness_command("check", str(folder), str(file), code=1)
    witness_command("trust", str(folder), "nonsense", code=2)
    witness_command("trust", str(folder), *rotated.keys)
    witness_command("check", str(folder), str(file))


@pytest.mark.long
def test_wrong_use_is_explained(tmp_path: Path, log: LogInMemory) -> None:
    missing = str(tmp_path / "no")
    witness_command("serve", missing, code=1)
    witness_command("show", missing, code=1)
    witness_command("init", missing, "no key", "--name", "w", code=2)
    witness_command("init", missing, *log.keys, "--name", "a b", code=2)
    witness_command("pull", missing, "http://example.com", code=2)
    witness_command("init", missing, *log.keys, "--name", "w")
    witness_command("init", missing, *log.keys, "--name", "w", code=1)
    witness_command("serve", missing, "--listen", "example.com", code=2)
    witness_command("serve", missing, "--reserve", "192.0.2.1/24", code=2)
    (Path(missing) / "state.json").write_text("{}")
    witness_command("show", missing, code=1)


def test_it_imports_nothing_of_the_switch_that_it_does_not_need(tmp_path: Path) -> None:
    code = (
        "import sys; from switch.cli import application; application(['witness']);"
        "print(sorted(m for m in sys.modules if m.startswith(('switch.', 'asyncpg', 'fastapi', 'aiohttp'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = set(json.loads(done.stdout.replace("'", '"')))

    assert found <= {
        "switch.cli", "switch.cli.witness", "switch.cli.failures", "switch.witness", "switch.witness.bodies",
        "switch.witness.crowd", "switch.witness.folder", "switch.witness.judging", "switch.witness.pulling", "switch.witness.server",
    }  # fmt: skip


def test_serve_ends_by_a_signal(witness: ServedWitness) -> None:
    witness.process.send_signal(signal.SIGTERM)
    assert witness.process.wait(10) == -signal.SIGTERM
