"""What processes and parties agree on by name has one enum each, and no copy of a name stands beside it."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from schemas.reasons import Reason
from switch.identity.model import ChangeState
from switch.settlement import states
from switch.writer.event_kinds import OF_PAYMENTS, EventKind
from switch.writer.lifecycle import Event
from switch.writer.verdicts import Verdict

ROOT = Path(__file__).parents[1]

RAILS_OWN = (
    "adapters/conformance/",
    "adapters/simulation/",
    "adapters/reference.py",
    "switch/cli/showcase.py",
    "switch/sandbox/scenes.py",
)
"""What stands for the other side: its answers, and the words that make it give them."""

CLIENTS = "switch/clients/"
"""A distribution of its own, which knows no module of the switch and names what the API says."""

KIT = "switch/conformance/"
"""The kit plays a bank, which states codes as texts."""
OTHER_CODES = {
    "switch/participants/investigation_reasons.py",
    "switch/participants/investigations.py",
    "switch/participants/payment_returns.py",
    "switch/participants/reversals.py",
    "switch/payments/recalls.py",
    "schemas/cancellation.py",
}
"""Reasons of returns, of cancellations and of investigations: lists of ISO 20022 of their own, in which some codes are the same."""


OTHER_NAMES = "switch/fspiop/forms.py"
"""Names of FSPIOP, of which one is the same as that of a kind of event."""


def is_rails_own(place: str) -> bool:
    """Whether a file is a rail's table of codes, or plays a rail."""
    return place.endswith(("/codes.py", "/simulator.py")) or place.startswith(RAILS_OWN)


def trees(*packages: str) -> Iterator[tuple[str, ast.AST]]:
    for package in packages:
        yield from trees_of(package)


@cache
def trees_of(package: str) -> list[tuple[str, ast.AST]]:
    """Each file of a package, parsed once for all tests."""
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


def texts(node: ast.AST) -> Iterator[ast.Constant]:
    """Every text that stands in an expression."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each


def test_a_reason_code_has_one_name() -> None:
    """An alias made "holds two transactions" say CH21, "mandatory element is missing"."""
    assert [name for name, reason in Reason.__members__.items() if reason.name != name] == []


def test_no_reason_code_is_written_beside_the_enum() -> None:
    codes = {reason.value for reason in Reason}
    found = [
        f"{place}:{text.lineno} {text.value}"
        for place, tree in trees("schemas", "ledger", "adapters", "switch")
        if place not in {"schemas/reasons.py", *OTHER_CODES} and not is_rails_own(place)
        if not place.startswith((CLIENTS, KIT))
        for text in texts(tree)
        if text.value in codes
    ]

    assert found == []


def test_no_verdict_is_written_beside_the_enum() -> None:
    found = [
        f"{place}:{text.lineno} {text.value}"
        for place, tree in trees("switch")
        if place != "switch/writer/verdicts.py"
        for node in ast.walk(tree)
        if speaks_of_a_verdict(node)
        for text in texts(node)
        if text.value in set(Verdict)
    ]

    assert found == []


def speaks_of_a_verdict(node: ast.AST) -> bool:
    """A comparison with a verdict, a `match` of one, or a reply that is made."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return any(is_verdict(side) for side in (left, *others))
        case ast.Match(subject=subject):
            return is_verdict(subject)
        case ast.Call(func=ast.Name(id="Reply")):
            return True
    return False


def is_verdict(node: ast.AST) -> bool:
    return "verdict" in {getattr(node, "attr", ""), getattr(node, "id", "")}


@pytest.mark.parametrize(
    "written",
    ['reply.verdict == "noted"', 'verdict in {"noted", "final"}', 'Reply("noted")', '"noted" != x.verdict'],
)
def test_a_verdict_that_is_written_is_found(written: str) -> None:
    assert speaks_of_a_verdict(ast.parse(written, mode="eval").body)


def test_no_kind_of_event_is_written_beside_the_enum() -> None:
    own = {"switch/writer/event_kinds.py", "switch/writer/lifecycle.py", "switch/settlement/states.py"}
    found = [
        f"{place}:{text.lineno} {text.value}"
        for place, tree in trees("switch")
        if place not in {*own, OTHER_NAMES}
        for text in texts(tree)
        if text.value in set(EventKind)
    ]

    assert found == []


def test_every_step_of_a_payment_is_a_kind_of_event_of_its_history() -> None:
    assert set(Event) < set(OF_PAYMENTS)


@pytest.mark.parametrize("state", sorted(set(ChangeState)))
def test_every_state_of_a_change_has_its_kind_of_event(state: ChangeState) -> None:
    assert f"CHANGE_{state.upper()}" in set(EventKind)


@pytest.mark.parametrize("state", sorted({*states.TRANSITIONS.values()}))
def test_every_state_that_a_settlement_reaches_has_its_kind_of_event(state: states.SettlementState) -> None:
    assert f"SETTLEMENT_{state}" in set(EventKind)


@pytest.mark.parametrize("state", sorted({*states.LINES.values()}))
def test_every_state_that_a_line_reaches_has_its_kind_of_event(state: states.LineState) -> None:
    assert f"SETTLEMENT_LINE_{state}" in set(EventKind)


def test_a_return_is_of_a_payments_history_and_no_deed_of_people() -> None:
    """Two lists of kinds were kept by hand: the access log took every returned payment for a person's change."""
    assert EventKind.RETURNED in OF_PAYMENTS


def test_a_public_class_has_a_name_of_its_own() -> None:
    """State and Event were four classes each, and Participant five."""
    names = Counter(
        node.name
        for place, tree in trees("schemas", "ledger", "adapters", "switch", "loadtests")
        if not place.startswith(CLIENTS)
        for node in ast.iter_child_nodes(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert [name for name, times in names.items() if times > 1] == []
