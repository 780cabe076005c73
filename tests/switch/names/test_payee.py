# ruff: noqa: RUF001 - names in other scripts
"""A stated name beside the one that a rail knows: a wrong name was confirmed on ten rails."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import registry
from loadtests.names import pairs
from switch.base.settings import Settings
from switch.names.payee import MATCHING, Match, PayeeMatching, compare, mask

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
    ("Muhammad Ahmadi", "محمد احمدی", MATCH),
    ("Yusuf Hussain", "Yousef Hossein", MATCH),
    ("Hassan Karimi", "حسین کریمی", NONE),
    ("Ahmad Reza Mohammadi", "محمد رضا احمدی", NONE),
    ("Ван Сяомин", "王小明", MATCH),
    ("章伟", "张伟", NONE),
    ("Wang Xiaomin", "王小明", NONE),
    ("Белая Русь", "ОДО Белая Русь Трейд", NONE),
    ("Belaia Rus", "ОДО Белая Русь", MATCH),
    ("Mohammadreza Ahmadi", "Mohammad Reza Ahmadi", MATCH),
    ("\u202eAsha\u200b Rao", "Asha Rao", MATCH),
    ("Аshа Rао", "Asha Rao", MATCH),
    ("\u200b", "Asha Rao", NONE),
    ("A", "Asha Rao", NONE),
    ("7", "Asha Rao", NONE),
    ("Asha Rao", "***", Match.NOT_POSSIBLE),
    ("Olim Karimov", "Karimov Olim Akramovich", CLOSE),
    ("Asha Rao", "A*** R**", MATCH),
    ("Rao Asha", "A*** R***", MATCH),
    ("Asha Rao", "Asha Rxx", MATCH),
    ("Asha Rao", "A***", MATCH),
    ("Asha Kumari Rao", "A*** K***", CLOSE),
    ("A Rao", "A*** R***", MATCH),
    ("A R", "A*** R***", NONE),
    (" ".join("abcdefghijklmnopqrstuvwxyz"), "A*** R***", NONE),
    (" ".join(2 * one for one in "abcdefghijklmnopqrstuvwxyz"), "A*** R***", NONE),
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


def test_the_published_pairs_are_judged_as_published() -> None:
    """`python -m loadtests names` prints the figures; half of the persons were never used for tuning."""
    for part in ("tuned", "held"):
        answers = [(one, compare(one.stated, one.known)) for one in pairs() if one.part == part]
        taken = [one for one, answer in answers if answer in {MATCH, CLOSE}]
        right = sum(one.one for one in taken)

        assert right / len(taken) >= 0.96
        assert right / sum(one.one for one, _ in answers) >= 0.87
        assert sum(not one.one for one, answer in answers if answer is MATCH) <= 1


def test_a_corridor_can_be_stricter() -> None:
    strict = PayeeMatching(same_up_to=0, near_up_to=0, near_words=0)

    assert compare("Muhamad Ahmdi", "Muhammad Ahmadi") is CLOSE
    assert compare("Muhamad Ahmdi", "Muhammad Ahmadi", strict) is NONE
    assert compare("Asha Rao", "Asha Rao", strict) is MATCH
    assert MATCHING.tell_close


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Asha Rao", "A*** R**"),
        ("王小明", "王**"),
        ("A", "A"),
        ("", ""),
        ("Venkateswararaokrishnamurthy", "V********"),
    ],
)
def test_a_close_match_tells_initials(name: str, masked: str) -> None:
    assert mask(name) == masked
    if len(name) > 1:
        assert compare(name, masked) in {MATCH, Match.NOT_POSSIBLE}


@pytest.mark.parametrize(
    "stated", ["a " * 3000, "ab " * 3000, "a" * 50_000, "х" * 50_000, "王" * 50_000, "\u0639" * 50_000]
)
@pytest.mark.parametrize("known", ["Asha Rao", "a b c d e f g h " * 20, "A* B* " * 40, "王小明"])
def test_long_names_are_compared_to_their_limit(stated: str, known: str) -> None:
    assert compare(stated, known) in Match


def test_a_corridor_has_thresholds_of_its_own_and_others_the_common_ones() -> None:
    stated, known = "Sunitha Devi", "Sunita Devii"
    one, other, third = registry.countries()[:3]
    strict = {"same_up_to": 0, "near_up_to": 0, "near_words": 0}
    settings = Settings.model_validate({"corridor_payee_matching": {f"{one}-{other}": strict}})

    assert compare(stated, known, settings.payee_matching_of(one, third)) is not Match.NONE
    assert compare(stated, known, settings.payee_matching_of(other, one)) is not Match.NONE
    assert compare(stated, known, settings.payee_matching_of(one, other)) is Match.NONE
