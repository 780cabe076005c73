"""Catalogues of the pages' languages have every text that is in the templates and the code, and no other."""

import ast
import importlib
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir

from ledger.encoding import Tag
from schemas.errors import SwitchError
from switch.api import problems
from switch.approvals.effects import Subject
from switch.base.plausibility import Measure
from switch.change_catalogue import KINDS
from switch.identity import federated, notices, openid, passkeys, providers
from switch.identity.model import ChangeState, Role, Status
from switch.operations import oversight
from switch.operations.facts import BREAK_KINDS
from switch.pages import (
    approvals,
    cases,
    exports,
    forms,
    language,
    own_keys,
    own_messages,
    own_qr,
    own_tests,
    participants,
    payment_files,
    reports,
    sign_in,
    site,
    statistics,
)
from switch.pages.help import HELP
from switch.pages.outcomes import OUTCOMES, RETURNS
from switch.pages.shell import ACCOUNT, GROUPS, NAVIGATION
from switch.payments import journey, screened
from switch.payments.payment_files import STOPPED
from switch.reports import (
    exceptions,
    facts,
    fx_result,
    invoice,
    parties,
    patterns,
    payment_lists,
    settlement_instruction,
    wording,
)
from switch.reports.catalogue import CATALOGUE
from switch.reports.delivery.periods import Rhythm
from switch.reports.render import pdf_file
from switch.reports.table import TOTAL
from switch.settlement import states as settlement
from switch.settlement.confirmations import LineOutcome
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import Event, State
from switch.writer.verdicts import TEXTS

REPORTS = sorted({definition.read.__module__.rpartition(".")[2] for definition in CATALOGUE.values()})
"""Modules that say a report."""

SAME = {"UETR", "BIC", "SHA-256", "P50", "P95", "P99"}
"""Said alike in every language."""
PURPOSES = {"position", "gross", "fees", "settlement"}
"""Of accounts."""

LEGS = {
    *("principal", "funding", "correction"),
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

CANNOT = {
    *("the limits cannot be set", "the return was refused", "the account cannot be closed"),
    *("the cap cannot be set", "the money cannot be moved", "the money cannot be reserved"),
    *("the reserved money cannot be released", "it was released before"),
}
"""What stands before the text of a verdict."""

HINTS = {approvals._hint(kind) for kind in KINDS.values()}


def effects() -> set[str]:
    """Texts of what changes would do: those that their kinds mark as terms, and the states of what they touch."""
    root = Path(str(files("switch")))
    found = {
        message
        for layer in ("approvals", "cases", "operations", "participants", "settlement", "webhooks")
        for _, _, message, _, _ in extract_from_dir(
            root / layer, method_map=[("**.py", "python")], keywords={"term": None}
        )
        if isinstance(message, str)
    }
    return found | {subject.value.capitalize() for subject in Subject}


LAYERS = (
    *("approvals", "base", "cases", "identity", "operations", "participants", "reports"),
    *("settlement", "webhooks"),
)
"""What refuses changes and acts of people."""


def refusals() -> set[str]:
    """What may be said against a change, as far as it has no numbers and names in it: may be translated."""
    root = Path(str(files("switch")))
    found = {
        message
        for part in LAYERS
        for _, _, message, _, _ in extract_from_dir(
            root / part,
            method_map=[("**.py", "python")],
            keywords=dict.fromkeys(
                ("Refused", "refuse", "_refuse", "NotAllowed", "InvalidMessage", "NotFound")
            ),
        )
        if isinstance(message, str)
    }
    return {message for message in found if "{" not in message}


FAULTY: tuple[tuple[str, tuple[Role, ...], bool, tuple[str, ...]], ...] = (
    ("", (Role.REGULATOR,), False, ()),
    ("", (Role.OPERATOR,), True, ()),
    ("", (Role.AUDITOR,), True, ()),
    ("", (Role.OPERATOR, Role.CHECKER), False, ("otp",)),
)


def faults(registration: tuple[str, tuple[Role, ...], bool, tuple[str, ...]]) -> str | None:
    """What is said against a registration of an identity provider."""
    scope, roles, just_in_time, factors = registration
    return providers.faults(scope, roles, just_in_time=just_in_time, second_factors=factors)


OWN = {
    *own_messages.NAMES.values(),
    *(text for text, _ in own_messages.REQUEST_STATES.values()),
    *(text for text, _ in (*payment_files.STATES.values(), *payment_files.LINE_STATES.values())),
    *("not ended", STOPPED, own_qr.NO_ACCOUNT, own_qr.NO_BANK, own_qr.NO_AMOUNT),
    *screened.PARTS,
    *notices.TEXTS,
    *(passkeys._BAD, "the code or the passkey is wrong", sign_in.WRONG),
    *(openid._WRONG, openid._AWAY, federated._REFUSED, "no such identity provider"),
    "this form has expired: open it again",
    *filter(None, map(faults, FAULTY)),
    *(KINDS[kind].title for kind in own_keys.CHANGE_KINDS.values()),
    *(state.value for state in ChangeState),
    "the receiver responded 410 Gone",
    *(
        "not a valid date",
        "not a valid date and time",
        "unknown magic word",
        "no such participant in the sandbox",
    ),
    *("the API did not respond", own_tests.NOT_HERE, forms.WHOLE),
}
"""Words that a participant's pages say by name."""


DETAILS = {
    *(
        "its payment was returned",
        "a part of its payment was returned",
        "the other rail executed it after it was refused",
    ),
    *("the rail confirmed a different amount", "expired before it was sent", "its history is archived"),
    *("the agent rejected it", "no reason", "the window was aborted", "returned in part"),
    *language.SAID.values(),
    *("this corridor is not open", "no rail reaches this country", "the amount is too small to convert"),
    *("the creditor agent is not a participant", "there is no FX rate for this currency pair"),
    *("this rail's adapter cannot translate this payment", "not the currency of the debtor agent's country"),
    *(
        "the rail reports it as executed; aborted by the switch",
        "the rail rejected it; committed by the switch",
    ),
    "returned in part",
}
"""Details in the history of a payment or a settlement line, by the switch itself; what a rail writes is in its own words."""


ERRORS = ("InvalidMessage", "NotAllowed", "NotFound", "Unavailable")
"""What pages themselves raise: their details are shown."""


WORDS = {
    *(*invoice.BORNE_BY.values(), invoice.CORRIDOR, "switch", "rail"),
    *fx_result.REFERENCES,
    *(*exceptions.STATES, exceptions.OPEN, exceptions.RULE, exceptions.SETTLED, exceptions.OTHERWISE),
    *filter(None, exceptions.RATES.values()),
    *(settlement_instruction.PAYS, settlement_instruction.RECEIVES, settlement_instruction.NOT_SETTLED),
    *("payment", "return", "funds", "settlement", "debit", "credit", TOTAL, "yes", "no", "all"),
    *("nothing to settle", "Note", "Report", "Zone", "Account", "local time", wording.SIGNED),
    *(str(rule) for rule in patterns.Rule),
    *("missing", "payments", *parties.REQUIRED),
    *("Opening balance", "Closing balance", "Opening balance gross", "Closing balance gross", "Page"),
    *("Payments", "Returns", "Funds", "Settlements"),
    *("Payments gross", "Returns gross", "Funds gross", "Settlements gross"),
    "The first {n} of {all} rows; the other formats have all rows.",
    "The first {n} of {all} rows; totals are of all rows, and the CSV has all rows.",
    "Page {n} of {all}",
    "Numbers of more than 15 digits are texts, because a spreadsheet would round them.",
}
"""Words of reports' cells, parameters and remarks."""


def said_by_reports() -> set[str]:
    """Every heading, note and parameter's name of every report, from its module."""
    found = WORDS | pdf_file.WORDS | wording.FRAME | set(payment_lists.OUTCOMES)
    found |= {"Above", "Corridor", "Payer"}  # parameters of lists of payments
    for name in REPORTS:
        module = importlib.import_module(f"switch.reports.{name}")
        tree = ast.parse(Path(str(module.__file__)).read_text())
        columns = [value for key, value in vars(module).items() if key.endswith("COLUMNS")]
        found |= {
            text for part in columns for column in part for text in (column.heading, column.part) if text
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "notes":
                found |= set(_texts_in(node.value, vars(module)))
            if isinstance(node, ast.keyword) and node.arg == "parameters":
                found |= {
                    wording.parameter_title(key) for key in _texts_in(node.value, vars(module), keys=True)
                }
    return found | {wording.parameter_title(key) for key in ("since", "until", "events", "as_of")}


def _texts_in(node: ast.AST, known: dict[str, Any], *, keys: bool = False) -> Iterator[str]:
    """Texts of a tuple of notes, or the keys of a dictionary; what a text is made from must be known."""
    if isinstance(node, ast.Dict):
        for key in node.keys if keys else ():
            yield from _texts_in(key, known) if key else ()
    elif isinstance(node, ast.Constant | ast.JoinedStr):
        yield str(eval(compile(ast.Expression(node), "notes", "eval"), known))
    elif isinstance(node, ast.IfExp):
        yield from (*_texts_in(node.body, known), *_texts_in(node.orelse, known))
    elif isinstance(node, ast.Tuple):
        for each in node.elts:
            yield from _texts_in(each, known)


def texts() -> set[str]:
    pages = Path(str(files("switch.pages")))
    found = extract_from_dir(
        pages,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        keywords={**dict.fromkeys(("_", "text")), **dict.fromkeys(ERRORS)},
    )
    written = {message for _, _, message, _, _ in found if isinstance(message, str)}
    named = said_by_reports()
    named |= {report.title for report in CATALOGUE.values()} | {entry.title for entry in NAVIGATION}
    named |= (
        set(own_messages._FACTS)
        | set(reports.LABELS.values())
        | set(reports.GROUPS)
        | set(statistics.LINES.values())
    )
    named |= {name for name, *_ in statistics.RANGES.values()}
    named |= {field.hint for kind in KINDS.values() for field in forms.fields_of(kind) or () if field.hint}
    named |= {role.value for role in Role} | {"open", "closed", "away", "d", "h", "min", "s"}
    named |= (
        {kind.title for kind in KINDS.values()}
        | {label for kind in KINDS.values() for label in kind.labels.values()}
        | set(approvals.GROUPS.values())
    )
    named |= {str(state) for state in ChangeState} | {"approve", "refuse"} | set(forms.WORDS.values())
    named |= {
        option
        for kind in KINDS.values()
        for field in forms.fields_of(kind) or ()
        for option in field.options
        if option not in forms.WORDS
    }
    named |= effects() | set(oversight.TOPICS.values()) | {str(state) for state in State}
    named |= {kind.value for kind in EventKind} | set(facts.LABELS.values())
    named |= {tag.name.lower() for tag in Tag if tag.name.startswith(("ACCOUNT_", "CAP_", "WINDOW_"))}
    named |= set(BREAK_KINDS)
    named |= {event.value for event in Event} | {title for title, _ in GROUPS} | DETAILS
    named |= {sentence for page in HELP.values() for sentence in page} | {*OUTCOMES, *RETURNS}
    named |= {entry.about for entry in (*NAVIGATION, ACCOUNT) if entry.about}
    named |= {journey.event_name(kind) for kind in journey.KINDS} | {"received", "answered"} | LEGS
    named |= {
        state.value
        for states in (settlement.SettlementState, settlement.LineState, Status, LineOutcome)
        for state in states
    }
    named |= {*participants.STATES, *participants.KEY_STATES, *PURPOSES}
    named |= {kind.replace("_", " ") for kind in participants.KINDS_OF}
    tree = [kind for kind in problems._tree(SwitchError) if kind.__module__ == SwitchError.__module__]
    named |= {str(kind.__doc__).splitlines()[0] for kind in tree}
    named |= {text for pair in site.WORDS.values() for text in pair} | set(language.SERVICES.values())
    named |= {site.NO_PAGE, site.PERHAPS_DONE, problems.AWAY_NOW}
    named |= {measure.value for measure in Measure}
    named |= {*language.REASONS.values(), *cases._STATES.values(), "mine", "without an owner"}
    lists = (
        *(exports.PAYMENTS, exports.POSITIONS, exports.CHANGES, exports.WINDOWS),
        *(exports.BREAKS, exports.CASES),
    )
    named |= {column.heading for columns in lists for column in columns} | set(exports._TITLES.values())
    named |= {rhythm.value for rhythm in Rhythm} | {"waiting", "delivered", "given up"}
    return (written | named | HINTS | OWN | CANNOT | set(TEXTS.values())) - SAME


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_every_text_is_translated_and_none_is_left_over(code: str) -> None:
    found = set(wording.catalogue(code))

    assert texts() <= found
    assert found <= texts() | refusals()


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_a_translation_has_the_places_of_its_source(code: str) -> None:
    for source, said in wording.catalogue(code).items():
        assert set(re.findall(r"{\w+}", source)) == set(re.findall(r"{\w+}", said)), source
