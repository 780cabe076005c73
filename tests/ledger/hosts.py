"""The smallest host: commands are plain tuples, and nothing else happens in the transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ledger.books import Books, Leg
from ledger.writer import BatchExtension, Footprint

FINGERPRINT = b"content"


class PlainHost:
    """`(verb, *arguments)` calls the books; `("raise", error)` raises; `("many", commands)` does several."""

    def footprint(self, command: tuple[Any, ...]) -> Footprint:
        return Footprint({argument for argument in command if isinstance(argument, UUID)})

    async def load(self, connection: Any, commands: Sequence[Any]) -> None:
        """There is nothing to load."""

    def decide(self, command: tuple[Any, ...], books: Books) -> Any:
        verb, *arguments = command
        if verb == "raise":
            raise arguments[0]
        return DECIDE[verb](books, *arguments)

    def extension(self) -> BatchExtension:
        return ()

    def committed(self) -> None:
        """There is nothing to do."""

    def abandoned(self) -> None:
        """There is nothing to drop."""


def pay(debit: int, credit: int, amount: int) -> tuple[Leg, ...]:
    """The legs of a plain payment."""
    return (Leg(debit, credit, amount, "principal"),)


DECIDE = {
    "reserve": lambda books, id_, legs, fingerprint=FINGERPRINT: books.reserve(
        id_, legs, fingerprint=fingerprint
    ),
    "move": lambda books, id_, legs, fingerprint=FINGERPRINT: books.move(id_, legs, fingerprint=fingerprint),
    "fail": lambda books, id_, fingerprint=FINGERPRINT: books.fail(id_, fingerprint=fingerprint),
    "correct": lambda books, id_, corrects, fingerprint=FINGERPRINT: books.correct(
        id_, corrects, fingerprint=fingerprint
    ),
    "post": lambda books, id_: books.post(id_),
    "void": lambda books, id_: books.void(id_),
    "find": lambda books, id_: books.find(id_),
    "open": lambda books, owner, currency="INR", purpose="position", cap=None: books.open_account(
        owner, currency, purpose, cap
    ),
    "cap": lambda books, account, cap: books.set_cap(account, cap),
    "close": lambda books, account: books.close_account(account),
    "window": lambda books, currency="INR": books.close_window(currency),
    "record": lambda books, number, kind, body: books.record(number, kind, body),
}
