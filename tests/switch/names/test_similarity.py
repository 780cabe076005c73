"""Words that are one name in two spellings, and words that are two names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.names.similarity import FAR, Likeness, difference, keys, likeness, skeleton

ONE_NAME = (
    "muhammad mohammed, hussain hossein, hussein husayn, yusuf yousef, khusein hussain, sergei sergey, "
    "sergej sergii, "
    "yulia iuliia, julija yuliya, zhumabayeva jumabayeva, kasym qasym, karimov kareemov, gafurov gofurov, "
    "aliaksandr alexander, uladzimir vladimir, volha olga, chowdhury chaudhary, uthman usman, "
    "rav rao, edhi edkhi, "
    "tsvetkova cvetkova, shcherbakov scherbakov, laxmi lakshmi, rahmonov rahmanuf"
)
TWO_NAMES = (
    "hassan hossein, karim karam, jamil jamal, asha usha, shahid zahid, omar amir, rahul rohit, sunita savita, "
    "ivan igor, "
    "li lu, wei wen, ali ala, ram rao, petrov petrovich"
)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(one, other) for one, other in (pair.split() for pair in text.split(", "))]


@pytest.mark.parametrize(("one", "other"), pairs(ONE_NAME))
def test_spellings_of_one_name_are_one_name(one: str, other: str) -> None:
    assert likeness(one, other) is Likeness.SAME
    assert keys(one) & keys(other)


@pytest.mark.parametrize(("one", "other"), pairs(TWO_NAMES))
def test_brothers_with_like_names_are_not_taken_for_each_other(one: str, other: str) -> None:
    """Hassan and Hossein have the same consonants: the one was a close match of the other."""
    assert likeness(one, other) <= Likeness.ALIKE


@pytest.mark.parametrize(
    ("one", "other"), [("gulnar", "gulmar"), ("takhti", "takthi"), ("zhiqiang", "zhiqang")]
)
def test_one_wrong_letter_is_an_error_of_typing(one: str, other: str) -> None:
    assert Likeness.ALIKE < likeness(one, other) < Likeness.SAME


def test_syllables_of_chinese_are_equal_or_other_names() -> None:
    assert likeness("xiaoming", "xiaomin") > Likeness.ALIKE
    assert likeness("xiaoming", "xiaomin", pinyin=True) is Likeness.OTHER
    assert likeness("zhiqiang", "zhiqang", pinyin=True) > Likeness.ALIKE  # no syllable: an error of typing


WORDS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0\u0259"), max_size=80)


@given(one=WORDS, other=WORDS)
def test_a_difference_has_no_direction_and_an_end(one: str, other: str) -> None:
    assert difference(one, other) == pytest.approx(difference(other, one))
    assert 0 <= difference(one, other) <= FAR
    assert likeness(one, one) is Likeness.SAME
    assert bool(skeleton(one)) is bool(one)
