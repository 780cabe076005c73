"""Frames: a length, then a message. TCP has no message boundaries, so each message is preceded by its length.

Pure: bytes in, complete frames out, however the stream was split.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

FRAME_BYTES: Final = 4096
"""The longest message of this profile; a stream that announces more is not in this format."""


class Length(StrEnum):
    """The format of a message's length; the length field itself is not counted."""

    ASCII_4 = "four ASCII digits"
    BINARY_2 = "two bytes, big-endian"

    @property
    def width(self) -> int:
        """The size of the length field in bytes."""
        return 4 if self is Length.ASCII_4 else 2


class FramingError(Exception):
    """The stream does not consist of frames: nothing after this point can be trusted."""


def framed(message: bytes, length: Length) -> bytes:
    """A message with its length in front."""
    assert 0 < len(message) <= FRAME_BYTES, "the message is too long"
    if length is Length.ASCII_4:
        return b"%04d%b" % (len(message), message)
    return len(message).to_bytes(2, "big") + message


@dataclass(slots=True)
class Framer:
    """Collects a stream and returns its messages as they become complete."""

    length: Length
    _rest: bytearray = field(default_factory=bytearray, init=False)

    @property
    def half(self) -> bool:
        """Whether a message has started and is incomplete."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, without their lengths.

        Raises:
            FramingError: the length is missing, zero, or larger than any message.

        """
        self._rest += data
        width, messages = self.length.width, []
        while len(self._rest) >= width:
            size = self._size(bytes(self._rest[:width]))
            if len(self._rest) < width + size:
                break
            messages.append(bytes(self._rest[width : width + size]))
            del self._rest[: width + size]
        return messages

    def _size(self, head: bytes) -> int:
        if self.length is Length.BINARY_2:
            size = int.from_bytes(head, "big")
        elif head.isdigit():
            size = int(head)
        else:
            raise FramingError("not a length")
        if not 0 < size <= FRAME_BYTES:
            raise FramingError("not a possible length of a message")
        return size


def unframed(frame: bytes, length: Length) -> bytes:
    """The message in exactly one frame.

    Raises:
        FramingError: less or more than one frame, or none.

    """
    framer = Framer(length)
    messages = framer.feed(frame)
    if len(messages) != 1 or framer.half:
        raise FramingError("not exactly one frame")
    return messages[0]
