# ruff: noqa: E501, RUF001, PLR2004 - tables of letters that look alike, kept in lines; counts of letters
"""Romanises names and texts of other scripts, as the holders of the names write them.

* Cyrillic by the passport rules of the language: ICAO Doc 9303 part 3 for Russian and Belarusian, the
  national rules for Kazakh, Kyrgyz, Tajik and Uzbek. The language is recognised by its own letters, otherwise
  by the country.
* Arabic letters (Persian, Urdu, Arabic): short vowels are not written, so common names come from a table
  (`names.txt`), and others get vowels by rule, so that they can be read aloud. No half-rings and no
  backticks. Urdu is recognised by its own letters, otherwise by the country: the same name is Hossein in Iran
  and Hussain in Pakistan.
* Indian scripts: with the inherent vowel, which `anyascii` omits, except at the end of a word.
* Han: pinyin. A name of two to four characters is written as in passports, the surname first and the given
  name as one word. Characters with several readings come from a table (`han.txt`): as surnames, in places, in
  words, and alone.
* Everything else by the `anyascii` package. Emoji and symbols are left out.

If the sender added the name in Latin letters, in brackets or after a slash, that form is used.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from anyascii import anyascii

_ARABIC: Final = "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefe"
_RUN = re.compile(
    "([\u0400-\u052f]+(?:['\u2019\u02bc][\u0400-\u052f]+)*)"
    f"|([{_ARABIC}]+)"
    "|([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
    "|([\u0900-\u0d7f]+)"
)
_BESIDE = re.compile(
    r"^(?P<first>[^()/|\[\]]+?)\s*(?:\((?P<inside>[^()]+)\)|\[(?P<square>[^\[\]]+)\]|[/|](?P<after>[^/|]+))\s*$"
)
_SYLLABLES = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""The package writes syllables of other scripts one after another, each with a capital."""
_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z'. \-]*[A-Za-z.]")

# fmt: off
_ICAO: Final = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i",
    "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y", "ь": "",
    "э": "e", "ю": "iu", "я": "ia",
    "і": "i", "ї": "i", "є": "ie", "ґ": "g", "ў": "u",
    "ә": "a", "ғ": "gh", "қ": "q", "ң": "n", "ө": "o", "ұ": "u", "ү": "u", "һ": "h",
    "ӣ": "i", "ӯ": "u", "ҳ": "h", "ҷ": "j",
    "'": "", "\u2019": "", "\u02bc": "",
}
_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "RU": _ICAO,
    "BY": {**_ICAO, "г": "h", "ё": "io"},
    "KZ": {**_ICAO, "ғ": "g", "қ": "k", "й": "y", "ю": "yu", "я": "ya", "ё": "yo", "ъ": ""},
    "KG": {**_ICAO, "ң": "ng", "ъ": ""},
    "TJ": {**_ICAO, "й": "y", "ю": "yu", "я": "ya", "ё": "yo", "ъ": ""},
    "UZ": {**_ICAO, "ж": "j", "х": "x", "й": "y", "ю": "yu", "я": "ya", "ё": "yo", "ц": "ts", "ў": "o'", "ғ": "g'",
           "ъ": "'", "э": "e"},
}
_TELLING: Final[tuple[tuple[str, frozenset[str], frozenset[str]], ...]] = (  # letters that only one of the languages has here; the first match wins
    ("UZ", frozenset("ў") , frozenset("қғҳ")),
    ("BY", frozenset("ў"), frozenset()),
    ("TJ", frozenset("ӣӯҷ"), frozenset()),
    ("KZ", frozenset("әұһ"), frozenset()),
)
_HIGH: Final = "аеёиоуыэюяіўөүұәӯӣ"

_CONSONANTS: Final = {
    "ب": "b", "پ": "p", "ت": "t", "ٹ": "t", "ث": "s", "ج": "j", "چ": "ch", "ح": "h", "خ": "kh", "د": "d", "ڈ": "d",
    "ذ": "z", "ر": "r", "ڑ": "r", "ز": "z", "ژ": "zh", "س": "s", "ش": "sh", "ص": "s", "ض": "z", "ط": "t", "ظ": "z",
    "غ": "gh", "ف": "f", "ق": "q", "ک": "k", "ك": "k", "گ": "g", "ل": "l", "م": "m", "ن": "n", "ں": "n", "ه": "h",
    "ہ": "h", "ھ": "h", "ة": "h", "ۃ": "h", "ۀ": "h", "ۂ": "h",
}
_VOWELS: Final = {"ا": "a", "آ": "a", "أ": "a", "إ": "e", "ى": "a", "ے": "e", "ئ": "i", "ؤ": "o", "ٱ": "a"}
_MARKS: Final = {"\u064e": "a", "\u064f": "o", "\u0650": "e", "\u0670": "a"}
# fmt: on
_SILENT: Final = frozenset(
    "\u0621\u0640\u064b\u064c\u064d\u0651\u0652\u0653\u0654\u0655\u200c\u200d\u200e\u200f\u0639"
)
_UNWRITTEN: Final = frozenset("\u0651\u0652\u0640\u200d\u200e\u200f")
_CARRIERS: Final = frozenset("\u0627\u0623\u0625\u0639")
"""Letters that begin a word with any vowel: Usama, Ibrahim, Ali."""
_DOUBLED, _ASPIRATE = "\u0651", "ھ"
_DOUBLED_BEHIND_ITS_VOWEL = re.compile("([\u064e\u064f\u0650])\u0651")
_LETTERS = re.compile(f"(?:[بپتٹجچدڈڑکگ]{_ASPIRATE}|.){_DOUBLED}?")
"""A letter, aspirated or doubled: one sound that needs one vowel."""
_URDU: Final = frozenset("ٹڈڑںےۓہۂۃھ")
"""Letters that Urdu has and Persian does not."""
_JOINED = re.compile(f"[{_ARABIC}]+(?:\u200c[{_ARABIC}]+)+")
"""Words whose parts are joined by a zero-width non-joiner."""
_SPLIT = re.compile(
    f"(?<=ه)[ \u200c](?=ای(?![{_ARABIC}]))|(?<=[{_ARABIC}])[ \u200c](?=(?:الله|اللہ)(?![{_ARABIC}])(?! (?:دتہ|دتا|بخش|یار|رکھا|وسایا)))"
)
"""Where one name is written as two words: `-ei` and `-ullah`, but not `Allah Ditta`."""
_FOLD: Final = str.maketrans(
    {
        "ي": "ی",
        "ى": "ی",
        "ك": "ک",
        "ۀ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ة": "ه",
        "ۃ": "ه",
        "أ": "ا",
        "إ": "ا",
        "ٱ": "ا",
        "ؤ": "و",
    }
)
_ENDINGS: Final = (
    ("زاده", "zadeh"), ("نژاد", "nejad"), ("پور", "pour"), ("الدین", "uddin"),
    ("آبادی", "abadi"), ("آباد", "abad"), ("زئی", "zai"), ("های", "ei"),
    ("یان", "ian"), ("لو", "lou"), ("وند", "vand"), ("فر", "far"), ("ی", "i"),
)  # fmt: skip
_ABDUL: Final = "عبدال"

_INDIAN_CONSONANTS: Final = dict(
    zip(
        range(0x15, 0x3A),
        [
            "k",
            "kh",
            "g",
            "gh",
            "n",
            "ch",
            "chh",
            "j",
            "jh",
            "n",
            "t",
            "th",
            "d",
            "dh",
            "n",
            "t",
            "th",
            "d",
            "dh",
            "n",
            "n",
            "p",
            "ph",
            "b",
            "bh",
            "m",
            "y",
            "r",
            "r",
            "l",
            "l",
            "l",
            "v",
            "sh",
            "sh",
            "s",
            "h",
        ],
        strict=True,
    )
) | dict(zip(range(0x58, 0x60), ["q", "kh", "gh", "z", "r", "rh", "f", "y"], strict=True))
_INDIAN_VOWELS: Final = {
    0x01: "n", 0x02: "n", 0x03: "h", 0x05: "a", 0x06: "a", 0x07: "i", 0x08: "i", 0x09: "u", 0x0A: "u", 0x0B: "ri",
    0x0D: "e", 0x0E: "e", 0x0F: "e", 0x10: "ai", 0x11: "o", 0x12: "o", 0x13: "o", 0x14: "au",
}  # fmt: skip
_SIGNS: Final = {
    0x3E: "a", 0x3F: "i", 0x40: "i", 0x41: "u", 0x42: "u", 0x43: "ri", 0x45: "e", 0x46: "e", 0x47: "e", 0x48: "ai",
    0x49: "o", 0x4A: "o", 0x4B: "o", 0x4C: "au",
}  # fmt: skip
_VIRAMA, _NUKTA = 0x4D, 0x3C
_DOTTED: Final = {"k": "q", "g": "gh", "j": "z", "d": "r", "dh": "rh", "ph": "f"}

_OFFICES: Final = (
    "银行", "銀行", "公司", "集团", "集團", "分行", "支行", "大厦", "大廈", "大学", "大學", "中学", "中學", "医院", "醫院", "酒店", "商店",
    "省", "市", "县", "縣",
)  # fmt: skip
"""Endings that no personal name has."""
_NAME_CHARACTERS: Final = 4


def romanised(text: str, country: str = "", *, unwritten: str = "") -> str:
    """A text in ASCII; other scripts are romanised, characters without a romanisation are left out.

    `country` is that of the person or bank; it decides where the letters alone do not. `unwritten` stands for
    each vowel that is guessed, because Arabic letters leave it out; otherwise the likely one is written.
    """
    if text.isascii():
        return text
    text = _SPLIT.sub("", unicodedata.normalize("NFC", text))
    text = _JOINED.sub(_parted, text).replace("\u200c", " ")
    language = _language(text, country)
    urdu = country in {"PK", "IN"} or not _URDU.isdisjoint(text)
    pieces, place = [], 0
    for found in _RUN.finditer(text):
        pieces.append(_other(text[place : found.start()]))
        cyrillic, arabic, han, indian = found.groups()
        if cyrillic:
            pieces.append(_cyrillic(cyrillic, language))
        elif arabic:
            pieces.append(_arabic(arabic, "Urdu" if urdu else "Persian", unwritten))
        elif han:
            pieces.append(_han(han))
        else:
            pieces.append(_indian(indian))
        place = found.end()
    return "".join([*pieces, _other(text[place:])])


def latin_form(text: str) -> str:
    """The name that the sender added in Latin letters to another script; otherwise the text unchanged."""
    if text.isascii():
        return text
    found = _BESIDE.match(text)
    if found is None:
        return text
    parts = (found["first"], found["inside"] or found["square"] or found["after"])
    latin = [part.strip() for part in parts if _LATIN_NAME.fullmatch(part.strip())]
    return latin[0] if len(latin) == 1 else text


def _other(text: str) -> str:
    """Any other script, and Latin letters with diacritics; symbols are left out."""
    if text.isascii():
        return text
    plain = "".join(
        one for one in text if unicodedata.category(one) not in {"So", "Sk", "Cf", "Co", "Cn", "Cs"}
    )
    latin = _SYLLABLES.sub(" ", anyascii(plain).replace("`", "'"))
    return latin.title() if latin.islower() and not any(one.islower() for one in plain) else latin


def _language(text: str, country: str) -> str:
    letters = set(text.lower())
    if country in _TABLES and country != "RU":
        return country
    for language, any_of, all_or in _TELLING:
        if letters & any_of and (not all_or or letters & all_or):
            return language
    if letters & set("қғҳ"):
        return "UZ" if letters & set("ҳ") else "KZ"
    if letters & set("өүң"):
        return "KG"
    return "RU"


def _cyrillic(run: str, language: str) -> str:
    table = _TABLES[language]
    latin = []
    for place, letter in enumerate(run):
        low = letter.lower()
        text = table.get(low)
        if text is None:
            text = anyascii(low).replace("`", "'")
        if language == "UZ" and low == "е" and (place == 0 or run[place - 1].lower() in _HIGH):
            text = "ye"
        if language == "UZ" and low == "ҳ" and run[place - 1 : place].lower() == "с":
            text = "'h"  # not sh
        if language == "TJ" and low == "е" and place == 0:
            text = "ye"
        if letter != low:
            whole = run.isupper() and len(run) > 1
            text = text.upper() if whole else text[:1].upper() + text[1:]
        latin.append(text)
    return "".join(latin)


def _parted(found: re.Match[str]) -> str:
    """The parts of a word separated by spaces, unless the whole word is a known name."""
    whole = found[0].replace("\u200c", "")
    return (
        whole if any(_key(whole) in table for table in _names().values()) else found[0].replace("\u200c", " ")
    )


def _key(word: str) -> str:
    """A word without marks, with one form of each letter."""
    return "".join(one for one in word if one not in _MARKS and one not in _UNWRITTEN).translate(_FOLD)


def _arabic(word: str, language: str, unwritten: str) -> str:
    """One word: from the table, otherwise from known parts, otherwise by rule; known names get a capital."""
    word = unicodedata.normalize("NFKC", word)
    key = _key(word)
    if key.isdecimal() or not any(one.isalpha() for one in key):
        return anyascii(key)
    urdu = language == "Urdu"
    known = _known(language)
    if key in known:
        return known[key]
    if key.startswith(_ABDUL) and len(key) > len(_ABDUL) + 1:
        rest = key[len(_ABDUL) :]
        return f"Abdul{known.get(rest, _spelt(rest, urdu=urdu, unwritten=unwritten)).lower()}"
    for ending, latin in (*_ENDINGS, ("الله", "ullah" if urdu else "ollah")):
        stem = key.removesuffix(ending)
        if stem != key and (stem in known or (len(ending) > 1 and len(stem) > 2)):
            first = known.get(stem) or _spelt(stem, urdu=urdu, unwritten=unwritten).capitalize()
            return (first.removesuffix("a") if latin[0] in "iu" else first) + latin
    for place in range(2, len(key) - 1):
        if key[:place] in known and key[place:] in known:
            return known[key[:place]] + known[key[place:]].lower()
    return _spelt(word, urdu=urdu, unwritten=unwritten).capitalize()


def _spelt(word: str, *, urdu: bool, unwritten: str = "") -> str:
    """A word by rule: a vowel is inserted wherever the consonants could not be read aloud."""
    latin: list[str] = []
    run: list[str] = []
    word = _DOUBLED_BEHIND_ITS_VOWEL.sub(_DOUBLED + r"\1", word)
    letters = [one for one in _LETTERS.findall(word) if one not in _SILENT or one == "\u0639"]
    for place, letter in enumerate(letters):
        last = place == len(letters) - 1
        sound, is_vowel = _sound(
            letter,
            place,
            last=last,
            before=letters[place - 1] if place else "",
            after="" if last else letters[place + 1],
        )
        if not sound:
            continue
        if unwritten and place == 0 and letter in _CARRIERS and is_vowel:
            sound = unwritten
        if is_vowel:
            latin.append(_filled(run, unwritten, first=not latin, last=False))
            run = []
            latin.append(sound)
        else:
            run.append("w" if urdu and letter == "و" else sound)
    latin.append(_filled(run, unwritten, first=not latin, last=True, long_before=_long(letters)))
    return "".join(latin) or anyascii(word).replace("`", "")


def _long(letters: list[str]) -> bool:
    """Whether a long vowel precedes the last consonants: `Naser`, but `Akbar`."""
    return any(letter in "اوی" for letter in letters[1:])


def _sound(letter: str, place: int, *, last: bool, before: str, after: str) -> tuple[str, bool]:
    """The sound of a letter, aspirated or doubled if marked so, and whether it is a vowel."""
    if letter == "ئ" and after in {"ی", "ے"}:
        return "", False
    sound, is_vowel = _plain_sound(letter[0], place, last=last, before=before, after=after)
    if is_vowel:
        return sound, True
    if letter[1:2] == _ASPIRATE:
        sound += "h"
    return (sound * 2 if letter.endswith(_DOUBLED) and len(sound) == 1 else sound), False


def _plain_sound(letter: str, place: int, *, last: bool, before: str, after: str) -> tuple[str, bool]:
    if letter == "\u0639":
        return ("a", True) if place == 0 and after not in "اوی" else ("", False)
    if letter in {"ی", "ي"}:
        consonant = place == 0 or after in {"ا", "آ"} or before == "ا"
        return ("y", False) if consonant and not last else ("i", True)
    if letter == "و":
        consonant = place == 0 or after in {"ا", "آ", "ی"} or before in {"ا", "و"}
        return ("v", False) if consonant else ("u", True)
    if letter in {"ه", "ہ", "ة", "ۃ"} and last and before not in "اویآ" and place > 1:
        return ("eh" if letter == "ه" else "a"), True
    if letter in _VOWELS or letter in _MARKS:
        return _VOWELS.get(letter) or _MARKS[letter], True
    return _CONSONANTS.get(letter) or anyascii(letter).replace("`", ""), False


def _filled(run: list[str], unwritten: str, *, first: bool, last: bool, long_before: bool = False) -> str:
    """A group of consonants with the vowels that make it readable."""
    count = len(run)
    if count == 0:
        return ""
    if first and last:  # a whole word without a written vowel: karam, jafar
        vowels = {1: (), 2: (1,), 3: (1, 2)}.get(count, tuple(range(1, count, 2)))
    elif first:  # before the first vowel
        vowels = {1: (), 2: (1,)}.get(count, tuple(range(1, count - 1, 2)))
    elif last:  # after the last vowel
        vowels = {1: (), 2: (1,), 3: (2,)}.get(count, tuple(range(2, count, 2)))
    else:
        vowels = () if count <= 2 else tuple(range(2, count, 2))
    filler = unwritten or ("e" if long_before and last and count == 2 and not first else "a")
    return "".join((filler if place in vowels else "") + sound for place, sound in enumerate(run))


def _indian(run: str) -> str:
    """Devanagari and the eight scripts with its layout: a consonant has its own vowel sign, or `a`."""
    latin: list[str] = []
    bare = False  # whether the inherent vowel of the last consonant is still to be written
    for character in run:
        place = ord(character) & 0x7F
        if place == _NUKTA:
            if latin:
                latin[-1] = _DOTTED.get(latin[-1], latin[-1])
        elif place in _INDIAN_CONSONANTS:
            latin += ["a"] * bare + [_INDIAN_CONSONANTS[place]]
            bare = True
        elif place in _SIGNS or place == _VIRAMA:
            latin.append(_SIGNS.get(place, ""))
            bare = False
        elif place in _INDIAN_VOWELS:
            latin += ["a"] * bare + [_INDIAN_VOWELS[place]]
            bare = False
        else:
            latin += ["a"] * bare + [anyascii(character)]
            bare = False
    if bare and (len(latin) == 1 or latin[-2] == ""):  # ram, but chandra
        latin.append("a")
    return "".join(latin).capitalize()


def _han(run: str) -> str:
    """Pinyin: a place as one word, a name as surname and given name, a longer text syllable by syllable."""
    table = _characters()
    known = run in table["place"] or run in table["word"] or run.endswith(_OFFICES)
    if 1 < len(run) <= _NAME_CHARACTERS and not known:
        family = next((run[:n] for n in (2, 1) if run[:n] in table["surname"] and len(run) > n), run[:1])
        latin = "".join(table["surname"].get(family) or _syllable(family))
        given = "".join(syllable for _, syllables in _words(run[len(family) :]) for syllable in syllables)
        return f"{latin.capitalize()} {given.capitalize()}"
    return " ".join(
        _place(syllables) if word in table["place"] else " ".join(map(str.capitalize, syllables))
        for word, syllables in _words(run)
    )


def _place(syllables: Sequence[str]) -> str:
    """One word, with an apostrophe where two syllables could be read as one."""
    return re.sub(" (?=[aeo])", "'", " ".join(syllables)).replace(" ", "").capitalize()


def _words(run: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The known words of a text, the longest first, and the remaining characters, with their syllables."""
    table = _characters()
    place = 0
    while place < len(run):
        for length in range(_NAME_CHARACTERS, 1, -1):
            word = run[place : place + length]
            known = table["place"].get(word) or table["word"].get(word)
            if known:
                break
        else:
            word = run[place]
            known = (_syllable(word),)
        yield word, known
        place += len(word)


def _syllable(character: str) -> str:
    known = _characters()["char"].get(character)
    if known:
        return known[0]
    return "".join(one for one in anyascii(character).lower() if one.isalpha() and one.isascii())


@cache
def _characters() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The content of `han.txt` by kind: characters and their syllables."""
    table: dict[str, dict[str, Sequence[str]]] = {"surname": {}, "place": {}, "word": {}, "char": {}}
    for kind, *row in _rows("han.txt"):
        forms = [one for one in row if not one.isascii()]
        table[kind].update(dict.fromkeys(forms, tuple(row[len(forms) :])))
    return table


@cache
def _names() -> Mapping[str, Mapping[str, str]]:
    """Common names in Arabic letters, by language, reduced to one form of each letter."""
    table: dict[str, dict[str, str]] = {}
    language = ""
    for name, *latin in _rows("names.txt"):
        if latin:
            # Letters of two languages have one reduced form: the first in the table is the usual one.
            table[language].setdefault(_key(name), " ".join(latin))
        else:
            language = name.strip("[]")
            table[language] = {}
    return table


@cache
def _known(language: str) -> Mapping[str, str]:
    """The names of one language, and those that only the other has."""
    other = "Persian" if language == "Urdu" else "Urdu"
    return {**_names()[other], **_names()[language]}


def _rows(file: str) -> Iterator[list[str]]:
    """The words in each row of a table of this package."""
    for row in files("adapters").joinpath(file).read_text(encoding="utf-8").splitlines():
        if row.strip() and not row.startswith("#"):
            yield row.split()
