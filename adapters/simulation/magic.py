"""Magic creditor accounts: the end of an account determines the behaviour of a simulated rail.

`magic_account("IN", "AC04")` is `asha-AC04@okbank`, `magic_account("PK", "SLOW8")` an IBAN of the sandbox's
bank that ends in `SLOW8`, with valid check digits; each country's `sandbox` module defines the form of its
accounts. A word is one of `Magic`, `SLOW` with seconds, `UNKFND` with a number, or any code of
ExternalStatusReason1Code, with which the rail then refuses. All other accounts are ordinary: their payments
succeed.

The behaviour for a word is a `Script`: what the rail enters in its book, and which responses it sends when.
The sandbox's time scale applies to the seconds in a script.
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
from schemas.payment import PartyAccount


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
    RETURNED = "RETURNED"

    @property
    def meaning(self) -> str:
        """One line for the documentation."""
        return _MEANINGS[self]


# fmt: off
_MEANINGS: Final = {
    Magic.SLOW:     "`SLOWn`: credited at once, answered after n seconds",
    Magic.SILENT:   "credited, never answered; an enquiry resolves it",
    Magic.LOST:     "accepted, neither credited nor answered; every enquiry returns not found",
    Magic.DUPCB:    "credited, the answer is sent twice",
    Magic.OOO:      "credited, the answer by callback arrives before the acknowledgement",
    Magic.LATE:     "credited, the answer arrives after our time-out",
    Magic.UNKFND:   "credited, never answered; one enquiry (`UNKFNDn`: n) gets not found, the next ends it",
    Magic.GARBAGE:  "credited, the answer is malformed; an enquiry resolves it",
    Magic.CUT:      "credited, the connection is cut during the exchange; an enquiry resolves it",
    Magic.WRONGAMT: "credited, every answer states another amount",
    Magic.PENDING:  "answered as pending (deemed), credited and answered as done a little later",
    Magic.FLIP:     "credited, an enquiry returns refused, a late callback returns done",
    Magic.WRONGREF: "credited, the answer is about an order that we never sent; an enquiry resolves it",
    Magic.BADSIG:   "credited, the answer's signature is invalid; an enquiry resolves it",
    Magic.HTTP502:  "credited, the exchange ends with HTTP 502 and an HTML page; an enquiry resolves it",
    Magic.RETURN:   "answered as pending, returned a little later (`AC04`), never credited",
    Magic.RETURNED: "credited, given back a minute later (`AC04`) by a rail that has a message for it",
}
# fmt: on


class BookAction(StrEnum):
    """The entry in the book when the order is accepted."""

    CREDIT = "credit"
    REFUSE = "refuse"
    DEEM = "deem"
    """Pending now; credited or refused when the response with that outcome is sent."""
    NOTHING = "nothing"


class ResponseDelay(StrEnum):
    """The delay of a response."""

    NONE = "none"
    SECONDS = "seconds"
    PAST_ANSWER = "past answer"
    """Until after the sender's time-out."""
    PAST_ENQUIRY = "past enquiry"
    """Until the sender has enquired at least once and has certainly read the response."""


class Corruption(StrEnum):
    """The error in a response of the rail."""

    NOTHING = "nothing"
    GARBAGE = "garbage"
    SIGNATURE = "signature"
    REFERENCE = "reference"
    AMOUNT = "amount"
    CUT = "cut"
    HTTP_502 = "http 502"


class EnquiryBehaviour(StrEnum):
    """The response to an enquiry."""

    TRUTH = "truth"
    NOT_FOUND_FIRST = "not found first"
    REFUSED_UNTIL_ANSWERED = "refused until answered"


@dataclass(frozen=True, slots=True)
class ScriptedResponse:
    """One response of the rail about an order."""

    outcome: Outcome
    wait: ResponseDelay = ResponseDelay.NONE
    seconds: int = 0
    corruption: Corruption = Corruption.NOTHING

    def delay_s(self, timing: Timing) -> float:
        """Seconds, before the time scale; with `PAST_ENQUIRY` from the first enquiry."""
        match self.wait:
            case ResponseDelay.NONE:
                return 0.0
            case ResponseDelay.SECONDS:
                return float(self.seconds)
            case ResponseDelay.PAST_ANSWER:
                return max(timing.answer_s, timing.submit_s) * 1.2
            case ResponseDelay.PAST_ENQUIRY:
                return timing.enquiry_first_s / 2


@dataclass(frozen=True, slots=True)
class Script:
    """The behaviour of a rail for one order; the first response is sent in the exchange if rails do so."""

    action: BookAction = BookAction.CREDIT
    responses: tuple[ScriptedResponse, ...] = (ScriptedResponse(Outcome.DONE),)
    enquiry: EnquiryBehaviour = EnquiryBehaviour.TRUTH
    not_found_count: int = 1
    """Number of enquiries that get "not found" first, with `NOT_FOUND_FIRST`."""
    before_acknowledgement: bool = False
    reason: str = ""
    """ISO reason of a refusal or of a pending order."""
    corruption: Corruption = Corruption.NOTHING
    """The error in the acknowledgement itself, if responses come by callback."""
    enquiry_corruption: Corruption = Corruption.NOTHING


_PENDING_S: Final = 3
_DONE: Final = ScriptedResponse(Outcome.DONE)
_DONE_SOON: Final = ScriptedResponse(Outcome.DONE, ResponseDelay.SECONDS, _PENDING_S)
_DONE_AFTER_TIMEOUT: Final = ScriptedResponse(Outcome.DONE, ResponseDelay.PAST_ANSWER)
_DONE_AFTER_ENQUIRY: Final = ScriptedResponse(Outcome.DONE, ResponseDelay.PAST_ENQUIRY)
_PENDING: Final = ScriptedResponse(Outcome.PENDING)
_REFUSED: Final = ScriptedResponse(Outcome.REFUSED)
_GIVEN_BACK_LATER: Final = ScriptedResponse(Outcome.RETURNED, ResponseDelay.SECONDS, 60)
_REFUSED_SOON: Final = ScriptedResponse(Outcome.REFUSED, ResponseDelay.SECONDS, _PENDING_S)


def _done_with(corruption: Corruption) -> ScriptedResponse:
    return ScriptedResponse(Outcome.DONE, corruption=corruption)


# fmt: off
SCRIPTS: Final = {
    Magic.SILENT:   Script(responses=()),
    Magic.LOST:     Script(BookAction.NOTHING, responses=()),
    Magic.DUPCB:    Script(responses=(_DONE, _DONE)),
    Magic.OOO:      Script(before_acknowledgement=True),
    Magic.LATE:     Script(responses=(_DONE_AFTER_TIMEOUT,)),
    Magic.UNKFND:   Script(responses=(), enquiry=EnquiryBehaviour.NOT_FOUND_FIRST),
    Magic.GARBAGE:  Script(responses=(_done_with(Corruption.GARBAGE),)),
    Magic.CUT:      Script(responses=(), corruption=Corruption.CUT),
    Magic.WRONGAMT: Script(responses=(_done_with(Corruption.AMOUNT),), enquiry_corruption=Corruption.AMOUNT),
    Magic.PENDING:  Script(BookAction.DEEM, reason="AB05", responses=(_PENDING, _DONE_SOON)),
    Magic.FLIP:     Script(responses=(_DONE_AFTER_ENQUIRY,), reason="MS03",
                           enquiry=EnquiryBehaviour.REFUSED_UNTIL_ANSWERED),
    Magic.WRONGREF: Script(responses=(_done_with(Corruption.REFERENCE),)),
    Magic.BADSIG:   Script(responses=(_done_with(Corruption.SIGNATURE),)),
    Magic.HTTP502:  Script(responses=(), corruption=Corruption.HTTP_502),
    Magic.RETURN:   Script(BookAction.DEEM, reason="AC04", responses=(_PENDING, _REFUSED_SOON)),
    Magic.RETURNED: Script(reason="AC04", responses=(_DONE, _GIVEN_BACK_LATER)),
}
# fmt: on
ORDINARY: Final = Script()

_SLOW = re.compile(r"SLOW(\d{1,3})", re.ASCII)
_UNFOUND = re.compile(r"UNKFND([1-9]\d{0,2})", re.ASCII)


def script(word: str) -> Script | None:
    """The script for a word; None if it is not a magic word."""
    word = word.upper()
    if slow := _SLOW.fullmatch(word):
        return Script(responses=(ScriptedResponse(Outcome.DONE, ResponseDelay.SECONDS, int(slow[1])),))
    if not_found_count := _UNFOUND.fullmatch(word):
        return replace(SCRIPTS[Magic.UNKFND], not_found_count=int(not_found_count[1]))
    if word in SCRIPTS:
        return SCRIPTS[Magic(word)]
    if word in ISO_REASONS:
        return Script(BookAction.REFUSE, responses=(_REFUSED,), reason=word)
    return None


def magic_account(country: str, word: str) -> str:
    """An account in `country` whose payments behave as `word` defines; an empty word gives an ordinary one.

    Raises:
        ValueError: not a magic word.
        NotFound: no adapter for this country.

    """
    if word and script(word) is None:
        raise ValueError(f"not a magic word: {word}")
    account: PartyAccount = registry.module(country, "sandbox").account(word)
    assert account.id is not None
    return account.id


def iban_account(iban: Iban, bank: str, word: str, width: int) -> str:
    """The IBAN of an account of `width` characters at a sandbox's bank that ends in a word."""
    return iban.of(bank + (word or "1").rjust(width, "0"))


def iban_word(account: str, iban: Iban, bank: str) -> str:
    """The word at the end of an IBAN of a sandbox's bank; empty if there is none."""
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
