"""Whether a witness cosigns a checkpoint: the rules of C2SP `tlog-witness`, and one more for restores.

A checkpoint is cosigned if the log signed it and a proof shows that it extends the newest one that the
witness holds. A log whose database was restored to an earlier instant cannot extend it. It begins a new
epoch, whose first checkpoint is cosigned only with the proved event that states the restore, and a proof that
the events before it are the same. The witness keeps that statement as an alarm: whether there was a restore
is for its people to ask.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ledger import offline_verifier
from ledger.merkle import verify_consistency
from ledger.signing import BadNote, Note, content_of, known_lines, open_note, text_of
from switch.witness.folder import HeldCheckpoint, SeenRestore, WitnessFolder, WitnessState, now

PROOF_MAX: Final = 63
"""Hashes in a proof, as the protocol bounds it."""


class Submission(msgspec.Struct, frozen=True):
    """A checkpoint, and the proof that it extends the tree of `old` events."""

    old: int
    proof: tuple[bytes, ...]
    note: str


class CosignRefusal(Exception):
    """The checkpoint is not cosigned; `status` is that of HTTP, `size` what the witness holds."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        size: int | None = None,
        held: str = "",
        shown: str = "",
        kind: str = "",
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.size = size
        self.held = held
        """The held checkpoint that the submitted one contradicts, or does not provably extend."""
        self.shown = shown
        """The checkpoint that contradicts it, if that is not the submitted one."""
        self.kind = kind
        """`fork`: the log signed two trees of one size. `unproved`: no valid proof was shown. `shorter`: the
        newest checkpoint of the log has fewer events than one that was cosigned."""


class Cosigned(msgspec.Struct, frozen=True):
    """A checkpoint that was cosigned and is on the disk."""

    note: str
    line: str
    size: int
    restores: tuple[SeenRestore, ...] = ()
    """Restores that the witness learned with it: an alarm."""


def add_checkpoint(folder: WitnessFolder, shown: Submission) -> Cosigned:
    """Judge a checkpoint; cosign it, and store it before this returns.

    Raises:
        CosignRefusal: it is not cosigned. A contradiction is kept as evidence.
        NoWitness: the folder cannot be used.

    """
    with folder.locked():
        state = folder.read()
        try:
            content = judge(state, shown)
        except CosignRefusal as refusal:
            _keep(folder, state, refusal, shown)
            raise
        return _cosign(folder, state, shown.note, content)


def add_bundle(folder: WitnessFolder, bundle: Mapping[str, Any]) -> Cosigned:
    """Judge the checkpoint of a bundle by the proofs in it: the next one, or the first of a new epoch.

    Raises:
        CosignRefusal: it is not cosigned. A contradiction is kept as evidence.
        NoWitness: the folder cannot be used.

    """
    with folder.locked():
        state = folder.read()
        note = _text(bundle, "checkpoint")
        try:
            content, restores = _judge_bundle(state, bundle, note)
        except CosignRefusal as refusal:
            _keep(folder, state, refusal, Submission(state.size, (), note))
            raise
        except (KeyError, TypeError, ValueError, AttributeError):
            raise CosignRefusal(400, "not a bundle of proofs") from None
        return _cosign(folder, state, note, content, restores)


def _judge_bundle(
    state: WitnessState, bundle: Mapping[str, Any], note: str
) -> tuple[Note, tuple[SeenRestore, ...]]:
    content = signed(state, note)
    if 0 < state.epoch < (state.epoch_of(content.origin) or 0):
        return content, judge_restore(state, bundle, content)
    judge(state, Submission(state.size, _proof(state, bundle, content), note))
    return content, ()


def judge(state: WitnessState, shown: Submission) -> Note:
    """Check one checkpoint of the present epoch; the order of the checks is that of the protocol.

    Raises:
        CosignRefusal: it is not to be cosigned.

    """
    content = signed(state, shown.note)
    if shown.old > content.size or content.size == 0:
        raise CosignRefusal(400, "the old size is larger than the checkpoint, or the checkpoint is empty")
    _check_epoch(state, content)
    held = state.find(content)
    if held is not None and held.content.root != content.root:
        raise CosignRefusal(
            409,
            f"the log signed two different trees of {content.size} events",
            size=state.size,
            held=held.note,
            kind="fork",
        )
    if shown.old != state.size:
        raise CosignRefusal(409, f"the witness holds {state.size} events, not {shown.old}", size=state.size)
    newest = state.newest
    if newest is None:
        proved = not shown.proof
    else:
        proved = verify_consistency(
            shown.old, content.size, newest.content.root, content.root, list(shown.proof)
        )
    if not proved:
        raise CosignRefusal(
            422,
            f"the proof does not show that the checkpoint extends the {state.size} events of the witness",
            held=newest.note if newest else "",
            kind="unproved",
        )
    return content


def judge_restore(state: WitnessState, bundle: Mapping[str, Any], content: Note) -> tuple[SeenRestore, ...]:
    """Check the first checkpoint of a new epoch: the restore must be stated in its log, and proved.

    Raises:
        CosignRefusal: it is not to be cosigned.

    """
    wrong = offline_verifier.verify(dict(bundle), state.log)
    if wrong:
        raise CosignRefusal(422, wrong[0])
    epoch = state.epoch_of(content.origin)
    assert epoch is not None, "the caller looked at it"
    stated = [_stated(each, epoch) for each in bundle.get("restores", [])]
    restores = tuple(each for each in stated if each.first > state.size)
    if not restores:
        raise CosignRefusal(422, f"no event after the {state.size} of the witness states a restore")
    base = state.carried(min(each.kept for each in restores))
    if base is not None:
        _check_carried(bundle, base, content)
    return restores


def _check_carried(bundle: Mapping[str, Any], base: HeldCheckpoint, content: Note) -> None:
    """The new epoch must extend what the witness holds of the events that were kept.

    The restored database may have the events and not the checkpoint: then `held` has the proof by its size.
    """
    size, root = base.content.size, base.content.root
    older = [content_of(each["checkpoint"]) for each in bundle["older"]]
    if any((each.size, each.root) == (size, root) for each in older):
        return  # its proof is verified with the bundle
    held = bundle.get("held", {})
    if held.get("size") != size:
        text = (
            f"there is no proof that the log kept the {size} events before the restore: get"
            f" /v1/audit/consistency?from={size}&to={content.size}"
        )
        raise CosignRefusal(409, text, size=size)
    proof = [bytes.fromhex(part) for part in held["proof"]]
    if not verify_consistency(size, content.size, root, content.root, proof):
        raise CosignRefusal(
            422,
            f"the proof does not show that the log kept the {size} events before the restore",
            held=base.note,
            kind="unproved",
        )


def _stated(restore: Mapping[str, Any], epoch: int) -> SeenRestore:
    body = msgspec.json.decode(bytes.fromhex(restore["event"]["body"]))
    return SeenRestore(epoch, body["kept"], body["first"], body["published"], now())


def signed(state: WitnessState, note: str) -> Note:
    """The content of a checkpoint of this log, signed by one of its keys.

    Raises:
        CosignRefusal: it is not one.

    """
    try:
        content = content_of(note)
    except ValueError:
        raise CosignRefusal(400, "not a checkpoint") from None
    if state.epoch_of(content.origin) is None:
        raise CosignRefusal(404, "the witness does not know this log")
    try:
        return open_note(note, state.log)
    except BadNote:
        raise CosignRefusal(403, "no key of the log that the witness trusts signed it") from None


def _check_epoch(state: WitnessState, content: Note) -> None:
    epoch = state.epoch_of(content.origin)
    if state.epoch and epoch != state.epoch:
        what = (
            "this epoch of the log has ended"
            if (epoch or 0) < state.epoch
            else "a new epoch of the log: the event that states the restore must be shown (add-epoch)"
        )
        raise CosignRefusal(404, what)


def _proof(state: WitnessState, bundle: Mapping[str, Any], content: Note) -> tuple[bytes, ...]:
    """The proof in a bundle from the newest checkpoint that the witness holds."""
    if state.size in {0, content.size}:
        return ()
    if state.size > content.size:
        raise CosignRefusal(
            409,
            f"the witness holds {state.size} events, more than the checkpoint's {content.size}",
            size=state.size,
        )
    for older in bundle.get("older", []):
        shown = content_of(older["checkpoint"])
        if shown.size == state.size:
            newest = state.newest
            if newest is not None and shown.root != newest.content.root:
                _check_other(state, older["checkpoint"], newest)
            return tuple(bytes.fromhex(part) for part in older["proof"])
    raise CosignRefusal(
        409,
        f"the bundle has no proof from the {state.size} events of the witness to its checkpoint: get"
        f" /v1/audit/consistency?from={state.size}&to={content.size}",
        size=state.size,
    )


def _check_other(state: WitnessState, note: str, newest: HeldCheckpoint) -> None:
    """Refuse a bundle whose older checkpoint is another one than that which the witness holds."""
    signed(state, note)
    raise CosignRefusal(
        409,
        f"the log signed two different trees of {newest.content.size} events",
        size=state.size,
        held=newest.note,
        shown=note,
        kind="fork",
    )


def _text(bundle: Mapping[str, Any], name: str) -> str:
    value = bundle.get(name) if isinstance(bundle, Mapping) else None
    if not isinstance(value, str):
        raise CosignRefusal(400, "not a bundle")
    return value


def _keep(folder: WitnessFolder, state: WitnessState, refusal: CosignRefusal, shown: Submission) -> None:
    """Keep what was shown with the signatures of the log alone: others may have added lines to it."""
    if not refusal.kind:
        return
    note = refusal.shown or shown.note
    bare = "".join((text_of(note), "\n", *known_lines(note, state.log)))
    facts = {
        "what": refusal.text,
        "held": refusal.held,
        "shown": bare,
        "old": shown.old,
        "proof": [part.hex() for part in shown.proof],
    }
    folder.keep_evidence(refusal.kind, bare, facts)


def _cosign(
    folder: WitnessFolder, state: WitnessState, note: str, content: Note, restores: Sequence[SeenRestore] = ()
) -> Cosigned:
    """Sign, and give the signature away only when the checkpoint is on the disk."""
    at = now()
    line = folder.cosigner(state).cosign(note, at)
    whole = "".join((content.text, "\n", *known_lines(note, state.log), line))
    for each in restores:
        folder.keep_evidence(
            "restore", note, {"what": "a restore of the log's database", "restore": each, "shown": note}
        )
    epoch = state.epoch_of(content.origin)
    assert epoch is not None, "its signature was checked"
    folder.write(state.with_checkpoint(HeldCheckpoint(whole, at), epoch, tuple(restores)))
    return Cosigned(whole, line, content.size, tuple(restores))
