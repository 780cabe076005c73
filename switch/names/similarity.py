"""How different two words of names sound, whatever language spelt them.

Each word is first written by its sounds, one character each (`sounds.txt`): `Hussain`, `Hossein` and `Husayn`
become `husEn`, `hosEn` and `husEn`. The difference of two words is the cheapest way from one to the other:
sounds that languages mix up are cheap (`u` and `o`, `gh` and `q`), sounds that make another name are dear. So
`Mohammed` is `Muhammad`, but `Hassan` is not `Hossein`, and `Karim` is not `Karam`.
"""

import itertools
import re
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final

from rapidfuzz.distance import OSA

from switch.names import han
from switch.names.words import UNWRITTEN

WORD_MAX: Final = 48
"""Longer words are compared by their first letters: nothing that is compared takes unbounded time."""


class Likeness(IntEnum):
    """What two words of names are to each other."""

    OTHER = 0
    """Two names."""
    ALIKE = 1
    """The same consonants with other vowels: mostly two names, such as Hassan and Hossein."""
    TYPED = 2
    """Perhaps one name, with one wrong letter."""
    NEAR = 3
    """Perhaps one name, in an unusual spelling."""
    SAME = 4
    """One name, perhaps in two spellings."""


_SECTION: Final = re.compile(r"\[[a-z ]+\]")


def _rows(section: str) -> Iterator[list[str]]:
    """The rows of a section of `sounds.txt`."""
    here = False
    for row in files("switch.names").joinpath("sounds.txt").read_text(encoding="utf-8").splitlines():
        if _SECTION.fullmatch(row):
            here = row == f"[{section}]"
        elif here and row and not row.startswith("#"):
            yield row.split()


_NAMES: Final = {spelling: name for name, *spellings in _rows("one name") for spelling in spellings}
_HEARD: Final = tuple(
    (re.compile(pattern), "" if sound == "-" else sound) for pattern, sound in _rows("heard")
)
_MISSING: Final = {
    UNWRITTEN: 0.1,
    "a": 0.4,
    "e": 0.4,
    "E": 0.5,
    "i": 0.5,
    "o": 0.5,
    "u": 0.5,
    "h": 0.2,
    "y": 0.2,
}
_VOWELS: Final = frozenset(f"aeiouE{UNWRITTEN}")
_OTHER_VOWEL: Final = 1.2
_UNKNOWN_VOWEL: Final = 0.1
_LAST_VOWEL: Final = 0.8
"""A vowel more at the end makes another name: Karim and Karimi, Amit and Amita."""
_LU: Final = frozenset({"lu", "lyu"})
"""Many write the one for the other, because keyboards have no `\u00fc`."""
SAME: Final = 0.4
"""Words whose sounds differ by less are one name."""
_SAME_SHORT: Final = 0.2
NEAR: Final = 0.65
"""Words whose sounds differ by no more are perhaps one name."""
_NEAR_SHORT: Final = 0.5
_ALIKE_UP_TO: Final = 1.6
FAR: Final = 2.0
"""The largest difference that is counted: two words are different then."""
_SHORT: Final = 3
_TYPED: Final = 6
"""Letters from which on one wrong letter is an error of typing, and not another name."""
_SWAPPED: Final = 3
_FIRST_VOWEL: Final = re.compile(f"^[y{''.join(sorted(_VOWELS))}]+")
_SPOKEN: Final = re.compile(f"[y{''.join(sorted(_VOWELS))}]")
_CONSONANTS: Final = str.maketrans(
    dict(zip("CSZJczdDfgGqT", "ssssssttvkkks", strict=True)) | dict.fromkeys("hxy" + "".join(_VOWELS), "")
)
_FIRST: Final = str.maketrans(dict(zip("CSZJczdDfgGqhxT", "ssssssttvkkkkks", strict=True)))
_DOUBLED: Final = re.compile(r"(.)\1+")
_DELETED_FROM: Final = 4
"""Shorter skeletons are not looked up with a letter missing: everything is like them."""


def _all_apart() -> dict[str, dict[str, float]]:
    """The difference of each two sounds; of those that are not here it is 1."""
    table = {
        one: {
            other: _UNKNOWN_VOWEL if UNWRITTEN in {one, other} else _OTHER_VOWEL for other in _VOWELS - {one}
        }
        for one in _VOWELS
    }
    for both, apart in _rows("alike"):
        one, other = both[0], both[1]
        table.setdefault(one, {})[other] = table.setdefault(other, {})[one] = float(apart)
    return table


_APART: Final = _all_apart()
_NOTHING: Final[dict[str, float]] = {}


@lru_cache(maxsize=65_536)
def sounds(word: str) -> str:
    """A word of Latin letters in lower case, by its sounds; each is one character."""
    sound = word = _NAMES.get(word, word)[:WORD_MAX]
    for pattern, heard in _HEARD:
        sound = pattern.sub(heard, sound)
    return sound or word


@lru_cache(maxsize=65_536)
def skeleton(word: str) -> str:
    """What is heard of a word in any spelling: its consonants, those alike as one; empty only for no word."""
    sound = _FIRST_VOWEL.sub("a", sounds(word))
    sound = sound[:1].translate(_FIRST) + sound[1:].translate(_CONSONANTS)
    return _DOUBLED.sub(r"\1", sound) or word[:1]


@lru_cache(maxsize=65_536)
def consonants(word: str) -> str:
    """The consonants of a word, as they are heard: how often names have them says how much a word tells."""
    return _SPOKEN.sub("", sounds(word)) or word[:1]


@lru_cache(maxsize=65_536)
def keys(word: str) -> frozenset[str]:
    """The keys of a word: its skeleton, and that with each letter but the first missing."""
    sound = skeleton(word)
    if len(sound) < _DELETED_FROM:
        return frozenset((sound,))
    return frozenset((sound, *(sound[:at] + sound[at + 1 :] for at in range(1, len(sound)))))


@lru_cache(maxsize=65_536)
def difference(one: str, other: str) -> float:
    """How different two words sound; 0 for the same sounds, at most `FAR`."""
    ours, theirs = sounds(one), sounds(other)
    if ours == theirs:
        return 0.0
    gone, added = _missing(ours), _missing(theirs)
    before = [0.0, *itertools.accumulate(added)]
    for sound, missing in zip(ours, gone, strict=True):
        apart = _APART.get(sound, _NOTHING)
        cheapest = before[0] + missing
        row = [cheapest]
        for place, heard in enumerate(theirs):
            changed = before[place] if sound == heard else before[place] + apart.get(heard, 1.0)
            left_out = before[place + 1] + missing
            put_in = cheapest + added[place]
            cheapest = min(changed, left_out, put_in)
            row.append(cheapest)
        if min(row) >= FAR:
            return FAR
        before = row
    return min(before[-1], FAR)


@lru_cache(maxsize=65_536)
def _missing(sound: str) -> tuple[float, ...]:
    """What it costs to leave out each sound of a word."""
    costs = [_MISSING.get(one, 1.0) for one in sound]
    if sound[-1:] in _VOWELS:
        costs[-1] = _LAST_VOWEL
    return tuple(costs)


@lru_cache(maxsize=65_536)
def likeness(  # noqa: PLR0911 - a staircase, cheap checks first
    one: str, other: str, *, pinyin: bool = False, same: float = SAME, near: float = NEAR
) -> Likeness:
    """Whether two words are one name.

    `same` and `near` are the differences up to which they are one name, and perhaps one.

    `pinyin`: one of them was written in Han characters. All write its syllables alike, so that two of them
    are either equal or two names.
    """
    if one == other:
        return Likeness.SAME
    if pinyin and han.is_pinyin(one) and han.is_pinyin(other):
        return Likeness.NEAR if {one, other} == _LU else Likeness.OTHER
    typed = _is_typed(one, other)
    if not typed and OSA.distance(skeleton(one), skeleton(other), score_cutoff=1) > 1:
        return Likeness.OTHER  # cheap, and true for nearly all pairs of words
    apart = difference(one, other)
    shorter = min(len(sounds(one)), len(sounds(other)))
    if apart < same and (shorter > _SHORT or apart <= _SAME_SHORT):
        return Likeness.SAME
    if apart <= (near if shorter > _SHORT else min(near, _NEAR_SHORT)) and shorter >= _SHORT:
        return Likeness.NEAR
    if typed:
        return Likeness.TYPED
    alike = apart <= _ALIKE_UP_TO and shorter > _SHORT and skeleton(one) == skeleton(other)
    return Likeness.ALIKE if alike else Likeness.OTHER


def _is_typed(one: str, other: str) -> bool:
    """Whether one of the words is the other with one wrong letter, behind the first."""
    if one[:1] != other[:1] or OSA.distance(one[:WORD_MAX], other[:WORD_MAX], score_cutoff=1) != 1:
        return False
    short, long = sorted((one, other), key=len)
    if len(short) == len(long) and sorted(short) == sorted(long):
        return len(short) >= _SWAPPED
    if long == short + "i":
        return False
    return len(long) >= _TYPED
