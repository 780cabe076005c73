"""The words of a list, found by how they are spelt and how they sound.

Words that `likeness` may find to be one name have skeletons that differ in one sound at the most, or
spellings that differ in one letter. Such texts are equal after one sound or letter of each is left out at
the most, so each way to leave one out is a key. Only sounds count that are cheap to leave out or to change.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from switch.names.similarity import WORD_MAX, skeleton

_AT_BITS: Final = 24
_KEY_MASK: Final = (1 << 39) - 1
_ALIKE: Final = str.maketrans("tb", "sv")
"""Sounds of skeletons that may be cheap to change into one another."""
_LEFT_OUT: Final = frozenset("vksa")
"""Sounds that may be cheap to leave out: v, g, and J beside vowels, and what begins a word."""
_DOUBLED: Final = re.compile(r"(.)\1+")
_SPELT_FROM: Final = 3
"""Shorter words with another letter are other words."""


class KeyTable:
    """Places by their keys: numbers in one sorted array, a tenth of the memory of a dictionary.

    Two keys rarely have the same number: who finds a place looks whether it has the key.
    """

    def __init__(self, keys: Iterable[tuple[str, int]]) -> None:
        rows = sorted({_row(key, at) for key, at in keys})
        self._rows = array("Q", rows)

    def at(self, key: str) -> Iterator[int]:
        """The places that have a key, and rarely others."""
        rows, number = self._rows, _number(key)
        for at in range(bisect_left(rows, number << _AT_BITS), len(rows)):
            if rows[at] >> _AT_BITS != number:
                return
            yield rows[at] & (1 << _AT_BITS) - 1


class Vocabulary:
    """The distinct words of a list."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(dict.fromkeys(words))
        self._table = KeyTable((key, at) for at, word in enumerate(self._words) for key in _keys(word))

    def near(self, word: str) -> set[str]:
        """The listed words that may be like a word: some are not, and none that is like it is missing."""
        return {self._words[at] for key in _keys(word) for at in self._table.at(key)}


def _row(key: str, at: int) -> int:
    if at >> _AT_BITS:  # it would change the key, and be found by nobody
        raise ValueError(f"more than {1 << _AT_BITS} places")
    return _number(key) << _AT_BITS | at


def _number(key: str) -> int:
    return hash(key) & _KEY_MASK


def _keys(word: str) -> Iterator[str]:
    sound, spelt = skeleton(word).translate(_ALIKE), word[:WORD_MAX]
    yield "~" + _DOUBLED.sub(r"\1", sound)
    for at, one in enumerate(sound):
        if one in _LEFT_OUT:
            yield "~" + _DOUBLED.sub(r"\1", sound[:at] + sound[at + 1 :])
    if len(word) >= _SPELT_FROM:
        yield spelt
        for at in range(1, len(spelt)):
            yield spelt[:at] + spelt[at + 1 :]
