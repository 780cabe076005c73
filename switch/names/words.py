"""The words of a name in Latin letters, without case, accents, titles, legal forms and unseen marks."""

import itertools
import re
import string
import unicodedata
from functools import lru_cache
from typing import Final

from adapters.romanisation import latin_form, romanised
from switch.names import han

UNWRITTEN: Final = "\u0259"
"""Stands for a vowel that Arabic letters leave out and no table knows: it may be any."""
_WORD: Final = re.compile(f"[a-z0-9{UNWRITTEN}]+")
_APOSTROPHES: Final = re.compile("['`\u02bb\u02bc\u02bd\u2018\u2019]")
_SEPARATED: Final = re.compile(f"s{_APOSTROPHES.pattern}h")
"""Uzbek `Is'hoq` has no `sh`."""
_ARABIC_PARTS: Final = re.compile(
    r"(\bعبد(?=ال)|\b[اأآ]بو(?=\w{3})|(?:\b|(?<=\bعبد)|(?<=\bو))ال(?=\w{2})(?!له\b|لہ\b))\s*"
)
"""Parts that Arabic script writes joined to the next word, and most Latin spellings apart."""
_SERVANT: Final = re.compile(
    r"^(?:[a\u0259]bd(?:[aeou\u0259]?[lr]|u(?:sh|[snztd]))?"
    r"|[a\u0259]b[aeiou\u0259]d[aeou\u0259]?[lr]?)((?<=l|r|d)[^aeiou\u0259].+|)$"
)
_ENDINGS: Final = (
    (re.compile(r"^(.{2,})(?:[aeou]dd|[ue]d)[iy]ne?$"), "din"),
    (re.compile(r"^(.{3,}|)[aou](?:llah?|lah)$"), "lah"),
    (re.compile(r"^(.{2,})z[ao]d[aeo]h?$"), "zadeh"),
)
"""`Abdulkarim` and `Abd al-Karim`, `Nuruddin` and `Nur al-Din`, `Rahmatullah` and `Rahmat Ullah`."""
NAME_MAX: Final = 280
"""Longer names are compared by their beginning. Messages have at most 140 characters, lists more."""
WORDS_MAX: Final = 24
"""Of a listed name, and of one that is compared with another."""
ALL_WORDS_MAX: Final = 256
"""Of a stated name, in which a listed one may stand last: more than 140 characters have in any script."""
_JOINER: Final = "\u200c"
"""Persian writes it between the parts of a word."""
_UNSEEN_JOINER: Final = re.compile("(?<![\u0600-\u08ff])\u200c|\u200c(?![\u0600-\u08ff])")
"""Beside letters of other scripts it parts nothing that anybody sees."""
_UNSEEN: Final = frozenset({"Cf", "Cc", "Co", "Cn", "Cs"})
_NO_NAMES: Final = str.maketrans("", "", "\ufdfa\ufdfb")
"""Single characters that stand for praise of several words."""
_WRITTEN_OUT: Final = 4
"""So much longer a name may be when each character has its usual form."""
_MIXED: Final = re.compile("(?=[\u0400-\u052f]*[A-Za-z])(?=[A-Za-z]*[\u0400-\u052f])[A-Za-z\u0400-\u052f]+")
_LOOK_ALIKES: Final = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0455\u0458\u04cf"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0405\u0408\u04c0",
    "abekmhopctyxisjlABEKMHOPCTYXISJI",
)
"""Cyrillic letters in a word of Latin ones are what they look like, ..."""
_LATIN_ALIKE: Final = "aeopcyxiABEKMHOPCTYXI"
_CYRILLIC_ALIKE: Final = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406"
)
_ALIKE_LATIN: Final = str.maketrans(_LATIN_ALIKE, _CYRILLIC_ALIKE)
"""... and so are Latin letters in a word of Cyrillic ones."""
_SURELY_LATIN: Final = frozenset(string.ascii_letters) - frozenset(_LATIN_ALIKE)
_SURELY_CYRILLIC: Final = (
    frozenset(map(chr, range(0x400, 0x530)))
    - frozenset(_CYRILLIC_ALIKE)
    - frozenset("\u0455\u0458\u04cf\u0405\u0408\u04c0")
)
_LETTER: Final = re.compile(r"\w")
_LEGAL_PHRASES: Final = re.compile(
    "\u043e\u0431\u0449\u0435\u0441\u0442\u0432\u043e \u0441 "
    "\u043e\u0433\u0440\u0430\u043d\u0438\u0447\u0435\u043d\u043d\u043e\u0439 "
    "\u043e\u0442\u0432\u0435\u0442\u0441\u0442\u0432\u0435\u043d\u043d\u043e\u0441\u0442\u044c\u044e"
    "|(?:\u8d23\u4efb|\u8cac\u4efb|\u80a1\u4efd)?\u6709\u9650(?:\u8d23\u4efb|\u8cac\u4efb)?\u516c\u53f8"
    "|\\byou ?xian (?:ze ?ren )?gong ?si\\b"
    "|\u092a\u094d\u0930\u093e\u0907\u0935\u0947\u091f \u0932\u093f\u092e\u093f\u091f\u0947\u0921",
    re.IGNORECASE,
)
"""Limited companies in Russian, Chinese and Hindi."""
_INITIALS: Final = re.compile(r"\b(\w)\.(?=\w\b)")
"""`L.L.C.` is one word."""
LEGAL_FORMS: Final = frozenset(
    {
        *(
            "ab",
            "ag",
            "ao",
            "as",
            "bv",
            "co",
            "company",
            "corp",
            "corporation",
            "gmbh",
            "inc",
            "incorporated",
        ),
        *("jsc", "kg", "kk", "kft", "limited", "llc", "llp", "ltd", "nv", "oao", "odo", "ooo"),
        *("ojsc", "oy", "pao", "pjsc", "plc", "pte", "pty", "pvt", "sa", "sal", "sarl", "sas"),
        *("ip", "zhshs", "zhk", "osoo", "mchj", "xk", "qk", "sherkat", "private", "praivet"),
        *("sp", "spa", "srl", "too", "tov", "ufe", "up", "zao"),
    }
)
TITLES: Final = frozenset(
    {
        *("mr", "mrs", "ms", "miss", "dr", "prof", "shri", "sri", "smt", "haji", "hajji", "hajj"),
        *("mullah", "maulavi", "maulvi"),
    }
)
ARTICLES: Final = frozenset({"al", "el", "ul", "il", "az", "ar", "as", "ash", "ad", "at", "an"})
"""The Arabic article, as it is spoken before each letter."""
_WRITTEN: Final = {
    **dict.fromkeys(("abou", "abo", "aboo", "\u0259bu"), "abu"),
    "\u0259l": "al",
    "\u0259bn": "ibn",
    **dict.fromkeys(("md", "mohd", "muhd", "mohamad", "mohamed", "mohammed", "muhammed"), "mohammad"),
}
"""Parts in one spelling, and usual abbreviations."""
PARTICLES: Final = frozenset(
    {
        *(
            "al",
            "bin",
            "ibn",
            "ben",
            "bint",
            "binti",
            "abu",
            "abd",
            "ud",
            "ur",
            "e",
            "i",
            "y",
            "de",
            "del",
            "la",
        ),
        *("le", "da", "di", "of", "the", "and", "und"),
    }
)
"""Words that say nothing of who it is."""
JOINED_UP_TO: Final = 4
"""Words as short as `bin` and `reza` are also looked up joined to the next one."""


def words(name: str) -> tuple[str, ...]:
    """The words of a name: Latin letters and digits in lower case, without titles and legal forms."""
    return _split(name)[0][:WORDS_MAX]


def all_words(name: str) -> tuple[str, ...]:
    """The words of a name as by `words`, however many it has."""
    return _split(name)[0]


def letters(name: str) -> str:
    """The letters and digits of a name in one word, as it would be without any parts."""
    return _split(name)[2]


def has_legal_form(name: str) -> bool:
    """Whether a name states a legal form, such as `LLC`: it is that of an organisation."""
    return _split(name)[1]


def plain(name: str) -> str:
    """A name in Latin letters in lower case, without apostrophes; marks that a rail masks with are kept."""
    latin = latin_form(visible(name))
    if han.MIDDLE_DOT in latin and han.is_name(latin):
        return " ".join(romanised(part).replace(" ", "").casefold() for part in latin.split(han.MIDDLE_DOT))
    text = romanised(latin, unwritten=UNWRITTEN).casefold()
    return _APOSTROPHES.sub("", _SEPARATED.sub("skh", text))


@lru_cache(maxsize=4096)
def _split(name: str) -> tuple[tuple[str, ...], bool, str]:
    name = visible(name).replace("&", " and ")
    without = _LEGAL_PHRASES.sub(" ", name)
    kept_part = without if _LETTER.search(without) else name
    text = plain(kept_part if kept_part.isascii() else _ARABIC_PARTS.sub(r"\1 ", kept_part))
    found = _WORD.findall(_INITIALS.sub(r"\1", text))
    kept = [word for word in found if word not in LEGAL_FORMS and word not in TITLES] or found
    parts = tuple(
        "al" if part in ARTICLES else _WRITTEN.get(part, part) for word in kept for part in _parts(word)
    )[:ALL_WORDS_MAX]
    return parts, name != without or not LEGAL_FORMS.isdisjoint(found), "".join(kept)


def visible(name: str) -> str:
    """A name in one form of each character, without marks that nobody sees, and as it looks."""
    if name.isascii() and name.isprintable():
        return name[:NAME_MAX]
    written = unicodedata.normalize("NFKC", name[:NAME_MAX].translate(_NO_NAMES))[: _WRITTEN_OUT * NAME_MAX]
    seen = "".join(
        " " if one.isspace() else one
        for one in written
        if one == _JOINER or one.isspace() or unicodedata.category(one) not in _UNSEEN
    )
    return _MIXED.sub(_in_one_script, _UNSEEN_JOINER.sub("", seen))


def _in_one_script(found: re.Match[str]) -> str:
    """A word of both scripts in Cyrillic letters, if only those are surely meant, or else in Latin ones."""
    made = frozenset(found[0])
    is_cyrillic = made.isdisjoint(_SURELY_LATIN) and not made.isdisjoint(_SURELY_CYRILLIC)
    return found[0].translate(_ALIKE_LATIN if is_cyrillic else _LOOK_ALIKES)


def _parts(word: str) -> tuple[str, ...]:
    """`abdulkarim` -> `abd`, `karim`; `nuruddin` -> `nur`, `din`."""
    match = _SERVANT.match(word)
    if match is not None:
        return ("abd", match[1]) if match[1] else ("abd",)
    for pattern, ending in _ENDINGS:
        if (match := pattern.match(word)) is not None:
            return (match[1], ending) if match[1] else (ending,)
    return (word,)


def joined(found: tuple[str, ...]) -> tuple[str, ...]:
    """The words that a short word makes with the one beside it: `binladin`."""
    return tuple(
        one + other
        for one, other in itertools.pairwise(found)
        if len(one) <= JOINED_UP_TO or len(other) <= JOINED_UP_TO
    )
