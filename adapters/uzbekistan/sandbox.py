"""Invented ids, accounts and cards at the simulated processing.

Accounts are digits only, so a magic word is encoded in an account's client code.
"""

import re
from typing import Final

from adapters.simulation.digits import number_of, word_at
from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {
    "username": "sco",
    "password": "sandbox-password",
    "merchant_id": "90050000000",
    "terminal_id": "91400000",
    "system": "sco",
    "legal_name": "SCO SWITCH",
}
"""Our identity at the rail."""

BANK: Final = "09999"
CREDITOR_AGENT: Final = Agent(bic="SANDUZ22", member_id=BANK)
_ACCOUNT = re.compile(r"20208000(\d)(\d{8})001", re.ASCII)


def account(word: str) -> PartyAccount:
    """The account whose client code encodes a magic word."""
    return PartyAccount(other=f"202080009{number_of(word):08}001")


def word_of(account_id: str) -> str:
    """The magic word that an account's client code encodes; empty if there is none."""
    found = _ACCOUNT.fullmatch(account_id)
    return word_at(int(found[2])) if found else ""


ALIASES: Final = {
    "998901234567": "20208000900000000001",
    "8600123412341239": "20208000900000000001",
}
"""Phone and card of the ordinary account."""

NOBODY: Final = "998900000000"
"""A phone without an owner."""
