"""Invented ids and accounts at the simulated SMP."""

from typing import Final

from adapters.belarus.country import IBAN
from adapters.simulation.magic import iban_account, iban_word
from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {"bic": "SCOSBY2X", "operator": "NBRBBY2X"}
"""Our ids and the operator's."""

NOBODY: Final = "+375-290000000"
"""An alias without an owner."""

CREDITOR_AGENT: Final = Agent(bic="SANDBY2X")
_BANK: Final = "SAND3014"
_WIDTH: Final = 16


def account(word: str) -> PartyAccount:
    """The IBAN at the sandbox's bank that ends in a magic word."""
    return PartyAccount(iban=iban_account(IBAN, _BANK, word, _WIDTH))


def word_of(account_id: str) -> str:
    """The magic word in an IBAN; empty if there is none."""
    return iban_word(account_id, IBAN, _BANK)


ALIASES: Final = {"+375-291234567": account("").iban}
"""Phone -> account."""
