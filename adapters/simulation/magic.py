"""Magic creditor accounts: the end of an account tells a simulated rail how to behave.

`magic_account("IN", "AC04")` is `asha-AC04@okbank`, `magic_account("PK", "SLOW8")` an IBAN of the sandbox's
bank that ends in `SLOW8`, check digits valid; each country's `sandbox` module says how it looks there. A
word is one of `Magic`, `SLOW` with seconds, `UNKFND` with a number, or any code of
ExternalStatusReason1Code, which makes the rail refuse with that reason. Every other account is an ordinary
one: its payments succeed.

What a word does is a `Script`: what the rail keeps in its book, and what it says, when. Seconds in a script
obey the time scale of the sandbox.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from adapters import registry
from adapters.identifiers import Iban
from adapters.port import Outcome
from adapters.profile import Timing
from adapters.reasons import ISO_REASONS
from schemas.payment import Account


class Magic(StrEnum):
    """Behaviour on demand."""

    SLOW = "SLOW"
    SILENT = "SILENT"
    LOST = "LOST"
    DUPCB = "DUPCB"
    OOO = "OOO"
    LATE = "LATE"
    UNKFND = "UNKFND"
    GARBAGE = "GARBAGE"
    CUT = "CUT"
    WRONGAMT = "WRONGAMT"
    PENDING = "PENDING"
    FLIP = "FLIP"
    WRONGREF = "WRONGREF"
    BADSIG = "BADSIG"
    HTTP502 = "HTTP502"
    RETURN = "RETURN"

    @property
    def meaning(self) -> str:
        """For the docs: one line."""
        return _MEANINGS[self]


# fmt: off
_MEANINGS: Final = {
    Magic.SLOW:     "`SLOWn`: credited at once, answered after n seconds",
    Magic.SILENT:   "credited, never answered; an enquiry tells",
    Magic.LOST:     "taken, neither credited nor answered; every enquiry says not found",
    Magic.DUPCB:    "credited, the answer comes twice",
    Magic.OOO:      "credited, the answer by callback comes before the acknowledgement",
    Magic.LATE:     "credited, the answer comes after our time-out",
    Magic.UNKFND:   "credited, never answered; one enquiry (`UNKFNDn`: n) says not found, later ones tell",
    Magic.GARBAGE:  "credited, the answer is malformed; an enquiry tells",
    Magic.CUT:      "credited, the connection is cut in the middle of the exchange; an enquiry tells",
    Magic.WRONGAMT: "credited, every answer states another amount",
    Magic.PENDING:  "answered as pending (deemed), credited and answered as done a little later",
    Magic.FLIP:     "credited, an enquiry says refused, a late callback says done",
    Magic.WRONGREF: "credited, the answer is about an order that we never sent; an enquiry tells",
    Magic.BADSIG:   "credited, the answer's signature is broken; an enquiry tells",
    Magic.HTTP502:  "credited, the exchange ends with HTTP 502 and an HTML page; an enquiry tells",
    Magic.RETURN:   "answered as pending, given back a little later (`AC04`), never credited",
}
# fmt: on


class Keep(StrEnum):
    """What goes into the book when the order is taken."""

    CREDIT = "credit"
    REFUSE = "refuse"
    DEEM = "deem"
    """Pending now; credited when `done` is said, refused when that is."""
    NOTHING = "nothing"


class Wait(StrEnum):
    """How long a word waits before it is said."""

    NONE = "none"
    SECONDS = "seconds"
    PAST_ANSWER = "past answer"
    """Until the sender has given up waiting."""
    PAST_ENQUIRY = "past enquiry"
    """Until the sender has asked at least once, and has surely read the answer."""


class Spoil(StrEnum):
    """What is wrong with what the rail says."""

    NOTHING = "nothing"
    GARBAGE = "garbage"
    SIGNATURE = "signature"
    REFERENCE = "reference"
    AMOUNT = "amount"
    CUT = "cut"
    HTTP_502 = "http 502"


class Enquiry(StrEnum):
    """What an enquiry is told."""

    TRUTH = "truth"
    NOT_FOUND_FIRST = "not found first"
    REFUSED_UNTIL_SAID = "refused until said"


@dataclass(frozen=True, slots=True)
class Say:
    """One thing the rail says of an order."""

    outcome: Outcome
    wait: Wait = Wait.NONE
    seconds: int = 0
    spoil: Spoil = Spoil.NOTHING

    def delay_s(self, timing: Timing) -> float:
        """Seconds, before the time scale; with `PAST_ENQUIRY` from the first enquiry."""
        match self.wait:
            case Wait.NONE:
                return 0.0
            case Wait.SECONDS:
                return float(self.seconds)
            case Wait.PAST_ANSWER:
                return max(timing.answer_s, timing.submit_s) * 1.2
            case Wait.PAST_ENQUIRY:
                return timing.enquiry_first_s / 2


@dataclass(frozen=True, slots=True)
class Script:
    """What a rail does with one order. Rails that answer in the exchange say the first word there."""

    keep: Keep = Keep.CREDIT
    says: tuple[Say, ...] = (Say(Outcome.DONE),)
    enquiry: Enquiry = Enquiry.TRUTH
    unfound: int = 1
    """Enquiries that are told "not found" first, with `NOT_FOUND_FIRST`."""
    before_acknowledgement: bool = False
    reason: str = ""
    """ISO reason of a refusal or of pending."""
    spoil: Spoil = Spoil.NOTHING
    """What is wrong with the acknowledgement itself, where the answer comes by callback."""
    enquiry_spoil: Spoil = Spoil.NOTHING


_DONE: Final = Say(Outcome.DONE)
_PENDING_S: Final = 3

# fmt: off
SCRIPTS: Final = {
    Magic.SILENT:   Script(says=()),
    Magic.LOST:     Script(Keep.NOTHING, says=()),
    Magic.DUPCB:    Script(says=(_DONE, _DONE)),
    Magic.OOO:      Script(before_acknowledgement=True),
    Magic.LATE:     Script(says=(Say(Outcome.DONE, Wait.PAST_ANSWER),)),
    Magic.UNKFND:   Script(says=(), enquiry=Enquiry.NOT_FOUND_FIRST),
    Magic.GARBAGE:  Script(says=(Say(Outcome.DONE, spoil=Spoil.GARBAGE),)),
    Magic.CUT:      Script(says=(), spoil=Spoil.CUT),
    Magic.WRONGAMT: Script(says=(Say(Outcome.DONE, spoil=Spoil.AMOUNT),), enquiry_spoil=Spoil.AMOUNT),
    Magic.PENDING:  Script(Keep.DEEM, reason="AB05",
                           says=(Say(Outcome.PENDING), Say(Outcome.DONE, Wait.SECONDS, _PENDING_S))),
    Magic.FLIP:     Script(says=(Say(Outcome.DONE, Wait.PAST_ENQUIRY),), reason="MS03",
                           enquiry=Enquiry.REFUSED_UNTIL_SAID),
    Magic.WRONGREF: Script(says=(Say(Outcome.DONE, spoil=Spoil.REFERENCE),)),
    Magic.BADSIG:   Script(says=(Say(Outcome.DONE, spoil=Spoil.SIGNATURE),)),
    Magic.HTTP502:  Script(says=(), spoil=Spoil.HTTP_502),
    Magic.RETURN:   Script(Keep.DEEM, reason="AC04",
                           says=(Say(Outcome.PENDING), Say(Outcome.REFUSED, Wait.SECONDS, _PENDING_S))),
}
# fmt: on
ORDINARY: Final = Script()

_SLOW = re.compile(r"SLOW(\d{1,3})", re.ASCII)
_UNFOUND = re.compile(r"UNKFND([1-9]\d{0,2})", re.ASCII)


def script(word: str) -> Script | None:
    """What a word asks for; None for a word that means nothing."""
    word = word.upper()
    if slow := _SLOW.fullmatch(word):
        return Script(says=(Say(Outcome.DONE, Wait.SECONDS, int(slow[1])),))
    if unfound := _UNFOUND.fullmatch(word):
        return replace(SCRIPTS[Magic.UNKFND], unfound=int(unfound[1]))
    if word in SCRIPTS:
        return SCRIPTS[Magic(word)]
    if word in ISO_REASONS:
        return Script(Keep.REFUSE, says=(Say(Outcome.REFUSED),), reason=word)
    return None


def magic_account(country: str, word: str) -> str:
    """An account in `country` that makes its simulated rail behave as `word` says; "" for an ordinary one.

    Raises:
        ValueError: the word means nothing.
        NotFound: no adapter for this country.

    """
    if word and script(word) is None:
        raise ValueError(f"no magic word: {word}")
    account: Account = registry.module(country, "sandbox").account(word)
    assert account.id is not None
    return account.id


def iban_account(iban: Iban, bank: str, word: str, width: int) -> str:
    """The IBAN of an account of `width` characters at a sandbox's bank that ends in a word."""
    return iban.of(bank + (word or "1").rjust(width, "0"))


def iban_word(account: str, iban: Iban, bank: str) -> str:
    """The word at the end of an IBAN of a sandbox's bank, or nothing."""
    if account[4 : 4 + len(bank)] != bank or not iban.fits(account):
        return ""
    return account[4 + len(bank) :].lstrip("0")


def table() -> str:
    """The words as a table in Markdown, for the docs."""
    rows = [f"| `{word}` | {word.meaning} |" for word in Magic]
    return "\n".join(
        [
            "| word | what the rail does |",
            "|---|---|",
            *rows,
            "| any ISO reason (`AC04`) | refused with it |",
        ]
    )
