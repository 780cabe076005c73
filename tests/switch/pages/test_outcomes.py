"""What came of a change is said in the reader's language, whatever the change."""

import ast
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from switch.pages.language import Language
from switch.pages.outcomes import translated

RUSSIAN = Language("ru", ZoneInfo("UTC"))
VALUE = "paid"
"""Stands for every name and number: it may be a side, a state or an id."""


def sentences() -> Iterator[str]:
    """Every sentence that an execution leaves, with its values replaced."""
    for file in sorted(Path(str(files("switch"))).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Attribute) and target.attr == "outcome" for target in node.targets
            ):
                yield from _texts(node.value)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)


@pytest.mark.parametrize(
    ("detail", "russian"),
    [
        ("1000.00 PKR were returned as 304.55 INR", "возвращено 1 000,00 PKR, получено 304,55 INR"),
        ("304.55 INR were returned", "возвращено 304,55 INR"),
        (
            (
                "10.00 PKR were returned as 2.95 INR at the rate in force, 3.3835;"
                " the debtor bears the difference of 0.09 INR"
            ),
            (
                "возвращено 10,00 PKR, получено 2,95 INR по действующему курсу 3,3835;"
                " разница 0,09 INR за счёт плательщика"
            ),
        ),
        ("returned in part CUST", "возвращён частично CUST Решение клиента"),
    ],
)
def test_a_return_in_part_is_said_with_the_readers_numbers(detail: str, russian: str) -> None:
    assert RUSSIAN.detail(detail).replace("\u00a0", " ") == russian


def test_a_step_of_the_history_has_no_underscore() -> None:
    assert Language("en", ZoneInfo("UTC")).step("part_returned") == "part returned"


def test_no_sentence_of_the_code_is_without_a_translation() -> None:
    found = list(sentences())

    assert len(found) > 35
    assert [each for each in found if translated(each, RUSSIAN.text) is None] == []


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("window 76 is closed", "сеанс 76 закрыт"),
        ("moved 10.00 INR, transfer 9", "перечислено 10,00 INR, проводка 9"),
        ("asha-bank paid 5.00 INR", "asha-bank уплатил 5,00 INR"),
        ("asha-bank is suspended", f"asha-bank: {RUSSIAN.text('suspended')}"),
        ("no account in this currency", RUSSIAN.text("no account in this currency")),
    ],
)
def test_a_sentence_keeps_its_names_and_numbers(sentence: str, said: str) -> None:
    assert RUSSIAN.outcome(sentence) == said


def test_english_stays_as_it_is_written() -> None:
    found = list(sentences())

    assert [Language("en", ZoneInfo("UTC")).outcome(each) for each in found] == found
