"""Invented ids and accounts at the simulated Raast."""

from typing import Final

from adapters.pakistan.country import IBAN
from adapters.simulation.magic import iban_account, iban_word
from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {"bic": "SCOSPKKA", "operator": "SBPPPKKAIPS"}
"""Our ids, and the operator's as observed."""

NOBODY: Final = "+92-3000000000"
"""An alias without an owner."""

CREDITOR_AGENT: Final = Agent(bic="SANDPKKA")
_WIDTH: Final = 16


def account(word: str) -> PartyAccount:
    """The IBAN at the sandbox's bank that ends in a magic word."""
    return PartyAccount(iban=iban_account(IBAN, "SAND", word, _WIDTH))


def word_of(account_id: str) -> str:
    """The magic word in an IBAN; empty if there is none."""
    return iban_word(account_id, IBAN, "SAND")


ALIASES: Final = {"+92-3001234567": account("").iban}
"""Phone -> account."""
