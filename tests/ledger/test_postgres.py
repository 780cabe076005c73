"""The embedded server: it starts, survives a kill, and dies with its parent."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from ledger import postgres
from ledger.postgres import EmbeddedPostgres, PostgresError
from ledger.roles import Login, Passwords
from tests.conftest import psql

SMALL = {"shared_buffers": "16MB", "fsync": "off", "max_connections": "10"}


@pytest.fixture
def server(data_directory):
    """A server that is not yet started, stopped after the test."""
    server = EmbeddedPostgres(data_directory / "postgres", SMALL)
    yield server
    server.stop()


def test_durability_settings_are_on_by_default(tmp_path: Path):
    server = EmbeddedPostgres(tmp_path / "postgres")
    names = ("fsync", "synchronous_commit", "full_page_writes")

    assert [server.settings[name] for name in names] == ["on"] * 3


def test_a_killed_server_starts_again_with_its_data(server: EmbeddedPostgres):
    url = server.start()
    psql(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(server.pid)], timeout=10)

    url = server.start()

    assert psql(url, "SELECT answer FROM kept").strip() == "42"
    assert psql(url, "SHOW data_checksums").strip() == "on"


def test_a_deleted_password_is_made_anew_at_the_next_start(data_directory: Path):
    """The roles are there already: creating them again ended the server. A release with another login does the same."""
    passwords = Passwords(data_directory / "passwords")
    server = EmbeddedPostgres(data_directory / "postgres", SMALL, passwords=passwords)
    server.start()
    try:
        server.stop()
        before = passwords.file(Login.WRITER).read_text()
        passwords.file(Login.WRITER).unlink()

        url = server.start()

        assert passwords.file(Login.WRITER).read_text() != before
        for login in (Login.WRITER, Login.API):
            assert psql(passwords.url(url, login), "SELECT current_user").strip() == login
    finally:
        server.stop()


def test_two_servers_never_share_one_directory(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch):
    server.start()
    rival = EmbeddedPostgres(server.data, SMALL)
    monkeypatch.setattr(postgres, "HOLDERS_TIMEOUT_S", 0.2)

    with pytest.raises(PostgresError, match="in use"):
        rival.start()


def test_a_long_path_still_has_a_short_socket(data_directory: Path):
    server = EmbeddedPostgres(data_directory / ("d" * 120) / "postgres", SMALL)
    url = server.start()
    try:
        assert psql(url, "SELECT 1").strip() == "1"
    finally:
        server.stop()


def test_the_server_dies_with_a_killed_parent(data_directory: Path):
    program = (
        "import sys, time; from pathlib import Path; from ledger.postgres import EmbeddedPostgres;"
        "server = EmbeddedPostgres(Path(sys.argv[1]), {'shared_buffers': '16MB'}); server.start();"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(data_directory / "postgres")], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        postmaster = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    _, alive = psutil.wait_procs([postmaster], timeout=60)

    assert alive == []


def test_two_servers_on_a_bare_machine_make_one_user(monkeypatch, tmp_path: Path):
    """Both ran `useradd`; the second gave the user another id, and files of the first had no owner."""
    known: list[SimpleNamespace] = []
    made: list[str] = []

    def find(_: str) -> SimpleNamespace:
        if not known:
            raise KeyError
        return known[-1]

    def make(program: str, *_: str, account: object) -> None:
        time.sleep(0.1)
        made.append(program)
        known.append(SimpleNamespace(pw_uid=990 + len(made), pw_gid=990))

    monkeypatch.setattr(postgres, "_ACCOUNTS", str(tmp_path))
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres.pwd, "getpwnam", find)
    monkeypatch.setattr(postgres, "_run", make)
    with ThreadPoolExecutor(4) as pool:
        found = {pool.submit(postgres.unprivileged_account) for _ in range(4)}

    assert {future.result() for future in found} == {postgres.SystemUser(991, 990)}
    assert len(made) == 1


def test_stopping_is_quick_and_repeatable(server: EmbeddedPostgres):
    server.start()
    began = time.monotonic()
    server.stop()
    server.stop()

    assert time.monotonic() - began < 60
    assert not (server.data / "postmaster.pid").exists()


@pytest.mark.long
def test_a_backend_that_hangs_while_its_server_is_killed_does_not_stop_the_next_start(
    server: EmbeddedPostgres,
):
    """It holds the shared memory for ever; nobody but the next start can end it."""
    url = server.start()
    sleeper = subprocess.Popen(
        [postgres.BIN / "psql", url, "-qc", "SELECT pg_sleep(600)"], stderr=subprocess.DEVNULL
    )
    backend = psutil.Process(
        int(_until(lambda: psql(url, "SELECT pid FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")))
    )
    backend.suspend()
    os.kill(server.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(server.pid)], timeout=10)

    url = server.start()

    assert psql(url, "SELECT 1").strip() == "1"
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    sleeper.kill()
    sleeper.wait()


@pytest.mark.long
def test_a_server_that_was_stopped_when_its_parent_was_killed_does_not_stop_the_next_start(
    server: EmbeddedPostgres,
):
    """Its end by the kernel waits for SIGCONT; the next start said that another switch runs on these files."""
    program = (
        "import sys, time; from pathlib import Path; from ledger.postgres import EmbeddedPostgres\n"
        f"one = EmbeddedPostgres(Path({str(server.data)!r})); one.start(); print(one.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        postmaster = psutil.Process(int(parent.stdout.readline()))
        postmaster.suspend()
        parent.kill()

    url = server.start()

    assert psql(url, "SELECT 1").strip() == "1"
    assert not postmaster.is_running() or postmaster.status() == psutil.STATUS_ZOMBIE


def test_files_of_a_killed_server_whose_process_id_was_used_again_do_not_stop_the_next_start(
    server: EmbeddedPostgres,
):
    """PostgreSQL compares only process ids: it said that the lock file of its socket exists already."""
    server.start()
    os.kill(server.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(server.pid)], timeout=10)
    lock = next(server.data.glob(".s.PGSQL.*.lock"))
    lock.write_text("".join([f"{os.getppid()}\n", *lock.read_text().splitlines(keepends=True)[1:]]))

    assert psql(server.start(), "SELECT 1").strip() == "1"


def test_a_backend_that_ends_in_no_other_way_is_killed_and_the_server_recovers(server: EmbeddedPostgres):
    url = server.start()
    with subprocess.Popen([postgres.BIN / "psql", url, "-qc", "SELECT pg_sleep(600)"], stderr=-3) as sleeper:
        pid = int(
            _until(lambda: psql(url, "SELECT pid FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"))
        )
        psutil.Process(pid).suspend()

        assert not server.end_backend(os.getpid()), "it is no backend of this server"
        assert server.end_backend(pid)
        assert sleeper.wait(30) != 0

    _until(lambda: _answer(url))


def _answer(url):
    try:
        return psql(url, "SELECT 1")
    except subprocess.CalledProcessError:  # it is recovering
        return ""


def _until(ask):
    end = time.monotonic() + 20
    while not (found := ask().strip()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_why_a_server_ended_is_its_own_last_reason(server: EmbeddedPostgres):
    server.settings["max_connections"] = "nonsense"

    with pytest.raises(PostgresError, match='invalid value for parameter "max_connections"'):
        server.start()
