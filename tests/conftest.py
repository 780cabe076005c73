"""What every test may ask for: a PostgreSQL of its own, and a freshly migrated database in it."""

import asyncio
import gc
import itertools
import subprocess
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ledger.migrate import migrate
from ledger.postgres import BIN, EmbeddedPostgres
from tests import npm, order, scratch
from tests.chaos.outages import SCENARIOS
from tests.switch.stack import Stack

WRITER_FAULTS = ("kill -9", "frozen", "cut off from the database", "power lost")
_numbers = itertools.count(1)
# How fast examples are made says how busy the machine is, and nothing of what is tested.
settings.register_profile("payswitch", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("payswitch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--chaos-seconds", type=int, default=5, help="how long each chaos test keeps breaking things"
    )
    parser.addoption(
        "--kill-rounds", type=int, default=3, help="how many rounds of kill -9 the ledger lives through"
    )
    parser.addoption(
        "--outages",
        default="stop-everything",
        help="which outages of tests/chaos/test_outages.py to live through: names, or `all`",
    )
    parser.addoption("--outages-to", type=Path, help="a file that gets the figures of each outage")
    parser.addoption(
        "--image", action="store_true", help="tests/deploy makes the image's environment from its lock"
    )
    parser.addoption(
        "--cluster",
        default="kill",
        help="which faults of tests/cluster/test_failover.py to live through: names, or `all`",
    )
    parser.addoption("--cluster-to", type=Path, help="a file that gets the figures of each fault")
    parser.addoption(
        "--machines-faults",
        default="kill -9",
        help="how tests/cluster/test_many_machines.py breaks the writer: names with commas, or `all`",
    )
    parser.addoption("--machines-to", type=Path, help="a file that gets the figures of that run")
    parser.addoption("--pictures", action="store_true", help="browser tests write the pictures of docs/ anew")
    parser.addoption(
        "--gallery", type=Path, help="a directory that gets pictures of every page of every role"
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """A run in several processes fetches meanwhile what its last tests need; its workers do not."""
    if getattr(session.config.option, "dist", "no") != "no":
        session.config.add_cleanup(npm.fetch_in_the_background())


def pytest_collection() -> None:
    """Every worker collects all tests, which live until its end: nothing of them is garbage to look for."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order.sort(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    order.end_what_is_over(item)


@pytest.fixture(scope="session")
def kill_rounds(request: pytest.FixtureRequest) -> int:
    """How many rounds of kill -9: `--kill-rounds`."""
    rounds: int = request.config.getoption("--kill-rounds")
    return rounds


@pytest.fixture(scope="session")
def machines_faults(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """How the writer of several machines is broken: `--machines-faults`."""
    wanted: str = request.config.getoption("--machines-faults")
    return WRITER_FAULTS if wanted == "all" else tuple(wanted.split(","))


@pytest.fixture(scope="session")
def machines_figures(request: pytest.FixtureRequest) -> Path | None:
    """Where the figures of that run go: `--machines-to`."""
    file: Path | None = request.config.getoption("--machines-to")
    return file


@pytest.fixture(scope="session")
def chaos_seconds(request: pytest.FixtureRequest) -> int:
    """How long a chaos test runs: `--chaos-seconds`."""
    seconds: int = request.config.getoption("--chaos-seconds")
    return seconds


@pytest.fixture(scope="session")
def wanted_outages(request: pytest.FixtureRequest) -> frozenset[str]:
    """Which outages to live through: `--outages`."""
    wanted: str = request.config.getoption("--outages")
    return frozenset(SCENARIOS) if wanted == "all" else frozenset(wanted.split(","))


@pytest.fixture(scope="session")
def outages_to(request: pytest.FixtureRequest) -> Path | None:
    """Where the figures of outages go: `--outages-to`."""
    file: Path | None = request.config.getoption("--outages-to")
    return file


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """A directory for a server's data.

    Not below `tmp_path`: whenever pytest starts, it takes away from other users, and so from a server that
    root starts, the right to walk through the directory of all its temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of one server for the whole session; its `postgres` database is nobody's to change."""
    with scratch.directory() as directory:
        # A test machine may lose power and its tests with it: only the flush to disk is left out.
        server = EmbeddedPostgres(directory / "postgres", {"fsync": "off", "shared_buffers": "128MB"})
        url = server.start()
        yield url
        server.stop()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """One whole switch for the session: real PostgreSQL, writer, API workers, caretaker and two rails."""
    with order.switch_until_last_use(request.session, order.HERE) as found:
        yield found


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """The name of a migrated database that no test connects to."""
    name = "payswitch_template"
    psql(postgres_url, f"CREATE DATABASE {name}")
    _run(migrate(named(postgres_url, name)))
    return name


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """The URL of a freshly migrated database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    # Copied as files: a copy through the write-ahead log costs twice the processor time.
    psql(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
    yield named(postgres_url, name)
    psql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of a database without migrations, dropped after the test."""
    name = f"test_{next(_numbers)}"
    psql(postgres_url, f"CREATE DATABASE {name}")
    yield named(postgres_url, name)
    psql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def named(url: str, database: str) -> str:
    """The same server's URL for another database."""
    return url.replace("/postgres?", f"/{database}?")


def psql(url: str, statement: str) -> str:
    """Run one statement; its unadorned output."""
    done = subprocess.run(
        [BIN / "psql", url, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement],
        check=True,
        capture_output=True,
        text=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    return done.stdout


def dump(url: str, schema: str) -> str:
    """The definition of one schema without rights, for comparison."""
    done = subprocess.run(
        [
            BIN / "pg_dump",
            "--schema-only",
            "--no-privileges",
            f"--schema={schema}",
            "--restrict-key=same",
            url,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _run(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run on a loop in a thread of its own: the test's own loop stays untouched."""
    failure: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(coroutine)
        except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
            failure.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
