# ruff: noqa: RUF001 - letters that look alike, and names in other scripts
"""The words of names, whatever marks, letters and lengths a client sends."""

import pytest

from switch.names.words import NAME_MAX, WORDS_MAX, all_words, has_legal_form, words


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("\u202eAsha\u200b Rao\u2069", ("asha", "rao")),
        ("Аshа Раtеl", ("asha", "patel")),  # four of the letters are Cyrillic
        ("Ивaн Пeтpoв", ("ivan", "petrov")),  # five of the letters are Latin
        ("Tестов", ("testov",)),  # the first letter is Latin
        ("As\u200cha Rao", ("asha", "rao")),
        ("رضایی\u200cنژاد", words("رضایی نژاد")),
        ("ＡＳＨＡ　ＲＡＯ", ("asha", "rao")),
        ("Abdus Sattar", ("abd", "sattar")),
        ("عبد الستار", ("abd", "al", "sattar")),
        ("Юсупов Исҳоқ", ("yusupov", "iskhoq")),
        ("艾力·买买提", ("aili", "maimaiti")),
        ("ООО Северный Ветер", ("severnyi", "veter")),
        ("Общество с ограниченной ответственностью «Ветер»", ("veter",)),
        ("Asha\tRao\nand\u2028Ravi", ("asha", "rao", "and", "ravi")),
        ("Asha & Ravi", ("asha", "and", "ravi")),
        ("\ufdfaAsha\ufdfb Rao", ("asha", "rao")),  # praise of several words in one character
        ("LLC", ("llc",)),
        ("", ()),
        ("\u200f\u200b", ()),
        ("🤝", ()),
        ("7", ("7",)),
    ],
)
def test_a_name_is_its_visible_words(name: str, found: tuple[str, ...]) -> None:
    assert words(name) == found


def test_the_last_word_of_a_long_name_is_read_where_all_are_wanted() -> None:
    name = " ".join("abcdefghijklmnopqrstuvwxyz0123456789") + " Rao"

    assert (all_words(name)[-1], len(words(name))) == ("rao", WORDS_MAX)
    assert len(all_words("a " * 5000)) == NAME_MAX // 2


def test_an_organisation_is_known_by_its_legal_form() -> None:
    assert has_legal_form("Bharat Textiles Pvt Ltd")
    assert has_legal_form("北京东方科技有限公司")
    assert not has_legal_form("Asha Rao")


@pytest.mark.parametrize("name", ["a " * 5000, "a" * 100_000, "\ufdfa" * 5000, "е" * 9000 + "a", "王" * 9000])
def test_a_long_name_is_read_to_its_limit(name: str) -> None:
    found = words(name)

    assert len(found) <= WORDS_MAX
    assert sum(map(len, found)) <= 12 * NAME_MAX
