"""SQL that stands in files is named, described and used."""

import re
from pathlib import Path

import asyncpg
import pytest

from ledger.silence import Connection
from switch.base.sql import statements

ROOT = Path(__file__).parents[3]
FILES = sorted(path for package in ("ledger", "switch") for path in ROOT.glob(f"{package}/**/sql/*.sql"))

NAMED = {
    name
    for package in ("ledger", "switch")
    for module in ROOT.glob(f"{package}/**/*.py")
    for name in re.findall(r'"(\w+)"', module.read_text())
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_a_statement_is_the_text_of_its_file():
    assert statements("switch.writer")("add_note") == (ROOT / "switch/writer/sql/add_note.sql").read_text()


def test_a_statement_without_a_file_is_an_error():
    with pytest.raises(FileNotFoundError):
        statements("switch.writer")("no_such_statement")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_begins_with_the_statements_name_and_what_it_does(path):
    assert re.match(rf"-- {path.stem}: \S", path.read_text())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_used_by_its_package(path):
    """Or by a package above it: statements of the ledger are for the switch too."""
    assert path.stem in NAMED


SESSION = re.compile(
    r"""\b(?:RESET|LISTEN|UNLISTEN|WITH HOLD)\b"""
    r"""|(?:^|["';] *)SET (?!LOCAL\b)[a-z_.]+ *(?:=|TO)"""
    r"""|\bpg_(?:try_)?advisory_lock(?:_shared)?\b"""
    r"""|set_config\([^)]*false\)"""
)
COMMENT = re.compile(r"^(?:--.*\n)+")
OWN_CONNECTIONS = {"ledger/migrate.py", "switch/processes/process.py", "switch/processes/lease.py"}
"""They hold a lock with a connection that is in no pool."""


@pytest.mark.parametrize(
    "text",
    [
        'execute("SET statement_timeout = 0")',
        "SET work_mem TO '1GB'",
        'execute("RESET ALL")',
        "LISTEN news",
        "SELECT pg_advisory_lock(1)",
        "SELECT set_config('a.b', $1, false)",
    ],
)
def test_a_change_of_the_session_is_recognised(text):
    assert SESSION.search(text)


def test_no_statement_changes_the_session_of_a_pooled_connection():
    """Pools do not reset sessions, which would cost an exchange with the server for every use of a connection."""
    files = [
        path
        for package in ("ledger", "switch")
        for path in sorted(ROOT.glob(f"{package}/**/*"))
        if path.suffix in {".py", ".sql"} and path.parent.name != "migrations"
        if path.name not in {"schema.sql", "grants.sql"}
    ]
    found = [
        f"{name_of(path)}: {match[0]}"
        for path in files
        for match in SESSION.finditer(COMMENT.sub("", path.read_text()))
    ]

    assert [line for line in found if line.split(":")[0] not in OWN_CONNECTIONS] == []


async def test_a_pool_rolls_back_what_was_left_open_and_asks_the_server_for_nothing_else(database_url):
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1, connection_class=Connection)
    statements_seen = []
    async with pool.acquire() as connection:
        connection.add_query_logger(lambda record: statements_seen.append(record.query))
        await connection.fetchval("SELECT 1")
    async with pool.acquire() as connection:
        await connection.execute("BEGIN; CREATE TABLE left_open (x int)")
    assert await pool.fetchval("SELECT to_regclass('left_open')") is None
    await pool.close()

    assert [query for query in statements_seen if "RESET" in query] == []
