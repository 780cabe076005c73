"""Made-up ids and accounts at the simulated operator.

Accounts are digits only, so a magic word is a number in them: an ISO reason is its value in base 36, another
word its place in `Magic`, with the seconds of `SLOW` behind it.
"""

from typing import Final

from adapters.identifiers import is_kyrgyz_account, kyrgyz_account
from adapters.simulation.digits import number_of, word_at
from schemas.payment import Account, Agent

IDENTITY: Final = {"psp_id": "SCO", "psp_token": "sandbox-token", "provider": "p2p.sco.example"}
"""Who we are there."""

NOBODY: Final = "1290000000000000"
"""An account that belongs to nobody."""

CREDITOR_AGENT: Final = Agent(bic="SANDKG22")
BANK: Final = "999999"


def account(word: str) -> Account:
    """The account at the sandbox's bank whose number stands for a magic word."""
    return Account(other=kyrgyz_account(f"{BANK}{number_of(word):08}"))


def word_of(account_id: str) -> str:
    """The magic word that an account's number stands for, or nothing."""
    if not account_id.startswith(BANK) or not is_kyrgyz_account(account_id):
        return ""
    return word_at(int(account_id[6:14]))


ALIASES: Final = {"996550000001": account("").other}
"""Phone -> account."""
