"""Checkpoints are made while nobody looks, keys rotate with an overlap, and partitions are there before
they are needed."""

import asyncio

import pytest

from ledger import partitions
from ledger.audit import checkpoints
from ledger.roles import Login
from ledger.signing import BadNote, open_note
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.operations import housekeeping
from switch.operations.housekeeping import Housekeeper
from tests.switch.stack import Stack


async def test_the_caretaker_publishes_what_is_new(stack: Stack):
    pool = await connect_pool(stack.settings, Login.CARETAKER)
    keeper = Housekeeper(stack.settings, pool)
    async with stack.client("asha-bank") as client:
        await client.pay(stack.document("asha-bank", "noor-wallet"), wait=20)
    await asyncio.gather(keeper.publish(), keeper.publish())
    newest = (await checkpoints(pool))[-1]
    events = await pool.fetchval("SELECT max(seq) FROM ledger.event WHERE at <= $1", newest.at)
    await pool.close()

    assert newest.size <= events + 1
    assert open_note(newest.note, housekeeping.verifier_lines(stack.settings)).root == newest.root


async def test_partitions_are_made_with_the_applications_rights(stack: Stack, monkeypatch):
    pool = await connect_pool(stack.settings, Login.CARETAKER)
    keeper = Housekeeper(stack.settings, pool)
    monkeypatch.setattr(
        partitions.add_ahead, "__kwdefaults__", {"span": partitions.SPAN, "ahead": 6 * partitions.SPAN}
    )
    before = {table: await partitions.room(pool, table) for table in housekeeping.TABLES}
    await keeper.make_room()
    after = {table: await partitions.room(pool, table) for table in housekeeping.TABLES}
    await pool.close()

    assert set(before) == {"ledger.event", "switch.message"}
    assert all(after[table] > before[table] for table in before)


def test_while_a_key_rotates_either_line_verifies_and_afterwards_the_new_one(tmp_path):
    settings = Settings(data=tmp_path)
    old = housekeeping.signer(settings)
    early = old.sign(1, bytes(32))
    both = housekeeping.rotate_key(settings)
    during = both.sign(2, bytes(32))
    with pytest.raises(ValueError, match="has not ended"):
        housekeeping.rotate_key(settings)
    new = housekeeping.retire_key(settings)
    late = new.sign(3, bytes(32))

    assert old.verifier_key != new.verifier_key
    assert housekeeping.verifier_lines(settings) == [old.verifier_key, new.verifier_key]
    assert [open_note(during, [line]).size for line in (old.verifier_key, new.verifier_key)] == [2, 2]
    assert open_note(early, housekeeping.verifier_lines(settings)).size == 1
    assert open_note(late, [new.verifier_key]).size == 3
    with pytest.raises(BadNote):
        open_note(late, [old.verifier_key])
