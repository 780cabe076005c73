"""The words of a list, found by how they are spelt and how they sound.

Words that `likeness` may find to be one name have skeletons that differ in one sound at the most, or
spellings that differ in one letter. So a word has as keys its skeleton, that with each sound left out or
changed for which this may be cheap, and its spelling with each letter left out: of two words that are like
each other, at least one key is the same.
"""

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from switch.names.similarity import CONSONANTS, DOUBLED, FIRST, FIRST_VOWEL, WORD_MAX, Heard

_AT_BITS: Final = 24
_PLACE: Final = (1 << _AT_BITS) - 1
_VOWEL: Final = "A"
"""What a word begins with that begins with vowels; no sound is written so."""
_LEFT_OUT_FIRST: Final = frozenset(f"{_VOWEL}hxgGkJv")
_LEFT_OUT: Final = frozenset("kgGJv")
"""Sounds that are perhaps no sound of the other skeleton: g and h, k and kh, J and y, v and u."""
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

    def at(self, key: str) -> list[int]:
        """The places that have a key, and rarely others."""
        rows, number = self._rows, _number(key)
        first = bisect_left(rows, number << _AT_BITS)
        end = bisect_left(rows, (number + 1) << _AT_BITS, first)
        return [row & _PLACE for row in rows[first:end]]


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
    """A skeleton, and with what may be left out or changed; of a run of one sound, each part of it."""
    runs = _runs(FIRST_VOWEL.sub(_VOWEL, sounds))
    skeleton = [one[0][0] for one in runs]
    yield "".join(skeleton)
    for at, run in enumerate(runs):
        before, behind = "".join(skeleton[:at]), "".join(skeleton[at + 1 :])
        if all(may_go for _, may_go, _ in run):
            yield DOUBLED.sub(r"\1", before + behind)
        for first in range(len(run)):
            for end in range(first + 1, len(run) + 1):
                if not all(other for *_, other in run[first:end]):
                    break
                changed = [one for one, *_ in run[:first]] + [other for *_, other in run[first:end]]
                kept = [one for one, *_ in run[end:]]
                yield DOUBLED.sub(r"\1", before + "".join((*changed, *kept)) + behind)


def _runs(sounds: str) -> list[list[tuple[str, bool, str]]]:
    """The sounds of a skeleton, equal ones beside each other as one run.

    With each: whether it may be left out, and what it may be changed into.
    """
    runs: list[list[tuple[str, bool, str]]] = []
    for at, sound in enumerate(sounds):
        one = sound.translate(CONSONANTS if at else FIRST)
        if one:
            found = (one, sound in (_LEFT_OUT if at else _LEFT_OUT_FIRST), _CHANGED.get(sound, ""))
            if runs and runs[-1][0][0] == one:
                runs[-1].append(found)
            else:
                runs.append([found])
    return runs
