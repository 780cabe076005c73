"""Partitions made ahead, and history that was detached: every proof and `verify` hold, with its files and without."""

import gzip
import itertools
import json
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import archive, audit, offline_verifier, partitions, positions, statements, windows
from ledger.archive import Archived
from ledger.books import LedgerVerdict
from ledger.detach import NotYet, detach_oldest
from ledger.merkle import root_of, verify_consistency, verify_inclusion
from ledger.signing import Signer, open_text
from ledger.verify import verify
from tests.ledger.hosts import pay

SIGNER = Signer("test/ledger", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SPAN = 512


@pytest.fixture
async def small(connection):
    """The same database with partitions of 512 events."""
    for partition in await partitions.read(connection):
        await connection.execute(f"DROP TABLE {partition.name}")
    await partitions.add_ahead(connection, span=SPAN, ahead=4 * SPAN)
    return connection


async def live(writer, payments):
    """Two accounts, and payments that end in every way; the accounts."""
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    ids = [uuid4() for _ in range(payments)]
    await writer.submit_many([("reserve", id_, pay(debtor, creditor, 10)) for id_ in ids])
    ends = [("post", "void")[place % 3 == 0] for place in range(payments)]
    await writer.submit_many(list(zip(ends, ids, strict=True)))
    return debtor, creditor, ids


async def faults(connection, files=None):
    return {r.name: r.detail async for r in verify(connection, files=files) if not r.ok}


async def test_partitions_are_made_ahead_and_no_further(small):
    made = await partitions.add_ahead(small, span=256, ahead=6 * SPAN)
    ranges = [(p.first, p.last) for p in await partitions.read(small)]

    assert made == 4
    assert await partitions.add_ahead(small, span=256, ahead=6 * SPAN) == 0
    assert ranges[0] == (1, SPAN)
    assert all(earlier[1] + 1 == later[0] for earlier, later in itertools.pairwise(ranges))
    assert await partitions.room(small) == ranges[-1][1]


async def test_a_partition_holds_whole_subtrees(connection):
    with pytest.raises(asyncpg.RaiseError, match="whole subtrees"):
        await partitions.add_ahead(connection, span=1_000)


async def test_the_log_grows_over_partitions(small, writer):
    await live(writer, 400)

    assert [await small.fetchval(f"SELECT count(*) FROM {p.name}") > 0 for p in await partitions.read(small)][
        :2
    ] == [
        True,
        True,
    ]
    assert await faults(small) == {}


async def test_partitions_are_made_while_payments_run(small, writer):
    debtor, creditor, _ = await live(writer, 10)
    other = await asyncpg.connect(writer.database_url)
    async with small.transaction():
        await small.execute("SELECT count(*) FROM ledger.event")  # a reader in the middle of something
        assert await partitions.add_ahead(other, span=SPAN, ahead=8 * SPAN) > 0
        reply = await writer.submit(("move", uuid4(), pay(debtor, creditor, 1)))
    await other.close()

    assert reply.verdict is LedgerVerdict.CREATED


@pytest.fixture
async def detached(small, writer, tmp_path):
    """A ledger whose first 1,024 events are in files."""
    debtor, creditor, ids = await live(writer, 600)
    early = await audit.checkpoint(small, SIGNER)
    await writer.submit(("window",))
    await live(writer, 200)
    before = await audit.checkpoint(small, SIGNER)
    leaves = [row["leaf"] for row in await small.fetch("SELECT leaf FROM ledger.event ORDER BY seq")]
    statement = await statements.balance_at(small, debtor, await small.fetchval("SELECT clock_timestamp()"))
    first = await detach_oldest(small, tmp_path, SIGNER)
    second = await detach_oldest(small, tmp_path, SIGNER)
    assert (first.first_seq, first.last_seq, second.first_seq, second.last_seq) == (1, 512, 513, 1024)
    return {
        "connection": small, "writer": writer, "files": tmp_path, "debtor": debtor, "ids": ids,
        "leaves": leaves, "early": early, "before": before, "balance": statement, "creditor": creditor,
    }  # fmt: skip


async def test_detached_history_is_gone_from_the_tables_and_verifies(detached):
    connection = detached["connection"]
    assert await connection.fetchval("SELECT min(seq) FROM ledger.event") == 1025

    results = {r.name: r async for r in verify(connection)}
    assert [r for r in results.values() if not r.ok] == []
    assert results["sequence"].detail == "up to 1024 by the note of the archive"
    with_files = {r.name: r async for r in verify(connection, files=detached["files"])}
    assert [r for r in with_files.values() if not r.ok] == []
    assert with_files["sequence"].detail == ""
    assert {n: r.checked for n, r in with_files.items()} == {n: r.checked for n, r in results.items()}


async def test_every_proof_can_still_be_made(detached):
    connection, leaves = detached["connection"], detached["leaves"]
    size, root = len(leaves), root_of(leaves)

    assert await audit.root(connection, size) == root
    for seq in (1, 256, 257, 512, 513, 700, 1024, 1025, size):
        proof = await audit.prove_inclusion(connection, seq, size)
        assert verify_inclusion(leaves[seq - 1], seq - 1, size, proof, root)
    for first in (1, 300, 512, 777, 1024, 1025):
        proof = await audit.prove_consistency(connection, first, size)
        assert verify_consistency(first, size, root_of(leaves[:first]), root, proof)


async def test_a_bundle_takes_detached_events_from_their_files(detached):
    connection, files = detached["connection"], detached["files"]
    number = await connection.fetchval("SELECT number FROM ledger.transfer WHERE id = $1", detached["ids"][1])

    with pytest.raises(Archived):
        await audit.bundle(connection, [number])
    bundle = await audit.bundle(connection, [number], files)

    assert [event["kind"] for event in bundle["events"]] == ["reserved", "posted"]
    assert offline_verifier.verify(bundle, [SIGNER.verifier_key]) == []


async def test_an_id_is_known_for_ever(detached):
    writer, debtor, creditor = detached["writer"], detached["debtor"], detached["creditor"]

    again = await writer.submit(("reserve", detached["ids"][0], pay(debtor, creditor, 10)))

    assert again.verdict is LedgerVerdict.EXISTS


async def test_balances_go_on_and_what_is_archived_is_refused_not_guessed(detached):
    connection, debtor = detached["connection"], detached["debtor"]
    now = await connection.fetchval("SELECT clock_timestamp()")
    last_at = (await archive.read(connection))[-1].last_at

    assert await statements.balance_at(connection, debtor, now) == detached["balance"]
    assert (await statements.balance_at(connection, debtor, last_at)).debits > 0
    (alpha,) = await positions.read(connection, "alpha")
    assert detached["balance"].debits == alpha.debits_posted
    with pytest.raises(Archived):
        await statements.balance_at(connection, debtor, last_at - timedelta(seconds=1))
    with pytest.raises(Archived):
        await statements.read(connection, debtor, last_at - timedelta(days=1), now)
    with pytest.raises(Archived):
        await statements.read_between(connection, debtor, 1, 2_000)
    first = min(w.number for w in await windows.read(connection))
    assert sum(net.net for net in (await windows.nets(connection, [first]))[first]) == 0
    with pytest.raises(Archived):
        await windows.bilateral_nets(connection, first)


def edit(file, change):
    """Change the lines of a compressed file."""
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    change(lines)
    file.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))


def raise_amount(lines):
    event = json.loads(lines[20])
    event["change"] = event["change"][:-4] + "ff" + event["change"][-2:]
    lines[20] = json.dumps(event)


TAMPERINGS = {
    "an archived amount": (lambda files: edit(files / "events-1-512.jsonl.gz", raise_amount), None, "leaves"),
    "an archived event less": (
        lambda files: edit(files / "events-1-512.jsonl.gz", lambda li: li.pop(9)),
        None,
        "sequence",
    ),
    "a file cut short": (
        lambda files: (files / "events-1-512.jsonl.gz").write_bytes(b"\x1f\x8b"),
        None,
        "history",
    ),
    "a kept leaf": (
        None,
        "UPDATE ledger.archived_leaves SET leaves = set_byte(leaves, 5, 7) WHERE block = 1",
        "audit",
    ),
    "kept leaves less": (None, "DELETE FROM ledger.archived_leaves WHERE block = 1", "audit"),
    "the state": (
        None,
        "UPDATE ledger.archive SET state = overlay(state placing '9'::bytea from 60)",
        "audit",
    ),
    "an archive less": (None, "DELETE FROM ledger.archive", "sequence"),
    "a set that is older than the files": (None, "DELETE FROM ledger.leg WHERE number = 10", "entries"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_tampering_with_detached_history_is_named(detached, what):
    on_files, on_tables, check = TAMPERINGS[what]
    if on_files is not None:
        on_files(detached["files"])
    if on_tables is not None:
        await detached["connection"].execute(on_tables)

    assert check in await faults(detached["connection"], detached["files"] if on_files else None)


async def test_the_note_names_every_file_by_its_hash(detached):
    for kept in await archive.read(detached["connection"]):
        text = open_text(kept.note, [SIGNER.verifier_key])
        manifest = archive.Manifest.parse(text)
        leaves = detached["leaves"][kept.first_seq - 1 : kept.last_seq]

        assert manifest.tree == root_of(leaves)
        for file in manifest.files:
            assert archive.sha256_of(detached["files"] / file.name) == file.sha256


async def test_what_is_pending_or_unpublished_is_not_detached(small, writer, tmp_path):
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    pending = uuid4()
    with pytest.raises(NotYet, match="still being added"):
        await detach_oldest(small, tmp_path, SIGNER)
    await writer.submit(("reserve", pending, pay(debtor, creditor, 10)))
    await live(writer, 400)
    with pytest.raises(NotYet, match="no checkpoint"):
        await detach_oldest(small, tmp_path, SIGNER)
    await audit.checkpoint(small, SIGNER)
    with pytest.raises(NotYet, match="pending"):
        await detach_oldest(small, tmp_path, SIGNER)
    await writer.submit(("post", pending))

    assert (await detach_oldest(small, tmp_path, SIGNER)).last_seq == SPAN
    assert await faults(small) == {}


async def test_what_does_not_verify_is_not_detached(small, writer, tmp_path):
    await live(writer, 400)
    await audit.checkpoint(small, SIGNER)
    await small.execute("UPDATE ledger.event SET body = 'x' WHERE seq = 40")

    with pytest.raises(NotYet, match="event 40 does not verify"):
        await detach_oldest(small, tmp_path, SIGNER)
    assert await small.fetchval("SELECT count(*) FROM ledger.event WHERE seq <= 512") == 512
