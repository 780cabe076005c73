"""Every remedy leads on: it is no empty phrase, and what it names is there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from schemas import remedies
from schemas.errors import OutcomeUnknown, SwitchError
from schemas.reasons import Reason
from switch.api import problems
from switch.change_catalogue import KINDS
from switch.cli import COMMANDS, GROUPS
from tests.description.described import Described
from tests.switch.stack import Stack

ROOT = Path(__file__).parents[2]
EMPTY = re.compile(
    r"(?i)follow the text|^correct (it|the (element|content|value))\.$|^try again\.$|^add it\.$"
)
OPERATION = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/v1/[\w/{}.-]*[\w}])")
COMMAND = re.compile(r"payswitch ((?:[a-z][a-z-]+ ?)+)")
KIND = re.compile(r"\(([a-z_]+\.[a-z_]+)[,)]")


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    folders = (ROOT / name for name in ("switch", "schemas", "adapters"))
    return tuple(
        (path, ast.parse(path.read_text())) for each in folders for path in sorted(each.rglob("*.py"))
    )


def said(node: ast.expr) -> str:
    """The constant text of an expression; of an f-string, without its values."""
    return "".join(
        part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and type(part.value) is str
    )


@cache
def stated() -> tuple[tuple[str, str], ...]:
    """Every remedy in the tree, and its place."""
    return tuple(_stated())


def _stated() -> Iterator[tuple[str, str]]:
    for table in (remedies.BY_RULE, remedies.BY_REASON):
        for name, text in table.items():
            yield f"schemas/remedies.py: {name}", text
    for kind, text in problems.REMEDIES.items():
        yield kind.__name__, text
    for path, module in modules():
        for node in ast.walk(module):
            for word in node.keywords if isinstance(node, ast.Call) else ():
                if word.arg == "remedy" and (text := said(word.value)):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def test_a_refusal_without_a_code_states_what_to_do() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and _is_without_code(node)
        if not any(word.arg == "remedy" for word in node.keywords)
    ]

    assert silent == []


def _is_without_code(call: ast.Call) -> bool:
    words = {word.arg: ast.unparse(word.value) for word in call.keywords}
    assert isinstance(call.func, ast.Name)
    return call.func.id == "Refused" and words.get("reason") == "Reason.NARRATIVE"


def test_no_remedy_is_an_empty_phrase() -> None:
    assert [(place, text) for place, text in stated() if EMPTY.search(text)] == []


@pytest.mark.parametrize("kind", [kind for kind in problems._tree(SwitchError) if kind is not OutcomeUnknown])
def test_a_type_of_problem_has_a_remedy_of_its_own(kind: type[SwitchError]) -> None:
    for entry in problems.example_of(kind)["errors"]:
        assert entry["path"] or kind.status >= 500
        assert entry["remedy"] != remedies.BY_REASON[Reason.NARRATIVE]


def test_remedies_name_operations_that_there_are(stack: Stack) -> None:
    known = {(verb.upper(), path) for verb, path, _ in Described.of(stack.url).operations.values()}
    known |= {("GET", "/v1/asyncapi.json"), ("POST", "/v1/iso20022/{message}")}

    wrong = [(place, " ".join(found)) for place, text in stated() for found in OPERATION.findall(text)
             if not any(found[0] == verb and _same(found[1], path) for verb, path in known)]  # fmt: skip

    assert wrong == []


def _same(named: str, path: str) -> bool:
    """Whether a named path is that of the description; names of parameters may differ."""
    return re.sub(r"{\w+}", "{}", named) == re.sub(r"{\w+}", "{}", path)


def test_remedies_name_commands_and_kinds_of_changes_that_there_are() -> None:
    kinds = {kind.name for kind in KINDS.values()}
    wrong = [(place, found) for place, text in stated() for found in KIND.findall(text) if found not in kinds]
    wrong += [(place, words) for place, text in stated() for words in COMMAND.findall(text)
              if not _is_command(words.split())]  # fmt: skip

    assert wrong == []


def _is_command(words: list[str]) -> bool:
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first not in GROUPS:
        return first in COMMANDS
    return not second or second in _commands_of(first)


@cache
def _commands_of(group: str) -> frozenset[str]:
    module, name, _ = GROUPS[group]
    inner = get_command(getattr(import_module(f"switch.cli.{module}"), name))
    return frozenset(getattr(inner, "commands", ()))


@pytest.mark.parametrize("rule", sorted(remedies.BY_RULE))
def test_a_remedy_of_a_rule_is_a_sentence(rule: str) -> None:
    assert re.fullmatch(r"[A-Z].+[.`]", remedies.BY_RULE[rule])
    assert len(remedies.BY_RULE[rule].split()) >= 3


def test_the_remedy_of_several_broken_rules_is_that_of_each() -> None:
    text = "A/B: is missing [name]; A/C: must be EUR [currency]; A/D: differs [name]"

    assert remedies.of_text("BE22", text) == f"{remedies.BY_RULE['name']} {remedies.BY_RULE['currency']}"
    assert remedies.of_text("AM04", "not enough [of it] left") == remedies.BY_REASON["AM04"]
