"""What is shown to a witness: the body of `add-checkpoint`, a bundle of proofs, or a checkpoint alone."""

import base64
import json
import re
from typing import Any, Final

from ledger.signing import BadNote, text_of
from switch.witness.judging import PROOF_MAX, CosignRefusal, Submission

_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")
_HASH_BYTES: Final = 32
_SHOWN_MAX: Final = 300


def encode(shown: Submission) -> bytes:
    """The body of `add-checkpoint`."""
    proof = "".join(f"{base64.b64encode(part).decode()}\n" for part in shown.proof)
    return f"old {shown.old}\n{proof}\n{shown.note}".encode()


def decode(body: bytes) -> Submission:
    """Read the body of `add-checkpoint`.

    Raises:
        CosignRefusal: it is malformed.

    """
    head, separator, note = _decoded(body).partition("\n\n")
    old, *lines = head.split("\n")
    matched = _OLD.fullmatch(old)
    if not separator or matched is None or len(lines) > PROOF_MAX:
        raise CosignRefusal(
            400, f"an old size, at most {PROOF_MAX} hashes, an empty line and a checkpoint are required"
        )
    return Submission(int(matched[1]), tuple(map(_hash, lines)), note)


def read_file(octets: bytes) -> Submission | dict[str, Any]:
    """Read a file for `check`: a bundle, a body of `add-checkpoint`, or a checkpoint alone.

    Raises:
        CosignRefusal: it is none of them.

    """
    text = _decoded(octets)
    if text.lstrip().startswith("{"):
        try:
            bundle: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError):
            raise CosignRefusal(400, "not a bundle: it is not JSON") from None
        if "checkpoint" not in bundle and isinstance(said := bundle.get("detail"), str):
            shown = "".join(filter(str.isprintable, said[:_SHOWN_MAX]))
            raise CosignRefusal(400, f"not a bundle: the switch answered: {shown}")
        return bundle
    if text.startswith("old "):
        return decode(octets)
    try:
        text_of(text)
    except BadNote:
        raise CosignRefusal(400, "not a checkpoint, a bundle, or a body of add-checkpoint") from None
    return {"checkpoint": text, "older": []}


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise CosignRefusal(400, "not UTF-8") from None


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except ValueError:
        found = b""
    if len(found) != _HASH_BYTES or base64.b64encode(found).decode() != line:
        raise CosignRefusal(400, "a line of the proof is not a hash in base64")
    return found
