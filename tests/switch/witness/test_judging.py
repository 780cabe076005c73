"""What a witness cosigns and what it refuses, by the rules of C2SP tlog-witness, and what it keeps."""

import base64
import hashlib
import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.signing import BadNote, Cosigner, content_of, cosigned_at, epoch_of, open_note, text_of
from switch.witness import bodies, folder, judging
from switch.witness.folder import NoWitness, WitnessFolder
from switch.witness.judging import Cosigned, CosignRefusal, Submission
from tests.switch.witness.log_in_memory import NAME, LogInMemory

WITNESS = "witness.test/w1"


@pytest.fixture
def log() -> LogInMemory:
    return LogInMemory(5)


@pytest.fixture
def witness(tmp_path: Path, log: LogInMemory) -> WitnessFolder:
    return WitnessFolder.make(tmp_path / "w", WITNESS, log.keys)


def show(witness: WitnessFolder, log: LogInMemory, old: int, **changed: Any) -> Cosigned:
    """Show the newest checkpoint with a good proof, but for what is changed."""
    good = {"old": old, "proof": log.proof(old) if 0 < old <= len(log.events) else (), "note": log.note()}
    return judging.add_checkpoint(witness, Submission(**{**good, **changed}))


def refused(witness: WitnessFolder, *shown: Any, **changed: Any) -> CosignRefusal:
    before = witness.octets()
    with pytest.raises(CosignRefusal) as refusal:
        show(witness, *shown, **changed)
    assert witness.octets() == before
    return refusal.value


def evidence(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes()) for file in sorted((tmp_path / "w" / "evidence").glob("*"))]


def test_a_cosignature_has_the_public_form(witness: WitnessFolder, log: LogInMemory) -> None:
    """By hand, from the specification: the key id with the byte 04, a time of 8 bytes, the signed message."""
    cosigned = show(witness, log, 0)
    key = witness.read().key
    name, key_id, encoded = key.split("+", 2)
    public = base64.b64decode(encoded)
    dash, stated, signature = cosigned.line.rstrip("\n").split(" ")
    octets = base64.b64decode(signature)
    at = int.from_bytes(octets[4:12])

    assert (dash, stated, name, public[0], len(octets)) == ("\u2014", WITNESS, WITNESS, 4, 4 + 8 + 64)
    assert octets[:4].hex() == key_id == hashlib.sha256(f"{name}\n".encode() + public).hexdigest()[:8]
    message = f"cosignature/v1\ntime {at}\n{text_of(log.note())}".encode()
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(octets[12:], message)
    assert cosigned_at(log.note(), cosigned.line, key) == at
    assert open_note(cosigned.note, log.keys).size == 5


def test_a_cosignature_is_of_one_text_one_key_and_one_kind(log: LogInMemory) -> None:
    key = Ed25519PrivateKey.generate()
    one, other = Cosigner(WITNESS, key), Cosigner("witness.test/w2", key)
    line = one.cosign(log.note(), 1_700_000_000)

    for note, cosignature, verifier in (
        (log.note(4), line, one.verifier_key),
        (log.note(), line, other.verifier_key),
        (log.note(), line, log.keys[0]),
        (log.note(), line[:-6] + "\n", one.verifier_key),
        (log.note(), "\u2014 " + WITNESS + " \u00e9\n", one.verifier_key),
        (log.note(), log.note().splitlines()[-1], one.verifier_key),
        ("no note", line, one.verifier_key),
    ):
        with pytest.raises(BadNote):
            cosigned_at(note, cosignature, verifier)
    with pytest.raises(BadNote):
        open_note(f"{text_of(log.note())}\n{line}", [one.verifier_key])


@pytest.mark.parametrize(
    ("origin", "epoch"),
    [
        (NAME, 1), (f"{NAME}/epoch-2", 2), (f"{NAME}/epoch-40", 40), (f"{NAME}/epoch-1", None), (f"{NAME}/epoch-02", None),
        (f"{NAME}/epoch-\u0662", None), (f"{NAME}/epoch-", None), (f"{NAME}/epoch-{'9' * 5000}", None), ("other", None),
        (f"{NAME}x", None),
    ],
)  # fmt: skip
def test_an_origin_names_the_epoch(origin: str, epoch: int | None) -> None:
    assert epoch_of(origin, NAME) == epoch


def test_checkpoints_that_extend_each_other_are_cosigned(witness: WitnessFolder, log: LogInMemory) -> None:
    show(witness, log, 0)
    for old in (5, 8, 9, 24):
        log.add({5: 3, 8: 1, 9: 15, 24: 1000}[old])
        assert show(witness, log, old).size == len(log.events)
    again = show(witness, log, len(log.events), proof=())

    state = witness.read()
    assert [held.content.size for held in state.checkpoints] == [5, 8, 9, 24, 1024]
    assert state.checkpoints[-1].note == again.note


def test_the_refusals_of_the_protocol(witness: WitnessFolder, log: LogInMemory, tmp_path: Path) -> None:
    stranger = LogInMemory(9, key=2)
    other = log.note().replace(NAME, "other.test/log")
    assert refused(witness, log, 0, note=other).status == 404
    assert refused(witness, log, 0, note=stranger.note()).status == 403
    assert refused(witness, log, 6, proof=()).status == 400
    assert refused(witness, log, 0, note="old\n\nnonsense").status == 400
    assert refused(witness, log, 0, note=log.signer.sign(0, log.root(0))).status == 400
    first = refused(witness, log, 3)
    assert (first.status, first.size) == (409, 0)
    assert refused(witness, log, 0, proof=(bytes(32),)).status == 422

    show(witness, log, 0)
    log.add(4)
    wrong_size = refused(witness, log, 0)
    assert (wrong_size.status, wrong_size.size) == (409, 5)
    older = refused(witness, log, 0, note=log.note(3))
    assert (older.status, older.size, older.kind) == (409, 5, "")
    for proof in ((), (bytes(32),), log.proof(5)[:-1], log.proof(5)[::-1], (*log.proof(5), bytes(32))):
        assert refused(witness, log, 5, proof=proof).status == 422
    assert refused(witness, log, 5, note=log.note(epoch=2)).status == 404
    assert show(witness, log, 5).size == 9


def test_a_rewritten_log_is_refused_and_both_notes_are_kept(
    witness: WitnessFolder, log: LogInMemory, tmp_path: Path
) -> None:
    """Whoever has the key of the log signs what he likes; the witness has signed something else."""
    held = show(witness, log, 0).note
    forged = LogInMemory(5, text="forged")
    same_size = refused(witness, forged, 5, proof=())
    assert (same_size.status, same_size.size, same_size.kind) == (409, 5, "fork")
    forged.add(3)
    longer = refused(witness, forged, 5)
    assert (longer.status, longer.kind) == (422, "unproved")

    kept = {each["shown"]: each["held"] for each in evidence(tmp_path)}
    assert kept == {forged.note(5): held, forged.note(): held}
    for note in (forged.note(5), held):
        assert open_note(note, log.keys).size == 5


def test_an_older_checkpoint_with_another_root_is_a_fork_too(
    witness: WitnessFolder, log: LogInMemory
) -> None:
    show(witness, log, 0)
    log.add(4)
    show(witness, log, 5)

    fork = refused(witness, LogInMemory(5, text="forged"), 0)
    assert (fork.status, fork.size, fork.kind) == (409, 9, "fork")


def test_evidence_is_kept_once_and_within_bounds(
    witness: WitnessFolder, log: LogInMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of wrong proofs, which anybody can send, leaves room for the evidence of a fork."""
    monkeypatch.setattr(folder, "EVIDENCE_MAX", 3)
    show(witness, log, 0)
    grown = LogInMemory(9)
    for number in range(6):
        refused(witness, grown, 5, proof=(bytes([number]) * 32,))
        refused(witness, grown, 5, proof=(), note=f"{grown.note()}\u2014 stranger{number} AAAA\n")
    assert [each["shown"] for each in evidence(tmp_path)] == [grown.note()]
    for number in (1, 1, 2, 3, 4, 5):
        refused(witness, LogInMemory(5, text=f"forged {number}"), 5, proof=())

    assert len(evidence(tmp_path)) == 1 + 3


def test_a_bundle_is_checked_without_a_network(witness: WitnessFolder, log: LogInMemory) -> None:
    assert judging.add_bundle(witness, log.bundle()).size == 5
    log.add(6)
    with pytest.raises(CosignRefusal, match=r"consistency\?from=5&to=11") as lacks:
        judging.add_bundle(witness, log.bundle(4))
    assert lacks.value.status == 409
    assert judging.add_bundle(witness, log.bundle(5)).size == 11
    with pytest.raises(CosignRefusal, match="more than the checkpoint's 7"):
        judging.add_bundle(witness, log.bundle(5, 7))


@pytest.mark.parametrize(
    "bundle",
    [
        {}, {"checkpoint": 5}, {"checkpoint": "x", "older": 5}, {"older": []},
    ],
)  # fmt: skip
def test_what_is_no_bundle_is_refused(witness: WitnessFolder, bundle: dict[str, Any]) -> None:
    with pytest.raises(CosignRefusal) as refusal:
        judging.add_bundle(witness, bundle)
    assert refusal.value.status == 400


@pytest.mark.parametrize("older", [5, [5], [{}], [{"checkpoint": 1}], [{"checkpoint": "a\n\nb"}]])
def test_a_bundle_with_nonsense_beside_a_good_checkpoint_is_refused(
    witness: WitnessFolder, log: LogInMemory, older: Any
) -> None:
    show(witness, log, 0)
    log.add(2)
    with pytest.raises(CosignRefusal) as refusal:
        judging.add_bundle(witness, {**log.bundle(5), "older": older})
    assert refusal.value.status == 400


@pytest.mark.parametrize("by_size", [True, False])
def test_a_new_epoch_needs_the_statement_of_the_restore(
    witness: WitnessFolder, tmp_path: Path, by_size: bool
) -> None:
    log = LogInMemory(5)
    show(witness, log, 0)
    log.add(4)
    show(witness, log, 5)
    lost = log.note()
    log.restore(kept=7, lost=10, published=lost)

    assert refused(witness, log, 9).status == 404
    held = {"size": 5, "proof": [part.hex() for part in log.proof(5)]}
    for bundle, status in (
        ({**log.bundle(5), "restores": []}, 422),
        (log.bundle(), 409),
        (log.bundle(6), 409),
        ({**log.bundle(), "held": {**held, "size": 6}}, 409),
        ({**log.bundle(), "held": {**held, "proof": held["proof"][::-1]}}, 422),
        ({**log.bundle(), "held": 5}, 400),
        ({**log.bundle(), "held": {"size": 5}}, 400),
    ):
        with pytest.raises(CosignRefusal) as refusal:
            judging.add_bundle(witness, bundle)
        assert refusal.value.status == status
    begun = judging.add_bundle(witness, {**log.bundle(), "held": held} if by_size else log.bundle(5))

    assert [(each.epoch, each.kept, each.first, each.published) for each in begun.restores] == [
        (2, 7, 18, lost)
    ]
    state = witness.read()
    assert (state.epoch, state.size, state.restores) == (2, 18, begun.restores)
    assert [state.is_left_out(held) for held in state.checkpoints] == [False, True, False]
    assert any(file.name.startswith("restore-") for file in (tmp_path / "w" / "evidence").iterdir())
    log.add(3)
    assert show(witness, log, 18).size == 21
    ended = refused(witness, log, 21, proof=(), note=log.note(epoch=1))
    assert (ended.status, ended.text) == (404, "this epoch of the log has ended")


def test_a_restore_is_no_way_to_rewrite_what_it_kept(witness: WitnessFolder, log: LogInMemory) -> None:
    show(witness, log, 0)
    forged = LogInMemory(7, text="forged")
    forged.restore(kept=6, lost=10)

    proof = [part.hex() for part in forged.proof(5)]
    for bundle in (forged.bundle(5), {**forged.bundle(), "held": {"size": 5, "proof": proof}}):
        with pytest.raises(CosignRefusal, match="the log kept the 5 events"):
            judging.add_bundle(witness, bundle)


def test_state_is_thinned_to_the_last_of_each_day(
    witness: WitnessFolder, log: LogInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "NEWEST_KEPT", 3)
    monkeypatch.setattr(judging, "now", lambda: 1_700_000_000)
    show(witness, log, 0)
    sizes = [5]
    for turn in range(1, 12):
        monkeypatch.setattr(judging, "now", lambda turn=turn: 1_700_000_000 + turn * 43_200)
        log.add(1)
        show(witness, log, sizes[-1])
        sizes.append(len(log.events))

    kept = [held.content.size for held in witness.read().checkpoints]
    assert kept[-3:] == sizes[-3:]
    assert len(kept) < len(sizes)
    days = [folder.day(held.at) for held in witness.read().checkpoints[:-3]]
    assert len(set(days)) == len(days)


def test_only_lines_of_the_log_are_kept(witness: WitnessFolder, log: LogInMemory) -> None:
    strange = log.note() + "".join(f"\u2014 stranger{n} AAAA\n" for n in range(50))

    assert "stranger" not in show(witness, log, 0, note=strange).note


def test_the_key_is_the_owners_alone(witness: WitnessFolder, log: LogInMemory, tmp_path: Path) -> None:
    key = tmp_path / "w" / "witness.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o640)
    with pytest.raises(NoWitness, match="chmod 600"):
        show(witness, log, 0)
    key.chmod(0o600)
    with pytest.raises(NoWitness, match="has a witness already"):
        WitnessFolder.make(tmp_path / "w", WITNESS, log.keys)


def _race(directory: Path, text: str, start: Any, results: Any) -> None:
    start.wait()
    log = LogInMemory(5)
    log.add(4, text)
    try:
        results.put(show(WitnessFolder(directory), log, 5).note)
    except CosignRefusal as refusal:
        results.put(refusal.status)


def test_two_processes_never_cosign_two_trees_of_one_size(
    witness: WitnessFolder, log: LogInMemory, tmp_path: Path
) -> None:
    show(witness, log, 0)
    spawn = multiprocessing.get_context("spawn")
    start, results = spawn.Barrier(4), spawn.Queue()
    racing = [
        spawn.Process(target=_race, args=(tmp_path / "w", f"tree {n}", start, results)) for n in range(4)
    ]
    for process in racing:
        process.start()
    answers = [results.get(timeout=60) for _ in racing]
    for process in racing:
        process.join(60)

    assert sorted(str(a) for a in answers if isinstance(a, int)) == ["409"] * 3
    assert witness.read().checkpoints[-1].note in answers


KILLED = """
import os, signal, sys
from pathlib import Path
from switch.witness import folder, judging
from switch.witness.folder import WitnessFolder
from tests.switch.witness.log_in_memory import LogInMemory
point, directory = sys.argv[1], Path(sys.argv[2])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def counted(call, n):
    left = [n]
    def wrapped(*arguments, **named):
        left[0] -= 1
        return die() if left[0] < 0 else call(*arguments, **named)
    return wrapped
if point == "fsync of the file":
    os.fsync = die
elif point == "rename":
    Path.replace = die
elif point == "fsync of the folder":
    os.fsync = counted(os.fsync, 1)
log = LogInMemory(5)
log.add(4)
cosigned = judging.add_checkpoint(WitnessFolder(directory), judging.Submission(5, log.proof(5), log.note()))
if point == "the answer":
    die()
print(cosigned.line)
"""


@pytest.mark.parametrize(
    ("point", "stored"),
    [("fsync of the file", 5), ("rename", 5), ("fsync of the folder", 9), ("the answer", 9)],
)
def test_a_witness_that_is_killed_has_never_given_away_what_it_does_not_hold(
    point: str, stored: int, witness: WitnessFolder, log: LogInMemory, tmp_path: Path
) -> None:
    """Killed after it signed, at every step to the disk: no answer was given, and what is stored is whole."""
    show(witness, log, 0)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, point, str(tmp_path / "w")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
    assert witness.read().size == stored
    log.add(4)
    assert show(witness, log, stored, proof=log.proof(stored) if stored == 5 else ()).size == 9


def test_bodies_are_strict(log: LogInMemory) -> None:
    shown = Submission(3, log.proof(3), log.note())
    body = bodies.encode(shown)
    assert bodies.decode(body) == shown
    assert bodies.decode(bodies.encode(Submission(0, (), log.note()))) == Submission(0, (), log.note())

    for wrong in (
        b"", b"old 5", body.replace(b"old 3", b"old 03"), body.replace(b"old 3", b"old -3"), body.replace(b"old 3", b"OLD 3"),
        body.replace(b"old 3\n", b"old 3\nAAAA\n"), body.replace(b"old 3", b"old " + b"9" * 30), b"\xff" + body,
        bodies.encode(Submission(3, (bytes(32),) * 64, log.note())),
    ):  # fmt: skip
        with pytest.raises(CosignRefusal) as refusal:
            bodies.decode(wrong)
        assert refusal.value.status == 400


def test_content_of_a_note_needs_a_root_of_32_bytes() -> None:
    with pytest.raises(BadNote):
        content_of("a\n1\nAAAA\n\n\u2014 a AAAA\n")
