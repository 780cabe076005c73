"""Invented ids and accounts at the simulated CNAPS.

Accounts are card numbers of 19 digits with a check digit, so a magic word is encoded as a number: see
`adapters.simulation.digits`. No real bank has these codes: class 998 does not exist.
"""

from typing import Final

from adapters.identifiers import is_luhn
from adapters.simulation.digits import number_of, word_at
from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {
    "bank": "998290000019",
    "name": "\u4e0a\u5408\u652f\u4ed8\u4ea4\u6362",
    "city": "290000",
}
"""Our identity: the CNAPS code, name and city of our gateway."""

BANK: Final = "998290000027"
BANK_NAME: Final = "\u6c99\u76d2\u94f6\u884c\u603b\u884c"
CREDITOR_AGENT: Final = Agent(clearing_system="CNAPS", member_id=BANK, name=BANK_NAME)

_PREFIX: Final = "6299980000"


def account(word: str) -> PartyAccount:
    """The card at the sandbox's bank whose number encodes a magic word."""
    return PartyAccount(other=_card(_PREFIX, number_of(word)))


def word_of(account_id: str) -> str:
    """The magic word that a card number encodes; empty if there is none."""
    if not account_id.startswith(_PREFIX) or len(account_id) != 19 or not is_luhn(account_id):  # noqa: PLR2004
        return ""
    return word_at(int(account_id[10:18]))


def _card(prefix: str, number: int) -> str:
    """The card number with its check digit."""
    cards = (f"{prefix}{number:08}{digit}" for digit in range(10))
    return next(card for card in cards if is_luhn(card))


NOBODY: Final = _card("6299970000", 0)
"""A card without an owner."""

ALIASES: Final = {_card(_PREFIX, 0): _card(_PREFIX, 0)}
"""Only accounts can be looked up: CNAPS has no aliases between banks."""
