# ruff: noqa: RUF001 - names in other scripts
"""Names of listed parties are found in any script and spelling; other names are not."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.names import words as names
from switch.screening.index import NameIndex
from switch.screening.list_files import born
from switch.screening.listed import ListedKind, ListedName, ListedParty


def party(number: int, *known: str, weak: tuple[str, ...] = (), birth: str = "") -> ListedParty:
    made = (*map(ListedName, known), *(ListedName(one, weak=True) for one in weak))
    days = [day for day in [born(birth)] if day]
    return ListedParty(f"T.{number}", ListedKind.PERSON, made, days)


LISTED = (
    party(1, "BIN LADIN, Usama", "Usama bin Muhammad bin Awad"),
    party(2, "AL-ZAWAHIRI, Ayman Muhammad Rabi", birth="19 Jun 1951"),
    party(3, "Захарченко Олег Петрович"),
    party(4, "BARADAR, Abdul Ghani", weak=("Lala",)),
    party(5, "KONSTANTINOV, Rahmatullah Nuruddin"),
    party(6, "HIZBALLAH", "Party of God"),
    party(7, "BANCO NACIONAL DE PRUEBA"),
    party(8, "TREMOL IMPORT EXPORT CO., LTD.", "TIE"),
    party(9, "QASIM, Hussein Khalid"),
    party(10, "王振东", "Wang Zhendong"),
    party(11, "MENDOZA ZAPATERO, Rigoberto"),
    *(party(100 + n, f"MUHAMMAD, Ali {name}") for n, name in enumerate(("Tarkani", "Ouedrani", "Sibelkar"))),
    *(party(200 + n, f"{name} TRADING COMPANY") for n, name in enumerate(("Zelkova", "Ombrane", "Quillart"))),
)
INDEX = NameIndex(LISTED)


def found(stated: str) -> list[str]:
    return [hit.party.id for hit in INDEX.search(stated)]


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ("Osama bin Laden", "T.1"),
        ("Usama Binladin", "T.1"),
        ("Mr. Oussama Ben Laden", "T.1"),
        ("Усама бен Ладен", "T.1"),
        ("أسامة بن لادن", "T.1"),
        ("اسامہ بن لادن", "T.1"),
        ("ओसामा बिन लादेन", "T.1"),
        ("Айман Мухаммад Раби аз-Завахири", "T.2"),
        ("أيمن محمد ربيع الظواهري", "T.2"),
        ("Oleg Zakharchenko", "T.3"),
        ("ZAHARCHENKO OLEG PETROVICH", "T.3"),
        ("عبدالغنی برادر", "T.4"),
        ("Abd al-Ghani Baradar", "T.4"),
        ("Rahmat Ullah Nur al-Din Konstantinov", "T.5"),
        ("Хезболла", "T.6"),
        ("حزب الله", "T.6"),
        ("Banco Nacional de Prueba S.A.", "T.7"),
        ("Tremol Import-Export", "T.8"),
        ("Hossein Khaled Ghasem", "T.9"),
        ("Хусейн Халид Касим", "T.9"),
        ("王振东", "T.10"),
        ("WANG ZHENDONG", "T.10"),
        ("Zhendong Wang", "T.10"),
        ("Rigoberto Mendoza", "T.11"),
        ("Риגоберто Мендоса Сапатеро".replace("ג", "г"), "T.11"),
        ("Konstantinov Rahmatulah Nuruddinn", "T.5"),
    ],
)
def test_a_listed_party_is_found_in_other_spellings_and_scripts(stated: str, wanted: str) -> None:
    assert found(stated)[:1] == [wanted]


@pytest.mark.parametrize(
    "stated",
    [
        *(
            "Priya Sharma",
            "Иван Петров",
            "李明",
            "محمد رضایی",
            "Asha Bank Limited",
            "Ali Khan",
            "Muhammad Ali",
        ),
        *(
            "Laden Osman",
            "Nur Wali",
            "Lala Khan",
            "TIE Fighter Models",
            "Wang Wei",
            "Nacional Trading Company",
        ),
        *("Party City", "General Trading Company", "", "-", "42"),
    ],
)
def test_another_name_is_no_hit(stated: str) -> None:
    assert found(stated) == []


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ("Osamabinladen", "T.1"),
        ("O s a m a b i n L a d e n", "T.1"),
        ("Osa-ma bin La-den", "T.1"),
        ("Osama\u200cbin\u200cLaden", "T.1"),
        ("O\u200cs\u200cama b\u200cin L\u200caden", "T.1"),
        ("0sama b1n Laden", "T.1"),
        ("Усaмa бин Лaдeн", "T.1"),  # a and e are Latin
        ("Oлег Зaxapчeнкo", "T.3"),
        ("Захарченко Oлeг", "T.3"),
        ("Rіgoberto Mendoza", "T.11"),
        ("Osamab inladen", "T.1"),  # the spaces are elsewhere
        ("Os ama binl aden", "T.1"),
        ("Hussein Khalid Qas im", "T.9"),
        ("Usama bin Iaden", "T.1"),  # a capital I for a small L
    ],
)
def test_a_listed_party_is_found_that_is_written_so_as_not_to_be_found(stated: str, wanted: str) -> None:
    assert wanted in found(stated)


@pytest.mark.parametrize(
    "stated",
    [
        "Asha Rao Osama bin Laden",
        "Osama bin Laden 123",
        "123Osama bin Laden456",
        "Osama bin Laden Trading Company LLC Mumbai",
        "Laden, Usama bin, Mumbai",
        "Asha Rao c/o Osama bin Laden",
        "Osama bin Laden on behalf of Asha Rao",
        "Asha Rao & Osama bin Laden",
        "Osama and bin Laden",
        "Asha Rao (Osama bin Laden)",
        "Rao Osama Osama bin bin Laden Laden",
        "Osama Ravi Kumar bin Laden",
        "Asha Rao\tOsama\tbin\tLaden",
        "Asha Rao Ossama binn Ladin",
        "Asha Rao Osamabinladen",
        "Asha Rao Usama Binladin",
        "Asha O s a m a b i n L a d e n Rao",
        "Asha Rao Osama bin Lad en",
        "Acct 40817810099910004312 Usama binladin",
        " ".join("abcdefghijklmnopqrstuvwxyz0123456789") + " Osama bin Laden",
        "\ufdfa" * 100 + " Osama bin Laden",
        "Перевод от Усама бен Ладен для Ивана",
        "أسامة بن لادن محمد رضایی",
        "ओसामा बिन लादेन मुंबई",
    ],
)
def test_extra_words_do_not_hide_a_listed_name(stated: str) -> None:
    assert "T.1" in found(stated)


@pytest.mark.parametrize(
    "stated",
    [
        "Усама бин Ладен (Asha Rao)",
        "Asha Rao (Усама бин Ладен)",
        "Усама (Asha Rao) бин Ладен",
        "Усама бин (Laden)",
    ],
)
def test_a_latin_name_in_brackets_does_not_hide_the_name_in_another_script(stated: str) -> None:
    assert "T.1" in found(stated)


@pytest.mark.parametrize("stated", ["Asha Rao 王振东", "张伟和王振东", "北京王振东商贸有限公司"])
def test_other_characters_do_not_hide_a_name_in_han_characters(stated: str) -> None:
    assert found(stated) == ["T.10"]


def test_a_foreign_name_in_han_characters_is_found_by_its_alias() -> None:
    index = NameIndex([party(1, "Usama bin Laden", "本·拉登")])

    assert [hit.score for hit in index.search("本·拉登")] == [1.0]


def test_a_name_of_usual_words_is_found_beside_another_one_that_is_joined_to_it() -> None:
    index = NameIndex([party(1, "Muhammad Ali"), *(party(2 + n, f"Muhammad {n} Ali") for n in range(30))])

    for stated in ("Asha Rao and Muhammad Ali", "Asha Rao/Muhammad Ali", "Asha Rao (Muhammad Ali)"):
        assert [hit.party.id for hit in index.search(stated)][:1] == ["T.1"], stated
    assert index.search("Asha Muhammad Ali Rao") == ()


@pytest.mark.parametrize(
    "stated",
    [
        "Osama Rao and Asha Laden",
        "Asha Rao and Ravi Kumar",
        "Priya Anita Devi Sharma",
        "Oleg Ivanov & Petr Zakharov",
        "Hussein Rao / Asha Khalid Khan",
        "张伟和李明",
        "Wang Wei and Zhang Dong",
        "Asha Rao Osama",
    ],
)
def test_words_of_two_names_and_parts_of_a_listed_one_among_others_are_no_hit(stated: str) -> None:
    assert not found(stated)


WHOLE = [
    name.text
    for listed in LISTED
    for name in listed.names
    if not name.weak and name.text not in {"TIE", "Lala", "HIZBALLAH", "Party of God"}
]
COMMON = ("Asha", "Rao", "Ravi", "Kumar", "Mumbai", "Trading", "Иван", "Мария", "LLC", "c/o", "No. 7", "42")


@given(
    st.sampled_from([name for name in WHOLE if "MUHAMMAD, Ali" not in name and "TRADING" not in name]),
    st.lists(st.sampled_from(COMMON), max_size=4),
    st.lists(st.sampled_from(COMMON), min_size=1, max_size=6),
)
def test_a_listed_name_is_found_between_any_words(name: str, before: list[str], after: list[str]) -> None:
    """If the name alone is a hit of two words that are not usual, it is one with any words around it."""
    alone = {hit.party.id for hit in INDEX.search(name)}

    assert alone
    assert alone <= set(found(" ".join([*before, name, *after])))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Rent of March, for Osama bin Laden, invoice 4711", ["T.1"]),
        ("INV-2026-0042/Усама бен Ладен (договор 12)", ["T.1"]),
        ("invoice 12 王振东", ["T.10"]),
        ("word " * 300 + "Osama bin Laden", ["T.1"]),
        ("osamabinladen@upi", ["T.1"]),
        ("Osama Ravi bin Laden", []),
        ("Rent of March for Osama", []),
        ("Rent for Laden", []),
        ("Invoice 4711 of 12 March, general trading, cotton and rice", []),
        ("77017654321", []),
        ("", []),
    ],
)
def test_a_whole_listed_name_is_found_in_a_free_text_and_nothing_less(text: str, wanted: list[str]) -> None:
    assert [hit.party.id for hit in INDEX.search_text(text)] == wanted


@pytest.mark.parametrize("stated", ["Binladinov", "L i n L i", "Ali4 Karimi", "3M Company", "Marosanidze Le"])
def test_words_that_are_run_together_or_have_digits_are_no_hit_by_themselves(stated: str) -> None:
    assert not found(stated)


def test_a_weak_alias_is_a_hit_only_as_the_whole_name() -> None:
    assert (found("Lala"), found("Lala Sibelkar Trading")) == (["T.4"], [])


def test_another_date_of_birth_lowers_the_score_and_the_same_does_not() -> None:
    def scored(day: date | None) -> float:
        return INDEX.search("Ayman Zawahiri Muhammad Rabi", born=day, threshold=0)[0].score

    assert scored(date(1951, 6, 19)) == scored(None) > scored(date(1990, 1, 1))


@pytest.mark.parametrize(
    ("listed", "stated"),
    [
        ("Viktor Anatolyevich Bout", "Viktor A. Bout"),
        ("Viktor Anatolyevich Bout", "Bout Viktor A"),
        ("Виктор Анатольевич Бут", "Вiктор Бут"),  # a Latin i, as keyboards without the Cyrillic one have
        ("Hafiz Muhammad Saeed", "Hafiz M Saeed"),
        ("Hafiz Muhammad Saeed", "Md. Hafiz Saeed Sahib"),
        ("Hafiz Muhammad Saeed", "हाफिज मुहम्मद सईद"),
        ("Dawood Ibrahim Kaskar", "Daud Ibrahim"),
        ("Dawood Ibrahim Kaskar", "Dawood lbrahim"),  # a small L for a capital I
        ("Rosoboronexport", "АО «Рособоронэкспорт»"),
    ],
)
def test_an_initial_a_title_or_a_usual_spelling_hid_a_listed_name(listed: str, stated: str) -> None:
    index = NameIndex([party(1, listed), *(party(2 + n, f"Zelkova {n} Ombrane") for n in range(200))])

    assert [hit.party.id for hit in index.search(stated)] == ["T.1"]


def test_another_initial_is_no_name_and_one_word_beside_initials_says_nothing() -> None:
    assert found("R. Zawahiri") == found("A B C Zawahiri") == []


@pytest.mark.parametrize("spellings", [2, 3, 10])
def test_many_spellings_of_one_party_do_not_make_its_words_usual_ones(spellings: int) -> None:
    """Counted by names, the words of who has many would say little, most of all on a short list."""
    known = [*("Ozimand Kvartsenko", "Озиманд Кварценко", "Kvartsenko Ozimand")]
    known += [f"Ozimand {chr(65 + n)}ov Kvartsenko" for n in range(spellings)]
    index = NameIndex([party(1, *known[:spellings]), party(2, "Blackbrook Holding Front")])

    assert [hit.party.id for hit in index.search("Asha Rao Ozimand Kvartsenko")] == ["T.1"]
    assert [hit.party.id for hit in index.search_text("rent for Ozimand Kvartsenko")] == ["T.1"]


def test_chinese_names_run_together_are_not_heard_as_others() -> None:
    assert NameIndex([party(1, "Hu Jianguo")]).search("徐建国") == ()


@pytest.mark.parametrize("stated", ["A. Zawahiri", "Zawahiri A", "A.M. Zawahiri", "А. Завахири"])
def test_an_initial_and_a_family_name_are_a_hit_with_the_date_of_birth_only(stated: str) -> None:
    def ids(day: date | None) -> list[str]:
        return [hit.party.id for hit in INDEX.search(stated, born=day)]

    assert ids(date(1951, 6, 19)) == ["T.2"]
    assert ids(date(1990, 1, 1)) == ids(None) == []


def test_other_initials_are_no_hit_with_the_same_date_of_birth() -> None:
    assert INDEX.search("X. Zawahiri", born=date(1951, 6, 19)) == ()
    assert INDEX.search("A. B. C.", born=date(1951, 6, 19)) == ()


def test_each_party_is_once_in_the_hits_by_its_best_name() -> None:
    (hit,) = NameIndex([party(1, "Zelkova Ombrane", "Ombrane, Zelkova Quillart")]).search("Zelkova Ombrane")

    assert (hit.name, hit.score) == ("Zelkova Ombrane", 1.0)


def test_an_empty_list_finds_nothing() -> None:
    assert NameIndex([]).search("Osama bin Laden") == ()


@given(st.text(max_size=140))
def test_no_text_breaks_a_search(stated: str) -> None:
    for hit in INDEX.search(stated):
        assert 0.85 <= hit.score <= 1.0


@given(st.sampled_from(LISTED), st.randoms(use_true_random=False))
def test_a_listed_name_is_found_in_any_order_of_its_words(listed: ListedParty, chance) -> None:  # type: ignore[no-untyped-def]
    made = list(names.words(listed.names[0].text))
    chance.shuffle(made)

    assert listed.id in found(" ".join(made))
