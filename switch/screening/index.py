"""An index of listed names, which finds the listed parties that a stated name may be.

A name is compared by words. Each word of a listed name counts by how rare it is on the lists: `Mohammed`
says little, `Zawahiri` much. A stated name is a hit if its words cover enough of a listed name's weight;
words that the listed name does not have lower the score. Nothing here waits or reads: the index is made once
from the lists.

A search leaves out what cannot be a hit, and scores the rest. First it finds the listed words that each
stated word is like, which is remembered, as words come again and again. A listed name can only be a hit if
one of its telling words, mostly the rarest one, is among them; so each name is kept under these, and common
words bring few names. What the words of a name may cover at the most is then compared with the threshold.
"""

import itertools
import math
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Final, NamedTuple

import msgspec

from switch.names import han, palladius
from switch.names import words as names
from switch.names.similarity import (
    Heard,
    Likeness,
    consonants,
    differ_by_one,
    hear,
    hear_all,
    likeness,
    skeleton,
)
from switch.names.similarity import keys as sound_keys
from switch.screening import stated as reading
from switch.screening import tables
from switch.screening.listed import ListedParty
from switch.screening.tables import (
    LEAST_THRESHOLD,
    MOST,
    MOST_SIMILAR,
    NONE_NEEDED,
    ROUNDED,
    TELLING,
    WHOLE_NAME,
    Groups,
    IndexTables,
)
from switch.screening.vocabulary import KeyTable

REMEMBERED: Final = 16_384
"""Names, and words of names, whose last search an index remembers."""
THRESHOLD: Final = 0.85
"""Scores from here on are hits, unless an installation says otherwise."""
_SIMILARITY: Final = {
    Likeness.SAME: MOST_SIMILAR,
    Likeness.NEAR: 0.92,
    Likeness.TYPED: 0.88,
    Likeness.ALIKE: 0.5,
    Likeness.OTHER: 0.0,
}
_TYPED: Final = _SIMILARITY[Likeness.TYPED]
_BY_CHARACTERS: Final = {
    han.HanLikeness.SAME: 1.0,
    han.HanLikeness.HOMOPHONE: 0.86,
    han.HanLikeness.OTHER: 0.0,
}
"""The score of two names in Han characters: others that are read alike are other names."""
_EXTRA: Final = 0.35
"""How much words count that only the stated name has."""
_ANOTHER_BIRTH: Final = 0.15
_PART_OF_A_NAME: Final = 0.86
"""The score of a stated name that is wholly part of a listed one, such as a given name and one of two
surnames: a hit if it has most of the listed name's weight, and its words are rare enough."""
_DISTINCT: Final = 10.0
"""A whole listed name that weighs so much, or as much as part of a name that suffices, is a hit beside any
words, if it has two words at the least: one name of 22,000 has words as rare by chance."""
_BESIDE: Final = 0.95
"""The part of its score that it has then, if its words stand together, ..."""
_APART: Final = 0.9
"""... or in a text, or with other words in between: enough for words that are the same, in any spelling."""
_APART_FROM: Final = 4
"""Letters of each word that has others in between: many names have shorter ones by chance."""
_HEARD: Final = 0.75
"""So much of the weight of a listed name must be heard in the stated one, ..."""
_PART: Final = MOST / _HEARD
"""... or so much of that, if all words of the stated one are."""
_INITIALS: Final = 2
"""Letters of the longest word that may be initials: `O.P.`"""
_FEW: Final = 16
"""Up to so many words are heard one by one, as they are remembered."""
_party: Final = msgspec.msgpack.Decoder(ListedParty).decode


@dataclass(frozen=True, slots=True)
class ScreeningHit:
    """A listed party that a stated name may be."""

    party: ListedParty
    name: str
    """The listed name that was matched."""
    score: float
    """0 to 1; 1 for equal words."""


@dataclass(slots=True)
class _Alike:
    """A stated word, and the listed words that it is like."""

    heard: Heard
    weight: float
    beside: float
    """How much it counts if a listed name does not have it."""
    similar: Mapping[int, float]
    """How similar each listed word is, by its number; others are other words."""
    most: float
    """What it may cover of the weight of a name at the most."""
    told: "array[int]"
    """The names that may be a hit because of this word, as it is like a telling one; the lightest first."""
    as_one: Mapping[int, list[int]]
    """Rows of two words of a name that sound as one like this word, by the words of which they need any."""
    named: int
    """How many times names have a word like it."""
    having: frozenset[int] | None = None
    """The names that have a word like it, once they were asked for."""
    read_as_one: frozenset[int] | None = None
    """The names that have two words of `as_one`, once they were asked for."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A name that is searched, in one reading."""

    text: str
    has_han: bool
    is_text: bool
    """It is no name, but a text in which a whole name may stand."""
    words: Sequence[_Alike]
    joined: Sequence[tuple[int, _Alike]]
    """Each two words as one, if a listed word sounds so: the place of the first, and the word."""
    best: Mapping[int, float]
    """How similar each listed word is to one of these."""

    @property
    def most(self) -> float:
        """What the words may cover of the weight of a name at the most."""
        return sum(one.most for one in self.words) + sum(one.most for _, one in self.joined)

    def ways(self) -> Iterator[list[_Alike]]:
        """The words as they are, and with each two of `joined` as one."""
        yield [*self.words]
        for place, one in self.joined:
            yield [*self.words[:place], one, *self.words[place + 2 :]]

    def may_be_like(self, text: str, sounding: Heard) -> Iterator[str]:
        """The words that may be like one that has the skeleton of one of them; it is among them."""
        for one in (*self.words, *(one for _, one in self.joined)):
            heard = one.heard
            if text[0] == heard.word[0] or differ_by_one(heard.skeleton, sounding.skeleton):
                yield heard.word

    def unlike(self, made: Sequence[int]) -> list[float]:
        """The weights of the words that count beside a name of these words, however it is read."""
        parts = {at for place, _ in self.joined for at in (place, place + 1)}
        return [
            one.beside
            for at, one in enumerate(self.words)
            if at not in parts and one.similar.keys().isdisjoint(made)
        ]


class _Word(NamedTuple):
    """A listed word in a comparison; `number` is -1 for two words that are read as one."""

    number: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class _Enough:
    """What must be covered of the weight of a name at the least."""

    threshold: float
    telling: float
    """The weight from which on part of a listed name suffices."""
    distinct: float
    """The weight from which on a whole listed name suffices beside other words."""

    def heaviest(self, covered: float) -> float:
        """The weight of the heaviest name that may be a hit with so much covered."""
        return covered / ((MOST if covered >= self.telling * ROUNDED else self.threshold) * ROUNDED)

    def lightest(self, lost: float) -> float:
        """The weight of the lightest name that may be a hit with so much not covered."""
        part = max((self.telling * ROUNDED + lost) / MOST_SIMILAR, lost / (MOST_SIMILAR - MOST))
        return min(lost / (MOST_SIMILAR - self.threshold * ROUNDED), part) * ROUNDED

    def lightest_beside(self, beside: float) -> float:
        """The weight of the lightest name that may be a hit with so much beside it."""
        least = self.threshold * ROUNDED
        return least * _EXTRA * beside / (MOST_SIMILAR - least) * ROUNDED

    def is_reached(self, covered: float, total: float, unlike: Sequence[float]) -> bool:
        """Whether so much may be a hit, with these words beside it."""
        if unlike:
            return covered >= self.threshold * (total + _EXTRA * sum(unlike)) * ROUNDED
        return covered >= min(self.threshold * total, max(self.telling, MOST * total)) * ROUNDED

    def is_reached_beside(self, covered: float, total: float) -> bool:
        """Whether so much may be a hit, whatever is beside it."""
        return covered >= max(self.threshold / _BESIDE * total, self.distinct) * ROUNDED


class _Sharing:
    """Which words of a listed name have a skeleton in common with stated ones, but for one sound."""

    def __init__(self, single: Sequence[str], as_one: Sequence[str]) -> None:
        self._asked = [(sound_keys(word), False) for word in single]
        self._asked += [(sound_keys(word), True) for word in as_one]

    def weight(self, listed: tuple[str, ...], weight: Callable[[str], float]) -> tuple[float, int, bool]:
        """How much these words weigh, with how many stated ones, and whether two were taken as one.

        What two words as one have in common with two others says nothing of their parts.
        """
        shared = [0.0] * len(self._asked)
        joined = False
        for words, as_one in ((listed, False), (names.joined(listed), True)):
            for word in words:
                sought = frozenset() if word in names.PARTICLES else sound_keys(word)
                for at, (own, own_as_one) in enumerate(self._asked):
                    if not own.isdisjoint(sought) and not (as_one and own_as_one):
                        joined |= as_one or own_as_one
                        shared[at] = max(shared[at], weight(word))
        return sum(shared), sum(one > 0 for one in shared), joined


class NameIndex:
    """All names of the lists in force."""

    def __init__(self, listed: Iterable[ListedParty] | IndexTables) -> None:
        """An index of parties, whose tables are made now, or of tables that were made before."""
        made = listed if isinstance(listed, IndexTables) else tables.make(listed)
        self._tables = made
        self._words = made.words.split()
        self._heard = list(map(Heard, self._words, made.sounds.split(), made.skeletons.split()))
        self._weights = array("d", made.weights)
        self._totals = array("d", made.totals)
        self._names = _Groups(made.names)
        self._told = _Groups(made.told)
        self._having = _Groups(made.having)
        self._alike_words = _Groups(made.alike)
        self._parties = memoryview(made.parties).cast("I")
        self._places = memoryview(made.places).cast("I")
        self._near, self._sounding = KeyTable(made.near), KeyTable(made.sounding)
        self._joined, self._equal = KeyTable(made.joined), KeyTable(made.equal)
        self._joined_totals = memoryview(made.joined_totals).cast("d")
        self._joined_needed = _Groups(made.joined_needed)
        self._read_alike, self._run_together = KeyTable(made.read_alike), KeyTable(made.run_together)
        self._rarest = tables.rarity(len(self))
        self._distinct = min(TELLING * self._rarest, _DISTINCT)
        self._heaviest = max(self._weights, default=0.0)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._find)
        self._remembered_texts = lru_cache(maxsize=REMEMBERED)(self._find_in_text)
        self._alike = lru_cache(maxsize=REMEMBERED)(self._find_word)

    def __len__(self) -> int:
        return len(self._totals)

    def search(
        self, stated: str, *, born: date | None = None, threshold: float = THRESHOLD
    ) -> Sequence[ScreeningHit]:
        """The parties that `stated` may be, the most similar first; each party once, by its best name.

        Names come again and again, so the last ones are remembered.
        """
        return self._remembered(stated, born, threshold)

    def search_text(self, text: str, *, threshold: float = THRESHOLD) -> Sequence[ScreeningHit]:
        """The parties of which a whole name stands in a free text, its words together; sorted as by `search`.

        Numbers and names of one word say nothing in a text.
        """
        return most_similar(itertools.chain.from_iterable(self.search_pieces(text, threshold=threshold)))

    def search_pieces(self, text: str, *, threshold: float = THRESHOLD) -> Iterator[Sequence[ScreeningHit]]:
        """As `search_text`, piece by piece, so that the caller can do something else in between."""
        for piece in reading.pieces(reading.plain_text(text)):
            yield self._remembered_texts(piece, threshold)

    def forget_names(self) -> None:
        """Forget the searches that are remembered, and keep what words are like."""
        self._remembered.cache_clear()
        self._remembered_texts.cache_clear()

    def _find(self, stated: str, born: date | None, threshold: float) -> Sequence[ScreeningHit]:
        found = itertools.chain(
            *(self._scored(asked, threshold) for asked in self._readings(stated, threshold)),
            self._run_together_in(stated, threshold),
            self._han_names_in(stated),
            self._by_initials(stated, born, threshold) if born is not None else (),
        )
        return self._hits(found, born, threshold)

    def _find_in_text(self, piece: str, threshold: float) -> Sequence[ScreeningHit]:
        found = itertools.chain(
            self._in_text(piece, threshold),
            self._run_together_in(piece, threshold, is_text=True),
            self._han_names_in(piece),
        )
        return self._hits(found, None, threshold)

    def _hits(
        self, found: Iterable[tuple[int, float]], born: date | None, threshold: float
    ) -> Sequence[ScreeningHit]:
        """The parties of these names, by their scores."""
        best: dict[str, tuple[float, int, ScreeningHit]] = {}
        for at, scored in found:
            party, score = self._party(at), scored
            if born is not None and party.born and not any(one.may_be(born) for one in party.born):
                score -= _ANOTHER_BIRTH
            known = best.get(party.id)
            if score >= threshold and (known is None or (score, -at) > known[:2]):
                name = party.names[self._places[at]].text
                best[party.id] = score, -at, ScreeningHit(party, name, round(score, 3))
        return most_similar(hit for *_, hit in best.values())

    def _scored(self, asked: _Asked, threshold: float) -> Iterator[tuple[int, float]]:
        """The names that are hits, and their scores."""
        for at in self._candidates(asked, threshold):
            score = self._score(asked, at)
            if score >= threshold and self._is_heard(asked, at, threshold):
                yield at, score

    def _in_text(self, text: str, threshold: float) -> Iterator[tuple[int, float]]:
        """The names that stand in a text, and their scores."""
        if made := names.all_words(text):
            has_han = han.has_han(text)
            asked = self._reading(text, made, threshold, has_han=has_han, is_text=True)
            yield from self._scored(asked, threshold)

    def _run_together_in(
        self, stated: str, threshold: float, *, is_text: bool = False
    ) -> Iterator[tuple[int, float]]:
        """The names that are stated without their spaces, or with spaces between their letters."""
        made = names.all_words(stated)
        runs = reading.run_together(made, tables.RUN_TOGETHER_FROM) if threshold <= MOST_SIMILAR else ()
        whole = {"".join(made[first:end]): end - first == len(made) for first, end in runs}
        heard = hear_all(whole).values() if len(whole) > _FEW else map(hear, whole)
        # A Chinese name with its own spaces is spelt alike by everybody.
        spaced = len(made) > 1 and not reading.is_parted(made) and all(map(han.is_pinyin, made))
        for as_one in heard:
            pinyin = spaced and whole[as_one.word]
            for at in self._run_together.at(as_one.skeleton):
                listed = tables.run_together([self._words[one] for one in self._names[at]])
                if all(likeness(one, as_one.word, pinyin=pinyin) is not Likeness.SAME for one in listed):
                    continue
                if whole[as_one.word] and not is_text:
                    yield at, MOST_SIMILAR
                elif self._totals[at] >= self._distinct * ROUNDED:
                    yield at, MOST_SIMILAR * _BESIDE

    def _han_names_in(self, text: str) -> Iterator[tuple[int, float]]:
        """The names in Han characters that stand among others, by their characters."""
        for part in reading.han_names(text):
            for at in self._read_alike.at(tables.reading(part)):
                listed = self._party(at).names[self._places[at]].text
                if han.is_name(listed) and han.compare(part, listed) is han.HanLikeness.SAME:
                    yield at, _BESIDE

    def _by_initials(self, stated: str, born: date, threshold: float) -> Iterator[tuple[int, float]]:
        """The names of which one word is stated, and initials of others, with a date of birth that agrees.

        Without the date it would be everybody: `A. Khan`.
        """
        made = [word for word in names.all_words(stated) if word not in names.PARTICLES]
        full = [word for word in made if len(word) > _INITIALS]
        initials = Counter("".join(word for word in made if len(word) <= _INITIALS))
        if len(full) != 1 or not initials:
            return
        alike = self._alike(full[0], False, threshold)
        for at in self._having_any(alike):
            others = [one for one in self._names[at] if alike.similar.get(one, 0.0) < _TYPED]
            agrees = len(others) < len(self._names[at]) and any(
                one.may_be(born) for one in self._party(at).born
            )
            if agrees and initials <= Counter(self._words[one][0] for one in others):
                yield at, _PART_OF_A_NAME

    def _party(self, at: int) -> ListedParty:
        return _party(self._tables.packed[self._parties[at]])

    def _readings(self, stated: str, threshold: float) -> Iterator[_Asked]:
        """A name in each way in which it is read; what may be Chinese in Cyrillic letters also as that."""
        for name in reading.names_in(stated):
            made = names.all_words(name)
            if made:
                yield self._reading(name, made, threshold, has_han=han.has_han(name))
            if chinese := palladius.pinyin(name):
                yield self._reading(name, chinese, threshold, has_han=True)
            for otherwise in reading.otherwise(made):
                yield self._reading(name, otherwise, threshold, has_han=False)

    def _reading(
        self, stated: str, made: tuple[str, ...], threshold: float, *, has_han: bool, is_text: bool = False
    ) -> _Asked:
        pairs = (
            () if is_text else ((at, one + other) for at, (one, other) in enumerate(itertools.pairwise(made)))
        )
        words = [self._alike(word, has_han, threshold) for word in made]
        read_as_one = cache(lambda: frozenset().union(*map(self._read_as_one, words)))
        joined = [
            (at, self._alike(pair, has_han, threshold))
            for at, pair in pairs
            if self._may_matter(skeleton(pair), at, words, read_as_one, threshold)
        ]
        return _Asked(stated, has_han, is_text, words, joined, _best((*words, *(one for _, one in joined))))

    def _may_matter(
        self,
        sound: str,
        place: int,
        words: Sequence[_Alike],
        read_as_one: Callable[[], frozenset[int]],
        threshold: float,
    ) -> bool:
        """Whether two stated words as one, which sound so, may make a hit: most never do.

        It would be a name with a word of that sound. What the two as one are like is not known yet.

        `read_as_one`: the names that have two words that sound as one like a stated word.
        """
        sounding = self._sounding.at(sound)
        if not sounding or threshold < LEAST_THRESHOLD:
            return bool(sounding)
        others = [*words[:place], *words[place + 2 :]]
        enough = self._enough(threshold)
        heaviest = enough.heaviest(sum(one.most for one in others) + MOST_SIMILAR * self._heaviest)
        best = _best(others)
        return any(
            at in read_as_one()
            or (self._totals[at] <= heaviest and self._may_be_enough(at, others, best, enough))
            for at in {at for word in sounding for at in self._having[word]}
        )

    def _may_be_enough(
        self, at: int, others: Sequence[_Alike], best: Mapping[int, float], enough: _Enough
    ) -> bool:
        """Whether a name may be a hit with these words and one more, whatever that one is like."""
        made, total = self._names[at], self._totals[at]
        covered = sum(self._weights[word] * best[word] for word in made if word in best)
        # One word covers one word at the most.
        covered += MOST_SIMILAR * max(self._weights[word] for word in made)
        if not enough.is_reached(covered, total, ()):
            return False
        if enough.is_reached_beside(covered, total):
            return True
        unlike = [one.beside for one in others if one.similar.keys().isdisjoint(made)]
        return enough.is_reached(covered, total, unlike)

    def _find_word(self, word: str, pinyin: bool, threshold: float) -> _Alike:  # noqa: FBT001
        """The listed words that a stated word is like, whatever names have them."""
        heard = hear(word)
        alike = None if pinyin else self._stated_by_tables(word)
        if alike is None:
            alike = tables.alike(heard, self._near, self._heard, pinyin=pinyin)
        similar = {at: _SIMILARITY[now] for at, now in alike.items()}
        told = {at for one, now in similar.items() for at in self._told_by(one, now, threshold)}
        weight = self._weight(word)
        return _Alike(
            heard,
            weight,
            min(weight, self._rarest / 2),
            similar,
            max((now * self._weights[at] for at, now in similar.items()), default=0.0),
            array("I", sorted(told, key=self._totals.__getitem__)),
            self._joined_like(heard.skeleton),
            sum(len(self._having[at]) for at in similar),
        )

    def _stated_by_tables(self, word: str) -> dict[int, Likeness] | None:
        """What the tables state that a word is like; None if they do not."""
        at = next((at for at in self._near.at(word) if self._words[at] == word), None)
        if at is None or not (numbers := self._alike_words[at]):
            return None
        first = self._alike_words.first(at)
        return dict(zip(numbers, map(Likeness, self._tables.how[first : first + len(numbers)]), strict=True))

    def _told_by(self, word: int, similar: float, threshold: float) -> "array[int]":
        """The names that may be a hit if this telling word of them is covered so much, and no other one."""
        told = self._told[word]
        if threshold >= MOST_SIMILAR:
            return told
        lost = (MOST_SIMILAR - similar) * self._weights[word] * ROUNDED
        return told[bisect_left(told, lost / (MOST_SIMILAR - threshold), key=self._totals.__getitem__) :]

    def _joined_like(self, sound: str) -> dict[int, list[int]]:
        """Rows of two words that sound so as one, by the words of which they need any; the heaviest first."""
        found: dict[int, list[int]] = {}
        for row in sorted(self._joined.rows(sound), key=self._joined_totals.__getitem__, reverse=True):
            for needed in self._joined_needed[row]:
                found.setdefault(needed, []).append(row)
        return found

    def _read_as_one(self, alike: _Alike) -> frozenset[int]:
        """The names that have two words that sound as one like this one."""
        if alike.read_as_one is None:
            rows = itertools.chain.from_iterable(alike.as_one.values())
            alike.read_as_one = frozenset(self._names.place(self._joined.place(row))[0] for row in rows)
        return alike.read_as_one

    def _candidates(self, asked: _Asked, threshold: float) -> Iterable[int]:
        """The names that may be hits."""
        if threshold < LEAST_THRESHOLD:
            return range(len(self))
        found = set(self._equal.at(tables.whole(one.heard.word for one in asked.words)))
        if threshold <= MOST_SIMILAR:  # only equal names score more
            enough = self._enough(threshold)
            found.update(self._met(asked, enough), self._met_as_one(asked, enough))
        if asked.has_han and not asked.is_text and han.is_name(asked.text):
            found.update(self._read_alike.at(tables.reading(asked.text)))
        return found

    def _met(self, asked: _Asked, enough: _Enough) -> Iterator[int]:
        """The names of which words that are like the stated ones may cover enough."""
        most, weights, totals, best = asked.most, self._weights, self._totals, asked.best
        heaviest = most / (enough.threshold * ROUNDED)
        met: set[int] = set()
        for one in (*asked.words, *(one for _, one in asked.joined)):
            met.update(one.told[: bisect_right(one.told, heaviest, key=totals.__getitem__)])
        if most >= enough.telling * ROUNDED:
            met |= self._parts(asked)
        for at in met:
            made = self._names[at]
            covered = sum(best[word] * weights[word] for word in made if word in best)
            total = totals[at]
            if enough.is_reached(covered, total, ()) and (
                enough.is_reached_beside(covered, total)
                or enough.is_reached(covered, total, asked.unlike(made))
            ):
                yield at

    def _met_as_one(self, asked: _Asked, enough: _Enough) -> Iterator[int]:
        """The names of which enough may be covered if two of their words are read as one."""
        unlike = asked.unlike(())
        whole = enough.lightest_beside(sum(unlike) - max(unlike, default=0.0))
        for one in asked.words:
            for needed in one.as_one.keys() & asked.best.keys():
                lightest = enough.lightest((MOST_SIMILAR - asked.best[needed]) * self._weights[needed])
                yield from self._met_rows(asked, enough, one, self._heavier(one, needed, lightest))
            yield from self._met_rows(asked, enough, one, self._heavier(one, NONE_NEEDED, 0.0))
            yield from self._met_rows(asked, enough, one, self._heavier(one, WHOLE_NAME, whole))

    def _heavier(self, alike: _Alike, needed: int, lightest: float) -> Iterator[int]:
        """Rows of two words that sound so, of names that weigh so much at the least."""
        totals = self._joined_totals
        return itertools.takewhile(lambda row: totals[row] >= lightest, alike.as_one.get(needed, ()))

    def _met_rows(
        self, asked: _Asked, enough: _Enough, sounding: _Alike, rows: Iterable[int]
    ) -> Iterator[int]:
        """The names of rows of two words that sound as one like a stated one."""
        for row in rows:
            at, place = self._names.place(self._joined.place(row))
            made = self._names[at]
            others = made[:place] + made[place + 2 :]
            total = self._joined_totals[row]
            weight = total - sum(self._weights[one] for one in others)
            covered = sum(self._weights[one] * asked.best.get(one, 0.0) for one in others)
            if not enough.is_reached(covered + MOST_SIMILAR * weight, total, ()):
                continue
            unlike = asked.unlike(others)
            most = max(unlike, default=0.0)  # one of them may be like the two words
            beside = [sum(unlike) - most] if len(unlike) > 1 else []
            most_covered = covered + MOST_SIMILAR * weight
            if not (
                enough.is_reached_beside(most_covered, total)
                or enough.is_reached(most_covered, total, beside)
            ):
                continue
            text = self._words[made[place]] + self._words[made[place + 1]]
            pinyin = asked.has_han or bool(self._tables.has_han[at])
            similar = max(
                _SIMILARITY[likeness(text, word, pinyin=pinyin)]
                for word in asked.may_be_like(text, sounding.heard)
            )
            covered += similar * weight
            if enough.is_reached_beside(covered, total) or enough.is_reached(
                covered, total, beside if similar else unlike
            ):
                yield at

    def _parts(self, asked: _Asked) -> set[int]:
        """The names that have a word like every stated one, of two words at the least."""
        found: set[int] = set()
        for way in asked.ways():
            if len(way) > 1:
                first, *others = sorted(way, key=lambda one: one.named)
                found.update(self._having_any(first).intersection(*map(self._having_any, others)))
        return found

    def _having_any(self, alike: _Alike) -> frozenset[int]:
        """The names that have a word like this one."""
        if alike.having is None:
            alike.having = frozenset(at for word in alike.similar for at in self._having[word])
        return alike.having

    def _score(self, asked: _Asked, at: int) -> float:
        """How much of the listed name is stated, less what the stated name has beside it."""
        made = self._names[at]
        has_han = bool(self._tables.has_han[at])
        if asked.has_han and has_han and not asked.is_text and han.is_name(asked.text):
            text = self._party(at).names[self._places[at]].text
            if han.is_name(text):
                return _BY_CHARACTERS[han.compare(asked.text, text)]
        words = [self._words[one] for one in made]
        if not asked.is_text and sorted(words) == sorted(one.heard.word for one in asked.words):
            return 1.0
        if self._tables.only_whole[at]:
            return 0.0
        pinyin = asked.has_han or has_han
        listed = list(self._listed_ways(asked, at, words))
        stated = [[*asked.words]]
        heard = {self._heard[one].skeleton for one in made}
        for place, one in asked.joined:
            if one.heard.skeleton in heard:
                stated.append([*asked.words[:place], one, *asked.words[place + 2 :]])
        align = self._inside if asked.is_text else self._aligned
        return max(align(one, other, pinyin=pinyin) for one in listed for other in stated)

    def _is_heard(self, asked: _Asked, at: int, threshold: float) -> bool:
        """Whether words with a skeleton in common, but for one sound, weigh enough of the listed name.

        What is like another word without that is no evidence by itself: words of other first sounds. If each
        stated word is heard, none is left that other words of the listed name could be like: what is heard
        must suffice for the threshold, or be rare enough for part of a name.
        """
        made = tuple(one.heard.word for one in asked.words)
        listed = tuple(self._words[one] for one in self._names[at])
        plain = [word for word in made if word not in names.PARTICLES]
        heard = _Sharing(plain, names.joined(made))
        weight, times, as_one = heard.weight(listed, self._weight)
        enough = _HEARD * self._totals[at] * ROUNDED
        if times < len(plain):
            return weight >= enough
        if as_one or len(plain) < len(made):  # a word and its particle may weigh more as one
            return weight >= enough * _PART
        weight += tables.PARTICLE * sum(word in names.PARTICLES for word in listed)
        telling = self._telling(threshold) / MOST_SIMILAR * ROUNDED
        whole = threshold / MOST_SIMILAR / _HEARD
        return weight >= enough * whole or (weight >= telling and weight >= enough * _PART)

    def _enough(self, threshold: float) -> _Enough:
        return _Enough(threshold, self._telling(threshold), self._distinct)

    def _telling(self, threshold: float) -> float:
        """The weight from which on part of a listed name suffices."""
        return TELLING * self._rarest if threshold <= _PART_OF_A_NAME else math.inf

    def _weight(self, word: str) -> float:
        """How much a word says: the rarer its sound is on the lists, the more."""
        return self._weigh(word, consonants(word))

    def _weigh(self, word: str, spoken: str) -> float:
        """The weight of a word with these consonants."""
        return tables.weight(word, self._tables.frequencies.get(spoken, 0), self._rarest)

    def _listed_ways(self, asked: _Asked, at: int, words: Sequence[str]) -> Iterator[list[_Word]]:
        """The words of a name, and with each two of them as one that sound like a stated word."""
        known = [_Word(one, self._words[one], self._weights[one]) for one in self._names[at]]
        yield known
        sounds = {one.heard.skeleton for one in asked.words}
        for place, (one, other) in enumerate(itertools.pairwise(words)):
            text = one + other
            if skeleton(text) in sounds:
                yield [*known[:place], _Word(-1, text, self._weight(text)), *known[place + 2 :]]

    def _aligned(self, listed: Sequence[_Word], stated: Sequence[_Alike], *, pinyin: bool) -> float:
        covered, left, whole = self._covered(listed, stated, pinyin=pinyin)
        total = sum(word.weight for word in listed)
        if not left:
            if len(stated) > 1 and covered >= TELLING * self._rarest and covered >= MOST * total:
                return max(covered / total, _PART_OF_A_NAME)
            return covered / total
        score = covered / (total + _EXTRA * sum(one.beside for one in left))
        if not whole or covered < self._distinct * ROUNDED:
            return score
        return max(score, self._inside(listed, stated, pinyin=pinyin, is_text=False))

    def _inside(
        self, listed: Sequence[_Word], stated: Sequence[_Alike], *, pinyin: bool, is_text: bool = True
    ) -> float:
        """The score of a whole listed name among other words; 0.0 if it is not whole, or not distinct.

        In a text its words stand together.
        """
        telling = [word for word in listed if word.text not in names.PARTICLES]
        if len(telling) <= 1:
            return 0.0
        ways = [(_APART if is_text else _BESIDE, self._together(listed, stated, pinyin=pinyin))]
        if not is_text and min(len(word.text) for word in telling) >= _APART_FROM:
            ways.append((_APART, _between_joining(stated)))
        total = sum(word.weight for word in listed)
        best = 0.0
        for part, stretches in ways:
            for stretch in stretches:
                covered, _, whole = self._covered(listed, stretch, pinyin=pinyin)
                if whole and covered >= self._distinct * ROUNDED:
                    best = max(best, covered / total * part)
        return best

    def _covered(
        self, listed: Sequence[_Word], stated: Sequence[_Alike], *, pinyin: bool
    ) -> tuple[float, list[_Alike], bool]:
        """How much of a listed name is stated, which words are beside it, and whether it is whole."""
        left = sorted(stated, key=lambda one: -one.weight)
        covered, whole = 0.0, True
        for word in sorted(listed, key=lambda one: -one.weight):
            similar, at = 0.0, 0
            for place, one in enumerate(left):
                if (now := self._similar(word, one, pinyin=pinyin)) > similar:
                    similar, at = now, place
            if similar:
                covered += word.weight * similar
                del left[at]
            whole &= similar >= _TYPED or word.text in names.PARTICLES
        return covered, left, whole

    def _together(
        self, listed: Sequence[_Word], stated: Sequence[_Alike], *, pinyin: bool
    ) -> Iterator[list[_Alike]]:
        """The stated words that stand together and are all like words of a name, or say nothing."""

        def belongs(one: _Alike) -> bool:
            return one.heard.word in names.PARTICLES or any(
                self._similar(word, one, pinyin=pinyin) >= _TYPED for word in listed
            )

        return ([*stretch] for belong, stretch in itertools.groupby(stated, belongs) if belong)

    def _similar(self, listed: _Word, stated: _Alike, *, pinyin: bool) -> float:
        if listed.number < 0 or pinyin:
            return _SIMILARITY[likeness(listed.text, stated.heard.word, pinyin=pinyin)]
        return stated.similar.get(listed.number, 0.0)


def most_similar(hits: Iterable[ScreeningHit]) -> Sequence[ScreeningHit]:
    """Each party once, by its best hit; the most similar first."""
    best: dict[str, ScreeningHit] = {}
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.party.id)):
        best.setdefault(hit.party.id, hit)
    return tuple(best.values())


def _best(words: Iterable[_Alike]) -> dict[int, float]:
    """How similar each listed word is to one of these."""
    best: dict[int, float] = {}
    for one in words:
        for word, similar in one.similar.items():
            if similar > best.get(word, 0.0):
                best[word] = similar
    return best


def _between_joining(stated: Sequence[_Alike]) -> Iterator[list[_Alike]]:
    """The stated words without those that join two names, which do not stand in between one."""
    stretches = itertools.groupby(stated, lambda one: one.heard.word in reading.JOINING)
    return ([*stretch] for joins, stretch in stretches if not joins)


class _Groups:
    """Numbers in groups, read in place."""

    def __init__(self, made: Groups) -> None:
        self._starts = array("I", made.starts)
        self._numbers = array("I", made.numbers)

    def __getitem__(self, at: int) -> "array[int]":
        return self._numbers[self._starts[at] : self._starts[at + 1]]

    def first(self, at: int) -> int:
        """The place of the first number of a group among all of them."""
        return self._starts[at]

    def place(self, row: int) -> tuple[int, int]:
        """The group that has the number at a place among all of them, and where in the group."""
        at = bisect_right(self._starts, row) - 1
        return at, row - self._starts[at]
