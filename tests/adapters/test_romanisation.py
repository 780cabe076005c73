# ruff: noqa: RUF001 - names in scripts whose letters look alike
"""Names of other scripts as they are read aloud and written in passports."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.conformance.orders import NAMES
from adapters.romanisation import _key, _names, _rows, latin_form, romanised
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
    ("محمد شہباز شریف", "", "Muhammad Shahbaz Sharif"),
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
    ("中国工商银行", "", "Zhong Guo Gong Shang Yin Hang"),
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
def test_a_name_is_carried_as_its_bearer_writes_it(text: str, country: str, name: str) -> None:
    assert ascii_name(text, 140, country) == name


IRAN = """
سید علی خامنه‌ای  Seyed Ali Khamenei
خامنه ای  Khamenei
خامنهای  Khamenei
محسنی اژه‌ای  Mohseni Ejei
اسفندیاری  Esfandiari
ابراهیم رئیسی  Ebrahim Raisi
مسعود پزشکیان  Masoud Pezeshkian
میرحسین موسوی  Mirhossein Mousavi
عباس کیارستمی  Abbas Kiarostami
محمود طالقانی  Mahmoud Taleghani
فروغ فرخزاد  Forough Farrokhzad
محمّد مصدّق  Mohammad Mossadegh
روح‌الله خمینی  Ruhollah Khomeini
روح الله  Ruhollah
فضل‌الله نوری  Fazlollah Nouri
اسدالله  Asadollah
حسن‌زاده  Hassan Zadeh
نجف‌آبادی  Najaf Abadi
مهرآبادی  Mehrabadi
هوشنگ ابتهاج  Houshang Ebtehaj
زهره طباطبایی  Zohreh Tabatabaei
"""

PAKISTAN = """
ملالہ یوسفزئی  Malala Yusufzai
احمدزئی  Ahmedzai
محمود خان اچکزئی  Mahmood Khan Achakzai
محمد علی جناح  Muhammad Ali Jinnah
فیض احمد فیض  Faiz Ahmed Faiz
سید حسین شاہ  Syed Hussain Shah
محمد ضیاء الحق  Muhammad Zia Ul Haq
مولانا فضل الرحمان  Maulana Fazal Ur Rehman
رحمت اللہ خان  Rehmatullah Khan
اللہ دتہ  Allah Ditta
میاں اللہ بخش  Mian Allah Bakhsh
عبدالستار ایدھی  Abdulsattar Edhi
عبدالقدیر خان  Abdulqadeer Khan
عبدالرحمٰن  Abdulrehman
بشریٰ بی بی  Bushra Bi Bi
عظمیٰ خاں  Uzma Khan
افشاں  Afshan
کھوکھر  Khokhar
پروین بھٹّی  Parveen Bhatti
شاہد خاقان عباسی  Shahid Khaqan Abbasi
مصباح الحق  Misbah Ul Haq
وہاب ریاض  Wahab Riaz
لیاقت علی خان  Liaquat Ali Khan
"""

CHINA = """
重庆  Chongqing
重慶  Chongqing
重庆银行  Chongqing Yin Hang
长春  Changchun
厦门  Xiamen
成都  Chengdu
六安  Lu'an
西安  Xi'an
西藏  Xizang
哈尔滨  Harbin
北京市朝阳区  Beijing Shi Chaoyang Qu
甘肃省  Gansu Sheng
大夏  Da Xia
音乐  Yin Yue
会计  Kuai Ji
银行  Yin Hang
交通银行  Jiao Tong Yin Hang
单雄信  Shan Xiongxin
曾国藩  Zeng Guofan
仇英  Qiu Ying
解缙  Xie Jin
区大任  Ou Daren
朴槿惠  Piao Jinhui
尉迟恭  Yuchi Gong
万俟卨  Moqi Xie
长孙无忌  Zhangsun Wuji
澹台灭明  Tantai Mieming
薄熙来  Bo Xilai
种师道  Chong Shidao
冼星海  Xian Xinghai
沈从文  Shen Congwen
黄长青  Huang Changqing
李重庆  Li Chongqing
"""

TAJIKISTAN = """
Нурмуҳаммадзода  Nurmuhammadzoda
Шоҳрух Саъдӣ  Shohrukh Sadi
Ҳамроқул Муъминов  Hamroqul Muminov
Ҷамила Ҳоҷӣ  Jamila Hoji
Юсуф Ятимов  Yusuf Yatimov
"""

UZBEKISTAN = """
Жўрабек Хўжаев  Jo'rabek Xo'jayev
Маъруф Саъдулла  Ma'ruf Sa'dulla
Исҳоқ Нуъмон  Is'hoq Nu'mon
Ҳусан Қодиров  Husan Qodirov
Ғайрат Зиёев  G'ayrat Ziyoyev
Еркин Эргашев  Yerkin Ergashev
"""

OF_A_COUNTRY = [
    (*row.split("  "), country)
    for country, rows in (
        ("IR", IRAN),
        ("PK", PAKISTAN),
        ("CN", CHINA),
        ("TJ", TAJIKISTAN),
        ("UZ", UZBEKISTAN),
    )
    for row in rows.strip().splitlines()
]


@pytest.mark.parametrize(("text", "name", "country"), OF_A_COUNTRY)
def test_names_of_a_country_are_those_of_its_passports(text: str, name: str, country: str) -> None:
    """ "Khamneh Ai", "Yusfazii" and "Zhong Qing" were read aloud by nobody."""
    assert ascii_name(text, 140, country) == name


@pytest.mark.parametrize(
    ("text", "country", "name"),
    [
        ("حسین", "IR", "Hossein"),
        ("حسین", "PK", "Hussain"),
        ("حسین", "IN", "Hussain"),
        ("حسین", "", "Hossein"),
        ("حسین بھٹی", "", "Hussain Bhatti"),  # the surname has a letter of Urdu
        ("محسن", "IR", "Mohsen"),
        ("محسن", "PK", "Mohsin"),
    ],
)
def test_one_name_is_written_by_each_language_in_its_own_way(text: str, country: str, name: str) -> None:
    assert ascii_name(text, 140, country) == name


def test_tables_name_nothing_twice_and_count_a_syllable_for_each_character() -> None:
    seen: set[tuple[str, str]] = set()
    for kind, *row in _rows("han.txt"):
        forms = [one for one in row if not one.isascii()]
        syllables = row[len(forms) :]
        assert len(syllables) in {1, len(forms[0])}, row
        assert len({len(form) for form in forms}) == 1, row
        for form in forms:
            assert (kind, form) not in seen, form
            seen.add((kind, form))
    language = ""
    for name, *latin in _rows("names.txt"):
        language = language if latin else name
        key = (language, _key(name))
        assert key not in seen, name
        seen.add(key)


@pytest.mark.parametrize("text", ["🤝🤝", "\u202e", "…"])
def test_what_is_no_name_is_empty_so_that_it_is_refused(text: str) -> None:
    assert not any(one.isalpha() for one in ascii_name(text, 140))


def test_every_name_of_the_table_is_readable() -> None:
    for name, latin in [row for table in _names().values() for row in table.items()]:
        assert re.fullmatch(r"[A-Z][A-Za-z]+( [A-Z][a-z]+)?", latin), name
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
    plain = re.sub("chh|kh|gh|sh|zh|ch|th|dh|ph|bh|jh|rh", "k", said.lower())

    assert said.isascii()
    assert "`" not in said
    assert re.search(r"[^aeiouy\W\d]{5}", plain) is None, said


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_written_in_ascii_without_backticks_and_emoji_names(text: str) -> None:
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
