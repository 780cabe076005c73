"""Chinese names: in characters, in pinyin, and in Cyrillic letters."""

import pytest

from switch.names import palladius
from switch.names.han import HanLikeness, compare, is_pinyin


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("张伟", "張偉", HanLikeness.SAME),
        ("赵雅丽", "趙雅麗", HanLikeness.SAME),
        ("张伟", "章伟", HanLikeness.OTHER),  # another surname that is read alike
        ("王小明", "王晓明", HanLikeness.HOMOPHONE),
        ("王小明", "王大明", HanLikeness.OTHER),
        ("王小明", "王小", HanLikeness.OTHER),
    ],
)
def test_names_in_characters_are_compared_by_their_characters(
    one: str, other: str, found: HanLikeness
) -> None:
    """张伟 and 章伟 are both Zhang Wei: the one was told to be the other."""
    assert compare(one, other) is found
    assert compare(other, one) is found


@pytest.mark.parametrize(
    ("cyrillic", "latin"),
    [
        ("Ван Сяомин", ("wang", "xiaoming")),
        ("Чжан Вэй", ("zhang", "wei")),
        ("Люй Сыцин", ("lyu", "siqing")),
        ("Хуан Чжицян", ("huang", "zhiqiang")),
        ("Цзян Цзюнь", ("jiang", "jun")),
        ("Чэнь Цзин", ("chen", "jing")),
        ("Сюй Гуйхуа", ("xu", "guihua")),
        ("Иван Петров", None),
        ("Wang Wei", None),
        ("", None),
        ("ван" * 40, None),
    ],
)
def test_a_chinese_name_in_cyrillic_letters_is_read_as_one(
    cyrillic: str, latin: tuple[str, ...] | None
) -> None:
    assert palladius.pinyin(cyrillic) == latin


def test_syllables_are_told_from_other_words() -> None:
    assert all(map(is_pinyin, ["wang", "xiaoming", "zhuang", "lyu", "er", "xiong"]))
    assert not any(map(is_pinyin, ["zhiqang", "petrov", "hassan", "smith"]))
