"""What came of a change, in the reader's language.

The sentence of an executed change is English, and kept in the log. Here stands each with places for its
names and numbers; `tests/switch/pages/test_outcomes.py` finds a sentence of the code that is missing.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

OUTCOMES: Final = (
    "window {n} is closed",
    "window {n} is confirmed",
    "window {n} is aborted; its lines are carried into the next",
    "the confirmation {n} is examined",
    "break {n} is resolved",
    "{name} is returned, and break {n} is resolved",
    "{name} is returned",
    "{n} payments are posted",
    "{name} is to be {state}",
    "cleared until {n}",
    "clearance {n} is ended",
    "the watch rule of {name} in {currency} is set",
    "the alarm of {name} is examined",
    "held payments of all others: {state} decide",
    "held payments of {name}: {state} decide",
    "in force from {what} UTC",
    "{name} is a witness of the audit log",
    "{name} is no longer a witness",
    "{name} is certified until {n}",
    "certification is required",
    "certification is not required",
    "{name} is onboarded",
    "{name} has {n} member ids",
    "moved {what}, transfer {n}",
    "messages from {first} to {second} must have: {what}",
    "people of {name} may sign in",
    "people of {name} may no longer sign in",
    "{name} may send in {currency}: {what} a payment, {other} a day",
    "the velocity limit of {name} in {currency} is set",
    "{first} to {second} is {state}",
    "{name} is invited",
    "{name} is invited again",
    "the rail of {name} is registered, and closed",
    "the rail of {name} is retired",
    "the profile of the rail of {name}: {what}",
    "orders of the rail of {name} are {state}",
    "the order {name} is settled",
    "recalls of {name} are ended",
    "the directory of {name} has {n} banks: {what}",
    "tariff {n}, valid from {what}",
    "tariff {n} ends at {what}",
    "reports may be delivered to {name}",
    "nothing is delivered to {name} any more",
    "{what} is delivered to {name} after each {state}",
    "the schedule {name} makes no further reports",
    "key {n} signs from now on, in addition to the previous one",
    "key {n} no longer signs",
    "{name} paid {what}",
    "{name} received {what}",
    "the investigation of {name} is answered",
    "the reversal of {name} is {state}",
    "{name} is {state}",
)
"""Every sentence; the more special ones stand before those that would match them, too."""
RETURNS: Final = (
    "{what} were returned as {other} at the rate in force, {rate}; the debtor bears the difference of {less}",
    "{what} were returned as {other}",
    "{what} were returned",
)
"""Details of a return of a part, in the same order."""
_FORMS: Final = {"what": ".+", "other": ".+", "less": ".+", "state": "[a-zA-Z_ ]+"}
_STATED: Final = frozenset({"what", "other", "rate", "less"})
"""Places that may have an amount, a rate or an instant."""
_NAME: Final = r"\S+"


def _pattern(source: str) -> re.Pattern[str]:
    def place(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}>{_FORMS.get(found[1], _NAME)})"

    return re.compile(re.sub(r"\\{(\w+)\\}", place, re.escape(source)))


_PATTERNS: Final = {source: _pattern(source) for source in (*OUTCOMES, *RETURNS)}


def translated(
    sentence: str,
    text: Callable[..., str],
    stated: Callable[[str], str] = str,
    known: Sequence[str] = OUTCOMES,
) -> str | None:
    """The sentence by `text`, which translates a source with its values; None if it is not one of `known`.

    `stated` writes an amount, a rate or an instant as the reader does.
    """

    def said(name: str, value: str) -> str:
        if name == "state" or value == "any amount":
            return text(value)
        return stated(value) if name in _STATED else value

    for source in known:
        found = _PATTERNS[source].fullmatch(sentence)
        if found is not None:
            return text(source, **{name: said(name, value) for name, value in found.groupdict().items()})
    return None
