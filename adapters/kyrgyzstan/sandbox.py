"""Invented ids and accounts at the simulated operator.

Accounts are digits only, so a magic word is encoded as a number: an ISO reason as its value in base 36,
another word as its index in `Magic`, followed by the seconds of `SLOW`.
"""

from typing import Final

from adapters.identifiers import is_kyrgyz_account, kyrgyz_account
from adapters.simulation.digits import number_of, word_at
from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {"psp_id": "SCO", "psp_token": "sandbox-token", "provider": "p2p.sco.example"}
"""Our identity at the rail."""

NOBODY: Final = "1290000000000000"
"""An account without an owner."""

CREDITOR_AGENT: Final = Agent(bic="SANDKG22")
BANK: Final = "999999"


def account(word: str) -> PartyAccount:
    """The account at the sandbox's bank whose number encodes a magic word."""
    return PartyAccount(other=kyrgyz_account(f"{BANK}{number_of(word):08}"))


def word_of(account_id: str) -> str:
    """The magic word that an account number encodes; empty if there is none."""
    if not account_id.startswith(BANK) or not is_kyrgyz_account(account_id):
        return ""
    return word_at(int(account_id[6:14]))


ALIASES: Final = {"996550000001": account("").other}
"""Phone -> account."""
