"""The end-of-cycle file: the rail's own list of what it executed in one day of its clock.

No rail here publishes its format, so this is our own documented profile, similar to the files of clearing
systems: comma-separated values with a header, one line for each order, a trailer with the count and the
control sum, and the rail's signature (RSASSA-PKCS1-v1_5 with SHA-256, base64) over everything before it.

    CYCLE,1,KZ,2026-11-23,KZT
    ORDER,1f0c...,7a6b6c1e-...,DONE,,150000
    ORDER,9d31...,0b53ae55-...,REFUSED,AC04,20000
    TOTAL,2,150000
    SIGNATURE,qk3v...

Amounts are minor units; the control sum covers the orders DONE. A file is read as a whole or not at all.
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
"""Time-out for a whole file; the time-outs of orders do not apply."""
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
    """Not a complete file of this rail and cycle, or not signed by the rail."""


def write(profile: RailProfile, cycle: str, lines: Iterable[CycleLine], key: RSAPrivateKey) -> bytes:
    """The file of a cycle, signed by the rail."""
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
    """Parse the orders of a cycle's file.

    Raises:
        CycleFileError: broken, incomplete, of another rail or cycle, or not signed by the rail.

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
    """The lines as answers of the port; `reason_of` returns the ISO reason for the rail's code."""
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
    """Fetch and parse the file of a cycle over the rail's own channel.

    Raises:
        Unavailable: the rail has no such file, does not respond, or the file cannot be read as a whole.

    """
    reply = await http.request("GET", PATH + cycle, answer_bytes=FILE_BYTES, total_s=FILE_S)
    if isinstance(reply, HttpFailure) or reply.status != _OK:
        raise Unavailable(f"the rail returned no file of cycle {cycle}")
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
