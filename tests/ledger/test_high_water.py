"""The high-water mark: what a database that lost events does not know, the file beside it does."""

from uuid import uuid4

import asyncpg
import pytest

from ledger import high_water
from ledger.high_water import BLOCK, AnotherLog, Damaged, HighWater
from ledger.writer import Writer
from tests.ledger.hosts import PlainHost, pay

LOG = uuid4()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "restore" / "high-water"


def begun(file, last=0):
    mark = HighWater(file)
    mark.begin(LOG, last)
    return mark


def test_a_log_that_ends_earlier_has_lost_events(file):
    first = begun(file)
    first.reserve(10)
    first.durable(10)
    first.close()

    assert HighWater(file).begin(LOG, 9) == 10 + BLOCK
    assert HighWater(file).begin(LOG, 10) == 10
    assert HighWater(file).begin(LOG, 11) == 11


def test_numbers_are_reserved_in_blocks(file):
    mark = begun(file)
    mark.reserve(1)
    written = file.read_bytes()
    mark.reserve(1 + BLOCK)
    assert file.read_bytes() == written
    mark.reserve(2 + BLOCK)
    assert high_water.read(file).reserved == 2 + 2 * BLOCK


def test_a_replaced_writer_cannot_lower_the_mark(file):
    old, new = begun(file), begun(file)
    new.durable(100)
    old.durable(50)

    assert high_water.read(file).durable == 100


def test_the_mark_of_another_database_is_refused(file):
    begun(file).close()

    with pytest.raises(AnotherLog, match="another database"):
        HighWater(file).begin(uuid4(), 5)


@pytest.mark.parametrize("raw", [b"", b"payswitch-high-water/1 x 1 2 00000000\n", b"\xff" * 256])
def test_a_damaged_mark_is_refused(file, raw):
    begun(file).close()
    file.write_bytes(raw)

    with pytest.raises(Damaged, match="restore begin"):
        HighWater(file).begin(LOG, 0)


def test_a_changed_digit_is_noticed(file):
    mark = begun(file)
    mark.durable(1234)
    mark.close()
    file.write_bytes(file.read_bytes().replace(b" 1234 ", b" 1235 ", 1))

    with pytest.raises(Damaged):
        high_water.read(file)


async def started(url, file):
    writer = Writer(url, PlainHost(), high_water=HighWater(file))
    await writer.start()
    return writer


async def test_a_writer_finds_that_its_database_lost_events(database_url, file):
    writer = await started(database_url, file)
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    await writer.stop()
    writer = await started(database_url, file)
    assert not writer.left_out
    kept = writer.last_seq
    await writer.submit(("move", uuid4(), pay(debtor, creditor, 1)))
    await writer.stop()

    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE ledger.head SET next_seq = $1", kept + 1)  # as a restore leaves it
    await connection.close()
    writer = await started(database_url, file)

    assert writer.left_out
    assert writer.told >= BLOCK
    await writer.stop()


async def test_a_database_that_loses_events_while_it_runs_stops_the_writer(database_url, file):
    writer = await started(database_url, file)
    await writer.submit(("open", "alpha"))
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE ledger.head SET next_seq = next_seq - 1")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'payswitch writer%'"
    )
    await connection.close()
    with pytest.raises(Exception, match=r"\A"):
        await writer.submit(("open", "beta"))

    assert "lost" in str(writer.frozen)
    await writer.stop()
