"""Checkpoints and bundles: what is proved, and every way of tampering named by the offline verifier."""

import copy
import json
import shutil
import subprocess
import sys
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import audit, offline_verifier
from ledger.merkle import root_of, verify_consistency, verify_inclusion
from ledger.signing import BadNote, Signer, open_note
from tests.ledger.hosts import pay

SIGNER = Signer("payswitch.test/ledger", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ROTATED = Signer("payswitch.test/ledger", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
KEYS = [SIGNER.verifier_key, ROTATED.verifier_key]


async def pay_many(writer, count):
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    commands = [("move", uuid4(), pay(debtor, creditor, 1)) for _ in range(count)]
    return [reply.number for reply in await writer.submit_many(commands)]


async def leaves(connection):
    return [row["leaf"] for row in await connection.fetch("SELECT leaf FROM ledger.event ORDER BY seq")]


@pytest.mark.parametrize("grown", [True, False])
async def test_roots_and_proofs_are_the_same_with_and_without_stored_subtrees(writer, connection, grown):
    await pay_many(writer, 1_300)
    every = await leaves(connection)
    if grown:
        assert await audit.grow(connection) == 1_280
        assert await audit.grow(connection) == 1_280

    for size in (0, 1, 255, 256, 257, 512, 1_024, 1_025, len(every)):
        assert await audit.root(connection, size) == root_of(every[:size])
    for seq in (1, 256, 257, 1_000, len(every)):
        proof = await audit.prove_inclusion(connection, seq, len(every))
        assert verify_inclusion(every[seq - 1], seq - 1, len(every), proof, root_of(every))
    for first in (1, 256, 300, 1_024, len(every)):
        proof = await audit.prove_consistency(connection, first, len(every))
        assert verify_consistency(first, len(every), root_of(every[:first]), root_of(every), proof)


async def test_a_tree_that_grows_in_steps_is_the_same_tree(writer, connection):
    for _ in range(4):
        await pay_many(writer, 400)
        await audit.grow(connection)

    every = await leaves(connection)
    assert await audit.root(connection, len(every)) == root_of(every)


async def test_a_checkpoint_is_signed_once_and_never_changes(writer, connection):
    assert await audit.checkpoint(connection, SIGNER) is None
    await pay_many(writer, 5)

    first = await audit.checkpoint(connection, SIGNER)
    assert await audit.checkpoint(connection, SIGNER) is None
    assert await audit.checkpoints(connection) == [first]
    note = open_note(first.note, KEYS)
    assert (note.origin, note.size, note.root) == ("payswitch.test/ledger", first.size, first.root)


async def test_a_root_over_events_that_are_gone_is_refused(writer, connection):
    await pay_many(writer, 5)
    await connection.execute("DELETE FROM ledger.event WHERE seq = 3")

    with pytest.raises(ValueError, match="not complete"):
        await audit.root(connection, 5)


@pytest.fixture
async def bundle(writer, connection):
    """Two sets, proved to the third checkpoint; the key was rotated on the way."""
    numbers = []
    for signer in (SIGNER, SIGNER, ROTATED):
        numbers += await pay_many(writer, 300)
        await audit.checkpoint(connection, signer)
    return await audit.bundle(connection, [numbers[3], numbers[700]])


async def test_a_bundle_verifies(bundle):
    assert [len(bundle["events"]), len(bundle["older"])] == [2, 2]
    assert offline_verifier.verify(bundle, KEYS) == []


async def test_the_verifier_is_one_file_that_needs_nothing_of_the_switch(bundle, tmp_path):
    shutil.copy(offline_verifier.__file__, tmp_path / "verifier.py")
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    command = [sys.executable, "-I", tmp_path / "verifier.py", tmp_path / "bundle.json"]

    good = subprocess.run([*command, *KEYS], cwd=tmp_path, capture_output=True, text=True, check=False)
    bad = subprocess.run([*command, KEYS[0]], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (good.returncode, good.stdout) == (
        0,
        "proved: 2 events in the checkpoint, which extends 2 older ones\n",
    )
    assert (bad.returncode, bad.stdout) == (1, "WRONG  checkpoint: it is not signed by a trusted key\n")


def flip(text):
    return ("0" if text[0] != "0" else "1") + text[1:]


FORGERIES = {
    "an amount": (
        lambda b: b["events"][0].update(change=flip(b["events"][0]["change"])),
        "event 7: not in the tree",
    ),
    "its words": (lambda b: b["events"][0].update(body="00"), "event 7: not in the tree"),
    "its kind": (lambda b: b["events"][0].update(kind="voided"), "event 7: not in the tree"),
    "its time": (lambda b: b["events"][0].update(at=0), "event 7: not in the tree"),
    "its place": (lambda b: b["events"][0].update(seq=6), "event 6: not in the tree"),
    "its proof": (lambda b: b["events"][0]["proof"].pop(), "event 7: not in the tree"),
    "the order": (lambda b: b["events"].reverse(), "event 7: out of order"),
    "a double": (lambda b: b["events"].insert(0, b["events"][0]), "event 7: out of order"),
    "rubbish": (lambda b: b["events"][0].update(change="zz"), "event 7: unreadable"),
    "a part": (lambda b: b["events"][0].pop("kind"), "event 7: unreadable"),
    "an older root": (
        lambda b: b["older"][0].update(checkpoint=SIGNER.sign(304, bytes(32))),
        "older checkpoint 1: the newest checkpoint does not extend it",
    ),
    "an older proof": (lambda b: b["older"][1]["proof"].pop(), "older checkpoint 2: the newest"),
    "an older signature": (
        lambda b: b["older"][0].update(checkpoint=b["older"][0]["checkpoint"].replace("\n3", "\n4", 1)),
        "older checkpoint 1: it is not signed",
    ),
    "the size": (
        lambda b: b.update(checkpoint=b["checkpoint"].replace("\n9", "\n8", 1)),
        "checkpoint: it is not signed",
    ),
    "the format": (lambda b: b.update(format="other"), "the format"),
}


@pytest.mark.parametrize("what", FORGERIES)
async def test_every_forgery_is_named(bundle, what):
    forge, expected = FORGERIES[what]
    forged = copy.deepcopy(bundle)
    forge(forged)

    wrong = offline_verifier.verify(forged, KEYS)
    assert any(line.startswith(expected) for line in wrong), wrong


def test_a_note_needs_a_known_key_and_every_byte():
    note = SIGNER.sign(7, bytes(32))

    assert open_note(note, KEYS).size == 7
    for place in range(len(note) - 1):
        changed = note[:place] + chr(ord(note[place]) ^ 1) + note[place + 1 :]
        with pytest.raises(BadNote):
            open_note(changed, KEYS)
    with pytest.raises(BadNote):
        open_note(note, [ROTATED.verifier_key])
    with pytest.raises(BadNote):
        open_note(note, ["not a key"])


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\n"])
def test_an_origin_fits_a_note(origin):
    with pytest.raises(ValueError, match="a name must"):
        Signer(origin, Ed25519PrivateKey.generate())
