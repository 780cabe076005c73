"""Length-prefixed frames over a stream, written once per turn of the event loop.

All frames of one turn are sent in one system call, which forms batches under load.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

_HEADER: Final = 4
FRAME_MAX: Final = 64 * 1024 * 1024
UNREAD_MAX: Final = 256 * 1024 * 1024


class FrameProtocol(asyncio.Protocol):
    """Calls `received` with the bytes of each whole frame, and `lost` once when the peer has disconnected."""

    def __init__(
        self,
        received: Callable[[bytes], None],
        lost: Callable[[], None],
        made: Callable[[], None] | None = None,
        *,
        frame_max: int = FRAME_MAX,
        whole_within_s: float | None = None,
    ) -> None:
        """`made` is called once connected. A frame too large, or not whole in time, ends the connection."""
        self._received = received
        self._lost = lost
        self._made = made
        self._frame_max = frame_max
        self._whole_within_s = whole_within_s
        self._buffer = bytearray()
        self._clock: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for writing."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport has no such base class
        if self._made is not None:
            self._made()

    def data_received(self, data: bytes) -> None:
        """Split the stream into frames."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEADER:
            length = int.from_bytes(buffer[start : start + _HEADER], "big")
            if length > self._frame_max:
                self.abort()
                return
            end = start + _HEADER + length
            if len(buffer) < end:
                break
            self._received(bytes(memoryview(buffer)[start + _HEADER : end]))
            start = end
        if start:
            del buffer[:start]
        if self._whole_within_s is not None:
            self._watch_rest(self._whole_within_s, began=start > 0)

    def _watch_rest(self, within_s: float, *, began: bool) -> None:
        """Bound the time from the first byte of a frame to its last."""
        if began or not self._buffer:
            self._stop_clock()
        if self._buffer and self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(within_s, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Notify the owner."""
        self._transport = None
        self._stop_clock()
        self._lost()

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def send(self, payload: bytes) -> None:
        """Write one frame; do nothing if the peer has disconnected: `lost` has notified the owner."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > UNREAD_MAX:
            self._transport.abort()  # a peer that stopped reading must not fill our memory
        else:
            self._transport.write(len(payload).to_bytes(_HEADER, "big") + payload)

    def about(self, name: str) -> Any:
        """Information about the connection, as of `asyncio.BaseTransport.get_extra_info`."""
        return self._transport.get_extra_info(name) if self._transport is not None else None

    def pause_reading(self) -> None:
        """Read no more for now: the peer waits, and our memory does not grow."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()
            self._stop_clock()  # a frame that we do not read is not the peer's delay

    def resume_reading(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()
            if self._whole_within_s is not None:
                self._watch_rest(self._whole_within_s, began=False)

    def close(self) -> None:
        """Close the connection, after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()
