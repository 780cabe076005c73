"""Frames: a length, then a message. TCP keeps no borders between messages, so the length makes them.

Pure: bytes in, whole frames out, however the stream was cut.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

FRAME_BYTES: Final = 4096
"""Longest message of this profile; whatever announces more is not speaking our language."""


class Length(StrEnum):
    """How a frame says its message's length, the length itself not counted."""

    ASCII_4 = "four ASCII digits"
    BINARY_2 = "two bytes, big-endian"

    @property
    def width(self) -> int:
        """Bytes that the length takes."""
        return 4 if self is Length.ASCII_4 else 2


class FramingError(Exception):
    """The stream is not one of frames: from here on nothing in it can be trusted."""


def framed(message: bytes, length: Length) -> bytes:
    """A message with its length before it."""
    assert 0 < len(message) <= FRAME_BYTES, "no message of ours is so long"
    if length is Length.ASCII_4:
        return b"%04d%b" % (len(message), message)
    return len(message).to_bytes(2, "big") + message


@dataclass(slots=True)
class Framer:
    """Collects a stream, and gives the messages in it as they become whole."""

    length: Length
    _rest: bytearray = field(default_factory=bytearray, init=False)

    @property
    def half(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, without their lengths.

        Raises:
            FramingError: the length is none, zero, or larger than any message.

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
            raise FramingError("no length")
        if not 0 < size <= FRAME_BYTES:
            raise FramingError("no length of a message")
        return size


def unframed(frame: bytes, length: Length) -> bytes:
    """The message in exactly one frame.

    Raises:
        FramingError: less than a frame, more than one, or none.

    """
    framer = Framer(length)
    messages = framer.feed(frame)
    if len(messages) != 1 or framer.half:
        raise FramingError("not one frame")
    return messages[0]
