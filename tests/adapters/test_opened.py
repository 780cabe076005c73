"""A message that is no request of the rail is read again as an answer, and its signature is verified once."""

from collections.abc import Callable

import pytest

from adapters.opened import LastOpened
from schemas.errors import NotAuthentic


def opening(opened: list[bytes]) -> Callable[[bytes], list[bytes]]:
    def open_(raw: bytes) -> list[bytes]:
        if b"forged" in raw:
            raise NotAuthentic("not signed by the rail")
        opened.append(raw)
        return [raw]

    return open_


def test_the_same_message_is_opened_once_and_another_one_again() -> None:
    opened: list[bytes] = []
    last: LastOpened[list[bytes]] = LastOpened()
    first, second = b"first message", b"second message"

    assert last.of(first, opening(opened)) is last.of(first, opening(opened))
    assert last.of(second, opening(opened)) == [second]
    assert last.of(first, opening(opened)) == [first]
    assert opened == [first, second, first]


def test_what_cannot_be_opened_fails_each_time_and_is_not_kept() -> None:
    opened: list[bytes] = []
    last: LastOpened[list[bytes]] = LastOpened()
    forged = b"forged message"

    for _ in range(2):
        with pytest.raises(NotAuthentic):
            last.of(forged, opening(opened))
    assert last.of(b"true message", opening(opened)) == [b"true message"]


def test_bytes_that_are_equal_but_another_message_are_opened_again() -> None:
    """Only the message that was just read is known again, so nothing of an earlier exchange is believed."""
    opened: list[bytes] = []
    last: LastOpened[list[bytes]] = LastOpened()
    raw = b"a message"

    last.of(raw, opening(opened))
    last.of(bytes(bytearray(raw)), opening(opened))

    assert len(opened) == 2
