"""Length-prefixed frames over the local socket, written once per turn of the event loop.

All frames of one turn are sent in one system call, which forms batches under load.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

_HEADER: Final = 4
FRAME_MAX: Final = 64 * 1024 * 1024
UNREAD_MAX: Final = 256 * 1024 * 1024


class FrameProtocol(asyncio.Protocol):
    """Calls `received` with the bytes of each whole frame, and `lost` once when the peer has disconnected."""

    def __init__(self, received: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._received = received
        self._lost = lost
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for writing."""
        self._transport = cast(
            "asyncio.WriteTransport", transport
        )  # uvloop's transport has no such base class

    def data_received(self, data: bytes) -> None:
        """Split the stream into frames."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEADER:
            length = int.from_bytes(buffer[start : start + _HEADER], "big")
            if length > FRAME_MAX:
                raise ValueError("frame too large")
            end = start + _HEADER + length
            if len(buffer) < end:
                break
            self._received(bytes(memoryview(buffer)[start + _HEADER : end]))
            start = end
        if start:
            del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Notify the owner."""
        self._transport = None
        self._lost()

    def send(self, payload: bytes) -> None:
        """Write one frame; do nothing if the peer has disconnected: `lost` has notified the owner."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > UNREAD_MAX:
            self._transport.abort()  # a peer that stopped reading must not fill our memory
        else:
            self._transport.write(len(payload).to_bytes(_HEADER, "big") + payload)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()
