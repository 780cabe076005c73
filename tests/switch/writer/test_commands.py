"""Commands that an intruder sends instead: refused when they are read, before anything is decided."""

from typing import Any

import msgspec
import pytest

from switch.writer.commands import (
    NO_TERMS,
    Accept,
    Advance,
    Claim,
    CommandLeg,
    DecideScreening,
    Fund,
    HoldAgain,
    HoldForScreening,
    Identity,
    Record,
    Refuse,
    SetCap,
    read_command,
)
from switch.writer.lifecycle import Event

UETR, FINGERPRINT = b"u" * 16, b"f" * 32
IDENTITY = Identity(UETR, FINGERPRINT, "asha-bank", "pacs.008.001.08", "m", b"sealed", 1)
LEGS = [CommandLeg(1, 2, 100, "principal")]
HONEST = Accept(
    IDENTITY,
    NO_TERMS,
    LEGS,
    "ref",
    b"native",
    1,
    1,
    1,
    hold=False,
    notes=[("a path", "a text")],
    claims=[Claim("message_id", b"k" * 16, 1)],
)

HOLD = HoldForScreening.of(HONEST, lasts=1, lists=1, hits=b"hits", hit_count=1)


def but(command: Any = HONEST, **changed: Any) -> Any:
    return msgspec.structs.replace(command, **changed)


def identity(**changed: Any) -> Any:
    return but(identity=but(IDENTITY, **changed))


HOSTILE = {
    "NUL in the sender": identity(sender="a\0b"),
    "NUL in the message id": identity(message_id="a\0b"),
    "NUL in the rail's reference": but(native_ref="\0"),
    "NUL in the rail": but(terms=but(NO_TERMS, rail="IN\0")),
    "NUL in a note": but(notes=[("a path", "\0")]),
    "NUL in the detail of a refusal": Refuse(IDENTITY, "AC01", "\0"),
    "an id too long for an index": identity(message_id="m" * 3000),
    "a short UETR": identity(uetr=b"u" * 15),
    "a long UETR": Advance(UETR + b"u", Event.CONFIRM),
    "an id of a change that is none": SetCap(1, None, b"order", 1),
    "a line that is none": Fund(UETR, FINGERPRINT, LEGS, "", line=b"line"),
    "a long fingerprint": identity(fingerprint=b"f" * 300),
    "a claim without end": but(claims=[Claim("message_id", b"k" * 16, 2**63 - 1)]),
    "a claim of another size": but(claims=[Claim("message_id", b"k", 1)]),
    "an instant before all time": identity(received_at=-1),
    "an instant after all time": but(expires_at=2**63 - 1),
    "an amount beyond 64 bits": Refuse(IDENTITY, "AC01", "", but(NO_TERMS, debit_minor=2**64 - 1)),
    "amounts whose sum is beyond 64 bits": Refuse(IDENTITY, "AC01", "", but(NO_TERMS, fee_minor=2**63 - 1)),
    "an account beyond 64 bits": but(legs=[CommandLeg(2**64 - 1, 2, 100, "principal")]),
    "a hold for ever": but(HOLD, lasts=2**62),
    "as many hits as no column has": but(HOLD, hit_count=2**31),
    "a decision of another word": DecideScreening(UETR, 1, "keep"),  # type: ignore[arg-type]
    "a decision under an id that is none": DecideScreening(UETR, 1, "release", b"order"),
    "an event that is no text": Record("PAGE_READ", b"\xff\xfe"),
    "an event that is no object": Record("PAGE_READ", b"[]"),
    "NUL in an event": Record("PAGE_READ", b'{"page":"\\u0000"}'),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_field_that_the_database_cannot_take_is_refused_when_it_is_read(what: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_command(msgspec.msgpack.encode(HOSTILE[what]))


@pytest.mark.parametrize(
    "honest",
    [
        HONEST,
        SetCap(1, None, b"o" * 16, 1),
        SetCap(1, 5),
        Fund(UETR, FINGERPRINT, LEGS, "", line=b"l" * 16),
        Record("PAGE_READ", b'{"page":"/"}'),
        HOLD,
        HoldAgain(IDENTITY, 7, 1, b"hits", 1),
        DecideScreening(UETR, 1, "release", b"o" * 16, 1),
    ],
)
def test_what_is_sent_otherwise_is_read(honest: Any) -> None:
    assert read_command(msgspec.msgpack.encode(honest)) == honest
