"""The canonical encoding of an event, whose hash is a leaf of the audit tree.

All integers are big-endian. `text` is a 2-byte length and UTF-8; `bytes` is a 4-byte length and the bytes;
an amount, account, number or sequence is 8 bytes unsigned, a time 8 bytes signed (microseconds since 1970,
UTC), `0` for none.

    event    = sequence, number, time, text kind, bytes change, bytes body
    leaf     = SHA-256(00 || event)                                              RFC 9162, section 2.1.1

    change   = nothing, if the event is one of the switch
             | "R" set      reserved: pending on both sides
             | "M" set      moved: posted at once
             | "C" set      corrected: posted at once, the reverse of the set `corrects`
             | "F" id, bytes fingerprint, text verdict                           refused, recorded
             | "P"          posted: the whole pending set `number`
             | "V"          voided: the whole pending set `number`
             | "A" text owner, text currency, text purpose, cap                  account opened
             | "L" cap      cap of account `number` set
             | "X"          account `number` closed
             | "W" text currency                                                 window opened
             | "w" text currency                                                 window `number` closed
    set      = id (16 bytes), bytes fingerprint, expires, corrects, 2-byte count, legs
    leg      = debit, credit, amount, 1-byte purpose
    cap      = 8 bytes unsigned, all ones for none
"""

import functools
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import sha256
from struct import Struct
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PURPOSES: Final = {
    "principal": 1,
    "conversion": 2,
    "fee": 3,
    "funding": 4,
    "settlement": 5,
    "correction": 6,
}
"""The purpose of a leg, and its byte in the encoding."""

_HEADER = Struct(">QQq")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_LENGTH = Struct(">I")
_SET = Struct(">qQH")
_LEG = Struct(">QQQB")
_TEXT = Struct(">H")
_U64 = Struct(">Q")
_NO_CAP: Final = (1 << 64) - 1
_LEAF: Final = sha256(b"\x00")


class Tag(bytes, Enum):
    """The first byte of a change."""

    RESERVED = b"R"
    MOVED = b"M"
    CORRECTED = b"C"
    FAILED = b"F"
    POSTED = b"P"
    VOIDED = b"V"
    ACCOUNT_OPENED = b"A"
    CAP_SET = b"L"
    ACCOUNT_CLOSED = b"X"
    WINDOW_OPENED = b"W"
    WINDOW_CLOSED = b"w"


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def leaf_hash(event: bytes) -> bytes:
    """The RFC 9162 leaf hash of an encoded event."""
    return sha256(b"\x00" + event).digest()


def encode_event(  # noqa: PLR0917 - one argument per field
    sequence: int, number: int, at: int, kind: str, change: bytes, body: bytes
) -> bytes:
    """Encode one event; `at` in microseconds since 1970."""
    header = _HEADER.pack(sequence, number, at)
    sizes = _LENGTH.pack(len(change)), _LENGTH.pack(len(body))
    return b"".join((header, encode_kind(kind), sizes[0], change, sizes[1], body))


def leaf_hashes(first: int, at: int, events: Iterable[tuple[int, bytes, bytes, bytes]]) -> list[bytes]:
    """`leaf_hash(encode_event(...))` of consecutive events from `first`, all with the same time.

    An event is number, encoded kind, change and body. One loop: a batch has hundreds of them.
    """
    header, size, join, begun = _HEADER.pack, _LENGTH.pack, b"".join, _LEAF.copy
    leaves = []
    for seq, (number, kind, change, body) in enumerate(events, first):
        leaf = begun()  # a copy of a started hash costs half as much as a new one
        leaf.update(join((header(seq, number, at), kind, size(len(change)), change, size(len(body)), body)))
        leaves.append(leaf.digest())
    return leaves


@functools.lru_cache(maxsize=1024)
def encode_kind(kind: str) -> bytes:
    """Encode the kind of an event: one plain word (letters, digits, `_`, `.` and `-`).

    Raises:
        ValueError: anything else.

    """
    if _KIND.fullmatch(kind) is None:
        raise ValueError("the kind of an event is one plain word")
    return _text(kind)


def encode_set(  # noqa: PLR0917 - one argument per field
    tag: Tag,
    id_: bytes,
    fingerprint: bytes,
    expires: int,
    corrects: int,
    legs: Sequence[tuple[int, int, int, str]],
) -> bytes:
    """Encode a reserved, moved or corrected set; `expires` in microseconds, `corrects` a number."""
    head = tag, id_, _LENGTH.pack(len(fingerprint)), fingerprint, _SET.pack(expires, corrects, len(legs))
    pack = _LEG.pack
    return b"".join(head) + b"".join([pack(leg[0], leg[1], leg[2], PURPOSES[leg[3]]) for leg in legs])


def encode_failure(id_: bytes, fingerprint: bytes, verdict: str) -> bytes:
    """Encode a recorded refusal."""
    return b"".join((Tag.FAILED, id_, _LENGTH.pack(len(fingerprint)), fingerprint, _text(verdict)))


def encode_account(owner: str, currency: str, purpose: str, cap: int | None) -> bytes:
    """Encode the opening of an account."""
    return b"".join((Tag.ACCOUNT_OPENED, _text(owner), _text(currency), _text(purpose), _cap(cap)))


def encode_cap(cap: int | None) -> bytes:
    """Encode the setting of a cap."""
    return b"".join((Tag.CAP_SET, _cap(cap)))


def encode_window(tag: Tag, currency: str) -> bytes:
    """Encode the opening or closing of a window."""
    return b"".join((tag, _text(currency)))


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _TEXT.pack(len(encoded)) + encoded


def _cap(cap: int | None) -> bytes:
    return _U64.pack(_NO_CAP if cap is None else cap)
