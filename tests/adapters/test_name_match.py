"""A stated name beside the one that a rail knows: a wrong name was confirmed on ten rails."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.name_match import Match, compare

MATCH, CLOSE, NONE = Match.MATCH, Match.CLOSE, Match.NONE
NAMES = [
    ("Asha Rao", "Asha Rao", MATCH),
    ("RAO, ASHA", "Asha Rao", MATCH),
    ("Mr. Asha Rao", "asha rao", MATCH),
    ("Иван Петров", "Ivan Petrov", MATCH),
    ("Wang Xiaoming", "王小明", MATCH),
    ("王小明", "WANG XIAO MING", MATCH),
    ("علی خان", "Ali Khan", MATCH),
    ("O'Brien", "OBrien", MATCH),
    ("A. Rao", "Asha Rao", CLOSE),
    ("Asha Kumari Rao", "Asha Rao", CLOSE),
    ("Asha Roa", "Asha Rao", CLOSE),
    ("Muhammad Ahmadi", "محمد احمدی", CLOSE),
    ("Yusuf Hussain", "Yousef Hossein", CLOSE),
    ("Olim Karimov", "Karimov Olim Akramovich", CLOSE),
    ("Asha Rao", "A*** R**", MATCH),
    ("Rao Asha", "A*** R***", MATCH),
    ("Asha Rao", "Asha Rxx", MATCH),
    ("Asha Rao", "A***", MATCH),
    ("Asha Kumari Rao", "A*** K***", CLOSE),
    ("王小明", "王*明", MATCH),
    ("李小明", "王*明", NONE),
    ("Иван Петров", "Иван П.", MATCH),
    ("Иван Иванович Петров", "Иван И. П.", MATCH),
    ("Пётр Сидоров", "Иван И. П.", NONE),
    ("Bilal Khan", "Asha Rao", NONE),
    ("Bilal Rao", "A*** R**", NONE),
    ("Asha", "Asha Rao", NONE),
    ("A R", "Asha Rao", NONE),
    ("Khan", "Bilal Rao Khan", NONE),
    ("🤝", "Asha Rao", NONE),
    ("Asha Rao", None, Match.NOT_POSSIBLE),
    ("Asha Rao", " ", Match.NOT_POSSIBLE),
]


@pytest.mark.parametrize(("stated", "known", "match"), NAMES)
def test_names_match_closely_or_not(stated: str, known: str | None, match: Match) -> None:
    assert compare(stated, known) is match


@settings(max_examples=200, deadline=None)
@given(stated=st.text(max_size=60), known=st.text(max_size=60))
def test_any_two_texts_are_compared(stated: str, known: str) -> None:
    assert compare(stated, known) in Match
