"""Invented ids and accounts at the simulated MSMP."""

from typing import Final

from adapters.kazakhstan.country import IBAN
from adapters.simulation.magic import iban_account, iban_word
from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {"bic": "SCOSKZKA", "operator": "NPCKKZKA"}
"""Our ids and the operator's."""

NOBODY: Final = "+7-7000000000"
"""An alias without an owner."""

CREDITOR_AGENT: Final = Agent(bic="SANDKZKA")
_BANK: Final = "999"
_WIDTH: Final = 13


def account(word: str) -> PartyAccount:
    """The IBAN at the sandbox's bank that ends in a magic word."""
    return PartyAccount(iban=iban_account(IBAN, _BANK, word, _WIDTH))


def word_of(account_id: str) -> str:
    """The magic word in an IBAN; empty if there is none."""
    return iban_word(account_id, IBAN, _BANK)


ALIASES: Final = {"+7-7011234567": account("").iban}
"""Phone -> account."""
