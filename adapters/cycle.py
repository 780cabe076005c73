"""The end-of-cycle file: the rail's own list of what it did in one day of its clock.

No rail here publishes its file, so this is a documented profile of our own, in the family that clearing
systems use: lines of comma-separated values, a header, a line an order, a trailer with count and control
sum, and the rail's signature (RSASSA-PKCS1-v1_5 with SHA-256, base64) over all that stands before it.

    CYCLE,1,KZ,2026-11-23,KZT
    ORDER,1f0c...,7a6b6c1e-...,DONE,,150000
    ORDER,9d31...,0b53ae55-...,REFUSED,AC04,20000
    TOTAL,2,150000
    SIGNATURE,qk3v...

Amounts are minor units; the control sum is that of the orders DONE. A file is read whole or not at all.
"""

import base64
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.http import HttpClient, HttpFailure
from adapters.port import Answer, Outcome
from adapters.profile import RailProfile
from schemas.errors import Unavailable
from schemas.money import Money

PATH: Final = "/cycles/"
VERSION: Final = "1"
FILE_S: Final = 60.0
"""For a whole file; it is no order, so no time-out of orders is meant for it."""
FILE_BYTES: Final = 64 * 1024 * 1024
_OK: Final = 200
_SIGNATURE: Final = b"SIGNATURE,"
_OUTCOMES: Final = {"DONE": Outcome.DONE, "REFUSED": Outcome.REFUSED}


@dataclass(frozen=True, slots=True)
class CycleLine:
    """One order of a cycle; `code` is the rail's own, empty when done."""

    ref: str
    uetr: str
    done: bool
    code: str
    amount_minor: int


class CycleFileError(Exception):
    """Not a whole file of this rail and cycle, signed by it."""


def write(profile: RailProfile, cycle: str, lines: Iterable[CycleLine], key: RSAPrivateKey) -> bytes:
    """The file of a cycle, as the rail signs it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["CYCLE", VERSION, profile.country, cycle, profile.currency])
    count = total = 0
    for line in lines:
        rows.writerow(
            ["ORDER", line.ref, line.uetr, "DONE" if line.done else "REFUSED", line.code, line.amount_minor]
        )
        count += 1
        total += line.amount_minor if line.done else 0
    rows.writerow(["TOTAL", count, total])
    content = text.getvalue().encode()
    signature = base64.b64encode(key.sign(content, PKCS1v15(), SHA256()))
    return content + _SIGNATURE + signature + b"\n"


def read(raw: bytes, profile: RailProfile, cycle: str, rail_key: RSAPublicKey) -> list[CycleLine]:
    """The orders of a cycle's file.

    Raises:
        Unreadable: broken, incomplete, of another rail or cycle, or not signed by the rail.

    """
    content, mark, signature = raw.rpartition(_SIGNATURE)
    try:
        rail_key.verify(base64.b64decode(signature.strip(), validate=True), content, PKCS1v15(), SHA256())
        header, *orders, trailer = csv.reader(io.StringIO(content.decode()), strict=True)
        lines = [_line(row) for row in orders]
    except (InvalidSignature, ValueError, csv.Error) as error:
        raise CycleFileError(type(error).__name__) from None
    if not mark or header != ["CYCLE", VERSION, profile.country, cycle, profile.currency]:
        raise CycleFileError("header")
    if trailer != ["TOTAL", str(len(lines)), str(sum(line.amount_minor for line in lines if line.done))]:
        raise CycleFileError("trailer")
    return lines


def answers(
    lines: Iterable[CycleLine], profile: RailProfile, reason_of: Callable[[str], str | None]
) -> list[Answer]:
    """The lines in the port's words; `reason_of` gives the ISO reason of the rail's code."""
    return [
        Answer(
            line.ref,
            Outcome.DONE if line.done else Outcome.REFUSED,
            uetr=line.uetr,
            rail_code=line.code or None,
            reason=None if line.done else reason_of(line.code),
            amount=Money(line.amount_minor, profile.currency) if line.done else None,
        )
        for line in lines
    ]


async def fetch(
    http: HttpClient,
    profile: RailProfile,
    rail_key: RSAPublicKey,
    cycle: str,
    reason_of: Callable[[str], str | None],
) -> AsyncIterator[Answer]:
    """Get and read the file of a cycle over the rail's own channel.

    Raises:
        Unavailable: the rail has no such file, does not answer, or what it gave cannot be read as a whole.

    """
    reply = await http.request("GET", PATH + cycle, answer_bytes=FILE_BYTES, total_s=FILE_S)
    if isinstance(reply, HttpFailure) or reply.status != _OK:
        raise Unavailable(f"the rail gave no file of cycle {cycle}")
    try:
        lines = read(reply.body, profile, cycle, rail_key)
    except CycleFileError as error:
        raise Unavailable(f"the file of cycle {cycle} cannot be read: {error}") from None
    for answer in answers(lines, profile, reason_of):
        yield answer


def _line(row: list[str]) -> CycleLine:
    kind, ref, uetr, outcome, code, amount = row
    if kind != "ORDER" or outcome not in _OUTCOMES or not (amount.isascii() and amount.isdigit()):
        raise ValueError(kind)
    return CycleLine(ref, uetr, _OUTCOMES[outcome] is Outcome.DONE, code, int(amount))
