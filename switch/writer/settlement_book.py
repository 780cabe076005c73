"""The writer's decisions for settlement and for people: funds, windows, holds, accounts, events."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from ledger.books import Books, LedgerVerdict
from ledger.books import Leg as BookLeg
from ledger.writer import Footprint
from switch.writer import event_bodies
from switch.writer.commands import (
    CloseAccounts,
    CloseWindow,
    CommandLeg,
    Fund,
    Hold,
    OpenAccount,
    Ping,
    Record,
    Release,
    Reply,
    SetCap,
)
from switch.writer.decided_once import Orders
from switch.writer.event_kinds import EventKind
from switch.writer.parts import BatchPart, Handler
from switch.writer.verdicts import OF_LEDGER, Verdict


def book_legs(legs: Iterable[CommandLeg]) -> tuple[BookLeg, ...]:
    """Convert legs to the ledger's type."""
    return tuple(BookLeg(leg.debit, leg.credit, leg.amount, leg.purpose) for leg in legs)


def _note(text: str) -> bytes:
    return event_bodies.encode({"note": text})


def _of_change(change: int, **facts: object) -> bytes:
    """Body of an event that follows from a change."""
    return event_bodies.encode({**facts, "change": change})


def _line_facts(command: Fund) -> dict[str, str]:
    return {"line": command.line.hex()} if command.line else {}


def _fund(command: Fund, books: Books) -> Reply:
    decision = books.move(
        UUID(bytes=command.id),
        book_legs(command.legs),
        fingerprint=command.fingerprint,
        kind=EventKind.FUND,
        body=_of_change(command.change, note=command.note, **_line_facts(command)),
    )
    return Reply(OF_LEDGER[decision.verdict], decision.number)


def _hold(command: Hold, books: Books) -> Reply:
    decision = books.reserve(
        UUID(bytes=command.id),
        book_legs(command.legs),
        fingerprint=command.fingerprint,
        kind=EventKind.SETTLEMENT_HELD,
        body=_note(command.note),
    )
    return Reply(OF_LEDGER[decision.verdict], decision.number, decision.state or "")


def _release(command: Release, books: Books) -> Reply:
    id_, body = UUID(bytes=command.id), _note(command.note)
    if command.outcome == "post":
        decision = books.post(id_, kind=EventKind.SETTLEMENT_POSTED, body=body)
    else:
        decision = books.void(id_, kind=EventKind.SETTLEMENT_VOIDED, body=body)
        if decision.verdict is LedgerVerdict.TRANSFER_NOT_FOUND:
            # Its `Hold` may still be on its way: the reply that nothing is held must stay true for ever.
            decision = books.fail(id_, fingerprint=hashlib.sha256(command.id).digest(), body=body)
    return Reply(OF_LEDGER[decision.verdict], decision.number)


def _close_window(command: CloseWindow, books: Books) -> Reply:
    if command.window and command.window != books.window(command.currency):
        return Reply(Verdict.NOT_OPEN, command.window)
    return Reply(Verdict.CLOSED, books.close_window(command.currency))


def _close_accounts(command: CloseAccounts, books: Books) -> Reply:
    for number in command.accounts:
        account = books.account(number)
        if account is None:
            return Reply(Verdict.ACCOUNT_NOT_FOUND, number)
        if not account.empty:
            return Reply(Verdict.ACCOUNT_NOT_EMPTY, number)
    # From here on every account must be closed.
    for number in command.accounts:
        verdict = books.close_account(number, body=_of_change(command.change)).verdict
        assert verdict in {LedgerVerdict.CLOSED, LedgerVerdict.ACCOUNT_CLOSED}, verdict
    return Reply(Verdict.CLOSED)


def _record(command: Record, books: Books) -> Reply:
    """Event 0 belongs to no object of the ledger: what people do and decide."""
    return Reply(Verdict.RECORDED, books.record(0, command.kind, command.body))


def _pong(_: Ping, __: Books) -> Reply:
    return Reply(Verdict.PONG)


class SettlementBook(BatchPart):
    """Decides the ledger commands of settlement and of people."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.handlers = {
            Fund: Handler(_fund, _footprint_by_id),
            Hold: Handler(_hold, _footprint_by_id),
            Release: Handler(_release, _footprint_by_id),
            OpenAccount: Handler(self._open_account),
            SetCap: Handler(self._set_cap),
            CloseWindow: Handler(_close_window),
            CloseAccounts: Handler(_close_accounts),
            Record: Handler(_record, lambda c: Footprint((), len(c.body))),
            Ping: Handler(_pong),
        }
        super().__init__()

    def _open_account(self, command: OpenAccount, books: Books) -> Reply:
        key = command.owner, command.currency, command.purpose

        def decide() -> Reply:
            known = books.find_account(*key)
            if known is not None:
                return Reply(Verdict.EXISTS, known)
            body = _of_change(command.change)
            return Reply(Verdict.OPENED, books.open_account(*key, command.net_debit_cap, body=body))

        return self._orders.once(command.order, decide)

    def _set_cap(self, command: SetCap, books: Books) -> Reply:
        def decide() -> Reply:
            body = _of_change(command.change)
            decision = books.set_cap(command.account, command.net_debit_cap, body=body)
            return Reply(OF_LEDGER[decision.verdict], command.account)

        return self._orders.once(command.order, decide)


def _footprint_by_id(command: Fund | Hold | Release) -> Footprint:
    return Footprint((UUID(bytes=command.id),))
