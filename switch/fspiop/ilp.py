"""ILPv4: the packet that states the terms of a quote, its condition and its fulfilment.

The bridge makes all three, because no bank behind a national rail knows ILP. The fulfilment is an HMAC over
all other content of the packet under a secret of the bridge, and the condition is its SHA-256. So the bridge
recognises its own packets without keeping quotes, and nobody can fulfil a transfer before the bridge does.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

DESTINATION: Final = "g.payswitch"
_PREPARE: Final = 12
_INSTANT: Final = "%Y%m%d%H%M%S"
_INSTANT_LENGTH: Final = 17
_LONG: Final = 0x80
_AMOUNT_LENGTH: Final = 8
_HASH_LENGTH: Final = 32
_AMOUNT_MAX: Final = (1 << 64) - 1


class BadPacket(ValueError):
    """It is no ILPv4 packet, or none that this bridge made."""


@dataclass(frozen=True, slots=True)
class Packet:
    """An ILP Prepare. `terms` is the transaction object, as Mojaloop has it in the packet's data."""

    amount_minor: int
    expires_at: datetime
    condition: bytes
    destination: str
    data: bytes

    @property
    def terms(self) -> dict[str, Any]:
        """The transaction object.

        Raises:
            BadPacket: the data is something else.

        """
        try:
            terms = json.loads(_decode(self.data.decode("ascii")))
        except (ValueError, RecursionError):
            raise BadPacket("the data of the packet is no transaction object") from None
        if not isinstance(terms, dict):
            raise BadPacket("the data of the packet is no transaction object")
        return terms


def make(secret: bytes, terms: dict[str, Any], amount_minor: int, expires_at: datetime) -> str:
    """Make the packet of terms, in base64url without padding."""
    if not 0 < amount_minor <= _AMOUNT_MAX:
        raise BadPacket("the amount does not fit a packet")
    text = json.dumps(terms, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    data = _encode(text.encode()).encode("ascii")
    content = _covered(amount_minor, expires_at, DESTINATION, data)
    condition = hashlib.sha256(_fulfilment(secret, content)).digest()
    packet = Packet(amount_minor, expires_at, condition, DESTINATION, data)
    return _encode(bytes([_PREPARE]) + _octets(_content(packet)))


def own(secret: bytes, text: str) -> tuple[Packet, str]:
    """Read a packet that was made with this secret; get it and its fulfilment, in base64url.

    Raises:
        BadPacket: it was not.

    """
    packet = read(text)
    content = _covered(packet.amount_minor, packet.expires_at, packet.destination, packet.data)
    fulfilment = _fulfilment(secret, content)
    if not hmac.compare_digest(hashlib.sha256(fulfilment).digest(), packet.condition):
        raise BadPacket("the packet is none of this bridge: ask for a quote, and send its packet unchanged")
    return packet, _encode(fulfilment)


def read(text: str) -> Packet:
    """Read any ILP Prepare.

    Raises:
        BadPacket: it is none.

    """
    try:
        octets = _decode(text)
        if octets[0] != _PREPARE:
            raise BadPacket("the packet is not an ILP Prepare")
        content, rest = _take_octets(octets[1:])
        amount, content = content[:_AMOUNT_LENGTH], content[_AMOUNT_LENGTH:]
        instant, content = content[:_INSTANT_LENGTH].decode("ascii"), content[_INSTANT_LENGTH:]
        condition, content = content[:_HASH_LENGTH], content[_HASH_LENGTH:]
        destination, content = _take_octets(content)
        data, left = _take_octets(content)
        if rest or left or len(condition) != _HASH_LENGTH:
            raise BadPacket("the packet has a wrong length")
        expires_at = datetime.strptime(instant[:-3], _INSTANT).replace(
            microsecond=int(instant[-3:]) * 1000, tzinfo=UTC
        )
        return Packet(int.from_bytes(amount, "big"), expires_at, condition, destination.decode("ascii"), data)
    except (ValueError, IndexError) as error:
        raise error if isinstance(error, BadPacket) else BadPacket("the packet is not ILPv4") from None


def condition_of(fulfilment: str) -> str:
    """The condition that a fulfilment meets, both in base64url."""
    return _encode(hashlib.sha256(_decode(fulfilment)).digest())


def _fulfilment(secret: bytes, content: bytes) -> bytes:
    return hmac.new(secret, b"payswitch fspiop fulfilment\n" + content, hashlib.sha256).digest()


def _covered(amount_minor: int, expires_at: datetime, destination: str, data: bytes) -> bytes:
    return _content(Packet(amount_minor, expires_at, bytes(_HASH_LENGTH), destination, data))


def _content(packet: Packet) -> bytes:
    instant = packet.expires_at.astimezone(UTC)
    return b"".join(
        (
            packet.amount_minor.to_bytes(_AMOUNT_LENGTH, "big"),
            f"{instant.strftime(_INSTANT)}{instant.microsecond // 1000:03}".encode("ascii"),
            packet.condition,
            _octets(packet.destination.encode("ascii")),
            _octets(packet.data),
        )
    )


def _octets(content: bytes) -> bytes:
    """A string of octets with its length, in OER."""
    if len(content) < _LONG:
        return bytes([len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([_LONG | len(length)]) + length + content


def _take_octets(octets: bytes) -> tuple[bytes, bytes]:
    length, start = octets[0], 1
    if length >= _LONG:
        start += length - _LONG
        length = int.from_bytes(octets[1:start], "big")
    end = start + length
    if len(octets) < end:
        raise BadPacket("the packet is cut")
    return octets[start:end], octets[end:]


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    try:
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
