"""How different two words of names sound, whatever language spelt them.

Each word is first written by its sounds, one character each (`sounds.txt`): `Hussain`, `Hossein` and `Husayn`
become `husEn`, `hosEn` and `husEn`. The difference of two words is the cheapest way from one to the other:
sounds that languages mix up are cheap (`u` and `o`, `gh` and `q`), sounds that make another name are dear. So
`Mohammed` is `Muhammad`, but `Hassan` is not `Hossein`, and `Karim` is not `Karam`.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

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
    (re.compile(pattern, re.MULTILINE), "" if sound == "-" else sound) for pattern, sound in _rows("heard")
)
"""No pattern matches across the end of a line, so that many words, one a line, are heard at once."""
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
FIRST_VOWEL: Final = re.compile(f"^[y{''.join(sorted(_VOWELS))}]+")
_SPOKEN: Final = re.compile(f"[y{''.join(sorted(_VOWELS))}]")
CONSONANTS: Final = str.maketrans(
    dict(zip("CSZJczdDfgGqT", "ssssssttvkkks", strict=True)) | dict.fromkeys("hxy" + "".join(_VOWELS), "")
)
FIRST: Final = str.maketrans(dict(zip("CSZJczdDfgGqhxT", "ssssssttvkkkkks", strict=True)))
DOUBLED: Final = re.compile(r"(.)\1+")
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
    return _skeleton(word, sounds(word))


def _skeleton(word: str, sound: str) -> str:
    sound = FIRST_VOWEL.sub("a", sound)
    sound = sound[:1].translate(FIRST) + sound[1:].translate(CONSONANTS)
    return DOUBLED.sub(r"\1", sound) or word[:1]


@lru_cache(maxsize=65_536)
def consonants(word: str) -> str:
    """The consonants of a word, as they are heard: how often names have them says how much a word tells."""
    return consonants_of(word, sounds(word))


def consonants_of(word: str, sound: str) -> str:
    """The consonants of a word whose sounds are known."""
    return _SPOKEN.sub("", sound) or word[:1]


@lru_cache(maxsize=65_536)
def keys(word: str) -> frozenset[str]:
    """The keys of a word: its skeleton, and that with each letter but the first missing."""
    sound = skeleton(word)
    if len(sound) < _DELETED_FROM:
        return frozenset((sound,))
    return frozenset((sound, *(sound[:at] + sound[at + 1 :] for at in range(1, len(sound)))))


def difference(one: str, other: str) -> float:
    """How different two words sound; 0 for the same sounds, at most `FAR`."""
    return _Differences(sounds(one), FAR).to(sounds(other))


class _Differences:
    """How different words are from one: the cheapest ways from its sounds to theirs.

    Words that begin with the same sounds one after another are compared up to there once.
    """

    def __init__(self, ours: str, up_to: float) -> None:
        """`up_to`: a word whose difference is larger is `FAR`."""
        self._ours = ours
        self._up_to = up_to
        self._added = _missing(ours)
        self._begun = ""
        self._rows = [[0.0, *itertools.accumulate(self._added)]]
        """What it costs to make the beginnings of our sounds of each beginning of those that were begun."""
        self._far = False
        """Whether every word that begins so is far."""

    def to(self, theirs: str) -> float:
        """How different a word is with these sounds."""
        if theirs == self._ours:
            return 0.0
        if not theirs:
            return min(self._rows[0][-1], FAR)
        if self._far and theirs.startswith(self._begun):
            return FAR
        last = len(theirs) - 1
        known = 0
        for one, other in zip(self._begun, theirs[:last], strict=False):
            if one != other:
                break
            known += 1
        del self._rows[known + 1 :]
        for sound in theirs[known:last]:
            self._rows.append(self._row(sound, _MISSING.get(sound, 1.0)))
            known += 1
            if min(self._rows[-1]) > self._up_to:
                self._begun, self._far = theirs[:known], True
                return FAR
        self._begun, self._far = theirs[:known], False
        sound = theirs[last:]
        apart = self._row(sound, _LAST_VOWEL if sound in _VOWELS else _MISSING.get(sound, 1.0))[-1]
        return apart if apart <= self._up_to else FAR

    def _row(self, sound: str, missing: float) -> list[float]:
        before = self._rows[-1]
        apart = _APART.get(sound, _NOTHING)
        cheapest = before[0] + missing
        row = [cheapest]
        for place, heard in enumerate(self._ours):
            changed = before[place] if sound == heard else before[place] + apart.get(heard, 1.0)
            cheapest = min(changed, before[place + 1] + missing, cheapest + self._added[place])
            row.append(cheapest)
        return row


@lru_cache(maxsize=65_536)
def _missing(sound: str) -> tuple[float, ...]:
    """What it costs to leave out each sound of a word."""
    costs = [_MISSING.get(one, 1.0) for one in sound]
    if sound[-1:] in _VOWELS:
        costs[-1] = _LAST_VOWEL
    return tuple(costs)


class Heard(NamedTuple):
    """A word and how it is heard."""

    word: str
    sounds: str
    skeleton: str


@lru_cache(maxsize=65_536)
def hear(word: str) -> Heard:
    """A word as it is heard."""
    return heard_as(word, sounds(word))


def heard_as(word: str, sound: str) -> Heard:
    """A word whose sounds are known."""
    return Heard(word, sound, _skeleton(word, sound))


def hear_all(words: Iterable[str]) -> dict[str, Heard]:
    """Many words as they are heard, each as by `hear`: a tenth of the work of one by one."""
    known = list(dict.fromkeys(words))
    lines = "\n".join(_NAMES.get(word, word)[:WORD_MAX] for word in known)
    for pattern, heard in _HEARD:
        lines = pattern.sub(heard, lines)
    pairs = zip(known, lines.split("\n") if known else (), strict=True)
    return {word: heard_as(word, sound or word) for word, sound in pairs}


@lru_cache(maxsize=65_536)
def likeness(
    one: str, other: str, *, pinyin: bool = False, same: float = SAME, near: float = NEAR
) -> Likeness:
    """Whether two words are one name.

    `same` and `near` are the differences up to which they are one name, and perhaps one.

    `pinyin`: one of them was written in Han characters. All write its syllables alike, so that two of them
    are either equal or two names.
    """
    return likenesses(hear(one), (hear(other),), pinyin=pinyin, same=same, near=near)[0]


def likenesses(
    one: Heard, others: Sequence[Heard], *, pinyin: bool = False, same: float = SAME, near: float = NEAR
) -> list[Likeness]:
    """The likeness of each of many words to one: as by `likeness`, for a fraction of the work."""
    found = [Likeness.OTHER] * len(others)
    differences: dict[bool, _Differences] = {}
    pinyin = pinyin and han.is_pinyin(one.word)
    for at in sorted(range(len(others)), key=[other.sounds for other in others].__getitem__):
        other = others[at]
        if one.word == other.word:
            found[at] = Likeness.SAME
            continue
        if pinyin and han.is_pinyin(other.word):
            found[at] = Likeness.NEAR if {one.word, other.word} == _LU else Likeness.OTHER
            continue
        shorter = min(len(one.sounds), len(other.sounds))
        equal = one.skeleton == other.skeleton
        typed = _is_typed(one.word, other.word)
        if not (typed or equal or differ_by_one(one.skeleton, other.skeleton)):
            continue
        may_be_alike = equal and not typed and shorter > _SHORT
        if may_be_alike not in differences:
            up_to = max(same, near, _ALIKE_UP_TO) if may_be_alike else max(same, near)
            differences[may_be_alike] = _Differences(one.sounds, up_to)
        apart = differences[may_be_alike].to(other.sounds)
        alike = Likeness.ALIKE if may_be_alike and apart <= _ALIKE_UP_TO else Likeness.OTHER
        found[at] = _by_difference(apart, shorter, same, near) or (Likeness.TYPED if typed else alike)
    return found


def _by_difference(apart: float, shorter: int, same: float, near: float) -> Likeness:
    """The likeness of two words by how different they sound; `shorter`: the sounds of the shorter one."""
    if apart < same and (shorter > _SHORT or apart <= _SAME_SHORT):
        return Likeness.SAME
    if apart <= (near if shorter > _SHORT else min(near, _NEAR_SHORT)) and shorter >= _SHORT:
        return Likeness.NEAR
    return Likeness.OTHER


def differ_by_one(one: str, other: str) -> bool:
    """Whether two skeletons differ in one sound at the most."""
    return OSA.distance(one, other, score_cutoff=1) <= 1


def _is_typed(one: str, other: str) -> bool:
    """Whether one of the words is the other with one wrong letter, behind the first."""
    if one[:1] != other[:1]:
        return False
    ours, theirs = one[:WORD_MAX], other[:WORD_MAX]
    if abs(len(ours) - len(theirs)) > 1 or OSA.distance(ours, theirs, score_cutoff=1) != 1:
        return False
    short, long = sorted((one, other), key=len)
    if len(short) == len(long) and sorted(short) == sorted(long):
        return len(short) >= _SWAPPED
    if long == short + "i":
        return False
    return len(long) >= _TYPED
