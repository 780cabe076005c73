"""Invented ids and accounts at the simulated Iranian rails.

A Sheba consists of digits after its country code, so a magic word is encoded in its last eight digits.
"""

from typing import Final

from adapters.iran.country import IBAN
from adapters.iran.messages import ShetabChannel
from adapters.simulation.digits import number_of, word_at
from schemas.payment import Agent, PartyAccount

SCHEME: Final = "tls"
IDENTITY: Final = {
    "acquirer": "621986",
    "terminal": "SCOSWT01",
    "acceptor": "SCOSWITCH000001",
    "pan": "6219860000000001",
    "place": "SCO SWITCH            TEHRAN       TEHIR",
}
"""Our identity at the rail."""

BANK: Final = "999"
CREDITOR_AGENT: Final = Agent(bic="SANDIRTH", member_id=BANK)
QUEUED: Final = frozenset({ShetabChannel.PAYA})
"""Channels where the rail responds "in progress" and pays in its next cycle."""
_WIDTH: Final = 19


def account(word: str) -> PartyAccount:
    """The Sheba at the sandbox's bank whose number encodes a magic word."""
    return PartyAccount(iban=IBAN.of(f"{BANK}{number_of(word):0{_WIDTH}}"))


def word_of(account_id: str) -> str:
    """The magic word that a Sheba encodes; empty if there is none."""
    if account_id[4:7] != BANK or not IBAN.fits(account_id):
        return ""
    number = int(account_id[7:])
    return word_at(number) if number < 10**8 else ""


ALIASES: Final = {
    account("").iban: account("").iban,
    "6219861000000009": account("").iban,
}
"""Sheba and card of the ordinary account."""

NOBODY: Final = "6219861000000000"
"""A card without an owner."""
