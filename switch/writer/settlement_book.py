"""What the writer decides for settlement and for people: windows, holds, accounts, events."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec

from ledger.books import Books, Verdict
from ledger.books import Leg as BookLeg
from switch.writer.commands import CloseAccounts, CloseWindow, Hold, Leg, Record, Release, Reply

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
    return Reply(decision.verdict, decision.number, decision.state or "")


def _release(command: Release, books: Books) -> Reply:
    id_, body = UUID(bytes=command.id), _note(command.note)
    if command.outcome == "post":
        decision = books.post(id_, kind=POSTED, body=body)
    else:
        decision = books.void(id_, kind=VOIDED, body=body)
        if decision.verdict is Verdict.TRANSFER_NOT_FOUND:
            # Its `Hold` may still be on its way: who is told that nothing is held must be right for ever.
            decision = books.fail(id_, fingerprint=hashlib.sha256(command.id).digest(), body=body)
    return Reply(decision.verdict, decision.number)


def _close_window(command: CloseWindow, books: Books) -> Reply:
    if command.window and command.window != books.window(command.currency):
        return Reply("not_open", command.window)
    return Reply("closed", books.close_window(command.currency))


def _close_accounts(command: CloseAccounts, books: Books) -> Reply:
    for number in command.accounts:
        account = books.account(number)
        if account is None:
            return Reply(Verdict.ACCOUNT_NOT_FOUND, number)
        if not account.empty:
            return Reply(Verdict.ACCOUNT_NOT_EMPTY, number)
    # Past this line every account must be closed.
    for number in command.accounts:
        verdict = books.close_account(number).verdict
        assert verdict in {Verdict.CLOSED, Verdict.ACCOUNT_CLOSED}, verdict
    return Reply(Verdict.CLOSED)


def _record(command: Record, books: Books) -> Reply:
    """Event 0 is about nothing of the ledger's own: what people do and decide."""
    return Reply("recorded", books.record(0, command.kind, command.body))


DECISIONS: Final[Mapping[type, Callable[[Any, Books], Reply]]] = MappingProxyType(
    {
        Hold: _hold,
        Release: _release,
        CloseWindow: _close_window,
        CloseAccounts: _close_accounts,
        Record: _record,
    }
)
"""One decision a command."""
