"""`payswitch upgrade --check`: what is running, what the schema lacks, and what an operator does next."""

import json
from importlib.metadata import version

import asyncpg
import msgspec
import pytest

from ledger.migrate import MigrationError
from switch import cli
from switch.base.database import application_name
from switch.base.settings import Settings
from switch.cli import preflight
from switch.operations import upgrade
from switch.operations.upgrade import (
    BACK_UP,
    CHECK,
    CONTRACT,
    DO_NOT_START,
    EXPAND,
    FINISH,
    LOG_INS,
    REPLACE,
    START,
    Running,
    Upgrade,
)
from switch.writer.commands import NO_TERMS, Accept, CommandLeg, Identity, read_command
from tests.conftest import psql
from tests.switch.stack import Stack

IDENTITY = Identity(b"u" * 16, b"content", "payer", "pacs.008.001.08", "m", b"raw", 0, b"key")
PRE, POST = ("switch/0002_pre_b.sql",), ("switch/0003_post_c.sql",)
OLD = Running("api", "0.1.0", 2)
NEW = Running("writer", "0.2.0", 2)


def state(
    *, running=(NEW,), applied=("switch/0001_pre_a.sql",), pre=(), post=(), newer=(), roles=(), too_old=""
):
    return Upgrade("0.2.0", running, applied, pre, post, newer, roles, too_old)


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (state(running=(OLD,), pre=PRE, post=POST), [BACK_UP, EXPAND, REPLACE, CHECK, CONTRACT]),
        (
            state(running=(OLD,), pre=PRE, roles=("payswitch_pages",)),
            [BACK_UP, f"{LOG_INS} (payswitch_pages)", EXPAND, REPLACE, CHECK],
        ),
        (state(running=(OLD,), pre=PRE), [BACK_UP, EXPAND, REPLACE, CHECK]),
        (state(running=(OLD, NEW), post=POST), [REPLACE, CHECK, CONTRACT]),
        (state(running=(OLD, NEW)), [REPLACE, CHECK]),
        (state(post=POST), [CONTRACT]),
        (state(), []),
        (state(running=()), []),
        (state(applied=(), pre=PRE), [START]),
        (state(newer=PRE), [FINISH]),
        (state(too_old="it is"), [DO_NOT_START]),
    ],
)
def test_the_next_steps_are_in_their_order(found, steps):
    assert found.steps == steps
    assert found.document()["next"] == steps
    assert [line.partition(" ")[0] for line in found.lines()].count("next") == max(1, len(steps))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (state(), "every version from 0.1.0 on"),
        (
            state(post=POST),
            "every version from 0.1.0 on; after the second phase, only this version or a later one",
        ),
        (state(applied=("switch/0001_pre_a.sql", *POST)), "every version that has switch/0003_post_c.sql"),
        (state(too_old="it lacks a table"), "not this version: it lacks a table"),
    ],
)
def test_it_states_which_code_can_run(found, text):
    assert found.can_run == text


def test_the_running_switch_is_seen_with_its_version(stack: Stack, capfd):
    code = cli.run(["upgrade", "--check", "--json", "--database", stack.settings.database])
    found = json.loads(capfd.readouterr().out)

    assert (code, found["next"]) == (0, [])
    assert {one["process"] for one in found["running"]} == {
        "api",
        "caretaker",
        "messenger",
        "pages",
        "writer",
    }
    assert {one["version"] for one in found["running"]} == {version("payswitch")}


def test_without_check_nothing_is_done(capfd):
    assert cli.run(["upgrade"]) == 2
    assert "upgrade --check" in capfd.readouterr().err


async def test_an_empty_database_is_only_read(empty_database_url):
    connection = await asyncpg.connect(empty_database_url)
    found = await upgrade.examine(connection)
    there = await connection.fetchval("SELECT to_regnamespace('migration')")
    await connection.close()

    assert (found.steps, there) == ([START], None)


async def test_a_process_of_another_version_is_to_be_replaced(database_url):
    name = application_name("api").replace(version("payswitch"), "0.0.9")
    other = await asyncpg.connect(database_url, server_settings={"application_name": name})
    connection = await asyncpg.connect(database_url)
    found = await upgrade.examine(connection)
    await connection.close()
    await other.close()

    assert found.running == (Running("api", "0.0.9", 1),)
    assert found.steps == [REPLACE, CHECK]


def test_a_writer_understands_commands_of_older_and_of_newer_workers():
    """Fields are only added at the end, with a default: `claims` of an acceptance is the last one now."""
    accept = Accept(
        IDENTITY, NO_TERMS, [CommandLeg(1, 2, 100, "principal")], "ref", b"native", 1, 1, 0, False
    )
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(accept))
    older, newer = fields[: len(fields) - 1], [*fields, "of a later version"]

    assert [read_command(msgspec.msgpack.encode(sent)) for sent in (older, newer)] == [
        accept,
        accept,
    ]


async def test_older_code_starts_with_a_later_first_phase_and_not_with_a_later_second(database_url):
    psql(database_url, "INSERT INTO migration.applied VALUES ('switch', '9998_pre_later.sql', '')")

    await preflight.bring_up_to_date(Settings(database=database_url))

    psql(database_url, "INSERT INTO migration.applied VALUES ('ledger', '9999_post_later.sql', '')")
    with pytest.raises(MigrationError, match=r"ledger/9999_post_later\.sql"):
        await preflight.bring_up_to_date(Settings(database=database_url))
