"""An index of listed names, which finds the listed parties that a stated name may be.

A name is compared by words. Each word of a listed name counts by how rare it is on the lists: `Mohammed`
says little, `Zawahiri` much. A stated name is a hit if its words cover enough of a listed name's weight;
words that the listed name does not have lower the score. Nothing here waits or reads: the index is built once
from the lists.
"""

import itertools
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from switch.names import han, palladius
from switch.names import words as names
from switch.names.similarity import Likeness, consonants, keys, likeness, skeleton
from switch.screening.listed import ListedName, ListedParty

REMEMBERED: Final = 16_384
"""Names whose last search an index remembers."""
THRESHOLD: Final = 0.85
"""Scores from here on are hits, unless an installation says otherwise."""
_SIMILARITY: Final = {
    Likeness.SAME: 0.97,
    Likeness.NEAR: 0.92,
    Likeness.TYPED: 0.88,
    Likeness.ALIKE: 0.5,
    Likeness.OTHER: 0.0,
}
_BY_CHARACTERS: Final = {
    han.HanLikeness.SAME: 1.0,
    han.HanLikeness.HOMOPHONE: 0.86,
    han.HanLikeness.OTHER: 0.0,
}
"""The score of two names in Han characters: others that are read alike are other names."""
_CANDIDATE: Final = 0.75
"""A candidate shares keys that weigh so much of the listed name, or has all words of the stated one."""
_ROUNDED: Final = 0.999_999
"""Weights are kept in single precision: what is equal must not be less."""
_PARTICLE: Final = 0.2
_EXTRA: Final = 0.35
"""How much words count that only the stated name has."""
_FEW_LETTERS: Final = 4
_ANOTHER_BIRTH: Final = 0.15
_TELLING: Final = 1.2
_MOST: Final = 0.55
_PART_OF_A_NAME: Final = 0.86
"""The score of a stated name that is wholly part of a listed one, such as a given name and one of two
surnames: a hit if it has most of the listed name's weight, and its words are rare enough."""

_Postings = Mapping[str, tuple["array[int]", "array[float]"]]
"""By key: the entries that it brings, and the weight of the word of each that has it."""


@dataclass(frozen=True, slots=True)
class ScreeningHit:
    """A listed party that a stated name may be."""

    party: ListedParty
    name: str
    """The listed name that was matched."""
    score: float
    """0 to 1; 1 for equal words."""


_Weighed = tuple[tuple[str, float], ...]
"""The words of a name with their weights, the heaviest first."""
_Ways = tuple[tuple[str, _Weighed], ...]
"""The words of a name as they are, and with each two of them joined; with the sound of what was joined."""


@dataclass(frozen=True, slots=True)
class _Entry:
    party: ListedParty
    name: ListedName
    words: tuple[str, ...]
    weight: float
    has_han: bool
    sounds: frozenset[str]
    """The skeletons of its words."""
    ways: _Ways


@dataclass(frozen=True, slots=True)
class _Asked:
    """A name that is searched, in one reading."""

    text: str
    words: tuple[str, ...]
    has_han: bool
    sounds: frozenset[str]
    ways: _Ways


class NameIndex:
    """All names of the lists in force."""

    def __init__(self, parties: Iterable[ListedParty]) -> None:
        found = [
            (party, name, made)
            for party in parties
            for name in party.names
            if (made := names.words(name.text))
        ]
        self._frequency = Counter(consonants(word) for *_, made in found for word in set(made))
        self._rarest = math.log(1 + len(found))
        self._weights: dict[str, float] = {}
        for *_, made in found:
            self._weights |= {word: self._rarity(word) for word in made}
        self._entries = [
            _Entry(
                party,
                name,
                made,
                sum(map(self._weight, made)),
                han.has_han(name.text),
                _sounds(made),
                self._ways(made),
            )
            for party, name, made in found
        ]
        self._least = array("f", (_CANDIDATE * entry.weight * _ROUNDED for entry in self._entries))
        """How much of its weight a candidate shares, by entry: an array is read faster than entries."""
        self._particles = array("f", (_PARTICLE * _particles(entry.words) for entry in self._entries))
        """How much of its weight no key brings, by entry."""
        self._words = self._postings(lambda found: found)
        self._joined = self._postings(names.joined)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._find)

    def __len__(self) -> int:
        return len(self._entries)

    def _rarity(self, word: str) -> float:
        if word in names.PARTICLES:
            return _PARTICLE
        return max(1.0, self._rarest - math.log(1 + self._frequency[consonants(word)]))

    def _weight(self, word: str) -> float:
        """How much a word says: the rarer its sound is on the lists, the more."""
        return self._weights.get(word) or self._rarity(word)

    def _postings(self, words_of: Callable[[tuple[str, ...]], tuple[str, ...]]) -> _Postings:
        """The entries that a key brings, with the weight of the word that has it."""
        by_key: dict[str, dict[int, float]] = defaultdict(dict)
        for at, entry in enumerate(self._entries):
            for word in words_of(entry.words):
                if word not in names.PARTICLES:
                    weight = self._weight(word)
                    for key in keys(word):
                        known = by_key[key]
                        known[at] = max(weight, known.get(at, 0.0))
        return {key: (array("I", found), array("f", found.values())) for key, found in by_key.items()}

    def search(
        self, stated: str, *, born: date | None = None, threshold: float = THRESHOLD
    ) -> Sequence[ScreeningHit]:
        """The parties that `stated` may be, the most similar first; each party once, by its best name.

        Names come again and again, so the last ones are remembered.
        """
        return self._remembered(stated, born, threshold)

    def _find(self, stated: str, born: date | None, threshold: float) -> Sequence[ScreeningHit]:
        best: dict[str, ScreeningHit] = {}
        found = ((one, at) for one in self._readings(stated) for at in self._candidates(one.words, threshold))
        for asked, at in found:
            entry = self._entries[at]
            score = self._score(asked, entry)
            if born is not None and entry.party.born and not any(b.may_be(born) for b in entry.party.born):
                score -= _ANOTHER_BIRTH
            known = best.get(entry.party.id)
            if score >= threshold and (known is None or known.score < score):
                best[entry.party.id] = ScreeningHit(entry.party, entry.name.text, round(score, 3))
        return tuple(sorted(best.values(), key=lambda hit: (-hit.score, hit.party.id)))

    def _candidates(self, asked: tuple[str, ...], threshold: float) -> list[int]:
        """Names that share enough of their weight with what was asked.

        If each stated word is shared, none is left that other words of the listed name could be like: what is
        shared must suffice for the threshold, or be rare enough for part of a name.
        """
        asks = [(word, self._joined) for word in asked if word not in names.PARTICLES]
        every = len(asks)
        asks += [(word, {}) for word in names.joined(asked)]
        shared: dict[int, float] = {}
        times: dict[int, int] = {}
        joined: set[int] = set()
        for place, (word, others) in enumerate(asks):
            sought = keys(word)
            brought, of_joined = _brought(self._words, sought), _brought(others, sought)
            brought |= of_joined
            # What is shared with a joined word says nothing of its two parts.
            joined.update(of_joined if place < every else brought)
            for at, weight in brought.items():
                shared[at] = shared.get(at, 0.0) + weight
                times[at] = times.get(at, 0) + 1
        least, particles, best = self._least, self._particles, _SIMILARITY[Likeness.SAME]
        whole, part = threshold / best / _CANDIDATE, _MOST / _CANDIDATE
        telling = _TELLING * self._rarest / best * _ROUNDED if threshold <= _PART_OF_A_NAME else math.inf
        may_join = every < len(asked)  # a word and its particle may weigh more as one

        def suffices(at: int, weight: float) -> bool:
            enough = least[at]
            if times[at] < every:
                return weight >= enough
            if may_join or at in joined:
                return weight >= enough * part
            weight += particles[at]
            return weight >= enough * whole or (weight >= telling and weight >= enough * part)

        return [at for at, weight in shared.items() if suffices(at, weight)]

    def _score(self, asked: _Asked, entry: _Entry) -> float:
        """How much of the listed name is stated, less what the stated name has beside it."""
        if asked.has_han and entry.has_han and han.is_name(asked.text) and han.is_name(entry.name.text):
            return _BY_CHARACTERS[han.compare(asked.text, entry.name.text)]
        if entry.words == asked.words or sorted(entry.words) == sorted(asked.words):
            return 1.0
        if entry.name.weak or (len(entry.words) == 1 and len(entry.words[0]) <= _FEW_LETTERS):
            return 0.0
        pinyin = asked.has_han or entry.has_han
        return max(
            self._aligned(listed, stated, pinyin=pinyin)
            for joined, listed in entry.ways
            if not joined or joined in asked.sounds
            for other, stated in asked.ways
            if not other or other in entry.sounds
        )

    def _aligned(self, listed: _Weighed, stated: _Weighed, *, pinyin: bool) -> float:
        left = list(stated)
        total = covered = 0.0
        for word, weight in listed:
            total += weight
            similar, at = 0.0, 0
            for place, (one, _) in enumerate(left):
                if (now := _SIMILARITY[likeness(word, one, pinyin=pinyin)]) > similar:
                    similar, at = now, place
            if similar:
                covered += weight * similar
                del left[at]
        beside = sum(min(weight, self._rarest / 2) for _, weight in left)
        if not left and len(stated) > 1 and covered >= _TELLING * self._rarest and covered >= _MOST * total:
            return max(covered / total, _PART_OF_A_NAME)
        return covered / (total + _EXTRA * beside)

    def _ways(self, made: tuple[str, ...]) -> _Ways:
        joined = (
            (skeleton(word), (*made[:at], word, *made[at + 2 :]))
            for at, word in enumerate(one + other for one, other in itertools.pairwise(made))
        )
        return (("", self._weighed(made)), *((sound, self._weighed(way)) for sound, way in joined))

    def _weighed(self, made: tuple[str, ...]) -> _Weighed:
        return tuple(sorted(((word, self._weight(word)) for word in made), key=lambda one: -one[1]))

    def _readings(self, stated: str) -> list[_Asked]:
        """A name as it is read, and what may be a Chinese name in Cyrillic letters also as one."""
        found = [(names.words(stated), han.has_han(stated))]
        if (chinese := palladius.pinyin(stated)) is not None:
            found.append((chinese, True))
        return [
            _Asked(stated, made, has_han, _sounds(made), self._ways(made)) for made, has_han in found if made
        ]


def _sounds(made: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(skeleton, made))


def _particles(made: tuple[str, ...]) -> int:
    return sum(word in names.PARTICLES for word in made)


def _brought(postings: _Postings, sought: Iterable[str]) -> dict[int, float]:
    """The entries that keys bring, each with the weight of a word that has one of them."""
    found: dict[int, float] = {}
    for posting in filter(None, map(postings.get, sought)):
        found.update(zip(*posting, strict=True))
    return found
