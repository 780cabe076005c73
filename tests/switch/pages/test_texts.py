"""Catalogues of the pages' languages have every text that is in the templates and the code, and no other."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from schemas.errors import SwitchError
from switch import oversight, reads
from switch.api import problems
from switch.lifecycle import State
from switch.pages import (
    approvals,
    effects,
    forms,
    language,
    own_keys,
    own_messages,
    own_tests,
    participants,
    reports,
    site,
)
from switch.pages.shell import NAVIGATION
from switch.people.catalogue import KINDS
from switch.people.model import ChangeState, Role, Status
from switch.people.plausibility import Measure
from switch.reports import corridors, costs, open_data, window_statement
from switch.reports.catalogue import CATALOGUE
from switch.settlement import states as settlement
from switch.settlement.confirmations import Outcome

SAME = {"UETR", "BIC", "P50 s", "P95 s", "P99 s"}
"""Said alike in every language."""
PURPOSES = {"position", "gross", "fees", "settlement"}
"""Of accounts."""


EFFECTS = {
    *("Fee in basis points", "Fee in minor units", "Headroom", "Net debit cap", "Per day", "Per payment"),
    *("Books", "frozen"),
    *("Settlement agent", "Time zone", "Windows close at", "Account"),
    *(
        "none",
        "active",
        "invited",
        "suspended",
        "removed",
        "in force",
        "retired",
        "revoked",
        "open",
        "closed",
    ),
    *(
        "OPEN",
        "CLOSED",
        "CONFIRMED",
        "SETTLING",
        "SETTLED",
        "ABORTED",
        "DUE",
        "INSTRUCTED",
        "HELD",
        "CARRIED",
    ),
    *("business day", "holiday", "as the calendar says", "net", "gross", "Keys that sign webhooks"),
    *("held", "paid", "released", "received", "not received", "UNKNOWN", "COMMITTED", "resolved"),
}
"""Words of `switch.pages.effects`."""

LEGS = {
    "principal",
    "conversion",
    "fee",
    "held",
    "posted",
    "voided",
    "fees",
    "settlement",
    "position",
    "gross",
}
"""Purposes of legs and accounts, and how a set of legs stands."""

HINTS = {approvals._hint(kind) for kind in KINDS.values()}


def refusals() -> set[str]:
    """What may be said against a change, as far as it has no numbers and names in it: may be translated."""
    root = Path(str(files("switch")))
    found = {
        message
        for part in ("people", "participants", "settlement", "webhooks")
        for _, _, message, _, _ in extract_from_dir(
            root / part,
            method_map=[("**.py", "python")],
            keywords={"Refused": None, "refuse": None, "_refuse": None, "NotAllowed": None},
        )
        if isinstance(message, str)
    }
    return {message for message in found if "{" not in message}


OWN = {
    *own_messages.NAMES.values(),
    *own_keys.TONES,
    *(KINDS[kind].title for kind in own_keys.ASKED.values()),
    *(state.value for state in ChangeState),
    "the receiver said that it is gone",
    *("not a day", "not an instant", "no such magic word", "no such participant in the sandbox"),
    *("the door did not answer", own_tests.NOT_HERE),
}
"""Words that a participant's pages say by name."""


def texts() -> set[str]:
    pages = Path(str(files("switch.pages")))
    found = extract_from_dir(
        pages,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        keywords={"_": None, "text": None},
    )
    written = {message for _, _, message, _, _ in found if isinstance(message, str)}
    columns = (*corridors.COLUMNS, *costs.COLUMNS, *open_data.COLUMNS, *window_statement.COLUMNS)
    named = {report.title for report in CATALOGUE.values()} | {entry.title for entry in NAVIGATION}
    named |= set(reports.LABELS.values()) | {column.heading for column in columns}
    named |= {role.value for role in Role} | {"open", "closed", "away", "d", "h", "min", "s"}
    named |= (
        {kind.title for kind in KINDS.values()} | set(forms.LABELS.values()) | set(approvals.GROUPS.values())
    )
    named |= {str(state) for state in ChangeState} | {"approve", "refuse"} | set(forms.WORDS.values())
    named |= {
        option
        for kind in KINDS.values()
        for field in forms.fields_of(kind) or ()
        for option in field.options
        if option not in forms.WORDS
    }
    named |= set(effects.BREAKS.values()) | set(oversight.TOPICS.values()) | {str(state) for state in State}
    named |= {reads.event_name(kind) for kind in reads.KINDS} | {"received", "answered"} | LEGS
    named |= {
        state.value for states in (settlement.State, settlement.Line, Status, Outcome) for state in states
    }
    named |= {*participants.STATES, *participants.KEY_STATES, *PURPOSES}
    named |= {kind.replace("_", " ") for kind in participants.KINDS_OF}
    tree = [kind for kind in problems._tree(SwitchError) if kind.__module__ == SwitchError.__module__]
    named |= {str(kind.__doc__).splitlines()[0] for kind in tree}
    named |= {site.no_such_page(OSError()).detail, site.unforeseen(OSError()).detail}
    named |= {measure.value for measure in Measure}
    return (written | named | EFFECTS | HINTS | OWN) - SAME


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_every_text_is_translated_and_none_is_left_over(code: str) -> None:
    found = set(language._catalogue(code))

    assert texts() <= found
    assert found <= texts() | refusals()


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_a_translation_has_the_places_of_its_source(code: str) -> None:
    for source, said in language._catalogue(code).items():
        assert set(re.findall(r"{\w+}", source)) == set(re.findall(r"{\w+}", said)), source
