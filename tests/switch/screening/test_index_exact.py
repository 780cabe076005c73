"""An index finds what comparing a name with every entry finds: what it leaves out is never a hit."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.screening import made_up, payments
from switch.names.similarity import likeness
from switch.screening import index
from switch.screening.index import NameIndex, _all, _Asked
from switch.screening.listed import ListedKind, ListedName, ListedParty
from switch.screening.vocabulary import Vocabulary


class ExhaustiveIndex(NameIndex):
    """Looks at every entry, and scores each that shares enough; of a name in Han characters, each that shares a key."""

    def _met_by_words(self, asked: _Asked, threshold: float):  # type: ignore[no-untyped-def]  # noqa: ARG002
        return range(len(self))

    def _met(self, asks, every):  # type: ignore[no-untyped-def]  # noqa: ARG002
        return sorted(_all(asks))

    def _likely(self, asked: _Asked, threshold: float):  # type: ignore[no-untyped-def]  # noqa: ARG002
        return lambda entry: True  # noqa: ARG005


WORDS = (
    *("muhammad", "ali", "khan", "usama", "osama", "bin", "laden", "binladen", "abd", "karim", "abdulkarim"),
    *(
        "zelkova",
        "zelkowa",
        "ombrane",
        "quillart",
        "quilart",
        "wang",
        "xiaoming",
        "王",
        "小明",
        "ivan",
        "petrov",
    ),
    *(
        "petrova",
        "al",
        "nur",
        "din",
        "nuruddin",
        "hussein",
        "hossein",
        "kvartsenko",
        "kvarcenko",
        "b",
        "trading",
    ),
)
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
LISTS = st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=25)
THRESHOLDS = st.sampled_from([0.7, 0.75, 0.85, 0.86, 0.9, 0.97, 0.98, 1.0])


@given(LISTS, st.lists(NAMES, min_size=1, max_size=8), THRESHOLDS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_is_left_out_is_never_a_hit(
    listed: list[list[str]], asked: list[str], threshold: float, weak: bool
) -> None:
    parties = [
        ListedParty(
            str(at),
            ListedKind.PERSON,
            [ListedName(name, weak=weak and not place) for place, name in enumerate(known)],
        )
        for at, known in enumerate(listed)
    ]
    quick, whole = NameIndex(parties), ExhaustiveIndex(parties)

    for name in asked:
        assert quick.search(name, threshold=threshold) == whole.search(name, threshold=threshold), name


@pytest.mark.long
def test_the_names_of_common_people_have_the_same_hits_in_a_large_list() -> None:
    parties = list(made_up(3_000))
    quick, whole = NameIndex(parties), ExhaustiveIndex(parties)
    listed = [party.names[0].text for party in parties[::40]]
    found = 0
    for name in [*listed, *(name for pair in payments(100) for name in pair)]:
        for threshold in (0.75, index.THRESHOLD):
            hits = quick.search(name, threshold=threshold)
            assert hits == whole.search(name, threshold=threshold), name
            found += len(hits)
    assert found > len(listed)


@pytest.mark.parametrize("threshold", [0.7, 0.85, 1.0])
def test_what_a_candidate_needs_is_a_bound_of_every_rule(threshold: float) -> None:
    """Entries are in the order of what they need, so that a posting may be read up to a place."""
    found = NameIndex(made_up(500))

    assert list(found._need) == sorted(found._need)
    whole = threshold / 0.97 / index._CANDIDATE
    for entry in found._entries:
        least = min(entry.least * index._PART, entry.least * whole - entry.particles, entry.least)
        assert entry.need <= least or math.isclose(entry.need, least)


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def changed(word: str, chance: random.Random) -> str:
    """A word with one or two letters that are other ones, left out, put in or swapped."""
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(word))
        ways = (
            word[:at] + word[at + 1 :],
            word[:at] + chance.choice(LETTERS) + word[at:],
            word[:at] + chance.choice(LETTERS) + word[at + 1 :],
            word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        )
        word = chance.choice(ways) or word
    return word


def test_no_word_that_is_like_another_is_missing_among_those_that_are_near() -> None:
    chance = random.Random(19)
    known = sorted({word for party in made_up(400) for name in party.names for word in name.text.split()})
    known += ["".join(chance.choices(LETTERS, k=chance.randrange(1, 9))) for _ in range(1500)]
    pairs = [(word, changed(word, chance)) for word in known for _ in range(12)]
    vocabulary = Vocabulary(word for word, _ in pairs)
    alike = [(one, other) for one, other in pairs if likeness(one, other)]

    assert len(alike) > 3_000
    assert [(one, other) for one, other in alike if one not in vocabulary.near(other)] == []
