"""What the writer decides for settlement and for people: windows, holds, accounts, events."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec

from ledger.books import Books
from ledger.books import Leg as BookLeg
from switch.commands import CloseAccount, CloseWindow, Hold, Leg, Record, Release, Reply

HELD: Final = "SETTLEMENT_HELD"
POSTED: Final = "SETTLEMENT_POSTED"
VOIDED: Final = "SETTLEMENT_VOIDED"
_encode = msgspec.json.Encoder(order="deterministic").encode


def _legs(legs: Iterable[Leg]) -> tuple[BookLeg, ...]:
    return tuple(BookLeg(leg.debit, leg.credit, leg.amount, leg.purpose) for leg in legs)


def _note(text: str) -> bytes:
    return _encode({"note": text})


def _hold(command: Hold, books: Books) -> Reply:
    decision = books.reserve(
        UUID(bytes=command.id),
        _legs(command.legs),
        fingerprint=command.fingerprint,
        kind=HELD,
        body=_note(command.note),
    )
    return Reply(decision.verdict, decision.number)


def _release(command: Release, books: Books) -> Reply:
    id_, body = UUID(bytes=command.id), _note(command.note)
    if command.outcome == "post":
        decision = books.post(id_, kind=POSTED, body=body)
    else:
        decision = books.void(id_, kind=VOIDED, body=body)
    return Reply(decision.verdict, decision.number)


def _close_window(command: CloseWindow, books: Books) -> Reply:
    if command.window and command.window != books.window(command.currency):
        return Reply("not_open", command.window)
    return Reply("closed", books.close_window(command.currency))


def _close_account(command: CloseAccount, books: Books) -> Reply:
    return Reply(books.close_account(command.account).verdict, command.account)


def _record(command: Record, books: Books) -> Reply:
    """Event 0 is about nothing of the ledger's own: what people do and decide."""
    return Reply("recorded", books.record(0, command.kind, command.body))


DECISIONS: Final[Mapping[type, Callable[[Any, Books], Reply]]] = MappingProxyType(
    {
        Hold: _hold,
        Release: _release,
        CloseWindow: _close_window,
        CloseAccount: _close_account,
        Record: _record,
    }
)
"""One decision a command."""
