"""Verify an audit bundle without the switch. This one file and the `cryptography` package are all it needs.

    python offline_verifier.py BUNDLE.json KEY [KEY...] [--kept FILE] [--witness KEY]

Each KEY is a verifier key, `name+id+base64`, that you got from the operator separately from the bundle.
Prints each problem on one line and exits with 1, or prints what was proved and exits with 0.

What is proved: the newest checkpoint is signed by a key you trust; every event in the bundle is in the tree
of that checkpoint, at its place and unchanged; and the tree extends every older checkpoint in the bundle, so
nothing that was published before was changed, removed, inserted or reordered. Compare the older checkpoints
with those you kept: the texts of the notes, up to the empty line, must be identical.

Witnesses outside cosign checkpoints. `--witness` names the verifier key of one, which you got from that
witness; it can be repeated. The bundle must then have a checkpoint that it cosigned. Whoever has the key of
the log can sign a rewritten one, but not for the witness.

A database that was restored to an earlier instant begins a new epoch of the log. The bundle proves the event
that states it: which events are kept, and the last published checkpoint that is left out. `--kept` compares a
checkpoint that you kept, or a bundle, with this bundle: whether the log extends it, or a restore left it out.

To verify manually: an event is packed big-endian as sequence (8 bytes), number (8), time in microseconds
since 1970 (8), kind (2-byte length, UTF-8), change (4-byte length, bytes), body (4-byte length, bytes). Its
leaf is SHA-256(00 || event); an inner node is SHA-256(01 || left || right), as in RFC 9162, section 2.1.
"""

import base64
import json
import struct
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RESTORE = "RESTORE"
"""The kind of the event that states a restore."""


class Rejected(Exception):
    """A check of the bundle failed."""


def verify(bundle: dict[str, Any], keys: Sequence[str]) -> list[str]:
    """Verify a bundle and return all problems; empty if it is valid."""
    try:
        if bundle["format"] != "payswitch-audit-bundle/1":
            return ["the format is not payswitch-audit-bundle/1"]
        size, root = open_checkpoint(bundle["checkpoint"], keys)
    except Rejected as error:
        return [f"checkpoint: {error}"]
    except (KeyError, TypeError, ValueError):
        return ["the file is not a payswitch bundle, or a key is not a verifier key"]
    wrong = []
    for place, older in enumerate(bundle.get("older", []), 1):
        wrong += problem(f"older checkpoint {place}", check_older, older, size, root, keys)
    for place, restore in enumerate(bundle.get("restores", []), 1):
        wrong += problem(f"restore {place}", check_restore, restore, size, root)
    previous = 0
    for event in bundle.get("events", []):
        name = f"event {event.get('seq')}"
        wrong += problem(name, check_event, event, previous, size, root)
        previous = event.get("seq", previous)
    return wrong


def problem(name: str, check: Any, *arguments: Any) -> list[str]:
    """Run one check; return its problem, with the name of what was checked."""
    try:
        check(*arguments)
    except Rejected as error:
        return [f"{name}: {error}"]
    except (KeyError, TypeError, ValueError, struct.error) as error:
        return [f"{name}: unreadable ({type(error).__name__})"]
    return []


def check_older(older: dict[str, Any], size: int, root: bytes, keys: Sequence[str]) -> None:
    """An older checkpoint must be signed, and the newest must extend it."""
    first, first_root = open_checkpoint(older["checkpoint"], keys)
    proof = [bytes.fromhex(part) for part in older["proof"]]
    if not consistent(first, size, first_root, root, proof):
        raise Rejected("the newest checkpoint does not extend it")


def check_restore(restore: dict[str, Any], size: int, root: bytes) -> None:
    """The event of a restore must be in the tree, which must extend the tree of the events that it kept."""
    check_event(restore["event"], 0, size, root)
    stated = json.loads(bytes.fromhex(restore["event"]["body"]))
    proof = [bytes.fromhex(part) for part in restore["proof"]]
    if restore["event"]["kind"] != RESTORE or stated["first"] != restore["event"]["seq"]:
        raise Rejected("it is not the event of a restore")
    kept_root = bytes.fromhex(stated["root"])
    if stated["kept"] and not consistent(stated["kept"], size, kept_root, root, proof):
        raise Rejected("the newest checkpoint does not extend the events that it kept")


def compare_kept(kept: str, bundle: dict[str, Any], keys: Sequence[str]) -> tuple[int, str]:
    """Compare a checkpoint that a third party kept with a bundle that is valid; an exit code and a text."""
    try:
        size, _ = open_checkpoint(kept, keys)
    except (Rejected, ValueError) as error:
        return 1, f"WRONG  the kept checkpoint: {error}"
    if text_of(kept) in {text_of(note) for note in notes_of(bundle)}:
        return 0, f"proved: the log extends the kept checkpoint of {size} events"
    for restore in bundle.get("restores", []):
        stated = json.loads(bytes.fromhex(restore["event"]["body"]))
        if stated["kept"] < size < stated["first"]:
            at = datetime.fromtimestamp(restore["event"]["at"] / 1e6, UTC).isoformat(timespec="seconds")
            named = (
                " It is the checkpoint that the restore names."
                if text_of(stated["published"]) == text_of(kept)
                else ""
            )
            text = f"LEFT OUT  by the restore of {at}: events after {stated['kept']} of the kept checkpoint."
            return 3, text + named
    return 1, "WRONG  the bundle has no proof that the log extends the kept checkpoint"


def notes_of(bundle: dict[str, Any]) -> list[str]:
    """The newest checkpoint and the older ones, newest first."""
    return [bundle["checkpoint"], *(older["checkpoint"] for older in reversed(bundle["older"]))]


def text_of(note: str) -> str:
    """The signed part of a note."""
    return note.rpartition("\n\n")[0]


def witnessed(bundle: dict[str, Any], key: str) -> tuple[int, str]:
    """The largest checkpoint of a valid bundle that a witness cosigned; an exit code and a text."""
    name = key.split("+", maxsplit=1)[0]
    try:
        for note in notes_of(bundle):
            text = text_of(note) + "\n"
            for line in note.rpartition("\n\n")[2].splitlines():
                at = cosigned(text, line, key)
                if at is not None:
                    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
                    return 0, f"witnessed: {name} cosigned {text.splitlines()[1]} events at {when}"
    except (Rejected, ValueError, OverflowError):
        return 1, "WRONG  a key is not that of a witness"
    return 1, f"WRONG  {name} cosigned no checkpoint of this bundle"


def cosigned(text: str, line: str, key: str) -> int | None:
    """The time of a line that is a cosignature of the text by this witness; None if it is not one."""
    name, key_id, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded, validate=True)
    if public[:1] != b"\x04" or sha256(name.encode() + b"\n" + public).hexdigest()[:8] != key_id:
        raise Rejected("a key is not name+id+base64")
    prefix = f"\u2014 {name} "
    if not line.startswith(prefix):
        return None
    signature = base64.b64decode(line[len(prefix) :], validate=True)
    if signature[:4].hex() != key_id:
        return None
    at = int.from_bytes(signature[4:12], "big")
    try:
        message = f"cosignature/v1\ntime {at}\n{text}".encode()
        Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[12:], message)
    except InvalidSignature:
        return None
    return at


def check_event(event: dict[str, Any], previous: int, size: int, root: bytes) -> None:
    """An event must follow the one before, and be in the tree at its place."""
    seq = event["seq"]
    if seq <= previous:
        raise Rejected("out of order")
    proof = [bytes.fromhex(part) for part in event["proof"]]
    if not included(leaf_hash(event), seq - 1, size, proof, root):
        raise Rejected("not in the tree of the checkpoint")


def leaf_hash(event: dict[str, Any]) -> bytes:
    """The hash of an event as a leaf."""
    kind = event["kind"].encode()
    change, body = bytes.fromhex(event["change"]), bytes.fromhex(event["body"])
    packed = struct.pack(">QQqH", event["seq"], event["number"], event["at"], len(kind)) + kind
    packed += struct.pack(">I", len(change)) + change + struct.pack(">I", len(body)) + body
    return sha256(b"\x00" + packed).digest()


def open_checkpoint(note: str, keys: Sequence[str]) -> tuple[int, bytes]:
    """Get size and root of a note that is signed by one of the keys."""
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    if not any(signed(text, line, key) for line in signatures.splitlines() for key in keys):
        raise Rejected("it is not signed by a trusted key")
    _, size, root, _ = text.split("\n")
    return int(size), base64.b64decode(root, validate=True)


def signed(text: str, line: str, key: str) -> bool:
    """Whether a line is a signature of the text by this key."""
    name, key_id, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded, validate=True)
    if public[:1] != b"\x01" or sha256(name.encode() + b"\n" + public).hexdigest()[:8] != key_id:
        raise Rejected("a key is not name+id+base64")
    prefix = f"\u2014 {name} "
    if not line.startswith(prefix):
        return False
    signature = base64.b64decode(line[len(prefix) :], validate=True)
    if signature[:4].hex() != key_id:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], text.encode())
    except InvalidSignature:
        return False
    return True


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """RFC 9162, section 2.1.4.2."""
    if first == second:
        return not proof and first_root == second_root
    if not 0 < first < second or not proof:
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


def read_kept(file: str) -> str:
    """Read a checkpoint, or the newest one of a bundle."""
    text = Path(file).read_text(encoding="utf-8")
    return str(json.loads(text)["checkpoint"]) if text.lstrip().startswith("{") else text


def options(words: list[str], name: str) -> list[str]:
    """Take the values of an option out of the words."""
    found = []
    while name in words[:-1]:
        place = words.index(name)
        found.append(words[place + 1])
        del words[place : place + 2]
    return found


def main(arguments: Sequence[str]) -> int:
    """Verify the bundle named by the arguments. 3: it is valid, and a restore left out what was kept."""
    words = list(arguments)
    kept_file = next(iter(options(words, "--kept")), "")
    witnesses = options(words, "--witness")
    if len(words) < 2:  # noqa: PLR2004 - a bundle and a key
        sys.stderr.write(
            "usage: offline_verifier.py BUNDLE.json KEY [KEY...] [--kept FILE] [--witness KEY]\n"
        )
        return 2
    try:
        bundle = json.loads(Path(words[0]).read_text(encoding="utf-8"))
        kept = read_kept(kept_file) if kept_file else ""
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{words[0]}{f' or {kept_file}' * bool(kept_file)} cannot be read: {error}\n")
        return 2
    keys = words[1:]
    wrong = verify(bundle, keys)
    for line in wrong:
        sys.stdout.write(f"WRONG  {line}\n")
    if wrong:
        return 1
    events, older = len(bundle["events"]), len(bundle["older"])
    sys.stdout.write(f"proved: {events} events in the checkpoint, which extends {older} older ones\n")
    results = [witnessed(bundle, witness) for witness in witnesses]
    results += [compare_kept(kept, bundle, keys)] if kept else []
    for _, text in results:
        sys.stdout.write(f"{text}\n")
    return next((code for code, _ in sorted(results) if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
