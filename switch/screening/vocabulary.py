"""The words of a list, found by how they are spelt and how they sound.

Words that `likeness` may find to be one name have skeletons that differ in one sound at the most, or
spellings that differ in one letter. So a word has as keys its spelling with each letter left out, its
skeleton, and those of words that are cheap to make of it: with a sound that skeletons do not have changed
into one that they have, such as kh into k, or with a changed one. Of two words that are like each other, at
least one key is the same.
"""

import itertools
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from switch.names.similarity import CONSONANTS, DOUBLED, FIRST, FIRST_VOWEL, WORD_MAX, Heard

_AT_BITS: Final = 24
_PLACE: Final = (1 << _AT_BITS) - 1
_VOWEL: Final = "A"
"""What a word begins with that begins with vowels; no sound is written so."""
_UNSEEN: Final = {"h": "k", "x": "k", "y": "s", "u": "v"}
"""Sounds that skeletons have only if words begin with them, and what skeletons have for those into which they
may be cheap to change: g, k, J and v."""
_CHANGED: Final = {"T": "t", "z": "t", "c": "t", "b": "v"}
"""Sounds that may be cheap to change into one that is another sound of skeletons."""
_SPELT_FROM: Final = 3
"""Shorter words with another letter are other words."""


class KeyTable:
    """Places by their keys: numbers in one sorted array, a tenth of the memory of a dictionary.

    Two keys rarely have the same number: who finds a place looks whether it has the key.
    """

    def __init__(self, rows: bytes) -> None:
        self._rows = array("Q", rows)

    @staticmethod
    def made(keys: Iterable[tuple[str, int]]) -> bytes:
        """The rows of a table.

        Raises:
            ValueError: a place has more than 24 bits.

        """
        return array("Q", sorted({_row(key, at) for key, at in keys})).tobytes()

    def __iter__(self) -> Iterator[int]:
        """The place of each row."""
        return (row & _PLACE for row in self._rows)

    def rows(self, key: str) -> range:
        """The rows that have a key, and rarely others."""
        number = _number(key)
        first = bisect_left(self._rows, number << _AT_BITS)
        return range(first, bisect_left(self._rows, (number + 1) << _AT_BITS, first))

    def place(self, row: int) -> int:
        """The place of a row."""
        return self._rows[row] & _PLACE

    def at(self, key: str) -> list[int]:
        """The places that have a key, and rarely others."""
        rows = self.rows(key)
        return [row & _PLACE for row in self._rows[rows.start : rows.stop]]


def _row(key: str, at: int) -> int:
    if at >> _AT_BITS:  # it would change the key, and be found by nobody
        raise ValueError(f"more than {1 << _AT_BITS} places")
    return _number(key) << _AT_BITS | at


def _number(key: str) -> int:
    return zlib.crc32(key.encode())


def keys(word: Heard) -> set[str]:
    """The keys of a word: words that are like each other have one in common."""
    found = {f"~{one}" for one in _sound_keys(word.sounds)}
    spelt = word.word[:WORD_MAX]
    if len(word.word) >= _SPELT_FROM:
        found.add(spelt)
        found.update(spelt[:at] + spelt[at + 1 :] for at in range(1, len(spelt)))
    return found


def _sound_keys(sounds: str) -> Iterator[str]:
    """The skeletons of a word and of those that are cheap to make of it."""
    vowels = FIRST_VOWEL.match(sounds)
    made = FIRST_VOWEL.sub(_VOWEL, sounds)
    seen = [one.translate(CONSONANTS if at else FIRST) for at, one in enumerate(made)]
    unseen = [{at: _UNSEEN[one]} for at, one in enumerate(made) if one in _UNSEEN and not seen[at]]
    unseen += [{0: _VOWEL + _UNSEEN[one]} for one in (vowels[0] if vowels else "") if one in _UNSEEN]
    changed = list(_changed(made, seen))
    both = (one | other for one in unseen for other in changed)
    for instead in ({}, *unseen, *changed, *both):
        key = _skeleton(instead.get(at, one) for at, one in enumerate(seen))
        yield key
        yield key.removeprefix(_VOWEL)  # first vowels may be missing
    if sounds[:1] == "h":  # it may be missing, or a vowel instead
        yield _skeleton((_VOWEL, *seen[1:]))
        yield from _sound_keys(sounds[1:])


def _changed(made: str, seen: Sequence[str]) -> Iterator[dict[int, str]]:
    """What each part of each run of equal sounds may be changed into, by the places of the sounds."""
    places = [at for at, one in enumerate(seen) if one]
    for _, group in itertools.groupby(places, key=seen.__getitem__):
        run = list(group)
        for first, end in itertools.combinations(range(len(run) + 1), 2):
            instead = {at: _CHANGED.get(made[at], "") for at in run[first:end]}
            if all(instead.values()):
                yield instead


def _skeleton(seen: Iterable[str]) -> str:
    return DOUBLED.sub(r"\1", "".join(seen))
