"""`payswitch witness pull` after a restore, from a switch that does not take the cosignature."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from switch.witness import judging
from switch.witness.folder import WitnessFolder
from tests.switch.witness.log_in_memory import LogInMemory
from tests.switch.witness.serving import COMMAND, witness_command


@contextmanager
def answering(log: LogInMemory, answer: int) -> Iterator[str]:
    """Serve the log's checkpoint and proofs as the API does; a cosignature gets this status, 0: nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found: object = [{"checkpoint": log.note()}]
            if parts.path.endswith("/consistency"):
                first, second = (int(parse_qs(parts.query)[name][0]) for name in ("from", "to"))
                found = log.bundle(first if first < second else None, second)
            self._say(200, json.dumps(found).encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if answer:
                self._say(answer, b"{}")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture
def restored() -> LogInMemory:
    """A log of nine events, to be shown once before its restore."""
    return LogInMemory(9)


@pytest.fixture
def folder(tmp_path: Path, restored: LogInMemory) -> Path:
    """A witness that holds nine events of the log, which was restored to seven."""
    folder = tmp_path / "w"
    witness_command("init", str(folder), *restored.keys, "--name", "w.test")
    with answering(restored, 204) as url:
        witness_command("pull", str(folder), url)
    restored.restore(kept=7, lost=5)
    return folder


def pulled(folder: Path, url: str) -> tuple[int, list[str], str]:
    """The exit code, the events that were told, and all that was told."""
    done = subprocess.run(
        [*COMMAND, "pull", str(folder), url], capture_output=True, text=True, timeout=60, check=False
    )
    told = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    return done.returncode, told, done.stderr


@pytest.mark.parametrize("answer", [0, 401, 429, 503])
def test_an_alarm_is_told_although_the_cosignature_cannot_be_delivered(
    folder: Path, restored: LogInMemory, answer: int
) -> None:
    with answering(restored, answer) as url:
        code, told, text = pulled(folder, url)
        again = pulled(folder, url)

    assert (code, told) == (3, ["ALARM_RESTORE", "cosigned", "unreachable"])
    assert again[:2] == (1, ["cosigned", "unreachable"])
    assert ("ask its operator to register it (again)" in text) == (answer == 401)


def test_an_alarm_that_was_not_told_waits_for_the_next_pull(folder: Path, restored: LogInMemory) -> None:
    """As if the process was killed when the state was on the disk and nothing told."""
    judging.add_bundle(WitnessFolder(folder), restored.bundle(None))
    with answering(restored, 204) as url:
        assert pulled(folder, url)[:2] == (3, ["ALARM_RESTORE", "cosigned", "cosigned"])
        assert pulled(folder, url)[:2] == (0, ["cosigned"])


def test_a_problem_of_the_switch_is_not_a_bundle_and_is_shown(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps({"status": 404, "detail": "no checkpoint has this size; the newest has 13"}))
    done = subprocess.run(
        [*COMMAND, "check", str(folder), str(file)], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "not a bundle: the switch answered: no checkpoint has this size; the newest has 13" in done.stderr
