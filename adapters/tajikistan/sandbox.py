"""Invented ids and accounts at the simulated Tajik processing.

Accounts are digits only, so a magic word is encoded in the last eight digits of an account.
"""

import re
from typing import Final

from adapters.identifiers import is_tajik_account
from adapters.simulation.digits import number_of, word_at
from schemas.payment import Agent, PartyAccount

SCHEME: Final = "tls"
IDENTITY: Final = {"acquirer": "350101", "terminal": "SCOSWT01", "acceptor": "SCOSWITCH000001"}
"""Our identity at the rail."""

BANK: Final = "350101999"
"""BIK of the sandbox's bank."""
CREDITOR_AGENT: Final = Agent(bic="SANDTJ22", member_id=BANK)
_ACCOUNT = re.compile(r"20202972\d999(\d{8})", re.ASCII)


def account(word: str) -> PartyAccount:
    """The account at the sandbox's bank whose number encodes a magic word."""
    numbers = (f"20202972{key}999{number_of(word):08}" for key in range(10))
    return PartyAccount(other=next(number for number in numbers if is_tajik_account(number, BANK)))


def word_of(account_id: str) -> str:
    """The magic word that an account number encodes; empty if there is none."""
    found = _ACCOUNT.fullmatch(account_id)
    return word_at(int(found[1])) if found else ""


ALIASES: Final = {"5058270000000009": account("").other, "992900000001": account("").other}
"""Card and phone of the ordinary account."""

NOBODY: Final = "992900000000"
"""A phone without an owner."""
