"""`verify` holds on everything the writer does, and names whatever somebody else did."""

from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import audit, positions, windows
from ledger.books import LedgerVerdict
from ledger.signing import Signer
from ledger.verify import CHECKS, verify, verify_further
from tests.ledger.hosts import pay


async def failing(connection):
    """The checks that fail, by name."""
    return {result.name: result.detail async for result in verify(connection) if not result.ok}


async def live_a_day(writer, connection):
    """A little of everything; the two rupee accounts."""
    debtor = await writer.submit(("open", "alpha", "INR", "position", 1_000))
    creditor = await writer.submit(("open", "beta"))
    await writer.submit(("open", "beta", "CNY"))
    posted, voided, pending, moved, corrected = (uuid4() for _ in range(5))
    commands = [
        ("reserve", posted, pay(debtor, creditor, 100)),
        ("reserve", voided, pay(debtor, creditor, 200)),
        ("reserve", pending, (*pay(debtor, creditor, 300), *pay(creditor, debtor, 1))),
        ("reserve", uuid4(), pay(debtor, creditor, 100_000)),
        ("fail", uuid4()),
        ("post", posted),
        ("void", voided),
        ("move", moved, pay(creditor, debtor, 50)),
        ("window",),
        ("correct", corrected, moved),
        ("cap", debtor, 5_000),
        ("record", 4, "NOTE", b"{}"),
        ("window",),
    ]
    replies = await writer.submit_many(commands)
    await audit.checkpoint(connection, Signer("test/ledger", Ed25519PrivateKey.generate()))
    assert LedgerVerdict.CAP_EXCEEDED in {getattr(reply, "verdict", None) for reply in replies}
    return debtor, creditor


async def test_a_day_verifies(writer, connection):
    await live_a_day(writer, connection)

    results = [result async for result in verify(connection)]

    assert [result.name for result in results] == list(CHECKS)
    assert [result for result in results if not result.ok] == []
    assert all(result.checked > 0 for result in results)


async def test_an_empty_ledger_verifies(connection):
    assert await failing(connection) == {}


TAMPERINGS = {
    "an amount": ("UPDATE ledger.leg SET amount = amount + 1 WHERE number = 6", {"entries"}),
    "a leg less": ("DELETE FROM ledger.leg WHERE number = 6", {"entries"}),
    "a leg more": (
        "INSERT INTO ledger.leg VALUES (6, 1, 3, 5, 1, 'principal')",
        {"entries"},
    ),
    "a set more": (
        "INSERT INTO ledger.transfer VALUES (999, null, null, gen_random_uuid(), 'single_phase', null, '')",
        {"entries"},
    ),
    "a resolution turned": ("UPDATE ledger.resolution SET outcome = 'voided'", {"entries"}),
    "a balance": (
        "UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE owner = 'alpha'",
        {"balances", "conservation"},
    ),
    "both sides of a balance": (
        "UPDATE ledger.account SET debits_posted = debits_posted + 1, credits_posted = credits_posted + 1",
        {"balances"},
    ),
    "a cap": ("UPDATE ledger.account SET net_debit_cap = 9999 WHERE owner = 'alpha'", {"balances"}),
    "an event's words": ("UPDATE ledger.event SET body = 'x' WHERE kind = 'NOTE'", {"leaves"}),
    "an event's time": (
        "UPDATE ledger.event SET at = at + interval '1 microsecond' WHERE seq = 2",
        {"leaves"},
    ),
    "a leaf": ("UPDATE ledger.event SET leaf = sha256('') WHERE seq = 2", {"leaves", "audit"}),
    "a checkpoint": ("UPDATE ledger.checkpoint SET root = sha256('')", {"audit"}),
    "an event less": ("DELETE FROM ledger.event WHERE kind = 'NOTE'", {"sequence", "audit"}),
    "the tail cut off": (
        "DELETE FROM ledger.event WHERE seq = (SELECT max(seq) FROM ledger.event)",
        {"sequence", "windows", "audit"},
    ),
    "a window's counters": (
        "UPDATE ledger.window_balance SET debits_posted = debits_posted + 1",
        {"windows"},
    ),
    "a change that cannot be read": (
        "UPDATE ledger.event SET change = 'R' WHERE change <> '' AND get_byte(change, 0) = ascii('V')",
        {"leaves", "history", "entries", "balances"},
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_tampering_is_named(writer, connection, what):
    await live_a_day(writer, connection)
    statement, checks = TAMPERINGS[what]
    await connection.execute(statement)

    assert set(await failing(connection)) == checks


async def test_nets_of_windows_sum_to_zero_and_agree_with_the_postings(writer, connection):
    debtor, creditor = await live_a_day(writer, connection)
    await writer.submit(("move", uuid4(), pay(debtor, creditor, 7)))
    newest, second, first = [w for w in await windows.read(connection) if w.currency == "INR"]

    nets = await windows.nets(connection, [w.number for w in (first, second, newest)])

    assert [(n.owner, n.debits, n.credits, n.count, n.net) for n in nets[first.number]] == [
        ("alpha", 100, 50, 2, -50),
        ("beta", 50, 100, 2, 50),
    ]
    assert [(n.owner, n.net) for n in nets[second.number]] == [("alpha", -50), ("beta", 50)]
    assert [(n.owner, n.net) for n in nets[newest.number]] == [("alpha", -7), ("beta", 7)]
    for number, multilateral in nets.items():
        assert sum(n.net for n in multilateral) == 0
        bilateral = await windows.bilateral_nets(connection, number)
        assert sum(b.net for b in bilateral) == next(n.net for n in multilateral if n.owner == "alpha")
    assert first.document()["state"] == "closed"
    assert newest.document()["state"] == "open"
    assert await windows.find(connection, second.number) == second
    assert await windows.find(connection, 10**9) is None


async def test_positions_show_headroom_and_balance(writer, connection):
    await live_a_day(writer, connection)

    (alpha,) = await positions.read(connection, "alpha")

    assert (alpha.debits_pending, alpha.debits_posted, alpha.credits_posted) == (300, 150, 50)
    assert (alpha.credits_pending, alpha.net, alpha.headroom) == (1, -100, 50 + 5_000 - 150 - 300)
    assert len(await positions.read(connection)) == 3
    assert await positions.imbalance(connection) == {"CNY": 0, "INR": 0}


async def test_new_entries_are_checked_from_where_the_last_verification_ended(writer, connection):
    debtor, creditor = await live_a_day(writer, connection)
    first = await verify_further(connection, None, 5)
    second = await verify_further(connection, first.mark, 10_000)
    await writer.submit(("move", uuid4(), pay(creditor, debtor, 7)))
    await audit.checkpoint(connection, Signer("test/ledger", Ed25519PrivateKey.generate()))
    third = await verify_further(connection, second.mark, 10_000)

    assert (first.mark.seq, first.faults) == (5, ())
    assert (second.mark.seq, second.faults) == (second.head, ())
    assert (third.mark.seq, third.faults) == (second.head + 1, ())
    assert third.mark == (await verify_further(connection, None, 10_000)).mark


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_an_incremental_verification_finds_what_a_full_one_finds(writer, connection, what):
    await live_a_day(writer, connection)
    statement, checks = TAMPERINGS[what]
    await connection.execute(statement)
    found = await verify_further(connection, None, 10_000)
    only_counted = {"entries"} if what in {"a set more", "a change that cannot be read"} else set()

    assert {fault.check for fault in found.faults} == checks - only_counted


async def test_debits_and_credits_are_added_up_however_late_a_verification_is(writer, connection):
    await live_a_day(writer, connection)
    await connection.execute(
        "UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE owner = 'alpha'"
    )
    found = await verify_further(connection, None, 5)

    assert (found.mark.seq, [fault.check for fault in found.faults]) == (5, ["conservation"])


async def test_a_balance_changed_behind_the_mark_is_found_until_it_is_right_again(writer, connection):
    await live_a_day(writer, connection)
    mark = (await verify_further(connection, None, 10_000)).mark
    change = "UPDATE ledger.account SET credits_posted = credits_posted {} 1 WHERE owner = 'alpha'"

    await connection.execute(change.format("+"))
    for _ in range(2):
        found = await verify_further(connection, mark, 10_000)
        assert {fault.check for fault in found.faults} == {"balances", "conservation"}
    await connection.execute(change.format("-"))
    assert (await verify_further(connection, mark, 10_000)).faults == ()
