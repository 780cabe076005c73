"""Decode changes from their canonical encoding (see `encoding`), to replay and check the log."""

from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple
from uuid import UUID

from ledger.encoding import PURPOSES, Tag

_LENGTH: Final = Struct(">I")
_SET: Final = Struct(">qQH")
_LEG: Final = Struct(">QQQB")
_TEXT: Final = Struct(">H")
_U64: Final = Struct(">Q")
_NO_CAP: Final = (1 << 64) - 1
_PURPOSES: Final = {code: purpose for purpose, code in PURPOSES.items()}


class UnreadableChange(ValueError):
    """The bytes are not a change."""


class SetChange(NamedTuple):
    """A set was reserved, moved or corrected; `expires` in microseconds and `corrects`, 0 for none."""

    tag: Tag
    id: UUID
    fingerprint: bytes
    expires: int
    corrects: int
    legs: tuple[tuple[int, int, int, str], ...]


class FailureChange(NamedTuple):
    """A refusal was recorded."""

    id: UUID
    fingerprint: bytes
    verdict: str


class ResolutionChange(NamedTuple):
    """A pending set was posted or voided."""

    tag: Tag


class AccountChange(NamedTuple):
    """An account was opened."""

    owner: str
    currency: str
    purpose: str
    cap: int | None


class CapChange(NamedTuple):
    """A cap was set."""

    cap: int | None


class ClosureChange(NamedTuple):
    """An account was closed."""


class WindowChange(NamedTuple):
    """A window was opened or closed."""

    tag: Tag
    currency: str


Change = (
    SetChange | FailureChange | ResolutionChange | AccountChange | CapChange | ClosureChange | WindowChange
)


def decode_change(change: bytes) -> Change:
    """Decode one change.

    Raises:
        Unreadable: the bytes are not a change, or continue after it.

    """
    reader = _Reader(change)
    try:
        decoded = _decode(reader)
    except (struct_error, ValueError, KeyError) as error:
        raise UnreadableChange("not a change") from error
    if reader.rest:
        raise UnreadableChange("bytes after the change")
    return decoded


def _decode(reader: "_Reader") -> Change:  # noqa: PLR0911 - one line a kind of change
    tag = Tag(reader.take(1))
    match tag:
        case Tag.RESERVED | Tag.MOVED | Tag.CORRECTED:
            return _decode_set(tag, reader)
        case Tag.FAILED:
            return FailureChange(UUID(bytes=reader.take(16)), reader.take_bytes(), reader.take_text())
        case Tag.POSTED | Tag.VOIDED:
            return ResolutionChange(tag)
        case Tag.ACCOUNT_OPENED:
            return AccountChange(
                reader.take_text(), reader.take_text(), reader.take_text(), reader.take_cap()
            )
        case Tag.CAP_SET:
            return CapChange(reader.take_cap())
        case Tag.ACCOUNT_CLOSED:
            return ClosureChange()
        case Tag.WINDOW_OPENED | Tag.WINDOW_CLOSED:
            return WindowChange(tag, reader.take_text())


def _decode_set(tag: Tag, reader: "_Reader") -> SetChange:
    id_, fingerprint = UUID(bytes=reader.take(16)), reader.take_bytes()
    expires, corrects, count = reader.unpack(_SET)
    legs = tuple(reader.take_leg() for _ in range(count))
    return SetChange(tag, id_, fingerprint, expires, corrects, legs)


class _Reader:
    """A position in the bytes."""

    __slots__ = ("_data", "_place")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def rest(self) -> int:
        """The number of remaining bytes."""
        return len(self._data) - self._place

    def take(self, count: int) -> bytes:
        if count > self.rest:
            raise UnreadableChange("cut short")
        taken = self._data[self._place : self._place + count]
        self._place += count
        return taken

    def unpack(self, layout: Struct) -> tuple[int, ...]:
        values: tuple[int, ...] = layout.unpack_from(self._data, self._place)
        self._place += layout.size
        return values

    def take_bytes(self) -> bytes:
        return self.take(self.unpack(_LENGTH)[0])

    def take_text(self) -> str:
        return self.take(self.unpack(_TEXT)[0]).decode()

    def take_cap(self) -> int | None:
        (cap,) = self.unpack(_U64)
        return None if cap == _NO_CAP else cap

    def take_leg(self) -> tuple[int, int, int, str]:
        debit, credit, amount, purpose = self.unpack(_LEG)
        return debit, credit, amount, _PURPOSES[purpose]
