# ruff: noqa: RUF001 - names in scripts whose letters look alike
"""Names of other scripts as they are read aloud and written in passports."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.conformance.orders import NAMES
from adapters.romanisation import _names, latin_form, romanised
from adapters.text import ascii_name, ascii_text

NAMED = [
    # Persian and Urdu: consonants alone were sent
    ("محمد رضا احمدی", "", "Mohammad Reza Ahmadi"),
    ("علی خان", "", "Ali Khan"),
    ("فاطمه زارعی", "", "Fatemeh Zarei"),
    ("غلامرضا تختی", "", "Gholamreza Takhti"),
    ("حسین\u200cزاده", "", "Hossein Zadeh"),
    ("احمدی\u200cنژاد", "", "Ahmadi Nejad"),
    ("عبدالرحمن", "", "Abdulrahman"),
    ("صلاح الدین", "", "Salah Uddin"),
    ("کرم ناصری", "", "Karam Naseri"),
    ("آصف علی زرداری", "", "Asif Ali Zardari"),
    ("محمد شہباز شریف", "", "Mohammad Shahbaz Sharif"),
    ("نصرت بھٹو", "", "Nusrat Bhutto"),
    ("عَلِي", "", "Ali"),
    # Cyrillic: Russian passports
    ("Иван Щербаков", "RU", "Ivan Shcherbakov"),
    ("Юлия Ёлкина", "", "Iuliia Elkina"),
    ("ПЁТР ОБЪЕДКОВ", "RU", "PETR OBIEEDKOV"),
    # and those of five more languages
    ("Айгүл Ө.", "KG", "Aigul O."),
    ("Қасым-Жомарт Тоқаев", "", "Kasym-Zhomart Tokaev"),
    ("Нұрсұлтан Әбішұлы", "", "Nursultan Abishuly"),
    ("Гулрӯ Ҷӯраева", "", "Gulru Juraeva"),
    ("Эмомалӣ Раҳмон", "TJ", "Emomali Rahmon"),
    ("Шавкат Мирзиёев", "UZ", "Shavkat Mirziyoyev"),
    ("Ўктам Ғофуров", "", "O'ktam G'ofurov"),
    ("O\u02bbktam G\u02bbofur", "UZ", "O'ktam G'ofur"),
    ("Ігар Ўладзіміравіч", "", "Ihar Uladzimiravich"),
    ("Аляксандр Гурыновіч", "BY", "Aliaksandr Hurynovich"),
    # Han: surname and given name, rare characters, other readings of surnames
    ("王小明", "", "Wang Xiaoming"),
    ("欧阳修", "", "Ouyang Xiu"),
    ("𠮷野", "", "Ji Ye"),
    ("吕布", "", "Lyu Bu"),
    ("单雄信", "", "Shan Xiongxin"),
    ("中国工商银行", "", "Zhong Guo Gong Shang Yin Xing"),
    # Indian scripts: the inherent vowel was left out too
    ("आशा राव", "", "Asha Rav"),
    ("कमल किशोर शर्मा", "", "Kamal Kishor Sharma"),
    ("ज़ाहिद ख़ान", "", "Zahid Khan"),
    ("रामचंद्र", "", "Ramachandra"),
    ("কমল দাস", "", "Kamal Das"),
    # others
    ("José Müller", "", "Jose Muller"),
    ("김철수", "", "Gim Cheol Su"),
    # the sender's own Latin form
    ("Ли Мин (Li Ming)", "", "Li Ming"),
    ("王小明 / Wang Xiao-Ming", "", "Wang Xiao-Ming"),
    ("Mohamad Rezaa [محمد رضا]", "", "Mohamad Rezaa"),
    # symbols are no words
    ("Asha 🤝 Rao", "", "Asha Rao"),
]


@pytest.mark.parametrize(("text", "country", "name"), NAMED)
def test_a_name_is_said_as_its_bearer_writes_it(text: str, country: str, name: str) -> None:
    assert ascii_name(text, 140, country) == name


@pytest.mark.parametrize("text", ["🤝🤝", "\u202e", "…"])
def test_what_is_no_name_is_empty_so_that_it_is_refused(text: str) -> None:
    assert not any(one.isalpha() for one in ascii_name(text, 140))


def test_every_name_of_the_table_is_readable() -> None:
    for name, latin in _names().items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", latin), name
        assert re.search("[aeiouy]", latin, re.IGNORECASE), name


def words(alphabet: str) -> Iterator[str]:
    return st.text(st.sampled_from(alphabet), min_size=2, max_size=12)


@settings(max_examples=500, deadline=None)
@given(
    word=words("ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی")
    | words("ابپتٹثجچحخدڈذرڑزسشصضطظعغفقکگلمنںوہھءیے")
    | words("कखगचजटडतदनपबमयरलवशसह")
)
def test_any_word_without_vowels_can_be_read_aloud(word: str) -> None:
    """Three consonants in a row are the most that a language of these writes; digraphs count as one."""
    said = romanised(word)
    plain = re.sub("chh|kh|gh|sh|zh|ch|th|dh|ph|bh|jh", "k", said.lower())

    assert said.isascii()
    assert "`" not in said
    assert re.search(r"[^aeiouy\W\d]{5}", plain) is None, said


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_said_in_ascii_without_backticks_and_emoji_words(text: str) -> None:
    said = ascii_text(text, 200)

    assert said.isascii()
    assert said.isprintable() or not said
    assert "`" not in said or "`" in text


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_lost(name: str) -> None:
    assert ascii_name(name, 140)


@pytest.mark.parametrize(
    "text", ["王小明 (VIP)x", "Ли (Мин)", "Li (Ming)", "王 / 明", "Иван / 3", "a/b/c 王", "王(A)(B)"]
)
def test_what_is_no_latin_form_is_not_taken_for_one(text: str) -> None:
    assert latin_form(text) == text
