"""An index of listed names, which finds the listed parties that a stated name may be.

A name is compared by words. Each word of a listed name counts by how rare it is on the lists: `Mohammed`
says little, `Zawahiri` much. A stated name is a hit if its words cover enough of a listed name's weight;
words that the listed name does not have lower the score. Nothing here waits or reads: the index is built once
from the lists.

A search first finds the listed words that each stated word is like, which is remembered, as words come again
and again. Only entries that have enough weight of such words are looked at.
"""

import itertools
import math
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from switch.names import han, palladius
from switch.names import words as names
from switch.names.similarity import Likeness, consonants, keys, likeness, skeleton
from switch.screening.listed import ListedName, ListedParty
from switch.screening.vocabulary import KeyTable, Vocabulary

REMEMBERED: Final = 16_384
"""Names, and words of names, whose last search an index remembers."""
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
_PART: Final = _MOST / _CANDIDATE
_PART_OF_A_NAME: Final = 0.86
"""The score of a stated name that is wholly part of a listed one, such as a given name and one of two
surnames: a hit if it has most of the listed name's weight, and its words are rare enough."""

_STEPS: Final = 4
"""Postings are kept apart by weight, in so many steps for each doubling of it."""
_LEAST_THRESHOLD: Final = 0.7
"""From this threshold on `_Entry.need` is a bound; below it every posting is read."""
_LEAST_WHOLE: Final = 0.96
"""What `_LEAST_THRESHOLD` asks of the weight of a candidate, as a part of its `least`."""


class _Posting(NamedTuple):
    """Entries that a key brings by words of similar weight, in the order of the index."""

    heaviest: float
    """No word of these entries that has the key weighs more."""
    entries: "array[int]"


_Postings = Mapping[str, tuple[_Posting, ...]]
"""By key: the entries that it brings, by the weight of the word that has it."""


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
    place: int
    """Its place on the lists: of equal names of a party the first one is stated."""
    particles: float
    """How much of its weight no key brings."""

    @property
    def least(self) -> float:
        """How much of its weight a candidate shares."""
        return _CANDIDATE * self.weight * _ROUNDED

    @property
    def need(self) -> float:
        """How much of its weight every candidate shares at the least, at usual thresholds."""
        return min(self.least * _PART, self.least * _LEAST_WHOLE - self.particles) * _ROUNDED


@dataclass(frozen=True, slots=True)
class _Asked:
    """A name that is searched, in one reading."""

    text: str
    words: tuple[str, ...]
    has_han: bool
    sounds: frozenset[str]
    ways: _Ways


@dataclass(frozen=True, slots=True)
class _Ask:
    """A word of the name that is searched, and what its keys bring."""

    sought: frozenset[str]
    is_joined: bool
    """Whether it is two words of the name that are written as one."""
    postings: Sequence[_Posting]
    """The lightest words first."""

    @property
    def heaviest(self) -> float:
        """How much of an entry's weight it may share at the most."""
        return self.postings[-1].heaviest if self.postings else 0.0

    def brought(self, need: "array[float]", others: float) -> dict[int, float]:
        """Entries with what they share with this word at the most.

        Left out are those that need more than this word and `others` weigh.
        """
        found: dict[int, float] = {}
        for heaviest, entries in self.postings:
            end = bisect_left(entries, bisect_right(need, (heaviest + others) / _ROUNDED))
            found.update(dict.fromkeys(entries[:end], heaviest))
        return found


class _Found(NamedTuple):
    """What a stated word is like on the lists."""

    similar: Mapping[str, float]
    """How similar each listed word is; others are other words."""
    most: float
    """What it may cover of the weight of an entry at the most."""
    entries: int
    """How many times entries have such a word."""


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
                place,
                _PARTICLE * sum(word in names.PARTICLES for word in made),
            )
            for place, (party, name, made) in enumerate(found)
        ]
        # In this order the entries of a posting that some weight may suffice for are its first ones.
        self._entries.sort(key=lambda entry: entry.need)
        self._need = array("d", (entry.need for entry in self._entries))
        self._least = array("d", (entry.least for entry in self._entries))
        """Arrays are read faster than entries."""
        self._total = array("d", (entry.weight for entry in self._entries))
        self._vocabulary = Vocabulary(word for entry in self._entries for word in entry.words)
        self._having = self._entries_by_word()
        entries = tuple(enumerate(self._entries))
        self._sounding = KeyTable((sound, at) for at, entry in entries for sound in entry.sounds)
        self._sounding_joined = KeyTable((sound, at) for at, entry in entries for sound, _ in entry.ways[1:])
        self._words = self._postings(lambda found: found)
        self._joined = self._postings(names.joined)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._find)
        self._similar = lru_cache(maxsize=REMEMBERED)(self._find_word)

    def __len__(self) -> int:
        return len(self._entries)

    def _rarity(self, word: str) -> float:
        if word in names.PARTICLES:
            return _PARTICLE
        return max(1.0, self._rarest - math.log(1 + self._frequency[consonants(word)]))

    def _telling(self, threshold: float) -> float:
        """The weight from which on part of a listed name suffices."""
        return _TELLING * self._rarest if threshold <= _PART_OF_A_NAME else math.inf

    def _weight(self, word: str) -> float:
        """How much a word says: the rarer its sound is on the lists, the more."""
        return self._weights.get(word) or self._rarity(word)

    def _postings(self, words_of: Callable[[tuple[str, ...]], tuple[str, ...]]) -> _Postings:
        """The entries that a key brings, by the weight of the heaviest word that has it."""
        by_key: dict[str, dict[int, float]] = defaultdict(dict)
        for at, entry in enumerate(self._entries):
            for word in words_of(entry.words):
                if word not in names.PARTICLES:
                    weight = self._weight(word)
                    for key in keys(word):
                        known = by_key[key]
                        known[at] = max(weight, known.get(at, 0.0))
        return {key: tuple(_by_weight(found)) for key, found in by_key.items()}

    def _entries_by_word(self) -> Mapping[str, "array[int]"]:
        """The entries that have a word, the lightest first."""
        found: dict[str, list[int]] = defaultdict(list)
        for at in sorted(range(len(self._entries)), key=self._total.__getitem__):
            for word in dict.fromkeys(self._entries[at].words):
                found[word].append(at)
        return {word: array("I", entries) for word, entries in found.items()}

    def search(
        self, stated: str, *, born: date | None = None, threshold: float = THRESHOLD
    ) -> Sequence[ScreeningHit]:
        """The parties that `stated` may be, the most similar first; each party once, by its best name.

        Names come again and again, so the last ones are remembered.
        """
        return self._remembered(stated, born, threshold)

    def _find(self, stated: str, born: date | None, threshold: float) -> Sequence[ScreeningHit]:
        best: dict[str, tuple[float, int, ScreeningHit]] = {}
        found = (
            (one, self._entries[at])
            for one in self._readings(stated)
            for at in self._candidates(one, threshold)
        )
        for asked, entry in found:
            score = self._score(asked, entry)
            if born is not None and entry.party.born and not any(b.may_be(born) for b in entry.party.born):
                score -= _ANOTHER_BIRTH
            known = best.get(entry.party.id)
            if score >= threshold and (known is None or (score, -entry.place) > known[:2]):
                hit = ScreeningHit(entry.party, entry.name.text, round(score, 3))
                best[entry.party.id] = score, -entry.place, hit
        hits = (hit for *_, hit in best.values())
        return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.party.id)))

    def _candidates(self, name: _Asked, threshold: float) -> list[int]:
        """Names that share enough of their weight with what was asked.

        If each stated word is shared, none is left that other words of the listed name could be like: what is
        shared must suffice for the threshold, or be rare enough for part of a name.
        """
        by_words = _LEAST_THRESHOLD <= threshold <= _SIMILARITY[Likeness.SAME] and not name.has_han
        asked = name.words
        plain = [word for word in asked if word not in names.PARTICLES]
        ask = _bare if by_words else self._ask
        asks = [ask(word, is_joined=False) for word in plain]
        asks += [ask(word, is_joined=True) for word in names.joined(asked)]
        best, every = _SIMILARITY[Likeness.SAME], len(plain)
        whole = threshold / best / _CANDIDATE
        telling = self._telling(threshold) / best * _ROUNDED
        may_join = every < len(asked)  # a word and its particle may weigh more as one
        known: dict[str, int] = {}

        def suffices(entry: _Entry) -> bool:
            enough = entry.least
            weight, times, joined = self._shared(asks, entry, known)
            if times < every:
                return weight >= enough
            if may_join or joined:
                return weight >= enough * _PART
            weight += entry.particles
            return weight >= enough * whole or (weight >= telling and weight >= enough * _PART)

        if by_words:
            return [at for at in self._met_by_words(name, threshold) if suffices(self._entries[at])]
        met = self._met(asks, every) if threshold >= _LEAST_THRESHOLD else _all(asks)
        likely = self._likely(name, threshold)
        return [at for at in met if likely(entry := self._entries[at]) and suffices(entry)]

    def _ask(self, word: str, *, is_joined: bool) -> "_Ask":
        sought = keys(word)
        found = [one for key in sought for one in self._words.get(key, ())]
        if not is_joined:
            found += [one for key in sought for one in self._joined.get(key, ())]
        return _Ask(sought, is_joined, sorted(found, key=lambda one: one.heaviest))

    def _met(self, asks: Sequence[_Ask], every: int) -> list[int]:
        """The entries for which what they share may suffice.

        An entry is met by the first word that brings it, those that bring few before those that bring many:
        entries that only later ones bring need no more than these weigh, and are the first of a posting. How
        much an entry shares is then counted at its most.
        """
        left = sum(ask.heaviest for ask in asks)
        most: dict[int, float] = {}
        times: dict[int, int] = {}
        for ask in sorted(asks, key=lambda ask: sum(len(one.entries) for one in ask.postings)):
            left -= ask.heaviest
            found = ask.brought(self._need, left)
            if most:
                for heaviest, entries in ask.postings:  # the heaviest last
                    found.update(dict.fromkeys(most.keys() & entries, heaviest))
            for at, weight in found.items():
                most[at] = most.get(at, 0.0) + weight
                times[at] = times.get(at, 0) + 1
        need, least = self._need, self._least
        return [at for at, weight in most.items() if weight >= (least[at] if times[at] < every else need[at])]

    def _find_word(self, word: str) -> _Found:
        """The listed words that a stated word is like, whatever names have them."""
        similar = {}
        for listed in self._vocabulary.near(word):
            # Two words of Han characters are at most as similar as two of letters.
            now = _SIMILARITY[likeness(listed, word)]
            if now:
                similar[listed] = now
        most = max((now * self._weights[listed] for listed, now in similar.items()), default=0.0)
        return _Found(similar, most, sum(len(self._having[listed]) for listed in similar))

    def _met_by_words(self, asked: _Asked, threshold: float) -> Iterator[int]:
        """The entries of which words that are like the stated ones may cover enough for the threshold.

        An entry is met by the first word that brings it, those that bring few before those that bring many:
        of entries that only later words bring, these cover no more than they may at the most.
        """
        telling = self._telling(threshold)
        stated = [(self._similar(word), min(self._weight(word), self._rarest / 2)) for word in asked.words]
        found = sorted((one for one, _ in stated), key=lambda one: one.entries)
        left = sum(one.most for one in found)
        best: dict[str, float] = {}
        met: set[int] = set()
        for one in found:
            least = threshold if left < telling * _ROUNDED else min(threshold, _MOST)
            heaviest = left / (least * _ROUNDED)
            for word, similar in one.similar.items():
                entries = self._having[word]
                met.update(entries[: bisect_right(entries, heaviest, key=self._total.__getitem__)])
                if similar > best.get(word, 0.0):
                    best[word] = similar
            left -= one.most
        weights, total = self._weights, self._total
        as_one = {sound for sound, _ in asked.ways[1:]}
        joined = self._joined_as(asked, as_one)
        for at in met - joined:
            words = self._entries[at].words
            covered = sum(best[word] * weights[word] for word in words if word in best)
            if covered < _enough(total[at], threshold, telling):
                continue
            beside = sum(weight for one, weight in stated if one.similar.keys().isdisjoint(words))
            if not beside or covered >= threshold * (total[at] + _EXTRA * beside) * _ROUNDED:
                yield at
        for at in joined:
            entry = self._entries[at]
            ways = (way for way in entry.ways if not way[0] or way[0] in asked.sounds)
            if any(_covers(way, as_one, best, threshold, telling) for way in ways):
                yield at

    def _joined_as(self, asked: _Asked, as_one: set[str]) -> set[int]:
        """The entries that have two words of the name as one (`as_one`: sounds), or one word as two."""
        found = {at for sound in as_one for at in self._sounding.at(sound)}
        return found.union(*(self._sounding_joined.at(sound) for sound in asked.sounds))

    def _likely(self, asked: _Asked, threshold: float) -> Callable[[_Entry], bool]:
        """Whether the score of an entry may reach the threshold; False is never wrong.

        Each listed word is compared once in a search, whatever names have it.
        """
        telling = self._telling(threshold)
        stated = [word for word, _ in asked.ways[0][1]]
        joined = [sound for sound, _ in asked.ways[1:]]
        best: tuple[dict[str, float], dict[str, float]] = {}, {}

        def covers(entry: _Entry) -> bool:
            pinyin = asked.has_han or entry.has_han
            known = best[pinyin]
            covered, left = 0.0, entry.weight
            enough = _enough(left, threshold, telling)
            for word, weight in entry.ways[0][1]:  # the heaviest first: mostly one word decides
                similar = known.get(word)
                if similar is None:
                    similar = known[word] = _most_similar(word, stated, pinyin=pinyin)
                covered += weight * similar
                left -= weight
                if covered + left < enough:
                    return False
            return True

        def likely(entry: _Entry) -> bool:
            return (
                threshold > _SIMILARITY[Likeness.SAME]  # equal names score more than their words
                or (asked.has_han and entry.has_han)
                or covers(entry)
                or any(sound in entry.sounds for sound in joined)
                or any(sound in asked.sounds for sound, _ in entry.ways[1:])
            )

        return likely

    def _shared(self, asks: Sequence[_Ask], entry: _Entry, known: dict[str, int]) -> tuple[float, int, bool]:
        """How much of its weight an entry shares, with how many words, and whether with joined ones.

        What is shared with a joined word says nothing of its two parts. `known`: which of `asks` are like a
        word, one bit each, of the words that were compared before.
        """
        shared = [0.0] * len(asks)
        is_joined = False
        for words, joined in ((entry.words, False), (names.joined(entry.words), True)):
            for word in words:
                bits = known.get(word)
                if bits is None:
                    bits = known[word] = _alike(asks, word)
                if bits:
                    weight = self._weight(word)
                    for at, ask in enumerate(asks):
                        if bits >> at & 1 and not (joined and ask.is_joined):
                            is_joined |= joined or ask.is_joined
                            shared[at] = max(shared[at], weight)
        return sum(shared), sum(weight > 0 for weight in shared), is_joined

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


def _enough(total: float, threshold: float, telling: float) -> float:
    """How much of the weight of an entry must be covered at the least."""
    return min(threshold * total, max(telling, _MOST * total)) * _ROUNDED


def _covers(
    way: tuple[str, _Weighed], as_one: set[str], best: Mapping[str, float], threshold: float, telling: float
) -> bool:
    """Whether words that one side writes as one, and those that are alike, may cover enough of an entry.

    `way`: a way of the entry, with the sound of what it joins. `as_one`: sounds of two stated words as one.
    `best`: how similar listed words are to single stated ones.
    """
    joined, words = way
    total = covered = 0.0
    for word, weight in words:
        sound = skeleton(word)
        alike = sound == joined or sound in as_one
        total += weight
        covered += weight * (_SIMILARITY[Likeness.SAME] if alike else best.get(word, 0.0))
    return covered >= _enough(total, threshold, telling)


def _bare(word: str, *, is_joined: bool) -> _Ask:
    """A word without what its keys bring."""
    return _Ask(keys(word), is_joined, ())


def _sounds(made: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(skeleton, made))


def _by_weight(found: Mapping[int, float]) -> Iterator[_Posting]:
    """Entries with the weight of their words, in steps."""
    steps: dict[int, list[int]] = defaultdict(list)
    for at, weight in found.items():
        steps[round(_STEPS * math.log2(weight))].append(at)
    for _, entries in sorted(steps.items()):
        yield _Posting(max(found[at] for at in entries), array("I", sorted(entries)))


def _alike(asks: Sequence[_Ask], word: str) -> int:
    """Which words share a key with a word, one bit each; a particle shares none."""
    if word in names.PARTICLES:
        return 0
    sought = keys(word)
    return sum(1 << at for at, ask in enumerate(asks) if not ask.sought.isdisjoint(sought))


def _most_similar(word: str, others: Iterable[str], *, pinyin: bool) -> float:
    return max(_SIMILARITY[likeness(word, one, pinyin=pinyin)] for one in others)


def _all(asks: Iterable[_Ask]) -> set[int]:
    """Every entry that a word brings."""
    return {at for ask in asks for posting in ask.postings for at in posting.entries}
