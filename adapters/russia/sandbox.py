"""Invented ids and accounts at the simulated SBP.

Accounts are digits, so a magic word is encoded as a number: see `adapters.simulation.digits`. The banks are
in `directory.xml`: region 99 does not exist.
"""

from typing import Final

from adapters.identifiers import is_russian_account
from adapters.simulation.digits import number_of, word_at
from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {
    "uid": "9980100001",
    "operator": "9900000000",
    "bik": "049999801",
    "member": "100000099801",
}
"""Our UIS, the system's UIS, the BIK of our gateway, and its id at the clearing centre."""

BIK: Final = "049999802"
CREDITOR_AGENT: Final = Agent(clearing_system="RUCBC", member_id=BIK)

NOBODY: Final = "79000000000"
"""A phone without an owner."""

_BRANCH: Final = "999"


def account(word: str) -> PartyAccount:
    """The account at the sandbox's bank whose number encodes a magic word."""
    return PartyAccount(other=_keyed(f"{number_of(word):08}"))


def word_of(account_id: str) -> str:
    """The magic word that an account number encodes; empty if there is none."""
    if account_id[9:12] != _BRANCH or not is_russian_account(account_id, BIK):
        return ""
    return word_at(int(account_id[12:]))


def _keyed(number: str) -> str:
    """The rouble account of a person with this number, with the key for the bank."""
    accounts = (f"40817810{key}{_BRANCH}{number}" for key in range(10))
    return next(account for account in accounts if is_russian_account(account, BIK))


ALIASES: Final = {"79990000001": _keyed("00000000")}
"""Phone -> account."""
