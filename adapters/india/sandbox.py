"""Invented ids and accounts at the simulated UPI."""

import re
from typing import Final

from schemas.payment import Agent, PartyAccount

IDENTITY: Final = {
    "org_id": "700001",
    "prefix": "SCO",
    "handle": "scoswitch",
    "institution": "SCO SWITCH",
    "ifsc": "HDFC0000001",
    "account": "058010100000001",
    "mobile": "919000000001",
    "purpose": "P1301",
}
"""Our identity at the rail."""

NOBODY: Final = "unknown@okbank"
"""An alias without an owner."""

CREDITOR_AGENT: Final = Agent(member_id="OKBK0000001")
_MAGIC = re.compile(r".*-([A-Za-z0-9]+)@.*", re.ASCII)


def account(word: str) -> PartyAccount:
    """The payment address whose name ends in a magic word."""
    return PartyAccount(proxy=f"asha-{word}@okbank" if word else "asha@okbank")


def word_of(address: str) -> str:
    """The magic word in a payment address; empty if there is none."""
    found = _MAGIC.fullmatch(address)
    return found[1].upper() if found else ""


ALIASES: Final = {"asha@okbank": "asha@okbank"}
"""Every address has its own account here."""
