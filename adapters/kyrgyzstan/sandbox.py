"""Made-up ids and accounts at the simulated operator.

Accounts are digits only, so a magic word is a number in them: an ISO reason is its value in base 36, another
word its place in `Magic`, with the seconds of `SLOW` behind it.
"""

from typing import Final

from adapters.identifiers import is_kyrgyz_account, kyrgyz_account
from adapters.simulation.magic import Magic
from schemas.payment import Account, Agent

IDENTITY: Final = {"psp_id": "SCO", "psp_token": "sandbox-token", "provider": "p2p.sco.example"}
"""Who we are there."""

NOBODY: Final = "1290000000000000"
"""An account that belongs to nobody."""

CREDITOR_AGENT: Final = Agent(bic="SANDKG22")
BANK: Final = "999999"
_FIRST_WORD: Final = 90_000_000
_PER_WORD: Final = 1000
_WORDS: Final = list(Magic)


def account(word: str) -> Account:
    """The account at the sandbox's bank whose number stands for a magic word."""
    return Account(other=kyrgyz_account(f"{BANK}{_number(word):08}"))


def word_of(account_id: str) -> str:
    """The magic word that an account's number stands for, or nothing."""
    if not account_id.startswith(BANK) or not is_kyrgyz_account(account_id):
        return ""
    number = int(account_id[6:14])
    if number < _FIRST_WORD:
        return _base36(number)
    place, seconds = divmod(number - _FIRST_WORD, _PER_WORD)
    if place >= len(_WORDS):
        return ""
    return f"{_WORDS[place]}{seconds or ''}"


def _number(word: str) -> int:
    name = "SLOW" if word.startswith("SLOW") else word
    if name in _WORDS:
        return _FIRST_WORD + _WORDS.index(Magic(name)) * _PER_WORD + int(word[len(name) :] or 0)
    return int(word, 36) if word else 0


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits


ALIASES: Final = {"996550000001": account("").other}
"""Phone -> account."""
