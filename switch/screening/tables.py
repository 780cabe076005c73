"""The tables of an index: everything that is computed from the lists, in a few flat arrays.

To make them takes seconds of the processor for the largest lists, to load them a hundredth of that. So they
are made once, and every process that compares names loads the same ones. Nothing here waits or reads.
"""

import hashlib
import itertools
import math
import sys
import unicodedata
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Final

import msgspec

from adapters.romanisation import romanised
from switch.names import han
from switch.names import words as names
from switch.names.similarity import Heard, Likeness, consonants_of, hear_all, likenesses
from switch.screening.listed import ListedParty
from switch.screening.vocabulary import KeyTable, keys

MOST_SIMILAR: Final = 0.97
"""How much of its weight a listed word is covered at the most, unless the whole names are equal."""
LEAST_THRESHOLD: Final = 0.7
"""From this threshold on the tables have every name that may be a hit; below it all names are compared."""
ROUNDED: Final = 0.999_999
"""What is equal must not be less because it was added in another order."""
TELLING: Final = 1.2
"""Part of a name suffices if what is covered weighs so much more than a word that no listed name has, ..."""
MOST: Final = 0.55
"""... and so much of the name."""
NONE_NEEDED: Final = (1 << 32) - 1
WHOLE_NAME: Final = NONE_NEEDED - 1
_TOLD: Final = 1 - LEAST_THRESHOLD * ROUNDED / MOST_SIMILAR
"""A name of whose words as much is not covered is no hit."""
PARTICLE: Final = 0.2
FREQUENT: Final = 1_000
"""Words of which the tables state what they are like: names that people have have these words most often."""
_FEW_LETTERS: Final = 4
RUN_TOGETHER_FROM: Final = 8
"""Shorter names without spaces are words."""
_TURNED_UP_TO: Final = 4
"""Longer names are run together in the order of their words only."""


_SOURCES: Final = {
    "adapters": ("romanisation.py", "names.txt", "han.txt"),
    "switch.names": ("words.py", "han.py", "similarity.py", "sounds.txt"),
    "switch.screening": ("tables.py", "vocabulary.py", "listed.py", "making.py"),
}
"""Programs and tables of names that make the tables of an index."""


class Groups(msgspec.Struct, array_like=True, frozen=True):
    """Numbers in groups: where each group begins, and all numbers one after another."""

    starts: bytes
    numbers: bytes


class IndexTables(msgspec.Struct, array_like=True, frozen=True):
    """What is computed from the lists. Names have numbers in the order of the lists, words have their own."""

    words: str
    """The distinct words that are compared, with spaces between them."""
    sounds: str
    """The sounds of each, in the same form."""
    skeletons: str
    weights: bytes
    """Of words: the rarer the sound of a word is on the lists, the more it says."""
    frequencies: dict[str, int]
    """How many names have a word with these consonants."""
    names: Groups
    """The words of each name."""
    totals: bytes
    """The weight of each name."""
    has_han: bytes
    """Whether a name has Han characters: one byte each."""
    only_whole: bytes
    """Whether only an equal name is a hit: for low-quality aliases, and words of a few letters."""
    parties: bytes
    """Of each name: the party that has it."""
    told: Groups
    """By word: the names that are no hit unless a word as this one, or another such one, is stated."""
    having: Groups
    """By word: the names that have it. In both, the lightest names are first."""
    near: bytes
    """Words by the keys of their spelling and sound."""
    alike: Groups
    """By word: the words that it is like, for the words that most names have; others are looked up."""
    how: bytes
    """The likeness of each number of `alike`, one byte each."""
    sounding: bytes
    """Words by their skeletons."""
    joined: bytes
    """Places of words in `names` by the skeleton that the word makes with the next one."""
    joined_totals: bytes
    """Of each of these: the weight of the name if the two are one word."""
    joined_needed: Groups
    """Of each of these: other words of the name, which is no hit then if no word like any of them is stated;
    `NONE_NEEDED` if it may be one without them, `WHOLE_NAME` if there are none."""
    equal: bytes
    """Names by all of their words."""
    read_alike: bytes
    """Names in Han characters by how each character is read."""
    run_together: bytes
    """Names of several words by the skeleton of all of them as one word."""
    packed: list[msgspec.Raw]
    """The parties."""
    places: bytes
    """Of each name: its place among those of its party."""


@cache
def made_with() -> bytes:
    """A SHA-256 of everything that decides what tables are made of the same lists, and what they mean."""
    digest = hashlib.sha256(f"{unicodedata.unidata_version} {version('anyascii')} {sys.byteorder}".encode())
    for package, names_of in _SOURCES.items():
        for name in names_of:
            digest.update(files(package).joinpath(name).read_bytes())
    return digest.digest()


def make(parties: Iterable[ListedParty]) -> IndexTables:
    """The tables of these parties; takes seconds for the largest lists."""
    listed = list(parties)
    found = [
        (at, place, made)
        for at, party in enumerate(listed)
        for place, name in enumerate(party.names)
        if (made := names.words(name.text))
    ]
    known = [listed[at].names[place] for at, place, _ in found]
    single = dict.fromkeys(word for *_, made in found for word in made)
    pairs = (one + other for *_, made in found for one, other in itertools.pairwise(made))
    heard = hear_all((*single, *pairs))
    # Words that begin with the same sounds are compared up to there once.
    numbers = {word: at for at, word in enumerate(sorted(single, key=lambda word: heard[word].sounds))}
    of_names = [[numbers[word] for word in made] for *_, made in found]
    consonants = {word: consonants_of(word, heard[word].sounds) for word in numbers}
    # Once for a party, however many names it has: most wanted ones have dozens of much the same words.
    of_parties = {(at, consonants[word]) for at, _, made in found for word in made}
    frequencies = Counter(sound for _, sound in of_parties)
    rarest = rarity(len(found))
    weights = array("d", (weight(word, frequencies[consonants[word]], rarest) for word in numbers))
    totals = array("d", (sum(weights[word] for word in made) for made in of_names))
    only_whole = bytes(
        name.weak or (len(made) == 1 and len(made[0]) <= _FEW_LETTERS)
        for name, (*_, made) in zip(known, found, strict=True)
    )
    by_weight = sorted(range(len(found)), key=totals.__getitem__)
    compared = [at for at in by_weight if not only_whole[at]]
    starts = list(itertools.accumulate(map(len, of_names), initial=0))
    having = _by_word(((at, of_names[at]) for at in compared), len(numbers))
    near = KeyTable.made((key, at) for word, at in numbers.items() for key in keys(heard[word]))
    as_one = {
        starts[at] + place: (of_names[at], place, heard[one + other])
        for at in compared
        for place, (one, other) in enumerate(itertools.pairwise(found[at][2]))
    }
    joined = KeyTable.made((both.skeleton, row) for row, (*_, both) in as_one.items())
    read = [_as_one(*as_one[row], weights, frequencies, rarest) for row in KeyTable(joined)]
    alike = _alike_of_frequent(having, near, [heard[word] for word in numbers])
    as_words = [(at, word) for at in compared for word in run_together(found[at][2])]
    together = hear_all(word for _, word in as_words)
    return IndexTables(
        words=" ".join(numbers),
        sounds=" ".join(heard[word].sounds for word in numbers),
        skeletons=" ".join(heard[word].skeleton for word in numbers),
        weights=weights.tobytes(),
        frequencies=dict(frequencies),
        names=_groups(of_names),
        totals=totals.tobytes(),
        has_han=bytes(han.has_han(name.text) for name in known),
        only_whole=only_whole,
        parties=array("I", (at for at, *_ in found)).tobytes(),
        told=_by_word(
            ((at, _any_of(of_names[at], weights, _TOLD * totals[at])) for at in compared), len(numbers)
        ),
        having=having,
        near=near,
        alike=_groups([[*found] for found in alike]),
        how=bytes(itertools.chain.from_iterable(found.values() for found in alike)),
        sounding=KeyTable.made((heard[word].skeleton, at) for word, at in numbers.items()),
        joined=joined,
        joined_totals=array("d", (total for total, _ in read)).tobytes(),
        joined_needed=_groups([needed for _, needed in read]),
        equal=KeyTable.made((whole(made), at) for at, (*_, made) in enumerate(found)),
        read_alike=KeyTable.made(
            (reading(name.text), at) for at, name in enumerate(known) if han.is_name(name.text)
        ),
        run_together=KeyTable.made((together[word].skeleton, at) for at, word in as_words),
        packed=[msgspec.Raw(msgspec.msgpack.encode(party)) for party in listed],
        places=array("I", (place for _, place, _ in found)).tobytes(),
    )


def alike(word: Heard, near: KeyTable, listed: Sequence[Heard], *, pinyin: bool) -> dict[int, Likeness]:
    """The listed words that a word is like, by their numbers."""
    numbers = sorted({at for key in keys(word) for at in near.at(key)})
    found = likenesses(word, [listed[at] for at in numbers], pinyin=pinyin)
    return {at: now for at, now in zip(numbers, found, strict=True) if now}


def _alike_of_frequent(having: Groups, near: bytes, listed: Sequence[Heard]) -> list[dict[int, Likeness]]:
    """What each word is like, of those that most names have; nothing for the others."""
    starts, table = array("I", having.starts), KeyTable(near)
    often = sorted(range(len(listed)), key=lambda at: starts[at] - starts[at + 1])[:FREQUENT]
    found: list[dict[int, Likeness]] = [{} for _ in listed]
    for at in often:
        found[at] = alike(listed[at], table, listed, pinyin=False)
    return found


_decoder: Final = msgspec.msgpack.Decoder(IndexTables)


class DamagedTables(Exception):
    """Not what `pack` packed."""


def pack(made: IndexTables) -> bytes:
    """Tables in zlib format."""
    return zlib.compress(msgspec.msgpack.encode(made), level=1)


def unpack(packed: bytes) -> IndexTables:
    """Tables that `pack` packed.

    Raises:
        DamagedTables: they are not as they were.

    """
    try:
        return _decoder.decode(zlib.decompress(packed))
    except (zlib.error, msgspec.DecodeError) as error:
        raise DamagedTables from error


def rarity(names_listed: int) -> float:
    """What a word says that no listed name has."""
    return math.log(1 + names_listed)


def weight(word: str, frequency: int, rarest: float) -> float:
    """How much a word says: the rarer its sound is on the lists, the more.

    `frequency`: how many parties have a name with a word of its consonants.
    """
    if word in names.PARTICLES:
        return PARTICLE
    return max(1.0, rarest - math.log(1 + frequency))


def whole(made: Iterable[str]) -> str:
    """A key of a name that is equal to another one but for the order of its words."""
    return " ".join(sorted(made))


def run_together(made: Sequence[str]) -> Iterator[str]:
    """A name of several words as one word, also with other words first: lists have last names first."""
    if len(made) > 1 and sum(map(len, made)) >= RUN_TOGETHER_FROM:
        for first in range(len(made) if len(made) <= _TURNED_UP_TO else 1):
            yield "".join((*made[first:], *made[:first]))


def reading(name: str) -> str:
    """A key of a name in Han characters: names that are alike have characters that are read alike."""
    return " ".join(map(romanised, name.strip()))


def _as_one(  # noqa: PLR0917 - what the weight of a word depends on
    made: Sequence[int],
    place: int,
    both: Heard,
    weights: Sequence[float],
    frequencies: Mapping[str, int],
    rarest: float,
) -> tuple[float, list[int]]:
    """The weight of a name if two of its words are one, and the other ones of which it then needs any."""
    others = [*made[:place], *made[place + 2 :]]
    frequency = frequencies.get(consonants_of(both.word, both.sounds), 0)
    total = weight(both.word, frequency, rarest) + sum(weights[word] for word in others)
    if not others:
        return total, [WHOLE_NAME]
    least = min(LEAST_THRESHOLD * total, max(TELLING * rarest, MOST * total)) * ROUNDED
    needed = _any_of(others, weights, total - least / MOST_SIMILAR)
    return total, needed or [NONE_NEEDED]


def _any_of(made: Sequence[int], weights: Sequence[float], lost: float) -> list[int]:
    """The heaviest words of a name, which weigh more together than may be lost; none if all weigh no more.

    If no word like any of them is stated, the name is no hit.
    """
    told, found = 0.0, []
    for word in sorted(dict.fromkeys(made), key=lambda one: (-weights[one], one)):
        found.append(word)
        told += weights[word] * made.count(word)
        if told > lost:
            return found
    return []


def _by_word(rows: Iterable[tuple[int, Sequence[int]]], count: int) -> Groups:
    """Names by their words, in the order in which they come."""
    groups: list[list[int]] = [[] for _ in range(count)]
    for at, made in rows:
        for word in dict.fromkeys(made):
            groups[word].append(at)
    return _groups(groups)


def _groups(groups: Sequence[Sequence[int]]) -> Groups:
    starts = array("I", itertools.accumulate(map(len, groups), initial=0))
    return Groups(starts.tobytes(), array("I", itertools.chain.from_iterable(groups)).tobytes())
